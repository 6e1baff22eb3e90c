// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Forward selection by the likelihood, with elimination (stepwise regression:
 * M. A. Efroymson in Ralston and Wilf, Mathematical Methods for Digital
 * Computers, 1960). With weights of the model, twice the logarithm of the
 * likelihood gains g^2 / h by an unknown more, all others solved again: g the
 * score and h the information that the others leave it, both of which the
 * sweep operator makes of the normal equations (J. H. Goodnight, Am. Stat. 33
 * (1979) 149). It is (a / u)^2, a the amplitude and u its sigma.
 *
 * An absent element has a / u normal, and a negative one is no element. So of K
 * absent ones, each asked for a / u above z, with a chance `error` one or more
 * come in when 1 - (1 - error)^(1/K) = P(normal > z); the threshold of the
 * gain is z^2. Overlap makes their amplitudes depend on one another and the
 * chance smaller.
 *
 * Two spectra of a sample are solved each by itself, so that what one gets wrong
 * of an element is no matter of the other, and a candidate is one content c for
 * both. With g and h of each, and its exposure s for the amplitude of a content,
 * the likelihood gains (sum of s g)^2 / (sum of s^2 h), c being sum of s g over
 * sum of s^2 h: by one that only one of them sees as by that alone, and by one
 * that they do not agree on less than the sum of both.
 */
#include "assay/candidates.h"

#include <math.h>
#include <string.h>

/* What the others leave of an unknown's information below which it has none. */
#define LEAST_LEFT 1e-8

/* P(normal > z) = p, by halving: done once a method. */
static double candidates_quantile(double p)
{
	double low = 0, high = 40;

	for (int i = 0; i < 100; i++) {
		double z = (low + high) / 2;

		if (0.5 * erfc(z / M_SQRT2) > p)
			low = z;
		else
			high = z;
	}
	return high;
}

void candidates_init(struct candidates *c, const struct method *m)
{
	double z, error = m->fit.candidates_error;

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < m->n_elements; i++)
		c->n += m->element[i].is_candidate;
	if (!c->n)
		return;
	z = candidates_quantile(-expm1(log1p(-error) / (double)c->n));
	c->threshold = z * z;
}

void candidates_start(struct candidates *c, const struct method *m,
		      struct fit *f)
{
	c->n_choices = 0;
	for (size_t i = 0; i < m->n_elements; i++)
		f->is_out[i] =
			m->element[i].is_candidate && !m->element[i].is_listed;
}

/* The scaled normal matrix, whole, and right side: in f->changed, f->right. */
static void candidates_fill(struct fit *f, const struct basis *b)
{
	size_t p = f->p;

	fit_equations(f, b);
	for (size_t i = 0; i < p; i++) {
		double d = f->normal[i * p + i];

		f->unit[i] = d > 0 ? 1 / sqrt(d) : 0;
		f->right[i] *= f->unit[i];
	}
	for (size_t i = 0; i < p; i++) {
		for (size_t j = 0; j <= i; j++) {
			double v =
				f->normal[i * p + j] * f->unit[i] * f->unit[j];

			f->changed[i * p + j] = f->changed[j * p + i] = v;
		}
	}
}

/* Takes unknown k into the solution, with `way` -1 out of it again. */
static void candidates_sweep(struct fit *f, size_t k, double way)
{
	size_t p = f->p;
	double *pivot = f->changed + k * p, per = 1 / pivot[k];
	double right = f->right[k];

	for (size_t i = 0; i < p; i++) {
		double *row = f->changed + i * p, by = row[k] * per;

		if (i == k || by == 0)
			continue;
		for (size_t j = 0; j < p; j++) {
			if (j != k)
				row[j] -= by * pivot[j];
		}
		row[k] = way * by;
		f->right[i] -= by * right;
	}
	for (size_t j = 0; j < p; j++) {
		if (j != k)
			pivot[j] *= way * per;
	}
	pivot[k] = -per;
	f->right[k] = way * right * per;
}

static double candidates_left(const struct fit *f, size_t k)
{
	return f->changed[k * f->p + k];
}

/* All that is no candidate is solved for. */
static void candidates_sweep_base(const struct method *m, struct fit *f)
{
	for (size_t k = 0; k < f->p; k++) {
		if (k < m->n_elements && m->element[k].is_candidate)
			continue;
		if (candidates_left(f, k) > LEAST_LEFT)
			candidates_sweep(f, k, 1);
	}
}

static void candidates_begin(const struct candidates_sample *s)
{
	for (size_t i = 0; i < s->n; i++) {
		candidates_fill(s->view[i].f, s->view[i].b);
		candidates_sweep_base(s->m, s->view[i].f);
	}
}

