// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec qc: what quality control has found, and its charts. */
#include "reespec/command.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reespec/instruments.h"
#include "reespec/json_out.h"
#include "reespec/picture.h"
#include "reespec/print.h"
#include "reespec/qc_chart.h"
#include "reespec/qc_run.h"
#include "reespec/records.h"

/* More of a chart do not fit a screen. */
#define LINES_SHOWN 20

static const struct option_desc options[] = {
	{ "output", 'o', "FILE",
	  "draw the chart of CHECK: .png, .svg or .pdf" },
	{ "live", 0, "SECONDS", "run: count for this live time" },
	{ "key", 0, "NAME=TEXT", "run: record this of each; repeatable" },
	{ "device", 'd', "SERIAL",
	  "only this spectrometer; run: measure by it" },
	{ "progress", 0, "bar|lines|none", "run: default: bar on a terminal" },
	{ NULL, 0, NULL, NULL },
};

struct qc {
	const struct args *args;
	struct qc_series *series;
	size_t n_series;
};

static void qc_deinit(struct qc *q)
{
	for (size_t i = 0; i < q->n_series; i++)
		free(q->series[i].point);
	free(q->series);
}

/* Each spectrometer has a chart of its own. */
static struct qc_series *find(struct qc *q, const char *name,
			      const char *serial)
{
	for (size_t i = 0; i < q->n_series; i++)
		if (!strcmp(q->series[i].name, name) &&
		    !strcmp(q->series[i].serial, serial))
			return &q->series[i];
	return NULL;
}

static struct qc_series *find_or_add(struct qc *q, const char *name,
				     const char *serial)
{
	struct qc_series *s = find(q, name, serial);
	struct qc_series *more;

	if (s)
		return s;
	more = reallocarray(q->series, q->n_series + 1, sizeof(*more));
	if (!more)
		return NULL;
	q->series = more;
	s = &more[q->n_series++];
	*s = (struct qc_series){ 0 };
	snprintf(s->name, sizeof(s->name), "%s", name);
	snprintf(s->serial, sizeof(s->serial), "%s", serial);
	return s;
}

static void read_point(const struct record *r, struct qc_point *p)
{
	json_t *rules = js_get(r->json, "rules");
	size_t len = 0;

	*p = (struct qc_point){
		.seq = r->head.seq,
		.content_mg_kg = js_number(r->json, "content_mg_kg"),
		.u_mg_kg = js_number(r->json, "u_mg_kg"),
		.lc_mg_kg = js_number(r->json, "lc_mg_kg"),
		.ld_mg_kg = js_number(r->json, "ld_mg_kg"),
		.z = js_number(r->json, "z"),
		.percent = js_number(r->json, "percent"),
		.is_failed = !strcmp(js_text(r->json, "state"), "failed"),
	};
	snprintf(p->time, sizeof(p->time), "%s", r->head.time);
	js_copy_text(r->json, "why", p->why, sizeof(p->why));
	for (size_t i = 0; i < js_len(rules) && len < sizeof(p->rules); i++) {
		const char *name = "";

		js_str_value(js_at(rules, i), &name, NULL);
		/* The warning says nothing beside what it warned of. */
		if (js_len(rules) > 1 && !strcmp(name, "1_2s"))
			continue;
		len += (size_t)snprintf(p->rules + len, sizeof(p->rules) - len,
					"%s%s", len ? " " : "", name);
	}
}

