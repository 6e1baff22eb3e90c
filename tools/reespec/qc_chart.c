// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shewhart's chart: values in their order, in standard deviations from the
 * mean of the policy, with lines at 2 (warning) and 3 (action). A check
 * without a mean is drawn against its limit: a blank by its content, a
 * duplicate by how much it differs.
 */
#include "reespec/qc_chart.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "reespec/axes.h"
#include "reespec/print.h"

/* Three to a standard deviation. */
#define BAR_COLUMNS 25
#define Z_SHOWN 4.0
/* Beyond, a value stands at the edge and its distance is written. */
#define Z_EDGE 6.0
#define WIDTH 1000.0
#define HEIGHT 520.0
#define LEFT 80.0
#define RIGHT 30.0
#define TOP 84.0
#define BOTTOM 60.0
/* Part of the height. */
#define DOT_ROOM 0.04

/* ---- values --------------------------------------------------------------- */

void qc_content(struct content_cells *ret, const struct qc_series *s,
		const struct qc_point *p, double unit_mg_kg)
{
	/* Records of before had the content alone: to two digits of s. */
	const double u = isfinite(p->u_mg_kg) ? p->u_mg_kg : s->s_mg_kg;

	if (unit_mg_kg > 0)
		print_content_in(ret, unit_mg_kg, p->content_mg_kg, u,
				 p->lc_mg_kg, p->ld_mg_kg);
	else
		print_content(ret, p->content_mg_kg, u, p->lc_mg_kg,
			      p->ld_mg_kg);
}

/* One unit for all: that of the largest. */
static double unit_of(const struct qc_series *s)
{
	double unit =
		isfinite(s->mean_mg_kg) && s->mean_mg_kg >= 1000 ? 1e4 : 1;

	for (size_t i = 0; i < s->n_points; i++) {
		struct content_cells c;

		qc_content(&c, s, &s->point[i], 0);
		if (c.unit_mg_kg > unit)
			unit = c.unit_mg_kg;
	}
	return unit;
}

static const char *unit_name(double unit_mg_kg)
{
	return unit_mg_kg > 1 ? "wt %" : "ppm";
}

static bool has_mean(const struct qc_series *s)
{
	return isfinite(s->mean_mg_kg);
}

/* What a value is drawn by: z, per cent, or its content in @unit_mg_kg. */
static double value_of(const struct qc_series *s, const struct qc_point *p,
		       double unit_mg_kg)
{
	if (has_mean(s))
		return p->z;
	return isfinite(s->max_percent) ? p->percent
					: p->content_mg_kg / unit_mg_kg;
}

/* Where it is drawn. */
static double drawn_at(const struct qc_series *s, const struct qc_point *p,
		       double unit_mg_kg)
{
	double v = value_of(s, p, unit_mg_kg);

	return has_mean(s) ? fmax(-Z_EDGE, fmin(Z_EDGE, v)) : v;
}

static const char *value_unit(const struct qc_series *s, double unit_mg_kg)
{
	return isfinite(s->max_percent) ? "%" : unit_name(unit_mg_kg);
}

/* The limit in the same terms; NAN without one. */
static double limit_of(const struct qc_series *s, double unit_mg_kg)
{
	return isfinite(s->max_percent) ? s->max_percent
					: s->max_mg_kg / unit_mg_kg;
}

/* "crm, La in GLASS, mean 0.5, s 0.01 wt %", what it is judged by. */
static void describe(const struct qc_series *s, double unit, char *text,
		     size_t size)
{
	int len = snprintf(text, size, "%s, %s%s%s", s->kind, s->element,
			   *s->sample ? " in " : "", s->sample);

	if (len < 0 || (size_t)len >= size)
		return;
	text += len;
	size -= (size_t)len;
	if (has_mean(s))
		snprintf(text, size, ", mean %g, s %g %s", s->mean_mg_kg / unit,
			 s->s_mg_kg / unit, unit_name(unit));
	else if (isfinite(s->max_percent))
		snprintf(text, size, ", may differ by %g %%", s->max_percent);
	else if (isfinite(s->max_mg_kg))
		snprintf(text, size, ", at most %g %s", s->max_mg_kg / unit,
			 unit_name(unit));
	else
		snprintf(text, size, " in %s", unit_name(unit));
}

/* ---- terminal ------------------------------------------------------------- */

static size_t place(double share)
{
	share = share < 0 ? 0 : share > 1 ? 1 : share;
	return (size_t)lround(share * (BAR_COLUMNS - 1));
}

/* Places of lines between 0 and 1, and how each looks. */
struct mark {
	double share;
	const char *glyph;
};

/* "   :    |    :   " with the value in it. */
static void bar(char *text, size_t size, const struct mark *marks,
		size_t n_marks, double share, const char *value)
{
	size_t len = 0;

	*text = 0;
	for (size_t i = 0; i < BAR_COLUMNS && len < size; i++) {
		const char *c = " ";

		for (size_t k = 0; k < n_marks; k++)
			if (i == place(marks[k].share))
				c = marks[k].glyph;
		if (isfinite(share) && i == place(share))
			c = value;
		len += (size_t)snprintf(text + len, size - len, "%s", c);
	}
}

