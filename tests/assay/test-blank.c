// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * False positives on a blank: 200 Poisson redraws of the noise-free quartz.
 *
 * With no bias and a right sigma 5 % of the redraws of each rare earth lie
 * above its L_C; 200 of them give that a sigma of 1.5 %, so 5 +- 3 % is a
 * bound of two sigma. The noise-free spectrum is itself a Monte Carlo result
 * with features as narrow as a line: 0.4 % of the continuum at 5.70 keV, 0.9 %
 * at 7.79 and 2.2 % at 10.80, where the blank has no line and other materials
 * of the set have nothing. They are a bias that no redraw averages, so the
 * bias of each element is printed with it, and the bound of 5 +- 3 % is asked
 * of the pooled rate and, of an element, where its bias is below 0.25 sigma.
 */
#include "kselftest_harness.h"

#include <string.h>

#include "../unit/assay_try.h"

enum { N_REDRAWS = 200, N_CHAN = 2048, N_REE = 15 };

static const char *const ree[N_REE] = { "Y",  "La", "Ce", "Pr", "Nd",
					"Sm", "Eu", "Gd", "Tb", "Dy",
					"Ho", "Er", "Tm", "Yb", "Lu" };

struct tally {
	int index;
	int n_above;
	double sum;
	double square;
	double u;
	double s0;
};

static bool read_reference(const char *path, double *ret)
{
	char line[256];
	double kev, counts;
	int chan, n = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%d,%lf,%lf", &chan, &kev, &counts) == 3 &&
		    chan == n && n < N_CHAN)
			ret[n++] = counts;
	}
	fclose(f);
	return n == N_CHAN;
}

static struct spectrum *redraw(const double *mean, unsigned long long *seed)
{
	uint32_t counts[N_CHAN];
	struct spectrum *s = NULL;

	for (int i = 0; i < N_CHAN; i++)
		counts[i] = draw_poisson(seed, mean[i]);
	if (spectrum_new(counts, N_CHAN, &s) < 0)
		abort();
	s->live_s = 120;
	s->real_s = 148.8;
	s->n_cal = 2;
	s->cal[0] = (struct spectrum_cal){ 100, 2.5125 };
	s->cal[1] = (struct spectrum_cal){ 1600, 40.0125 };
	return s;
}

static void add(struct tally *t, const struct assay_element *e)
{
	t->n_above += e->content > e->lc;
	t->sum += e->content / N_REDRAWS;
	t->square += e->content * e->content / N_REDRAWS;
	t->u += e->u_count / N_REDRAWS;
	t->s0 += e->lc / 1.645 / N_REDRAWS;
}

FIXTURE(blank)
{
	struct method *m;
	struct assay_engine *e;
	struct tally tally[N_REE];
};

FIXTURE_SETUP(blank)
{
	self->m = load_method_or_abort("ore-l");
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
	memset(self->tally, 0, sizeof(self->tally));
	for (int i = 0; i < N_REE; i++)
		self->tally[i].index = method_find(self->m, ree[i]);
}

FIXTURE_TEARDOWN(blank)
{
	assay_engine_free(self->e);
	method_free(self->m);
}

TEST_F_TIMEOUT(blank, rare_earths_stay_below_their_limit, 300)
{
	unsigned long long seed = 200;
	static double mean[N_CHAN];
	const char *data = getenv("REESPEC_DATA");
	char path[400];
	int n_all = 0;

	snprintf(path, sizeof(path),
		 "%.300s/spectra/sdd-l/reference/BLK-QTZ.csv",
		 data ? data : "../shared/data");
	if (!read_reference(path, mean))
		SKIP(return, "no %s: set REESPEC_DATA", path);
	for (int i = 0; i < N_REDRAWS; i++) {
		struct spectrum *s = redraw(mean, &seed);
		struct assay_result *r = NULL;

		ASSERT_EQ(0, assay_engine_run(self->e, s, &r));
		for (int k = 0; k < N_REE; k++)
			add(&self->tally[k], &r->element[self->tally[k].index]);
		assay_result_free(r);
		spectrum_free(s);
	}
	for (int k = 0; k < N_REE; k++) {
		struct tally *t = &self->tally[k];
		double rate = 100.0 * t->n_above / N_REDRAWS;
		double bias = t->sum / t->s0;
		double sd = sqrt(t->square - t->sum * t->sum);

		printf("# %-2s above L_C %5.1f %%, mean %6.2f, scatter %5.2f, stated s0 %5.2f mg/kg, bias %+.2f s0\n",
		       ree[k], rate, t->sum, sd, t->s0, bias);
		n_all += t->n_above;
		EXPECT_GT(sd / t->s0, 0.6);
		EXPECT_LT(sd / t->s0, 1.2);
		if (fabs(bias) < 0.25) {
			EXPECT_LE(rate, 8);
		}
	}
	printf("# pooled %.1f %%\n", 100.0 * n_all / (N_REDRAWS * N_REE));
	fflush(stdout);
	EXPECT_LE(100.0 * n_all / (N_REDRAWS * N_REE), 8);
	EXPECT_GE(100.0 * n_all / (N_REDRAWS * N_REE), 2);
}

TEST_HARNESS_MAIN
