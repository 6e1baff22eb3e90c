// SPDX-License-Identifier: GPL-2.0-or-later
/* The interface org.reespec1.Assay. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bus/caller.h"
#include "bus/errors.h"
#include "bus/options.h"
#include "bus/run.h"
#include "bus/service.h"
#include "bus/spectrometer.h"

#define INTERFACE "org.reespec1.Assay"

static int get_text(sd_bus *bus, const char *path, const char *interface,
		    const char *property, sd_bus_message *reply, void *arg,
		    sd_bus_error *error)
{
	const struct run *r = arg;
	const char *text = "";

	(void)bus, (void)path, (void)interface, (void)error;
	if (!strcmp(property, "Sample"))
		text = r->order.sample;
	else if (!strcmp(property, "Method"))
		text = r->order.method;
	else if (!strcmp(property, "Kind"))
		text = r->order.kind;
	else if (!strcmp(property, "State"))
		text = run_state(r);
	else if (!strcmp(property, "Estimate"))
		text = r->estimate_shown ? r->estimate_shown : "";
	else if (!strcmp(property, "Error") && !r->is_active)
		text = r->error;
	return sd_bus_message_append(reply, "s", text);
}

static int get_keys(sd_bus *bus, const char *path, const char *interface,
		    const char *property, sd_bus_message *reply, void *arg,
		    sd_bus_error *error)
{
	const struct run *r = arg;
	const char *key;
	const char *text;
	json_t *value;
	int e;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	e = sd_bus_message_open_container(reply, 'a', "{ss}");
	for (void *it = NULL;
	     e >= 0 && js_next(r->order.keys, &it, &key, &value);)
		if (js_str_value(value, &text, NULL))
			e = sd_bus_message_append(reply, "{ss}", key, text);
	return e < 0 ? e : sd_bus_message_close_container(reply);
}

static int get_operator(sd_bus *bus, const char *path, const char *interface,
			const char *property, sd_bus_message *reply, void *arg,
			sd_bus_error *error)
{
	const struct run *r = arg;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "u", r->order.uid);
}

static int get_spectrometer(sd_bus *bus, const char *path,
			    const char *interface, const char *property,
			    sd_bus_message *reply, void *arg,
			    sd_bus_error *error)
{
	const struct run *r = arg;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "o", r->spectrometer->path);
}

static int get_position(sd_bus *bus, const char *path, const char *interface,
			const char *property, sd_bus_message *reply, void *arg,
			sd_bus_error *error)
{
	const struct run *r = arg;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "u",
				     queue_position(&r->spectrometer->queue,
						    r));
}

static int get_result(sd_bus *bus, const char *path, const char *interface,
		      const char *property, sd_bus_message *reply, void *arg,
		      sd_bus_error *error)
{
	const struct run *r = arg;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "t",
				     r->is_active ? 0 : r->result_seq);
}

static int get_progress(sd_bus *bus, const char *path, const char *interface,
			const char *property, sd_bus_message *reply, void *arg,
			sd_bus_error *error)
{
	const struct run *r = arg;
	const struct run_progress *p = &r->shown;
	const struct {
		const char *name;
		double value;
	} values[] = {
		{ "preset_live_s", r->order.live_s },
		{ "preset_real_s", r->order.real_s },
		{ "preset_counts", r->order.counts },
		{ "until_u_rel", r->order.until_u_rel },
		{ "fraction", p->fraction },
		{ "live_s", p->live_s },
		{ "real_s", p->real_s },
		{ "fast_cps", p->fast_cps },
		{ "slow_cps", p->slow_cps },
		{ "detector_k", p->detector_k },
		{ "hv_v", p->hv_v },
		{ "dead", p->dead },
		{ "counts", p->counts },
		{ "u_rel", p->u_rel },
	};
	size_t n = p->is_set ? ARRAY_SIZE(values) : 4;
	size_t i;
	int e;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	e = sd_bus_message_open_container(reply, 'a', "{sv}");
	for (i = 0; i < n && e >= 0; i++)
		if (!isnan(values[i].value))
			e = sd_bus_message_append(reply, "{sv}", values[i].name,
						  "d", values[i].value);
	return e < 0 ? e : sd_bus_message_close_container(reply);
}

/* Only who ordered it, or root. */
static int check_owner(const struct run *r, uint32_t uid, sd_bus_error *error)
{
	if (!r->is_active || r->verdict)
		return sd_bus_error_setf(error, ERROR_NOT_RUNNING,
					 "the assay is %s", run_state(r));
	if (uid != 0 && uid != r->order.uid)
		return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
					 "the assay belongs to uid %u, not %u",
					 r->order.uid, uid);
	return 0;
}

/*
 * The uid comes later, and the assay may be another by then: it is looked up
 * by the path of the call.
 */
static struct run *find(struct service *s, sd_bus_message *m)
{
	const char *path = sd_bus_message_get_path(m);
	struct spectrometer *sp;
	struct run *r;

	TAILQ_FOREACH(sp, &s->spectrometers, link) {
		if (sp->run && !strcmp(sp->run->path, path))
			return sp->run;
		TAILQ_FOREACH(r, &sp->queue.runs, link)
			if (!strcmp(r->path, path))
				return r;
	}
	return NULL;
}

