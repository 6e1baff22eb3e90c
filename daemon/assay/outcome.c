// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes a result of a finished run: contents, limits, flags, the curve. */
#include "assay/outcome.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/dry.h"
#include "assay/limits.h"
#include "assay/null_space.h"
#include "assay/pattern.h"
#include "assay/pileup.h"
#include "assay/shape.h"
#include "assay/sort.h"

#define MG_KG 1e6
/* Sigma over that of the element alone from which overlap is said. */
#define OVERLAP 3
/* Attenuations on the way out from where 99 % stay in the sample. */
#define THICK 4.6

static int outcome_alloc(const struct assay_engine *e, struct assay_result *r)
{
	size_t n = e->m->n_elements;

	r->n_elements = n;
	r->n_chan = e->spectrum->n_chan;
	r->element = calloc(n, sizeof(*r->element));
	r->cov = calloc(n * n, sizeof(double));
	r->energy_kev = calloc(r->n_chan, sizeof(double));
	r->counts = calloc(r->n_chan, sizeof(double));
	r->model = calloc(r->n_chan, sizeof(double));
	r->background = calloc(r->n_chan, sizeof(double));
	r->label = calloc(n * LINE_N_SHELLS, sizeof(*r->label));
	if (!r->element || !r->cov || !r->energy_kev || !r->counts ||
	    !r->model || !r->background || !r->label)
		return -ENOMEM;
	return 0;
}

static void outcome_name_line(const struct assay_engine *e, size_t i,
			      struct assay_element *to)
{
	const struct lines *ls = e->physics->lines;
	double sin_out = sin(e->m->geometry.takeoff_deg * M_PI / 180);
	double top = 0;

	for (size_t l = 0; l < ls->n; l++) {
		if (ls->line[l].element != i || lines_is_m(ls, l) ||
		    e->rates->line[l] <= top)
			continue;
		top = e->rates->line[l];
		to->line_kev = ls->line[l].kev;
		to->thick_g_cm2 = THICK * sin_out / e->rates->mu_line[l];
		snprintf(to->line, sizeof(to->line), "%s",
			 lines_siegbahn(ls->line[l].name));
	}
}

static void outcome_name_oxide(const struct line_data *d,
			       const struct method_element *from,
			       struct assay_element *to)
{
	char cation[4] = "", oxygen[4] = "";

	to->oxide_factor = physics_oxide_factor(d, from->z, from->oxide_cation,
						from->oxide_oxygen);
	if (from->oxide_oxygen <= 0)
		return;
	if (from->oxide_cation > 1)
		snprintf(cation, sizeof(cation), "%.0f", from->oxide_cation);
	if (from->oxide_oxygen > 1)
		snprintf(oxygen, sizeof(oxygen), "%.0f", from->oxide_oxygen);
	snprintf(to->oxide, sizeof(to->oxide), "%s%sO%s", from->symbol, cation,
		 oxygen);
}

static void outcome_name(const struct assay_engine *e, struct assay_result *r)
{
	for (size_t i = 0; i < r->n_elements; i++) {
		const struct method_element *from = &e->m->element[i];
		struct assay_element *to = &r->element[i];

		to->z = from->z;
		to->is_air = from->is_air;
		to->is_candidate = from->is_candidate;
		to->is_listed = from->is_listed;
		memcpy(to->symbol, from->symbol, sizeof(to->symbol));
		outcome_name_line(e, i, to);
		outcome_name_oxide(&e->m->line_data, from, to);
	}
	limits_name_sums(r);
}

static double outcome_column_sum(const struct basis *b, size_t c)
{
	double sum = 0;

	for (size_t k = b->first[c]; k < b->last[c]; k++)
		sum += b->col[c * b->n + k];
	return sum;
}

static void outcome_covariance(const struct assay_engine *e,
			       struct assay_result *r)
{
	size_t n = r->n_elements;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++)
			r->cov[i * n + j] = quant_covariance(&e->quant, i, j) *
					    MG_KG * MG_KG;
	}
}

