/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rare earths over those of chondrites: pattern, anomalies, smoothness. */
#ifndef DAEMON_ASSAY_PATTERN_H
#define DAEMON_ASSAY_PATTERN_H

#include "assay/assay.h"

#define PATTERN_REFERENCE "CI chondrite, McDonough and Sun 1995"

/*
 * Fills `normalised` of the elements, the anomalies and La/Yb of a result
 * whose elements and covariance are there, and flags each rare earth that
 * lies beside the curve of its neighbours.
 */
void pattern_make(struct assay_result *r);

/* Content of an element in the reference, mg/kg; 0: it has none. */
double pattern_reference(int z);

#endif
