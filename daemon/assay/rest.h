/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A composition at rest, and steps from there for counts that have grown. */
#ifndef DAEMON_ASSAY_REST_H
#define DAEMON_ASSAY_REST_H

#include "assay/quant.h"

/*
 * `felt` are the unknowns that the matrix feels; by each of them, what the
 * derivatives lack of amplitudes and of the logarithms of features.
 */
struct rest {
	double content[METHOD_MAX_ELEMENTS];
	double scale;
	double mix;
	double loss;
	size_t n_felt;
	size_t felt[QUANT_MAX];
	double by_line[QUANT_MAX][METHOD_MAX_ELEMENTS];
	double by_feature[QUANT_MAX][EXPOSURE_N];
};

/* Keeps where updates have come to rest; nothing lacks yet. */
void rest_keep(const struct quant *q, struct rest *ret);

/*
 * Goes beside a rest by `*ret_step` of unknown `felt[k]`; to the rest itself
 * for a k of `n_felt`.
 */
void rest_go_beside(struct quant *q, const struct rest *rest, size_t k,
		    double *ret_step);

/*
 * Sets what lacks by unknown `felt[k]`: `amplitude` and q->found are what a fit
 * gave beside the rest, `at_rest` and `found_at_rest` what it gave there.
 */
void rest_set_lack(const struct quant *q, struct rest *rest, size_t k,
		   double step, const double *amplitude, const double *at_rest,
		   const struct exposure *found_at_rest);

/*
 * One step from a rest to where what is seen now, by the same columns, comes
 * to rest; covariance and errors as those of quant_update(). `*ret_move` is
 * how far that is: the largest of what the matrix feels, in its sigmas.
 */
int rest_refit(struct quant *q, const struct rest *from, double *ret_move);

#endif
