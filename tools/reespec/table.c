// SPDX-License-Identifier: GPL-2.0-or-later
/* Tables for people: columns that line up, numbers by their decimal point. */
#include "reespec/print.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Narrower than this a column of text is not made. */
#define WRAP_MIN 12

struct column {
	char format; /* in small letters */
	bool is_extra; /* only where there is room */
	bool is_left_out;
	size_t width;
	/* For 'd': the widest part before the point, and from it on. */
	size_t before;
	size_t after;
};

struct row {
	enum print_style style;
	char **cells;
};

struct table {
	size_t n_columns;
	struct column *columns;
	size_t n_rows;
	struct row *rows;
	size_t n_filled;
	enum print_style style;
	const struct column *wrapped; /* when printed: NULL, none */
	int error;
};

int table_new(struct table **ret, const char *format)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->n_columns = strlen(format);
	t->columns = calloc(t->n_columns, sizeof(*t->columns));
	if (!t->columns) {
		free(t);
		return -ENOMEM;
	}
	for (size_t i = 0; i < t->n_columns; i++) {
		t->columns[i].format = (char)tolower(format[i]);
		t->columns[i].is_extra = isupper(format[i]);
	}
	*ret = t;
	return 0;
}

struct table *table_free(struct table *t)
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < t->n_rows; i++) {
		for (size_t k = 0; k < t->n_columns; k++)
			free(t->rows[i].cells[k]);
		free(t->rows[i].cells);
	}
	free(t->rows);
	free(t->columns);
	free(t);
	return NULL;
}

void table_freep(struct table **t)
{
	*t = table_free(*t);
}

void table_style(struct table *t, enum print_style style)
{
	t->style = style;
}

