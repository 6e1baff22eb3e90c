// SPDX-License-Identifier: GPL-2.0-or-later
/* Moisture and loss on ignition that were stated of a sample. */
#include "kselftest_harness.h"

#include <errno.h>
#include <string.h>

#include "assay/loss.h"
#include "assay/report.h"
#include "assay_made.h"

#define EXPECT_NEAR(want, got, room)                                    \
	EXPECT_LT(fabs((double)(got) - (double)(want)), (double)(room)) \
	{                                                               \
		TH_LOG("want %g, got %g, room %g", (double)(want),      \
		       (double)(got), (double)(room));                  \
	}

/* ---- what a person states ------------------------------------------------- */

TEST(numbers_of_percent_are_taken_with_and_without_the_sign)
{
	static const struct {
		const char *text;
		double want;
	} good[] = { { "0", 0 },
		     { "12.5", 0.125 },
		     { "12.5%", 0.125 },
		     { "8.25 %", 0.0825 },
		     { "99.9", 0.999 } };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct spectrum s = { .moisture = NAN, .loi = NAN };

		EXPECT_EQ(0, loss_take(&s, "moisture", good[i].text));
		EXPECT_NEAR(good[i].want, s.moisture, 1e-12);
		EXPECT_TRUE(isnan(s.loi));
		EXPECT_EQ(0, loss_take(&s, "loi", good[i].text));
		EXPECT_NEAR(good[i].want, s.loi, 1e-12);
	}
}

TEST(what_is_no_share_of_the_sample_is_refused)
{
	static const char *const bad[] = { "-1",    "100", "101", "",	"wet",
					   "nan",   "inf", "0x8", " 8", "8 kg",
					   "8 % %", "8,5", "+8",  ".5" };
	static const char *const keys[] = { "moisture", "loi" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			struct spectrum s = { .moisture = NAN, .loi = NAN };

			EXPECT_EQ(-EINVAL, loss_take(&s, keys[k], bad[i]));
			EXPECT_TRUE(isnan(s.moisture) && isnan(s.loi));
		}
	}
}

TEST(other_keys_are_none_of_its_business)
{
	struct spectrum s = { .moisture = NAN, .loi = NAN };

	EXPECT_EQ(0, loss_take(&s, "lot", "wet"));
	EXPECT_EQ(0, loss_take(&s, "moisture_by", "wet"));
	EXPECT_TRUE(isnan(s.moisture) && isnan(s.loi));
}

TEST(keys_of_a_record_are_taken_as_far_as_they_are_numbers)
{
	struct spectrum s = { .moisture = NAN, .loi = NAN };
	json_t *keys = js_pack("{s:s, s:s, s:s}", "lot", "7", "moisture", "wet",
			       "loi", "20");

	loss_take_keys(&s, NULL);
	loss_take_keys(&s, keys);
	EXPECT_TRUE(isnan(s.moisture));
	EXPECT_NEAR(0.2, s.loi, 1e-12);
	js_free(keys);
}

/* ---- what it does to contents --------------------------------------------- */

/* Lanthanum and iron oxide with water and carbon dioxide. */
#define WATER 0.10
#define GAS 0.18

static const struct part ore[] = {
	{ 57, 0.85269 * 0.30 }, { 8, 0.14731 * 0.30 },	{ 26, 0.69943 * 0.42 },
	{ 8, 0.30057 * 0.42 },	{ 1, 0.11190 * WATER }, { 8, 0.88810 * WATER },
	{ 6, 0.27291 * GAS },	{ 8, 0.72709 * GAS },
};

#define LA_MG_KG (0.85269 * 0.30e6)

FIXTURE(loss)
{
	struct method *m;
	struct made made;
	struct spectrum *s;
	struct assay_engine *e;
	struct assay_result *r;
};

FIXTURE_SETUP(loss)
{
	self->m = load_method_or_abort("ore-l");
	made_init(&self->made, self->m);
	self->s = made_spectrum(&self->made, ore, ARRAY_SIZE(ore), 8, 1);
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
	self->r = NULL;
}

FIXTURE_TEARDOWN(loss)
{
	assay_result_free(self->r);
	assay_engine_free(self->e);
	spectrum_free(self->s);
	made_deinit(&self->made);
	method_free(self->m);
}

