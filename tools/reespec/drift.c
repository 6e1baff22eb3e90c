// SPDX-License-Identifier: GPL-2.0-or-later
/* How a spectrometer saw one sample from time to time. */
#include "reespec/drift.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reespec/print.h"
#include "reespec/result_parts.h"

/* Rows beside the first: more do not fit a screen. */
#define ROWS_SHOWN 9

static bool is_same(json_t *a, json_t *b, const char *key)
{
	return !strcmp(js_text(a, key), js_text(b, key));
}

/* What was computed again is the same measurement. */
static bool is_like(const struct drift *d, json_t *body)
{
	return is_same(body, d->like, "serial") &&
	       is_same(body, d->like, "sample") &&
	       !strcmp(result_method(body), result_method(d->like)) &&
	       !strcmp(js_text(body, "state"), "done") &&
	       !js_get(body, "reprocessed") && result_contents(body);
}

/* Counts of the element's lines by live time. */
static void take_rate(const struct drift *d, json_t *body,
		      struct drift_point *p)
{
	json_t *elements = js_get(result_contents(body), "elements");
	double live_s = js_number(body, "live_s");

	p->cps = p->u_cps = NAN;
	for (size_t i = 0; i < js_len(elements); i++) {
		json_t *e = js_at(elements, i);

		if (strcmp(js_text(e, "symbol"), d->symbol))
			continue;
		p->cps = js_number(e, "area") / live_s;
		p->u_cps = js_number(e, "u_area") / live_s;
	}
}

static int take(void *userdata, struct record *r, struct page *page)
{
	struct drift *d = userdata;
	json_t *fit = js_get(result_contents(r->json), "fit");
	struct drift_point *more, *p;

	(void)page;
	if (!is_like(d, r->json))
		return REESPEC_OK;
	more = reallocarray(d->point, d->n + 1, sizeof(*more));
	if (!more)
		return fail(d->args, REESPEC_FAILED, "out of memory");
	d->point = more;
	p = &more[d->n++];
	*p = (struct drift_point){
		.seq = r->head.seq,
		.gain_ev = js_number(fit, "gain_ev"),
		.u_gain_ev = js_number(fit, "u_gain_ev"),
		.offset_ev = js_number(fit, "offset_ev"),
		.fwhm_mn_ev = js_number(fit, "fwhm_mn_ev"),
	};
	memcpy(p->time, r->head.time, sizeof(p->time));
	take_rate(d, r->json, p);
	return REESPEC_OK;
}

int drift_read(struct client *c, uint64_t last, struct drift *d)
{
	struct records_span span = { 0 };
	int r = records_span(c, &span);

	return r ? r
		 : records_walk(c, d->args, span.first, last, "result", false,
				take, d);
}

void drift_deinit(struct drift *d)
{
	free(d->point);
	d->point = NULL;
}

static void add_row(struct table *t, const struct drift *d, size_t i)
{
	const struct drift_point *p = &d->point[i];
	double by = p->cps / d->point[0].cps;
	table_style(t, i + 1 == d->n ? PRINT_BOLD : PRINT_PLAIN);
	table_addf(t, "%" PRIu64, p->seq);
	table_add(t, print_local_time(p->time).text);
	table_addf(t, "%.4f", p->gain_ev);
	table_add(t, print_fixed(p->offset_ev, 1).text);
	table_addf(t, "%.1f", p->fwhm_mn_ev);
	table_addf(t, "%.2f", 100 * by);
	table_addf(t, "%.2f", 100 * p->u_cps / d->point[0].cps);
}

int drift_print(const struct drift *d)
{
	CLEANUP(table_freep) struct table *t = NULL;
	const struct drift_point *first = &d->point[0];
	const struct drift_point *last = &d->point[d->n - 1];
	char rate[24], text[320];

	if (d->n < 2) {
		print_flow(
			stdout, PRINT_BOLD, "Drift  ",
			"nothing to compare with: this is the first result of the sample on this spectrometer by this method");
		return REESPEC_OK;
	}
	if (table_new(&t, "rlrrrrr") < 0)
		return fail(d->args, REESPEC_FAILED, "out of memory");
	snprintf(rate, sizeof(rate), "%s lines %%", d->symbol);
	table_style(t, PRINT_BOLD);
	table_add_row(t, "record", "", "eV/ch", "offset eV", "width eV", rate,
		      PRINT_PM(" %"), NULL);
	add_row(t, d, 0);
	for (size_t i = d->n > ROWS_SHOWN + 1 ? d->n - ROWS_SHOWN : 1; i < d->n;
	     i++)
		add_row(t, d, i);
	table_print(t, stdout);
	snprintf(text, sizeof(text),
		 "since record %" PRIu64
		 ": gain %s %% %s %.4f %%, offset %s eV, width %s eV, "
		 "rate of the %s lines %s %% %s %.2f %%",
		 first->seq,
		 print_signed(100 * (last->gain_ev / first->gain_ev - 1), 4)
			 .text,
		 PRINT_PM(""),
		 100 * hypot(last->u_gain_ev, first->u_gain_ev) /
			 first->gain_ev,
		 print_signed(last->offset_ev - first->offset_ev, 1).text,
		 print_signed(last->fwhm_mn_ev - first->fwhm_mn_ev, 1).text,
		 d->symbol,
		 print_signed(100 * (last->cps / first->cps - 1), 2).text,
		 PRINT_PM(""),
		 100 * hypot(last->u_cps, first->u_cps) / first->cps);
	print_flow(stdout, PRINT_BOLD, "Drift  ", text);
	return REESPEC_OK;
}

json_t *drift_json(const struct drift *d)
{
	json_t *list = js_array();

	for (size_t i = 0; i < d->n; i++) {
		const struct drift_point *p = &d->point[i];

		js_append(list,
			  js_pack("{s:o, s:s, s:f, s:f, s:f, s:f, s:o, s:o}",
				  "seq", js_u64(p->seq), "time", p->time,
				  "gain_ev", p->gain_ev, "u_gain_ev",
				  p->u_gain_ev, "offset_ev", p->offset_ev,
				  "fwhm_mn_ev", p->fwhm_mn_ev, "cps",
				  js_real(p->cps), "u_cps", js_real(p->u_cps)));
	}
	return list;
}
