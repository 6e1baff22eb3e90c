// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pump.
 *
 * sd-bus has queues of its own, so a sleeping poll() on its descriptor is no
 * proof that nothing is to be done. Before every sleep all is drained, then
 * descriptor, events and timeout are asked for anew and armed, then libevent
 * runs once. Everything else in the daemon hangs on libevent and may touch
 * the bus at will, since no sleep comes before another round.
 *
 * A lost bus is no reason to stop measuring: the connection is dropped and
 * tried again, 0.1 s later and then ever less often up to 5 s.
 */
#include "bus/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000

struct loop {
	struct event_base *base;
	char *address;
	char *name;
	struct loop_events events;
	sd_bus *bus;
	struct event *on_readable; /* of the bus; made anew with its fd */
	struct event *on_writable;
	struct event *on_timeout;
	struct event *on_retry;
	unsigned int backoff_ms;
	bool is_quitting;
	bool is_named;
	bool was_down; /* said that there is no bus */
};

/* Waking is all these are for: the round before the next sleep does it. */
static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void bus_drop(struct loop *l)
{
	struct timeval tv;

	if (l->on_readable)
		event_free(l->on_readable);
	if (l->on_writable)
		event_free(l->on_writable);
	l->on_readable = NULL;
	l->on_writable = NULL;
	event_del(l->on_timeout);
	if (l->bus) {
		l->events.on_lost(l->events.arg);
		sd_bus_close(l->bus);
		l->bus = sd_bus_unref(l->bus);
	}
	l->is_named = false;
	if (l->is_quitting)
		return;

	tv.tv_sec = l->backoff_ms / 1000;
	tv.tv_usec = l->backoff_ms % 1000 * 1000;
	event_add(l->on_retry, &tv);
	l->backoff_ms *= 2;
	if (l->backoff_ms > BACKOFF_MAX_MS)
		l->backoff_ms = BACKOFF_MAX_MS;
}

static void name_refused(struct loop *l, const char *text)
{
	char why[512];

	snprintf(why, sizeof(why), "cannot own the bus name %s: %s", l->name,
		 text);
	l->events.on_refused(why, l->events.arg);
}

static int on_name_reply(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct loop *l = arg;
	const sd_bus_error *e = sd_bus_message_get_error(m);
	uint32_t code = 0;

	(void)error;
	if (e && sd_bus_error_has_name(e, SD_BUS_ERROR_ACCESS_DENIED)) {
		name_refused(l, "the bus refuses it to this user; is its policy"
				" file org.reespec1.conf installed in"
				" /usr/share/dbus-1/system.d, and are we"
				" user reespec?");
		return 0;
	}
	if (e && sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY)) {
		/* Nobody refused: this bus has ended or is stuck. The round
		 * that is under way finds it closed and tries again. */
		sd_bus_close(l->bus);
		return 0;
	}
	if (e) {
		name_refused(l, e->message);
		return 0;
	}
	sd_bus_message_read(m, "u", &code);
	if (code != 1 && code != 4) {
		name_refused(l, "another process has it");
		return 0;
	}
	l->is_named = true;
	l->was_down = false;
	l->backoff_ms = BACKOFF_MIN_MS;
	l->events.on_named(l->events.arg);
	return 0;
}

static int bus_connect(struct loop *l)
{
	sd_bus *bus = NULL;
	int r;

	r = sd_bus_new(&bus);
	if (r < 0)
		return r;
	r = sd_bus_set_address(bus, l->address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, 1);
	if (r >= 0)
		r = sd_bus_negotiate_fds(bus, 1);
	/* Hello goes out with the first rounds, nothing waits for it. */
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0) {
		sd_bus_unref(bus);
		return r;
	}
	l->bus = bus;
	r = l->events.on_connected(bus, l->events.arg);
	if (r >= 0)
		r = sd_bus_request_name_async(bus, NULL, l->name, 0,
					      on_name_reply, l);
	return r;
}

static void try_connect(struct loop *l)
{
	int r;

	r = bus_connect(l);
	if (r >= 0)
		return;
	if (!l->was_down)
		log_warning("no connection to the bus %s: %s; trying on",
			    l->address, strerror(-r));
	l->was_down = true;
	bus_drop(l);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	try_connect(arg);
}

