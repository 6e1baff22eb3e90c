// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of a session's moves, when a detector counts as settled, and what
 * is made of answers and records that come at odd times.
 */
#include <event2/event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "device/port-internal.h"
#include "device/session.h"
#include "device/settle.h"

/* How far the clocks have gone on, for libevent too, while nothing here ran. */
static time_t away_s;

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	const long r = syscall(SYS_clock_gettime, clock, ret);

	ret->tv_sec += away_s;
	return (int)r;
}

TEST(session_measures_only_after_configuring)
{
	for (int from = 0; from < SESSION_N_STATES; from++)
		EXPECT_EQ(from == SESSION_CONFIGURING,
			  session_may_move(from, SESSION_MEASURING));
}

TEST(session_can_be_unplugged_anywhere)
{
	for (int from = 0; from < SESSION_N_STATES; from++)
		EXPECT_EQ(from != SESSION_ABSENT,
			  session_may_move(from, SESSION_ABSENT));
}

TEST(session_leaves_absence_by_probing_only)
{
	for (int to = 0; to < SESSION_N_STATES; to++)
		EXPECT_EQ(to == SESSION_PROBING,
			  session_may_move(SESSION_ABSENT, to));
}

TEST(session_never_ends_an_assay_without_draining)
{
	EXPECT_FALSE(session_may_move(SESSION_MEASURING, SESSION_IDLE));
	EXPECT_FALSE(session_may_move(SESSION_CONFIGURING, SESSION_IDLE));
	EXPECT_FALSE(session_may_move(SESSION_MEASURING, SESSION_FAULT));
	EXPECT_TRUE(session_may_move(SESSION_MEASURING, SESSION_DRAINING));
	EXPECT_TRUE(session_may_move(SESSION_DRAINING, SESSION_IDLE));
}

TEST(session_states_have_names)
{
	for (int i = 0; i < SESSION_N_STATES; i++)
		EXPECT_NE(NULL, session_state_name(i));
	EXPECT_STREQ("settling", session_state_name(SESSION_SETTLING));
}

FIXTURE(settle)
{
	struct settle target;
	struct dp5_status status;
	char why[128];
};

FIXTURE_SETUP(settle)
{
	self->target = (struct settle){ .detector_k = 220, .hv_v = -110 };
	self->status.detector_k = 220;
	self->status.hv_v = -110;
}

FIXTURE_TEARDOWN(settle)
{
}

TEST_F(settle, is_settled_at_its_set_points)
{
	EXPECT_TRUE(settle_check(&self->target, &self->status, false, self->why,
				 sizeof(self->why)));
	EXPECT_STREQ("", self->why);
}

TEST_F(settle, two_kelvin_are_the_limit)
{
	self->status.detector_k = 222;
	EXPECT_TRUE(settle_check(&self->target, &self->status, false, self->why,
				 sizeof(self->why)));
	self->status.detector_k = 222.1;
	EXPECT_FALSE(settle_check(&self->target, &self->status, false,
				  self->why, sizeof(self->why)));
	EXPECT_NE(NULL, strstr(self->why, "222.1 K"));
	EXPECT_NE(NULL, strstr(self->why, "220 K"));
	/* What was settled has twice the room. */
	EXPECT_TRUE(settle_check(&self->target, &self->status, true, self->why,
				 sizeof(self->why)));
	self->status.detector_k = 215.9;
	EXPECT_FALSE(settle_check(&self->target, &self->status, true, self->why,
				  sizeof(self->why)));
}

TEST_F(settle, ten_percent_of_the_voltage_are_the_limit)
{
	self->status.hv_v = -99;
	EXPECT_TRUE(settle_check(&self->target, &self->status, false, self->why,
				 sizeof(self->why)));
	self->status.hv_v = -98.5;
	EXPECT_FALSE(settle_check(&self->target, &self->status, false,
				  self->why, sizeof(self->why)));
	EXPECT_NE(NULL, strstr(self->why, "high voltage"));
	self->status.hv_v = 110;
	EXPECT_FALSE(settle_check(&self->target, &self->status, false,
				  self->why, sizeof(self->why)));
}

TEST_F(settle, a_supply_that_is_off_is_not_waited_for)
{
	struct dp5_config c = {
		.n = 2, .commands = { { "TECS", "OFF" }, { "HVSE", "0" } }
	};

	settle_set(&self->target, &c);
	EXPECT_TRUE(isnan(self->target.detector_k));
	EXPECT_TRUE(isnan(self->target.hv_v));
	self->status.detector_k = 300;
	self->status.hv_v = 31;
	EXPECT_TRUE(settle_check(&self->target, &self->status, false, self->why,
				 sizeof(self->why)));
}

