// SPDX-License-Identifier: GPL-2.0-or-later
/* A spectrum drawn to a PNG by cairo: counts, model, labels, residuals. */
#include "reespec/chart.h"

#include <cairo.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEFT 96.0
#define RIGHT 28.0
#define TOP 62.0
#define LABEL_BAND 118.0
#define RESIDUAL_HEIGHT 170.0
#define GAP 16.0
#define BOTTOM 62.0
#define LABEL_PITCH 15.0

struct rgb {
	double r, g, b;
};

/*
 * Okabe and Ito's colours, told apart by all common kinds of colour sight;
 * the lines also differ in weight and dashes, so the picture works in grey.
 */
static const struct rgb ink = { 0.13, 0.13, 0.13 };
static const struct rgb soft = { 0.45, 0.45, 0.45 };
static const struct rgb grid = { 0.90, 0.90, 0.90 };
static const struct rgb frame = { 0.35, 0.35, 0.35 };
static const struct rgb band = { 0.94, 0.94, 0.94 };
static const struct rgb c_counts = { 0.34, 0.34, 0.34 };
static const struct rgb c_steps = { 0.62, 0.62, 0.62 };
static const struct rgb c_fit = { 0.84, 0.37, 0.00 };
static const struct rgb c_background = { 0.00, 0.45, 0.70 };

/* One panel: pixels and the range it shows. */
struct panel {
	double x, y, width, height;
	double x_min, x_max;
	double y_min, y_max;
	bool is_log;
};

static void set_colour(cairo_t *cr, const struct rgb *c)
{
	cairo_set_source_rgb(cr, c->r, c->g, c->b);
}

static double to_x(const struct panel *p, double kev)
{
	return p->x + p->width * (kev - p->x_min) / (p->x_max - p->x_min);
}

static double to_y(const struct panel *p, double value)
{
	double low = p->y_min;
	double high = p->y_max;

	if (p->is_log) {
		value = log10(value > p->y_min ? value : p->y_min);
		low = log10(low);
		high = log10(high);
	}
	value = value < low ? low : value > high ? high : value;
	return p->y + p->height * (high - value) / (high - low);
}

/* @align: 0 left, 0.5 centre, 1 right of the point. */
static void draw_text(cairo_t *cr, double x, double y, double align,
		      const char *text)
{
	cairo_text_extents_t size;

	cairo_text_extents(cr, text, &size);
	cairo_move_to(cr, x - align * size.x_advance, y);
	cairo_show_text(cr, text);
}

static void draw_text_up(cairo_t *cr, double x, double y, double align,
			 const char *text)
{
	cairo_save(cr);
	cairo_translate(cr, x, y);
	cairo_rotate(cr, -M_PI / 2);
	draw_text(cr, 0, 0, align, text);
	cairo_restore(cr);
}

static void set_font(cairo_t *cr, double size, bool is_bold)
{
	cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
			       is_bold ? CAIRO_FONT_WEIGHT_BOLD
				       : CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(cr, size);
}

/* Half-pixel positions keep thin lines sharp. */
static void draw_line(cairo_t *cr, double x0, double y0, double x1, double y1)
{
	cairo_move_to(cr, floor(x0) + 0.5, floor(y0) + 0.5);
	cairo_line_to(cr, floor(x1) + 0.5, floor(y1) + 0.5);
	cairo_stroke(cr);
}

static double x_step(const struct panel *p)
{
	double span = p->x_max - p->x_min;

	return span > 45 ? 5 : span > 8 ? 1 : span > 3 ? 0.5 : 0.1;
}

static void draw_x_axis(cairo_t *cr, const struct panel *p, bool has_numbers)
{
	double step = x_step(p);
	char text[16];

	for (double v = ceil(p->x_min / step) * step; v <= p->x_max + 1e-9;
	     v += step) {
		double x = to_x(p, v);

		set_colour(cr, &grid);
		draw_line(cr, x, p->y, x, p->y + p->height);
		if (!has_numbers)
			continue;
		snprintf(text, sizeof(text), step < 1 ? "%.1f" : "%.0f", v);
		set_colour(cr, &ink);
		draw_text(cr, x, p->y + p->height + 19, 0.5, text);
	}
}

static void format_power(char *text, size_t size, double value)
{
	if (value >= 1e6)
		snprintf(text, size, "%g M", value / 1e6);
	else if (value >= 1e3)
		snprintf(text, size, "%g k", value / 1e3);
	else
		snprintf(text, size, "%g", value);
}

