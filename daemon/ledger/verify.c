// SPDX-License-Identifier: GPL-2.0-or-later
/* The check of a stored ledger: chain, numbers, signatures and spectra. */
#include "ledger/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/store.h"

struct ledger_verifying {
	struct ledger *l;
	struct ledger_cursor *cursor;
	uint64_t to;
	uint64_t witness_seq;
	char witness_hash[CHAIN_HASH_SIZE];
	struct ledger_verified result;
	bool is_done;
};

/* The ledger that record @seq belongs to: a restored one has had others. A
 * ledger of the first version knows one id. */
static int id_at(struct ledger *l, uint64_t seq, char ret[CHAIN_ID_SIZE])
{
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	struct chain_head head;
	int r;

	strcpy(ret, l->id);
	if (seq == l->base_seq) {
		r = store_get_meta(l, "base_ledger", ret, CHAIN_ID_SIZE);
		return r == -ENOENT ? 0 : r;
	}
	/* One that cannot be read is found when its own turn comes. */
	if (ledger_get(l, seq, &record, &head, NULL) >= 0)
		strcpy(ret, head.ledger);
	return 0;
}

/* Where the walk starts is not its own proof: id, key and the hash before the
 * first record come from what the ledger says of itself. */
static int seed(struct ledger_verifying *v, const struct ledger_verify *what)
{
	struct chain_verifier *c = &v->result.chain;
	struct ledger *l = v->l;
	int r;

	c->next_seq = what->from ? what->from : l->base_seq + 1;
	if (c->next_seq <= l->base_seq || c->next_seq > l->last_seq + 1)
		return store_fail(l, -ERANGE, "there is no record %" PRIu64,
				  c->next_seq);
	r = id_at(l, c->next_seq - 1, c->ledger);
	if (r < 0)
		return r;
	c->known = what->known;
	c->n_known = what->n_known;
	if (c->next_seq > 1)
		r = keys_at(l, c->next_seq - 1, c->key);
	if (r < 0)
		return r;
	return store_get_hash(l, c->next_seq - 1, c->head);
}

int ledger_verify_start(struct ledger *l, const struct ledger_verify *what,
			struct ledger_verifying **ret)
{
	CLEANUP(ledger_verify_stopp) struct ledger_verifying *v = NULL;
	struct ledger_range range = { .from = what->from, .to = what->to };
	int r;

	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->l = l;
	v->to = what->to && what->to < l->last_seq ? what->to : l->last_seq;
	if (what->witness_seq) {
		if (!what->witness_hash || !chain_is_hash(what->witness_hash))
			return store_fail(l, -EINVAL,
					  "the witnessed head is not a hash");
		v->witness_seq = what->witness_seq;
		strcpy(v->witness_hash, what->witness_hash);
	}
	r = seed(v, what);
	if (r < 0)
		return r;
	r = ledger_cursor_open(l, &range, &v->cursor);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(v);
	return 0;
}

static int find(struct ledger_verifying *v, enum chain_verdict verdict,
		uint64_t seq, const char *why)
{
	struct chain_fault *f = &v->result.fault;

	f->verdict = verdict;
	f->seq = seq;
	snprintf(f->why, sizeof(f->why), "%s", why);
	v->is_done = true;
	return 0;
}

/* 1 to go on, 0 when a fault was found. */
static int check_blobs(struct ledger_verifying *v, const struct chain_head *h)
{
	CLEANUP(buf_deinit) struct buf bytes = { 0 };
	int r;

	for (size_t i = 0; i < h->n_blobs; i++) {
		const struct chain_blob_ref *b = &h->blobs[i];

		buf_clear(&bytes);
		r = ledger_get_blob(v->l, b->sha256, &bytes);
		if (r == -ENOENT)
			return find(v, CHAIN_BAD_BLOB, h->seq,
				    "a spectrum it names is missing");
		if (r == -EBADMSG || (!r && bytes.len != b->len))
			return find(v, CHAIN_BAD_BLOB, h->seq,
				    "a spectrum it names is damaged");
		if (r < 0)
			return r;
		v->result.n_blobs++;
	}
	return 1;
}

/* A head that someone noted elsewhere is the one proof against a ledger that
 * was cut off or written anew with its own key. */
static bool is_witnessed(const struct ledger_verifying *v, uint64_t seq,
			 const char *hash)
{
	return seq != v->witness_seq || !strcmp(hash, v->witness_hash);
}

static int check_record(struct ledger_verifying *v, uint64_t seq,
			const struct chain_record *record)
{
	struct chain_verifier *c = &v->result.chain;
	struct chain_head h;
	char why[64];

	if (seq != c->next_seq) {
		snprintf(why, sizeof(why), "it is missing, %" PRIu64 " follows",
			 seq);
		return find(v, CHAIN_BAD_SEQ, c->next_seq, why);
	}
	if (chain_verify_record(c, record, &h, &v->result.fault)) {
		v->is_done = true;
		return 0;
	}
	if (!is_witnessed(v, seq, record->hash))
		return find(v, CHAIN_BAD_HEAD, seq,
			    "its hash is not the one that was witnessed");
	return check_blobs(v, &h);
}

static int finish(struct ledger_verifying *v)
{
	uint64_t next = v->result.chain.next_seq;

	v->is_done = true;
	if (next <= v->to)
		return find(v, CHAIN_BAD_SEQ, next,
			    "it is missing, and all that follow");
	if (v->to == v->l->last_seq && strcmp(v->result.chain.ledger, v->l->id))
		return find(v, CHAIN_BAD_LEDGER, v->to,
			    "the ledger calls itself by another id");
	if (v->witness_seq > v->l->last_seq)
		return find(v, CHAIN_BAD_HEAD, next,
			    "the ledger ends before the witnessed head");
	chain_verify_end(&v->result.chain, &v->result.fault);
	return 0;
}

static int step(struct ledger_verifying *v)
{
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	uint64_t seq;
	int r;

	r = ledger_cursor_next(v->cursor, &record, &seq);
	if (r == -EBADMSG)
		return find(v, CHAIN_BAD_BODY, v->result.chain.next_seq,
			    "its row in the database is damaged");
	if (r < 0)
		return r;
	return r ? check_record(v, seq, &record) : finish(v);
}

int ledger_verify_step(struct ledger_verifying *v, size_t n_max,
		       struct ledger_verified *ret)
{
	int r = 1;

	while (!v->is_done && n_max-- && r > 0)
		r = step(v);
	if (r < 0)
		return r;
	*ret = v->result;
	return !v->is_done;
}

struct ledger_verifying *ledger_verify_stop(struct ledger_verifying *v)
{
	if (!v)
		return NULL;
	ledger_cursor_close(v->cursor);
	free(v);
	return NULL;
}

int ledger_verify(struct ledger *l, const struct ledger_verify *what,
		  struct ledger_verified *ret)
{
	CLEANUP(ledger_verify_stopp) struct ledger_verifying *v = NULL;
	int r;

	r = ledger_verify_start(l, what, &v);
	while (v && r >= 0) {
		r = ledger_verify_step(v, SIZE_MAX, ret);
		if (!r)
			return 0;
	}
	return r;
}
