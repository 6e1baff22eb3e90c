// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes a calibration as a line of JSON, and reads one for a method. */
#include "assay/calib_file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/tables.h"

#define VERSION 1
#define MG_KG 1e6
/* A factor beyond these is no matter of line data. */
#define FACTOR_MIN 0.1
#define FACTOR_MAX 10
/* Tube voltages that are the same, relative. */
#define SAME_KV 1e-6

/* ---- writing -------------------------------------------------------------- */

static json_t *calib_file_standards(const struct standard *s, size_t n)
{
	json_t *list = js_array();

	for (size_t i = 0; list && i < n; i++) {
		if (js_append(list, js_pack("{s:s, s:f}", "name", s[i].name,
					    "chi2", s[i].chi2)) < 0)
			return js_free(list);
	}
	return list;
}

static json_t *calib_file_factor(const struct calib *c, size_t i)
{
	const struct method_element *e = &c->m->element[i];
	double u = sqrt(fmax(0, c->cov[i * c->n + i]));
	json_t *o =
		js_pack("{s:s, s:s, s:f, s:f, s:i, s:s}", "symbol", e->symbol,
			"line", e->line, "k", c->k[i], "u", u, "standards",
			c->n_seen[i], "from", calib_source(c, i));
	int r = 0;

	if (o && c->n_seen[i]) {
		r |= js_set_real(o, "low_mg_kg", c->low[i] * MG_KG);
		r |= js_set_real(o, "high_mg_kg", c->high[i] * MG_KG);
	}
	return r < 0 ? js_free(o) : o;
}

json_t *calib_file_factors(const struct calib *c)
{
	json_t *list = js_array();

	for (size_t i = 0; list && i < c->n; i++) {
		if (!c->m->element[i].is_air &&
		    js_append(list, calib_file_factor(c, i)) < 0)
			return js_free(list);
	}
	return list;
}

/* Lower triangle, row by row, of the logarithms of the factors. */
static json_t *calib_file_covariance(const struct calib *c)
{
	json_t *list = js_array();

	for (size_t i = 0; list && i < c->n; i++) {
		for (size_t j = 0; j <= i; j++) {
			if (c->m->element[i].is_air || c->m->element[j].is_air)
				continue;
			if (js_append_real(list, c->cov[i * c->n + j] /
							 (c->k[i] * c->k[j])) <
			    0)
				return js_free(list);
		}
	}
	return list;
}

int calib_file_write(const struct calib *c, const struct standard *standard,
		     size_t n_standards, const char *made, struct buf *ret)
{
	CLEANUP(js_freep) json_t *o = js_object();
	CLEANUP(freep) char *text = NULL;
	size_t len;
	int r = 0;

	if (!o)
		return -ENOMEM;
	r |= js_set_int(o, "reespec_calibration", VERSION);
	r |= js_set_str(o, "method", c->m->name);
	r |= js_set_str(o, "made", made);
	r |= js_set_str(o, "anode", c->m->tube.anode);
	r |= js_set_real(o, "kv", c->m->tube.kv);
	r |= js_set(o, "standards",
		    calib_file_standards(standard, n_standards));
	r |= js_set_real(o, "widened", c->widened);
	r |= js_set_real(o, "condition", c->condition);
	r |= js_set_real(o, "rms_left_out", c->rms);
	r |= js_set(o, "factors", calib_file_factors(c));
	r |= js_set(o, "covariance", calib_file_covariance(c));
	if (r < 0)
		return -ENOMEM;
	r = js_dump(o, 0, &text, &len);
	if (r < 0)
		return r;
	r = buf_append(ret, text, len);
	return r < 0 ? r : buf_append(ret, "\n", 1);
}

/* ---- reading -------------------------------------------------------------- */

struct calib_reading {
	struct method *m;
	struct method_error *err;
	size_t n; /* factors in the file */
	int at[METHOD_MAX_ELEMENTS]; /* their elements in the method, or -1 */
};

static int calib_file_refuse(struct calib_reading *r, const char *key,
			     const char *why)
{
	snprintf(r->err->key, sizeof(r->err->key), "%s", key);
	snprintf(r->err->why, sizeof(r->err->why), "%s", why);
	return -EINVAL;
}

/* Factors are those of one excitation. */
static int calib_file_setup(struct calib_reading *r, const json_t *o)
{
	const struct method_tube *t = &r->m->tube;
	const char *anode = js_text(o, "anode");
	double kv = js_number(o, "kv");
	char why[160];

	if (!strcmp(anode, t->anode) && fabs(kv / t->kv - 1) < SAME_KV)
		return 0;
	snprintf(why, sizeof(why),
		 "made with a %.8s tube at %g kV, the method has %s at %g kV",
		 anode, kv, t->anode, t->kv);
	return calib_file_refuse(r, "anode", why);
}

/* Files of before have no range. */
static int calib_file_take_range(struct calib_reading *r, const json_t *f,
				 size_t at)
{
	struct method_calibration *c = &r->m->calibration;
	double low, high;

	if (!js_get(f, "low_mg_kg") && !js_get(f, "high_mg_kg"))
		return 0;
	if (js_get_real(f, "low_mg_kg", &low) < 0 ||
	    js_get_real(f, "high_mg_kg", &high) < 0 ||
	    !(low > 0 && low <= high && high <= MG_KG))
		return calib_file_refuse(
			r, r->m->element[at].symbol,
			"low_mg_kg and high_mg_kg must be numbers above 0 and up to 1e6, in this order");
	c->low[at] = low;
	c->high[at] = high;
	return 0;
}

