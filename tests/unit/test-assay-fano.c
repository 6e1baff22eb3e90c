// SPDX-License-Identifier: GPL-2.0-or-later
/* The Fano factor of the detector, as an unknown of the fit. */
#include "kselftest_harness.h"

#include <string.h>

#include "assay/report.h"
#include "assay_made.h"

/* Of the detector that measured, over what the method says. */
#define MORE 0.1
#define PRIOR 0.3
#define DRAWS 4
#define EXPOSURE 30 /* mA s */

/* 8 % of rare earths with iron in calcite. */
static const struct part ore[] = {
	{ 8, 0.45 },  { 6, 0.10 },  { 20, 0.30 }, { 26, 0.07 },
	{ 57, 0.03 }, { 58, 0.04 }, { 60, 0.01 },
};

FIXTURE(fano)
{
	struct method *m;
	struct method *other; /* of the detector that measured */
	struct made made;
	struct assay_engine *e;
	struct assay_result *r;
};

FIXTURE_SETUP(fano)
{
	self->m = load_method_or_abort("ore-l");
	self->other = load_method_or_abort("ore-l");
	self->other->detector.fano *= 1 + MORE;
	made_init(&self->made, self->other);
	self->e = NULL;
	self->r = NULL;
}

FIXTURE_TEARDOWN(fano)
{
	assay_result_free(self->r);
	assay_engine_free(self->e);
	made_deinit(&self->made);
	method_free(self->other);
	method_free(self->m);
}

static void set_up(struct _test_data_fano *self, double prior)
{
	self->e = assay_engine_free(self->e);
	self->m->fit.fano_prior = prior;
	if (assay_engine_new(self->m, &self->e) < 0)
		abort();
}

static void run(struct _test_data_fano *self, const struct spectrum *s)
{
	self->r = assay_result_free(self->r);
	if (assay_engine_run(self->e, s, &self->r) < 0)
		abort();
}

static double factor(const struct _test_data_fano *self)
{
	return self->r->fano / self->m->detector.fano;
}

static double u_factor(const struct _test_data_fano *self)
{
	return self->r->u_fano / self->m->detector.fano;
}

/* ---- the column ----------------------------------------------------------- */

static void fill(struct basis *b, const struct physics_rates *rates,
		 double fano_more, const double *x, double *ret)
{
	const struct basis_state state = { 0.0125, 0.025, 0.0613,   0,
					   0,	   0,	  fano_more };

	basis_build(b, rates, &state, x);
	memset(ret, 0, b->n * sizeof(*ret));
	for (size_t c = 0; c < b->n_elements; c++)
		for (size_t k = 0; k < b->n; k++)
			ret[k] += x[c] * b->col[c * b->n + k];
}

/*
 * Of peaks alone: that escapes and the edge of a shelf are blurred more is left
 * out, as it is of the slope with the noise. A Gauss ends at five sigmas, so that
 * single channels change by a step: all together they have to agree.
 */
TEST_F(fano, column_is_the_derivative)
{
	const struct basis_state state = { 0.0125, 0.025, 0.0613, 0, 0, 0, 0 };
	const struct physics_pellet pellet = { 1.25, 2.5 };
	struct physics_rates *rates;
	static double up[N_CHAN], down[N_CHAN];
	struct physics *p;
	struct basis *b;
	double *x, all = 0, wrong = 0;

	self->m->fit.fano_prior = PRIOR;
	self->m->fit.tail_prior = 0;
	self->m->detector.n_shape = 0;
	ASSERT_EQ(0, physics_new(self->m, &p));
	ASSERT_EQ(0, physics_rates_new(p, &rates));
	ASSERT_EQ(0, basis_new(p, 54, 1046, &state, &b));
	ASSERT_NE(0, b->fano);
	ASSERT_EQ(0, b->tail);
	memset(self->made.w, 0, sizeof(self->made.w));
	for (size_t i = 0; i < ARRAY_SIZE(ore); i++)
		self->made.w[physics_row(p, ore[i].z)] = ore[i].w;
	physics_compute(p, self->made.w, &pellet, rates);
	x = calloc(b->n_cols, sizeof(*x));
	ASSERT_NE(NULL, x);
	for (size_t c = 0; c < b->n_elements; c++)
		x[c] = 0.01 * (double)(c + 1);
	/* At the factor of the method and at another. */
	for (int i = 0; i < 2; i++) {
		const double *column = b->col + b->fano * b->n;
		double at = 0.2 * i;

		fill(b, rates, at + 1e-3, x, up);
		fill(b, rates, at - 1e-3, x, down);
		basis_build(b, rates,
			    &(struct basis_state){ 0.0125, 0.025, 0.0613, 0, 0,
						   0, at },
			    x);
		for (size_t k = 0; k < b->n; k++) {
			double by = (up[k] - down[k]) / 2e-3;

			all += by * by;
			wrong += (by - column[k]) * (by - column[k]);
		}
	}
	EXPECT_GT(all, 0);
	EXPECT_LT(sqrt(wrong / all), 5e-3)
	{
		TH_LOG("off by %g of %g", sqrt(wrong), sqrt(all));
	}
	free(x);
	basis_free(b);
	physics_rates_free(rates);
	physics_free(p);
}

