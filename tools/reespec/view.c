// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The spectrum on a grid of characters. With braille a character holds 2 x 4
 * dots, without UTF-8 one; heights are of the highest channel under a dot, so
 * that no line disappears when many channels share one.
 */
#include "reespec/view.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Narrower terminals have no room for the table of elements. */
#define PANEL_COLUMNS 25
#define PANEL_FROM 72
/* Lines above the plot, and below it: axis, cursor, keys. */
#define ROWS_ABOVE 3
#define ROWS_BELOW 3
#define RESIDUAL_ROWS 3
#define MARK_ROWS 2
#define RESIDUAL_SIGMA 5.0

/* ---- grid ----------------------------------------------------------------- */

int view_grid_resize(struct view_grid *g, int rows, int columns)
{
	size_t n = (size_t)rows * (size_t)columns;
	struct view_cell *cell =
		reallocarray(g->cell, n ? n : 1, sizeof(*cell));

	if (!cell)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		cell[i] = (struct view_cell){ " ", VIEW_PLAIN };
	*g = (struct view_grid){ rows, columns, cell };
	return 0;
}

void view_grid_deinit(struct view_grid *g)
{
	free(g->cell);
	*g = (struct view_grid){ 0 };
}

static struct view_cell *cell_at(struct view_grid *g, int row, int column)
{
	static struct view_cell nowhere;

	if (row < 0 || row >= g->rows || column < 0 || column >= g->columns)
		return &nowhere;
	return &g->cell[row * g->columns + column];
}

/* Text of one row, cut at @end; returns the column behind it. */
static int put_text(struct view_grid *g, int row, int column, int end,
		    enum view_style style, const char *text)
{
	while (*text && column < end) {
		struct view_cell *c = cell_at(g, row, column++);
		size_t n = 0;

		memset(c->text, 0, sizeof(c->text));
		do {
			if (n < sizeof(c->text) - 1)
				c->text[n++] = *text;
			text++;
		} while (((unsigned char)*text & 0xc0) == 0x80);
		c->style = style;
	}
	return column;
}