static int finish(sd_bus_message *m, uint32_t uid, void *arg,
		  sd_bus_error *error)
{
	struct run *r = find(arg, m);
	int e;

	if (!r)
		return sd_bus_error_set(error, ERROR_NOT_RUNNING,
					"the assay is over");
	e = check_owner(r, uid, error);
	if (e < 0)
		return e;
	if (r->order.strobe)
		return sd_bus_error_set(error, ERROR_NOT_RUNNING,
					"the assay ends by a strobe; cancelling"
					" ends the whole belt");
	if (r->is_queued)
		return sd_bus_error_set(error, ERROR_NOT_RUNNING,
					"the assay is queued and has counted"
					" nothing; cancelling takes it out");
	session_finish(r->spectrometer->session);
	return sd_bus_reply_method_return(m, "");
}

static int cancel(sd_bus_message *m, uint32_t uid, void *arg,
		  sd_bus_error *error)
{
	struct run *r = find(arg, m);
	const char *reason;
	int e;

	if (!r)
		return sd_bus_error_set(error, ERROR_NOT_RUNNING,
					"the assay is over");
	e = check_owner(r, uid, error);
	if (e < 0)
		return e;
	sd_bus_message_rewind(m, 1);
	e = sd_bus_message_read(m, "s", &reason);
	if (e < 0)
		return e;
	if (r->order.strobe && r->is_queued) {
		if (spectrometer_is_measuring(r->spectrometer))
			snprintf(r->spectrometer->run->cancel_reason,
				 sizeof(r->cancel_reason), "%s", reason);
		belts_end(r->spectrometer, "cancelled", reason);
		return sd_bus_reply_method_return(m, "");
	}
	if (r->is_queued) {
		run_drop(r, "cancelled", reason);
		return sd_bus_reply_method_return(m, "");
	}
	if (!r->cancel_reason[0])
		snprintf(r->cancel_reason, sizeof(r->cancel_reason), "%s",
			 reason);
	if (r->order.strobe)
		belts_end(r->spectrometer, "cancelled", r->cancel_reason);
	session_cancel(r->spectrometer->session);
	return sd_bus_reply_method_return(m, "");
}

static int method_finish(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct run *r = arg;

	(void)error;
	return caller_ask(r->service, m, finish, r->service);
}

static int method_cancel(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct run *r = arg;
	const char *reason;
	int e;

	e = sd_bus_message_read(m, "s", &reason);
	if (e < 0)
		return e;
	if (!text_valid(reason, sizeof(r->cancel_reason) - 1))
		return sd_bus_error_set(error, ERROR_BAD_OPTION,
					"a reason has 1 to 256 bytes, none of"
					" them a control character");
	return caller_ask(r->service, m, cancel, r->service);
}

/* One at a time, as Get has it: a watcher asks when it has drawn the last. */
static int method_spectrum(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const struct run *r = arg;
	const struct run_spectrum *s = &r->shown_spectrum;
	const struct method_acquisition *a = &r->method.method->acquisition;
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int e;

	(void)error;
	e = sd_bus_message_new_method_return(m, &reply);
	if (e >= 0)
		e = sd_bus_message_append_array(reply, 'u', s->counts,
						s->n_chan * sizeof(*s->counts));
	if (e >= 0)
		e = sd_bus_message_append(reply, "a{sv}", 4, "live_s", "d",
					  s->live_s, "real_s", "d", s->real_s,
					  "zero_kev", "d", a->zero_kev,
					  "kev_per_chan", "d", a->kev_per_chan);
	return e < 0 ? e : sd_bus_send(NULL, reply, NULL);
}

static const sd_bus_vtable assay_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Sample", "s", get_text, 0,
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Method", "s", get_text, 0,
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Kind", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Keys", "a{ss}", get_keys, 0,
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Operator", "u", get_operator, 0,
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Spectrometer", "o", get_spectrometer, 0,
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("State", "s", get_text, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Position", "u", get_position, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Progress", "a{sv}", get_progress, 0, 0),
	SD_BUS_PROPERTY("Estimate", "s", get_text, 0, 0),
	SD_BUS_PROPERTY("Result", "t", get_result, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Error", "s", get_text, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_METHOD_WITH_ARGS("Spectrum", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("au", counts, "a{sv}", about),
				method_spectrum, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Finish", "", "", method_finish,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_ARGS("s", reason),
				SD_BUS_NO_RESULT, method_cancel,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

int run_register(struct run *r, sd_bus *bus)
{
	return sd_bus_add_object_vtable(bus, &r->slot, r->path, INTERFACE,
					assay_vtable, r);
}

void run_unregister(struct run *r)
{
	sd_bus *bus = service_bus(r->service);

	if (bus && r->slot)
		sd_bus_emit_object_removed(bus, r->path);
	r->slot = sd_bus_slot_unref(r->slot);
}

void run_added(struct run *r)
{
	sd_bus *bus = service_bus(r->service);

	if (bus)
		service_object_added(r->service, r->path, run_register(r, bus));
}

void run_changed(struct run *r)
{
	sd_bus *bus = service_bus(r->service);

	if (bus && r->slot)
		sd_bus_emit_properties_changed(bus, r->path, INTERFACE, "State",
					       "Position", "Result", "Error",
					       NULL);
}
