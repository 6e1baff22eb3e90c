// SPDX-License-Identifier: GPL-2.0-or-later
/* Assays of a belt on the bus: their order, and what ends all of them. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "rig.h"

#define ERROR "org.reespec1.Error."
#define ASSAY "org.reespec1.Assay"
#define SPECTROMETER "org.reespec1.Spectrometer"

FIXTURE(belt)
{
	struct rig r;
};

FIXTURE_SETUP(belt)
{
	rig_start(&self->r, "--settle 0", "idle");
}

FIXTURE_TEARDOWN(belt)
{
	rig_stop(&self->r);
}

/* Orders the pellet of a strobe; the error's name, "" for none. */
static const char *order(struct rig *r, int strobe)
{
	char sample[16], option[24];

	snprintf(sample, sizeof(sample), "P-%d", strobe);
	snprintf(option, sizeof(option), "strobe:%d", strobe);
	return rig_measure(r, sample, "ore-l", 0, option, NULL);
}

/* Three of a belt are ordered, and the first waits for its strobe. */
static bool begins(struct rig *r)
{
	for (int i = 1; i <= 3; i++)
		if (*order(r, i)) {
			printf("# %s\n", rig_message);
			return false;
		}
	return rig_wait_state(r, "measuring");
}

TEST_F(belt, strobes_are_ordered_one_after_the_other)
{
	struct rig *r = &self->r;

	EXPECT_STREQ(ERROR "BadOption", order(r, 2));
	EXPECT_STREQ(
		"option `strobe`: the next is 1, not 2: no belt is running",
		rig_message);
	EXPECT_STREQ(ERROR "BadOption",
		     rig_measure(r, "X", "ore-l", 0, "strobe:1.5", NULL));
	EXPECT_STREQ(ERROR "BadOption",
		     rig_measure(r, "X", "ore-l", 0, "strobe:0", NULL));
	ASSERT_TRUE(begins(r));
	EXPECT_STREQ(ERROR "BadOption", order(r, 3));
	EXPECT_STREQ(ERROR "BadOption", order(r, 5));
	EXPECT_STREQ("option `strobe`: the next is 4, not 5", rig_message);
	EXPECT_STREQ("", order(r, 4));
}

TEST_F(belt, goes_with_no_other_end)
{
	static const char *const others[] = { "counts:1000", "until=Nd=2%",
					      "decide", "detach" };
	struct rig *r = &self->r;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		EXPECT_STREQ(ERROR "BadOption",
			     rig_measure(r, "X", "ore-l", 0, "strobe:1",
					 others[i], NULL));
	EXPECT_STREQ(ERROR "BadOption",
		     rig_measure(r, "X", "ore-l", 5, "strobe:1", NULL));
}

TEST_F(belt, is_of_one_caller_and_one_method)
{
	struct rig *r = &self->r;
	sd_bus *own = r->bus;

	ASSERT_TRUE(begins(r));
	EXPECT_STREQ(ERROR "Busy", rig_measure(r, "X", "ore-l", 5, NULL));
	EXPECT_STREQ(ERROR "Busy",
		     rig_measure(r, "X", "ore-l", 5, "queue", NULL));
	EXPECT_STREQ(ERROR "BadOption",
		     rig_measure(r, "X", "oxide", 0, "strobe:4", NULL));
	r->bus = rig_open(r);
	EXPECT_STREQ(ERROR "Busy", order(r, 4));
	sd_bus_flush_close_unref(r->bus);
	r->bus = own;
}

/* Only the first assay of a belt configures the instrument. */
TEST_F(belt, is_of_one_file_of_its_method)
{
	struct rig *r = &self->r;

	rig_method(r, "changing", "interval_s = 1", "interval_s = 1");
	ASSERT_STREQ("", rig_measure(r, "A", "changing", 0, "strobe:1", NULL));
	ASSERT_TRUE(rig_wait_state(r, "measuring"));
	EXPECT_STREQ("", rig_measure(r, "B", "changing", 0, "strobe:2", NULL));
	rig_method(r, "changing", "interval_s = 1", "interval_s = 2");
	EXPECT_STREQ(ERROR "BadMethod",
		     rig_measure(r, "C", "changing", 0, "strobe:3", NULL));
	EXPECT_STREQ("method changing: the file has changed since the belt"
		     " began",
		     rig_message);
}

