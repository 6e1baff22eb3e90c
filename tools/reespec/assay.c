// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec assay: measure one sample and show what is in it. */
#include "reespec/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reespec/instruments.h"
#include "reespec/json_out.h"
#include "reespec/keys.h"
#include "reespec/print.h"
#include "reespec/progress.h"
#include "reespec/record_text.h"
#include "reespec/records.h"
#include "reespec/result.h"
#include "reespec/series.h"

/* How often the running assay is looked at. */
#define POLL_MS 500

static const struct option_desc options[] = {
	{ "method", 'm', "METHOD", "method to measure by (required)" },
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
	{ NULL, 0, NULL, NULL },
};

struct run {
	const struct args *args;
	struct client *client;
	struct progress progress;
	struct known known;
	char path[256];
	bool is_gone;
	bool is_queued;
	/* Of AssayFinished: its object may be gone by then. */
	uint64_t seq;
	char verdict[32];
	unsigned int n_interrupts;
	bool is_interrupted;
};

static int add_number(json_t *to, const struct args *args, const char *option,
		      const char *key, double min, double max)
{
	double value = 0;
	int r;

	if (!args_has(args, option))
		return REESPEC_OK;
	r = args_number(args, option, min, max, &value);
	if (!r)
		js_set_real(to, key, value);
	return r;
}

static int collect_options(const struct args *args, json_t *to)
{
	int r;

	js_set_str(to, "method", args_get(args, "method"));
	if (args_has(args, "kind"))
		js_set_str(to, "kind", args_get(args, "kind"));
	r = keys_add(to, args);
	if (!r)
		r = add_number(to, args, "live", "live", 0.1, 1e6);
	if (!r)
		r = add_number(to, args, "real", "real", 0.1, 1e6);
	if (!r)
		r = add_number(to, args, "counts", "counts", 1, UINT32_MAX);
	if (!r)
		r = add_number(to, args, "interval", "interval", 0.1, 60);
	if (!r)
		r = add_number(to, args, "tube-ua", "tube_ua", 0.001, 1e5);
	if (!r)
		r = add_number(to, args, "patience", "patience", 1, 86400);
	if (args_has(args, "queue"))
		js_set_bool(to, "queue", true);
	if (args_has(args, "until"))
		js_set_str(to, "until", args_get(args, "until"));
	if (args_has(args, "decide"))
		js_set_bool(to, "decide", true);
	if (args_has(args, "wait"))
		js_set_bool(to, "wait", true);
	if (args_has(args, "detach"))
		js_set_bool(to, "detach", true);
	return r;
}

static int measure(struct run *run, const char *spectrometer,
		   json_t *options_json)
{
	CLEANUP(js_freep) json_t *reply = NULL;
	const struct client_call call = {
		.path = spectrometer,
		.interface = CLIENT_SPECTROMETER,
		.member = "Measure",
		.types = "so",
		.texts = { run->args->operands[0] },
		.options = options_json,
		/* An administrator may have to type a password. */
		.timeout_s = 120,
	};
	const char *path = "";
	int r;

	r = client_call(run->client, &call, &reply, NULL);
	if (r)
		return r;
	js_str_value(js_at(reply, 0), &path, NULL);
	snprintf(run->path, sizeof(run->path), "%s", path);
	return REESPEC_OK;
}

static void on_finished(void *userdata, const char *path, json_t *arguments)
{
	struct run *run = userdata;
	const char *assay = "";
	const char *verdict = "";
	const char *seq = "0";

	(void)path;
	js_str_value(js_at(arguments, 0), &assay, NULL);
	js_str_value(js_at(arguments, 2), &verdict, NULL);
	js_str_value(js_at(arguments, 3), &seq, NULL);
	if (strcmp(assay, run->path))
		return;
	run->seq = strtoull(seq, NULL, 10);
	snprintf(run->verdict, sizeof(run->verdict), "%s", verdict);
}

static void on_owner(void *userdata, const char *path, json_t *arguments)
{
	struct run *run = userdata;
	const char *owner = "";

	(void)path;
	js_str_value(js_at(arguments, 2), &owner, NULL);
	if (!*owner)
		run->is_gone = true;
}

/* The first interrupt asks for a result now, the second for none; so does the
 * first where nothing was counted. */
static int on_interrupt(struct run *run, bool is_termination)
{
	struct client_call call = {
		.path = run->path,
		.interface = CLIENT_ASSAY,
		.member = "Finish",
	};

	progress_end(&run->progress);
	run->is_interrupted = true;
	if (is_termination || run->is_queued || ++run->n_interrupts > 1) {
		call.member = "Cancel";
		call.types = "s";
		call.texts[0] = is_termination ? "reespec was terminated"
					       : "cancelled by the operator";
		fputs("reespec assay: cancelling\n", stderr);
	} else {
		fputs("reespec assay: finishing with what was counted (Ctrl-C again cancels)\n",
		      stderr);
	}
	return client_call(run->client, &call, NULL, NULL);
}

/* Shows the assay as it stands. One that has ended may be gone, and a signal
 * may cut the call: what ends the wait is heard of otherwise. */
