// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Features of the scatter: elastic and Compton peak of the tube's K lines, and
 * the continuum in bands of energy.
 */
#include "assay/exposure.h"

#include <math.h>
#include <string.h>

double exposure_band_kev(const struct method *m, int band)
{
	const struct method_matrix *x = &m->matrix;

	return x->band_low_kev +
	       (x->band_high_kev - x->band_low_kev) * band / EXPOSURE_BANDS;
}

/* Band of an energy, or -1. */
static int exposure_band(const struct method *m, double kev)
{
	const struct method_matrix *x = &m->matrix;
	double at = (kev - x->band_low_kev) /
		    (x->band_high_kev - x->band_low_kev) * EXPOSURE_BANDS;

	return at >= 0 && at < EXPOSURE_BANDS ? (int)at : -1;
}

void exposure_predict(const struct physics *p, const struct physics_rates *r,
		      double ret[EXPOSURE_N])
{
	memset(ret, 0, EXPOSURE_N * sizeof(*ret));
	for (size_t i = 0; i < p->n_profiles; i++) {
		ret[EXPOSURE_RAYLEIGH] += r->ray[p->profile_bin[i]];
		ret[EXPOSURE_COMPTON] += r->com[p->profile_bin[i]];
	}
	for (size_t b = 0; b < p->tube->n_continuum; b++) {
		int elastic = exposure_band(p->m, p->tube->kev[b]);
		int shifted = exposure_band(p->m, p->shift_kev[b]);

		if (elastic >= 0)
			ret[EXPOSURE_BAND + elastic] += r->ray[b];
		if (shifted >= 0)
			ret[EXPOSURE_BAND + shifted] +=
				r->com[b] + r->com_twice[b];
	}
	for (int j = 0; j < EXPOSURE_N; j++)
		ret[j] = log(fmax(ret[j], 1e-300));
}
