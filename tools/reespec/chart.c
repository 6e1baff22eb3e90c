// SPDX-License-Identifier: GPL-2.0-or-later
/* A spectrum as a picture: counts, model, labels, residuals. */
#include "reespec/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reespec/axes.h"

#define LEFT 96.0
#define RIGHT 28.0
#define TOP 62.0
#define LABEL_BAND 118.0
#define RESIDUAL_HEIGHT 170.0
#define GAP 16.0
#define BOTTOM 62.0
#define LABEL_PITCH 15.0

static const struct canvas_colour steps = { 0.62, 0.62, 0.62 };

static bool is_shown(const struct chart *c, size_t i)
{
	return c->kev[i] >= c->kev_min && c->kev[i] <= c->kev_max;
}

/* A histogram's outline; a model is a plain curve. */
static void draw_curve(struct canvas *canvas, const struct panel *p,
		       const struct chart *c, const double *values,
		       bool is_steps)
{
	bool is_begun = false;

	for (size_t i = 0; i < c->n_chan; i++) {
		double half = i ? (c->kev[i] - c->kev[i - 1]) / 2 : 0;
		double y;

		if (!is_shown(c, i) || !isfinite(values[i])) {
			is_begun = false;
			continue;
		}
		y = panel_y(p, values[i]);
		if (!is_begun)
			canvas_move(canvas, panel_x(p, c->kev[i] - half), y);
		else if (is_steps)
			canvas_to(canvas, panel_x(p, c->kev[i] - half), y);
		if (is_steps)
			canvas_to(canvas, panel_x(p, c->kev[i] + half), y);
		else
			canvas_to(canvas, panel_x(p, c->kev[i]), y);
		is_begun = true;
	}
	canvas_stroke(canvas);
}

/* Highest count within 60 eV of a line: where its leader ends. */
static double peak_height(const struct chart *c, double kev)
{
	double height = 1;

	for (size_t i = 0; i < c->n_chan; i++)
		if (fabs(c->kev[i] - kev) < 0.06 && c->counts[i] > height)
			height = c->counts[i];
	return height;
}

static int by_kev(const void *a, const void *b)
{
	const struct chart_label *x = a;
	const struct chart_label *y = b;

	return (x->kev > y->kev) - (x->kev < y->kev);
}

static size_t keep_shown_labels(struct chart *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_labels && n < CHART_LABELS_MAX; i++)
		if (c->labels[i].kev >= c->kev_min &&
		    c->labels[i].kev <= c->kev_max)
			c->labels[n++] = c->labels[i];
	return n;
}

static void draw_labels(struct canvas *canvas, const struct panel *p,
			struct chart *c)
{
	double text_y = p->y - 50;
	double pitch = LABEL_PITCH;

	c->n_labels = keep_shown_labels(c);
	if (c->n_labels == 0)
		return;
	qsort(c->labels, c->n_labels, sizeof(*c->labels), by_kev);
	for (size_t i = 0; i < c->n_labels; i++)
		c->labels[i].x = panel_x(p, c->labels[i].kev);
	if (pitch * c->n_labels > p->width)
		pitch = p->width / c->n_labels;
	chart_spread(c->labels, c->n_labels, pitch, p->x + 6,
		     p->x + p->width - 6);
	for (size_t i = 0; i < c->n_labels; i++) {
		const struct chart_label *label = &c->labels[i];
		double x = panel_x(p, label->kev);
		double y = panel_y(p, peak_height(c, label->kev));

		canvas_font(canvas, 13, label->is_strong);
		canvas_colour(canvas,
			      label->is_strong ? &axes_ink : &axes_soft);
		canvas_text_up(canvas, label->x + 4.5, text_y, 0, label->text);
		canvas_line_width(canvas, 0.6);
		canvas_colour(canvas, &axes_soft);
		canvas_move(canvas, label->x, text_y + 4);
		canvas_to(canvas, label->x, text_y + 8);
		canvas_to(canvas, x, p->y + 2);
		canvas_to(canvas, x, y - 3 > p->y + 2 ? y - 3 : p->y + 2);
		canvas_stroke(canvas);
	}
}

static void draw_legend(struct canvas *canvas, const struct panel *p,
			const struct chart *c)
{
	const struct {
		const double *values;
		const struct canvas_colour *colour;
		const char *text;
		double width;
		bool is_dashed;
	} entries[] = {
		{ c->counts, &steps, "counts", 3.2, false },
		{ c->fit, &axes_vermilion, "fit", 1.3, false },
		{ c->background, &axes_blue, "background", 1.6, true },
	};
	double y = p->y + 22;

	canvas_font(canvas, 13, false);
	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
		if (!entries[i].values)
			continue;
		canvas_colour(canvas, entries[i].colour);
		canvas_line_width(canvas, entries[i].width);
		if (entries[i].is_dashed)
			canvas_dash(canvas, true);
		canvas_line(canvas, p->x + p->width - 140, y - 5,
			    p->x + p->width - 104, y - 5);
		canvas_dash(canvas, false);
		canvas_colour(canvas, &axes_ink);
		canvas_text(canvas, p->x + p->width - 96, y, 0,
			    entries[i].text);
		y += 20;
	}
}

static void draw_spectrum(struct canvas *canvas, const struct panel *p,
			  struct chart *c)
{

