// SPDX-License-Identifier: GPL-2.0-or-later
/* The factor of all tails of the response, as an unknown of the fit. */
#include "kselftest_harness.h"

#include "assay/report.h"
#include "assay_factor.h"

/* Of the detector that measured, over what the method's table says. */
#define MORE 0.2
#define PRIOR 0.3

FIXTURE(tail)
{
	struct factor f;
};

FIXTURE_SETUP(tail)
{
	factor_init(&self->f);
	for (size_t i = 0; i < self->f.m->detector.n_shape; i++)
		self->f.other->detector.tail[i] *= 1 + MORE;
	factor_made(&self->f);
}

FIXTURE_TEARDOWN(tail)
{
	factor_deinit(&self->f);
}

static void set_up(struct factor *f, double prior)
{
	f->m->fit.tail_prior = prior;
	factor_set_up(f);
}

static double off(const struct factor *f, double *ret_u)
{
	*ret_u = f->r->u_tail_factor;
	return f->r->tail_factor - 1 - MORE;
}

/* ---- the column ----------------------------------------------------------- */

TEST_F(tail, column_is_the_derivative_and_keeps_the_area)
{
	struct basis_state state = { 0.0125, 0.025, 0.0613, 1, 0, 0, 0 };
	static double up[N_CHAN], down[N_CHAN];
	double largest = 0, wrong = 0;
	struct column c;

	self->f.m->fit.tail_prior = PRIOR;
	column_init(&c, &self->f, &state);
	ASSERT_NE(0, c.b->tail);
	/* At the factor of the table and at another. */
	for (int i = 0; i < 2; i++) {
		const double *column = c.b->col + c.b->tail * c.b->n;
		double at = 0.4 * i;

		state.tail_more = at + 1e-4;
		column_fill(&c, &state, up);
		state.tail_more = at - 1e-4;
		column_fill(&c, &state, down);
		state.tail_more = at;
		basis_build(c.b, c.rates, &state, c.x);
		for (size_t k = 0; k < c.b->n; k++) {
			double by = (up[k] - down[k]) / 2e-4;

			largest = fmax(largest, fabs(by));
			wrong = fmax(wrong, fabs(by - column[k]));
		}
	}
	EXPECT_GT(largest, 0);
	EXPECT_LT(wrong, 1e-4 * largest)
	{
		TH_LOG("off by %g of %g", wrong, largest);
	}
	column_deinit(&c);
}

/* ---- the fit -------------------------------------------------------------- */

/*
 * Counts alone weigh and the background is stiff, so that chi-square tells
 * what tails leave.
 */
TEST_F_TIMEOUT(tail, longer_tails_are_found_within_sigma, 200)
{
	struct spectrum *mean = factor_spectrum(&self->f, EXPOSURE);
	struct found by, without, right;
	/* Of the mean of chi-square over the draws. */
	double u = sqrt(2.0 / (1046 * DRAWS));

	self->f.m->fit.line_model = self->f.m->fit.scatter_model = 0;
	self->f.m->fit.spline_prior = 0.02;
	self->f.m->fit.tail_prior = 0;
	without = factor_draws(&self->f, mean, off);
	self->f.m->fit.tail_prior = PRIOR;
	by = factor_draws(&self->f, mean, off);
	for (size_t i = 0; i < self->f.m->detector.n_shape; i++)
		self->f.m->detector.tail[i] = self->f.other->detector.tail[i];
	self->f.m->fit.tail_prior = 0;
	right = factor_draws(&self->f, mean, off);
	EXPECT_LT(by.worst, 3);
	EXPECT_LT(fabs(by.off), 3 / sqrt(DRAWS));
	EXPECT_LT(by.u, 0.25 * MORE);
	EXPECT_LT(fabs(by.chi2 - right.chi2), u);
	EXPECT_GT(without.chi2, right.chi2 + 3 * u)
	{
		TH_LOG("off by %.2f sigma of %.3f; chi2 %.4f, without %.4f, of right tails %.4f",
		       by.off, by.u, by.chi2, without.chi2, right.chi2);
	}
	spectrum_free(mean);
}

