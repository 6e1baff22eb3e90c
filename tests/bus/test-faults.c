// SPDX-License-Identifier: GPL-2.0-or-later
/* Instruments that go away, answer wrongly or refuse, in each phase. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "fast.h"
#include "rig.h"

#define ASSAY "org.reespec1.Assay"
#define SPECTROMETER "org.reespec1.Spectrometer"

FIXTURE(faults)
{
	struct rig r;
};

FIXTURE_SETUP(faults)
{
	rig_start(&self->r, "--settle 0", "idle");
}

FIXTURE_TEARDOWN(faults)
{
	rig_stop(&self->r);
}

/* The instrument comes back under its serial and does another assay. */
static bool next_assay_works(struct rig *r)
{
	const unsigned int n = r->n_finished;

	if (!rig_wait_state(r, "idle")) {
		printf("# the instrument is not idle\n");
		return false;
	}
	rig_measure(r, "NEXT", "ore-l", 5, NULL);
	return rig_wait_finished(r, n + 1) && !strcmp(r->verdict, "done") &&
	       rig_verifies(r);
}

static const char *why(struct rig *r, size_t *ret_n_counts, double *ret_live)
{
	static char text[256];
	CLEANUP(js_freep) json_t *body = NULL;
	const char *value = "";

	body = rig_record(r, r->result, NULL, NULL, ret_n_counts);
	js_get_str(body, "why", &value);
	if (ret_live)
		js_get_real(body, "live_s", ret_live);
	snprintf(text, sizeof(text), "%s", value);
	return text;
}

/* A reading with live time is durable. */
static bool has_counted(struct rig *r)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *name;
	double value;

	if (sd_bus_get_property(r->bus, "org.reespec1", rig_path, ASSAY,
				"Progress", NULL, &m, "a{sv}") < 0 ||
	    sd_bus_message_enter_container(m, 'a', "{sv}") < 0)
		return false;
	while (sd_bus_message_read(m, "{sv}", &name, "d", &value) > 0)
		if (!strcmp(name, "live_s") && value > 0)
			return true;
	return false;
}

TEST_F(faults, unplug_while_measuring_keeps_what_was_counted)
{
	struct rig *r = &self->r;
	size_t n_counts = 0;
	double live = 0;

	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 4000, NULL));
	ASSERT_TRUE(rig_wait(r, 20, has_counted));
	ASSERT_TRUE(rig_emu(r, "unplug"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("interrupted", r->verdict);
	EXPECT_STREQ("the instrument was unplugged", why(r, &n_counts, &live));
	EXPECT_EQ(2048, n_counts);
	EXPECT_GT(live, 0);
	EXPECT_STREQ("absent",
		     rig_text(r, RIG_SPECTROMETER, SPECTROMETER, "State"));
	EXPECT_STREQ("org.reespec1.Error.NoDevice",
		     rig_measure(r, "Y", "ore-l", 5, NULL));
	ASSERT_TRUE(rig_emu(r, "plug"));
	EXPECT_TRUE(next_assay_works(r));
}

/* Nothing tells on a socket, nor where only the instrument's power fails: its
 * real time does, and the spectrum before is the assay's. */
TEST_F(faults, restart_while_measuring_keeps_what_was_counted)
{
	struct rig *r = &self->r;
	size_t n_counts = 0;
	double live = 0;

	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 4000, NULL));
	ASSERT_TRUE(rig_wait(r, 20, has_counted));
	ASSERT_TRUE(rig_emu(r, "reboot"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("interrupted", r->verdict);
	EXPECT_STREQ("the instrument was restarted", why(r, &n_counts, &live));
	EXPECT_EQ(2048, n_counts);
	EXPECT_GT(live, 0);
	EXPECT_TRUE(next_assay_works(r));
}

/* The number of the last fault record, 0 when there is none. */
static uint64_t last_fault(struct rig *r, char *ret_what, uint64_t *ret_n)
{
	for (uint64_t seq = rig_last(r); seq; seq--) {
		CLEANUP(js_freep)
		json_t *body = rig_record(r, seq, NULL, NULL, NULL);
		const char *text = "";

		js_get_str(body, "kind", &text);
		if (strcmp(text, "fault"))
			continue;
		js_get_str(body, "what", &text);
		snprintf(ret_what, 32, "%s", text);
		js_get_u64(body, "n", ret_n);
		return seq;
	}
	return 0;
}

/* A reading that tells of lost frames is durable. */
static bool has_lost(struct rig *r)
{
	static uint64_t looked;

	if (looked > rig_last(r))
		looked = 0;
	while (looked < rig_last(r)) {
		CLEANUP(js_freep)
		json_t *body = rig_record(r, ++looked, NULL, NULL, NULL);
		uint64_t n = 0;

		if (js_get_u64(body, "lost", &n) >= 0 && n)
			return true;
	}
	return false;
}

FIXTURE(fast)
{
	struct rig r;
};

FIXTURE_SETUP(fast)
{
	fast_start(&self->r, 2000000, "");
}

FIXTURE_TEARDOWN(fast)
{
	rig_stop(&self->r);
}

/* Stopped for longer than can be kept for it, at 500 frames a second. */
TEST_F_TIMEOUT(fast, lost_frames_are_counted_in_a_fault_record, 180)
{
	CLEANUP(js_freep) json_t *body = NULL;
	struct rig *r = &self->r;
	uint64_t n_lost = 0, n_readings = 0, n = 0;
	bool is_told = false;
	char what[32] = "";

	ASSERT_STREQ("",
		     rig_measure(r, "X", "fast", 80000, "interval:0.1", NULL));
	ASSERT_TRUE(rig_wait(r, 20, has_counted));
	/* A slow emulator may not have filled it the first time. */
	for (int i = 1; !is_told && i < 6; i++) {
		ASSERT_EQ(0, kill(r->daemon_pid, SIGSTOP));
		sleep(i);
		ASSERT_EQ(0, kill(r->daemon_pid, SIGCONT));
		is_told = rig_wait(r, 15, has_lost);
	}
	ASSERT_TRUE(is_told);
	ASSERT_STREQ("", rig_call(r, rig_path, ASSAY, "Finish", ""));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("done", r->verdict);
	body = rig_record(r, r->result, NULL, NULL, NULL);
	js_get_u64(body, "n_lost", &n_lost);
	js_get_u64(body, "n_readings", &n_readings);
	EXPECT_LT(0, n_lost);
	/* As many as are kept, and those in the socket. */
	EXPECT_LT(64, n_readings);
	EXPECT_LT(0, last_fault(r, what, &n));
	EXPECT_STREQ("frames_lost", what);
	EXPECT_EQ(n_lost, n);
	EXPECT_TRUE(rig_verifies(r));
}

TEST_F(faults, unplug_while_configuring_counts_nothing)
{
	struct rig *r = &self->r;
	size_t n_counts = 1;

	ASSERT_TRUE(rig_emu(r, "fault delay 700 20"));
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 4000, NULL));
	EXPECT_STREQ("configuring", rig_text(r, rig_path, ASSAY, "State"));
	ASSERT_TRUE(rig_emu(r, "unplug"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("interrupted", r->verdict);
	EXPECT_STREQ("the instrument was unplugged", why(r, &n_counts, NULL));
	EXPECT_EQ(0, n_counts);
	ASSERT_TRUE(rig_emu(r, "fault none"));
	ASSERT_TRUE(rig_emu(r, "plug"));
	EXPECT_TRUE(next_assay_works(r));
}

TEST_F(faults, unplug_while_draining_keeps_the_last_frame)
{
	struct rig *r = &self->r;
	size_t n_counts = 0;

	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 4000, NULL));
	ASSERT_TRUE(rig_wait(r, 20, has_counted));
	ASSERT_TRUE(rig_emu(r, "fault delay 900 20"));
	ASSERT_STREQ("", rig_call(r, rig_path, ASSAY, "Finish", ""));
	ASSERT_TRUE(rig_wait_state(r, "draining"));
	ASSERT_TRUE(rig_emu(r, "unplug"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("interrupted", r->verdict);
	EXPECT_STREQ("the instrument was unplugged", why(r, &n_counts, NULL));
	EXPECT_EQ(2048, n_counts);
	ASSERT_TRUE(rig_emu(r, "fault none"));
	ASSERT_TRUE(rig_emu(r, "plug"));
	EXPECT_TRUE(next_assay_works(r));
}

TEST_F(faults, unplug_while_idle_is_no_fault)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(rig_emu(r, "unplug"));
	ASSERT_TRUE(rig_wait_state(r, "absent"));
	EXPECT_STREQ("", rig_text(r, RIG_SPECTROMETER, SPECTROMETER, "Fault"));
	ASSERT_TRUE(rig_emu(r, "plug"));
	EXPECT_TRUE(next_assay_works(r));
}

