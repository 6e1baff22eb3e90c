/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that people give: checked once at the border, cut at whole characters. */
#ifndef DAEMON_BASE_TEXT_H
#define DAEMON_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether @text is 1 to @max bytes of UTF-8 that show as what they are: no
 * control characters (also not those above 0x7f, which a terminal obeys), no
 * line or paragraph separators, no marks that turn the direction of writing.
 */
bool text_valid(const char *text, size_t max);

/* Whether @len bytes are characters of UTF-8, each whole. */
bool text_is_utf8(const char *text, size_t len);

/*
 * Copies as many whole characters as fit into @size bytes with a NUL; what
 * text_valid() would refuse becomes `?`. So the result may be put into any
 * message. Returns @ret.
 */
char *text_show(char *ret, size_t size, const char *text);

/*
 * How many characters have to be put in, left out or replaced to make one word
 * of another; for the nearest of those there are when a word is unknown. Of
 * words above 63 bytes the rest does not count.
 */
size_t text_distance(const char *a, const char *b);

#endif
