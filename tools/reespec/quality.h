/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What quality control had found when a sample was measured. */
#ifndef TOOLS_REESPEC_QUALITY_H
#define TOOLS_REESPEC_QUALITY_H

#include "reespec/records.h"

/*
 * The last state of each check of the spectrometer up to result @r, and of the
 * checks that @r itself gave, in one line: "no check before", "failed: NAME
 * (record 12)", "NAME ok (record 12)" or "3 checks ok, last record 12".
 */
int quality_of(struct client *c, const struct args *args,
	       const struct record *r, char *text, size_t size);

#endif
