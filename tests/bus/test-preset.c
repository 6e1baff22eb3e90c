// SPDX-License-Identifier: GPL-2.0-or-later
/* What ends an assay: live time, real time, counts, an uncertainty; refusals. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "base/clock.h"
#include "ledger/seal.h"
#include "rig.h"

#define ASSAY "org.reespec1.Assay"
#define ERROR "org.reespec1.Error."

FIXTURE(preset)
{
	struct rig r;
};

FIXTURE_SETUP(preset)
{
	rig_start(&self->r, "--settle 0", "idle");
}

FIXTURE_TEARDOWN(preset)
{
	rig_stop(&self->r);
}

/* The result of the only assay, done, with @by as what ended it. */
static json_t *done_by(struct rig *r, const char *by)
{
	json_t *body;
	const char *text = "";

	if (!rig_wait_finished(r, 1))
		return NULL;
	body = rig_record(r, r->result, NULL, NULL, NULL);
	js_get_str(body, "ended_by", &text);
	if (strcmp(text, by))
		printf("# ended by `%s`, not %s\n", text, by);
	return strcmp(text, by) ? js_free(body) : body;
}

static double real_of(json_t *object, const char *key)
{
	double value = -1;

	js_get_real(object, key, &value);
	return value;
}

/* The settings that were sent to the instrument last. */
static const char *sent_last(struct rig *r)
{
	static char text[2048];

	text[0] = '\0';
	for (uint64_t seq = rig_last(r); seq && !text[0]; seq--) {
		CLEANUP(js_freep)
		json_t *body = rig_record(r, seq, NULL, NULL, NULL);

		snprintf(text, sizeof(text), "%s", js_text(body, "sent"));
	}
	return text;
}

TEST_F(preset, ends_with_live_time)
{
	CLEANUP(js_freep) json_t *body = NULL;

	ASSERT_STREQ("",
		     rig_measure(&self->r, "X", "ore-l", 5, "real:1000", NULL));
	body = done_by(&self->r, "live");
	ASSERT_NE(NULL, body);
	EXPECT_EQ(5.0, real_of(body, "live_s"));
}

TEST_F(preset, ends_with_real_time)
{
	CLEANUP(js_freep) json_t *body = NULL;

	ASSERT_STREQ("",
		     rig_measure(&self->r, "X", "ore-l", 1000, "real:5", NULL));
	body = done_by(&self->r, "real");
	ASSERT_NE(NULL, body);
	EXPECT_GE(real_of(body, "real_s"), 5.0);
	EXPECT_LT(real_of(body, "real_s"), 5.1);
}

TEST_F(preset, ends_with_its_counts)
{
	CLEANUP(js_freep) json_t *order = NULL;
	CLEANUP(js_freep) json_t *body = NULL;

	ASSERT_STREQ("", rig_measure(&self->r, "X", "ore-l", 0, "counts:400000",
				     NULL));
	body = done_by(&self->r, "counts");
	ASSERT_NE(NULL, body);
	/* The preset is exact to the count: the slow counter is of a few more
	 * that lie outside of the spectrum. */
	EXPECT_GE(real_of(body, "slow_count"), 400000);
	EXPECT_LT(real_of(body, "slow_count"), 404000);
	/* Of the whole spectrum, whatever part was counted before. */
	EXPECT_NE(NULL, strstr(sent_last(&self->r), "PRCL=0;"));
	EXPECT_NE(NULL, strstr(sent_last(&self->r), "PRCH=8191;"));
	order = rig_order(&self->r);
	EXPECT_EQ(400000, real_of(order, "preset_counts"));
	EXPECT_EQ(3600, real_of(order, "preset_real_s"));
	EXPECT_EQ(0, real_of(order, "preset_live_s"));
}

/* The relative uncertainty of counting of an element in a result. */
static double u_rel_of(json_t *body, const char *symbol)
{
	json_t *elements = js_get(body, "elements");
	const char *text = "";

	for (size_t i = 0; i < js_len(elements); i++) {
		json_t *e = js_at(elements, i);

		js_get_str(e, "symbol", &text);
		if (!strcmp(text, symbol))
			return real_of(e, "u_count_mg_kg") /
			       real_of(e, "content_mg_kg");
	}
	return -1;
}

TEST_F(preset, ends_with_the_uncertainty_asked_for)
{
	CLEANUP(js_freep) json_t *order = NULL;
	CLEANUP(js_freep) json_t *body = NULL;
	const char *text = "";

	ASSERT_STREQ("", rig_measure(&self->r, "X", "ore-l", 0, "until=Nd=3%",
				     "interval:0.5", NULL));
	body = done_by(&self->r, "until");
	ASSERT_NE(NULL, body);
	js_get_str(body, "state", &text);
	EXPECT_STREQ("done", text);
	EXPECT_GT(u_rel_of(body, "Nd"), 0);
	EXPECT_LE(u_rel_of(body, "Nd"), 0.03);
	order = rig_order(&self->r);
	EXPECT_EQ(3600, real_of(order, "preset_real_s"));
	js_get_str(js_get(order, "until"), "element", &text);
	EXPECT_STREQ("Nd", text);
	EXPECT_EQ(0.03, real_of(js_get(order, "until"), "u_rel"));
	EXPECT_TRUE(rig_wait_state(&self->r, "idle"));
}

TEST_F(preset, an_uncertainty_out_of_reach_ends_in_real_time)
{
	CLEANUP(js_freep) json_t *body = NULL;

	ASSERT_STREQ("", rig_measure(&self->r, "X", "ore-l", 0, "until=Tm=0.1%",
				     "real:20", NULL));
	body = done_by(&self->r, "real");
	EXPECT_NE(NULL, body);
}

TEST_F(preset, a_wrong_preset_is_named)
{
	static const char *const wrong[] = {
		"until=Nd",	"until=Nd=",	  "until=Nd=2",
		"until=Nd= 2%", "until=Nd=-2%",	  "until=Nd=nan%",
		"until=Nd=2%%", "until==2%",	  "until=Ndm=2%",
		"until=Nd=0%",	"until=Nd=0.01%", "until=Nd=51%",
		"until=Xx=2%",	"until=Ar=2%",	  "until:2",
		"counts:0",	"counts:1.5",	  "counts:5e9",
		"counts=many",
	};
	static const char *const beyond[] = { "until=Nd=0%", "until=Nd=0.01%",
					      "until=Nd=51%" };
	struct rig *r = &self->r;
	const uint64_t last = rig_last(r);

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		EXPECT_STREQ(ERROR "BadOption",
			     rig_measure(r, "X", "ore-l", 5, wrong[i], NULL))
		TH_LOG("%s", wrong[i]);
		EXPECT_NE(NULL,
			  strstr(rig_message,
				 wrong[i][0] == 'u' ? "`until`" : "`counts`"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(beyond); i++) {
		rig_measure(r, "X", "ore-l", 5, beyond[i], NULL);
		EXPECT_NE(NULL, strstr(rig_message, "must be 0.1 to 50 %"))
		TH_LOG("%s", beyond[i]);
	}
	EXPECT_EQ(last, rig_last(r));
}

TEST_HARNESS_MAIN