TEST_F(belt, one_that_is_cancelled_ends_all)
{
	struct rig *r = &self->r;
	char last[128];

	ASSERT_TRUE(begins(r));
	snprintf(last, sizeof(last), "%s", rig_path);
	EXPECT_STREQ(ERROR "NotRunning",
		     rig_call(r, last, ASSAY, "Finish", ""));
	EXPECT_STREQ("", rig_call(r, last, ASSAY, "Cancel", "s", "enough"));
	ASSERT_TRUE(rig_wait_finished(r, 3));
	EXPECT_TRUE(rig_result_says(r, "cancelled", "enough"));
	EXPECT_TRUE(rig_wait_state(r, "idle"));
	/* Another one may begin. */
	ASSERT_TRUE(begins(r));
}

TEST_F(belt, an_unplugged_instrument_ends_all)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(begins(r));
	ASSERT_TRUE(rig_emu(r, "unplug"));
	ASSERT_TRUE(rig_wait_finished(r, 3));
	EXPECT_TRUE(rig_result_says(r, "interrupted",
				    "the instrument was unplugged"));
	ASSERT_TRUE(rig_emu(r, "plug"));
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	ASSERT_TRUE(begins(r));
}

/* Three are ordered while the detector is warm, and the first has begun: no
 * slot has started. What only waits in the queue would wait for the instrument
 * to come back.
 */
static bool waits_for_the_detector(struct rig *r)
{
	if (!rig_emu(r, "temp 240") || !rig_wait_state(r, "settling") ||
	    *order(r, 1) ||
	    !rig_wait_text(r, 20, rig_path, ASSAY, "State", "settling"))
		return false;
	for (int i = 2; i <= 3; i++)
		if (*order(r, i))
			return false;
	return true;
}

/* Counted from 1 again, the second would take the first one's strobe. */
TEST_F(belt, what_ends_before_its_slots_have_started_ends_all)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(waits_for_the_detector(r));
	ASSERT_TRUE(rig_emu(r, "unplug"));
	ASSERT_TRUE(rig_wait_finished(r, 3));
	EXPECT_STREQ("interrupted", r->verdict);
	ASSERT_TRUE(rig_emu(r, "temp auto"));
	ASSERT_TRUE(rig_emu(r, "plug"));
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	EXPECT_STREQ(ERROR "BadOption", order(r, 2));
	ASSERT_TRUE(begins(r));
}

TEST_F(belt, a_strobe_that_does_not_come_ends_all)
{
	struct rig *r = &self->r;

	ASSERT_STREQ("", rig_measure(r, "A", "ore-l", 0, "strobe:1", "real:1.5",
				     NULL));
	ASSERT_STREQ("", order(r, 2));
	ASSERT_TRUE(rig_wait_finished(r, 2));
	EXPECT_TRUE(rig_result_says(r, "failed", "no strobe in 1.5 s"));
	EXPECT_TRUE(rig_wait_state(r, "idle"));
}

/* Before the first slot was read two were lost in one: which is which? */
TEST_F(belt, what_nobody_can_tell_apart_ends_all)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(begins(r));
	ASSERT_TRUE(rig_emu(r, "pulse 2 2 100"));
	ASSERT_TRUE(rig_wait_finished(r, 3));
	EXPECT_TRUE(rig_result_says(r, "failed",
				    "nobody can tell which is the first"));
	EXPECT_TRUE(rig_wait_state(r, "idle"));
}

