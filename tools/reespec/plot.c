// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec plot: a spectrum file, or the spectrum of a record, as a picture. */
#include "reespec/command.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reespec/json_out.h"
#include "reespec/measurement.h"
#include "reespec/pattern_chart.h"
#include "reespec/picture.h"
#include "reespec/records.h"
#include "reespec/result.h"

static const struct option_desc options[] = {
	{ "output", 'o', "FILE", "the .png, .svg or .pdf to write (required)" },
	{ "method", 'm', "METHOD", "method for the fit, by name or file" },
	{ "pattern", 0, NULL, "the rare earths over chondrites instead" },
	{ NULL, 0, NULL, NULL },
};

/* With the method's fit when there is a method, else the counts alone. */
static int draw(const struct args *args, const struct spectrum *s,
		const char *method, const char *path)
{
	CLEANUP(method_freep) struct method *m = NULL;
	CLEANUP(assay_result_freep) struct assay_result *result = NULL;
	int r;

	if (!method && args_has(args, "pattern"))
		return fail(args, REESPEC_USAGE,
			    "--pattern needs contents: give --method METHOD");
	if (!method)
		return picture_of_spectrum(args, s, path);
	r = measurement_method(args, method, &m);
	if (r)
		return r;
	r = measurement_assay(args, m, s, &result);
	if (r)
		return r;
	if (!args_has(args, "pattern"))
		return picture_of_result(args, result, path);
	r = pattern_chart_write(result, path);
	if (r == -ENODATA)
		return fail(args, REESPEC_FAILED,
			    "method %s assays no rare earth", result->method);
	return picture_written(args, path, r);
}

static int plot_record(const struct args *args, uint64_t seq, const char *path)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(record_deinit) struct record record = { 0 };
	CLEANUP(js_freep) json_t *counts = NULL;
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	CLEANUP(spectrum_freep) struct spectrum *s = NULL;
	const char *method = args_get(args, "method");
	int r;

	r = client_open(&c, args);
	if (r)
		return r;
	r = records_get(c, args, seq, &record, &counts);
	if (r)
		return r;
	r = measurement_of_record(args, &record, counts, &f);
	if (!r)
		r = measurement_spectrum(args, f, f->sample, &s);
	if (r)
		return r;
	s->tube_ua = js_number(record.json, "tube_ua");
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
	return json_out(args, js_pack("{s:s}", "file", path));
}

const struct command command_plot = {
	.name = "plot",
	.operands = "SEQ|FILE",
	.summary = "draw a spectrum as picture",
	.text = "Draws the spectrum of record SEQ or of a spectrum FILE: counts on a\n"
		"logarithmic scale, fit and background of the method, names of the lines,\n"
		"and the residuals in standard deviations below. A record is drawn with its\n"
		"own method; a file without --method shows its counts only. With --pattern\n"
		"the rare earths over those of chondrites are drawn. A FILE whose name is a\n"
		"number is given as ./NUMBER.",
	.n_min = 1,
	.n_max = 1,
	.options = options,
	.run = run,
};
