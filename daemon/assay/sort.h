/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decision on a sample by the rules of its method. */
#ifndef DAEMON_ASSAY_SORT_H
#define DAEMON_ASSAY_SORT_H

#include "assay/assay.h"

/*
 * Judges @r, whose contents, covariance and verdict are there, by the rules of
 * @m into r->decision. A look, at a spectrum that grows, may leave it open; the
 * others never do but for a result that the method rejects or rules that are
 * none. Pure: any number of looks may be taken, in any order.
 */
void sort_judge(const struct method *m, struct assay_result *r,
		enum assay_when when);

/*
 * Whether a value with its standard uncertainty lies beyond the bound so far
 * that, over all looks at it there ever are, one that lies on the bound gets
 * there with probability @error at most; on either side. @bound above 0.
 */
bool sort_is_beyond(double value, double u, double bound, double error);

#endif
