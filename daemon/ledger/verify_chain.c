// SPDX-License-Identifier: GPL-2.0-or-later
/* The check of records one after another, wherever they come from. */
#include "ledger/chain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const verdicts[] = {
	[CHAIN_GOOD] = "good",	       [CHAIN_BAD_LINE] = "bad-line",
	[CHAIN_BAD_BODY] = "bad-body", [CHAIN_BAD_LEDGER] = "bad-ledger",
	[CHAIN_BAD_SEQ] = "bad-seq",   [CHAIN_BAD_PREV] = "bad-prev",
	[CHAIN_BAD_HASH] = "bad-hash", [CHAIN_BAD_SIG] = "bad-signature",
	[CHAIN_BAD_KEY] = "bad-key",   [CHAIN_BAD_BLOB] = "bad-blob",
	[CHAIN_BAD_HEAD] = "bad-head",
};

const char *chain_verdict_name(enum chain_verdict v)
{
	return (unsigned int)v < ARRAY_SIZE(verdicts) ? verdicts[v] : "?";
}

static enum chain_verdict find(struct chain_fault *fault,
			       enum chain_verdict verdict, uint64_t seq,
			       const char *format, ...)
	__attribute__((__format__(__printf__, 4, 5)));

static enum chain_verdict find(struct chain_fault *fault,
			       enum chain_verdict verdict, uint64_t seq,
			       const char *format, ...)
{
	va_list args;

	fault->verdict = verdict;
	fault->seq = seq;
	va_start(args, format);
	vsnprintf(fault->why, sizeof(fault->why), format, args);
	va_end(args);
	return verdict;
}

/* A new key comes in by the genesis record or by a key record. */
static enum chain_verdict take_key(struct chain_verifier *v,
				   const struct chain_head *h,
				   const json_t *body, struct chain_fault *f)
{
	char fingerprint[CHAIN_FINGERPRINT_SIZE];
	const char *key;

	if (js_get_str(body, "key", &key) < 0 ||
	    chain_fingerprint(key, fingerprint) < 0)
		return find(f, CHAIN_BAD_BODY, h->seq,
			    "the %s record holds no public key",
			    chain_kind_name(h->kind));
	if (h->kind == CHAIN_GENESIS && *v->key && strcmp(v->key, key))
		return find(f, CHAIN_BAD_KEY, h->seq,
			    "the ledger was begun again with another key, %s",
			    fingerprint);
	/* A genesis has the key of what it continues. */
	if (h->kind == CHAIN_GENESIS && !*v->key)
		strcpy(v->start_key, key);
	strcpy(v->key, key);
	return CHAIN_GOOD;
}

/* A genesis record in the middle: from here on a restored ledger. */
static bool is_restored(const struct chain_head *h)
{
	return h->kind == CHAIN_GENESIS && h->seq > 1;
}

/* It must name what it continues, and be another ledger than that. */
static enum chain_verdict check_restored(const struct chain_verifier *v,
					 const struct chain_record *r,
					 const struct chain_head *h,
					 const json_t *body,
					 struct chain_fault *f)
{
	const json_t *continues = js_get(body, "continues");
	const char *ledger, *hash;
	uint64_t seq;

	if (js_get_str(continues, "ledger", &ledger) < 0 ||
	    js_get_str(continues, "hash", &hash) < 0 ||
	    js_get_u64(continues, "seq", &seq) < 0 || seq != h->seq - 1 ||
	    strcmp(hash, r->prev) || !strcmp(ledger, h->ledger) ||
	    (*v->ledger && strcmp(ledger, v->ledger)))
		return find(f, CHAIN_BAD_LEDGER, h->seq,
			    "it does not name the ledger it continues");
	return CHAIN_GOOD;
}

static enum chain_verdict check_place(const struct chain_verifier *v,
				      const struct chain_record *r,
				      const struct chain_head *h,
				      struct chain_fault *f)
{
	if (*v->ledger && strcmp(v->ledger, h->ledger) && !is_restored(h))
		return find(f, CHAIN_BAD_LEDGER, h->seq,
			    "the record belongs to ledger %s", h->ledger);
	if (v->next_seq && h->seq != v->next_seq)
		return find(f, CHAIN_BAD_SEQ, v->next_seq,
			    "record %" PRIu64
			    " stands in the place of %" PRIu64,
			    h->seq, v->next_seq);
	if ((h->seq == 1) != (h->kind == CHAIN_GENESIS) && !is_restored(h))
		return find(f, CHAIN_BAD_SEQ, h->seq,
			    "a %s record cannot have number %" PRIu64,
			    chain_kind_name(h->kind), h->seq);
	if (h->seq == 1 && strcmp(r->prev, CHAIN_GENESIS_PREV))
		return find(f, CHAIN_BAD_PREV, h->seq,
			    "the first record names one before it");
	if (*v->head && strcmp(v->head, r->prev))
		return find(f, CHAIN_BAD_PREV, h->seq,
			    "it does not continue the record before it");
	return CHAIN_GOOD;
}

static bool is_known(const struct chain_verifier *v, const char *key)
{
	for (size_t i = 0; i < v->n_known; i++)
		if (!strcmp(v->known[i], key))
			return true;
	return false;
}

/* A signature before the chain has told its key: by one that is known. */
static enum chain_verdict find_key(struct chain_verifier *v,
				   const struct chain_record *r,
				   const struct chain_head *h,
				   struct chain_fault *f)
{
	size_t i = 0;

