// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An assay's records: its start, configuration, readings and result.
 *
 * Readings are batched; start and result are durable before anybody hears of
 * them. What clients poll (Progress, Estimate) moves only when the reading
 * that holds it is durable.
 */
#include "bus/run.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "bus/batch.h"
#include "bus/fit.h"
#include "bus/messages.h"
#include "bus/qc.h"
#include "bus/spectrometer.h"

static struct run *run_ref(struct run *r)
{
	r->n_refs++;
	return r;
}

struct run *run_unref(struct run *r)
{
	if (!r || --r->n_refs)
		return NULL;
	run_unregister(r);
	assay_engine_free(r->engine);
	assay_result_free(r->followed);
	methods_entry_deinit(&r->method);
	order_deinit(&r->order);
	js_free(r->decision);
	js_free(r->estimate);
	js_free(r->result);
	free(r->result_counts);
	free(r->latest_spectrum.counts);
	free(r->shown_spectrum.counts);
	free(r->estimate_latest);
	free(r->estimate_shown);
	free(r->sender);
	free(r);
	return NULL;
}

static int record(struct run *r, enum chain_kind kind, json_t *part,
		  const struct ledger_spectrum *spectrum, bool is_now,
		  uint64_t *ret_seq)
{
	const struct ledger_entry entry = {
		.kind = kind,
		.uid = r->order.uid,
		.serial = session_serial(r->spectrometer->session),
		.is_simulated = session_is_simulated(r->spectrometer->session),
		.part = part,
		.spectra = spectrum,
		.n_spectra = spectrum ? 1 : 0,
	};

	return is_now ? batch_add_now(r->service->batch, &entry, ret_seq)
		      : batch_add(r->service->batch, &entry, ret_seq);
}

/* ---- start ---------------------------------------------------------------- */

/* Whose axis it is, when it is not the method's. */
static int set_energy(json_t *part, const struct run *r)
{
	return r->energy_seq
		       ? js_set_u64(part, "energy_calibration", r->energy_seq)
		       : 0;
}

static json_t *start_json(const struct run *r)
{
	CLEANUP(js_freep) json_t *part = order_json(&r->order);

	if (!part ||
	    js_set(part, "method", methods_json(r->order.method, &r->method)) <
		    0 ||
	    set_energy(part, r) < 0)
		return NULL;
	return TAKE_PTR(part);
}

/* To the log: its start or its end, which is record @seq. */
static void tell(const struct run *r, const char *message_id, uint64_t seq)
{
	char number[24];
	const struct log_field fields[] = {
		{ "REESPEC_SEQ", number },
		{ "REESPEC_SERIAL", session_serial(r->spectrometer->session) },
		{ "REESPEC_SAMPLE", r->order.sample },
		{ "REESPEC_VERDICT", r->verdict ? r->verdict : "" },
		{ NULL, NULL },
	};

	snprintf(number, sizeof(number), "%llu", (unsigned long long)seq);
	log_event(LOG_INFO, message_id, fields, "assay %llu: %s: %s%s%s",
		  (unsigned long long)r->id, r->order.sample,
		  r->verdict ? r->verdict : "started", r->error[0] ? ": " : "",
		  r->error);
}

int run_new(struct spectrometer *sp, struct order *order,
	    struct methods_entry *method, struct run **ret)
{
	CLEANUP(js_freep) json_t *part = NULL;
	struct run *r;
	int e;

	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->n_refs = 1;
	r->engine_error = -ENOMEM;
	r->u_rel = NAN;
	r->service = sp->service;
	r->spectrometer = sp;
	order_move(&r->order, order);
	r->order.sender = NULL;
	if (!order->is_detached)
		r->sender = strdup(order->sender);
	memcpy(r->method.sha256, method->sha256, sizeof(r->method.sha256));
	r->energy_seq =
		spectrometer_calibrated(sp, r->order.method, method->method);

