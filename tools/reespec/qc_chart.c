// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shewhart's chart: values in their order, in standard deviations from the
 * mean of the policy, with lines at 2 (warning) and 3 (action). A check
 * without a mean, a blank or a duplicate, is drawn by its content.
 */
#include "reespec/qc_chart.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "reespec/axes.h"
#include "reespec/print.h"

#define BAR_COLUMNS 33
#define Z_SHOWN 4.0
#define WIDTH 1000.0
#define HEIGHT 520.0
#define LEFT 80.0
#define RIGHT 30.0
#define TOP 84.0
#define BOTTOM 60.0

/* ---- terminal ------------------------------------------------------------- */

static size_t place(double z)
{
	double share = (z + Z_SHOWN) / (2 * Z_SHOWN);

	share = share < 0 ? 0 : share > 1 ? 1 : share;
	return (size_t)lround(share * (BAR_COLUMNS - 1));
}

/* "   :    |    :   " with the value in it. */
static void bar(char *text, size_t size, double z, bool is_failed)
{
	const char *mark =
		is_failed ? print_glyph("✗", "X") : print_glyph("●", "o");
	size_t len = 0;

	*text = 0;
	for (size_t i = 0; i < BAR_COLUMNS && len < size; i++) {
		const char *c = i == place(0) ? print_glyph("│", "|")
				: i == place(-3) || i == place(3)
					? print_glyph("┊", "!")
				: i == place(-2) || i == place(2)
					? print_glyph("·", ":")
					: " ";

		if (isfinite(z) && i == place(z))
			c = mark;
		len += (size_t)snprintf(text + len, size - len, "%s", c);
	}
}

void qc_chart_print(FILE *out, const struct qc_series *s, size_t n_max)
{
	size_t first = s->n_points > n_max ? s->n_points - n_max : 0;

	fprintf(out, "%s%s%s  %s, %s%s%s", print_style(out, PRINT_BOLD),
		s->name, print_style(out, PRINT_PLAIN), s->kind, s->element,
		*s->sample ? " in " : "", s->sample);
	if (isfinite(s->mean_mg_kg))
		fprintf(out, ", mean %g, s %g mg/kg; lines at 2 and 3 s",
			s->mean_mg_kg, s->s_mg_kg);
	fputc('\n', out);
	for (size_t i = first; i < s->n_points; i++) {
		const struct qc_point *p = &s->point[i];
		char text[4 * BAR_COLUMNS + 1];

		fprintf(out, "%s %10.4g ", print_local_time(p->time).text,
			p->content_mg_kg);
		if (isfinite(s->mean_mg_kg)) {
			bar(text, sizeof(text), p->z, p->is_failed);
			fprintf(out, "%+5.1f %s", p->z, text);
		}
		if (p->is_failed)
			fprintf(out, " %s%s%s", print_style(out, PRINT_BAD),
				*p->why ? p->why : "failed",
				print_style(out, PRINT_PLAIN));
		fputc('\n', out);
	}
}

/* ---- picture -------------------------------------------------------------- */

static double value_of(const struct qc_series *s, const struct qc_point *p)
{
	return isfinite(s->mean_mg_kg) ? p->z : p->content_mg_kg;
}

static void set_range(const struct qc_series *s, struct panel *p)
{
	p->y_min = isfinite(s->mean_mg_kg) ? -Z_SHOWN : 0;
	p->y_max = isfinite(s->mean_mg_kg) ? Z_SHOWN : 1;
	for (size_t i = 0; i < s->n_points; i++) {
		double v = value_of(s, &s->point[i]);

		if (v * 1.1 > p->y_max)
			p->y_max = v * 1.1;
		if (v * 1.1 < p->y_min)
			p->y_min = v * 1.1;
	}
}

static void draw_lines(struct canvas *c, const struct panel *p)
{
	static const double at[] = { -3, -2, 0, 2, 3 };
	char text[16];

	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		double y = panel_y(p, at[i]);

		canvas_colour(c, at[i] == 0 ? &axes_soft : &axes_blue);
		canvas_line_width(c, fabs(at[i]) == 3 ? 1.6 : 1);
		canvas_dash(c, fabs(at[i]) == 2);
		canvas_line(c, p->x, y, p->x + p->width, y);
		canvas_dash(c, false);
		snprintf(text, sizeof(text), at[i] == 0 ? "mean" : "%+g s",
			 at[i]);
		canvas_colour(c, &axes_ink);
		canvas_text(c, p->x - 8, y + 4, 1, text);
	}
}

