// SPDX-License-Identifier: GPL-2.0-or-later
/* Known contents from a CSV file, and which element belongs where. */
#include "reespec/known.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/symbols.h"
#include "base/buf.h"
#include "base/cleanup.h"

#define COLUMNS_MAX 16
#define FILE_MAX (4 * 1024 * 1024)

int known_atomic_number(const char *symbol)
{
	return symbol_to_z(symbol, strlen(symbol));
}

bool known_is_rare_earth(const char *symbol)
{
	int z = known_atomic_number(symbol);

	return (z >= 57 && z <= 71) || z == 39 || z == 21;
}

/* The lists that daemon/assay sums by: La-Sm light; Eu-Lu and Y heavy. */
bool known_is_member(const char *sum, const char *symbol)
{
	int z = known_atomic_number(symbol);

	if (!strcmp(sum, "LREO"))
		return z >= 57 && z <= 62;
	if (!strcmp(sum, "HREO"))
		return (z >= 63 && z <= 71) || z == 39;
	if (!strcmp(sum, "MREO"))
		return z == 59 || z == 60 || z == 65 || z == 66;
	if (!strcmp(sum, "CREO"))
		return z == 60 || z == 63 || z == 65 || z == 66 || z == 39;
	return (z >= 57 && z <= 71) || z == 39;
}

double known_get(const struct known *k, const char *symbol)
{
	for (size_t i = 0; i < k->n_elements; i++)
		if (!strcmp(k->elements[i].symbol, symbol))
			return k->elements[i].mg_kg;
	return NAN;
}

/* Cuts a line into fields in place; a field in quotes may hold commas. */
static size_t split(char *line, char *fields[COLUMNS_MAX])
{
	size_t n = 0;

	while (line && n < COLUMNS_MAX) {
		char *end;

		if (*line == '"') {
			fields[n++] = ++line;
			end = strchr(line, '"');
			if (!end)
				break;
			*end++ = 0;
			line = *end == ',' ? end + 1 : NULL;
			continue;
		}
		fields[n++] = strsep(&line, ",");
	}
	return n;
}

static int find_column(char *fields[COLUMNS_MAX], size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(fields[i], name))
			return (int)i;
	return -1;
}

static int add(const struct args *args, const char *path, int line,
	       const char *symbol, const char *text, struct known *ret)
{
	struct known_element *e = &ret->elements[ret->n_elements];
	char *end;
	double value;

	value = strtod(text, &end);
	if (end == text || *end || !isfinite(value) || value < 0)
		return fail(
			args, REESPEC_FAILED,
			"%s:%d: mass_fraction_ppm: \"%s\": want a number from 0",
			path, line, text);
	if (!known_atomic_number(symbol))
		return fail(args, REESPEC_FAILED,
			    "%s:%d: element: \"%s\": want a symbol as La", path,
			    line, symbol);
	if (ret->n_elements == ARRAY_SIZE(ret->elements))
		return fail(args, REESPEC_FAILED, "%s:%d: too many elements",
			    path, line);
	snprintf(e->symbol, sizeof(e->symbol), "%.3s", symbol);
	e->mg_kg = value;
	ret->n_elements++;
	return REESPEC_OK;
}

/* @others: names of the materials that were not asked for. */
static int parse(const struct args *args, const char *path, char *text,
		 const char *material, struct known *ret, struct buf *others)
{
	const char *other = "";
	char *fields[COLUMNS_MAX];
	int columns[3] = { -1, -1, -1 };
	int line = 0;
	int r;

	while (text) {
		char *row = strsep(&text, "\n");
		size_t n;

		row[strcspn(row, "\r")] = 0;
		line++;
		if (!*row)
			continue;
		n = split(row, fields);
		if (columns[0] < 0) {
			columns[0] = find_column(fields, n, "material");
			columns[1] = find_column(fields, n, "element");
			columns[2] =
				find_column(fields, n, "mass_fraction_ppm");
			if (columns[0] < 0 || columns[1] < 0 || columns[2] < 0)
				break;
			continue;
		}
		if ((int)n <= columns[0] || (int)n <= columns[1] ||
		    (int)n <= columns[2])
			continue;
		if (strcmp(fields[columns[0]], material)) {
			/* The rows of one stand together. */
			if (strcmp(fields[columns[0]], other))
				buf_printf(others, "%s%s",
					   others->len ? ", " : "",
					   fields[columns[0]]);
			other = fields[columns[0]];
			continue;
		}
		r = add(args, path, line, fields[columns[1]],
			fields[columns[2]], ret);
		if (r)
			return r;
	}
	if (columns[0] < 0 || columns[1] < 0 || columns[2] < 0)
		return fail(
			args, REESPEC_FAILED,
			"%s: wants the columns material, element and mass_fraction_ppm",
			path);
	return REESPEC_OK;
}

int known_load(const struct args *args, const char *path, const char *material,
	       struct known *ret)
{
	CLEANUP(buf_deinit) struct buf data = { 0 };
	CLEANUP(buf_deinit) struct buf others = { 0 };
	int r;

	memset(ret, 0, sizeof(*ret));
	if (!path)
		return REESPEC_OK;
	r = buf_read_file(&data, path, FILE_MAX);
	if (r < 0)
		return fail(args,
			    r == -ENOENT ? REESPEC_NOT_FOUND : REESPEC_FAILED,
			    "%s: %s", path, strerror(-r));
	r = data.data ? parse(args, path, data.data, material, ret, &others)
		      : 0;
	if (r)
		return r;
	if (ret->n_elements == 0)
		return fail(args, REESPEC_NOT_FOUND,
			    "%s: no material \"%s\" in it; there %s%.200s%s",
			    path, material, others.len ? "are: " : "is none",
			    others.len ? others.data : "",
			    others.len > 200 ? "..." : "");
	return REESPEC_OK;
}
