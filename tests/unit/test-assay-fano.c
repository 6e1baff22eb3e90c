// SPDX-License-Identifier: GPL-2.0-or-later
/* The Fano factor of the detector, as an unknown of the fit. */
#include "kselftest_harness.h"

#include "assay/report.h"
#include "assay_factor.h"

/* Of the detector that measured, over what the method says. */
#define MORE 0.1
#define PRIOR 0.3

FIXTURE(fano)
{
	struct factor f;
};

FIXTURE_SETUP(fano)
{
	factor_init(&self->f);
	self->f.other->detector.fano *= 1 + MORE;
	factor_made(&self->f);
}

FIXTURE_TEARDOWN(fano)
{
	factor_deinit(&self->f);
}

static void set_up(struct factor *f, double prior)
{
	f->m->fit.fano_prior = prior;
	factor_set_up(f);
}

static double factor(const struct factor *f)
{
	return f->r->fano / f->m->detector.fano;
}

static double u_factor(const struct factor *f)
{
	return f->r->u_fano / f->m->detector.fano;
}

static double off(const struct factor *f, double *ret_u)
{
	*ret_u = u_factor(f);
	return factor(f) - 1 - MORE;
}

/* ---- the column ----------------------------------------------------------- */

/*
 * Of peaks alone: that escapes and the edge of a shelf are blurred more is left
 * out, as it is of the slope with the noise. A Gauss ends at five sigmas, so that
 * single channels change by a step: all together they have to agree.
 */
