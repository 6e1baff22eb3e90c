// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec show: one record of the ledger. */
#include "reespec/command.h"

#include <stdio.h>
#include <string.h>

#include "reespec/json_out.h"
#include "reespec/later.h"
#include "reespec/pager.h"
#include "reespec/print.h"
#include "reespec/record_text.h"
#include "reespec/records.h"
#include "reespec/result.h"

static const struct option_desc options[] = {
	{ "known", 0, "FILE", "compare with known contents (CSV)" },
	{ NULL, 0, NULL, NULL },
};

static int print_record(const struct args *args, const struct record *record)
{
	struct known known = { 0 };
	const char *sample = "";
	int r;

	js_get_str(record->json, "sample", &sample);
	r = known_load(args, args_get(args, "known"), sample, &known);
	if (r)
		return r;
	pager_start(args);
	record_text_print(stdout, record);
	later_print(stdout, record->json, RECORD_TEXT_COLUMN);
	if (record->head.kind == CHAIN_RESULT)
		result_print(stdout, record->json, &known);
	return REESPEC_OK;
}

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(record_deinit) struct record record = { 0 };
	unsigned long long seq = 0;
	int r;

	r = args_parse_count(args, "SEQ", args->operands[0], 1, UINT64_MAX,
			     &seq);
	if (r)
		return r;
	r = client_open(&c, args);
	if (r)
		return r;
	r = records_get(c, args, seq, &record, NULL);
	if (r)
		return r;
	if (args->is_json)
		return json_out_body(record.chain.body, record.chain.body_len);
	r = later_of(c, args, &record);
	return r ? r : print_record(args, &record);
}

const struct command command_show = {
	.name = "show",
	.operands = "SEQ",
	.summary = "show one record of the ledger",
	.text = "Shows record SEQ; a result with its table of contents, and what later records\n"
		"say of it. With --json the record's body is printed, byte for byte as it was\n"
		"hashed.",
	.n_min = 1,
	.n_max = 1,
	.options = options,
	.run = run,
};
