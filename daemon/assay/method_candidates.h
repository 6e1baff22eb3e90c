/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The elements of a method that are fitted only if the counts ask for them. */
#ifndef DAEMON_ASSAY_METHOD_CANDIDATES_H
#define DAEMON_ASSAY_METHOD_CANDIDATES_H

#include "assay/method.h"

/*
 * Takes symbols, or "auto" for all that may be candidates and have a line in
 * the range: those of the method's list are marked, others put behind them.
 * Never one: a rare earth, Sc, Y, Th or U, the anode, what the air adds, and
 * what a rule is about. NULL or empty: none. 0, or -EINVAL with `why`.
 */
int method_candidates_take(struct method *m, const char *text, char *why,
			   size_t size);

#endif