/* ---- the fit -------------------------------------------------------------- */

/* Means over draws of the same counts. */
struct found {
	double chi2;
	double off; /* of the factor, in its sigmas */
	double worst;
	double u;
};

static struct found run_draws(struct _test_data_fano *self,
			      const struct spectrum *mean, double prior)
{
	unsigned long long seed = 20261127;
	struct spectrum *s = NULL;
	struct found f = { 0 };

	if (spectrum_new(mean->counts, mean->n_chan, &s) < 0)
		abort();
	s->live_s = mean->live_s;
	s->real_s = mean->real_s;
	s->n_cal = mean->n_cal;
	memcpy(s->cal, mean->cal, sizeof(s->cal));
	set_up(self, prior);
	for (int i = 0; i < DRAWS; i++) {
		double off;

		for (size_t k = 0; k < s->n_chan; k++)
			s->counts[k] = draw_poisson(&seed, mean->counts[k]);
		run(self, s);
		off = (factor(self) - 1 - MORE) / u_factor(self);
		f.chi2 += self->r->chi2 / DRAWS;
		f.off += off / DRAWS;
		f.worst = fmax(f.worst, fabs(off));
		f.u += u_factor(self) / DRAWS;
	}
	spectrum_free(s);
	return f;
}

/*
 * Counts alone weigh and the background is stiff, so that chi-square tells
 * what a width leaves that follows another root of the energy.
 */
TEST_F_TIMEOUT(fano, another_factor_is_found_within_sigma, 300)
{
	struct spectrum *mean =
		made_spectrum(&self->made, ore, ARRAY_SIZE(ore), EXPOSURE, 1);
	struct found by, without, right;
	/* Of the mean of chi-square over the draws. */
	double u = sqrt(2.0 / (1046 * DRAWS));

	self->m->fit.line_model = self->m->fit.scatter_model = 0;
	self->m->fit.spline_prior = 0.02;
	without = run_draws(self, mean, 0);
	by = run_draws(self, mean, PRIOR);
	self->m->detector.fano = self->other->detector.fano;
	right = run_draws(self, mean, 0);
	EXPECT_LT(by.worst, 3);
	EXPECT_LT(fabs(by.off), 3 / sqrt(DRAWS));
	EXPECT_LT(by.u, 0.25 * MORE);
	EXPECT_LT(fabs(by.chi2 - right.chi2), u);
	EXPECT_GT(without.chi2, right.chi2 + 3 * u);
	TH_LOG("off by %.2f sigma of %.4f, worst %.2f; chi2 %.4f, without %.4f, of the right one %.4f",
	       by.off, by.u, by.worst, by.chi2, without.chi2, right.chi2);
	spectrum_free(mean);
}

static double content(const struct assay_result *r, int z)
{
	const struct assay_element *e = r->element;

	while (e->z != z)
		e++;
	return e->content;
}

/*
 * Noise-free, against what the same engine makes of the right factor. The knots
 * of the background lie in widths of a line by the method, so a little of the
 * exposure differs, and with it all contents alike.
 */
