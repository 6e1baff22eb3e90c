// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The check of an energy scale. The fit tells slope and offset of the whole;
 * each strong line, where it stands by itself, whether the scale is straight.
 */
#include "reespec/energy.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assay/peaks.h"
#include "base/cleanup.h"
#include "reespec/counting.h"
#include "reespec/drift.h"
#include "reespec/json_out.h"
#include "reespec/measurement.h"
#include "reespec/print.h"
#include "reespec/source.h"

/* A line this part of its width beside the axis: the scale is bent. */
#define BENT 0.1

struct check {
	const struct args *args;
	struct source source;
	struct method *m;
	struct assay_result *r;
	struct peak peak[PEAKS_MAX];
	size_t n_peaks;
	struct drift drift;
	bool is_moved;
	char why[160];
	char cure[240];
};

static void check_deinit(struct check *c)
{
	assay_result_free(c->r);
	method_free(c->m);
	source_deinit(&c->source);
	drift_deinit(&c->drift);
}

/* ---- what is measured ------------------------------------------------------ */

/* Measures --sample; the number of its result. */
static int measure(const struct args *args, char *ret_seq, size_t size)
{
	CLEANUP(counting_deinit)
	struct counting c = { .args = args,
			      .sample = args_get(args, "sample"),
			      .kind = "drift" };
	int r;

	r = counting_ask(args, c.sample);
	if (!r)
		r = counting_start(&c);
	if (!r)
		r = counting_watch(&c);
	if (r)
		return r;
	if (strcmp(c.verdict, "done"))
		return fail(args, REESPEC_FAILED,
			    "%s: %s (reespec show %" PRIu64 " has more)",
			    c.sample, c.verdict, c.seq);
	snprintf(ret_seq, size, "%" PRIu64, c.seq);
	return REESPEC_OK;
}

static int find_peaks(struct check *c)
{
	const char *name = args_get(c->args, "method");
	int r;

	if (!name)
		name = c->source.method;
	if (!*name)
		return fail(c->args, REESPEC_USAGE,
			    "--method METHOD is required: %s names none",
			    c->source.name);
	r = measurement_method(c->args, name, &c->m);
	if (!r)
		r = measurement_assay(c->args, c->m, c->source.spectrum, &c->r);
	if (r)
		return r;
	c->n_peaks = peaks_find(c->r, c->peak);
	if (c->n_peaks)
		return REESPEC_OK;
	return fail(
		c->args, REESPEC_FAILED,
		"%s: no line is strong and alone enough: count longer, or take a sample with a few elements",
		c->source.name);
}

/* The element that is counted best; what the air adds comes and goes. */
static const char *best_element(const struct assay_result *r)
{
	const struct assay_element *best = NULL;

	for (size_t i = 0; i < r->n_elements; i++) {
		const struct assay_element *e = &r->element[i];

		if (e->is_air || !(e->u_area > 0))
			continue;
		if (!best || e->area / e->u_area > best->area / best->u_area)
			best = e;
	}
	return best ? best->symbol : "";
}

static int read_drift(struct check *c)
{
	CLEANUP(client_closep) struct client *client = NULL;
	int r;

	c->drift = (struct drift){ .args = c->args,
				   .like = c->source.record.json,
				   .symbol = best_element(c->r) };
	if (!c->drift.like)
		return REESPEC_OK;
	r = client_open(&client, c->args);
	return r ? r : drift_read(client, c->source.record.head.seq, &c->drift);
}

/* ---- what is thought of it ------------------------------------------------- */

static double fwhm_stated(const struct check *c)
{
	double carriers = c->r->fwhm_mn_kev * c->r->fwhm_mn_kev -
			  c->r->noise_fwhm_kev * c->r->noise_fwhm_kev;
	double noise = c->m->detector.noise_fwhm_kev;

	if (isfinite(c->r->fano))
		carriers *= c->m->detector.fano / c->r->fano;
	return sqrt(noise * noise + carriers);
}

