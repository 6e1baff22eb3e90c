// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls that never wait, and what their answers mean to the line. */
#include "bridges/modbus_daemon.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "bridges/modbus_daemon_internal.h"
#include "reespec/bus_json.h"

#define RETRY_NS 1000000000ULL
#define POLL_NS 500000000ULL
#define CALL_US 10000000ULL

void daemon_tell(struct daemon *d, enum line_event event, enum map_fault fault,
		 const json_t *body)
{
	d->events.on_event(d->events.arg, event, fault, body);
}

void daemon_lost(struct daemon *d, const char *what, const char *why)
{
	daemon_forget_found(d);
	d->is_known = d->is_ending = false;
	d->assay[0] = '\0';
	d->due_ns = clock_monotonic_ns() + RETRY_NS;
	/* It is tried again and again, and said once. */
	if (!d->is_down)
		log_warning("no daemon: %s: %s", what, why);
	d->is_down = true;
	daemon_tell(d, LINE_GONE, MAP_FAULT_OFFLINE, NULL);
}

/* ---- calls ------------------------------------------------------------------- */

/* One whose answer is waited for in @slot has all the time it takes. */
static void send_call(struct daemon *d, sd_bus_message *m,
		      sd_bus_message_handler_t on_reply, sd_bus_slot **slot)
{
	int r = sd_bus_call_async(d->bus, slot, m, on_reply, d,
				  slot ? UINT64_MAX : CALL_US);

	if (r < 0)
		daemon_lost(d, sd_bus_message_get_member(m), strerror(-r));
}

void daemon_call(struct daemon *d, const char *path, const char *interface,
		 const char *member, sd_bus_message_handler_t on_reply,
		 const char *types, ...)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	va_list args;
	int r;

	if (!d->bus)
		return;
	r = bus_call_new(d->bus, path, interface, member, false, &m);
	if (r >= 0) {
		va_start(args, types);
		r = sd_bus_message_appendv(m, types, args);
		va_end(args);
	}
	if (r < 0)
		daemon_lost(d, member, strerror(-r));
	else
		send_call(d, m, on_reply, NULL);
}

json_t *daemon_take_reply(struct daemon *d, sd_bus_message *m, const char *what)
{
	const sd_bus_error *e = sd_bus_message_get_error(m);
	json_t *args = NULL;

	if (e)
		daemon_lost(d, what, e->message);
	else if (bus_json_read(m, &args, NULL) < 0)
		daemon_lost(d, what, "out of memory");
	return args;
}

bool daemon_is_unknown(sd_bus_message *m)
{
	return sd_bus_message_is_method_error(m, SD_BUS_ERROR_UNKNOWN_OBJECT) ||
	       sd_bus_message_is_method_error(m, SD_BUS_ERROR_UNKNOWN_METHOD);
}

const char *daemon_text_at(const json_t *array, size_t i)
{
	const char *text;
	size_t len;

	return js_str_value(js_at(array, i), &text, &len) ? text : "";
}

int daemon_on_ignored(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const sd_bus_error *e = sd_bus_message_get_error(m);

	(void)arg, (void)error;
	if (e)
		log_warning("%s", e->message);
	return 0;
}

void daemon_ack_place(struct daemon *d, uint64_t seq, const char *hash,
		      sd_bus_message_handler_t on_reply)
{
	daemon_call(d, ROOT, LEDGER, "Ack", on_reply, "sts", d->reader, seq,
		    hash);
}

/* ---- the instrument -------------------------------------------------------------- */

static enum map_fault instrument_fault(const json_t *p)
{
	const char *state = js_text(p, "State");

	if (!strcmp(state, "idle") && !js_len(js_get(p, "Queue")) &&
	    !strcmp(js_text(p, "CurrentAssay"), "/"))
		return MAP_FAULT_NONE;
	if (!*state || !strcmp(state, "absent") || !strcmp(state, "probing"))
		return MAP_FAULT_ABSENT;
	if (!strcmp(state, "fault"))
		return MAP_FAULT_INSTRUMENT;
	return strcmp(state, "settling") ? MAP_FAULT_TAKEN : MAP_FAULT_SETTLING;
}

