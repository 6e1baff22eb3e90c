// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which rows are done the ledger tells: there is no file of state to lose. A
 * result has the keys `worklist`, the file's name, and `row`, its number and
 * what it is known by, "7@0123456789ab".
 */
#include "reespec/worklist_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "reespec/print.h"
#include "reespec/records.h"
#include "reespec/result.h"

/* A result of a row that is not in the file as it is now. */
struct lost {
	uint64_t seq;
	size_t number;
	json_t *identity; /* what a cell may have said */
};

struct asked {
	struct worklist *w;
	struct lost *lost;
	size_t n_lost;
};

static void asked_deinit(struct asked *a)
{
	for (size_t i = 0; i < a->n_lost; i++)
		js_free(a->lost[i].identity);
	free(a->lost);
}

/* Rows that say the same are done one after the other, first the one with its
 * number. */
static struct worklist_row *find(struct worklist *w, const char *id,
				 size_t number)
{
	struct worklist_row *own = NULL;
	struct worklist_row *open = NULL;

	if (number >= 1 && number <= w->n_rows &&
	    !strcmp(w->row[number - 1].id, id))
		own = &w->row[number - 1];
	if (own && !own->done)
		return own;
	for (size_t i = 0; i < w->n_rows && !open; i++)
		if (!w->row[i].done && !strcmp(w->row[i].id, id))
			open = &w->row[i];
	/* Measured again, the newest counts. */
	for (size_t i = 0; i < w->n_rows && !open && !own; i++)
		if (!strcmp(w->row[i].id, id))
			own = &w->row[i];
	return open ? open : own;
}

/* What a record tells of the cell of this name; NULL: nothing. */
static const char *recorded(const struct worklist *w, const char *name,
			    json_t *identity)
{
	static const char *const members[] = { "sample", "kind", "method" };

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (!strcmp(name, members[i]))
			return js_text(identity, name);
	if (args_find_option(w->args->command, name, strlen(name), 0))
		return NULL;
	return js_text(js_get(identity, "keys"), name);
}

/* What stands in the cell of this name, or was typed for all rows. */
static const char *stated(const struct worklist *w,
			  const struct worklist_row *row, const char *name)
{
	for (size_t i = 0; i < w->n_columns; i++)
		if (!strcmp(w->column[i], name) && *row->cell[i])
			return row->cell[i];
	return args_get(w->args, name) ?: strcmp(name, "kind") ? "" : "sample";
}

/* Its row is here, but other cells stand in it. */
static void note_change(struct worklist *w, struct worklist_row *row,
			const struct lost *lost)
{
	const char *names[WORKLIST_COLUMNS_MAX + 2] = { "kind", "method" };
	size_t n = 2, len;

	for (size_t i = 0; i < w->n_columns; i++)
		if (strcmp(w->column[i], "kind") != 0 &&
		    strcmp(w->column[i], "method") != 0)
			names[n++] = w->column[i];
	len = (size_t)snprintf(row->note, sizeof(row->note),
			       "changed since record %" PRIu64, lost->seq);
	for (size_t i = 0; i < n && len < sizeof(row->note); i++) {
		const char *before = recorded(w, names[i], lost->identity);

		if (before && strcmp(stated(w, row, names[i]), before) != 0)
			len += (size_t)snprintf(row->note + len,
						sizeof(row->note) - len,
						", %.31s was %.60s", names[i],
						*before ? before : "empty");
	}
}

static int keep_lost(struct asked *a, const struct record *r, size_t number)
{
	struct lost *more = reallocarray(a->lost, a->n_lost + 1, sizeof(*more));
	json_t *keys = js_get(r->json, "keys");

	if (!more)
		return fail(a->w->args, REESPEC_FAILED, "out of memory");
	a->lost = more;
	more[a->n_lost++] = (struct lost){
		.seq = r->head.seq,
		.number = number,
		.identity = js_pack("{s:s, s:s, s:s, s:O}", "sample",
				    js_text(r->json, "sample"), "kind",
				    js_text(r->json, "sample_kind"), "method",
				    result_method(r->json), "keys", keys),
	};
	return REESPEC_OK;
}

