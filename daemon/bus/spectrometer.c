// SPDX-License-Identifier: GPL-2.0-or-later
/* The interface org.reespec1.Spectrometer. */
#include "bus/spectrometer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "bus/batch.h"

#define INTERFACE "org.reespec1.Spectrometer"

bool spectrometer_is_measuring(const struct spectrometer *sp)
{
	return sp->run && sp->run->is_active;
}

bool spectrometer_is_busy(const struct spectrometer *sp)
{
	return spectrometer_is_measuring(sp) || queue_is_busy(&sp->queue) ||
	       session_has_belt(sp->session);
}

/* ---- properties ----------------------------------------------------------- */

static const char *firmware(const struct spectrometer *sp, char *buf,
			    size_t size)
{
	const struct dp5_info *info = session_info(sp->session);

	if (!info)
		return "";
	snprintf(buf, size, "%u.%02u.%02u", info->fw_major, info->fw_minor,
		 info->fw_build);
	return buf;
}

static int get_text(sd_bus *bus, const char *path, const char *interface,
		    const char *property, sd_bus_message *reply, void *arg,
		    sd_bus_error *error)
{
	const struct spectrometer *sp = arg;
	const struct session *s = sp->session;
	const struct dp5_info *info = session_info(s);
	const char *text = "";
	char buf[32];

	(void)bus, (void)path, (void)interface, (void)error;
	if (!strcmp(property, "Serial"))
		text = session_serial(s);
	else if (!strcmp(property, "Model"))
		text = info ? dp5_device_name(info->device) : "";
	else if (!strcmp(property, "Firmware"))
		text = firmware(sp, buf, sizeof(buf));
	else if (!strcmp(property, "Port"))
		text = session_port_name(s);
	else if (!strcmp(property, "State"))
		text = session_state_name(session_state(s));
	else if (!strcmp(property, "Fault"))
		text = session_fault(s);
	else if (!strcmp(property, "Method"))
		text = sp->method;
	return sd_bus_message_append(reply, "s", text);
}

static int get_simulated(sd_bus *bus, const char *path, const char *interface,
			 const char *property, sd_bus_message *reply, void *arg,
			 sd_bus_error *error)
{
	const struct spectrometer *sp = arg;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "b",
				     session_is_simulated(sp->session));
}

static int get_current(sd_bus *bus, const char *path, const char *interface,
		       const char *property, sd_bus_message *reply, void *arg,
		       sd_bus_error *error)
{
	const struct spectrometer *sp = arg;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "o",
				     spectrometer_is_measuring(sp)
					     ? sp->run->path
					     : "/");
}

static int get_queue(sd_bus *bus, const char *path, const char *interface,
		     const char *property, sd_bus_message *reply, void *arg,
		     sd_bus_error *error)
{
	const struct spectrometer *sp = arg;
	const struct run *r;
	int e;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	e = sd_bus_message_open_container(reply, 'a', "o");
	TAILQ_FOREACH(r, &sp->queue.runs, link)
		if (e >= 0 && !r->verdict)
			e = sd_bus_message_append(reply, "o", r->path);
	return e < 0 ? e : sd_bus_message_close_container(reply);
}

static int get_updated(sd_bus *bus, const char *path, const char *interface,
		       const char *property, sd_bus_message *reply, void *arg,
		       sd_bus_error *error)
{
	const struct spectrometer *sp = arg;
	uint64_t us;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	session_status(sp->session, &us);
	return sd_bus_message_append(reply, "t", us);
}

static int get_status(sd_bus *bus, const char *path, const char *interface,
		      const char *property, sd_bus_message *reply, void *arg,
		      sd_bus_error *error)
{
	const struct spectrometer *sp = arg;
	const struct dp5_status *s;
	uint64_t us;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	s = session_status(sp->session, &us);
	if (!s)
		return sd_bus_message_append(reply, "a{sv}", 0);
	return sd_bus_message_append(reply, "a{sv}", 5, "detector_k", "d",
				     s->detector_k, "board_c", "d",
				     (double)s->board_c, "hv_v", "d", s->hv_v,
				     "is_configured", "b", s->is_configured,
				     "is_enabled", "b", s->is_enabled);
}

