// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Weighted normal equations with priors.
 *
 * With weights of 1 / model, renewed at each step, the solution is the
 * maximum of the Poisson likelihood (the score equations agree), free of the
 * bias of weights of 1 / counts. Unknowns are scaled to a diagonal of one, so
 * that a ridge, when Cholesky asks for it, means the same for all of them.
 */
#include "assay/fit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "assay/linalg.h"

/* Least variance of a channel: guards channels that hold nothing. */
#define LEAST_VARIANCE 0.5
/* Relative change of a weight that is worth a difference. */
#define WEIGHT_LEAST 1e-4
/*
 * What of a column of one is left beside all others, below which it is made of
 * them: a hundred unknowns are summed to some 1e-15.
 */
#define LEAST_PIVOT 1e-13

int fit_new(size_t n, size_t p, struct fit **ret)
{
	CLEANUP(fit_freep) struct fit *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->n = n;
	f->p = p;
	f->times = 1;
	f->counts = calloc(n, sizeof(double));
	f->model = calloc(n, sizeof(double));
	f->lines = calloc(n, sizeof(double));
	f->weight = calloc(n, sizeof(double));
	f->weighted = calloc(n, sizeof(double));
	f->x = calloc(p, sizeof(double));
	f->scale = calloc(p, sizeof(double));
	f->right = calloc(p, sizeof(double));
	f->unit = calloc(p, sizeof(double));
	f->is_out = calloc(p, sizeof(*f->is_out));
	f->prior = calloc(p, sizeof(double));
	f->prior_weight = calloc(p, sizeof(double));
	f->normal = calloc(p * p, sizeof(double));
	f->changed = calloc(p * p, sizeof(double));
	f->change = calloc(n, sizeof(double));
	f->matrix = calloc(p * p, sizeof(double));
	f->keep = calloc(p * p, sizeof(double));
	f->cov = calloc(p * p, sizeof(double));
	if (!f->counts || !f->model || !f->lines || !f->weight ||
	    !f->weighted || !f->x || !f->scale || !f->right || !f->unit ||
	    !f->is_out || !f->prior || !f->prior_weight || !f->normal ||
	    !f->changed || !f->change || !f->matrix || !f->keep || !f->cov)
		return -ENOMEM;
	*ret = TAKE_PTR(f);
	return 0;
}

struct fit *fit_free(struct fit *f)
{
	if (!f)
		return NULL;
	free(f->counts);
	free(f->model);
	free(f->lines);
	free(f->weight);
	free(f->weighted);
	free(f->x);
	free(f->scale);
	free(f->right);
	free(f->unit);
	free(f->is_out);
	free(f->prior);
	free(f->prior_weight);
	free(f->normal);
	free(f->changed);
	free(f->change);
	free(f->matrix);
	free(f->keep);
	free(f->cov);
	free(f);
	return NULL;
}

void fit_start(struct fit *f)
{
	memset(f->x, 0, f->p * sizeof(double));
	memset(f->cov, 0, f->p * f->p * sizeof(double));
	memset(f->model, 0, f->n * sizeof(double));
	memset(f->lines, 0, f->n * sizeof(double));
	f->chi2 = f->ridge = 0;
	for (size_t k = 0; k < f->n; k++) {
		size_t low = k >= 2 ? k - 2 : 0;
		size_t high = k + 3 < f->n ? k + 3 : f->n;
		double sum = 0;

		for (size_t i = low; i < high; i++)
			sum += f->counts[i];
		f->weight[k] = 1 / fmax(sum / (double)(high - low), 5);
	}
}

/* Variance of channel k with `less` counts of the elements' lines gone. */
static double fit_variance(const struct fit *f, const struct basis *b, size_t k,
			   double less, struct fit_model_error error)
{
	double peak = 0, line = (f->lines[k] - less) * error.line;

	for (size_t i = 0; i < BASIS_N_SCATTER; i++) {
		size_t c = b->scatter + i;

		peak += f->x[c] * b->col[c * b->n + k];
	}
	peak *= error.scatter;
	return fmax((f->model[k] - less) * f->times, LEAST_VARIANCE) /
		       (f->times * f->times) +
	       peak * peak + line * line;
}

void fit_model_weights(struct fit *f, const struct basis *b,
		       struct fit_model_error error)
{
	for (size_t k = 0; k < f->n; k++)
		f->weight[k] = 1 / fit_variance(f, b, k, 0, error);
}