	part = start_json(r);
	/* What waits goes first, so that a refused start discards itself only. */
	e = batch_flush(sp->service->batch);
	if (e < 0) {
		run_unref(r);
		return e;
	}
	e = part ? record(r, CHAIN_ASSAY, part, NULL, true, &r->id) : -ENOMEM;
	if (e < 0) {
		/* Nothing of it must become durable later on its own. */
		ledger_discard(sp->service->ledger);
		run_unref(r);
		return e;
	}
	r->method = *method;
	memset(method, 0, sizeof(*method));
	r->is_active = true;
	snprintf(r->path, sizeof(r->path), BUS_PATH "/assay/%llu",
		 (unsigned long long)r->id);
	*ret = r;
	return 0;
}

void run_begin(struct run *r)
{
	struct session_assay assay = {
		.config = &r->method.config,
		.strobe = r->order.strobe,
		.strobe_wait_s = r->order.strobe_wait_s,
		.preset_live_s = r->order.live_s,
		.preset_real_s = r->order.real_s,
		.preset_counts = r->order.counts,
		.interval_s = r->order.interval_s,
	};

	if (lines_configure(r->spectrometer, &r->method.config) < 0)
		log_warning("assay %llu: no room for the settings of the lines",
			    (unsigned long long)r->id);
	r->is_queued = false;
	tell(r, MESSAGE_ASSAY_STARTED, r->id);
	/* Many may be lost in one go, and none of those is fitted. */
	if (!r->refused[0] &&
	    !session_strobe_is_lost(r->spectrometer->session, r->order.strobe))
		fit_prepare(run_ref(r));
	session_start(r->spectrometer->session, &assay);
}

void run_refuse(struct run *r, const char *why)
{
	snprintf(r->refused, sizeof(r->refused), "%s", why);
}

/* ---- while it runs -------------------------------------------------------- */

void run_configured(struct run *r, const struct dp5_config *config,
		    const struct dp5_config *read_back)
{
	CLEANUP(js_freep) json_t *part = js_object();
	CLEANUP(buf_deinit) struct buf sent = { 0 };
	CLEANUP(buf_deinit) struct buf got = { 0 };
	int e;

	if (!r->order.strobe)
		r->started_us = clock_realtime_us();
	e = dp5_config_text(config, &sent);
	e |= dp5_config_text(read_back, &got);
	e |= js_set_u64(part, "assay", r->id);
	e |= js_set(part, "method", methods_json(r->order.method, &r->method));
	e |= js_set_str(part, "sent", sent.data ? sent.data : "");
	e |= js_set_str(part, "read_back", got.data ? got.data : "");
	if (e >= 0)
		e = record(r, CHAIN_CONFIG, part, NULL, false, NULL);
	if (e < 0)
		log_warning("assay %llu: configuration not recorded: %s",
			    (unsigned long long)r->id, strerror(-e));
}

static double live_s(const struct dp5_status *s)
{
	return (s->device == DP5_DEVICE_MCA8000D ? s->live_ms : s->acc_ms) /
	       1000.0;
}

static double fraction(const struct run *r, const struct dp5_status *s)
{
	double f = 0;

	if (r->order.live_s > 0)
		f = live_s(s) / r->order.live_s;
	if (r->order.real_s > 0)
		f = fmax(f, s->real_ms / 1000.0 / r->order.real_s);
	if (r->order.counts > 0)
		f = fmax(f, s->slow_count / r->order.counts);
	/* The counting part of u falls with the root of time. */
	if (r->u_rel > 0)
		f = fmax(f, pow(r->order.until_u_rel / r->u_rel, 2));
	return fmin(f, 1);
}

