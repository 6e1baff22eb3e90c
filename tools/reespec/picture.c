// SPDX-License-Identifier: GPL-2.0-or-later
/* What of a measurement goes into its picture: range, labels, words. */
#include "reespec/picture.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reespec/canvas.h"
#include "reespec/chart.h"
#include "reespec/known.h"
#include "reespec/output.h"
#include "reespec/print.h"

/* More names than these hide the spectrum. */
#define LABELS_SHOWN 32
#define LABELS_PER_ELEMENT 2

static int refuse_kind(const struct args *args, const char *path)
{
	return fail(args, REESPEC_USAGE,
		    "%s: only .png, .svg and .pdf are drawn", path);
}

int picture_check(const struct args *args, const char *path)
{
	if (!path)
		return REESPEC_OK;
	return canvas_draws(path) ? output_check(args, path)
				  : refuse_kind(args, path);
}

int picture_written(const struct args *args, const char *path, int r)
{
	if (r == -EINVAL)
		return refuse_kind(args, path);
	if (r < 0)
		return output_failed(args, path, -r);
	return REESPEC_OK;
}

static int write_chart(const struct args *args, struct chart *chart,
		       const char *path)
{
	int r = chart_write(chart, path);

	return picture_written(args, path, r);
}

/* "La La1" -> "La Lα1". */
static void greek(const char *line, char *text, size_t size)
{
	size_t len = strcspn(line, " ");
	const char *shell = line[len] ? line + len + 1 : "";
	const char *letter = shell[0] && shell[1] == 'a'   ? "α"
			     : shell[0] && shell[1] == 'b' ? "β"
			     : shell[0] && shell[1] == 'g' ? "γ"
							   : NULL;

	if (letter)
		snprintf(text, size, "%.*s %c%s%.3s", (int)len, line, shell[0],
			 letter, shell + 2);
	else
		snprintf(text, size, "%.15s", line);
}

static int by_counts(const void *a, const void *b)
{
	const struct assay_label *x = a;
	const struct assay_label *y = b;

	return (x->counts < y->counts) - (x->counts > y->counts);
}

/* Lines of elements that were found, the highest ones. */
static bool is_found(const struct assay_result *r, const char *line)
{
	for (size_t i = 0; i < r->n_elements; i++) {
		const struct assay_element *e = &r->element[i];
		size_t len = strlen(e->symbol);

		if (!strncmp(line, e->symbol, len) && line[len] == ' ')
			return e->content > e->lc;
	}
	return true;
}

static size_t count_labels(const struct chart_label *labels, size_t n,
			   const char *symbol)
{
	size_t len = strlen(symbol);
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		if (!strncmp(labels[i].text, symbol, len) &&
		    labels[i].text[len] == ' ')
			found++;
	return found;
}

static size_t choose_labels(const struct assay_result *r,
			    struct chart_label ret[LABELS_SHOWN])
{
	CLEANUP(freep)
	struct assay_label *all = calloc(r->n_labels + 1, sizeof(*all));
	size_t n = 0;

	if (!all)
		return 0;
	memcpy(all, r->label, r->n_labels * sizeof(*all));
	qsort(all, r->n_labels, sizeof(*all), by_counts);
	for (size_t i = 0; i < r->n_labels && n < LABELS_SHOWN; i++) {
		char symbol[4];

		if (!is_found(r, all[i].text))
			continue;
		snprintf(symbol, sizeof(symbol), "%.*s",
			 (int)strcspn(all[i].text, " "), all[i].text);
		if (count_labels(ret, n, symbol) == LABELS_PER_ELEMENT)
			continue;
		greek(all[i].text, ret[n].text, sizeof(ret[n].text));
		ret[n].kev = all[i].kev;
		ret[n].is_strong = known_is_rare_earth(symbol);
		n++;
	}
	return n;
}

int picture_of_result(const struct args *args, const struct assay_result *r,
		      const char *path)
{
	struct chart_label labels[LABELS_SHOWN];
	CLEANUP(freep) double *fit = calloc(r->n_chan, sizeof(*fit));
	CLEANUP(freep) double *back = calloc(r->n_chan, sizeof(*back));
	char subtitle[160];
	struct chart chart = {
		.title = r->sample,
		.subtitle = subtitle,
		.n_chan = r->n_chan,
		.kev = r->energy_kev,
		.counts = r->counts,
		.fit = fit,
		.background = back,
		.kev_min = r->energy_kev[r->first_chan],
		.kev_max = r->energy_kev[r->last_chan],
		.labels = labels,
	};

	if (!fit || !back)
		return fail(args, REESPEC_FAILED, "out of memory");
	for (size_t i = 0; i < r->n_chan; i++) {
		bool is_fitted = i >= r->first_chan && i <= r->last_chan;

		fit[i] = is_fitted ? r->model[i] : NAN;
		back[i] = is_fitted ? r->background[i] : NAN;
	}
	chart.n_labels = choose_labels(r, labels);
	snprintf(subtitle, sizeof(subtitle),
		 "%s · live %.1f s · %s counts · χ² %.2f", r->method, r->live_s,
		 print_grouped(r->total_counts).text, r->chi2);
	return write_chart(args, &chart, path);
}

/* Channels up to the one that holds the last thousandth of the counts. */
static size_t last_used(const double *counts, size_t n, double total)
{
	double sum = 0;

	while (n > 1 && sum < total / 1000)
		sum += counts[--n];
	return n;
}

int picture_of_spectrum(const struct args *args, const struct spectrum *s,
			const char *path)
{
	CLEANUP(freep) double *counts = calloc(s->n_chan, sizeof(*counts));
	CLEANUP(freep) double *kev = calloc(s->n_chan, sizeof(*kev));
	char subtitle[160];
	double axis[2];
	double total = 0;
	struct chart chart = {
		.title = s->sample,
		.subtitle = subtitle,
		.n_chan = s->n_chan,
		.kev = kev,
		.counts = counts,
	};

	if (!counts || !kev)
		return fail(args, REESPEC_FAILED, "out of memory");
	if (!spectrum_axis(s, axis))
		return fail(args, REESPEC_FAILED, "%s: %s", s->sample,
			    spectrum_fault_text(SPECTRUM_NO_CALIBRATION));
	for (size_t i = 0; i < s->n_chan; i++) {
		counts[i] = s->counts[i];
		kev[i] = axis[0] + axis[1] * (double)i;
		total += counts[i];
	}
	chart.kev_min = kev[0] > 0 ? kev[0] : 0;
	chart.kev_max = kev[last_used(counts, s->n_chan, total)];
	snprintf(subtitle, sizeof(subtitle), "live %.1f s · %s counts",
		 s->live_s, print_grouped(total).text);
	return write_chart(args, &chart, path);
}
