// SPDX-License-Identifier: GPL-2.0-or-later
/* Assays that wait for their instrument: order, places, ends and bounds. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "rig.h"

#define ASSAY "org.reespec1.Assay"
#define SPECTROMETER "org.reespec1.Spectrometer"
#define ERROR "org.reespec1.Error."

FIXTURE(queue)
{
	struct rig r;
};

FIXTURE_SETUP(queue)
{
	rig_start(&self->r, "--settle 0", "idle");
}

FIXTURE_TEARDOWN(queue)
{
	rig_stop(&self->r);
}

static int position(struct rig *r, const char *path)
{
	uint32_t n = 0;

	if (sd_bus_get_property_trivial(r->bus, "org.reespec1", path, ASSAY,
					"Position", NULL, 'u', &n) < 0)
		return -1;
	return (int)n;
}

/* How many wait, by the instrument. */
static int n_waiting(struct rig *r)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *path;
	int n = 0;

	if (sd_bus_get_property(r->bus, "org.reespec1", RIG_SPECTROMETER,
				SPECTROMETER, "Queue", NULL, &m, "ao") < 0 ||
	    sd_bus_message_enter_container(m, 'a', "o") < 0)
		return -1;
	while (sd_bus_message_read(m, "o", &path) > 0)
		n++;
	return n;
}

/* Samples and states of all results, in their order: "A:done B:failed". */
static const char *results(struct rig *r)
{
	static char text[512];
	const uint64_t last = rig_last(r);
	size_t len = 0;

	text[0] = '\0';
	for (uint64_t seq = 1; seq <= last; seq++) {
		CLEANUP(js_freep)
		json_t *body = rig_record(r, seq, NULL, NULL, NULL);
		const char *kind = "", *sample = "", *state = "";

		js_get_str(body, "kind", &kind);
		if (strcmp(kind, "result"))
			continue;
		js_get_str(body, "sample", &sample);
		js_get_str(body, "state", &state);
		len += snprintf(text + len, sizeof(text) - len, "%s%s:%s",
				len ? " " : "", sample, state);
	}
	return text;
}

static const char *why(struct rig *r)
{
	static char text[256];
	CLEANUP(js_freep) json_t *body = NULL;
	const char *value = "";

	body = rig_record(r, r->result, NULL, NULL, NULL);
	js_get_str(body, "why", &value);
	snprintf(text, sizeof(text), "%s", value);
	return text;
}

/* One after the other, so that each has its time on a busy machine. */
static bool have_finished(struct rig *r, unsigned int n)
{
	for (unsigned int i = 1; i <= n; i++)
		if (!rig_wait_finished(r, i))
			return false;
	return true;
}

TEST_F_TIMEOUT(queue, is_worked_off_in_order, 90)
{
	struct rig *r = &self->r;
	char first[128];
	char second[128];
	char third[128];

	ASSERT_STREQ("", rig_measure(r, "A", "ore-l", 4000, NULL));
	strcpy(first, rig_path);
	ASSERT_STREQ("", rig_measure(r, "B", "ore-l", 5, "queue", NULL));
	strcpy(second, rig_path);
	ASSERT_STREQ("", rig_measure(r, "C", "ore-l", 5, "queue", NULL));
	strcpy(third, rig_path);
	EXPECT_STREQ("queued", rig_text(r, second, ASSAY, "State"));
	EXPECT_EQ(1, position(r, second));
	EXPECT_EQ(2, position(r, third));
	EXPECT_EQ(2, n_waiting(r));
	/* Without the option it is now or not at all. */
	EXPECT_STREQ(ERROR "Busy", rig_measure(r, "D", "ore-l", 5, NULL));
	ASSERT_STREQ("", rig_call(r, first, ASSAY, "Finish", ""));
	ASSERT_TRUE(have_finished(r, 3));
	EXPECT_STREQ("A:done B:done C:done", results(r));
	EXPECT_EQ(0, position(r, third));
	EXPECT_EQ(0, n_waiting(r));
	EXPECT_TRUE(rig_wait_state(r, "idle"));
	EXPECT_TRUE(rig_verifies(r));
}