/* Noise-free, against what the same engine makes of tails that are right. */
TEST_F(tail, contents_are_those_of_tails_that_are_right)
{
	static const int z[] = { 20, 26, 57, 58, 60 };
	double right[ARRAY_SIZE(z)];
	struct spectrum *s;
	size_t n = self->f.m->detector.n_shape;

	for (size_t i = 0; i < n; i++)
		self->f.other->detector.tail[i] = self->f.m->detector.tail[i];
	s = factor_spectrum(&self->f, EXPOSURE);
	set_up(&self->f, 0);
	factor_run(&self->f, s);
	for (size_t i = 0; i < ARRAY_SIZE(z); i++)
		right[i] = factor_content(&self->f, z[i]);
	spectrum_free(s);
	for (size_t i = 0; i < n; i++)
		self->f.other->detector.tail[i] *= 1 + MORE;
	s = factor_spectrum(&self->f, EXPOSURE);
	set_up(&self->f, PRIOR);
	factor_run(&self->f, s);
	for (size_t i = 0; i < ARRAY_SIZE(z); i++) {
		double off = factor_content(&self->f, z[i]) / right[i] - 1;

		EXPECT_LT(fabs(off), 1e-3)
		{
			TH_LOG("Z %d is off by %.3f %%", z[i], 100 * off);
		}
	}
	spectrum_free(s);
}

TEST_F(tail, tails_that_are_right_stay)
{
	struct spectrum *s;

	for (size_t i = 0; i < self->f.m->detector.n_shape; i++)
		self->f.other->detector.tail[i] = self->f.m->detector.tail[i];
	s = factor_spectrum(&self->f, 8);
	set_up(&self->f, PRIOR);
	factor_run(&self->f, s);
	EXPECT_EQ(ASSAY_STOP_CONVERGED, self->f.r->stop);
	EXPECT_LT(fabs(self->f.r->tail_factor - 1), self->f.r->u_tail_factor);
	spectrum_free(s);
}

TEST_F(tail, prior_holds_it_where_counts_say_little)
{
	struct spectrum *s = factor_spectrum(&self->f, 8);

	set_up(&self->f, 1e-4);
	factor_run(&self->f, s);
	EXPECT_LT(fabs(self->f.r->tail_factor - 1), 1e-3);
	EXPECT_LT(self->f.r->u_tail_factor, 1.01e-4);
	spectrum_free(s);
}

TEST_F(tail, refit_of_more_counts_tells_it_too)
{
	struct spectrum *s = factor_spectrum(&self->f, 8);

	set_up(&self->f, PRIOR);
	EXPECT_EQ(ASSAY_REFITTED, factor_follow(&self->f, s));
	EXPECT_LT(fabs(self->f.r->tail_factor - 1 - MORE),
		  2 * self->f.r->u_tail_factor);
	spectrum_free(s);
}

TEST_F(tail, without_the_key_there_is_no_such_unknown)
{
	struct spectrum *s = factor_spectrum(&self->f, 8);
	json_t *report;
	double factor;
	int n;

	set_up(&self->f, 0);
	factor_run(&self->f, s);
	n = self->f.r->n_parameters;
	EXPECT_TRUE(isnan(self->f.r->tail_factor));
	report = report_json(self->f.r);
	EXPECT_EQ(NULL, js_get(js_get(report, "fit"), "tail_factor"));
	js_free(report);
	set_up(&self->f, PRIOR);
	factor_run(&self->f, s);
	EXPECT_EQ(n + 1, self->f.r->n_parameters);
	report = report_json(self->f.r);
	ASSERT_EQ(0,
		  js_get_real(js_get(report, "fit"), "tail_factor", &factor));
	EXPECT_EQ(self->f.r->tail_factor, factor);
	EXPECT_GT(js_number(js_get(report, "fit"), "u_tail_factor"), 0);
	js_free(report);
	spectrum_free(s);
}

TEST_HARNESS_MAIN