/* A candidate that is out: what it would be, and it is in no covariance. */
static void outcome_left_out(struct assay_engine *e, struct assay_result *r,
			     size_t i)
{
	const struct candidates *c = &e->candidates;
	double per = MG_KG / e->quant.scale, sum;
	struct assay_element *to = &r->element[i];
	size_t n = r->n_elements;

	for (size_t j = 0; j < n; j++)
		r->cov[i * n + j] = r->cov[j * n + i] = 0;
	r->cov[i * n + i] = c->variance[i] * per * per;
	sum = outcome_column_sum(e->basis, i) * e->fit->times;
	to->content = c->amplitude[i] * per;
	to->u = to->u_count = sqrt(c->variance[i]) * per;
	to->area = c->amplitude[i] * sum;
	to->u_area = sqrt(c->variance[i]) * sum;
	to->flags = ASSAY_ELEMENT_NOT_FOUND;
	if (!(c->variance[i] > 0))
		to->flags |= ASSAY_ELEMENT_NULL_SPACE;
}

struct candidates_sample outcome_candidates(struct assay_engine *e)
{
	struct candidates_sample s = { .m = e->m };

	for (struct assay_engine *v = e; v; v = v->beside)
		s.view[s.n++] = (struct candidates_view){
			&v->candidates, v->fit, v->basis,
			e->beside ? v->quant.scale : 1
		};
	return s;
}

/* Of all spectra at once, so before any of them is told. */
static void outcome_test_candidates(struct assay_engine *e)
{
	const struct candidates_sample s = outcome_candidates(e);

	if (e->candidates.n)
		candidates_test(&s);
}

struct fit_model_error outcome_model_error(const struct assay_engine *e)
{
	return (struct fit_model_error){ e->m->fit.scatter_model,
					 e->m->fit.line_model };
}

/* Sigma of the content with none of the element there. */
static double outcome_s0(struct assay_engine *e, size_t i)
{
	const double one = 1;
	struct fit *f = e->fit;
	double var =
		f->is_out[i] ? e->candidates.variance[i] : f->cov[i * f->p + i];

	/* What is small beside its sigma does not change the weights. */
	if (f->x[i] > sqrt(var))
		fit_variance_at_zero(f, e->basis,
				     &(struct fit_sum){ &i, &one, 1 },
				     outcome_model_error(e), &var);
	return sqrt(fmax(var, 0)) / e->quant.scale * MG_KG;
}

/* Members of a sum that are in the fit; the others are candidates, each of them
 * as if alone: the variance that they add comes along. */
static double outcome_members(const struct assay_engine *e,
			      const struct assay_result *r,
			      const struct assay_sum *s, size_t *index,
			      double *factor, size_t *ret_n)
{
	double var = 0;
	size_t n = 0;

	for (int k = 0; k < s->n_members; k++) {
		const size_t i = s->member[k];
		const double by = r->element[i].oxide_factor;

		if (e->fit->is_out[i]) {
			var += by * by * e->candidates.variance[i];
			continue;
		}
		index[n] = i;
		factor[n++] = by;
	}
	*ret_n = n;
	return var;
}

/* The counting part of u, and s0 if it is not there before: what has grown has
 * that of its counts. */
static void outcome_sum(struct assay_engine *e, const struct assay_result *r,
			struct assay_sum *s)
{
	const double before = s->u_count;
	const double per = MG_KG / e->quant.scale;
	double factor[ASSAY_SUM_MEMBERS];
	size_t index[ASSAY_SUM_MEMBERS], n;
	struct fit *f = e->fit;
	double out, var, at_zero;

	out = var = outcome_members(e, r, s, index, factor, &n);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			var += factor[i] * factor[j] *
			       f->cov[index[i] * f->p + index[j]];
	s->u_count = sqrt(fmax(var, 0)) * per;
	if (before > 0) {
		limits_decide_sum(s, limits_sum_s0(s) * s->u_count / before);
		return;
	}
	if (fit_variance_at_zero(f, e->basis,
				 &(struct fit_sum){ index, factor, n },
				 outcome_model_error(e),
				 &at_zero) != FIT_SOLVED)
		at_zero = var - out;
	limits_decide_sum(s, sqrt(fmax(at_zero + out, 0)) * per);
}

static void outcome_sums(struct assay_engine *e, struct assay_result *r)
{
	for (size_t i = 0; i < ASSAY_N_SUMS; i++)
		outcome_sum(e, r, &r->sum[i]);
}

/*
 * Surely above all standards. Below them is inside: a factor is a line through
 * the origin, so between nothing and the largest content it is not carried on.
 */
static bool outcome_is_outside(const struct assay_engine *e, size_t i,
			       const struct assay_element *of)
{
	const struct method_calibration *c = &e->m->calibration;

	return *c->file && c->high[i] > 0 &&
	       of->content - LIMITS_K * of->u > c->high[i];
}

