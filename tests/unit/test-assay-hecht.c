// SPDX-License-Identifier: GPL-2.0-or-later
/* Charge that is lost in the crystal, and that a method can do without. */
#include "kselftest_harness.h"

#include <string.h>

#include <xraylib.h>

#include "assay/forecast.h"
#include "assay/outcome.h"
#include "assay_try.h"

FIXTURE(hecht)
{
	struct method *m;
	struct method_detector *d;
	struct assay_engine *e;
	struct hecht *h;
	struct spectrum *s;
	struct assay_result *r;
	double content[METHOD_MAX_ELEMENTS];
};

FIXTURE_SETUP(hecht)
{
	setenv("REESPEC_METHODS", "tests/assay/methods", 1);
	self->m = load_method_or_abort("ore-k");
	self->d = &self->m->detector;
	self->d->bias_v = 500;
	self->d->electron_mutau = 1e-3;
	self->d->hole_mutau = 1e-4;
	self->e = NULL;
	self->h = NULL;
	self->s = NULL;
	self->r = NULL;
	memset(self->content, 0, sizeof(self->content));
}

FIXTURE_TEARDOWN(hecht)
{
	assay_result_free(self->r);
	spectrum_free(self->s);
	hecht_free(self->h);
	assay_engine_free(self->e);
	method_free(self->m);
}

static const struct shape_axis axis = { 1500, 0, 10.02, 0.04 };

/* Charge that moves through the field in small steps and decays. */
static double drift(const struct method_detector *d, double depth)
{
	enum { STEPS = 20000 };
	double per_electron =
		d->crystal.cm / (d->electron_mutau * d->bias_v / d->crystal.cm);
	double per_hole =
		d->crystal.cm / (d->hole_mutau * d->bias_v / d->crystal.cm);
	double sum = 0;

	for (int i = 0; i < STEPS; i++) {
		double at = (i + 0.5) / STEPS;

		if (at > depth)
			sum += exp(-per_electron * (at - depth)) / STEPS;
		else
			sum += exp(-per_hole * (depth - at)) / STEPS;
	}
	return sum;
}

TEST_F_TIMEOUT(hecht, collected_charge_is_that_of_carriers_that_drift, 300)
{
	double best = 0;

	for (int i = 0; i <= 200; i++)
		best = fmax(best, drift(self->d, i / 200.0));
	for (double depth = 0; depth < 1.01; depth += 0.1)
		EXPECT_LT(fabs(hecht_collected(self->d, depth) -
			       drift(self->d, depth) / best),
			  2e-4);
	/* Holes from the far side lose most. */
	EXPECT_LT(hecht_collected(self->d, 1), 0.93);
	EXPECT_GT(hecht_collected(self->d, 0.02), 0.995);
}

/* The mean loss of photons of 60 keV, over depths in small steps. */
static double mean_loss(const struct method_detector *d, double kev)
{
	enum { STEPS = 20000 };
	double mu = 0, sum = 0, whole = 0;

	for (size_t i = 0; i < d->crystal.n_parts; i++)
		mu += d->crystal.w[i] *
		      CS_Total_Kissel(d->crystal.z[i], kev, NULL);
	mu *= d->crystal.areal_g_cm2;
	for (int i = 0; i < STEPS; i++) {
		double depth = (i + 0.5) / STEPS, here = exp(-mu * depth);

		whole += here;
		sum += here * (1 - hecht_collected(d, depth));
	}
	return kev * sum / whole;
}

TEST_F_TIMEOUT(hecht, counts_are_kept_and_lose_what_depths_say, 300)
{
	static const double kev[] = { 30, 45, 60, 68 };
	double counts[1500];

	ASSERT_EQ(0, hecht_new(self->d, &axis, &self->h));
	ASSERT_NE(NULL, self->h);
	for (size_t i = 0; i < ARRAY_SIZE(kev); i++) {
		size_t k = (size_t)lround((kev[i] - axis.offset_kev) /
					  axis.gain_kev);
		double at = axis.offset_kev + axis.gain_kev * (double)k;
		double sum = 0, mean = 0;

		memset(counts, 0, sizeof(counts));
		counts[k] = 1000;
		hecht_apply(self->h, counts);
		for (size_t j = 0; j < axis.n; j++) {
			EXPECT_GE(counts[j], 0);
			sum += counts[j];
			mean += counts[j] * (at - axis.offset_kev -
					     axis.gain_kev * (double)j);
			EXPECT_TRUE(j <= k || counts[j] == 0);
		}
		EXPECT_LT(fabs(sum - 1000), 1e-9);
		/* The deepest of 128 parts stands for all behind it. */
		EXPECT_LT(fabs(mean / sum / mean_loss(self->d, at) - 1), 0.035)
		{
			TH_LOG("%g keV: %g, %g", at, mean / sum,
			       mean_loss(self->d, at));
		}
	}
}

