/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rare earths over those of chondrites, as a picture. */
#ifndef TOOLS_REESPEC_PATTERN_CHART_H
#define TOOLS_REESPEC_PATTERN_CHART_H

#include "assay/assay.h"

/*
 * Draws the pattern of a result: what was found with bars of two standard
 * uncertainties, what was not as an arrow down from its L_D. 0 or a negative
 * errno as for chart_write(); -ENODATA when the result holds no rare earth.
 */
int pattern_chart_write(const struct assay_result *r, const char *path);

#endif