static int begin_row(struct table *t)
{
	struct row *rows;

	rows = reallocarray(t->rows, t->n_rows + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	t->rows = rows;
	rows[t->n_rows].style = t->style;
	rows[t->n_rows].cells = calloc(t->n_columns, sizeof(char *));
	if (!rows[t->n_rows].cells)
		return -ENOMEM;
	t->n_rows++;
	return 0;
}

/* Out of memory is kept and said when the table is printed. */
void table_add(struct table *t, const char *text)
{
	struct row *row;

	if (!t->error && t->n_filled == 0)
		t->error = begin_row(t);
	if (t->error)
		return;
	row = &t->rows[t->n_rows - 1];
	row->cells[t->n_filled] = strdup(text ? text : "");
	if (!row->cells[t->n_filled]) {
		t->error = -ENOMEM;
		return;
	}
	row->style = t->style;
	if (++t->n_filled == t->n_columns) {
		t->n_filled = 0;
		t->style = PRINT_PLAIN;
	}
}

void table_addf(struct table *t, const char *format, ...)
{
	char text[64];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	table_add(t, text);
}

void table_add_row(struct table *t, const char *first, ...)
{
	va_list ap;

	va_start(ap, first);
	for (const char *text = first; text; text = va_arg(ap, const char *))
		table_add(t, text);
	va_end(ap);
}

/* A number has a point or ends where one would stand; words do not count. */
static bool split_number(const char *text, size_t *ret_before,
			 size_t *ret_after)
{
	size_t len = strcspn(text, ".");

	if (!*text || !strpbrk(text, "0123456789"))
		return false;
	*ret_before = print_columns(text) - print_columns(text + len);
	*ret_after = print_columns(text + len);
	return true;
}

static void measure(struct table *t, struct column *c, size_t k)
{
	size_t before;
	size_t after;

	for (size_t i = 0; i < t->n_rows; i++) {
		const char *text = t->rows[i].cells[k];
		size_t width = print_columns(text ? text : "");

		if (width > c->width)
			c->width = width;
		if (c->format != 'd' || !text ||
		    !split_number(text, &before, &after))
			continue;
		if (before > c->before)
			c->before = before;
		if (after > c->after)
			c->after = after;
	}
	if (c->before + c->after > c->width)
		c->width = c->before + c->after;
}

static void pad(FILE *out, size_t n)
{
	while (n--)
		fputc(' ', out);
}

static void print_cell(FILE *out, const struct column *c, const char *text,
		       bool is_last)
{
	size_t width = print_columns(text);
	size_t left = 0;
	size_t before;
	size_t after;

	if (c->format == 'r')
		left = c->width - width;
	else if (c->format == 'd' && split_number(text, &before, &after))
		left = c->width - c->after - before;
	else if (c->format == 'd')
		left = c->width - width;
	pad(out, left);
	fputs(text, out);
	if (!is_last)
		pad(out, c->width - width - left);
}

static size_t total_width(const struct table *t)
{
	size_t total = 0;

	for (size_t k = 0; k < t->n_columns; k++)
		if (!t->columns[k].is_left_out)
			total += (total ? 2 : 0) + t->columns[k].width;
	return total;
}

/*
 * Extra columns go from the right until the rest fits. On a terminal the
 * widest column of text is then wrapped; a pipe has no edge.
 */
static void fit(struct table *t, FILE *out)
{
	size_t width = (size_t)print_width(out);
	struct column *widest = NULL;
	size_t total;

	for (size_t k = t->n_columns; k-- && total_width(t) > width;)
		t->columns[k].is_left_out = t->columns[k].is_extra;
	total = total_width(t);
	if (total <= width || !print_has_edge(out))
		return;
	for (size_t k = 0; k < t->n_columns; k++) {
		struct column *c = &t->columns[k];

		if (c->format == 'l' && (!widest || c->width > widest->width))
			widest = c;
	}
	if (!widest || widest->width <= WRAP_MIN)
		return;
	widest->width = widest->width > total - width + WRAP_MIN
				? widest->width - (total - width)
				: WRAP_MIN;
	t->wrapped = widest;
}

/* Bytes of @text for one line of @width columns, cut behind a blank or a
 * slash where there is one, and between a number and its unit only when there
 * is no other. */
static size_t piece(const char *text, size_t width)
{
	size_t columns = 0;
	size_t cut = 0, joint = 0;
	size_t at = 0;

	for (; text[at]; at++) {
		if (((unsigned char)text[at] & 0xc0) != 0x80 &&
		    columns++ == width)
			return cut ? cut : joint ? joint : at;
		if (text[at] == ' ' && print_is_joint(text, at))
			joint = at + 1;
		else if (text[at] == ' ' || text[at] == '/')
			cut = at + 1;
	}
	return at;
}

/* Takes its first piece off a cell and returns it; the caller frees. */
static char *take_piece(const char **text, size_t width)
{
	size_t len = piece(*text, width);
	char *first = strndup(*text, len);

	*text += len;
	while (first && len && first[len - 1] == ' ')
		first[--len] = 0;
	return first;
}

/* What of a wrapped cell did not go into the first line. */
static void print_rest(const struct table *t, const char *rest, FILE *out)
{
	size_t before = 0;

	if (!*rest)
		return;
	for (const struct column *c = t->columns; c != t->wrapped; c++)
		before += c->is_left_out ? 0 : c->width + 2;
	while (*rest) {
		CLEANUP(freep)
		char *text = take_piece(&rest, t->wrapped->width);

		pad(out, before);
		fprintf(out, "%s\n", text ? text : "");
	}
}

static size_t last_filled(const struct table *t, const struct row *row)
{
	size_t last = t->n_columns;

	while (last > 1 && (t->columns[last - 1].is_left_out ||
			    !row->cells[last - 1] || !*row->cells[last - 1]))
		last--;
	return last;
}

static void print_row(const struct table *t, const struct row *row, FILE *out)
{
	size_t last = last_filled(t, row);
	const char *rest = "";
	bool is_first = true;

	for (size_t k = 0; k < last; k++) {
		const struct column *c = &t->columns[k];
		const char *text = row->cells[k] ? row->cells[k] : "";
		CLEANUP(freep) char *cut = NULL;

		if (c->is_left_out)
			continue;
		if (c == t->wrapped) {
			cut = take_piece(&text, c->width);
			rest = text;
			text = cut ? cut : "";
		}
		if (!is_first)
			fputs("  ", out);
		is_first = false;
		print_cell(out, c, text, k + 1 == last);
	}
	fputc('\n', out);
	print_rest(t, rest, out);
}

void table_print(struct table *t, FILE *out)
{
	if (t->error) {
		fputs("reespec: out of memory\n", stderr);
		return;
	}
	for (size_t k = 0; k < t->n_columns; k++)
		measure(t, &t->columns[k], k);
	fit(t, out);
	for (size_t i = 0; i < t->n_rows; i++) {
		const struct row *row = &t->rows[i];

		if (row->style != PRINT_PLAIN)
			fputs(print_style(out, row->style), out);
		print_row(t, row, out);
		if (row->style != PRINT_PLAIN)
			fputs(print_style(out, PRINT_PLAIN), out);
	}
}
