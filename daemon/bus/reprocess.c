// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A stored spectrum computed again, by another method or a newer one.
 *
 * What was measured is copied from the old result and is not this method's:
 * times, counters, the energy axis of the spectrum. The new record names the
 * old by number and hash and ends no assay, so every assay keeps the one
 * result it has.
 */
#include "bus/ledger_object.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/assay.h"
#include "assay/loss.h"
#include "base/text.h"
#include "bus/caller.h"
#include "bus/errors.h"
#include "bus/fit.h"
#include "bus/methods.h"
#include "bus/service.h"
#include "bus/space.h"
#include "bus/worker.h"

struct reprocess {
	struct service *service;
	sd_bus_message *m;
	uint32_t uid;
	uint64_t seq; /* of the old result */
	const char *name; /* of the method; in the message, as is the reason */
	const char *reason;
	struct ledger_object_record old;
	uint32_t *counts;
	size_t n_chan;
	struct methods_entry method;
	struct spectrum *spectrum;
	json_t *report;
	char why[256];
};

static struct reprocess *reprocess_free(struct reprocess *p)
{
	ledger_object_record_deinit(&p->old);
	free(p->counts);
	methods_entry_deinit(&p->method);
	spectrum_free(p->spectrum);
	js_free(p->report);
	sd_bus_message_unref(p->m);
	free(p);
	return NULL;
}
CLEANUP_FUNC(struct reprocess, reprocess_free);

/* ---- what there is ---------------------------------------------------------- */

static int load_counts(struct reprocess *p, sd_bus_error *error)
{
	const struct chain_head *h = &p->old.head;
	struct ledger *l = p->service->ledger;
	size_t i = 0;
	int r;

	while (i < h->n_blobs && strcmp(h->blobs[i].name, "spectrum"))
		i++;
	r = i < h->n_blobs ? ledger_get_counts(l, h->blobs[i].sha256,
					       &p->counts, &p->n_chan)
			   : -ENOENT;
	if (r == -ENOENT)
		return sd_bus_error_setf(error, ERROR_NO_SPECTRUM,
					 "no spectrum is kept with record %llu",
					 (unsigned long long)p->seq);
	return r < 0 ? ledger_object_error(p->service, "", -EIO, error) : 0;
}

static int make_spectrum(struct reprocess *p, sd_bus_error *error)
{
	const json_t *old = p->old.body;
	double fast = 0, slow = 0, zero_kev, kev_per_chan;
	struct spectrum *s;
	int r;

	if (js_get_real(old, "zero_kev", &zero_kev) < 0 ||
	    js_get_real(old, "kev_per_chan", &kev_per_chan) < 0)
		return sd_bus_error_setf(error, ERROR_NO_SPECTRUM,
					 "record %llu does not tell the energy "
					 "axis of its spectrum",
					 (unsigned long long)p->seq);
	r = spectrum_new(p->counts, p->n_chan, &p->spectrum);
	if (r < 0)
		return r;
	s = p->spectrum;
	js_get_real(old, "live_s", &s->live_s);
	js_get_real(old, "real_s", &s->real_s);
	js_get_real(old, "tube_ua", &s->tube_ua);
	loss_take_keys(s, js_get(old, "keys"));
	js_get_real(old, "fast_count", &fast);
	js_get_real(old, "slow_count", &slow);
	fit_set_rates(s, fast, slow);
	fit_set_axis(s, zero_kev, kev_per_chan);
	text_show(s->sample, sizeof(s->sample), js_text(old, "sample"));
	snprintf(s->serial, sizeof(s->serial), "%s", p->old.head.serial);
	return 0;
}

/* ---- what comes of it ------------------------------------------------------- */

/* The measurement and what it is of; contents are the method's. */
static int copy_measured(json_t *part, const json_t *old)
{
	static const char *const members[] = {
		"sample",	"sample_kind",
		"keys",		"started",
		"state",	"ended_by",
		"n_readings",	"n_lost",
		"settled",	"tube_ua",
		"live_s",	"real_s",
		"fast_count",	"slow_count",
		"dead",		"detector_k",
		"hv_v",		"zero_kev",
		"kev_per_chan", "energy_calibration",
		"qc",
	};
	int e = 0;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		json_t *value = js_get(old, members[i]);

		if (value)
			e |= js_set(part, members[i], js_ref(value));
	}
	return e;
}

/* The first in a row of results made from one another has the assay. */
static json_t *source_json(const struct reprocess *p)
{
	CLEANUP(js_freep) json_t *o = js_object();
	json_t *assay = js_get(p->old.body, "assay");
	int e;

	if (!assay)
		assay = js_get(js_get(p->old.body, "reprocessed"), "assay");
	e = js_set_u64(o, "result", p->seq);
	e |= js_set_str(o, "hash", p->old.chain.hash);
	if (assay)
		e |= js_set(o, "assay", js_ref(assay));
	return e < 0 ? NULL : TAKE_PTR(o);
}

