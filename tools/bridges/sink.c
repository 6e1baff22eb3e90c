// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What arrives is anybody's word until ledger/chain.h has checked it against
 * what came before. Refused are, with the record and the reason:
 *
 *   - what is no export line, or whose subject is not the record's own;
 *   - a number that is known, with another hash: a fork. An old ledger that was
 *     put back and went on says the same number twice;
 *   - what does not continue the last record: a gap, a swap, another history;
 *   - a body that has not the hash, a hash that has not the signature;
 *   - a ledger that begins with a key nobody told us, or in the middle: for
 *     that an administrator makes its row in reespec.ledger.
 *
 * The messages of one ledger come in its order. Where one is missing (a server
 * that lost its tail), those behind it wait among the refused ones for it.
 *
 * Behind the last record that is signed all is provisional: whoever may publish
 * can make one without a signature, and come first. The next signed one tells by
 * its link which are true (branch.c); others that stand in their place are then
 * among the refused.
 */
#include "bridges/sink.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "bridges/arrival.h"
#include "bridges/branch.h"

#define KEY_FILE_MAX 4096

/* Beside those of chain_verdict_name() and arrival_read(). */
#define FORK "fork"
#define BAD_SUBJECT "bad-subject"
#define BAD_VALUE "bad-value"

/* ---- keys ------------------------------------------------------------------ */

static int add_key(struct sink_keys *k, const char *path)
{
	CLEANUP(buf_deinit) struct buf data = { 0 };
	char(*more)[CHAIN_KEY_SIZE];
	const char *key;

	if (buf_read_file(&data, path, KEY_FILE_MAX) < 0 || !data.data) {
		log_warning("%s: cannot be read", path);
		return 0;
	}
	key = chain_find_key(data.data);
	if (!key) {
		log_warning("%s: holds no public key", path);
		return 0;
	}
	more = realloc(k->keys, (k->n + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	k->keys = more;
	snprintf(k->keys[k->n++], CHAIN_KEY_SIZE, "%s", key);
	return 0;
}

int sink_keys_load(const char *path, struct sink_keys *ret)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (entry = readdir(dir))) {
		char file[4096];

		if (*entry->d_name == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		r = add_key(ret, file);
	}
	closedir(dir);
	return r;
}

void sink_keys_deinit(struct sink_keys *k)
{
	free(k->keys);
	memset(k, 0, sizeof(*k));
}

static bool has_key(const struct sink_keys *k, const char *key)
{
	for (size_t i = 0; i < k->n; i++)
		if (!strcmp(k->keys[i], key))
			return true;
	return false;
}

/* ---- refusing -------------------------------------------------------------- */

static int refuse(struct sink *s, const struct arrival *a, const char *verdict,
		  const char *reason)
{
	const bool is_named = a->head.ledger[0] != 0;
	char subject[200];
	char why[300];
	struct database_refusal r = {
		.stream = s->stream,
		.stream_seq = a->msg->seq,
		.subject = text_show(subject, sizeof(subject), a->msg->subject),
		.message = a->msg->data,
		.len = a->msg->len,
		.ledger = is_named ? a->head.ledger : NULL,
		.seq = a->head.seq,
		.verdict = verdict,
		.why = text_show(why, sizeof(why), reason),
	};
	int e;

	s->n_refused++;
	if (is_named)
		log_warning("refused: ledger %s record %" PRIu64
			    ": %s (%s; message %" PRIu64 ", %s)",
			    a->head.ledger, a->head.seq, why, verdict,
			    a->msg->seq, subject);
	else
		log_warning("refused: %s (%s; message %" PRIu64 ", %s)", why,
			    verdict, a->msg->seq, subject);
	e = database_refuse(s->db, &r);
	if (e == -ENOSPC)
		log_warning("message %" PRIu64
			    " is not kept: reespec.refused has room for %d"
			    " and %d MiB",
			    a->msg->seq, DATABASE_REFUSED_MAX,
			    DATABASE_REFUSED_MIB);
	return e == -ENOSPC ? 0 : e;
}

static int refuse_fault(struct sink *s, const struct arrival *a,
			const struct chain_fault *fault)
{
	return refuse(s, a, chain_verdict_name(fault->verdict), fault->why);
}

/* ---- what a signature proves ------------------------------------------------ */

static int take_one(struct sink *s, const struct stream_msg *m,
		    struct chain_head *ret_head);

/* Provisional ones behind the branch: they go where forged ones are kept. */
static int put_out(struct sink *s, struct database_ledger *l,
		   const struct branch *b, uint64_t signed_seq)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct stream_msg m = { .subject = "" };
	struct arrival a = { .msg = &m };
	char why[120];
	int r = 0;

	strcpy(a.head.ledger, l->chain.ledger);
	snprintf(why, sizeof(why),
		 "it is unsigned, and record %" PRIu64
		 ", which is signed, continues another",
		 signed_seq);
	for (uint64_t seq = b->seq + 1; seq < l->chain.next_seq && r == 0;
	     seq++) {
		buf_clear(&line);
		r = database_get_line(s->db, l->chain.ledger, seq, &line);
		if (r < 0)
			return r;
		m.data = line.data;
		m.len = line.len;
		a.head.seq = seq;
		r = refuse(s, &a, FORK, why);
	}
	if (r == 0)
		r = database_cut(s->db, l->chain.ledger, b->seq);
	l->chain.next_seq = b->seq + 1;
	strcpy(l->chain.head, b->hash);
	return r == 0 ? database_set_ledger(s->db, l) : r;
}

