/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Contents of the dried sample, when its moisture was stated. */
#ifndef DAEMON_ASSAY_DRY_H
#define DAEMON_ASSAY_DRY_H

#include "assay/assay.h"

/* Fills `dry` of elements and sums, behind the sums; zeros without moisture. */
void dry_make(struct assay_result *r);

#endif
