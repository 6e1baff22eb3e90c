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

#include "assay/report.h"
#include "base/clock.h"
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

static void prepare_done(void *arg)
{
	job_free(arg);
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
			 strerror(-job->run->engine_error));
		return;
	}
	/* What is recorded must not hang on the readings before it. */
	if (job->is_final) {
		result = &whole;
		r = assay_engine_run(engine, job->spectrum, result);
	} else {
		r = assay_engine_follow(engine, job->spectrum, result, &how);
	}
	if (r >= 0) {
		job->report = report_json(*result);
		r = job->report ? 0 : -ENOMEM;
		/* It is as long as the rest, and for sums of a result. */
		if (r == 0 && !job->is_final)
			js_remove(job->report, "correlation");
	}
	if (r < 0)
		snprintf(job->why, sizeof(job->why), "%s",
			 r == -EINVAL ? assay_engine_why(engine)
				      : strerror(-r));
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

/* The energy axis is the method's, a straight line through two points. */
static void calibrate(struct spectrum *s, const struct run *r)
{
	const struct method_acquisition *a = &r->method.method->acquisition;
	const double last = s->n_chan - 1.0;

	s->n_cal = 2;
	s->cal[0] = (struct spectrum_cal){ 0, a->zero_kev };
	s->cal[1] =
		(struct spectrum_cal){ last,
				       a->zero_kev + last * a->kev_per_chan };
}

static int fit(struct run *r, const struct session_reading *in, bool is_final)
{
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
	if (s->live_s > 0) {
		s->icr_cps = status->fast_count / s->live_s;
		s->ocr_cps = status->slow_count / s->live_s;
	}
	text_show(s->sample, sizeof(s->sample), r->order.sample);
	snprintf(s->serial, sizeof(s->serial), "%s",
		 session_serial(r->spectrometer->session));
	calibrate(s, r);
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