static int put(struct view_grid *g, int row, int column, int end,
	       enum view_style style, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

static int put(struct view_grid *g, int row, int column, int end,
	       enum view_style style, const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return put_text(g, row, column, end, style, text);
}

/* ---- range ---------------------------------------------------------------- */

void view_range(const struct view *v, const struct view_data *d, double *low,
		double *high)
{
	*low = v->low_kev;
	*high = v->high_kev;
	if (*high > *low)
		return;
	*low = d->zero_kev > 0 ? 0 : d->zero_kev;
	*high = d->zero_kev + d->kev_per_chan * (double)d->n_chan;
}

int view_plot_columns(int columns)
{
	return columns >= PANEL_FROM ? columns - PANEL_COLUMNS : columns;
}

/* First and last channel under dot @i of @n. */
static void channels_of(const struct view_data *d, double low, double high,
			int i, int n, size_t *first, size_t *last)
{
	double step = (high - low) / n;
	double a = (low + step * i - d->zero_kev) / d->kev_per_chan + 0.5;
	double b = a + step / d->kev_per_chan - 1;
	double end = (double)d->n_chan - 1;

	a = a < 0 ? 0 : a > end ? end : floor(a);
	b = b < a ? a : b > end ? end : floor(b);
	*first = (size_t)a;
	*last = (size_t)b;
}

/* The highest of @values under a dot; NAN where the spectrum has ended. */
static double height_at(const struct view_data *d, const double *values,
			double low, double high, int i, int n)
{
	double kev = low + (high - low) / n * (i + 0.5);
	double highest = NAN;
	size_t first, last;

	if (kev < d->zero_kev - d->kev_per_chan ||
	    kev > d->zero_kev + d->kev_per_chan * (double)d->n_chan)
		return NAN;
	channels_of(d, low, high, i, n, &first, &last);
	for (size_t k = first; k <= last; k++)
		if (!(values[k] <= highest))
			highest = values[k];
	return highest;
}

/* ---- plot ----------------------------------------------------------------- */

/* Where the dots go: rows of the grid, and dots a character. */
struct plot {
	struct view_grid *g;
	int top, rows, columns;
	int per_column, per_row;
	bool is_ascii;
	uint8_t *bits; /* by character */
	uint8_t *style;
};

static int plot_init(struct plot *p, struct view_grid *g, const struct view *v,
		     int top, int rows, int columns)
{
	size_t n = (size_t)rows * (size_t)columns;

	*p = (struct plot){ .g = g,
			    .top = top,
			    .rows = rows,
			    .columns = columns,
			    .is_ascii = v->is_ascii };
	p->per_column = v->is_ascii ? 1 : 2;
	p->per_row = v->is_ascii ? 1 : 4;
	p->bits = calloc(n, 1);
	p->style = calloc(n, 1);
	if (p->bits && p->style)
		return 0;
	free(p->bits);
	free(p->style);
	return -ENOMEM;
}

/* @y counts dots from the bottom. */
static void plot_dot(struct plot *p, int x, int y, enum view_style style)
{
	static const uint8_t bit[2][4] = { { 0x40, 0x04, 0x02, 0x01 },
					   { 0x80, 0x20, 0x10, 0x08 } };
	int row = p->rows - 1 - y / p->per_row;
	int at = row * p->columns + x / p->per_column;

	if (row < 0 || y < 0 || x < 0 || x >= p->columns * p->per_column)
		return;
	p->bits[at] |= p->is_ascii ? 1 : bit[x % 2][y % 4];
	if (p->style[at] != VIEW_FIT)
		p->style[at] = (uint8_t)style;
}

static void plot_end(struct plot *p)
{
	for (int i = 0; i < p->rows * p->columns; i++) {
		struct view_cell *c =
			cell_at(p->g, p->top + i / p->columns, i % p->columns);

		if (!p->bits[i])
			continue;
		if (p->is_ascii)
			strcpy(c->text, p->style[i] == VIEW_FIT ? "-" : "#");
		else
			snprintf(c->text, sizeof(c->text), "\xe2%c%c",
				 0xa0 | p->bits[i] >> 6,
				 0x80 | (p->bits[i] & 0x3f));
		c->style = p->style[i];
	}
	free(p->bits);
	free(p->style);
}

struct scale {
	bool is_log;
	double top;
	int dots;
};

static int scale_y(const struct scale *s, double value)
{
	double share;

	if (!(value > 0))
		return 0;
	if (s->is_log)
		share = value < 1 ? 0 : log(value) / log(s->top);
	else
		share = value / s->top;
	return (int)lround(share * (s->dots - 1));
}

/* A line through the heights; gaps where there is no value. */
static void plot_line(struct plot *p, const struct view_data *d,
		      const struct scale *s, const double *values, double low,
		      double high, enum view_style style)
{
	int n = p->columns * p->per_column;
	int before = -1;

	for (int x = 0; x < n; x++) {
		double h = height_at(d, values, low, high, x, n);
		int y, from;

		if (!isfinite(h)) {
			before = -1;
			continue;
		}
		y = scale_y(s, h);
		from = before < 0 ? y : before;
		before = y;
		/* Half of a steep step belongs to each neighbour. */
		for (int k = from < y ? from + 1 : y;
		     k <= (from < y ? y : from); k++)
			plot_dot(p, x, k, style);
		plot_dot(p, x, y, style);
	}
}

static void plot_area(struct plot *p, const struct view_data *d,
		      const struct scale *s, double low, double high)
{
	int n = p->columns * p->per_column;

	for (int x = 0; x < n; x++) {
		double h = height_at(d, d->counts, low, high, x, n);

		if (!(h > 0))
			continue;
		for (int y = scale_y(s, h); y >= 0; y--)
			plot_dot(p, x, y, VIEW_DATA);
	}
}

/* Where the fit has none, there is nothing to judge. */
static bool has_model(const struct view *v, const struct view_data *d)
{
	return v->has_fit && d->model && d->model_counts;
}

static double highest_in(const struct view_data *d, double low, double high)
{
	double top = 10;
	size_t first, last;

	channels_of(d, low, high, 0, 1, &first, &last);
	for (size_t k = first; k <= last; k++)
		if (d->counts[k] > top)
			top = d->counts[k];
	return top;
}

static void draw_spectrum(const struct view *v, const struct view_data *d,
			  struct view_grid *g, int top, int rows, int columns)
{
	struct scale s = { .is_log = v->is_log };
	double low, high;
	struct plot p;

	view_range(v, d, &low, &high);
	if (plot_init(&p, g, v, top, rows, columns) < 0)
		return;
	s.top = highest_in(d, low, high) * (v->is_log ? 1.5 : 1.05);
	s.dots = rows * p.per_row;
	if (has_model(v, d)) {
		plot_line(&p, d, &s, d->counts, low, high, VIEW_DATA);
		plot_line(&p, d, &s, d->model, low, high, VIEW_FIT);
	} else {
		plot_area(&p, d, &s, low, high);
	}
	plot_end(&p);
	put(g, top, 0, columns, VIEW_DIM, "%.0f%s", s.top,
	    v->is_log ? " log" : "");
}

/* Of all channels under a dot together, in their standard deviations. */
static double residual_at(const struct view_data *d, double low, double high,
			  int i, int n)
{
	double counts = 0, model = 0;
	size_t first, last;

	channels_of(d, low, high, i, n, &first, &last);
	for (size_t k = first; k <= last; k++) {
		if (!isfinite(d->model[k]))
			return NAN;
		counts += d->model_counts[k];
		model += d->model[k];
	}
	return model > 0 ? (counts - model) / sqrt(model) : NAN;
}

static void draw_residual(const struct view *v, const struct view_data *d,
			  struct view_grid *g, int top, int columns)
{
	double low, high;
	struct plot p;
	int n, dots;

	view_range(v, d, &low, &high);
	if (plot_init(&p, g, v, top, RESIDUAL_ROWS, columns) < 0)
		return;
	n = columns * p.per_column;
	dots = RESIDUAL_ROWS * p.per_row;
	for (int x = 0; x < n; x++) {
		double r = residual_at(d, low, high, x, n);

		if (!isfinite(r))
			continue;
		if (fabs(r) > RESIDUAL_SIGMA)
			r = copysign(RESIDUAL_SIGMA, r);
		plot_dot(&p, x,
			 (int)lround((r / RESIDUAL_SIGMA + 1) / 2 * (dots - 1)),
			 fabs(r) >= RESIDUAL_SIGMA ? VIEW_BAD : VIEW_FIT);
	}
	plot_end(&p);
	put(g, top, 0, columns, VIEW_DIM, "+%.0f sigma", RESIDUAL_SIGMA);
}

/* ---- around the plot ------------------------------------------------------ */

static int column_of(double kev, double low, double high, int columns)
{
	return (int)((kev - low) / (high - low) * columns);
}

static void draw_axis(const struct view *v, const struct view_data *d,
		      struct view_grid *g, int row, int columns)
{
	static const double steps[] = {
		0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50
	};
	double low, high, step = 100;
	int end = columns - 4;

	view_range(v, d, &low, &high);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (steps[i] / (high - low) * columns >= 9) {
			step = steps[i];
			break;
		}
	for (double kev = ceil(low / step) * step; kev <= high; kev += step) {
		int at = column_of(kev, low, high, columns);

		if (at < end - 4)
			put(g, row, at, end, VIEW_DIM, "%s%.*f",
			    v->is_ascii ? "'" : "╵", step < 1 ? 2 : 0, kev);
	}
	put(g, row, end, columns, VIEW_DIM, " keV");
}

static bool is_free(struct view_grid *g, int row, int column, int n)
{
	for (int i = column; i < column + n; i++)
		if (strcmp(cell_at(g, row, i)->text, " "))
			return false;
	return true;
}

/* One name over its line, in the first row with room; else none. */
static void draw_name(struct view_grid *g, const char *name, int row, int at,
		      int columns)
{
	int n = (int)strlen(name);
	int from = at + n > columns ? columns - n : at;

	for (int k = 0; k < MARK_ROWS; k++) {
		/* A blank keeps two names apart. */
		if (!is_free(g, row + k, from ? from - 1 : 0, n + 1))
			continue;
		put_text(g, row + k, from, columns, VIEW_MARK, name);
		return;
	}
}

/* Names in rows of their own, the strongest lines first, and what they mean. */
static void draw_marks(const struct view *v, const struct view_data *d,
		       struct view_grid *g, int row, int plot_rows, int columns)
{
	double low, high;

	view_range(v, d, &low, &high);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < v->n_lines; i++) {
			const struct view_line *l = &v->line[i];
			bool is_alpha = strstr(l->name, "a1");

			if (l->kev >= low && l->kev < high && is_alpha == !pass)
				draw_name(g, l->name, row,
					  column_of(l->kev, low, high, columns),
					  columns);
		}
	}
	for (size_t i = 0; i < v->n_lines; i++) {
		int at = column_of(v->line[i].kev, low, high, columns);

		if (v->line[i].kev < low || v->line[i].kev >= high)
			continue;
		for (int k = MARK_ROWS; k < MARK_ROWS + plot_rows; k++) {
			struct view_cell *c = cell_at(g, row + k, at);

			if (strcmp(c->text, " "))
				break;
			strcpy(c->text, v->is_ascii ? "|" : "┆");
			c->style = VIEW_MARK;
		}
	}
}

