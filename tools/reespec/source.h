/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A spectrum by what was typed: the number of a record, or a file. */
#ifndef TOOLS_REESPEC_SOURCE_H
#define TOOLS_REESPEC_SOURCE_H

#include "assay/spectrum.h"
#include "reespec/records.h"

struct source {
	struct spectrum *spectrum;
	struct record record; /* zero: it is a file */
	char method[64]; /* of a record with contents, else "" */
	char name[200]; /* sample, and where it is from */
};

/*
 * The spectrum of record @what, which is digits only, or of file @what. The
 * caller calls source_deinit(), also after an error.
 */
int source_take(const struct args *args, const char *what, struct source *ret);
void source_deinit(struct source *s);

#endif