static int get_belt(sd_bus *bus, const char *path, const char *interface,
		    const char *property, sd_bus_message *reply, void *arg,
		    sd_bus_error *error)
{
	const struct spectrometer *sp = arg;
	struct session_belt b;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	if (!session_has_belt(sp->session))
		return sd_bus_message_append(reply, "a{sv}", 0);
	session_belt(sp->session, &b);
	return sd_bus_message_append(reply, "a{sv}", 6, "ready", "b",
				     b.is_ready, "strobes", "t", b.n_strobes,
				     "taken", "t", b.n_taken, "lost", "t",
				     b.n_lost, "waiting", "t",
				     (uint64_t)b.n_waiting, "slots", "t",
				     (uint64_t)b.n_slots);
}

static int get_qc(sd_bus *bus, const char *path, const char *interface,
		  const char *property, sd_bus_message *reply, void *arg,
		  sd_bus_error *error)
{
	const struct spectrometer *sp = arg;
	enum qc_state state;
	char why[400];

	(void)bus, (void)path, (void)interface, (void)error;
	state = qc_state(sp->qc, clock_realtime_us(), why, sizeof(why));
	return sd_bus_message_append(reply, "s",
				     strcmp(property, "Qc")
					     ? why
					     : qc_state_name(state));
}

static int get_refuses(sd_bus *bus, const char *path, const char *interface,
		       const char *property, sd_bus_message *reply, void *arg,
		       sd_bus_error *error)
{
	const struct spectrometer *sp = arg;
	char why[400];

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "b",
				     (int)qc_refuses(sp->qc,
						     clock_realtime_us(), why,
						     sizeof(why)));
}

