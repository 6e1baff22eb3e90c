// SPDX-License-Identifier: GPL-2.0-or-later
/* Configure: settings outside an assay, in force, recorded, or refused by name. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "rig.h"

#define SPECTROMETER "org.reespec1.Spectrometer"
#define ERROR "org.reespec1.Error."

FIXTURE(configure)
{
	struct rig r;
};

FIXTURE_SETUP(configure)
{
	rig_start(&self->r, "--settle 0", "idle");
}

FIXTURE_TEARDOWN(configure)
{
	rig_stop(&self->r);
}

/* One setting; "" or the error's name. */
static const char *configure(struct rig *r, const char *name, const char *value)
{
	return rig_call(r, RIG_SPECTROMETER, SPECTROMETER, "Configure",
			"a{sv}s", 1, name, "s", value, "window");
}

static const char *text_of(const json_t *body, const char *key)
{
	static char text[512];
	const char *value = "";

	js_get_str(body, key, &value);
	snprintf(text, sizeof(text), "%s", value);
	return text;
}

static double hv(struct rig *r)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *name, *type;
	double value = -1;

	if (sd_bus_get_property(r->bus, "org.reespec1", RIG_SPECTROMETER,
				SPECTROMETER, "Status", NULL, &m,
				"a{sv}") < 0 ||
	    sd_bus_message_enter_container(m, 'a', "{sv}") < 0)
		return -1;
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		sd_bus_message_read(m, "s", &name);
		sd_bus_message_peek_type(m, NULL, &type);
		if (!strcmp(name, "hv_v"))
			sd_bus_message_read(m, "v", "d", &value);
		else
			sd_bus_message_skip(m, "v");
		sd_bus_message_exit_container(m);
	}
	return value;
}

static bool is_off(struct rig *r)
{
	return hv(r) > -20 && hv(r) < 20;
}

static bool is_on(struct rig *r)
{
	return hv(r) < -100;
}

static bool is_configuring(struct rig *r)
{
	return !strcmp(rig_text(r, RIG_SPECTROMETER, SPECTROMETER, "State"),
		       "configuring");
}

static char answer[512];

static int on_answer(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const sd_bus_error *e = sd_bus_message_get_error(m);

	(void)arg;
	(void)error;
	snprintf(answer, sizeof(answer), "%s: %s", e ? e->name : "",
		 e ? e->message : "");
	return 1;
}

static bool is_answered(struct rig *r)
{
	(void)r;
	return answer[0] != '\0';
}

/* From here on a call of Configure waits for the instrument. */
static bool begin_slowly(struct rig *r)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;

	answer[0] = '\0';
	if (!rig_emu(r, "fault delay 700 20"))
		return false;
	sd_bus_message_new_method_call(r->bus, &m, "org.reespec1",
				       RIG_SPECTROMETER, SPECTROMETER,
				       "Configure");
	sd_bus_message_append(m, "a{sv}s", 1, "HVSE", "s", "OFF", "window");
	sd_bus_call_async(r->bus, NULL, m, on_answer, NULL, 0);
	return rig_wait(r, 20, is_configuring);
}

