/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elements that stand in one proportion in all standards. */
#ifndef DAEMON_ASSAY_COLLINEAR_H
#define DAEMON_ASSAY_COLLINEAR_H

#include <stdbool.h>
#include <stddef.h>

/* At most so many elements. */
enum { COLLINEAR_MAX = 20 };

/*
 * After D. A. Belsley, E. Kuh, R. E. Welsch, Regression Diagnostics (1980),
 * section 3.2: the largest condition index of the contents, each standard and
 * then each element taken to unit length, and which elements share in
 * dependencies beyond an index of 30 with more than half of their variance.
 * `content` has a row of n_standards for each of n elements, each with a
 * content somewhere, and is overwritten. Returns 0 or -EDOM.
 */
int collinear_find(double *content, size_t n, size_t n_standards,
		   double *ret_condition, bool *ret_involved);

#endif
