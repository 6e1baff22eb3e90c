// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reespec line: a belt of samples that strobes the instrument itself.
 *
 * Rows are ordered ahead of their strobes, each by the number of its strobe;
 * so the daemon, which counts the strobes, knows whose spectrum it has, and a
 * row has a result whatever becomes of it.
 */
#include "reespec/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reespec/client.h"
#include "reespec/counting.h"
#include "reespec/instruments.h"
#include "reespec/json_out.h"
#include "reespec/print.h"
#include "reespec/records.h"
#include "reespec/result.h"
#include "reespec/result_parts.h"
#include "reespec/worklist.h"

/* Orders ahead of the strobe that is waited for: below what one uid may. */
#define AHEAD 12

/* How often the line is looked at until it is ready. */
#define POLL_MS 200

/* How often an order that was refused for a passing reason is made again. */
#define AGAIN_MS 500

/* How long a call that failed waits to hear that the daemon has gone. */
#define GONE_MS 10000

static const struct option_desc options[] = {
	{ "method", 'm', "METHOD",
	  "method to measure by, see reespec method (required)" },
	{ "kind", 0, "sample|blank|crm|duplicate|drift",
	  "what the samples are" },
	{ "key", 0, "NAME=TEXT", "record this of each sample; repeatable" },
	{ "tube-ua", 0, "MICROAMPS", "current of the tube, as you set it" },
	{ "device", 'd', "SERIAL", "spectrometer, when there are several" },
	{ "patience", 0, "SECONDS", "so long for a strobe, default 3600" },
	{ "again", 0, "rejected|earlier|all", "take also rows that are done" },
	{ NULL, 0, NULL, NULL },
};

/* One that was ordered and has not ended. */
struct ordered {
	char path[256];
	size_t row;
	uint64_t seq; /* of its result; 0: none yet */
	char verdict[32];
};

struct line {
	const struct args *args;
	struct client *client;
	struct worklist *worklist;
	char spectrometer[256];
	struct ordered ordered[AHEAD];
	size_t n_ordered; /* first: the strobe that is waited for */
	size_t next_row;
	uint64_t n_strobes; /* ordered so far */
	size_t n_done;
	size_t n_rejected;
	size_t n_failed;
	bool is_ready; /* was said */
	bool is_gone;
	bool is_stopping;
	bool is_refused; /* an order: no more of them */
	bool is_short; /* of room for the next order: it is tried again */
	char why_short[256];
};

/* ---- a row's order --------------------------------------------------------- */

static int row_options(const struct args *row, uint64_t strobe, json_t *to)
{
	double value;
	int r;

	r = counting_options(row, to);
	/* Of a belt it is the strobe that is waited for. */
	if (!r && js_get(to, "patience")) {
		value = js_number(to, "patience");
		js_remove(to, "patience");
		js_set_real(to, "real", value);
	}
	js_set_real(to, "strobe", (double)strobe);
	return r;
}

/*
 * A daemon that ends answers no call, and says that it has gone a little later:
 * which of both comes first must not change what is told.
 */
static int call_failed(struct line *l, int code)
{
	enum client_event event = CLIENT_TRAFFIC;
	int r = REESPEC_OK;

	/* Its own refusals have a name. */
	while (!r && !l->is_gone && event == CLIENT_TRAFFIC &&
	       !*client_last_error_name(l->client))
		r = client_wait(l->client, GONE_MS, &event);
	if (l->is_gone)
		return REESPEC_OK;
	return fail(l->args, code, "%s", client_last_error(l->client));
}

/* Refused as others wait, or until there is room: that passes. */
static bool may_pass(const struct line *l)
{
	static const char *const passing[] = { "Limit", "Full", "Ledger" };
	const char *name = client_last_error_name(l->client);

	for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
		if (!strcmp(name, passing[i]))
			return true;
	return false;
}

/* Before the belt has begun nothing is lost by ending. */
static int tell_refusal(struct line *l, size_t i, int code)
{
	const char *why = client_last_error(l->client);

	if (!l->n_strobes)
		return fail(l->args, code, "%s", why);
	if (!*client_last_error_name(l->client))
		return call_failed(l, code);
	if (!may_pass(l))
		return fail(l->args, code, "row %zu: %s: is not ordered: %s",
			    i + 1, worklist_sample(l->worklist, i), why);
	l->is_short = true;
	if (strcmp(l->why_short, why))
		fprintf(stderr, "row %zu: %s: waits: %s\n", i + 1,
			worklist_sample(l->worklist, i), why);
	snprintf(l->why_short, sizeof(l->why_short), "%s", why);
	return REESPEC_OK;
}

