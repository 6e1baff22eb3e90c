/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hashes (hash.c, the door to libgcrypt), signatures (chain.c, the door to
 * libsodium) and the check of a chain of records. No database here: the command line verifies exports with it.
 *
 *	hash = SHA-256(hex(prev) || body), 64 lower-case hex digits
 *	sig  = Ed25519 over those 64 digits, base64
 *
 * The prev of the genesis record is 64 zeros. README.md has the format and a
 * worked example.
 */
#ifndef DAEMON_LEDGER_CHAIN_H
#define DAEMON_LEDGER_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"

#define CHAIN_HASH_SIZE 65 /* 64 hex digits and a NUL */
#define CHAIN_SIG_SIZE 89 /* 64 bytes as base64 and a NUL */
#define CHAIN_KEY_SIZE 45 /* 32 bytes as base64 and a NUL */
#define CHAIN_ID_SIZE 33 /* ledger id: 32 hex digits and a NUL */
#define CHAIN_FINGERPRINT_SIZE 72 /* "SHA256:" and 64 hex digits and a NUL */
#define CHAIN_GENESIS_PREV \
	"0000000000000000000000000000000000000000000000000000000000000000"
/* Bounds on one record, so that nothing read from a file is unbounded. */
#define CHAIN_BODY_MAX (1024 * 1024)
#define CHAIN_BLOBS_MAX 16
#define CHAIN_LINE_MAX (4 * CHAIN_BODY_MAX)

/* What a record tells. The words in the body are chain_kind_name(). */
enum chain_kind {
	CHAIN_GENESIS, /* the first: ledger id, public key */
	CHAIN_START, /* the daemon came up: version, instrument, method set */
	CHAIN_CONFIG, /* what an instrument was set to, with read-back */
	CHAIN_ASSAY, /* an assay begins: sample, method, preset */
	CHAIN_READING, /* one interval of an assay */
	CHAIN_RESULT, /* the end of an assay with its contents */
	CHAIN_INTERRUPTED, /* the end of an assay that was cut off */
	CHAIN_CALIBRATION,
	CHAIN_CHECK, /* quality control */
	CHAIN_AMEND,
	CHAIN_SIGNATURE,
	CHAIN_FAULT,
	CHAIN_CLOCK, /* the wall clock stepped */
	CHAIN_CHECKPOINT,
	CHAIN_KEY, /* a new public key, signed by the old one */
	CHAIN_N_KINDS,
};

const char *chain_kind_name(enum chain_kind kind);
/* 0 or -ENOENT. */
int chain_kind_parse(const char *name, enum chain_kind *ret);
/* Whether a record of this kind fails verification without a signature:
 * genesis, result, calibration, checkpoint, key. */
bool chain_kind_is_signed(enum chain_kind kind);

/* The name of a blob and part of other names: SHA-256 as 64 hex digits. */
void chain_sha256(const void *data, size_t len, char ret[CHAIN_HASH_SIZE]);
/* The hash of a record. @prev are 64 hex digits. */
void chain_hash(const char *prev, const void *body, size_t len,
		char ret[CHAIN_HASH_SIZE]);
/* Whether @s is 64 lower-case hex digits. */
bool chain_is_hash(const char *s);

int chain_base64_append(struct buf *b, const void *data, size_t len);
/* -EBADMSG when it is not base64 or longer than @size. */
int chain_base64_decode(const char *text, size_t len, void *ret, size_t size,
			size_t *ret_len);
/* 32 random hex digits, the id of a new ledger; -EIO without randomness. */
int chain_new_id(char ret[CHAIN_ID_SIZE]);

/* ---- keys ---------------------------------------------------------------- */

/* A private key, wiped when freed. */
struct chain_key;

/*
 * Reads the key file @name in the folder @dir_fd. -ENOENT when there is none;
 * -EPERM when others than the owner may open it or the owner is not us;
 * -EBADMSG when it holds no key.
 */
int chain_key_load(int dir_fd, const char *name, struct chain_key **ret);
/* Makes a new key and its file, mode 0600, durable before it returns.
 * -EEXIST when the file is there. */
int chain_key_create(int dir_fd, const char *name, struct chain_key **ret);
struct chain_key *chain_key_free(struct chain_key *k);
CLEANUP_FUNC(struct chain_key, chain_key_free);

void chain_key_public(const struct chain_key *k, char ret[CHAIN_KEY_SIZE]);
void chain_sign(const struct chain_key *k, const char *hash,
		char ret[CHAIN_SIG_SIZE]);
/* 0, -EBADMSG when the signature does not fit or anything is malformed. */
int chain_verify_sig(const char *public_key, const char *hash, const char *sig);
/* How people compare keys: SHA-256 over the 32 bytes; -EBADMSG. */
int chain_fingerprint(const char *public_key, char ret[CHAIN_FINGERPRINT_SIZE]);
/*
 * The public key in the text of a file, which is cut behind it: the first word, or
 * the second where the first is "key", as `reespec key` prints it; what follows may
 * say whose it is. NULL when that is none.
 */
const char *chain_find_key(char *text);

/* ---- a record as text ----------------------------------------------------- */

struct chain_blob_ref {
	char name[32]; /* "spectrum" */
	char sha256[CHAIN_HASH_SIZE];
	uint32_t len; /* bytes of its defined form */
};

/* A record as stored and exported. `body` is followed by a NUL. */
struct chain_record {
	char prev[CHAIN_HASH_SIZE];
	char hash[CHAIN_HASH_SIZE];
	char sig[CHAIN_SIG_SIZE]; /* "" when it has none */
	char *body;
	size_t body_len;
};

