// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Old records leave the ledger.
 *
 * What goes is a range from the first kept record to a result: its signature
 * covers, by the chain, all of the range, so an export of it stands by
 * itself. No assay may lie on both sides, every named reader must have
 * acknowledged it, and a checkpoint record says what went.
 *
 * What goes may be millions of records, so they go in two steps. The commit of
 * the checkpoint moves the base, in front of which nothing is read any more;
 * rows are taken from the file afterwards, some at a time, and nobody can tell
 * how far that has come.
 */
#include "ledger/archive.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger/reader.h"
#include "ledger/store.h"

struct ledger_archiving {
	struct ledger *l;
	struct ledger_archive what;
	struct ledger_cursor *results; /* from the newest down */
	uint64_t bound; /* by readers, and by what was asked for */
	uint64_t open_from; /* the oldest assay that ended behind */
	uint64_t last; /* what was found; 0: nothing */
	/* Of the results seen: any, one within the bound, an old one of those. */
	bool has_results, has_within, has_old;
	bool is_done;
	char reader[160]; /* in words: the one that bounds; "": none */
};

/* The reader that has acknowledged least bounds all. */
static int bound_by_readers(struct ledger_archiving *a)
{
	CLEANUP(freep) struct reader *readers = NULL;
	size_t n, i;
	int r;

	r = reader_list(a->l, &readers, &n);
	if (r < 0)
		return r;
	for (i = 0; i < n; i++) {
		if (readers[i].acked_seq >= a->bound)
			continue;
		a->bound = readers[i].acked_seq;
		snprintf(
			a->reader, sizeof(a->reader),
			"reader %s has acknowledged no more than record %" PRIu64
			": let it read on, or forget it",
			readers[i].name, a->bound);
	}
	return 0;
}

struct result {
	uint64_t seq;
	uint64_t assay;
	struct chain_head head;
	uint64_t time_us;
};

/* The next older result: 1, 0 at the first kept record, or -errno. */
static int next_result(struct ledger_cursor *c, struct result *ret)
{
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	CLEANUP(js_freep) json_t *body = NULL;
	const char *why;
	int r;

	r = ledger_cursor_next(c, &record, &ret->seq);
	if (r <= 0)
		return r;
	r = chain_read_body(record.body, record.body_len, &ret->head, &body,
			    &why);
	if (r >= 0)
		r = clock_parse(ret->head.time, &ret->time_us);
	if (r < 0)
		return r;
	if (js_get_u64(body, "assay", &ret->assay) < 0)
		ret->assay = ret->seq;
	return 1;
}

int ledger_archiving_start(struct ledger *l, const struct ledger_archive *what,
			   struct ledger_archiving **ret)
{
	CLEANUP(ledger_archiving_stopp) struct ledger_archiving *a = NULL;
	const struct ledger_range range = { .kinds = 1U << CHAIN_RESULT,
					    .is_descending = true };
	int r;

	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->l = l;
	a->what = *what;
	a->open_from = what->running ? what->running : UINT64_MAX;
	a->bound = what->to ? what->to : UINT64_MAX;
	r = bound_by_readers(a);
	if (r >= 0)
		r = ledger_cursor_open(l, &range, &a->results);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(a);
	return 0;
}

/* By the wall clock, which may have been set; within this boot no record's age
 * is more than the time since it was made by a clock that nobody sets. */
static bool is_old(const struct ledger_archiving *a, const struct result *r)
{
	return r->time_us < a->what.before_us &&
	       (strcmp(r->head.boot, a->l->boot_id) != 0 ||
		r->head.mono_ns < a->what.before_boot_ns);
}

/* Looks at the next older result: 1, or 0 when the search is over. */
static int look(struct ledger_archiving *a)
{
	struct result found;
	int r;

	r = next_result(a->results, &found);
	if (r <= 0)
		return r;
	a->has_results = true;
	a->has_within |= found.seq <= a->bound;
	a->has_old |= found.seq <= a->bound && is_old(a, &found);
	if (found.seq <= a->bound && is_old(a, &found) &&
	    found.seq < a->open_from) {
		a->last = found.seq;
		return 0;
	}
	/* Younger ones close only behind where they began. */
	if (found.assay < a->open_from)
		a->open_from = found.assay;
	return 1;
}

