// SPDX-License-Identifier: GPL-2.0-or-later
/* CP1252 to UTF-8 and back. */
#include "proto/cp1252.h"

#include <stdint.h>
#include <string.h>

/* Unicode of bytes 0x80 to 0x9f; all others are their own number. */
static const uint16_t high[32] = {
	0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
	0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd,
	0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178,
};

static size_t put_utf8(unsigned int c, char *ret)
{
	if (c < 0x80) {
		ret[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		ret[0] = (char)(0xc0 | c >> 6);
		ret[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	ret[0] = (char)(0xe0 | c >> 12);
	ret[1] = (char)(0x80 | (c >> 6 & 0x3f));
	ret[2] = (char)(0x80 | (c & 0x3f));
	return 3;
}

bool cp1252_decode(const char *text, size_t len, char *ret, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)text[i];
		unsigned int c = byte;
		char utf8[4];
		size_t k;

		if (byte >= 0x80 && byte < 0xa0)
			c = high[byte - 0x80];
		k = put_utf8(c, utf8);
		if (n + k >= size)
			return false;
		memcpy(ret + n, utf8, k);
		n += k;
	}
	if (n >= size)
		return false;
	ret[n] = '\0';
	return true;
}

/* The next character and where it ends; 0xfffd when it is malformed. */
static unsigned int get_utf8(const char **text)
{
	const unsigned char *p = (const unsigned char *)*text;
	unsigned int c = *p;
	int more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;

	if (more)
		c &= 0x3fu >> more;
	p++;
	for (; more; more--, p++) {
		if ((*p & 0xc0) != 0x80) {
			*text = (const char *)p;
			return 0xfffd;
		}
		c = c << 6 | (*p & 0x3f);
	}
	*text = (const char *)p;
	return c;
}

static char to_byte(unsigned int c)
{
	if (c < 0x80 || (c >= 0xa0 && c <= 0xff))
		return (char)c;
	for (int i = 0; i < 32; i++) {
		if (high[i] == c && c != 0xfffd)
			return (char)(0x80 + i);
	}
	return '?';
}

int cp1252_encode(const char *text, struct buf *ret)
{
	int r = 0;

	while (*text && r >= 0) {
		char byte = to_byte(get_utf8(&text));

		r = buf_append(ret, &byte, 1);
	}
	return r;
}