/* Into the solution of all that see it, with `way` -1 out of it again. */
static void candidates_sweep_all(const struct candidates_sample *s, size_t k,
				 double way)
{
	for (size_t i = 0; i < s->n; i++) {
		struct fit *f = s->view[i].f;

		if (way * candidates_left(f, k) > (way > 0 ? LEAST_LEFT : 0))
			candidates_sweep(f, k, way);
	}
}

/* By one content more: the score and the information that all leave it. */
struct candidates_sum {
	double score;
	double left;
};

static struct candidates_sum candidates_add(const struct candidates_sample *s,
					    size_t k, bool is_out)
{
	struct candidates_sum sum = { 0 };

	for (size_t i = 0; i < s->n; i++) {
		const struct candidates_view *v = &s->view[i];
		double left = candidates_left(v->f, k), by = v->scale;
		double right = v->f->right[k];

		/* In the solution there stand -1 / h and g / h. */
		if (!is_out && left < 0) {
			right /= -left;
			left = -1 / left;
		}
		if (!(left > LEAST_LEFT) || !(v->f->unit[k] > 0))
			continue;
		by /= v->f->unit[k];
		sum.score += by * right;
		sum.left += by * by * left;
	}
	return sum;
}

/*
 * What one gains, in or out. A negative amplitude is no element that the
 * method did not know of; one of its list it may say something of the model,
 * and takes the same to be left out.
 */
static double candidates_gain(const struct candidates_sample *s, size_t k,
			      bool is_out)
{
	const struct candidates_sum sum = candidates_add(s, k, is_out);

	if ((!(sum.score > 0) && !s->m->element[k].is_listed) ||
	    !(sum.left > 0))
		return 0;
	return sum.score * sum.score / sum.left;
}

/* As an amplitude in each of the spectra, of one content. */
static void candidates_take(const struct candidates_sample *s,
			    const bool *is_out)
{
	for (size_t k = 0; k < s->m->n_elements; k++) {
		const bool is_one = s->m->element[k].is_candidate;
		struct candidates_sum sum = { 0 };
		double gain = 0;

		if (is_one)
			gain = candidates_gain(s, k, is_out[k]);
		if (is_one && is_out[k])
			sum = candidates_add(s, k, true);
		for (size_t i = 0; i < s->n; i++) {
			struct candidates *c = s->view[i].c;
			double by = s->view[i].scale;

			c->gain[k] = gain;
			c->amplitude[k] = c->variance[k] = 0;
			if (!(sum.left > 0))
				continue;
			c->amplitude[k] = by * sum.score / sum.left;
			c->variance[k] = by * by / sum.left;
		}
	}
}

void candidates_test(const struct candidates_sample *s)
{
	const bool *is_out = s->view[0].f->is_out;

	candidates_begin(s);
	for (size_t k = 0; k < s->m->n_elements; k++) {
		if (s->m->element[k].is_candidate && !is_out[k])
			candidates_sweep_all(s, k, 1);
	}
	candidates_take(s, is_out);
}

/* The one outside that gains most above the threshold; n_elements: none. */
static size_t candidates_best(const struct candidates_sample *s,
			      const bool *is_out)
{
	size_t best = s->m->n_elements;
	double most = s->view[0].c->threshold;

	for (size_t k = 0; k < s->m->n_elements; k++) {
		double gain;

		if (!s->m->element[k].is_candidate || !is_out[k])
			continue;
		gain = candidates_gain(s, k, true);
		if (gain > most) {
			most = gain;
			best = k;
		}
	}
	return best;
}

/* Those that a later one has taken the counts of go again. */
static void candidates_prune(const struct candidates_sample *s, bool *is_out)
{
	for (size_t k = 0; k < s->m->n_elements; k++) {
		if (!s->m->element[k].is_candidate || is_out[k] ||
		    candidates_gain(s, k, false) > s->view[0].c->threshold)
			continue;
		candidates_sweep_all(s, k, -1);
		is_out[k] = true;
	}
}

bool candidates_choose(const struct candidates_sample *s, bool *ret_is_out)
{
	size_t n = s->m->n_elements;

	candidates_begin(s);
	for (size_t k = 0; k < n; k++)
		ret_is_out[k] = s->m->element[k].is_candidate;
	/* Each step gains, so none comes twice but by rounding: bounded. */
	for (size_t i = 0; i < 2 * s->view[0].c->n; i++) {
		size_t best = candidates_best(s, ret_is_out);

		if (best == n)
			break;
		candidates_sweep_all(s, best, 1);
		ret_is_out[best] = false;
		candidates_prune(s, ret_is_out);
	}
	candidates_take(s, ret_is_out);
	return memcmp(ret_is_out, s->view[0].f->is_out,
		      n * sizeof(*ret_is_out)) != 0;
}
