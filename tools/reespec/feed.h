/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records as they come: what a LIMS does, in one function. */
#ifndef TOOLS_REESPEC_FEED_H
#define TOOLS_REESPEC_FEED_H

#include "reespec/records.h"

/* Returned by a callback to end the feed well, after the record is acked. */
#define FEED_ENOUGH (-1)

typedef int (*feed_on_record)(void *userdata, const struct record *r);

/*
 * Follows the ledger as @reader (empty: without memory) from @from (0: after
 * the reader's last Ack) until a signal ends it or @on_record returns other
 * than REESPEC_OK. Each record comes once, in order, checked against the one
 * before; a page is acknowledged after the callback has had all of it. When
 * the daemon goes away the feed waits for it and goes on where it was.
 */
int feed_run(struct client *c, const struct args *args, const char *reader,
	     uint64_t from, feed_on_record on_record, void *userdata);

#endif
