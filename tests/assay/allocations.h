/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory that a thread asks for, counted. For one file of a program. */
#ifndef TESTS_ASSAY_ALLOCATIONS_H
#define TESTS_ASSAY_ALLOCATIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Counted while the first is set, in the thread that sets it. */
static __thread bool is_counting;
static __thread unsigned int n_allocations;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t size);

void *malloc(size_t size)
{
	n_allocations += is_counting;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	n_allocations += is_counting;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	n_allocations += is_counting;
	return __libc_realloc(p, size);
}

#endif