/* Those of the branch, the first one first, as if they came now. */
static int take_branch(struct sink *s, const struct branch *b)
{
	struct chain_head head;
	int r = 1;

	for (size_t i = b->n; i-- > 0 && r > 0;) {
		CLEANUP(buf_deinit) struct buf subject = { 0 };
		CLEANUP(buf_deinit) struct buf data = { 0 };
		struct stream_msg m = { .seq = b->messages[i] };

		if (stream_get(s->messages, m.seq, &subject, &data) < 0)
			return -ECOMM;
		m.subject = subject.data;
		m.data = data.data;
		m.len = data.len;
		r = take_one(s, &m, &head);
	}
	return r < 0 ? r : 0;
}

/*
 * A signed one, @a, says that record @seq of @l has the hash @hash. Where it is
 * another one that stands there, it is replaced, if the true one can be found.
 */
static int prove(struct sink *s, const struct arrival *a,
		 struct database_ledger *l, uint64_t seq, const char *hash)
{
	CLEANUP(branch_deinit) struct branch b = { 0 };
	const uint64_t last = l->chain.next_seq - 1;
	int r;

	r = branch_find(s->messages, s->db, l, seq, hash, a->msg->seq, &b);
	if (r <= 0)
		return r;
	log_warning("ledger %s: record %" PRIu64
		    " is signed and does not continue what is here: records"
		    " %" PRIu64 " to %" PRIu64 " are replaced",
		    l->chain.ledger, a->head.seq, b.seq + 1, last);
	r = put_out(s, l, &b, a->head.seq);
	return r < 0 ? r : take_branch(s, &b);
}

/* ---- the place of a record ------------------------------------------------- */

/* A number that is here already: the same record again, or a fork. */
static int meet_again(struct sink *s, const struct arrival *a, const char *hash,
		      const char *sig)
{
	char own[CHAIN_HASH_SIZE];
	char why[300];

	chain_hash(a->record.prev, a->record.body, a->record.body_len, own);
	if (strcmp(own, a->record.hash))
		return refuse(s, a, chain_verdict_name(CHAIN_BAD_HASH),
			      "the body does not have the hash it came with");
	if (strcmp(hash, own)) {
		snprintf(why, sizeof(why),
			 "it is known with hash %s, this one has %s", hash,
			 own);
		return refuse(s, a, FORK, why);
	}
	if (strcmp(sig, a->record.sig))
		return refuse(s, a, chain_verdict_name(CHAIN_BAD_SIG),
			      "it is known with another signature");
	s->n_known++;
	return 0;
}

