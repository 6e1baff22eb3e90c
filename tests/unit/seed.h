/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seeds of tests that draw: fixed, unless many rounds are wanted. */
#ifndef TESTS_UNIT_SEED_H
#define TESTS_UNIT_SEED_H

#include <stdlib.h>

/* @fixed, moved by REESPEC_SEED, which `make check-long` counts up. */
static inline unsigned int seed_of(unsigned int fixed)
{
	const char *round = getenv("REESPEC_SEED");

	return fixed +
	       (round ? (unsigned int)strtoul(round, NULL, 10) * 2654435761u
		      : 0);
}

/* One of the first @n numbers from 0; srandom() says of which row. */
static inline unsigned int seed_drawn(unsigned int n)
{
	return (unsigned int)(random() % n);
}

#endif