/* A policy may change: the chart has the limits of the newest. */
static int take(void *userdata, struct record *r, struct page *page)
{
	struct qc *q = userdata;
	const char *serial = args_get(q->args, "device");
	struct qc_series *s;
	struct qc_point *more, *p;
	const char *name = "";

	(void)page;
	if (serial && strcmp(serial, r->head.serial) != 0)
		return REESPEC_OK;
	js_get_str(r->json, "check", &name);
	s = find_or_add(q, name, r->head.serial);
	more = s ? reallocarray(s->point, s->n_points + 1, sizeof(*more))
		 : NULL;
	if (!more)
		return fail(q->args, REESPEC_FAILED, "out of memory");
	s->point = more;
	p = &more[s->n_points++];
	read_point(r, p);
	js_copy_text(r->json, "sample_kind", s->kind, sizeof(s->kind));
	js_copy_text(r->json, "element", s->element, sizeof(s->element));
	js_copy_text(r->json, "sample", s->sample, sizeof(s->sample));
	s->mean_mg_kg = js_number(r->json, "mean_mg_kg");
	s->s_mg_kg = js_number(r->json, "s_mg_kg");
	s->max_mg_kg = js_number(r->json, "max_mg_kg");
	s->max_percent = js_number(r->json, "max_percent");
	return REESPEC_OK;
}

static int read_checks(struct client *c, struct qc *q)
{
	struct records_span span = { 0 };
	int r;

	r = records_span(c, &span);
	if (r || !span.last)
		return r;
	return records_walk(c, q->args, span.first, span.last, "check", false,
			    take, q);
}

/* ---- what is shown --------------------------------------------------------- */

/* What each spectrometer may measure. */
static void print_state(json_t *spectrometer)
{
	const char *state = js_text(spectrometer, "Qc");
	const char *reason = js_text(spectrometer, "QcReason");
	const bool is_bad = !strcmp(state, "failed") || !strcmp(state, "due");
	char head[96];

	snprintf(head, sizeof(head), "%s  %s%s",
		 js_text(spectrometer, "Serial"),
		 strcmp(state, "none") ? state : "no policy (qc.conf)",
		 *reason ? ": " : "");
	print_line(stdout, is_bad ? PRINT_BAD : PRINT_PLAIN, head, reason);
}

/* What the kind of check judges by: a z score, a limit, a difference. */
static void add_judged(struct table *t, const struct qc_series *s,
		       const struct qc_point *p, const struct content_cells *c)
{
	if (isfinite(p->z))
		table_addf(t, "z %s", print_signed(p->z, 1).text);
	else if (isfinite(p->percent))
		table_addf(t, "%.3g of %g %%", p->percent, s->max_percent);
	else if (isfinite(s->max_mg_kg))
		table_addf(t, "%s %g %s", print_glyph("≤", "<="),
			   s->max_mg_kg / c->unit_mg_kg, c->unit);
	else
		table_add(t, "");
}

static void add_value(struct table *t, const struct qc_series *s)
{
	const struct qc_point *p = &s->point[s->n_points - 1];
	struct content_cells c;

	qc_content(&c, s, p, 0);
	table_add_row(t, c.value.text, c.unit, NULL);
	add_judged(t, s, p, &c);
	table_addf(t, "%zu", s->n_points);
}

/* @s is NULL for a check that was never done, @serial where all are of one. */
static void add_check(struct table *t, const char *serial, const char *name,
		      const char *kind, const char *state,
		      const struct qc_series *s)
{
	table_style(t, !strcmp(state, "failed") || !strcmp(state, "due")
			       ? PRINT_BAD
			       : PRINT_PLAIN);
	if (serial)
		table_add(t, serial);
	table_add_row(t, name, kind, state, NULL);
	if (!s || !s->n_points) {
		table_add_row(t, "never", "", "", "", "", "0", NULL);
		return;
	}
	table_add_row(t, print_local_time(s->point[s->n_points - 1].time).text,
		      s->element, NULL);
	add_value(t, s);
}

static bool is_in_policy(json_t *list, const struct qc_series *s)
{
	for (size_t i = 0; i < js_len(list); i++) {
		json_t *checks = js_get(js_at(list, i), "Checks");

		if (strcmp(js_text(js_at(list, i), "Serial"), s->serial) != 0)
			continue;
		for (size_t k = 0; k < js_len(checks); k++)
			if (!strcmp(qc_text(js_at(checks, k), QC_NAME),
				    s->name))
				return true;
	}
	return false;
}