/* A restored ledger goes on where the one it names ended, with that one's key.
 * Where that one is not known it begins like any other. */
static int continue_other(struct sink *s, const struct arrival *a,
			  struct chain_verifier *chain)
{
	const json_t *continues = js_get(a->body, "continues");
	struct database_ledger other = { 0 };
	char sig[CHAIN_SIG_SIZE];
	const char *ledger;
	uint64_t seq;
	int r;

	if (js_get_str(continues, "ledger", &ledger) < 0 ||
	    js_get_u64(continues, "seq", &seq) < 0 || seq >= INT64_MAX ||
	    strlen(ledger) >= sizeof(chain->ledger))
		return 0;
	strcpy(other.chain.ledger, ledger);
	r = database_get_ledger(s->db, &other);
	if (r == 0)
		r = database_key_at(s->db, ledger, seq, chain->key);
	if (r == 0)
		r = database_find(s->db, ledger, seq, chain->head, sig);
	if (r == 0 && seq > other.proven &&
	    strcmp(chain->head, a->record.prev) &&
	    arrival_is_signed(a, chain->key)) {
		r = prove(s, a, &other, seq, a->record.prev);
		if (r == 0)
			r = database_find(s->db, ledger, seq, chain->head, sig);
	}
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	strcpy(chain->ledger, ledger);
	chain->next_seq = seq + 1;
	chain->n_records = 1;
	return 0;
}

/* ---- judging --------------------------------------------------------------- */

/* What speaks against a ledger nobody has heard of, or NULL. */
static const char *judge_beginning(const struct sink *s,
				   const struct arrival *a,
				   const struct chain_verifier *chain,
				   enum chain_verdict *ret_verdict)
{
	*ret_verdict = CHAIN_BAD_SEQ;
	if (a->head.kind != CHAIN_GENESIS)
		return "nothing before it has come";
	*ret_verdict = CHAIN_BAD_KEY;
	if (s->keys && !has_key(s->keys, chain->key))
		return "its ledger begins with a key that is not known";
	return NULL;
}

static int add(struct sink *s, const struct arrival *a,
	       struct database_ledger *l, bool is_new)
{
	char fingerprint[CHAIN_FINGERPRINT_SIZE] = "";
	int r;

	r = database_add(s->db, &a->record, &a->head);
	if (r == -ERANGE)
		return refuse(s, a, BAD_VALUE, database_why(s->db));
	if (r == 0)
		r = database_set_ledger(s->db, l);
	if (r == 0)
		r = database_forgive(s->db, a->msg->data, a->msg->len);
	if (r < 0)
		return r;
	chain_fingerprint(l->chain.key, fingerprint);
	if (is_new)
		log_notice("ledger %s of site %s begins with record %" PRIu64
			   ", key %s",
			   l->chain.ledger, l->site, a->head.seq, fingerprint);
	s->n_taken++;
	return 1;
}

/* What a new record has to continue. */
enum origin {
	ORIGIN_KNOWN, /* the last record of its ledger */
	ORIGIN_OTHER, /* a record of another ledger, which it restores */
	ORIGIN_NONE, /* nothing: a ledger nobody has heard of */
};

static int find_origin(struct sink *s, const struct arrival *a,
		       struct database_ledger *l)
{
	int r;

	strcpy(l->chain.ledger, a->head.ledger);
	r = database_get_ledger(s->db, l);
	/* Its first record is behind it. */
	l->chain.n_records = 1;
	if (r != -ENOENT)
		return r < 0 ? r : ORIGIN_KNOWN;
	memset(&l->chain, 0, sizeof(l->chain));
	strcpy(l->site, a->site);
	if (a->head.kind != CHAIN_GENESIS || a->head.seq == 1)
		return ORIGIN_NONE;
	r = continue_other(s, a, &l->chain);
	if (r < 0)
		return r;
	return l->chain.next_seq ? ORIGIN_OTHER : ORIGIN_NONE;
}

/* A number that is not here: 1 when it was taken. */
static int meet_new(struct sink *s, const struct arrival *a,
		    struct database_ledger *l, enum origin origin)
{
	enum chain_verdict verdict;
	const char *against = NULL;
	struct chain_fault fault;
	char why[200];