static const struct view_line *nearest_line(const struct view *v)
{
	const struct view_line *near = NULL;

	for (size_t i = 0; i < v->n_lines; i++)
		if (!near || fabs(v->line[i].kev - v->cursor_kev) <
				     fabs(near->kev - v->cursor_kev))
			near = &v->line[i];
	return near;
}

/* What stands under the cursor; where there is no room for all of it, what the
 * eye has elsewhere goes first: the channel, then the fit. */
static void tell_cursor(const struct view *v, const struct view_data *d,
			struct view_grid *g, size_t k, int row)
{
	enum { ENERGY, CHANNEL, COUNTS, FIT, LINE, N_PARTS };
	static const enum view_style style[] = { VIEW_BOLD, VIEW_BOLD,
						 VIEW_BOLD, VIEW_FIT,
						 VIEW_MARK };
	static const int dispensable[] = { CHANNEL, FIT };
	const struct view_line *near = nearest_line(v);
	char part[N_PARTS][48] = { "" };
	int at = 0, n = 0;

	snprintf(part[ENERGY], sizeof(*part), "%.3f keV", v->cursor_kev);
	snprintf(part[CHANNEL], sizeof(*part), "  channel %zu", k);
	snprintf(part[COUNTS], sizeof(*part), "  %.0f counts", d->counts[k]);
	if (has_model(v, d) && isfinite(d->model[k]))
		snprintf(part[FIT], sizeof(*part), "  fit %.0f", d->model[k]);
	if (near)
		snprintf(part[LINE], sizeof(*part), "  %s %+.0f eV", near->name,
			 1000 * (v->cursor_kev - near->kev));
	for (int i = 0; i < N_PARTS; i++)
		n += (int)strlen(part[i]);
	for (size_t i = 0;
	     i < sizeof(dispensable) / sizeof(*dispensable) && n > g->columns;
	     i++) {
		n -= (int)strlen(part[dispensable[i]]);
		part[dispensable[i]][0] = 0;
	}
	for (int i = 0; i < N_PARTS; i++)
		at = put_text(g, row, at, g->columns, style[i], part[i]);
}