TEST_F_TIMEOUT(fano, contents_are_those_of_the_right_factor, 100)
{
	static const int z[] = { 20, 26, 57, 58, 60 };
	double right[ARRAY_SIZE(z)];
	struct spectrum *s =
		made_spectrum(&self->made, ore, ARRAY_SIZE(ore), EXPOSURE, 1);
	double by_method = self->m->detector.fano;

	self->m->detector.fano = self->other->detector.fano;
	set_up(self, 0);
	run(self, s);
	for (size_t i = 0; i < ARRAY_SIZE(z); i++)
		right[i] = content(self->r, z[i]);
	self->m->detector.fano = by_method;
	set_up(self, PRIOR);
	run(self, s);
	for (size_t i = 0; i < ARRAY_SIZE(z); i++) {
		double off = content(self->r, z[i]) / right[i] - 1;

		EXPECT_LT(fabs(off), 3e-3)
		{
			TH_LOG("Z %d is off by %.3f %%", z[i], 100 * off);
		}
	}
	/* It hangs together with the noise, and the result says so. */
	EXPECT_LT(self->r->fano_noise, -0.5);
	EXPECT_GT(self->r->fano_noise, -1);
	EXPECT_GT(self->r->u_noise_fwhm_kev, 0);
	spectrum_free(s);
}

TEST_F_TIMEOUT(fano, prior_holds_it_where_counts_say_little, 100)
{
	struct spectrum *s =
		made_spectrum(&self->made, ore, ARRAY_SIZE(ore), 8, 1);

	set_up(self, 1e-4);
	run(self, s);
	EXPECT_LT(fabs(factor(self) - 1), 1e-3);
	EXPECT_LT(u_factor(self), 1.01e-4);
	spectrum_free(s);
}

TEST_F_TIMEOUT(fano, refit_of_more_counts_tells_it_too, 100)
{
	struct spectrum *s =
		made_spectrum(&self->made, ore, ARRAY_SIZE(ore), 8, 1);
	enum assay_follow how;

	set_up(self, PRIOR);
	ASSERT_EQ(0, assay_engine_follow(self->e, s, &self->r, &how));
	for (size_t k = 0; k < s->n_chan; k++)
		s->counts[k] *= 2;
	s->live_s *= 2;
	s->real_s *= 2;
	ASSERT_EQ(0, assay_engine_follow(self->e, s, &self->r, &how));
	EXPECT_EQ(ASSAY_REFITTED, how);
	EXPECT_LT(fabs(factor(self) - 1 - MORE), 2 * u_factor(self));
	spectrum_free(s);
}

/* With the tails as an unknown, too, each keeps its column. */
TEST_F_TIMEOUT(fano, goes_along_with_the_tails, 100)
{
	struct spectrum *s =
		made_spectrum(&self->made, ore, ARRAY_SIZE(ore), EXPOSURE, 1);

	self->m->fit.tail_prior = PRIOR;
	set_up(self, PRIOR);
	run(self, s);
	EXPECT_LT(fabs(factor(self) - 1 - MORE), u_factor(self));
	EXPECT_LT(fabs(self->r->tail_factor - 1), self->r->u_tail_factor);
	spectrum_free(s);
}

TEST_F_TIMEOUT(fano, without_the_key_there_is_no_such_unknown, 100)
{
	struct spectrum *s =
		made_spectrum(&self->made, ore, ARRAY_SIZE(ore), 8, 1);
	json_t *report;
	const json_t *fit;
	int n;

	set_up(self, 0);
	run(self, s);
	n = self->r->n_parameters;
	EXPECT_TRUE(isnan(self->r->fano));
	report = report_json(self->r);
	EXPECT_EQ(NULL, js_get(js_get(report, "fit"), "fano"));
	js_free(report);
	set_up(self, PRIOR);
	run(self, s);
	EXPECT_EQ(n + 1, self->r->n_parameters);
	report = report_json(self->r);
	fit = js_get(report, "fit");
	EXPECT_EQ(self->r->fano, js_number(fit, "fano"));
	EXPECT_GT(js_number(fit, "u_fano"), 0);
	EXPECT_GT(js_number(fit, "u_noise_fwhm_ev"), 0);
	EXPECT_EQ(1e3 * self->r->noise_fwhm_kev,
		  js_number(fit, "noise_fwhm_ev"));
	EXPECT_EQ(self->r->fano_noise,
		  js_number(fit, "fano_noise_correlation"));
	js_free(report);
	spectrum_free(s);
}

TEST_HARNESS_MAIN