static void outcome_element(struct assay_engine *e, struct assay_result *r,
			    size_t i)
{
	const struct method_element *me = &e->m->element[i];
	struct assay_element *to = &r->element[i];
	struct fit *f = e->fit;
	double sigma = sqrt(fmax(f->cov[i * f->p + i], 0));
	double sum = outcome_column_sum(e->basis, i);

	if (me->is_candidate)
		to->gain = e->candidates.gain[i];
	if (f->is_out[i]) {
		outcome_left_out(e, r, i);
		return;
	}
	to->content = e->quant.content[i] * MG_KG;
	to->u = sqrt(fmax(r->cov[i * r->n_elements + i], 0));
	to->with_moisture = quant_covariance_moisture(&e->quant, i) * MG_KG;
	to->u_count = sigma / e->quant.scale * MG_KG;
	to->area = f->x[i] * sum * f->times;
	to->u_area = sigma * sum * f->times;
	to->flags = 0;
	if (*e->m->calibration.file && !e->m->calibration.n_seen[i] &&
	    !me->is_air)
		to->flags |= ASSAY_ELEMENT_NO_STANDARD;
	if (outcome_is_outside(e, i, to))
		to->flags |= ASSAY_ELEMENT_OUTSIDE;
	if (f->scale[i] <= 0)
		to->flags |= ASSAY_ELEMENT_NULL_SPACE;
	else if (sigma > OVERLAP * f->scale[i])
		to->flags |= ASSAY_ELEMENT_OVERLAP;
	if (!me->is_air && e->quant.pellet.areal_g_cm2 < to->thick_g_cm2)
		to->flags |= ASSAY_ELEMENT_NOT_THICK;
}

/* The widths that were found. */
static struct shape outcome_shape(const struct assay_engine *e)
{
	return (struct shape){ .d = &e->m->detector,
			       .noise_fwhm_kev = e->found.noise_fwhm_kev,
			       .fano_more = e->found.fano_more };
}

/* The strongest line of each shell that stands out of the rest. */
static void outcome_label_shell(const struct assay_engine *e, size_t i_shell,
				struct assay_result *r)
{
	const struct lines *ls = e->physics->lines;
	const struct line_shell *s = &ls->shell[i_shell];
	const struct assay_element *el = &r->element[s->element];
	struct shape shape = outcome_shape(e);
	size_t best = s->first, k;
	double height, chan;

	if (el->flags & ASSAY_ELEMENT_CENSORED)
		return;
	for (size_t l = s->first; l < s->first + s->n; l++) {
		if (e->rates->line[l] > e->rates->line[best])
			best = l;
	}
	height = e->fit->x[s->element] * e->fit->times * e->rates->line[best] *
		 e->found.gain_kev /
		 (shape_sigma(&shape, ls->line[best].kev) * sqrt(2 * M_PI));
	chan = (ls->line[best].kev - e->found.offset_kev) / e->found.gain_kev;
	if (!(chan >= (double)r->first_chan) || chan > (double)r->last_chan)
		return;
	k = (size_t)lround(chan);
	if (height < 3 * sqrt(fmax(r->model[k], 1)))
		return;
	r->label[r->n_labels].kev = ls->line[best].kev;
	r->label[r->n_labels].counts = height;
	snprintf(r->label[r->n_labels].text, sizeof(r->label->text), "%s %s",
		 el->symbol, lines_siegbahn(ls->line[best].name));
	r->n_labels++;
}

static void outcome_curve(const struct assay_engine *e, struct assay_result *r)
{
	const struct basis *b = e->basis;
	double times = e->fit->times;

	r->total_counts = 0;
	r->first_chan = b->first_chan;
	r->last_chan = b->first_chan + b->n - 1;
	for (size_t k = 0; k < r->n_chan; k++) {
		r->energy_kev[k] =
			e->found.offset_kev + e->found.gain_kev * (double)k;
		r->counts[k] = e->spectrum->counts[k];
		r->total_counts += r->counts[k];
	}
	for (size_t k = 0; k < b->n; k++) {
		r->model[b->first_chan + k] = e->fit->model[k] * times;
		r->background[b->first_chan + k] = 0;
	}
	for (size_t c = b->scatter; c < b->slopes; c++) {
		for (size_t k = b->first[c]; k < b->last[c]; k++)
			r->background[b->first_chan + k] +=
				e->fit->x[c] * b->col[c * b->n + k] * times;
	}
}

static double outcome_u(const struct fit *f, size_t c)
{
	return sqrt(fmax(f->cov[c * f->p + c], 0));
}

