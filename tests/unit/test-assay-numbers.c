// SPDX-License-Identifier: GPL-2.0-or-later
/* Linear algebra, response, physics and limits against known answers. */
#include "kselftest_harness.h"

#include <string.h>

#include "assay/fit.h"
#include "assay/ladder.h"
#include "assay/limits.h"
#include "assay/linalg.h"
#include "assay/physics.h"
#include "assay/shape.h"
#include "assay/transport.h"
#include "assay_try.h"

#define EXPECT_NEAR(want, got, tolerance)                               \
	do {                                                            \
		EXPECT_LE(fabs((want) - (got)), (tolerance))            \
		{                                                       \
			TH_LOG("wanted %.8g, got %.8g", (double)(want), \
			       (double)(got));                          \
		}                                                       \
	} while (0)

TEST(cholesky_solves_a_known_system)
{
	double m[9] = { 4, 0, 0, 2, 5, 0, 2, 3, 6 }, keep[9], ridge;
	double x[3] = { 8, 10, 11 };

	ASSERT_EQ(0, linalg_init());
	ASSERT_EQ(0, linalg_factor(m, 3, 0, keep, &ridge));
	EXPECT_NEAR(0, ridge, 0);
	EXPECT_NEAR(2, m[0], 1e-12);
	EXPECT_NEAR(1, m[3], 1e-12);
	EXPECT_NEAR(2, m[4], 1e-12);
	ASSERT_EQ(0, linalg_solve(m, 3, x));
	EXPECT_NEAR(1, x[0], 1e-12);
	EXPECT_NEAR(1, x[1], 1e-12);
	EXPECT_NEAR(1, x[2], 1e-12);
}

TEST(inverse_times_matrix_is_the_identity)
{
	const double a[4] = { 2, 0.5, 0.5, 1 };
	double m[4], keep[4], ridge;

	memcpy(m, a, sizeof(m));
	ASSERT_EQ(0, linalg_init());
	ASSERT_EQ(0, linalg_factor(m, 2, 0, keep, &ridge));
	ASSERT_EQ(0, linalg_invert(m, 2));
	EXPECT_NEAR(1, m[0] * a[0] + m[1] * a[2], 1e-12);
	EXPECT_NEAR(0, m[0] * a[1] + m[1] * a[3], 1e-12);
	EXPECT_NEAR(m[1], m[2], 1e-15);
}

TEST(singular_matrix_gets_a_ridge_and_an_indefinite_one_an_error)
{
	double one[4] = { 1, 1, 1, 1 }, bad[4] = { 1, 2, 2, 1 };
	double keep[4], ridge;

	ASSERT_EQ(0, linalg_init());
	ASSERT_EQ(0, linalg_factor(one, 2, 0, keep, &ridge));
	EXPECT_GT(ridge, 0);
	EXPECT_EQ(-EDOM, linalg_factor(bad, 2, 0, keep, &ridge));
}

static const struct method_detector plain = {
	.crystal = { .z = { 14 }, .w = { 1 }, .n_parts = 1 },
	.noise_fwhm_kev = 0.06,
	.fano = 0.115,
	.pair_ev = 3.65,
};

TEST(response_keeps_the_counts)
{
	struct method_detector d = plain;
	struct shape s = { &d, 0.06, NULL, 0, 0 };
	struct shape_axis axis = { 1000, 0, 0, 0.01 };
	static double y[1000];
	struct shape_sink sink = { .counts = y, .first = 1000 };
	double sum = 0;

	d.n_shape = 2;
	d.shape_kev[0] = 1;
	d.shape_kev[1] = 10;
	d.shelf[0] = d.shelf[1] = 0.001;
	d.tail[0] = d.tail[1] = 0.005;
	d.slope[0] = d.slope[1] = 5;
	shape_add(&s, &axis, 6, 1000, 0, &sink);
	for (size_t i = 0; i < 1000; i++)
		sum += y[i];
	EXPECT_NEAR(1000, sum, 1);
	EXPECT_GT(y[300], 0);
	EXPECT_NEAR(0, y[700], 1e-9);
}

