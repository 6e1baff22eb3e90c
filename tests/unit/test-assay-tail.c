// SPDX-License-Identifier: GPL-2.0-or-later
/* The factor of all tails of the response, as an unknown of the fit. */
#include "kselftest_harness.h"

#include <string.h>

#include "assay/report.h"
#include "assay_made.h"

/* Of the detector that measured, over what the method's table says. */
#define MORE 0.2
#define PRIOR 0.3
#define DRAWS 4
#define EXPOSURE 30 /* mA s */

/* 8 % of rare earths with iron in calcite. */
static const struct part ore[] = {
	{ 8, 0.45 },  { 6, 0.10 },  { 20, 0.30 }, { 26, 0.07 },
	{ 57, 0.03 }, { 58, 0.04 }, { 60, 0.01 },
};

FIXTURE(tail)
{
	struct method *m;
	struct method *other; /* of the detector that measured */
	struct made made;
	struct assay_engine *e;
	struct assay_result *r;
};

FIXTURE_SETUP(tail)
{
	self->m = load_method_or_abort("ore-l");
	self->other = load_method_or_abort("ore-l");
	for (size_t i = 0; i < self->m->detector.n_shape; i++)
		self->other->detector.tail[i] *= 1 + MORE;
	made_init(&self->made, self->other);
	self->e = NULL;
	self->r = NULL;
}

FIXTURE_TEARDOWN(tail)
{
	assay_result_free(self->r);
	assay_engine_free(self->e);
	made_deinit(&self->made);
	method_free(self->other);
	method_free(self->m);
}

static void set_up(struct _test_data_tail *self, double prior)
{
	self->e = assay_engine_free(self->e);
	self->m->fit.tail_prior = prior;
	if (assay_engine_new(self->m, &self->e) < 0)
		abort();
}

static void run(struct _test_data_tail *self, const struct spectrum *s)
{
	self->r = assay_result_free(self->r);
	if (assay_engine_run(self->e, s, &self->r) < 0)
		abort();
}

/* ---- the column ----------------------------------------------------------- */

/* What the elements make of a composition, all with one amplitude. */
static void fill(struct basis *b, const struct physics_rates *rates,
		 double tail_more, const double *x, double *ret)
{
	const struct basis_state state = { 0.0125, 0.025,     0.0613, 1,
					   0,	   tail_more, 0 };

	basis_build(b, rates, &state, x);
	memset(ret, 0, b->n * sizeof(*ret));
	for (size_t c = 0; c < b->n_elements; c++)
		for (size_t k = 0; k < b->n; k++)
			ret[k] += x[c] * b->col[c * b->n + k];
}