TEST_F(settle, an_unnamed_command_keeps_its_target)
{
	struct dp5_config c = { .n = 1, .commands = { { "TECS", "230" } } };

	settle_set(&self->target, &c);
	EXPECT_EQ(230, self->target.detector_k);
	EXPECT_EQ(-110, self->target.hv_v);
}

/* ---- a session on a port whose answers the test gives ---------------------- */

struct script {
	struct port port;
	struct port_calls calls;
};

static int script_submit(struct port *p, struct port_call *call)
{
	TAILQ_INSERT_TAIL(&((struct script *)p)->calls, call, link);
	return 0;
}

static void script_listen(struct port *p)
{
	(void)p;
}

static void script_close(struct port *p)
{
	port_calls_free(&((struct script *)p)->calls);
	port_deinit(p);
	free(p);
}

static const struct port_ops script_ops = {
	.submit = script_submit,
	.listen = script_listen,
	.close = script_close,
};

FIXTURE(scripted)
{
	struct event_base *base;
	struct script *script;
	struct session *session;
	enum session_end end;
	char why[128]; /* the assay ended, or settings */
	int error; /* of settings */
	unsigned int n_readings;
};

static void on_changed(struct session *s, void *arg)
{
	(void)s;
	(void)arg;
}

static void on_end(struct session *s, enum session_end end,
		   const struct session_reading *last, const char *why,
		   void *arg)
{
	FIXTURE_DATA(scripted) *self = arg;

	(void)last;
	self->end = end;
	snprintf(self->why, sizeof(self->why), "%s", why);
	session_release(s);
}

static void on_configured(struct session *s, const struct dp5_config *sent,
			  const struct dp5_config *read_back, void *arg)
{
	(void)s;
	(void)sent;
	(void)read_back;
	(void)arg;
}

static void on_reading(struct session *s, const struct session_reading *reading,
		       void *arg)
{
	FIXTURE_DATA(scripted) *self = arg;

	(void)s;
	(void)reading;
	self->n_readings++;
}

/* Answers the oldest call as the instrument would. */
static void answer(struct script *s, uint8_t pid1, uint8_t pid2,
		   const void *data, size_t len)
{
	struct port_call *call = TAILQ_FIRST(&s->calls);

	if (!call)
		abort();
	TAILQ_REMOVE(&s->calls, call, link);
	if (call->cmd == DP5_IOC_TRANSACT) {
		call->u.transact.rx_pid1 = pid1;
		call->u.transact.rx_pid2 = pid2;
		call->u.transact.rx_len = len;
		if (len)
			memcpy(call->rx, data, len);
	}
	port_answer(&s->port, call);
}

static void script_probed(struct script *s)
{
	static const char supplies[] = "TECS=OFF;HVSE=OFF;";
	static const uint8_t status[DP5_STATUS_LEN];

	answer(s, 0x80, 0x01, status, sizeof(status));
	answer(s, 0x82, 0x07, supplies, strlen(supplies));
}

FIXTURE_SETUP(scripted)
{
	static const struct dp5_info info;
	struct session_events events = { .on_changed = on_changed,
					 .on_configured = on_configured,
					 .on_reading = on_reading,
					 .on_end = on_end,
					 .arg = self };

	self->end = SESSION_END_PRESET;
	self->base = event_base_new();
	self->script = calloc(1, sizeof(*self->script));
	ASSERT_TRUE(self->base && self->script);
	TAILQ_INIT(&self->script->calls);
	ASSERT_EQ(0, port_init(&self->script->port, &script_ops, self->base, "",
			       "script"));
	ASSERT_EQ(0, session_new(self->base, "1", &events, &self->session));
	ASSERT_EQ(0, session_attach(self->session, &self->script->port, &info));
	script_probed(self->script);
	ASSERT_EQ(SESSION_IDLE, session_state(self->session));
	answer(self->script, 0, 0, NULL, 0); /* the subscription */
}

FIXTURE_TEARDOWN(scripted)
{
	session_free(self->session);
	event_base_free(self->base);
}

static void driver_tells(struct script *s, unsigned int event)
{
	const struct dp5_state state = { .event = event };
	const struct dp5_frame frame = { .type = DP5_FRAME_STATE,
					 .payload_len = sizeof(state) };

	s->port.events.on_frame(&frame, (const uint8_t *)&state,
				s->port.events.arg);
}

static const struct dp5_config no_settings;
static const struct session_assay one_second = { .config = &no_settings,
						 .preset_live_s = 1,
						 .interval_s = 1 };

/* The driver sends a request again that a reset cut, so its answer comes when
 * the assay has ended: it must not stop the next look at the instrument. */
