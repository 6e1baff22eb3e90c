// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A growing spectrum, reading after reading, against whole runs.
 *
 * The ore's counts are the mean that readings are drawn of, at 60 s and a
 * second each. A refit leaves out what is of second order in a step of at most
 * half a sigma. Half of the square of that, relative to the step, is some
 * hundredths of a sigma; asked is a twentieth. Covariances come of weights of
 * the last model and may differ by a tenth.
 */
#include "kselftest_harness.h"

#include "allocations.h"
#include "truth.h"

enum { N_CHAN = 2048, SECONDS = 60 };

FIXTURE(stream)
{
	struct method *m;
	struct assay_engine *e;
	struct assay_engine *other; /* for whole runs */
	struct spectrum *s; /* grows */
	double mean[N_CHAN]; /* of a second */
	unsigned long long seed;
	struct assay_result *r;
	enum assay_follow how;
};

FIXTURE_SETUP(stream)
{
	self->m = load_method_or_abort("ore-l");
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
	ASSERT_EQ(0, assay_engine_new(self->m, &self->other));
	self->s = read_mca("tests/data/BST-ORE.mca");
	ASSERT_NE(NULL, self->s);
	ASSERT_EQ(N_CHAN, self->s->n_chan);
	for (size_t k = 0; k < N_CHAN; k++) {
		self->mean[k] = self->s->counts[k] / (double)SECONDS;
		self->s->counts[k] = 0;
	}
	self->s->live_s = self->s->real_s = 0;
	self->seed = 20261127;
	self->r = NULL;
}

FIXTURE_TEARDOWN(stream)
{
	assay_result_free(self->r);
	spectrum_free(self->s);
	assay_engine_free(self->e);
	assay_engine_free(self->other);
	method_free(self->m);
}

/* Counts of `seconds` more. */
static void grow(struct spectrum *s, const double *mean, double seconds,
		 unsigned long long *seed)
{
	for (size_t k = 0; k < N_CHAN; k++)
		s->counts[k] += draw_poisson(seed, mean[k] * seconds);
	s->live_s += seconds;
	s->real_s = 1.2 * s->live_s;
}

/* As if the axis' gain were so much larger, relative. */
static void stretch(const double *mean, double by, double *ret)
{
	for (size_t k = 0; k < N_CHAN; k++) {
		double at = (double)k / (1 + by);
		size_t low = (size_t)at;
		double f = at - (double)low;

		ret[k] = low + 1 < N_CHAN
				 ? (1 - f) * mean[low] + f * mean[low + 1]
				 : 0;
	}
}

static struct assay_result *run_or_abort(struct assay_engine *e,
					 const struct spectrum *s)
{
	struct assay_result *r = NULL;

	if (assay_engine_run(e, s, &r) < 0)
		abort();
	return r;
}

/* The largest difference of a content, in sigmas. */
static double difference(const struct assay_result *a,
			 const struct assay_result *b)
{
	double most = 0;

	for (size_t i = 0; i < a->n_elements; i++) {
		const struct assay_element *x = &a->element[i];
		const struct assay_element *y = &b->element[i];

		most = fmax(most, fabs(x->content - y->content) / y->u);
	}
	return most;
}

/* The largest difference of covariances, over the sigmas of the two. */
static double covariance_difference(const struct assay_result *a,
				    const struct assay_result *b)
{
	size_t n = a->n_elements;
	double most = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++)
			most = fmax(most, fabs(a->cov[i * n + j] -
					       b->cov[i * n + j]) /
						  (b->element[i].u *
						   b->element[j].u));
	}
	return most;
}

#define FOLLOW()     \
	ASSERT_EQ(0, \
		  assay_engine_follow(self->e, self->s, &self->r, &self->how))

