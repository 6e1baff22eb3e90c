/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way back from a record that is true to those that the database holds. */
#ifndef TOOLS_BRIDGES_BRANCH_H
#define TOOLS_BRIDGES_BRANCH_H

#include <stddef.h>
#include <stdint.h>

#include "bridges/database.h"
#include "bridges/stream.h"

/* Zero-filled before branch_find(). */
struct branch {
	uint64_t seq; /* of the last record of the database that is on it */
	char hash[CHAIN_HASH_SIZE]; /* of that one */
	uint64_t *messages; /* of those behind it, the last one first */
	size_t n;
};

/*
 * Follows the links back from record @seq of ledger @l, whose hash is @hash,
 * by the messages in front of number @before. 1 with *ret to be released; 0 when
 * one of them is not there, is signed, or they pass by what is proven; -EIO
 * for the database, -ECOMM for the stream, -ENOMEM.
 */
int branch_find(struct stream *s, struct database *d,
		const struct database_ledger *l, uint64_t seq, const char *hash,
		uint64_t before, struct branch *ret);
void branch_deinit(struct branch *b);

#endif