	while (i < v->n_known &&
	       chain_verify_sig(v->known[i], r->hash, r->sig) < 0)
		i++;
	if (i == v->n_known) {
		v->n_unchecked++;
		if (!v->first_unchecked)
			v->first_unchecked = h->seq;
		return CHAIN_GOOD;
	}
	/* There was no change of keys since, so it is the first one's too. */
	if (v->first_unchecked)
		return find(f, CHAIN_BAD_SIG, v->first_unchecked,
			    "the signature is not one of this ledger's key");
	strcpy(v->key, v->known[i]);
	strcpy(v->start_key, v->known[i]);
	v->is_held = true;
	v->n_signatures++;
	return CHAIN_GOOD;
}

static enum chain_verdict check_sig(struct chain_verifier *v,
				    const struct chain_record *r,
				    const struct chain_head *h,
				    struct chain_fault *f)
{
	if (!*r->sig) {
		if (chain_kind_is_signed(h->kind))
			return find(f, CHAIN_BAD_SIG, h->seq,
				    "a %s record without signature",
				    chain_kind_name(h->kind));
		return CHAIN_GOOD;
	}
	if (!*v->key)
		return find_key(v, r, h, f);
	if (chain_verify_sig(v->key, r->hash, r->sig) < 0)
		return find(f, CHAIN_BAD_SIG, h->seq,
			    "the signature is not one of this ledger's key");
	v->is_held |= is_known(v, v->key);
	v->n_signatures++;
	return CHAIN_GOOD;
}

/* Works on a copy of the verifier; the caller keeps it when all is good. */
static enum chain_verdict judge(struct chain_verifier *v,
				const struct chain_record *r,
				struct chain_head *h, struct chain_fault *f)
{
	CLEANUP(js_freep) json_t *body = NULL;
	char hash[CHAIN_HASH_SIZE];
	enum chain_verdict verdict;
	const char *why = "out of memory";
	int e;

	e = chain_read_body(r->body, r->body_len, h, NULL, &why);
	/* Of the others no member is asked for. */
	if (e >= 0 && (h->kind == CHAIN_GENESIS || h->kind == CHAIN_KEY))
		e = js_parse(r->body, r->body_len, &body, NULL);
	chain_hash(r->prev, r->body, r->body_len, hash);
	if (strcmp(hash, r->hash))
		return find(
			f, CHAIN_BAD_HASH, v->next_seq ? v->next_seq : h->seq,
			"the body does not have the hash it was stored with");
	if (e < 0)
		return find(f, CHAIN_BAD_BODY, v->next_seq, "%s", why);

	verdict = check_place(v, r, h, f);
	if (verdict)
		return verdict;
	if (is_restored(h))
		verdict = check_restored(v, r, h, body, f);
	if (verdict)
		return verdict;
	if (h->kind == CHAIN_GENESIS)
		verdict = take_key(v, h, body, f);
	if (verdict)
		return verdict;
	verdict = check_sig(v, r, h, f);
	if (verdict)
		return verdict;
	/* From the next record on; this one was signed by the old key. */
	if (h->kind == CHAIN_KEY)
		verdict = take_key(v, h, body, f);
	return verdict;
}

enum chain_verdict chain_verify_record(struct chain_verifier *v,
				       const struct chain_record *r,
				       struct chain_head *ret_head,
				       struct chain_fault *fault)
{
	struct chain_verifier next = *v;
	struct chain_head h = { 0 };
	enum chain_verdict verdict;

	verdict = judge(&next, r, &h, fault);
	if (verdict)
		return verdict;

	strcpy(next.ledger, h.ledger);
	strcpy(next.head, r->hash);
	next.next_seq = h.seq + 1;
	if (!next.n_records++)
		next.first_seq = h.seq;
	*v = next;
	if (ret_head)
		*ret_head = h;
	fault->verdict = CHAIN_GOOD;
	return CHAIN_GOOD;
}

enum chain_verdict chain_verify_line(struct chain_verifier *v, const char *line,
				     size_t len, struct chain_fault *fault)
{
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	CLEANUP(buf_deinit) struct buf blob = { 0 };
	char sha256[CHAIN_HASH_SIZE];
	const char *why = "out of memory";
	int r;

	r = chain_parse_blob_line(line, len, sha256, &blob, &why);
	if (r == -EBADMSG)
		return find(fault, CHAIN_BAD_LINE, v->next_seq, "%s", why);
	if (!r) {
		v->n_blobs++;
		fault->verdict = CHAIN_GOOD;
		return CHAIN_GOOD;
	}
	r = chain_parse_line(line, len, &record, &why);
	if (r < 0)
		return find(fault, CHAIN_BAD_LINE, v->next_seq, "%s", why);
	return chain_verify_record(v, &record, NULL, fault);
}

enum chain_verdict chain_verify_end(const struct chain_verifier *v,
				    struct chain_fault *fault)
{
	char fingerprint[CHAIN_FINGERPRINT_SIZE] = "one that is not known";

	fault->verdict = CHAIN_GOOD;
	if (!v->n_known || v->is_held)
		return CHAIN_GOOD;
	if (is_known(v, v->key))
		return find(fault, CHAIN_BAD_KEY, v->first_seq,
			    "the key it is held to has signed nothing yet");
	if (*v->key)
		chain_fingerprint(v->key, fingerprint);
	return find(fault, CHAIN_BAD_KEY,
		    v->first_unchecked ? v->first_unchecked : v->first_seq,
		    "it is signed by another key, %s", fingerprint);
}
