/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where strong lines stand in a spectrum, each by itself. */
#ifndef DAEMON_ASSAY_PEAKS_H
#define DAEMON_ASSAY_PEAKS_H

#include "assay/assay.h"

enum { PEAKS_MAX = 10 };

struct peak {
	char text[12]; /* "Ce La1" */
	double kev; /* of the line, by the tables */
	double counts; /* height above the rest */
	double found_kev; /* on the axis that was stated */
	double left_kev; /* its distance on the axis that the fit found */
	double u_kev; /* of both, one standard uncertainty of counting */
	double fwhm_kev; /* width of a line there */
};

/*
 * The strongest lines that stand alone, by energy; how many. The place of each
 * is that of its own channels: the fit gives its shape and what lies below.
 */
size_t peaks_find(const struct assay_result *r, struct peak ret[PEAKS_MAX]);

#endif
