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

/* Makes the file durable under its name. */
int output_commit(struct output *o, const struct args *args);

/* Drops what was not committed. */
void output_deinit(struct output *o);

#endif
