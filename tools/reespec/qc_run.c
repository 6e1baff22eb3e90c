// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A check is an assay like any other, of its kind and by its method, so the
 * daemon judges it and it stands in the ledger. What several checks ask of one
 * material is measured once.
 */
#include "reespec/qc_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "reespec/counting.h"
#include "reespec/instruments.h"
#include "reespec/json_out.h"
#include "reespec/print.h"
#include "reespec/records.h"
#include "reespec/result.h"

struct running {
	const struct args *args;
	struct client *client;
	char spectrometer[256];
	int code; /* the first other than REESPEC_OK */
	unsigned int n_measured;
};

const char *qc_text(json_t *check, enum qc_member member)
{
	const char *text = "";

	js_str_value(js_at(check, member), &text, NULL);
	return text;
}

bool qc_is_broken(json_t *spectrometer)
{
	return !strcmp(js_text(spectrometer, "Qc"), "failed") &&
	       !js_len(js_get(spectrometer, "Checks"));
}

/* With a policy that is wrong nothing may pass for checked. */
static int no_policy(const struct running *r, json_t *properties)
{
	const char *why = js_text(properties, "QcReason");

	if (*why)
		return fail(r->args, REESPEC_FAILED, "%s (" QC_MEND ")", why);
	return fail(
		r->args, REESPEC_NOT_FOUND,
		"there is no policy: /etc/reespec/qc.conf names what is to be checked (reespecd(8)), and reespecd reads it when it starts");
}

static int read_checks(struct running *r, json_t **ret)
{
	CLEANUP(js_freep) json_t *properties = NULL;
	int code;

	code = client_properties(r->client, r->spectrometer,
				 CLIENT_SPECTROMETER, &properties);
	if (!code && !js_len(js_get(properties, "Checks")))
		code = no_policy(r, properties);
	if (!code)
		*ret = js_ref(js_get(properties, "Checks"));
	return code;
}

static json_t *find(json_t *checks, const char *name)
{
	for (size_t i = 0; i < js_len(checks); i++)
		if (!strcmp(qc_text(js_at(checks, i), QC_NAME), name))
			return js_at(checks, i);
	return NULL;
}

static bool is_wanted(const struct running *r, json_t *check)
{
	if (r->args->n_operands > 1)
		return !strcmp(qc_text(check, QC_NAME), r->args->operands[1]);
	return strcmp(qc_text(check, QC_STATE), "ok") != 0;
}

/* One assay serves both. A duplicate is of one sample, whatever the check. */
static bool is_same_measurement(json_t *a, json_t *b)
{
	return !strcmp(qc_text(a, QC_KIND), qc_text(b, QC_KIND)) &&
	       !strcmp(qc_text(a, QC_SAMPLE), qc_text(b, QC_SAMPLE)) &&
	       !strcmp(qc_text(a, QC_METHOD), qc_text(b, QC_METHOD));
}

/* Any name will do for a blank. */
static const char *sample_of(json_t *check)
{
	return *qc_text(check, QC_SAMPLE) ? qc_text(check, QC_SAMPLE)
					  : qc_text(check, QC_KIND);
}

/* What all checks of it say by now: the daemon judges a result before it
 * announces it. */
static int tell_checks(struct running *r, json_t *measured, uint64_t seq)
{
	CLEANUP(js_freep) json_t *checks = NULL;
	int code = read_checks(r, &checks);

	for (size_t i = 0; i < js_len(checks); i++) {
		json_t *check = js_at(checks, i);
		const char *state = qc_text(check, QC_STATE);
		const bool is_ok = !strcmp(state, "ok");

		if (!is_same_measurement(check, measured))
			continue;
		if (!r->args->is_json)
			printf("%s%s%s  %s, record %" PRIu64 "\n",
			       print_style(stdout,
					   is_ok ? PRINT_GOOD : PRINT_BAD),
			       qc_text(check, QC_NAME),
			       print_style(stdout, PRINT_PLAIN), state, seq);
		fflush(stdout);
		if (!is_ok)
			code = fail(r->args, REESPEC_VERDICT, "%s",
				    qc_text(check, QC_WHY));
	}
	return code;
}