TEST_F(faults, a_refused_command_is_named)
{
	struct rig *r = &self->r;

	rig_method(r, "odd", "GAIN=23.500;", "GAIN=9999;");
	ASSERT_STREQ("", rig_measure(r, "X", "odd", 5, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("failed", r->verdict);
	EXPECT_NE(NULL, strstr(why(r, NULL, NULL), "configure: refused"));
	EXPECT_NE(NULL, strstr(why(r, NULL, NULL), "GAIN=9999"));
	EXPECT_TRUE(next_assay_works(r));
}

/* Damage of one reply: the assay ends in one way or the other and says so,
 * and the instrument is as good as before. */
static bool survives(struct rig *r, const char *fault)
{
	if (rig_measure(r, fault, "ore-l", 30, NULL)[0] ||
	    !rig_wait(r, 20, has_counted) || !rig_emu(r, fault))
		return false;
	if (!rig_wait_finished(r, r->n_finished + 1))
		return false;
	if (strcmp(r->verdict, "done") && !why(r, NULL, NULL)[0])
		return false;
	return next_assay_works(r);
}

TEST_F(faults, a_corrupt_reply_loses_nothing)
{
	EXPECT_TRUE(survives(&self->r, "fault corrupt 1"));
}

TEST_F(faults, a_truncated_reply_loses_nothing)
{
	EXPECT_TRUE(survives(&self->r, "fault truncate 1"));
}

TEST_F(faults, garbage_loses_nothing)
{
	EXPECT_TRUE(survives(&self->r, "fault garbage 1"));
}

TEST_F(faults, a_dropped_reply_loses_nothing)
{
	EXPECT_TRUE(survives(&self->r, "fault drop 1"));
}

TEST_F(faults, a_stale_reply_loses_nothing)
{
	EXPECT_TRUE(survives(&self->r, "fault stale 1"));
}

TEST_F(faults, a_damaged_reply_while_configuring_is_told)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(rig_emu(r, "fault corrupt 3"));
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 5, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	if (strcmp(r->verdict, "done"))
		EXPECT_NE('\0', why(r, NULL, NULL)[0]);
	ASSERT_TRUE(rig_emu(r, "fault none"));
	EXPECT_TRUE(next_assay_works(r));
}

TEST_HARNESS_MAIN
