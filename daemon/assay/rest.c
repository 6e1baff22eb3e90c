// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Steps from a composition at rest.
 *
 * The derivatives of quant.c are only the way to a solution: they hold the
 * attenuation of primary lines, and know nothing of how splines and peaks make
 * room for each other in the fit. What they lack is seen by a turn beside the
 * rest for each unknown, and then one step ends where turns would.
 */
#include "assay/rest.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "assay/linalg.h"

/* How far beside, of a content and of the mixture. */
#define BESIDE 0.02

void rest_keep(const struct quant *q, struct rest *ret)
{
	size_t n = q->p->m->n_elements;

	memcpy(ret->content, q->content, sizeof(ret->content));
	ret->scale = q->scale;
	ret->mix = q->mix;
	ret->loss = q->loss.found;
	ret->n_felt = 0;
	for (size_t i = 0; i < n; i++) {
		if (quant_is_felt(q, i))
			ret->felt[ret->n_felt++] = i;
	}
	ret->felt[ret->n_felt++] = n + QUANT_MIX;
	memset(ret->by_line, 0, sizeof(ret->by_line));
	memset(ret->by_feature, 0, sizeof(ret->by_feature));
}

void rest_go_beside(struct quant *q, const struct rest *rest, size_t k,
		    double *ret_step)
{
	size_t n = q->p->m->n_elements;
	double content[METHOD_MAX_ELEMENTS];

	memcpy(content, rest->content, sizeof(content));
	q->scale = rest->scale;
	q->mix = rest->mix;
	q->loss.found = rest->loss;
	*ret_step = 0;
	if (k < rest->n_felt && rest->felt[k] < n) {
		*ret_step = -BESIDE * content[rest->felt[k]];
		content[rest->felt[k]] += *ret_step;
	} else if (k < rest->n_felt) {
		*ret_step = q->mix > 0 ? -BESIDE : BESIDE;
		q->mix += *ret_step;
	}
	quant_take(q, content);
}

void rest_set_lack(const struct quant *q, struct rest *rest, size_t k,
		   double step, const double *amplitude, const double *at_rest,
		   const struct exposure *found_at_rest)
{
	size_t c = rest->felt[k];

	for (size_t i = 0; i < q->p->m->n_elements; i++)
		rest->by_line[k][i] = -(amplitude[i] - at_rest[i]) / step -
				      rest->scale * rest->content[i] *
					      q->by_line[i * q->n + c];
	for (size_t j = 0; j < EXPOSURE_N; j++) {
		double by = -log(q->found.scale[j] / found_at_rest->scale[j]) /
			    step;

		rest->by_feature[k][j] =
			isfinite(by) ? by - q->by_feature[j * q->n + c] : 0;
	}
}

/* What the lack by one unknown does to the step, per unit of it. */
static int rest_find_lack(struct quant *q, const struct rest *from, size_t felt,
			  double *ret)
{
	size_t n = q->p->m->n_elements;
	double x[METHOD_MAX_ELEMENTS], right[QUANT_MAX] = { 0 };

	memcpy(x, from->by_line[felt], n * sizeof(double));
	if (linalg_solve(q->c_a, n, x) < 0)
		return -EDOM;
	for (size_t i = 0; i < n; i++) {
		for (size_t c = 0; c < q->n; c++)
			right[c] += x[i] * q->j_a[i * q->n + c];
	}
	for (size_t j = 0; j < EXPOSURE_N; j++) {
		for (size_t c = 0; c < q->n; c++)
			right[c] += q->j_row[j * q->n + c] * q->weight[j] *
				    from->by_feature[felt][j];
	}
	for (size_t c = 0; c < q->n; c++)
		ret[c] = linalg_dot(q->cov + c * q->n, right, q->n);
	return 0;
}

/*
 * The turns come to rest where J^T W r = 0, J the derivatives in hand. With
 * D = J + E those of what a whole turn does, the step d that they ask for
 * becomes (J^T W D)^-1 J^T W r = (1 + (J^T W J)^-1 J^T W E)^-1 d.
 */
static int rest_correct(struct quant *q, const struct rest *from, double *step)
{
	size_t n = from->n_felt;
	double *matrix = q->keep, *lack = q->column, x[QUANT_MAX];

	for (size_t k = 0; k < n; k++) {
		if (rest_find_lack(q, from, k, lack + k * q->n) < 0)
			return -EDOM;
		x[k] = step[from->felt[k]];
		for (size_t i = 0; i < n; i++)
			matrix[i * n + k] =
				lack[k * q->n + from->felt[i]] + (i == k);
	}
	if (linalg_solve_general(matrix, n, x) < 0)
		return -EDOM;
	for (size_t k = 0; k < n; k++) {
		for (size_t c = 0; c < q->n; c++)
			step[c] -= lack[k * q->n + c] * x[k];
	}
	return 0;
}

/* The largest of what the matrix feels of a step, in sigmas. */
static double rest_find_move(const struct quant *q, const double *step)
{
	size_t n = q->p->m->n_elements, mix = n + QUANT_MIX;
	double move = fabs(step[mix]) / sqrt(q->cov[mix * q->n + mix]);

	for (size_t i = 0; i < n; i++) {
		if (quant_is_felt(q, i))
			move = fmax(move,
				    fabs(step[i]) / sqrt(q->cov[i * q->n + i]));
	}
	return move;
}

int rest_refit(struct quant *q, const struct rest *from, double *ret_move)
{
	double step[QUANT_MAX], none;

	rest_go_beside(q, from, from->n_felt, &none);
	q->damping = 1;
	memset(q->last_step, 0, sizeof(q->last_step));
	if (quant_find_step(q, step) < 0 || rest_correct(q, from, step) < 0)
		return -EDOM;
	quant_go(q, step);
	*ret_move = rest_find_move(q, step);
	return 0;
}
