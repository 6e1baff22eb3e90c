// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Symmetric systems by LAPACK's Cholesky, out of OpenBLAS. At some hundred
 * unknowns one thread is fastest and gives the same bytes every time. The lower
 * triangle of a matrix by rows is the upper one by columns, as LAPACK wants it:
 * told so, it needs no memory to turn the matrix.
 *
 * The library is loaded when the first tables are made: its twelve thousand
 * relocations and its threads are half of what a program needs to start, and most
 * commands of the command line compute nothing.
 */
#include "assay/linalg.h"

#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>
#include <lapack.h>

#include "base/cleanup.h"
#include "base/wide.h"

/* A ridge over the pivots that are rounding, so that these count for nothing. */
#define OUTWEIGH 1e4

static struct linalg_library {
	__typeof__(openblas_set_num_threads) *set_threads;
	__typeof__(cblas_dgemm) *dgemm;
	__typeof__(LAPACK_dpotrf_base) *dpotrf;
	__typeof__(LAPACK_dpotrs_base) *dpotrs;
	__typeof__(LAPACK_dpotri_base) *dpotri;
	__typeof__(LAPACK_dgetrf) *dgetrf;
	__typeof__(LAPACK_dgetrs_base) *dgetrs;
	__typeof__(LAPACK_dsyev_base) *dsyev;
} library;
static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_error;

static void linalg_load(void)
{
	const struct {
		const char *name;
		void *ret;
	} symbol[] = {
		{ "openblas_set_num_threads", &library.set_threads },
		{ "cblas_dgemm", &library.dgemm },
		{ "dpotrf_", &library.dpotrf },
		{ "dpotrs_", &library.dpotrs },
		{ "dpotri_", &library.dpotri },
		{ "dgetrf_", &library.dgetrf },
		{ "dgetrs_", &library.dgetrs },
		{ "dsyev_", &library.dsyev },
	};
	void *handle = dlopen(LINALG_LIBRARY, RTLD_LAZY | RTLD_LOCAL);

	library_error = -ELIBACC;
	if (!handle)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(symbol); i++) {
		void *found = dlsym(handle, symbol[i].name);

		if (!found)
			return;
		memcpy(symbol[i].ret, &found, sizeof(found));
	}
	library.set_threads(1);
	library_error = 0;
}

int linalg_init(void)
{
	pthread_once(&library_once, linalg_load);
	return library_error;
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
	library.dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)n, (int)m,
		      (int)k, 1, a, (int)k, b, (int)m, keep, ret, (int)m);
}

static double linalg_least_pivot(const double *factor, size_t n)
{
	double least = INFINITY;

	for (size_t i = 0; i < n; i++)
		least = fmin(least, factor[i * n + i] * factor[i * n + i]);
	return least;
}

static bool linalg_cholesky(double *matrix, size_t n)
{
	lapack_int order = (lapack_int)n, info;

	library.dpotrf("U", &order, matrix, &order, &info, 1);
	return info == 0;
}

int linalg_factor(double *matrix, size_t n, double least, double *keep,
		  double *ret_ridge)
{
	double ridge = 0;

	memcpy(keep, matrix, n * n * sizeof(double));
	for (;;) {
		if (linalg_cholesky(matrix, n) &&
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
	const lapack_int order = (lapack_int)n, one = 1;
	lapack_int info;

	library.dpotrs("U", &order, &one, factor, &order, x, &order, &info, 1);
	return info ? -EDOM : 0;
}

int linalg_solve_general(double *matrix, size_t n, double *x)
{
	const lapack_int order = (lapack_int)n, one = 1;
	lapack_int pivot[LINALG_GENERAL_MAX], info;

	if (n > LINALG_GENERAL_MAX)
		return -EDOM;
	library.dgetrf(&order, &order, matrix, &order, pivot, &info);
	if (info)
		return -EDOM;
	library.dgetrs("T", &order, &one, matrix, &order, pivot, x, &order,
		       &info, 1);
	return info ? -EDOM : 0;
}

int linalg_invert(double *factor, size_t n)
{
	const lapack_int order = (lapack_int)n;
	lapack_int info;

	library.dpotri("U", &order, factor, &order, &info, 1);
	if (info)
		return -EDOM;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = i + 1; j < n; j++)
			factor[i * n + j] = factor[j * n + i];
	}
	return 0;
}

int linalg_eigen(double *matrix, size_t n, double *ret_value)
{
	const lapack_int order = (lapack_int)n, ask = -1;
	CLEANUP(freep) double *work = NULL;
	lapack_int size, info;
	double best;

	library.dsyev("V", "U", &order, matrix, &order, ret_value, &best, &ask,
		      &info, 1, 1);
	if (info)
		return -EDOM;
	size = (lapack_int)best;
	work = malloc((size_t)size * sizeof(*work));
	if (!work)
		return -ENOMEM;
	library.dsyev("V", "U", &order, matrix, &order, ret_value, work, &size,
		      &info, 1, 1);
	return info ? -EDOM : 0;
}
