// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two spectra of a sample, one composition.
 *
 * The same ore by one method, and again for half the time, shows what must come
 * of it: counting sigmas fall by the root of 1.5, by that of 2 where they are of
 * errors of the model that are each spectrum's own (Ti and V below barium).
 * Each spectrum has a scale of its own. With the shared set, of two materials:
 * no rare earth may be known worse than by the better spectrum alone, and TREO,
 * which K lines alone miss by up to 9 %, lies within 6 %, three of the sigmas
 * that the two state.
 */
#include "kselftest_harness.h"

#include <string.h>

#include "truth.h"

static const struct assay_element *find(const struct assay_result *r,
					const char *symbol)
{
	for (size_t i = 0; i < r->n_elements; i++) {
		if (!strcmp(r->element[i].symbol, symbol))
			return &r->element[i];
	}
	abort();
}

/* The ore by ore-l, and by a method that joins that with itself. */
FIXTURE(twice)
{
	struct method *m;
	struct method *joint;
	struct assay_engine *e;
	struct assay_engine *both;
	struct spectrum *s;
	struct spectrum *half; /* drawn anew, in half the time */
	struct assay_result *alone;
	struct assay_result *r;
};

FIXTURE_SETUP(twice)
{
	unsigned long long seed = 20261128;

	self->m = load_method_or_abort("ore-l");
	self->joint = load_method_or_abort("ore-l");
	self->joint->beside = load_method_or_abort("ore-l");
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
	ASSERT_EQ(0, assay_engine_new(self->joint, &self->both));
	self->s = read_mca("tests/data/BST-ORE.mca");
	self->half = read_mca("tests/data/BST-ORE.mca");
	for (size_t k = 0; k < self->half->n_chan; k++)
		self->half->counts[k] =
			draw_poisson(&seed, self->half->counts[k] / 2.0);
	self->half->live_s /= 2;
	self->half->real_s /= 2;
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->alone));
	self->r = NULL;
}

FIXTURE_TEARDOWN(twice)
{
	assay_result_free(self->alone);
	assay_result_free(self->r);
	spectrum_free(self->s);
	spectrum_free(self->half);
	assay_engine_free(self->e);
	assay_engine_free(self->both);
	method_free(self->m);
	method_free(self->joint);
}

TEST_F_TIMEOUT(twice, counting_sigmas_fall_as_counts_grow, 120)
{
	const struct assay_result *b;

	ASSERT_EQ(0, assay_engine_run_two(self->both, self->s, self->half,
					  &self->r));
	b = self->r->beside;
	ASSERT_NE(NULL, b);
	EXPECT_EQ(ASSAY_STOP_CONVERGED, self->r->stop);
	EXPECT_EQ(ASSAY_ACCEPTED, self->r->verdict);
	for (size_t i = 0; i < self->r->n_elements; i++) {
		const struct assay_element *e = &self->r->element[i];
		const struct assay_element *a = &self->alone->element[i];

		EXPECT_LE(fabs(e->content - a->content), 2 * a->u);
		if (e->is_air || a->content > a->loq)
			continue;
		EXPECT_GE(e->u_count / a->u_count, 0.97 / sqrt(2));
		EXPECT_LE(e->u_count / a->u_count, 1.03 / sqrt(1.5));
		EXPECT_GE(e->lc / a->lc, 0.97 / sqrt(2));
		EXPECT_LE(e->lc / a->lc, 1.03 / sqrt(1.5));
		EXPECT_LT(e->u, a->u);
		EXPECT_EQ(e->content, b->element[i].content);
	}
	for (size_t k = 0; k < ASSAY_N_SUMS; k++) {
		const double ratio =
			self->r->sum[k].ld / self->alone->sum[k].ld;

		EXPECT_GE(ratio, 0.97 / sqrt(2));
		EXPECT_LE(ratio, 1.03 / sqrt(1.5));
	}
	/* Exposures and axes are those of each. */
	EXPECT_LE(fabs(self->r->scale / self->alone->scale - 1), 0.02);
	EXPECT_LE(fabs(b->scale / self->r->scale * 2 - 1), 0.01);
	EXPECT_GT(b->u_scale, 0);
	EXPECT_EQ(self->s->live_s, self->r->live_s);
	EXPECT_EQ(self->half->live_s, b->live_s);
	/* Drawn of counts that were drawn, half as many. */
	EXPECT_LE(fabs(b->chi2 - 1.5), 0.15);
	EXPECT_NE(b->gain_kev, self->r->gain_kev);
	EXPECT_NE(self->r->total_counts, b->total_counts);
}

