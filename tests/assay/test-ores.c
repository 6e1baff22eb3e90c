// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Contents of simulated ores against their exact composition.
 *
 * Tolerances: TREO 10 %, La, Ce and Nd 15 % with a stated sigma below 10 %.
 * The truth's own noise is 1.2 % of TREO and 0.3 to 1.3 % of a content, and
 * 1.8e7 counts leave 0.5 % on La in the ore: what is left is for the scale
 * and the balance, which the spectrum alone must give. The other materials
 * are printed and not judged.
 */
#include "kselftest_harness.h"

#include <string.h>
#include <time.h>

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

static double treo_of(const struct assay_result *r, const struct truth *t)
{
	static const char *const members[] = {
		"La", "Ce", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb",
		"Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Y",
	};
	double sum = 0;

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		sum += truth_of(t, members[i]) *
		       find(r, members[i])->oxide_factor;
	return sum;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void print_result(const char *name, const struct assay_result *r,
			 const struct truth *t, double took)
{
	static const char *const shown[] = {
		"La", "Ce", "Pr", "Nd", "Sm", "Gd",
		"Dy", "Y",  "Th", "Ba", "Fe", "Ca"
	};
	double treo = treo_of(r, t);

	printf("# %-8s chi2 %5.2f, %2d turns, %.2f s, %s, TREO %9.0f of %9.0f mg/kg",
	       name, r->chi2, r->n_iterations, took,
	       r->stop == ASSAY_STOP_CONVERGED ? "at rest" : "not at rest",
	       r->sum[ASSAY_TREO].content, treo);
	if (treo > 0)
		printf(" (%+.1f %%)",
		       100 * (r->sum[ASSAY_TREO].content / treo - 1));
	printf("\n#  ");
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
		const struct assay_element *e = find(r, shown[i]);
		double true_content = truth_of(t, shown[i]);

		if (true_content > e->lc)
			printf(" %s %+.1f(%.1f)%%", shown[i],
			       100 * (e->content / true_content - 1),
			       100 * e->u / true_content);
		else
			printf(" %s %.0f(%.0f)", shown[i], e->content, e->u);
	}
	printf("\n");
	fflush(stdout);
}

FIXTURE(ores)
{
	struct method *m;
	struct assay_engine *e;
};

FIXTURE_SETUP(ores)
{
	self->m = load_method_or_abort("ore-l");
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
}

FIXTURE_TEARDOWN(ores)
{
	assay_engine_free(self->e);
	method_free(self->m);
}

static struct assay_result *assay_file(struct assay_engine *e, const char *path,
				       const char *name, const struct truth *t)
{
	struct spectrum *s = read_mca(path);
	struct assay_result *r = NULL;
	double start = seconds();

	if (!s || assay_engine_run(e, s, &r) < 0)
		abort();
	print_result(name, r, t, seconds() - start);
	spectrum_free(s);
	return r;
}

static void judge(struct __test_metadata *_metadata,
		  const struct assay_result *r, const struct truth *t)
{
	static const char *const judged[] = { "La", "Ce", "Nd" };
	double treo = treo_of(r, t);

	EXPECT_LE(fabs(r->sum[ASSAY_TREO].content / treo - 1), 0.10);
	for (size_t i = 0; i < 3; i++) {
		const struct assay_element *e = find(r, judged[i]);

		EXPECT_LE(fabs(e->content / truth_of(t, judged[i]) - 1), 0.15);
		EXPECT_LE(e->u / e->content, 0.10);
		EXPECT_GT(e->u, 0);
	}
	EXPECT_EQ(ASSAY_STOP_CONVERGED, r->stop);
	EXPECT_EQ(ASSAY_ACCEPTED, r->verdict);
}

TEST_F(ores, kept_bastnaesite_ore_comes_back)
{
	struct truth t;
	struct assay_result *r;

	ASSERT_TRUE(truth_read("tests/data/BST-ORE-truth.csv", "BST-ORE", &t));
	r = assay_file(self->e, "tests/data/BST-ORE.mca", "BST-ORE", &t);
	judge(_metadata, r, &t);
	assay_result_free(r);
}

TEST_F_TIMEOUT(ores, shared_ores_come_back, 300)
{
	static const char *const judged[] = { "BST-ORE", "MNZ-IND", "LAT-462",
					      "APT-DUR" };
	static const char *const others[] = { "IAC-H1",	 "IAC-J1", "LAT-MW",
					      "XEN-PRK", "GSP-2",  "BLK-QTZ",
					      "MREC-1",	 "NIST610" };
	char dir[300], path[400];

	truth_folder("spectra/sdd-l", dir, sizeof(dir));
	for (size_t i = 0; i < 12; i++) {
		const char *name = i < 4 ? judged[i] : others[i - 4];
		struct assay_result *r;
		struct truth t;

		snprintf(path, sizeof(path), "%s/truth.csv", dir);
		if (!truth_read(path, name, &t))
			SKIP(return, "no %s: set REESPEC_DATA", path);
		snprintf(path, sizeof(path), "%s/%s.mca", dir, name);
		r = assay_file(self->e, path, name, &t);
		if (i < 4)
			judge(_metadata, r, &t);
		assay_result_free(r);
	}
}

TEST_HARNESS_MAIN
