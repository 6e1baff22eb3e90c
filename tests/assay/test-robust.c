// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine on what no sample makes, on memory and on threads.
 *
 * REESPEC_FITS says how many fits the threads share; 8 by default.
 */
#include "kselftest_harness.h"

#include <pthread.h>
#include <string.h>

#include "allocations.h"
#include "assay/report.h"
#include "truth.h"

FIXTURE(robust)
{
	struct method *m;
	struct assay_engine *e;
	struct spectrum *s;
	struct assay_result *r;
};

FIXTURE_SETUP(robust)
{
	self->m = load_method_or_abort("ore-l");
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
	self->s = read_mca("tests/data/BST-ORE.mca");
	ASSERT_NE(NULL, self->s);
	self->r = NULL;
}

FIXTURE_TEARDOWN(robust)
{
	assay_result_free(self->r);
	spectrum_free(self->s);
	assay_engine_free(self->e);
	method_free(self->m);
}

static bool are_finite(const char *what, const double *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(v[i])) {
			fprintf(stderr, "# %s: number %zu is %g\n", what, i,
				v[i]);
			return false;
		}
	}
	return true;
}

static bool is_finite_element(const struct assay_element *e)
{
	const double v[] = { e->content, e->u,	 e->u_count, e->lc,
			     e->ld,	 e->loq, e->area,    e->u_area };

	return are_finite(e->symbol, v, ARRAY_SIZE(v));
}

/* All numbers but those that are not known by design, which are NAN. */
static bool is_finite_result(const struct assay_result *r)
{
	const double whole[] = {
		r->chi2,	   r->last_change,    r->gain_kev,
		r->offset_kev,	   r->u_gain_kev,     r->u_offset_kev,
		r->noise_fwhm_kev, r->fwhm_mn_kev,    r->escape_factor,
		r->scale,	   r->u_scale,	      r->oxide_sum,
		r->balance,	   r->balance_mix,    r->areal_g_cm2,
		r->th_bq_g,	   r->u_bq_g,	      r->u_th_bq_g,
		r->u_u_bq_g,	   r->sum_bq_g,	      r->u_sum_bq_g,
		r->p_above_1bq_g,  r->p_above_10bq_g, r->total_counts,
	};

	for (size_t i = 0; i < r->n_elements; i++) {
		if (!is_finite_element(&r->element[i]))
			return false;
	}
	for (size_t i = 0; i < ASSAY_N_SUMS; i++) {
		if (!isfinite(r->sum[i].content) || !isfinite(r->sum[i].u))
			return false;
	}
	/* Not known where the tube's peaks are not found. */
	if (isinf(r->compton_rayleigh))
		return false;
	return are_finite("whole", whole, ARRAY_SIZE(whole)) &&
	       are_finite("covariance", r->cov,
			  r->n_elements * r->n_elements) &&
	       are_finite("model", r->model, r->n_chan) &&
	       are_finite("background", r->background, r->n_chan) &&
	       are_finite("axis", r->energy_kev, r->n_chan);
}

enum odd {
	ODD_ZERO,
	ODD_ONE_CHANNEL,
	ODD_ONE_COUNT,
	ODD_SATURATED,
	ODD_LEVEL,
	ODD_SHIFTED,
	ODD_SQUEEZED,
	ODD_BLUNT, /* as of a detector ten times as wide */
	ODD_TRUNCATED_ABOVE,
	ODD_TRUNCATED_BELOW,
	ODD_TURNED,
	ODD_BILLION,
	ODD_SPIKES,
	ODD_NOISE,
	ODD_N,
};

static const char *const odd_names[ODD_N] = {
	"zero",		"one channel", "one count", "saturated", "level",
	"shifted",	"squeezed",    "blunt",	    "cut above", "cut below",
	"turned round", "10^9 counts", "spikes",    "noise",
};

static void make_odd(struct spectrum *s, enum odd odd, unsigned long long *seed)
{
	uint32_t was[8192];
	size_t n = s->n_chan;

	memcpy(was, s->counts, n * sizeof(*was));
	for (size_t i = 0; i < s->n_cal; i++) {
		if (odd == ODD_SHIFTED)
			s->cal[i].kev += 0.05 * 6.4;
		if (odd == ODD_SQUEEZED)
			s->cal[i].kev *= 1.05;
	}
	for (size_t k = 0; k < n; k++) {
		uint32_t *c = &s->counts[k];
		double sum = 0;

		switch (odd) {
		case ODD_ZERO:
			*c = 0;
			break;
		case ODD_ONE_CHANNEL:
			*c = k == 300 ? 1000000 : 0;
			break;
		case ODD_ONE_COUNT:
			*c = k == 300;
			break;
		case ODD_SATURATED:
			*c = UINT32_MAX;
			break;
		case ODD_LEVEL:
			*c = 1000;
			break;
		case ODD_BLUNT:
			for (size_t i = k > 30 ? k - 30 : 0;
			     i < n && i < k + 30; i++)
				sum += was[i];
			*c = (uint32_t)(sum / 60);
			break;
		case ODD_TRUNCATED_ABOVE:
			*c = k < 400 ? was[k] : 0;
			break;
		case ODD_TRUNCATED_BELOW:
			*c = k < 400 ? 0 : was[k];
			break;
		case ODD_TURNED:
			*c = was[n - 1 - k];
			break;
		case ODD_BILLION:
			*c = was[k] * 60;
			break;
		case ODD_SPIKES:
			*c = draw_uniform(seed) < 0.01 ? 4000000000u : 0;
			break;
		case ODD_NOISE:
			*c = (uint32_t)(draw_uniform(seed) * 4e9);
			break;
		default:
			break;
		}
	}
}