TEST_F_TIMEOUT(stream, refits_are_what_whole_runs_would_be, 120)
{
	double worst = 0, worst_cov = 0;
	int n_refits = 0;

	grow(self->s, self->mean, 20, &self->seed);
	FOLLOW();
	EXPECT_EQ(ASSAY_RUN_FIRST, self->how);
	EXPECT_FALSE(self->r->is_refit);
	for (int i = 0; i < 10; i++) {
		struct assay_result *whole;

		grow(self->s, self->mean, 1, &self->seed);
		FOLLOW();
		if (self->how != ASSAY_REFITTED)
			continue;
		n_refits++;
		EXPECT_TRUE(self->r->is_refit);
		whole = run_or_abort(self->other, self->s);
		worst = fmax(worst, difference(self->r, whole));
		worst_cov =
			fmax(worst_cov, covariance_difference(self->r, whole));
		EXPECT_EQ(whole->total_counts, self->r->total_counts);
		EXPECT_EQ(whole->live_s, self->r->live_s);
		EXPECT_LE(fabs(self->r->scale / whole->scale - 1), 0.002);
		EXPECT_LE(fabs(self->r->chi2 - whole->chi2), 0.02);
		EXPECT_LE(fabs(self->r->gain_kev - whole->gain_kev),
			  0.2 * whole->u_gain_kev);
		for (size_t k = 0; k < whole->n_chan; k++)
			EXPECT_LE(fabs(self->r->model[k] - whole->model[k]),
				  1 + sqrt(whole->model[k]));
		for (size_t k = 0; k < whole->n_elements; k++) {
			const struct assay_element *a = &self->r->element[k];
			const struct assay_element *b = &whole->element[k];

			EXPECT_LE(fabs(a->area - b->area), 0.3 * b->u_area);
			/* Of traces, which limits are for. */
			if (b->content < b->loq)
				EXPECT_LE(fabs(a->lc / b->lc - 1), 0.05);
		}
		for (size_t k = 0; k < ASSAY_N_SUMS; k++)
			EXPECT_LE(fabs(self->r->sum[k].ld / whole->sum[k].ld -
				       1),
				  0.05);
		assay_result_free(whole);
	}
	fprintf(stderr,
		"# %d refits: contents within %.3f u, covariance within %.3f\n",
		n_refits, worst, worst_cov);
	EXPECT_GE(n_refits, 6);
	EXPECT_LE(worst, 0.05);
	EXPECT_LE(worst_cov, 0.1);
}

/* A quarter of the counts more, all of them of an ore with more iron. */
TEST_F_TIMEOUT(stream, a_composition_that_moves_is_run_anew, 120)
{
	struct assay_result *whole;
	double iron[N_CHAN];

	for (size_t k = 0; k < N_CHAN; k++) {
		double kev = 0.0125 + 0.025 * (double)k;

		iron[k] = self->mean[k] * (kev > 6.1 && kev < 7.4 ? 3 : 1);
	}
	grow(self->s, self->mean, 40, &self->seed);
	FOLLOW();
	grow(self->s, self->mean, 0.5, &self->seed);
	FOLLOW();
	EXPECT_EQ(ASSAY_REFITTED, self->how);
	grow(self->s, iron, 10, &self->seed);
	FOLLOW();
	EXPECT_EQ(ASSAY_RUN_MOVED, self->how);
	EXPECT_FALSE(self->r->is_refit);
	/* It began where the refit came to and ends where any run does. */
	whole = run_or_abort(self->other, self->s);
	EXPECT_LT(self->r->n_iterations, whole->n_iterations);
	EXPECT_LE(difference(self->r, whole), 0.02);
	assay_result_free(whole);
	grow(self->s, self->mean, 0.5, &self->seed);
	FOLLOW();
	EXPECT_EQ(ASSAY_REFITTED, self->how);
}

/* A gain that drifts by 2 in 10000 is followed, by 2 in 1000 run anew. */
TEST_F_TIMEOUT(stream, gain_that_drifts_is_followed, 120)
{
	struct assay_result *whole;
	double moved[N_CHAN];

	grow(self->s, self->mean, 40, &self->seed);
	FOLLOW();
	stretch(self->mean, 2e-4, moved);
	grow(self->s, moved, 1, &self->seed);
	FOLLOW();
	EXPECT_EQ(ASSAY_REFITTED, self->how);
	whole = run_or_abort(self->other, self->s);
	/* Peaks further up move the other way. */
	EXPECT_LT(self->r->gain_kev, 0.025 * (1 + 2e-5));
	EXPECT_LE(fabs(self->r->gain_kev - whole->gain_kev),
		  0.2 * whole->u_gain_kev);
	EXPECT_LE(fabs(self->r->offset_kev - whole->offset_kev),
		  0.2 * whole->u_offset_kev);
	EXPECT_LE(difference(self->r, whole), 0.1);
	assay_result_free(whole);

	stretch(self->mean, 2e-3, moved);
	grow(self->s, moved, 4, &self->seed);
	FOLLOW();
	EXPECT_EQ(ASSAY_RUN_AXIS, self->how);
	whole = run_or_abort(self->other, self->s);
	EXPECT_LE(fabs(self->r->gain_kev - whole->gain_kev),
		  0.2 * whole->u_gain_kev);
	EXPECT_LE(difference(self->r, whole), 0.05);
	assay_result_free(whole);
}

/* The last tenth by a detector of twice the noise. */
TEST_F_TIMEOUT(stream, resolution_that_falls_is_run_anew, 120)
{
	struct assay_result *whole;
	double blunt[N_CHAN];

	for (size_t k = 0; k < N_CHAN; k++) {
		size_t low = k >= 2 ? k - 2 : 0;
		size_t high = k + 3 < N_CHAN ? k + 3 : N_CHAN;

		blunt[k] = 0;
		for (size_t i = low; i < high; i++)
			blunt[k] += self->mean[i] / 5;
	}
	grow(self->s, self->mean, 40, &self->seed);
	FOLLOW();
	grow(self->s, blunt, 4, &self->seed);
	FOLLOW();
	EXPECT_EQ(ASSAY_RUN_AXIS, self->how);
	whole = run_or_abort(self->other, self->s);
	EXPECT_GT(self->r->noise_fwhm_kev, self->m->detector.noise_fwhm_kev);
	EXPECT_LE(difference(self->r, whole), 0.05);
	assay_result_free(whole);
}

