// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Contents of simulated ores by their K lines against the exact composition.
 *
 * Areal mass and density of the pellet are given. Counts leave less than 1 %
 * on TREO of these two and the truth's own noise is 0.5 %; without lines of
 * the tube the continuum must give attenuation and exposure, to which its
 * model is held within 3 % a window, which makes as much of TREO: 5 % is less
 * than twice that.
 */
#include "kselftest_harness.h"

#include "truth.h"

static double treo_of(const struct assay_result *r, const struct truth *t)
{
	static const char *const members[] = {
		"La", "Ce", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb",
		"Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Y",
	};
	double sum = 0;

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		for (size_t k = 0; k < r->n_elements; k++) {
			const struct assay_element *e = &r->element[k];

			if (!strcmp(e->symbol, members[i]))
				sum += truth_of(t, e->symbol) * e->oxide_factor;
		}
	}
	return sum;
}

FIXTURE(ores_k)
{
	struct method *m;
	struct assay_engine *e;
};

FIXTURE_SETUP(ores_k)
{
	setenv("REESPEC_METHODS", "tests/assay/methods", 1);
	self->m = load_method_or_abort("ore-k");
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
}

FIXTURE_TEARDOWN(ores_k)
{
	assay_engine_free(self->e);
	method_free(self->m);
}

TEST_F(ores_k, shared_ores_come_back)
{
	static const char *const judged[] = { "APT-DUR", "LAT-462" };
	static struct truth_conditions c[40];
	char dir[300], path[512];
	size_t n;

	truth_folder("spectra/cdte-k", dir, sizeof(dir));
	n = truth_conditions_read(dir, c, 40);
	if (!n)
		SKIP(return, "no %s: set REESPEC_DATA", dir);
	for (size_t i = 0; i < n; i++) {
		struct assay_result *r = NULL;
		struct spectrum *s;
		struct truth t;

		if (strcmp(c[i].material, judged[0]) != 0 &&
		    strcmp(c[i].material, judged[1]) != 0)
			continue;
		snprintf(path, sizeof(path), "%.300s/truth.csv", dir);
		ASSERT_TRUE(truth_read(path, c[i].material, &t));
		snprintf(path, sizeof(path), "%.300s/%.63s.mca", dir,
			 c[i].material);
		s = read_mca(path);
		ASSERT_NE(NULL, s);
		s->areal_g_cm2 = c[i].areal_g_cm2;
		s->density_g_cm3 = c[i].density_g_cm3;
		ASSERT_EQ(0, assay_engine_run(self->e, s, &r));
		EXPECT_EQ(ASSAY_STOP_CONVERGED, r->stop);
		EXPECT_LE(r->chi2, 2);
		EXPECT_LE(fabs(r->sum[ASSAY_TREO].content / treo_of(r, &t) - 1),
			  0.05);
		EXPECT_GT(r->sum[ASSAY_TREO].u, 0);
		assay_result_free(r);
		spectrum_free(s);
	}
}

TEST_HARNESS_MAIN
