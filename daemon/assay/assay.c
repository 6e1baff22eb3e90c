// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One assay: fit and quantification in turns until both stand still.
 *
 * Each turn computes the rates of the composition in hand, makes the columns
 * at the axis in hand, solves for amplitudes and for steps of the axis, and
 * takes the amplitudes to the next composition.
 */
#include "assay/assay.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/fit.h"
#include "assay/limits.h"
#include "assay/linalg.h"
#include "assay/outcome.h"
#include "assay/pileup.h"
#include "assay/quant.h"

enum {
	MAX_TURNS = 60,
	LEAST_TURNS = 4,
	ROUGH_TURNS = 2,
	MAX_CHOICES = 4,
};

/* Largest relative change of a content that still counts as a change. */
#define CONVERGED 1e-4

/* How far binding may move a Compton peak, one sigma. */
#define U_SHIFT_KEV 0.05
/* What a change of the tails' factor by one counts for among those of the axis. */
#define TAIL_KEV 0.01
/* The same of the Fano factor, and the least that is left of it. */
#define FANO_KEV 0.01
#define FANO_LEAST 0.1
/* How well zero is kept to by what is left out, mass fraction. */
#define U_LEFT_OUT 1e-6
/* How well double scatter is known beside single, relative. */
#define U_TWICE 0.3

static void assay_apply_current(const struct assay_engine *e, double *ret)
{
	const struct spectrum *s = e->spectrum;

	/* The time counts pulses, of which pairs have taken two each. */
	*ret = isnan(s->tube_ua) ? NAN
				 : s->tube_ua * 1e-3 * s->live_s *
					   (1 - 2 * pileup_share(e->pileup));
}

/* What is stated of the sample goes before what the method says. */
static void assay_apply_pellet(const struct assay_engine *e,
			       struct physics_pellet *ret)
{
	const struct spectrum *s = e->spectrum;

	ret->areal_g_cm2 = isnan(s->areal_g_cm2) ? e->m->matrix.areal_g_cm2
						 : s->areal_g_cm2;
	ret->density_g_cm3 = isnan(s->density_g_cm3)
				     ? e->m->matrix.density_g_cm3
				     : s->density_g_cm3;
}

/* The axis as stated, and the channels of the method's range. */
static int assay_place(struct assay_engine *e)
{
	const struct method_fit *f = &e->m->fit;
	double axis[2], low, high;
	size_t first, n;

	spectrum_axis(e->spectrum, axis);
	low = ceil((f->low_kev - axis[0]) / axis[1]);
	high = floor((f->high_kev - axis[0]) / axis[1]);
	if (low < 0 || high >= (double)e->spectrum->n_chan || high < low + 200)
		return -ERANGE;
	first = (size_t)low;
	n = (size_t)(high - low) + 1;
	e->stated = (struct basis_state){
		axis[0], axis[1], e->m->detector.noise_fwhm_kev, 1, 0, 0, 0
	};
	e->state = e->stated;
	if (e->basis && e->basis->n == n && e->basis->first_chan == first &&
	    e->basis_axis[0] == axis[0] && e->basis_axis[1] == axis[1])
		return 0;
	e->basis = basis_free(e->basis);
	e->fit = fit_free(e->fit);
	e->basis_axis[0] = axis[0];
	e->basis_axis[1] = axis[1];
	return basis_new(e->physics, first, n, &e->state, &e->basis);
}