TEST_F_TIMEOUT(stream, refits_take_no_memory, 120)
{
	grow(self->s, self->mean, 40, &self->seed);
	FOLLOW();
	grow(self->s, self->mean, 0.5, &self->seed);
	n_allocations = 0;
	is_counting = true;
	assay_engine_follow(self->e, self->s, &self->r, &self->how);
	is_counting = false;
	ASSERT_EQ(ASSAY_REFITTED, self->how);
	EXPECT_EQ(0, n_allocations);
}

/* Whatever is not the last spectrum with counts added is run by itself. */
TEST_F_TIMEOUT(stream, another_spectrum_is_run_by_itself, 120)
{
	for (int what = 0; what < 9; what++) {
		struct assay_result *whole;

		grow(self->s, self->mean, 20, &self->seed);
		FOLLOW();
		grow(self->s, self->mean, 0.5, &self->seed);
		switch (what) {
		case 0:
			self->s->counts[500] =
				(uint32_t)self->r->counts[500] - 1;
			break;
		case 1:
			self->s->live_s -= 1;
			break;
		case 2:
			self->s->tube_ua = 2 * 64.3; /* in half the time */
			break;
		case 3:
			self->s->areal_g_cm2 = 1.5;
			break;
		case 4:
			self->s->density_g_cm3 = 2.7;
			break;
		case 5:
			self->s->cal[1].kev += 1e-3;
			break;
		case 6:
			self->s->moisture = 0.05;
			break;
		case 7:
			self->s->loi = 0.1;
			break;
		case 8:
			self->s->n_chan = 1500;
			break;
		}
		FOLLOW();
		EXPECT_EQ(ASSAY_RUN_OTHER, self->how);
		whole = run_or_abort(self->other, self->s);
		EXPECT_EQ(0, difference(self->r, whole));
		assay_result_free(whole);
	}
}

static bool is_finite_result(const struct assay_result *r)
{
	double sum = r->chi2 + r->scale + r->u_scale + r->gain_kev +
		     r->offset_kev + r->noise_fwhm_kev + r->balance_mix;

	for (size_t i = 0; i < r->n_elements; i++) {
		const struct assay_element *e = &r->element[i];

		sum += e->content + e->u + e->u_count + e->lc + e->area;
	}
	for (size_t i = 0; i < r->n_elements * r->n_elements; i++)
		sum += r->cov[i];
	for (size_t k = 0; k < r->n_chan; k++)
		sum += r->model[k] + r->background[k];
	return isfinite(sum);
}

/* Nothing, time alone, a spike, one channel full, noise, everything full. */
TEST_F_TIMEOUT(stream, whatever_comes_in_gives_numbers, 120)
{
	for (int what = 0; what < 6; what++) {
		struct spectrum *s = self->s;

		for (size_t k = 0; k < N_CHAN; k++)
			s->counts[k] = 0;
		s->live_s = s->real_s = 0;
		grow(s, self->mean, 20, &self->seed);
		FOLLOW();
		if (what == 1)
			s->live_s = s->real_s = 1e6;
		if (what == 2)
			s->counts[300] += 100000;
		if (what == 3)
			s->counts[300] = UINT32_MAX;
		for (size_t k = 0; k < N_CHAN; k++) {
			if (what == 4)
				s->counts[k] +=
					(uint32_t)(draw_uniform(&self->seed) *
						   1e4);
			if (what == 5)
				s->counts[k] = UINT32_MAX;
		}
		FOLLOW();
		EXPECT_TRUE(is_finite_result(self->r))
		{
			TH_LOG("case %d", what);
		}
		if (what == 0)
			EXPECT_EQ(ASSAY_REFITTED, self->how);
		if (what > 1)
			EXPECT_NE(ASSAY_REFITTED, self->how);
		self->r = assay_result_free(self->r);
	}
}

TEST_F_TIMEOUT(stream, what_is_refused_leaves_the_last_result, 120)
{
	double treo;

	grow(self->s, self->mean, 20, &self->seed);
	FOLLOW();
	treo = self->r->sum[ASSAY_TREO].content;
	self->s->n_cal = 0;
	EXPECT_EQ(-EINVAL,
		  assay_engine_follow(self->e, self->s, &self->r, &self->how));
	EXPECT_NE(NULL, strstr(assay_engine_why(self->e), "calibration"));
	EXPECT_EQ(treo, self->r->sum[ASSAY_TREO].content);
	/* And it is not gone on from. */
	self->s->n_cal = 2;
	FOLLOW();
	EXPECT_EQ(ASSAY_RUN_FIRST, self->how);
}

TEST_HARNESS_MAIN