	if (strcmp(l->site, a->site)) {
		snprintf(why, sizeof(why), "its ledger belongs to site %s",
			 l->site);
		return refuse(s, a, BAD_SUBJECT, why);
	}
	if (chain_verify_record(&l->chain, &a->record, NULL, &fault))
		return refuse_fault(s, a, &fault);
	if (origin == ORIGIN_NONE)
		against = judge_beginning(s, a, &l->chain, &verdict);
	if (against)
		return refuse(s, a, chain_verdict_name(verdict), against);
	strcpy(l->line, a->line);
	if (origin != ORIGIN_KNOWN)
		l->chain.first_seq = a->head.seq;
	if (l->chain.n_signatures) {
		l->proven = a->head.seq;
		l->proven_message = a->msg->seq;
	}
	return add(s, a, l, origin != ORIGIN_KNOWN);
}

static bool continues(const struct arrival *a, const struct database_ledger *l)
{
	return a->head.seq == l->chain.next_seq &&
	       (!*l->chain.head || !strcmp(a->record.prev, l->chain.head));
}

/* From a ledger's first number to its next one all are here. */
static int meet(struct sink *s, const struct arrival *a)
{
	char hash[CHAIN_HASH_SIZE], sig[CHAIN_SIG_SIZE];
	struct database_ledger l = { 0 };
	int origin, r;

	origin = find_origin(s, a, &l);
	if (origin == ORIGIN_KNOWN && a->head.seq > l.proven &&
	    !continues(a, &l) && arrival_is_signed(a, l.chain.key)) {
		r = prove(s, a, &l, a->head.seq - 1, a->record.prev);
		origin = r < 0 ? r : find_origin(s, a, &l);
	}
	if (origin < 0)
		return origin;
	if (origin == ORIGIN_KNOWN && a->head.seq < l.chain.next_seq) {
		r = database_find(s->db, a->head.ledger, a->head.seq, hash,
				  sig);
		if (r != -ENOENT)
			return r < 0 ? r : meet_again(s, a, hash, sig);
	}
	return meet_new(s, a, &l, origin);
}

/* 1 when it was taken, with *ret_head; 0; -errno. */
static int take_one(struct sink *s, const struct stream_msg *m,
		    struct chain_head *ret_head)
{
	CLEANUP(arrival_deinit) struct arrival a = { .msg = m };
	const char *verdict, *why = "";

	if (arrival_read(&a, &verdict, &why) < 0)
		return refuse(s, &a, verdict, why);
	*ret_head = a.head;
	return meet(s, &a);
}

/* One that waits to come behind @h: 1 when it was taken, 0 when it was not and
 * another may be here, -ENOENT when none is. */
static int try_early(struct sink *s, struct chain_head *h)
{
	CLEANUP(buf_deinit) struct buf message = { 0 };
	CLEANUP(buf_deinit) struct buf subject = { 0 };
	struct stream_msg m = { 0 };
	struct chain_head head;
	int r;

	r = database_take_early(s->db, h->ledger, h->seq + 1, &message,
				&subject, &m.seq);
	if (r < 0)
		return r;
	m.subject = subject.data ? subject.data : "";
	m.data = message.data ? message.data : "";
	m.len = message.len;
	r = take_one(s, &m, &head);
	if (r == 1) {
		log_notice("ledger %s record %" PRIu64
			   " is taken: what was missing has come",
			   head.ledger, head.seq);
		*h = head;
	}
	return r;
}

/* The one that continues @h, whoever else claims to: what is refused now has
 * come too early no longer, so each is tried once. */
static int take_early(struct sink *s, struct chain_head *h)
{
	int r;

	do {
		r = try_early(s, h);
	} while (r == 0);
	return r == -ENOENT ? 0 : r;
}

int sink_take(struct sink *s, const struct stream_msg *m)
{
	struct chain_head head;
	int r;

	r = take_one(s, m, &head);
	while (r == 1)
		r = take_early(s, &head);
	return r;
}
