/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spectra over each other, and how the later ones differ from the first. */
#ifndef TOOLS_REESPEC_COMPARE_CHART_H
#define TOOLS_REESPEC_COMPARE_CHART_H

#include "assay/spectrum.h"

#define COMPARE_MAX 6

struct compare_curve {
	char name[200];
	const struct spectrum *spectrum; /* with live time and axis */
};

/*
 * Writes @path, a .png, .svg or .pdf, whole or not at all: counts a second and
 * keV, and below the ratio of each to the first where both hold counts enough,
 * in its colour where they differ by more than three standard deviations. 0 or
 * a negative errno; -EINVAL when the name ends otherwise.
 */
int compare_chart_write(const struct compare_curve *curve, size_t n,
			const char *path);

#endif
