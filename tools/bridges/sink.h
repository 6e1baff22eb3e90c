/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which messages of a stream become records of the database: those that
 * continue their ledger's chain.
 */
#ifndef TOOLS_BRIDGES_SINK_H
#define TOOLS_BRIDGES_SINK_H

#include <stdint.h>

#include "bridges/database.h"
#include "bridges/stream.h"

/* Public keys known from elsewhere. */
struct sink_keys {
	char (*keys)[CHAIN_KEY_SIZE];
	size_t n;
};

/*
 * Reads the folder @path, one key a file, its first word or as `reespec key`
 * prints it: 0 or a negative errno; what holds no key is named in a warning.
 */
int sink_keys_load(const char *path, struct sink_keys *ret);
void sink_keys_deinit(struct sink_keys *k);

struct sink {
	struct database *db;
	struct stream *messages;
	const char *stream; /* its name */
	const struct sink_keys *keys; /* NULL: whichever key comes first */
	uint64_t n_taken;
	uint64_t n_known; /* had come before */
	uint64_t n_refused;
};

/*
 * Judges one message within an open transaction. It is taken, known, or
 * refused, which is logged and kept in the database; after any of these it may
 * be acknowledged. One that comes too early is taken when its turn has come. 0,
 * or, when the transaction must be given up, -EIO for the database, -ECOMM for
 * the stream, and -ENOMEM.
 */
int sink_take(struct sink *s, const struct stream_msg *m);

#endif