static int take(void *userdata, struct record *r, struct page *page)
{
	struct asked *a = userdata;
	struct worklist *w = a->w;
	json_t *keys = js_get(r->json, "keys");
	const char *text = js_text(keys, "row");
	const char *id = strchr(text, '@');
	const size_t number = strtoul(text, NULL, 10);
	struct worklist_row *row;
	const char *why;

	(void)page;
	if (strcmp(js_text(keys, "worklist"), w->name) != 0 ||
	    strcmp(js_text(r->json, "state"), "done") != 0)
		return REESPEC_OK;
	/* Without an id, as nothing here writes it, it is that of no row. */
	row = id ? find(w, id + 1, number) : NULL;
	if (!row)
		return keep_lost(a, r, number);
	row->done = r->head.seq;
	snprintf(row->when, sizeof(row->when), "%s",
		 print_local_time(r->head.time).text);
	row->is_rejected = result_fault(r->json, &why) != NULL;
	snprintf(row->note, sizeof(row->note), "%s",
		 row->is_rejected ? why : "");
	return REESPEC_OK;
}

/* The row that was this one, as its sample tells: by its number, or another
 * that is still to be measured. */
static struct worklist_row *row_of(struct worklist *w, const struct lost *lost)
{
	const char *sample = js_text(lost->identity, "sample");
	struct worklist_row *found = NULL;

	for (size_t i = 0; i < w->n_rows; i++) {
		struct worklist_row *row = &w->row[i];

		if (row->done || strcmp(row->cell[w->sample], sample) != 0)
			continue;
		if (!found || i + 1 == lost->number)
			found = row;
	}
	return found;
}

static void tell_lost(const struct asked *a)
{
	uint64_t first = 0, last = 0;
	size_t n = 0;

	for (size_t i = 0; i < a->n_lost; i++) {
		struct worklist_row *row = row_of(a->w, &a->lost[i]);

		if (row) {
			note_change(a->w, row, &a->lost[i]);
			continue;
		}
		first = n++ ? first : a->lost[i].seq;
		last = a->lost[i].seq;
	}
	if (n == 1)
		fprintf(stderr,
			"%s: record %" PRIu64
			" is of a row that is no longer in it, or by another method\n",
			a->w->path, first);
	else if (n)
		fprintf(stderr,
			"%s: %zu records from %" PRIu64 " to %" PRIu64
			" are of rows that are no longer in it, or by another method\n",
			a->w->path, n, first, last);
}

/* By the calendar on the wall. */
static bool is_of_earlier_day(const struct worklist_row *row)
{
	const size_t day = strlen("2026-11-26");
	char now[CLOCK_TEXT_SIZE];

	clock_format(clock_realtime_us(), now);
	return strncmp(row->when, print_local_time(now).text, day) < 0;
}

static bool is_again(const struct worklist_row *row, const char *again)
{
	if (!strcmp(again, "rejected"))
		return row->is_rejected;
	if (!strcmp(again, "earlier"))
		return is_of_earlier_day(row);
	return !strcmp(again, "all");
}

/* A list that is given each day under one name has rows that say the same each
 * day; a night goes on behind midnight. Which it is, its operator knows. */
static void tell_earlier(const struct worklist *w)
{
	const struct worklist_row *last = NULL;
	size_t n = 0;

	for (size_t i = 0; i < w->n_rows; i++) {
		const struct worklist_row *row = &w->row[i];

		if (!row->done || !is_of_earlier_day(row))
			continue;
		n++;
		if (!last || row->done > last->done)
			last = row;
	}
	if (n)
		fprintf(stderr,
			"%s: %zu of %zu rows were done before today, the last %s, and are left alone; --again earlier measures them again\n",
			w->path, n, w->n_rows, last->when);
}

int worklist_ask_ledger(struct worklist *w, struct client *c)
{
	const char *again = args_get(w->args, "again") ?: "";
	CLEANUP(asked_deinit) struct asked a = { .w = w };
	struct records_span span = { 0 };
	int r;

	r = records_span(c, &span);
	if (!r && span.last)
		r = records_walk(c, w->args, span.first, span.last, "result",
				 false, take, &a);
	if (r)
		return r;
	tell_lost(&a);
	for (size_t i = 0; i < w->n_rows; i++) {
		struct worklist_row *row = &w->row[i];

		if (!row->done || !is_again(row, again))
			continue;
		snprintf(row->note, sizeof(row->note),
			 "again, after record %" PRIu64, row->done);
		row->done = 0;
	}
	tell_earlier(w);
	return REESPEC_OK;
}
