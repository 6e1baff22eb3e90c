// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the CSV tables of a method: tube output, detector response, line data. */
#include "assay/tables.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An open table and where it is being read. */
struct tables_file {
	FILE *f;
	int line;
	char text[512];
	struct method_error *err;
};

static int tables_refuse(struct tables_file *t, const char *column,
			 const char *why)
{
	t->err->line = t->line;
	snprintf(t->err->key, sizeof(t->err->key), "%s", column);
	snprintf(t->err->why, sizeof(t->err->why), "%s", why);
	return -EINVAL;
}

int tables_path(const char *method_path, const char *key, const char *name,
		char *path, size_t size, struct method_error *err)
{
	const char *slash = strrchr(method_path, '/');
	int len = slash ? (int)(slash - method_path) + 1 : 0;

	if (strchr(name, '/') || !*name) {
		snprintf(err->key, sizeof(err->key), "%s", key);
		snprintf(err->why, sizeof(err->why),
			 "a %s is named without a folder: %.100s", key, name);
		return -EINVAL;
	}
	if (snprintf(path, size, "%.*s%s", len, method_path, name) >=
	    (int)size) {
		snprintf(err->why, sizeof(err->why), "the path is too long");
		return -ENAMETOOLONG;
	}
	return 0;
}

/* A file that is not there is a fault of the method, at @key. */
static int tables_open(const char *method_path, const char *key,
		       const char *name, struct method_error *err,
		       struct tables_file *ret)
{
	char path[METHOD_TEXT];
	int r = tables_path(method_path, key, name, path, sizeof(path), err);

	if (r < 0)
		return r;
	*ret = (struct tables_file){ .f = fopen(path, "re"), .err = err };
	r = errno;
	if (!ret->f) {
		snprintf(err->file, sizeof(err->file), "%s", method_path);
		snprintf(err->key, sizeof(err->key), "%s", key);
		snprintf(err->why, sizeof(err->why), "%s: %s", path,
			 strerror(r));
		err->line = method_line_of(method_path, key);
		return -EINVAL;
	}
	snprintf(err->file, sizeof(err->file), "%s", path);
	return 0;
}

/* The next line that is neither empty nor a comment; false at the end. */
static bool tables_next(struct tables_file *t)
{
	while (fgets(t->text, sizeof(t->text), t->f)) {
		t->line++;
		t->text[strcspn(t->text, "\r\n")] = 0;
		if (*t->text && *t->text != '#')
			return true;
	}
	return false;
}

static int tables_expect_header(struct tables_file *t, const char *header)
{
	if (!tables_next(t) || strcmp(t->text, header) != 0)
		return tables_refuse(t, header,
				     "the first line must name these columns");
	return 0;
}

/* `n` numbers separated by commas and nothing else. */
static bool tables_numbers(const char *s, double *ret, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *end;

		ret[i] = strtod(s, &end);
		if (end == s || !isfinite(ret[i]) ||
		    *end != (i + 1 < n ? ',' : 0))
			return false;
		s = end + 1;
	}
	return true;
}

static int tables_add_flux(struct tables_file *t, struct method_tube *tube,
			   const double v[2])
{
	if (tube->n_flux == METHOD_MAX_FLUX)
		return tables_refuse(t, "energy_kev", "more than 2048 rows");
	if (tube->n_flux && v[0] <= tube->flux_kev[tube->n_flux - 1])
		return tables_refuse(t, "energy_kev",
				     "energies of the continuum must rise");
	tube->flux_kev[tube->n_flux] = v[0];
	tube->flux[tube->n_flux++] = v[1];
	return 0;
}

static int tables_add_line(struct tables_file *t, struct method_tube *tube,
			   const double v[2])
{
	if (tube->n_lines == METHOD_MAX_TUBE_LINES)
		return tables_refuse(t, "energy_kev", "more than 64 lines");
	tube->line_kev[tube->n_lines] = v[0];
	tube->line_flux[tube->n_lines++] = v[1];
	return 0;
}

static int tables_read_tube(struct tables_file *t, struct method_tube *tube)
{
	int r = tables_expect_header(t, "kind,energy_kev,flux");

	while (r >= 0 && tables_next(t)) {
		bool is_line = !strncmp(t->text, "line,", 5);
		double v[2];

		if (!is_line && strncmp(t->text, "continuum,", 10) != 0)
			return tables_refuse(t, "kind",
					     "must be continuum or line");
		if (!tables_numbers(t->text + (is_line ? 5 : 10), v, 2) ||
		    v[0] <= 0 || v[0] > tube->kv + 1e-6 || v[1] < 0)
			return tables_refuse(
				t, "energy_kev",
				"an energy above 0 and at most that of the tube and a flux of 0 or more must follow");
		r = is_line ? tables_add_line(t, tube, v)
			    : tables_add_flux(t, tube, v);
	}
	if (r >= 0 && tube->n_flux < 2)
		return tables_refuse(t, "continuum",
				     "at least two rows are needed");
	return r;
}

