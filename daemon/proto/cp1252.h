/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text in the code page of Windows, as instrument software writes it. */
#ifndef DAEMON_PROTO_CP1252_H
#define DAEMON_PROTO_CP1252_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * Writes @len bytes of CP1252 as UTF-8 with a NUL into @ret; false when
 * @size is too small. The five bytes without a character become U+FFFD.
 */
bool cp1252_decode(const char *text, size_t len, char *ret, size_t size);

/* Appends UTF-8 @text as CP1252; what it lacks or is malformed becomes `?`. */
int cp1252_encode(const char *text, struct buf *ret);

#endif