TEST_F(configure, settings_are_in_force_and_recorded)
{
	CLEANUP(js_freep) json_t *body = NULL;
	struct rig *r = &self->r;
	uint64_t seq;

	ASSERT_STREQ("", configure(r, "HVSE", "-110"));
	ASSERT_TRUE(rig_wait(r, 20, is_on));
	ASSERT_STREQ("", configure(r, "HVSE", "OFF"));
	seq = rig_last(r);
	body = rig_record(r, seq, NULL, NULL, NULL);
	EXPECT_STREQ("config", text_of(body, "kind"));
	EXPECT_STREQ("HVSE=OFF;", text_of(body, "sent"));
	EXPECT_NE(NULL, strstr(text_of(body, "read_back"), "HVSE=OFF;"));
	EXPECT_STREQ("window", text_of(body, "reason"));
	EXPECT_STREQ("", text_of(body, "why"));
	EXPECT_STREQ(RIG_SERIAL, text_of(body, "serial"));
	EXPECT_EQ(NULL, js_get(body, "assay"));
	/* What is off is nothing to settle to. */
	EXPECT_TRUE(rig_wait_state(r, "idle"));
	EXPECT_TRUE(rig_wait(r, 20, is_off));

	ASSERT_STREQ("", rig_measure(r, "Y", "ore-l", 5, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("done", r->verdict);
	EXPECT_TRUE(rig_verifies(r));
}

TEST_F(configure, what_is_no_setting_is_named)
{
	static const struct {
		const char *name, *value, *named;
	} wrong[] = {
		{ "HV", "OFF", "`HV`" },
		{ "hvse", "OFF", "hvse" },
		{ "HVSE", "", "HVSE" },
		{ "HVSE", "12345678901", "HVSE" },
		/* Two in one. */
		{ "HVSE", "OFF;TECS=230", "HVSE" },
		{ "HVSE", "OFF TECS", "HVSE" },
		{ "X=1;", "OFF", "`X=1;`" },
		/* What a method may not have either. */
		{ "MCAE", "ON", "MCAE" },
		{ "BOOT", "ON", "BOOT" },
	};
	struct rig *r = &self->r;
	const uint64_t last = rig_last(r);

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		EXPECT_STREQ(ERROR "BadOption",
			     configure(r, wrong[i].name, wrong[i].value));
		EXPECT_NE(NULL, strstr(rig_message, wrong[i].named))
		TH_LOG("%s=%s: %s", wrong[i].name, wrong[i].value, rig_message);
	}
	EXPECT_STREQ(ERROR "BadOption",
		     rig_call(r, RIG_SPECTROMETER, SPECTROMETER, "Configure",
			      "a{sv}s", 1, "TECS", "d", 220.0, "x"));
	EXPECT_NE(NULL, strstr(rig_message, "`TECS`: must be of type s"));
	EXPECT_STREQ(ERROR "BadOption",
		     rig_call(r, RIG_SPECTROMETER, SPECTROMETER, "Configure",
			      "a{sv}s", 0, "x"));
	EXPECT_NE(NULL, strstr(rig_message, "no setting"));
	EXPECT_STREQ(ERROR "BadOption",
		     rig_call(r, RIG_SPECTROMETER, SPECTROMETER, "Configure",
			      "a{sv}s", 1, "TECS", "s", "220", ""));
	EXPECT_NE(NULL, strstr(rig_message, "a reason has"));
	EXPECT_STREQ(ERROR "BadOption",
		     rig_call(r, RIG_SPECTROMETER, SPECTROMETER, "Configure",
			      "a{sv}s", 2, "TECS", "s", "220", "TECS", "s",
			      "221", "x"));
	EXPECT_EQ(last, rig_last(r));
}

/* So many settings of four letters each. */
static const char *configure_many(struct rig *r, int n)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	static char name_of[128];
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char name[8];

	sd_bus_message_new_method_call(r->bus, &m, "org.reespec1",
				       RIG_SPECTROMETER, SPECTROMETER,
				       "Configure");
	sd_bus_message_open_container(m, 'a', "{sv}");
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "A%03d", i);
		sd_bus_message_append(m, "{sv}", name, "s", "1234567890");
	}
	sd_bus_message_close_container(m);
	sd_bus_message_append(m, "s", "many");
	sd_bus_call(r->bus, m, 0, &error, NULL);
	snprintf(name_of, sizeof(name_of), "%s", error.name ? error.name : "");
	snprintf(rig_message, sizeof(rig_message), "%s",
		 error.message ? error.message : "");
	sd_bus_error_free(&error);
	return name_of;
}

TEST_F(configure, more_settings_than_there_are_are_refused)
{
	struct rig *r = &self->r;
	const uint64_t last = rig_last(r);

	EXPECT_STREQ(ERROR "BadOption", configure_many(r, 500));
	EXPECT_NE(NULL, strstr(rig_message, "more than 128 settings"))
	TH_LOG("%s", rig_message);
	EXPECT_EQ(last, rig_last(r));
}

/* It may have taken what stood before; so that is on record. */
TEST_F(configure, what_the_instrument_refuses_is_recorded_too)
{
	CLEANUP(js_freep) json_t *body = NULL;
	struct rig *r = &self->r;

	EXPECT_STREQ(ERROR "BadOption", configure(r, "ZZZZ", "1"));
	EXPECT_NE(NULL, strstr(rig_message, "ZZZZ")) TH_LOG("%s", rig_message);
	body = rig_record(r, rig_last(r), NULL, NULL, NULL);
	EXPECT_STREQ("config", text_of(body, "kind"));
	EXPECT_STREQ("ZZZZ=1;", text_of(body, "sent"));
	EXPECT_NE(NULL, strstr(text_of(body, "why"), "ZZZZ"));

	/* It is free, and so is its control. */
	EXPECT_TRUE(rig_wait_state(r, "idle"));
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 5, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("done", r->verdict);
}

