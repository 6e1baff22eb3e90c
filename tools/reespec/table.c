// SPDX-License-Identifier: GPL-2.0-or-later
/* Tables for people: columns that line up, numbers by their decimal point. */
#include "reespec/print.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct column {
	char format;
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
	for (size_t i = 0; i < t->n_columns; i++)
		t->columns[i].format = format[i];
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

void table_print(struct table *t, FILE *out)
{
	if (t->error) {
		fputs("reespec: out of memory\n", stderr);
		return;
	}
	for (size_t k = 0; k < t->n_columns; k++)
		measure(t, &t->columns[k], k);
	for (size_t i = 0; i < t->n_rows; i++) {
		const struct row *row = &t->rows[i];
		size_t last = t->n_columns;

		while (last > 1 &&
		       (!row->cells[last - 1] || !*row->cells[last - 1]))
			last--;
		if (row->style != PRINT_PLAIN)
			fputs(print_style(out, row->style), out);
		for (size_t k = 0; k < last; k++) {
			const char *text = row->cells[k] ? row->cells[k] : "";

			if (k)
				fputs("  ", out);
			print_cell(out, &t->columns[k], text, k + 1 == last);
		}
		if (row->style != PRINT_PLAIN)
			fputs(print_style(out, PRINT_PLAIN), out);
		fputc('\n', out);
	}
}
