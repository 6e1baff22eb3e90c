// SPDX-License-Identifier: GPL-2.0-or-later
/* Assays over the bus: from Measure to the announced result, and refusals. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "base/clock.h"
#include "ledger/seal.h"
#include "rig.h"

#define ASSAY "org.reespec1.Assay"
#define ERROR "org.reespec1.Error."

FIXTURE(assay)
{
	struct rig r;
};

FIXTURE_SETUP(assay)
{
	rig_start(&self->r, "--settle 0", "idle");
}

FIXTURE_TEARDOWN(assay)
{
	rig_stop(&self->r);
}

TEST_F(assay, ends_in_a_signed_result)
{
	struct rig *r = &self->r;
	CLEANUP(js_freep) json_t *body = NULL;
	const char *text = NULL;
	bool simulated = false;
	size_t n_counts = 0;
	uint64_t before_us = clock_realtime_us();
	uint64_t started_us = 0, ended_us = 0;
	double live = 0;
	char sig[128];

	ASSERT_STREQ("", rig_measure(r, "BST-ORE", "ore-l", 20, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("done", r->verdict);
	EXPECT_STREQ("BST-ORE", r->sample);

	body = rig_record(r, r->result, NULL, sig, &n_counts);
	ASSERT_NE(NULL, body);
	EXPECT_EQ(88, strlen(sig));
	EXPECT_EQ(2048, n_counts);
	js_get_str(body, "kind", &text);
	EXPECT_STREQ("result", text);
	js_get_str(body, "state", &text);
	EXPECT_STREQ("done", text);
	EXPECT_EQ(0, clock_parse(js_text(body, "started"), &started_us));
	EXPECT_EQ(0, clock_parse(js_text(body, "time"), &ended_us));
	EXPECT_LE(before_us, started_us);
	/* 20 s of live time by an emulator ten times as fast. */
	EXPECT_LE(started_us + 1900000, ended_us);
	js_get_bool(body, "simulated", &simulated);
	EXPECT_TRUE(simulated);
	js_get_real(body, "live_s", &live);
	EXPECT_EQ(20.0, live);
	EXPECT_GT(js_len(js_get(body, "elements")), 20);
	EXPECT_LT(200, js_len(js_get(js_get(body, "correlation"), "lower")));

	EXPECT_STREQ("done", rig_text(r, rig_path, ASSAY, "State"));
	EXPECT_STREQ("", rig_text(r, rig_path, ASSAY, "Error"));
	EXPECT_TRUE(rig_wait_state(r, "idle"));
	EXPECT_TRUE(rig_verifies(r));
}

TEST_F(assay, records_what_was_sent_and_read_back)
{
	struct rig *r = &self->r;
	const char *kind, *sent, *got;
	bool is_seen = false;

	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 5, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	for (uint64_t seq = 1; seq <= rig_last(r); seq++) {
		CLEANUP(js_freep)
		json_t *body = rig_record(r, seq, NULL, NULL, NULL);

		js_get_str(body, "kind", &kind);
		if (strcmp(kind, "config"))
			continue;
		is_seen = true;
		js_get_str(body, "sent", &sent);
		js_get_str(body, "read_back", &got);
		EXPECT_NE(NULL, strstr(sent, "GAIN=23.500;"));
		EXPECT_NE(NULL, strstr(sent, "PRET=5.0;"));
		/* Nor may a preset of the assay before end this one. */
		EXPECT_NE(NULL, strstr(sent, "PRER=OFF;"));
		EXPECT_NE(NULL, strstr(sent, "PREC=OFF;"));
		EXPECT_NE(NULL, strstr(sent, "MCAE=OFF;"));
		/* In the instrument's own step, so not the same text. */
		EXPECT_NE(NULL, strstr(got, "GAIN="));
	}
	EXPECT_TRUE(is_seen);
}

static unsigned int told;

static bool is_told_more(struct rig *r)
{
	return r->n_finished || r->n_batches > told;
}

