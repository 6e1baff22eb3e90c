// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From amplitudes to contents.
 *
 * An amplitude is content times exposure (mA s), the column having been made
 * for a content of one; so contents follow when the exposure is known: from
 * the stated tube current, or from the tube's own scatter, whose columns were
 * made for an exposure of one too. Elements enter the matrix as oxides; what
 * is missing to the whole is the balance, a mixture between two compositions
 * without visible lines. The mixture is chosen so that Compton and Rayleigh
 * scatter ask for the same exposure. Oxides beyond the whole raise the
 * exposure until they are the whole.
 */
#include "assay/quant.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "assay/linalg.h"

/*
 * Relative errors of the scatter cross sections with the approximation of
 * multiple scatter, and how far from the middle a mixture is still ordinary.
 */
#define U_RAYLEIGH 0.04
#define U_COMPTON 0.02
#define MIX_MEAN 0.25
#define U_MIX 0.35
/* Contents below which the matrix does not feel a change. */
#define TRACE 0.002

enum { MIX_STEPS = 20, MIX_SECTIONS = 24 };

static void quant_add_layer(const struct quant *q, const struct method_layer *l,
			    double mass, double *w)
{
	for (size_t i = 0; i < l->n_parts; i++)
		w[physics_row(q->p, l->z[i])] += mass * l->w[i];
}

/* Rows of the tables for contents, a balance and its mixture. */
static void quant_fill_rows(const struct quant *q, const double *content,
			    double dark, double mix, double *w)
{
	const struct method *m = q->p->m;
	size_t oxygen = physics_row(q->p, 8);

	memset(w, 0, PHYSICS_MAX_Z * sizeof(*w));
	for (size_t i = 0; i < m->n_elements; i++) {
		size_t row = q->p->element_row[i];

		if (row == q->p->n_z || content[i] <= 0)
			continue;
		w[row] += content[i];
		w[oxygen] += content[i] * (q->factor[i] - 1);
	}
	quant_add_layer(q, &m->matrix.dark, dark * (1 - mix), w);
	quant_add_layer(q, &m->matrix.dark_light, dark * mix, w);
}

void quant_start(struct quant *q, const struct physics *p, double areal,
		 double stated_scale)
{
	const struct method *m = p->m;

	memset(q, 0, sizeof(*q));
	q->p = p;
	q->areal = areal;
	q->stated_scale = stated_scale;
	q->scale_by = isnan(stated_scale) ? METHOD_SCALE_SCATTER
					  : METHOD_SCALE_CURRENT;
	q->mix = MIX_MEAN;
	for (size_t i = 0; i < m->n_elements; i++) {
		const struct method_element *e = &m->element[i];

		q->factor[i] = physics_oxide_factor(e->z, e->matrix_cation,
						    e->matrix_oxygen);
		if (!e->is_air)
			q->content[i] = 0.3 / (double)m->n_elements;
		q->oxide_sum += q->content[i] * q->factor[i];
	}
	q->dark = 1 - q->oxide_sum;
	q->scale = 1;
	quant_fill_rows(q, q->content, q->dark, q->mix, q->w);
}

/* Flux-weighted scatter of the tube's K lines for a mixture. */
static void quant_scatter_of(const struct quant *q, double mix, double *ret_ray,
			     double *ret_com)
{
	const struct physics *p = q->p;
	double w[PHYSICS_MAX_Z];

	quant_fill_rows(q, q->content, q->dark, mix, w);
	*ret_ray = *ret_com = 0;
	for (size_t i = 0; i < p->n_profiles; i++) {
		size_t b = p->profile_bin[i];

		*ret_ray += p->tube->flux[b] * physics_mix(p, p->ray, w, b);
		*ret_com += p->tube->flux[b] * physics_mix(p, p->com, w, b);
	}
}

struct quant_scatter {
	double scale;
	double mix;
	double ratio; /* Compton over Rayleigh, found over predicted */
};

/* What one mixture makes of the exposure, and how ill it fits. */
static double quant_try_mix(const struct quant *q, double mix,
			    struct quant_scatter *ret)
{
	double vr = U_RAYLEIGH * U_RAYLEIGH + q->u_rayleigh * q->u_rayleigh;
	double vc = U_COMPTON * U_COMPTON + q->u_compton * q->u_compton;
	double pull = (mix - MIX_MEAN) / U_MIX;
	double ray0, com0, ray, com, lr, lc;

	quant_scatter_of(q, q->mix, &ray0, &com0);
	quant_scatter_of(q, mix, &ray, &com);
	lr = log(q->by_rayleigh * ray0 / ray);
	lc = log(q->by_compton * com0 / com);
	ret->mix = mix;
	ret->scale = exp((lc / vc + lr / vr) / (1 / vc + 1 / vr));
	ret->ratio = exp(lc - lr);
	return (lc - lr) * (lc - lr) / (vr + vc) + pull * pull;
}

