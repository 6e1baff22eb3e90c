// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reespec method simulate: what a method would find in a sample before it is
 * touched. The expected spectrum goes through the same assay as a measured one.
 */
#include "reespec/method_simulate.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/forecast.h"
#include "assay/report.h"
#include "base/cleanup.h"
#include "reespec/json_out.h"
#include "reespec/known.h"
#include "reespec/measurement.h"
#include "reespec/pager.h"
#include "reespec/picture.h"
#include "reespec/print.h"
#include "reespec/result.h"

/* What an X-123 counts without much loss, where nothing else is said. */
#define RATE_CPS 50000

/* "Nd=0.9%" or "Nd=9000ppm": a bare number is taken for either. */
static int add_content(const struct args *args, const char *word,
		       struct known *sample)
{
	struct known_element *e = &sample->elements[sample->n_elements];
	const size_t len = strcspn(word, "=");
	double value;
	char *end;

	snprintf(e->symbol, sizeof(e->symbol), "%.*s", len < 3 ? (int)len : 3,
		 word);
	if (!word[len] || !known_atomic_number(e->symbol))
		return fail(
			args, REESPEC_USAGE,
			"%s: want the content of an element, as Nd=0.9%% or Nd=9000ppm",
			word);
	if (isfinite(known_get(sample, e->symbol)))
		return fail(args, REESPEC_USAGE, "%s: %s is given twice", word,
			    e->symbol);
	value = strtod(word + len + 1, &end);
	if (end != word + len + 1 && !*end)
		return fail(args, REESPEC_USAGE,
			    "%s: in which unit? want %s%% or %sppm", word, word,
			    word);
	e->mg_kg = !strcmp(end, "%") ? 1e4 * value : value;
	if (end == word + len + 1 ||
	    (strcmp(end, "%") != 0 && strcmp(end, "ppm") != 0) ||
	    !(e->mg_kg >= 0 && e->mg_kg <= 1e6) ||
	    sample->n_elements + 1 == ARRAY_SIZE(sample->elements))
		return fail(
			args, REESPEC_USAGE,
			"%s: want a content from 0 to 100 %%, as Nd=0.9%% or Nd=9000ppm",
			word);
	sample->n_elements++;
	return REESPEC_OK;
}

static int read_sample(const struct args *args, struct known *ret)
{
	const char *path = args_get(args, "known");
	const char *name = args_get(args, "sample");
	int r;

	if (!path != !name)
		return fail(
			args, REESPEC_USAGE,
			"--known FILE and --sample NAME, its material, belong together: want both");
	r = known_load(args, path, name, ret);
	for (unsigned int i = 2; i < args->n_operands && !r; i++)
		r = add_content(args, args->operands[i], ret);
	if (!r && !ret->n_elements)
		r = fail(
			args, REESPEC_USAGE,
			"of what? want contents as Nd=0.9%%, or --known FILE --sample NAME");
	return r;
}

/* By element of the method, as mass fractions; what it does not look for is
 * told: it would be part of what is not seen. */
static int fill_contents(const struct args *args, const struct method *m,
			 const struct known *sample, double *ret)
{
	for (size_t i = 0; i < sample->n_elements; i++) {
		const struct known_element *e = &sample->elements[i];
		bool is_found = false;

		for (size_t k = 0; k < m->n_elements; k++) {
			if (strcmp(m->element[k].symbol, e->symbol) != 0 ||
			    m->element[k].is_air)
				continue;
			ret[k] = 1e-6 * e->mg_kg;
			is_found = true;
		}
		if (!is_found && args->n_operands > 2 &&
		    !args_has(args, "known"))
			return fail(
				args, REESPEC_USAGE,
				"%s does not look for %s (reespec method show %s names what it does)",
				m->name, e->symbol, m->name);
	}
	return REESPEC_OK;
}

static int forecast(const struct args *args, const struct method *m,
		    const struct known *sample, double rate, double live,
		    struct assay_result **ret)
{
	CLEANUP(assay_engine_freep) struct assay_engine *e = NULL;
	CLEANUP(spectrum_freep) struct spectrum *s = NULL;
	double content[METHOD_MAX_ELEMENTS] = { 0 };
	int r;

	r = fill_contents(args, m, sample, content);
	if (r)
		return r;
	r = assay_engine_new(m, &e);
	if (r == 0)
		r = forecast_spectrum(e, content, rate, live, &s);
	if (r == -EDOM)
		return fail(
			args, REESPEC_USAGE,
			"the oxides of these contents are more than 100 %%");
	if (r == 0) {
		snprintf(s->sample, sizeof(s->sample), "%s, expected",
			 args_has(args, "sample") ? args_get(args, "sample")
						  : "sample");
		r = assay_engine_run(e, s, ret);
	}
	if (r == -EINVAL && e)
		return fail(args, REESPEC_FAILED, "%s", assay_engine_why(e));
	if (r < 0)
		return fail(args, REESPEC_FAILED, "it failed: %s",
			    assay_engine_error(r));
	return REESPEC_OK;
}

static int print_forecast(const struct args *args, const struct assay_result *r,
			  const struct known *sample, double rate)
{
	json_t *body = report_json(r);
	json_t *given = js_object();

	if (!body || !given)
		return fail(args, REESPEC_FAILED, "out of memory");
	for (size_t i = 0; i < sample->n_elements; i++)
		js_set_real(given, sample->elements[i].symbol,
			    sample->elements[i].mg_kg);
	js_set(body, "given_mg_kg", given);
	js_set_bool(body, "simulated", true);
	if (args->is_json)
		return json_out(args, "reespec-method-simulate/1", body);
	pager_start(args);
	printf("%s%s%s by %s, %g s live at %s counts/s; known: as given\n",
	       print_style(stdout, PRINT_BOLD), r->sample,
	       print_style(stdout, PRINT_PLAIN), r->method, r->live_s,
	       print_grouped(rate).text);
	result_print(stdout, body, sample);
	js_free(body);
	return REESPEC_OK;
}

int method_simulate(const struct args *args)
{
	CLEANUP(method_freep) struct method *m = NULL;
	CLEANUP(assay_result_freep) struct assay_result *result = NULL;
	struct known sample = { 0 };
	double rate = RATE_CPS, live;
	int r;

	r = args_number(args, "rate", 1, 1e7, &rate);
	if (!r)
		r = picture_check(args, args_get(args, "output"));
	if (!r)
		r = read_sample(args, &sample);
	if (!r)
		r = measurement_method(args, args->operands[1], &m);
	if (r)
		return r;
	live = m->acquisition.preset_live_s;
	r = args_number(args, "live", 0.1, 1e6, &live);
	if (!r)
		r = forecast(args, m, &sample, rate, live, &result);
	if (r || !result)
		return r ? r : REESPEC_FAILED;
	if (args_has(args, "output"))
		r = picture_of_result(args, result, args_get(args, "output"));
	return r ? r : print_forecast(args, result, &sample, rate);
}