/* Whether there is more than one to be told apart. */
static bool is_of_several(const struct qc *q, json_t *list)
{
	const char *first =
		js_len(list) ? js_text(js_at(list, 0), "Serial") : NULL;

	for (size_t i = 0; i < q->n_series; i++) {
		if (first && strcmp(first, q->series[i].serial) != 0)
			return true;
		first = q->series[i].serial;
	}
	return js_len(list) > 1;
}

static int print_checks(const struct args *args, struct qc *q, json_t *list)
{
	CLEANUP(table_freep) struct table *t = NULL;
	const bool is_several = is_of_several(q, list);
	size_t n = 0;

	if (table_new(&t, is_several ? "llLllldllr" : "lLllldllr") < 0)
		return fail(args, REESPEC_FAILED, "out of memory");
	table_style(t, PRINT_BOLD);
	if (is_several)
		table_add(t, "serial");
	table_add_row(t, "check", "kind", "state", "last", "", "content",
		      "unit", "judged", "n", NULL);
	for (size_t i = 0; i < js_len(list); i++) {
		const char *serial = js_text(js_at(list, i), "Serial");
		json_t *checks = js_get(js_at(list, i), "Checks");

		for (size_t k = 0; k < js_len(checks); k++, n++) {
			json_t *c = js_at(checks, k);
			const char *name = qc_text(c, QC_NAME);

			add_check(t, is_several ? serial : NULL, name,
				  qc_text(c, QC_KIND), qc_text(c, QC_STATE),
				  find(q, name, serial));
		}
	}
	for (size_t i = 0; i < q->n_series; i++) {
		const struct qc_series *s = &q->series[i];

		if (is_in_policy(list, s))
			continue;
		add_check(t, is_several ? s->serial : NULL, s->name, s->kind,
			  "not in the policy", s);
		n++;
	}
	if (!n)
		return REESPEC_OK;
	putchar('\n');
	table_print(t, stdout);
	return REESPEC_OK;
}

/* All of them, or the one that --device names: a new reference. */
static int list_asked(struct client *c, const struct args *args, json_t **ret)
{
	CLEANUP(js_freep) json_t *all = NULL;
	const char *serial = args_get(args, "device");
	int r = instruments_list(c, CLIENT_SPECTROMETER, &all);

	if (r)
		return r;
	*ret = js_array();
	for (size_t i = 0; i < js_len(all); i++) {
		json_t *one = js_at(all, i);

		if (!serial || !strcmp(js_text(one, "Serial"), serial))
			js_append(*ret, js_ref(one));
	}
	if (serial && !js_len(*ret))
		return fail(args, REESPEC_NOT_FOUND,
			    "no spectrometer %s (see reespec list)", serial);
	return REESPEC_OK;
}

static int print_all(struct client *c, const struct args *args, struct qc *q)
{
	CLEANUP(js_freep) json_t *list = NULL;
	bool is_due = false, is_broken = false;
	int r;

	r = list_asked(c, args, &list);
	if (r)
		return r;
	for (size_t i = 0; i < js_len(list); i++) {
		const char *state = js_text(js_at(list, i), "Qc");

		print_state(js_at(list, i));
		is_due |= !strcmp(state, "due") || !strcmp(state, "failed");
		is_broken |= qc_is_broken(js_at(list, i));
	}
	r = print_checks(args, q, list);
	if (!r && is_broken)
		return fail(args, REESPEC_FAILED, QC_MEND);
	if (!r && is_due)
		puts("\nreespec qc run measures what is due or has failed.");
	return r;
}

/* What a kind of check has not is no member. */
static void set_known(json_t *point, const char *key, double value)
{
	if (isfinite(value))
		js_set_real(point, key, value);
}