static json_t *result_json(const struct reprocess *p)
{
	CLEANUP(js_freep) json_t *part = js_object();
	int e;

	e = js_set(part, "reprocessed", source_json(p));
	e |= js_set_str(part, "reason", p->reason);
	e |= copy_measured(part, p->old.body);
	e |= js_set(part, "method", methods_json(p->name, &p->method));
	e |= js_set_str(part, "why", "");
	e |= fit_merge_report(part, p->report);
	return e < 0 ? NULL : TAKE_PTR(part);
}

static int record(struct reprocess *p, sd_bus_error *error)
{
	const struct ledger_spectrum spectrum = { "spectrum", p->counts,
						  p->n_chan };
	CLEANUP(js_freep) json_t *part = NULL;
	struct ledger_entry entry = {
		.kind = CHAIN_RESULT,
		.uid = p->uid,
		.serial = p->old.head.serial[0] ? p->old.head.serial : NULL,
		.is_simulated = p->old.head.is_simulated,
		.spectra = &spectrum,
		.n_spectra = 1,
	};
	uint64_t seq = 0;
	int r;

	if (p->service->is_stopping)
		return sd_bus_error_set(error, ERROR_FAULT,
					"the daemon is stopping");
	if (!p->report)
		return sd_bus_error_setf(error, ERROR_NOT_FITTED,
					 "record %llu by %s: %s",
					 (unsigned long long)p->seq, p->name,
					 p->why);
	part = result_json(p);
	if (!part)
		return -ENOMEM;
	entry.part = part;
	r = ledger_object_add(p->service, &entry, &seq, error);
	return r < 0 ? r : sd_bus_reply_method_return(p->m, "t", seq);
}

/* ---- the job ---------------------------------------------------------------- */

static void work(void *arg)
{
	CLEANUP(assay_engine_freep) struct assay_engine *engine = NULL;
	struct reprocess *p = arg;
	int r;

	r = assay_engine_new(p->method.method, &engine);
	if (r < 0)
		snprintf(p->why, sizeof(p->why), "tables of the method: %s",
			 assay_engine_error(r));
	else
		fit_report(engine, p->spectrum, &p->report, p->why,
			   sizeof(p->why));
}

static void done(void *arg)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	struct reprocess *p = arg;
	int r;

	p->service->is_reprocessing = false;
	r = record(p, &error);
	if (sd_bus_error_is_set(&error))
		sd_bus_reply_method_error(p->m, &error);
	else if (r < 0)
		sd_bus_reply_method_errno(p->m, r, NULL);
	reprocess_free(p);
}

/* Everything that can be wrong with the question, in the order it is asked. */
static int prepare(struct reprocess *p, sd_bus_error *error)
{
	struct service *s = p->service;
	int r;

	r = space_check(s, error);
	if (r >= 0)
		r = ledger_object_get(s, p->seq, 1U << CHAIN_RESULT, &p->old,
				      error);
	if (r >= 0)
		r = load_counts(p, error);
	if (r >= 0)
		r = make_spectrum(p, error);
	return r < 0 ? r
		     : methods_load_named(s->options->method_dirs, p->name,
					  &p->method, error);
}

static int reprocess(sd_bus_message *m, uint32_t uid, void *arg,
		     sd_bus_error *error)
{
	CLEANUP(reprocess_freep) struct reprocess *p = NULL;
	struct service *s = arg;
	int r;

	/* One at a time: each holds a spectrum and the tables of a method, and
	 * estimates of running assays wait behind it. */
	if (s->is_reprocessing)
		return sd_bus_error_set(error, ERROR_BUSY,
					"another result is being reprocessed");
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->service = s;
	p->m = sd_bus_message_ref(m);
	p->uid = uid;
	sd_bus_message_rewind(m, 1);
	r = sd_bus_message_read(m, "tss", &p->seq, &p->name, &p->reason);
	if (r >= 0)
		r = prepare(p, error);
	if (r >= 0)
		r = worker_post(s->worker, work, done, p);
	if (r < 0)
		return r;
	s->is_reprocessing = true;
	TAKE_PTR(p);
	return 1;
}

int ledger_method_reprocess(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *method, *reason;
	uint64_t seq;
	int r;

	r = sd_bus_message_read(m, "tss", &seq, &method, &reason);
	if (r >= 0)
		r = ledger_object_check_reason(reason, error);
	/* Who may make results may make them anew. */
	return r < 0 ? r
		     : caller_authorize(arg, m, "org.reespec1.measure",
					reprocess, arg);
}
