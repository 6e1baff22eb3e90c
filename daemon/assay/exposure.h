/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the sample scatters of the tube, as counts predicted and found. */
#ifndef DAEMON_ASSAY_EXPOSURE_H
#define DAEMON_ASSAY_EXPOSURE_H

#include "assay/physics.h"

struct basis;
struct basis_state;
struct fit;

enum { EXPOSURE_BANDS = 4 };

enum exposure_feature {
	EXPOSURE_RAYLEIGH, /* K lines of the tube */
	EXPOSURE_COMPTON,
	EXPOSURE_BAND, /* continuum, first of the bands */
	EXPOSURE_N = EXPOSURE_BAND + EXPOSURE_BANDS,
};

/*
 * By feature: the exposure (mA s) for which its counts were predicted, found
 * by the fit, and the relative sigma of prediction and counts. A feature that
 * was not seen has a sigma of INFINITY.
 */
struct exposure {
	double scale[EXPOSURE_N];
	double u[EXPOSURE_N];
};

/* Lower limit of a band, or with `band` one too high the end of the last. */
double exposure_band_kev(const struct method *m, int band);

/* What a solved fit found of them, its columns made for `state`. */
void exposure_find(const struct basis *b, const struct fit *f,
		   const struct basis_state *state, struct exposure *ret);

/* Logarithm of the counts of each feature at 1 mA s. */
void exposure_predict(const struct physics *p, const struct physics_rates *r,
		      double ret[EXPOSURE_N]);

#endif