static void draw_log_axis(cairo_t *cr, const struct panel *p)
{
	char text[16];

	for (double decade = pow(10, floor(log10(p->y_min)));
	     decade <= p->y_max * 1.0001; decade *= 10) {
		for (int k = 1; k < 10; k++) {
			double value = decade * k;

			if (value < p->y_min || value > p->y_max)
				continue;
			set_colour(cr, k == 1 ? &grid : &band);
			draw_line(cr, p->x, to_y(p, value), p->x + p->width,
				  to_y(p, value));
		}
		if (decade < p->y_min)
			continue;
		format_power(text, sizeof(text), decade);
		set_colour(cr, &ink);
		draw_text(cr, p->x - 9, to_y(p, decade) + 5, 1, text);
	}
}

static void draw_frame(cairo_t *cr, const struct panel *p)
{
	set_colour(cr, &frame);
	cairo_set_line_width(cr, 1);
	cairo_rectangle(cr, floor(p->x) + 0.5, floor(p->y) + 0.5,
			floor(p->width), floor(p->height));
	cairo_stroke(cr);
}

static bool is_shown(const struct chart *c, size_t i)
{
	return c->kev[i] >= c->kev_min && c->kev[i] <= c->kev_max;
}

/* A histogram's outline; a model is a plain curve. */
static void draw_curve(cairo_t *cr, const struct panel *p,
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
		y = to_y(p, values[i]);
		if (!is_begun)
			cairo_move_to(cr, to_x(p, c->kev[i] - half), y);
		else if (is_steps)
			cairo_line_to(cr, to_x(p, c->kev[i] - half), y);
		if (is_steps)
			cairo_line_to(cr, to_x(p, c->kev[i] + half), y);
		else
			cairo_line_to(cr, to_x(p, c->kev[i]), y);
		is_begun = true;
	}
	cairo_stroke(cr);
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

static void draw_labels(cairo_t *cr, const struct panel *p, struct chart *c)
{
	double text_y = p->y - 50;
	double pitch = LABEL_PITCH;

	c->n_labels = keep_shown_labels(c);
	if (c->n_labels == 0)
		return;
	qsort(c->labels, c->n_labels, sizeof(*c->labels), by_kev);
	for (size_t i = 0; i < c->n_labels; i++)
		c->labels[i].x = to_x(p, c->labels[i].kev);
	if (pitch * c->n_labels > p->width)
		pitch = p->width / c->n_labels;
	chart_spread(c->labels, c->n_labels, pitch, p->x + 6,
		     p->x + p->width - 6);
	for (size_t i = 0; i < c->n_labels; i++) {
		const struct chart_label *label = &c->labels[i];
		double x = to_x(p, label->kev);
		double y = to_y(p, peak_height(c, label->kev));

		set_font(cr, 13, label->is_strong);
		set_colour(cr, label->is_strong ? &ink : &soft);
		draw_text_up(cr, label->x + 4.5, text_y, 0, label->text);
		cairo_set_line_width(cr, 0.6);
		set_colour(cr, &soft);
		cairo_move_to(cr, label->x, text_y + 4);
		cairo_line_to(cr, label->x, text_y + 8);
		cairo_line_to(cr, x, p->y + 2);
		cairo_line_to(cr, x, y - 3 > p->y + 2 ? y - 3 : p->y + 2);
		cairo_stroke(cr);
	}
}

static void draw_legend(cairo_t *cr, const struct panel *p,
			const struct chart *c)
{
	const struct {
		const double *values;
		const struct rgb *colour;
		const char *text;
		double width;
		bool is_dashed;
	} entries[] = {
		{ c->counts, &c_steps, "counts", 3.2, false },
		{ c->fit, &c_fit, "fit", 1.3, false },
		{ c->background, &c_background, "background", 1.6, true },
	};
	const double dash[] = { 6, 4 };
	double y = p->y + 22;

	set_font(cr, 13, false);
	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
		if (!entries[i].values)
			continue;
		set_colour(cr, entries[i].colour);
		cairo_set_line_width(cr, entries[i].width);
		if (entries[i].is_dashed)
			cairo_set_dash(cr, dash, 2, 0);
		draw_line(cr, p->x + p->width - 140, y - 5,
			  p->x + p->width - 104, y - 5);
		cairo_set_dash(cr, NULL, 0, 0);
		set_colour(cr, &ink);
		draw_text(cr, p->x + p->width - 96, y, 0, entries[i].text);
		y += 20;
	}
}