static int on_instrument(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct daemon *d = arg;
	CLEANUP(js_freep) json_t *args = NULL;
	const json_t *p;
	enum map_fault fault;
	const char *qc;

	(void)error;
	if (!d->is_known)
		return 0;
	if (daemon_is_unknown(m)) {
		daemon_tell(d, LINE_CANNOT, MAP_FAULT_ABSENT, NULL);
		return 0;
	}
	args = daemon_take_reply(d, m, "GetAll");
	if (!args)
		return 0;
	p = js_at(args, 0);
	qc = js_text(p, "Qc");
	d->is_qc_due = !strcmp(qc, "due") || !strcmp(qc, "failed");
	fault = instrument_fault(p);
	daemon_tell(d, fault ? LINE_CANNOT : LINE_CAN, fault, NULL);
	return 0;
}

static int on_assay(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct daemon *d = arg;
	CLEANUP(js_freep) json_t *args = NULL;
	const json_t *p, *properties;
	uint64_t seq = 0;

	(void)error;
	if (!d->assay[0] || sd_bus_message_is_method_error(m, NULL) ||
	    bus_json_read(m, &args, NULL) < 0)
		return 0;
	properties = js_at(args, 0);
	p = js_get(properties, "Progress");
	d->progress = (struct daemon_progress){
		.fraction = js_number(p, "fraction"),
		.live_s = js_number(p, "live_s"),
		.input_cps = js_number(p, "fast_cps"),
		.output_cps = js_number(p, "slow_cps"),
		.dead = js_number(p, "dead"),
	};
	/* Should the signal of its end have come before we knew its name. */
	if (js_get_u64(properties, "Result", &seq) >= 0 && seq)
		daemon_fetch_result(d, seq);
	return 0;
}

static void poll_daemon(struct daemon *d)
{
	d->due_ns = clock_monotonic_ns() + POLL_NS;
	d->is_rung = false;
	daemon_call(d, d->instrument, PROPERTIES, "GetAll", on_instrument, "s",
		    SPECTROMETER);
	if (d->assay[0])
		daemon_call(d, d->assay, PROPERTIES, "GetAll", on_assay, "s",
			    ASSAY);
}

static int on_changed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct daemon *d = arg;

	(void)m, (void)error;
	d->is_rung = true;
	return 0;
}

/* ---- orders ---------------------------------------------------------------------- */

/* The position moves up to the assay, so that what others measure between two
 * of ours may be archived. Failing that it moves with the next one. */
static int on_begun(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct daemon *d = arg;
	CLEANUP(js_freep) json_t *args = NULL;
	CLEANUP(js_freep) json_t *body = NULL;
	const char *text;
	uint64_t seq;

	(void)error;
	if (sd_bus_message_is_method_error(m, NULL) ||
	    bus_json_read(m, &args, NULL) < 0)
		return 0;
	text = daemon_text_at(args, 0);
	if (js_parse(text, strlen(text), &body, NULL) >= 0 &&
	    js_get_u64(body, "seq", &seq) >= 0)
		daemon_ack_place(d, seq - 1, daemon_text_at(args, 1),
				 daemon_on_ignored);
	return 0;
}

/* Errors of the daemon itself are an answer; all others leave it open whether
 * it has begun. */
static bool is_refusal(const sd_bus_error *e, enum map_fault *ret)
{
	static const struct {
		const char *name;
		enum map_fault fault;
	} known_errors[] = {
		{ NAME ".Error.Busy", MAP_FAULT_TAKEN },
		{ NAME ".Error.NoDevice", MAP_FAULT_ABSENT },
		{ NAME ".Error.Fault", MAP_FAULT_INSTRUMENT },
		{ NAME ".Error.NotSettled", MAP_FAULT_SETTLING },
		{ NAME ".Error.QualityControl", MAP_FAULT_QC },
		{ NAME ".Error.UnknownMethod", MAP_FAULT_METHOD },
		{ NAME ".Error.BadMethod", MAP_FAULT_METHOD },
		{ NAME ".Error.Full", MAP_FAULT_DISK },
		{ NAME ".Error.Ledger", MAP_FAULT_DISK },
		{ SD_BUS_ERROR_ACCESS_DENIED, MAP_FAULT_DENIED },
		{ SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
		  MAP_FAULT_DENIED },
		{ SD_BUS_ERROR_UNKNOWN_OBJECT, MAP_FAULT_ABSENT },
		{ SD_BUS_ERROR_UNKNOWN_METHOD, MAP_FAULT_ABSENT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known_errors); i++)
		if (sd_bus_error_has_name(e, known_errors[i].name)) {
			*ret = known_errors[i].fault;
			return true;
		}
	*ret = MAP_FAULT_REFUSED;
	return !strncmp(e->name, NAME ".Error.", strlen(NAME ".Error."));
}

