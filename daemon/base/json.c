// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON values built, read and written by one set of rules. */
#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

json_t *js_object(void)
{
	return json_object();
}

json_t *js_array(void)
{
	return json_array();
}

json_t *js_str(const char *value)
{
	return value ? json_string(value) : NULL;
}

json_t *js_strn(const char *value, size_t len)
{
	return json_stringn(value, len);
}

json_t *js_u64(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return json_string(text);
}

json_t *js_i64(int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	return json_string(text);
}

json_t *js_int(int32_t value)
{
	return json_integer(value);
}

json_t *js_uint(uint32_t value)
{
	return json_integer(value);
}

json_t *js_real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

json_t *js_bool(bool value)
{
	return json_boolean(value);
}

json_t *js_null(void)
{
	return json_null();
}

json_t *js_pack(const char *format, ...)
{
	json_error_t error;
	va_list args;
	json_t *value;

	va_start(args, format);
	value = json_vpack_ex(&error, 0, format, args);
	va_end(args);
	return value;
}

json_t *js_ref(json_t *value)
{
	return json_incref(value);
}

json_t *js_free(json_t *value)
{
	json_decref(value);
	return NULL;
}

int js_set(json_t *object, const char *key, json_t *value)
{
	if (!value)
		return -ENOMEM;
	/* It gives the value up on failure too. */
	if (json_object_set_new(object, key, value) < 0)
		return json_is_object(object) ? -ENOMEM : -EINVAL;
	return 0;
}

/* json_string() refuses bad UTF-8 and a lack of memory alike. */
static int set_text(json_t *object, const char *key, const char *value)
{
	json_t *text = json_string(value);

	if (text)
		return js_set(object, key, text);
	text = json_string_nocheck(value);
	if (!text)
		return -ENOMEM;
	json_decref(text);
	return -EILSEQ;
}

int js_set_str(json_t *object, const char *key, const char *value)
{
	return value ? set_text(object, key, value) : -EINVAL;
}

int js_set_u64(json_t *object, const char *key, uint64_t value)
{
	return js_set(object, key, js_u64(value));
}

int js_set_i64(json_t *object, const char *key, int64_t value)
{
	return js_set(object, key, js_i64(value));
}

int js_set_int(json_t *object, const char *key, int32_t value)
{
	return js_set(object, key, js_int(value));
}

int js_set_uint(json_t *object, const char *key, uint32_t value)
{
	return js_set(object, key, js_uint(value));
}

int js_set_real(json_t *object, const char *key, double value)
{
	return js_set(object, key, js_real(value));
}

int js_set_bool(json_t *object, const char *key, bool value)
{
	return js_set(object, key, js_bool(value));
}

int js_remove(json_t *object, const char *key)
{
	return json_object_del(object, key) < 0 ? -ENOENT : 0;
}

int js_merge(json_t *object, const json_t *from)
{
	json_t *source = (json_t *)from;
	const char *key;
	json_t *value;
	int r;

	json_object_foreach(source, key, value)
	{
		if (json_object_get(object, key))
			return -EEXIST;
	}
	json_object_foreach(source, key, value)
	{
		r = js_set(object, key, json_incref(value));
		if (r < 0)
			return r;
	}
	return 0;
}

int js_append(json_t *array, json_t *value)
{
	if (!value)
		return -ENOMEM;
	if (json_array_append_new(array, value) < 0)
		return json_is_array(array) ? -ENOMEM : -EINVAL;
	return 0;
}

int js_append_str(json_t *array, const char *value)
{
	return js_append(array, js_str(value));
}

int js_append_real(json_t *array, double value)
{
	return js_append(array, js_real(value));
}

int js_append_int(json_t *array, int32_t value)
{
	return js_append(array, js_int(value));
}

enum js_type js_type(const json_t *value)
{
	if (!value)
		return JS_NONE;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return JS_OBJECT;
	case JSON_ARRAY:
		return JS_ARRAY;
	case JSON_STRING:
		return JS_STRING;
	case JSON_INTEGER:
		return JS_INTEGER;
	case JSON_REAL:
		return JS_REAL;
	case JSON_TRUE:
	case JSON_FALSE:
		return JS_BOOL;
	default:
		return JS_NULL;
	}
}

json_t *js_get(const json_t *object, const char *key)
{
	return json_object_get(object, key);
}

bool js_str_value(const json_t *value, const char **ret, size_t *ret_len)
{
	if (!json_is_string(value))
		return false;
	*ret = json_string_value(value);
	if (ret_len)
		*ret_len = json_string_length(value);
	return true;
}

bool js_real_value(const json_t *value, double *ret)
{
	if (!json_is_number(value))
		return false;
	*ret = json_number_value(value);
	return true;
}

bool js_int_value(const json_t *value, int64_t *ret)
{
	if (!json_is_integer(value))
		return false;
	*ret = json_integer_value(value);
	return true;
}

bool js_bool_value(const json_t *value, bool *ret)
{
	if (!json_is_boolean(value))
		return false;
	*ret = json_is_true(value);
	return true;
}

