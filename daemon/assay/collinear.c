// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds elements whose contents depend on each other in all standards. */
#include "assay/collinear.h"

#include <errno.h>
#include <math.h>

#include "assay/linalg.h"

#define CONDITION_MAX 30
#define SHARE_MAX 0.5
/* Smallest eigenvalue, of the largest, that is told from zero. */
#define EIGEN_LEAST 1e-12

/* To unit length. */
static void collinear_normalise(double *x, size_t n, size_t stride)
{
	double length = 0;

	for (size_t i = 0; i < n; i++)
		length += x[i * stride] * x[i * stride];
	for (size_t i = 0; i < n && length > 0; i++)
		x[i * stride] /= sqrt(length);
}

/* Of an element's variance, what near dependencies make, over all of it. */
static double collinear_share(const double *value, const double *vector,
			      size_t n, size_t element)
{
	double least = EIGEN_LEAST * value[n - 1], all = 0, dependent = 0;

	for (size_t k = 0; k < n; k++) {
		double eigen = fmax(value[k], least);
		double v = vector[k * n + element];

		all += v * v / eigen;
		if (value[n - 1] > CONDITION_MAX * CONDITION_MAX * eigen)
			dependent += v * v / eigen;
	}
	return dependent / all;
}

int collinear_find(double *content, size_t n, size_t n_standards,
		   double *ret_condition, bool *ret_involved)
{
	double product[COLLINEAR_MAX * COLLINEAR_MAX], value[COLLINEAR_MAX];

	/* Of a standard its proportions count, not whether it is rich. */
	for (size_t m = 0; m < n_standards; m++)
		collinear_normalise(content + m, n, n_standards);
	for (size_t i = 0; i < n; i++)
		collinear_normalise(content + i * n_standards, n_standards, 1);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++)
			product[i * n + j] =
				linalg_dot(content + i * n_standards,
					   content + j * n_standards,
					   n_standards);
	}
	if (linalg_eigen(product, n, value) < 0)
		return -EDOM;
	*ret_condition =
		sqrt(value[n - 1] / fmax(value[0], EIGEN_LEAST * value[n - 1]));
	for (size_t i = 0; i < n; i++)
		ret_involved[i] =
			collinear_share(value, product, n, i) > SHARE_MAX;
	return 0;
}