TEST_F(tail, column_is_the_derivative_and_keeps_the_area)
{
	const struct basis_state state = { 0.0125, 0.025, 0.0613, 1, 0, 0, 0 };
	const struct physics_pellet pellet = { 1.25, 2.5 };
	struct physics_rates *rates;
	static double up[N_CHAN], down[N_CHAN];
	struct physics *p;
	struct basis *b;
	double *x, largest = 0, wrong = 0;

	self->m->fit.tail_prior = PRIOR;
	ASSERT_EQ(0, physics_new(self->m, &p));
	ASSERT_EQ(0, physics_rates_new(p, &rates));
	ASSERT_EQ(0, basis_new(p, 54, 1046, &state, &b));
	ASSERT_NE(0, b->tail);
	memset(self->made.w, 0, sizeof(self->made.w));
	for (size_t i = 0; i < ARRAY_SIZE(ore); i++)
		self->made.w[physics_row(p, ore[i].z)] = ore[i].w;
	physics_compute(p, self->made.w, &pellet, rates);
	x = calloc(b->n_cols, sizeof(*x));
	ASSERT_NE(NULL, x);
	for (size_t c = 0; c < b->n_elements; c++)
		x[c] = 0.01 * (double)(c + 1);
	/* At the factor of the table and at another. */
	for (int i = 0; i < 2; i++) {
		const double *column = b->col + b->tail * b->n;
		double at = 0.4 * i;

		fill(b, rates, at + 1e-4, x, up);
		fill(b, rates, at - 1e-4, x, down);
		basis_build(b, rates,
			    &(struct basis_state){ 0.0125, 0.025, 0.0613, 1, 0,
						   at, 0 },
			    x);
		for (size_t k = 0; k < b->n; k++) {
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

static struct found run_draws(struct _test_data_tail *self,
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
		off = (self->r->tail_factor - 1 - MORE) /
		      self->r->u_tail_factor;
		f.chi2 += self->r->chi2 / DRAWS;
		f.off += off / DRAWS;
		f.worst = fmax(f.worst, fabs(off));
		f.u += self->r->u_tail_factor / DRAWS;
	}
	spectrum_free(s);
	return f;
}

/*
 * Counts alone weigh and the background is stiff, so that chi-square tells
 * what tails leave.
 */
TEST_F_TIMEOUT(tail, longer_tails_are_found_within_sigma, 200)
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
	for (size_t i = 0; i < self->m->detector.n_shape; i++)
		self->m->detector.tail[i] = self->other->detector.tail[i];
	right = run_draws(self, mean, 0);
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

static double content(const struct assay_result *r, int z)
{
	const struct assay_element *e = r->element;

	while (e->z != z)
		e++;
	return e->content;
}

/* Noise-free, against what the same engine makes of tails that are right. */
TEST_F(tail, contents_are_those_of_tails_that_are_right)
{
	static const int z[] = { 20, 26, 57, 58, 60 };
	double right[ARRAY_SIZE(z)];
	struct spectrum *s;
	size_t n = self->m->detector.n_shape;

	for (size_t i = 0; i < n; i++)
		self->other->detector.tail[i] = self->m->detector.tail[i];
	s = made_spectrum(&self->made, ore, ARRAY_SIZE(ore), EXPOSURE, 1);
	set_up(self, 0);
	run(self, s);
	for (size_t i = 0; i < ARRAY_SIZE(z); i++)
		right[i] = content(self->r, z[i]);
	spectrum_free(s);
	for (size_t i = 0; i < n; i++)
		self->other->detector.tail[i] *= 1 + MORE;
	s = made_spectrum(&self->made, ore, ARRAY_SIZE(ore), EXPOSURE, 1);
	set_up(self, PRIOR);
	run(self, s);
	for (size_t i = 0; i < ARRAY_SIZE(z); i++) {
		double off = content(self->r, z[i]) / right[i] - 1;

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

	for (size_t i = 0; i < self->m->detector.n_shape; i++)
		self->other->detector.tail[i] = self->m->detector.tail[i];
	s = made_spectrum(&self->made, ore, ARRAY_SIZE(ore), 8, 1);
	set_up(self, PRIOR);
	run(self, s);
	EXPECT_EQ(ASSAY_STOP_CONVERGED, self->r->stop);
	EXPECT_LT(fabs(self->r->tail_factor - 1), self->r->u_tail_factor);
	spectrum_free(s);
}

TEST_F(tail, prior_holds_it_where_counts_say_little)
{
	struct spectrum *s =
		made_spectrum(&self->made, ore, ARRAY_SIZE(ore), 8, 1);

	set_up(self, 1e-4);
	run(self, s);
	EXPECT_LT(fabs(self->r->tail_factor - 1), 1e-3);
	EXPECT_LT(self->r->u_tail_factor, 1.01e-4);
	spectrum_free(s);
}

TEST_F(tail, refit_of_more_counts_tells_it_too)
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
	EXPECT_LT(fabs(self->r->tail_factor - 1 - MORE),
		  2 * self->r->u_tail_factor);
	spectrum_free(s);
}

TEST_F(tail, without_the_key_there_is_no_such_unknown)
{
	struct spectrum *s =
		made_spectrum(&self->made, ore, ARRAY_SIZE(ore), 8, 1);
	json_t *report;
	double factor;
	int n;

	set_up(self, 0);
	run(self, s);
	n = self->r->n_parameters;
	EXPECT_TRUE(isnan(self->r->tail_factor));
	report = report_json(self->r);
	EXPECT_EQ(NULL, js_get(js_get(report, "fit"), "tail_factor"));
	js_free(report);
	set_up(self, PRIOR);
	run(self, s);
	EXPECT_EQ(n + 1, self->r->n_parameters);
	report = report_json(self->r);
	ASSERT_EQ(0,
		  js_get_real(js_get(report, "fit"), "tail_factor", &factor));
	EXPECT_EQ(self->r->tail_factor, factor);
	EXPECT_GT(js_number(js_get(report, "fit"), "u_tail_factor"), 0);
	js_free(report);
	spectrum_free(s);
}

TEST_HARNESS_MAIN
