// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec plot: a spectrum file, or the spectrum of a record, as a picture. */
#include "reespec/command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reespec/chart.h"
#include "reespec/json_out.h"
#include "reespec/measurement.h"
#include "reespec/picture.h"
#include "reespec/records.h"
#include "reespec/result.h"

static const struct option_desc options[] = {
	{ "output", 'o', "FILE", "the PNG to write (required)" },
	{ "method", 'm', "NAME", "method for the fit, by name or file" },
	{ NULL, 0, NULL, NULL },
};

/* With the method's fit when there is a method, else the counts alone. */
static int draw(const struct args *args, const struct spectrum *s,
		const char *method, const char *path)
{
	CLEANUP(method_freep) struct method *m = NULL;
	CLEANUP(assay_result_freep) struct assay_result *result = NULL;
	int r;

	if (!method)
		return picture_of_spectrum(args, s, path);
	r = measurement_method(args, method, &m);
	if (r)
		return r;
	r = measurement_assay(args, m, s, &result);
	if (r)
		return r;
	return picture_of_result(args, result, path);
}

static double number(json_t *object, const char *key)
{
	double value = NAN;

	js_get_real(object, key, &value);
	return value;
}

/* The axis that the record states. */
static void take_axis(struct spectrum *s, json_t *body)
{
	double gain = number(body, "kev_per_chan");
	double offset = number(body, "zero_kev");

	if (!isfinite(gain) || !isfinite(offset))
		return;
	s->cal[0] = (struct spectrum_cal){ 0, offset };
	s->cal[1] = (struct spectrum_cal){ (double)(s->n_chan - 1),
					   offset + gain * (s->n_chan - 1) };
	s->n_cal = 2;
}

static int spectrum_of_record(const struct args *args, const struct record *rec,
			      json_t *list, struct spectrum **ret)
{
	size_t n = js_len(list);
	CLEANUP(freep) uint32_t *counts = calloc(n + 1, sizeof(*counts));
	const char *sample = "";
	struct spectrum *s;

	if (n == 0)
		return fail(args, REESPEC_NOT_FOUND,
			    "record %s (%s) holds no spectrum",
			    args->operands[0], chain_kind_name(rec->head.kind));
	for (size_t i = 0; counts && i < n; i++) {
		int64_t count = 0;

		js_int_value(js_at(list, i), &count);
		counts[i] = (uint32_t)count;
	}
	if (!counts || spectrum_new(counts, n, &s) < 0)
		return fail(args, REESPEC_FAILED, "out of memory");
	s->live_s = number(rec->json, "live_s");
	s->real_s = number(rec->json, "real_s");
	s->tube_ua = number(rec->json, "tube_ua");
	if (s->live_s > 0) {
		s->icr_cps = number(rec->json, "fast_count") / s->live_s;
		s->ocr_cps = number(rec->json, "slow_count") / s->live_s;
	}
	js_get_str(rec->json, "sample", &sample);
	snprintf(s->sample, sizeof(s->sample), "%.63s", sample);
	take_axis(s, rec->json);
	*ret = s;
	return REESPEC_OK;
}

static int plot_record(const struct args *args, uint64_t seq, const char *path)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(record_deinit) struct record record = { 0 };
	CLEANUP(js_freep) json_t *counts = NULL;
	CLEANUP(spectrum_freep) struct spectrum *s = NULL;
	const char *method = args_get(args, "method");
	int r;

	r = client_open(&c, args);
	if (r)
		return r;
	r = records_get(c, args, seq, &record, &counts);
	if (r)
		return r;
	r = spectrum_of_record(args, &record, counts, &s);
	if (r)
		return r;
	if (!method && result_contents(record.json))
		method = result_method(record.json);
	return draw(args, s, method, path);
}

static int plot_file(const struct args *args, const char *file,
		     const char *path)
{
	CLEANUP(spectrum_freep) struct spectrum *s = NULL;
	int r;

	r = measurement_load(args, file, &s);
	if (r)
		return r;
	return draw(args, s, args_get(args, "method"), path);
}

static int run(const struct args *args)
{
	const char *what = args->operands[0];
	const char *path = args_get(args, "output");
	unsigned long long seq = 0;
	int r;

	if (!path)
		return fail(args, REESPEC_USAGE, "--output FILE is required");
	if (what[strspn(what, "0123456789")]) {
		r = plot_file(args, what, path);
	} else {
		r = args_parse_count(args, "SEQ", what, 1, UINT64_MAX, &seq);
		if (!r)
			r = plot_record(args, seq, path);
	}
	if (r || !args->is_json)
		return r;
	return json_out(args, js_pack("{s:s, s:i, s:i}", "file", path, "width",
				      CHART_WIDTH, "height", CHART_HEIGHT));
}

const struct command command_plot = {
	.name = "plot",
	.operands = "SEQ|FILE",
	.summary = "draw a spectrum as PNG",
	.text = "Draws the spectrum of record SEQ or of an .mca FILE: counts on a\n"
		"logarithmic scale, fit and background of the method, names of the lines,\n"
		"and the residuals in standard deviations below. A record is drawn with its\n"
		"own method; a file without --method shows its counts only. A FILE whose\n"
		"name is a number is given as ./NUMBER.",
	.n_min = 1,
	.n_max = 1,
	.options = options,
	.run = run,
};