/* Four round values for a chart without a mean. */
static void draw_values(struct canvas *c, const struct panel *p)
{
	double step = pow(10, floor(log10(p->y_max / 2)));
	char text[24];

	while (p->y_max / step > 6)
		step *= 2;
	for (double v = 0; v <= p->y_max; v += step) {
		canvas_colour(c, &axes_grid);
		canvas_line(c, p->x, panel_y(p, v), p->x + p->width,
			    panel_y(p, v));
		snprintf(text, sizeof(text), "%g", v);
		canvas_colour(c, &axes_ink);
		canvas_text(c, p->x - 8, panel_y(p, v) + 4, 1, text);
	}
}

static void draw_points(struct canvas *c, const struct qc_series *s,
			const struct panel *p)
{
	canvas_colour(c, &axes_grey);
	canvas_line_width(c, 1);
	for (size_t i = 0; i < s->n_points; i++) {
		double x = panel_x(p, (double)i);
		double y = panel_y(p, value_of(s, &s->point[i]));

		if (i)
			canvas_to(c, x, y);
		else
			canvas_move(c, x, y);
	}
	canvas_stroke(c);
	for (size_t i = 0; i < s->n_points; i++) {
		double x = panel_x(p, (double)i);
		double y = panel_y(p, value_of(s, &s->point[i]));

		if (!s->point[i].is_failed) {
			canvas_colour(c, &axes_grey);
			canvas_dot(c, x, y, 4, true);
			continue;
		}
		/* A ring as well as a colour. */
		canvas_colour(c, &axes_vermilion);
		canvas_dot(c, x, y, 4, true);
		canvas_line_width(c, 1.6);
		canvas_dot(c, x, y, 8, false);
	}
}

/* The first, the last and some between, by the clock on the wall; a day where
 * it begins. */
static void draw_times(struct canvas *c, const struct qc_series *s,
		       const struct panel *p)
{
	size_t step = s->n_points > 6 ? s->n_points / 6 : 1;

	char day[11] = "";

	canvas_colour(c, &axes_ink);
	for (size_t i = 0; i < s->n_points; i += step) {
		struct cell at = print_local_time(s->point[i].time);
		const double x = panel_x(p, (double)i);
		char text[11];

		snprintf(text, sizeof(text), "%.5s", at.text + 11);
		canvas_text(c, x, p->y + p->height + 20, 0.5, text);
		snprintf(text, sizeof(text), "%.10s", at.text);
		if (!strcmp(text, day))
			continue;
		memcpy(day, text, sizeof(day));
		canvas_text(c, x, p->y + p->height + 36, 0.5, day);
	}
}

int qc_chart_write(const struct qc_series *s, const char *path)
{
	struct panel p = { .x = LEFT,
			   .y = TOP,
			   .width = WIDTH - LEFT - RIGHT,
			   .height = HEIGHT - TOP - BOTTOM,
			   .x_min = -0.5,
			   .x_max = (double)s->n_points - 0.5 };
	char text[300];
	struct canvas *c;
	int r;

	r = canvas_new(path, WIDTH, HEIGHT, &c);
	if (r < 0)
		return r;
	set_range(s, &p);
	canvas_colour(c, &axes_ink);
	canvas_font(c, 19, true);
	canvas_text(c, LEFT, 34, 0, s->name);
	canvas_font(c, 14, false);
	canvas_colour(c, &axes_soft);
	if (isfinite(s->mean_mg_kg))
		snprintf(text, sizeof(text),
			 "%s, %s in %s, mean %g, s %g mg/kg; %zu values",
			 s->kind, s->element, s->sample, s->mean_mg_kg,
			 s->s_mg_kg, s->n_points);
	else
		snprintf(text, sizeof(text), "%s, %s in mg/kg; %zu values",
			 s->kind, s->element, s->n_points);
	canvas_text(c, LEFT, 58, 0, text);
	canvas_font(c, 12, false);
	if (isfinite(s->mean_mg_kg))
		draw_lines(c, &p);
	else
		draw_values(c, &p);
	canvas_clip(c, p.x, p.y, p.width, p.height);
	draw_points(c, s, &p);
	canvas_unclip(c);
	draw_times(c, s, &p);
	axes_frame(c, &p);
	return canvas_end(c);
}
