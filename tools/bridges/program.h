/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the bridges have in common as programs: options, settings, messages. */
#ifndef TOOLS_BRIDGES_PROGRAM_H
#define TOOLS_BRIDGES_PROGRAM_H

#include <stdint.h>
#include <stdio.h>

#include "base/ini.h"

/* An option of one program alone. */
struct program_option {
	const char *name; /* without its dashes */
	const char *value; /* it takes a number from 1, so called; or NULL */
	const char *text; /* of --help */
	void (*print)(FILE *file); /* prints and ends; NULL: sets `given` */
};

#define PROGRAM_OPTIONS_MAX 2

struct program {
	const char *name;
	const char *config; /* the file; set: the one that was named */
	const char *summary; /* a line of --help */
	struct program_option more[PROGRAM_OPTIONS_MAX];
	uint64_t given; /* set: the number, or 1; 0 when not given */
	const struct ini_table *table;
};

/*
 * Reads the options and the settings into @settings. 0 to go on; else the
 * program ends at once: with *ret_exit, and all has been said.
 */
#define PROGRAM_END 1
int program_start(struct program *p, int argc, char **argv, void *settings,
		  int *ret_exit);

/*
 * What is wrong with a setting that the table let through, in the words of the
 * table: `FILE:LINE: [SECTION] KEY: WHY`, no line where the default holds.
 */
void setting_text(const char *path, const char *section, const char *key,
		  const char *why, char *ret, size_t size);

/*
 * Says @text once: not again before another one, or NULL (all is well), came
 * between. What is tried every second must not fill the log.
 */
struct trouble {
	char text[600];
};
void trouble_tell(struct trouble *t, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));
void trouble_over(struct trouble *t, const char *what);

#endif