TEST_F(configure, an_assay_is_not_disturbed)
{
	struct rig *r = &self->r;
	uint64_t last;

	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 4000, NULL));
	ASSERT_TRUE(rig_wait_state(r, "measuring"));
	last = rig_last(r);
	EXPECT_STREQ(ERROR "Busy", configure(r, "HVSE", "OFF"));
	EXPECT_NE(NULL, strstr(rig_message, "the assay of X is running"));
	ASSERT_STREQ("",
		     rig_call(r, rig_path, "org.reespec1.Assay", "Finish", ""));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("done", r->verdict);
	EXPECT_LT(last, rig_last(r));
}

TEST_F(configure, nothing_begins_while_settings_are_sent)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(begin_slowly(r));
	EXPECT_STREQ(ERROR "Busy", rig_measure(r, "X", "ore-l", 5, NULL));
	EXPECT_NE(NULL, strstr(rig_message, "settings are being sent"));
	/* What queues begins behind them. */
	ASSERT_STREQ("", rig_measure(r, "Y", "ore-l", 5, "queue", NULL));
	ASSERT_TRUE(rig_emu(r, "fault none"));
	ASSERT_TRUE(rig_wait(r, 20, is_answered));
	EXPECT_STREQ(": ", answer);
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("done", r->verdict);
	EXPECT_STREQ("Y", r->sample);
}

TEST_F(configure, an_unplug_meanwhile_is_answered)
{
	CLEANUP(js_freep) json_t *body = NULL;
	struct rig *r = &self->r;

	ASSERT_TRUE(begin_slowly(r));
	ASSERT_TRUE(rig_emu(r, "unplug"));
	ASSERT_TRUE(rig_wait(r, 20, is_answered));
	EXPECT_NE(NULL, strstr(answer, ERROR "NoDevice: "))
	TH_LOG("%s", answer);
	EXPECT_NE(NULL, strstr(answer, "unplugged"));
	body = rig_record(r, rig_last(r), NULL, NULL, NULL);
	EXPECT_STREQ("the instrument was unplugged", text_of(body, "why"));
	EXPECT_STREQ(ERROR "NoDevice", configure(r, "HVSE", "OFF"));

	ASSERT_TRUE(rig_emu(r, "fault none"));
	ASSERT_TRUE(rig_emu(r, "plug"));
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	EXPECT_STREQ("", configure(r, "HVSE", "OFF"));
}

TEST_F(configure, an_instrument_that_is_silent_is_a_fault)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(rig_emu(r, "fault drop 1"));
	EXPECT_STREQ(ERROR "Fault", configure(r, "HVSE", "OFF"));
	EXPECT_NE(NULL, strstr(rig_message, "no answer"))
	TH_LOG("%s", rig_message);
	/* It is probed again. */
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	EXPECT_TRUE(rig_log_has(r, "the link to the instrument was lost"));
	EXPECT_STREQ("", configure(r, "HVSE", "OFF"));
}

TEST_F(configure, the_end_of_the_daemon_is_recorded)
{
	CLEANUP(js_freep) json_t *body = NULL;
	struct rig *r = &self->r;
	uint64_t before;

	before = rig_last(r);
	ASSERT_TRUE(begin_slowly(r));
	rig_kill(&r->daemon_pid, SIGTERM);
	ASSERT_TRUE(rig_emu(r, "fault none"));
	rig_start_daemon(r);
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	body = rig_record(r, before + 1, NULL, NULL, NULL);
	EXPECT_STREQ("config", text_of(body, "kind"));
	EXPECT_STREQ("the daemon was stopped", text_of(body, "why"));
	EXPECT_TRUE(rig_verifies(r));
}

TEST_F(configure, others_may_not)
{
	struct rig *r = &self->r;
	const uint64_t last = rig_last(r);

	if (getuid() != 0)
		SKIP(return, "only root can be somebody else");
	EXPECT_NE(NULL,
		  strstr(rig_as_nobody(r, RIG_SPECTROMETER
				       " " SPECTROMETER
				       " Configure a{sv}s 1 HVSE s OFF x"),
			 "Access denied"));
	EXPECT_EQ(last, rig_last(r));
}

TEST_HARNESS_MAIN
