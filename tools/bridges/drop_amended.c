// SPDX-License-Identifier: GPL-2.0-or-later
/* What the ledger says of a result beside the result itself. */
#include "bridges/drop_amended.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"

/* An amendment, and the results behind what it names. */
struct search {
	struct later *later;
	const char *named;
	uint64_t found; /* the newest it concerns; 0: none yet */
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

static int apply(struct client *c, const struct args *args, struct later *later,
		 struct record *r)
{
	return later_load_before(c, args, r, later) || later_apply(later, r) < 0
		       ? -EIO
		       : 0;
}

int drop_amended_apply(const char *bus, struct later *later, struct record *r)
{
	CLEANUP(client_closep) struct client *c = NULL;
	struct args args = { 0 };
	int e = open_quietly(bus, &args, &c);

	later->until = r->head.seq;
	return e < 0 ? e : apply(c, &args, later, r);
}

/* Those that it was made from came before it. */
static int look(void *userdata, struct record *r, struct page *page)
{
	struct search *s = userdata;

	(void)page;
	if (later_note(s->later, r) < 0)
		return REESPEC_FAILED;
	if (later_is_of(s->later, r, s->named))
		s->found = r->head.seq;
	return REESPEC_OK;
}

/* All that is made of a record lies behind it and has its sample; where it is
 * archived nobody can say which that was. */
static int search(struct client *c, const struct args *args,
		  const struct records_span *span, const struct record *r,
		  struct search *s)
{
	CLEANUP(record_deinit) struct record what = { 0 };
	const uint64_t named = strtoull(s->named, NULL, 10);

	if (named < span->first)
		return records_walk(c, args, span->first, r->head.seq, "result",
				    false, look, s);
	if (records_get(c, args, named, &what, NULL))
		return REESPEC_FAILED;
	return records_walk_sample(c, args, named, r->head.seq,
				   js_text(what.json, "sample"), look, s);
}

/* What was archived cannot be put there again: the LIMS keeps what it took. */
static void tell_archived(const struct records_span *span,
			  const struct record *r, const char *named)
{
	if (strtoull(named, NULL, 10) < span->first)
		log_warning("record %" PRIu64
			    " amends record %s, which is archived: there is no"
			    " file of it",
			    r->head.seq, named);
}

int drop_amended_result(const char *bus, struct later *later,
			const struct record *r, struct record *ret)
{
	CLEANUP(client_closep) struct client *c = NULL;
	struct search s = { later, js_text(r->json, "record"), 0 };
	struct records_span span;
	struct args args = { 0 };
	int e;

	if (!*s.named)
		return 0;
	e = open_quietly(bus, &args, &c);
	if (e < 0)
		return e;
	later->until = r->head.seq;
	if (records_span(c, &span) || search(c, &args, &span, r, &s))
		return -EIO;
	if (!s.found) {
		tell_archived(&span, r, s.named);
		return 0;
	}
	if (records_get(c, &args, s.found, ret, NULL))
		return -EIO;
	if (apply(c, &args, later, ret) == 0)
		return 1;
	record_deinit(ret);
	return -EIO;
}
