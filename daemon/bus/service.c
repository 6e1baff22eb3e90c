// SPDX-License-Identifier: GPL-2.0-or-later
/* Puts the parts together and takes them down in order. */
#include "bus/service.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "bus/batch.h"
#include "bus/follower.h"
#include "bus/held.h"
#include "bus/leftover.h"
#include "bus/loop.h"
#include "bus/messages.h"
#include "bus/settings.h"
#include "bus/space.h"
#include "bus/spectrometer.h"
#include "bus/worker.h"
#include "device/finder.h"
#include "device/hotplug.h"
#include "device/kept.h"

/* How long the last fit may take once the daemon is to stop. */
#define STOP_TIME_S 10
/* A record that is so much older than the settings let it get, and not durable
 * yet, is no progress. */
#define STUCK_NS (20 * 1000000000ULL)

sd_bus *service_bus(const struct service *s)
{
	return s->loop ? loop_bus(s->loop) : NULL;
}

void service_object_added(struct service *s, const char *path, int r)
{
	sd_bus *bus = service_bus(s);

	if (r >= 0) {
		sd_bus_emit_object_added(bus, path);
		return;
	}
	log_warning("%s is not on the bus: %s; connecting anew", path,
		    strerror(-r));
	/* The round that is under way finds it closed. */
	sd_bus_close(bus);
}

void service_set_health(struct service *s, const char *why)
{
	char text[sizeof(s->health)];

	snprintf(text, sizeof(text), "%s%s", why[0] ? "ledger: " : "", why);
	if (!strcmp(text, s->health))
		return;
	memcpy(s->health, text, sizeof(text));
	if (text[0])
		log_event(LOG_ERR, MESSAGE_LEDGER_ILL, NULL, "%s", text);
	else
		log_event(LOG_NOTICE, MESSAGE_LEDGER_WELL, NULL,
			  "the ledger can be written again");
	manager_health_changed(s);
}

/* ---- the ledger's events -------------------------------------------------- */

static void on_committed(uint64_t first, uint64_t last, void *arg)
{
	struct service *s = arg;
	struct spectrometer *sp;

	(void)first;
	follower_tell_all(s);
	TAILQ_FOREACH(sp, &s->spectrometers, link)
		spectrometer_committed(sp, last);
}

static void on_health(const char *why, void *arg)
{
	struct service *s = arg;
	struct spectrometer *sp;

	service_set_health(s, why);
	if (!why[0])
		return;
	TAILQ_FOREACH(sp, &s->spectrometers, link)
		if (sp->run)
			run_disk_failed(sp->run, why);
}

/* ---- the bus's events ----------------------------------------------------- */

/* A name has left the bus: its follower goes, its attached assay ends. */
static int on_name_lost(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct service *s = arg;
	struct spectrometer *sp;
	const char *name;

	(void)error;
	if (sd_bus_message_read(m, "s", &name) < 0)
		return 0;
	follower_remove(s, name);
	TAILQ_FOREACH(sp, &s->spectrometers, link)
		spectrometer_caller_left(sp, name);
	return 0;
}

static int on_connected(sd_bus *bus, void *arg)
{
	struct service *s = arg;
	struct spectrometer *sp;
	int r;

	r = manager_register(s, bus);
	if (r >= 0)
		r = ledger_object_register(s, bus);
	if (r >= 0)
		r = sd_bus_add_match_async(
			bus, &s->slots[s->n_slots++],
			"type='signal',sender='org.freedesktop.DBus',"
			"interface='org.freedesktop.DBus',"
			"member='NameOwnerChanged',arg2=''",
			on_name_lost, NULL, s);
	if (r < 0)
		return r;
	TAILQ_FOREACH(sp, &s->spectrometers, link) {
		r = spectrometer_register(sp, bus);
		if (r < 0)
			return r;
	}
	return 0;
}

static void on_lost(void *arg)
{
	struct service *s = arg;
	struct spectrometer *sp;

	ledger_object_stop_verify(s);
	ledger_object_stop_archiving(s);
	follower_remove(s, "");
	TAILQ_FOREACH(sp, &s->spectrometers, link)
		spectrometer_bus_lost(sp);
	while (s->n_slots)
		sd_bus_slot_unref(s->slots[--s->n_slots]);
}

