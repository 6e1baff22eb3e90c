// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The energy axis of one instrument with one method, out of results.
 *
 * A method states an axis, the fit of each spectrum finds one, and a result
 * whose axis has moved too far is rejected. A calibration is a record that says
 * from when on the axis found counts as the stated one. It holds for later
 * assays by that method on that instrument, as long as the method's file states
 * what it stated then: whoever edits the axis there has the last word.
 *
 * Found axes are averaged by their uncertainties; several results that do not
 * agree are no calibration.
 */
#include "bus/spectrometer.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "bus/caller.h"
#include "bus/errors.h"
#include "bus/ledger_object.h"
#include "bus/methods.h"
#include "bus/space.h"

#define RESULTS_MAX 16
/* Gains that differ by more sigmas, and by more of their size, are two. */
#define AGREE_SIGMA 5
#define AGREE_REL 1e-4

struct axis {
	double zero_kev, kev_per_chan;
	double u_zero_kev, u_kev_per_chan;
};

struct calibration {
	struct spectrometer *sp;
	const char *reason; /* in the message, as are the numbers */
	const uint64_t *seqs;
	size_t n;
	char name[64]; /* of the method that all results are by */
	char sha256[CHAIN_HASH_SIZE];
	json_t *results;
	struct axis found[RESULTS_MAX];
};

static void calibration_deinit(struct calibration *c)
{
	c->results = js_free(c->results);
}

/* ---- the results ------------------------------------------------------------ */

static bool read_axis(const json_t *fit, struct axis *ret)
{
	if (js_get_real(fit, "offset_ev", &ret->zero_kev) < 0 ||
	    js_get_real(fit, "gain_ev", &ret->kev_per_chan) < 0 ||
	    js_get_real(fit, "u_offset_ev", &ret->u_zero_kev) < 0 ||
	    js_get_real(fit, "u_gain_ev", &ret->u_kev_per_chan) < 0)
		return false;
	ret->zero_kev /= 1e3;
	ret->kev_per_chan /= 1e3;
	ret->u_zero_kev /= 1e3;
	ret->u_kev_per_chan /= 1e3;
	return ret->kev_per_chan > 0 && ret->u_zero_kev > 0 &&
	       ret->u_kev_per_chan > 0;
}

static bool is_twice(const struct calibration *c, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (c->seqs[i] == c->seqs[at])
			return true;
	return false;
}

/* What makes a result one of this calibration. */
static int check_result(struct calibration *c, size_t at,
			const struct ledger_object_record *o,
			sd_bus_error *error)
{
	const unsigned long long seq = c->seqs[at];
	const char *serial = session_serial(c->sp->session);
	const json_t *method = js_get(o->body, "method");
	const char *name = js_text(method, "name");

	if (is_twice(c, at))
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "record %llu is named twice", seq);
	if (strcmp(o->head.serial, serial))
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "record %llu is of instrument %s, not "
					 "%s",
					 seq, o->head.serial, serial);
	if (!at) {
		js_copy_text(method, "name", c->name, sizeof(c->name));
		js_copy_text(method, "sha256", c->sha256, sizeof(c->sha256));
	}
	if (strcmp(name, c->name) ||
	    strcmp(js_text(method, "sha256"), c->sha256))
		return sd_bus_error_setf(
			error, ERROR_BAD_OPTION,
			"record %llu is not by the same method "
			"as record %llu",
			seq, (unsigned long long)c->seqs[0]);
	if (!read_axis(js_get(o->body, "fit"), &c->found[at]))
		return sd_bus_error_setf(error, ERROR_NOT_FITTED,
					 "the fit of record %llu found no "
					 "energy axis",
					 seq);
	return 0;
}