/*
 * The exposure and the mixture that Compton and Rayleigh agree on best, the
 * mixture held to its ordinary range: a grid, then golden sections between
 * the neighbours of its best. On the grid alone the turns of the assay would
 * step between two of its points for ever.
 */
static struct quant_scatter quant_by_scatter(const struct quant *q)
{
	const double golden = 0.6180339887498949;
	struct quant_scatter best = { q->by_compton, q->mix, 1 }, at;
	double least = INFINITY, low, high;

	for (int i = 0; i <= MIX_STEPS; i++) {
		double cost = quant_try_mix(q, (double)i / MIX_STEPS, &at);

		if (!(cost < least))
			continue;
		least = cost;
		best = at;
	}
	low = fmax(0, best.mix - 1.0 / MIX_STEPS);
	high = fmin(1, best.mix + 1.0 / MIX_STEPS);
	for (int i = 0; i < MIX_SECTIONS; i++) {
		double left = high - golden * (high - low);
		double right = low + golden * (high - low);

		if (quant_try_mix(q, left, &at) < quant_try_mix(q, right, &at))
			high = right;
		else
			low = left;
	}
	if (quant_try_mix(q, (low + high) / 2, &at) < least)
		best = at;
	/* Turning back: the steps overshoot, the middle is nearer. */
	if ((best.mix - q->mix) * q->mix_step < 0)
		quant_try_mix(q, (best.mix + q->mix) / 2, &best);
	return best;
}

static void quant_choose_scale(struct quant *q, const double *amplitude,
			       double *ret_oxides)
{
	struct quant_scatter s = { q->scale, q->mix, NAN };
	double oxides = 0;

	if (q->by_rayleigh > 0 && q->by_compton > 0 && q->p->n_profiles)
		s = quant_by_scatter(q);
	q->mix_step = s.mix - q->mix;
	q->mix = s.mix;
	q->compton_rayleigh = s.ratio;
	for (size_t i = 0; i < q->p->m->n_elements; i++) {
		if (q->p->element_row[i] != q->p->n_z && amplitude[i] > 0)
			oxides += amplitude[i] * q->factor[i];
	}
	if (!isnan(q->stated_scale)) {
		q->scale_by = METHOD_SCALE_CURRENT;
		q->scale = q->stated_scale;
	} else if (oxides > s.scale ||
		   q->p->m->matrix.scale == METHOD_SCALE_CLOSURE) {
		q->scale_by = METHOD_SCALE_CLOSURE;
		q->scale = oxides;
	} else {
		q->scale_by = METHOD_SCALE_SCATTER;
		q->scale = s.scale;
	}
	*ret_oxides = oxides;
}

void quant_update(struct quant *q, const double *amplitude)
{
	size_t n = q->p->m->n_elements;
	double old_scale = q->scale, oxides, shrink = 1;
	double clean[METHOD_MAX_ELEMENTS];

	quant_choose_scale(q, amplitude, &oxides);
	q->change = fabs(q->scale / old_scale - 1);
	q->is_clamped = false;
	q->oxide_sum = oxides / q->scale;
	/* A stated current may leave more than the whole. */
	if (q->oxide_sum > 1)
		shrink = 1 / q->oxide_sum;
	q->dark = fmax(0, 1 - q->oxide_sum);
	for (size_t i = 0; i < n; i++) {
		double content = amplitude[i] / q->scale;

		q->change = fmax(q->change, fabs(content - q->content[i]) /
						    (fabs(content) + 0.01));
		q->content[i] = content;
		clean[i] = content * shrink;
	}
	quant_fill_rows(q, clean, q->dark, q->mix, q->w);
}

/* Photons of all lines of an element, relative to anything. */
static void quant_intensities(const struct physics *p,
			      const struct physics_rates *r, double *ret)
{
	memset(ret, 0, METHOD_MAX_ELEMENTS * sizeof(*ret));
	for (size_t l = 0; l < p->lines->n; l++)
		ret[p->lines->line[l].element] += r->line[l];
}

static double quant_scatter_sum(const struct physics *p,
				const struct physics_rates *r)
{
	double sum = 0;

	for (size_t i = 0; i < p->n_profiles; i++)
		sum += r->com[p->profile_bin[i]];
	return sum;
}

/*
 * What closure makes of a change of intensities: the exposure follows the
 * sum of oxides, which brighter elements lower.
 */