TEST_F(queue, a_free_instrument_begins_at_once)
{
	struct rig *r = &self->r;

	ASSERT_STREQ("", rig_measure(r, "A", "ore-l", 5, "queue", NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("A:done", results(r));
}

TEST_F(queue, one_can_be_taken_out)
{
	struct rig *r = &self->r;
	char second[128];
	char third[128];

	ASSERT_STREQ("", rig_measure(r, "A", "ore-l", 4000, NULL));
	ASSERT_STREQ("", rig_measure(r, "B", "ore-l", 5, "queue", NULL));
	strcpy(second, rig_path);
	ASSERT_STREQ("", rig_measure(r, "C", "ore-l", 5, "queue", NULL));
	strcpy(third, rig_path);
	EXPECT_STREQ(ERROR "NotRunning",
		     rig_call(r, second, ASSAY, "Finish", ""));
	EXPECT_STREQ(ERROR "BadOption",
		     rig_call(r, second, ASSAY, "Cancel", "s", ""));
	ASSERT_STREQ("", rig_call(r, second, ASSAY, "Cancel", "s", "a twin"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("cancelled", r->verdict);
	EXPECT_STREQ("B", r->sample);
	EXPECT_STREQ("a twin", why(r));
	EXPECT_EQ(1, position(r, third));
	EXPECT_EQ(1, n_waiting(r));
	/* That which runs has not noticed. */
	EXPECT_TRUE(rig_wait_state(r, "measuring"));
}

TEST_F(queue, ends_with_its_caller_unless_detached)
{
	struct rig *r = &self->r;
	char third[128];

	ASSERT_STREQ("", rig_measure(r, "A", "ore-l", 4000, "detach", NULL));
	ASSERT_STREQ("", rig_measure(r, "B", "ore-l", 5, "queue", NULL));
	ASSERT_STREQ("",
		     rig_measure(r, "C", "ore-l", 5, "queue", "detach", NULL));
	strcpy(third, rig_path);
	rig_connect(r);
	ASSERT_TRUE(rig_wait_text(r, 20, third, ASSAY, "State", "queued"));
	EXPECT_STREQ("B:cancelled", results(r));
	EXPECT_EQ(1, position(r, third));
}

static bool has_one_place(struct rig *r)
{
	return position(r, rig_path) == 1;
}

TEST_F_TIMEOUT(queue, waits_for_an_instrument_that_is_away, 90)
{
	struct rig *r = &self->r;

	ASSERT_STREQ("", rig_measure(r, "A", "ore-l", 4000, NULL));
	ASSERT_TRUE(rig_wait_state(r, "measuring"));
	ASSERT_STREQ("", rig_measure(r, "B", "ore-l", 5, "queue", NULL));
	ASSERT_TRUE(rig_emu(r, "unplug"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	/* One more, of an instrument that is not even there. */
	ASSERT_STREQ("", rig_measure(r, "C", "ore-l", 5, "queue", NULL));
	EXPECT_EQ(2, position(r, rig_path));
	ASSERT_TRUE(rig_emu(r, "plug"));
	ASSERT_TRUE(have_finished(r, 3));
	EXPECT_STREQ("A:interrupted B:done C:done", results(r));
}

TEST_F(queue, does_not_wait_for_ever)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(rig_emu(r, "unplug"));
	ASSERT_TRUE(rig_wait_state(r, "absent"));
	ASSERT_STREQ("", rig_measure(r, "A", "ore-l", 5, "queue", "patience:1",
				     NULL));
	ASSERT_STREQ("", rig_measure(r, "B", "ore-l", 5, "queue", NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("failed", r->verdict);
	EXPECT_STREQ("waited 1 s for the instrument, which is absent", why(r));
	EXPECT_TRUE(rig_wait(r, 20, has_one_place));
	EXPECT_STREQ(ERROR "BadOption", rig_measure(r, "C", "ore-l", 5, "queue",
						    "patience:0", NULL));
	EXPECT_NE(NULL, strstr(rig_message, "`patience`"));
}

TEST_F(queue, a_cold_start_is_waited_for)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(rig_emu(r, "temp 260"));
	ASSERT_TRUE(rig_wait_state(r, "settling"));
	ASSERT_STREQ("", rig_measure(r, "A", "ore-l", 5, "queue", NULL));
	ASSERT_TRUE(rig_wait_text(r, 20, rig_path, ASSAY, "State", "settling"));
	ASSERT_TRUE(rig_emu(r, "temp auto"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("done", r->verdict);
}

static char told[32]; /* the State of the last PropertiesChanged */

static int on_changed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *name, *value;

	(void)arg;
	(void)error;
	if (sd_bus_message_read(m, "s", &name) < 0 || strcmp(name, ASSAY) ||
	    sd_bus_message_enter_container(m, 'a', "{sv}") < 0)
		return 0;
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		sd_bus_message_read(m, "s", &name);
		if (strcmp(name, "State"))
			sd_bus_message_skip(m, "v");
		else if (sd_bus_message_read(m, "v", "s", &value) > 0)
			snprintf(told, sizeof(told), "%s", value);
		sd_bus_message_exit_container(m);
	}
	return 0;
}

static bool is_told_settling(struct rig *r)
{
	(void)r;
	return !strcmp(told, "settling");
}

/* The session has nothing to say of it: the instrument was settling before. */
TEST_F(queue, a_turn_on_a_settling_detector_is_told)
{
	struct rig *r = &self->r;
	char first[128];

	ASSERT_STREQ("", rig_measure(r, "A", "ore-l", 4000, NULL));
	strcpy(first, rig_path);
	ASSERT_STREQ("", rig_measure(r, "B", "ore-l", 5, "queue", NULL));
	ASSERT_TRUE(rig_wait_state(r, "measuring"));
	ASSERT_TRUE(rig_emu(r, "temp 260"));
	ASSERT_GE(sd_bus_match_signal(r->bus, NULL, "org.reespec1", rig_path,
				      "org.freedesktop.DBus.Properties",
				      "PropertiesChanged", on_changed, NULL),
		  0);
	told[0] = '\0';
	ASSERT_STREQ("", rig_call(r, first, ASSAY, "Cancel", "s", "cold"));
	EXPECT_TRUE(rig_wait(r, 20, is_told_settling))
	TH_LOG("last told: %s", told);
	ASSERT_TRUE(rig_emu(r, "temp auto"));
}

TEST_F(queue, has_sixteen_places_a_user)
{
	struct rig *r = &self->r;
	char path[128];
	char name[8];

	ASSERT_STREQ("", rig_measure(r, "A", "ore-l", 4000, NULL));
	for (int i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ASSERT_STREQ("",
			     rig_measure(r, name, "ore-l", 5, "queue", NULL));
	}
	strcpy(path, rig_path);
	EXPECT_STREQ(ERROR "Limit",
		     rig_measure(r, "B", "ore-l", 5, "queue", NULL));
	EXPECT_NE(NULL, strstr(rig_message, "16"));
	/* A place that is given back can be taken. */
	ASSERT_STREQ("", rig_call(r, path, ASSAY, "Cancel", "s", "too many"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("",
		     rig_measure(r, "B", "ore-l", 5, "queue", "detach", NULL));
	EXPECT_EQ(16, position(r, rig_path));
}

TEST_F(queue, of_a_daemon_that_stops_ends_as_interrupted)
{
	struct rig *r = &self->r;

	ASSERT_STREQ("", rig_measure(r, "A", "ore-l", 4000, "detach", NULL));
	ASSERT_TRUE(rig_wait_state(r, "measuring"));
	ASSERT_STREQ("",
		     rig_measure(r, "B", "ore-l", 5, "queue", "detach", NULL));
	rig_kill(&r->daemon_pid, SIGTERM);
	rig_start_daemon(r);
	rig_connect(r);
	EXPECT_STREQ("B:interrupted A:interrupted", results(r));
	EXPECT_TRUE(rig_verifies(r));
}

static uint64_t before;

static bool has_a_reading_behind(struct rig *r)
{
	CLEANUP(js_freep) json_t *body = NULL;
	const uint64_t last = rig_last(r);

	if (last <= before)
		return false;
	body = rig_record(r, last, NULL, NULL, NULL);
	return !strcmp(js_text(body, "kind"), "reading");
}

/* Running or waiting, whoever was killed: one result each and no second. */
TEST_F(queue, of_a_daemon_that_was_killed_ends_as_interrupted)
{
	struct rig *r = &self->r;
	CLEANUP(js_freep) json_t *body = NULL;
	uint64_t last, seq = 0, reading = 0, n = 0;

	ASSERT_STREQ("", rig_measure(r, "A", "ore-l", 4000, "detach",
				     "key@lot=7", NULL));
	ASSERT_TRUE(rig_wait_state(r, "measuring"));
	ASSERT_STREQ("",
		     rig_measure(r, "B", "ore-l", 5, "queue", "detach", NULL));
	ASSERT_STREQ("", rig_measure(r, "C", "ore-l", 5, "queue", "kind=blank",
				     NULL));
	before = rig_last(r);
	ASSERT_TRUE(rig_wait(r, 20, has_a_reading_behind));
	for (int i = 0; i < 3; i++) {
		rig_kill(&r->daemon_pid, SIGKILL);
		rig_start_daemon(r);
		rig_connect(r);
		EXPECT_STREQ("A:interrupted B:interrupted C:interrupted",
			     results(r));
		EXPECT_TRUE(rig_verifies(r));
	}
	/* The three are followed by the starts of two more daemons. */
	last = rig_last(r);
	body = rig_record(r, last - 4, NULL, NULL, NULL);
	EXPECT_STREQ("A", js_text(body, "sample"));
	EXPECT_STREQ("7", js_text(js_get(body, "keys"), "lot"));
	EXPECT_STREQ("ore-l", js_text(js_get(body, "method"), "name"));
	EXPECT_STREQ(RIG_SERIAL, js_text(body, "serial"));
	EXPECT_EQ(0, js_get_u64(body, "last_reading", &reading));
	EXPECT_EQ(0, js_get_u64(body, "n_readings", &n));
	js_free(body);
	body = rig_record(r, reading, NULL, NULL, NULL);
	EXPECT_STREQ("reading", js_text(body, "kind"));
	EXPECT_EQ(0, js_get_u64(body, "n", &seq));
	EXPECT_EQ(n, seq);
	/* No reading of A's is behind it. */
	js_free(body);
	body = rig_record(r, reading + 1, NULL, NULL, NULL);
	EXPECT_STRNE("reading", js_text(body, "kind"));
	js_free(body);
	body = rig_record(r, last - 2, NULL, NULL, NULL);
	EXPECT_STREQ("C", js_text(body, "sample"));
	EXPECT_STREQ("blank", js_text(body, "sample_kind"));
	EXPECT_EQ(-ENOENT, js_get_u64(body, "last_reading", &reading));
}

TEST_HARNESS_MAIN