static void show(struct run *run)
{
	CLEANUP(js_freep) json_t *assay = NULL;
	const char *state = "";
	int r;

	client_be_quiet(run->client, true);
	r = client_properties(run->client, run->path, CLIENT_ASSAY, &assay);
	client_be_quiet(run->client, false);
	if (r || run->seq)
		return;
	progress_show(&run->progress, assay);
	js_get_str(assay, "State", &state);
	run->is_queued = !strcmp(state, "queued");
}

/* Waits until the daemon announces the result. */
static int watch(struct run *run)
{
	enum client_event event;
	int r;

	while (!run->seq) {
		if (run->is_gone)
			return fail(
				run->args, REESPEC_FAILED,
				"reespecd has ended; what it had announced is in the ledger");
		show(run);
		/* A lost daemon shows in the owner of its name at once. */
		r = client_wait(run->client, POLL_MS, &event);
		if (!r &&
		    (event == CLIENT_INTERRUPT || event == CLIENT_TERMINATE))
			r = on_interrupt(run, event == CLIENT_TERMINATE);
		if (r && !run->is_gone && !run->seq)
			return r;
	}
	return REESPEC_OK;
}

static int print_result(struct run *run, const struct record *record)
{
	if (run->args->is_json)
		json_out_body(record->chain.body, record->chain.body_len);
	else
		result_print(stdout, record->json, &run->known);
	return result_exit(run->args, record->json);
}

static int tell_end(struct run *run)
{
	CLEANUP(record_deinit) struct record record = { 0 };
	const char *error = "";
	int r;

	progress_end(&run->progress);
	r = records_get(run->client, run->args, run->seq, &record, NULL);
	if (r)
		return r;
	if (!run->args->is_json) {
		printf("%s%s%s by %s, record %" PRIu64 ", %s\n",
		       print_style(stdout, PRINT_BOLD), run->args->operands[0],
		       print_style(stdout, PRINT_PLAIN),
		       args_get(run->args, "method"), run->seq,
		       print_local_time(record.head.time).text);
		record_text_identity(stdout, record.json);
	}
	r = print_result(run, &record);
	if (!strcmp(run->verdict, "done"))
		return r;
	fflush(stdout);
	js_get_str(record.json, "why", &error);
	return fail(run->args, REESPEC_FAILED, "%s: %s%s%s",
		    run->args->operands[0], run->verdict, *error ? ": " : "",
		    error);
}

static int start(struct run *run)
{
	CLEANUP(js_freep) json_t *wanted = js_object();
	char spectrometer[256];
	int r;

	/* What is typed wrongly is said whether or not there is a bus. */
	r = collect_options(run->args, wanted);
	if (!r)
		r = known_load(run->args, args_get(run->args, "known"),
			       run->args->operands[0], &run->known);
	if (!r)
		r = progress_init(&run->progress, run->args);
	if (!r)
		r = client_open(&run->client, run->args);
	if (!r)
		r = client_catch_signals(run->client);
	if (!r)
		r = client_listen_owner(run->client, on_owner, run);
	if (!r)
		r = client_listen(run->client, CLIENT_MANAGER, "AssayFinished",
				  on_finished, run);
	if (!r)
		r = instruments_choose(run->client, run->args,
				       args_get(run->args, "device"),
				       spectrometer, sizeof(spectrometer));
	return r ? r : measure(run, spectrometer, wanted);
}

static void run_deinit(struct run *run)
{
	client_close(run->client);
}

/* An assay that was interrupted is the last of a series. */
static int run_one(const struct args *args, bool *ret_stop)
{
	CLEANUP(run_deinit) struct run run = { .args = args };
	int r;

	if (!args_has(args, "method"))
		return fail(args, REESPEC_USAGE, "--method METHOD is required");
	r = start(&run);
	if (r)
		return r;
	if (args_has(args, "detach")) {
		if (args->is_json)
			return json_out(args,
					js_pack("{s:s}", "assay", run.path));
		puts(run.path);
		return REESPEC_OK;
	}
	r = watch(&run);
	*ret_stop = run.is_interrupted || run.is_gone;
	if (r) {
		progress_end(&run.progress);
		return r;
	}
	return tell_end(&run);
}

static int run_assay(const struct args *args)
{
	const char *worklist = args_get(args, "worklist");
	bool is_stopped = false;

	if (worklist && args->n_operands)
		return fail(
			args, REESPEC_USAGE,
			"--worklist FILE names the samples: \"%s\" is one too many",
			args->operands[0]);
	if (worklist)
		return series_of_rows(args, worklist, run_one);
	if (!args->n_operands)
		return fail(args, REESPEC_USAGE,
			    "usage: reespec assay [OPTION...] SAMPLE");
	if (!strcmp(args->operands[0], "-"))
		return series_of_lines(args, run_one);
	return run_one(args, &is_stopped);
}

const struct command command_assay = {
	.name = "assay",
	.operands = "[SAMPLE]",
	.summary = "measure a sample and show what is in it",
	.text = "Measures SAMPLE and prints its contents. Ctrl-C ends counting and assays\n"
		"what was counted; a second one cancels. An assay ends with this program\n"
		"unless --detach is given. Exit status 6 means that the method's limits\n"
		"rejected the result, or its rules fail the sample. With --json the body of\n"
		"the result record is printed.\n"
		"A SAMPLE \"-\" reads names from stdin, as a scanner types them, and assays\n"
		"each; so does --worklist with the rows of a file, but for those that are\n"
		"done already.",
	.n_max = 1,
	.options = options,
	.run = run_assay,
};
