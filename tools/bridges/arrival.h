/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A message of the stream, taken apart: the record and where it says it is of. */
#ifndef TOOLS_BRIDGES_ARRIVAL_H
#define TOOLS_BRIDGES_ARRIVAL_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "bridges/stream.h"
#include "ledger/chain.h"

/* Zero-filled but for `msg`, which is borrowed. */
struct arrival {
	const struct stream_msg *msg;
	struct chain_record record;
	struct chain_head head;
	json_t *body;
	char site[64];
	char line[64];
};

/*
 * Takes @a->msg apart as far as it goes. 0, or -EBADMSG with the verdict, in
 * chain_verdict_name()'s words and some of the sink's own, and *why. The hash
 * that the record came with is not judged here.
 */
int arrival_read(struct arrival *a, const char **verdict, const char **why);
void arrival_deinit(struct arrival *a);

/* Whether body, hash and signature belong together, and the signature is one
 * of @key. */
bool arrival_is_signed(const struct arrival *a, const char *key);

#endif