static int calib_file_take_factor(struct calib_reading *r, const json_t *f)
{
	struct method_calibration *c = &r->m->calibration;
	const char *symbol = js_text(f, "symbol");
	double k = js_number(f, "k");
	int32_t n_seen, at;

	if (!*symbol || js_get_int(f, "standards", &n_seen) < 0)
		return calib_file_refuse(
			r, "factors", "each needs symbol, line, k, standards");
	if (!(k >= FACTOR_MIN && k <= FACTOR_MAX))
		return calib_file_refuse(r, symbol,
					 "k must be a number from 0.1 to 10");
	at = method_find(r->m, symbol);
	for (size_t i = 0; at >= 0 && i < r->n; i++) {
		if (r->at[i] == at)
			return calib_file_refuse(r, symbol, "is there twice");
	}
	r->at[r->n++] = at;
	if (at < 0)
		return 0;
	if (strcmp(js_text(f, "line"), r->m->element[at].line) != 0)
		return calib_file_refuse(r, symbol,
					 "its line is not that of the method");
	c->k[at] = k;
	c->n_seen[at] = n_seen;
	return calib_file_take_range(r, f, (size_t)at);
}

static int calib_file_take_factors(struct calib_reading *r, const json_t *list)
{
	size_t n = js_len(list);

	if (js_type(list) != JS_ARRAY || !n || n > METHOD_MAX_ELEMENTS)
		return calib_file_refuse(r, "factors",
					 "must be a list of 1 to 80 factors");
	for (size_t i = 0; i < n; i++) {
		int e = calib_file_take_factor(r, js_at(list, i));

		if (e < 0)
			return e;
	}
	return 0;
}

static int calib_file_take_covariance(struct calib_reading *r,
				      const json_t *list)
{
	size_t n = r->m->n_elements, k = 0;
	double *cov = r->m->calibration.cov;

	if (js_type(list) != JS_ARRAY || js_len(list) != r->n * (r->n + 1) / 2)
		return calib_file_refuse(
			r, "covariance",
			"must hold n (n + 1) / 2 numbers for n factors");
	for (size_t i = 0; i < r->n; i++) {
		for (size_t j = 0; j <= i; j++) {
			int a = r->at[i], b = r->at[j];
			double v;

			if (!js_real_value(js_at(list, k++), &v) ||
			    !isfinite(v) || (i == j && !(v >= 0)))
				return calib_file_refuse(
					r, "covariance",
					"numbers, those of the diagonal 0 or more, are wanted");
			if (a < 0 || b < 0)
				continue;
			cov[(size_t)a * n + (size_t)b] = v;
			cov[(size_t)b * n + (size_t)a] = v;
		}
	}
	return 0;
}

/* What the file does not hold is as uncertain as without one. */
static void calib_file_default(struct method *m)
{
	size_t n = m->n_elements;

	for (size_t i = 0; i < n; i++) {
		double u = method_line_u(m, i);

		m->calibration.cov[i * n + i] = u * u;
	}
}

static int calib_file_parse(struct calib_reading *r, const char *line,
			    size_t len)
{
	CLEANUP(js_freep) json_t *o = NULL;
	struct method_calibration *c = &r->m->calibration;
	struct js_error bad;
	int32_t version;
	int e = js_parse(line, len, &o, &bad);

	if (e == -EBADMSG) {
		r->err->line = bad.line;
		return calib_file_refuse(r, "calibration", bad.why);
	}
	if (e < 0)
		return e;
	if (js_get_int(o, "reespec_calibration", &version) < 0 ||
	    version != VERSION)
		return calib_file_refuse(r, "reespec_calibration",
					 "not a calibration of version 1");
	js_copy_text(o, "made", c->made, sizeof(c->made));
	c->n_standards = (int)js_len(js_get(o, "standards"));
	calib_file_default(r->m);
	e = calib_file_setup(r, o);
	if (e == 0)
		e = calib_file_take_factors(r, js_get(o, "factors"));
	if (e == 0)
		e = calib_file_take_covariance(r, js_get(o, "covariance"));
	return e;
}

int calib_file_load(const char *method_path, const char *name, struct method *m,
		    struct method_error *err)
{
	struct calib_reading r = { .m = m, .err = err };
	struct method_calibration *c = &m->calibration;
	CLEANUP(buf_deinit) struct buf data = { 0 };
	char path[METHOD_TEXT];
	const char *end;
	int e = tables_path(method_path, "calibration", name, path,
			    sizeof(path), err);

	if (e < 0)
		return e;
	err->line = 0;
	snprintf(err->file, sizeof(err->file), "%s", path);
	e = buf_read_file(&data, path, CALIB_FILE_MAX);
	if (e < 0) {
		snprintf(err->why, sizeof(err->why), "cannot be read: %s",
			 strerror(-e));
		return e == -ENOMEM ? e : -EINVAL;
	}
	end = data.len ? memchr(data.data, '\n', data.len) : NULL;
	if (!end)
		return calib_file_refuse(&r, "calibration",
					 "a line of JSON is wanted");
	e = calib_file_parse(&r, data.data, (size_t)(end - data.data));
	if (e < 0)
		return e;
	snprintf(c->file, sizeof(c->file), "%.63s", name);
	c->text = buf_take(&data, &c->text_len);
	return c->text ? 0 : -ENOMEM;
}