/* Why nothing may go, for whoever wanted it to. */
static void explain(struct ledger_archiving *a)
{
	struct ledger *l = a->l;

	if (!a->has_results)
		store_fail(l, 0, "no assay has come to a result yet");
	else if (a->has_old)
		store_fail(
			l, 0,
			"an assay that runs or ended lately began before all that is old enough: archive later");
	else if (a->has_within)
		store_fail(l, 0, "no result is older than %s",
			   a->what.rule[0] ? a->what.rule : "is asked for");
	else if (a->reader[0])
		store_fail(l, 0, "%s", a->reader);
	else
		store_fail(l, 0,
			   "record %" PRIu64
			   " and those before it are no result",
			   a->what.to);
}

int ledger_archiving_step(struct ledger_archiving *a, size_t n_max,
			  uint64_t *ret_last)
{
	int r = 1;

	while (!a->is_done && n_max--) {
		r = look(a);
		if (r < 0)
			return r;
		a->is_done = !r;
	}
	if (!a->is_done)
		return 1;
	*ret_last = a->last;
	if (a->last)
		store_fail(a->l, 0, "%s", "");
	else
		explain(a);
	return 0;
}

struct ledger_archiving *ledger_archiving_stop(struct ledger_archiving *a)
{
	if (!a)
		return NULL;
	ledger_cursor_close(a->results);
	free(a);
	return NULL;
}

/* ---- the end of a range --------------------------------------------------- */

struct cut {
	uint64_t last;
	char hash[CHAIN_HASH_SIZE];
	char ledger[CHAIN_ID_SIZE];
	char key[CHAIN_KEY_SIZE];
};

static int write_cut(struct ledger *l, void *arg)
{
	const struct cut *cut = arg;
	const struct store_base base = { cut->last, cut->hash, cut->ledger,
					 cut->key };

	return store_set_base(l, &base);
}

static int find_cut(struct ledger *l, uint64_t last, const char *hash,
		    struct cut *ret)
{
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	struct chain_head head;
	int r;

	r = ledger_get(l, last, &record, &head, NULL);
	if (r < 0)
		return r;
	if (strcmp(record.hash, hash))
		return store_fail(l, -ESTALE,
				  "record %" PRIu64
				  " has another hash in this ledger",
				  last);
	ret->last = last;
	strcpy(ret->hash, record.hash);
	strcpy(ret->ledger, head.ledger);
	return keys_at(l, last, ret->key);
}

static int append_checkpoint(struct ledger *l, const struct cut *cut,
			     uint32_t uid, const char *reason,
			     uint64_t *ret_seq)
{
	CLEANUP(js_freep) json_t *part = js_object();
	const struct ledger_entry e = {
		.kind = CHAIN_CHECKPOINT,
		.uid = uid,
		.part = part,
	};
	int r;

	r = js_set_str(part, "what", "archived");
	r |= js_set_u64(part, "first", l->base_seq + 1);
	r |= js_set_u64(part, "last", cut->last);
	r |= js_set_str(part, "hash", cut->hash);
	r |= js_set_str(part, "reason", reason);
	return r < 0 ? -ENOMEM : batch_append(l, &e, ret_seq, NULL);
}

int ledger_archive(struct ledger_archiving *a, const char *hash, uint32_t uid,
		   const char *reason, uint64_t *ret_seq)
{
	struct ledger *l = a->l;
	struct cut cut;
	int r;

	if (l->n_batch)
		return store_fail(l, -EBUSY, "records wait to be written");
	r = find_cut(l, a->what.to, hash, &cut);
	/* One may have come since that has acknowledged less. */
	if (r >= 0)
		r = bound_by_readers(a);
	if (r < 0)
		return r;
	if (!a->is_done || a->last != cut.last || a->bound < cut.last)
		return store_fail(
			l, -EACCES,
			"the records up to %" PRIu64
			" may not all go: a reader or an assay came between",
			cut.last);
	r = append_checkpoint(l, &cut, uid, reason, ret_seq);
	if (r >= 0)
		r = batch_commit(l, write_cut, &cut);
	if (r < 0) {
		ledger_discard(l);
		return r;
	}
	l->base_seq = cut.last;
	strcpy(l->base_hash, cut.hash);
	return 0;
}

/* ---- what went leaves the file -------------------------------------------- */

static int drop(struct ledger *l, enum store_statement which, size_t n_max)
{
	sqlite3_stmt *s = store_statement(l, which);
	int r;

	sqlite3_bind_int64(s, 1, (sqlite3_int64)l->base_seq);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)n_max);
	r = store_run(l, which, "dropping archived records");
	return r < 0 ? r : sqlite3_changes(l->db);
}

int ledger_purge(struct ledger *l, size_t n_max)
{
	int r;

	r = drop(l, STORE_DROP_BLOBS, n_max);
	if (!r)
		r = drop(l, STORE_DROP_RECORDS, n_max);
	return r > 0 ? 1 : r;
}
