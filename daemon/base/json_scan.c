// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds members in a JSON text without building values. */
#include "base/json_scan.h"

#include <string.h>

#include "base/json.h"

enum {
	DEPTH_MAX = 8, /* of values in values; js_parse() takes more */
	KEYS_MAX = 96, /* of all objects that are open at once */
	/* No integer of so many digits is too big, and no real with so many
	 * before the point and such an exponent. */
	DIGITS_MAX = 18,
	EXPONENT_DIGITS_MAX = 2,
};

struct key {
	const char *at;
	size_t len;
	uint32_t hash; /* to compare few of them in full */
};

struct scan {
	const char *at;
	const char *end;
	const char *const *wanted;
	size_t n_wanted;
	struct js_span *ret;
	struct key keys[KEYS_MAX];
	size_t n_keys;
	int depth;
};

static bool scan_value(struct scan *s);

static bool take(struct scan *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static bool scan_word(struct scan *s, const char *word)
{
	const size_t len = strlen(word);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return false;
	s->at += len;
	return true;
}

/* Stands on its first quote. */
static bool scan_string(struct scan *s, struct key *ret)
{
	ret->at = ++s->at;
	for (; s->at < s->end && *s->at != '"'; s->at++) {
		const unsigned char c = (unsigned char)*s->at;

		if (c < 0x20 || c > 0x7e || c == '\\')
			return false;
	}
	ret->len = (size_t)(s->at - ret->at);
	return take(s, '"');
}

static size_t scan_digits(struct scan *s)
{
	const char *start = s->at;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return (size_t)(s->at - start);
}

static bool scan_number(struct scan *s)
{
	const char *first;
	size_t n;

	take(s, '-');
	first = s->at;
	n = scan_digits(s);
	if (!n || n > DIGITS_MAX || (n > 1 && *first == '0'))
		return false;
	if (take(s, '.') && !scan_digits(s))
		return false;
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '-'))
			take(s, '+');
		n = scan_digits(s);
		return n && n <= EXPONENT_DIGITS_MAX;
	}
	return true;
}

/* False when its object has this key already. */
static bool add_key(struct scan *s, size_t first, struct key *key)
{
	if (s->n_keys == KEYS_MAX)
		return false;
	key->hash = 0;
	for (size_t i = 0; i < key->len; i++)
		key->hash = key->hash * 31 + (unsigned char)key->at[i];
	for (size_t i = first; i < s->n_keys; i++) {
		const struct key *k = &s->keys[i];

		if (k->hash == key->hash && k->len == key->len &&
		    !memcmp(k->at, key->at, key->len))
			return false;
	}
	s->keys[s->n_keys++] = *key;
	return true;
}

static struct js_span *find_wanted(struct scan *s, const struct key *key)
{
	for (size_t i = 0; i < s->n_wanted; i++)
		if (!strncmp(s->wanted[i], key->at, key->len) &&
		    !s->wanted[i][key->len])
			return &s->ret[i];
	return NULL;
}

static bool scan_member(struct scan *s, size_t first)
{
	struct js_span *wanted;
	const char *value;
	struct key key;

	if (s->at == s->end || *s->at != '"' || !scan_string(s, &key) ||
	    !add_key(s, first, &key) || !take(s, ':'))
		return false;
	value = s->at;
	if (!scan_value(s))
		return false;
	wanted = s->depth == 1 ? find_wanted(s, &key) : NULL;
	if (wanted) {
		wanted->at = value;
		wanted->len = (size_t)(s->at - value);
	}
	return true;
}

static bool scan_object(struct scan *s)
{
	const size_t first = s->n_keys;

	s->at++;
	if (take(s, '}'))
		return true;
	do {
		if (!scan_member(s, first))
			return false;
	} while (take(s, ','));
	s->n_keys = first;
	return take(s, '}');
}

static bool scan_array(struct scan *s)
{
	s->at++;
	if (take(s, ']'))
		return true;
	do {
		if (!scan_value(s))
			return false;
	} while (take(s, ','));
	return take(s, ']');
}

static bool scan_inside(struct scan *s, bool (*scan)(struct scan *s))
{
	bool is_sure;

	if (s->depth == DEPTH_MAX)
		return false;
	s->depth++;
	is_sure = scan(s);
	s->depth--;
	return is_sure;
}

static bool scan_value(struct scan *s)
{
	struct key text;

	switch (s->at < s->end ? *s->at : '\0') {
	case '{':
		return scan_inside(s, scan_object);
	case '[':
		return scan_inside(s, scan_array);
	case '"':
		return scan_string(s, &text);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		return scan_number(s);
	}
}

bool js_scan(const char *text, size_t len, const char *const *keys, size_t n,
	     struct js_span *ret)
{
	struct scan s;

	/* Not all of it: what no key stands in is not looked at. */
	s.at = text;
	s.end = text + len;
	s.wanted = keys;
	s.n_wanted = n;
	s.ret = ret;
	s.n_keys = 0;
	s.depth = 0;
	memset(ret, 0, n * sizeof(*ret));
	return len && *text == '{' && scan_value(&s) && s.at == s.end;
}

bool js_span_str(const struct js_span *s, char *ret, size_t size)
{
	if (!s->at || *s->at != '"' || s->len - 2 >= size)
		return false;
	memcpy(ret, s->at + 1, s->len - 2);
	ret[s->len - 2] = '\0';
	return true;
}

bool js_span_u64(const struct js_span *s, uint64_t *ret)
{
	char text[24];

	return js_span_str(s, text, sizeof(text)) &&
	       js_digits(text, UINT64_MAX, ret) == 0;
}

bool js_span_uint(const struct js_span *s, uint32_t *ret)
{
	char text[24];
	uint64_t n;

	if (!s->at || s->len >= sizeof(text))
		return false;
	memcpy(text, s->at, s->len);
	text[s->len] = '\0';
	if (js_digits(text, UINT32_MAX, &n) < 0)
		return false;
	*ret = (uint32_t)n;
	return true;
}

bool js_span_is(const struct js_span *s, const char *word)
{
	return s->at && s->len == strlen(word) && !memcmp(s->at, word, s->len);
}
