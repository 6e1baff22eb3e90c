// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec end: finish or cancel an assay that nobody watches. */
#include "reespec/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "reespec/client.h"
#include "reespec/instruments.h"
#include "reespec/json_out.h"
#include "reespec/records.h"
#include "reespec/result.h"

/* Nobody reads it but to hear at once of a daemon that is gone. */
#define WAIT_MS 5000

static const struct option_desc options[] = {
	{ "cancel", 0, NULL, "assay nothing of what was counted" },
	{ "reason", 0, "TEXT", "why it is cancelled, for the record" },
	{ "device", 'd', "SERIAL", "only an assay of this spectrometer" },
	{ "place", 0, "PLACE", "only the one at this place of its queue" },
	{ NULL, 0, NULL, NULL },
};

struct ending {
	const struct args *args;
	struct client *client;
	char spectrometer[256]; /* of --device; empty: any */
	unsigned long long place; /* of --place */
	char path[256]; /* of the assay on the bus */
	char sample[129];
	bool is_cancelled; /* asked to be, or nothing is counted yet */
	bool is_gone; /* the daemon ended */
	/* Of AssayFinished: the object may be gone by then. */
	uint64_t seq;
	char verdict[32];
};

/* By the name of its sample, or its object as --detach printed it; and by its
 * place in the queue, where several have one name. */
static bool is_named(const struct ending *e, json_t *assay)
{
	const char *name = e->args->n_operands ? e->args->operands[0] : NULL;

	if (args_has(e->args, "place") &&
	    js_number(assay, "Position") != (double)e->place)
		return false;
	if (*e->spectrometer &&
	    strcmp(js_text(assay, "Spectrometer"), e->spectrometer) != 0)
		return false;
	return !name || !strcmp(js_text(assay, "Sample"), name) ||
	       !strcmp(js_text(assay, "path"), name);
}

static bool is_waiting(json_t *assay)
{
	return !strcmp(js_text(assay, "State"), "queued");
}

static int fail_ambiguous(const struct ending *e, json_t *found)
{
	CLEANUP(buf_deinit) struct buf which = { 0 };

	for (size_t i = 0; i < js_len(found); i++) {
		json_t *a = js_at(found, i);
		char state[60];

		instruments_state_text(a, state, sizeof(state));
		buf_printf(&which, "%s%s (%s, %s)", i ? ", " : "",
			   js_text(a, "path"), js_text(a, "Sample"), state);
	}
	return fail(e->args, REESPEC_USAGE,
		    "say which of %s, by its object or by --place",
		    which.data ? which.data : "them");
}

static int fail_none(const struct ending *e, const char *name)
{
	const char *device = args_get(e->args, "device");
	const char *place = args_get(e->args, "place");

	return fail(e->args, REESPEC_NOT_FOUND,
		    "no assay%s%s is running or waits%s%s%s%s%s",
		    name ? " of " : "", name ? name : "", device ? " on " : "",
		    device ? device : "", place ? " at place " : "",
		    place ? place : "",
		    name || device || place
			    ? " (reespec status shows those there are)"
			    : "");
}

/* Without a name the one that is measured, before those that wait for it. */
static int choose(struct ending *e)
{
	CLEANUP(js_freep) json_t *list = NULL;
	CLEANUP(js_freep) json_t *found = js_array();
	json_t *running = NULL, *one = NULL;
	const char *name = e->args->n_operands ? e->args->operands[0] : NULL;
	size_t n_running = 0;
	int r;

	r = instruments_list(e->client, CLIENT_ASSAY, &list);
	if (r)
		return r;
	for (size_t i = 0; i < js_len(list); i++) {
		json_t *a = js_at(list, i);

		if (instruments_is_over(a) || !is_named(e, a))
			continue;
		js_append(found, js_ref(a));
		one = a;
		if (is_waiting(a))
			continue;
		running = a;
		n_running++;
	}
	if (!one)
		return fail_none(e, name);
	if (!name && n_running == 1)
		one = running;
	else if (js_len(found) > 1)
		return fail_ambiguous(e, found);
	snprintf(e->path, sizeof(e->path), "%s", js_text(one, "path"));
	snprintf(e->sample, sizeof(e->sample), "%s", js_text(one, "Sample"));
	e->is_cancelled = args_has(e->args, "cancel") || is_waiting(one) ||
			  !strcmp(js_text(one, "State"), "settling");
	return REESPEC_OK;
}

