// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Symmetric systems by LAPACKE's Cholesky. At some hundred unknowns one
 * thread is fastest and gives the same bytes every time. The lower triangle of
 * a matrix by rows is the upper one by columns, as LAPACK wants it: told so,
 * it needs no memory to turn the matrix.
 */
#include "assay/linalg.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include <cblas.h>
#include <lapacke.h>

#include "base/wide.h"

/* A ridge over the pivots that are rounding, so that these count for nothing. */
#define OUTWEIGH 1e4

/* OpenBLAS has it, the reference library does not. */
extern void openblas_set_num_threads(int n) __attribute__((weak));

void linalg_init(void)
{
	if (openblas_set_num_threads)
		openblas_set_num_threads(1);
}

WIDE double linalg_dot(const double *a, const double *b, size_t n)
{
	double s[4] = { 0 };
	size_t i;

	for (i = 0; i + 4 <= n; i += 4) {
		for (size_t k = 0; k < 4; k++)
			s[k] += a[i + k] * b[i + k];
	}
	for (; i < n; i++)
		s[0] += a[i] * b[i];
	return (s[0] + s[1]) + (s[2] + s[3]);
}

void linalg_multiply(const double *a, const double *b, size_t n, size_t k,
		     size_t m, double keep, double *ret)
{
	cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)n, (int)m,
		    (int)k, 1, a, (int)k, b, (int)m, keep, ret, (int)m);
}

static double linalg_least_pivot(const double *factor, size_t n)
{
	double least = INFINITY;

	for (size_t i = 0; i < n; i++)
		least = fmin(least, factor[i * n + i] * factor[i * n + i]);
	return least;
}

int linalg_factor(double *matrix, size_t n, double least, double *keep,
		  double *ret_ridge)
{
	double ridge = 0;

	memcpy(keep, matrix, n * n * sizeof(double));
	for (;;) {
		if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', (int)n, matrix,
					(int)n) == 0 &&
		    linalg_least_pivot(matrix, n) >= least) {
			*ret_ridge = ridge;
			return 0;
		}
		ridge = ridge > 0 ? ridge * 10 : fmax(1e-12, OUTWEIGH * least);
		if (!(ridge < 2e-4))
			return -EDOM;
		memcpy(matrix, keep, n * n * sizeof(double));
		for (size_t i = 0; i < n; i++)
			matrix[i * n + i] += ridge;
	}
}

int linalg_solve(const double *factor, size_t n, double *x)
{
	return LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'U', (int)n, 1, factor,
				   (int)n, x, (int)n)
		       ? -EDOM
		       : 0;
}

int linalg_solve_general(double *matrix, size_t n, double *x)
{
	lapack_int pivot[LINALG_GENERAL_MAX];

	if (n > LINALG_GENERAL_MAX ||
	    LAPACKE_dgetrf_work(LAPACK_COL_MAJOR, (int)n, (int)n, matrix,
				(int)n, pivot) ||
	    LAPACKE_dgetrs_work(LAPACK_COL_MAJOR, 'T', (int)n, 1, matrix,
				(int)n, pivot, x, (int)n))
		return -EDOM;
	return 0;
}

int linalg_invert(double *factor, size_t n)
{
	if (LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'U', (int)n, factor, (int)n))
		return -EDOM;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = i + 1; j < n; j++)
			factor[i * n + j] = factor[j * n + i];
	}
	return 0;
}

int linalg_eigen(double *matrix, size_t n, double *ret_value)
{
	if (LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'U', (int)n, matrix, (int)n,
			  ret_value))
		return -EDOM;
	return 0;
}