/* The energy in the middle of the range stays, so gain turns about it. */
static void assay_set_priors(struct assay_engine *e)
{
	const struct method_fit *mf = &e->m->fit;
	struct fit *f = e->fit;
	size_t s = e->basis->slopes, com = e->basis->scatter + BASIS_COMPTON;
	double gain_sigma = mf->gain_prior * e->stated.gain_kev, exposure;

	memset(f->prior, 0, f->p * sizeof(double));
	memset(f->prior_weight, 0, f->p * sizeof(double));
	f->prior[s + BASIS_OFFSET] = e->stated.offset_kev - e->state.offset_kev;
	f->prior_weight[s + BASIS_OFFSET] =
		1 / (mf->offset_prior_kev * mf->offset_prior_kev);
	f->prior[s + BASIS_GAIN] = e->stated.gain_kev - e->state.gain_kev;
	f->prior_weight[s + BASIS_GAIN] = 1 / (gain_sigma * gain_sigma);
	f->prior[s + BASIS_NOISE] =
		e->stated.noise_fwhm_kev - e->state.noise_fwhm_kev;
	f->prior_weight[s + BASIS_NOISE] =
		1 / (mf->noise_prior_kev * mf->noise_prior_kev);
	f->prior[s + BASIS_ESCAPE] = 1 - e->state.escape;
	f->prior_weight[s + BASIS_ESCAPE] =
		1 / (e->m->detector.escape_prior * e->m->detector.escape_prior);
	/* A second loss goes with the first; alone it looks like a spline. */
	if (f->x[com] > 0) {
		f->prior[com - BASIS_COMPTON + BASIS_COMPTON_TWICE] = f->x[com];
		f->prior_weight[com - BASIS_COMPTON + BASIS_COMPTON_TWICE] =
			1 / (U_TWICE * U_TWICE * f->x[com] * f->x[com]);
	}
	if (e->pileup > 0) {
		size_t pile = e->basis->scatter + BASIS_PILEUP;
		double u = e->m->detector.pileup_prior * e->pileup;

		f->prior[pile] = e->pileup;
		f->prior_weight[pile] = 1 / (u * u);
	}
	f->prior[s + BASIS_SHIFT] = -e->state.shift_kev;
	f->prior_weight[s + BASIS_SHIFT] = 1 / (U_SHIFT_KEV * U_SHIFT_KEV);
	if (e->basis->tail) {
		f->prior[e->basis->tail] = -e->state.tail_more;
		f->prior_weight[e->basis->tail] =
			1 / (mf->tail_prior * mf->tail_prior);
	}
	if (e->basis->fano) {
		f->prior[e->basis->fano] = -e->state.fano_more;
		f->prior_weight[e->basis->fano] =
			1 / (mf->fano_prior * mf->fano_prior);
	}
	for (size_t i = 0; i < e->basis->n_subshells; i++)
		f->prior_weight[e->basis->subshells + i] =
			1 / (e->basis->subshell[i].prior *
			     e->basis->subshell[i].prior);

	/*
	 * Splines are exposures too; their own mean may follow a wild one. A
	 * tube without a line in the range has the exposure from elsewhere.
	 */
	exposure = e->physics->n_profiles		     ? f->x[com]
		   : e->n_turns > ROUGH_TURNS || e->is_known ? e->quant.scale
							     : 0;
	f->smooth_weight = exposure > 0
				   ? 1 / (mf->spline_prior * mf->spline_prior *
					  exposure * exposure)
				   : 0;
}

/* A step of the axis, no larger than its prior allows at a time. */
static double assay_bounded(double step, double bound)
{
	return fmax(-bound, fmin(bound, step));
}

/* Below nothing there is no tail. */
static void assay_move_tail(struct assay_engine *e)
{
	double step = e->fit->x[e->basis->tail];

	e->state.tail_more += assay_bounded(step, e->m->fit.tail_prior);
	e->state.tail_more = fmax(e->state.tail_more, -1);
	e->axis_change += TAIL_KEV * fabs(step);
}

static void assay_move_fano(struct assay_engine *e)
{
	double step = e->fit->x[e->basis->fano];

	e->state.fano_more += assay_bounded(step, e->m->fit.fano_prior);
	e->state.fano_more = fmax(e->state.fano_more, FANO_LEAST - 1);
	e->axis_change += FANO_KEV * fabs(step);
}

static void assay_move_axis(struct assay_engine *e)
{
	const struct method_fit *mf = &e->m->fit;
	const double *step = e->fit->x + e->basis->slopes;
	double gain = assay_bounded(step[BASIS_GAIN],
				    mf->gain_prior * e->stated.gain_kev);

	e->state.offset_kev +=
		assay_bounded(step[BASIS_OFFSET], mf->offset_prior_kev);
	e->state.gain_kev += gain;
	e->state.noise_fwhm_kev +=
		assay_bounded(step[BASIS_NOISE], 0.5 * mf->noise_prior_kev);
	e->state.noise_fwhm_kev =
		fmax(e->state.noise_fwhm_kev, 0.2 * e->stated.noise_fwhm_kev);
	e->state.escape += assay_bounded(step[BASIS_ESCAPE], 0.3);
	e->state.escape = fmax(e->state.escape, 0);
	e->state.shift_kev += assay_bounded(step[BASIS_SHIFT], U_SHIFT_KEV);
	e->axis_change = fabs(step[BASIS_OFFSET]) +
			 0.1 * fabs(step[BASIS_SHIFT]) +
			 fabs(step[BASIS_GAIN]) *
				 (double)(e->basis->first_chan + e->basis->n);
	if (e->basis->tail)
		assay_move_tail(e);
	if (e->basis->fano)
		assay_move_fano(e);
}

