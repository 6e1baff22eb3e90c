/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decision limits and the sums and activities that contents lead to. */
#ifndef DAEMON_ASSAY_LIMITS_H
#define DAEMON_ASSAY_LIMITS_H

#include "assay/assay.h"

/* Coverage factor of an expanded uncertainty. */
#define LIMITS_K 2

/* Sets L_C, L_D and LOQ from s0, the sigma at zero content, and censoring. */
void limits_decide(struct assay_element *e, double s0);

/* The s0 that an element's limits were made of. */
double limits_s0(const struct assay_element *e);

/* What TREO, LREO, HREO, MREO, CREO are of in a result whose elements have their
 * names: before all else that is said of sums. */
void limits_name_sums(struct assay_result *r);

/* L_D of a sum from s0, the sigma with none of its members there, and back. */
void limits_decide_sum(struct assay_sum *s, double s0);
double limits_sum_s0(const struct assay_sum *s);
double limits_sum_lc(const struct assay_sum *s);

/* Their contents and u, when elements and cov are there. */
void limits_sums(struct assay_result *r);

/* The symbols of a sum by its name, the last one NULL; NULL: no such sum. */
const char *const *limits_members(const char *name);

/*
 * Content and u of what a rule is about, see rules_members(): an element, or
 * the oxides of several with their covariance. 0 when none of it is there.
 */
void limits_quantity(const struct assay_result *r, const char *quantity,
		     double *ret_content, double *ret_u);

/* Th and U-238 activity with the probabilities of 1 and 10 Bq/g. */
void limits_activity(struct assay_result *r);

/* Index of an element in a result, or -1. */
int limits_find(const struct assay_result *r, const char *symbol);

/*
 * Correlation of two contents whose u is mostly one of counts: what overlap
 * makes. 0 for others, which the common exposure correlates.
 */
double limits_correlation(const struct assay_result *r, size_t i, size_t j);

/* Probability that a value with its u lies above a bound. */
double limits_above(double value, double u, double bound);

#endif
