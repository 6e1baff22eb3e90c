// SPDX-License-Identifier: GPL-2.0-or-later
/* What the ledger says of a result beside the result itself. */
#include "bridges/drop_amended.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "reespec/later.h"

/* An amendment, and the results behind what it names. */
struct search {
	const struct later *later;
	const char *by; /* its number */
	uint64_t found; /* 0: none yet */
};

static int open_quietly(const char *bus, struct args *args, struct client **ret)
{
	args->bus = bus;
	if (client_open(ret, args))
		return -EIO;
	/* A daemon that goes is what the follower tells. */
	client_be_quiet(*ret, true);
	client_never_start(*ret);
	return 0;
}

/* The number of the first result that matters to one computed again; 0: to
 * one that was measured none does. */
static uint64_t first_source(json_t *result)
{
	uint64_t first = 0;

	js_get_u64(js_get(result, "reprocessed"), "assay", &first);
	return first;
}

static int apply(struct client *c, const struct args *args, struct record *r)
{
	CLEANUP(later_deinit) struct later later = { .until = r->head.seq };

	if (later_load(c, args, first_source(r->json), &later) ||
	    later_apply(&later, r) < 0)
		return -EIO;
	return 0;
}

int drop_amended_apply(const char *bus, struct record *r)
{
	CLEANUP(client_closep) struct client *c = NULL;
	struct args args = { 0 };
	int e = open_quietly(bus, &args, &c);

	return e < 0 ? e : apply(c, &args, r);
}

static int look(void *userdata, struct record *r, struct page *page)
{
	struct search *s = userdata;
	json_t *amended;

	(void)page;
	if (later_apply(s->later, r) < 0)
		return REESPEC_FAILED;
	amended = js_get(r->json, "amended");
	for (size_t i = 0; i < js_len(amended); i++)
		if (!strcmp(js_text(js_at(amended, i), "by"), s->by))
			s->found = r->head.seq;
	return REESPEC_OK;
}

/* What was archived cannot be put there again: the LIMS keeps what it took. */
static int tell_archived(struct client *c, const struct record *r,
			 uint64_t named)
{
	struct records_span span;

	if (records_span(c, &span))
		return -EIO;
	if (named && named < span.first)
		log_warning("record %" PRIu64 " amends record %" PRIu64
			    ", which is archived: there is no file of it",
			    r->head.seq, named);
	return 0;
}

int drop_amended_result(const char *bus, const struct record *r,
			struct record *ret)
{
	CLEANUP(later_deinit) struct later later = { .until = r->head.seq };
	CLEANUP(client_closep) struct client *c = NULL;
	struct search s = { .later = &later, .by = js_text(r->json, "seq") };
	struct args args = { 0 };
	uint64_t named = 0;
	int e;

	if (js_get_u64(r->json, "record", &named) < 0)
		return 0;
	e = open_quietly(bus, &args, &c);
	if (e < 0)
		return e;
	/* All that is made of a record lies behind it. */
	if (later_load(c, &args, named, &later) ||
	    records_walk(c, &args, named, r->head.seq, "result", false, look,
			 &s))
		return -EIO;
	if (!s.found)
		return tell_archived(c, r, named);
	if (records_get(c, &args, s.found, ret, NULL))
		return -EIO;
	if (later_apply(&later, ret) == 0)
		return 1;
	record_deinit(ret);
	return -EIO;
}
