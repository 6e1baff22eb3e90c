// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records without a signature may be anybody's, so that there may be several
 * under one number. A signed one names the true one before it by its hash, and
 * that one the one before: nobody can make another that has it. The laboratory's
 * bridge sends a record when the stream has the one before, so one walk towards
 * lower numbers meets them all, whatever else was published between them, and
 * keeps no more than the number of each.
 *
 * It ends at the message of the last proven record. One that is signed and not
 * in the database was judged when it came, and nothing behind it is better.
 */
#include "bridges/branch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bridges/arrival.h"

/* The record that is looked for. */
struct wanted {
	uint64_t seq;
	char hash[CHAIN_HASH_SIZE];
};

static int add_message(struct branch *b, uint64_t message)
{
	uint64_t *more = b->messages;

	if (!(b->n & (b->n + 1)))
		more = realloc(more, 2 * (b->n + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	b->messages = more;
	b->messages[b->n++] = message;
	return 0;
}

/* Whether the message is the one, and can be taken as it is. */
static bool is_wanted(const struct arrival *a, const struct database_ledger *l,
		      const struct wanted *w)
{
	char own[CHAIN_HASH_SIZE];

	if (a->head.seq != w->seq || strcmp(a->head.ledger, l->chain.ledger) ||
	    strcmp(a->site, l->site) || strcmp(a->record.hash, w->hash))
		return false;
	chain_hash(a->record.prev, a->record.body, a->record.body_len, own);
	return !strcmp(own, w->hash) && !*a->record.sig &&
	       !chain_kind_is_signed(a->head.kind);
}

/* 1 when message @n is the one that is wanted, and then the one before is. */
static int try_message(struct stream *s, const struct database_ledger *l,
		       uint64_t n, struct wanted *w)
{
	CLEANUP(buf_deinit) struct buf subject = { 0 };
	CLEANUP(buf_deinit) struct buf data = { 0 };
	struct stream_msg m = { .seq = n };
	CLEANUP(arrival_deinit) struct arrival a = { .msg = &m };
	const char *verdict, *why;
	int r;

	r = stream_get(s, n, &subject, &data);
	if (r < 0)
		return r == -ENOENT ? 0 : -ECOMM;
	m.subject = subject.data ? subject.data : "";
	m.data = data.data ? data.data : "";
	m.len = data.len;
	if (arrival_read(&a, &verdict, &why) < 0 || !is_wanted(&a, l, w))
		return 0;
	strcpy(w->hash, a.record.prev);
	w->seq--;
	return 1;
}

/* Whether what is wanted is here: 1; 0; -ENOENT when it cannot be. */
static int is_here(struct database *d, const struct database_ledger *l,
		   const struct wanted *w)
{
	char hash[CHAIN_HASH_SIZE], sig[CHAIN_SIG_SIZE];
	int r;

	/* The first one of a ledger that begins in the middle has a link that
	 * nobody can check. */
	if (!l->proven && w->seq < l->chain.first_seq)
		return 1;
	r = database_find(d, l->chain.ledger, w->seq, hash, sig);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && !strcmp(hash, w->hash))
		return 1;
	return w->seq <= l->proven ? -ENOENT : 0;
}

int branch_find(struct stream *s, struct database *d,
		const struct database_ledger *l, uint64_t seq, const char *hash,
		uint64_t before, struct branch *ret)
{
	struct wanted w = { .seq = seq };
	int r;

	strcpy(w.hash, hash);
	r = is_here(d, l, &w);
	while (r == 0 && before > l->proven_message + 1) {
		r = try_message(s, l, --before, &w);
		if (r <= 0)
			continue;
		r = add_message(ret, before);
		if (r == 0)
			r = is_here(d, l, &w);
	}
	ret->seq = w.seq;
	strcpy(ret->hash, w.hash);
	return r == -ENOENT ? 0 : r;
}

void branch_deinit(struct branch *b)
{
	free(b->messages);
	memset(b, 0, sizeof(*b));
}
