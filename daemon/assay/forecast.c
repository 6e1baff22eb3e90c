// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The model of the fit run forwards: with the contents w_i and the exposure X
 * (mA s) channel k expects X (sum_i w_i c_ik + t_k), where c_i are the columns
 * of the elements and t the tube's scatter, all at 1 mA s. X is what makes
 * the sum over the range the counts that were asked for.
 */
#include "assay/forecast.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "assay/outcome.h"

enum { N_CHAN = 2048 };

/* The finest whole number of eV a channel that holds the range. */
static struct basis_state forecast_axis(const struct method *m)
{
	double gain = 1e-3 * ceil(1e3 * m->fit.high_kev / (N_CHAN - 2));

	gain = fmax(gain, 0.025);
	return (struct basis_state){ gain / 2, gain, m->detector.noise_fwhm_kev,
				     1,	       0,    0,
				     0 };
}

/* The columns of the tube's lines, and the continuum as it is computed. */
static void forecast_sum(const struct basis *b, const double *content,
			 double *ret)
{
	memcpy(ret, b->continuum, b->n * sizeof(*ret));
	for (size_t c = 0; c < b->scatter + BASIS_N_SCATTER; c++) {
		double by = 1;

		if (c < b->n_elements)
			by = content[c];
		else if (c < b->scatter)
			continue;
		for (size_t k = 0; k < b->n; k++)
			ret[k] += by * b->col[c * b->n + k];
	}
}

/* Whole numbers whose sums from the first channel on are those expected. */
static void forecast_round(const double *expected, size_t n, double by,
			   uint32_t *ret)
{
	double rest = 0;

	for (size_t k = 0; k < n; k++) {
		double count;

		rest += by * fmax(expected[k], 0);
		count = floor(rest + 0.5);
		ret[k] = (uint32_t)fmin(count, UINT32_MAX);
		rest -= count;
	}
}

static int forecast_columns(struct assay_engine *e, const double *content,
			    struct basis *b, const struct basis_state *state)
{
	const struct method_matrix *mm = &e->m->matrix;
	struct physics_pellet pellet = { mm->areal_g_cm2, mm->density_g_cm3 };
	double *none;

	none = calloc(b->n_cols, sizeof(*none));
	if (!none)
		return -ENOMEM;
	quant_start(&e->quant, e->physics, &pellet, 1, e->other_rates);
	e->quant.seen.amplitude = content;
	quant_begin(&e->quant);
	physics_compute(e->physics, e->quant.w, &pellet, e->rates);
	basis_build(b, e->rates, state, none);
	free(none);
	return e->quant.scale > 1 ? -EDOM : 0;
}

int forecast_spectrum(struct assay_engine *e, const double *content,
		      double rate_cps, double live_s, struct spectrum **ret)
{
	CLEANUP(basis_freep) struct basis *b = NULL;
	CLEANUP(freep) double *expected = NULL;
	CLEANUP(freep) uint32_t *counts = NULL;
	struct basis_state state = forecast_axis(e->m);
	size_t first = (size_t)ceil((e->m->fit.low_kev - state.offset_kev) /
				    state.gain_kev);
	double total = 0;
	int r;

	r = basis_new(e->physics, first, N_CHAN - first, &state, &b);
	if (r < 0)
		return r;
	expected = calloc(b->n, sizeof(*expected));
	counts = calloc(N_CHAN, sizeof(*counts));
	if (!expected || !counts)
		return -ENOMEM;
	r = forecast_columns(e, content, b, &state);
	if (r < 0)
		return r;
	forecast_sum(b, content, expected);
	for (size_t k = 0; k < b->n; k++)
		total += fmax(expected[k], 0);
	forecast_round(expected, b->n, rate_cps * live_s / total,
		       counts + first);
	r = spectrum_new(counts, N_CHAN, ret);
	if (r < 0)
		return r;
	(*ret)->live_s = (*ret)->real_s = live_s;
	(*ret)->icr_cps = (*ret)->ocr_cps = rate_cps;
	(*ret)->cal[0] = (struct spectrum_cal){ 0, state.offset_kev };
	(*ret)->cal[1] = (struct spectrum_cal){
		N_CHAN - 1, state.offset_kev + (N_CHAN - 1) * state.gain_kev
	};
	(*ret)->n_cal = 2;
	return 0;
}
