// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec analyze: the contents of a spectrum file, without a daemon. */
#include "reespec/command.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "assay/limits.h"
#include "assay/loss.h"
#include "assay/report.h"
#include "base/cleanup.h"
#include "reespec/batch.h"
#include "reespec/json_out.h"
#include "reespec/measurement.h"
#include "reespec/pager.h"
#include "reespec/picture.h"
#include "reespec/print.h"
#include "reespec/result.h"

static const struct option_desc options[] = {
	{ "method", 'm', "METHOD",
	  "by name or file, see reespec method (required)" },
	{ "plot", 0, "FILE", "also draw spectrum and fit (.png, .svg, .pdf)" },
	{ "known", 0, "FILE", "compare with known contents (CSV)" },
	{ "moisture", 0, "PERCENT", "of the sample, by drying" },
	{ "loi", 0, "PERCENT", "loss on ignition of what was dried" },
	{ NULL, 0, NULL, NULL },
};

/* What a file says of its counting, as a record would. */
static int add_rates(json_t *body, const struct spectrum *s)
{
	int e;

	if (!body)
		return -ENOMEM;
	if (!(s->icr_cps > 0) || !(s->ocr_cps <= s->icr_cps))
		return 0;
	e = js_set_real(body, "slow_count", s->ocr_cps * s->live_s);
	return e < 0 ? e
		     : js_set_real(body, "dead", 1 - s->ocr_cps / s->icr_cps);
}

static int print_result(const struct args *args, const struct assay_result *r,
			const struct spectrum *s, const struct known *known)
{
	json_t *body = report_json(r);
	int code;

	if (add_rates(body, s) < 0) {
		js_free(body);
		return fail(args, REESPEC_FAILED, "out of memory");
	}
	if (!args->is_json) {
		pager_start(args);
		printf("%s%s%s by %s\n", print_style(stdout, PRINT_BOLD),
		       r->sample, print_style(stdout, PRINT_PLAIN), r->method);
		result_print(stdout, body, known);
	}
	code = args->is_json ? json_out(args, "reespec-analyze/1", js_ref(body))
			     : REESPEC_OK;
	if (!code)
		code = result_exit(args, body);
	js_free(body);
	return code;
}

/* Where there is little room the last ones are left out. */
static const char *const shown[] = { "TREO", "La", "Ce", "Nd", "Pr", "Y",
				     "Sm",   "Dy", "Tb", "Th", "U" };

/* In the unit of @unit_mg_kg, or of its own size when that is 0; false: the
 * method does not have it. */
static bool cells_of(const struct assay_result *r, const char *name,
		     double unit_mg_kg, struct content_cells *ret)
{
	double content = r->sum[ASSAY_TREO].content;
	double u = r->sum[ASSAY_TREO].u;
	double lc = limits_sum_lc(&r->sum[ASSAY_TREO]);
	double ld = r->sum[ASSAY_TREO].ld;
	bool is_found = !strcmp(name, "TREO");

	for (size_t i = 0; i < r->n_elements && !is_found; i++) {
		const struct assay_element *e = &r->element[i];

		is_found = !strcmp(e->symbol, name);
		content = e->content;
		u = e->u;
		lc = e->lc;
		ld = e->ld;
	}
	if (is_found && unit_mg_kg > 0)
		print_content_in(ret, unit_mg_kg, content, u, lc, ld);
	else if (is_found)
		print_content(ret, content, u, lc, ld);
	return is_found;
}

/* A column is read downwards: it has one unit, that of its largest. */
static double unit_of(const struct batch *b, const char *name)
{
	struct content_cells c;
	double unit = 1;

	for (size_t i = 0; i < b->n_items; i++)
		if (b->item[i].result &&
		    cells_of(b->item[i].result, name, 0, &c) &&
		    c.unit_mg_kg > unit)
			unit = c.unit_mg_kg;
	return unit;
}

/* Contents of one file, or blanks, as a row. */
static void add_row(struct table *t, const struct batch_item *item,
		    const double units[ARRAY_SIZE(shown)])
{
	const struct assay_result *r = item->result;

	if (!r)
		table_style(t, PRINT_BAD);
	table_add(t, item->path);
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		struct content_cells c = { 0 };

		if (r)
			cells_of(r, shown[i], units[i], &c);
		table_add(t, c.value.text);
		if (!i)
			table_add(t, c.u.text);
	}
	if (r)
		table_add_row(t,
			      r->decision.outcome == ASSAY_FAIL
				      ? "fails"
				      : report_verdict(r->verdict),
			      r->sample, NULL);
	else
		table_add_row(t, "no assay", "", NULL);
}

static int print_batch(const struct args *args, const struct batch *b)
{
	CLEANUP(table_freep) struct table *t = NULL;
	double units[ARRAY_SIZE(shown)];

	if (table_new(&t, "ldddddDDDDDDDlL") < 0)
		return fail(args, REESPEC_FAILED, "out of memory");
	table_style(t, PRINT_BOLD);
	table_add_row(t, "file", "TREO", PRINT_PM(""), NULL);
	for (size_t i = 1; i < ARRAY_SIZE(shown); i++)
		table_add(t, shown[i]);
	table_add_row(t, "verdict", "sample", NULL);
	table_style(t, PRINT_BOLD);
	table_add(t, "");
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		units[i] = unit_of(b, shown[i]);
		table_add(t, units[i] > 1 ? "wt %" : "ppm");
		if (!i)
			table_add(t, units[i] > 1 ? "wt %" : "ppm");
	}
	table_add_row(t, "", "", NULL);
	for (size_t i = 0; i < b->n_items; i++)
		add_row(t, &b->item[i], units);
	pager_start(args);
	table_print(t, stdout);
	return REESPEC_OK;
}