int js_get_str(const json_t *object, const char *key, const char **ret)
{
	json_t *value = js_get(object, key);

	if (!value)
		return -ENOENT;
	/* A NUL inside would cut the text for every user of C strings. */
	if (!json_is_string(value) ||
	    strlen(json_string_value(value)) != json_string_length(value))
		return -EINVAL;
	*ret = json_string_value(value);
	return 0;
}

int js_digits(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;

	if (!*text || (*text == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		unsigned int digit = (unsigned int)(*text - '0');

		if (digit > 9 || n > (max - digit) / 10)
			return -EINVAL;
		n = n * 10 + digit;
	}
	*ret = n;
	return 0;
}

int js_get_u64(const json_t *object, const char *key, uint64_t *ret)
{
	const char *text;
	int r;

	r = js_get_str(object, key, &text);
	if (r < 0)
		return r;
	return js_digits(text, UINT64_MAX, ret);
}

int js_get_i64(const json_t *object, const char *key, int64_t *ret)
{
	const char *text;
	bool is_negative;
	uint64_t n;
	int r;

	r = js_get_str(object, key, &text);
	if (r < 0)
		return r;
	is_negative = *text == '-';
	r = js_digits(text + is_negative, (uint64_t)INT64_MAX + is_negative,
		      &n);
	if (r < 0)
		return r;
	*ret = is_negative ? (int64_t)(0 - n) : (int64_t)n;
	return 0;
}

static int get_int(const json_t *object, const char *key, int64_t min,
		   int64_t max, int64_t *ret)
{
	json_t *value = js_get(object, key);

	if (!value)
		return -ENOENT;
	if (!js_int_value(value, ret) || *ret < min || *ret > max)
		return -EINVAL;
	return 0;
}

int js_get_int(const json_t *object, const char *key, int32_t *ret)
{
	int64_t n;
	int r;

	r = get_int(object, key, INT32_MIN, INT32_MAX, &n);
	if (!r)
		*ret = (int32_t)n;
	return r;
}

int js_get_uint(const json_t *object, const char *key, uint32_t *ret)
{
	int64_t n;
	int r;

	r = get_int(object, key, 0, UINT32_MAX, &n);
	if (!r)
		*ret = (uint32_t)n;
	return r;
}

int js_get_real(const json_t *object, const char *key, double *ret)
{
	json_t *value = js_get(object, key);

	if (!value)
		return -ENOENT;
	return js_real_value(value, ret) ? 0 : -EINVAL;
}

const char *js_text(const json_t *object, const char *key)
{
	const char *text = "";

	js_get_str(object, key, &text);
	return text;
}

double js_number(const json_t *object, const char *key)
{
	double value = NAN;

	js_get_real(object, key, &value);
	return value;
}

void js_copy_text(const json_t *object, const char *key, char *ret, size_t size)
{
	snprintf(ret, size, "%s", js_text(object, key));
}

int js_get_bool(const json_t *object, const char *key, bool *ret)
{
	json_t *value = js_get(object, key);

	if (!value)
		return -ENOENT;
	return js_bool_value(value, ret) ? 0 : -EINVAL;
}

size_t js_len(const json_t *value)
{
	return json_is_array(value) ? json_array_size(value)
				    : json_object_size(value);
}

json_t *js_at(const json_t *array, size_t i)
{
	return json_array_get(array, i);
}

bool js_next(json_t *object, void **iter, const char **ret_key,
	     json_t **ret_value)
{
	*iter = *iter ? json_object_iter_next(object, *iter)
		      : json_object_iter(object);
	if (!*iter)
		return false;
	*ret_key = json_object_iter_key(*iter);
	*ret_value = json_object_iter_value(*iter);
	return true;
}

static bool is_deeper(json_t *value, int depth)
{
	const char *key;
	json_t *member;
	size_t i;

	if (!json_is_object(value) && !json_is_array(value))
		return false;
	if (depth > JS_DEPTH_MAX)
		return true;
	json_object_foreach(value, key, member)
	{
		if (is_deeper(member, depth + 1))
			return true;
	}
	json_array_foreach(value, i, member)
	{
		if (is_deeper(member, depth + 1))
			return true;
	}
	return false;
}

static int fail(struct js_error *err, int line, int column, const char *why)
{
	if (err) {
		err->line = line;
		err->column = column;
		snprintf(err->why, sizeof(err->why), "%s", why);
	}
	return -EBADMSG;
}

int js_parse(const char *text, size_t len, json_t **ret, struct js_error *err)
{
	json_error_t error;
	json_t *value;

	value = json_loadb(text, len,
			   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY |
				   JSON_ALLOW_NUL,
			   &error);
	if (!value && json_error_code(&error) == json_error_out_of_memory)
		return -ENOMEM;
	if (!value)
		return fail(err, error.line, error.column, error.text);
	if (is_deeper(value, 0)) {
		json_decref(value);
		return fail(err, 1, 1, "nested too deep");
	}
	*ret = value;
	return 0;
}
