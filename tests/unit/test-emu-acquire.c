// SPDX-License-Identifier: GPL-2.0-or-later
/* Counting: Poisson statistics with a fixed seed, timers, presets. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dp5emu/acquire.h"
#include "dp5emu/random.h"
#include "kselftest_harness.h"

#define SEED 20240229
#define N_CHAN 256

FIXTURE(acquire)
{
	struct acquire *a;
	struct scene *scene;
};

/* A flat spectrum of 10 events a second and channel, 1500 a second unseen. */
FIXTURE_SETUP(acquire)
{
	self->a = calloc(1, sizeof(*self->a));
	self->scene = calloc(1, sizeof(*self->scene));
	ASSERT_TRUE(self->a && self->scene);
	self->scene->n_chan = N_CHAN;
	self->scene->fast_only_cps = 1500;
	for (int k = 0; k < N_CHAN; k++)
		self->scene->chan_cps[k] = 10;
	acquire_init(self->a, SEED, 0);
	acquire_set_scene(self->a, self->scene);
	acquire_enable(self->a, true);
}

FIXTURE_TEARDOWN(acquire)
{
	free(self->a);
	free(self->scene);
}

static uint64_t sum_counts(const struct acquire *a, int from, int to)
{
	uint64_t sum = 0;

	for (int k = from; k <= to; k++)
		sum += a->counts[k];
	return sum;
}

/* Ratio of variance to mean of many draws: 1 for a Poisson number. */
static double dispersion(double mean, double *ret_mean)
{
	enum { N = 20000 };
	double sum = 0, sum2 = 0;
	struct rng r;

	rng_seed(&r, SEED, 7);
	for (int i = 0; i < N; i++) {
		double v = rng_poisson(&r, mean);

		sum += v;
		sum2 += v * v;
	}
	*ret_mean = sum / N;
	return (sum2 / N - *ret_mean * *ret_mean) / *ret_mean;
}

/* Four sigma of mean and of dispersion over 20000 draws. */
TEST(poisson_numbers_have_their_mean_and_variance)
{
	static const double means[] = { 0.01, 0.3, 2, 9.99, 10, 37, 1e3, 1e6 };

	for (size_t i = 0; i < sizeof(means) / sizeof(means[0]); i++) {
		double got, d = dispersion(means[i], &got);

		EXPECT_LT(fabs(got - means[i]), 4 * sqrt(means[i] / 20000));
		EXPECT_LT(fabs(d - 1), 4 * sqrt((2 + 1 / means[i]) / 20000));
	}
}

/* Chi-square of the counts of 12 against their probabilities. */
TEST(poisson_numbers_have_their_distribution)
{
	enum { N = 50000, K = 30 };
	double chi2 = 0, p = exp(-12.0), left = N;
	unsigned int n[K] = { 0 };
	struct rng r;

	rng_seed(&r, SEED, 8);
	for (int i = 0; i < N; i++) {
		uint32_t v = rng_poisson(&r, 12);

		n[v < K ? v : K - 1]++;
	}
	for (int k = 0; k < K - 1; k++) {
		double want = N * p;

		if (want > 5)
			chi2 += (n[k] - want) * (n[k] - want) / want;
		left -= want;
		p *= 12.0 / (k + 1);
	}
	/* 23 degrees of freedom: 0.1 % of true samples lie above 49.7. */
	EXPECT_LT(chi2, 49.7);
	EXPECT_LT(left, 5);
}

TEST(poisson_of_no_rate_is_zero)
{
	struct rng r;

	rng_seed(&r, SEED, 9);
	EXPECT_EQ(rng_poisson(&r, 0), 0);
	EXPECT_EQ(rng_poisson(&r, -1), 0);
	EXPECT_EQ(rng_poisson(&r, NAN), 0);
}

/* 256 channels of 1000 expected: 0.1 % of true samples lie outside. */
TEST_F(acquire, counts_are_poisson_in_time)
{
	double chi2 = 0;

	for (int i = 1; i <= 2000; i++)
		acquire_advance(self->a, i * 50e3);
	for (int k = 0; k < N_CHAN; k++)
		chi2 += pow(self->a->counts[k] - 1000.0, 2) / 1000;
	EXPECT_GT(chi2, 190);
	EXPECT_LT(chi2, 333);
}

TEST_F(acquire, looking_often_changes_nothing)
{
	uint32_t once[N_CHAN];
	uint64_t fast;

	acquire_advance(self->a, 10e6);
	memcpy(once, self->a->counts, sizeof(once));
	fast = self->a->fast;

	acquire_init(self->a, SEED, 0);
	acquire_set_scene(self->a, self->scene);
	acquire_enable(self->a, true);
	for (double t = 0; t < 10e6; t += 7777)
		acquire_advance(self->a, t);
	acquire_advance(self->a, 10e6);
	EXPECT_EQ(memcmp(once, self->a->counts, sizeof(once)), 0);
	EXPECT_EQ(self->a->fast, fast);
}

TEST_F(acquire, another_run_holds_other_counts)
{
	uint32_t first[N_CHAN];

	acquire_advance(self->a, 1e6);
	memcpy(first, self->a->counts, sizeof(first));
	acquire_clear(self->a);
	acquire_advance(self->a, 2e6);
	EXPECT_NE(memcmp(first, self->a->counts, sizeof(first)), 0);
}

