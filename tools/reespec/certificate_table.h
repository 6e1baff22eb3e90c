/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Elements beside their oxides on a page: rows of text, in columns that are as
 * wide as what stands in them, so that no number is too long for its column.
 */
#ifndef TOOLS_REESPEC_CERTIFICATE_TABLE_H
#define TOOLS_REESPEC_CERTIFICATE_TABLE_H

#include "base/json.h"
#include "reespec/canvas.h"
#include "reespec/print.h"

enum certificate_column {
	CERTIFICATE_SYMBOL,
	CERTIFICATE_CONTENT,
	CERTIFICATE_U,
	CERTIFICATE_LD,
	CERTIFICATE_OXIDE,
	CERTIFICATE_OXIDE_CONTENT,
	CERTIFICATE_OXIDE_U,
	CERTIFICATE_OXIDE_LD,
	CERTIFICATE_UNIT, /* of element and oxide */
	CERTIFICATE_COLUMNS,
};

struct certificate_table {
	size_t n;
	/* The first one is the head. */
	struct certificate_row {
		struct cell cell[CERTIFICATE_COLUMNS];
		bool is_censored;
		bool is_always; /* shown in the least room: thorium, uranium */
	} row[121];
};

/* The rare earths of @contents, or all elements but those. */
void certificate_table_fill(struct certificate_table *t, json_t *contents,
			    bool is_rare);

/* Leaves out what is below L_C; the symbols of that go to @ret_left_out, an array. */
void certificate_table_shorten(struct certificate_table *t,
			       json_t *ret_left_out);

/* The size of letters, @size at most, by which a row is not wider than @width. */
double certificate_table_size(const struct certificate_table *t,
			      struct canvas *c, double width, double size);

/* From @left to @right, a row each @step, the first one that much below @y. */
void certificate_table_draw(const struct certificate_table *t, struct canvas *c,
			    double left, double right, double y, double step,
			    double size);

#endif