/* Contents with what is stated, NAN for not. */
static const struct assay_element *run(struct _test_data_loss *self,
				       double moisture, double loi)
{
	self->r = assay_result_free(self->r);
	self->s->moisture = moisture;
	self->s->loi = loi;
	if (assay_engine_run(self->e, self->s, &self->r) < 0)
		abort();
	return &self->r->element[method_find(self->m, "La")];
}

/* By closure the oxides are what is left, so a loss shows whole. */
TEST_F(loss, stated_loss_leaves_less_to_the_oxides_by_closure)
{
	const struct assay_element *la;

	self->m->matrix.scale = METHOD_SCALE_CLOSURE;
	la = run(self, NAN, NAN);
	EXPECT_GT(la->content, 1.25 * LA_MG_KG);
	la = run(self, WATER, GAS / (1 - WATER));
	EXPECT_EQ(ASSAY_STOP_CONVERGED, self->r->stop);
	EXPECT_NEAR(LA_MG_KG, la->content, 0.02 * LA_MG_KG);
	EXPECT_NEAR(WATER + GAS, self->r->loss, 0.01);
	EXPECT_NEAR(WATER + GAS, self->r->balance, 0.01);
	/* The loss is as uncertain as the method says of a stated one. */
	EXPECT_GT(la->u, 0.5 * self->m->matrix.u_loi * la->content);
}

/* Only one is stated: the method's balance is of what was dried. */
TEST_F(loss, moisture_goes_beside_the_balance_of_a_method)
{
	const struct assay_element *la;

	self->m->matrix.scale = METHOD_SCALE_CLOSURE;
	self->m->matrix.balance = GAS / (1 - WATER);
	la = run(self, WATER, NAN);
	EXPECT_NEAR(LA_MG_KG, la->content, 0.02 * LA_MG_KG);
	/* What is stated of the sample goes before it. */
	self->m->matrix.balance = 0.5;
	la = run(self, NAN, WATER + GAS);
	EXPECT_NEAR(LA_MG_KG, la->content, 0.02 * LA_MG_KG);
}

/* Of the dried sample, whose oxides do not hang on how wet it was. */
TEST_F(loss, dry_contents_know_that_the_wet_ones_hang_on_moisture)
{
	const struct assay_element *la;
	const struct assay_sum *treo;
	double apart;

	self->m->matrix.scale = METHOD_SCALE_CLOSURE;
	self->m->matrix.u_moisture = 0.02;
	/* Of a scatter that says little they hang on it the more. */
	self->m->matrix.u_compton = self->m->matrix.u_rayleigh = 1;
	self->m->matrix.u_continuum = 1;
	la = run(self, WATER, GAS / (1 - WATER));
	EXPECT_NEAR(la->content / (1 - WATER), la->dry.content,
		    1e-9 * la->content);
	EXPECT_LT(la->with_moisture, 0);
	apart = hypot(la->u, la->dry.content * 0.02) / (1 - WATER);
	EXPECT_LT(la->dry.u, 0.8 * apart);
	EXPECT_LT(la->dry.u, la->u / (1 - WATER));
	treo = &self->r->sum[ASSAY_TREO];
	EXPECT_NEAR(treo->content / (1 - WATER), treo->dry.content,
		    1e-9 * treo->content);
	EXPECT_LT(treo->dry.u, treo->u / (1 - WATER));
	EXPECT_GT(treo->dry.u, 0);
}

/* The scatter has the exposure: a stated loss must not spoil what is right. */
TEST_F(loss, right_loss_leaves_contents_by_scatter_right)
{
	const struct assay_element *la;

	la = run(self, NAN, NAN);
	EXPECT_NEAR(LA_MG_KG, la->content, 0.02 * LA_MG_KG);
	la = run(self, WATER, GAS / (1 - WATER));
	EXPECT_EQ(ASSAY_STOP_CONVERGED, self->r->stop);
	EXPECT_NEAR(LA_MG_KG, la->content, 0.02 * LA_MG_KG);
	EXPECT_GE(self->r->balance, self->r->loss);
	/* Within the sigma of what is stated. */
	EXPECT_NEAR(WATER + GAS, self->r->loss, 2 * self->m->matrix.u_loi);
	EXPECT_GT(self->r->u_loss, 0);
}