static void draw_cursor(const struct view *v, const struct view_data *d,
			struct view_grid *g, int top, int rows, int columns,
			int row)
{
	double low, high, chan;
	size_t k;
	int at;

	view_range(v, d, &low, &high);
	at = column_of(v->cursor_kev, low, high, columns);
	if (at >= columns)
		at = columns - 1;
	for (int i = 0; i < rows; i++) {
		struct view_cell *c = cell_at(g, top + i, at);

		if (!strcmp(c->text, " "))
			strcpy(c->text, v->is_ascii ? "|" : "│");
		c->style = VIEW_BOLD;
	}
	chan = (v->cursor_kev - d->zero_kev) / d->kev_per_chan;
	k = chan < 0 ? 0 : (size_t)lround(chan);
	if (k >= d->n_chan)
		k = d->n_chan - 1;
	tell_cursor(v, d, g, k, row);
}

static void draw_head(const struct view_data *d, struct view_grid *g)
{
	int at;

	at = put(g, 0, 0, g->columns, VIEW_BOLD, "%s",
		 *d->sample ? d->sample : "no assay");
	at = put(g, 0, at, g->columns, VIEW_PLAIN, "%s%s  %s",
		 *d->method ? " by " : "", d->method, d->serial);
	put(g, 0, at, g->columns,
	    strcmp(d->state, "fault") ? VIEW_DIM : VIEW_BAD, "  %s", d->state);
	at = 0;
	if (isfinite(d->live_s) && d->preset_s > 0)
		at = put(g, 1, at, g->columns, VIEW_PLAIN, "live %.1f/%.0f s  ",
			 d->live_s, d->preset_s);
	else if (isfinite(d->live_s))
		at = put(g, 1, at, g->columns, VIEW_PLAIN, "live %.1f s  ",
			 d->live_s);
	if (isfinite(d->dead))
		at = put(g, 1, at, g->columns, VIEW_PLAIN, "dead %.0f %%  ",
			 100 * d->dead);
	if (isfinite(d->fast_cps))
		at = put(g, 1, at, g->columns, VIEW_PLAIN, "in %.1fk  ",
			 d->fast_cps / 1000);
	if (isfinite(d->slow_cps))
		at = put(g, 1, at, g->columns, VIEW_PLAIN, "out %.1fk cps  ",
			 d->slow_cps / 1000);
	if (isfinite(d->detector_k))
		at = put(g, 1, at, g->columns, VIEW_PLAIN, "%.0f K  ",
			 d->detector_k);
	if (d->is_dark)
		at = put(g, 1, at, g->columns, VIEW_BAD, "high voltage off  ");
	if (d->model && isfinite(d->chi2))
		put(g, 1, at, g->columns, VIEW_FIT, "chi2 %.2f", d->chi2);
	put_text(g, 2, 0, g->columns, VIEW_BAD, d->message);
}

