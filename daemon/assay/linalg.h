/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Symmetric systems, the door to BLAS and LAPACK. */
#ifndef DAEMON_ASSAY_LINALG_H
#define DAEMON_ASSAY_LINALG_H

#include <stddef.h>

#define LINALG_LIBRARY "libopenblas.so.0"

/*
 * Loads the library, told to use one thread, once however often it is called, and
 * before anything below. Returns 0, or -ELIBACC where it is not installed or
 * lacks a function.
 */
int linalg_init(void);

/* Sum of a[i] * b[i], always in the same order. */
double linalg_dot(const double *a, const double *b, size_t n);

/* ret = keep * ret + a b, row-major: a is n by k, b is k by m. */
void linalg_multiply(const double *a, const double *b, size_t n, size_t k,
		     size_t m, double keep, double *ret);

/*
 * Cholesky factor of a symmetric positive matrix, row-major, n squared, in
 * place (lower triangle). A ridge, relative to the diagonal of ones that the
 * caller scaled the matrix to, is raised from 0 by powers of ten up to 1e-4
 * when needed: when the factor fails, or a pivot of it is below `least`, which
 * is rounding and no number and which the first ridge then outweighs. `keep` has
 * the matrix afterwards, n squared. Returns 0, or -EDOM when even that fails;
 * *ret_ridge is the ridge used.
 */
int linalg_factor(double *matrix, size_t n, double least, double *keep,
		  double *ret_ridge);

/* Solves with a factor, in place. */
int linalg_solve(const double *factor, size_t n, double *x);

/* Solves any system of n at most, in place; the matrix, by rows, is lost. */
enum { LINALG_GENERAL_MAX = 128 };
int linalg_solve_general(double *matrix, size_t n, double *x);

/* Inverse from a factor, in place and whole (both triangles). */
int linalg_invert(double *factor, size_t n);

/*
 * Eigenvalues of a symmetric matrix, rising, and in its place their vectors,
 * one a row. It takes memory of its own: 0, -EDOM or -ENOMEM.
 */
int linalg_eigen(double *matrix, size_t n, double *ret_value);

#endif
