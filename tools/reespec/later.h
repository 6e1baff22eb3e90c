/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What later records say of an assay or a result. */
#ifndef TOOLS_REESPEC_LATER_H
#define TOOLS_REESPEC_LATER_H

#include <stdio.h>

#include "reespec/records.h"

/*
 * Amendments, and results that were computed again. Zero-filled there are
 * none, and later_apply() changes nothing.
 */
struct later {
	json_t *amendments;
	json_t *results;
	uint64_t until; /* the last record that counts; 0: the ledger's last */
	uint64_t loaded; /* up to which amendments were read */
};

/*
 * Reads the amendments up to ret->until that were not read yet and, unless
 * @first_result is 0, which results from that number on correct another.
 * REESPEC_OK or a status that was said.
 */
int later_load(struct client *c, const struct args *args, uint64_t first_result,
	       struct later *ret);
/* The same with the results alone that @r was computed again from. */
int later_load_before(struct client *c, const struct args *args,
		      const struct record *r, struct later *ret);
void later_deinit(struct later *l);

/* One more amendment or result. 0 or -ENOMEM. */
int later_note(struct later *l, const struct record *r);
/* Whether @named is the number of @r, its assay, or what it was made from. */
bool later_is_of(const struct later *l, const struct record *r,
		 const char *named);

/* Loads what matters to one record, and later_apply() to it. */
int later_of(struct client *c, const struct args *args, struct record *r);

/*
 * Puts into r->json what is right of the sample by the amendments of @r, its
 * assay and the results it was computed again from: members `sample`,
 * `sample_kind` and `keys`. `amended` has what was, in the order of records:
 * [{"field", "now", "was", "by", "reason"}] with the newest for each field,
 * which is "sample", "kind" or "key NAME"; `corrected_by` the number of the
 * newest result that replaces @r. The body that was hashed, r->chain, stays.
 * 0 or -ENOMEM.
 */
int later_apply(const struct later *l, struct record *r);

/* The name under which @body was measured: `sample` unless that is amended. */
const char *later_measured_as(json_t *body);

/* "sample B (amended by record 13; measured as A: mistyped)", of one entry of
 * `amended`. */
void later_text(json_t *entry, char *text, size_t size);

/* Those of all, a line each, and "Corrected by record 15", all but the first
 * words from @column on. */
void later_print(FILE *out, json_t *body, int column);

#endif