static size_t put_bar(FILE *out, const char *text)
{
	fputs(text, out);
	return BAR_COLUMNS;
}

/* Returns how many columns that were. */
static size_t print_bar(FILE *out, const struct qc_series *s,
			const struct qc_point *p, double unit)
{
	const struct mark by_z[] = {
		{ 0.5, print_glyph("│", "|") },
		{ 0.5 - 3 / (2 * Z_SHOWN), print_glyph("┊", "!") },
		{ 0.5 + 3 / (2 * Z_SHOWN), print_glyph("┊", "!") },
		{ 0.5 - 2 / (2 * Z_SHOWN), print_glyph("·", ":") },
		{ 0.5 + 2 / (2 * Z_SHOWN), print_glyph("·", ":") },
	};
	const struct mark by_limit[] = {
		{ 0, print_glyph("│", "|") },
		{ 0.75, print_glyph("┊", "!") },
	};
	const char *value =
		p->is_failed ? print_glyph("✗", "X") : print_glyph("●", "o");
	const double limit = limit_of(s, unit);
	const double v = value_of(s, p, unit);
	char text[4 * BAR_COLUMNS + 1];
	size_t n = 0;

	if (has_mean(s)) {
		bar(text, sizeof(text), by_z, ARRAY_SIZE(by_z),
		    0.5 + v / (2 * Z_SHOWN), value);
		return (size_t)fprintf(out, "  %6s s  ",
				       print_signed(v, 1).text) +
		       put_bar(out, text);
	}
	if (isfinite(limit)) {
		bar(text, sizeof(text), by_limit, ARRAY_SIZE(by_limit),
		    limit > 0 ? 0.75 * v / limit : 1, value);
		if (isfinite(s->max_percent))
			n = (size_t)fprintf(out, "  %6.1f %%", v);
		n += (size_t)fprintf(out, "  ");
		return n + put_bar(out, text);
	}
	return 0;
}

/* Below the bar where there is no room behind it. */
static void print_rules(FILE *out, const struct qc_point *p, size_t column)
{
	const char *rules = *p->rules ? p->rules : "failed";

	if (print_has_edge(out) &&
	    column + 1 + strlen(rules) > (size_t)print_width(out))
		fprintf(out, "\n%*s", (int)(column - BAR_COLUMNS), "");
	else
		fputc(' ', out);
	fprintf(out, "%s%s%s", print_style(out, PRINT_BAD), rules,
		print_style(out, PRINT_PLAIN));
}

static void print_verdict(FILE *out, const struct qc_series *s)
{
	const struct qc_point *p = &s->point[s->n_points - 1];
	char text[600] = "ok";

	/* What the record says begins with the name of the check. */
	if (p->is_failed)
		snprintf(text, sizeof(text), "failed: %s",
			 *p->why ? p->why : "no reason is recorded");
	fputc('\n', out);
	print_flow(out, p->is_failed ? PRINT_BAD : PRINT_GOOD, "Verdict  ",
		   text);
}

void qc_chart_print(FILE *out, const struct qc_series *s, size_t n_max)
{
	size_t first = s->n_points > n_max ? s->n_points - n_max : 0;
	const double unit = unit_of(s);
	char head[64], what[240], text[300];

	describe(s, unit, what, sizeof(what));
	snprintf(text, sizeof(text), "%s%s", what,
		 has_mean(s)		       ? "; lines at 2 and 3 s"
		 : isfinite(limit_of(s, unit)) ? "; a line at that"
					       : "");
	snprintf(head, sizeof(head), "%s  ", s->name);
	print_line(out, PRINT_BOLD, head, text);
	for (size_t i = first; i < s->n_points; i++) {
		const struct qc_point *p = &s->point[i];
		struct content_cells c;
		size_t column;

		qc_content(&c, s, p, unit);
		column = (size_t)fprintf(out, "%s %8s %s",
					 print_local_time(p->time).text,
					 c.value.text, c.unit);
		column += print_bar(out, s, p, unit);
		if (p->is_failed)
			print_rules(out, p, column);
		fputc('\n', out);
	}
	if (s->n_points)
		print_verdict(out, s);
}

/* ---- picture -------------------------------------------------------------- */

