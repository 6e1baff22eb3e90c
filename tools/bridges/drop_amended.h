/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the ledger says of a result beside the result itself. */
#ifndef TOOLS_BRIDGES_DROP_AMENDED_H
#define TOOLS_BRIDGES_DROP_AMENDED_H

#include "reespec/later.h"

/*
 * Each asks the daemon at @bus (NULL: the system bus) on a connection of its
 * own, and counts what was said up to the record in hand alone: so the same
 * record has always the same files. @later keeps the amendments that were read;
 * it is released, and zero-filled, before a record that is not behind the last.
 * How many results lie between a record and those it concerns costs nothing.
 */

/* later_apply() to result @r. 0 or -EIO. */
int drop_amended_apply(const char *bus, struct later *later, struct record *r);

/*
 * The newest result that amendment @r concerns, as amended, to be released by
 * record_deinit(): 1; 0 when there is none before it, which is said if it was
 * archived; -EIO.
 */
int drop_amended_result(const char *bus, struct later *later,
			const struct record *r, struct record *ret);

#endif