static enum assay_stop assay_stop_of(enum fit_stop stop)
{
	return stop == FIT_NOT_FINITE ? ASSAY_STOP_NOT_FINITE
				      : ASSAY_STOP_SINGULAR;
}

/* What is left out has no covariance, and must not be taken for unknown. */
static void assay_hold_out(struct assay_engine *e)
{
	struct fit *f = e->fit;
	double u = U_LEFT_OUT * e->quant.scale;

	for (size_t i = 0; e->candidates.n && i < e->m->n_elements; i++) {
		if (f->is_out[i])
			f->cov[i * f->p + i] = u * u;
	}
}

/* Rough contents first: a covariance means little before the model is near. */
static enum fit_stop assay_quantify(struct assay_engine *e)
{
	if (e->is_known) {
		e->quant.change = 0;
		return FIT_SOLVED;
	}
	if (e->n_turns <= ROUGH_TURNS) {
		quant_begin(&e->quant);
		return FIT_SOLVED;
	}
	for (struct assay_engine *v = e; v; v = v->beside) {
		enum fit_stop stop = fit_invert(v->fit);

		if (stop != FIT_SOLVED)
			return stop;
	}
	for (struct assay_engine *v = e; v; v = v->beside)
		assay_hold_out(v);
	return quant_update(&e->quant) < 0 ? FIT_SINGULAR : FIT_SOLVED;
}

/* Rates and columns of the composition in hand, and the fit of one spectrum. */
static enum fit_stop assay_fit(struct assay_engine *e)
{
	struct fit *f = e->fit;
	enum fit_stop stop;

	physics_compute(e->physics, e->quant.w, &e->quant.pellet, e->rates);
	basis_build(e->basis, e->rates, &e->state, f->x);
	assay_set_priors(e);
	stop = fit_solve(f, e->basis);
	if (stop != FIT_SOLVED)
		return stop;
	fit_model_weights(f, e->basis, outcome_model_error(e));
	exposure_find(e->basis, f, &e->state, &e->quant.found);
	return FIT_SOLVED;
}

static bool assay_is_at_rest(const struct assay_engine *e)
{
	if (e->n_turns < LEAST_TURNS || !(e->quant.change < CONVERGED))
		return false;
	for (; e; e = e->beside) {
		if (!(e->axis_change < 1e-5))
			return false;
	}
	return true;
}

/*
 * The elements that the counts ask for; whether they are others than before.
 * What comes in begins at zero, and what goes leaves at once.
 */
static bool assay_choose(struct assay_engine *e)
{
	const struct candidates_sample s = outcome_candidates(e);
	bool is_out[METHOD_MAX_ELEMENTS];

	if (!e->candidates.n || e->is_known || !candidates_choose(&s, is_out))
		return false;
	for (struct assay_engine *v = e; v; v = v->beside) {
		for (size_t i = 0; i < e->m->n_elements; i++) {
			v->fit->is_out[i] = is_out[i];
			if (is_out[i])
				v->fit->x[i] = 0;
		}
	}
	return true;
}

/*
 * The set stands when a choice at rest does not change it. Without a strong
 * one that it lacks no run would come to rest, so there are choices on the
 * way, ever fewer: what such a misfit takes in wrongly the next one leaves out.
 */
static bool assay_is_chosen(struct assay_engine *e, bool is_at_rest)
{
	int turn = e->n_turns;

	if (is_at_rest && e->candidates.n_choices < MAX_CHOICES) {
		e->candidates.n_choices++;
		return !assay_choose(e);
	}
	if (turn >= ROUGH_TURNS && !(turn & (turn - 1)))
		assay_choose(e);
	return is_at_rest;
}

