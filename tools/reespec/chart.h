/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A spectrum as a picture: counts, model, element labels, residuals. */
#ifndef TOOLS_REESPEC_CHART_H
#define TOOLS_REESPEC_CHART_H

#include <stdbool.h>
#include <stddef.h>

/* A line to name above the spectrum. */
struct chart_label {
	char text[16];
	double kev;
	/* Rare earths stand out against the matrix. */
	bool is_strong;
	/* Filled by the layout: where the text stands, in pixels. */
	double x;
};

/* What to draw; arrays are borrowed, @fit and @background may be NULL. */
struct chart {
	const char *title;
	const char *subtitle;
	size_t n_chan;
	const double *kev;
	const double *counts;
	const double *fit;
	const double *background;
	/* Shown range; the model is drawn and judged inside it. */
	double kev_min;
	double kev_max;
	struct chart_label *labels;
	size_t n_labels;
};

#define CHART_LABELS_MAX 80

/* Pixels of the picture. */
#define CHART_WIDTH 1400
#define CHART_HEIGHT 900

/*
 * Writes @path, a .png, .svg or .pdf, whole or not at all. 0 or a negative
 * errno; -EINVAL when its name ends otherwise.
 */
int chart_write(struct chart *chart, const char *path);

/*
 * Moves labels apart until each has @pitch pixels, moving all as little as
 * the least squares allow, inside [@min, @max]. They come sorted by x and
 * stay so.
 */
void chart_spread(struct chart_label *labels, size_t n, double pitch,
		  double min, double max);

#endif
