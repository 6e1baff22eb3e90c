/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON, the door to jansson. json_t travels as an opaque pointer; the prefix
 * is js_ because json_ is the library's own.
 *
 * 64-bit integers are strings of decimal digits, since many readers of JSON
 * hold numbers as doubles. Object keys keep the order they were set in.
 */
#ifndef DAEMON_BASE_JSON_H
#define DAEMON_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"

typedef struct json_t json_t;

/* Deepest nesting written or read. */
#define JS_DEPTH_MAX 32

enum js_type {
	JS_NONE, /* no value: what js_type(NULL) says */
	JS_OBJECT,
	JS_ARRAY,
	JS_STRING,
	JS_INTEGER,
	JS_REAL,
	JS_BOOL,
	JS_NULL,
};

/* Where and why a text is not JSON. */
struct js_error {
	int line; /* from 1 */
	int column; /* from 1, in characters */
	char why[160];
};

/* New values; NULL when memory ran out. js_str: NULL also for bad UTF-8. */
json_t *js_object(void);
json_t *js_array(void);
json_t *js_str(const char *value);
json_t *js_strn(const char *value, size_t len);
json_t *js_u64(uint64_t value); /* a string */
json_t *js_i64(int64_t value); /* a string */
json_t *js_int(int32_t value);
json_t *js_uint(uint32_t value);
json_t *js_real(double value); /* null when not finite */
json_t *js_bool(bool value);
json_t *js_null(void);
/* jansson's json_pack() formats, e.g. js_pack("{s:s, s:[i,i]}", ...). */
json_t *js_pack(const char *format, ...);

json_t *js_ref(json_t *value);
/* Gives up one reference; takes and returns NULL. */
json_t *js_free(json_t *value);
CLEANUP_FUNC(json_t, js_free);

/*
 * Sets or replaces a member. The value is taken over, also on failure; a NULL
 * value (an out-of-memory upstream) is -ENOMEM. -EILSEQ for a string that is
 * not UTF-8. As all failures are negative, a row of calls may be OR-ed.
 */
int js_set(json_t *object, const char *key, json_t *value);
int js_set_str(json_t *object, const char *key, const char *value);
int js_set_u64(json_t *object, const char *key, uint64_t value);
int js_set_i64(json_t *object, const char *key, int64_t value);
int js_set_int(json_t *object, const char *key, int32_t value);
int js_set_uint(json_t *object, const char *key, uint32_t value);
int js_set_real(json_t *object, const char *key, double value);
int js_set_bool(json_t *object, const char *key, bool value);
int js_remove(json_t *object, const char *key);
/* Copies references of all members of @from; -EEXIST, with nothing changed,
 * when a key of @from is already there. */
int js_merge(json_t *object, const json_t *from);

int js_append(json_t *array, json_t *value);
int js_append_str(json_t *array, const char *value);
int js_append_real(json_t *array, double value);
int js_append_int(json_t *array, int32_t value);

enum js_type js_type(const json_t *value);

/* A member or NULL; borrowed. */
json_t *js_get(const json_t *object, const char *key);
/* Decimal digits without sign, blank or leading zero, up to @max; -EINVAL. */
int js_digits(const char *text, uint64_t max, uint64_t *ret);
/*
 * Typed members: 0, -ENOENT when there is none (also when @object is not an
 * object), -EINVAL when it has another type or is out of range. The result
 * is left alone on failure. Strings are borrowed from the object.
 */
int js_get_str(const json_t *object, const char *key, const char **ret);
int js_get_u64(const json_t *object, const char *key, uint64_t *ret);
int js_get_i64(const json_t *object, const char *key, int64_t *ret);
int js_get_int(const json_t *object, const char *key, int32_t *ret);
int js_get_uint(const json_t *object, const char *key, uint32_t *ret);
int js_get_real(const json_t *object, const char *key, double *ret);
int js_get_bool(const json_t *object, const char *key, bool *ret);

/* Of a member of that type, else "", NAN, or an empty copy. */
const char *js_text(const json_t *object, const char *key);
double js_number(const json_t *object, const char *key);
void js_copy_text(const json_t *object, const char *key, char *ret,
		  size_t size);

/* The value itself; false when it has another type. */
bool js_str_value(const json_t *value, const char **ret, size_t *ret_len);
bool js_real_value(const json_t *value, double *ret); /* integers too */
bool js_int_value(const json_t *value, int64_t *ret);
bool js_bool_value(const json_t *value, bool *ret);

/* Elements of an array or members of an object; 0 for other types. */
size_t js_len(const json_t *value);
json_t *js_at(const json_t *array, size_t i); /* borrowed, or NULL */
/*
 * Members in order: start with *iter = NULL; false at the end.
 *	for (void *it = NULL; js_next(object, &it, &key, &value);)
 */
bool js_next(json_t *object, void **iter, const char **ret_key,
	     json_t **ret_value);

/*
 * Text of a value: one line without blanks, members in the order they were
 * set, reals in the shortest form that reads back to the same double, UTF-8
 * as it is, control characters escaped. The same value gives the same bytes.
 * JS_PRETTY indents by two blanks. The caller frees *ret.
 * 0, -ENOMEM, -ELOOP when nested deeper than JS_DEPTH_MAX.
 */
#define JS_PRETTY 1
int js_dump(const json_t *value, unsigned int flags, char **ret,
	    size_t *ret_len);

/* Appends the text of a string as js_dump() writes it. What @s holds is UTF-8,
 * which is not looked at. 0 or what buf_append() says. */
int js_write_str(struct buf *b, const char *s, size_t len);

/*
 * Reads one value. 0; -EBADMSG with @err (may be NULL) filled when the text
 * is not JSON, nests too deep, holds a key twice or has bytes after its end.
 * Integers beyond 64 bits are refused too.
 */
int js_parse(const char *text, size_t len, json_t **ret, struct js_error *err);

#endif