static int order(struct line *l, size_t i)
{
	CLEANUP(js_freep) json_t *wanted = js_object();
	CLEANUP(js_freep) json_t *reply = NULL;
	struct ordered *o = &l->ordered[l->n_ordered];
	struct worklist_words words;
	struct args row;
	const char *path = "";
	struct client_call call = {
		.path = l->spectrometer,
		.interface = CLIENT_SPECTROMETER,
		.member = "Measure",
		.types = "so",
		.options = wanted,
		/* An administrator may have to type a password. */
		.timeout_s = 120,
	};
	int r;

	r = worklist_args(l->worklist, i, &words, &row);
	if (!r)
		r = row_options(&row, l->n_strobes + 1, wanted);
	call.texts[0] = row.operands[0];
	if (r)
		return r;
	client_be_quiet(l->client, true);
	r = client_call(l->client, &call, &reply, NULL);
	client_be_quiet(l->client, false);
	if (r)
		return tell_refusal(l, i, r);
	js_str_value(js_at(reply, 0), &path, NULL);
	*o = (struct ordered){ .row = i };
	snprintf(o->path, sizeof(o->path), "%s", path);
	l->n_ordered++;
	l->n_strobes++;
	l->next_row = i + 1;
	l->why_short[0] = '\0';
	return REESPEC_OK;
}

static void skip_done(struct line *l)
{
	while (l->next_row < worklist_n(l->worklist) &&
	       worklist_done(l->worklist, l->next_row))
		l->next_row++;
}

static int order_ahead(struct line *l)
{
	int r = REESPEC_OK;

	l->is_short = false;
	for (skip_done(l);
	     !r && !l->is_stopping && !l->is_refused && !l->is_short &&
	     !l->is_gone && l->n_ordered < AHEAD &&
	     l->next_row < worklist_n(l->worklist);
	     skip_done(l))
		r = order(l, l->next_row);
	if (!r || !l->n_strobes)
		return r;
	/* What becomes of the rows before it says why, or measures them. */
	l->is_refused = true;
	return REESPEC_OK;
}

/* ---- what is heard --------------------------------------------------------- */

static void on_finished(void *userdata, const char *path, json_t *arguments)
{
	struct line *l = userdata;
	const char *assay = "", *verdict = "", *seq = "0";

	(void)path;
	js_str_value(js_at(arguments, 0), &assay, NULL);
	js_str_value(js_at(arguments, 2), &verdict, NULL);
	js_str_value(js_at(arguments, 3), &seq, NULL);
	for (size_t i = 0; i < l->n_ordered; i++) {
		struct ordered *o = &l->ordered[i];

		if (strcmp(assay, o->path))
			continue;
		o->seq = strtoull(seq, NULL, 10);
		snprintf(o->verdict, sizeof(o->verdict), "%s", verdict);
	}
}

static void on_owner(void *userdata, const char *path, json_t *arguments)
{
	struct line *l = userdata;
	const char *owner = "";

	(void)path;
	js_str_value(js_at(arguments, 2), &owner, NULL);
	if (!*owner)
		l->is_gone = true;
}

/* ---- what is said ---------------------------------------------------------- */

static void print_row(const struct line *l, const struct ordered *o,
		      json_t *body)
{
	json_t *decision = js_get(result_contents(body), "decision");
	char text[128] = "";
	int32_t grade;

	result_summary(body, text, sizeof(text));
	printf("row %zu  %s  %s", o->row + 1,
	       worklist_sample(l->worklist, o->row),
	       *text ? text : js_text(body, "state"));
	if (!strcmp(js_text(decision, "outcome"), "pass"))
		printf(", pass");
	if (js_get_int(decision, "grade", &grade) >= 0)
		printf(", grade %d", grade);
	printf(", record %" PRIu64 "\n", o->seq);
}

