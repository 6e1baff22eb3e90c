// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec analyze: the contents of a spectrum file, without a daemon. */
#include "reespec/command.h"

#include <stdio.h>

#include "assay/report.h"
#include "base/cleanup.h"
#include "reespec/json_out.h"
#include "reespec/measurement.h"
#include "reespec/picture.h"
#include "reespec/print.h"
#include "reespec/result.h"

static const struct option_desc options[] = {
	{ "method", 'm', "METHOD", "method, by name or file (required)" },
	{ "plot", 0, "FILE", "also draw spectrum and fit (.png, .svg, .pdf)" },
	{ "known", 0, "FILE", "compare with known contents (CSV)" },
	{ NULL, 0, NULL, NULL },
};

static int print_result(const struct args *args, const struct assay_result *r,
			const struct known *known)
{
	json_t *body = report_json(r);
	int code;

	if (!body)
		return fail(args, REESPEC_FAILED, "out of memory");
	if (!args->is_json) {
		printf("%s%s%s by %s\n", print_style(stdout, PRINT_BOLD),
		       r->sample, print_style(stdout, PRINT_PLAIN), r->method);
		result_print(stdout, body, known);
	}
	code = args->is_json ? json_out(args, js_ref(body)) : REESPEC_OK;
	if (!code)
		code = result_exit(args, body);
	js_free(body);
	return code;
}

static int run(const struct args *args)
{
	CLEANUP(spectrum_freep) struct spectrum *s = NULL;
	CLEANUP(method_freep) struct method *m = NULL;
	CLEANUP(assay_result_freep) struct assay_result *result = NULL;
	const char *name = args_get(args, "method");
	const char *plot = args_get(args, "plot");
	struct known known;
	int r;

	if (!name)
		return fail(args, REESPEC_USAGE, "--method METHOD is required");
	r = measurement_load(args, args->operands[0], &s);
	if (r)
		return r;
	r = known_load(args, args_get(args, "known"), s->sample, &known);
	if (r)
		return r;
	r = measurement_method(args, name, &m);
	if (r)
		return r;
	r = measurement_assay(args, m, s, &result);
	if (r)
		return r;
	if (plot)
		r = picture_of_result(args, result, plot);
	return r ? r : print_result(args, result, &known);
}

const struct command command_analyze = {
	.name = "analyze",
	.operands = "FILE",
	.summary = "assay a spectrum file, without a daemon",
	.text = "Assays the spectrum in FILE by a method and prints the contents. FILE is\n"
		"an .mca, .spe or .msa file or columns of text; what is in it tells which.\n"
		"Nothing is recorded and no daemon is needed. A method is searched by its\n"
		"name in $REESPEC_METHODS, /etc/reespec/methods and\n"
		"/usr/share/reespec/methods.",
	.n_min = 1,
	.n_max = 1,
	.options = options,
	.run = run,
};
