/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A CSV file of samples, and which of them are done. */
#ifndef TOOLS_REESPEC_WORKLIST_H
#define TOOLS_REESPEC_WORKLIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "reespec/command.h"

#define WORKLIST_COLUMNS_MAX 24
#define WORKLIST_WORD_MAX 300

struct worklist;

/*
 * Its first line names the columns: `sample`, options of the command without
 * their dashes, and keys of the sample. All that is wrong with the file, and
 * what the daemon would refuse of it, is said at once, a line each, and is
 * REESPEC_USAGE. Rows whose result is in the ledger as done are marked so,
 * whatever else was changed in the file, but for what --again of @args names;
 * those of an earlier day are told, as a list may be that of each day.
 * @fixed, ended by NULL, names options that a row may not have for itself;
 * NULL: none. @args, @path and @fixed are kept.
 */
int worklist_open(const struct args *args, const char *path,
		  const char *const *fixed, struct worklist **ret);
struct worklist *worklist_close(struct worklist *w);
CLEANUP_FUNC(struct worklist, worklist_close);

size_t worklist_n(const struct worklist *w);
const char *worklist_sample(const struct worklist *w, size_t i);
/* The record of its result; 0: it is not done. */
uint64_t worklist_done(const struct worklist *w, size_t i);
/* When that was recorded, local time with its zone; "" when it is not done. */
const char *worklist_when(const struct worklist *w, size_t i);
/* That result was rejected, or fails by the rules of its method. */
bool worklist_is_rejected(const struct worklist *w, size_t i);
/* Why it was rejected, or since which record the row has changed; or "". */
const char *worklist_note(const struct worklist *w, size_t i);

/* What the options of one row point into. */
struct worklist_words {
	char word[WORKLIST_COLUMNS_MAX + 2][WORKLIST_WORD_MAX];
};

/*
 * Row @i as the command that names it, with the keys `worklist` (name of the
 * file) and `row` (its number, and what it is known by: "7@0123456789ab").
 */
int worklist_args(const struct worklist *w, size_t i,
		  struct worklist_words *words, struct args *ret);

/* One more option of a command; @value is borrowed. */
int worklist_add_option(struct args *to, const struct option_desc *desc,
			const char *value);

#endif