static int take_result(struct calibration *c, size_t at, sd_bus_error *error)
{
	CLEANUP(ledger_object_record_deinit)
	struct ledger_object_record o = { 0 };
	CLEANUP(js_freep) json_t *name = js_object();
	int r;

	r = ledger_object_get(c->sp->service, c->seqs[at], 1U << CHAIN_RESULT,
			      &o, error);
	if (r >= 0)
		r = check_result(c, at, &o, error);
	if (r < 0)
		return r;
	r = js_set_u64(name, "result", c->seqs[at]);
	r |= js_set_str(name, "hash", o.chain.hash);
	r |= js_append(c->results, js_ref(name));
	return r < 0 ? -ENOMEM : 0;
}

/* ---- what they say together -------------------------------------------------- */

static void average(const struct calibration *c, struct axis *ret)
{
	double wz = 0, wk = 0, z = 0, k = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct axis *a = &c->found[i];

		wz += 1 / (a->u_zero_kev * a->u_zero_kev);
		wk += 1 / (a->u_kev_per_chan * a->u_kev_per_chan);
		z += a->zero_kev / (a->u_zero_kev * a->u_zero_kev);
		k += a->kev_per_chan / (a->u_kev_per_chan * a->u_kev_per_chan);
	}
	*ret = (struct axis){ z / wz, k / wk, 1 / sqrt(wz), 1 / sqrt(wk) };
}

static int check_agreement(const struct calibration *c, const struct axis *mean,
			   sd_bus_error *error)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct axis *a = &c->found[i];
		const double off = fabs(a->kev_per_chan - mean->kev_per_chan);

		if (off > AGREE_SIGMA * a->u_kev_per_chan &&
		    off > AGREE_REL * mean->kev_per_chan)
			return sd_bus_error_setf(
				error, ERROR_BAD_OPTION,
				"record %llu has a gain of %.4f eV, all "
				"together %.4f eV: they do not agree",
				(unsigned long long)c->seqs[i],
				1e3 * a->kev_per_chan,
				1e3 * mean->kev_per_chan);
	}
	return 0;
}

static json_t *calibration_json(const struct calibration *c,
				const struct axis *mean,
				const struct method_acquisition *stated)
{
	CLEANUP(js_freep) json_t *part = js_object();
	int e;

	e = js_set_str(part, "what", "energy");
	e |= js_set(part, "method",
		    js_pack("{s:s, s:s}", "name", c->name, "sha256",
			    c->sha256));
	e |= js_set(part, "results", js_ref(c->results));
	e |= js_set_real(part, "zero_kev", mean->zero_kev);
	e |= js_set_real(part, "u_zero_kev", mean->u_zero_kev);
	e |= js_set_real(part, "kev_per_chan", mean->kev_per_chan);
	e |= js_set_real(part, "u_kev_per_chan", mean->u_kev_per_chan);
	e |= js_set(part, "stated",
		    js_pack("{s:f, s:f}", "zero_kev", stated->zero_kev,
			    "kev_per_chan", stated->kev_per_chan));
	e |= js_set_str(part, "reason", c->reason);
	return e < 0 ? NULL : TAKE_PTR(part);
}

/* ---- the call ----------------------------------------------------------------- */

static int read_call(sd_bus_message *m, struct calibration *c,
		     sd_bus_error *error)
{
	const void *seqs;
	const char *kind;
	size_t len;
	int r;

	r = sd_bus_message_read(m, "s", &kind);
	if (r >= 0)
		r = sd_bus_message_read_array(m, 't', &seqs, &len);
	if (r >= 0)
		r = sd_bus_message_read(m, "s", &c->reason);
	if (r < 0)
		return r;
	c->seqs = seqs;
	c->n = len / sizeof(*c->seqs);
	if (strcmp(kind, "energy"))
		return sd_bus_error_set(error, ERROR_BAD_OPTION,
					"unknown kind of calibration; there "
					"is: energy");
	if (!c->n || c->n > RESULTS_MAX)
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "1 to %d results are wanted, not %zu",
					 RESULTS_MAX, c->n);
	return ledger_object_check_reason(c->reason, error);
}

