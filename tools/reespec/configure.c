// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec configure: settings of an instrument that measures nothing. */
#include "reespec/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reespec/client.h"
#include "reespec/instruments.h"
#include "reespec/json_out.h"
#include "reespec/keys.h"
#include "reespec/records.h"

static const struct option_desc options[] = {
	{ "reason", 0, "TEXT", "why, for the record (required)" },
	{ "device", 'd', "SERIAL", "spectrometer, when there are several" },
	{ NULL, 0, NULL, NULL },
};

/* What the instrument answered is in the record. */
static int tell(struct client *c, const struct args *args, const char *number)
{
	CLEANUP(record_deinit) struct record record = { 0 };
	int r;

	r = records_get(c, args, strtoull(number, NULL, 10), &record, NULL);
	if (r)
		return r;
	if (args->is_json)
		return json_out_body(record.chain.body, record.chain.body_len);
	printf("configured  %s by record %s: it has", record.head.serial,
	       number);
	/* "A=1;B=2;" as they were typed. */
	for (const char *s = js_text(record.json, "read_back"); *s;) {
		const size_t len = strcspn(s, ";");

		printf(" %.*s", (int)len, s);
		s += len + (s[len] == ';');
	}
	putchar('\n');
	return REESPEC_OK;
}

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(js_freep) json_t *settings = js_object();
	CLEANUP(js_freep) json_t *reply = NULL;
	char path[256];
	const struct client_call call = {
		.path = path,
		.interface = CLIENT_SPECTROMETER,
		.member = "Configure",
		.types = "os",
		.texts = { args_get(args, "reason") },
		.options = settings,
		.timeout_s = CLIENT_PASSWORD_S,
	};
	const char *number = "";
	int r;

	r = args_require(args, "reason");
	for (unsigned int i = 0; i < args->n_operands && !r; i++)
		r = keys_add_word(settings, args, "", args->operands[i]);
	if (!r)
		r = client_open(&c, args);
	if (!r)
		r = instruments_choose(c, args, args_get(args, "device"), path,
				       sizeof(path));
	if (!r)
		r = client_call(c, &call, &reply, NULL);
	if (r)
		return r;
	js_str_value(js_at(reply, 0), &number, NULL);
	return tell(c, args, number);
}

const struct command command_configure = {
	.name = "configure",
	.operands = "NAME=TEXT...",
	.summary = "send settings to a spectrometer that measures nothing",
	.text = "Sends commands of the spectrometer, as HVSE=OFF before its window is opened,\n"
		"reads them back, and makes a record of them. They are not saved in it. An assay\n"
		"sends those of its method; what that has not, as HVSE, stays as it was left:\n"
		"switch it on again. Administrators only.",
	.n_min = 1,
	.n_max = ARGS_OPERANDS_MAX,
	.options = options,
	.run = run,
};