/* The formula itself, from the middle to where it is 4e-6 of the height. */
TEST(peak_is_a_gauss_in_each_channel)
{
	struct shape s = { &plain, 0.06, NULL, 0, 0 };
	struct shape_axis axis = { 1000, 0, 0.003, 0.01 };
	static double y[1000], slope[1000];
	struct shape_sink sink = { .counts = y,
				   .by_energy = slope,
				   .slope_weight = 2,
				   .first = 1000 };
	double sigma = shape_sigma(&s, 6), worst = 0, worst_slope = 0;

	sigma = hypot(sigma, 0.01 / sqrt(12));
	shape_add(&s, &axis, 6, 1000, 0, &sink);
	EXPECT_EQ(sink.first, (size_t)((6 - 5 * sigma - 0.003) / 0.01));
	for (size_t k = sink.first; k < sink.last; k++) {
		double z = (0.003 + 0.01 * (double)k - 6) / sigma;
		double want = 1000 * 0.01 / (sigma * sqrt(2 * M_PI)) *
			      exp(-0.5 * z * z);

		worst = fmax(worst, fabs(y[k] / want - 1));
		worst_slope = fmax(worst_slope,
				   fabs(slope[k] + 2 * want * z / sigma));
	}
	EXPECT_LT(worst, 1e-9);
	EXPECT_LT(worst_slope, 1e-8);
}

TEST(edge_from_the_table_is_that_of_the_function)
{
	static double step[SHAPE_STEP_POINTS], y[2][1000];
	struct method_detector d = plain;
	struct shape_axis axis = { 1000, 0, 0.003, 0.01 };

	d.n_shape = 1;
	d.shape_kev[0] = 1;
	d.shelf[0] = 0.01;
	d.tail[0] = 0.05;
	d.slope[0] = 5;
	shape_fill_step(step);
	for (int i = 0; i < 2; i++) {
		struct shape s = { &d, 0.06, i ? step : NULL, 0, 0 };
		struct shape_sink sink = { .counts = y[i], .first = 1000 };

		shape_add(&s, &axis, 6, 1e6, 0, &sink);
	}
	for (size_t k = 0; k < 1000; k++)
		EXPECT_NEAR(y[0][k], y[1][k], 1e-5 * y[0][590] + 1e-12);
}

/* The tail's end is as steep as the Gauss, as in CdTe near 50 keV. */
TEST(steep_tail_and_blur_keep_the_counts)
{
	struct method_detector d = plain;
	struct shape s = { &d, 0.5, NULL, 0, 0 };
	struct shape_axis axis = { 1500, 0, 0, 0.04 };
	static double y[1500];
	struct shape_sink sink = { .counts = y, .first = 1500 };
	double sum = 0;

	d.n_shape = 1;
	d.shape_kev[0] = 50;
	d.shelf[0] = 6e-5;
	d.tail[0] = 0.18;
	d.slope[0] = 4;
	shape_add(&s, &axis, 50, 1000, 0.5, &sink);
	for (size_t i = 0; i < 1500; i++)
		sum += y[i];
	EXPECT_NEAR(1000, sum, 1);
}

