// SPDX-License-Identifier: GPL-2.0-or-later
/* Spectra over each other, and how the later ones differ from the first. */
#include "reespec/compare_chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "reespec/axes.h"
#include "reespec/chart.h"
#include "reespec/print.h"

#define LEFT 96.0
#define RIGHT 28.0
#define TOP 62.0
#define LEGEND_LINE 20.0
#define RATIO_HEIGHT 210.0
#define GAP 16.0
#define BOTTOM 62.0

/* Fewer counts in a channel say nothing of a ratio. */
#define LEAST_COUNTS 10
#define SIGMAS 3

/* The first is broad and light, the others thin over it, and from the third on
 * dashed, each in its way: in grey the colours are alike. */
static const struct canvas_colour colours[COMPARE_MAX] = {
	{ 0.62, 0.62, 0.62 }, { 0.835, 0.369, 0 },     { 0, 0.447, 0.698 },
	{ 0, 0.620, 0.451 },  { 0.800, 0.475, 0.655 }, { 0.902, 0.624, 0 },
};

_Static_assert(COMPARE_MAX - 1 <= CANVAS_PATTERNS, "dashes for all");

static void take_line(struct canvas *canvas, size_t i, double width,
		      double first_width)
{
	canvas_colour(canvas, &colours[i]);
	canvas_line_width(canvas, i ? width : first_width);
	canvas_pattern(canvas, i ? (unsigned int)i - 1 : 0);
}

struct curve {
	const struct spectrum *s;
	double axis[2];
	double by; /* counts a second and keV for one count */
};

static double kev_of(const struct curve *c, size_t chan)
{
	return c->axis[0] + c->axis[1] * (double)chan;
}

/* Counts a second and keV at an energy, between two channels. */
static double rate_at(const struct curve *c, double kev)
{
	double at = (kev - c->axis[0]) / c->axis[1];
	size_t k;

	if (!(at >= 0) || at >= (double)c->s->n_chan - 1)
		return NAN;
	k = (size_t)at;
	at -= (double)k;
	return c->by * ((1 - at) * c->s->counts[k] + at * c->s->counts[k + 1]);
}

static double total(const struct spectrum *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->n_chan; i++)
		sum += s->counts[i];
	return sum;
}

/* The channel behind which one of a thousand counts lies. */
static size_t last_used(const struct spectrum *s)
{
	double left = total(s) / 1000;
	size_t n = s->n_chan;

	while (n > 1 && left > 0)
		left -= s->counts[--n];
	return n;
}

static void set_range(const struct curve *c, size_t n, struct panel *p)
{
	p->x_min = INFINITY;
	p->y_min = INFINITY;
	for (size_t i = 0; i < n; i++) {
		double low = fmax(kev_of(&c[i], 0), 0);
		double high = kev_of(&c[i], last_used(c[i].s));

		p->x_min = fmin(p->x_min, low);
		p->x_max = fmax(p->x_max, high);
		p->y_min = fmin(p->y_min, c[i].by);
		for (size_t k = 0; k < c[i].s->n_chan; k++)
			p->y_max = fmax(p->y_max,
					1.6 * c[i].by * c[i].s->counts[k]);
	}
	p->y_min = fmax(0.7 * p->y_min, p->y_max * 1e-7);
}

static void draw_curve(struct canvas *canvas, const struct panel *p,
		       const struct curve *c)
{
	for (size_t k = 0; k < c->s->n_chan; k++) {
		double kev = kev_of(c, k), half = c->axis[1] / 2;
		double y = panel_y(p, c->by * c->s->counts[k]);

		if (kev < p->x_min || kev > p->x_max)
			continue;
		if (k == 0 || kev - c->axis[1] < p->x_min)
			canvas_move(canvas, panel_x(p, kev - half), y);
		else
			canvas_to(canvas, panel_x(p, kev - half), y);
		canvas_to(canvas, panel_x(p, kev + half), y);
	}
	canvas_stroke(canvas);
}

static void draw_curves(struct canvas *canvas, const struct panel *p,
			const struct curve *c, size_t n)
{
	canvas_font(canvas, 13, false);
	canvas_line_width(canvas, 1);
	axes_log_y(canvas, p);
	axes_x(canvas, p, false);
	canvas_clip(canvas, p->x, p->y, p->width, p->height);
	for (size_t i = 0; i < n; i++) {
		take_line(canvas, i, 1.2, 3.2);
		draw_curve(canvas, p, &c[i]);
	}
	canvas_pattern(canvas, 0);
	canvas_unclip(canvas);
	axes_frame(canvas, p);
	canvas_font(canvas, 14, false);
	canvas_colour(canvas, &axes_ink);
	canvas_text_up(canvas, 30, p->y + p->height / 2, 0.5,
		       "counts / (s keV)");
}

/*
 * Ratio to the first at its channel @k, NAN where there are too few counts,
 * and whether it is far from one.
 */
static double ratio(const struct curve *first, const struct curve *c, size_t k,
		    bool *ret_is_far)
{
	double n0 = first->s->counts[k];
	double r0 = first->by * n0;
	double r = rate_at(c, kev_of(first, k));
	double width = first->axis[1];
	/* What a channel as wide as the first's would have counted. */
	double n = r * width * c->s->live_s;
	double u;

	if (!(n0 >= LEAST_COUNTS) || !(n >= LEAST_COUNTS))
		return NAN;
	u = sqrt(1 / n0 + 1 / n);
	*ret_is_far = fabs(log(r / r0)) > SIGMAS * u;
	return r / r0;
}