/* Adds what channels `from` to `to` weigh: to the lower triangle. */
static void fit_add_channels(struct fit *f, const struct basis *b, size_t from,
			     size_t to, const double *weight, double *matrix)
{
	size_t p = f->p;

	for (size_t i = 0; i < p; i++) {
		const double *col = b->col + i * f->n;
		size_t first = b->first[i] > from ? b->first[i] : from;
		size_t last = b->last[i] < to ? b->last[i] : to;

		for (size_t k = first; k < last; k++)
			f->weighted[k] = col[k] * weight[k];
		for (size_t j = 0; j <= i; j++) {
			size_t low = first > b->first[j] ? first : b->first[j];
			size_t high = last < b->last[j] ? last : b->last[j];

			if (high > low)
				matrix[i * p + j] +=
					linalg_dot(f->weighted + low,
						   b->col + j * f->n + low,
						   high - low);
		}
	}
}

/* The matrix from the columns, its lower triangle, with the priors. */
static void fit_normal_matrix(struct fit *f, const struct basis *b)
{
	size_t p = f->p;
	double *m = f->normal;

	memset(m, 0, p * p * sizeof(double));
	fit_add_channels(f, b, 0, f->n, f->weight, m);
	for (size_t i = 0; i < p; i++)
		m[i * p + i] += f->prior_weight[i];
	for (size_t i = 1; i < b->n_splines; i++) {
		size_t c = b->splines + i;

		m[c * p + c] += f->smooth_weight;
		m[(c - 1) * p + c - 1] += f->smooth_weight;
		m[c * p + c - 1] -= f->smooth_weight;
	}
}

/* Unit diagonal; what is out or a column of zeros is held at zero. */
static void fit_scale_matrix(struct fit *f, const double *normal)
{
	size_t p = f->p;

	for (size_t i = 0; i < p; i++) {
		double d = normal[i * p + i];

		f->scale[i] = d > 0 && !f->is_out[i] ? 1 / sqrt(d) : 0;
	}
	for (size_t i = 0; i < p; i++) {
		for (size_t j = 0; j < i; j++)
			f->matrix[i * p + j] =
				normal[i * p + j] * f->scale[i] * f->scale[j];
		f->matrix[i * p + i] = 1;
	}
}

static enum fit_stop fit_factor(struct fit *f)
{
	for (size_t i = 0; i < f->p; i++) {
		for (size_t j = 0; j <= i; j++) {
			if (!isfinite(f->matrix[i * f->p + j]))
				return FIT_NOT_FINITE;
		}
	}
	return linalg_factor(f->matrix, f->p, LEAST_PIVOT, f->keep, &f->ridge) <
			       0
		       ? FIT_SINGULAR
		       : FIT_SOLVED;
}

static void fit_compute_model(struct fit *f, const struct basis *b)
{
	memset(f->model, 0, f->n * sizeof(double));
	for (size_t c = 0; c < b->n_cols; c++) {
		if (c == b->n_elements)
			memcpy(f->lines, f->model, f->n * sizeof(double));
		const double *col = b->col + c * f->n;

		if (f->x[c] == 0)
			continue;
		for (size_t k = b->first[c]; k < b->last[c]; k++)
			f->model[k] += f->x[c] * col[k];
	}
}

void fit_equations(struct fit *f, const struct basis *b)
{
	fit_normal_matrix(f, b);
	for (size_t k = 0; k < f->n; k++)
		f->weighted[k] = f->counts[k] * f->weight[k];
	for (size_t c = 0; c < f->p; c++) {
		size_t low = b->first[c], high = b->last[c];
		double sum = high > low ? linalg_dot(f->weighted + low,
						     b->col + c * f->n + low,
						     high - low)
					: 0;

		f->right[c] = sum + f->prior[c] * f->prior_weight[c];
	}
}

enum fit_stop fit_solve(struct fit *f, const struct basis *b)
{
	enum fit_stop stop;

	fit_equations(f, b);
	fit_scale_matrix(f, f->normal);
	stop = fit_factor(f);
	if (stop != FIT_SOLVED)
		return stop;
	for (size_t c = 0; c < f->p; c++)
		f->x[c] = f->right[c] * f->scale[c];
	if (linalg_solve(f->matrix, f->p, f->x) < 0)
		return FIT_SINGULAR;
	for (size_t c = 0; c < f->p; c++) {
		f->x[c] *= f->scale[c];
		if (!isfinite(f->x[c]))
			return FIT_NOT_FINITE;
	}
	fit_compute_model(f, b);
	return FIT_SOLVED;
}