TEST_F(fano, column_is_the_derivative)
{
	struct basis_state state = { 0.0125, 0.025, 0.0613, 0, 0, 0, 0 };
	static double up[N_CHAN], down[N_CHAN];
	double all = 0, wrong = 0;
	struct column c;

	self->f.m->fit.fano_prior = PRIOR;
	self->f.m->fit.tail_prior = 0;
	self->f.m->detector.n_shape = 0;
	column_init(&c, &self->f, &state);
	ASSERT_NE(0, c.b->fano);
	ASSERT_EQ(0, c.b->tail);
	/* At the factor of the method and at another. */
	for (int i = 0; i < 2; i++) {
		const double *column = c.b->col + c.b->fano * c.b->n;
		double at = 0.2 * i;

		state.fano_more = at + 1e-3;
		column_fill(&c, &state, up);
		state.fano_more = at - 1e-3;
		column_fill(&c, &state, down);
		state.fano_more = at;
		basis_build(c.b, c.rates, &state, c.x);
		for (size_t k = 0; k < c.b->n; k++) {
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
	column_deinit(&c);
}

/* ---- the fit -------------------------------------------------------------- */

/*
 * Counts alone weigh and the background is stiff, so that chi-square tells
 * what a width leaves that follows another root of the energy.
 */
TEST_F_TIMEOUT(fano, another_factor_is_found_within_sigma, 300)
{
	struct spectrum *mean = factor_spectrum(&self->f, EXPOSURE);
	struct found by, without, right;
	/* Of the mean of chi-square over the draws. */
	double u = sqrt(2.0 / (1046 * DRAWS));

	self->f.m->fit.line_model = self->f.m->fit.scatter_model = 0;
	self->f.m->fit.spline_prior = 0.02;
	self->f.m->fit.fano_prior = 0;
	without = factor_draws(&self->f, mean, off);
	self->f.m->fit.fano_prior = PRIOR;
	by = factor_draws(&self->f, mean, off);
	self->f.m->detector.fano = self->f.other->detector.fano;
	self->f.m->fit.fano_prior = 0;
	right = factor_draws(&self->f, mean, off);
	EXPECT_LT(by.worst, 3);
	EXPECT_LT(fabs(by.off), 3 / sqrt(DRAWS));
	EXPECT_LT(by.u, 0.25 * MORE);
	EXPECT_LT(fabs(by.chi2 - right.chi2), u);
	EXPECT_GT(without.chi2, right.chi2 + 3 * u);
	TH_LOG("off by %.2f sigma of %.4f, worst %.2f; chi2 %.4f, without %.4f, of the right one %.4f",
	       by.off, by.u, by.worst, by.chi2, without.chi2, right.chi2);
	spectrum_free(mean);
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
	struct spectrum *s = factor_spectrum(&self->f, EXPOSURE);
	double by_method = self->f.m->detector.fano;

	self->f.m->detector.fano = self->f.other->detector.fano;
	set_up(&self->f, 0);
	factor_run(&self->f, s);
	for (size_t i = 0; i < ARRAY_SIZE(z); i++)
		right[i] = factor_content(&self->f, z[i]);
	self->f.m->detector.fano = by_method;
	set_up(&self->f, PRIOR);
	factor_run(&self->f, s);
	for (size_t i = 0; i < ARRAY_SIZE(z); i++) {
		double off = factor_content(&self->f, z[i]) / right[i] - 1;

		EXPECT_LT(fabs(off), 3e-3)
		{
			TH_LOG("Z %d is off by %.3f %%", z[i], 100 * off);
		}
	}
	/* It hangs together with the noise, and the result says so. */
	EXPECT_LT(self->f.r->fano_noise, -0.5);
	EXPECT_GT(self->f.r->fano_noise, -1);
	EXPECT_GT(self->f.r->u_noise_fwhm_kev, 0);
	spectrum_free(s);
}

TEST_F_TIMEOUT(fano, prior_holds_it_where_counts_say_little, 100)
{
	struct spectrum *s = factor_spectrum(&self->f, 8);

	set_up(&self->f, 1e-4);
	factor_run(&self->f, s);
	EXPECT_LT(fabs(factor(&self->f) - 1), 1e-3);
	EXPECT_LT(u_factor(&self->f), 1.01e-4);
	spectrum_free(s);
}

TEST_F_TIMEOUT(fano, refit_of_more_counts_tells_it_too, 100)
{
	struct spectrum *s = factor_spectrum(&self->f, 8);

	set_up(&self->f, PRIOR);
	EXPECT_EQ(ASSAY_REFITTED, factor_follow(&self->f, s));
	EXPECT_LT(fabs(factor(&self->f) - 1 - MORE), 2 * u_factor(&self->f));
	spectrum_free(s);
}

/* With the tails as an unknown, too, each keeps its column. */
TEST_F_TIMEOUT(fano, goes_along_with_the_tails, 100)
{
	struct spectrum *s = factor_spectrum(&self->f, EXPOSURE);

	self->f.m->fit.tail_prior = PRIOR;
	set_up(&self->f, PRIOR);
	factor_run(&self->f, s);
	EXPECT_LT(fabs(factor(&self->f) - 1 - MORE), u_factor(&self->f));
	EXPECT_LT(fabs(self->f.r->tail_factor - 1), self->f.r->u_tail_factor);
	spectrum_free(s);
}

TEST_F_TIMEOUT(fano, without_the_key_there_is_no_such_unknown, 100)
{
	struct spectrum *s = factor_spectrum(&self->f, 8);
	json_t *report;
	const json_t *fit;
	int n;

	set_up(&self->f, 0);
	factor_run(&self->f, s);
	n = self->f.r->n_parameters;
	EXPECT_TRUE(isnan(self->f.r->fano));
	report = report_json(self->f.r);
	EXPECT_EQ(NULL, js_get(js_get(report, "fit"), "fano"));
	js_free(report);
	set_up(&self->f, PRIOR);
	factor_run(&self->f, s);
	EXPECT_EQ(n + 1, self->f.r->n_parameters);
	report = report_json(self->f.r);
	fit = js_get(report, "fit");
	EXPECT_EQ(self->f.r->fano, js_number(fit, "fano"));
	EXPECT_GT(js_number(fit, "u_fano"), 0);
	EXPECT_GT(js_number(fit, "u_noise_fwhm_ev"), 0);
	EXPECT_EQ(1e3 * self->f.r->noise_fwhm_kev,
		  js_number(fit, "noise_fwhm_ev"));
	EXPECT_EQ(self->f.r->fano_noise,
		  js_number(fit, "fano_noise_correlation"));
	js_free(report);
	spectrum_free(s);
}

TEST_HARNESS_MAIN
