// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Contents, exposure and balance of spectra that the model itself made, so
 * that what does not come back is the fault of the way from fit to contents.
 */
#include "kselftest_harness.h"

#include <errno.h>
#include <string.h>

#include "assay/standard.h"
#include "assay_made.h"

#define EXPECT_NEAR(want, got, room)                                    \
	EXPECT_LT(fabs((double)(got) - (double)(want)), (double)(room)) \
	{                                                               \
		TH_LOG("want %g, got %g, room %g", (double)(want),      \
		       (double)(got), (double)(room));                  \
	}

FIXTURE(quant)
{
	struct method *m;
	struct made made;
	struct assay_engine *e;
	struct assay_result *r;
};

FIXTURE_SETUP(quant)
{
	self->m = load_method_or_abort("ore-l");
	made_init(&self->made, self->m);
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
	self->r = NULL;
}

FIXTURE_TEARDOWN(quant)
{
	assay_result_free(self->r);
	assay_engine_free(self->e);
	made_deinit(&self->made);
	method_free(self->m);
}

static const struct assay_element *find(const struct assay_result *r, int z)
{
	for (size_t i = 0; i < r->n_elements; i++) {
		if (r->element[i].z == z)
			return &r->element[i];
	}
	abort();
}

/* 8 % of rare earths in calcite with magnesium, which is not seen. */
static const struct part ore[] = {
	{ 8, 0.436 }, { 6, 0.09 },  { 12, 0.06 },  { 20, 0.30 },
	{ 57, 0.03 }, { 58, 0.05 }, { 26, 0.034 },
};

/* A carbonate of rare earths alone: it absorbs its own lines. */
static const struct part carbonate[] = {
	{ 8, 0.47 }, { 1, 0.03 }, { 6, 0.06 }, { 57, 0.17 }, { 58, 0.27 },
};

/* No balance: the oxides are the whole. */
static const struct part oxides[] = {
	{ 57, 0.85269 * 0.4 },
	{ 8, 0.14731 * 0.4 }, /* La2O3 */
	{ 26, 0.69943 * 0.6 },
	{ 8, 0.30057 * 0.6 }, /* Fe2O3 */
};

TEST_F(quant, exposure_and_contents_of_an_ore_come_back)
{
	struct spectrum *s =
		made_spectrum(&self->made, ore, ARRAY_SIZE(ore), 8, 1);

	ASSERT_EQ(0, assay_engine_run(self->e, s, &self->r));
	EXPECT_EQ(ASSAY_STOP_CONVERGED, self->r->stop);
	EXPECT_EQ(METHOD_SCALE_SCATTER, self->r->scale_by);
	EXPECT_FALSE(self->r->flags & ASSAY_CLAMPED);
	EXPECT_NEAR(8, self->r->scale, 8 * 0.015);
	for (size_t i = 3; i < ARRAY_SIZE(ore); i++) {
		const struct assay_element *e = find(self->r, ore[i].z);

		EXPECT_NEAR(ore[i].w * 1e6, e->content, 0.02 * ore[i].w * 1e6);
		EXPECT_LT(e->u, 0.05 * e->content);
	}
	spectrum_free(s);
}

/*
 * Half a per cent of the lines is four of the contents here; the scatter
 * holds them.
 */
TEST_F(quant, sample_that_absorbs_its_own_lines_comes_back)
{
	struct spectrum *s = made_spectrum(&self->made, carbonate,
					   ARRAY_SIZE(carbonate), 8, 1);

	s->tube_ua = 80;
	ASSERT_EQ(0, assay_engine_run(self->e, s, &self->r));
	EXPECT_EQ(ASSAY_STOP_CONVERGED, self->r->stop);
	for (size_t i = 3; i < ARRAY_SIZE(carbonate); i++) {
		const struct assay_element *e = find(self->r, carbonate[i].z);
		double w = carbonate[i].w * 1e6;

		EXPECT_NEAR(w, e->content, 0.02 * w);
		EXPECT_LT(e->u, 0.05 * e->content);
	}
	/* Nearer to water than to what is heavier than carbon dioxide. */
	EXPECT_GT(self->r->balance_mix, 0.2);
	spectrum_free(s);
}

TEST_F(quant, magnesium_that_is_not_seen_pulls_the_balance_to_heavy)
{
	static const struct part heavy[] = {
		{ 8, 0.42 },  { 11, 0.10 }, { 12, 0.10 },
		{ 14, 0.30 }, { 58, 0.08 },
	};
	struct spectrum *s =
		made_spectrum(&self->made, heavy, ARRAY_SIZE(heavy), 8, 1);

	ASSERT_EQ(0, assay_engine_run(self->e, s, &self->r));
	EXPECT_LT(self->r->balance_mix, -0.2);
	EXPECT_NEAR(0.08e6, find(self->r, 58)->content, 0.03 * 0.08e6);
	spectrum_free(s);
}