/* One that has ended, in the order of the strobes. */
static int tell_row(struct line *l, const struct ordered *o)
{
	CLEANUP(record_deinit) struct record record = { 0 };
	int r;

	client_be_quiet(l->client, true);
	r = records_get(l->client, l->args, o->seq, &record, NULL);
	client_be_quiet(l->client, false);
	if (r)
		return call_failed(l, r);
	if (l->args->is_json)
		json_out_body(record.chain.body, record.chain.body_len);
	else
		print_row(l, o, record.json);
	fflush(stdout);
	if (!strcmp(o->verdict, "done")) {
		l->n_done++;
		l->n_rejected += result_exit(l->args, record.json) != 0;
		return REESPEC_OK;
	}
	l->n_failed++;
	/* Only one that a strobe has ended leaves the belt as it was. */
	l->is_stopping |= strcmp(o->verdict, "failed") != 0;
	fail(l->args, REESPEC_FAILED, "row %zu: %s: %s: %s", o->row + 1,
	     worklist_sample(l->worklist, o->row), o->verdict,
	     js_text(record.json, "why"));
	return REESPEC_OK;
}

static int tell_rows(struct line *l)
{
	int r = REESPEC_OK;

	while (!r && l->n_ordered && l->ordered[0].seq) {
		struct ordered o = l->ordered[0];

		l->n_ordered--;
		memmove(l->ordered, l->ordered + 1,
			l->n_ordered * sizeof(*l->ordered));
		r = tell_row(l, &o);
	}
	return r;
}

/* Before it the belt must not strobe: nobody would count it. */
static int look_ready(struct line *l)
{
	CLEANUP(js_freep) json_t *properties = NULL;
	bool is_ready = false;
	int r;

	if (l->is_ready || !l->n_ordered)
		return REESPEC_OK;
	client_be_quiet(l->client, true);
	r = client_properties(l->client, l->spectrometer, CLIENT_SPECTROMETER,
			      &properties);
	client_be_quiet(l->client, false);
	if (r)
		return call_failed(l, r);
	js_get_bool(js_get(properties, "Belt"), "ready", &is_ready);
	if (!is_ready)
		return REESPEC_OK;
	l->is_ready = true;
	fprintf(stderr, "ready: strobe 1 is row %zu of %zu: %s\n",
		l->ordered[0].row + 1, worklist_n(l->worklist),
		worklist_sample(l->worklist, l->ordered[0].row));
	return REESPEC_OK;
}

/*
 * A belt is cancelled as a whole, by any of its assays: by the last, since the
 * first may be over, and not told yet. If that is over too there is no more of
 * the belt than its results.
 */
static int on_interrupt(struct line *l)
{
	const struct client_call call = {
		.path = l->ordered[l->n_ordered ? l->n_ordered - 1 : 0].path,
		.interface = CLIENT_ASSAY,
		.member = "Cancel",
		.types = "s",
		.texts = { "the belt was stopped by its operator" },
	};

	if (l->is_stopping)
		return fail(l->args, REESPEC_FAILED, "interrupted");
	l->is_stopping = true;
	fputs("reespec line: stopping\n", stderr);
	if (!l->n_ordered)
		return REESPEC_OK;
	client_be_quiet(l->client, true);
	client_call(l->client, &call, NULL, NULL);
	client_be_quiet(l->client, false);
	return REESPEC_OK;
}

/* Ordered rows announce their end; what they wait for nobody announces. */
static int wait_ms(const struct line *l)
{
	if (!l->is_ready)
		return POLL_MS;
	return l->is_short ? AGAIN_MS : -1;
}

static int watch(struct line *l)
{
	enum client_event event = CLIENT_TIMEOUT;
	int r = REESPEC_OK;

	while (!r) {
		if (l->is_gone)
			return REESPEC_OK;
		r = tell_rows(l);
		if (!r)
			r = order_ahead(l);
		if (r || (!l->n_ordered && !l->is_short))
			return l->is_gone ? REESPEC_OK : r;
		r = look_ready(l);
		if (!r && !(l->n_ordered && l->ordered[0].seq))
			r = client_wait(l->client, wait_ms(l), &event);
		if (!r &&
		    (event == CLIENT_INTERRUPT || event == CLIENT_TERMINATE))
			r = on_interrupt(l);
		event = CLIENT_TIMEOUT;
	}
	return l->is_gone ? REESPEC_OK : r;
}