static void draw_spectrum(cairo_t *cr, const struct panel *p, struct chart *c)
{
	const double dash[] = { 6, 4 };

	set_font(cr, 13, false);
	cairo_set_line_width(cr, 1);
	draw_log_axis(cr, p);
	draw_x_axis(cr, p, !c->fit);
	cairo_save(cr);
	cairo_rectangle(cr, p->x, p->y, p->width, p->height);
	cairo_clip(cr);
	/* Broad and light under the thin fit: both are seen where they agree. */
	set_colour(cr, &c_steps);
	cairo_set_line_width(cr, c->fit ? 3.2 : 1.4);
	draw_curve(cr, p, c, c->counts, true);
	if (c->background) {
		set_colour(cr, &c_background);
		cairo_set_line_width(cr, 1.6);
		cairo_set_dash(cr, dash, 2, 0);
		draw_curve(cr, p, c, c->background, false);
		cairo_set_dash(cr, NULL, 0, 0);
	}
	if (c->fit) {
		set_colour(cr, &c_fit);
		cairo_set_line_width(cr, 1.3);
		draw_curve(cr, p, c, c->fit, false);
	}
	cairo_restore(cr);
	draw_labels(cr, p, c);
	draw_frame(cr, p);
	draw_legend(cr, p, c);
	set_font(cr, 14, false);
	set_colour(cr, &ink);
	draw_text_up(cr, 30, p->y + p->height / 2, 0.5, "counts per channel");
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

static void draw_residuals(cairo_t *cr, const struct panel *p,
			   const struct chart *c)
{
	double step = p->y_max > 10 ? 10 : p->y_max > 6 ? 5 : 3;
	char text[16];

	set_colour(cr, &band);
	cairo_rectangle(cr, p->x, to_y(p, 3), p->width,
			to_y(p, -3) - to_y(p, 3));
	cairo_fill(cr);
	set_font(cr, 13, false);
	cairo_set_line_width(cr, 1);
	draw_x_axis(cr, p, true);
	for (double v = -step; v <= step; v += step) {
		snprintf(text, sizeof(text), v > 0 ? "+%g" : "%g", v);
		set_colour(cr, &ink);
		draw_text(cr, p->x - 9, to_y(p, v) + 5, 1, text);
	}
	set_colour(cr, &soft);
	draw_line(cr, p->x, to_y(p, 0), p->x + p->width, to_y(p, 0));
	set_colour(cr, &c_counts);
	for (size_t i = 0; i < c->n_chan; i++) {
		if (!is_shown(c, i) || !isfinite(c->fit[i]))
			continue;
		cairo_arc(cr, to_x(p, c->kev[i]), to_y(p, residual(c, i)), 1.5,
			  0, 2 * M_PI);
		cairo_fill(cr);
	}
	draw_frame(cr, p);
	set_font(cr, 14, false);
	set_colour(cr, &ink);
	draw_text_up(cr, 30, p->y + p->height / 2, 0.5, "residual / σ");
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

static void draw_chart(cairo_t *cr, struct chart *c)
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
	cairo_set_source_rgb(cr, 1, 1, 1);
	cairo_paint(cr);
	set_colour(cr, &ink);
	set_font(cr, 19, true);
	draw_text(cr, LEFT, 34, 0, c->title ? c->title : "");
	set_font(cr, 14, false);
	set_colour(cr, &soft);
	draw_text(cr, LEFT, 56, 0, c->subtitle ? c->subtitle : "");
	draw_spectrum(cr, &p, c);
	if (c->fit) {
		q.y = p.y + p.height + GAP;
		q.height = RESIDUAL_HEIGHT;
		q.is_log = false;
		q.y_max = residual_range(c);
		q.y_min = -q.y_max;
		draw_residuals(cr, &q, c);
	}
	set_font(cr, 14, false);
	set_colour(cr, &ink);
	draw_text(cr, LEFT + p.width / 2, CHART_HEIGHT - 16, 0.5,
		  "energy / keV");
}

int chart_write_png(struct chart *c, const char *path)
{
	cairo_surface_t *surface;
	cairo_status_t status;
	cairo_t *cr;
	struct stat st;
	char temp[4096];
	int r = 0;
	/* What is no plain file stays what it is. */
	bool is_plain = lstat(path, &st) < 0 || S_ISREG(st.st_mode);

	if (snprintf(temp, sizeof(temp), "%s%s", path,
		     is_plain ? ".part" : "") >= (int)sizeof(temp))
		return -ENAMETOOLONG;
	surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, CHART_WIDTH,
					     CHART_HEIGHT);
	cr = cairo_create(surface);
	draw_chart(cr, c);
	status = cairo_status(cr);
	cairo_destroy(cr);
	errno = 0;
	if (status == CAIRO_STATUS_SUCCESS)
		status = cairo_surface_write_to_png(surface, temp);
	if (status != CAIRO_STATUS_SUCCESS)
		r = errno			       ? -errno
		    : status == CAIRO_STATUS_NO_MEMORY ? -ENOMEM
						       : -EIO;
	cairo_surface_destroy(surface);
	if (is_plain && r == 0 && rename(temp, path) < 0)
		r = -errno;
	if (is_plain && r < 0)
		unlink(temp);
	return r;
}