TEST_F_TIMEOUT(hecht, good_transport_leaves_counts_where_they_are, 300)
{
	double counts[1500] = { 0 };

	self->d->electron_mutau = self->d->hole_mutau = 10;
	ASSERT_EQ(0, hecht_new(self->d, &axis, &self->h));
	counts[1200] = 1;
	hecht_apply(self->h, counts);
	EXPECT_GT(counts[1200], 0.999);
}

TEST_F_TIMEOUT(hecht, without_trapping_there_is_nothing_of_it, 300)
{
	self->d->bias_v = self->d->electron_mutau = self->d->hole_mutau = 0;
	ASSERT_EQ(0, hecht_new(self->d, &axis, &self->h));
	EXPECT_EQ(NULL, self->h);
}

/* An ore of lanthanum to dysprosium, exact counts. */
static void make_spectrum(FIXTURE_DATA(hecht) * self)
{
	static const struct {
		const char *symbol;
		double content;
	} ore[] = {
		{ "Ba", 0.02 },	 { "La", 0.02 },  { "Ce", 0.04 },
		{ "Pr", 0.005 }, { "Nd", 0.015 }, { "Sm", 0.003 },
		{ "Gd", 0.002 }, { "Dy", 0.001 }, { "Yb", 0.0005 },
		{ "Zr", 0.002 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ore); i++)
		self->content[method_find(self->m, ore[i].symbol)] =
			ore[i].content;
	if (assay_engine_new(self->m, &self->e) < 0 ||
	    forecast_spectrum(self->e, self->content, 60e3, 300, &self->s) < 0)
		abort();
}

static double error_in_u(FIXTURE_DATA(hecht) * self, const char *symbol)
{
	int at = method_find(self->m, symbol);
	const struct assay_element *e = &self->r->element[at];

	return (e->content - 1e6 * self->content[at]) / e->u_count;
}

TEST_F_TIMEOUT(hecht, contents_come_back_through_the_tail, 300)
{
	static const char *const judged[] = { "La", "Ce", "Pr", "Nd",
					      "Sm", "Gd", "Dy", "Yb" };

	make_spectrum(self);
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_NE(NULL, self->e->basis->hecht);
	EXPECT_EQ(ASSAY_STOP_CONVERGED, self->r->stop);
	EXPECT_LT(self->r->chi2, 0.2);
	for (size_t i = 0; i < ARRAY_SIZE(judged); i++) {
		double error = error_in_u(self, judged[i]);

		EXPECT_LT(fabs(error), 1)
		{
			TH_LOG("%s: %g", judged[i], error);
		}
	}
}

TEST_F_TIMEOUT(hecht, continuum_loses_charge_like_peaks, 300)
{
	double all[2048];
	struct basis *b;

	make_spectrum(self);
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	b = self->e->basis;
	self->h = b->hecht;
	b->hecht = NULL;
	basis_build(b, self->e->rates, &self->e->state, self->e->fit->x);
	memcpy(all, b->continuum, b->n * sizeof(*all));
	b->hecht = self->h;
	self->h = NULL;
	basis_build(b, self->e->rates, &self->e->state, self->e->fit->x);
	hecht_apply(b->hecht, all);
	EXPECT_EQ(0, memcmp(all, b->continuum, b->n * sizeof(*all)));
}

/* With the tail left out of the model it is seen, and what it does. */
TEST_F_TIMEOUT(hecht, a_tail_that_the_method_has_not_is_a_poor_fit, 300)
{
	double chi2;

	self->d->hole_mutau = 2e-5;
	make_spectrum(self);
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	chi2 = self->r->chi2;
	self->r = assay_result_free(self->r);
	self->e = assay_engine_free(self->e);
	self->d->bias_v = self->d->electron_mutau = self->d->hole_mutau = 0;
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_EQ(NULL, self->e->basis->hecht);
	TH_LOG("chi2 %g with the tail, %g without", chi2, self->r->chi2);
	EXPECT_LT(chi2, 0.1);
	EXPECT_GT(self->r->chi2, 5);
	EXPECT_NE(0, self->r->flags & ASSAY_POOR_FIT);
}

TEST_HARNESS_MAIN
