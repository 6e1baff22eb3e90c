/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look through a JSON text that builds no values, for who needs a few
 * members of very many texts. js_parse() stays the judge of what is JSON: a
 * scan is sure or leaves the text to it.
 */
#ifndef DAEMON_BASE_JSON_SCAN_H
#define DAEMON_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The text of one value; `at` is NULL when there is none. */
struct js_span {
	const char *at;
	size_t len; /* bytes */
};

/*
 * True: js_parse() takes @text for an object, and @ret[i] is the text of its
 * member @keys[i]. False: not sure, ask js_parse(). Not sure is all that is
 * wrong, and what is right and rare in texts of our own: blanks, escapes,
 * characters beyond ASCII, long numbers, many keys, much nesting.
 */
bool js_scan(const char *text, size_t len, const char *const *keys, size_t n,
	     struct js_span *ret);

/* Whether it is a string that fits @size with its NUL; it is copied then. */
bool js_span_str(const struct js_span *s, char *ret, size_t size);
/* Whether it is a string of decimal digits as js_get_u64() wants it. */
bool js_span_u64(const struct js_span *s, uint64_t *ret);
/* Whether it is an integer as js_get_uint() wants it. */
bool js_span_uint(const struct js_span *s, uint32_t *ret);
/* Whether it is this word: null, true or false. */
bool js_span_is(const struct js_span *s, const char *word);

#endif
