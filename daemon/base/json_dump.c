// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The text of a JSON value.
 *
 * The library's own writer has one fixed number of digits for reals; records
 * are kept and hashed for years, so here a real has the fewest digits that
 * read back to the same double. jansson stays behind json.c: this file walks
 * values by the functions of base/json.h alone.
 */
#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct writer {
	struct buf out;
	bool is_pretty;
	int depth;
};

static int write_value(struct writer *w, const json_t *value);

static void writer_deinit(struct writer *w)
{
	buf_deinit(&w->out);
}

/* Of a byte in a string: the letter behind its backslash, 'u' for a number. */
static char escape_of(unsigned char c)
{
	switch (c) {
	case '"':
	case '\\':
		return (char)c;
	case '\n':
		return 'n';
	case '\t':
		return 't';
	default:
		return c < 0x20 || c == 0x7f ? 'u' : '\0';
	}
}

int js_write_str(struct buf *b, const char *s, size_t len)
{
	/* So that there is always room for what a piece may become: \u001f. */
	enum { PIECE = 256, ESCAPED_MAX = 6 };
	const char *end = s + len;
	int r;

	r = buf_append(b, "\"", 1);
	while (r >= 0 && s < end) {
		const char *stop = end - s < PIECE ? end : s + PIECE;
		char *to;

		r = buf_reserve(b, ESCAPED_MAX * PIECE);
		if (r < 0)
			return r;
		for (to = b->data + b->len; s < stop; s++) {
			const char escape = escape_of((unsigned char)*s);

			if (escape)
				*to++ = '\\';
			*to++ = escape ? escape : *s;
			if (escape == 'u')
				to += sprintf(to, "%04x", (unsigned char)*s);
		}
		b->len = (size_t)(to - b->data);
	}
	return r < 0 ? r : buf_append(b, "\"", 1);
}

static int write_real(struct writer *w, double value)
{
	bool is_integral = true;
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	for (char *c = text; *c; c++) {
		if (*c == 'e')
			is_integral = false;
		if (strchr("0123456789+-e", *c))
			continue;
		*c = '.'; /* whatever the locale has there */
		is_integral = false;
	}
	/* A real stays a real when it is read again. */
	return buf_printf(&w->out, "%s%s", text, is_integral ? ".0" : "");
}

static int write_break(struct writer *w)
{
	if (!w->is_pretty)
		return 0;
	return buf_printf(&w->out, "\n%*s", 2 * w->depth, "");
}

static int write_array(struct writer *w, const json_t *array)
{
	size_t n = js_len(array);
	int r;

	r = buf_append_str(&w->out, "[");
	w->depth++;
	for (size_t i = 0; i < n && r >= 0; i++) {
		if (i)
			r = buf_append_str(&w->out, ",");
		if (r >= 0)
			r = write_break(w);
		if (r >= 0)
			r = write_value(w, js_at(array, i));
	}
	w->depth--;
	if (r >= 0 && n)
		r = write_break(w);
	return r < 0 ? r : buf_append_str(&w->out, "]");
}

static int write_object(struct writer *w, const json_t *object)
{
	const char *key;
	json_t *value;
	bool is_first = true;
	int r;

	r = buf_append_str(&w->out, "{");
	w->depth++;
	for (void *it = NULL;
	     r >= 0 && js_next((json_t *)object, &it, &key, &value);) {
		if (!is_first)
			r = buf_append_str(&w->out, ",");
		is_first = false;
		if (r >= 0)
			r = write_break(w);
		if (r >= 0)
			r = js_write_str(&w->out, key, strlen(key));
		if (r >= 0)
			r = buf_append_str(&w->out, w->is_pretty ? ": " : ":");
		if (r >= 0)
			r = write_value(w, value);
	}
	w->depth--;
	if (r >= 0 && !is_first)
		r = write_break(w);
	return r < 0 ? r : buf_append_str(&w->out, "}");
}

static int write_value(struct writer *w, const json_t *value)
{
	const char *text;
	int64_t integer;
	size_t len;
	double real;
	bool flag;

	if (w->depth > JS_DEPTH_MAX)
		return -ELOOP;

	switch (js_type(value)) {
	case JS_OBJECT:
		return write_object(w, value);
	case JS_ARRAY:
		return write_array(w, value);
	case JS_STRING:
		js_str_value(value, &text, &len);
		return js_write_str(&w->out, text, len);
	case JS_INTEGER:
		js_int_value(value, &integer);
		return buf_printf(&w->out, "%" PRId64, integer);
	case JS_REAL:
		js_real_value(value, &real);
		return write_real(w, real);
	case JS_BOOL:
		js_bool_value(value, &flag);
		return buf_append_str(&w->out, flag ? "true" : "false");
	case JS_NULL:
		return buf_append_str(&w->out, "null");
	default:
		return -EINVAL;
	}
}

int js_dump(const json_t *value, unsigned int flags, char **ret,
	    size_t *ret_len)
{
	CLEANUP(writer_deinit) struct writer w = { 0 };
	char *text;
	int r;

	w.is_pretty = flags & JS_PRETTY;
	r = write_value(&w, value);
	if (r < 0)
		return r;

	text = buf_take(&w.out, ret_len);
	if (!text)
		return -ENOMEM;
	*ret = text;
	return 0;
}
