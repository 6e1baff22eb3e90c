// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Old records leave the ledger.
 *
 * What goes is a range from the first kept record to a result: its signature
 * covers, by the chain, all of the range, so an export of it stands by
 * itself. No assay may lie on both sides, every named reader must have
 * acknowledged it, and a checkpoint record says what went.
 */
#include "ledger/archive.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger/reader.h"
#include "ledger/store.h"

/* The reader that has acknowledged least bounds all. */
static int bound_by_readers(struct ledger *l, uint64_t *bound)
{
	CLEANUP(freep) struct reader *readers = NULL;
	size_t n, i;
	int r;

	r = reader_list(l, &readers, &n);
	if (r < 0)
		return r;
	for (i = 0; i < n; i++) {
		if (readers[i].acked_seq >= *bound)
			continue;
		*bound = readers[i].acked_seq;
		store_fail(l, 0, "reader %s has acknowledged record %" PRIu64,
			   readers[i].name, *bound);
	}
	return 0;
}

struct result {
	uint64_t seq;
	uint64_t assay;
	uint64_t time_us;
};

/* The next older result: 1, 0 at the first kept record, or -errno. */
static int next_result(struct ledger_cursor *c, struct result *ret)
{
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	CLEANUP(js_freep) json_t *body = NULL;
	struct chain_head head;
	const char *why;
	int r;

	r = ledger_cursor_next(c, &record, &ret->seq);
	if (r <= 0)
		return r;
	r = chain_read_body(record.body, record.body_len, &head, &body, &why);
	if (r >= 0)
		r = clock_parse(head.time, &ret->time_us);
	if (r < 0)
		return r;
	if (js_get_u64(body, "assay", &ret->assay) < 0)
		ret->assay = ret->seq;
	return 1;
}

int ledger_archivable(struct ledger *l, const struct ledger_archive *what,
		      uint64_t *ret_last)
{
	CLEANUP(ledger_cursor_closep) struct ledger_cursor *c = NULL;
	const struct ledger_range range = { .kinds = 1U << CHAIN_RESULT,
					    .is_descending = true };
	uint64_t open_from = what->running ? what->running : UINT64_MAX;
	uint64_t bound = what->to ? what->to : UINT64_MAX;
	struct result found;
	int r;

	*ret_last = 0;
	l->why[0] = '\0';
	r = bound_by_readers(l, &bound);
	if (r >= 0)
		r = ledger_cursor_open(l, &range, &c);
	while (r >= 0 && (r = next_result(c, &found)) > 0) {
		if (found.seq <= bound && found.time_us < what->before_us &&
		    found.seq < open_from) {
			*ret_last = found.seq;
			l->why[0] = '\0';
			return 0;
		}
		/* Younger ones close only behind where they began. */
		if (found.assay < open_from)
			open_from = found.assay;
	}
	if (r >= 0 && !l->why[0])
		store_fail(l, 0, "no closed range is old enough");
	return r;
}

/* ---- the end of a range --------------------------------------------------- */

struct cut {
	uint64_t last;
	char hash[CHAIN_HASH_SIZE];
	char ledger[CHAIN_ID_SIZE];
	char key[CHAIN_KEY_SIZE];
};

static int drop(struct ledger *l, enum store_statement which, uint64_t last)
{
	sqlite3_stmt *s = store_statement(l, which);

	sqlite3_bind_int64(s, 1, (sqlite3_int64)last);
	return store_run(l, which, "dropping archived records");
}

static int write_cut(struct ledger *l, void *arg)
{
	const struct cut *cut = arg;
	const struct store_base base = { cut->last, cut->hash, cut->ledger,
					 cut->key };
	int r;

	r = drop(l, STORE_DROP_RECORDS, cut->last);
	if (r >= 0)
		r = drop(l, STORE_DROP_BLOBS, cut->last);
	return r < 0 ? r : store_set_base(l, &base);
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
				  "record %" PRIu64 " has another hash here",
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

int ledger_archive(struct ledger *l, const struct ledger_archive *what,
		   const char *hash, uint32_t uid, const char *reason,
		   uint64_t *ret_seq)
{
	struct cut cut;
	uint64_t last;
	int r;

	if (l->n_batch)
		return store_fail(l, -EBUSY, "records wait to be written");
	r = find_cut(l, what->to, hash, &cut);
	if (r >= 0)
		r = ledger_archivable(l, what, &last);
	if (r < 0)
		return r;
	if (last != what->to)
		return store_fail(l, -EACCES,
				  "record %" PRIu64
				  " ends no range that may go yet",
				  what->to);
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
