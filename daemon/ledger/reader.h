/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Named readers of the ledger and how far each has acknowledged.
 *
 * A name is one for the whole ledger and belongs to the user who made it. A
 * position survives everything the ledger survives.
 */
#ifndef DAEMON_LEDGER_READER_H
#define DAEMON_LEDGER_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/ledger.h"

#define READER_NAME_MAX 63

struct reader {
	char name[READER_NAME_MAX + 1];
	uint32_t uid;
	uint64_t acked_seq; /* 0 = nothing yet */
	char acked_hash[CHAIN_HASH_SIZE]; /* of that record */
	uint64_t seen_us; /* last Follow or Ack, wall clock */
};

/* 1..63 of letters, digits, `.`, `_`, `-`, not opening with `.` or `-`. */
bool reader_name_valid(const char *name);

/*
 * Makes the reader or finds it again. @from 0: *ret_next is the record after
 * the last acknowledged one (or the first kept); else it is @from, and a new
 * reader starts with everything before @from as acknowledged.
 * -EINVAL name; -EACCES the name belongs to another user; -EDQUOT this user
 * has @n_max readers or more; -ERANGE @from is beyond the last record + 1
 * or before the first kept.
 */
int reader_follow(struct ledger *l, const char *name, uint32_t uid,
		  unsigned int n_max, uint64_t from, uint64_t *ret_next);

/*
 * Everything up to @seq, whose hash the reader knows to be @hash, has arrived
 * with it. An older position than the kept one is checked and otherwise left.
 * -ENOENT no such reader; -EACCES another user's; -ERANGE not a committed
 * record; -ESTALE the hash differs: the reader sits on another history.
 */
int reader_ack(struct ledger *l, const char *name, uint32_t uid, uint64_t seq,
	       const char *hash);

/* -ENOENT, -EACCES unless @is_admin. */
int reader_forget(struct ledger *l, const char *name, uint32_t uid,
		  bool is_admin);

/* All readers by name; the caller frees *ret with free(). */
int reader_list(struct ledger *l, struct reader **ret, size_t *ret_n);
int reader_get(struct ledger *l, const char *name, struct reader *ret);

#endif
