// SPDX-License-Identifier: GPL-2.0-or-later
/* Decodes UTF-8 strictly and tells characters that show from those that act. */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

/*
 * The bytes of the character at @text and its number, or 0 when there is
 * none: a broken, overlong or too great form (RFC 3629).
 */
static size_t decode(const unsigned char *text, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = text[0];
	size_t len;

	if (c < 0x80) {
		*ret = c;
		return 1;
	}
	if (c < 0xc2 || c > 0xf4)
		return 0;
	len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	c &= 0x7fU >> len;
	/* A NUL is no continuation, so nothing behind it is looked at. */
	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (text[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return len;
}

static bool is_shown(uint32_t c)
{
	static const uint32_t hidden[][2] = {
		{ 0, 0x1f }, /* C0 */
		{ 0x7f, 0x9f }, /* DEL, C1 */
		{ 0x200e, 0x200f }, /* direction */
		{ 0x2028, 0x202e }, /* separators, embedding, override */
		{ 0x2066, 0x2069 }, /* isolates */
		{ 0xfeff, 0xfeff }, /* byte order */
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (c >= hidden[i][0] && c <= hidden[i][1])
			return false;
	return true;
}

bool text_valid(const char *text, size_t max)
{
	const unsigned char *at = (const unsigned char *)text;
	uint32_t c;
	size_t len;

	if (!*text || strlen(text) > max)
		return false;
	for (; *at; at += len) {
		len = decode(at, &c);
		if (!len || !is_shown(c))
			return false;
	}
	return true;
}

/* How many of the first bytes are surely of ASCII, eight at a time. */
static size_t ascii_len(const unsigned char *text, size_t len)
{
	uint64_t eight;
	size_t n = 0;

	for (; len - n >= sizeof(eight); n += sizeof(eight)) {
		memcpy(&eight, text + n, sizeof(eight));
		if (eight & UINT64_C(0x8080808080808080))
			break;
	}
	return n;
}

bool text_is_utf8(const char *text, size_t len)
{
	const unsigned char *at = (const unsigned char *)text;
	const size_t n_ascii = ascii_len(at, len);
	uint32_t c;

	at += n_ascii;
	len -= n_ascii;
	while (len) {
		/* Nothing behind the end is looked at. */
		size_t n = *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;

		if (n > len || !decode(at, &c))
			return false;
		at += n;
		len -= n;
	}
	return true;
}

char *text_show(char *ret, size_t size, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t n = 0;
	uint32_t c;
	size_t len;

	for (; *at && n + 1 < size; at += len ? len : 1) {
		len = decode(at, &c);
		if (!len || !is_shown(c)) {
			ret[n++] = '?';
			continue;
		}
		if (n + len >= size)
			break;
		memcpy(ret + n, at, len);
		n += len;
	}
	ret[n] = '\0';
	return ret;
}

#define DISTANCE_MAX 63

size_t text_distance(const char *a, const char *b)
{
	const size_t n = strnlen(b, DISTANCE_MAX);
	size_t row[DISTANCE_MAX + 1];

	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 0; i < DISTANCE_MAX && a[i]; i++) {
		size_t corner = i;

		row[0] = i + 1;
		for (size_t k = 1; k <= n; k++) {
			size_t least = corner + (a[i] != b[k - 1]);

			if (row[k] + 1 < least)
				least = row[k] + 1;
			if (row[k - 1] + 1 < least)
				least = row[k - 1] + 1;
			corner = row[k];
			row[k] = least;
		}
	}
	return row[n];
}
