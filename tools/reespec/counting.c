// SPDX-License-Identifier: GPL-2.0-or-later
/* One sample measured by the daemon, watched from its start to its end. */
#include "reespec/counting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "reespec/instruments.h"
#include "reespec/keys.h"
#include "reespec/print.h"

/* How often the running assay is looked at. */
#define POLL_MS 500
/* Between an interrupt and what it does, for a second one. */
#define CHANGE_OF_MIND_S 2

static const struct counting_number numbers[] = {
	{ "live", "live", 0.1, 1e6 },
	{ "real", "real", 0.1, 1e6 },
	{ "counts", "counts", 1, UINT32_MAX },
	{ "interval", "interval", 0.1, 60 },
	{ "tube-ua", "tube_ua", 0.001, 1e5 },
	{ "patience", "patience", 1, 86400 },
};

const struct counting_number *counting_number(const char *option)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!strcmp(numbers[i].option, option))
			return &numbers[i];
	return NULL;
}

static int add_number(json_t *to, const struct args *args,
		      const struct counting_number *n)
{
	double value = 0;
	int r;

	if (!args_has(args, n->option))
		return REESPEC_OK;
	r = args_number(args, n->option, n->min, n->max, &value);
	if (!r)
		js_set_real(to, n->key, value);
	return r;
}

