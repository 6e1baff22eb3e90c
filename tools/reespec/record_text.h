/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A record in words: one line for a log, or its members one by one. */
#ifndef TOOLS_REESPEC_RECORD_TEXT_H
#define TOOLS_REESPEC_RECORD_TEXT_H

#include <stdio.h>

#include "reespec/records.h"

/* Widths of number, kind and sample. */
struct record_columns {
	int seq, kind, sample;
};

/* Of records that are yet to come. */
#define RECORD_COLUMNS_ANY                         \
	{                                          \
		.seq = 6, .kind = 11, .sample = 12 \
	}

/* Widens @c for @r, but for a longer name of a sample not beyond those of any. */
void record_columns_fit(struct record_columns *c, const struct record *r);

/* "17  2026-11-23 22:10:31 UTC  result  BST-ORE  TREO 8.46 ± 0.07 wt %". */
void record_text_line(FILE *out, const struct record *r,
		      const struct record_columns *c);

/* Where the values stand that are told of a record. */
#define RECORD_TEXT_COLUMN 15

/* Number, time, kind, operator, hash and the simple members of the body. */
void record_text_print(FILE *out, const struct record *r);

/* Kind, when it is no plain sample, and keys of the sample in a body. */
void record_text_identity(FILE *out, json_t *body);
/* What the operator told of the sample, the values from @column on. */
void record_text_keys(FILE *out, json_t *keys, int column);

#endif
