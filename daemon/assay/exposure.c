// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Features of the scatter: elastic and Compton peak of the tube's K lines, and
 * the continuum in bands of energy.
 */
#include "assay/exposure.h"

#include <math.h>
#include <string.h>

#include "assay/fit.h"

/* Share of the lines over a band that may be taken for its continuum. */
#define LINES_LEFT 0.01

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

/* A peak of the tube's scatter: sigma of its column alone, near enough. */
static void exposure_find_peak(const struct fit *f, size_t col, double u_model,
			       double *ret_scale, double *ret_u)
{
	*ret_scale = f->x[col];
	*ret_u = f->x[col] > 0 ? hypot(u_model, f->scale[col] / f->x[col])
			       : INFINITY;
}

/*
 * A band of the continuum. Where lines cover it, what they leave of it is as
 * uncertain as they are.
 */
static void exposure_find_band(const struct basis *b, const struct fit *f,
			       const struct basis_state *state, int band,
			       struct exposure *ret)
{
	const struct method *m = b->p->m;
	double low = exposure_band_kev(m, band);
	double high = exposure_band_kev(m, band + 1);
	double found = 0, unit = 0, lines = 0, var = 0, u;

	for (size_t k = 0; k < b->n; k++) {
		double kev = basis_kev(b, state, k);

		if (kev < low || kev >= high)
			continue;
		for (size_t i = b->splines; i < b->splines + b->n_splines; i++)
			found += f->x[i] * b->col[i * b->n + k];
		unit += b->continuum[k];
		lines += fabs(f->lines[k]);
		var += fmax(f->model[k], 1);
	}
	ret->u[EXPOSURE_BAND + band] = INFINITY;
	if (!(found > 0) || !(unit > 0))
		return;
	u = hypot(m->matrix.u_continuum, LINES_LEFT * lines / found);
	ret->scale[EXPOSURE_BAND + band] = found / unit;
	ret->u[EXPOSURE_BAND + band] = hypot(u, sqrt(var / f->times) / found);
}

void exposure_find(const struct basis *b, const struct fit *f,
		   const struct basis_state *state, struct exposure *ret)
{
	const struct method_matrix *mm = &b->p->m->matrix;

	exposure_find_peak(f, b->scatter + BASIS_RAYLEIGH, mm->u_rayleigh,
			   &ret->scale[EXPOSURE_RAYLEIGH],
			   &ret->u[EXPOSURE_RAYLEIGH]);
	exposure_find_peak(f, b->scatter + BASIS_COMPTON, mm->u_compton,
			   &ret->scale[EXPOSURE_COMPTON],
			   &ret->u[EXPOSURE_COMPTON]);
	for (int i = 0; i < EXPOSURE_BANDS; i++)
		exposure_find_band(b, f, state, i, ret);
}