int tables_load_tube(const char *method_path, const char *name,
		     struct method_tube *ret, struct method_error *err)
{
	struct tables_file t;
	int r = tables_open(method_path, "table", name, err, &t);

	if (r < 0)
		return r;
	r = tables_read_tube(&t, ret);
	fclose(t.f);
	return r;
}

static int tables_read_response(struct tables_file *t,
				struct method_detector *d)
{
	int r = tables_expect_header(t, "energy_kev,shelf,tail,slope");

	while (r >= 0 && tables_next(t)) {
		double v[4];

		if (!tables_numbers(t->text, v, 4) || v[0] <= 0 || v[1] < 0 ||
		    v[2] < 0 || v[3] <= 0)
			return tables_refuse(
				t, "energy_kev",
				"energy and slope above 0, shelf and tail of 0 or more must stand here");
		if (d->n_shape == METHOD_MAX_SHAPE)
			return tables_refuse(t, "energy_kev",
					     "more than 64 rows");
		if (d->n_shape && v[0] <= d->shape_kev[d->n_shape - 1])
			return tables_refuse(t, "energy_kev",
					     "energies must rise");
		d->shape_kev[d->n_shape] = v[0];
		d->shelf[d->n_shape] = v[1];
		d->tail[d->n_shape] = v[2];
		d->slope[d->n_shape++] = v[3];
	}
	return r;
}

int tables_load_response(const char *method_path, const char *name,
			 struct method_detector *ret, struct method_error *err)
{
	struct tables_file t;
	int r = tables_open(method_path, "response", name, err, &t);

	if (r < 0)
		return r;
	r = tables_read_response(&t, ret);
	fclose(t.f);
	return r;
}

/* The next part of a row, up to a comma; the last is all that is left. */
static const char *tables_part(char **rest, bool is_last)
{
	char *part = *rest, *comma = is_last ? NULL : strchr(part, ',');

	*rest = comma ? comma + 1 : part + strlen(part);
	if (comma)
		*comma = 0;
	return part;
}

static int tables_read_version(struct tables_file *t, struct line_data *d)
{
	static const char key[] = "version,";
	const char *text = t->text + sizeof(key) - 1;

	if (!tables_next(t) || strncmp(t->text, key, sizeof(key) - 1) != 0 ||
	    !*text || strlen(text) >= sizeof(d->version))
		return tables_refuse(
			t, "version",
			"the first line must be version, a comma and 1 to 31 characters that name it");
	snprintf(d->version, sizeof(d->version), "%.31s", text);
	return 0;
}

static int tables_read_line_data(struct tables_file *t, struct line_data *d)
{
	char why[LINE_DATA_WHY];
	const char *column;
	int r = tables_read_version(t, d);

	if (r >= 0)
		r = tables_expect_header(t, "element,quantity,of,value,source");
	while (r >= 0 && tables_next(t)) {
		char *rest = t->text;
		struct line_data_text row = { .at = t->line };

		row.element = tables_part(&rest, false);
		row.quantity = tables_part(&rest, false);
		row.of = tables_part(&rest, false);
		row.value = tables_part(&rest, false);
		row.source = tables_part(&rest, true);
		if (line_data_add(d, &row, &column, why) < 0)
			return tables_refuse(t, column, why);
	}
	if (r >= 0 && line_data_check(d, &t->line, &column, why) < 0)
		return tables_refuse(t, column, why);
	return r;
}

int tables_load_line_data(const char *method_path, const char *name,
			  struct line_data *ret, struct method_error *err)
{
	struct tables_file t = { .err = err };
	int r = 0;

	if (strcmp(name, LINE_DATA_BUILT_IN) != 0) {
		r = tables_open(method_path, "line_data", name, err, &t);
	} else {
		t.f = fmemopen((void *)line_data_built_in,
			       strlen(line_data_built_in), "r");
		r = t.f ? 0 : -errno;
	}
	if (r < 0)
		return r;
	r = tables_read_line_data(&t, ret);
	fclose(t.f);
	if (r >= 0)
		snprintf(ret->table, sizeof(ret->table), "%.63s", name);
	return r;
}