static void outcome_fano(const struct assay_engine *e, struct assay_result *r)
{
	const struct fit *f = e->fit;
	const double by_method = e->m->detector.fano;
	size_t fano = e->basis->fano, noise = e->basis->slopes + BASIS_NOISE;

	r->fano = NAN;
	if (!fano)
		return;
	r->fano = (1 + e->found.fano_more) * by_method;
	r->u_fano = outcome_u(f, fano) * by_method;
	r->u_noise_fwhm_kev = outcome_u(f, noise);
	r->fano_noise = f->cov[fano * f->p + noise] /
			(outcome_u(f, fano) * outcome_u(f, noise));
}

static void outcome_fit(const struct assay_engine *e, struct assay_result *r)
{
	struct shape shape = outcome_shape(e);
	const struct fit *f = e->fit;
	size_t offset = e->basis->slopes + BASIS_OFFSET;
	size_t gain = e->basis->slopes + BASIS_GAIN;

	r->live_s = e->spectrum->live_s;
	r->real_s = e->spectrum->real_s;
	r->input_rate_cps = e->spectrum->icr_cps;
	r->chi2 = f->chi2;
	r->ridge = f->ridge;
	r->n_channels = (int)f->n;
	r->n_parameters = (int)f->p;
	r->stop = e->stop;
	r->n_iterations = e->n_turns;
	r->candidates_threshold = e->candidates.threshold;
	r->last_change = e->quant.change;
	r->gain_kev = e->found.gain_kev;
	r->offset_kev = e->found.offset_kev;
	r->gain_stated_kev = e->stated.gain_kev;
	r->offset_stated_kev = e->stated.offset_kev;
	r->u_gain_kev = outcome_u(f, gain);
	r->u_offset_kev = outcome_u(f, offset);
	r->noise_fwhm_kev = e->found.noise_fwhm_kev;
	/* Mn K-alpha, by which detectors are compared. */
	r->fwhm_mn_kev = shape_sigma(&shape, 5.895) * sqrt(8 * M_LN2);
	r->escape_factor = e->found.escape;
	r->tail_factor = NAN;
	if (e->basis->tail) {
		r->tail_factor = 1 + e->found.tail_more;
		r->u_tail_factor = outcome_u(f, e->basis->tail);
	}
	outcome_fano(e, r);
	r->pileup = pileup_share(f->x[e->basis->scatter + BASIS_PILEUP]);
	r->scale_by = e->quant.scale_by;
	r->scale = e->quant.scale * f->times;
	r->u_scale = quant_u_scale(&e->quant);
	r->oxide_sum = e->quant.oxide_sum;
	r->balance = e->quant.dark + e->quant.loss.found;
	r->moisture = e->spectrum->moisture;
	r->loi = e->spectrum->loi;
	r->u_moisture = e->quant.loss.u_moisture;
	r->loss = e->quant.loss.found;
	r->u_loss = quant_u_loss(&e->quant);
	r->balance_mix = e->quant.mix;
	r->compton_rayleigh = e->quant.compton_rayleigh;
	r->areal_g_cm2 = e->quant.pellet.areal_g_cm2;
}

static void outcome_flags(const struct assay_engine *e, struct assay_result *r)
{
	const struct method_accept *a = &e->m->accept;
	double moved = fabs(r->gain_kev / r->gain_stated_kev - 1);
	double rate = r->input_rate_cps;

	if (!(r->chi2 <= a->max_chi2))
		r->flags |= ASSAY_POOR_FIT;
	if (r->stop != ASSAY_STOP_CONVERGED)
		r->flags |= ASSAY_NOT_CONVERGED;
	if (moved > a->max_gain_change ||
	    fabs(r->offset_kev - r->offset_stated_kev) > a->max_offset_kev)
		r->flags |= ASSAY_GAIN_MOVED;
	if (r->oxide_sum < a->sum_low || r->oxide_sum > a->sum_high)
		r->flags |= ASSAY_SUM_OUT_OF_RANGE;
	if (r->total_counts < a->min_counts)
		r->flags |= ASSAY_FEW_COUNTS;
	if (isnan(rate)) {
		r->flags |= ASSAY_NO_ICR;
		rate = r->total_counts / r->live_s;
	}
	if (rate > a->max_rate_cps)
		r->flags |= ASSAY_RATE_HIGH;
	if (r->ridge > 0)
		r->flags |= ASSAY_RIDGE;
	if (r->scale_by == METHOD_SCALE_CLOSURE)
		r->flags |= ASSAY_SCALE_CLOSURE;
	if (r->scale_by == METHOD_SCALE_CURRENT && e->quant.is_whole)
		r->flags |= ASSAY_CLAMPED;
	for (size_t i = 0; i < r->n_elements; i++) {
		if (r->element[i].flags & ASSAY_ELEMENT_OUTSIDE)
			r->flags |= ASSAY_OUTSIDE;
	}
}