/* Factor from one that the panel shows up and down: 1.5, 2, 5 or 10. */
static double ratio_range(const struct curve *c, size_t n)
{
	static const double ranges[] = { 1.5, 2, 5, 10 };
	size_t i = 0;
	double most = 1;
	bool is_far;

	for (size_t j = 1; j < n; j++)
		for (size_t k = 0; k < c[0].s->n_chan; k++) {
			double r = ratio(&c[0], &c[j], k, &is_far);

			if (isfinite(r) && is_far)
				most = fmax(most, fmax(r, 1 / r));
		}
	while (i + 1 < sizeof(ranges) / sizeof(*ranges) && ranges[i] < most)
		i++;
	return ranges[i];
}

static void draw_ratio_axis(struct canvas *canvas, const struct panel *p)
{
	static const double marks[] = { 0.1, 0.2, 0.5, 0.7, 1, 1.4, 2, 5, 10 };
	char text[16];

	canvas_font(canvas, 13, false);
	canvas_line_width(canvas, 1);
	axes_x(canvas, p, true);
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		double v = marks[i], y = panel_y(p, v);

		if (v < p->y_min * 0.999 || v > p->y_max * 1.001 ||
		    (p->y_max > 3 && (v == 0.7 || v == 1.4)))
			continue;
		canvas_colour(canvas, v == 1 ? &axes_soft : &axes_grid);
		canvas_line(canvas, p->x, y, p->x + p->width, y);
		snprintf(text, sizeof(text), "%g", v);
		canvas_colour(canvas, &axes_ink);
		canvas_text(canvas, p->x - 9, y + 5, 1, text);
	}
}

static void draw_ratios(struct canvas *canvas, const struct panel *p,
			const struct curve *c, size_t n)
{
	draw_ratio_axis(canvas, p);
	canvas_clip(canvas, p->x, p->y, p->width, p->height);
	for (size_t j = 1; j < n; j++) {
		for (size_t k = 0; k < c[0].s->n_chan; k++) {
			double kev = kev_of(&c[0], k);
			bool is_far = false;
			double r = ratio(&c[0], &c[j], k, &is_far);

			if (!isfinite(r) || kev < p->x_min || kev > p->x_max)
				continue;
			canvas_colour(canvas,
				      is_far ? &colours[j] : &colours[0]);
			canvas_dot(canvas, panel_x(p, kev), panel_y(p, r),
				   is_far ? 2 : 1.2, true);
		}
	}
	canvas_unclip(canvas);
	axes_frame(canvas, p);
	canvas_font(canvas, 14, false);
	canvas_colour(canvas, &axes_ink);
	canvas_text_up(canvas, 30, p->y + p->height / 2, 0.5, "over the first");
}

static void draw_legend(struct canvas *canvas,
			const struct compare_curve *curve, size_t n)
{
	char text[300];

	for (size_t i = 0; i < n; i++) {
		const struct spectrum *s = curve[i].spectrum;
		double y = TOP + LEGEND_LINE * (double)i;

		take_line(canvas, i, 2, 4);
		canvas_line(canvas, LEFT, y - 5, LEFT + 36, y - 5);
		canvas_pattern(canvas, 0);
		canvas_font(canvas, 14, false);
		canvas_colour(canvas, &axes_ink);
		snprintf(text, sizeof(text), "%s · live %.1f s · %s counts",
			 curve[i].name, s->live_s,
			 print_grouped(total(s)).text);
		canvas_text(canvas, LEFT + 46, y, 0, text);
	}
}

static void draw(struct canvas *canvas, const struct compare_curve *curve,
		 const struct curve *c, size_t n)
{
	struct panel p = {
		.x = LEFT,
		.y = TOP + LEGEND_LINE * (double)n,
		.width = CHART_WIDTH - LEFT - RIGHT,
		.is_log = true,
	};
	struct panel q;

	p.height = CHART_HEIGHT - p.y - RATIO_HEIGHT - GAP - BOTTOM;
	set_range(c, n, &p);
	q = p;
	q.y = p.y + p.height + GAP;
	q.height = RATIO_HEIGHT;
	q.y_max = ratio_range(c, n);
	q.y_min = 1 / q.y_max;
	canvas_colour(canvas, &axes_ink);
	canvas_font(canvas, 19, true);
	canvas_text(canvas, LEFT, 34, 0, "Spectra compared");
	draw_legend(canvas, curve, n);
	draw_curves(canvas, &p, c, n);
	draw_ratios(canvas, &q, c, n);
	canvas_font(canvas, 14, false);
	canvas_colour(canvas, &axes_ink);
	canvas_text(canvas, LEFT + p.width / 2, CHART_HEIGHT - 16, 0.5,
		    "energy / keV");
}

int compare_chart_write(const struct compare_curve *curve, size_t n,
			const char *path)
{
	struct curve c[COMPARE_MAX];
	struct canvas *canvas;
	int r;

	for (size_t i = 0; i < n; i++) {
		c[i].s = curve[i].spectrum;
		spectrum_axis(c[i].s, c[i].axis);
		c[i].by = 1 / (c[i].s->live_s * c[i].axis[1]);
	}
	r = canvas_new(path, CHART_WIDTH, CHART_HEIGHT, &canvas);
	if (r < 0)
		return r;
	draw(canvas, curve, c, n);
	return canvas_end(canvas);
}