static int tell_result(struct running *r, const struct counting *c)
{
	CLEANUP(record_deinit) struct record record = { 0 };
	int code;

	code = records_get(r->client, r->args, c->seq, &record, NULL);
	if (code)
		return code;
	if (r->args->is_json)
		json_out_body(record.chain.body, record.chain.body_len);
	if (strcmp(c->verdict, "done") != 0)
		return fail(r->args, REESPEC_FAILED, "%s: %s: %s", c->sample,
			    c->verdict, js_text(record.json, "why"));
	/* What was rejected counts for no check. */
	return result_exit(r->args, record.json);
}

static int measure(struct running *r, json_t *check)
{
	static const struct option_desc method = { "method", 'm', "METHOD",
						   "" };
	/* The instrument may need a moment after the one before. */
	static const struct option_desc queue = { "queue", 0, NULL, "" };
	struct args args = *r->args;
	CLEANUP(counting_deinit)
	struct counting c = { .args = &args,
			      .sample = sample_of(check),
			      .kind = qc_text(check, QC_KIND) };
	char what[200];
	int code;

	args.options[args.n_options].desc = &method;
	args.options[args.n_options++].value = qc_text(check, QC_METHOD);
	args.options[args.n_options++].desc = &queue;
	snprintf(what, sizeof(what), "%s (%s)", c.sample, c.kind);
	fprintf(stderr, "%s: %s by %s\n", qc_text(check, QC_NAME), what,
		qc_text(check, QC_METHOD));
	code = counting_ask(r->args, what);
	if (!code)
		code = counting_start(&c);
	if (!code)
		code = counting_watch(&c);
	if (code)
		return code;
	r->n_measured++;
	code = tell_result(r, &c);
	if (!code)
		code = tell_checks(r, check, c.seq);
	return code ? code
	       : c.is_interrupted
		       ? fail(r->args, REESPEC_FAILED,
			      "interrupted: what is still due reespec qc tells")
		       : REESPEC_OK;
}

static bool was_before(const struct running *r, json_t *checks, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (is_wanted(r, js_at(checks, k)) &&
		    is_same_measurement(js_at(checks, k), js_at(checks, i)))
			return true;
	return false;
}

static int run_all(struct running *r, json_t *checks)
{
	int code;

	for (size_t i = 0; i < js_len(checks); i++) {
		json_t *check = js_at(checks, i);

		if (!is_wanted(r, check) || was_before(r, checks, i))
			continue;
		if (!strcmp(qc_text(check, QC_KIND), "duplicate") &&
		    !*qc_text(check, QC_SAMPLE))
			code = fail(
				r->args, REESPEC_NOT_FOUND,
				"%s: no sample by %s is there yet that could be measured again",
				qc_text(check, QC_NAME),
				qc_text(check, QC_METHOD));
		else
			code = measure(r, check);
		if (!r->code)
			r->code = code;
		/* A check that failed or was rejected keeps no other. */
		if (code && code != REESPEC_VERDICT &&
		    code != REESPEC_NOT_FOUND)
			break;
	}
	return r->code;
}

int qc_run(const struct args *args)
{
	CLEANUP(client_closep) struct client *client = NULL;
	CLEANUP(js_freep) json_t *checks = NULL;
	struct running r = { .args = args };
	int code;

	if (args_has(args, "output"))
		return fail(
			args, REESPEC_USAGE,
			"--output draws a chart: reespec qc CHECK --output FILE");
	if (args->n_options > ARGS_OPTIONS_MAX - 2)
		return fail(args, REESPEC_USAGE, "more than %d options",
			    ARGS_OPTIONS_MAX - 2);
	code = client_open(&client, args);
	r.client = client;
	if (!code)
		code = instruments_choose(client, args,
					  args_get(args, "device"),
					  r.spectrometer,
					  sizeof(r.spectrometer));
	if (!code)
		code = read_checks(&r, &checks);
	if (code)
		return code;
	if (args->n_operands > 1 && !find(checks, args->operands[1]))
		return fail(
			args, REESPEC_NOT_FOUND,
			"no check \"%s\" in the policy (reespec qc names those there are)",
			args->operands[1]);
	code = run_all(&r, checks);
	if (!r.n_measured && !code)
		fputs("Nothing is due.\n", args->is_json ? stderr : stdout);
	return code;
}
