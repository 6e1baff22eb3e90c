// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Candidates of two spectra of a sample: strontium, which `ore-l` is made not
 * to list, in two spectra by the same set-up, so that what must come of it is
 * plain: gains add where both have it, and one of two that has it has half.
 */
#include "kselftest_harness.h"

#include <string.h>

#include "assay/forecast.h"
#include "assay/method_candidates.h"
#include "assay/report.h"
#include "assay_try.h"

FIXTURE(two)
{
	struct method *m; /* one spectrum */
	struct method *joint;
	struct assay_engine *e;
	struct assay_engine *both;
	struct spectrum *s[2];
	struct assay_result *alone;
	struct assay_result *r;
};

static struct method *load(void)
{
	struct method *m = load_method_or_abort("ore-l");
	size_t at = (size_t)method_find(m, "Sr");
	char why[320];

	m->n_elements--;
	memmove(m->element + at, m->element + at + 1,
		(m->n_elements - at) * sizeof(*m->element));
	if (method_candidates_take(m, "Sr Se Bi Fe", why, sizeof(why)) < 0)
		abort();
	return m;
}

FIXTURE_SETUP(two)
{
	memset(self, 0, sizeof(*self));
	self->m = load();
	self->joint = load();
	self->joint->beside = load();
}

FIXTURE_TEARDOWN(two)
{
	assay_result_free(self->alone);
	assay_result_free(self->r);
	spectrum_free(self->s[0]);
	spectrum_free(self->s[1]);
	assay_engine_free(self->e);
	assay_engine_free(self->both);
	method_free(self->m);
	method_free(self->joint);
}

static void make_engines(FIXTURE_DATA(two) * self)
{
	if (assay_engine_new(self->m, &self->e) < 0 ||
	    assay_engine_new(self->joint, &self->both) < 0)
		abort();
}

/* An ore with so much strontium, in mass fractions. */
static struct spectrum *make(FIXTURE_DATA(two) * self, double strontium)
{
	static const struct {
		const char *symbol;
		double content;
	} ore[] = {
		{ "Si", 0.2 },	 { "Al", 0.05 },  { "Ca", 0.05 },
		{ "Fe", 0.1 },	 { "Ti", 0.01 },  { "Mn", 0.004 },
		{ "Ba", 0.01 },	 { "La", 0.015 }, { "Ce", 0.03 },
		{ "Pr", 0.003 }, { "Nd", 0.01 },  { "Sm", 0.001 },
		{ "Y", 0.0005 }, { "Th", 0.001 }, { "Zr", 0.002 },
		{ "Nb", 0.001 },
	};
	double content[METHOD_MAX_ELEMENTS] = { 0 };
	struct spectrum *s = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(ore); i++)
		content[method_find(self->m, ore[i].symbol)] = ore[i].content;
	content[method_find(self->m, "Sr")] = strontium;
	if (forecast_spectrum(self->e, content, 100e3, 60, &s) < 0)
		abort();
	return s;
}

static const struct assay_element *element(const struct assay_result *r,
					   const char *symbol)
{
	for (size_t i = 0; i < r->n_elements; i++) {
		if (!strcmp(r->element[i].symbol, symbol))
			return &r->element[i];
	}
	abort();
}

static bool is_found(const struct assay_result *r, const char *symbol)
{
	return !(element(r, symbol)->flags & ASSAY_ELEMENT_NOT_FOUND);
}

static void run_alone(FIXTURE_DATA(two) * self, const struct spectrum *s)
{
	self->alone = assay_result_free(self->alone);
	if (assay_engine_run(self->e, s, &self->alone) < 0)
		abort();
}

static void run_both(FIXTURE_DATA(two) * self)
{
	if (assay_engine_run_two(self->both, self->s[0], self->s[1], &self->r) <
	    0)
		abort();
}

/* Strontium that gains so many thresholds in one spectrum. */
static double content_of_gain(FIXTURE_DATA(two) * self, double thresholds)
{
	const double tried = 2e-5;
	struct spectrum *s = make(self, tried);
	double gain;

	run_alone(self, s);
	spectrum_free(s);
	gain = element(self->alone, "Sr")->gain;
	if (!(gain > 0))
		abort();
	return tried *
	       sqrt(thresholds * self->alone->candidates_threshold / gain);
}