TEST_F(scripted, an_answer_after_a_restart_is_nobodys)
{
	const struct timeval limit = { 5, 0 };

	session_start(self->session, &one_second);
	ASSERT_EQ(SESSION_CONFIGURING, session_state(self->session));
	driver_tells(self->script, DP5_STATE_RESET);
	driver_tells(self->script, DP5_STATE_REBOOT);
	EXPECT_EQ(SESSION_END_INTERRUPTED, self->end);
	EXPECT_STREQ("the instrument was restarted", self->why);
	ASSERT_EQ(SESSION_FAULT, session_state(self->session));
	EXPECT_STREQ("the instrument was restarted",
		     session_fault(self->session));

	answer(self->script, 0, 0, NULL, 0); /* of the row that was left */
	EXPECT_EQ(SESSION_FAULT, session_state(self->session));
	answer(self->script, 0, 0, NULL, 0); /* control given back */
	EXPECT_EQ(NULL, TAILQ_FIRST(&self->script->calls));
	event_base_loopexit(self->base, &limit);
	event_base_loop(self->base, EVLOOP_ONCE);
	EXPECT_EQ(SESSION_PROBING, session_state(self->session));
}

/* The instrument has its settings and its counts, and goes on. */
TEST_F(scripted, a_reset_of_the_port_ends_nothing)
{
	session_start(self->session, &one_second);
	driver_tells(self->script, DP5_STATE_RESET);
	driver_tells(self->script, DP5_STATE_RESYNC);
	EXPECT_EQ(SESSION_CONFIGURING, session_state(self->session));
	EXPECT_TRUE(session_is_busy(self->session));
	EXPECT_STREQ("", self->why);
}

/* Idle, it is asked anew for its supplies; what it had before is no target. */
TEST_F(scripted, an_idle_instrument_that_restarts_is_probed)
{
	driver_tells(self->script, DP5_STATE_RESET);
	EXPECT_EQ(SESSION_IDLE, session_state(self->session));
	driver_tells(self->script, DP5_STATE_REBOOT);
	ASSERT_EQ(SESSION_PROBING, session_state(self->session));
	driver_tells(self->script, DP5_STATE_REBOOT);
	answer(self->script, 0, 0, NULL, 0); /* of the probe that was left */
	EXPECT_EQ(SESSION_PROBING, session_state(self->session));
	script_probed(self->script);
	EXPECT_EQ(SESSION_IDLE, session_state(self->session));
}

static void on_applied(struct session *s, int error, const char *why,
		       const struct dp5_config *sent,
		       const struct dp5_config *read_back, void *arg)
{
	FIXTURE_DATA(scripted) *self = arg;

	(void)s;
	(void)sent;
	(void)read_back;
	self->error = error;
	snprintf(self->why, sizeof(self->why), "%s", why);
}

TEST_F(scripted, settings_are_not_taken_by_an_instrument_that_restarts)
{
	session_apply(self->session, &no_settings, on_applied, self);
	driver_tells(self->script, DP5_STATE_REBOOT);
	EXPECT_EQ(-EIO, self->error);
	EXPECT_STREQ("the instrument was restarted", self->why);
	EXPECT_EQ(SESSION_FAULT, session_state(self->session));
}

/* What the service manager has open keeps control for the next daemon. */
TEST_F(scripted, a_daemon_that_ends_does_not_give_control_back)
{
	struct port_call *call;

	session_start(self->session, &one_second);
	session_stop(self->session);
	EXPECT_EQ(SESSION_END_INTERRUPTED, self->end);
	EXPECT_FALSE(session_is_busy(self->session));
	TAILQ_FOREACH(call, &self->script->calls, link)
		EXPECT_FALSE(call->cmd == DP5_IOC_CONTROL &&
			     call->u.control.op == DP5_CONTROL_RELEASE);
}

/* But one whose assay ends does, for whoever else is at the instrument. */
TEST_F(scripted, an_assay_that_ends_gives_control_back)
{
	struct port_call *call;
	unsigned int n = 0;

	session_start(self->session, &one_second);
	driver_tells(self->script, DP5_STATE_REBOOT);
	EXPECT_FALSE(session_is_busy(self->session));
	TAILQ_FOREACH(call, &self->script->calls, link)
		n += call->cmd == DP5_IOC_CONTROL &&
		     call->u.control.op == DP5_CONTROL_RELEASE;
	EXPECT_EQ(1, n);
}

/* Control, no frames. */
static void script_claimed(struct script *s)
{
	answer(s, 0, 0, NULL, 0);
	answer(s, 0, 0, NULL, 0);
}