static void on_named(void *arg)
{
	struct service *s = arg;

	log_info("on the bus as %s, ledger %s at %llu", BUS_NAME,
		 ledger_id(s->ledger),
		 (unsigned long long)ledger_last(s->ledger));
	if (s->options->on_ready)
		s->options->on_ready(s->options->arg);
}

static void on_refused(const char *why, void *arg)
{
	struct service *s = arg;

	log_error("%s", why);
	s->error = -EACCES;
	service_stop(s);
}

/* ---- instruments ---------------------------------------------------------- */

static bool is_open(const char *name, void *arg)
{
	struct service *s = arg;
	struct spectrometer *sp;

	TAILQ_FOREACH(sp, &s->spectrometers, link)
		if (session_state(sp->session) != SESSION_ABSENT &&
		    !strcmp(session_port_name(sp->session), name))
			return true;
	return false;
}

static int on_found(struct port *port, const struct dp5_info *info,
		    const char *serial, void *arg)
{
	struct service *s = arg;
	int r;

	r = spectrometer_attach(s, serial, port, info);
	if (r == -EEXIST)
		log_error("two instruments say serial number %s; the second "
			  "is left alone",
			  serial);
	else if (r < 0)
		log_error("instrument %s: %s", serial, strerror(-r));
	return r;
}

static void on_trouble(const char *name, int error, void *arg)
{
	(void)arg;
	if (error == -EACCES)
		log_warning("%s: permission denied: the node belongs to user "
			    "reespec by 60-dp5.rules",
			    name);
	else
		log_warning("%s: %s", name, strerror(-error));
}

/* ---- life ----------------------------------------------------------------- */

static bool is_stuck(const struct service *s)
{
	const uint64_t age_ns = (uint64_t)s->settings->batch_age_ms * 1000000;
	struct ledger_batch waiting;

	ledger_pending(s->ledger, &waiting);
	return waiting.n_records && !s->health[0] &&
	       clock_monotonic_ns() - waiting.oldest_ns > age_ns + STUCK_NS;
}

/* Fed by the work: readings that cannot become durable stop it. */
static void on_alive(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;
	struct spectrometer *sp;

	(void)fd;
	(void)what;
	held_sweep(s);
	space_look(s);
	finder_retry(s->finder);
	TAILQ_FOREACH(sp, &s->spectrometers, link) {
		spectrometer_retry_results(sp);
		lines_update(sp);
	}
	if (!is_stuck(s) && s->options->on_alive)
		s->options->on_alive(s->options->arg);
}

static int record_start(struct service *s)
{
	CLEANUP(js_freep) json_t *part = js_object();
	struct ledger_entry entry = { .kind = CHAIN_START, .uid = getuid() };
	int e;

	e = js_set_str(part, "software", "reespecd " REESPEC_VERSION);
	entry.part = part;
	return e < 0 ? -ENOMEM : batch_add_now(s->batch, &entry, NULL);
}

static int check_bus(const struct service_options *o, char *why,
		     size_t why_size)
{
	const char *env = getenv("DBUS_SYSTEM_BUS_ADDRESS");
	const bool is_system = !strcmp(o->bus, "system") && !env;

	if ((is_system || strstr(o->bus, "system_bus_socket")) && *o->sockets) {
		snprintf(why, why_size,
			 "socket:%s: an emulator's socket is refused on the "
			 "system bus, where every record counts as measured",
			 *o->sockets);
		return -EPERM;
	}
	return 0;
}

static int open_ledger(struct service *s, char *why, size_t why_size)
{
	const struct ledger_options options = {
		.software = "reespecd " REESPEC_VERSION,
	};
	const struct batch_events events = { on_committed, on_health, s };
	int r;

	r = ledger_open(s->options->state_dir, &options, &s->ledger, why,
			why_size);
	if (r >= 0)
		r = batch_new(s->base, s->ledger, s->settings, &events,
			      &s->batch);
	if (r < 0)
		return r;
	r = record_start(s);
	if (r < 0) {
		snprintf(why, why_size, "%s: %s", s->options->state_dir,
			 ledger_why(s->ledger));
		ledger_discard(s->ledger);
		return r;
	}
	leftover_end_all(s);
	return 0;
}