static void outcome_verdict(struct assay_result *r)
{
	const unsigned int reject =
		ASSAY_NOT_CONVERGED | ASSAY_GAIN_MOVED | ASSAY_FEW_COUNTS;
	const unsigned int doubt = ASSAY_POOR_FIT | ASSAY_SUM_OUT_OF_RANGE |
				   ASSAY_RATE_HIGH | ASSAY_RIDGE;
	const char *why = "all acceptance rules of the method are met";

	if (r->flags & ASSAY_NOT_CONVERGED)
		why = "the fit did not converge";
	else if (r->flags & ASSAY_GAIN_MOVED)
		why = "the energy axis moved further than the method allows";
	else if (r->flags & ASSAY_FEW_COUNTS)
		why = "fewer counts than the method asks for";
	else if (r->flags & ASSAY_POOR_FIT)
		why = "chi-square is above that of the method";
	else if (r->flags & ASSAY_SUM_OUT_OF_RANGE)
		why = "the sum of the oxides is outside that of the method";
	else if (r->flags & ASSAY_RATE_HIGH)
		why = "the count rate is above that of the method";
	else if (r->flags & ASSAY_RIDGE)
		why = "the unknowns were not all determined";
	snprintf(r->verdict_why, sizeof(r->verdict_why), "%s", why);
	r->verdict = r->flags & reject	? ASSAY_REJECTED
		     : r->flags & doubt ? ASSAY_QUESTIONABLE
					: ASSAY_ACCEPTED;
}

/* A run that broke off: nothing but zeros, flags and the curve. */
static void outcome_broken(struct assay_result *r)
{
	for (size_t i = 0; i < r->n_elements; i++)
		r->element[i].flags =
			ASSAY_ELEMENT_CENSORED | ASSAY_ELEMENT_NULL_SPACE;
}

static void outcome_elements(struct assay_engine *e, struct assay_result *r)
{
	outcome_covariance(e, r);
	for (size_t i = 0; i < r->n_elements; i++)
		outcome_element(e, r, i);
	for (size_t i = 0; i < r->n_elements; i++)
		limits_decide(&r->element[i], outcome_s0(e, i));
	outcome_sums(e, r);
}

static void outcome_renew_elements(struct assay_engine *e,
				   struct assay_result *r)
{
	outcome_covariance(e, r);
	outcome_test_candidates(e);
	for (size_t i = 0; i < r->n_elements; i++) {
		struct assay_element *to = &r->element[i];
		double u_before = to->u_count, s0 = limits_s0(to);

		outcome_element(e, r, i);
		limits_decide(to,
			      u_before > 0 ? s0 * to->u_count / u_before : s0);
	}
	outcome_sums(e, r);
}

/* All that follows from elements, covariance and curve. */
static void outcome_conclude(const struct assay_engine *e,
			     struct assay_result *r)
{
	null_space_flag(r);
	r->n_labels = 0;
	for (size_t i = 0; i < e->physics->lines->n_shells; i++)
		outcome_label_shell(e, i, r);
	limits_sums(r);
	dry_make(r);
	limits_activity(r);
	pattern_make(r);
	r->p_above_cut_off = isnan(e->m->accept.cut_off_treo)
				     ? NAN
				     : limits_above(r->sum[ASSAY_TREO].content,
						    r->sum[ASSAY_TREO].u,
						    e->m->accept.cut_off_treo);
	r->flags = r->beside ? r->beside->flags : 0;
	outcome_flags(e, r);
	outcome_verdict(r);
	sort_judge(e->m, r, ASSAY_ONCE);
}

void outcome_renew(struct assay_engine *e, struct assay_result *r)
{
	outcome_curve(e, r);
	outcome_fit(e, r);
	r->is_refit = true;
	outcome_renew_elements(e, r);
	outcome_conclude(e, r);
}

static void outcome_line_data(const struct line_data *from,
			      struct assay_result *r)
{
	memcpy(r->line_data.table, from->table, sizeof(from->table));
	memcpy(r->line_data.version, from->version, sizeof(from->version));
}

