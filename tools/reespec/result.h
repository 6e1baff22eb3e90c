/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A result as a table for people, from the JSON of its record. */
#ifndef TOOLS_REESPEC_RESULT_H
#define TOOLS_REESPEC_RESULT_H

#include <stdio.h>

#include "base/json.h"
#include "reespec/known.h"
#include "reespec/result_parts.h"

/*
 * Prints contents, sums, activity, times, fit, flags and verdict. @known adds
 * the known contents and the differences; it may be empty.
 */
void result_print(FILE *out, json_t *body, const struct known *known);

/* "TREO 8.46 ± 0.07 wt %", or "" when the body holds no contents. */
void result_summary(json_t *body, char *text, size_t size);

/*
 * The @n_max rare earths of most content as "Ce 4.01 ± 0.03 %", one after the
 * other, for a line that is rewritten while it counts.
 */
void result_leaders(json_t *estimate, size_t n_max, char *text, size_t size);

/* A flag of a result in words; one of a newer daemon is its name. */
const char *result_flag_text(const char *name);

/* Says result_fault() and why: REESPEC_VERDICT, or REESPEC_FAILED where there are no
 * contents. */
int result_exit(const struct args *args, json_t *body);

#endif
