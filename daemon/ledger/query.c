// SPDX-License-Identifier: GPL-2.0-or-later
/* Committed records and spectra, read one by one or in a row. */
#include "ledger/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/spectra.h"
#include "ledger/store.h"

int ledger_start_reading(struct ledger *l)
{
	return store_run(l, STORE_BEGIN_READING, "reading the ledger");
}

void ledger_stop_reading(struct ledger *l)
{
	if (store_run(l, STORE_COMMIT, "reading the ledger") < 0)
		store_rollback(l);
}

static int load_record(struct ledger *l, uint64_t seq, struct chain_record *ret)
{
	CLEANUP(store_resetp)
	sqlite3_stmt *s = store_statement(l, STORE_GET_RECORD);
	char prev[CHAIN_HASH_SIZE];
	int r;

	sqlite3_bind_int64(s, 1, (sqlite3_int64)seq);
	switch (sqlite3_step(s)) {
	case SQLITE_ROW:
		break;
	case SQLITE_DONE:
		return -ENOENT;
	default:
		return store_error(l, "reading a record");
	}
	r = store_get_hash(l, seq - 1, prev);
	return r < 0 ? r : store_read_record(s, 0, prev, ret);
}

int ledger_get(struct ledger *l, uint64_t seq, struct chain_record *ret,
	       struct chain_head *ret_head, json_t **ret_json)
{
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	const char *why = "";
	int r = -ENOENT;

	/* What was archived may still be in the file. */
	if (seq > l->base_seq && seq <= INT64_MAX)
		r = load_record(l, seq, &record);
	if (r == -ENOENT && seq && seq <= l->base_seq)
		return store_fail(
			l, r,
			"record %" PRIu64
			" was archived: the ledger begins with %" PRIu64,
			seq, l->base_seq + 1);
	if (r == -ENOENT)
		return store_fail(l, r, "there is no record %" PRIu64, seq);
	if (r < 0)
		return r;
	if (ret_head || ret_json) {
		r = chain_read_body(record.body, record.body_len, ret_head,
				    ret_json, &why);
		if (r < 0)
			return store_fail(l, r, "record %" PRIu64 ": %s", seq,
					  why);
	}
	*ret = record;
	record.body = NULL;
	return 0;
}

int ledger_get_blob(struct ledger *l, const char *sha256, struct buf *ret)
{
	CLEANUP(store_resetp)
	sqlite3_stmt *s = store_statement(l, STORE_GET_BLOB);
	char name[CHAIN_HASH_SIZE];
	size_t start = ret->len;
	sqlite3_int64 len;
	int r;

	sqlite3_bind_text(s, 1, sha256, -1, SQLITE_STATIC);
	switch (sqlite3_step(s)) {
	case SQLITE_ROW:
		break;
	case SQLITE_DONE:
		return store_fail(l, -ENOENT, "there is no spectrum %.64s",
				  sha256);
	default:
		return store_error(l, "reading a spectrum");
	}

	len = sqlite3_column_int64(s, 0);
	r = len < 0 || len > SPECTRA_BYTES_MAX ? -EBADMSG : 0;
	if (!r)
		r = spectra_unpack(l->packer, sqlite3_column_blob(s, 1),
				   (size_t)sqlite3_column_bytes(s, 1),
				   (size_t)len, ret);
	if (!r) {
		chain_sha256(ret->data + start, (size_t)len, name);
		if (!strcmp(name, sha256))
			return 0;
		ret->len = start;
		r = -EBADMSG;
	}
	return store_fail(l, r, "spectrum %.64s is damaged", sha256);
}

int ledger_get_counts(struct ledger *l, const char *sha256, uint32_t **ret,
		      size_t *ret_n)
{
	CLEANUP(buf_deinit) struct buf bytes = { 0 };
	CLEANUP(freep) uint32_t *counts = NULL;
	int r;

	r = ledger_get_blob(l, sha256, &bytes);
	if (r < 0)
		return r;
	counts = malloc(bytes.len + 1);
	if (!counts)
		return -ENOMEM;
	r = spectra_counts(bytes.data, bytes.len, counts);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(counts);
	*ret_n = bytes.len / 4;
	return 0;
}

/* ---- cursors -------------------------------------------------------------- */

/*
 * The next row is asked for by number each time, so that no read transaction
 * stays open between calls and holds the log's reuse up. Each way to ask has
 * an index that leads to that row, however many do not match before it.
 */
struct ledger_cursor {
	struct ledger *l;
	sqlite3_stmt *next;
	uint64_t from, to; /* what is left, both included; from > to: nothing */
	uint32_t bits; /* of kinds */
	char kinds[64]; /* the same as JSON, "" for all */
	bool is_by_instrument; /* not by sample */
	char *name; /* of sample or instrument, NULL for all */
	bool is_descending;
	/* The row before: the next one's prev, when it follows. */
	uint64_t before_seq;
	char before_hash[CHAIN_HASH_SIZE];
};

#define NEAR 64 /* records */

#define COLUMNS "SELECT seq, hash, sig, body FROM record WHERE "
#define BETWEEN "seq BETWEEN ?1 AND ?2 "
#define OF_SAMPLE BETWEEN "AND sample = ?4 "
#define OF_INSTRUMENT BETWEEN "AND instrument = ?4 "
#define OF_KINDS "AND (?3 = '' OR kind IN (SELECT value FROM json_each(?3))) "
#define OF_BITS BETWEEN "AND ?5 >> kind & 1 "
/* The nearest of the nearest of each kind. */
#define NEAREST(which, order)                                        \
	COLUMNS "seq = (SELECT " which "((SELECT seq FROM record"    \
		" WHERE kind = k.value AND " BETWEEN order ")) FROM" \
		" json_each(?3) AS k)"

