/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of the ledger, shared by the files of this folder alone. */
#ifndef DAEMON_LEDGER_STORE_H
#define DAEMON_LEDGER_STORE_H

#include <sqlite3.h>

#include "base/buf.h"
#include "base/clock.h"
#include "ledger/ledger.h"

enum store_statement {
	STORE_BEGIN,
	STORE_BEGIN_READING,
	STORE_COMMIT,
	STORE_ROLLBACK,
	STORE_ADD_RECORD,
	STORE_ADD_BLOB,
	STORE_ADD_TRIAL,
	STORE_DROP_TRIAL,
	STORE_NAME_BLOBS,
	STORE_DROP_RECORDS,
	STORE_DROP_BLOBS,
	STORE_GET_RECORD,
	STORE_GET_OPEN,
	STORE_GET_HASH,
	STORE_GET_BLOB,
	STORE_SET_META,
	STORE_GET_META,
	STORE_GET_READER,
	STORE_PUT_READER,
	STORE_DROP_READER,
	STORE_COUNT_READERS,
	STORE_LIST_READERS,
	STORE_N_STATEMENTS,
};

/* A blob of the open batch, packed. */
struct store_blob {
	char sha256[CHAIN_HASH_SIZE];
	uint32_t len;
	struct buf packed;
};

/* A record of the open batch. */
struct store_record {
	uint64_t seq;
	enum chain_kind kind;
	struct chain_record chain; /* without prev: it stands before */
	/* What store_derive() gives, with texts of its own. */
	char *sample;
	char *instrument;
	uint64_t assay;
	struct store_blob *blobs;
	size_t n_blobs;
};

struct ledger {
	sqlite3 *db;
	sqlite3_stmt *statements[STORE_N_STATEMENTS];
	int dir_fd;
	struct chain_key *key;
	struct spectra_packer *packer;
	bool has_reserve;

	char id[CHAIN_ID_SIZE];
	char public_key[CHAIN_KEY_SIZE];
	char boot_id[CLOCK_BOOT_ID_SIZE];
	/* What stands before the first kept record. */
	uint64_t base_seq;
	char base_hash[CHAIN_HASH_SIZE];
	/* The last committed record; the base when there is none. */
	uint64_t last_seq;
	char last_hash[CHAIN_HASH_SIZE];

	/* The open batch, in order. */
	struct store_record *batch;
	size_t n_batch;
	size_t n_batch_alloc;
	size_t n_batch_bytes;
	uint64_t oldest_ns;

	char why[256];
};

/* schema.c: opens the database exclusively, makes or upgrades its tables and
 * prepares the statements. Errors as ledger_open(), sentence in l->why. */
int store_open(struct ledger *l, const char *dir,
	       const struct ledger_options *options);
void store_close(struct ledger *l);

/* ledger.c: appends the record a ledger begins with, and what it continues
 * when it was restored; writes what the ledger knows of itself. */
struct store_base;
int genesis_append(struct ledger *l, const char *software,
		   const struct chain_verifier *continued);
int genesis_write_data(struct ledger *l, const struct store_base *base);

/* keys.c: the key file, or -ENOENT; the same, which must be the key of
 * @public_key; the public key by which record @seq + 1 is signed, "" when a restored
 * ledger does not know it. */
int keys_load(struct ledger *l);
int keys_load_as(struct ledger *l, const char *public_key);
int keys_at(struct ledger *l, uint64_t seq, char ret[CHAIN_KEY_SIZE]);

/* batch.c: ledger_append() for records of the ledger's own too; writes the
 * batch and, when given, whatever @with writes in the same transaction. */
typedef int (*store_with_fn)(struct ledger *l, void *arg);
int batch_append(struct ledger *l, const struct ledger_entry *e,
		 uint64_t *ret_seq, char *ret_hash);
int batch_commit(struct ledger *l, store_with_fn with, void *arg);

/* Keeps a sentence for ledger_why() and returns @r. */
int store_fail(struct ledger *l, int r, const char *format, ...)
	__attribute__((__format__(__printf__, 3, 4)));
/* The errno of what SQLite just said, with its sentence kept. */
int store_error(struct ledger *l, const char *doing);

/* A prepared statement, reset and without bound values. */
sqlite3_stmt *store_statement(struct ledger *l, enum store_statement which);
/* For CLEANUP(): ends a statement, so that it holds no lock or memory. */
void store_resetp(sqlite3_stmt **s);
/* Runs a statement that gives no rows. */
int store_run(struct ledger *l, enum store_statement which, const char *doing);
/* Ends a transaction that went wrong. */
void store_rollback(struct ledger *l);

int store_set_meta(struct ledger *l, const char *key, const char *value);
/* -ENOENT when there is none; -EBADMSG when it does not fit. */
int store_get_meta(struct ledger *l, const char *key, char *ret, size_t size);
/* What stands before the first kept record: number and hash, and for the
 * first record the ledger id and the key by which it is to be judged. */
struct store_base {
	uint64_t seq;
	const char *hash;
	const char *ledger;
	const char *key; /* "" when only what is gone told it */
};

int store_set_base(struct ledger *l, const struct store_base *base);
/* The hash of a committed record, or the base; -ENOENT. */
int store_get_hash(struct ledger *l, uint64_t seq, char ret[CHAIN_HASH_SIZE]);
/* A text column that must fit. -EBADMSG. */
int store_column(sqlite3_stmt *s, int column, char *ret, size_t size);
/* What columns repeat of a body, for their indices alone. Borrowed texts. */
struct store_derived {
	const char *sample; /* that the record names; NULL */
	const char *instrument; /* a result's; NULL */
	uint64_t assay; /* that a result ends; 0 */
};

/* From the kind's part of a body, or all of it. */
void store_derive(enum chain_kind kind, const char *serial, const json_t *part,
		  struct store_derived *ret);
int store_add_record(struct ledger *l, uint64_t seq, enum chain_kind kind,
		     const struct chain_record *r,
		     const struct store_derived *derived);
/* Columns hash, sig, body of a row after @first. */
int store_read_record(sqlite3_stmt *s, int first, const char *prev,
		      struct chain_record *ret);

#endif