int counting_options(const struct args *args, json_t *to)
{
	int r;

	js_set_str(to, "method", args_get(args, "method"));
	if (args_has(args, "kind"))
		js_set_str(to, "kind", args_get(args, "kind"));
	r = keys_add(to, args);
	for (size_t i = 0; i < ARRAY_SIZE(numbers) && !r; i++)
		r = add_number(to, args, &numbers[i]);
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

static int measure(struct counting *c, const char *spectrometer,
		   json_t *options_json)
{
	CLEANUP(js_freep) json_t *reply = NULL;
	const struct client_call call = {
		.path = spectrometer,
		.interface = CLIENT_SPECTROMETER,
		.member = "Measure",
		.types = "so",
		.texts = { c->sample },
		.options = options_json,
		/* An administrator may have to type a password. */
		.timeout_s = 120,
	};
	const char *path = "";
	int r;

	r = client_call(c->client, &call, &reply, NULL);
	if (r)
		return r;
	js_str_value(js_at(reply, 0), &path, NULL);
	snprintf(c->path, sizeof(c->path), "%s", path);
	return REESPEC_OK;
}

static void on_finished(void *userdata, const char *path, json_t *arguments)
{
	struct counting *c = userdata;
	const char *assay = "";
	const char *verdict = "";
	const char *seq = "0";

	(void)path;
	js_str_value(js_at(arguments, 0), &assay, NULL);
	js_str_value(js_at(arguments, 2), &verdict, NULL);
	js_str_value(js_at(arguments, 3), &seq, NULL);
	if (strcmp(assay, c->path))
		return;
	c->seq = strtoull(seq, NULL, 10);
	snprintf(c->verdict, sizeof(c->verdict), "%s", verdict);
}

static void on_owner(void *userdata, const char *path, json_t *arguments)
{
	struct counting *c = userdata;
	const char *owner = "";

	(void)path;
	js_str_value(js_at(arguments, 2), &owner, NULL);
	if (!*owner)
		c->is_gone = true;
}

static uint64_t now_ms(void)
{
	return clock_monotonic_ns() / 1000000;
}

/* Finish, or Cancel with a reason. One that is being read out and assayed ends
 * by itself; how it ends is told below. */
static void end(struct counting *c, const char *why)
{
	const struct client_call call = {
		.path = c->path,
		.interface = CLIENT_ASSAY,
		.member = why ? "Cancel" : "Finish",
		.types = why ? "s" : NULL,
		.texts = { why },
	};
	int r;

	c->finish_ms = 0;
	client_be_quiet(c->client, true);
	r = client_call(c->client, &call, NULL, NULL);
	client_be_quiet(c->client, false);
	if (r && !c->is_gone)
		fprintf(stderr, "reespec %s: %s; waiting for its end\n",
			c->args->command->name, client_last_error(c->client));
}

/* The first interrupt asks for a result, a second one soon behind it for none;
 * so does the first where nothing was counted. */
static int on_interrupt(struct counting *c, bool is_termination)
{
	print_transient_end();
	c->is_interrupted = true;
	c->n_interrupts++;
	if (c->n_interrupts > 2)
		return fail(c->args, REESPEC_FAILED,
			    "left %s; reespec status tells what becomes of it",
			    c->sample);
	if (is_termination || c->is_queued || c->n_interrupts > 1) {
		fprintf(stderr, "reespec %s: cancelling\n",
			c->args->command->name);
		end(c, is_termination ? "reespec was terminated"
				      : "cancelled by the operator");
		return REESPEC_OK;
	}
	fprintf(stderr,
		"reespec %s: finishing with what was counted in %d s; Ctrl-C again cancels it\n",
		c->args->command->name, CHANGE_OF_MIND_S);
	c->finish_ms = now_ms() + CHANGE_OF_MIND_S * 1000;
	return REESPEC_OK;
}

/* How long to wait for what comes next. */
static int wait_ms(const struct counting *c)
{
	uint64_t now = now_ms();

	if (!c->finish_ms || c->finish_ms >= now + POLL_MS)
		return POLL_MS;
	return c->finish_ms > now ? (int)(c->finish_ms - now) : 0;
}

/* Shows the assay as it stands. One that has ended may be gone, and a signal
 * may cut the call: what ends the wait is heard of otherwise. */
static void show(struct counting *c)
{
	CLEANUP(js_freep) json_t *assay = NULL;
	const char *state = "";
	int r;

	client_be_quiet(c->client, true);
	r = client_properties(c->client, c->path, CLIENT_ASSAY, &assay);
	client_be_quiet(c->client, false);
	if (r || c->seq)
		return;
	progress_show(&c->progress, assay);
	js_get_str(assay, "State", &state);
	c->is_queued = !strcmp(state, "queued");
}

int counting_ask(const struct args *args, const char *sample)
{
	int c;

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return REESPEC_OK;
	fprintf(stderr,
		"Put %s in front of the spectrometer as always, close the lid and press Enter: ",
		sample);
	do {
		c = getchar();
	} while (c != '\n' && c != EOF);
	if (c != EOF)
		return REESPEC_OK;
	fputc('\n', stderr);
	return fail(args, REESPEC_FAILED, "nothing was measured");
}

int counting_start(struct counting *c)
{
	CLEANUP(js_freep) json_t *wanted = js_object();
	char spectrometer[256];
	int r;

	/* What is typed wrongly is said whether or not there is a bus. */
	r = counting_options(c->args, wanted);
	if (!r && c->kind)
		js_set_str(wanted, "kind", c->kind);
	if (!r)
		r = progress_init(&c->progress, c->args);
	if (!r)
		r = client_open(&c->client, c->args);
	if (!r)
		r = client_catch_signals(c->client);
	if (!r)
		r = client_listen_owner(c->client, on_owner, c);
	if (!r)
		r = client_listen(c->client, CLIENT_MANAGER, "AssayFinished",
				  on_finished, c);
	if (!r)
		r = instruments_choose(c->client, c->args,
				       args_get(c->args, "device"),
				       spectrometer, sizeof(spectrometer));
	return r ? r : measure(c, spectrometer, wanted);
}

int counting_watch(struct counting *c)
{
	enum client_event event;
	int r = REESPEC_OK;

	while (!c->seq) {
		if (c->is_gone) {
			print_transient_end();
			return fail(
				c->args, REESPEC_FAILED,
				"reespecd has ended; what it had announced is in the ledger (reespec log)");
		}
		show(c);
		/* A lost daemon shows in the owner of its name at once. */
		r = client_wait(c->client, wait_ms(c), &event);
		if (!r &&
		    (event == CLIENT_INTERRUPT || event == CLIENT_TERMINATE))
			r = on_interrupt(c, event == CLIENT_TERMINATE);
		else if (c->finish_ms && now_ms() >= c->finish_ms)
			end(c, NULL);
		if (r && !c->is_gone && !c->seq)
			break;
		r = REESPEC_OK;
	}
	print_transient_end();
	return r;
}

void counting_deinit(struct counting *c)
{
	c->client = client_close(c->client);
}
