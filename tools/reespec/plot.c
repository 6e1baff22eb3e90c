// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec plot: a spectrum file, or the spectrum of a record, as a picture. */
#include "reespec/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reespec/compare_chart.h"
#include "reespec/json_out.h"
#include "reespec/measurement.h"
#include "reespec/pattern_chart.h"
#include "reespec/picture.h"
#include "reespec/source.h"

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
	if (m->beside)
		return fail(
			args, REESPEC_USAGE,
			"%s takes two spectra of one sample: reespec analyze FILE FILE --plot draws both",
			m->name);
	r = measurement_assay(args, m, s, &result);
	if (r)
		return r;
	if (!args_has(args, "pattern"))
		return picture_of_result(args, result, path);
	r = pattern_chart_write(result, path);
	if (r == -ENODATA)
		return fail(
			args, REESPEC_FAILED,
			"method %s assays no rare earth: without --pattern there is its spectrum",
			result->method);
	return picture_written(args, path, r);
}

static int draw_one(const struct args *args, const char *path)
{
	CLEANUP(source_deinit) struct source s = { 0 };
	const char *method = args_get(args, "method");
	int r;

	r = source_take(args, args->operands[0], &s);
	if (r)
		return r;
	return draw(args, s.spectrum,
		    method	? method
		    : *s.method ? s.method
				: NULL,
		    path);
}

static int compare(const struct args *args, const char *path)
{
	struct source source[COMPARE_MAX] = { 0 };
	struct compare_curve curve[COMPARE_MAX] = { 0 };
	int r = REESPEC_OK;

	for (unsigned int i = 0; i < args->n_operands && !r; i++) {
		r = source_take(args, args->operands[i], &source[i]);
		if (!r && !(source[i].spectrum->live_s > 0))
			r = fail(
				args, REESPEC_FAILED,
				"%s: no live time in it: there is no rate to compare (plot it alone)",
				source[i].name);
		curve[i].spectrum = source[i].spectrum;
		snprintf(curve[i].name, sizeof(curve[i].name), "%s",
			 source[i].name);
	}
	if (!r)
		r = picture_written(args, path,
				    compare_chart_write(curve, args->n_operands,
							path));
	for (size_t i = 0; i < COMPARE_MAX; i++)
		source_deinit(&source[i]);
	return r;
}

static int run(const struct args *args)
{
	const char *path = args_get(args, "output");
	int r;

	r = args_require(args, "output");
	if (r)
		return r;
	if (args->n_operands > 1 &&
	    (args_has(args, "method") || args_has(args, "pattern")))
		return fail(
			args, REESPEC_USAGE,
			"--method and --pattern are for one spectrum, several are compared");
	r = picture_check(args, path);
	if (r)
		return r;
	r = args->n_operands > 1 ? compare(args, path) : draw_one(args, path);
	if (r || !args->is_json)
		return r;
	return json_out(args, "reespec-plot/1", js_pack("{s:s}", "file", path));
}

const struct command command_plot = {
	.name = "plot",
	.operands = "SEQ|FILE...",
	.summary = "draw a spectrum as picture, or compare some",
	.text = "Draws the spectrum of record SEQ or of a spectrum FILE: counts on a\n"
		"logarithmic scale, fit and background of the method, names of the lines,\n"
		"and the residuals in standard deviations below. A record is drawn with its\n"
		"own method; a file without --method shows its counts only. With --pattern\n"
		"the rare earths over those of chondrites are drawn. Several are compared:\n"
		"counts a second and keV, and the ratio of each to the first. A FILE whose\n"
		"name is a number is given as ./NUMBER.",
	.n_min = 1,
	.n_max = COMPARE_MAX,
	.options = options,
	.run = run,
};
