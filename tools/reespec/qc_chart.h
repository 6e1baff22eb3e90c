/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control charts of one check: on a terminal and as a picture. */
#ifndef TOOLS_REESPEC_QC_CHART_H
#define TOOLS_REESPEC_QC_CHART_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* One value; NAN is what its kind of check, or an older record, has not. */
struct qc_point {
	uint64_t seq;
	char time[32]; /* RFC 3339 */
	double content_mg_kg;
	double u_mg_kg;
	double lc_mg_kg;
	double ld_mg_kg;
	double z;
	double percent; /* by which a duplicate differs */
	bool is_failed;
	char rules[64]; /* broken, their names */
	char why[400];
};

/* Of a check by one spectrometer. Limits are those of the newest value. */
struct qc_series {
	char name[32];
	char serial[32];
	char kind[16];
	char element[4];
	char sample[129];
	double mean_mg_kg;
	double s_mg_kg;
	double max_mg_kg; /* of a blank */
	double max_percent; /* of a duplicate */
	struct qc_point *point; /* oldest first */
	size_t n_points;
};

struct content_cells;

/* A value of @s as people read it, in the unit @unit_mg_kg, or in that of its
 * size for 0. */
void qc_content(struct content_cells *ret, const struct qc_series *s,
		const struct qc_point *p, double unit_mg_kg);

/*
 * The latest points a line each, with their place between -4 and 4 standard
 * deviations or between nothing and a third more than the limit, and what the
 * newest one is judged to be.
 */
void qc_chart_print(FILE *out, const struct qc_series *s, size_t n_max);

/* The whole series; 0 or a negative errno as for canvas_new(). */
int qc_chart_write(const struct qc_series *s, const char *path);

#endif
