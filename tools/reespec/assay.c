// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec assay: measure one sample and show what is in it. */
#include "reespec/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "reespec/counting.h"
#include "reespec/json_out.h"
#include "reespec/pager.h"
#include "reespec/print.h"
#include "reespec/record_text.h"
#include "reespec/records.h"
#include "reespec/result.h"
#include "reespec/series.h"

static const struct option_desc options[] = {
	{ "method", 'm', "METHOD",
	  "method to measure by, see reespec method (required)" },
	{ "kind", 0, "sample|blank|crm|duplicate|drift", "what the sample is" },
	{ "key", 0, "NAME=TEXT", "record this of the sample; repeatable" },
	{ "live", 0, "SECONDS", "count for this live time" },
	{ "real", 0, "SECONDS", "count for this real time at most" },
	{ "counts", 0, "NUMBER", "count until the spectrum holds so many" },
	{ "until", 0, "EL=N%", "count until u of element EL is N % of it" },
	{ "decide", 0, NULL, "count until the method's rules are decided" },
	{ "interval", 0, "SECONDS", "time between readings" },
	{ "tube-ua", 0, "MICROAMPS", "current of the tube, as you set it" },
	{ "device", 'd', "SERIAL", "spectrometer, when there are several" },
	{ "wait", 'w', NULL, "wait until the detector is cold" },
	{ "queue", 'q', NULL, "wait behind the assays that are there already" },
	{ "patience", 0, "SECONDS",
	  "so long when queued for an absent device" },
	{ "detach", 0, NULL, "start it and return" },
	{ "known", 0, "FILE", "compare with known contents (CSV)" },
	{ "progress", 0, "bar|lines|none", "default: bar on a terminal" },
	{ "worklist", 0, "FILE", "assay each row of this CSV in turn" },
	{ "again", 0, "rejected|earlier|all", "of it also rows that are done" },
	{ NULL, 0, NULL, NULL },
};

static void print_result(const struct counting *c, const struct record *record,
			 const struct known *known)
{
	if (c->args->is_json)
		json_out_body(record->chain.body, record->chain.body_len);
	else
		result_print(stdout, record->json, known);
}

/* A series goes on; a page that waits for a key would stop it. */
static int tell_end(const struct counting *c, const struct known *known,
		    bool is_of_series)
{
	CLEANUP(record_deinit) struct record record = { 0 };
	const char *error = "";
	int r;

	r = records_get(c->client, c->args, c->seq, &record, NULL);
	if (r)
		return r;
	if (!c->args->is_json && !is_of_series)
		pager_start(c->args);
	if (!c->args->is_json) {
		printf("%s%s%s by %s, record %" PRIu64 ", %s\n",
		       print_style(stdout, PRINT_BOLD), c->sample,
		       print_style(stdout, PRINT_PLAIN),
		       args_get(c->args, "method"), c->seq,
		       print_local_time(record.head.time).text);
		record_text_identity(stdout, record.json);
	}
	print_result(c, &record, known);
	if (!strcmp(c->verdict, "done"))
		return result_exit(c->args, record.json);
	fflush(stdout);
	js_get_str(record.json, "why", &error);
	return fail(c->args, REESPEC_FAILED, "%s: %s%s%s", c->sample,
		    c->verdict, *error ? ": " : "", error);
}

/* An assay that was interrupted is the last of a series. */
static int measure(const struct args *args, bool is_of_series, bool *ret_stop)
{
	CLEANUP(counting_deinit)
	struct counting c = { .args = args, .sample = args->operands[0] };
	struct known known;
	int r;

	r = args_require(args, "method");
	if (!r)
		r = known_load(args, args_get(args, "known"), c.sample, &known);
	if (!r)
		r = counting_start(&c);
	if (r)
		return r;
	if (args_has(args, "detach")) {
		if (args->is_json)
			return json_out(args, "reespec-assay-detach/1",
					js_pack("{s:s}", "assay", c.path));
		puts(c.path);
		return REESPEC_OK;
	}
	r = counting_watch(&c);
	*ret_stop = c.is_interrupted || c.is_gone;
	return r ? r : tell_end(&c, &known, is_of_series);
}

static int run_one(const struct args *args, bool *ret_stop)
{
	return measure(args, true, ret_stop);
}

static int run_assay(const struct args *args)
{
	const char *worklist = args_get(args, "worklist");
	bool is_stopped = false;

	if (args_has(args, "patience") && !args_has(args, "queue"))
		return fail(args, REESPEC_USAGE,
			    "--patience is how long --queue waits: give both");
	if (args_has(args, "again") && !worklist)
		return fail(
			args, REESPEC_USAGE,
			"--again is about rows of a file: give --worklist FILE, too");
	if (worklist && args->n_operands)
		return fail(
			args, REESPEC_USAGE,
			"--worklist FILE names the samples: \"%s\" is one too many",
			args->operands[0]);
	if (worklist)
		return series_of_rows(args, worklist, run_one);
	if (!args->n_operands)
		return fail(
			args, REESPEC_USAGE,
			"no sample is named (usage: reespec assay [OPTION...] SAMPLE)");
	if (!strcmp(args->operands[0], "-"))
		return series_of_lines(args, run_one);
	return measure(args, false, &is_stopped);
}

const struct command command_assay = {
	.name = "assay",
	.operands = "[SAMPLE]",
	.summary = "measure a sample and show what is in it",
	.text = "Measures SAMPLE and prints its contents. Ctrl-C ends counting after 2 s\n"
		"and assays what was counted; a second one before that cancels, and nothing\n"
		"is assayed. An assay ends with this program unless --detach is given. Exit\n"
		"status 6 means that the method's limits rejected the result, or its rules\n"
		"fail the sample. With --json the body of the result record is printed.\n"
		"A SAMPLE \"-\" reads names from stdin, as a scanner types them, and assays\n"
		"each; so does --worklist with the rows of a file, but for those that are\n"
		"done already. Before the first one all that is wrong with the file is said;\n"
		"a file that was corrected goes on with the rows that are not done.",
	.n_max = 1,
	.options = options,
	.run = run_assay,
};
