/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ledger: an append-only chain of records in one SQLite file.
 *
 * ledger_append() puts a record into the open batch in memory and gives it
 * its number; ledger_commit() makes the batch durable in one transaction.
 * Until then nothing of the batch can be read, and nothing of it may be
 * announced. A batch that could not be written stays open, so the next
 * commit tries it again. All calls belong to one thread and may wait for the
 * disk.
 */
#ifndef DAEMON_LEDGER_LEDGER_H
#define DAEMON_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ledger/chain.h"

/* Names in the state folder. */
#define LEDGER_FILE "ledger.sqlite"
#define LEDGER_KEY_FILE "ledger.key"
#define LEDGER_RESERVE_FILE "ledger.reserve"

/* Bytes held back for the last records of an assay on a full disk. */
#define LEDGER_RESERVE_LEN (1024 * 1024)
/* Bounds of the open batch; beyond them ledger_append() says -ENOBUFS. */
#define LEDGER_BATCH_RECORDS_MAX 4096
#define LEDGER_BATCH_BYTES_MAX (32 * 1024 * 1024)

struct ledger;

struct ledger_options {
	const char *software; /* name and version for the genesis record */
	bool must_exist; /* do not make a ledger: -ENOENT */
	/* Tests: pages the database may have, 0 = no bound of its own. */
	uint32_t max_pages;
};

/*
 * Opens or makes the ledger in the folder @dir, which must exist: database,
 * private key (mode 0600) and reserve. A new one holds its genesis record,
 * committed. @why (may be NULL) receives a sentence for the operator.
 *
 * -EBUSY: another process holds it. -ENOENT: no folder, or no ledger when it
 * must exist. -EBADMSG: the file is no ledger or damaged. -EPROTO: made by a
 * newer version. -ENOKEY: the key file is missing or is not the key of this
 * ledger. -EPERM: the key file is open to others. Else errno of the system.
 */
int ledger_open(const char *dir, const struct ledger_options *options,
		struct ledger **ret, char *why, size_t why_size);
/* Drops an open batch, releases everything. Takes NULL and returns NULL. */
struct ledger *ledger_close(struct ledger *l);
CLEANUP_FUNC(struct ledger, ledger_close);

/*
 * Makes a ledger in the folder @dir, which holds the private key and no ledger
 * yet, from an export of JSON lines with its spectra; @from must be seekable.
 * It goes on with a new id: a genesis record whose member `continues` names
 * the old id, last number and hash. Nothing is left of a failed try.
 *
 * -EEXIST: there is a ledger. -ENOKEY: no key, or not the one the export was
 * signed with last. -EBADMSG: the export does not verify; @why says where.
 */
int ledger_restore(const char *dir, FILE *from,
		   const struct ledger_options *options, struct ledger **ret,
		   char *why, size_t why_size);

/* Why the last call on @l failed, a sentence; "" after a success. */
const char *ledger_why(const struct ledger *l);

const char *ledger_id(const struct ledger *l);
/* First kept and last committed number; the hash of the last. */
uint64_t ledger_first(const struct ledger *l);
uint64_t ledger_last(const struct ledger *l);
const char *ledger_head(const struct ledger *l);
/* The public key that signs now, base64. */
const char *ledger_public_key(const struct ledger *l);

/*
 * Makes a new key: a key record with @reason, signed by the old key, names it,
 * and all that follow are signed by it; the old private key is gone. Nothing
 * may wait in the batch (-EBUSY). Durable when it returns 0.
 */
int ledger_rotate_key(struct ledger *l, uint32_t uid, const char *reason,
		      uint64_t *ret_seq);

/* ---- writing -------------------------------------------------------------- */

struct ledger_spectrum {
	const char *name; /* [a-z0-9_]{1,31}, "spectrum" */
	const uint32_t *counts; /* borrowed, copied by ledger_append() */
	size_t n_chan;
};

/*
 * A record to be. The body is written as
 *   {"ledger","seq","time","boot","mono_ns","kind","uid","serial",
 *    "simulated" (only when true), members of `part`, "blobs" (when any)}
 * where blobs is a list of {"name","sha256","len"}.
 */
struct ledger_entry {
	enum chain_kind kind;
	uint32_t uid; /* operator: from the bus, the daemon's own else */
	const char *serial; /* instrument, NULL = none: null in the body */
	bool is_simulated;
	json_t *part; /* borrowed object, the kind's own members; NULL = none */
	const struct ledger_spectrum *spectra;
	size_t n_spectra;
};

/*
 * Appends to the open batch; *ret_seq and @ret_hash (may be NULL) are the
 * record's for good once it is committed. Time, boot id and monotonic time
 * are taken now; a record of a signed kind is signed now.
 * -EEXIST: `part` has a member with a name of the ledger's own. -EFBIG: body
 * beyond CHAIN_BODY_MAX. -EINVAL: other faults of the entry. -ENOBUFS: the
 * batch is at its bound. A refused record leaves the batch as it was.
 */
int ledger_append(struct ledger *l, const struct ledger_entry *e,
		  uint64_t *ret_seq, char ret_hash[CHAIN_HASH_SIZE]);