/* Rates are those since the reading before, over live time. */
static void progress_set(struct run *r, const struct dp5_status *s)
{
	const double dt = live_s(s) - live_s(&r->before);
	struct run_progress *p = &r->latest;

	p->is_set = true;
	p->fraction = fraction(r, s);
	p->live_s = live_s(s);
	p->real_s = s->real_ms / 1000.0;
	if (dt > 0 && s->fast_count >= r->before.fast_count &&
	    s->slow_count >= r->before.slow_count) {
		p->fast_cps = (s->fast_count - r->before.fast_count) / dt;
		p->slow_cps = (s->slow_count - r->before.slow_count) / dt;
	}
	p->dead = dp5_status_dead_fraction(s, NULL);
	p->detector_k = s->detector_k;
	p->hv_v = s->hv_v;
	p->counts = s->slow_count;
	p->u_rel = r->u_rel;
	r->before = *s;
}

/* A copy, for who watches; without memory they see the one before. */
static void spectrum_set(struct run *r, const struct session_reading *in)
{
	const size_t size = in->n_chan * sizeof(*in->counts);
	struct run_spectrum *s = &r->latest_spectrum;
	uint32_t *counts = realloc(s->counts, size);

	if (!counts)
		return;
	memcpy(counts, in->counts, size);
	*s = (struct run_spectrum){ counts, in->n_chan, r->latest.live_s,
				    r->latest.real_s };
}

static json_t *reading_json(struct run *r, const struct session_reading *in)
{
	CLEANUP(js_freep) json_t *part = js_object();
	const struct run_progress *p = &r->latest;
	json_t *flags = js_array();
	int e;

	e = js_set_u64(part, "assay", r->id);
	e |= js_set_u64(part, "n", r->n_readings);
	e |= js_set_real(part, "live_s", p->live_s);
	e |= js_set_real(part, "real_s", p->real_s);
	e |= js_set_uint(part, "fast_count", in->status.fast_count);
	e |= js_set_uint(part, "slow_count", in->status.slow_count);
	e |= js_set_real(part, "fast_cps", p->fast_cps);
	e |= js_set_real(part, "slow_cps", p->slow_cps);
	e |= js_set_real(part, "dead", p->dead);
	e |= js_set_real(part, "detector_k", p->detector_k);
	e |= js_set_int(part, "board_c", in->status.board_c);
	e |= js_set_real(part, "hv_v", p->hv_v);
	e |= js_set_u64(part, "lost", in->n_lost);
	if (!in->is_settled)
		e |= js_append_str(flags, "not_settled");
	if (in->is_resynced)
		e |= js_append_str(flags, "link_recovered");
	e |= js_set(part, "flags", flags);
	if (r->estimate)
		e |= js_set(part, "estimate", js_ref(r->estimate));
	return e < 0 ? NULL : TAKE_PTR(part);
}

static void estimate_recorded(struct run *r)
{
	char *text = NULL;
	size_t len;

	if (!r->estimate)
		return;
	if (js_dump(r->estimate, 0, &text, &len) >= 0) {
		free(r->estimate_latest);
		r->estimate_latest = text;
	}
	r->estimate = js_free(r->estimate);
}

void run_reading(struct run *r, const struct session_reading *in)
{
	const struct ledger_spectrum spectrum = { "spectrum", in->counts,
						  in->n_chan };
	CLEANUP(js_freep) json_t *part = NULL;
	int e = -ENOMEM;

	r->n_readings++;
	r->n_lost += in->n_lost;
	r->was_unsettled |= !in->is_settled;
	progress_set(r, &in->status);
	spectrum_set(r, in);
	part = reading_json(r, in);
	/* Before it is appended: a full batch is committed, and shown, at
	 * once, and then this reading belongs to what is shown. */
	estimate_recorded(r);
	r->latest_seq = UINT64_MAX;
	if (part)
		e = record(r, CHAIN_READING, part,
			   r->method.method->acquisition.keep ==
					   METHOD_KEEP_READINGS
				   ? &spectrum
				   : NULL,
			   false, &r->latest_seq);
	if (e < 0) {
		log_warning("assay %llu: reading %llu not recorded: %s",
			    (unsigned long long)r->id,
			    (unsigned long long)r->n_readings, strerror(-e));
		return;
	}
	run_committed(r, ledger_last(r->service->ledger));

	if (!r->is_fitting && clock_monotonic_ns() >= r->fit_after_ns &&
	    fit_estimate(run_ref(r), in) >= 0)
		r->is_fitting = true;
}