/* An acknowledge that tells of a second host is one all the same. */
TEST_F(scripted, another_host_that_knocks_refuses_nothing)
{
	session_start(self->session, &one_second);
	script_claimed(self->script);
	answer(self->script, 0xff, 0x0c, NULL, 0);
	EXPECT_TRUE(session_is_busy(self->session));
	EXPECT_STREQ("", self->why);
	answer(self->script, 0xff, 0x0d, NULL, 0);
	EXPECT_EQ(SESSION_END_FAILED, self->end);
	EXPECT_NE(NULL, strstr(self->why, "configure: refused"));
	EXPECT_NE(NULL, strstr(self->why, "busy with another interface"));
}

/* As it takes one_second, with these supplies. */
static void script_configured(struct script *s, const char *supplies)
{
	static const char settings[] = "PRET=1.0;PRER=OFF;PREC=OFF;MCAE=OFF;";
	static const uint8_t status[DP5_STATUS_LEN];

	script_claimed(s);
	answer(s, 0xff, 0, NULL, 0);
	answer(s, 0xff, 0, NULL, 0);
	answer(s, 0x82, 0x07, settings, strlen(settings));
	answer(s, 0x82, 0x07, supplies, strlen(supplies));
	answer(s, 0x80, 0x01, status, sizeof(status));
}

static void pass(FIXTURE_DATA(scripted) * self, time_t seconds)
{
	away_s += seconds;
	event_base_loop(self->base, EVLOOP_NONBLOCK);
}

TEST_F(scripted, a_detector_that_does_not_settle_ends_the_assay)
{
	session_start(self->session, &one_second);
	script_configured(self->script, "TECS=220;HVSE=-110;");
	ASSERT_EQ(SESSION_SETTLING, session_state(self->session));
	pass(self, 590);
	EXPECT_TRUE(session_is_busy(self->session));
	pass(self, 15);
	EXPECT_FALSE(session_is_busy(self->session));
	EXPECT_EQ(SESSION_END_FAILED, self->end);
	EXPECT_NE(NULL, strstr(self->why, "not settled in 600 s: "));
	EXPECT_NE(NULL, strstr(self->why, "220 K"));
}

/* Whether it is still waited for after so many seconds of silence. */
static bool is_patient(FIXTURE_DATA(scripted) * self, int seconds)
{
	for (int i = 0; i < seconds; i += 3)
		pass(self, 3);
	return session_is_busy(self->session);
}

static void tell_spectrum(struct script *s, uint32_t real_ms)
{
	uint8_t payload[3 * 256 + DP5_STATUS_LEN] = { 0 };
	const struct dp5_frame frame = { .type = DP5_FRAME_SPECTRUM,
					 .payload_len = sizeof(payload) };
	uint8_t *status = payload + 3 * 256;

	status[20] = (uint8_t)real_ms;
	status[21] = (uint8_t)(real_ms >> 8);
	status[35] = 1 << 5; /* it counts */
	s->port.events.on_frame(&frame, payload, s->port.events.arg);
}

/* Silence is longer where less is asked for. */
TEST_F(scripted, a_long_interval_is_waited_for)
{
	const struct session_assay slow = { .config = &no_settings,
					    .preset_live_s = 1,
					    .interval_s = 20 };

	session_start(self->session, &slow);
	script_configured(self->script, "TECS=OFF;HVSE=OFF;");
	answer(self->script, 0xff, 0, NULL, 0); /* clear */
	answer(self->script, 0xff, 0, NULL, 0); /* enable */
	answer(self->script, 0, 0, NULL, 0); /* the subscription */
	ASSERT_EQ(SESSION_MEASURING, session_state(self->session));
	EXPECT_TRUE(is_patient(self, 60));
	tell_spectrum(self->script, 60000);
	EXPECT_EQ(1, self->n_readings);
	EXPECT_TRUE(is_patient(self, 90));
	EXPECT_FALSE(is_patient(self, 60));
	EXPECT_EQ(SESSION_END_FAILED, self->end);
	EXPECT_STREQ("no spectrum came in time", self->why);
}

/* A machine that stood still: whoever brings the answer stood still as well. */
TEST_F(scripted, a_long_absence_of_the_daemon_is_no_silence)
{
	session_start(self->session, &one_second);
	away_s += 3600;
	event_base_loop(self->base, EVLOOP_NONBLOCK);
	EXPECT_TRUE(session_is_busy(self->session));
	EXPECT_STREQ("", self->why);
	/* But it is in the end. */
	for (int i = 0; i < 4; i++) {
		ASSERT_TRUE(session_is_busy(self->session));
		away_s += 4;
		event_base_loop(self->base, EVLOOP_NONBLOCK);
	}
	EXPECT_FALSE(session_is_busy(self->session));
	EXPECT_EQ(SESSION_END_FAILED, self->end);
	EXPECT_NE(NULL, strstr(self->why, "no answer"));
}

TEST_HARNESS_MAIN