static json_t *to_json(const struct qc *q)
{
	json_t *checks = js_array();

	for (size_t i = 0; i < q->n_series; i++) {
		const struct qc_series *s = &q->series[i];
		json_t *points = js_array();

		for (size_t k = 0; k < s->n_points; k++) {
			const struct qc_point *p = &s->point[k];
			json_t *point = js_object();

			js_set_u64(point, "seq", p->seq);
			js_set_str(point, "time", p->time);
			js_set_real(point, "content_mg_kg", p->content_mg_kg);
			set_known(point, "u_mg_kg", p->u_mg_kg);
			set_known(point, "lc_mg_kg", p->lc_mg_kg);
			set_known(point, "ld_mg_kg", p->ld_mg_kg);
			set_known(point, "z", p->z);
			set_known(point, "percent", p->percent);
			js_set_str(point, "state",
				   p->is_failed ? "failed" : "ok");
			js_append(points, point);
		}
		js_append(checks,
			  js_pack("{s:s, s:s, s:s, s:s, s:o}", "check", s->name,
				  "serial", s->serial, "kind", s->kind,
				  "element", s->element, "values", points));
	}
	return js_pack("{s:o}", "checks", checks);
}

/* The chart of a check is that of one spectrometer. */
static int choose(const struct args *args, struct qc *q, const char *name,
		  struct qc_series **ret)
{
	struct qc_series *s = NULL;

	for (size_t i = 0; i < q->n_series; i++) {
		if (strcmp(q->series[i].name, name) != 0)
			continue;
		if (s)
			return fail(
				args, REESPEC_USAGE,
				"spectrometers %s and %s have a chart of \"%s\" each: name one by --device",
				s->serial, q->series[i].serial, name);
		s = &q->series[i];
	}
	*ret = s;
	return REESPEC_OK;
}

static int show_one(const struct args *args, struct qc *q, const char *name)
{
	const char *path = args_get(args, "output");
	struct qc_series *s = NULL;
	int r = choose(args, q, name, &s);

	if (r)
		return r;
	if (!s)
		return fail(
			args, REESPEC_NOT_FOUND,
			"no value of a check \"%s\" is in the ledger (reespec qc names those there are; reespec qc run measures one)",
			name);
	if (path)
		r = picture_written(args, path, qc_chart_write(s, path));
	if (!r && args->is_json) {
		const struct qc one = { .series = s, .n_series = 1 };

		return json_out(args, "reespec-qc/1", to_json(&one));
	}
	if (!path)
		qc_chart_print(stdout, s, LINES_SHOWN);
	return r;
}

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(qc_deinit) struct qc q = { .args = args };
	CLEANUP(js_freep) json_t *list = NULL;
	int r;

	if (args->n_operands && !strcmp(args->operands[0], "run"))
		return qc_run(args);
	if (args->n_operands > 1)
		return fail(
			args, REESPEC_USAGE,
			"one word too many: \"%s\" (a CHECK of several words has to stand in quotes)",
			args->operands[1]);
	if (args_has(args, "output") && !args->n_operands)
		return fail(args, REESPEC_USAGE,
			    "--output draws the chart of one CHECK: name it");
	r = client_open(&c, args);
	if (r)
		return r;
	r = read_checks(c, &q);
	if (r)
		return r;
	if (args->n_operands)
		return show_one(args, &q, args->operands[0]);
	if (args->is_json && !q.n_series && args_has(args, "device"))
		r = list_asked(c, args, &list);
	if (r)
		return r;
	if (args->is_json)
		return json_out(args, "reespec-qc/1", to_json(&q));
	return print_all(c, args, &q);
}

const struct command command_qc = {
	.name = "qc",
	.operands = "[CHECK|run] [CHECK]",
	.summary = "show quality control, run what is due, draw charts",
	.text = "Shows what quality control says of each spectrometer and the last value\n"
		"of each check; of a CHECK the chart, in standard deviations from its mean\n"
		"where it has one. The policy is the daemon's qc.conf.\n"
		"run: measures what is due, or the CHECK that is named, as an assay of its\n"
		"kind, one for all checks of a sample; on a terminal it asks for each sample.\n"
		"Exit status 6 means that a check has failed or a result was rejected.",
	.n_max = 2,
	.options = options,
	.run = run,
};
