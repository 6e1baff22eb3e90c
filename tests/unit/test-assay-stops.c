// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each way in which a run ends, by what is stated of a sound spectrum, and the
 * word for it in the report.
 */
#include "kselftest_harness.h"

#include <string.h>

#include "assay/report.h"
#include "assay_try.h"

FIXTURE(stops)
{
	struct method *m;
	struct assay_engine *e;
	struct spectrum *s;
	struct assay_result *r;
};

FIXTURE_SETUP(stops)
{
	self->m = load_method_or_abort("ore-l");
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
	self->s = read_mca("tests/data/BST-ORE.mca");
	ASSERT_NE(NULL, self->s);
	self->r = NULL;
}

FIXTURE_TEARDOWN(stops)
{
	assay_result_free(self->r);
	spectrum_free(self->s);
	assay_engine_free(self->e);
	method_free(self->m);
}

static char *text_of(const struct assay_result *r)
{
	json_t *report = report_json(r);
	char *text = NULL;
	size_t len;

	if (!report || js_dump(report, 0, &text, &len) < 0)
		abort();
	js_free(report);
	return text;
}

static bool is_told(const struct assay_result *r, const char *word)
{
	json_t *report = report_json(r);
	bool is_same = !strcmp(js_text(js_get(report, "fit"), "stop"), word);

	js_free(report);
	return is_same;
}

/* What did not come to rest is no result, but every number of it is one. */
static bool is_rejected(const struct assay_result *r)
{
	for (size_t i = 0; i < r->n_elements; i++) {
		if (!isfinite(r->element[i].content) ||
		    !isfinite(r->element[i].u))
			return false;
	}
	for (size_t k = 0; k < r->n_chan; k++) {
		if (!isfinite(r->model[k]))
			return false;
	}
	return r->verdict == ASSAY_REJECTED &&
	       (r->flags & ASSAY_NOT_CONVERGED) && isfinite(r->chi2);
}

TEST_F_TIMEOUT(stops, rest_is_converged, 300)
{
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_EQ(ASSAY_STOP_CONVERGED, self->r->stop);
	EXPECT_TRUE(is_told(self->r, "converged"));
	EXPECT_EQ(ASSAY_ACCEPTED, self->r->verdict);
}

/* So little current that contents are pushed far above the whole. */
TEST_F_TIMEOUT(stops, no_rest_is_iterations, 300)
{
	self->s->tube_ua = 1e-20;
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_EQ(ASSAY_STOP_ITERATIONS, self->r->stop);
	EXPECT_TRUE(is_told(self->r, "iterations"));
	EXPECT_TRUE(is_rejected(self->r));
}

/* The squares of an exposure overflow, and its equations have no solution. */
TEST_F_TIMEOUT(stops, equations_without_a_solution_are_singular, 300)
{
	self->s->tube_ua = 1e308;
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_EQ(ASSAY_STOP_SINGULAR, self->r->stop);
	EXPECT_TRUE(is_told(self->r, "singular"));
	EXPECT_TRUE(is_rejected(self->r));
}

/* A sample with next to no mass gives no rates that are numbers. */
TEST_F_TIMEOUT(stops, columns_that_are_no_numbers_are_not_finite, 300)
{
	self->s->areal_g_cm2 = 1e-308;
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_EQ(ASSAY_STOP_NOT_FINITE, self->r->stop);
	EXPECT_TRUE(is_told(self->r, "not-finite"));
	EXPECT_TRUE(is_rejected(self->r));
}

/* Nothing of the run before it: neither its curve nor its chi-square. */
TEST_F_TIMEOUT(stops, a_broken_run_is_the_same_whatever_came_before, 300)
{
	char *alone, *behind;
	double *model;
	size_t n;

	self->s->areal_g_cm2 = 1e-308;
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	alone = text_of(self->r);
	n = self->r->n_chan;
	model = calloc(n, sizeof(*model));
	ASSERT_NE(NULL, model);
	memcpy(model, self->r->model, n * sizeof(*model));
	self->r = assay_result_free(self->r);
	self->s->areal_g_cm2 = NAN;
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_EQ(ASSAY_STOP_CONVERGED, self->r->stop);
	self->r = assay_result_free(self->r);
	self->s->areal_g_cm2 = 1e-308;
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	behind = text_of(self->r);
	EXPECT_STREQ(alone, behind);
	EXPECT_EQ(0, memcmp(model, self->r->model, n * sizeof(*model)));
	free(alone);
	free(behind);
	free(model);
}

TEST_HARNESS_MAIN
