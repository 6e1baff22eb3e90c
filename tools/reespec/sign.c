// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec sign: put one's name to records. */
#include "reespec/command.h"

#include <stdio.h>

#include "reespec/client.h"
#include "reespec/json_out.h"

static const struct option_desc options[] = {
	{ "meaning", 0, "TEXT", "as reviewed or approved (required)" },
	{ NULL, 0, NULL, NULL },
};

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(js_freep) json_t *reply = NULL;
	struct client_call call = {
		.path = CLIENT_ROOT,
		.interface = CLIENT_LEDGER,
		.member = "Sign",
		.types = "tts",
		.texts = { args_get(args, "meaning") },
		.timeout_s = CLIENT_PASSWORD_S,
	};
	unsigned long long range[2] = { 0, 0 };
	const char *number = "";
	int r = args_require(args, "meaning");

	for (unsigned int i = 0; i < args->n_operands && !r; i++)
		r = args_parse_count(args, "SEQ", args->operands[i], 1,
				     UINT64_MAX, &range[i]);
	if (args->n_operands == 1)
		range[1] = range[0];
	if (!r && range[1] < range[0])
		return fail(args, REESPEC_USAGE, "%llu lies behind %llu",
			    range[0], range[1]);
	call.numbers[0] = range[0];
	call.numbers[1] = range[1];
	if (!r)
		r = client_open(&c, args);
	if (!r)
		r = client_call(c, &call, &reply, NULL);
	if (r)
		return r;
	js_str_value(js_at(reply, 0), &number, NULL);
	if (args->is_json)
		return json_out(args, "reespec-sign/1",
				js_pack("{s:o, s:o, s:s}", "first",
					js_u64(range[0]), "last",
					js_u64(range[1]), "signature", number));
	printf("signed   records %llu to %llu by record %s\n", range[0],
	       range[1], number);
	return REESPEC_OK;
}

const struct command command_sign = {
	.name = "sign",
	.operands = "SEQ [SEQ]",
	.summary = "put your name to records",
	.text = "Makes a record that says who signed record SEQ, or those from the first SEQ\n"
		"to the second, and what it means; it holds the hash of the last of them.\n"
		"You are asked for your password.",
	.n_min = 1,
	.n_max = 2,
	.options = options,
	.run = run,
};