TEST_F(assay, is_announced_after_the_commit)
{
	struct rig *r = &self->r;
	uint64_t expected;
	char hash[65];

	ASSERT_STREQ("", rig_call(r, RIG_ROOT, "org.reespec1.Ledger", "Follow",
				  "st", "order", (uint64_t)0));
	expected = rig_last(r) + 1;
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 20, NULL));
	for (unsigned int n = 0; !r->n_finished || n < r->n_batches;) {
		struct rig_batch *b = &r->batches[n];

		if (n == r->n_batches) {
			told = n;
			ASSERT_TRUE(rig_wait(r, 20, is_told_more));
			continue;
		}
		/* Told means readable, whole, in order and with its hash. */
		EXPECT_EQ(expected, b->first);
		for (uint64_t seq = b->first; seq <= b->last; seq++) {
			CLEANUP(js_freep)
			json_t *body = rig_record(r, seq, hash, NULL, NULL);

			ASSERT_NE(NULL, body);
		}
		EXPECT_STREQ(b->head, hash);
		ASSERT_STREQ("",
			     rig_call(r, RIG_ROOT, "org.reespec1.Ledger", "Ack",
				      "sts", "order", b->last, hash));
		expected = b->last + 1;
		n++;
	}
	EXPECT_EQ(expected, r->result + 1);
}

static bool has_estimate(struct rig *r)
{
	return rig_text(r, rig_path, ASSAY, "Estimate")[0];
}

static bool has_refit(struct rig *r)
{
	return strstr(rig_text(r, rig_path, ASSAY, "Estimate"),
		      "\"refit\":true");
}

/* The first estimates are whole fits, as long as sigmas fall fast. */
TEST_F_TIMEOUT(assay, shows_estimates_while_counting, 300)
{
	struct rig *r = &self->r;
	const char *by = "";
	bool is_refit = true;

	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 4000, NULL));
	ASSERT_TRUE(rig_wait_state(r, "measuring"));
	ASSERT_TRUE(rig_wait(r, 120, has_estimate));
	EXPECT_NE(NULL, strstr(rig_text(r, rig_path, ASSAY, "Estimate"),
			       "\"elements\":[{\"symbol\""));
	EXPECT_EQ(NULL, strstr(rig_text(r, rig_path, ASSAY, "Estimate"),
			       "\"correlation\":"));
	/* Most cost a hundredth of a fit; what is recorded is a whole one. */
	ASSERT_TRUE(rig_wait(r, 240, has_refit));
	EXPECT_EQ(0, r->n_finished);
	ASSERT_STREQ("", rig_call(r, rig_path, ASSAY, "Finish", ""));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("done", r->verdict);
	json_t *body = rig_record(r, r->result, NULL, NULL, NULL);

	js_get_str(body, "ended_by", &by);
	EXPECT_STREQ("operator", by);
	js_get_bool(js_get(body, "fit"), "refit", &is_refit);
	EXPECT_FALSE(is_refit);
	js_free(body);
}

