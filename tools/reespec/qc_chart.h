/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control charts of one check: on a terminal and as a picture. */
#ifndef TOOLS_REESPEC_QC_CHART_H
#define TOOLS_REESPEC_QC_CHART_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* One value; @z is NAN for kinds of check that have no mean. */
struct qc_point {
	uint64_t seq;
	char time[32]; /* RFC 3339 */
	double content_mg_kg;
	double z;
	bool is_failed;
	char why[200];
};

struct qc_series {
	char name[32];
	char kind[16];
	char element[4];
	char sample[129];
	double mean_mg_kg;
	double s_mg_kg;
	struct qc_point *point; /* oldest first */
	size_t n_points;
};

/*
 * The latest points a line each, with their place between -4 and 4 standard
 * deviations; what has no mean is shown by its content alone.
 */
void qc_chart_print(FILE *out, const struct qc_series *s, size_t n_max);

/* The whole series; 0 or a negative errno as for canvas_new(). */
int qc_chart_write(const struct qc_series *s, const char *path);

#endif
