// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pump: what made other programs with sd-bus on a loop of their own sleep
 * on a queue that was not empty, miss a time-out, keep what they had to send,
 * or spin. Nothing but the bus wakes the loop here, and the end of a case that
 * waits in vain.
 */
#include <dlfcn.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bus/loop.h"
#include "kselftest_harness.h"

#include "rig.h"

#define PATIENCE_S 30
#define NAME "org.reespec1.Test"
#define N_SIGNALS 5
#define N_LARGE 64
#define LARGE (512 * 1024)

FIXTURE(loop)
{
	struct rig r;
	struct event_base *base;
	struct loop *loop;
	struct event *begin, *end;
	void (*what)(FIXTURE_DATA(loop) * self);
	sd_bus *other; /* a client that reads nothing */
	unsigned int n_heard;
	bool is_done;
};

static int on_connected(sd_bus *bus, void *arg)
{
	(void)bus, (void)arg;
	return 0;
}

/* What a case does happens in an event, as all in the daemon does. */
static void on_named(void *arg)
{
	FIXTURE_DATA(loop) *self = arg;

	event_active(self->begin, 0, 0);
}

static void on_lost(void *arg)
{
	(void)arg;
}

static void on_refused(const char *why, void *arg)
{
	(void)why, (void)arg;
}

static void on_begin(evutil_socket_t fd, short events, void *arg)
{
	FIXTURE_DATA(loop) *self = arg;

	(void)fd, (void)events;
	self->what(self);
}

static void on_end(evutil_socket_t fd, short events, void *arg)
{
	FIXTURE_DATA(loop) *self = arg;

	(void)fd, (void)events;
	loop_quit(self->loop);
}

static void finish(FIXTURE_DATA(loop) * self)
{
	self->is_done = true;
	loop_quit(self->loop);
}

FIXTURE_SETUP(loop)
{
	const struct loop_events events = { on_connected, on_named, on_lost,
					    on_refused, self };

	memset(self, 0, sizeof(*self));
	rig_start(&self->r, NULL, NULL);
	rig_start_bus(&self->r, true);
	self->other = rig_open(&self->r);
	self->base = event_base_new();
	ASSERT_EQ(0, loop_new(self->base, self->r.address, NAME, &events,
			      &self->loop));
	self->begin = event_new(self->base, -1, 0, on_begin, self);
	self->end = evtimer_new(self->base, on_end, self);
}

FIXTURE_TEARDOWN(loop)
{
	event_free(self->begin);
	event_free(self->end);
	loop_free(self->loop);
	event_base_free(self->base);
	sd_bus_flush_close_unref(self->other);
	rig_stop(&self->r);
}

/* Whether the case came to its end by itself. */
static bool comes_to_its_end(FIXTURE_DATA(loop) * self,
			     void (*what)(FIXTURE_DATA(loop) * self))
{
	const struct timeval patience = { PATIENCE_S, 0 };

	self->what = what;
	event_add(self->end, &patience);
	return loop_run(self->loop) == 0 && self->is_done;
}

static int on_signal(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	FIXTURE_DATA(loop) *self = arg;

	(void)m, (void)error;
	if (++self->n_heard == N_SIGNALS)
		finish(self);
	return 0;
}

/* A synchronous call reads the signals before its answer into the library's
 * own queue: the socket is empty then, and they are not handled. */
static void queue_signals(FIXTURE_DATA(loop) * self)
{
	sd_bus *bus = loop_bus(self->loop);

	if (sd_bus_match_signal(bus, NULL, NULL, "/test", NAME, "Tick",
				on_signal, self) < 0)
		return;
	for (int i = 0; i < N_SIGNALS; i++)
		sd_bus_emit_signal(bus, "/test", NAME, "Tick", "");
	sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
			   "org.freedesktop.DBus", "GetId", NULL, NULL, "");
}