TEST_F(belt, it_ends_with_its_caller)
{
	struct rig *r = &self->r;
	sd_bus *own = r->bus;

	r->bus = rig_open(r);
	ASSERT_STREQ("", order(r, 1));
	ASSERT_STREQ("", order(r, 2));
	sd_bus_flush_close_unref(r->bus);
	r->bus = own;
	ASSERT_TRUE(rig_wait_finished(r, 2));
	EXPECT_TRUE(rig_result_says(r, "cancelled", "its caller left the bus"));
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	EXPECT_STREQ("", rig_measure(r, "X", "ore-l", 5, NULL));
}

/* By the last status that the daemon has. */
static double kelvin(struct rig *r)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *name;
	double k = 0;

	if (sd_bus_get_property(r->bus, "org.reespec1", RIG_SPECTROMETER,
				SPECTROMETER, "Status", NULL, &m, "a{sv}") < 0)
		return 0;
	if (sd_bus_message_enter_container(m, 'a', "{sv}") < 0 ||
	    sd_bus_message_enter_container(m, 'e', "sv") <= 0 ||
	    sd_bus_message_read(m, "s", &name) < 0 ||
	    strcmp(name, "detector_k") ||
	    sd_bus_message_read(m, "v", "d", &k) < 0)
		return 0;
	return k;
}

static bool is_warm(struct rig *r)
{
	return kelvin(r) > 230;
}

static bool is_cold(struct rig *r)
{
	return kelvin(r) > 0 && kelvin(r) < 225;
}

static bool was_settled(struct rig *r)
{
	CLEANUP(js_freep)
	json_t *body = rig_record(r, r->result, NULL, NULL, NULL);
	bool is_settled = true;

	js_get_bool(body, "settled", &is_settled);
	return is_settled;
}

/* All the time that a pellet was counted, and as its slot has it. */
TEST_F_TIMEOUT(belt, an_unsettled_detector_is_recorded, 120)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(begins(r));
	ASSERT_TRUE(rig_emu(r, "temp 240"));
	ASSERT_TRUE(rig_wait(r, 20, is_warm));
	ASSERT_TRUE(rig_emu(r, "temp auto"));
	ASSERT_TRUE(rig_wait(r, 20, is_cold));
	ASSERT_TRUE(rig_emu(r, "pulse 2"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("done", r->verdict);
	EXPECT_FALSE(was_settled(r));

	ASSERT_TRUE(rig_emu(r, "pulse 2"));
	ASSERT_TRUE(rig_wait_finished(r, 2));
	EXPECT_TRUE(was_settled(r));

	/* The slot alone has seen it: the daemon has not looked meanwhile. */
	ASSERT_EQ(0, kill(r->daemon_pid, SIGSTOP));
	ASSERT_TRUE(rig_emu(r, "temp 240"));
	ASSERT_TRUE(rig_emu(r, "pulse 2"));
	ASSERT_TRUE(rig_emu(r, "temp auto"));
	ASSERT_EQ(0, kill(r->daemon_pid, SIGCONT));
	ASSERT_TRUE(rig_wait_finished(r, 3));
	EXPECT_FALSE(was_settled(r));
}

FIXTURE(old)
{
	struct rig r;
};

FIXTURE_SETUP(old)
{
	rig_start(&self->r, "--settle 0 --profile 6.08.06", "idle");
}

FIXTURE_TEARDOWN(old)
{
	rig_stop(&self->r);
}

TEST_F(old, fpga_that_may_garble_is_refused)
{
	ASSERT_STREQ("", order(&self->r, 1));
	ASSERT_TRUE(rig_wait_finished(&self->r, 1));
	EXPECT_TRUE(rig_result_says(&self->r, "failed", "an FPGA before 7.01"));
}

TEST_F(old, and_those_that_wait_behind_with_it)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(waits_for_the_detector(r));
	ASSERT_TRUE(rig_emu(r, "temp auto"));
	ASSERT_TRUE(rig_wait_finished(r, 3));
	EXPECT_TRUE(rig_log_has(r, "P-3: interrupted: the belt has ended"));
	EXPECT_TRUE(rig_wait_state(r, "idle"));
}

TEST_HARNESS_MAIN