static int drain(struct loop *l)
{
	int r;

	do
		r = sd_bus_process(l->bus, NULL);
	while (r > 0 && l->bus && !l->is_quitting);
	return r;
}

static int arm_timeout(struct loop *l)
{
	uint64_t until_us;
	uint64_t now_us;
	struct timeval tv = { 0, 0 };
	int r;

	r = sd_bus_get_timeout(l->bus, &until_us);
	if (r < 0)
		return r;
	if (until_us == UINT64_MAX) {
		event_del(l->on_timeout);
		return 0;
	}
	/* Rounded up: a wake before the time would come to nothing. */
	now_us = clock_monotonic_ns() / 1000;
	if (until_us > now_us) {
		until_us -= now_us - 1;
		tv.tv_sec = until_us / 1000000;
		tv.tv_usec = until_us % 1000000;
	}
	return event_add(l->on_timeout, &tv) < 0 ? -ENOMEM : 0;
}

static int arm(struct loop *l)
{
	int events;
	int fd;

	fd = sd_bus_get_fd(l->bus);
	if (fd < 0)
		return fd;
	events = sd_bus_get_events(l->bus);
	if (events < 0)
		return events;
	if (l->on_readable && event_get_fd(l->on_readable) != fd) {
		event_free(l->on_readable);
		event_free(l->on_writable);
		l->on_readable = NULL;
	}
	if (!l->on_readable) {
		l->on_readable = event_new(l->base, fd, EV_READ, on_wake, l);
		l->on_writable = event_new(l->base, fd, EV_WRITE, on_wake, l);
		if (!l->on_readable || !l->on_writable)
			return -ENOMEM;
	}
	if (events & POLLIN)
		event_add(l->on_readable, NULL);
	else
		event_del(l->on_readable);
	if (events & POLLOUT)
		event_add(l->on_writable, NULL);
	else
		event_del(l->on_writable);
	return arm_timeout(l);
}

int loop_run(struct loop *l)
{
	int r;

	try_connect(l);
	while (!l->is_quitting) {
		if (l->bus) {
			r = drain(l);
			if (l->is_quitting)
				break;
			if (r >= 0)
				r = arm(l);
			if (r < 0) {
				if (!l->was_down)
					log_warning("bus %s lost: %s; going on "
						    "without it",
						    l->address, strerror(-r));
				l->was_down = true;
				bus_drop(l);
			}
		}
		r = event_base_loop(l->base, EVLOOP_ONCE);
		if (r < 0)
			return -EIO;
	}
	/* What was said last must leave: signals, replies. Bounded by the
	 * library's own time-out. */
	if (l->bus)
		sd_bus_flush(l->bus);
	return 0;
}

void loop_quit(struct loop *l)
{
	l->is_quitting = true;
	event_base_loopbreak(l->base);
}

static const char *address_of(const char *bus)
{
	const char *env;

	if (!strcmp(bus, "system")) {
		env = getenv("DBUS_SYSTEM_BUS_ADDRESS");
		return env ? env : "unix:path=/run/dbus/system_bus_socket";
	}
	if (!strcmp(bus, "session"))
		return getenv("DBUS_SESSION_BUS_ADDRESS");
	return bus;
}

int loop_new(struct event_base *base, const char *address, const char *name,
	     const struct loop_events *events, struct loop **ret)
{
	CLEANUP(loop_freep) struct loop *l = NULL;
	const char *where = address_of(address);

	if (!where)
		return -ENOENT;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->base = base;
	l->events = *events;
	l->backoff_ms = BACKOFF_MIN_MS;
	l->address = strdup(where);
	l->name = strdup(name);
	l->on_timeout = evtimer_new(base, on_wake, l);
	l->on_retry = evtimer_new(base, on_retry, l);
	if (!l->address || !l->name || !l->on_timeout || !l->on_retry)
		return -ENOMEM;
	*ret = TAKE_PTR(l);
	return 0;
}

struct loop *loop_free(struct loop *l)
{
	if (!l)
		return NULL;
	l->is_quitting = true;
	if (l->on_timeout)
		bus_drop(l);
	if (l->on_timeout)
		event_free(l->on_timeout);
	if (l->on_retry)
		event_free(l->on_retry);
	free(l->address);
	free(l->name);
	free(l);
	return NULL;
}

sd_bus *loop_bus(const struct loop *l)
{
	return l->bus;
}