static size_t fit_n_free(const struct fit *f)
{
	size_t n = 0;

	for (size_t c = 0; c < f->p; c++)
		n += f->scale[c] > 0 && f->prior_weight[c] == 0;
	return n;
}

enum fit_stop fit_invert(struct fit *f)
{
	size_t p = f->p;

	if (linalg_invert(f->matrix, p) < 0)
		return FIT_SINGULAR;
	for (size_t i = 0; i < p; i++) {
		for (size_t j = 0; j < p; j++)
			f->cov[i * p + j] = f->matrix[i * p + j] * f->scale[i] *
					    f->scale[j];
	}
	return FIT_SOLVED;
}

static void fit_find_chi2(struct fit *f)
{
	size_t n_free = fit_n_free(f);
	double sum = 0;

	for (size_t k = 0; k < f->n; k++) {
		double d = f->counts[k] - f->model[k];

		sum += d * d * f->weight[k];
	}
	f->chi2 = f->n > n_free ? sum / (double)(f->n - n_free) : 0;
}

enum fit_stop fit_covariance(struct fit *f, const struct basis *b)
{
	enum fit_stop stop;

	fit_normal_matrix(f, b);
	fit_scale_matrix(f, f->normal);
	stop = fit_factor(f);
	if (stop == FIT_SOLVED)
		stop = fit_invert(f);
	if (stop == FIT_SOLVED)
		fit_find_chi2(f);
	return stop;
}

enum fit_stop fit_again(struct fit *f, const struct basis *b,
			struct fit_model_error error)
{
	enum fit_stop stop;

	fit_model_weights(f, b, error);
	stop = fit_solve(f, b);
	if (stop == FIT_SOLVED)
		stop = fit_invert(f);
	if (stop == FIT_SOLVED)
		fit_find_chi2(f);
	return stop;
}

/*
 * How the weights change when the unknowns' parts of the model go, and the
 * channels where that is worth a difference. A part below zero is noise.
 */
static void fit_weights_without(const struct fit *f, const struct basis *b,
				const struct fit_sum *of,
				struct fit_model_error error, double *ret,
				size_t *ret_first, size_t *ret_last)
{
	size_t first = f->n, last = 0;

	memset(ret, 0, f->n * sizeof(double));
	for (size_t i = 0; i < of->n; i++) {
		const size_t c = of->index[i];
		const double *col = b->col + c * f->n;
		const double x = fmax(f->x[c], 0);

		for (size_t k = b->first[c]; k < b->last[c]; k++)
			ret[k] += x * col[k];
		first = b->first[c] < first ? b->first[c] : first;
		last = b->last[c] > last ? b->last[c] : last;
	}
	*ret_first = *ret_last = first;
	for (size_t k = first; k < last; k++) {
		ret[k] =
			1 / fit_variance(f, b, k, ret[k], error) - f->weight[k];
		if (fabs(ret[k]) < WEIGHT_LEAST * f->weight[k])
			continue;
		if (*ret_last == first)
			*ret_first = k;
		*ret_last = k + 1;
	}
}

enum fit_stop fit_variance_at_zero(struct fit *f, const struct basis *b,
				   const struct fit_sum *of,
				   struct fit_model_error error, double *ret)
{
	size_t first, last, p = f->p;
	enum fit_stop stop;
	double *unit = f->weighted;
	double var = 0;

	if (f->n < p)
		return FIT_SINGULAR;
	fit_weights_without(f, b, of, error, f->change, &first, &last);
	memcpy(f->changed, f->normal, p * p * sizeof(double));
	fit_add_channels(f, b, first, last, f->change, f->changed);
	fit_scale_matrix(f, f->changed);
	stop = fit_factor(f);
	if (stop != FIT_SOLVED)
		return stop;
	memset(unit, 0, p * sizeof(double));
	for (size_t i = 0; i < of->n; i++)
		unit[of->index[i]] = of->factor[i] * f->scale[of->index[i]];
	if (linalg_solve(f->matrix, p, unit) < 0)
		return FIT_SINGULAR;
	for (size_t i = 0; i < of->n; i++)
		var += of->factor[i] * f->scale[of->index[i]] *
		       unit[of->index[i]];
	*ret = var;
	return FIT_SOLVED;
}
