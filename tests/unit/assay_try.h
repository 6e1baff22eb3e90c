/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A method, an engine and spectra for the tests of the assay. */
#ifndef TESTS_UNIT_ASSAY_TRY_H
#define TESTS_UNIT_ASSAY_TRY_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "assay/assay.h"
#include "base/buf.h"
#include "proto/mca.h"

/* Folder of the method files: tests run at the top of the project. */
static inline const char *methods_dir(void)
{
	const char *dir = getenv("REESPEC_METHODS");

	return dir ? dir : "daemon/methods";
}

static inline struct method *load_method_or_abort(const char *name)
{
	struct method_error err;
	struct method *m = NULL;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s.ini", methods_dir(), name);
	if (method_load(path, &m, &err) < 0) {
		fprintf(stderr, "%s:%d: %s: %s\n", err.file, err.line, err.key,
			err.why);
		abort();
	}
	return m;
}

/* A spectrum of a .mca file, or NULL. */
static inline struct spectrum *read_mca(const char *path)
{
	struct spectrum *s = NULL;
	struct mca_file *f = NULL;
	struct scan_error err;
	static char data[MCA_FILE_MAX];
	FILE *in = fopen(path, "re");
	size_t len;

	if (!in)
		return NULL;
	len = fread(data, 1, sizeof(data), in);
	fclose(in);
	if (mca_parse(data, len, &f, &err) < 0 ||
	    spectrum_new(f->counts, f->n_chan, &s) < 0)
		abort();
	s->live_s = f->live_s;
	s->real_s = f->real_s;
	for (size_t i = 0; i < f->n_points && i < SPECTRUM_MAX_CAL; i++) {
		s->cal[i].chan = f->points[i].channel;
		s->cal[i].kev = f->points[i].energy;
		s->n_cal = i + 1;
	}
	mca_free(f);
	return s;
}

/* SplitMix64, Steele et al. 2014: the same draws on every machine. */
static inline double draw_uniform(unsigned long long *seed)
{
	unsigned long long z = (*seed += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return ((double)((z ^ (z >> 31)) >> 11) + 0.5) / 9007199254740992.0;
}

static inline double draw_normal(unsigned long long *seed)
{
	double r = sqrt(-2 * log(draw_uniform(seed)));

	return r * cos(2 * M_PI * draw_uniform(seed));
}

/* Poisson; above 500 a rounded normal is the same within 1e-3 sigma. */
static inline unsigned int draw_poisson(unsigned long long *seed, double mean)
{
	double left = exp(-mean), p = draw_uniform(seed);
	unsigned int n = 0;

	if (mean > 500)
		return (unsigned int)lround(
			fmax(0, mean + sqrt(mean) * draw_normal(seed)));
	while (p > left) {
		p *= draw_uniform(seed);
		n++;
	}
	return n;
}

#endif
