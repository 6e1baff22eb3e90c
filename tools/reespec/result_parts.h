/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where things are in the body of a result. */
#ifndef TOOLS_REESPEC_RESULT_PARTS_H
#define TOOLS_REESPEC_RESULT_PARTS_H

#include <stdbool.h>
#include <time.h>

#include "base/json.h"

/* The part of a record that holds the contents, or NULL. */
json_t *result_contents(json_t *body);

/*
 * In a word what the contents are judged to be: the verdict, but "fails" where
 * the method's rules are against the sample; "" when there is none.
 */
const char *result_word(json_t *contents);

/* Outcome of the method's rules, "pass" or "fail"; "" when it has none. */
const char *result_decision(json_t *contents);

/*
 * What is wrong with a result: NULL, "fails" (the rules of its method),
 * "rejected" (its limits), or "" for one without contents; @ret_why is why.
 */
const char *result_fault(json_t *body, const char **ret_why);

/* Name of the method a record was made by, "" when it names none. */
const char *result_method(json_t *body);

/*
 * Local time at which counting began: as the result states it, which one that was
 * computed again has from the first, else a real time before it was recorded.
 */
bool result_began(json_t *body, struct tm *ret);

/* Whether thorium or uranium was looked for: without both the activities of a
 * record are 0, of which nothing is known. */
bool result_has_activity(json_t *contents);

#endif
