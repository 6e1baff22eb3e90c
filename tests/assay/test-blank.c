// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * False positives on a blank: 200 Poisson redraws of the noise-free quartz.
 *
 * With no bias and a right sigma 5 % of the redraws of each rare earth lie
 * above its L_C; 200 of them give that a sigma of 1.5 %. The noise-free
 * spectrum is itself a Monte Carlo result: at 7.77 keV, under Er L-beta, it
 * holds a bump as narrow as a line, 933 counts or 1.35 % of the continuum,
 * that no other material of the set has there and no element of the blank
 * explains. One fit without noise shows what it does: with it erbium stands
 * half a sigma off zero, without it no rare earth of its neighbourhood does.
 * The redraws hold it, so erbium is not asked for 5 +- 3 %, and of the others
 * two may miss; all are printed. Sums of oxides scatter by the s0 that their L_D
 * is of, which holds what overlap does to their members together.
 */
#include "kselftest_harness.h"

#include <string.h>

#include "truth.h"

enum { N_REDRAWS = 200, N_CHAN = 2048, N_REE = 15 };

static const char *const ree[N_REE] = { "Y",  "La", "Ce", "Pr", "Nd",
					"Sm", "Eu", "Gd", "Tb", "Dy",
					"Ho", "Er", "Tm", "Yb", "Lu" };

struct tally {
	int index;
	int n_above;
	double sum;
	double square;
	double s0;
};

/* A draw, or without a seed the mean itself. */
static struct spectrum *redraw(const double *mean, unsigned long long *seed)
{
	uint32_t counts[N_CHAN];
	struct spectrum *s = NULL;

	for (int i = 0; i < N_CHAN; i++)
		counts[i] = seed ? draw_poisson(seed, mean[i])
				 : (uint32_t)lround(mean[i]);
	if (spectrum_new(counts, N_CHAN, &s) < 0)
		abort();
	s->live_s = 120;
	s->real_s = 148.8;
	s->n_cal = 2;
	s->cal[0] = (struct spectrum_cal){ 100, 2.5125 };
	s->cal[1] = (struct spectrum_cal){ 1600, 40.0125 };
	return s;
}

/* Takes a Gauss of `counts` out of the reference. */
static void take_out(double *mean, double kev, double fwhm, double counts)
{
	double sigma = fwhm / sqrt(8 * M_LN2);

	for (int i = 0; i < N_CHAN; i++) {
		double z = (0.0125 + 0.025 * i - kev) / sigma;

		mean[i] -= counts * 0.025 / (sigma * sqrt(2 * M_PI)) *
			   exp(-0.5 * z * z);
	}
}

static bool find_reference(double *ret)
{
	char folder[400];

	truth_folder("spectra/sdd-l", folder, sizeof(folder));
	if (truth_reference_read(folder, "BLK-QTZ", ret, N_CHAN) == N_CHAN)
		return true;
	printf("# no reference of BLK-QTZ in %s: set REESPEC_DATA\n", folder);
	return false;
}

static void add(struct tally *t, double content, double ld)
{
	t->n_above += content > ld / 2;
	t->sum += content / N_REDRAWS;
	t->square += content * content / N_REDRAWS;
	t->s0 += ld / 3.29 / N_REDRAWS;
}

static double scatter(const struct tally *t)
{
	return sqrt(t->square - t->sum * t->sum);
}

static void print_tally(const char *name, const struct tally *t)
{
	printf("# %-4s above L_C %5.1f %%, mean %6.2f, scatter %5.2f, stated s0 %5.2f mg/kg, bias %+.2f s0\n",
	       name, 100.0 * t->n_above / N_REDRAWS, t->sum, scatter(t), t->s0,
	       t->sum / t->s0);
}

FIXTURE(blank)
{
	struct method *m;
	struct assay_engine *e;
	struct tally tally[N_REE];
	struct tally sums[ASSAY_N_SUMS];
};

FIXTURE_SETUP(blank)
{
	self->m = load_method_or_abort("ore-l");
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
	memset(self->tally, 0, sizeof(self->tally));
	memset(self->sums, 0, sizeof(self->sums));
	for (int i = 0; i < N_REE; i++)
		self->tally[i].index = method_find(self->m, ree[i]);
}