/* Slopes that rise and jump, so that some are gathered and some are not. */
TEST(gathered_tails_are_those_laid_one_by_one)
{
	struct method_detector d = plain;
	struct shape s = { &d, 0.06, NULL, 0, 0 };
	struct shape_axis axis = { 1000, 40, 1.2, 0.025 };
	static double y[2][1000], entry[1000][SHAPE_FAR_TERMS];
	struct shape_far far = { .entry = entry };
	double worst = 0;

	d.n_shape = 3;
	for (size_t i = 0; i < 3; i++) {
		d.shape_kev[i] = (double[]){ 1, 10, 20 }[i];
		d.shelf[i] = 0.001;
		d.tail[i] = 0.01;
		d.slope[i] = (double[]){ 0.9, 1, 4 }[i];
	}
	for (int i = 0; i < 2; i++) {
		struct shape_sink sink = { .counts = y[i],
					   .far = i ? &far : NULL,
					   .first = 1000 };

		for (int k = 0; k < 80; k++)
			shape_add(&s, &axis, 2 + 0.22 * k, 1e6, 0.01, &sink);
		if (i)
			shape_finish(&axis, &sink);
		EXPECT_EQ(0, sink.first);
	}
	for (size_t k = 0; k < 1000; k++) {
		worst = fmax(worst, fabs(y[1][k] - y[0][k]) / (y[0][k] + 1));
		for (size_t i = 0; i < SHAPE_FAR_TERMS; i++)
			EXPECT_EQ(0, entry[k][i]);
	}
	EXPECT_LT(worst, 1e-4);
}

/* All losses of the lines of iron by the rungs, and one by one. */
static double ladder_error(const struct physics *p, const struct shape *s)
{
	const struct shape_axis axis = { 1000, 40, 1.2, 0.025 };
	static double y[2][1000], counts[4000];
	struct shape_sink sink[2] = { { .counts = y[0] }, { .counts = y[1] } };
	struct ladder *l = NULL;
	double worst = 0, top = 0;

	if (ladder_new(p, s, &l) < 0 || l->n > 4000)
		abort();
	memset(y, 0, sizeof(y));
	memset(counts, 0, sizeof(counts));
	for (size_t i = 0; i < p->lines->n; i++) {
		double kev = p->lines->line[i].kev, width;

		if (p->m->element[p->lines->line[i].element].z != 26)
			continue;
		width = (kev - physics_loss_kev(kev, PHYSICS_N_LOSSES - 1)) /
			PHYSICS_N_LOSSES / sqrt(12);
		for (size_t k = 0; k < PHYSICS_N_LOSSES; k++) {
			const struct ladder_piece *piece =
				&l->piece[i * PHYSICS_N_LOSSES + k];

			shape_add(s, &axis, physics_loss_kev(kev, k), 1e4,
				  hypot(width, 0.01 * kev), &sink[0]);
			for (size_t m = 0; m < LADDER_SHARES; m++)
				counts[piece->rung + m] +=
					1e4 * piece->share[m];
		}
	}
	for (size_t i = 0; i < l->n; i++) {
		if (counts[i] != 0)
			shape_add(s, &axis, l->kev[i], counts[i], l->blur[i],
				  &sink[1]);
	}
	for (size_t k = 0; k < 1000; k++) {
		worst = fmax(worst, fabs(y[1][k] - y[0][k]));
		top = fmax(top, y[0][k]);
	}
	ladder_free(l);
	return worst / top;
}

TEST(rungs_carry_what_lines_lose)
{
	struct method *m = load_method_or_abort("ore-l");
	struct method_detector d = plain;
	struct shape s = { &d, 0.06, NULL, 0, 0 };
	struct physics *p = NULL;

	ASSERT_EQ(0, physics_new(m, &p));
	d.n_shape = 4;
	for (size_t i = 0; i < 4; i++) {
		d.shape_kev[i] = (double[]){ 1, 6.35, 6.351, 20 }[i];
		d.shelf[i] = 0.001;
		d.tail[i] = 0.05;
		d.slope[i] = 1;
	}
	EXPECT_LT(ladder_error(p, &s), 3e-4);
	/* In the middle of what K-alpha loses the tail ends at once. */
	d.tail[2] = d.tail[3] = d.shelf[2] = d.shelf[3] = 0;
	EXPECT_LT(ladder_error(p, &s), 3e-4);
	physics_free(p);
	method_free(m);
}