/* Beside the plot; the line of the cursor has the whole width. What does not
 * fit has pages, and the last row says how to turn them. */
static void draw_contents(const struct view *v, const struct view_data *d,
			  struct view_grid *g)
{
	const int left = g->columns - PANEL_COLUMNS + 1;
	const size_t rows =
		(size_t)(g->rows - ROWS_ABOVE - (v->has_cursor ? 2 : 1));
	const size_t shown = d->n_contents > rows ? rows - 1 : rows;
	const size_t n_pages = (d->n_contents + shown - 1) / shown;
	const size_t page = n_pages ? v->page % n_pages : 0;

	for (size_t i = 0; i < shown && page * shown + i < d->n_contents; i++) {
		const struct view_content *c = &d->content[page * shown + i];
		enum view_style style = c->is_censored ? VIEW_DIM : VIEW_PLAIN;

		put_text(g, ROWS_ABOVE + (int)i, left, g->columns, style,
			 c->symbol);
		put_text(g, ROWS_ABOVE + (int)i, left + 3, g->columns, style,
			 c->text);
	}
	if (n_pages > 1)
		put(g, ROWS_ABOVE + (int)shown, left, g->columns, VIEW_BOLD,
		    "e more, %zu of %zu", page + 1, n_pages);
	if (!d->n_contents)
		put_text(g, ROWS_ABOVE, left, g->columns, VIEW_DIM,
			 d->is_over ? "no contents" : "no estimate yet");
}

void view_draw(const struct view *v, const struct view_data *d,
	       struct view_grid *g)
{
	int columns = view_plot_columns(g->columns);
	int rows = g->rows - ROWS_ABOVE - ROWS_BELOW;
	int keys = g->rows - 1;
	int top = ROWS_ABOVE + (v->n_lines ? MARK_ROWS : 0);
	bool has_residual = has_model(v, d) && rows > 2 * RESIDUAL_ROWS + 2;

	rows -= top - ROWS_ABOVE;
	if (g->rows < 10 || g->columns < 30) {
		put_text(g, 0, 0, g->columns, VIEW_BAD,
			 "the terminal is too small");
		return;
	}
	draw_head(d, g);
	if (has_residual)
		rows -= RESIDUAL_ROWS;
	if (d->n_chan) {
		draw_spectrum(v, d, g, top, rows, columns);
		if (has_residual)
			draw_residual(v, d, g, top + rows, columns);
		if (v->n_lines)
			draw_marks(v, d, g, ROWS_ABOVE, rows, columns);
		if (v->has_cursor)
			draw_cursor(v, d, g, top, rows, columns, g->rows - 2);
		draw_axis(v, d, g, g->rows - ROWS_BELOW, columns);
	}
	if (g->columns >= PANEL_FROM)
		draw_contents(v, d, g);
	if (v->is_typing)
		put(g, keys, 0, g->columns, VIEW_BOLD,
		    "element: %s_   (Enter shows or hides its lines)",
		    v->typed);
	else if (v->is_unknown)
		put(g, keys, 0, g->columns, VIEW_BOLD,
		    "%s: no such element   (m asks again)", v->typed);
	else
		put_text(
			g, keys, 0, g->columns, VIEW_DIM,
			g->columns >= 78
				? "arrows move/zoom  <> pan  a all  l log  f fit  m mark  c clear  e more  q quit"
				: "arrows < > a l f m c e  q quit");
}
