// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Factors of simulated pure oxides, and a mixture by them.
 *
 * The set was made with the line data that the engine has, so that factors
 * are one within its own noise (1.2 % rms on L lines, up to 4 %) and what the
 * physics has wrong in a sample that is all one heavy oxide. The mixture has
 * the same noise once more.
 */
#include "kselftest_harness.h"

#include "assay/calib.h"
#include "truth.h"

enum { N_OXIDES = 8 };

static const char *const oxides[N_OXIDES] = {
	"STD-La2O3", "STD-CeO2",  "STD-Pr6O11", "STD-Nd2O3",
	"STD-Sm2O3", "STD-Eu2O3", "STD-Gd2O3",	"STD-Y2O3",
};

FIXTURE(standards)
{
	char dir[300];
	struct truth_conditions c[40];
	size_t n_conditions;
	struct method *m;
	struct assay_engine *e;
	struct standard s[N_OXIDES];
	struct calib calib;
	struct assay_result *r;
};

FIXTURE_SETUP(standards)
{
	self->m = NULL;
	self->e = NULL;
	self->r = NULL;
	self->calib = (struct calib){ 0 };
	memset(self->s, 0, sizeof(self->s));
}

FIXTURE_TEARDOWN(standards)
{
	assay_result_free(self->r);
	calib_deinit(&self->calib);
	for (size_t i = 0; i < N_OXIDES; i++)
		standard_deinit(&self->s[i]);
	assay_engine_free(self->e);
	method_free(self->m);
}

/* False when the set is not there. */
static bool begin(struct _test_data_standards *self, const char *set,
		  const char *methods, const char *method)
{
	truth_folder(set, self->dir, sizeof(self->dir));
	self->n_conditions = truth_conditions_read(self->dir, self->c, 40);
	setenv("REESPEC_METHODS", methods, 1);
	self->m = load_method_or_abort(method);
	return self->n_conditions && assay_engine_new(self->m, &self->e) == 0;
}

/* A spectrum of the set with all that is known of its pellet. */
static struct spectrum *load(struct _test_data_standards *self,
			     const char *material, struct truth *ret)
{
	struct spectrum *s;
	char path[512];

	snprintf(path, sizeof(path), "%.300s/truth.csv", self->dir);
	if (!truth_read(path, material, ret))
		abort();
	snprintf(path, sizeof(path), "%.300s/%.63s.mca", self->dir, material);
	s = read_mca(path);
	for (size_t i = 0; s && i < self->n_conditions; i++) {
		if (strcmp(self->c[i].material, material) != 0)
			continue;
		s->areal_g_cm2 = self->c[i].areal_g_cm2;
		s->density_g_cm3 = self->c[i].density_g_cm3;
		s->tube_ua = self->c[i].current_ua;
		return s;
	}
	abort();
}

static int measure(struct _test_data_standards *self, const char *material,
		   struct standard *to)
{
	const char *why = "";
	struct spectrum *s;
	struct truth t;
	int r;

	s = load(self, material, &t);
	to->oxygen = truth_of(&t, "O") / 1e6;
	for (size_t k = 0; k < self->m->n_elements; k++) {
		double w = truth_of(&t, self->m->element[k].symbol) / 1e6;

		to->is_stated[k] = w > 0;
		to->content[k] = w;
		to->u[k] = 5e-4 * w;
	}
	r = standard_measure(self->e, s, to, &why);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", material, why);
	spectrum_free(s);
	return r;
}

TEST_F(standards, pure_oxides_give_factors_that_hold_in_a_mixture)
{
	static const char *const judged[] = { "La", "Ce", "Pr", "Nd", "Sm" };
	enum calib_fault fault;
	struct spectrum *s;
	struct truth t;

	if (!begin(self, "standards/sdd-l", "daemon/methods", "ore-l"))
		SKIP(return, "no %s: set REESPEC_DATA", self->dir);
	for (size_t i = 0; i < N_OXIDES; i++)
		ASSERT_EQ(0, measure(self, oxides[i], &self->s[i]));
	ASSERT_EQ(0, calib_solve(self->m, self->s, N_OXIDES, 0, &self->calib,
				 &fault));
	ASSERT_EQ(CALIB_SOLVED, fault);
	EXPECT_LT(self->calib.rms, 0.015);
	for (size_t i = 0; i < self->calib.n_left_out; i++)
		EXPECT_LT(fabs(self->calib.left_out[i].error),
			  3.5 * self->calib.left_out[i].u);

	snprintf(self->m->calibration.file, 8, "a.cal");
	memcpy(self->m->calibration.k, self->calib.k, sizeof(self->calib.k));
	memcpy(self->m->calibration.cov, self->calib.cov,
	       self->calib.n * self->calib.n * sizeof(double));
	self->e = assay_engine_free(self->e);
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
	s = load(self, "SYN-LREE", &t);
	ASSERT_EQ(0, assay_engine_run(self->e, s, &self->r));
	for (size_t i = 0; i < ARRAY_SIZE(judged); i++) {
		int k = method_find(self->m, judged[i]);

		/* Three times the noise of the set, and the counts. */
		EXPECT_LT(fabs(self->r->element[k].content /
				       truth_of(&t, judged[i]) -
			       1),
			  3 * hypot(0.012, self->r->element[k].u_count /
						   truth_of(&t, judged[i])));
	}
	spectrum_free(s);
}

/*
 * Few counts below 20 keV and no line of the tube, so that nothing but their
 * prior holds the splines there.
 */
TEST_F(standards, heavy_oxides_come_to_rest_by_their_k_lines)
{
	static const char *const heavy[] = { "STD-Nd2O3", "STD-Gd2O3" };

	if (!begin(self, "standards/cdte-k", "tests/assay/methods", "ore-k"))
		SKIP(return, "no %s: set REESPEC_DATA", self->dir);
	for (size_t i = 0; i < ARRAY_SIZE(heavy); i++)
		EXPECT_EQ(0, measure(self, heavy[i], &self->s[i]));
}

TEST_HARNESS_MAIN
