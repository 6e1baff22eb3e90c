/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many spectra assayed by one method, on all processors. */
#ifndef TOOLS_REESPEC_BATCH_H
#define TOOLS_REESPEC_BATCH_H

#include "assay/assay.h"
#include "reespec/command.h"

/* One file; what it holds is the batch's. */
struct batch_item {
	const char *path;
	struct spectrum *spectrum; /* NULL: it could not be read */
	struct assay_result *result; /* NULL: no assay */
	char why[320]; /* then the reason */
};

struct batch {
	struct batch_item *item;
	size_t n_items;
};

/*
 * Reads and assays @n files. Faults of single files are said on stderr at
 * once and leave their item without a result; REESPEC_OK, or what the whole
 * failed by. On a terminal a line tells how far it is.
 */
int batch_run(const struct args *args, const struct method *m,
	      char *const *paths, size_t n, struct batch *ret);
void batch_deinit(struct batch *b);

#endif
