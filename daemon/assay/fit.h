/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Poisson-weighted least squares over the columns of a basis. */
#ifndef DAEMON_ASSAY_FIT_H
#define DAEMON_ASSAY_FIT_H

#include "assay/basis.h"

enum fit_stop {
	FIT_SOLVED,
	FIT_SINGULAR,
	FIT_NOT_FINITE,
};

struct fit {
	size_t n; /* channels */
	size_t p; /* unknowns */
	/* Those of a measurement `times` as long, over `times`. */
	double *counts;
	double times;
	double *model;
	double *lines; /* the elements' part of the model */
	double *weight; /* 1 / variance of each channel */
	double *x; /* unknowns */
	double *normal; /* normal matrix with priors, lower triangle */
	double *changed; /* the same for other weights */
	double *change; /* of the weights, by channel */
	double *matrix; /* one of these scaled, then its factor */
	double *keep;
	double *scale; /* of each unknown: 1 / sqrt of its diagonal */
	double *right; /* right side of the normal equations, with priors */
	double *unit; /* work space by unknown */
	bool *is_out; /* unknowns held at zero */
	double *cov; /* p squared */
	double *weighted; /* one column times the weights */
	/* Priors: a value for each unknown, weight 0: none. */
	double *prior;
	double *prior_weight;
	/* Weight of the difference of neighbouring splines; 0: none. */
	double smooth_weight;
	double ridge;
	double chi2; /* reduced */
};

int fit_new(size_t n, size_t p, struct fit **ret);
struct fit *fit_free(struct fit *f);
CLEANUP_FUNC(struct fit, fit_free);

/*
 * Weights from the counts themselves, to begin with; of a fit before it
 * nothing is left that a run which breaks off could tell as its own.
 */
void fit_start(struct fit *f);

/* Relative errors of the model, one sigma in each channel. */
struct fit_model_error {
	double scatter; /* of the tube's lines after scatter */
	double line; /* of the elements' lines */
};

/* Weights from the model: its counts and its own errors. */
void fit_model_weights(struct fit *f, const struct basis *b,
		       struct fit_model_error error);

/* The normal equations of all unknowns, to f->normal and f->right. */
void fit_equations(struct fit *f, const struct basis *b);

/* Solves for f->x and computes f->model. */
enum fit_stop fit_solve(struct fit *f, const struct basis *b);

/* Covariance after fit_solve(), with the weights it was made with. */
enum fit_stop fit_invert(struct fit *f);

/* The same with the weights in hand; and the reduced chi2. */
enum fit_stop fit_covariance(struct fit *f, const struct basis *b);

/*
 * For counts that have grown: weights of the model in hand, solution,
 * covariance, chi2, with the columns and priors as they are.
 */
enum fit_stop fit_again(struct fit *f, const struct basis *b,
			struct fit_model_error error);

/* Unknowns, and what each of them counts for in their sum. */
struct fit_sum {
	const size_t *index;
	const double *factor;
	size_t n;
};

/*
 * Variance of a weighted sum of unknowns, with their covariances, if what they
 * contribute to the model were absent: same columns, weights of the model
 * without all of them. After fit_covariance(); the scale of the unknowns is then
 * another, the covariance stays.
 */
enum fit_stop fit_variance_at_zero(struct fit *f, const struct basis *b,
				   const struct fit_sum *of,
				   struct fit_model_error error, double *ret);

#endif
