// SPDX-License-Identifier: GPL-2.0-or-later
/* Contents of results as CSV, a line a quantity or a line a result. */
#include "reespec/csv_out.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "reespec/later.h"
#include "reespec/result_parts.h"

static const char *const numbers[] = { "content_mg_kg", "u_mg_kg", "lc_mg_kg",
				       "ld_mg_kg" };

/* Quotes where RFC 4180 wants them. */
static void put_text(FILE *file, const char *text)
{
	if (!text[strcspn(text, ",\"\r\n")]) {
		fputs(text, file);
		return;
	}
	fputc('"', file);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', file);
		fputc(*text, file);
	}
	fputc('"', file);
}

/* The first @n of them. */
static void put_numbers(FILE *file, json_t *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double value = js_number(values, numbers[i]);

		fputc(',', file);
		if (isfinite(value))
			fprintf(file, "%.9g", value);
	}
}

/* "lot=7; origin=..." in one field. */
static void put_keys(FILE *file, json_t *keys)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	const char *key;
	const char *text;
	json_t *value;

	for (void *it = NULL; js_next(keys, &it, &key, &value);)
		if (js_str_value(value, &text, NULL))
			buf_printf(&b, "%s%s=%s", b.len ? "; " : "", key, text);
	if (b.data)
		put_text(file, b.data);
}

static void put_flags(FILE *file, json_t *flags)
{
	for (size_t i = 0; i < js_len(flags); i++) {
		const char *flag = "";

		js_str_value(js_at(flags, i), &flag, NULL);
		fprintf(file, "%s%s", i ? " " : "", flag);
	}
}

/* The number of the result this one was made from again, which it replaces. */
static const char *corrected(const struct record *r)
{
	return js_text(js_get(r->json, "reprocessed"), "result");
}

/* What names a result, the same in both. */
static void put_origin(FILE *file, const struct record *r)
{
	fprintf(file, "%s,%" PRIu64 ",%s,", r->head.ledger, r->head.seq,
		r->head.time);
	put_text(file, js_text(r->json, "sample"));
	fputc(',', file);
	put_text(file, result_method(r->json));
	fprintf(file, ",%s,%s,%u,", r->head.serial,
		r->head.is_simulated ? "simulated" : "measured", r->head.uid);
}

/* What its method's rules and later records say of a result, behind a comma. */
static void put_later(FILE *file, const struct record *r)
{
	json_t *amended = js_get(r->json, "amended");
	CLEANUP(buf_deinit) struct buf b = { 0 };
	char text[1024];

	for (size_t i = 0; i < js_len(amended); i++) {
		later_text(js_at(amended, i), text, sizeof(text));
		buf_printf(&b, "%s%s", i ? "; " : "", text);
	}
	fprintf(file, ",%s,", result_decision(result_contents(r->json)));
	put_text(file, b.data ? b.data : "");
	fprintf(file, ",%s", js_text(r->json, "corrected_by"));
}

void csv_long_head(FILE *out)
{
	fputs("ledger,seq,time,sample,method,serial,origin,operator_uid,quantity,content_mg_kg,u_mg_kg,lc_mg_kg,ld_mg_kg,flags,sample_kind,keys,corrects,decision,amended,corrected_by\r\n",
	      out);
}

static void put_row(FILE *file, const struct record *r, const char *quantity,
		    json_t *values)
{
	put_origin(file, r);
	put_text(file, quantity);
	put_numbers(file, values, ARRAY_SIZE(numbers));
	fputc(',', file);
	put_flags(file, js_get(values, "flags"));
	fprintf(file, ",%s,", js_text(r->json, "sample_kind"));
	put_keys(file, js_get(r->json, "keys"));
	fputc(',', file);
	put_text(file, corrected(r));
	put_later(file, r);
	fputs("\r\n", file);
}

void csv_long_record(FILE *out, const struct record *r)
{
	json_t *contents = result_contents(r->json);
	json_t *elements = js_get(contents, "elements");
	json_t *values;
	const char *name;

	for (size_t i = 0; i < js_len(elements); i++)
		put_row(out, r, js_text(js_at(elements, i), "symbol"),
			js_at(elements, i));
	for (void *it = NULL;
	     js_next(js_get(contents, "sums"), &it, &name, &values);)
		put_row(out, r, name, values);
}

static int learn(json_t *columns, const char *name)
{
	return js_get(columns, name) ? 0 : js_set_bool(columns, name, true);
}

int csv_wide_learn(json_t *columns, json_t *body)
{
	json_t *contents = result_contents(body);
	json_t *elements = js_get(contents, "elements");
	json_t *values;
	const char *name;
	int r = 0;

	for (size_t i = 0; i < js_len(elements) && r >= 0; i++)
		r = learn(columns, js_text(js_at(elements, i), "symbol"));
	for (void *it = NULL;
	     r >= 0 && js_next(js_get(contents, "sums"), &it, &name, &values);)
		r = learn(columns, name);
	return r;
}

void csv_wide_head(FILE *out, json_t *columns)
{
	const char *name;
	json_t *column;

	fputs("ledger,seq,time,sample,method,serial,origin,operator_uid,sample_kind,keys,state,verdict,flags,corrects,decision,amended,corrected_by",
	      out);
	for (void *it = NULL; js_next(columns, &it, &name, &column);)
		for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
			fprintf(out, ",%s_%s", name, numbers[i]);
	fputs("\r\n", out);
}

static json_t *find_quantity(json_t *contents, const char *name)
{
	json_t *elements = js_get(contents, "elements");

	for (size_t i = 0; i < js_len(elements); i++)
		if (!strcmp(js_text(js_at(elements, i), "symbol"), name))
			return js_at(elements, i);
	return js_get(js_get(contents, "sums"), name);
}

void csv_wide_record(FILE *out, json_t *columns, const struct record *r)
{
	json_t *contents = result_contents(r->json);
	const char *name;
	json_t *column;

	if (!contents)
		return;
	put_origin(out, r);
	fprintf(out, "%s,", js_text(r->json, "sample_kind"));
	put_keys(out, js_get(r->json, "keys"));
	fprintf(out, ",%s,%s,", js_text(r->json, "state"),
		js_text(contents, "verdict"));
	put_flags(out, js_get(contents, "flags"));
	fputc(',', out);
	put_text(out, corrected(r));
	put_later(out, r);
	for (void *it = NULL; js_next(columns, &it, &name, &column);)
		put_numbers(out, find_quantity(contents, name),
			    ARRAY_SIZE(numbers));
	fputs("\r\n", out);
}
