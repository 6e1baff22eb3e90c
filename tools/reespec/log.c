// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec log: the newest records, and those to come. */
#include "reespec/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reespec/feed.h"
#include "reespec/json_out.h"
#include "reespec/later.h"
#include "reespec/pager.h"
#include "reespec/record_text.h"
#include "reespec/records.h"

#define CHUNK 512

static const struct option_desc options[] = {
	{ "lines", 'n', "N", "the last N records (default 20)" },
	{ "follow", 'f', NULL, "wait for records and print them too" },
	{ "kind", 0, "KIND", "records of this kind only" },
	{ "sample", 0, "SAMPLE", "records of this sample only" },
	{ NULL, 0, NULL, NULL },
};

struct log {
	const struct args *args;
	const char *kind;
	const char *sample;
	struct later later;
	/* The newest matches, newest last; older ones than wanted drop out. */
	struct record *records;
	size_t n_records;
	size_t n_max;
	struct record_columns columns;
};

static void log_deinit(struct log *l)
{
	for (size_t i = 0; i < l->n_records; i++)
		record_deinit(&l->records[i]);
	free(l->records);
	later_deinit(&l->later);
}

static bool is_wanted(const struct log *l, const struct record *r)
{
	const char *sample = "";

	js_get_str(r->json, "sample", &sample);
	if (l->sample && strcmp(l->sample, sample) &&
	    strcmp(l->sample, later_measured_as(r->json)))
		return false;
	return !l->kind || !strcmp(l->kind, chain_kind_name(r->head.kind));
}

static void print(const struct log *l, const struct record *r)
{
	if (l->args->is_json)
		json_out_body(r->chain.body, r->chain.body_len);
	else
		record_text_line(stdout, r, &l->columns);
}

static int keep(void *userdata, struct record *r, struct page *page)
{
	struct log *l = userdata;

	(void)page;
	if (later_apply(&l->later, r) < 0)
		return fail(l->args, REESPEC_FAILED, "out of memory");
	if (!is_wanted(l, r) || l->n_max == 0)
		return REESPEC_OK;
	if (l->n_records == l->n_max) {
		record_deinit(&l->records[0]);
		memmove(l->records, l->records + 1,
			(l->n_max - 1) * sizeof(*l->records));
		l->n_records--;
	}
	l->records[l->n_records++] = *r;
	memset(r, 0, sizeof(*r));
	return REESPEC_OK;
}

/*
 * Where to begin: a filter may leave few of many, so the start moves back
 * chunk by chunk, twice as far each time, until enough are found.
 */
static int collect(struct client *c, struct log *l,
		   const struct records_span *span)
{
	uint64_t n = l->n_max;

	for (;;) {
		uint64_t from = span->last >= span->first + n
					? span->last - n + 1
					: span->first;
		int r = records_walk(c, l->args, from, span->last, l->kind,
				     false, keep, l);

		if (r || l->n_records == l->n_max || from == span->first)
			return r;
		while (l->n_records)
			record_deinit(&l->records[--l->n_records]);
		n = n < CHUNK ? CHUNK : n * 2;
	}
}

static int on_new(void *userdata, const struct record *r)
{
	const struct log *l = userdata;

	if (is_wanted(l, r)) {
		print(l, r);
		fflush(stdout);
	}
	return REESPEC_OK;
}

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(log_deinit)
	struct log l = {
		.args = args,
		.kind = args_get(args, "kind"),
		.sample = args_get(args, "sample"),
	};
	unsigned long long n = 20;
	struct records_span span;
	int r;

	r = args_count(args, "lines", 0, 1000000, &n);
	if (r)
		return r;
	r = record_check_kind(args, "kind");
	if (r)
		return r;
	l.n_max = n;
	l.records = calloc(n ? n : 1, sizeof(*l.records));
	if (!l.records)
		return fail(args, REESPEC_FAILED, "out of memory");
	r = client_open(&c, args);
	if (r)
		return r;
	r = records_span(c, &span);
	if (r)
		return r;
	r = later_load(c, args, 0, &l.later);
	if (r)
		return r;
	r = n ? collect(c, &l, &span) : REESPEC_OK;
	if (r)
		return r;
	if (!args->is_json && !args_has(args, "follow"))
		pager_start(args);
	/* What is still to come may be of any width. */
	if (args_has(args, "follow"))
		l.columns = (struct record_columns)RECORD_COLUMNS_ANY;
	for (size_t i = 0; i < l.n_records; i++)
		record_columns_fit(&l.columns, &l.records[i]);
	for (size_t i = 0; i < l.n_records; i++)
		print(&l, &l.records[i]);
	if (!args_has(args, "follow"))
		return REESPEC_OK;
	fflush(stdout);
	return feed_run(c, args, "", span.last + 1, on_new, &l);
}

const struct command command_log = {
	.name = "log",
	.operands = "",
	.summary = "show the newest records of the ledger",
	.text = "Shows the newest records, one a line. With --json each line is the\n"
		"record's body, byte for byte as it was hashed.",
	.options = options,
	.run = run,
};