static const struct peak *worst_peak(const struct check *c)
{
	const struct peak *worst = &c->peak[0];

	for (size_t i = 1; i < c->n_peaks; i++)
		if (fabs(c->peak[i].left_kev) > fabs(worst->left_kev))
			worst = &c->peak[i];
	return worst;
}

static void judge(struct check *c)
{
	const struct assay_result *r = c->r;
	const struct peak *worst = worst_peak(c);

	c->is_moved = true;
	if (r->flags & ASSAY_NOT_CONVERGED) {
		snprintf(c->why, sizeof(c->why), "the fit did not converge");
		snprintf(
			c->cure, sizeof(c->cure),
			"look at the spectrum (reespec plot): the gain may be far from that of the method, or the sample another");
	} else if (r->flags & ASSAY_GAIN_MOVED) {
		snprintf(c->why, sizeof(c->why),
			 "the energy scale moved further than %s allows",
			 c->m->name);
		snprintf(
			c->cure, sizeof(c->cure),
			"let detector and room settle and check again; if it stays, measure by a method with zero_kev = %.4f and kev_per_chan = %.6f, or with its GAIN times %.5f",
			r->offset_kev, r->gain_kev,
			r->gain_kev / r->gain_stated_kev);
	} else if (fabs(worst->left_kev) > BENT * worst->fwhm_kev &&
		   fabs(worst->left_kev) > 3 * worst->u_kev) {
		snprintf(c->why, sizeof(c->why),
			 "the scale is bent: %s is %+.1f eV beside the others",
			 worst->text, 1e3 * worst->left_kev);
		snprintf(
			c->cure, sizeof(c->cure),
			"check the rate (pile-up), the baseline restorer, and that the sample is what the method has elements for");
	} else {
		c->is_moved = false;
		snprintf(c->why, sizeof(c->why), "within what %s allows",
			 c->m->name);
	}
}

/* ---- what is said ---------------------------------------------------------- */

static int print_peaks(const struct check *c)
{
	CLEANUP(table_freep) struct table *t = NULL;

	if (table_new(&t, "lrrrrr") < 0)
		return fail(c->args, REESPEC_FAILED, "out of memory");
	table_style(t, PRINT_BOLD);
	table_add_row(t, "line", "keV", "found keV", "off eV", "left eV",
		      PRINT_PM(" eV"), NULL);
	for (size_t i = 0; i < c->n_peaks; i++) {
		const struct peak *p = &c->peak[i];

		table_add(t, p->text);
		table_addf(t, "%.4f", p->kev);
		table_addf(t, "%.4f", p->found_kev);
		table_add(t,
			  print_signed(1e3 * (p->found_kev - p->kev), 2).text);
		table_add(t, print_signed(1e3 * p->left_kev, 2).text);
		table_addf(t, "%.2f", 1e3 * p->u_kev);
	}
	table_print(t, stdout);
	print_flow(
		stdout, PRINT_PLAIN, "",
		"found: on the stated scale; left: what the scale as found below leaves of it");
	return REESPEC_OK;
}

static void print_scale(const struct check *c)
{
	const struct assay_result *r = c->r;
	const char *pm = PRINT_PM("");
	char text[200];

	snprintf(text, sizeof(text),
		 "%.4f %s %.4f eV/ch, stated %.4f: %s %% (%g %% allowed)",
		 1e3 * r->gain_kev, pm, 1e3 * r->u_gain_kev,
		 1e3 * r->gain_stated_kev,
		 print_signed(100 * (r->gain_kev / r->gain_stated_kev - 1), 4)
			 .text,
		 100 * c->m->accept.max_gain_change);
	putchar('\n');
	print_line(stdout, PRINT_PLAIN, "gain    ", text);
	printf("offset  %s %s %.2f eV, stated %s: %s eV (%g eV allowed)\n",
	       print_fixed(1e3 * r->offset_kev, 2).text, pm,
	       1e3 * r->u_offset_kev,
	       print_fixed(1e3 * r->offset_stated_kev, 2).text,
	       print_signed(1e3 * (r->offset_kev - r->offset_stated_kev), 2)
		       .text,
	       1e3 * c->m->accept.max_offset_kev);
	printf("width   %.1f eV at Mn Ka, by the method %.1f eV\n",
	       1e3 * r->fwhm_mn_kev, 1e3 * fwhm_stated(c));
}