/* The lines, and room about each value for the whole of its dot. */
static void set_range(const struct qc_series *s, struct panel *p, double unit)
{
	const double limit = limit_of(s, unit);
	double low = has_mean(s) ? -Z_SHOWN : 0;
	double high = has_mean(s) ? Z_SHOWN : limit > 0 ? limit * 4 / 3 : 1;
	double least = high, most = low, room;

	for (size_t i = 0; i < s->n_points; i++) {
		double v = drawn_at(s, &s->point[i], unit);

		least = fmin(least, v);
		most = fmax(most, v);
	}
	room = DOT_ROOM * (fmax(high, most) - fmin(low, least));
	p->y_min = fmin(low, least - room);
	p->y_max = fmax(high, most + room);
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

/* What may not be passed, and how much that is, above it on the right. */
static void draw_limit(struct canvas *c, const struct qc_series *s,
		       const struct panel *p, double unit)
{
	const double limit = limit_of(s, unit);
	const double y = panel_y(p, limit);
	char text[48];

	if (!isfinite(limit))
		return;
	canvas_colour(c, &axes_blue);
	canvas_line_width(c, 1.6);
	canvas_line(c, p->x, y, p->x + p->width, y);
	snprintf(text, sizeof(text), "limit %g %s", limit, value_unit(s, unit));
	canvas_text(c, p->x + p->width - 6, y - 6, 1, text);
}

/* Four round values for a chart without a mean. */
static void draw_values(struct canvas *c, const struct qc_series *s,
			const struct panel *p, double unit)
{
	double step = pow(10, floor(log10(p->y_max / 2)));
	char text[24];

	while (p->y_max / step > 6)
		step *= 2;
	for (double v = 0; v <= p->y_max; v += step) {
		canvas_colour(c, &axes_grid);
		canvas_line(c, p->x, panel_y(p, v), p->x + p->width,
			    panel_y(p, v));
		snprintf(text, sizeof(text), "%g %s", v, value_unit(s, unit));
		canvas_colour(c, &axes_ink);
		canvas_text(c, p->x - 8, panel_y(p, v) + 4, 1, text);
	}
}

static bool is_censored(const struct qc_series *s, const struct qc_point *p)
{
	return !isfinite(s->max_percent) && p->content_mg_kg < p->lc_mg_kg;
}

/* How far off one is that stands at the edge, towards the middle. */
static void draw_far(struct canvas *c, const struct qc_series *s,
		     const struct qc_point *point, double x, double y)
{
	char text[24];

	if (!has_mean(s) || fabs(point->z) <= Z_EDGE)
		return;
	snprintf(text, sizeof(text), "%+.3g s", point->z);
	canvas_colour(c, &axes_ink);
	canvas_text(c, x, point->z > 0 ? y + 24 : y - 16, 0.5, text);
}

static void draw_points(struct canvas *c, const struct qc_series *s,
			const struct panel *p, double unit)
{
	canvas_colour(c, &axes_grey);
	canvas_line_width(c, 1);
	for (size_t i = 0; i < s->n_points; i++) {
		double x = panel_x(p, (double)i);
		double y = panel_y(p, drawn_at(s, &s->point[i], unit));

		if (i)
			canvas_to(c, x, y);
		else
			canvas_move(c, x, y);
	}
	canvas_stroke(c);
	for (size_t i = 0; i < s->n_points; i++) {
		double x = panel_x(p, (double)i);
		double y = panel_y(p, drawn_at(s, &s->point[i], unit));

		draw_far(c, s, &s->point[i], x, y);
		if (!s->point[i].is_failed) {
			canvas_colour(c, &axes_grey);
			canvas_line_width(c, 1.6);
			canvas_dot(c, x, y, 4, !is_censored(s, &s->point[i]));
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
	const double unit = unit_of(s);
	char what[240], text[360], title[96];
	bool is_any_censored = false;
	struct cell zone = { "" };
	struct canvas *c;
	int r;

	r = canvas_new(path, WIDTH, HEIGHT, &c);
	if (r < 0)
		return r;
	set_range(s, &p, unit);
	canvas_colour(c, &axes_ink);
	canvas_font(c, 19, true);
	snprintf(title, sizeof(title), "%s, spectrometer %s", s->name,
		 s->serial);
	canvas_text(c, LEFT, 34, 0, title);
	canvas_font(c, 14, false);
	canvas_colour(c, &axes_soft);
	for (size_t i = 0; i < s->n_points; i++)
		is_any_censored |= is_censored(s, &s->point[i]);
	describe(s, unit, what, sizeof(what));
	if (s->n_points)
		zone = print_local_time(s->point[s->n_points - 1].time);
	snprintf(text, sizeof(text), "%s; %zu value%s, times in%s%s", what,
		 s->n_points, s->n_points == 1 ? "" : "s",
		 strlen(zone.text) > 19 ? zone.text + 19 : " UTC",
		 is_any_censored ? "; hollow: below the decision limit" : "");
	canvas_text(c, LEFT, 58, 0, text);
	canvas_font(c, 12, false);
	if (has_mean(s))
		draw_lines(c, &p);
	else
		draw_values(c, s, &p, unit);
	draw_limit(c, s, &p, unit);
	canvas_clip(c, p.x, p.y, p.width, p.height);
	draw_points(c, s, &p, unit);
	canvas_unclip(c);
	draw_times(c, s, &p);
	axes_frame(c, &p);
	return canvas_end(c);
}
