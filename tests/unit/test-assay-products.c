// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The shipped methods beside the ore: a product of each, whose spectrum the
 * model itself made, comes back with what is stated, and what a method by
 * closure says of its balance counts.
 */
#include "kselftest_harness.h"

#include "assay_made.h"

/* The product is a tenth too bright or dim where its current is not known. */
struct product {
	const char *method;
	struct part part[10];
	size_t n;
	size_t judged; /* the first of those that are seen */
	double room; /* relative */
};

static const struct product products[] = {
	/* 12 % of water in kaolin and quartz. */
	{ "ion-clay",
	  { { 1, 0.0134 },
	    { 8, 0.526 },
	    { 13, 0.10 },
	    { 14, 0.31 },
	    { 19, 0.03 },
	    { 26, 0.018 },
	    { 57, 0.0011 },
	    { 39, 0.0015 } },
	  8,
	  3,
	  0.05 },
	/* Bastnaesite with apatite. */
	{ "concentrate",
	  { { 6, 0.045 },
	    { 9, 0.07 },
	    { 8, 0.245 },
	    { 15, 0.02 },
	    { 20, 0.06 },
	    { 57, 0.19 },
	    { 58, 0.30 },
	    { 60, 0.07 } },
	  8,
	  4,
	  0.03 },
	{ "carbonate",
	  { { 1, 0.028 },
	    { 6, 0.06 },
	    { 8, 0.47 },
	    { 57, 0.17 },
	    { 58, 0.20 },
	    { 60, 0.07 } },
	  6,
	  3,
	  0.03 },
	/* Neodymium oxide, 0.1 % of cerium and 0.3 % loss on ignition. */
	{ "oxide",
	  { { 6, 0.0008 }, { 8, 0.14435 }, { 60, 0.85385 }, { 58, 0.001 } },
	  4,
	  2,
	  0.15 },
	{ "magnet",
	  { { 5, 0.010 },
	    { 26, 0.65 },
	    { 27, 0.02 },
	    { 29, 0.002 },
	    { 59, 0.06 },
	    { 60, 0.235 },
	    { 65, 0.003 },
	    { 66, 0.02 } },
	  8,
	  1,
	  0.03 },
	/* Sm-Co of the 2:17 kind. */
	{ "magnet",
	  { { 8, 0.008 },
	    { 5, 0.002 },
	    { 62, 0.255 },
	    { 27, 0.495 },
	    { 26, 0.16 },
	    { 29, 0.05 },
	    { 40, 0.03 } },
	  7,
	  2,
	  0.03 },
};

static const struct assay_element *find(const struct assay_result *r, int z)
{
	for (size_t i = 0; i < r->n_elements; i++) {
		if (r->element[i].z == z)
			return &r->element[i];
	}
	abort();
}

TEST(products_come_back_by_their_methods)
{
	for (size_t k = 0; k < ARRAY_SIZE(products); k++) {
		const struct product *p = &products[k];
		struct method *m = load_method_or_abort(p->method);
		struct assay_engine *e = NULL;
		struct assay_result *r = NULL;
		struct made made;
		struct spectrum *s;

		made_init(&made, m);
		s = made_spectrum(&made, p->part, p->n, 8, 1);
		ASSERT_EQ(0, assay_engine_new(m, &e));
		ASSERT_EQ(0, assay_engine_run(e, s, &r));
		EXPECT_EQ(ASSAY_ACCEPTED, r->verdict)
		{
			TH_LOG("%s: %s", p->method, r->verdict_why);
		}
		for (size_t i = p->judged; i < p->n; i++) {
			double w = p->part[i].w * 1e6;
			const struct assay_element *el = find(r, p->part[i].z);

			EXPECT_LT(fabs(el->content / w - 1), p->room)
			{
				TH_LOG("%s: %s is %g, not %g", p->method,
				       el->symbol, el->content, w);
			}
		}
		assay_result_free(r);
		assay_engine_free(e);
		spectrum_free(s);
		made_deinit(&made);
		method_free(m);
	}
}

/* Half a magnet that is said to be unseen leaves half for the rest. */
TEST(known_balance_is_what_the_metals_leave)
{
	const struct product *p = &products[4];
	struct method *m = load_method_or_abort(p->method);
	struct assay_engine *e = NULL;
	struct assay_result *r = NULL;
	struct made made;
	struct spectrum *s;
	double sum;

	made_init(&made, m);
	s = made_spectrum(&made, p->part, p->n, 8, 1);
	ASSERT_EQ(0, assay_engine_new(m, &e));
	ASSERT_EQ(0, assay_engine_run(e, s, &r));
	EXPECT_EQ(METHOD_SCALE_CLOSURE, r->scale_by);
	EXPECT_LT(fabs(r->oxide_sum - 0.99), 0.003);
	sum = r->oxide_sum;
	r = assay_result_free(r);

	m->matrix.balance = 0.05;
	m->matrix.u_balance = 0.0002;
	ASSERT_EQ(0, assay_engine_run(e, s, &r));
	EXPECT_LT(fabs(r->oxide_sum - 0.95), 0.002);
	r = assay_result_free(r);

	/* Not known at all: the scatter says it. */
	m->matrix.u_balance = 0.5;
	ASSERT_EQ(0, assay_engine_run(e, s, &r));
	EXPECT_LT(fabs(r->oxide_sum - sum), 0.01);
	assay_result_free(r);
	assay_engine_free(e);
	spectrum_free(s);
	made_deinit(&made);
	method_free(m);
}

TEST_HARNESS_MAIN
