// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec amend: say what should have been said of a sample. */
#include "reespec/command.h"

#include <stdio.h>

#include "reespec/client.h"
#include "reespec/json_out.h"
#include "reespec/keys.h"

static const struct option_desc options[] = {
	{ "sample", 0, "NAME", "the sample's right name" },
	{ "kind", 0, "sample|blank|crm|duplicate|drift", "what it was" },
	{ "key", 0, "NAME=TEXT", "record this of the sample; repeatable" },
	{ "reason", 0, "TEXT", "why, for the record (required)" },
	{ NULL, 0, NULL, NULL },
};

static int collect(const struct args *args, json_t *to)
{
	int e = 0;

	if (args_has(args, "sample"))
		e |= js_set_str(to, "sample", args_get(args, "sample"));
	if (args_has(args, "kind"))
		e |= js_set_str(to, "kind", args_get(args, "kind"));
	if (e < 0)
		return fail(args, REESPEC_USAGE,
			    "--sample or --kind: the text is not UTF-8");
	return keys_add(to, args);
}

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(js_freep) json_t *fields = js_object();
	CLEANUP(js_freep) json_t *reply = NULL;
	struct client_call call = {
		.path = CLIENT_ROOT,
		.interface = CLIENT_LEDGER,
		.member = "Amend",
		.types = "tos",
		.texts = { args_get(args, "reason") },
		.options = fields,
		.timeout_s = CLIENT_PASSWORD_S,
	};
	unsigned long long seq = 0;
	const char *number = "";
	int r;

	r = args_require(args, "reason");
	if (!r)
		r = args_parse_count(args, "SEQ", args->operands[0], 1,
				     UINT64_MAX, &seq);
	if (!r)
		r = collect(args, fields);
	if (!r && !js_len(fields))
		return fail(args, REESPEC_USAGE,
			    "one of --sample, --kind and --key is required");
	call.numbers[0] = seq;
	if (!r)
		r = client_open(&c, args);
	if (!r)
		r = client_call(c, &call, &reply, NULL);
	if (r)
		return r;
	js_str_value(js_at(reply, 0), &number, NULL);
	if (args->is_json)
		return json_out(args, "reespec-amend/1",
				js_pack("{s:o, s:s}", "record", js_u64(seq),
					"amendment", number));
	printf("amended  record %llu by record %s\n", seq, number);
	return REESPEC_OK;
}

const struct command command_amend = {
	.name = "amend",
	.operands = "SEQ",
	.summary = "say what should have been said of a sample",
	.text = "Makes a record that names assay or result SEQ and says what is right of its\n"
		"sample. The old record stays as it is. You are asked for your password.",
	.n_min = 1,
	.n_max = 1,
	.options = options,
	.run = run,
};
