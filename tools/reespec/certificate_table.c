// SPDX-License-Identifier: GPL-2.0-or-later
/* Elements beside their oxides on a page: the certificate's tables. */
#include "reespec/certificate_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "reespec/axes.h"
#include "reespec/known.h"

/* Of the size of letters: between columns, and before the oxide. */
#define GAP 0.55
#define GAP_OXIDE 1.3
#define SIZE_MIN 4.0
#define SIZE_STEP 0.1

static const struct certificate_row head = {
	.cell = { [CERTIFICATE_CONTENT] = { "content" },
		  [CERTIFICATE_U] = { "U" },
		  [CERTIFICATE_LD] = { "L_D" },
		  [CERTIFICATE_OXIDE] = { "oxide" },
		  [CERTIFICATE_OXIDE_CONTENT] = { "content" },
		  [CERTIFICATE_OXIDE_U] = { "U" },
		  [CERTIFICATE_OXIDE_LD] = { "L_D" } },
};

static void set(struct certificate_row *row, enum certificate_column column,
		const char *text)
{
	snprintf(row->cell[column].text, sizeof(row->cell[column].text), "%s",
		 text);
}

static json_t *oxide_of(json_t *contents, const char *symbol)
{
	json_t *oxides = js_get(contents, "oxides");

	for (size_t i = 0; i < js_len(oxides); i++)
		if (!strcmp(js_text(js_at(oxides, i), "symbol"), symbol))
			return js_at(oxides, i);
	return NULL;
}

static void set_numbers(struct certificate_row *row,
			enum certificate_column column,
			const struct content_cells *c)
{
	row->cell[column] = c->value;
	if (!c->is_censored)
		row->cell[column + 1] = c->u;
	row->cell[column + 2] = c->ld;
}

/* The oxide is in the unit of the element, its limits are those by its factor. */
static void fill_row(struct certificate_row *row, json_t *e, json_t *oxide)
{
	const char *symbol = js_text(e, "symbol");
	const double factor = js_number(oxide, "factor");
	const double lc = js_number(e, "lc_mg_kg"),
		     ld = js_number(e, "ld_mg_kg");
	struct content_cells c, o;

	print_content(&c, js_number(e, "content_mg_kg"),
		      js_number(e, "u_expanded_mg_kg"), lc, ld);
	set(row, CERTIFICATE_SYMBOL, symbol);
	set(row, CERTIFICATE_UNIT, c.unit);
	set_numbers(row, CERTIFICATE_CONTENT, &c);
	row->is_censored = c.is_censored;
	row->is_always = !strcmp(symbol, "Th") || !strcmp(symbol, "U");
	if (!isfinite(factor))
		return;
	print_content_in(&o, c.unit_mg_kg, js_number(oxide, "content_mg_kg"),
			 js_number(oxide, "u_expanded_mg_kg"), factor * lc,
			 factor * ld);
	set(row, CERTIFICATE_OXIDE, js_text(oxide, "formula"));
	set_numbers(row, CERTIFICATE_OXIDE_CONTENT, &o);
}

void certificate_table_fill(struct certificate_table *t, json_t *contents,
			    bool is_rare)
{
	json_t *elements = js_get(contents, "elements");

	memset(t, 0, sizeof(*t));
	t->row[t->n++] = head;
	for (size_t i = 0; i < js_len(elements); i++) {
		json_t *e = js_at(elements, i);
		const char *symbol = js_text(e, "symbol");

		if (known_is_rare_earth(symbol) == is_rare &&
		    t->n < ARRAY_SIZE(t->row))
			fill_row(&t->row[t->n++], e,
				 oxide_of(contents, symbol));
	}
}

void certificate_table_shorten(struct certificate_table *t,
			       json_t *ret_left_out)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct certificate_row *row = &t->row[i];

		if (row->is_censored && !row->is_always)
			js_append(ret_left_out,
				  js_str(row->cell[CERTIFICATE_SYMBOL].text));
		else
			t->row[n++] = *row;
	}
	t->n = n;
}

/* A column without anything below its head is none: 0. */
static double column_width(const struct certificate_table *t, struct canvas *c,
			   size_t column)
{
	double width, widest = 0;

	for (size_t i = 1; i < t->n; i++) {
		width = canvas_text_width(c, t->row[i].cell[column].text);
		widest = width > widest ? width : widest;
	}
	width = canvas_text_width(c, t->row[0].cell[column].text);
	return widest > 0 && width > widest ? width : widest;
}

static double gap_before(size_t column, double size)
{
	return (column == CERTIFICATE_OXIDE ? GAP_OXIDE : GAP) * size;
}

/* Of all columns with the least gaps; the font is set. @ret: of each column. */
static double measure(const struct certificate_table *t, struct canvas *c,
		      double size, double *ret, size_t *ret_n)
{
	double sum = 0;

	*ret_n = 0;
	for (size_t k = 0; k < CERTIFICATE_COLUMNS; k++) {
		ret[k] = column_width(t, c, k);
		if (ret[k] <= 0)
			continue;
		sum += ret[k] + (*ret_n ? gap_before(k, size) : 0);
		++*ret_n;
	}
	return sum;
}

double certificate_table_size(const struct certificate_table *t,
			      struct canvas *c, double width, double size)
{
	double widths[CERTIFICATE_COLUMNS];
	size_t n;

	for (; size > SIZE_MIN; size -= SIZE_STEP) {
		canvas_font(c, size, false);
		if (measure(t, c, size, widths, &n) <= width)
			break;
	}
	return size;
}

static bool is_of_words(size_t column)
{
	return column == CERTIFICATE_SYMBOL || column == CERTIFICATE_OXIDE ||
	       column == CERTIFICATE_UNIT;
}

static void draw_row(const struct certificate_row *row, struct canvas *c,
		     const double *left, const double *width, double y)
{
	for (size_t k = 0; k < CERTIFICATE_COLUMNS; k++) {
		if (width[k] <= 0)
			continue;
		if (is_of_words(k))
			canvas_text(c, left[k], y, 0, row->cell[k].text);
		else
			canvas_text(c, left[k] + width[k], y, 1,
				    row->cell[k].text);
	}
}

void certificate_table_draw(const struct certificate_table *t, struct canvas *c,
			    double left, double right, double y, double step,
			    double size)
{
	double width[CERTIFICATE_COLUMNS], at[CERTIFICATE_COLUMNS] = { 0 };
	double more = 0, x = left;
	size_t n;

	canvas_font(c, size, false);
	more = right - left - measure(t, c, size, width, &n);
	more = n > 1 && more > 0 ? more / (double)(n - 1) : 0;
	for (size_t k = 0; k < CERTIFICATE_COLUMNS; k++) {
		if (width[k] <= 0)
			continue;
		x += x > left ? gap_before(k, size) + more : 0;
		at[k] = x;
		x += width[k];
	}
	for (size_t i = 0; i < t->n; i++) {
		y += step;
		canvas_colour(c, !i || t->row[i].is_censored ? &axes_soft
							     : &axes_ink);
		draw_row(&t->row[i], c, at, width, y);
	}
	canvas_colour(c, &axes_ink);
}
