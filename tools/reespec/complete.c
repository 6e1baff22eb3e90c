// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reespec complete: what may come at a place of the command line, from the
 * table of commands, the daemon and the method files. The shells' own scripts
 * (tools/completion) only ask this. It never explains a failure: who presses
 * the tabulator wants words or nothing.
 */
#include "reespec/command.h"

#include <stdio.h>
#include <string.h>

#include "assay/method_files.h"
#include "base/cleanup.h"
#include "reespec/client.h"
#include "reespec/instruments.h"
#include "reespec/measurement.h"
#include "reespec/qc_run.h"
#include "reespec/records.h"

/* Records looked at for names of samples, and numbers of results offered. */
#define RECENT 1000

/* What was typed so far, and the word to be completed. */
struct place {
	const struct args *args;
	char prefix[64]; /* of what stands for the word: "--method=" or "" */
	const char *word;
	struct client *client;
	json_t *offered;
};

/* Each word once, by what is first said of it. */
static void offer(const struct place *p, const char *word, const char *text)
{
	if (strncmp(word, p->word, strlen(p->word)) != 0 ||
	    js_get(p->offered, word))
		return;
	js_set_bool(p->offered, word, true);
	printf("%s%s\t%s\n", p->prefix, word, text);
}

/* A bus that is not there, or a daemon that refuses, offers nothing. */
static struct client *client_of(struct place *p)
{
	if (!p->client && !client_open(&p->client, p->args))
		client_be_quiet(p->client, true);
	return p->client;
}

static void offer_files(struct place *p)
{
	(void)p;
	puts(":files");
}

static void offer_methods(struct place *p)
{
	char **names = NULL;
	int n = method_files_list(measurement_method_folders(), &names);

	for (int i = 0; i < n; i++)
		offer(p, names[i], "method");
	method_files_free(names, n);
	if (strchr(p->word, '/'))
		offer_files(p);
}

static void offer_serials(struct place *p)
{
	CLEANUP(js_freep) json_t *list = NULL;

	if (!client_of(p) ||
	    instruments_list(p->client, CLIENT_SPECTROMETER, &list))
		return;
	for (size_t i = 0; i < js_len(list); i++) {
		const char *serial = "", *state = "";

		js_get_str(js_at(list, i), "Serial", &serial);
		js_get_str(js_at(list, i), "State", &state);
		offer(p, serial, state);
	}
}

/* A name that several have is none to end one by: it is offered as that, and
 * the object of each. */
static void offer_assay(const struct place *p, json_t *list, json_t *assay)
{
	const char *sample = js_text(assay, "Sample");
	char state[60], text[200];
	size_t n = 0;

	for (size_t i = 0; i < js_len(list); i++)
		n += !instruments_is_over(js_at(list, i)) &&
		     !strcmp(js_text(js_at(list, i), "Sample"), sample);
	instruments_state_text(assay, state, sizeof(state));
	if (n == 1) {
		offer(p, sample, state);
		return;
	}
	snprintf(text, sizeof(text), "%zu of this name: add --place", n);
	offer(p, sample, text);
	snprintf(text, sizeof(text), "%s, %s", sample, state);
	offer(p, js_text(assay, "path"), text);
}

static void offer_assays(struct place *p)
{
	CLEANUP(js_freep) json_t *list = NULL;

	if (!client_of(p) || instruments_list(p->client, CLIENT_ASSAY, &list))
		return;
	for (size_t i = 0; i < js_len(list); i++) {
		json_t *assay = js_at(list, i);

		if (!instruments_is_over(assay))
			offer_assay(p, list, assay);
	}
}

static void offer_places(struct place *p)
{
	CLEANUP(js_freep) json_t *list = NULL;
	char number[24];

	if (!client_of(p) || instruments_list(p->client, CLIENT_ASSAY, &list))
		return;
	for (size_t i = 0; i < js_len(list); i++) {
		json_t *assay = js_at(list, i);

		if (instruments_is_over(assay))
			continue;
		snprintf(number, sizeof(number), "%.0f",
			 js_number(assay, "Position"));
		offer(p, number, js_text(assay, "Sample"));
	}
}

static void offer_readers(struct place *p)
{
	CLEANUP(js_freep) json_t *ledger = NULL;
	json_t *readers;

	if (!client_of(p) ||
	    client_properties(p->client, CLIENT_ROOT, CLIENT_LEDGER, &ledger))
		return;
	readers = js_get(ledger, "Readers");
	for (size_t i = 0; i < js_len(readers); i++) {
		const char *name = "";

		js_str_value(js_at(js_at(readers, i), 0), &name, NULL);
		offer(p, name, "reader");
	}
}

static void offer_checks(struct place *p)
{
	CLEANUP(js_freep) json_t *list = NULL;

	if (!client_of(p) ||
	    instruments_list(p->client, CLIENT_SPECTROMETER, &list))
		return;
	for (size_t i = 0; i < js_len(list); i++) {
		json_t *checks = js_get(js_at(list, i), "Checks");

		for (size_t k = 0; k < js_len(checks); k++)
			offer(p, qc_text(js_at(checks, k), QC_NAME),
			      qc_text(js_at(checks, k), QC_STATE));
	}
}

static void offer_kinds(struct place *p)
{
	for (int i = 0; i < CHAIN_N_KINDS; i++)
		offer(p, chain_kind_name(i), "kind of record");
}

static int offer_sample(void *userdata, struct record *r, struct page *page)
{
	const char *sample = "";

	(void)page;
	js_get_str(r->json, "sample", &sample);
	if (*sample)
		offer(userdata, sample, "sample");
	return REESPEC_OK;
}