static int print_batch_json(const struct args *args, const struct batch *b)
{
	json_t *all = js_array();

	for (size_t i = 0; i < b->n_items; i++) {
		const struct batch_item *item = &b->item[i];
		json_t *body =
			item->result ? report_json(item->result) : js_object();

		js_set_str(body, "file", item->path);
		if (!item->result)
			js_set_str(body, "error",
				   *item->why ? item->why : "not read");
		js_append(all, body);
	}
	return json_out(args, "reespec-analyze-files/1",
			js_pack("{s:o}", "results", all));
}

/* A file without an assay counts for more than one that was rejected. */
static int judge_batch(const struct args *args, const struct batch *b)
{
	size_t n_bad = 0;

	for (size_t i = 0; i < b->n_items; i++) {
		const struct assay_result *r = b->item[i].result;

		if (!r)
			return REESPEC_FAILED;
		if (r->verdict == ASSAY_REJECTED ||
		    r->decision.outcome == ASSAY_FAIL)
			n_bad++;
	}
	fflush(stdout);
	return n_bad ? fail(args, REESPEC_VERDICT,
			    "%zu of %zu were rejected or fail", n_bad,
			    b->n_items)
		     : REESPEC_OK;
}

static int run_many(const struct args *args, const struct method *m)
{
	CLEANUP(batch_deinit) struct batch b = { 0 };
	int r;

	if (args_has(args, "plot") || args_has(args, "known") ||
	    args_has(args, "moisture") || args_has(args, "loi"))
		return fail(
			args, REESPEC_USAGE,
			"--plot, --known, --moisture and --loi are for one file");
	r = batch_run(args, m, args->operands, args->n_operands, &b);
	if (r)
		return r;
	r = args->is_json ? print_batch_json(args, &b) : print_batch(args, &b);
	return r ? r : judge_batch(args, &b);
}

/* The picture of the second spectrum: "a.png" becomes "a-METHOD.png". */
static int plot_beside(const struct args *args, const struct assay_result *r,
		       const char *path)
{
	const char *dot = strrchr(path, '.');
	char name[4096];
	int len = dot ? (int)(dot - path) : (int)strlen(path);

	if (snprintf(name, sizeof(name), "%.*s-%s%s", len, path, r->method,
		     path + len) >= (int)sizeof(name))
		return fail(args, REESPEC_USAGE, "%s: too long", path);
	return picture_of_result(args, r, name);
}

static int plot(const struct args *args, const struct assay_result *r)
{
	const char *path = args_get(args, "plot");
	int code;

	if (!path)
		return REESPEC_OK;
	code = picture_of_result(args, r, path);
	if (!code && r->beside)
		code = plot_beside(args, r->beside, path);
	return code;
}

/* What the options state that the sample loses. */
static int take_losses(const struct args *args, struct spectrum *s)
{
	static const char *const names[] = { "moisture", "loi" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *text = args_get(args, names[i]);

		if (text && loss_take(s, names[i], text) < 0)
			return fail(args, REESPEC_USAGE,
				    "--%s: wanted is " LOSS_WANTED
				    ", not \"%s\"",
				    names[i], text);
	}
	return REESPEC_OK;
}

/* One sample: of one file, or of two by a method that joins two. */
static int run_one(const struct args *args, const struct method *m)
{
	CLEANUP(spectrum_freep) struct spectrum *s = NULL;
	CLEANUP(spectrum_freep) struct spectrum *second = NULL;
	CLEANUP(assay_result_freep) struct assay_result *result = NULL;
	struct known known;
	int r;

	r = measurement_load(args, args->operands[0], &s);
	if (!r)
		r = take_losses(args, s);
	if (!r && m->beside)
		r = measurement_load(args, args->operands[1], &second);
	if (!r)
		r = known_load(args, args_get(args, "known"), s->sample,
			       &known);
	if (!r && m->beside)
		r = measurement_assay_two(args, m, s, second, &result);
	else if (!r)
		r = measurement_assay(args, m, s, &result);
	if (!r)
		r = plot(args, result);
	return r ? r : print_result(args, result, s, &known);
}

static int run(const struct args *args)
{
	CLEANUP(method_freep) struct method *m = NULL;
	const char *name = args_get(args, "method");
	int r;

	r = args_require(args, "method");
	if (!r)
		r = picture_check(args, args_get(args, "plot"));
	if (!r)
		r = measurement_method(args, name, &m);
	if (r)
		return r;
	if (m->beside && args->n_operands != 2)
		return fail(
			args, REESPEC_USAGE,
			"%s takes two spectra of one sample, the second by %s",
			m->name, m->beside->name);
	return m->beside || args->n_operands == 1 ? run_one(args, m)
						  : run_many(args, m);
}

const struct command command_analyze = {
	.name = "analyze",
	.operands = "FILE...",
	.summary = "assay spectrum files, without a daemon",
	.text = "Assays the spectrum in FILE by a method and prints the contents; of several\n"
		"files a line each, on all processors. A method that joins two takes two files\n"
		"of one sample, in its order. FILE is\n"
		"an .mca, .spe or .msa file or columns of text; what is in it tells which.\n"
		"Nothing is recorded and no daemon is needed. A method is searched by its\n"
		"name in $REESPEC_METHODS, /etc/reespec/methods and\n"
		"/usr/share/reespec/methods.",
	.n_min = 1,
	.n_max = ARGS_OPERANDS_MAX,
	.options = options,
	.run = run,
};