static double quant_closure_change(const struct quant *q, const double *k0,
				   const double *k1)
{
	double sum = 0;

	for (size_t i = 0; i < q->p->m->n_elements; i++) {
		if (q->p->element_row[i] != q->p->n_z && q->content[i] > 0 &&
		    k0[i] > 0 && k1[i] > 0)
			sum += q->factor[i] * q->content[i] *
			       log(k1[i] / k0[i]);
	}
	return sum;
}

/*
 * Fills m with the derivative of (content - what the intensities ask for) by
 * the contents: the identity plus the matrix effect of the majors.
 */
static void quant_fill_response(struct quant *q,
				const struct physics_rates *rates,
				struct physics_rates *other, double *m)
{
	const struct physics *p = q->p;
	size_t n = p->m->n_elements;
	double k0[METHOD_MAX_ELEMENTS], k1[METHOD_MAX_ELEMENTS];
	double content[METHOD_MAX_ELEMENTS], w[PHYSICS_MAX_Z];
	double s0 = quant_scatter_sum(p, rates), by_scale;

	quant_intensities(p, rates, k0);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++)
			m[i * n + j] = i == j;
	}
	for (size_t j = 0; j < n; j++) {
		double step = 0.05 * q->content[j], dark;

		if (p->element_row[j] == p->n_z || q->content[j] < TRACE)
			continue;
		memcpy(content, q->content, sizeof(content));
		content[j] += step;
		dark = fmax(0, q->dark - step * q->factor[j]);
		quant_fill_rows(q, content, dark, q->mix, w);
		physics_compute(p, w, q->areal, other);
		quant_intensities(p, other, k1);
		by_scale = 0;
		if (q->scale_by == METHOD_SCALE_SCATTER)
			by_scale = log(quant_scatter_sum(p, other) / s0);
		else if (q->scale_by == METHOD_SCALE_CLOSURE)
			by_scale = quant_closure_change(q, k0, k1);
		for (size_t i = 0; i < n; i++) {
			if (k0[i] > 0 && k1[i] > 0)
				m[i * n + j] +=
					q->content[i] *
					(log(k1[i] / k0[i]) - by_scale) / step;
		}
	}
}

static void quant_multiply(const double *a, const double *b, size_t n,
			   bool b_transposed, double *ret)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			double sum = 0;

			for (size_t k = 0; k < n; k++)
				sum += a[i * n + k] * (b_transposed
							       ? b[j * n + k]
							       : b[k * n + j]);
			ret[i * n + j] = sum;
		}
	}
}

/* Variance of an amplitude by what the method says of line data. */
static double quant_element_term(const struct quant *q, size_t i)
{
	const struct method_model *mm = &q->p->m->model;
	double e = q->p->m->element[i].z < 21 ? mm->light : mm->element;

	e *= q->content[i] * q->scale;
	return e * e;
}

/* Common to all contents: exposure and preparation. */
static double quant_common_term(const struct quant *q, size_t i, size_t j)
{
	const struct method_model *mm = &q->p->m->model;
	double scale = q->scale_by == METHOD_SCALE_CURRENT ? 0 : mm->scale;

	return q->content[i] * q->content[j] *
	       (scale * scale + mm->preparation * mm->preparation);
}

/*
 * Derivative of the contents by the amplitudes without matrix effect: one
 * over the exposure, less the share of an amplitude in an exposure that the
 * oxides fix.
 */
static double quant_by_amplitude(const struct quant *q, size_t i, size_t j)
{
	double d = i == j ? 1 / q->scale : 0;

	if (q->scale_by == METHOD_SCALE_CLOSURE &&
	    q->p->element_row[j] != q->p->n_z && q->content[j] > 0)
		d -= q->content[i] * q->factor[j] / q->scale;
	return d;
}

int quant_covariance(struct quant *q, const double *cov_a, size_t stride,
		     const struct physics_rates *rates,
		     struct physics_rates *other, double *work, double *ret)
{
	size_t n = q->p->m->n_elements;
	double *m = work, *b = work + n * n, *c = work + 2 * n * n;
	double *d = work + 3 * n * n;
	int pivot[METHOD_MAX_ELEMENTS], r;

	quant_fill_response(q, rates, other, m);
	r = linalg_invert_general(m, n, pivot);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			b[i * n + j] = quant_by_amplitude(q, i, j);
			c[i * n + j] = cov_a[i * stride + j];
		}
		c[i * n + i] += quant_element_term(q, i);
	}
	quant_multiply(b, c, n, false, d);
	quant_multiply(d, b, n, true, c);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++)
			c[i * n + j] += quant_common_term(q, i, j);
	}
	quant_multiply(m, c, n, false, d);
	quant_multiply(d, m, n, true, ret);
	return 0;
}