static void run_finish(struct run *r);

void run_committed(struct run *r, uint64_t last)
{
	if (r->is_active && r->result_seq && r->result_seq <= last)
		run_finish(r);
	if (!r->latest.is_set || r->latest_seq > last)
		return;
	r->shown = r->latest;
	if (r->latest_spectrum.counts) {
		free(r->shown_spectrum.counts);
		r->shown_spectrum = r->latest_spectrum;
		r->latest_spectrum = (struct run_spectrum){ 0 };
	}
	if (r->estimate_latest) {
		free(r->estimate_shown);
		r->estimate_shown = TAKE_PTR(r->estimate_latest);
	}
}

void run_disk_failed(struct run *r, const char *why)
{
	if (!r->is_active || r->is_queued || r->verdict || r->disk_why[0])
		return;
	snprintf(r->disk_why, sizeof(r->disk_why), "ledger: %s", why);
	session_finish(r->spectrometer->session);
}

/* ---- end ------------------------------------------------------------------ */

static const char *verdict_of(enum session_end end)
{
	switch (end) {
	case SESSION_END_PRESET:
	case SESSION_END_REACHED:
	case SESSION_END_STROBE:
	case SESSION_END_FINISHED:
		return "done";
	case SESSION_END_CANCELLED:
		return "cancelled";
	case SESSION_END_INTERRUPTED:
		return "interrupted";
	case SESSION_END_FAILED:
		break;
	}
	return "failed";
}

/* Which of the presets it was, NULL when none: the instrument tells its own. */
static const char *ended_by(const struct run *r, enum session_end end,
			    const struct dp5_status *s)
{
	if (end == SESSION_END_FINISHED)
		return "operator";
	if (end == SESSION_END_REACHED)
		return r->reached;
	if (end == SESSION_END_STROBE)
		return "strobe";
	if (end != SESSION_END_PRESET || !s)
		return NULL;
	if (s->is_preset_count_reached)
		return "counts";
	return s->is_preset_real_reached ? "real" : "live";
}

static json_t *result_json(const struct run *r, const struct dp5_status *s)
{
	CLEANUP(js_freep) json_t *part = js_object();
	char started[CLOCK_TEXT_SIZE];
	int e;

	e = js_set_u64(part, "assay", r->id);
	e |= order_set_identity(part, &r->order);
	e |= js_set(part, "method", methods_json(r->order.method, &r->method));
	e |= set_energy(part, r);
	if (r->started_us) {
		clock_format(r->started_us, started);
		e |= js_set_str(part, "started", started);
	}
	e |= js_set_str(part, "state", r->verdict);
	e |= js_set_str(part, "why", r->error);
	if (r->ended_by)
		e |= js_set_str(part, "ended_by", r->ended_by);
	/* Counts that came after it change nothing of it. */
	if (r->decision)
		e |= js_set(part, "decision", js_ref(r->decision));
	if (r->order.strobe)
		e |= js_set_u64(part, "strobe", r->order.strobe);
	e |= js_set_u64(part, "n_readings", r->n_readings);
	e |= js_set_u64(part, "n_lost", r->n_lost);
	e |= js_set_bool(part, "settled", !r->was_unsettled);
	e |= js_set_real(part, "tube_ua", r->order.tube_ua);
	/* Before it is judged itself, which its own checks tell. */
	e |= js_set(part, "qc",
		    qc_json(r->spectrometer->qc, clock_realtime_us()));
	if (s) {
		e |= js_set_real(part, "live_s", live_s(s));
		e |= js_set_real(part, "real_s", s->real_ms / 1000.0);
		e |= js_set_uint(part, "fast_count", s->fast_count);
		e |= js_set_uint(part, "slow_count", s->slow_count);
		e |= js_set_real(part, "dead",
				 dp5_status_dead_fraction(s, NULL));
		e |= js_set_real(part, "detector_k", s->detector_k);
		e |= js_set_real(part, "hv_v", s->hv_v);
		e |= js_set_real(part, "zero_kev",
				 r->method.method->acquisition.zero_kev);
		e |= js_set_real(part, "kev_per_chan",
				 r->method.method->acquisition.kev_per_chan);
	}
	return e < 0 ? NULL : TAKE_PTR(part);
}