static int print_check(const struct check *c)
{
	char head[300];
	int r;

	snprintf(head, sizeof(head), "Energy scale by %s%s%s", c->source.name,
		 *c->source.spectrum->serial ? ", spectrometer " : "",
		 c->source.spectrum->serial);
	print_flow(stdout, PRINT_BOLD, head, "");
	putchar('\n');
	r = print_peaks(c);
	if (r)
		return r;
	print_scale(c);
	if (c->drift.n) {
		putchar('\n');
		r = drift_print(&c->drift);
	}
	putchar('\n');
	print_flow(stdout, c->is_moved ? PRINT_BAD : PRINT_GOOD,
		   c->is_moved ? "Verdict  failed: " : "Verdict  good: ",
		   c->why);
	if (c->is_moved)
		print_flow(stdout, PRINT_BOLD, "What to do  ", c->cure);
	return r;
}

static json_t *peaks_json(const struct check *c)
{
	json_t *list = js_array();

	for (size_t i = 0; i < c->n_peaks; i++) {
		const struct peak *p = &c->peak[i];

		js_append(list,
			  js_pack("{s:s, s:f, s:f, s:f, s:f}", "line", p->text,
				  "kev", p->kev, "found_kev", p->found_kev,
				  "left_ev", 1e3 * p->left_kev, "u_ev",
				  1e3 * p->u_kev));
	}
	return list;
}

static int print_json(const struct check *c)
{
	const struct assay_result *r = c->r;
	uint64_t seq = c->source.record.head.seq;

	return json_out(
		c->args, "reespec-calibrate-energy/1",
		js_pack("{s:s, s:s, s:s, s:o, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:s, s:s, s:s}",
			"sample", c->source.spectrum->sample, "serial",
			c->source.spectrum->serial, "method", c->m->name,
			"record", seq ? js_u64(seq) : js_null(), "lines",
			peaks_json(c), "gain_ev", 1e3 * r->gain_kev,
			"u_gain_ev", 1e3 * r->u_gain_kev, "gain_stated_ev",
			1e3 * r->gain_stated_kev, "offset_ev",
			1e3 * r->offset_kev, "u_offset_ev",
			1e3 * r->u_offset_kev, "offset_stated_ev",
			1e3 * r->offset_stated_kev, "fwhm_mn_ev",
			1e3 * r->fwhm_mn_kev, "fwhm_mn_stated_ev",
			1e3 * fwhm_stated(c), "drift", drift_json(&c->drift),
			"verdict", c->is_moved ? "failed" : "good", "why",
			c->why, "cure", c->cure));
}

/* ---- the command ----------------------------------------------------------- */

static int check_source(struct check *c, const char *what)
{
	int r = source_take(c->args, what, &c->source);

	if (!r)
		r = find_peaks(c);
	if (!r)
		r = read_drift(c);
	if (r)
		return r;
	judge(c);
	r = c->args->is_json ? print_json(c) : print_check(c);
	if (r || !c->is_moved)
		return r;
	fflush(stdout);
	return fail(c->args, REESPEC_VERDICT, "%s: %s", c->source.name, c->why);
}

int energy_check(const struct args *args)
{
	CLEANUP(check_deinit) struct check c = { .args = args };
	const char *sample = args_get(args, "sample");
	char seq[24];
	int r;

	if (args_has(args, "output") || args_has(args, "sign"))
		return fail(args, REESPEC_USAGE,
			    "--output and --sign are for a LIST of standards");
	if (!sample == !args->n_operands)
		return fail(
			args, REESPEC_USAGE,
			"--energy checks a record, a FILE, or --sample SAMPLE: give one of them");
	if (!sample)
		return check_source(&c, args->operands[0]);
	r = args_require(args, "method");
	if (!r)
		r = measure(args, seq, sizeof(seq));
	return r ? r : check_source(&c, seq);
}