/* No more than there is, and numbers whatever is stated. */
TEST_F(loss, loss_that_cannot_be_gives_numbers_and_a_flag)
{
	static const double odd[][2] = {
		{ 0.999, 0.999 }, { 0.9, NAN }, { 0, 0 }, { NAN, 0.6 }
	};

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		const struct assay_element *la =
			run(self, odd[i][0], odd[i][1]);

		EXPECT_TRUE(isfinite(la->content) && isfinite(la->u));
		EXPECT_TRUE(isfinite(la->dry.content) && isfinite(la->dry.u));
		EXPECT_TRUE(isfinite(self->r->balance));
		EXPECT_LE(self->r->balance, 1);
		if (i < 2)
			EXPECT_NE(ASSAY_ACCEPTED, self->r->verdict);
	}
}

TEST_F(loss, refit_follows_a_stated_loss_and_not_a_changed_one)
{
	enum assay_follow how;

	self->s->moisture = WATER;
	ASSERT_EQ(0, assay_engine_follow(self->e, self->s, &self->r, &how));
	EXPECT_EQ(ASSAY_RUN_FIRST, how);
	ASSERT_EQ(0, assay_engine_follow(self->e, self->s, &self->r, &how));
	EXPECT_EQ(ASSAY_REFITTED, how);
	EXPECT_NEAR(WATER, self->r->loss, 0.01);
	self->s->moisture = 0.5 * WATER;
	ASSERT_EQ(0, assay_engine_follow(self->e, self->s, &self->r, &how));
	EXPECT_EQ(ASSAY_RUN_OTHER, how);
	self->s->loi = 0.1;
	ASSERT_EQ(0, assay_engine_follow(self->e, self->s, &self->r, &how));
	EXPECT_EQ(ASSAY_RUN_OTHER, how);
}

TEST_F(loss, record_says_what_was_stated_and_of_what_contents_are)
{
	json_t *report, *loss, *la, *treo;
	double dry, content;

	run(self, NAN, NAN);
	report = report_json(self->r);
	EXPECT_EQ(NULL, js_get(report, "loss"));
	EXPECT_EQ(NULL,
		  js_get(js_at(js_get(report, "elements"), 0), "dry_mg_kg"));
	js_free(report);
	run(self, WATER, 0.2);
	report = report_json(self->r);
	loss = js_get(report, "loss");
	EXPECT_NEAR(WATER, js_number(loss, "moisture"), 1e-12);
	EXPECT_NEAR(0.2, js_number(loss, "loi"), 1e-12);
	EXPECT_NEAR(self->r->loss, js_number(loss, "found"), 1e-12);
	EXPECT_NE(NULL, strstr(js_text(loss, "basis"), "as measured"));
	la = js_at(js_get(report, "elements"), 0);
	ASSERT_EQ(0, js_get_real(la, "dry_mg_kg", &dry));
	ASSERT_EQ(0, js_get_real(la, "content_mg_kg", &content));
	EXPECT_NEAR(content / (1 - WATER), dry, 1e-9 * fabs(dry));
	treo = js_get(js_get(report, "sums"), "TREO");
	EXPECT_GT(js_number(treo, "dry_mg_kg"),
		  js_number(treo, "content_mg_kg"));
	EXPECT_GT(js_number(treo, "u_dry_mg_kg"), 0);
	js_free(report);
	/* Nothing of a dried sample where only the loss is stated. */
	run(self, NAN, 0.2);
	report = report_json(self->r);
	EXPECT_EQ(NULL, js_get(js_get(report, "loss"), "moisture"));
	EXPECT_EQ(NULL,
		  js_get(js_get(js_get(report, "sums"), "TREO"), "dry_mg_kg"));
	js_free(report);
}

TEST(moisture_needs_a_method_that_knows_water)
{
	struct method *m = load_method_or_abort("magnet");
	struct spectrum *s = read_mca("tests/data/BST-ORE.mca");
	struct assay_result *r = NULL;
	struct assay_engine *e;

	ASSERT_EQ(0, assay_engine_new(m, &e));
	s->moisture = 0.1;
	EXPECT_EQ(-EINVAL, assay_engine_run(e, s, &r));
	EXPECT_NE(NULL, strstr(assay_engine_why(e), "hydrogen"));
	s->moisture = 1;
	EXPECT_EQ(-EINVAL, assay_engine_run(e, s, &r));
	EXPECT_NE(NULL, strstr(assay_engine_why(e), "below 100 %"));
	spectrum_free(s);
	assay_engine_free(e);
	method_free(m);
}

TEST_HARNESS_MAIN