TEST_F_TIMEOUT(loop, does_not_sleep_on_what_is_queued, 60)
{
	EXPECT_TRUE(comes_to_its_end(self, queue_signals));
	EXPECT_EQ(N_SIGNALS, self->n_heard);
}

static int on_answer(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	(void)error;
	if (sd_bus_message_is_method_error(m, SD_BUS_ERROR_NO_REPLY))
		finish(arg);
	return 0;
}

static void call_in_vain(FIXTURE_DATA(loop) * self)
{
	const char *name;

	if (sd_bus_get_unique_name(self->other, &name) >= 0)
		sd_bus_call_method_async(loop_bus(self->loop), NULL, name,
					 "/test", NAME, "Silence", on_answer,
					 self, "");
}

static void call_for_a_moment(FIXTURE_DATA(loop) * self)
{
	sd_bus_set_method_call_timeout(loop_bus(self->loop), 300000);
	call_in_vain(self);
}

TEST_F_TIMEOUT(loop, wakes_for_a_call_that_is_not_answered, 60)
{
	EXPECT_TRUE(comes_to_its_end(self, call_for_a_moment));
}

/* The loop asks for the events before each sleep: so many rounds it made. */
static unsigned int n_rounds;

int sd_bus_get_events(sd_bus *bus)
{
	static int (*next)(sd_bus * bus);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "sd_bus_get_events");
	n_rounds++;
	return next(bus);
}

/* Then nothing is to be done for half a second. */
static int on_sent(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const struct timeval idle = { 0, 500000 };
	FIXTURE_DATA(loop) *self = arg;

	(void)m, (void)error;
	self->is_done = true;
	n_rounds = 0;
	event_add(self->end, &idle);
	return 0;
}

/* From outside: a timer of the loop would wake it. */
static void resume_later(pid_t pid)
{
	if (fork())
		return;
	nanosleep(&(struct timespec){ 0, 300000000 }, NULL);
	kill(pid, SIGCONT);
	_exit(0);
}

/* More than a socket takes, and the bus begins to read it when the loop
 * sleeps. */
static void send_much(FIXTURE_DATA(loop) * self)
{
	static char bytes[LARGE];
	sd_bus *bus = loop_bus(self->loop);

	/* Its end must not be what wakes the loop. */
	sd_bus_set_method_call_timeout(bus, 3600000000);
	kill(self->r.bus_pid, SIGSTOP);
	resume_later(self->r.bus_pid);
	for (int i = 0; i < N_LARGE; i++) {
		sd_bus_message *m = NULL;

		sd_bus_message_new_signal(bus, &m, "/test", NAME, "Much");
		sd_bus_message_append_array(m, 'y', bytes, sizeof(bytes));
		sd_bus_send(bus, m, NULL);
		sd_bus_message_unref(m);
	}
	sd_bus_call_method_async(bus, NULL, "org.freedesktop.DBus",
				 "/org/freedesktop/DBus",
				 "org.freedesktop.DBus", "GetId", on_sent, self,
				 "");
}

TEST_F_TIMEOUT(loop, sends_what_did_not_fit_and_rests_then, 60)
{
	EXPECT_TRUE(comes_to_its_end(self, send_much));
	EXPECT_LT(n_rounds, 20);
}

static unsigned int n_tried;

int sd_bus_start(sd_bus *bus)
{
	static int (*next)(sd_bus * bus);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "sd_bus_start");
	n_tried++;
	return next(bus);
}

/* After 0.1, 0.3, 0.7, 1.5 and 3.1 s, or every 0.1 s. */
TEST_F_TIMEOUT(loop, tries_a_bus_that_is_away_ever_less_often, 60)
{
	const struct timeval while_away = { 2, 500000 };

	rig_kill(&self->r.bus_pid, SIGKILL);
	n_tried = 0;
	event_add(self->end, &while_away);
	EXPECT_EQ(0, loop_run(self->loop));
	EXPECT_LE(2, n_tried);
	EXPECT_GE(5, n_tried);
}

TEST_HARNESS_MAIN