/* Turns from `first` on: 1, or the one behind the rough ones. */
static enum assay_stop assay_iterate(struct assay_engine *e, int first)
{
	enum fit_stop stop;

	for (e->n_turns = first; e->n_turns <= MAX_TURNS; e->n_turns++) {
		for (struct assay_engine *v = e; v; v = v->beside) {
			v->n_turns = e->n_turns;
			stop = assay_fit(v);
			if (stop != FIT_SOLVED)
				return assay_stop_of(stop);
		}
		stop = assay_quantify(e);
		if (stop != FIT_SOLVED)
			return assay_stop_of(stop);
		if (assay_is_chosen(e, assay_is_at_rest(e)))
			return ASSAY_STOP_CONVERGED;
		/* The first amplitudes know no slopes yet. */
		for (struct assay_engine *v = e; v && e->n_turns > 1;
		     v = v->beside)
			assay_move_axis(v);
	}
	e->n_turns = MAX_TURNS;
	return ASSAY_STOP_ITERATIONS;
}

/* How many pulses have another upon them, and what that looks like. */
static void assay_take_pileup(struct assay_engine *e)
{
	const struct spectrum *s = e->spectrum;
	struct basis *b = e->basis;
	double rate = s->icr_cps, sum = 0;

	for (size_t k = 0; k < s->n_chan; k++)
		sum += s->counts[k];
	if (!(rate > 0))
		rate = sum / s->live_s;
	e->pileup = pileup_amplitude(rate * 1e-6 *
				     e->m->detector.pair_resolution_us);
	if (e->pileup > 0)
		pileup_pairs(s->counts, s->n_chan,
			     e->stated.offset_kev / e->stated.gain_kev,
			     b->first_chan, b->n, b->pairs);
	else
		memset(b->pairs, 0, b->n * sizeof(*b->pairs));
}

static int assay_take_counts(struct assay_engine *e)
{
	int r;

	if (!e->fit) {
		r = fit_new(e->basis->n, e->basis->n_cols, &e->fit);
		if (r < 0)
			return r;
	}
	e->fit->times = 1;
	for (size_t k = 0; k < e->fit->n; k++)
		e->fit->counts[k] =
			e->spectrum->counts[e->basis->first_chan + k];
	assay_take_pileup(e);
	return 0;
}

static int assay_refuse(struct assay_engine *e, const char *which,
			const char *why)
{
	snprintf(e->why, sizeof(e->why), "%s%.100s", which, why);
	return -EINVAL;
}

/* A spectrum to the engine of its set-up; -EINVAL with the reason in `why`. */
static int assay_begin(struct assay_engine *e, const struct spectrum *s)
{
	enum spectrum_fault fault = spectrum_check(s);
	struct physics_pellet pellet;
	struct fit *f;
	double stated;
	int r;

	e->base.result = NULL;
	e->why[0] = 0;
	if (fault != SPECTRUM_OK)
		return assay_refuse(e, "", spectrum_fault_text(fault));
	e->spectrum = s;
	r = assay_place(e);
	if (r == -ERANGE)
		return assay_refuse(e, "",
				    spectrum_fault_text(SPECTRUM_OUT_OF_RANGE));
	if (r < 0)
		return r;
	r = assay_take_counts(e);
	if (r < 0)
		return r;
	assay_apply_current(e, &stated);
	assay_apply_pellet(e, &pellet);
	quant_start(&e->quant, e->physics, &pellet, stated, e->other_rates);
	f = e->fit;
	if (!quant_state_loss(&e->quant, s->moisture, s->loi))
		return assay_refuse(
			e, "",
			"moisture or loss is stated, and the method has no hydrogen");
	e->quant.seen = (struct quant_seen){ f->x, f->cov, f->p, e->rates };
	e->axis_change = 0;
	fit_start(f);
	candidates_start(&e->candidates, e->m, f);
	return 0;
}

static int assay_run(struct assay_engine *e, struct assay_result **ret)
{
	enum assay_stop stop;

	for (struct assay_engine *v = e; v; v = v->beside)
		v->is_known = false;
	stop = assay_iterate(e, 1);
	for (struct assay_engine *v = e; v; v = v->beside) {
		v->stop = stop;
		v->n_turns = e->n_turns;
		v->found = v->state;
	}
	return outcome_make(e, ret);
}

