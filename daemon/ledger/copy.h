/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A copy of records for anyone with sqlite3: tables `record` and `spectrum`
 * as they were exported, `amended` and `corrected` with what later records say
 * of results, and views by subject over them. It is derived and
 * proves nothing; what proves stands in its columns prev, hash, sig and body.
 */
#ifndef DAEMON_LEDGER_COPY_H
#define DAEMON_LEDGER_COPY_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "ledger/chain.h"

struct copy;

/* A new file; -EEXIST when there is one. */
int copy_new(const char *path, struct copy **ret, char *why, size_t why_size);
/* The head is that of the record's body. */
int copy_add_record(struct copy *c, const struct chain_record *record,
		    const struct chain_head *head);
/* A blob by its name; what is there already is left. */
int copy_add_blob(struct copy *c, const char *sha256, const void *bytes,
		  size_t len);
/* What is right of record @seq beside its body: "sample", "kind" or "key NAME"
 * by record `by`; each field once. */
struct copy_amended {
	const char *field;
	const char *now;
	const char *was;
	const char *reason;
	uint64_t by;
};

int copy_add_amended(struct copy *c, uint64_t seq,
		     const struct copy_amended *amended);
/* Result @by replaces @seq. */
int copy_add_corrected(struct copy *c, uint64_t seq, uint64_t by);
/* All of it is on the disk when this returns 0. */
int copy_finish(struct copy *c);
/* Why a call failed, a sentence. */
const char *copy_why(const struct copy *c);
/* Closes the file, which stays as it is. */
struct copy *copy_free(struct copy *c);
CLEANUP_FUNC(struct copy, copy_free);

#endif
