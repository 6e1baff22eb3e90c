/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated set: compositions, conditions, noise-free spectra. */
#ifndef TESTS_ASSAY_TRUTH_H
#define TESTS_ASSAY_TRUTH_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/assay_try.h"

enum { MAX_TRUTH = 80, MAX_COLUMNS = 16 };

struct truth {
	struct {
		char symbol[4];
		double content; /* mg/kg */
	} element[MAX_TRUTH];
	size_t n;
};

static inline double truth_of(const struct truth *t, const char *symbol)
{
	for (size_t i = 0; i < t->n; i++) {
		if (!strcmp(t->element[i].symbol, symbol))
			return t->element[i].content;
	}
	return 0;
}

/* Folder of a set-up ("spectra/sdd-l"), below REESPEC_DATA. */
static inline const char *truth_folder(const char *set, char *to, size_t size)
{
	const char *data = getenv("REESPEC_DATA");

	snprintf(to, size, "%s/%s", data ? data : "../shared/data", set);
	return to;
}

/* Rows "material,element,mass_fraction_ppm,..." of one material. */
static inline bool truth_read(const char *path, const char *material,
			      struct truth *ret)
{
	char line[1024], name[64], symbol[8];
	double content;
	FILE *f = fopen(path, "re");

	ret->n = 0;
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f) && ret->n < MAX_TRUTH) {
		if (sscanf(line, "%63[^,],%3[^,],%lf", name, symbol,
			   &content) != 3 ||
		    strcmp(name, material) != 0)
			continue;
		strcpy(ret->element[ret->n].symbol, symbol);
		ret->element[ret->n++].content = content;
	}
	fclose(f);
	return ret->n > 0;
}

/* Cuts a CSV line, in which a field may stand in quotes, into its fields. */
static inline size_t truth_fields(char *line, char *ret[MAX_COLUMNS])
{
	bool is_quoted = false;
	size_t n = 0;

	ret[n++] = line;
	for (; *line && *line != '\r' && *line != '\n'; line++) {
		if (*line == '"')
			is_quoted = !is_quoted;
		if (*line != ',' || is_quoted || n == MAX_COLUMNS)
			continue;
		*line = 0;
		ret[n++] = line + 1;
	}
	*line = 0;
	return n;
}

/* How a material was measured: conditions.csv. */
struct truth_conditions {
	char material[64];
	double areal_g_cm2;
	double density_g_cm3;
	double current_ua;
	double live_s;
	double real_s;
};

/* All rows of conditions.csv, at most `max`; 0 when there is no file. */
static inline size_t truth_conditions_read(const char *folder,
					   struct truth_conditions *ret,
					   size_t max)
{
	char path[512], line[1024], *field[MAX_COLUMNS];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%.400s/conditions.csv", folder);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		return 0;
	while (n < max && fgets(line, sizeof(line), f)) {
		struct truth_conditions *c = &ret[n];

		if (truth_fields(line, field) < 8)
			continue;
		snprintf(c->material, sizeof(c->material), "%s", field[0]);
		c->density_g_cm3 = atof(field[3]);
		/* g/cm3 and mm */
		c->areal_g_cm2 = atof(field[3]) * atof(field[4]) / 10;
		c->current_ua = atof(field[5]);
		c->live_s = atof(field[6]);
		c->real_s = atof(field[7]);
		n++;
	}
	fclose(f);
	return n;
}

/* Counts "channel,keV,expected counts" of a noise-free spectrum. */
static inline size_t truth_reference_read(const char *folder,
					  const char *material, double *ret,
					  size_t max)
{
	char path[512], line[256];
	double kev, counts;
	size_t n = 0;
	int chan;
	FILE *f;

	snprintf(path, sizeof(path), "%.380s/reference/%.63s.csv", folder,
		 material);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (n < max && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%d,%lf,%lf", &chan, &kev, &counts) == 3 &&
		    chan == (int)n)
			ret[n++] = counts;
	}
	fclose(f);
	return n;
}

#endif