FIXTURE_TEARDOWN(blank)
{
	assay_engine_free(self->e);
	method_free(self->m);
}

/* Content over s0 of a fit to a spectrum without noise. */
static void fit_once(struct assay_engine *e, const struct tally *tally,
		     const double *mean, double *ret)
{
	struct spectrum *s = redraw(mean, NULL);
	struct assay_result *r = NULL;

	if (assay_engine_run(e, s, &r) < 0)
		abort();
	for (int k = 0; k < N_REE; k++) {
		const struct assay_element *el = &r->element[tally[k].index];

		ret[k] = el->content / (el->lc / 1.645);
	}
	assay_result_free(r);
	spectrum_free(s);
}

TEST_F(blank, the_reference_itself_holds_no_rare_earth)
{
	static double mean[N_CHAN];
	double as_is[N_REE], without[N_REE];

	if (!find_reference(mean))
		SKIP(return, "no reference of the blank");
	fit_once(self->e, self->tally, mean, as_is);
	take_out(mean, 7.77, 0.17, 933);
	fit_once(self->e, self->tally, mean, without);
	for (int k = 0; k < N_REE; k++) {
		bool is_er = !strcmp(ree[k], "Er");

		printf("# %-2s without noise %+.2f s0, less the bump at 7.77 keV %+.2f s0\n",
		       ree[k], as_is[k], without[k]);
		EXPECT_LT(fabs(as_is[k]), is_er ? 0.6 : 0.35);
		EXPECT_LT(fabs(without[k]), 0.35);
	}
	fflush(stdout);
}

TEST_F_TIMEOUT(blank, rare_earths_stay_below_their_limit, 300)
{
	unsigned long long seed = 200;
	static double mean[N_CHAN];
	char names[ASSAY_N_SUMS][8];
	int n_all = 0, n_missed = 0;

	if (!find_reference(mean))
		SKIP(return, "no reference of the blank");
	for (int i = 0; i < N_REDRAWS; i++) {
		struct spectrum *s = redraw(mean, &seed);
		struct assay_result *r = NULL;

		ASSERT_EQ(0, assay_engine_run(self->e, s, &r));
		for (int k = 0; k < N_REE; k++) {
			const struct assay_element *el =
				&r->element[self->tally[k].index];

			add(&self->tally[k], el->content, el->ld);
		}
		for (int k = 0; k < ASSAY_N_SUMS; k++) {
			snprintf(names[k], sizeof(names[k]), "%s",
				 r->sum[k].name);
			add(&self->sums[k], r->sum[k].content, r->sum[k].ld);
		}
		assay_result_free(r);
		spectrum_free(s);
	}
	for (int k = 0; k < N_REE; k++) {
		struct tally *t = &self->tally[k];
		double rate = 100.0 * t->n_above / N_REDRAWS;
		double bias = t->sum / t->s0;

		print_tally(ree[k], t);
		n_all += t->n_above;
		EXPECT_GT(scatter(t) / t->s0, 0.85);
		EXPECT_LT(scatter(t) / t->s0, 1.15);
		EXPECT_LT(fabs(bias), 0.6);
		if (strcmp(ree[k], "Er"))
			n_missed += rate < 2 || rate > 8;
	}
	for (int k = 0; k < ASSAY_N_SUMS; k++) {
		const struct tally *t = &self->sums[k];

		print_tally(names[k], t);
		EXPECT_GT(scatter(t) / t->s0, 0.85);
		EXPECT_LT(scatter(t) / t->s0, 1.15);
	}
	printf("# outside 5 +- 3 %%, erbium apart: %d of %d\n", n_missed,
	       N_REE - 1);
	printf("# pooled %.1f %%\n", 100.0 * n_all / (N_REDRAWS * N_REE));
	fflush(stdout);
	EXPECT_LE(n_missed, 2);
	EXPECT_LE(100.0 * n_all / (N_REDRAWS * N_REE), 8);
	EXPECT_GE(100.0 * n_all / (N_REDRAWS * N_REE), 2);
}

TEST_HARNESS_MAIN
