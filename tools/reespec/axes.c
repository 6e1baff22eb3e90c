// SPDX-License-Identifier: GPL-2.0-or-later
/* Panels with a linear or logarithmic axis. */
#include "reespec/axes.h"

#include <math.h>
#include <stdio.h>

const struct canvas_colour axes_ink = { 0.13, 0.13, 0.13 };
const struct canvas_colour axes_soft = { 0.45, 0.45, 0.45 };
const struct canvas_colour axes_grid = { 0.90, 0.90, 0.90 };
const struct canvas_colour axes_band = { 0.94, 0.94, 0.94 };
const struct canvas_colour axes_grey = { 0.34, 0.34, 0.34 };
const struct canvas_colour axes_vermilion = { 0.84, 0.37, 0.00 };
const struct canvas_colour axes_blue = { 0.00, 0.45, 0.70 };
static const struct canvas_colour frame = { 0.35, 0.35, 0.35 };

double panel_x(const struct panel *p, double kev)
{
	return p->x + p->width * (kev - p->x_min) / (p->x_max - p->x_min);
}

double panel_y(const struct panel *p, double value)
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

static double x_step(const struct panel *p)
{
	double span = p->x_max - p->x_min;

	return span > 45 ? 5 : span > 8 ? 1 : span > 3 ? 0.5 : 0.1;
}

void axes_x(struct canvas *c, const struct panel *p, bool has_numbers)
{
	double step = x_step(p);
	char text[16];

	for (double v = ceil(p->x_min / step) * step; v <= p->x_max + 1e-9;
	     v += step) {
		double x = panel_x(p, v);

		canvas_colour(c, &axes_grid);
		canvas_line(c, x, p->y, x, p->y + p->height);
		if (!has_numbers)
			continue;
		snprintf(text, sizeof(text), step < 1 ? "%.1f" : "%.0f", v);
		canvas_colour(c, &axes_ink);
		canvas_text(c, x, p->y + p->height + 19, 0.5, text);
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

void axes_log_y(struct canvas *c, const struct panel *p)
{
	char text[16];

	for (double decade = pow(10, floor(log10(p->y_min)));
	     decade <= p->y_max * 1.0001; decade *= 10) {
		for (int k = 1; k < 10; k++) {
			double value = decade * k;

			if (value < p->y_min || value > p->y_max)
				continue;
			canvas_colour(c, k == 1 ? &axes_grid : &axes_band);
			canvas_line(c, p->x, panel_y(p, value), p->x + p->width,
				    panel_y(p, value));
		}
		if (decade < p->y_min)
			continue;
		format_power(text, sizeof(text), decade);
		canvas_colour(c, &axes_ink);
		canvas_text(c, p->x - 9, panel_y(p, decade) + 5, 1, text);
	}
}

void axes_frame(struct canvas *c, const struct panel *p)
{
	canvas_colour(c, &frame);
	canvas_line_width(c, 1);
	canvas_box(c, floor(p->x) + 0.5, floor(p->y) + 0.5, floor(p->width),
		   floor(p->height), false);
}
