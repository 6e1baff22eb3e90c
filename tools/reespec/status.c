// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec status: instruments, running assay, ledger and its readers. */
#include "reespec/command.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "reespec/client.h"
#include "reespec/instruments.h"
#include "reespec/json_out.h"
#include "reespec/print.h"
#include "reespec/readers.h"

struct state {
	json_t *manager;
	json_t *ledger;
	json_t *spectrometers;
	json_t *assays;
};

static void state_deinit(struct state *s)
{
	js_free(s->manager);
	js_free(s->ledger);
	js_free(s->spectrometers);
	js_free(s->assays);
}

static int ask(struct client *c, struct state *s)
{
	int r;

	r = client_properties(c, CLIENT_ROOT, CLIENT_MANAGER, &s->manager);
	if (r)
		return r;
	r = client_properties(c, CLIENT_ROOT, CLIENT_LEDGER, &s->ledger);
	if (r)
		return r;
	r = instruments_list(c, CLIENT_SPECTROMETER, &s->spectrometers);
	if (r)
		return r;
	return instruments_list(c, CLIENT_ASSAY, &s->assays);
}

static void print_assays(json_t *assays)
{
	for (size_t i = 0; i < js_len(assays); i++) {
		json_t *a = js_at(assays, i);
		double fraction = 0;
		char state[60];

		js_get_real(js_get(a, "Progress"), "fraction", &fraction);
		instruments_state_text(a, state, sizeof(state));
		printf("assay     %s by %s: %s", js_text(a, "Sample"),
		       js_text(a, "Method"), state);
		if (!strcmp(js_text(a, "State"), "measuring"))
			printf(", %.0f %%", 100 * fraction);
		if (*js_text(a, "Error"))
			printf(" (%s)", js_text(a, "Error"));
		if (strcmp(js_text(a, "Result"), "0"))
			printf(", record %s", js_text(a, "Result"));
		putchar('\n');
	}
}

static const char *item_text(json_t *list, size_t i)
{
	const char *text = "";

	js_str_value(js_at(list, i), &text, NULL);
	return text;
}

/* How far a reader is behind, in records. */
static void print_readers(json_t *ledger)
{
	json_t *readers = js_get(ledger, "Readers");
	unsigned long long last = 0;

	js_get_u64(ledger, "Last", (uint64_t *)&last);
	for (size_t i = 0; i < js_len(readers); i++) {
		json_t *reader = js_at(readers, i);
		unsigned long long acked =
			strtoull(item_text(reader, 2), NULL, 10);

		printf("reader    %s: ", item_text(reader, 0));
		if (acked >= last)
			puts("has everything");
		else
			printf("has %llu of %llu, %llu behind\n", acked, last,
			       last - acked);
	}
}

/* Instruments whose quality control wants something. */
static void print_qc(json_t *spectrometers)
{
	for (size_t i = 0; i < js_len(spectrometers); i++) {
		json_t *s = js_at(spectrometers, i);
		char text[800];

		if (!*js_text(s, "QcReason"))
			continue;
		snprintf(text, sizeof(text), "%s: %s: %s", js_text(s, "Serial"),
			 js_text(s, "Qc"), js_text(s, "QcReason"));
		print_flow(stdout, PRINT_PLAIN, "quality   ", text);
	}
}

static void print_state(const struct state *s)
{
	const char *health = js_text(s->manager, "Health");
	const char *version = js_text(s->manager, "Version");
	char text[400];

	snprintf(text, sizeof(text), "reespecd %s, %s", version, health);
	if (strcmp(health, "ok"))
		print_line(stdout, PRINT_BAD, "daemon    ", text);
	else
		printf("daemon    reespecd %s, %sok%s\n", version,
		       print_style(stdout, PRINT_GOOD),
		       print_style(stdout, PRINT_PLAIN));
	printf("ledger    %s, records %s to %s\n",
	       js_text(s->manager, "LedgerId"), js_text(s->ledger, "First"),
	       js_text(s->ledger, "Last"));
	print_readers(s->ledger);
	print_assays(s->assays);
	print_qc(s->spectrometers);
	putchar('\n');
	instruments_print(stdout, s->spectrometers);
}

static json_t *to_json(struct state *s)
{
	js_set(s->ledger, "Readers", readers_json(s->ledger));
	return js_pack("{s:O, s:O, s:O, s:O}", "manager", s->manager, "ledger",
		       s->ledger, "spectrometers", s->spectrometers, "assays",
		       s->assays);
}

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(state_deinit) struct state s = { 0 };
	int r;

	r = client_open(&c, args);
	if (r)
		return r;
	r = ask(c, &s);
	if (r)
		return r;
	if (args->is_json)
		return json_out(args, "reespec-status/2", to_json(&s));
	print_state(&s);
	return REESPEC_OK;
}

const struct command command_status = {
	.name = "status",
	.operands = "",
	.summary = "show instruments, running assay, ledger and readers",
	.text = "Shows the daemon's health, the ledger and how far its readers are, the\n"
		"running assay and the spectrometers. This is what reespec shows without\n"
		"a command.",
	.run = run,
};