/* The result is durable: everybody may know. */
static void run_finish(struct run *r)
{
	r->is_active = false;
	spectrometer_check(r->spectrometer, r);
	tell(r, MESSAGE_ASSAY_ENDED, r->result_seq);
	run_changed(r);
	manager_assay_finished(r->service, r->path, r->order.sample, r->verdict,
			       r->result_seq);
	if (r->is_queued)
		queue_wake(&r->spectrometer->queue);
	else
		spectrometer_run_ended(r->spectrometer);
	service_assay_gone(r->service);
}

/*
 * Appends the last record. Its commit comes back as run_committed(), now or,
 * when the disk refuses even the reserve, whenever a retry succeeds. A record
 * that could not even be made, for want of memory, is kept for
 * run_retry_result(). Until then the assay stays draining and nothing is
 * announced.
 */
static void run_write_result(struct run *r)
{
	const struct ledger_spectrum spectrum = { "spectrum", r->result_counts,
						  r->result_n_chan };
	int e = -ENOMEM;

	if (!r->result)
		r->result = result_json(r, NULL);
	if (r->result)
		e = record(r, CHAIN_RESULT, r->result,
			   r->result_counts ? &spectrum : NULL, true,
			   &r->result_seq);
	if (e < 0 && !r->is_result_late)
		log_error("assay %llu: result not recorded yet: %s",
			  (unsigned long long)r->id,
			  r->result_seq ? ledger_why(r->service->ledger)
					: strerror(-e));
	r->is_result_late = !r->result_seq;
	if (r->is_result_late)
		return;
	r->result = js_free(r->result);
	free(r->result_counts);
	r->result_counts = NULL;
}

void run_retry_result(struct run *r)
{
	if (r->is_result_late)
		run_write_result(r);
}

/* What the method itself rejects, as the first second of counts, misleads. */
static bool is_worth_showing(const json_t *report)
{
	const char *verdict = NULL;

	return report && js_get_str(report, "verdict", &verdict) >= 0 &&
	       strcmp(verdict, "rejected") != 0;
}

/* The relative u of counting of the element that `until` names; NAN. */
static double until_u_rel(const struct run *r, json_t *report)
{
	json_t *elements = js_get(report, "elements");
	const char *symbol;
	double content;
	double u;

	for (size_t i = 0; i < js_len(elements); i++) {
		json_t *e = js_at(elements, i);

		if (js_get_str(e, "symbol", &symbol) < 0 ||
		    strcmp(symbol, r->order.until_element))
			continue;
		if (js_get_real(e, "content_mg_kg", &content) >= 0 &&
		    js_get_real(e, "u_count_mg_kg", &u) >= 0 && content > 0)
			return u / content;
	}
	return NAN;
}

static void reach(struct run *r, const char *preset)
{
	if (!r->reached)
		r->reached = preset;
	session_reach(r->spectrometer->session);
}

static void check_until(struct run *r, json_t *report)
{
	if (!r->order.until[0])
		return;
	r->u_rel = until_u_rel(r, report);
	if (r->u_rel <= r->order.until_u_rel)
		reach(r, "until");
}

/* The first look that is sure decides; what follows is no look any more. */
static void check_decision(struct run *r, json_t *report)
{
	json_t *decision = js_get(report, "decision");

	if (!r->order.is_deciding || r->decision)
		return;
	r->n_looks++;
	if (!decision)
		return;
	js_set_uint(decision, "looks", r->n_looks);
	r->decision = js_ref(decision);
	reach(r, "decide");
}