TEST_F(acquire, slow_is_the_sum_of_channels_and_fast_no_less)
{
	acquire_advance(self->a, 3.33e6);
	EXPECT_EQ(self->a->slow, sum_counts(self->a, 0, N_CHAN - 1));
	EXPECT_GT(self->a->fast, self->a->slow);
	/* 4060 a second for 3.33 s, within five sigma. */
	EXPECT_LT(fabs((double)self->a->fast - 13520), 5 * sqrt(13520));
}

TEST_F(acquire, nothing_is_counted_while_disabled)
{
	acquire_advance(self->a, 1e6);
	acquire_enable(self->a, false);
	acquire_advance(self->a, 9e6);
	EXPECT_EQ(self->a->acc_us, 1e6);
	EXPECT_EQ(self->a->real_us, 1e6);
	acquire_enable(self->a, true);
	acquire_advance(self->a, 10e6);
	EXPECT_LT(fabs(self->a->acc_us - 2e6), 1e-3);
}

TEST_F(acquire, copying_stops_accumulation_but_not_real_time)
{
	acquire_advance(self->a, 1e6);
	acquire_hold(self->a, 2500);
	acquire_advance(self->a, 2e6);
	EXPECT_LT(fabs(self->a->real_us - 2e6), 1e-3);
	EXPECT_LT(fabs(self->a->acc_us - 1997500), 1e-3);
}

TEST_F(acquire, detector_resets_take_their_part_of_real_time)
{
	self->scene->lockout_part = 0.03;
	acquire_set_scene(self->a, self->scene);
	acquire_advance(self->a, 10e6);
	EXPECT_LT(fabs(self->a->acc_us - 9.7e6), 1);
	EXPECT_LT(fabs(self->a->real_us - 10e6), 1e-3);
}

static void set_presets(struct acquire *a, double acc, double real, uint64_t n)
{
	struct acquire_presets p = { acc, real, n, 9, 21 };

	acquire_set_presets(a, &p);
}

TEST_F(acquire, preset_accumulation_time_disables)
{
	set_presets(self->a, 1.5e6, 0, 0);
	acquire_advance(self->a, 9e6);
	EXPECT_EQ(self->a->acc_us, 1.5e6);
	EXPECT_FALSE(self->a->is_enabled);
	EXPECT_FALSE(self->a->is_real_reached);
	/* Enabled again without a clear it runs on. */
	acquire_enable(self->a, true);
	acquire_advance(self->a, 10e6);
	EXPECT_LT(fabs(self->a->acc_us - 2.5e6), 1e-3);
	EXPECT_TRUE(self->a->is_enabled);
}

TEST_F(acquire, preset_real_time_stops_until_a_clear)
{
	set_presets(self->a, 0, 1.234e6, 0);
	acquire_hold(self->a, 2500);
	acquire_advance(self->a, 9e6);
	EXPECT_LT(fabs(self->a->real_us - 1.234e6), 0.01);
	EXPECT_LT(fabs(self->a->acc_us - 1.2315e6), 0.01);
	EXPECT_TRUE(self->a->is_real_reached);
	EXPECT_TRUE(self->a->is_enabled);
	EXPECT_FALSE(acquire_is_running(self->a));
	acquire_clear(self->a);
	EXPECT_TRUE(acquire_is_running(self->a));
	EXPECT_EQ(self->a->real_us, 0);
}

/* The window is exclusive: channels 10 to 20, 110 events a second. */
TEST_F(acquire, preset_count_is_met_exactly)
{
	set_presets(self->a, 0, 0, 275);
	acquire_advance(self->a, 60e6);
	EXPECT_EQ(sum_counts(self->a, 10, 20), 275);
	EXPECT_TRUE(self->a->is_count_reached);
	EXPECT_FALSE(self->a->is_real_reached);
	/* 2.5 s, within four sigma of 275 events. */
	EXPECT_LT(fabs(self->a->acc_us - 2.5e6), 4 * 2.5e6 / sqrt(275));
	EXPECT_EQ(self->a->slow, sum_counts(self->a, 0, N_CHAN - 1));
	acquire_enable(self->a, true);
	acquire_advance(self->a, 70e6);
	EXPECT_EQ(sum_counts(self->a, 10, 20), 275);
}

TEST_F(acquire, the_first_preset_wins)
{
	set_presets(self->a, 1e6, 2e6, 0);
	acquire_advance(self->a, 5e6);
	EXPECT_FALSE(self->a->is_enabled);
	EXPECT_FALSE(self->a->is_real_reached);
	EXPECT_EQ(self->a->acc_us, 1e6);
}

TEST_F(acquire, clear_zeroes_what_the_reference_marks)
{
	acquire_advance(self->a, 1e6);
	acquire_clear(self->a);
	EXPECT_EQ(self->a->fast, 0);
	EXPECT_EQ(self->a->slow, 0);
	EXPECT_EQ(self->a->acc_us, 0);
	EXPECT_EQ(self->a->real_us, 0);
	EXPECT_EQ(sum_counts(self->a, 0, N_CHAN - 1), 0);
	EXPECT_TRUE(self->a->is_enabled);
}

TEST_F(acquire, channels_stop_at_their_width)
{
	self->a->counts[3] = ACQUIRE_COUNT_MAX;
	acquire_advance(self->a, 1e6);
	EXPECT_EQ(self->a->counts[3], ACQUIRE_COUNT_MAX);
}

TEST_HARNESS_MAIN