static int offer_number(void *userdata, struct record *r, struct page *page)
{
	const char *sample = "";
	char number[24];

	(void)page;
	js_get_str(r->json, "sample", &sample);
	snprintf(number, sizeof(number), "%llu",
		 (unsigned long long)r->head.seq);
	offer(userdata, number, sample);
	return REESPEC_OK;
}

static void walk(struct place *p, records_on_record on_record)
{
	struct records_span span;

	if (!client_of(p) || records_span(p->client, &span) || !span.last)
		return;
	records_walk(p->client, p->args,
		     span.last - span.first > RECENT ? span.last - RECENT
						     : span.first,
		     span.last, "result", false, on_record, p);
}

static void offer_samples(struct place *p)
{
	walk(p, offer_sample);
}

static void offer_numbers(struct place *p)
{
	walk(p, offer_number);
}

/* By the word that stands for the value in a usage line. */
static const struct {
	const char *name;
	void (*offer)(struct place *p);
} values[] = {
	{ "FILE", offer_files },     { "METHOD", offer_methods },
	{ "SAMPLE", offer_samples }, { "SERIAL", offer_serials },
	{ "READER", offer_readers }, { "SEQ", offer_numbers },
	{ "KIND", offer_kinds },     { "FOLDER", offer_files },
	{ "CHECK", offer_checks },   { "LIST", offer_files },
	{ "WORKLIST", offer_files }, { "ASSAY", offer_assays },
	{ "PLACE", offer_places },
};

/* "[FILE]", "SEQ|FILE" or "json|csv": small letters are words themselves. */
static void offer_values(struct place *p, const char *usage)
{
	char word[32];
	size_t len;

	for (; *usage; usage += len) {
		len = strcspn(usage, "|[]. ");
		if (!len) {
			len = 1;
			continue;
		}
		snprintf(word, sizeof(word), "%.*s", (int)len, usage);
		if (*word >= 'a' && *word <= 'z')
			offer(p, word, "");
		for (size_t i = 0; i < ARRAY_SIZE(values); i++)
			if (!strcmp(values[i].name, word))
				values[i].offer(p);
	}
}

/* The @n-th word of a usage line, "" behind its end; "FILE..." is the last. */
static const char *usage_word(const char *usage, unsigned int n)
{
	for (; n && *usage; n--) {
		size_t len = strcspn(usage, " ");

		if (len > 3 && !strncmp(usage + len - 3, "...", 3))
			break;
		usage += len;
		usage += strspn(usage, " ");
	}
	return usage;
}

static void offer_options(struct place *p, const struct option_desc *options)
{
	char word[64];

	for (; options && options->name; options++) {
		snprintf(word, sizeof(word), "--%s", options->name);
		offer(p, word, options->help);
	}
}

static void offer_commands(struct place *p)
{
	for (const struct command *const *c = commands; *c; c++)
		offer(p, (*c)->name, (*c)->summary);
}

/* "--name=val" is an option of its own; bash breaks it at the sign. */
static const struct option_desc *option_of(const struct command *command,
					   const char *word, size_t len)
{
	if (len < 2 || word[0] != '-')
		return NULL;
	if (word[1] == '-')
		return args_find_option(command, word + 2, len - 2, 0);
	return len == 2 ? args_find_option(command, NULL, 0, word[1]) : NULL;
}

static void complete(struct place *p, char *const *words, unsigned int n)
{
	const struct command *command = NULL;
	const struct option_desc *wants = NULL;
	unsigned int n_operands = 0;
	size_t len;

	for (unsigned int i = 0; i + 1 < n; i++) {
		const char *word = words[i];

		if (!strcmp(word, "=") || (!i && !strcmp(word, "help")))
			continue;
		if (wants) {
			wants = NULL;
		} else if (word[0] == '-' && word[1]) {
			wants = option_of(command, word, strlen(word));
			if (wants && !wants->arg)
				wants = NULL;
		} else if (!command) {
			command = args_find_command(word);
			if (!command)
				return;
		} else {
			n_operands++;
		}
	}
	if (!strcmp(p->word, "="))
		p->word = "";
	len = strcspn(p->word, "=");
	if (!wants && !strncmp(p->word, "--", 2) && p->word[len]) {
		wants = option_of(command, p->word, len);
		snprintf(p->prefix, sizeof(p->prefix), "%.*s=", (int)len,
			 p->word);
		p->word += len + 1;
	}
	if (wants) {
		offer_values(p, wants->arg ? wants->arg : "");
	} else if (p->word[0] == '-') {
		offer_options(p, command ? command->options : NULL);
		offer_options(p, common_options);
	} else if (!command) {
		offer_commands(p);
	} else {
		char operand[64];
		const char *at = usage_word(command->operands, n_operands);

		snprintf(operand, sizeof(operand), "%.*s",
			 (int)strcspn(at, " "), at);
		offer_values(p, operand);
	}
}

static int run(const struct args *args)
{
	struct place p = { .args = args, .word = "", .offered = js_object() };

	/* Who presses a key must not read why there is no bus. */
	if (!freopen("/dev/null", "w", stderr))
		return REESPEC_FAILED;
	if (args->n_operands)
		p.word = args->operands[args->n_operands - 1];
	complete(&p, args->operands, args->n_operands);
	client_close(p.client);
	js_free(p.offered);
	return REESPEC_OK;
}

const struct command command_complete = {
	.name = "complete",
	.operands = "-- [WORD...]",
	.summary = "say what may come next, for a shell's completion",
	.text = "Prints what may stand for the last WORD, one a line, with a tabulator\n"
		"and an explanation behind it; \":files\" stands for the names of files.\n"
		"The completions of bash, zsh and fish ask this.",
	.n_max = ARGS_OPERANDS_MAX,
	.run = run,
};