void run_fitted(struct run *r, json_t *report, const char *why, bool is_final,
		uint64_t took_ns)
{
	if (!is_final) {
		/* A quarter of one core for estimates is enough. */
		r->is_fitting = false;
		r->fit_after_ns = clock_monotonic_ns() + 3 * took_ns;
		if (is_worth_showing(report) && r->is_active) {
			check_until(r, report);
			check_decision(r, report);
			js_free(r->estimate);
			r->estimate = report;
			report = NULL;
		} else if (!report && why[0]) {
			log_debug("assay %llu: no estimate: %s",
				  (unsigned long long)r->id, why);
		}
		js_free(report);
		return;
	}
	if (!report && !r->error[0])
		snprintf(r->error, sizeof(r->error), "no assay: %s", why);
	if (r->result) {
		fit_merge_report(r->result, report);
		js_set_str(r->result, "why", r->error);
	}
	js_free(report);
	run_write_result(r);
}

/* Counts are cumulative, so nothing is missing in the result: what is missing
 * are readings. */
static void record_lost(struct run *r)
{
	CLEANUP(js_freep) json_t *part = NULL;
	int e;

	if (!r->n_lost)
		return;
	part = js_object();
	e = js_set_u64(part, "assay", r->id);
	e |= js_set_str(part, "what", "frames_lost");
	e |= js_set_u64(part, "n", r->n_lost);
	if (e >= 0)
		e = record(r, CHAIN_FAULT, part, NULL, false, NULL);
	log_warning(
		"assay %llu: %llu frames were lost: the daemon came too late "
		"for them%s",
		(unsigned long long)r->id, (unsigned long long)r->n_lost,
		e < 0 ? ", which is not recorded" : "");
}

void run_end(struct run *r, enum session_end end,
	     const struct session_reading *last, const char *why)
{
	const struct dp5_status *status = last ? &last->status : NULL;
	const bool is_refused = r->refused[0] && end == SESSION_END_STROBE;
	bool is_assayed = last && end != SESSION_END_CANCELLED && !is_refused &&
			  !r->service->is_stopping;

	r->verdict = r->disk_why[0] || is_refused ? "failed" : verdict_of(end);
	if (end == SESSION_END_CANCELLED)
		why = r->cancel_reason;
	else if (r->disk_why[0])
		why = r->disk_why;
	else if (is_refused)
		why = r->refused;
	snprintf(r->error, sizeof(r->error), "%s", why);
	r->was_unsettled |= last && !last->is_settled;
	r->ended_by = r->disk_why[0] ? NULL : ended_by(r, end, status);
	r->result = result_json(r, status);
	if (last) {
		progress_set(r, &last->status);
		spectrum_set(r, last);
		r->result_n_chan = last->n_chan;
		r->result_counts = calloc(last->n_chan, sizeof(uint32_t));
		if (r->result_counts)
			memcpy(r->result_counts, last->counts,
			       last->n_chan * sizeof(uint32_t));
	}
	record_lost(r);
	/* What was read so far must not wait for the fit. */
	batch_flush(r->service->batch);
	if (is_assayed && fit_final(run_ref(r), last) >= 0)
		return;
	run_write_result(r);
}

void run_drop(struct run *r, const char *verdict, const char *why)
{
	r->verdict = verdict;
	snprintf(r->error, sizeof(r->error), "%s", why);
	r->result = result_json(r, NULL);
	run_write_result(r);
}

const char *run_state(const struct run *r)
{
	const struct session *s = r->spectrometer->session;

	if (!r->is_active)
		return r->verdict;
	if (r->verdict)
		return "draining";
	if (r->is_queued)
		return "queued";
	return session_is_waiting(s) ? "settling"
				     : session_state_name(session_state(s));
}