TEST(lines_fall_on_a_grid_only_when_there_is_one)
{
	struct method_detector d = plain;
	struct shape s = { &d, 0.06, NULL, 0, 0 };

	EXPECT_NEAR(6.4039, shape_line_kev(&s, 6.4039), 0);
	d.line_grid_kev = 0.1;
	EXPECT_NEAR(6.45, shape_line_kev(&s, 6.4039), 1e-12);
}

static double escape_of(const struct method_layer *crystal, double kev,
			struct physics_escape *ret_first)
{
	struct physics_escape e[PHYSICS_MAX_ESCAPES];
	double sum = 0;

	for (size_t i = physics_escapes(NULL, crystal, e); i-- > 0;)
		sum += physics_escape_fraction(crystal, &e[i], kev);
	*ret_first = e[0];
	return sum;
}

/* Fe K-alpha in silicon: 0.3 to 0.4 % in published measurements. */
TEST(silicon_escape_of_iron_is_a_third_of_a_percent)
{
	const struct method_layer si = { { 14 }, { 1 }, 1, 0.1165, 0.05 };
	struct physics_escape e;

	EXPECT_NEAR(0.0034, escape_of(&si, 6.40, &e), 0.0004);
	EXPECT_NEAR(0, escape_of(&si, 1.5, &e), 0);
	EXPECT_NEAR(1.74, e.kev, 0.005);
}

/*
 * Both elements of a compound crystal, each from its own edge on: about 14 %
 * at La and 8 % at Ho K-alpha in the simulated set. K-alpha1 and K-alpha2 of
 * cadmium (23.174 and 22.984 keV) make a peak each.
 */
TEST(both_elements_of_a_compound_crystal_escape)
{
	const struct method_layer cdte = {
		{ 48, 52 }, { 0.4683, 0.5317 }, 2, 0.585, 0.1
	};
	struct physics_escape e, each[PHYSICS_MAX_ESCAPES];

	EXPECT_NEAR(0.14, escape_of(&cdte, 33.44, &e), 0.014);
	EXPECT_NEAR(0.08, escape_of(&cdte, 47.55, &e), 0.008);
	EXPECT_GT(escape_of(&cdte, 29, &e), 0.01);
	EXPECT_NEAR(0, escape_of(&cdte, 26, &e), 0);
	ASSERT_EQ(8, physics_escapes(NULL, &cdte, each));
	EXPECT_NEAR(22.984, each[0].kev, 0.002);
	EXPECT_NEAR(23.174, each[1].kev, 0.002);
	EXPECT_NEAR(26.08, each[2].kev, 0.02);
	EXPECT_NEAR(27.202, each[4].kev, 0.002);
}