	canvas_font(canvas, 13, false);
	canvas_line_width(canvas, 1);
	axes_log_y(canvas, p);
	axes_x(canvas, p, !c->fit);
	canvas_clip(canvas, p->x, p->y, p->width, p->height);
	/* Broad and light under the thin fit: both are seen where they agree. */
	canvas_colour(canvas, &steps);
	canvas_line_width(canvas, c->fit ? 3.2 : 1.4);
	draw_curve(canvas, p, c, c->counts, true);
	if (c->background) {
		canvas_colour(canvas, &axes_blue);
		canvas_line_width(canvas, 1.6);
		canvas_dash(canvas, true);
		draw_curve(canvas, p, c, c->background, false);
		canvas_dash(canvas, false);
	}
	if (c->fit) {
		canvas_colour(canvas, &axes_vermilion);
		canvas_line_width(canvas, 1.3);
		draw_curve(canvas, p, c, c->fit, false);
	}
	canvas_unclip(canvas);
	draw_labels(canvas, p, c);
	axes_frame(canvas, p);
	draw_legend(canvas, p, c);
	canvas_font(canvas, 14, false);
	canvas_colour(canvas, &axes_ink);
	canvas_text_up(canvas, 30, p->y + p->height / 2, 0.5,
		       "counts per channel");
}

static double residual(const struct chart *c, size_t i)
{
	return (c->counts[i] - c->fit[i]) / sqrt(c->fit[i] > 1 ? c->fit[i] : 1);
}

static double residual_range(const struct chart *c)
{
	double max = 5;

	for (size_t i = 0; i < c->n_chan; i++)
		if (is_shown(c, i) && isfinite(c->fit[i]) &&
		    fabs(residual(c, i)) > max)
			max = fabs(residual(c, i));
	return max > 20 ? 20 : ceil(max);
}

static void draw_residuals(struct canvas *canvas, const struct panel *p,
			   const struct chart *c)
{
	double step = p->y_max > 10 ? 10 : p->y_max > 6 ? 5 : 3;
	char text[16];

	canvas_colour(canvas, &axes_band);
	canvas_box(canvas, p->x, panel_y(p, 3), p->width,
		   panel_y(p, -3) - panel_y(p, 3), true);
	canvas_font(canvas, 13, false);
	canvas_line_width(canvas, 1);
	axes_x(canvas, p, true);
	for (double v = -step; v <= step; v += step) {
		snprintf(text, sizeof(text), v > 0 ? "+%g" : "%g", v);
		canvas_colour(canvas, &axes_ink);
		canvas_text(canvas, p->x - 9, panel_y(p, v) + 5, 1, text);
	}
	canvas_colour(canvas, &axes_soft);
	canvas_line(canvas, p->x, panel_y(p, 0), p->x + p->width,
		    panel_y(p, 0));
	canvas_colour(canvas, &axes_grey);
	for (size_t i = 0; i < c->n_chan; i++) {
		if (!is_shown(c, i) || !isfinite(c->fit[i]))
			continue;
		canvas_dot(canvas, panel_x(p, c->kev[i]),
			   panel_y(p, residual(c, i)), 1.5, true);
	}
	axes_frame(canvas, p);
	canvas_font(canvas, 14, false);
	canvas_colour(canvas, &axes_ink);
	canvas_text_up(canvas, 30, p->y + p->height / 2, 0.5, "residual / σ");
}

static void range_of_counts(const struct chart *c, double *ret_low,
			    double *ret_high)
{
	double low = INFINITY;
	double high = 1;

	for (size_t i = 0; i < c->n_chan; i++) {
		if (!is_shown(c, i))
			continue;
		if (c->counts[i] > high)
			high = c->counts[i];
		if (c->counts[i] < low)
			low = c->counts[i];
	}
	if (c->background)
		for (size_t i = 0; i < c->n_chan; i++)
			if (is_shown(c, i) && c->background[i] < low)
				low = c->background[i];
	*ret_low = low > 2 && isfinite(low) ? low / 2 : 0.7;
	*ret_high = high * 1.6;
}

static void draw_chart(struct canvas *canvas, struct chart *c)
{
	double bottom = c->fit ? RESIDUAL_HEIGHT + GAP + BOTTOM : BOTTOM;
	struct panel p = {
		.x = LEFT,
		.y = TOP + LABEL_BAND,
		.width = CHART_WIDTH - LEFT - RIGHT,
		.x_min = c->kev_min,
		.x_max = c->kev_max,
		.is_log = true,
	};
	struct panel q = p;

	p.height = CHART_HEIGHT - p.y - bottom;
	range_of_counts(c, &p.y_min, &p.y_max);
	canvas_colour(canvas, &axes_ink);
	canvas_font(canvas, 19, true);
	canvas_text(canvas, LEFT, 34, 0, c->title ? c->title : "");
	canvas_font(canvas, 14, false);
	canvas_colour(canvas, &axes_soft);
	canvas_text(canvas, LEFT, 56, 0, c->subtitle ? c->subtitle : "");
	draw_spectrum(canvas, &p, c);
	if (c->fit) {
		q.y = p.y + p.height + GAP;
		q.height = RESIDUAL_HEIGHT;
		q.is_log = false;
		q.y_max = residual_range(c);
		q.y_min = -q.y_max;
		draw_residuals(canvas, &q, c);
	}
	canvas_font(canvas, 14, false);
	canvas_colour(canvas, &axes_ink);
	canvas_text(canvas, LEFT + p.width / 2, CHART_HEIGHT - 16, 0.5,
		    "energy / keV");
}

int chart_write(struct chart *chart, const char *path)
{
	struct canvas *c;
	int r;

	r = canvas_new(path, CHART_WIDTH, CHART_HEIGHT, &c);
	if (r < 0)
		return r;
	draw_chart(c, chart);
	return canvas_end(c);
}
