/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seeded random numbers. */
#ifndef TOOLS_DP5EMU_RANDOM_H
#define TOOLS_DP5EMU_RANDOM_H

#include <stdint.h>

struct rng {
	uint64_t s[4];
};

/* Start sequence number @stream of @seed; different streams do not overlap. */
void rng_seed(struct rng *r, uint64_t seed, uint64_t stream);

uint64_t rng_next(struct rng *r);

/* Uniform in [0, 1). */
double rng_uniform(struct rng *r);

/* A Poisson number of the given mean, 0 for a mean that is not positive. */
uint32_t rng_poisson(struct rng *r, double mean);

/* How many of @n events fall into a part @p (0 to 1) of the whole. */
uint32_t rng_thin(struct rng *r, uint32_t n, double p);

#endif /* TOOLS_DP5EMU_RANDOM_H */
