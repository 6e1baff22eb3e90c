// SPDX-License-Identifier: GPL-2.0-or-later
/* Samples that are sorted by the rules of their method while they count. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "rig.h"

#define ERROR "org.reespec1.Error."

FIXTURE(sort)
{
	struct rig r;
	json_t *body; /* of the last result */
	json_t *decision;
};

FIXTURE_SETUP(sort)
{
	rig_start(&self->r, "--settle 0", "idle");
}

FIXTURE_TEARDOWN(sort)
{
	js_free(self->body);
	rig_stop(&self->r);
}

/* A method like ore-l with rules, and one assay by it. */
static bool sorts(FIXTURE_DATA(sort) * self, const char *rules, double live_s,
		  const char *option)
{
	struct rig *r = &self->r;
	char accept[256];

	snprintf(accept, sizeof(accept), "[accept]\n%s", rules);
	rig_method(r, "ruled", "[accept]", accept);
	if (*rig_measure(r, "X", "ruled", live_s, "interval:0.5", option,
			 NULL)) {
		printf("# %s\n", rig_message);
		return false;
	}
	if (!rig_wait_finished(r, r->n_finished + 1))
		return false;
	self->body = rig_record(r, r->result, NULL, NULL, NULL);
	self->decision = js_get(self->body, "decision");
	return self->body;
}

/* Long enough for the first look, however slow the machine is. */
#define LONG_S 60000

/* The ore has 8.9 % of TREO, and 1.4 % of Nd and Pr as oxides. */
#define GOOD "fail_when = P(TREO < 0.5 %) > 5 %\nbin_by = NdPr 0.5 1 2 %"
#define BAD "fail_when = P(TREO < 20 %) > 5 %"

TEST_F_TIMEOUT(sort, a_good_sample_is_done_before_its_preset, 240)
{
	json_t *rule;
	int32_t grade = 0;
	uint32_t looks = 0;

	ASSERT_TRUE(sorts(self, GOOD, LONG_S, "decide"));
	EXPECT_STREQ("decide", js_text(self->body, "ended_by"));
	EXPECT_STREQ("done", js_text(self->body, "state"));
	EXPECT_STREQ("accepted", js_text(self->body, "verdict"));
	EXPECT_STREQ("pass", js_text(self->decision, "outcome"));
	EXPECT_STREQ("look", js_text(self->decision, "when"));
	/* Decided on a spectrum that was smaller than that of the end. */
	EXPECT_GT(js_number(self->decision, "live_s"), 0);
	EXPECT_LE(js_number(self->decision, "live_s"),
		  js_number(self->body, "live_s"));
	EXPECT_LT(js_number(self->body, "live_s"), LONG_S);
	EXPECT_EQ(0, js_get_uint(self->decision, "looks", &looks));
	EXPECT_GE(looks, 1);
	rule = js_at(js_get(self->decision, "rules"), 0);
	EXPECT_STREQ("P(TREO < 0.5 %) > 5 %", js_text(rule, "rule"));
	EXPECT_GT(js_number(rule, "content_mg_kg"), 70000);
	EXPECT_EQ(0, js_get_int(self->decision, "grade", &grade));
	EXPECT_EQ(3, grade);
}

TEST_F_TIMEOUT(sort, a_bad_sample_is_done_too, 240)
{
	ASSERT_TRUE(sorts(self, BAD, LONG_S, "decide"));
	EXPECT_STREQ("decide", js_text(self->body, "ended_by"));
	EXPECT_STREQ("fail", js_text(self->decision, "outcome"));
	/* That is no fault of the measurement. */
	EXPECT_STREQ("accepted", js_text(self->body, "verdict"));
}

/* Within the uncertainty that no time takes away. */
TEST_F_TIMEOUT(sort, what_stays_undecided_is_judged_at_the_end, 240)
{
	json_t *rule;

	ASSERT_TRUE(
		sorts(self, "fail_when = P(TREO < 8.9 %) > 5 %", 20, "decide"));
	EXPECT_STREQ("live", js_text(self->body, "ended_by"));
	EXPECT_STREQ("fail", js_text(self->decision, "outcome"));
	EXPECT_STREQ("last", js_text(self->decision, "when"));
	EXPECT_EQ(js_number(self->body, "live_s"),
		  js_number(self->decision, "live_s"));
	rule = js_at(js_get(self->decision, "rules"), 0);
	EXPECT_LT(js_number(rule, "limit"), 0.0451);
}

/* Nothing is looked at, and the limit is as it is written. */
TEST_F_TIMEOUT(sort, without_decide_it_is_judged_once, 240)
{
	CLEANUP(js_freep) json_t *reading = NULL;
	json_t *rule;

	ASSERT_TRUE(sorts(self, BAD, 20, NULL));
	EXPECT_STREQ("live", js_text(self->body, "ended_by"));
	EXPECT_STREQ("fail", js_text(self->decision, "outcome"));
	EXPECT_STREQ("once", js_text(self->decision, "when"));
	rule = js_at(js_get(self->decision, "rules"), 0);
	EXPECT_EQ(0.05, js_number(rule, "limit"));
	EXPECT_EQ(NULL, js_get(self->decision, "looks"));
	/* Nor does an estimate tell. */
	for (uint64_t seq = self->r.result - 1; seq > 1; seq--) {
		js_free(reading);
		reading = rig_record(&self->r, seq, NULL, NULL, NULL);
		EXPECT_EQ(NULL,
			  js_get(js_get(reading, "estimate"), "decision"));
	}
}

TEST_F_TIMEOUT(sort, a_method_without_rules_cannot_decide, 240)
{
	EXPECT_STREQ(ERROR "BadOption",
		     rig_measure(&self->r, "X", "ore-l", 5, "decide", NULL));
	EXPECT_NE(NULL, strstr(rig_message, "neither fail_when nor bin_by"));
}

TEST_F_TIMEOUT(sort, a_rule_about_nothing_is_a_mistake_of_the_method, 240)
{
	rig_method(&self->r, "ruled", "[accept]",
		   "[accept]\nfail_when = P(NdAu < 1 %) > 5 %");
	EXPECT_STREQ(ERROR "BadMethod",
		     rig_measure(&self->r, "X", "ruled", 5, NULL));
	EXPECT_NE(NULL, strstr(rig_message, "fail_when"));
	EXPECT_NE(NULL,
		  strstr(rig_message,
			 "NdAu: Au is not among the elements; there are "));
	rig_method(&self->r, "ruled", "[accept]",
		   "[accept]\nbin_by = ArNd 1 %");
	EXPECT_STREQ(ERROR "BadMethod",
		     rig_measure(&self->r, "X", "ruled", 5, NULL));
	EXPECT_NE(NULL,
		  strstr(rig_message,
			 "ArNd: Ar is not among the elements; there are "));
}

/* What the method rejects decides nothing. */
TEST_F_TIMEOUT(sort, a_rejected_result_has_no_decision, 240)
{
	ASSERT_TRUE(sorts(self, GOOD, 0.3, "decide"));
	EXPECT_STREQ("rejected", js_text(self->body, "verdict"));
	EXPECT_EQ(NULL, self->decision);
}

TEST_HARNESS_MAIN