TEST_F_TIMEOUT(twice, lines_are_of_the_spectrum_that_counts_better, 120)
{
	ASSERT_EQ(0, assay_engine_run_two(self->both, self->half, self->s,
					  &self->r));
	/* The second one has twice the counts of the first. */
	EXPECT_EQ(find(self->r->beside, "Nd")->area, find(self->r, "Nd")->area);
	self->r = assay_result_free(self->r);
	ASSERT_EQ(0, assay_engine_run_two(self->both, self->s, self->half,
					  &self->r));
	EXPECT_LT(1.8 * find(self->r->beside, "Nd")->area,
		  find(self->r, "Nd")->area);
}

/* Strontium's lines lie in the range of the second, which is not to fit it. */
TEST_F_TIMEOUT(twice, a_silent_element_has_no_lines, 120)
{
	struct assay_engine *e = NULL;
	struct method *b = self->joint->beside;

	b->element[method_find(b, "Sr")].is_silent = true;
	ASSERT_EQ(0, assay_engine_new(self->joint, &e));
	ASSERT_EQ(0, assay_engine_run_two(e, self->s, self->half, &self->r));
	EXPECT_EQ(0, find(self->r->beside, "Sr")->area);
	EXPECT_GT(find(self->r, "Sr")->area, 0);
	EXPECT_FALSE(find(self->r, "Sr")->flags & ASSAY_ELEMENT_NULL_SPACE);
	assay_engine_free(e);
}

TEST_F_TIMEOUT(twice, what_is_wrong_with_the_second_is_flagged, 120)
{
	self->half->cal[0].kev += 0.05;
	self->half->cal[1].kev += 0.05;
	ASSERT_EQ(0, assay_engine_run_two(self->both, self->s, self->half,
					  &self->r));
	EXPECT_TRUE(self->r->beside->flags & ASSAY_GAIN_MOVED);
	EXPECT_TRUE(self->r->flags & ASSAY_GAIN_MOVED);
	EXPECT_EQ(ASSAY_REJECTED, self->r->verdict);
}

TEST_F_TIMEOUT(twice, the_sample_is_what_the_first_spectrum_states, 120)
{
	self->s->areal_g_cm2 = 0.3;
	self->half->areal_g_cm2 = 5;
	self->s->moisture = 0.05;
	self->half->moisture = 0.5;
	ASSERT_EQ(0, assay_engine_run_two(self->both, self->s, self->half,
					  &self->r));
	EXPECT_EQ(0.3, self->r->areal_g_cm2);
	EXPECT_EQ(0.3, self->r->beside->areal_g_cm2);
	EXPECT_LE(fabs(self->r->loss - 0.05), 0.015);
	EXPECT_EQ(self->r->loss, self->r->beside->loss);
	/* The exposure that makes both the same sample. */
	EXPECT_LE(fabs(self->r->beside->scale / self->r->scale * 2 - 1), 0.01);
}

TEST_F_TIMEOUT(twice, a_wrong_number_of_spectra_is_refused, 120)
{
	EXPECT_EQ(-EINVAL, assay_engine_run(self->both, self->s, &self->r));
	EXPECT_NE(NULL, strstr(assay_engine_why(self->both), "for two"));
	EXPECT_EQ(-EINVAL,
		  assay_engine_run_two(self->e, self->s, self->half, &self->r));
	EXPECT_NE(NULL, strstr(assay_engine_why(self->e), "for one"));
	self->half->n_cal = 0;
	EXPECT_EQ(-EINVAL, assay_engine_run_two(self->both, self->s, self->half,
						&self->r));
	EXPECT_NE(NULL,
		  strstr(assay_engine_why(self->both), "second spectrum: "));
	EXPECT_NE(NULL, strstr(assay_engine_why(self->both), "calibration"));
	self->half->n_cal = 2;
	self->s->n_cal = 0;
	EXPECT_EQ(-EINVAL, assay_engine_run_two(self->both, self->s, self->half,
						&self->r));
	EXPECT_EQ(NULL, strstr(assay_engine_why(self->both), "second"));
	EXPECT_EQ(NULL, self->r);
}

/* Methods of the two set-ups of the shared set, and the one that joins them. */
FIXTURE(lk)
{
	struct method *m[3];
	struct assay_engine *e[3];
};