TEST_F_TIMEOUT(two, find_together_what_neither_finds_alone, 300)
{
	const struct assay_element *sr;
	double content, threshold;

	make_engines(self);
	content = content_of_gain(self, 0.7);
	self->s[0] = make(self, content);
	self->s[1] = make(self, content);
	run_alone(self, self->s[0]);
	run_both(self);
	threshold = self->r->candidates_threshold;
	EXPECT_FALSE(is_found(self->alone, "Sr"));
	EXPECT_EQ(ASSAY_STOP_CONVERGED, self->r->stop);
	ASSERT_TRUE(is_found(self->r, "Sr"));
	ASSERT_TRUE(is_found(self->r->beside, "Sr"));
	sr = element(self->r, "Sr");
	EXPECT_GT(sr->gain, threshold);
	EXPECT_LT(fabs(sr->gain / (2 * element(self->alone, "Sr")->gain) - 1),
		  0.1)
	{
		TH_LOG("gain %g, alone %g, threshold %g", sr->gain,
		       element(self->alone, "Sr")->gain, threshold);
	}
	EXPECT_LT(fabs(sr->content - 1e6 * content), sr->u);
	/* Rare earths, and iron, stay. */
	EXPECT_TRUE(is_found(self->r, "Fe"));
	EXPECT_TRUE(is_found(self->r, "Lu"));
	EXPECT_FALSE(element(self->r, "Lu")->is_candidate);
}

TEST_F_TIMEOUT(two, that_do_not_agree_find_less_than_one, 300)
{
	double content;

	make_engines(self);
	content = content_of_gain(self, 1.6);
	self->s[0] = make(self, content);
	self->s[1] = make(self, 0);
	run_alone(self, self->s[0]);
	run_both(self);
	EXPECT_TRUE(is_found(self->alone, "Sr"));
	EXPECT_FALSE(is_found(self->r, "Sr"));
	EXPECT_GT(element(self->r, "Sr")->gain, 0);
	EXPECT_LT(fabs(element(self->r, "Sr")->gain /
			       (element(self->alone, "Sr")->gain / 2) -
		       1),
		  0.15);
}

/* What one set-up does not fit is chosen by the other alone. */
TEST_F_TIMEOUT(two, of_which_one_sees_it_go_by_that, 300)
{
	double content;

	self->joint->beside->element[method_find(self->joint->beside, "Sr")]
		.is_silent = true;
	make_engines(self);
	content = content_of_gain(self, 1.6);
	self->s[0] = make(self, content);
	self->s[1] = make(self, content);
	run_alone(self, self->s[0]);
	run_both(self);
	EXPECT_TRUE(is_found(self->r, "Sr"));
	EXPECT_LT(fabs(element(self->r, "Sr")->gain /
			       element(self->alone, "Sr")->gain -
		       1),
		  0.1);
}

TEST_F_TIMEOUT(two, leave_out_what_is_not_there_and_tell_of_it, 300)
{
	const struct assay_element *se, *alone;
	json_t *report;
	const json_t *c;

	make_engines(self);
	self->s[0] = make(self, 0);
	self->s[1] = make(self, 0);
	run_alone(self, self->s[0]);
	run_both(self);
	EXPECT_EQ(ASSAY_STOP_CONVERGED, self->r->stop);
	EXPECT_FALSE(is_found(self->r, "Sr"));
	EXPECT_FALSE(is_found(self->r, "Se"));
	EXPECT_FALSE(is_found(self->r, "Bi"));
	/* What it would have been, known by both. */
	se = element(self->r, "Se");
	alone = element(self->alone, "Se");
	EXPECT_LT(fabs(se->content), 3 * se->u);
	EXPECT_LT(fabs(alone->u / se->u - sqrt(2)), 0.03);
	EXPECT_LT(fabs(alone->lc / se->lc - sqrt(2)), 0.03);
	EXPECT_GT(se->ld, se->lc);
	report = report_json(self->r);
	c = js_get(report, "candidates");
	EXPECT_EQ(self->r->candidates_threshold, js_number(c, "threshold"));
	EXPECT_EQ(0, js_len(js_get(c, "added")));
	EXPECT_EQ(1, js_len(js_get(c, "kept")));
	EXPECT_EQ(1, js_len(js_get(c, "dropped")));
	js_free(report);
}

TEST_HARNESS_MAIN
