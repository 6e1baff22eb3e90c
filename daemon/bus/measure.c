// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measure: whether an assay may start, and its start. What it takes comes in an
 * order (order.c); what becomes of it is a run (run.c).
 */
#include "bus/spectrometer.h"

#include <string.h>

#include "base/clock.h"
#include "bus/belts.h"
#include "bus/caller.h"
#include "bus/errors.h"
#include "bus/methods.h"
#include "bus/order.h"
#include "bus/qc.h"
#include "bus/queue.h"
#include "bus/run.h"
#include "bus/space.h"

static int not_now(const struct spectrometer *sp, int code, sd_bus_error *error)
{
	const struct session *s = sp->session;
	const char *serial = session_serial(s);

	switch (code) {
	case SESSION_BUSY:
		if (!spectrometer_is_busy(sp))
			return sd_bus_error_setf(error, ERROR_BUSY,
						 "%s: settings are being sent",
						 serial);
		return sd_bus_error_setf(error, ERROR_BUSY,
					 "%s: the assay of %s is running",
					 serial,
					 sp->run ? sp->run->order.sample : "?");
	case SESSION_NO_DEVICE:
		return sd_bus_error_setf(error, ERROR_NO_DEVICE,
					 "%s: the instrument is %s", serial,
					 session_state_name(session_state(s)));
	case SESSION_NOT_SETTLED:
		return sd_bus_error_setf(error, ERROR_NOT_SETTLED,
					 "%s: not settled: %s", serial,
					 session_fault(s));
	}
	return sd_bus_error_setf(error, ERROR_FAULT, "%s: %s", serial,
				 session_fault(s));
}

/* For an assay that does not queue. */
static int check_now(const struct spectrometer *sp, bool is_wait,
		     sd_bus_error *error)
{
	int code = session_may_start(sp->session, is_wait);

	if (spectrometer_is_measuring(sp))
		code = SESSION_BUSY;
	if (code)
		return not_now(sp, code, error);
	if (queue_is_waiting(&sp->queue))
		return sd_bus_error_setf(
			error, ERROR_BUSY,
			"%s: others are waiting to be measured",
			session_serial(sp->session));
	return 0;
}

static int check_daemon(const struct spectrometer *sp, sd_bus_error *error)
{
	if (sp->service->is_stopping)
		return sd_bus_error_set(error, ERROR_FAULT,
					"the daemon is stopping");
	if (!ledger_has_reserve(sp->service->ledger))
		return sd_bus_error_set(error, ERROR_FULL,
					"the disk of the ledger is full");
	return space_check(sp->service, error);
}

int spectrometer_check_free(const struct spectrometer *sp, sd_bus_error *error)
{
	int r;

	r = session_has_belt(sp->session) ? not_now(sp, SESSION_BUSY, error)
					  : check_now(sp, true, error);
	return r < 0 ? r : check_daemon(sp, error);
}

bool spectrometer_is_controlled(const struct spectrometer *sp,
				const struct order *order, char *why,
				size_t why_size)
{
	/* Controls are what it takes to pass again. */
	return strcmp(order->kind, "sample") != 0 ||
	       !qc_refuses(sp->qc, clock_realtime_us(), why, why_size);
}

static int check_qc(const struct spectrometer *sp, const struct order *order,
		    sd_bus_error *error)
{
	char why[400];

	/* On a belt that runs its turn decides: none can be left out. */
	if (order->strobe > 1 ||
	    spectrometer_is_controlled(sp, order, why, sizeof(why)))
		return 0;
	return sd_bus_error_setf(error, ERROR_QUALITY_CONTROL, "%s: %s",
				 session_serial(sp->session), why);
}

/* Whether it would be taken by an instrument that is free, and if not why. */
static int answer_check(sd_bus_message *m, struct spectrometer *sp,
			struct order *order, sd_bus_error *error)
{
	CLEANUP(methods_entry_deinit) struct methods_entry method = { 0 };
	int r = 0;

	if (order->method[0])
		r = methods_load_named(sp->service->options->method_dirs,
				       order->method, &method, error);
	if (r >= 0 && method.method)
		r = order_complete(order, method.method, error);
	return r < 0 ? r : sd_bus_reply_method_return(m, "o", "/");
}

static int measure(sd_bus_message *m, uint32_t uid, void *arg,
		   sd_bus_error *error)
{
	CLEANUP(methods_entry_deinit) struct methods_entry method = { 0 };
	CLEANUP(order_deinit)
	struct order order = { .uid = uid,
			       .sender = sd_bus_message_get_sender(m) };
	struct spectrometer *sp = arg;
	struct run *run;
	int r;

	sd_bus_message_rewind(m, 1);
	r = order_read(m, &order, error);
	if (r >= 0 && order.is_check)
		return answer_check(m, sp, &order, error);
	if (r >= 0)
		r = belts_check(sp, &order, error);
	if (r >= 0)
		r = order.is_queued ? queue_check(&sp->queue, uid, error)
				    : check_now(sp, order.is_wait, error);
	if (r >= 0)
		r = check_daemon(sp, error);
	if (r >= 0)
		r = check_qc(sp, &order, error);
	if (r >= 0)
		r = methods_load_named(sp->service->options->method_dirs,
				       order.method, &method, error);
	if (r >= 0)
		r = belts_check_method(sp, &order, method.sha256, error);
	if (r >= 0)
		r = order_complete(&order, method.method, error);
	if (r < 0)
		return r;
	r = run_new(sp, &order, &method, &run);
	if (r < 0)
		return sd_bus_error_setf(error, ERROR_LEDGER,
					 "the start could not be recorded: %s",
					 ledger_why(sp->service->ledger));
	belts_ordered(sp, &run->order, run->method.sha256,
		      sd_bus_message_get_sender(m));
	if (run->order.is_queued)
		queue_add(&sp->queue, run);
	else
		spectrometer_begin(sp, run);
	run_added(run);
	spectrometer_changed(sp);
	return sd_bus_reply_method_return(m, "o", run->path);
}

int spectrometer_method_measure(sd_bus_message *m, void *arg,
				sd_bus_error *error)
{
	struct spectrometer *sp = arg;
	CLEANUP(order_deinit) struct order order = { 0 };
	int r;

	/* Wrong arguments are answered before anybody asks for a password. */
	r = order_read(m, &order, error);
	if (r < 0)
		return r;
	return caller_authorize(sp->service, m, "org.reespec1.measure", measure,
				sp);
}