TEST_F(assay, estimates_the_method_rejects_are_not_shown)
{
	struct rig *r = &self->r;
	const char *estimate;

	rig_method(r, "greedy", "min_counts = 100000",
		   "min_counts = 100000000");
	ASSERT_STREQ("", rig_measure(r, "X", "greedy", 100, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	for (uint64_t seq = 1; seq <= rig_last(r); seq++) {
		CLEANUP(js_freep)
		json_t *body = rig_record(r, seq, NULL, NULL, NULL);

		EXPECT_EQ(NULL, js_get(body, "estimate"));
	}
	estimate = rig_text(r, rig_path, ASSAY, "Estimate");
	EXPECT_STREQ("", estimate);
}

TEST_F(assay, unknown_method_lists_those_there_are)
{
	struct rig *r = &self->r;

	EXPECT_STREQ(ERROR "UnknownMethod",
		     rig_measure(r, "X", "frob", 5, NULL));
	EXPECT_NE(NULL, strstr(rig_message, "`frob`"));
	EXPECT_NE(NULL, strstr(rig_message, "ore-l"));
	EXPECT_STREQ(ERROR "UnknownMethod",
		     rig_measure(r, "X", "../ore-l", 5, NULL));
}

TEST_F(assay, a_method_for_two_spectra_is_not_measured_by)
{
	struct rig *r = &self->r;
	char path[300];
	FILE *f;

	rig_method(r, "one", "name = ore-l", "name = one");
	snprintf(path, sizeof(path), "%s/two.ini", r->methods);
	f = fopen(path, "we");
	ASSERT_NE(NULL, f);
	fputs("[method]\nname = two\njoin = one one\n", f);
	fclose(f);
	EXPECT_STREQ(ERROR "BadMethod", rig_measure(r, "X", "two", 5, NULL));
	EXPECT_NE(NULL, strstr(rig_message, "two.ini:3: join: "));
}

TEST_F(assay, bad_method_names_file_line_and_key)
{
	struct rig *r = &self->r;

	rig_method(r, "bad", "preset_live_s", "preset_livid_s");
	EXPECT_STREQ(ERROR "BadMethod", rig_measure(r, "X", "bad", 5, NULL));
	EXPECT_NE(NULL, strstr(rig_message, "bad.ini:"));
	EXPECT_NE(NULL, strstr(rig_message, "preset_livid_s"));
	rig_method(r, "worse", "GAIN=23.500;", "GAIN=;");
	EXPECT_STREQ(ERROR "BadMethod", rig_measure(r, "X", "worse", 5, NULL));
	EXPECT_NE(NULL, strstr(rig_message, "GAIN"));
}

/* A calibration of one element, sealed, beside the method that names it. */
static void put_calibration(struct rig *r, const char *name, bool is_whole)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	char path[256];
	FILE *f;

	if (buf_append_str(
		    &text,
		    "{\"reespec_calibration\":1,\"anode\":\"Ag\",\"kv\":50,"
		    "\"factors\":[{\"symbol\":\"La\",\"line\":\"L\",\"k\":1.05,"
		    "\"standards\":1}],\"covariance\":[0.0001]}\n") < 0 ||
	    seal_append(&text, NULL) < 0)
		abort();
	if (!is_whole)
		memcpy(strstr(text.data, "1.05"), "1.06", 4);
	snprintf(path, sizeof(path), "%s/%s.cal", r->methods, name);
	f = fopen(path, "we");
	if (!f || fwrite(text.data, 1, text.len, f) != text.len || fclose(f))
		abort();
}

TEST_F(assay, altered_calibration_is_refused)
{
	struct rig *r = &self->r;

	put_calibration(r, "lab", false);
	rig_method(r, "mine", "[model]", "[model]\ncalibration = lab.cal");
	EXPECT_STREQ(ERROR "BadMethod", rig_measure(r, "X", "mine", 5, NULL));
	EXPECT_NE(NULL, strstr(rig_message, "lab.cal"));
	EXPECT_NE(NULL, strstr(rig_message, "altered"));
}

TEST_F(assay, result_names_its_calibration)
{
	CLEANUP(js_freep) json_t *body = NULL;
	struct rig *r = &self->r;
	const json_t *used;

	put_calibration(r, "lab", true);
	rig_method(r, "mine", "[model]", "[model]\ncalibration = lab.cal");
	ASSERT_STREQ("", rig_measure(r, "X", "mine", 2, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	body = rig_record(r, r->result, NULL, NULL, NULL);
	used = js_get(body, "calibration");
	EXPECT_STREQ("lab.cal", js_text(used, "file"));
	EXPECT_EQ(64, strlen(js_text(used, "sha256")));
}

TEST_F(assay, unknown_option_is_named)
{
	struct rig *r = &self->r;
	const uint64_t last = rig_last(r);

	EXPECT_STREQ(ERROR "BadOption",
		     rig_measure(r, "X", "ore-l", 5, "frobnicate", NULL));
	EXPECT_NE(NULL, strstr(rig_message, "`frobnicate`"));
	/* A known one of the wrong type, out of range, missing. */
	EXPECT_STREQ(ERROR "BadOption",
		     rig_measure(r, "X", "ore-l", 0, "live", NULL));
	EXPECT_NE(NULL, strstr(rig_message, "`live`"));
	EXPECT_STREQ(ERROR "BadOption",
		     rig_measure(r, "X", "ore-l", 0.001, NULL));
	EXPECT_STREQ(ERROR "BadOption", rig_measure(r, "X", NULL, 5, NULL));
	EXPECT_NE(NULL, strstr(rig_message, "`method`"));
	EXPECT_STREQ(ERROR "BadSample", rig_measure(r, "", "ore-l", 5, NULL));
	EXPECT_STREQ(ERROR "BadSample",
		     rig_measure(r, "a\nb", "ore-l", 5, NULL));
	EXPECT_EQ(last, rig_last(r));
}

/* Kind and keys stand in the assay's record and in its result. */
static bool is_identified(json_t *body)
{
	const char *text = "";

	js_get_str(body, "sample_kind", &text);
	if (strcmp(text, "duplicate"))
		return false;
	js_get_str(js_get(body, "keys"), "lot", &text);
	if (strcmp(text, "7/2026"))
		return false;
	js_get_str(js_get(body, "keys"), "origin", &text);
	return !strcmp(text, "Байкал") && js_len(js_get(body, "keys")) == 2;
}

TEST_F(assay, says_what_its_sample_is)
{
	CLEANUP(js_freep) json_t *order = NULL;
	CLEANUP(js_freep) json_t *body = NULL;
	struct rig *r = &self->r;

	ASSERT_STREQ("",
		     rig_measure(r, "X", "ore-l", 5, "kind=duplicate",
				 "key@lot=7/2026", "key@origin=Байкал", NULL));
	EXPECT_STREQ("duplicate", rig_text(r, rig_path, ASSAY, "Kind"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	order = rig_order(r);
	EXPECT_TRUE(is_identified(order));
	body = rig_record(r, r->result, NULL, NULL, NULL);
	EXPECT_TRUE(is_identified(body));
	EXPECT_TRUE(rig_verifies(r));
}

TEST_F(assay, is_of_a_plain_sample_by_default)
{
	CLEANUP(js_freep) json_t *order = NULL;
	const char *text = "";

	ASSERT_STREQ("", rig_measure(&self->r, "X", "ore-l", 5, NULL));
	order = rig_order(&self->r);
	js_get_str(order, "sample_kind", &text);
	EXPECT_STREQ("sample", text);
	EXPECT_EQ(NULL, js_get(order, "keys"));
}

TEST_F(assay, wrong_kinds_and_keys_are_named)
{
	static const char *const wrong[][2] = {
		{ "kind=frob", "`frob`" },
		{ "kind:1", "`kind`" },
		{ "keys=lot", "`keys`" },
		{ "key@Lot=1", "`Lot`" },
		{ "key@=1", "`keys`" },
		{ "key@lot=", "`lot`" },
		{ "key@lot=a\nb", "`lot`" },
		{ "key@moisture=-1", "`moisture`" },
		{ "key@loi=100", "`loi`" },
		{ "key@loi=wet", "`wet`" },
		/* CSI in one character, and text that runs to the left. */
		{ "key@lot=\xc2\x9b", "`lot`" },
		{ "key@lot=\xe2\x80\xae", "`lot`" },
		{ "key@a\xc2\x9b=1", "`a?`" },
		{ "key@abcdefghijabcdefghijabcdefghijab=1", "1 to 31" },
	};
	static char longest[4 + 257 + 4];
	static char many[20][230];
	struct rig *r = &self->r;
	const uint64_t last = rig_last(r);

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		EXPECT_STREQ(ERROR "BadOption",
			     rig_measure(r, "X", "ore-l", 5, wrong[i][0], NULL))
		TH_LOG("%s", wrong[i][0]);
		EXPECT_NE(NULL, strstr(rig_message, wrong[i][1]))
		TH_LOG("%s", rig_message);
	}
	EXPECT_STREQ(ERROR "BadOption",
		     rig_measure(r, "X", "ore-l", 5, "key@lot=1", "key@lot=2",
				 NULL));
	EXPECT_NE(NULL, strstr(rig_message, "twice"));
	snprintf(longest, sizeof(longest), "key@a=%0257d", 7);
	EXPECT_STREQ(ERROR "BadOption",
		     rig_measure(r, "X", "ore-l", 5, longest, NULL));
	EXPECT_NE(NULL, strstr(rig_message, "256 bytes"));
	for (int i = 0; i < 20; i++)
		snprintf(many[i], sizeof(many[i]), "key@a%d=%0220d", i, i);
	EXPECT_STREQ(ERROR "BadOption",
		     rig_measure(r, "X", "ore-l", 5, many[0], many[1], many[2],
				 many[3], many[4], many[5], many[6], many[7],
				 many[8], many[9], many[10], many[11], many[12],
				 many[13], many[14], many[15], many[16],
				 many[17], many[18], NULL));
	EXPECT_NE(NULL, strstr(rig_message, "4096"));
	EXPECT_EQ(last, rig_last(r));
}

/* A list is checked before its first sample, whatever the instrument does. */
TEST_F(assay, is_checked_without_being_measured)
{
	struct rig *r = &self->r;
	uint64_t last;

	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 5, NULL));
	last = rig_last(r);
	EXPECT_STREQ("", rig_measure(r, "Y", "ore-l", 5, "check", NULL));
	EXPECT_STREQ("/", rig_path);
	EXPECT_STREQ("", rig_measure(r, "Y", NULL, 0, "check", NULL));
	EXPECT_STREQ(ERROR "UnknownMethod",
		     rig_measure(r, "Y", "ore-x", 5, "check", NULL));
	EXPECT_STREQ(ERROR "BadOption",
		     rig_measure(r, "Y", "ore-l", 5, "until=Xx=2%", "check",
				 NULL));
	EXPECT_STREQ(ERROR "BadSample",
		     rig_measure(r, "", "ore-l", 5, "check", NULL));
	EXPECT_EQ(last, rig_last(r));
}

/* Half a character in a message would take the bus from the daemon. */
TEST_F(assay, a_long_name_is_cut_at_a_whole_character)
{
	static const char name[] =
		"a234567890123456789012345678901234567890123456789012345678901"
		"23\xc3\xa9";
	struct rig *r = &self->r;

	EXPECT_STREQ(ERROR "BadOption",
		     rig_measure(r, "X", "ore-l", 5, name, NULL));
	EXPECT_NE(NULL, strstr(rig_message, "no such option"));
	EXPECT_STREQ("ok",
		     rig_text(r, RIG_ROOT, "org.reespec1.Manager", "Health"));
	EXPECT_FALSE(rig_log_has(r, "lost"));

	/* In a sample's name, which the computation cuts: its contents are found all the same. */
	ASSERT_STREQ("", rig_measure(r, name + 1, "ore-l", 5, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ(name + 1, r->sample);
	EXPECT_STREQ("", rig_text(r, rig_path, ASSAY, "Error"));
}

TEST_F(assay, second_one_is_refused)
{
	struct rig *r = &self->r;

	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 1000, NULL));
	EXPECT_STREQ(ERROR "Busy", rig_measure(r, "Y", "ore-l", 5, NULL));
}

TEST_F(assay, cancelled_says_why)
{
	struct rig *r = &self->r;
	CLEANUP(js_freep) json_t *body = NULL;
	const char *text = NULL;
	char path[128];

	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 1000, NULL));
	strcpy(path, rig_path);
	ASSERT_TRUE(rig_wait_state(r, "measuring"));
	EXPECT_STREQ(ERROR "BadOption",
		     rig_call(r, path, ASSAY, "Cancel", "s", ""));
	EXPECT_STREQ("",
		     rig_call(r, path, ASSAY, "Cancel", "s", "wrong pellet"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("cancelled", r->verdict);
	body = rig_record(r, r->result, NULL, NULL, NULL);
	js_get_str(body, "why", &text);
	EXPECT_STREQ("wrong pellet", text);
	EXPECT_EQ(NULL, js_get(body, "elements"));
	EXPECT_STREQ(ERROR "NotRunning",
		     rig_call(r, path, ASSAY, "Finish", ""));
}

TEST_F(assay, ends_with_its_caller_unless_detached)
{
	struct rig *r = &self->r;

	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 1000, NULL));
	rig_connect(r);
	ASSERT_TRUE(
		rig_wait_text(r, 20, rig_path, ASSAY, "State", "cancelled"));
	ASSERT_TRUE(rig_wait_state(r, "idle"));

	ASSERT_STREQ("", rig_measure(r, "Y", "ore-l", 20, "detach", NULL));
	rig_connect(r);
	ASSERT_TRUE(rig_wait_text(r, 20, rig_path, ASSAY, "State", "done"));
}

