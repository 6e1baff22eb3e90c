/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a command's text goes: stdout, or a file made whole or not at all. */
#ifndef TOOLS_REESPEC_OUTPUT_H
#define TOOLS_REESPEC_OUTPUT_H

#include <stdio.h>

#include "reespec/command.h"

struct output {
	FILE *file;
	const char *path;
	char temp[4096];
};

/* @path NULL or "-": stdout. */
int output_open(struct output *o, const struct args *args, const char *path);

/* Says that @path cannot be written, by @error, an errno, and what to do about it. */
int output_failed(const struct args *args, const char *path, int error);

/* That in parentheses behind a blank, or "" where there is nothing to do. */
const char *output_cure(int error);

/* REESPEC_OK where a file may be made at @path, for what takes long before it is. */
int output_check(const struct args *args, const char *path);

/* Makes the file durable under its name. */
int output_commit(struct output *o, const struct args *args);

/* Drops what was not committed. */
void output_deinit(struct output *o);

#endif