/* By the method as it is now: another file could state another instrument. */
static int load_method(const struct calibration *c, struct methods_entry *ret,
		       sd_bus_error *error)
{
	const struct service *s = c->sp->service;
	int r;

	r = methods_load_named(s->options->method_dirs, c->name, ret, error);
	if (r >= 0 && strcmp(ret->sha256, c->sha256))
		r = sd_bus_error_setf(error, ERROR_BAD_METHOD,
				      "method %s has changed since these "
				      "results: Reprocess them by it, and "
				      "name what comes of that",
				      c->name);
	return r;
}

static int calibrate(sd_bus_message *m, uint32_t uid, void *arg,
		     sd_bus_error *error)
{
	CLEANUP(calibration_deinit) struct calibration c = { .sp = arg };
	CLEANUP(methods_entry_deinit) struct methods_entry method = { 0 };
	CLEANUP(js_freep) json_t *part = NULL;
	struct service *s = c.sp->service;
	struct ledger_entry entry = {
		.kind = CHAIN_CALIBRATION,
		.uid = uid,
		.serial = session_serial(c.sp->session),
		.is_simulated = session_is_simulated(c.sp->session),
	};
	struct axis mean;
	uint64_t seq = 0;
	int r;

	sd_bus_message_rewind(m, 1);
	c.results = js_array();
	r = read_call(m, &c, error);
	if (r >= 0)
		r = space_check(s, error);
	for (size_t i = 0; i < c.n && r >= 0; i++)
		r = take_result(&c, i, error);
	if (r >= 0)
		r = load_method(&c, &method, error);
	if (r < 0)
		return r;
	average(&c, &mean);
	r = check_agreement(&c, &mean, error);
	if (r < 0)
		return r;
	part = calibration_json(&c, &mean, &method.method->acquisition);
	if (!part)
		return -ENOMEM;
	entry.part = part;
	r = ledger_object_add(s, &entry, &seq, error);
	return r < 0 ? r : sd_bus_reply_method_return(m, "t", seq);
}

int spectrometer_method_calibrate(sd_bus_message *m, void *arg,
				  sd_bus_error *error)
{
	struct spectrometer *sp = arg;
	struct calibration c = { 0 };
	int r;

	/* Wrong arguments are answered before anybody asks for a password. */
	r = read_call(m, &c, error);
	return r < 0 ? r
		     : caller_authorize(sp->service, m,
					"org.reespec1.configure", calibrate,
					sp);
}

/* ---- later assays --------------------------------------------------------------- */

static bool is_of(const json_t *body, const char *serial, const char *method)
{
	return !strcmp(js_text(body, "what"), "energy") &&
	       !strcmp(js_text(body, "serial"), serial) &&
	       !strcmp(js_text(js_get(body, "method"), "name"), method);
}

/* The numbers come back as they were written. */
static bool states(const json_t *body, const struct method_acquisition *a)
{
	const json_t *stated = js_get(body, "stated");

	return js_number(stated, "zero_kev") == a->zero_kev &&
	       js_number(stated, "kev_per_chan") == a->kev_per_chan;
}

static void apply(const json_t *body, struct method_acquisition *a)
{
	a->zero_kev = js_number(body, "zero_kev");
	a->kev_per_chan = js_number(body, "kev_per_chan");
}

uint64_t spectrometer_calibrated(struct spectrometer *sp, const char *name,
				 struct method *method)
{
	const struct ledger_range range = {
		.kinds = 1U << CHAIN_CALIBRATION,
		.is_descending = true,
	};
	CLEANUP(ledger_cursor_closep) struct ledger_cursor *c = NULL;
	struct chain_record record;
	bool is_found = false;
	uint64_t seq = 0;

	if (ledger_cursor_open(sp->service->ledger, &range, &c) < 0)
		return 0;
	while (!is_found && ledger_cursor_next(c, &record, &seq) > 0) {
		CLEANUP(js_freep) json_t *body = NULL;

		js_parse(record.body, record.body_len, &body, NULL);
		chain_record_deinit(&record);
		is_found =
			body && is_of(body, session_serial(sp->session), name);
		if (is_found && !states(body, &method->acquisition))
			return 0;
		if (is_found)
			apply(body, &method->acquisition);
	}
	return is_found ? seq : 0;
}