static void outcome_calibration(const struct method_calibration *from,
				struct assay_result *r)
{
	memcpy(r->calibration.file, from->file, sizeof(from->file));
	memcpy(r->calibration.sha256, from->sha256, sizeof(from->sha256));
	memcpy(r->calibration.made, from->made, sizeof(from->made));
	r->calibration.n_standards = from->n_standards;
}

/* What one spectrum tells; broken when it or the run was not solved. */
static int outcome_one(struct assay_engine *e, struct assay_result **ret)
{
	CLEANUP(assay_result_freep)
	struct assay_result *r = calloc(1, sizeof(*r));
	enum fit_stop stop = FIT_SINGULAR;
	int err;

	if (!r)
		return -ENOMEM;
	err = outcome_alloc(e, r);
	if (err < 0)
		return err;
	snprintf(r->method, sizeof(r->method), "%s", e->m->name);
	outcome_line_data(&e->m->line_data, r);
	outcome_calibration(&e->m->calibration, r);
	snprintf(r->sample, sizeof(r->sample), "%s", e->spectrum->sample);
	if (e->stop == ASSAY_STOP_CONVERGED || e->stop == ASSAY_STOP_ITERATIONS)
		stop = fit_covariance(e->fit, e->basis);
	outcome_curve(e, r);
	outcome_fit(e, r);
	outcome_name(e, r);
	if (stop == FIT_SOLVED) {
		null_space_find(e, r);
		outcome_elements(e, r);
	} else {
		if (r->stop == ASSAY_STOP_CONVERGED ||
		    r->stop == ASSAY_STOP_ITERATIONS)
			r->stop = ASSAY_STOP_SINGULAR;
		outcome_broken(r);
	}
	*ret = TAKE_PTR(r);
	return 0;
}

/* Sigma of what two know together, when each knows it alone so well. */
static double outcome_together(double a, double b)
{
	if (!(a > 0) || !(b > 0))
		return fmax(a, b);
	return a * b / hypot(a, b);
}

/*
 * Lines, area and flags of an element are of the spectrum that counts it
 * better. What two fits know of it together is at least what they know apart:
 * overlaps that one of them resolves help the other as well.
 */
static void outcome_unite(struct assay_result *r, const struct assay_result *b)
{
	for (size_t i = 0; i < r->n_elements; i++) {
		struct assay_element *to = &r->element[i];
		const struct assay_element *from = &b->element[i];
		double u = outcome_together(to->u_count, from->u_count);
		double s0 = outcome_together(limits_s0(to), limits_s0(from));

		/* A candidate that is out is told of both in either. */
		if (to->flags & ASSAY_ELEMENT_NOT_FOUND) {
			if (!*to->line)
				*to = *from;
			continue;
		}
		if (from->u_count > 0 &&
		    !(to->u_count > 0 && to->u_count <= from->u_count))
			*to = *from;
		to->u_count = u;
		to->flags &= ~(unsigned int)ASSAY_ELEMENT_CENSORED;
		limits_decide(to, s0);
	}
	for (size_t i = 0; i < ASSAY_N_SUMS; i++) {
		struct assay_sum *to = &r->sum[i];
		const struct assay_sum *from = &b->sum[i];

		to->u_count = outcome_together(to->u_count, from->u_count);
		limits_decide_sum(to, outcome_together(limits_sum_s0(to),
						       limits_sum_s0(from)));
	}
}

int outcome_make(struct assay_engine *e, struct assay_result **ret)
{
	CLEANUP(assay_result_freep) struct assay_result *r = NULL;
	int err;

	if (e->stop == ASSAY_STOP_CONVERGED || e->stop == ASSAY_STOP_ITERATIONS)
		outcome_test_candidates(e);
	err = outcome_one(e, &r);
	if (err < 0)
		return err;
	if (e->beside) {
		err = outcome_one(e->beside, &r->beside);
		if (err < 0)
			return err;
		outcome_unite(r, r->beside);
		outcome_conclude(e->beside, r->beside);
	}
	outcome_conclude(e, r);
	*ret = TAKE_PTR(r);
	return 0;
}

struct assay_result *assay_result_free(struct assay_result *r)
{
	if (!r)
		return NULL;
	free(r->element);
	free(r->cov);
	free(r->energy_kev);
	free(r->counts);
	free(r->model);
	free(r->background);
	free(r->label);
	assay_result_free(r->beside);
	free(r);
	return NULL;
}