TEST_F(quant, oxides_are_never_more_than_the_whole)
{
	struct spectrum *s =
		made_spectrum(&self->made, oxides, ARRAY_SIZE(oxides), 8, 1);

	/*
	 * A current stated 4 % too high asks for more than there can be, and
	 * against the scatter; whether that comes to rest is another matter.
	 */
	s->tube_ua = 83.2;
	ASSERT_EQ(0, assay_engine_run(self->e, s, &self->r));
	EXPECT_LT(self->r->oxide_sum, 1.005);
	EXPECT_TRUE(self->r->flags & ASSAY_CLAMPED);
	self->r = assay_result_free(self->r);

	s->tube_ua = NAN;
	ASSERT_EQ(0, assay_engine_run(self->e, s, &self->r));
	EXPECT_EQ(ASSAY_STOP_CONVERGED, self->r->stop);
	EXPECT_LT(self->r->oxide_sum, 1.005);
	EXPECT_NEAR(oxides[0].w * 1e6, find(self->r, 57)->content,
		    0.02 * oxides[0].w * 1e6);
	spectrum_free(s);
}

/* As where the sample itself holds the metal of the anode. */
TEST_F(quant, one_feature_of_the_scatter_alone_moves_little)
{
	struct spectrum *s =
		made_spectrum(&self->made, ore, ARRAY_SIZE(ore), 8, 1.5);

	ASSERT_EQ(0, assay_engine_run(self->e, s, &self->r));
	EXPECT_NEAR(8, self->r->scale, 0.08);
	EXPECT_NEAR(0.05e6, find(self->r, 58)->content, 0.05 * 0.05e6);
	spectrum_free(s);
}

/* Ten times fewer counts: the scatter's own noise is in the exposure. */
TEST_F(quant, fewer_counts_make_the_exposure_less_certain)
{
	struct spectrum *s =
		made_spectrum(&self->made, ore, ARRAY_SIZE(ore), 8, 1);
	double u;

	ASSERT_EQ(0, assay_engine_run(self->e, s, &self->r));
	u = self->r->u_scale;
	EXPECT_GT(u, 0);
	self->r = assay_result_free(self->r);
	for (size_t k = 0; k < s->n_chan; k++)
		s->counts[k] /= 1000;
	ASSERT_EQ(0, assay_engine_run(self->e, s, &self->r));
	EXPECT_GT(self->r->u_scale, 1.3 * u);
	spectrum_free(s);
}

/* ---- standards and their factors ------------------------------------------ */

/* The composition of `ore`, stated whole. */
static struct standard state_ore(const struct method *m)
{
	struct standard s = { .oxygen = ore[0].w };

	for (size_t i = 3; i < ARRAY_SIZE(ore); i++) {
		for (size_t k = 0; k < m->n_elements; k++) {
			if (m->element[k].z != ore[i].z)
				continue;
			s.is_stated[k] = true;
			s.content[k] = ore[i].w;
			s.u[k] = 1e-3 * ore[i].w;
		}
	}
	return s;
}

TEST_F(quant, standard_tells_how_strong_its_lines_are)
{
	struct standard known = state_ore(self->m);
	size_t la = (size_t)method_find(self->m, "La");
	size_t ce = (size_t)method_find(self->m, "Ce");
	size_t n = self->m->n_elements;
	struct spectrum *s;
	const char *why;

	self->made.la = 1.05;
	s = made_spectrum(&self->made, ore, ARRAY_SIZE(ore), 8, 1);
	s->tube_ua = 80;
	ASSERT_EQ(0, standard_measure(self->e, s, &known, &why));
	/* Its magnesium is not stated, which makes 1 %, to both alike. */
	EXPECT_NEAR(0.05, known.found[ce], 0.015 * 0.05);
	EXPECT_NEAR(1.05 * 0.03 / 0.05, known.found[la] / known.found[ce],
		    0.002);
	/* Preparation and exposure are common to both, counts are little. */
	EXPECT_GT(sqrt(known.cov[la * n + la]), 0.01 * 0.03);
	EXPECT_LT(sqrt(known.cov[la * n + la]), 0.02 * 0.03);
	EXPECT_GT(known.cov[la * n + ce],
		  0.7 * sqrt(known.cov[la * n + la] * known.cov[ce * n + ce]));
	/* Without a current the scatter has the exposure. */
	s->tube_ua = NAN;
	ASSERT_EQ(0, standard_measure(self->e, s, &known, &why));
	EXPECT_NEAR(0.05, known.found[ce], 0.02 * 0.05);
	standard_deinit(&known);
	spectrum_free(s);
}

