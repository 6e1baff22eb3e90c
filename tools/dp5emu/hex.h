/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes that were typed into a file as hex digits. */
#ifndef TOOLS_DP5EMU_HEX_H
#define TOOLS_DP5EMU_HEX_H

#include <stddef.h>
#include <stdint.h>

/*
 * Read @path: pairs of hex digits, blanks and line ends between them; # opens
 * a comment. Writes at most @room bytes and their number. Negative errno:
 * -EINVAL for anything else in the file, -E2BIG for too many bytes.
 */
int hex_load(const char *path, uint8_t *out, size_t room, size_t *ret_len);

#endif /* TOOLS_DP5EMU_HEX_H */
