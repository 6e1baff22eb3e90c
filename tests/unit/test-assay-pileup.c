// SPDX-License-Identifier: GPL-2.0-or-later
/* Pulses that pile up: what they look like, and that they are taken out. */
#include "kselftest_harness.h"

#include <string.h>

#include "assay/pileup.h"
#include "assay_try.h"

enum { N = 400 };

static uint32_t counts[N];
static double pairs[N];

/* Two lines: each with itself, both with one another, half a channel up. */
TEST(pairs_stand_at_the_sum_of_their_energies)
{
	memset(counts, 0, sizeof(counts));
	counts[50] = 1000;
	counts[80] = 500;
	pileup_pairs(counts, N, 0.5, 20, N - 20, pairs);
	for (size_t k = 0; k < N - 20; k++) {
		double want = k + 20 == 100 || k + 20 == 101   ? 1000 * 999 / 2
			      : k + 20 == 130 || k + 20 == 131 ? 1000 * 500
			      : k + 20 == 160 || k + 20 == 161 ? 500 * 499 / 2
							       : 0;

		EXPECT_LE(fabs(want / 1500 - pairs[k]), 1e-9)
		{
			TH_LOG("channel %zu: %g", k + 20, pairs[k]);
		}
	}
}

TEST(no_pulse_piles_up_with_itself)
{
	memset(counts, 0, sizeof(counts));
	counts[50] = counts[70] = 1;
	pileup_pairs(counts, N, 0, 0, N, pairs);
	for (size_t k = 0; k < N; k++)
		EXPECT_EQ(k == 120 ? 1 : 0, pairs[k]);
}

TEST(an_empty_spectrum_has_no_pairs)
{
	memset(counts, 0, sizeof(counts));
	pileup_pairs(counts, N, 0, 0, N, pairs);
	for (size_t k = 0; k < N; k++)
		EXPECT_EQ(0, pairs[k]);
}

#define RATE_CPS 150e3
#define RESOLUTION_US 0.12

/* The kept ore, and the same with pulses upon each other, drawn by seed 5. */
FIXTURE(piled)
{
	struct method *m;
	struct assay_engine *e;
	struct spectrum *s;
	struct assay_result *clean;
	struct assay_result *r;
};

static size_t draw_channel(const double *below, size_t n, double x)
{
	size_t low = 0, high = n;

	while (high - low > 1) {
		size_t mid = (low + high) / 2;

		if (below[mid] <= x)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* Takes two pulses out and puts one in, for R tau of the pulses. */
static void pile_up(struct spectrum *s)
{
	double *below = calloc(s->n_chan + 1, sizeof(*below));
	double gain = (s->cal[1].kev - s->cal[0].kev) /
		      (s->cal[1].chan - s->cal[0].chan);
	double zero = s->cal[0].kev - gain * s->cal[0].chan, n;
	unsigned long long seed = 5;

	if (!below)
		abort();
	for (size_t k = 0; k < s->n_chan; k++)
		below[k + 1] = below[k] + s->counts[k];
	n = below[s->n_chan];
	for (double i = 0; i < n * RATE_CPS * RESOLUTION_US * 1e-6; i++) {
		size_t a =
			draw_channel(below, s->n_chan, draw_uniform(&seed) * n);
		size_t b =
			draw_channel(below, s->n_chan, draw_uniform(&seed) * n);
		double at = (double)(a + b) + zero / gain;
		size_t k = (size_t)(at + draw_uniform(&seed));

		if (!s->counts[a] || !s->counts[b])
			continue;
		s->counts[a]--;
		s->counts[b]--;
		if (k < s->n_chan)
			s->counts[k]++;
	}
	free(below);
}

FIXTURE_SETUP(piled)
{
	self->m = load_method_or_abort("ore-l");
	self->s = read_mca("tests/data/BST-ORE.mca");
	ASSERT_NE(NULL, self->s);
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
	self->clean = self->r = NULL;
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->clean));
	self->s->tube_ua = 1e3 * self->clean->scale / self->s->live_s;
	self->s->icr_cps = RATE_CPS;
	pile_up(self->s);
}

FIXTURE_TEARDOWN(piled)
{
	assay_result_free(self->clean);
	assay_result_free(self->r);
	spectrum_free(self->s);
	assay_engine_free(self->e);
	method_free(self->m);
}

static void run_or_abort(struct _test_data_piled *self, double resolution_us)
{
	self->m->detector.pair_resolution_us = resolution_us;
	assay_result_free(self->r);
	self->r = NULL;
	if (assay_engine_run(self->e, self->s, &self->r) < 0)
		abort();
}

/* The farthest move of a content from that without, in its counting sigma. */
static double farthest(const struct _test_data_piled *self)
{
	double far = 0;

	for (size_t i = 0; i < self->r->n_elements; i++) {
		const struct assay_element *e = &self->clean->element[i];

		far = fmax(far, fabs(self->r->element[i].content - e->content) /
					e->u_count);
	}
	return far;
}

/*
 * The exposure is stated. Contents are those without pile-up but for the noise
 * of the pairs and three pulses at a time, which are 2e-4 of all: strontium,
 * whose lines are counted to 0.1 %, moves by 1.6 sigmas of that, no other by
 * one. Left in, the pairs are tens of sigmas.
 */
TEST_F_TIMEOUT(piled, contents_are_as_without, 200)
{
	run_or_abort(self, RESOLUTION_US);
	EXPECT_LE(farthest(self), 2.5);
	EXPECT_LE(self->r->chi2, 1.05 * self->clean->chi2);
	run_or_abort(self, 0);
	EXPECT_EQ(0, self->r->pileup);
	EXPECT_GT(farthest(self), 10);
}

/* The spectrum knows how many there are; the rate, or the counts, to begin. */
TEST_F_TIMEOUT(piled, pairs_are_counted, 200)
{
	double share = RATE_CPS * RESOLUTION_US * 1e-6, sum = 0;

	run_or_abort(self, 1.4 * RESOLUTION_US);
	EXPECT_LE(fabs(self->r->pileup / share - 1), 0.03);
	for (size_t k = 0; k < self->s->n_chan; k++)
		sum += self->s->counts[k];
	self->s->icr_cps = NAN;
	run_or_abort(self, RESOLUTION_US * RATE_CPS * self->s->live_s / sum);
	EXPECT_LE(fabs(self->r->pileup / share - 1), 0.03);
}

TEST_HARNESS_MAIN
