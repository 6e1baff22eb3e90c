/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which key has signed a record. */
#ifndef TOOLS_REESPEC_SIGNER_H
#define TOOLS_REESPEC_SIGNER_H

#include "reespec/records.h"

/*
 * The fingerprint of the public key by which the signature of @r is good: of
 * the ledger's own, or of one that it had before; "none" for a record without
 * a signature, "none that this ledger names" where that key is not in it.
 */
int signer_of(struct client *c, const struct args *args, const struct record *r,
	      char *text, size_t size);

#endif