static const char *query(const struct ledger_cursor *c)
{
	if (c->is_by_instrument)
		return c->is_descending ? COLUMNS OF_INSTRUMENT
			       "ORDER BY seq DESC LIMIT 1"
					: COLUMNS OF_INSTRUMENT
			       "ORDER BY seq LIMIT 1";
	if (c->name)
		return c->is_descending ? COLUMNS OF_SAMPLE OF_KINDS
			       "ORDER BY seq DESC LIMIT 1"
					: COLUMNS OF_SAMPLE OF_KINDS
			       "ORDER BY seq LIMIT 1";
	/* Where all lies near, to walk costs less than to ask for each kind. */
	if (c->kinds[0] && c->to - c->from < NEAR)
		return c->is_descending
			       ? COLUMNS OF_BITS "ORDER BY seq DESC LIMIT 1"
			       : COLUMNS OF_BITS "ORDER BY seq LIMIT 1";
	if (c->kinds[0])
		return c->is_descending
			       ? NEAREST("max", "ORDER BY seq DESC LIMIT 1")
			       : NEAREST("min", "ORDER BY seq LIMIT 1");
	return c->is_descending ? COLUMNS BETWEEN "ORDER BY seq DESC LIMIT 1"
				: COLUMNS BETWEEN "ORDER BY seq LIMIT 1";
}

static void write_kinds(uint32_t bits, char ret[64])
{
	const char *before = "[";
	size_t n = 0;

	ret[0] = '\0';
	for (unsigned int kind = 0; kind < CHAIN_N_KINDS; kind++) {
		if (!(bits & 1U << kind))
			continue;
		n += (size_t)sprintf(ret + n, "%s%u", before, kind);
		before = ",";
	}
	if (n)
		strcpy(ret + n, "]");
}

int ledger_cursor_open(struct ledger *l, const struct ledger_range *range,
		       struct ledger_cursor **ret)
{
	const char *name =
		range->instrument ? range->instrument : range->sample;
	CLEANUP(ledger_cursor_closep) struct ledger_cursor *c = NULL;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->l = l;
	c->bits = range->kinds;
	write_kinds(range->kinds, c->kinds);
	c->is_by_instrument = range->instrument;
	if (name) {
		c->name = strdup(name);
		if (!c->name)
			return -ENOMEM;
	}
	c->is_descending = range->is_descending;
	c->from = range->from > l->base_seq ? range->from : l->base_seq + 1;
	c->to = range->to && range->to < l->last_seq ? range->to : l->last_seq;

	if (sqlite3_prepare_v2(l->db, query(c), -1, &c->next, NULL) !=
	    SQLITE_OK)
		return store_error(l, "reading the ledger");
	*ret = TAKE_PTR(c);
	return 0;
}

/* A hole before a record is for verification to find, not for readers: prev
 * is empty then. */
static int find_prev(struct ledger_cursor *c, uint64_t seq,
		     char ret[CHAIN_HASH_SIZE])
{
	int r;

	if (seq && seq == c->before_seq) {
		strcpy(ret, c->before_hash);
		return 0;
	}
	r = store_get_hash(c->l, seq, ret);
	return r == -ENOENT ? 0 : r;
}

static int read_row(struct ledger_cursor *c, struct chain_record *ret,
		    uint64_t *ret_seq)
{
	char prev[CHAIN_HASH_SIZE] = "";
	uint64_t seq;
	int r;

	sqlite3_bind_int64(c->next, 1, (sqlite3_int64)c->from);
	sqlite3_bind_int64(c->next, 2, (sqlite3_int64)c->to);
	/* What a query has no place for is not bound, and not asked. */
	sqlite3_bind_text(c->next, 3, c->kinds, -1, SQLITE_STATIC);
	sqlite3_bind_text(c->next, 4, c->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(c->next, 5, c->bits);
	switch (sqlite3_step(c->next)) {
	case SQLITE_ROW:
		break;
	case SQLITE_DONE:
		c->from = c->to + 1;
		return 0;
	default:
		return store_error(c->l, "reading the ledger");
	}

	seq = (uint64_t)sqlite3_column_int64(c->next, 0);
	r = find_prev(c, seq - 1, prev);
	if (r < 0)
		return r;
	r = store_read_record(c->next, 1, prev, ret);
	if (r < 0)
		return store_fail(c->l, r, "record %" PRIu64 " is damaged",
				  seq);
	c->before_seq = seq;
	strcpy(c->before_hash, ret->hash);
	if (c->is_descending)
		c->to = seq - 1;
	else
		c->from = seq + 1;
	if (ret_seq)
		*ret_seq = seq;
	return 1;
}

int ledger_cursor_next(struct ledger_cursor *c, struct chain_record *ret,
		       uint64_t *ret_seq)
{
	int r;

	if (c->from > c->to)
		return 0;
	r = read_row(c, ret, ret_seq);
	sqlite3_reset(c->next);
	return r;
}

struct ledger_cursor *ledger_cursor_close(struct ledger_cursor *c)
{
	if (!c)
		return NULL;
	sqlite3_finalize(c->next);
	free(c->name);
	free(c);
	return NULL;
}

int ledger_next_open(struct ledger *l, uint64_t from, uint64_t *ret_seq)
{
	CLEANUP(store_resetp)
	sqlite3_stmt *s = store_statement(l, STORE_GET_OPEN);

	if (from <= l->base_seq)
		from = l->base_seq + 1;
	sqlite3_bind_int(s, 1, CHAIN_ASSAY);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)from);
	switch (sqlite3_step(s)) {
	case SQLITE_ROW:
		*ret_seq = (uint64_t)sqlite3_column_int64(s, 0);
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return store_error(l, "reading the ledger");
	}
}
