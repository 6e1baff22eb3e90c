// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The assay of a spectrum that grows.
 *
 * Columns and rates stay those of the last whole run, at its composition and
 * axis. The counts, over the ratio of live times, are solved anew with weights
 * of the last model, and one step leads from the amplitudes to the contents.
 * For that one step to end where turns would, its derivatives must be those of
 * a whole turn, the fit with its splines included, so they are measured behind
 * a whole run: a turn beside the rest for each unknown that the matrix feels.
 * Offset, gain and noise go along as slopes.
 *
 * What that leaves out is of second order, and the counts tell how large it
 * may be. A whole run follows, which begins where the refit came to,
 *
 *   when a content that the matrix feels or the mixture of the balance is
 *   further from the rest than half its present sigma;
 *   when the second order of the axis' motion could shift an unknown by a
 *   tenth of its sigma. The shift of any unknown in its sigmas is below the
 *   root of the sum of (what is left out)^2 over the variances of the
 *   channels.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "assay/outcome.h"

/* Sigmas that a composition may be from its rest. */
#define FARTHEST_MOVE 0.5
/* Sigmas by which the motion of the axis may shift an unknown. */
#define LEAST_SHIFT 0.1

static bool refit_is_same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

/* Whether a spectrum is that of the last result, with counts added. */
static bool refit_is_grown(const struct assay_engine *e,
			   const struct spectrum *s,
			   const struct assay_result *r)
{
	double axis[2];

	if (spectrum_check(s) != SPECTRUM_OK || s->n_chan != r->n_chan ||
	    s->live_s < r->live_s ||
	    !refit_is_same(s->tube_ua, e->base.tube_ua) ||
	    !refit_is_same(s->areal_g_cm2, e->base.areal_g_cm2) ||
	    !refit_is_same(s->density_g_cm3, e->base.density_g_cm3) ||
	    !refit_is_same(s->moisture, e->base.moisture) ||
	    !refit_is_same(s->loi, e->base.loi))
		return false;
	spectrum_axis(s, axis);
	if (axis[0] != e->basis_axis[0] || axis[1] != e->basis_axis[1])
		return false;
	for (size_t k = 0; k < s->n_chan; k++) {
		if (s->counts[k] < r->counts[k])
			return false;
	}
	return true;
}

/*
 * A peak that moves by s and widens from noise w to w + v keeps, to second
 * order, s^2 / 2 + v^2 / (16 ln 2) times its curvature that the slopes with s
 * and w do not have.
 */
static bool refit_is_straight(const struct assay_engine *e)
{
	const struct basis *b = e->basis;
	const struct fit *f = e->fit;
	const double *step = f->x + b->slopes;
	double wider = step[BASIS_NOISE] * step[BASIS_NOISE] / (16 * M_LN2);
	double gain2 = e->state.gain_kev * e->state.gain_kev, sum = 0;

	for (size_t k = 1; k + 1 < f->n; k++) {
		double s = step[BASIS_OFFSET] +
			   step[BASIS_GAIN] * (double)(b->first_chan + k);
		double bend =
			f->lines[k - 1] - 2 * f->lines[k] + f->lines[k + 1];
		double left_out = (s * s / 2 + wider) * bend / gain2;

		sum += left_out * left_out * f->weight[k];
	}
	return sum <= LEAST_SHIFT * LEAST_SHIFT;
}

static void refit_take(struct assay_engine *e, const struct spectrum *s)
{
	struct fit *f = e->fit;

	e->spectrum = s;
	f->times = s->live_s / e->base.live_s;
	for (size_t k = 0; k < f->n; k++)
		f->counts[k] = s->counts[e->basis->first_chan + k] / f->times;
}

static void refit_find_axis(struct assay_engine *e)
{
	const double *step = e->fit->x + e->basis->slopes;

	e->found = e->state;
	e->found.offset_kev += step[BASIS_OFFSET];
	e->found.gain_kev += step[BASIS_GAIN];
	e->found.noise_fwhm_kev += step[BASIS_NOISE];
	e->found.escape += step[BASIS_ESCAPE];
	e->found.shift_kev += step[BASIS_SHIFT];
	if (e->basis->tail)
		e->found.tail_more += e->fit->x[e->basis->tail];
	if (e->basis->fano)
		e->found.fano_more += e->fit->x[e->basis->fano];
}