static void forget_order(struct daemon *d)
{
	d->order = sd_bus_slot_unref(d->order);
}

static int on_measured(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const sd_bus_error *e = sd_bus_message_get_error(m);
	struct daemon *d = arg;
	enum map_fault fault;
	const char *path;

	(void)error;
	forget_order(d);
	if (e && is_refusal(e, &fault)) {
		log_warning("start refused: %s", e->message);
		daemon_tell(d, LINE_REFUSED, fault, NULL);
		return 0;
	}
	if (e || sd_bus_message_read(m, "o", &path) < 0) {
		daemon_lost(d, "Measure", e ? e->message : "no path");
		return 0;
	}
	snprintf(d->assay, sizeof(d->assay), "%s", path);
	daemon_call(d, ROOT, LEDGER, "Get", on_begun, "t",
		    strtoull(strrchr(path, '/') + 1, NULL, 10));
	if (d->is_known)
		d->due_ns = 0;
	daemon_tell(d, LINE_RUNNING, MAP_FAULT_NONE, NULL);
	return 0;
}

/* It goes on when this process ends, and is found again by its key. */
static int append_order(struct daemon *d, sd_bus_message *m,
			const struct daemon_order *order)
{
	int r;

	r = sd_bus_message_append(m, "s", order->sample);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{sv}");
	if (r >= 0)
		r = sd_bus_message_append(m, "{sv}{sv}{sv}", "method", "s",
					  order->method, "detach", "b", 1,
					  "keys", "a{ss}", 1, KEY,
					  d->config->name);
	if (r >= 0 && d->config->is_deciding)
		r = sd_bus_message_append(m, "{sv}", "decide", "b", 1);
	if (r >= 0 && order->live_s > 0)
		r = sd_bus_message_append(m, "{sv}", "live", "d",
					  order->live_s);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

void daemon_measure(struct daemon *d, const struct daemon_order *order)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = -ENOTCONN;

	d->progress = (struct daemon_progress){ .dead = NAN };
	if (d->bus)
		r = bus_call_new(d->bus, d->instrument, SPECTROMETER, "Measure",
				 false, &m);
	if (r >= 0)
		r = append_order(d, m, order);
	if (r < 0)
		daemon_lost(d, "Measure", strerror(-r));
	else
		send_call(d, m, on_measured, &d->order);
}

void daemon_cancel(struct daemon *d)
{
	if (d->assay[0])
		daemon_call(d, d->assay, ASSAY, "Cancel", daemon_on_ignored,
			    "s", "aborted by the line");
}

void daemon_ack(struct daemon *d)
{
	if (!d->end.seq)
		return;
	d->acked = d->end.seq;
	if (d->is_known)
		daemon_ack_place(d, d->end.seq, d->end.hash, daemon_on_ignored);
	d->end = (struct place){ 0 };
}

bool daemon_is_qc_due(const struct daemon *d)
{
	return d->is_qc_due;
}

const struct daemon_progress *daemon_progress(const struct daemon *d)
{
	return &d->progress;
}

/* ---- the bus ------------------------------------------------------------------- */

static int on_finished(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct daemon *d = arg;
	const char *path, *sample, *verdict;
	uint64_t seq;

	(void)error;
	if (sd_bus_message_read(m, "osst", &path, &sample, &verdict, &seq) >
		    0 &&
	    d->assay[0] && !strcmp(path, d->assay))
		daemon_fetch_result(d, seq);
	return 0;
}

