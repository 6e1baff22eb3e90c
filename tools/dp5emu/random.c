// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Seeded random numbers: xoshiro256** and Poisson variates.
 *
 * Generator: D. Blackman, S. Vigna, "Scrambled linear pseudorandom number
 * generators", ACM Trans. Math. Softw. 47 (2021) 36, seeded by splitmix64 as
 * its authors advise. Poisson: inversion by multiplication for small means
 * (Devroye, "Non-Uniform Random Variate Generation", 1986, X.3.3), transformed
 * rejection PTRS above (W. Hoermann, Insurance: Mathematics and Economics 12
 * (1993) 39), which its author gives for means of 10 and more.
 */
#include "dp5emu/random.h"

#include <math.h>

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

void rng_seed(struct rng *r, uint64_t seed, uint64_t stream)
{
	uint64_t x = stream;

	x = seed ^ splitmix(&x);
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix(&x);
}

uint64_t rng_next(struct rng *r)
{
	uint64_t *s = r->s;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

double rng_uniform(struct rng *r)
{
	return (double)(rng_next(r) >> 11) * 0x1p-53;
}

static uint32_t poisson_small(struct rng *r, double mean)
{
	double p = rng_uniform(r), limit;
	uint32_t k = 0;

	/* exp(-mean) is no less: most channels see nothing in a slice. */
	if (p <= 1 - mean)
		return 0;
	limit = exp(-mean);
	while (p > limit) {
		p *= rng_uniform(r);
		k++;
	}
	return k;
}

static uint32_t poisson_ptrs(struct rng *r, double mean)
{
	double log_mean = log(mean);
	double b = 0.931 + 2.53 * sqrt(mean);
	double a = -0.059 + 0.02483 * b;
	double inv_alpha = 1.1239 + 1.1328 / (b - 3.4);
	double v_r = 0.9277 - 3.6224 / (b - 2);

	for (;;) {
		double u = rng_uniform(r) - 0.5, v = rng_uniform(r);
		double us = 0.5 - fabs(u);
		double k = floor((2 * a / us + b) * u + mean + 0.43);

		if (us >= 0.07 && v <= v_r)
			return (uint32_t)k;
		if (k < 0 || (us < 0.013 && v > us))
			continue;
		if (log(v) + log(inv_alpha) - log(a / (us * us) + b) <=
		    k * log_mean - mean - lgamma(k + 1))
			return (uint32_t)k;
	}
}

uint32_t rng_poisson(struct rng *r, double mean)
{
	if (!(mean > 0))
		return 0;
	return mean < 10 ? poisson_small(r, mean) : poisson_ptrs(r, mean);
}

uint32_t rng_thin(struct rng *r, uint32_t n, double p)
{
	uint32_t k = 0;

	if (p >= 1)
		return n;
	if (!(p > 0))
		return 0;
	for (uint32_t i = 0; i < n; i++)
		k += rng_uniform(r) < p;
	return k;
}
