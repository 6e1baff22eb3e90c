// SPDX-License-Identifier: GPL-2.0-or-later
/* What a spectrum does not tell is named: two columns of the fit made equal. */
#include "kselftest_harness.h"

#include <string.h>

#include "assay/linalg.h"
#include "assay/report.h"
#include "assay_made.h"

static const struct part ore[] = {
	{ 8, 0.45 },  { 6, 0.10 },  { 20, 0.30 }, { 26, 0.07 },
	{ 57, 0.03 }, { 58, 0.04 }, { 67, 0.01 },
};

FIXTURE(null)
{
	struct method *m;
	struct spectrum *s;
	struct assay_engine *e;
	struct assay_result *r;
};

FIXTURE_SETUP(null)
{
	struct made made;

	self->m = load_method_or_abort("ore-l");
	made_init(&made, self->m);
	self->s = made_spectrum(&made, ore, ARRAY_SIZE(ore), 8, 1);
	made_deinit(&made);
	self->e = NULL;
	self->r = NULL;
}

FIXTURE_TEARDOWN(null)
{
	assay_result_free(self->r);
	assay_engine_free(self->e);
	spectrum_free(self->s);
	method_free(self->m);
}

/* The element of a method becomes another one by the lines of `like`. */
static void copy_element(struct method *m, const char *symbol, const char *like,
			 const char *name)
{
	int to = method_find(m, symbol), from = method_find(m, like);

	if (to < 0 || from < 0)
		abort();
	m->element[to] = m->element[from];
	snprintf(m->element[to].symbol, sizeof(m->element[to].symbol), "%s",
		 name);
}

static const struct assay_element *find(const struct assay_result *r,
					const char *symbol)
{
	for (size_t i = 0; i < r->n_elements; i++)
		if (!strcmp(r->element[i].symbol, symbol))
			return &r->element[i];
	abort();
}

static void run(struct _test_data_null *self)
{
	if (assay_engine_new(self->m, &self->e) < 0 ||
	    assay_engine_run(self->e, self->s, &self->r) < 0)
		abort();
}

TEST_F(null, two_elements_of_the_same_lines_are_named)
{
	json_t *report, *space, *parts;
	double la, ho;

	run(self);
	la = find(self->r, "La")->content;
	ho = find(self->r, "Ho")->content;
	self->r = assay_result_free(self->r);
	self->e = assay_engine_free(self->e);
	copy_element(self->m, "Tm", "Ho", "Hx");
	run(self);
	EXPECT_TRUE(self->r->flags & ASSAY_RIDGE);
	EXPECT_EQ(ASSAY_QUESTIONABLE, self->r->verdict);
	ASSERT_EQ(1, self->r->n_null);
	ASSERT_LE(2, self->r->null_space[0].n_parts);
	for (int i = 0; i < 2; i++) {
		const char *name = self->r->null_space[0].part[i].name;

		EXPECT_EQ('H', name[0]);
		EXPECT_LT(fabs(fabs(self->r->null_space[0].part[i].part) -
			       M_SQRT1_2),
			  0.01);
		EXPECT_TRUE(find(self->r, i ? "Hx" : "Ho")->flags &
			    ASSAY_ELEMENT_NULL_SPACE);
	}
	EXPECT_STRNE(self->r->null_space[0].part[0].name,
		     self->r->null_space[0].part[1].name);
	/* The others are what they are without it, far within u. */
	EXPECT_FALSE(find(self->r, "La")->flags & ASSAY_ELEMENT_NULL_SPACE);
	EXPECT_LT(fabs(find(self->r, "La")->content / la - 1), 0.005);
	/* Together they are what one was; what each is nobody knows. */
	EXPECT_LT(fabs((find(self->r, "Ho")->content +
			find(self->r, "Hx")->content) /
			       ho -
		       1),
		  1e-2);
	EXPECT_GT(find(self->r, "Ho")->u, 10 * ho);
	for (size_t i = 0; i < self->r->n_elements; i++) {
		EXPECT_TRUE(isfinite(self->r->element[i].content));
		EXPECT_TRUE(isfinite(self->r->element[i].u));
	}
	report = report_json(self->r);
	space = js_get(js_get(report, "fit"), "null_space");
	EXPECT_EQ(self->r->ridge, js_number(space, "ridge"));
	EXPECT_NE(NULL, strstr(js_text(space, "why"), "does not tell"));
	parts = js_get(js_at(js_get(space, "vectors"), 0), "parts");
	EXPECT_STREQ(self->r->null_space[0].part[0].name,
		     js_text(js_at(parts, 0), "of"));
	js_free(report);
}

TEST_F(null, each_pair_is_one_combination)
{
	copy_element(self->m, "Tm", "Ho", "Hx");
	copy_element(self->m, "Lu", "Yb", "Yx");
	run(self);
	EXPECT_EQ(2, self->r->n_null);
	EXPECT_TRUE(find(self->r, "Yb")->flags & ASSAY_ELEMENT_NULL_SPACE);
	EXPECT_TRUE(find(self->r, "Hx")->flags & ASSAY_ELEMENT_NULL_SPACE);
}

TEST_F(null, what_is_told_needs_no_ridge)
{
	json_t *report;

	run(self);
	EXPECT_FALSE(self->r->flags & ASSAY_RIDGE);
	EXPECT_EQ(0, self->r->n_null);
	EXPECT_EQ(0, self->r->ridge);
	report = report_json(self->r);
	EXPECT_EQ(NULL, js_get(js_get(report, "fit"), "null_space"));
	js_free(report);
}

/* Rounding may leave a pivot above zero where there is none. */
TEST(pivot_of_rounding_asks_for_a_ridge)
{
	double m[4] = { 1, 0, 1 - 1e-15, 1 }, keep[4], ridge;

	ASSERT_EQ(0, linalg_init());
	ASSERT_EQ(0, linalg_factor(m, 2, 1e-13, keep, &ridge));
	EXPECT_LT(0, ridge);
	EXPECT_EQ(1, keep[3]);
	memcpy(m, (double[4]){ 1, 0, 1 - 1e-15, 1 }, sizeof(m));
	ASSERT_EQ(0, linalg_factor(m, 2, 0, keep, &ridge));
	EXPECT_EQ(0, ridge);
}

TEST_HARNESS_MAIN