TEST_F(assay, waits_for_a_cold_detector)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(rig_emu(r, "temp 260"));
	ASSERT_TRUE(rig_wait_state(r, "settling"));
	EXPECT_STREQ(ERROR "NotSettled", rig_measure(r, "X", "ore-l", 5, NULL));
	EXPECT_NE(NULL, strstr(rig_message, "260.0 K"));

	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 5, "wait", NULL));
	EXPECT_STREQ("settling", rig_text(r, rig_path, ASSAY, "State"));
	ASSERT_TRUE(rig_emu(r, "temp auto"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("done", r->verdict);
}

/* A reading that is not settled is durable. */
static bool is_flagged(struct rig *r)
{
	CLEANUP(js_freep)
	json_t *body = rig_record(r, rig_last(r), NULL, NULL, NULL);
	const char *flag = "";

	js_str_value(js_at(js_get(body, "flags"), 0), &flag, NULL);
	return !strcmp(flag, "not_settled");
}

/* It goes on, and says so of what was counted meanwhile. */
TEST_F(assay, tells_that_the_detector_was_not_settled)
{
	CLEANUP(js_freep) json_t *before = NULL;
	CLEANUP(js_freep) json_t *body = NULL;
	struct rig *r = &self->r;
	bool is_settled = false;

	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 5, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	before = rig_record(r, r->result, NULL, NULL, NULL);
	EXPECT_EQ(0, js_get_bool(before, "settled", &is_settled));
	EXPECT_TRUE(is_settled);
	ASSERT_TRUE(rig_wait_state(r, "idle"));

	ASSERT_STREQ("", rig_measure(r, "Y", "ore-l", 4000, NULL));
	ASSERT_TRUE(rig_wait_state(r, "measuring"));
	ASSERT_TRUE(rig_emu(r, "temp 260"));
	EXPECT_TRUE(rig_wait(r, 20, is_flagged));
	/* The last counts are settled again. */
	ASSERT_TRUE(rig_emu(r, "temp auto"));
	ASSERT_STREQ("", rig_call(r, rig_path, ASSAY, "Finish", ""));
	ASSERT_TRUE(rig_wait_finished(r, 2));
	body = rig_record(r, r->result, NULL, NULL, NULL);
	EXPECT_EQ(0, js_get_bool(body, "settled", &is_settled));
	EXPECT_FALSE(is_settled);
}

TEST_F(assay, waits_for_high_voltage)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(rig_emu(r, "hv -20"));
	ASSERT_TRUE(rig_wait_state(r, "settling"));
	EXPECT_STREQ(ERROR "NotSettled", rig_measure(r, "X", "ore-l", 5, NULL));
	EXPECT_NE(NULL, strstr(rig_message, "high voltage"));
}

TEST_HARNESS_MAIN
