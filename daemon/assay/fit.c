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

int fit_new(size_t n, size_t p, struct fit **ret)
{
	CLEANUP(fit_freep) struct fit *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->n = n;
	f->p = p;
	f->counts = calloc(n, sizeof(double));
	f->model = calloc(n, sizeof(double));
	f->lines = calloc(n, sizeof(double));
	f->weight = calloc(n, sizeof(double));
	f->weighted = calloc(n, sizeof(double));
	f->x = calloc(p, sizeof(double));
	f->scale = calloc(p, sizeof(double));
	f->prior = calloc(p, sizeof(double));
	f->prior_weight = calloc(p, sizeof(double));
	f->matrix = calloc(p * p, sizeof(double));
	f->keep = calloc(p * p, sizeof(double));
	f->cov = calloc(p * p, sizeof(double));
	if (!f->counts || !f->model || !f->lines || !f->weight ||
	    !f->weighted || !f->x || !f->scale || !f->prior ||
	    !f->prior_weight || !f->matrix || !f->keep || !f->cov)
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
	free(f->prior);
	free(f->prior_weight);
	free(f->matrix);
	free(f->keep);
	free(f->cov);
	free(f);
	return NULL;
}

void fit_start_weights(struct fit *f)
{
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
	return fmax(f->model[k] - less, LEAST_VARIANCE) + peak * peak +
	       line * line;
}

void fit_model_weights(struct fit *f, const struct basis *b,
		       struct fit_model_error error)
{
	for (size_t k = 0; k < f->n; k++)
		f->weight[k] = 1 / fit_variance(f, b, k, 0, error);
}

/* The matrix from the columns, its lower triangle, with the priors. */
static void fit_normal_matrix(struct fit *f, const struct basis *b)
{
	size_t p = f->p;

	for (size_t i = 0; i < p; i++) {
		const double *col = b->col + i * f->n;

		for (size_t k = b->first[i]; k < b->last[i]; k++)
			f->weighted[k] = col[k] * f->weight[k];
		for (size_t j = 0; j <= i; j++) {
			size_t low = b->first[i] > b->first[j] ? b->first[i]
							       : b->first[j];
			size_t high = b->last[i] < b->last[j] ? b->last[i]
							      : b->last[j];

			f->matrix[i * p + j] =
				high > low ? linalg_dot(f->weighted + low,
							b->col + j * f->n + low,
							high - low)
					   : 0;
		}
		f->matrix[i * p + i] += f->prior_weight[i];
	}
	for (size_t i = 1; i < b->n_splines; i++) {
		size_t c = b->splines + i;

		f->matrix[c * p + c] += f->smooth_weight;
		f->matrix[(c - 1) * p + c - 1] += f->smooth_weight;
		f->matrix[c * p + c - 1] -= f->smooth_weight;
	}
}

/* Unit diagonal; a column of zeros becomes an unknown held at zero. */
static void fit_scale_matrix(struct fit *f)
{
	size_t p = f->p;

	for (size_t i = 0; i < p; i++) {
		double d = f->matrix[i * p + i];

		f->scale[i] = d > 0 ? 1 / sqrt(d) : 0;
	}
	for (size_t i = 0; i < p; i++) {
		for (size_t j = 0; j < i; j++)
			f->matrix[i * p + j] *= f->scale[i] * f->scale[j];
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
	return linalg_factor(f->matrix, f->p, f->keep, &f->ridge) < 0
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

enum fit_stop fit_solve(struct fit *f, const struct basis *b)
{
	enum fit_stop stop;

	fit_normal_matrix(f, b);
	fit_scale_matrix(f);
	stop = fit_factor(f);
	if (stop != FIT_SOLVED)
		return stop;
	for (size_t k = 0; k < f->n; k++)
		f->weighted[k] = f->counts[k] * f->weight[k];
	for (size_t c = 0; c < f->p; c++) {
		size_t low = b->first[c], high = b->last[c];
		double sum = high > low ? linalg_dot(f->weighted + low,
						     b->col + c * f->n + low,
						     high - low)
					: 0;

		sum += f->prior[c] * f->prior_weight[c];
		f->x[c] = sum * f->scale[c];
	}
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

enum fit_stop fit_covariance(struct fit *f, const struct basis *b)
{
	enum fit_stop stop;
	double sum = 0;
	size_t p = f->p, n_free;

	fit_normal_matrix(f, b);
	fit_scale_matrix(f);
	stop = fit_factor(f);
	if (stop != FIT_SOLVED)
		return stop;
	if (linalg_invert(f->matrix, p) < 0)
		return FIT_SINGULAR;
	for (size_t i = 0; i < p; i++) {
		for (size_t j = 0; j < p; j++)
			f->cov[i * p + j] = f->matrix[i * p + j] * f->scale[i] *
					    f->scale[j];
	}
	for (size_t k = 0; k < f->n; k++) {
		double d = f->counts[k] - f->model[k];

		sum += d * d * f->weight[k];
	}
	n_free = fit_n_free(f);
	f->chi2 = f->n > n_free ? sum / (double)(f->n - n_free) : 0;
	return FIT_SOLVED;
}

enum fit_stop fit_variance_at_zero(struct fit *f, const struct basis *b,
				   size_t c, struct fit_model_error error,
				   double *ret)
{
	const double *col = b->col + c * f->n;
	enum fit_stop stop;
	double *unit = f->weighted;

	for (size_t k = b->first[c]; k < b->last[c]; k++)
		f->weight[k] =
			1 / fit_variance(f, b, k, f->x[c] * col[k], error);
	fit_normal_matrix(f, b);
	fit_scale_matrix(f);
	stop = fit_factor(f);
	fit_model_weights(f, b, error);
	if (stop != FIT_SOLVED || f->n < f->p)
		return stop;
	memset(unit, 0, f->p * sizeof(double));
	unit[c] = f->scale[c];
	if (linalg_solve(f->matrix, f->p, unit) < 0)
		return FIT_SINGULAR;
	*ret = unit[c] * f->scale[c];
	return FIT_SOLVED;
}
