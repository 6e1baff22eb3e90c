/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PostgreSQL database many ledgers end in, the door to libpq. A connection
 * that fails stays failed: its user opens another one.
 */
#ifndef TOOLS_BRIDGES_DATABASE_H
#define TOOLS_BRIDGES_DATABASE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "ledger/chain.h"

/* What makes the tables of an empty database or brings up those of an earlier
 * version, and then the views, which also takes earlier ones. */
extern const char database_tables[];
extern const char database_step[];
extern const char database_views[];

struct database;

/*
 * Connects as libpq's @conninfo says (its service and password files count),
 * makes the tables where there are none, and holds the database for this
 * process alone. 0 or a negative errno with *why: -EBUSY when another sink
 * holds it, -EACCES when its tables are of another version, -EIO.
 */
int database_open(const char *conninfo, struct database **ret, char *why,
		  size_t why_size);
struct database *database_close(struct database *d);
CLEANUP_FUNC(struct database, database_close);
/* What the last call that failed was refused with. */
const char *database_why(const struct database *d);

/* All that follows: 0 or -EIO, or as said. Durable when commit returns. */
int database_begin(struct database *d);
int database_commit(struct database *d);

/* How far a stream is read. */
struct database_position {
	const char *stream;
	int64_t created;
	uint64_t seq;
	char sha256[CHAIN_HASH_SIZE]; /* of the message of that number */
};
/* -ENOENT when nothing is known of a stream of that name and birth. */
int database_get_position(struct database *d, struct database_position *p);
int database_set_position(struct database *d,
			  const struct database_position *p);

/* One ledger: whose, and where its chain stands. */
struct database_ledger {
	char site[64];
	char line[64];
	uint64_t proven; /* last record with a checked signature; 0: none */
	uint64_t proven_message; /* its number in the stream; 0: not known */
	struct chain_verifier chain; /* ledger, head, key, first and next_seq */
};
/* -ENOENT when no record of it has come. @ret->chain.ledger names it. */
int database_get_ledger(struct database *d, struct database_ledger *ret);
int database_set_ledger(struct database *d, const struct database_ledger *l);
/* Numbers of messages mean nothing any longer: the stream is another one. */
int database_forget_messages(struct database *d);
/* The public key valid behind a record; -ENOENT. */
int database_key_at(struct database *d, const char *ledger, uint64_t seq,
		    char ret[CHAIN_KEY_SIZE]);

/* Hash and signature of a record: -ENOENT. */
int database_find(struct database *d, const char *ledger, uint64_t seq,
		  char ret_hash[CHAIN_HASH_SIZE], char ret_sig[CHAIN_SIG_SIZE]);
/* The export line of a record, without a newline: -ENOENT. */
int database_get_line(struct database *d, const char *ledger, uint64_t seq,
		      struct buf *ret);
/* Takes away the records of a ledger behind @seq. */
int database_cut(struct database *d, const char *ledger, uint64_t seq);
/* -ERANGE, with nothing changed, when PostgreSQL cannot hold its body. */
int database_add(struct database *d, const struct chain_record *r,
		 const struct chain_head *h);

/* A message that was not taken. */
struct database_refusal {
	const char *stream;
	uint64_t stream_seq;
	const char *subject;
	const void *message;
	size_t len;
	const char *ledger; /* NULL: not known */
	uint64_t seq;
	const char *verdict;
	const char *why;
};
/* At most so many are kept, and so much of them, each once; -ENOSPC with no more
 * room. */
#define DATABASE_REFUSED_MAX 10000
#define DATABASE_REFUSED_MIB 64
int database_refuse(struct database *d, const struct database_refusal *r);
/* It has been taken after all. */
int database_forgive(struct database *d, const void *message, size_t len);
/*
 * One that came too early and whose number is @seq: -ENOENT. It is kept no
 * longer once this was asked.
 */
int database_take_early(struct database *d, const char *ledger, uint64_t seq,
			struct buf *ret_message, struct buf *ret_subject,
			uint64_t *ret_stream_seq);

#endif