/* What waits for the next commit. */
struct ledger_batch {
	size_t n_records;
	size_t n_bytes; /* bodies and packed spectra */
	uint64_t first; /* 0 when empty */
	uint64_t last;
	uint64_t oldest_ns; /* clock_monotonic_ns() of the first append */
};

void ledger_pending(const struct ledger *l, struct ledger_batch *ret);

/*
 * Makes the open batch durable; an empty one is 0. On failure the batch stays
 * open and everything committed is untouched: -ENOSPC disk full, -EIO. When
 * the disk is full and the batch holds the end of an assay (result,
 * interrupted, fault), the reserve is given up and the write tried again;
 * *ret_used_reserve (may be NULL) tells that, see ledger_has_reserve().
 */
int ledger_commit(struct ledger *l, bool *ret_used_reserve);

/* Whether a batch of 64 KiB could be made durable now; it leaves no record. 0
 * or as ledger_commit(). */
int ledger_try_write(struct ledger *l);

/* Forgets the open batch; its numbers are given out again. */
void ledger_discard(struct ledger *l);

/*
 * Whether the space for the end of an assay is held; tries to take it again
 * when not. While false no assay should be started.
 */
bool ledger_has_reserve(struct ledger *l);

/* ---- reading (committed records only) ------------------------------------- */

/*
 * Between the two each read costs less: SQLite looks but once where the file
 * and its log end. Nothing may be committed meanwhile; for who reads much in
 * one go.
 */
int ledger_start_reading(struct ledger *l);
void ledger_stop_reading(struct ledger *l);

/*
 * One record, released by chain_record_deinit(). -ENOENT when there is none
 * of that number. @ret_head and @ret_json (either may be NULL) as
 * chain_read_body() gives them.
 */
int ledger_get(struct ledger *l, uint64_t seq, struct chain_record *ret,
	       struct chain_head *ret_head, json_t **ret_json);

/* Counts of a blob by its SHA-256: -ENOENT, -EBADMSG when damaged. The caller
 * frees *ret. */
int ledger_get_counts(struct ledger *l, const char *sha256, uint32_t **ret,
		      size_t *ret_n);
/* The byte form of a blob, appended to @ret. */
int ledger_get_blob(struct ledger *l, const char *sha256, struct buf *ret);

/* A walk over records, ascending. */
struct ledger_cursor;

struct ledger_range {
	uint64_t from; /* 0 = the first kept */
	uint64_t to; /* 0 = the last at the time of opening */
	uint32_t kinds; /* bits 1 << enum chain_kind; 0 = all */
	const char *sample; /* records that name it; NULL = all */
	/* Results of this instrument alone, and no `sample`; NULL = all. */
	const char *instrument;
	bool is_descending;
};

int ledger_cursor_open(struct ledger *l, const struct ledger_range *range,
		       struct ledger_cursor **ret);
/* 1 and a record (chain_record_deinit() after each), 0 at the end, -errno.
 * Commits between two calls are allowed and not seen. */
int ledger_cursor_next(struct ledger_cursor *c, struct chain_record *ret,
		       uint64_t *ret_seq);
/* Before ledger_close(). Takes NULL and returns NULL. */
struct ledger_cursor *ledger_cursor_close(struct ledger_cursor *c);
CLEANUP_FUNC(struct ledger_cursor, ledger_cursor_close);

/* The first assay from @from on that no result ends: 1, 0 when there is none,
 * -errno. */
int ledger_next_open(struct ledger *l, uint64_t from, uint64_t *ret_seq);

/* ---- verification ---------------------------------------------------------- */

struct ledger_verify {
	/* Public keys to hold the chain to, as in struct chain_verifier,
	 * borrowed; 0 = what the ledger says of itself is enough. */
	const char (*known)[CHAIN_KEY_SIZE];
	size_t n_known;
	uint64_t from, to; /* 0 = first kept, last */
	/* A head someone noted: seq and hash must still be there; 0 = none. */
	uint64_t witness_seq;
	const char *witness_hash;
};

struct ledger_verified {
	struct chain_verifier chain; /* counts and head */
	uint64_t n_blobs; /* checked */
	struct chain_fault fault; /* verdict CHAIN_GOOD when all is well */
};

/* Chain, numbers, signatures and blobs: 0 with *ret telling what was found,
 * -errno only when the check itself could not be done. */
int ledger_verify(struct ledger *l, const struct ledger_verify *what,
		  struct ledger_verified *ret);

/*
 * The same in pieces, for an event loop: each step walks at most @n_max
 * records and returns 1 while there is more, 0 when done, -errno.
 */
struct ledger_verifying;
int ledger_verify_start(struct ledger *l, const struct ledger_verify *what,
			struct ledger_verifying **ret);
int ledger_verify_step(struct ledger_verifying *v, size_t n_max,
		       struct ledger_verified *ret);
struct ledger_verifying *ledger_verify_stop(struct ledger_verifying *v);
CLEANUP_FUNC(struct ledger_verifying, ledger_verify_stop);

#endif
