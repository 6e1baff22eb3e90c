/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Contents of results as CSV (RFC 4180), in mg/kg, raw and never censored.
 * Column `corrects` has the number of the result that was reprocessed; it is
 * empty where a sample was measured. `decision` is what the rules of the
 * method say, pass or fail; empty where it has none. `amended` and
 * `corrected_by` are what later_apply() put into the record.
 */
#ifndef TOOLS_REESPEC_CSV_OUT_H
#define TOOLS_REESPEC_CSV_OUT_H

#include <stdio.h>

#include "reespec/records.h"

/* Long: the names of columns, then a line for each element and sum. */
void csv_long_head(FILE *out);
void csv_long_record(FILE *out, const struct record *r);

/*
 * Wide: a line for each result. @columns is an object whose members are the
 * quantities in the order they were first met; csv_wide_learn() adds those of
 * one result (0 or -ENOMEM), before the head is written.
 */
int csv_wide_learn(json_t *columns, json_t *body);
void csv_wide_head(FILE *out, json_t *columns);
void csv_wide_record(FILE *out, json_t *columns, const struct record *r);

#endif
