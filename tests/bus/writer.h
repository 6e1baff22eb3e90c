/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ledgers made record by record, without a daemon. */
#ifndef TESTS_BUS_WRITER_H
#define TESTS_BUS_WRITER_H

#include <stdint.h>

#include "base/buf.h"
#include "ledger/chain.h"

struct writer {
	char id[CHAIN_ID_SIZE];
	char head[CHAIN_HASH_SIZE];
	uint64_t seq; /* of the last record */
	struct chain_key *key;
	char public[CHAIN_KEY_SIZE];
};

/* A new ledger with the key of the file @name in @dir, made if it is absent. */
void writer_make(struct writer *w, int dir, const char *name);
/* The next record: its export line without the newline in @ret. @more are
 * members behind those every body opens with. */
void writer_record(struct writer *w, const char *kind, const char *more,
		   struct buf *ret);
void writer_genesis(struct writer *w, struct buf *ret);

#endif
