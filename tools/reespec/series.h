/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many samples, one after the other: a worklist, or a scanner on stdin. */
#ifndef TOOLS_REESPEC_SERIES_H
#define TOOLS_REESPEC_SERIES_H

#include "reespec/command.h"

/*
 * One sample: @args is the command as it would have been typed for it alone.
 * *ret_stop: nobody wants the rest.
 */
typedef int (*series_run)(const struct args *args, bool *ret_stop);

/*
 * A line of stdin is a sample. Ends at the end of stdin with the first code
 * other than REESPEC_OK, having gone on behind it.
 */
int series_of_lines(const struct args *args, series_run run);

/*
 * Each row of a worklist is a sample; rows that are done are left out, so one
 * that was interrupted is resumed by giving it again.
 */
int series_of_rows(const struct args *args, const char *path, series_run run);

#endif