void chain_record_deinit(struct chain_record *r);

/* The members every body opens with. */
struct chain_head {
	char ledger[CHAIN_ID_SIZE];
	uint64_t seq;
	char time[28];
	char boot[33];
	uint64_t mono_ns;
	enum chain_kind kind;
	uint32_t uid;
	char serial[32]; /* "" when no instrument is concerned */
	bool is_simulated;
	struct chain_blob_ref blobs[CHAIN_BLOBS_MAX];
	size_t n_blobs;
};

/*
 * Reads a body. 0, or -EBADMSG with *why a static text. With @ret_json not
 * NULL the whole object is handed to the caller.
 */
int chain_read_body(const char *body, size_t len, struct chain_head *ret,
		    json_t **ret_json, const char **why);

/*
 * Appends the export line `{"prev":..,"hash":..,"sig":..,"body":..}` and a
 * newline. With @head, which is what chain_read_body() says of it, the line also
 * holds `"blobs":[{"sha256":..,"len":..}]`, as Fetch of the bus sends it. 0, or
 * -EBADMSG when the record is no UTF-8; what was appended until then stays.
 */
int chain_write_line(const struct chain_record *r,
		     const struct chain_head *head, struct buf *ret);
/*
 * Reads an export line, with or without its newline. 0 with *ret to be
 * released by chain_record_deinit(), or -EBADMSG with *why.
 */
int chain_parse_line(const char *line, size_t len, struct chain_record *ret,
		     const char **why);
/*
 * A blob in an export file is a line of its own,
 * `{"sha256":..,"len":..,"data":base64}`, behind the records that name it.
 */
int chain_write_blob_line(const char *sha256, const void *data, size_t len,
			  struct buf *ret);
/*
 * Reads a blob line; the bytes are appended to @ret. -ENOENT when it is a
 * line of another kind, -EBADMSG with *why when it is damaged or its bytes do
 * not have the hash that names them.
 */
int chain_parse_blob_line(const char *line, size_t len,
			  char ret_sha256[CHAIN_HASH_SIZE], struct buf *ret,
			  const char **why);

/* ---- verification --------------------------------------------------------- */

enum chain_verdict {
	CHAIN_GOOD = 0,
	CHAIN_BAD_LINE, /* not an export line */
	CHAIN_BAD_BODY, /* not a record body */
	CHAIN_BAD_LEDGER, /* of another ledger */
	CHAIN_BAD_SEQ, /* gap, repeat or swap */
	CHAIN_BAD_PREV, /* does not continue the record before */
	CHAIN_BAD_HASH, /* body and hash do not belong together */
	CHAIN_BAD_SIG, /* signature missing or false */
	CHAIN_BAD_KEY, /* the key of the chain is not the expected one */
	CHAIN_BAD_BLOB, /* a named blob is missing or altered */
	CHAIN_BAD_HEAD, /* the end is not the one that was witnessed */
};

const char *chain_verdict_name(enum chain_verdict v);

/* What was found; `why` is a sentence, `seq` the first bad record (the one
 * expected when a record is missing). */
struct chain_fault {
	enum chain_verdict verdict;
	uint64_t seq;
	char why[200];
};

/*
 * Where a verification stands. Zero-filled it starts anywhere: the first
 * record decides ledger id and seq, and its prev is taken on trust unless it
 * is a genesis. Which key signs is learnt from the chain: from a genesis or
 * key record, or, in a part that opens with neither, from a known key that
 * fits the first signature; until then signatures are counted, not judged.
 *
 * Set `known` (borrowed) to hold the chain to public keys from elsewhere: one
 * of them must have signed a record. It is enough that it is one the chain
 * came to by changes of keys, since what it signs covers all before it; but
 * not that the chain names it, which any forger's can. chain_verify_end()
 * tells.
 */
struct chain_verifier {
	const char (*known)[CHAIN_KEY_SIZE];
	size_t n_known;
	bool is_held; /* a known key has signed */
	char key[CHAIN_KEY_SIZE]; /* that signs the next record; "": unknown */
	char start_key[CHAIN_KEY_SIZE]; /* the first record's; "": unknown */
	char ledger[CHAIN_ID_SIZE];
	char head[CHAIN_HASH_SIZE]; /* of the last good record */
	uint64_t next_seq; /* 0 before the first record */
	uint64_t first_seq;
	uint64_t n_records;
	uint64_t n_signatures; /* checked and good */
	uint64_t n_unchecked; /* signatures without a known key */
	uint64_t first_unchecked; /* record with the first of them; 0: none */
	uint64_t n_blobs; /* blob lines checked */
};

/*
 * Judges the next record: CHAIN_GOOD and the verifier moves on, else @fault
 * is filled and the verifier stays. *ret_head (may be NULL) is what the body
 * opens with, valid only when good.
 */
enum chain_verdict chain_verify_record(struct chain_verifier *v,
				       const struct chain_record *r,
				       struct chain_head *ret_head,
				       struct chain_fault *fault);
/* The same for an export line; a blob line is judged by its own hash. */
enum chain_verdict chain_verify_line(struct chain_verifier *v, const char *line,
				     size_t len, struct chain_fault *fault);
/* What only the end tells: whether a known key, if there are any, has signed.
 * CHAIN_BAD_KEY names the first record that no such key stands for. */
enum chain_verdict chain_verify_end(const struct chain_verifier *v,
				    struct chain_fault *fault);

#endif