static int get_checks(sd_bus *bus, const char *path, const char *interface,
		      const char *property, sd_bus_message *reply, void *arg,
		      sd_bus_error *error)
{
	const struct spectrometer *sp = arg;
	const uint64_t now = clock_realtime_us();
	const struct qc_check *check;
	enum qc_state state;
	const char *sample;
	char why[400];
	int r;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	r = sd_bus_message_open_container(reply, 'a', "(ssssss)");
	for (size_t i = 0;
	     r >= 0 && (check = qc_check_at(sp->qc, i, now, &state, &sample,
					    why, sizeof(why)));
	     i++)
		r = sd_bus_message_append(reply, "(ssssss)", check->name,
					  qc_kind_name(check->kind), sample,
					  check->method, qc_state_name(state),
					  why);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

void spectrometer_begin(struct spectrometer *sp, struct run *r)
{
	struct run *before = sp->run;

	snprintf(sp->method, sizeof(sp->method), "%s", r->order.method);
	sp->run = r;
	run_unref(before);
	run_begin(r);
	lines_begun(sp);
}

static const sd_bus_vtable spectrometer_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Serial", "s", get_text, 0,
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Model", "s", get_text, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Firmware", "s", get_text, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Port", "s", get_text, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Simulated", "b", get_simulated, 0,
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("State", "s", get_text, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Fault", "s", get_text, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("CurrentAssay", "o", get_current, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Queue", "ao", get_queue, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Method", "s", get_text, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Belt", "a{sv}", get_belt, 0, 0),
	SD_BUS_PROPERTY("Qc", "s", get_qc, 0, 0),
	SD_BUS_PROPERTY("QcReason", "s", get_qc, 0, 0),
	SD_BUS_PROPERTY("QcRefuses", "b", get_refuses, 0, 0),
	SD_BUS_PROPERTY("Checks", "a(ssssss)", get_checks, 0, 0),
	SD_BUS_PROPERTY("UpdatedUsec", "t", get_updated, 0, 0),
	SD_BUS_PROPERTY("Status", "a{sv}", get_status, 0, 0),
	SD_BUS_METHOD_WITH_ARGS("Measure",
				SD_BUS_ARGS("s", sample, "a{sv}", options),
				SD_BUS_RESULT("o", assay),
				spectrometer_method_measure,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Configure",
				SD_BUS_ARGS("a{sv}", settings, "s", reason),
				SD_BUS_RESULT("t", seq),
				spectrometer_method_configure,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS(
		"Calibrate", SD_BUS_ARGS("s", kind, "at", results, "s", reason),
		SD_BUS_RESULT("t", seq), spectrometer_method_calibrate,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

int spectrometer_register(struct spectrometer *sp, sd_bus *bus)
{
	struct run *run;
	int r;

	r = sd_bus_add_object_vtable(bus, &sp->slot, sp->path, INTERFACE,
				     spectrometer_vtable, sp);
	if (r >= 0 && sp->run)
		r = run_register(sp->run, bus);
	TAILQ_FOREACH(run, &sp->queue.runs, link)
		if (r >= 0)
			r = run_register(run, bus);
	return r;
}

void spectrometer_unregister(struct spectrometer *sp)
{
	struct run *r;

	sp->slot = sd_bus_slot_unref(sp->slot);
	if (sp->run)
		run_unregister(sp->run);
	TAILQ_FOREACH(r, &sp->queue.runs, link)
		run_unregister(r);
}

void spectrometer_changed(struct spectrometer *sp)
{
	sd_bus *bus = service_bus(sp->service);

	if (bus && sp->slot)
		sd_bus_emit_properties_changed(bus, sp->path, INTERFACE,
					       "Model", "Firmware", "Port",
					       "State", "Fault", "CurrentAssay",
					       "Queue", "Method", NULL);
}

/* ---- the session's events ------------------------------------------------- */

static void on_changed(struct session *s, void *arg)
{
	struct spectrometer *sp = arg;

	log_info("%s: %s%s%s", session_serial(s),
		 session_state_name(session_state(s)),
		 session_fault(s)[0] ? ": " : "", session_fault(s));
	spectrometer_changed(sp);
	if (spectrometer_is_measuring(sp))
		run_changed(sp->run);
	lines_update(sp);
	queue_wake(&sp->queue);
}

static void on_belt(struct session *s, bool is_over, const char *why, void *arg)
{
	struct spectrometer *sp = arg;

	(void)s;
	if (is_over)
		belts_over(sp, why);
	if (is_over)
		lines_belt_over(sp);
	lines_update(sp);
	if (is_over)
		service_assay_gone(sp->service);
}

static void on_configured(struct session *s, const struct dp5_config *sent,
			  const struct dp5_config *read_back, void *arg)
{
	struct spectrometer *sp = arg;

	(void)s;
	run_configured(sp->run, sent, read_back);
}

static void on_reading(struct session *s, const struct session_reading *r,
		       void *arg)
{
	struct spectrometer *sp = arg;

	(void)s;
	run_reading(sp->run, r);
}

static void on_end(struct session *s, enum session_end end,
		   const struct session_reading *last, const char *why,
		   void *arg)
{
	struct spectrometer *sp = arg;

	/* Before its slots have started a belt ends without on_belt. */
	if (sp->run->order.strobe && !session_has_belt(s))
		belts_over(sp, why);
	run_end(sp->run, end, last, why);
}

void spectrometer_run_ended(struct spectrometer *sp)
{
	session_release(sp->session);
	belts_go_on(sp);
	spectrometer_changed(sp);
	queue_wake(&sp->queue);
}

void spectrometer_committed(struct spectrometer *sp, uint64_t last)
{
	struct run *r;

	if (sp->run)
		run_committed(sp->run, last);
	TAILQ_FOREACH(r, &sp->queue.runs, link)
		run_committed(r, last);
}

void spectrometer_retry_results(struct spectrometer *sp)
{
	struct run *r;

	if (sp->run)
		run_retry_result(sp->run);
	TAILQ_FOREACH(r, &sp->queue.runs, link)
		run_retry_result(r);
}

/* What a control was found to be is a record of its own. */
static void record_check(struct spectrometer *sp, const struct run *r,
			 json_t *part)
{
	const struct ledger_entry entry = {
		.kind = CHAIN_CHECK,
		.uid = r->order.uid,
		.serial = session_serial(sp->session),
		.is_simulated = session_is_simulated(sp->session),
		.part = part,
	};
	int e;

	e = js_set_u64(part, "assay", r->id);
	if (e >= 0)
		e = batch_add(sp->service->batch, &entry, NULL);
	if (e < 0)
		log_warning("assay %llu: check not recorded: %s",
			    (unsigned long long)r->id, strerror(-e));
}

void spectrometer_check(struct spectrometer *sp, const struct run *r)
{
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	CLEANUP(js_freep) json_t *found = js_array();
	CLEANUP(js_freep) json_t *body = NULL;

	ledger_get(sp->service->ledger, r->result_seq, &record, NULL, &body);
	/* What never began was strobed by nobody. */
	if (!r->is_queued)
		lines_ended(sp, r, body);
	if (!body)
		return;
	qc_take(sp->qc, body, found);
	for (size_t i = 0; i < js_len(found); i++)
		record_check(sp, r, js_at(found, i));
}

/* ---- what ends assays from outside ---------------------------------------- */

void spectrometer_caller_left(struct spectrometer *sp, const char *name)
{
	struct run *r = sp->run;

	queue_caller_left(&sp->queue, name);
	belts_caller_left(sp, name);
	if (!r || !r->is_active || !r->sender || strcmp(r->sender, name))
		return;
	snprintf(r->cancel_reason, sizeof(r->cancel_reason),
		 "its caller left the bus");
	session_cancel(sp->session);
}

/* The next bus gives the names of callers to others. */
static void forget_caller(struct run *r)
{
	free(r->sender);
	r->sender = NULL;
}

void spectrometer_bus_lost(struct spectrometer *sp)
{
	struct run *r;

	spectrometer_unregister(sp);
	if (sp->run)
		forget_caller(sp->run);
	TAILQ_FOREACH(r, &sp->queue.runs, link)
		forget_caller(r);
	belts_bus_lost(sp);
}

void spectrometer_stop(struct spectrometer *sp)
{
	queue_stop(&sp->queue);
	session_stop(sp->session);
	lines_update(sp);
}

/* ---- life ----------------------------------------------------------------- */

static struct spectrometer *spectrometer_free(struct spectrometer *sp)
{
	spectrometer_unregister(sp);
	session_free(sp->session);
	queue_deinit(&sp->queue);
	lines_deinit(&sp->lines);
	run_unref(sp->run);
	qc_free(sp->qc);
	free(sp);
	return NULL;
}

void spectrometer_free_all(struct service *s)
{
	struct spectrometer *sp;

	while ((sp = TAILQ_FIRST(&s->spectrometers))) {
		TAILQ_REMOVE(&s->spectrometers, sp, link);
		spectrometer_free(sp);
	}
}

static int spectrometer_new(struct service *s, const char *serial,
			    struct spectrometer **ret)
{
	struct session_events events = { on_changed, on_configured, on_reading,
					 on_end,     on_belt,	    NULL };
	struct spectrometer *sp;
	int r;

	sp = calloc(1, sizeof(*sp));
	if (!sp)
		return -ENOMEM;
	events.arg = sp;
	sp->service = s;
	snprintf(sp->path, sizeof(sp->path), BUS_PATH "/spectrometer/%s",
		 serial);
	r = lines_init(sp);
	if (r >= 0)
		r = queue_init(&sp->queue, sp);
	if (r >= 0)
		r = qc_new(s->options->method_dirs, s->ledger, serial, &sp->qc);
	if (r >= 0)
		r = session_new(s->base, serial, &events, &sp->session);
	if (r < 0) {
		qc_free(sp->qc);
		queue_deinit(&sp->queue);
		lines_deinit(&sp->lines);
		free(sp);
		return r;
	}
	TAILQ_INSERT_TAIL(&s->spectrometers, sp, link);
	*ret = sp;
	return 0;
}

int spectrometer_attach(struct service *s, const char *serial,
			struct port *port, const struct dp5_info *info)
{
	struct spectrometer *sp;
	sd_bus *bus = service_bus(s);
	int r;

	TAILQ_FOREACH(sp, &s->spectrometers, link)
		if (!strcmp(session_serial(sp->session), serial))
			return session_attach(sp->session, port, info);

	r = spectrometer_new(s, serial, &sp);
	if (r < 0) {
		port_close(port);
		return r;
	}
	r = session_attach(sp->session, port, info);
	if (bus)
		service_object_added(s, sp->path,
				     spectrometer_register(sp, bus));
	return r;
}