static int on_owner(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct daemon *d = arg;
	const char *name, *before, *after;

	(void)error;
	if (sd_bus_message_read(m, "sss", &name, &before, &after) < 0)
		return 0;
	if (*before) {
		forget_order(d);
		daemon_lost(d, NAME, "it has left the bus");
	}
	if (*after)
		d->due_ns = 0;
	return 0;
}

static int connect_bus(struct daemon *d)
{
	int r;

	r = sd_bus_new(&d->bus);
	if (r >= 0)
		r = sd_bus_set_address(d->bus, d->address);
	if (r >= 0)
		r = sd_bus_set_bus_client(d->bus, 1);
	if (r >= 0)
		r = sd_bus_negotiate_fds(d->bus, 1);
	if (r >= 0)
		r = sd_bus_start(d->bus);
	if (r >= 0)
		r = sd_bus_match_signal_async(d->bus, NULL, NAME, ROOT,
					      NAME ".Manager", "AssayFinished",
					      on_finished, NULL, d);
	if (r >= 0)
		r = sd_bus_match_signal_async(d->bus, NULL, NAME, d->instrument,
					      PROPERTIES, "PropertiesChanged",
					      on_changed, NULL, d);
	if (r >= 0)
		r = sd_bus_add_match_async(
			d->bus, NULL,
			"type='signal',sender='org.freedesktop.DBus',"
			"interface='org.freedesktop.DBus',"
			"member='NameOwnerChanged',arg0='" NAME "'",
			on_owner, NULL, d);
	return r;
}

static void drop_bus(struct daemon *d, int error)
{
	forget_order(d);
	sd_bus_close(d->bus);
	d->bus = sd_bus_unref(d->bus);
	daemon_lost(d, d->address, strerror(-error));
}

static bool is_due(const struct daemon *d)
{
	return clock_monotonic_ns() >= d->due_ns;
}

void daemon_handle(struct daemon *d)
{
	int r = 0;

	if (!d->bus && is_due(d))
		r = connect_bus(d);
	while (r >= 0 && d->bus) {
		r = sd_bus_process(d->bus, NULL);
		if (r)
			continue;
		if (d->is_known && (d->is_rung || is_due(d)))
			poll_daemon(d);
		else if (!d->is_known && is_due(d))
			daemon_ask(d);
		else
			break;
	}
	if (r < 0)
		drop_bus(d, r);
}

static int ms_until(uint64_t ns)
{
	const uint64_t now = clock_monotonic_ns();

	if (ns == UINT64_MAX)
		return -1;
	return ns > now ? (int)((ns - now + 999999) / 1000000) : 0;
}

int daemon_wait(struct daemon *d, struct pollfd *fd)
{
	uint64_t until_us = UINT64_MAX;
	int due = ms_until(d->due_ns);
	int ms;

	*fd = (struct pollfd){ .fd = -1 };
	if (!d->bus)
		return due;
	fd->fd = sd_bus_get_fd(d->bus);
	fd->events = (short)sd_bus_get_events(d->bus);
	sd_bus_get_timeout(d->bus, &until_us);
	ms = ms_until(until_us == UINT64_MAX ? until_us : until_us * 1000);
	return ms < 0 || (due >= 0 && due < ms) ? due : ms;
}

int daemon_new(const struct modbus_config *config,
	       const struct daemon_events *events, struct daemon **ret)
{
	CLEANUP(daemon_freep) struct daemon *d = calloc(1, sizeof(*d));
	const char *env = getenv("DBUS_SYSTEM_BUS_ADDRESS");

	if (!d)
		return -ENOMEM;
	d->config = config;
	d->events = *events;
	d->address = *config->bus ? config->bus
		     : env	  ? env
				  : "unix:path=/run/dbus/system_bus_socket";
	d->progress.dead = NAN;
	snprintf(d->reader, sizeof(d->reader), "modbus.%s", config->name);
	snprintf(d->instrument, sizeof(d->instrument), ROOT "/spectrometer/%s",
		 config->instrument);
	*ret = TAKE_PTR(d);
	return 0;
}

struct daemon *daemon_free(struct daemon *d)
{
	if (!d)
		return NULL;
	daemon_forget_found(d);
	forget_order(d);
	sd_bus_flush_close_unref(d->bus);
	free(d);
	return NULL;
}
