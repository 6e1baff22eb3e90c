// SPDX-License-Identifier: GPL-2.0-or-later
/* Named readers: who follows, and what has arrived there for certain. */
#include "ledger/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/store.h"

bool reader_name_valid(const char *name)
{
	static const char legal[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._-";
	size_t len = strlen(name);

	return len && len <= READER_NAME_MAX && strspn(name, legal) == len &&
	       *name != '.' && *name != '-';
}

static int read_row(sqlite3_stmt *s, struct reader *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (store_column(s, 0, ret->name, sizeof(ret->name)) < 0 ||
	    store_column(s, 3, ret->acked_hash, sizeof(ret->acked_hash)) < 0)
		return -EBADMSG;
	ret->uid = (uint32_t)sqlite3_column_int64(s, 1);
	ret->acked_seq = (uint64_t)sqlite3_column_int64(s, 2);
	ret->seen_us = (uint64_t)sqlite3_column_int64(s, 4);
	return 0;
}

int reader_get(struct ledger *l, const char *name, struct reader *ret)
{
	CLEANUP(store_resetp)
	sqlite3_stmt *s = store_statement(l, STORE_GET_READER);

	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	switch (sqlite3_step(s)) {
	case SQLITE_ROW:
		return read_row(s, ret);
	case SQLITE_DONE:
		return store_fail(l, -ENOENT, "there is no reader %.63s", name);
	default:
		return store_error(l, "reading a reader");
	}
}

static int put(struct ledger *l, const struct reader *r)
{
	sqlite3_stmt *s = store_statement(l, STORE_PUT_READER);

	sqlite3_bind_text(s, 1, r->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, r->uid);
	sqlite3_bind_int64(s, 3, (sqlite3_int64)r->acked_seq);
	sqlite3_bind_text(s, 4, r->acked_hash, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 5, (sqlite3_int64)r->seen_us);
	/* One statement is a transaction of its own, durable when it returns. */
	return store_run(l, STORE_PUT_READER, "keeping a reader's position");
}

static int count(struct ledger *l, uint32_t uid, int64_t *ret)
{
	CLEANUP(store_resetp)
	sqlite3_stmt *s = store_statement(l, STORE_COUNT_READERS);

	sqlite3_bind_int64(s, 1, uid);
	if (sqlite3_step(s) != SQLITE_ROW)
		return store_error(l, "counting readers");
	*ret = sqlite3_column_int64(s, 0);
	return 0;
}

/* A reader that is there and belongs to @uid. */
static int get_own(struct ledger *l, const char *name, uint32_t uid,
		   struct reader *ret)
{
	int r;

	r = reader_get(l, name, ret);
	if (r < 0)
		return r;
	if (ret->uid != uid)
		return store_fail(l, -EACCES,
				  "reader %s belongs to another user", name);
	return 0;
}

static int make(struct ledger *l, const char *name, uint32_t uid,
		unsigned int n_max, uint64_t from, struct reader *ret)
{
	int64_t n = 0;
	int r;

	r = count(l, uid, &n);
	if (r < 0)
		return r;
	if (n >= n_max)
		return store_fail(l, -EDQUOT,
				  "user %u has %" PRId64
				  " readers already, forget one",
				  uid, n);
	memset(ret, 0, sizeof(*ret));
	strcpy(ret->name, name);
	ret->uid = uid;
	ret->acked_seq = from ? from - 1 : l->base_seq;
	return store_get_hash(l, ret->acked_seq, ret->acked_hash);
}

int reader_follow(struct ledger *l, const char *name, uint32_t uid,
		  unsigned int n_max, uint64_t from, uint64_t *ret_next)
{
	struct reader reader;
	int r;

	if (!reader_name_valid(name))
		return store_fail(
			l, -EINVAL,
			"a reader's name is 1 to %d letters, digits, `.`, `_`, `-`",
			READER_NAME_MAX);
	if (from && (from <= l->base_seq || from > l->last_seq + 1))
		return store_fail(l, -ERANGE,
				  "cannot follow from %" PRIu64
				  ", the ledger holds %" PRIu64 " to %" PRIu64,
				  from, l->base_seq + 1, l->last_seq);
	r = get_own(l, name, uid, &reader);
	if (r == -ENOENT)
		r = make(l, name, uid, n_max, from, &reader);
	if (r < 0)
		return r;

	reader.seen_us = clock_realtime_us();
	r = put(l, &reader);
	if (r < 0)
		return r;
	*ret_next = from ? from : reader.acked_seq + 1;
	if (*ret_next <= l->base_seq)
		*ret_next = l->base_seq + 1;
	l->why[0] = '\0';
	return 0;
}

int reader_ack(struct ledger *l, const char *name, uint32_t uid, uint64_t seq,
	       const char *hash)
{
	char stored[CHAIN_HASH_SIZE];
	struct reader reader;
	int r;

	r = get_own(l, name, uid, &reader);
	if (r < 0)
		return r;
	if (seq <= l->base_seq || seq > l->last_seq)
		return store_fail(l, -ERANGE,
				  "there is no record %" PRIu64
				  " to acknowledge",
				  seq);
	r = store_get_hash(l, seq, stored);
	if (r < 0)
		return r;
	if (strcmp(stored, hash))
		return store_fail(
			l, -ESTALE,
			"record %" PRIu64
			" has another hash here: the reader holds another history",
			seq);
	if (seq > reader.acked_seq) {
		reader.acked_seq = seq;
		strcpy(reader.acked_hash, stored);
	}
	reader.seen_us = clock_realtime_us();
	r = put(l, &reader);
	if (r >= 0)
		l->why[0] = '\0';
	return r;
}

int reader_forget(struct ledger *l, const char *name, uint32_t uid,
		  bool is_admin)
{
	struct reader reader;
	sqlite3_stmt *s;
	int r;

	r = is_admin ? reader_get(l, name, &reader)
		     : get_own(l, name, uid, &reader);
	if (r < 0)
		return r;
	s = store_statement(l, STORE_DROP_READER);
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	return store_run(l, STORE_DROP_READER, "forgetting a reader");
}

int reader_list(struct ledger *l, struct reader **ret, size_t *ret_n)
{
	CLEANUP(store_resetp)
	sqlite3_stmt *s = store_statement(l, STORE_LIST_READERS);
	CLEANUP(freep) struct reader *list = NULL;
	struct reader *grown;
	size_t n = 0;
	int rc, r;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		grown = realloc(list, (n + 1) * sizeof(*list));
		if (!grown)
			return -ENOMEM;
		list = grown;
		r = read_row(s, &list[n++]);
		if (r < 0)
			return store_fail(l, r, "a reader's row is damaged");
	}
	if (rc != SQLITE_DONE)
		return store_error(l, "listing readers");
	*ret = TAKE_PTR(list);
	*ret_n = n;
	return 0;
}
