/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Release tied to scope.
 *
 * A variable marked CLEANUP(foo_freep) is released when its scope ends,
 * TAKE_PTR() hands it on instead. CLEANUP_FUNC() makes foo_freep() of a
 * foo_free() that takes NULL.
 */
#ifndef DAEMON_BASE_CLEANUP_H
#define DAEMON_BASE_CLEANUP_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(func) __attribute__((__cleanup__(func)))

/* The value of @p, which is NULL afterwards: ownership moves to the taker. */
#define TAKE_PTR(p)                                 \
	({                                          \
		__typeof__(p) *take_from_ = &(p);   \
		__typeof__(p) taken_ = *take_from_; \
		*take_from_ = NULL;                 \
		taken_;                             \
	})

/* The value of @fd, which is -1 afterwards. */
#define TAKE_FD(fd)                       \
	({                                \
		int *take_from_ = &(fd);  \
		int taken_ = *take_from_; \
		*take_from_ = -1;         \
		taken_;                   \
	})

/* Defines func##p() for CLEANUP(): func takes a @type pointer or NULL. */
#define CLEANUP_FUNC(type, func)             \
	static inline void func##p(type **p) \
	{                                    \
		if (*p)                      \
			func(*p);            \
	}                                    \
	struct cleanup_swallow_semicolon

/* The test harness brings one too. */
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

/* For CLEANUP() on memory of malloc(). */
static inline void freep(void *p)
{
	free(*(void **)p);
}

/* For CLEANUP() on a descriptor; a negative one is nothing to close. */
static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* For CLEANUP() on a stream. */
static inline void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

#endif
