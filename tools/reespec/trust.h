/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The public keys that are known here, not told by who is to be verified. */
#ifndef TOOLS_REESPEC_TRUST_H
#define TOOLS_REESPEC_TRUST_H

#include <stddef.h>

#include "ledger/chain.h"
#include "reespec/command.h"

struct trust {
	char (*keys)[CHAIN_KEY_SIZE];
	size_t n;
};

/*
 * The key of --key, which is one as base64 or a file that holds it; else those
 * in the files of $REESPEC_KEYS or /etc/reespec/keys, none when there is no
 * such folder.
 */
int trust_load(const struct args *args, struct trust *ret);
void trust_deinit(struct trust *t);

/* Has a verifier hold its chain to the keys, which it borrows. */
void trust_hold(const struct trust *t, struct chain_verifier *v);

#endif
