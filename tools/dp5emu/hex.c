// SPDX-License-Identifier: GPL-2.0-or-later
/* Bytes that were typed into a file as hex digits. */
#include "dp5emu/hex.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

static int digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = tolower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The next character that counts, or EOF. */
static int next(FILE *file)
{
	int c = getc(file);

	while (isspace(c) || c == '#') {
		if (c == '#')
			while (c != '\n' && c != EOF)
				c = getc(file);
		else
			c = getc(file);
	}
	return c;
}

static int read_all(FILE *file, uint8_t *out, size_t room, size_t *ret_len)
{
	size_t n = 0;
	int c, high, low;

	while ((c = next(file)) != EOF) {
		high = digit(c);
		low = digit(getc(file));
		if (high < 0 || low < 0)
			return -EINVAL;
		if (n == room)
			return -E2BIG;
		out[n++] = (uint8_t)(high << 4 | low);
	}
	*ret_len = n;
	return ferror(file) ? -EIO : 0;
}

int hex_load(const char *path, uint8_t *out, size_t room, size_t *ret_len)
{
	FILE *file = fopen(path, "re");
	int r;

	if (!file)
		return -errno;
	r = read_all(file, out, room, ret_len);
	fclose(file);
	return r;
}
