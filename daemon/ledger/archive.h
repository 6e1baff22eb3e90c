/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Old records leave the ledger for an export. */
#ifndef DAEMON_LEDGER_ARCHIVE_H
#define DAEMON_LEDGER_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include "ledger/ledger.h"

struct ledger_archive {
	uint64_t before_us; /* wall clock: only what is older may go */
	/* In words, "N days, which a setting asks for"; "" to say nothing. */
	char rule[64];
	/* CLOCK_BOOTTIME: what was made later in this boot stays, however far
	 * the wall clock was set ahead since. */
	uint64_t before_boot_ns;
	uint64_t running; /* the oldest assay that runs; 0 = none */
	uint64_t to; /* 0 = as much as may go */
};

/*
 * The search for the longest range from the first kept record that may go: it
 * ends in a result, no assay lies on both sides, all readers have acknowledged
 * it, it is older than both limits and not beyond @to. Records that come while
 * it goes on change nothing; they lie behind it.
 */
struct ledger_archiving;
int ledger_archiving_start(struct ledger *l, const struct ledger_archive *what,
			   struct ledger_archiving **ret);
/*
 * In pieces, for an event loop: each step looks at @n_max results at most and
 * returns 1 while there are more, 0 when done, -errno. *ret_last is the last
 * record of the range then, or 0, and ledger_why() says what keeps it.
 */
int ledger_archiving_step(struct ledger_archiving *a, size_t n_max,
			  uint64_t *ret_last);
struct ledger_archiving *ledger_archiving_stop(struct ledger_archiving *a);
CLEANUP_FUNC(struct ledger_archiving, ledger_archiving_stop);

/*
 * Drops the records up to @to of a search that is done, whose hash the caller
 * knows to be @hash, with the spectra that no kept record names. A signed
 * checkpoint record says so, and with its commit they are gone for every
 * reader; ledger_purge() then takes them from the file. Nothing may wait in
 * the batch (-EBUSY). -ENOENT no such record; -ESTALE another hash; -EACCES
 * not one that may go.
 */
int ledger_archive(struct ledger_archiving *a, const char *hash, uint32_t uid,
		   const char *reason, uint64_t *ret_seq);

/*
 * Takes at most @n_max of the records or spectra that were dropped from the
 * file: 1 while there are more, 0 when none is left, -errno. What a kill of
 * the process leaves is taken the next time.
 */
int ledger_purge(struct ledger *l, size_t n_max);

#endif