static int open_instruments(struct service *s)
{
	const struct finder_events events = { is_open, on_found, on_trouble,
					      s };
	const char *const *path;
	int r;

	r = finder_new(s->base, &events, s->options->kept, &s->finder);
	for (path = s->options->sockets; r >= 0 && *path; path++)
		r = finder_add_socket(s->finder, *path);
	if (r < 0 || *s->options->sockets)
		return r;
	if (!hotplug_has_driver())
		log_warning("kernel module dp5 is not loaded, so no instrument"
			    " will be found: modprobe dp5");
	return finder_watch_nodes(s->finder);
}

int service_new(struct event_base *base, const struct service_options *options,
		struct service **ret, char *why, size_t why_size)
{
	CLEANUP(service_freep) struct service *s = NULL;
	const struct loop_events events = { on_connected, on_named, on_lost,
					    on_refused, NULL };
	struct loop_events loop_events = events;
	const struct timeval second = { 1, 0 };
	int r;

	why[0] = '\0';
	r = check_bus(options, why, why_size);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->base = base;
	s->options = options;
	s->settings = options->settings;
	s->is_system_bus = !strcmp(options->bus, "system") &&
			   !getenv("DBUS_SYSTEM_BUS_ADDRESS");
	TAILQ_INIT(&s->spectrometers);
	TAILQ_INIT(&s->followers);
	TAILQ_INIT(&s->held);
	loop_events.arg = s;

	r = open_ledger(s, why, why_size);
	if (r < 0)
		return r;
	r = worker_new(base, &s->worker);
	if (r >= 0)
		r = loop_new(base, options->bus, BUS_NAME, &loop_events,
			     &s->loop);
	if (r == -ENOENT)
		snprintf(why, why_size, "no bus address for `%s`",
			 options->bus);
	if (r < 0)
		return r;
	s->alive = event_new(base, -1, EV_PERSIST, on_alive, s);
	if (!s->alive || event_add(s->alive, &second) < 0)
		return -ENOMEM;
	r = open_instruments(s);
	if (r < 0)
		return r;
	/* A kill may have left some. */
	ledger_object_purge(s);
	*ret = TAKE_PTR(s);
	return 0;
}

struct service *service_free(struct service *s)
{
	if (!s)
		return NULL;
	kept_end(s->options->kept);
	finder_free(s->finder);
	/* A fit under way ends first; what it found is dropped. */
	worker_free(s->worker);
	batch_free(s->batch);
	s->loop = loop_free(s->loop);
	spectrometer_free_all(s);
	follower_remove(s, "");
	held_free_all(s);
	if (s->alive)
		event_free(s->alive);
	if (s->stop_timer)
		event_free(s->stop_timer);
	if (s->purge)
		event_free(s->purge);
	ledger_close(s->ledger);
	free(s);
	return NULL;
}

int service_run(struct service *s)
{
	int r;

	r = loop_run(s->loop);
	return s->error ? s->error : r;
}

void service_assay_gone(struct service *s)
{
	struct spectrometer *sp;

	if (!s->is_stopping)
		return;
	TAILQ_FOREACH(sp, &s->spectrometers, link)
		if (spectrometer_is_busy(sp) || lines_are_busy(sp))
			return;
	batch_flush(s->batch);
	loop_quit(s->loop);
}

static void on_stop_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;

	(void)fd;
	(void)what;
	log_warning("an assay did not end in %d s", STOP_TIME_S);
	loop_quit(s->loop);
}

void service_stop(struct service *s)
{
	const struct timeval limit = { STOP_TIME_S, 0 };
	struct spectrometer *sp;

	if (s->is_stopping)
		return;
	s->is_stopping = true;
	s->stop_timer = evtimer_new(s->base, on_stop_timeout, s);
	if (s->stop_timer)
		event_add(s->stop_timer, &limit);
	TAILQ_FOREACH(sp, &s->spectrometers, link)
		spectrometer_stop(sp);
	service_assay_gone(s);
}