static enum assay_follow refit_run(struct assay_engine *e,
				   const struct spectrum *s,
				   const struct assay_result *r)
{
	struct fit *f = e->fit;
	struct quant *q = &e->quant;
	struct candidates_sample sample;
	bool is_out[METHOD_MAX_ELEMENTS];
	double move;

	if (!r || e->base.result != r)
		return ASSAY_RUN_FIRST;
	if (!refit_is_grown(e, s, r))
		return ASSAY_RUN_OTHER;
	refit_take(e, s);
	if (fit_again(f, e->basis, outcome_model_error(e)) != FIT_SOLVED)
		return ASSAY_RUN_OTHER;
	sample = outcome_candidates(e);
	if (e->candidates.n && candidates_choose(&sample, is_out))
		return ASSAY_RUN_MOVED;
	if (!refit_is_straight(e))
		return ASSAY_RUN_AXIS;
	exposure_find(e->basis, f, &e->state, &q->found);
	if (rest_refit(q, &e->base.rest, &move) < 0)
		return ASSAY_RUN_OTHER;
	refit_find_axis(e);
	/* Not a number is not small. */
	return move <= FARTHEST_MOVE ? ASSAY_REFITTED : ASSAY_RUN_MOVED;
}

/* One turn beside the rest, or at it, with the counts and weights in hand. */
static bool refit_turn(struct assay_engine *e, size_t k, const double *x,
		       double *ret_step)
{
	struct quant *q = &e->quant;

	rest_go_beside(q, &e->base.rest, k, ret_step);
	physics_compute(e->physics, q->w, &q->pellet, e->rates);
	basis_build(e->basis, e->rates, &e->state, x);
	if (fit_solve(e->fit, e->basis) != FIT_SOLVED)
		return false;
	exposure_find(e->basis, e->fit, &e->state, &q->found);
	return true;
}

/* What a turn does beside the rest, for all that the matrix feels. */
static bool refit_find_lacks(struct assay_engine *e)
{
	struct rest *rest = &e->base.rest;
	double at_rest[METHOD_MAX_ELEMENTS], step;
	struct exposure found;
	struct fit *f = e->fit;
	double *x = f->changed;

	memcpy(x, f->x, f->p * sizeof(double));
	if (!refit_turn(e, rest->n_felt, x, &step))
		return false;
	memcpy(at_rest, f->x, e->m->n_elements * sizeof(double));
	found = e->quant.found;
	for (size_t k = 0; k < rest->n_felt; k++) {
		if (!refit_turn(e, k, x, &step))
			return false;
		rest_set_lack(&e->quant, rest, k, step, f->x, at_rest, &found);
	}
	return refit_turn(e, rest->n_felt, x, &step);
}

/* Only a run at rest is one to go on from. */
static void refit_set_base(struct assay_engine *e, const struct spectrum *s,
			   const struct assay_result *r)
{
	if (r->stop != ASSAY_STOP_CONVERGED)
		return;
	e->base.live_s = s->live_s;
	e->base.tube_ua = s->tube_ua;
	e->base.areal_g_cm2 = s->areal_g_cm2;
	e->base.density_g_cm3 = s->density_g_cm3;
	e->base.moisture = s->moisture;
	e->base.loi = s->loi;
	rest_keep(&e->quant, &e->base.rest);
	if (refit_find_lacks(e))
		e->base.result = r;
}

int assay_engine_follow(struct assay_engine *e, const struct spectrum *s,
			struct assay_result **r, enum assay_follow *ret_how)
{
	struct assay_result *whole = NULL;
	int err = 0;

	*ret_how = refit_run(e, s, *r);
	if (*ret_how == ASSAY_REFITTED) {
		outcome_renew(e, *r);
		return 0;
	}
	if (*ret_how == ASSAY_RUN_MOVED || *ret_how == ASSAY_RUN_AXIS)
		err = assay_engine_go_on(e, &whole);
	if (!whole || whole->stop != ASSAY_STOP_CONVERGED) {
		assay_result_free(whole);
		err = assay_engine_run(e, s, &whole);
	}
	if (err < 0)
		return err;
	assay_result_free(*r);
	*r = whole;
	refit_set_base(e, s, whole);
	return 0;
}
