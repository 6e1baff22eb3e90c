/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A worklist from the inside, for worklist*.c alone. */
#ifndef TOOLS_REESPEC_WORKLIST_ROWS_H
#define TOOLS_REESPEC_WORKLIST_ROWS_H

#include <stdbool.h>

#include "reespec/client.h"
#include "reespec/worklist.h"

struct worklist_row {
	int line;
	char *cell[WORKLIST_COLUMNS_MAX];
	char id[13]; /* of its cells and method */
	uint32_t wrong; /* a bit for each cell that is */
	uint64_t done; /* record of its result, 0: none */
	char when[40]; /* of that, local time with its zone */
	bool is_rejected; /* that result, or it fails by its method's rules */
	char note[320]; /* why rejected, or what has changed since a record */
};

_Static_assert(WORKLIST_COLUMNS_MAX <= 32, "a bit a cell");

struct worklist {
	const struct args *args;
	const char *path; /* borrowed */
	const char *const *fixed; /* options that are those of all rows */
	char name[208]; /* of the file, without its folder */
	char *text; /* taken apart in place */
	char *column[WORKLIST_COLUMNS_MAX];
	size_t n_columns;
	size_t sample; /* its column */
	struct worklist_row *row;
	size_t n_rows;
	struct worklist_error {
		int line;
		char *text;
	} * error;
	size_t n_errors;
	bool is_header_wrong;
};

/* Keeps "LINE: ..." to be said with all others. */
void worklist_wrong(struct worklist *w, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Says of each cell what is wrong with it by itself, without a daemon. */
int worklist_check_cells(struct worklist *w);

/* Says of each cell and row what the daemon would refuse. */
int worklist_check_orders(struct worklist *w, struct client *c);

/* Finds the rows that are done in the ledger, and says what became of others
 * of a file of this name. */
int worklist_ask_ledger(struct worklist *w, struct client *c);

#endif