/* Whatever comes in, numbers come out; and none of it passes. */
TEST_F_TIMEOUT(robust, odd_spectra_give_numbers_and_are_not_accepted, 120)
{
	unsigned long long seed = 20261126;

	for (int odd = 0; odd < ODD_N; odd++) {
		struct spectrum *s = read_mca("tests/data/BST-ORE.mca");
		json_t *j;

		make_odd(s, (enum odd)odd, &seed);
		int r = assay_engine_run(self->e, s, &self->r);

		/* No counts are no spectrum, and refused in words. */
		if (odd == ODD_ZERO) {
			EXPECT_EQ(-EINVAL, r);
			EXPECT_NE(NULL,
				  strstr(assay_engine_why(self->e), "counts"));
			spectrum_free(s);
			continue;
		}
		ASSERT_EQ(0, r)
		{
			TH_LOG("%s", odd_names[odd]);
		}
		EXPECT_TRUE(is_finite_result(self->r))
		{
			TH_LOG("%s", odd_names[odd]);
		}
		if (odd != ODD_BILLION) {
			EXPECT_NE(ASSAY_ACCEPTED, self->r->verdict)
			{
				TH_LOG("%s", odd_names[odd]);
			}
		}
		j = report_json(self->r);
		EXPECT_NE(NULL, j);
		js_free(j);
		self->r = assay_result_free(self->r);
		spectrum_free(s);
	}
	/* And the next one is what it would have been without them. */
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_EQ(ASSAY_STOP_CONVERGED, self->r->stop);
}

static unsigned int allocations_of(struct assay_engine *e,
				   const struct spectrum *s, int *ret_turns)
{
	struct assay_result *r = NULL;

	n_allocations = 0;
	is_counting = true;
	if (assay_engine_run(e, s, &r) < 0)
		abort();
	is_counting = false;
	*ret_turns = r->n_iterations;
	assay_result_free(r);
	return n_allocations;
}

/* The result takes some, its turns none: many turns as many as few. */
TEST_F(robust, turns_take_no_memory)
{
	unsigned int n, first;
	int n_turns, least, most;

	allocations_of(self->e, self->s, &n_turns);
	first = allocations_of(self->e, self->s, &n_turns);
	least = most = n_turns;
	/* With other counts the turns are others. */
	for (int i = 0; i < 6; i++) {
		for (size_t k = 0; k < self->s->n_chan; k++)
			self->s->counts[k] /= 2;
		n = allocations_of(self->e, self->s, &n_turns);
		EXPECT_EQ(first, n);
		least = n_turns < least ? n_turns : least;
		most = n_turns > most ? n_turns : most;
	}
	EXPECT_LT(least, most);
	EXPECT_LT(first, 12);
}

/* Spectra drawn anew, each from its own seed. */
struct batch {
	const struct method *m;
	const struct spectrum *s;
	struct assay_result **r;
	size_t first, step, n;
};

static void *fit_batch(void *data)
{
	struct batch *b = data;
	struct assay_engine *e = NULL;

	if (assay_engine_new(b->m, &e) < 0)
		abort();
	for (size_t i = b->first; i < b->n; i += b->step) {
		struct spectrum *s = NULL;
		unsigned long long seed = 1000 + i;

		if (spectrum_new(b->s->counts, b->s->n_chan, &s) < 0)
			abort();
		s->live_s = b->s->live_s;
		s->real_s = b->s->real_s;
		s->n_cal = b->s->n_cal;
		memcpy(s->cal, b->s->cal, sizeof(s->cal));
		for (size_t k = 0; k < s->n_chan; k++)
			s->counts[k] = draw_poisson(&seed, s->counts[k]);
		if (assay_engine_run(e, s, &b->r[i]) < 0)
			abort();
		spectrum_free(s);
	}
	assay_engine_free(e);
	return NULL;
}

TEST_F_TIMEOUT(robust, fits_in_two_threads_give_the_bytes_of_one, 900)
{
	const char *env = getenv("REESPEC_FITS");
	size_t n = env ? (size_t)atol(env) : 8, n_differ = 0;
	struct assay_result **r = calloc(2 * n, sizeof(*r));
	struct batch one = { self->m, self->s, r, 0, 1, n };
	struct batch two[2] = { { self->m, self->s, r + n, 0, 2, n },
				{ self->m, self->s, r + n, 1, 2, n } };
	pthread_t t[2];

	ASSERT_NE(NULL, r);
	fit_batch(&one);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, fit_batch, &two[i]));
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	for (size_t i = 0; i < n; i++) {
		const struct assay_result *a = r[i], *b = r[n + i];
		size_t n_el = a->n_elements;

		n_differ +=
			memcmp(a->element, b->element,
			       n_el * sizeof(*a->element)) ||
			memcmp(a->cov, b->cov, n_el * n_el * sizeof(double)) ||
			memcmp(a->model, b->model, a->n_chan * sizeof(double));
	}
	EXPECT_EQ(0, n_differ);
	for (size_t i = 0; i < 2 * n; i++)
		assay_result_free(r[i]);
	free(r);
}

TEST_HARNESS_MAIN
