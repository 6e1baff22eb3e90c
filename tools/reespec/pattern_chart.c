// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Masuda and Coryell's diagram: contents over those of CI chondrites, by
 * atomic number and on a logarithmic scale. Yttrium stands beside holmium,
 * whose radius it has; its place in the periodic table would leave a gap.
 */
#include "reespec/pattern_chart.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "assay/pattern.h"
#include "assay/symbols.h"
#include "base/cleanup.h"
#include "reespec/axes.h"

#define WIDTH 1000.0
#define HEIGHT 640.0
#define LEFT 90.0
#define RIGHT 30.0
#define TOP 84.0
#define BOTTOM 70.0

/* Promethium has no place: nature has none. */
static const char *const order[] = { "La", "Ce", "Pr", "Nd", "Sm",
				     "Eu", "Gd", "Tb", "Dy", "Y",
				     "Ho", "Er", "Tm", "Yb", "Lu" };

struct point {
	bool is_set;
	bool is_found;
	double value; /* over chondrite; of L_D where it was not found */
	double u;
};

static void take_points(const struct assay_result *r,
			struct point points[ARRAY_SIZE(order)])
{
	for (size_t i = 0; i < r->n_elements; i++) {
		const struct assay_element *e = &r->element[i];
		double reference = pattern_reference(e->z);

		for (size_t k = 0; k < ARRAY_SIZE(order) && reference > 0;
		     k++) {
			struct point *p = &points[k];

			if (strcmp(order[k], e->symbol) != 0)
				continue;
			p->is_found = isfinite(e->normalised);
			p->value =
				p->is_found ? e->normalised : e->ld / reference;
			p->u = e->u / reference;
			p->is_set = isfinite(p->value) && p->value > 0;
		}
	}
}

/* Whole decades around what there is. */
static bool set_range(const struct point *points, struct panel *p)
{
	double low = INFINITY, high = 0;

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		double below, above;

		if (!points[i].is_set)
			continue;
		below = points[i].value - 2 * points[i].u;
		above = points[i].value + 2 * points[i].u;
		if (!(below > points[i].value / 10))
			below = points[i].value / 3;
		if (!points[i].is_found)
			below = above = points[i].value;
		low = below < low ? below : low;
		high = above > high ? above : high;
	}
	p->y_min = pow(10, floor(log10(low / 1.5)));
	p->y_max = pow(10, ceil(log10(high * 1.2)));
	return high > 0;
}

static void draw_bar(struct canvas *c, const struct panel *p, double x,
		     const struct point *at)
{
	double low = at->value - 2 * at->u;
	double y0 = panel_y(p, low > p->y_min ? low : p->y_min);
	double y1 = panel_y(p, at->value + 2 * at->u);

	canvas_line_width(c, 1.4);
	canvas_move(c, x, y0);
	canvas_to(c, x, y1);
	canvas_stroke(c);
	canvas_move(c, x - 5, y1);
	canvas_to(c, x + 5, y1);
	canvas_stroke(c);
	if (!(low > p->y_min))
		return;
	canvas_move(c, x - 5, y0);
	canvas_to(c, x + 5, y0);
	canvas_stroke(c);
}

/* Somewhere below. */
static void draw_arrow(struct canvas *c, double x, double y)
{
	canvas_line_width(c, 1.4);
	canvas_move(c, x - 6, y);
	canvas_to(c, x + 6, y);
	canvas_stroke(c);
	canvas_move(c, x, y);
	canvas_to(c, x, y + 20);
	canvas_stroke(c);
	canvas_move(c, x - 4, y + 13);
	canvas_to(c, x, y + 20);
	canvas_to(c, x + 4, y + 13);
	canvas_stroke(c);
}

static void draw_points(struct canvas *c, const struct panel *p,
			const struct point *points)
{
	const struct point *before = NULL;
	double before_x = 0;

	canvas_colour(c, &axes_soft);
	canvas_line_width(c, 1);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		double x = panel_x(p, (double)i);

		if (points[i].is_set && points[i].is_found) {
			if (before) {
				canvas_move(c, before_x,
					    panel_y(p, before->value));
				canvas_to(c, x, panel_y(p, points[i].value));
				canvas_stroke(c);
			}
			before = &points[i];
			before_x = x;
		} else if (strcmp(order[i], "Y") != 0) {
			before = NULL;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		double x = panel_x(p, (double)i);
		double y = panel_y(p, points[i].value);

		if (!points[i].is_set)
			continue;
		if (!points[i].is_found) {
			canvas_colour(c, &axes_blue);
			draw_arrow(c, x, y);
			continue;
		}
		canvas_colour(c, &axes_vermilion);
		draw_bar(c, p, x, &points[i]);
		canvas_dot(c, x, y, 5, true);
	}
}

static void draw_legend(struct canvas *c, const struct panel *p)
{
	double x = p->x + p->width - 230;
	double y = p->y + 24;

	canvas_font(c, 13, false);
	canvas_colour(c, &axes_vermilion);
	canvas_dot(c, x, y - 4, 5, true);
	canvas_colour(c, &axes_ink);
	canvas_text(c, x + 16, y, 0, "found, with U (k = 2)");
	canvas_colour(c, &axes_blue);
	draw_arrow(c, x, y + 16);
	canvas_colour(c, &axes_ink);
	canvas_text(c, x + 16, y + 28, 0, "not found, below its L_D");
}

static void draw(struct canvas *c, const struct assay_result *r,
		 const struct point *points, struct panel *p)
{
	char text[200];

	canvas_colour(c, &axes_ink);
	canvas_font(c, 19, true);
	canvas_text(c, LEFT, 34, 0, r->sample);
	canvas_font(c, 14, false);
	canvas_colour(c, &axes_soft);
	snprintf(text, sizeof(text), "%s, live %.1f s; over %s", r->method,
		 r->live_s, PATTERN_REFERENCE);
	canvas_text(c, LEFT, 58, 0, text);

	canvas_font(c, 13, false);
	canvas_line_width(c, 1);
	axes_log_y(c, p);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		double x = panel_x(p, (double)i);

		canvas_colour(c, &axes_grid);
		canvas_line(c, x, p->y, x, p->y + p->height);
		canvas_colour(c, &axes_ink);
		canvas_text(c, x, p->y + p->height + 22, 0.5, order[i]);
	}
	canvas_clip(c, p->x, p->y, p->width, p->height);
	draw_points(c, p, points);
	canvas_unclip(c);
	axes_frame(c, p);
	draw_legend(c, p);
	canvas_font(c, 14, false);
	canvas_text_up(c, 30, p->y + p->height / 2, 0.5,
		       "content over chondrite");
}

int pattern_chart_write(const struct assay_result *r, const char *path)
{
	struct point points[ARRAY_SIZE(order)] = { 0 };
	struct panel p = {
		.x = LEFT,
		.y = TOP,
		.width = WIDTH - LEFT - RIGHT,
		.height = HEIGHT - TOP - BOTTOM,
		.x_min = -0.6,
		.x_max = ARRAY_SIZE(order) - 0.4,
		.is_log = true,
	};
	struct canvas *c;
	int e;

	take_points(r, points);
	if (!set_range(points, &p))
		return -ENODATA;
	e = canvas_new(path, WIDTH, HEIGHT, &c);
	if (e < 0)
		return e;
	draw(c, r, points, &p);
	return canvas_end(c);
}
