/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many records as one sealed memory file. */
#ifndef DAEMON_BUS_FETCH_H
#define DAEMON_BUS_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/ledger.h"

struct fetch {
	uint64_t from; /* 0: the first kept */
	uint32_t max;
	uint32_t kinds; /* bits, 0: all */
	char sample[129]; /* records that name it, "": all */
	/* Wall clock, microseconds: records from since on and before until. */
	uint64_t since_us;
	uint64_t until_us; /* 0: no end */
	size_t len_max; /* bytes of the answer */
	bool has_counts;
	/* Set by fetch_run(). */
	uint64_t next;
	uint32_t n;
};

/*
 * A memfd at offset 0, sealed against all change, or -errno: an export line
 * a record, an empty line, then the blobs in the order of the lines. At most
 * @len_max bytes, but one record always fits. *ret_len is its size.
 */
int fetch_run(struct ledger *l, struct fetch *f, size_t *ret_len);

#endif
