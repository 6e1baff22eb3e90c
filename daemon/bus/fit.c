// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Jobs for the worker: the engine of a method, then fits with it.
 *
 * The engine is touched by the thread alone, and jobs run in their order, so
 * it is there before the first fit and needs no lock. A job holds a reference
 * of its run; references are counted on the loop only.
 */
#include "bus/fit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "assay/loss.h"
#include "assay/report.h"
#include "assay/sort.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "bus/service.h"
#include "bus/spectrometer.h"
#include "bus/worker.h"

struct job {
	struct run *run;
	struct spectrum *spectrum;
	bool is_final;
	json_t *report;
	char why[256];
	uint64_t took_ns;
};

static void job_free(struct job *job)
{
	spectrum_free(job->spectrum);
	js_free(job->report);
	run_unref(job->run);
	free(job);
}

static void prepare_work(void *arg)
{
	struct job *job = arg;
	struct run *r = job->run;

	r->engine_error = assay_engine_new(r->method.method, &r->engine);
}

/* The library that all engines need is looked for once; what else one lacks is of
 * its method, or passes. */
static void tell_library(struct service *s, int engine_error)
{
	if (engine_error != -ELIBACC || s->fits[0])
		return;
	snprintf(s->fits, sizeof(s->fits), "assays: %s",
		 assay_engine_error(engine_error));
	log_error("%s", s->fits);
	manager_health_changed(s);
}

static void prepare_done(void *arg)
{
	struct job *job = arg;

	tell_library(job->run->service, job->run->engine_error);
	job_free(job);
}

/* Make a report of @result, or say why there is none. */
static void tell(const struct assay_engine *engine, int r,
		 const struct assay_result *result, json_t **ret_report,
		 char *why, size_t why_size)
{
	if (r >= 0) {
		*ret_report = report_json(result);
		r = *ret_report ? 0 : -ENOMEM;
	}
	if (r < 0)
		snprintf(why, why_size, "%s",
			 r == -EINVAL ? assay_engine_why(engine)
				      : strerror(-r));
}

void fit_report(struct assay_engine *engine, const struct spectrum *s,
		json_t **ret_report, char *why, size_t why_size)
{
	CLEANUP(assay_result_freep) struct assay_result *result = NULL;
	int r = assay_engine_run(engine, s, &result);

	tell(engine, r, result, ret_report, why, why_size);
}

int fit_merge_report(json_t *result, json_t *report)
{
	const char *key;
	json_t *value;
	int e = 0;

	for (void *it = NULL; js_next(report, &it, &key, &value);)
		if (!js_get(result, key))
			e |= js_set(result, key, js_ref(value));
	return e < 0 ? -ENOMEM : 0;
}

/* Estimates of an assay that does not decide are no looks: a decision among
 * them would tempt somebody to end it by hand.
 */
static void judge(const struct job *job, struct assay_result *result)
{
	const struct order *order = &job->run->order;
	const struct method *m = job->run->method.method;

	if (order->is_deciding)
		sort_judge(m, result, job->is_final ? ASSAY_LAST : ASSAY_LOOK);
	else if (!job->is_final)
		result->decision.outcome = ASSAY_OPEN;
}

static void fit_work(void *arg)
{
	CLEANUP(assay_result_freep) struct assay_result *whole = NULL;
	struct job *job = arg;
	struct assay_engine *engine = job->run->engine;
	struct assay_result **result = &job->run->followed;
	const uint64_t start_ns = clock_monotonic_ns();
	enum assay_follow how;
	int r;

	if (!engine) {
		snprintf(job->why, sizeof(job->why), "tables of the method: %s",
			 assay_engine_error(job->run->engine_error));
		return;
	}
	/* What is recorded must not hang on the readings before it. */
	if (job->is_final) {
		result = &whole;
		r = assay_engine_run(engine, job->spectrum, result);
	} else {
		r = assay_engine_follow(engine, job->spectrum, result, &how);
	}
	if (r >= 0)
		judge(job, *result);
	tell(engine, r, *result, &job->report, job->why, sizeof(job->why));
	/* It is as long as the rest, and for sums of a result. */
	if (job->report && !job->is_final)
		js_remove(job->report, "correlation");
	job->took_ns = clock_monotonic_ns() - start_ns;
}

static void fit_done(void *arg)
{
	struct job *job = arg;

	run_fitted(job->run, TAKE_PTR(job->report), job->why, job->is_final,
		   job->took_ns);
	job_free(job);
}

static int post(struct job *job, void (*work)(void *), void (*done)(void *))
{
	int r;

	r = worker_post(job->run->service->worker, work, done, job);
	if (r < 0)
		job_free(job);
	return r;
}

static int job_new(struct run *r, struct job **ret)
{
	struct job *job;

	job = calloc(1, sizeof(*job));
	if (!job) {
		run_unref(r);
		return -ENOMEM;
	}
	job->run = r;
	*ret = job;
	return 0;
}

int fit_prepare(struct run *r)
{
	struct job *job;
	int e;

	e = job_new(r, &job);
	return e < 0 ? e : post(job, prepare_work, prepare_done);
}

void fit_set_rates(struct spectrum *s, double fast_count, double slow_count)
{
	if (!(s->live_s > 0))
		return;
	s->icr_cps = fast_count / s->live_s;
	s->ocr_cps = slow_count / s->live_s;
}

/* A straight line through two points. */
void fit_set_axis(struct spectrum *s, double zero_kev, double kev_per_chan)
{
	const double last = s->n_chan - 1.0;

	s->n_cal = 2;
	s->cal[0] = (struct spectrum_cal){ 0, zero_kev };
	s->cal[1] =
		(struct spectrum_cal){ last, zero_kev + last * kev_per_chan };
}

static int fit(struct run *r, const struct session_reading *in, bool is_final)
{
	const struct method_acquisition *a = &r->method.method->acquisition;
	const struct dp5_status *status = &in->status;
	struct spectrum *s;
	struct job *job;
	int e;

	e = job_new(r, &job);
	if (e < 0)
		return e;
	e = spectrum_new(in->counts, in->n_chan, &job->spectrum);
	if (e < 0) {
		job_free(job);
		return e;
	}
	s = job->spectrum;
	s->live_s = (status->device == DP5_DEVICE_MCA8000D ? status->live_ms
							   : status->acc_ms) /
		    1000.0;
	s->real_s = status->real_ms / 1000.0;
	s->tube_ua = r->order.tube_ua;
	loss_take_keys(s, r->order.keys);
	fit_set_rates(s, status->fast_count, status->slow_count);
	text_show(s->sample, sizeof(s->sample), r->order.sample);
	snprintf(s->serial, sizeof(s->serial), "%s",
		 session_serial(r->spectrometer->session));
	/* The instrument brings no energy axis; that is the method's. */
	fit_set_axis(s, a->zero_kev, a->kev_per_chan);
	job->is_final = is_final;
	return post(job, fit_work, fit_done);
}

int fit_estimate(struct run *r, const struct session_reading *reading)
{
	return fit(r, reading, false);
}

int fit_final(struct run *r, const struct session_reading *last)
{
	return fit(r, last, true);
}
