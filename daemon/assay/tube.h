/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The excitation in bins: what reaches the sample at 1 mA. */
#ifndef DAEMON_ASSAY_TUBE_H
#define DAEMON_ASSAY_TUBE_H

#include "assay/method.h"

/*
 * Bins of the continuum by rising energy, then one bin of no width for each
 * tube line. Inside a bin the continuum is a row of `n_sub` points, so that
 * an absorption edge may fall into it.
 */
struct tube {
	size_t n_bins;
	size_t n_continuum;
	double *kev; /* mean energy, weighted with the flux */
	double *width_kev;
	double *flux; /* photons/s at 1 mA, behind filters and air */
	size_t n_sub; /* points of each continuum bin */
	double *sub_kev; /* n_continuum * n_sub */
	double *sub_part; /* share of the bin's flux */
};

/* Photons left of one after a layer. */
typedef double (*tube_pass_fn)(const struct method_layer *layer, double kev);

int tube_new(const struct method *m, tube_pass_fn pass, struct tube **ret);
struct tube *tube_free(struct tube *t);
CLEANUP_FUNC(struct tube, tube_free);

#endif