/* Strobes that no row is for: a pellet too many, or a line that bounces. */
static uint64_t too_many(struct line *l)
{
	CLEANUP(js_freep) json_t *properties = NULL;
	uint64_t n = 0;

	client_be_quiet(l->client, true);
	if (!l->is_gone && !client_properties(l->client, l->spectrometer,
					      CLIENT_SPECTROMETER, &properties))
		js_get_u64(js_get(properties, "Belt"), "strobes", &n);
	client_be_quiet(l->client, false);
	return n > l->n_strobes ? n - l->n_strobes : 0;
}

/* Rows of an earlier belt count as well. */
static int judge(const struct line *l)
{
	if (!l->n_rejected)
		return REESPEC_OK;
	return fail(l->args, REESPEC_VERDICT,
		    "%zu of %zu rows were rejected or fail; --again rejected "
		    "takes them again",
		    l->n_rejected, worklist_n(l->worklist));
}

static int sum_up(struct line *l, int r)
{
	const uint64_t n_more = r ? 0 : too_many(l);
	const size_t n = worklist_n(l->worklist);
	size_t n_left = 0;

	for (size_t i = 0; i < n; i++)
		n_left += !worklist_done(l->worklist, i);
	n_left -= l->n_done;
	fprintf(stderr, "%zu of %zu rows are done, %zu of them now\n",
		n - n_left, n, l->n_done);
	if (r)
		return r;
	if (l->is_refused && !l->is_gone)
		return REESPEC_FAILED;
	if (l->is_gone)
		return fail(
			l->args, REESPEC_FAILED,
			"reespecd has ended; started again, this command says at which row the belt has to go on");
	if (n_more)
		return fail(
			l->args, REESPEC_FAILED,
			"%" PRIu64
			" strobe%s more than rows: see which pellet is which",
			n_more, n_more == 1 ? "" : "s");
	if (n_left)
		return fail(
			l->args, REESPEC_FAILED,
			"%zu row%s not done; the same command again takes what is left alone and says at which row the belt has to go on",
			n_left, n_left == 1 ? " is" : "s are");
	return judge(l);
}

/* ---- the command ----------------------------------------------------------- */

static int start(struct line *l)
{
	int r;

	r = client_open(&l->client, l->args);
	if (!r)
		r = client_catch_signals(l->client);
	if (!r)
		r = client_listen_owner(l->client, on_owner, l);
	if (!r)
		r = client_listen(l->client, CLIENT_MANAGER, "AssayFinished",
				  on_finished, l);
	if (!r)
		r = instruments_choose(l->client, l->args,
				       args_get(l->args, "device"),
				       l->spectrometer,
				       sizeof(l->spectrometer));
	return r;
}

static void line_deinit(struct line *l)
{
	client_close(l->client);
	worklist_close(l->worklist);
}

static int run(const struct args *args)
{
	static const char *const fixed[] = { "method", "device", "patience",
					     NULL };
	CLEANUP(line_deinit) struct line l = { .args = args };
	size_t n_done = 0;
	int r;

	r = args_require(args, "method");
	if (r)
		return r;
	/* What is wrong in the last row stops the belt better now than at its
	 * turn. */
	r = worklist_open(args, args->operands[0], fixed, &l.worklist);
	if (r)
		return r;
	for (size_t i = 0; i < worklist_n(l.worklist); i++) {
		n_done += !!worklist_done(l.worklist, i);
		l.n_rejected += worklist_is_rejected(l.worklist, i);
	}
	if (n_done)
		fprintf(stderr, "%zu of %zu rows are done already\n", n_done,
			worklist_n(l.worklist));
	if (n_done == worklist_n(l.worklist))
		return judge(&l);
	r = start(&l);
	if (!r)
		r = sum_up(&l, watch(&l));
	return r;
}

const struct command command_line = {
	.name = "line",
	.operands = "WORKLIST",
	.summary = "measure a belt of samples that strobes the instrument",
	.text = "Measures the rows of WORKLIST, a CSV file as for assay --worklist, in their\n"
		"order. The belt ends each by a pulse on AUX_IN_2, once this command has\n"
		"said that the line is ready, and takes the next at once: what the instrument\n"
		"counted between two pulses is one sample. Rows that are done are left out,\n"
		"so a belt that was stopped is resumed by giving the same command. Strobes\n"
		"that came too fast are told, and their rows are not done. Ctrl-C ends the\n"
		"belt. Exit status 1 means that rows are left, 6 that all are done and some\n"
		"failed or were rejected. With --json each line is a result record's body.",
	.n_min = 1,
	.n_max = 1,
	.options = options,
	.run = run,
};