/* Factors as published with IUPAC weights, to the fourth place. */
TEST(oxide_factors_are_the_published_ones)
{
	struct method *m = load_method_or_abort("ore-l");
	static const struct {
		int z;
		double n, o, factor;
	} all[] = {
		{ 21, 2, 3, 1.5338 },  { 39, 2, 3, 1.2699 },
		{ 57, 2, 3, 1.1728 },  { 58, 1, 2, 1.2284 },
		{ 59, 6, 11, 1.2082 }, { 60, 2, 3, 1.1664 },
		{ 62, 2, 3, 1.1596 },  { 63, 2, 3, 1.1579 },
		{ 64, 2, 3, 1.1526 },  { 65, 4, 7, 1.1762 },
		{ 66, 2, 3, 1.1477 },  { 67, 2, 3, 1.1455 },
		{ 68, 2, 3, 1.1435 },  { 69, 2, 3, 1.1421 },
		{ 70, 2, 3, 1.1387 },  { 71, 2, 3, 1.1372 },
		{ 90, 1, 2, 1.1379 },  { 92, 3, 8, 1.1792 },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		EXPECT_NEAR(all[i].factor,
			    physics_oxide_factor(&m->line_data, all[i].z,
						 all[i].n, all[i].o),
			    1.5e-4);
	EXPECT_NEAR(1, physics_oxide_factor(&m->line_data, 17, 1, 0), 0);
	method_free(m);
}

TEST(limits_are_currie_s)
{
	struct assay_element e = { .content = 20 };

	limits_decide(&e, 10);
	EXPECT_NEAR(16.45, e.lc, 1e-9);
	EXPECT_NEAR(32.9, e.ld, 1e-9);
	EXPECT_NEAR(100, e.loq, 1e-9);
	EXPECT_EQ(0, e.flags & ASSAY_ELEMENT_CENSORED);
	e.content = 16;
	limits_decide(&e, 10);
	EXPECT_NE(0, e.flags & ASSAY_ELEMENT_CENSORED);
}

TEST(sums_take_the_covariance_and_count_what_is_censored)
{
	struct assay_element e[3] = {
		{ .symbol = "La", .content = 100, .oxide_factor = 1.2 },
		{ .symbol = "Ce",
		  .content = -5,
		  .oxide_factor = 1.25,
		  .flags = ASSAY_ELEMENT_CENSORED },
		{ .symbol = "Fe", .content = 1e5, .oxide_factor = 1.43 },
	};
	double cov[9] = { 4, -3, 0, -3, 9, 0, 0, 0, 1e6 };
	struct assay_result r = { .element = e, .n_elements = 3, .cov = cov };
	const struct assay_sum *treo = &r.sum[ASSAY_TREO];

	limits_name_sums(&r);
	limits_sums(&r);
	EXPECT_STREQ("TREO", treo->name);
	EXPECT_EQ(2, treo->n_members);
	EXPECT_EQ(1, treo->n_censored);
	EXPECT_NEAR(113.75, treo->content, 1e-9);
	EXPECT_NEAR(sqrt(1.44 * 4 + 1.5625 * 9 - 2 * 1.5 * 3), treo->u, 1e-9);
	EXPECT_EQ(0, r.sum[ASSAY_MREO].n_members);
	EXPECT_EQ(0, treo->member[0]);
	EXPECT_EQ(1, treo->member[1]);
}

/* Nd, Eu, Tb, Dy and Y are called critical; La is not. */
TEST(critical_oxides_have_a_sum_of_their_own)
{
	static const char *const symbols[] = {
		"Y", "La", "Nd", "Eu", "Tb", "Dy"
	};
	struct assay_element e[6] = { 0 };
	double cov[36] = { 0 };
	struct assay_result r = { .element = e, .n_elements = 6, .cov = cov };

	for (size_t i = 0; i < 6; i++) {
		strcpy(e[i].symbol, symbols[i]);
		e[i].content = 10;
		e[i].oxide_factor = 1.1;
		cov[i * 7] = 1;
	}
	limits_name_sums(&r);
	limits_sums(&r);
	EXPECT_STREQ("CREO", r.sum[ASSAY_CREO].name);
	EXPECT_EQ(5, r.sum[ASSAY_CREO].n_members);
	EXPECT_NEAR(55, r.sum[ASSAY_CREO].content, 1e-9);
	EXPECT_NEAR(1.1 * sqrt(5), r.sum[ASSAY_CREO].u, 1e-9);
}

TEST(correlation_is_told_where_counts_make_u)
{
	struct assay_element e[2] = { { .u = 2, .u_count = 1.9 },
				      { .u = 5, .u_count = 4 } };
	double cov[4] = { 4, -7, -7, 25 };
	struct assay_result r = { .element = e, .n_elements = 2, .cov = cov };

	EXPECT_NEAR(-0.7, limits_correlation(&r, 0, 1), 1e-12);
	EXPECT_NEAR(-0.7, limits_correlation(&r, 1, 0), 1e-12);
	/* The rest is exposure and line data. */
	e[1].u_count = 3;
	EXPECT_NEAR(0, limits_correlation(&r, 0, 1), 0);
	e[1].u = 0;
	EXPECT_NEAR(0, limits_correlation(&r, 0, 1), 0);
}

TEST(activity_follows_from_thorium_and_uranium)
{
	struct assay_element e[2] = {
		{ .symbol = "Th", .content = 246, .u = 24.6 },
		{ .symbol = "U", .content = 81, .u = 8.1 },
	};
	double cov[4] = { 24.6 * 24.6, 0, 0, 8.1 * 8.1 };
	struct assay_result r = { .element = e, .n_elements = 2, .cov = cov };

	limits_activity(&r);
	EXPECT_NEAR(1, r.th_bq_g, 1e-9);
	EXPECT_NEAR(1, r.u_bq_g, 1e-9);
	EXPECT_NEAR(0.1, r.u_th_bq_g, 1e-9);
	EXPECT_GT(r.p_above_1bq_g, 0.999);
	EXPECT_LT(r.p_above_10bq_g, 1e-6);
	EXPECT_NEAR(2, r.sum_bq_g, 1e-9);
	EXPECT_NEAR(sqrt(0.02), r.u_sum_bq_g, 1e-9);
	EXPECT_NEAR(0.5, limits_above(2, 1, 2), 1e-12);
}

/* Bq/g of one mg/kg: ln2 N_A / (T M), year of 365.25 days. */
TEST(activity_agrees_with_the_half_lives)
{
	const double year_s = 365.25 * 86400, n_a = 6.02214076e23;
	struct assay_element e[2] = { { .symbol = "Th", .content = 1000 },
				      { .symbol = "U", .content = 1000 } };
	double cov[4] = { 0 };
	struct assay_result r = { .element = e, .n_elements = 2, .cov = cov };
	double th = 1e-3 * M_LN2 * n_a / (14.02e9 * year_s * 232.0377);
	/* 99.2742 % of the atoms of natural uranium, M 238.0289. */
	double u =
		1e-3 * M_LN2 * n_a * 0.992742 / (4.468e9 * year_s * 238.0289);

	limits_activity(&r);
	EXPECT_NEAR(th, r.th_bq_g, 0.003 * th);
	EXPECT_NEAR(u, r.u_bq_g, 0.003 * u);
}

/* exp() itself, from no attenuation to all of it. */
TEST(decay_is_the_exponential)
{
	double path[TRANSPORT_N], got[TRANSPORT_N], worst = 0;

	for (size_t i = 0; i < TRANSPORT_N; i++)
		path[i] = i ? 1e-9 * pow(2, (double)i) : 0;
	for (int k = 0; k < 40; k++) {
		double mu = 0.1 + 3.7 * k;

		transport_decay(path, mu, got);
		for (size_t i = 0; i < TRANSPORT_N; i++)
			worst = fmax(worst,
				     fabs(got[i] * exp(mu * path[i]) - 1));
	}
	EXPECT_LT(worst, 2e-13);
	transport_decay(path, 1e9, got);
	EXPECT_GE(1e-300, got[TRANSPORT_N - 1]);
}

static const struct physics_pellet pellet = { 1.25, 2.5 };

/* What a synthetic spectrum is made of. */
struct synthetic {
	struct method *m;
	struct physics *p;
	struct physics_rates *rates;
	struct basis *b;
	struct fit *f;
	size_t fe, la;
};

static void synthetic_make(struct synthetic *s)
{
	struct basis_state state = { 0.0125, 0.025, 0.0613, 1, 0, 0, 0 };
	double w[PHYSICS_MAX_Z] = { 0 };

	s->m = load_method_or_abort("ore-l");
	if (physics_new(s->m, &s->p) < 0 ||
	    physics_rates_new(s->p, &s->rates) < 0 ||
	    basis_new(s->p, 60, 1000, &state, &s->b) < 0 ||
	    fit_new(1000, s->b->n_cols, &s->f) < 0)
		abort();
	s->fe = (size_t)method_find(s->m, "Fe");
	s->la = (size_t)method_find(s->m, "La");
	w[physics_row(s->p, 8)] = 0.5;
	w[physics_row(s->p, 14)] = 0.5;
	physics_compute(s->p, w, &pellet, s->rates);
	basis_build(s->b, s->rates, &state, s->f->x);
	s->f->x[s->fe] = 0.02;
	s->f->x[s->la] = 0.01;
	for (size_t i = 0; i < s->b->n_splines; i++)
		s->f->x[s->b->splines + i] = 1;
}

static void synthetic_free(struct synthetic *s)
{
	fit_free(s->f);
	basis_free(s->b);
	physics_rates_free(s->rates);
	physics_free(s->p);
	method_free(s->m);
}

/* 30 redraws: the mean pull has a sigma of 0.18, its width one of 0.13. */
TEST(fit_finds_areas_and_states_their_sigma)
{
	struct synthetic s;
	static double truth[1000];
	unsigned long long seed = 20261123;
	double sum[2] = { 0 }, square[2] = { 0 };

	synthetic_make(&s);
	for (size_t c = 0; c < s.b->n_cols; c++) {
		for (size_t k = 0; k < 1000; k++)
			truth[k] += s.f->x[c] * s.b->col[c * 1000 + k];
	}
	for (int i = 0; i < 30; i++) {
		size_t c[2] = { s.fe, s.la };

		for (size_t k = 0; k < 1000; k++)
			s.f->counts[k] = draw_poisson(&seed, truth[k]);
		fit_start(s.f);
		ASSERT_EQ(FIT_SOLVED, fit_solve(s.f, s.b));
		fit_model_weights(s.f, s.b, (struct fit_model_error){ 0, 0 });
		ASSERT_EQ(FIT_SOLVED, fit_solve(s.f, s.b));
		ASSERT_EQ(FIT_SOLVED, fit_covariance(s.f, s.b));
		for (int k = 0; k < 2; k++) {
			double sigma =
				sqrt(s.f->cov[c[k] * s.b->n_cols + c[k]]);
			double pull =
				(s.f->x[c[k]] - (k ? 0.01 : 0.02)) / sigma;

			sum[k] += pull / 30;
			square[k] += pull * pull / 30;
		}
	}
	for (int k = 0; k < 2; k++) {
		EXPECT_NEAR(0, sum[k], 0.6);
		EXPECT_NEAR(1, sqrt(square[k]), 0.45);
	}
	synthetic_free(&s);
}

/* Iron K lies above the L3 edge of neodymium (6.21 keV), below L1 (7.13). */
TEST(iron_enhances_neodymium_by_its_subshell)
{
	struct synthetic s;
	double w[PHYSICS_MAX_Z] = { 0 }, e[LINE_N_SHELLS] = { 0 };

	synthetic_make(&s);
	w[physics_row(s.p, 8)] = 0.5;
	w[physics_row(s.p, 26)] = 0.5;
	physics_compute(s.p, w, &pellet, s.rates);
	for (size_t i = 0; i < s.p->lines->n_shells; i++) {
		if (s.p->lines->shell[i].element ==
		    (size_t)method_find(s.m, "Nd"))
			e[s.p->lines->shell[i].name] = s.rates->enhancement[i];
	}
	EXPECT_GT(e[LINE_L3], 0.15);
	EXPECT_LT(e[LINE_L1], 0.3 * e[LINE_L3])
	{
		TH_LOG("L1 %g, L3 %g", e[LINE_L1], e[LINE_L3]);
	}
	synthetic_free(&s);
}

/* Closed form for a far detector: see the top of physics.c. */
static double far_primary(const struct synthetic *s, size_t l, double areal)
{
	const struct line *line = &s->p->lines->line[l];
	const struct line_shell *sh = &s->p->lines->shell[line->shell];
	const struct method_geometry *g = &s->m->geometry;
	double sin_in = sin(g->incidence_deg * M_PI / 180), sum = 0;
	double sin_out = sin(g->takeoff_deg * M_PI / 180);

	for (size_t b = 0; b < s->p->tube->n_bins; b++) {
		double x = s->rates->mu_bin[b] / sin_in +
			   s->rates->mu_line[l] / sin_out;

		sum += s->p->tube->flux[b] * sh->by_bin[b] *
		       -expm1(-x * areal) / x;
	}
	return sum * line->rate * s->p->eff_line[l] * g->detector_cm2 /
	       (g->distance_cm * g->distance_cm) / (4 * M_PI * sin_in);
}

static double primary_of(const struct synthetic *s, size_t l)
{
	return s->rates->line[l] / (1 + s->rates->own_rayleigh[l]) /
	       (1 + s->rates->enhancement[s->p->lines->line[l].shell]);
}

/* From foil to pellet, the first line of each shell. */
TEST(far_detector_gives_the_closed_form)
{
	static const double areal[] = { 1e-4, 0.02, 1.25, 20 };
	struct synthetic s;
	double w[PHYSICS_MAX_Z] = { 0 };

	synthetic_make(&s);
	s.m->geometry.distance_cm = 1e5;
	w[physics_row(s.p, 8)] = 0.5;
	w[physics_row(s.p, 26)] = 0.5;
	for (size_t i = 0; i < sizeof(areal) / sizeof(*areal); i++) {
		struct physics_pellet piece = { areal[i], 2.5 };

		physics_compute(s.p, w, &piece, s.rates);
		for (size_t k = 0; k < s.p->lines->n_shells; k++) {
			size_t l = s.p->lines->shell[k].first;
			double want = far_primary(&s, l, areal[i]);

			EXPECT_NEAR(1, primary_of(&s, l) / want, 5e-4);
		}
	}
	synthetic_free(&s);
}

/* The integral at the top of physics.c over the far form, in fine steps. */
static double near_over_far(const struct synthetic *s, size_t l,
			    const struct physics_pellet *piece)
{
	enum { STEPS = 1000 };
	const struct line *line = &s->p->lines->line[l];
	const struct line_shell *sh = &s->p->lines->shell[line->shell];
	double d = s->m->geometry.distance_cm, half = sqrt(0.5), sum = 0;

	for (int i = 0; i < STEPS; i++) {
		double m = piece->areal_g_cm2 * (i + 0.5) / STEPS;
		double path = m / (piece->density_g_cm3 * half);
		double r = sqrt(d * d + path * path);
		double out = s->rates->mu_line[l] * m * r / (half * (d + path));
		double flux = 0;

		for (size_t b = 0; b < s->p->tube->n_bins; b++)
			flux += s->p->tube->flux[b] * sh->by_bin[b] *
				exp(-s->rates->mu_bin[b] * m / half);
		sum += flux * exp(-out) * pow(d / r, 3);
	}
	return sum * piece->areal_g_cm2 / STEPS * line->rate *
	       s->p->eff_line[l] * s->m->geometry.detector_cm2 / (d * d) /
	       (4 * M_PI * half) / far_primary(s, l, piece->areal_g_cm2);
}

/* 5 mm are not little beside 3 cm: the way out shortens, the angle shrinks. */
TEST(near_detector_gives_the_integral)
{
	const struct physics_pellet light = { 0.5, 1 };
	struct synthetic s;
	double w[PHYSICS_MAX_Z] = { 0 }, want;
	size_t l;

	synthetic_make(&s);
	for (l = 0; strcmp(s.p->lines->line[l].name, "KL3") != 0 ||
		    s.p->lines->line[l].kev < 20;
	     l++)
		;
	w[physics_row(s.p, 8)] = 0.9;
	w[physics_row(s.p, 26)] = 0.1;
	physics_compute(s.p, w, &light, s.rates);
	want = near_over_far(&s, l, &light);
	EXPECT_GT(fabs(want - 1), 0.01);
	EXPECT_NEAR(want, primary_of(&s, l) / far_primary(&s, l, 0.5), 5e-4);
	synthetic_free(&s);
}

TEST_HARNESS_MAIN