TEST_F(quant, standard_that_cannot_be_is_refused)
{
	struct standard known = state_ore(self->m);
	struct spectrum *s;
	const char *why = "";

	self->made.scatter = 0;
	s = made_spectrum(&self->made, ore, ARRAY_SIZE(ore), 8, 1);
	EXPECT_EQ(-EINVAL, standard_measure(self->e, s, &known, &why));
	EXPECT_NE(NULL, strstr(why, "state the tube current"));
	known.oxygen = 0.7;
	EXPECT_EQ(-EINVAL, standard_measure(self->e, s, &known, &why));
	EXPECT_NE(NULL, strstr(why, "more than the whole"));
	known.oxygen = 0.4;
	s->live_s = 0;
	EXPECT_EQ(-EINVAL, standard_measure(self->e, s, &known, &why));
	EXPECT_NE(NULL, strstr(why, "live time"));
	standard_deinit(&known);
	spectrum_free(s);
}

/* The range of cerium's standards, mg/kg; 0: the file tells none. */
static double least_ce, most_ce;

/* Contents of `ore` whose lanthanum is 5 % too bright, by a calibration. */
static void run_calibrated(struct _test_data_quant *self, double k, double u)
{
	struct method_calibration *c = &self->m->calibration;
	struct spectrum *s;

	self->made.la = 1.05;
	s = made_spectrum(&self->made, ore, ARRAY_SIZE(ore), 8, 1);
	s->tube_ua = 80;
	snprintf(c->file, sizeof(c->file), "a.cal");
	snprintf(c->sha256, sizeof(c->sha256), "%064d", 7);
	c->n_standards = 3;
	for (size_t i = 0; i < self->m->n_elements; i++) {
		int z = self->m->element[i].z;

		c->k[i] = z == 57 ? k : 1;
		c->n_seen[i] = z == 57;
		c->low[i] = z == 58 ? least_ce : 0;
		c->high[i] = z == 58 ? most_ce : 0;
		for (size_t j = 0; j < self->m->n_elements; j++)
			c->cov[i * self->m->n_elements + j] =
				u * u * (i == j ? 1 : 0.9);
	}
	self->e = assay_engine_free(self->e);
	if (assay_engine_new(self->m, &self->e) < 0 ||
	    assay_engine_run(self->e, s, &self->r) < 0)
		abort();
	spectrum_free(s);
}

TEST_F(quant, factor_takes_away_what_the_physics_has_wrong)
{
	run_calibrated(self, 1.05, 0.001);
	EXPECT_NEAR(30000, find(self->r, 57)->content, 0.02 * 30000);
	EXPECT_FALSE(find(self->r, 57)->flags & ASSAY_ELEMENT_NO_STANDARD);
	EXPECT_TRUE(find(self->r, 58)->flags & ASSAY_ELEMENT_NO_STANDARD);
	EXPECT_STREQ("a.cal", self->r->calibration.file);
	EXPECT_EQ('7', self->r->calibration.sha256[63]);
	EXPECT_EQ(3, self->r->calibration.n_standards);
}

static bool is_outside(const struct assay_result *r, int z)
{
	bool is = find(r, z)->flags & ASSAY_ELEMENT_OUTSIDE;

	/* The whole says it with any of its elements, and no verdict. */
	return is && (r->flags & ASSAY_OUTSIDE) && r->verdict == ASSAY_ACCEPTED;
}

TEST_F(quant, content_above_all_standards_is_flagged)
{
	static const struct {
		double least, most;
		bool is_outside;
	} ranges[] = {
		{ 100, 30000, true },
		{ 100, 49900, false }, /* above, but not surely */
		{ 100, 60000, false },
		{ 60000, 90000, false }, /* below: nothing is carried on */
		{ 0, 0, false }, /* a file of before */
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		least_ce = ranges[i].least;
		most_ce = ranges[i].most;
		self->r = assay_result_free(self->r);
		run_calibrated(self, 1.05, 0.01);
		EXPECT_EQ(ranges[i].is_outside, is_outside(self->r, 58));
		EXPECT_FALSE(is_outside(self->r, 57));
	}
	least_ce = most_ce = 0;
}

TEST_F(quant, covariance_of_the_factors_is_in_that_of_the_contents)
{
	size_t la = (size_t)method_find(self->m, "La");
	size_t ce = (size_t)method_find(self->m, "Ce");
	size_t n = self->m->n_elements;
	const struct assay_element *e;

	run_calibrated(self, 1.05, 0.04);
	e = self->r->element;
	/* What else is known of the whole holds them a little. */
	EXPECT_GT(e[la].u, 0.025 * e[la].content);
	EXPECT_GT(self->r->cov[la * n + ce], 0.7 * e[la].u * e[ce].u);
}

TEST_HARNESS_MAIN
