/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A line of text with its hash and, if there is a key, a signature.
 *
 * Two lines: the text, then `{"sha256":..,"key":..,"sig":..}`, the hash over
 * the bytes of the first line without its newline, the signature over the 64
 * digits of the hash as in a record of the chain. Without a key the last two
 * members are empty.
 */
#ifndef DAEMON_LEDGER_SEAL_H
#define DAEMON_LEDGER_SEAL_H

#include "assay/method.h"
#include "ledger/chain.h"

struct seal {
	char sha256[CHAIN_HASH_SIZE];
	char key[CHAIN_KEY_SIZE]; /* empty: not signed */
};

/* Appends the second line to @text, which holds the first; @key may be NULL. */
int seal_append(struct buf *text, const struct chain_key *key);

/*
 * Checks a sealed text. @want_key: the public key that must have signed it;
 * empty: any or none. 0, or -EBADMSG with a sentence in *why.
 */
int seal_open(const char *text, size_t len, const char *want_key,
	      struct seal *ret, const char **why);

/*
 * The same for the calibration that a method names, if it does: the key is the
 * one that the method asks for, and its hash goes into the method.
 */
int seal_open_calibration(struct method *m, const char **why);

#endif