static void on_finished(void *userdata, const char *path, json_t *arguments)
{
	struct ending *e = userdata;
	const char *assay = "", *verdict = "", *seq = "0";

	(void)path;
	js_str_value(js_at(arguments, 0), &assay, NULL);
	js_str_value(js_at(arguments, 2), &verdict, NULL);
	js_str_value(js_at(arguments, 3), &seq, NULL);
	if (strcmp(assay, e->path) != 0)
		return;
	e->seq = strtoull(seq, NULL, 10);
	snprintf(e->verdict, sizeof(e->verdict), "%s", verdict);
}

static void on_owner(void *userdata, const char *path, json_t *arguments)
{
	struct ending *e = userdata;
	const char *owner = "";

	(void)path;
	js_str_value(js_at(arguments, 2), &owner, NULL);
	if (!*owner)
		e->is_gone = true;
}

static int ask(struct ending *e)
{
	const char *reason = args_get(e->args, "reason");
	const struct client_call call = {
		.path = e->path,
		.interface = CLIENT_ASSAY,
		.member = e->is_cancelled ? "Cancel" : "Finish",
		.types = e->is_cancelled ? "s" : NULL,
		.texts = { reason ? reason : "cancelled by the operator" },
	};

	return client_call(e->client, &call, NULL, NULL);
}

/* Its result is there a moment later. */
static int wait_for_result(struct ending *e)
{
	enum client_event event;
	int r = REESPEC_OK;

	while (!e->seq && !r) {
		if (e->is_gone)
			return fail(
				e->args, REESPEC_FAILED,
				"reespecd has ended; what it had announced is in the ledger (reespec log)");
		r = client_wait(e->client, WAIT_MS, &event);
	}
	return r;
}

/* An assay may have come to an end of its own just before. */
static int tell(struct ending *e)
{
	CLEANUP(record_deinit) struct record record = { 0 };
	const bool is_done = !strcmp(e->verdict, "done");
	const char *why, *what;
	char text[256];
	int r;

	r = records_get(e->client, e->args, e->seq, &record, NULL);
	if (r)
		return r;
	if (e->args->is_json)
		json_out_body(record.chain.body, record.chain.body_len);
	why = js_text(record.json, "why");
	result_summary(record.json, text, sizeof(text));
	what = is_done ? text : why;
	if (!e->args->is_json)
		printf("%s  %s, record %" PRIu64 "%s%s\n",
		       is_done ? "finished" : e->verdict, e->sample, e->seq,
		       *what ? ": " : "", what);
	if (is_done && !e->is_cancelled)
		return result_exit(e->args, record.json);
	if (!is_done && e->is_cancelled)
		return REESPEC_OK;
	fflush(stdout);
	if (is_done)
		return fail(e->args, REESPEC_FAILED,
			    "%s had come to its end before it was cancelled",
			    e->sample);
	return fail(e->args, REESPEC_FAILED, "%s: %s%s%s", e->sample,
		    e->verdict, *why ? ": " : "", why);
}

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	struct ending e = { .args = args };
	int r;

	if (args_has(args, "reason") && !args_has(args, "cancel"))
		return fail(
			args, REESPEC_USAGE,
			"--reason is why an assay is cancelled: give --cancel, too");
	r = args_count(args, "place", 0, 1000, &e.place);
	if (r)
		return r;
	r = client_open(&c, args);
	if (r)
		return r;
	e.client = c;
	r = client_listen_owner(c, on_owner, &e);
	if (!r)
		r = client_listen(c, CLIENT_MANAGER, "AssayFinished",
				  on_finished, &e);
	if (!r && args_has(args, "device"))
		r = instruments_choose(c, args, args_get(args, "device"),
				       e.spectrometer, sizeof(e.spectrometer));
	if (!r)
		r = choose(&e);
	if (!r)
		r = ask(&e);
	if (!r)
		r = wait_for_result(&e);
	return r ? r : tell(&e);
}

const struct command command_end = {
	.name = "end",
	.operands = "[ASSAY]",
	.summary = "finish or cancel an assay, or take it out of a queue",
	.text = "Ends counting of an assay that runs by itself, as one of --detach, and says\n"
		"which record its result is: what was counted is assayed, with --cancel\n"
		"nothing is. One that waits leaves the queue. ASSAY is the name of its sample,\n"
		"or its object as --detach printed it; without it the one that is measured.\n"
		"Of several of one name --place says which, as reespec status shows it.\n"
		"The exit status of one that was finished is that of reespec assay.\n"
		"Only its operator may, or root. Cancelling a sample of a belt ends the belt.",
	.n_max = 1,
	.options = options,
	.run = run,
};