FIXTURE_SETUP(lk)
{
	static const char *const names[] = { "ore-l", "ore-k", "ore-lk" };

	setenv("REESPEC_METHODS", "tests/assay/methods", 1);
	for (int i = 0; i < 3; i++) {
		self->m[i] = load_method_or_abort(names[i]);
		ASSERT_EQ(0, assay_engine_new(self->m[i], &self->e[i]));
	}
}

FIXTURE_TEARDOWN(lk)
{
	for (int i = 0; i < 3; i++) {
		assay_engine_free(self->e[i]);
		method_free(self->m[i]);
	}
}

static struct spectrum *read_of(const char *set, const char *material,
				struct truth *t)
{
	static struct truth_conditions c[40];
	char dir[300], path[512];
	struct spectrum *s;
	size_t n;

	truth_folder(set, dir, sizeof(dir));
	n = truth_conditions_read(dir, c, 40);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(c[i].material, material) != 0)
			continue;
		snprintf(path, sizeof(path), "%.300s/truth.csv", dir);
		if (!truth_read(path, material, t))
			return NULL;
		snprintf(path, sizeof(path), "%.300s/%.63s.mca", dir, material);
		s = read_mca(path);
		if (!s)
			return NULL;
		s->areal_g_cm2 = c[i].areal_g_cm2;
		s->density_g_cm3 = c[i].density_g_cm3;
		return s;
	}
	return NULL;
}

TEST_F_TIMEOUT(lk, two_are_no_worse_than_the_better, 120)
{
	static const char *const materials[] = { "BST-ORE", "LAT-462" };
	static const char *const judged[] = {
		"La", "Ce", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb",
		"Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Y",
	};

	for (size_t k = 0; k < 2; k++) {
		struct assay_result *r[3] = { NULL };
		struct spectrum *s[2];
		struct truth t;
		double treo = 0;

		s[0] = read_of("spectra/sdd-l", materials[k], &t);
		s[1] = read_of("spectra/cdte-k", materials[k], &t);
		if (!s[0] || !s[1])
			SKIP(return,
				   "no spectra of two set-ups: set REESPEC_DATA");
		for (int i = 0; i < 2; i++)
			ASSERT_EQ(0, assay_engine_run(self->e[i], s[i], &r[i]));
		ASSERT_EQ(0,
			  assay_engine_run_two(self->e[2], s[0], s[1], &r[2]));
		EXPECT_EQ(ASSAY_STOP_CONVERGED, r[2]->stop);
		EXPECT_STREQ("ore-lk", r[2]->method);
		EXPECT_STREQ("ore-k", r[2]->beside->method);
		for (size_t i = 0; i < ARRAY_SIZE(judged); i++) {
			const struct assay_element *e = find(r[2], judged[i]);

			EXPECT_LE(e->u, fmin(find(r[0], judged[i])->u,
					     find(r[1], judged[i])->u));
			/* By exposures that differ a little from theirs. */
			EXPECT_LT(e->u_count,
				  1.02 * fmin(find(r[0], judged[i])->u_count,
					      find(r[1], judged[i])->u_count));
			treo += truth_of(&t, judged[i]) * e->oxide_factor;
		}
		EXPECT_LE(fabs(r[2]->sum[ASSAY_TREO].content / treo - 1), 0.06);
		EXPECT_LT(r[2]->sum[ASSAY_TREO].u,
			  fmin(r[0]->sum[ASSAY_TREO].u,
			       r[1]->sum[ASSAY_TREO].u));
		/* K lines count the light ones better, L lines yttrium. */
		EXPECT_EQ('K', find(r[2], "Nd")->line[0]);
		EXPECT_EQ(find(r[2]->beside, "Nd")->area,
			  find(r[2], "Nd")->area);
		EXPECT_NE(find(r[2]->beside, "Y")->area, find(r[2], "Y")->area);
		/* Iron has no line in the second, silver none in the first. */
		EXPECT_EQ(0, find(r[2]->beside, "Fe")->area);
		EXPECT_GT(find(r[2], "Fe")->area, 0);
		EXPECT_FALSE(find(r[2], "Fe")->flags &
			     ASSAY_ELEMENT_NULL_SPACE);
		EXPECT_GT(find(r[2], "Ag")->u_count, 0);
		for (int i = 0; i < 3; i++)
			assay_result_free(r[i]);
		spectrum_free(s[0]);
		spectrum_free(s[1]);
	}
}

TEST_HARNESS_MAIN
