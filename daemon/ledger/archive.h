/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Old records leave the ledger for an export. */
#ifndef DAEMON_LEDGER_ARCHIVE_H
#define DAEMON_LEDGER_ARCHIVE_H

#include <stdint.h>

#include "ledger/ledger.h"

struct ledger_archive {
	uint64_t before_us; /* wall clock: only what is older may go */
	uint64_t running; /* the oldest assay that runs; 0 = none */
	uint64_t to; /* 0 = as much as may go */
};

/*
 * The last record of the longest range from the first kept one that may go:
 * it ends in a result, no assay lies on both sides, all readers have
 * acknowledged it, it is older than @before_us and not beyond @to. *ret_last
 * is 0 when there is none, ledger_why() then says what keeps it.
 */
int ledger_archivable(struct ledger *l, const struct ledger_archive *what,
		      uint64_t *ret_last);

/*
 * Drops the records up to @what->to, whose hash the caller knows to be @hash,
 * with the spectra that no kept record names; a signed checkpoint record says
 * so in the same transaction. Nothing may wait in the batch (-EBUSY).
 * -ENOENT no such record; -ESTALE another hash; -EACCES not one that may go.
 */
int ledger_archive(struct ledger *l, const struct ledger_archive *what,
		   const char *hash, uint32_t uid, const char *reason,
		   uint64_t *ret_seq);

#endif
