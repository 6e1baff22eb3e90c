/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records as export lines in a file. */
#ifndef TOOLS_REESPEC_EXPORT_H
#define TOOLS_REESPEC_EXPORT_H

#include <stdint.h>

#include "ledger/chain.h"
#include "reespec/client.h"

/*
 * Writes records @from to @to with their spectra to file @path, whole and
 * durable or not at all, and judges each by @v on the way.
 */
int export_verified(struct client *c, const struct args *args, const char *path,
		    uint64_t from, uint64_t to, struct chain_verifier *v);

#endif
