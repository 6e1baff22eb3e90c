/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stored configuration, in memory and optionally in a file. */
#ifndef TOOLS_DP5EMU_FLASH_H
#define TOOLS_DP5EMU_FLASH_H

#include "dp5emu/config.h"
#include "dp5emu/random.h"

#define FLASH_TEXT_MAX 4096

/* A usual write; the reference gives 80 to 400 ms, about 100 typical. */
#define FLASH_WRITE_US 100e3

struct flash {
	const char *path; /* borrowed; NULL: memory only */
	char text[FLASH_TEXT_MAX];
	size_t len;
};

/*
 * Take the text of the file at @path, or @defaults when there is no such file
 * or no path. Returns 0 or the error of reading the file.
 */
int flash_open(struct flash *f, const char *path, const char *defaults);

/*
 * Store all of @c, after the packet @text. Returns the microseconds the
 * instrument is deaf, 0 when a lone preset keeps firmware from 6.09.06 on from
 * writing at all.
 */
double flash_save(struct flash *f, const struct config *c, const char *text,
		  size_t len, struct rng *rng);

#endif /* TOOLS_DP5EMU_FLASH_H */