int assay_engine_run(struct assay_engine *e, const struct spectrum *s,
		     struct assay_result **ret)
{
	int r;

	if (e->beside)
		return assay_refuse(
			e, "", "the method is for two spectra of a sample");
	r = assay_begin(e, s);
	return r < 0 ? r : assay_run(e, ret);
}

int assay_engine_run_two(struct assay_engine *e, const struct spectrum *first,
			 const struct spectrum *second,
			 struct assay_result **ret)
{
	int r;

	if (!e->beside)
		return assay_refuse(
			e, "", "the method is for one spectrum of a sample");
	r = assay_begin(e, first);
	if (r < 0)
		return r;
	r = assay_begin(e->beside, second);
	if (r == -EINVAL)
		return assay_refuse(e, "second spectrum: ", e->beside->why);
	if (r < 0)
		return r;
	e->beside->quant.pellet = e->quant.pellet;
	quant_join(&e->quant, &e->beside->quant);
	return assay_run(e, ret);
}

int assay_engine_go_on(struct assay_engine *e, struct assay_result **ret)
{
	const struct basis *b = e->basis;
	struct fit *f = e->fit;

	assay_move_axis(e);
	for (size_t c = 0; c < f->p; c++) {
		if (c < b->slopes)
			f->x[c] *= f->times;
		else if (c < b->subshells)
			f->x[c] = 0;
	}
	for (size_t k = 0; k < f->n; k++) {
		f->counts[k] *= f->times;
		f->model[k] *= f->times;
		f->lines[k] *= f->times;
	}
	e->quant.scale *= f->times;
	assay_apply_current(e, &e->quant.stated_scale);
	f->times = 1;
	fit_model_weights(f, b, outcome_model_error(e));
	e->base.result = NULL;
	e->candidates.n_choices = 0;
	e->stop = assay_iterate(e, ROUGH_TURNS + 1);
	e->found = e->state;
	return outcome_make(e, ret);
}

int assay_fit_known(struct assay_engine *e, const struct spectrum *s,
		    const double *content, double oxygen)
{
	int r;

	if (e->beside)
		return assay_refuse(
			e, "",
			"the method is for two spectra of a sample: calibrate its parts");
	r = assay_begin(e, s);
	if (r < 0)
		return r;
	/* What it holds is stated, so all of it is in. */
	memset(e->fit->is_out, 0, e->fit->p * sizeof(*e->fit->is_out));
	quant_know(&e->quant, content, oxygen);
	if (!isnan(e->quant.stated_scale))
		e->quant.scale = e->quant.stated_scale;
	e->is_known = true;
	e->stop = assay_iterate(e, 1);
	if (e->stop != ASSAY_STOP_CONVERGED ||
	    fit_covariance(e->fit, e->basis) != FIT_SOLVED)
		return -EDOM;
	return 0;
}

const char *assay_engine_why(const struct assay_engine *e)
{
	return e->why;
}

const char *assay_engine_error(int r)
{
	return r == -ELIBACC ? "OpenBLAS is missing, " LINALG_LIBRARY
			       " (apt install libopenblas0)"
			     : strerror(-r);
}

int assay_engine_new(const struct method *m, struct assay_engine **ret)
{
	CLEANUP(assay_engine_freep)
	struct assay_engine *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->m = m;
	candidates_init(&e->candidates, m);
	r = physics_new(m, &e->physics);
	if (r < 0)
		return r;
	r = physics_rates_new(e->physics, &e->rates);
	if (r < 0)
		return r;
	r = physics_rates_new(e->physics, &e->other_rates);
	if (r < 0)
		return r;
	if (m->beside) {
		r = assay_engine_new(m->beside, &e->beside);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(e);
	return 0;
}

struct assay_engine *assay_engine_free(struct assay_engine *e)
{
	if (!e)
		return NULL;
	physics_rates_free(e->rates);
	physics_rates_free(e->other_rates);
	basis_free(e->basis);
	fit_free(e->fit);
	physics_free(e->physics);
	assay_engine_free(e->beside);
	free(e);
	return NULL;
}
