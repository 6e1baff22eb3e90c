// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * assay METHOD SPECTRUM: CPU time of the tables, of one assay, and of readings
 * of the same spectrum while it grew by its last tenth.
 */
#include <string.h>

#include "../unit/assay_try.h"
#include "assay/linalg.h"
#include "bench.h"

enum { READINGS = 25 };

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The spectrum as it was at a part of its time. */
static struct spectrum *part_of(const struct spectrum *whole, double part)
{
	struct spectrum *s = NULL;
	uint32_t *counts;

	if (spectrum_new(whole->counts, whole->n_chan, &s) < 0)
		bench_die("spectrum");
	counts = s->counts;
	*s = *whole;
	s->counts = counts;
	for (size_t k = 0; k < s->n_chan; k++)
		counts[k] = (uint32_t)(part * whole->counts[k]);
	s->live_s *= part;
	s->real_s *= part;
	return s;
}

static void measure_readings(struct assay_engine *e,
			     const struct spectrum *whole)
{
	CLEANUP(assay_result_freep) struct assay_result *r = NULL;
	enum assay_follow how;
	double took[READINGS];
	int n_refits = 0;

	for (int i = -1; i < READINGS; i++) {
		struct spectrum *s =
			part_of(whole, 0.9 + 0.1 * (i + 1) / READINGS);
		double start = bench_clock_s(CLOCK_PROCESS_CPUTIME_ID);

		if (assay_engine_follow(e, s, &r, &how) < 0)
			bench_die("reading");
		if (i >= 0)
			took[i] =
				bench_clock_s(CLOCK_PROCESS_CPUTIME_ID) - start;
		n_refits += how == ASSAY_REFITTED;
		spectrum_free(s);
	}
	qsort(took, READINGS, sizeof(*took), compare);
	bench_tell("one reading of many, CPU ms", "reespec",
		   1e3 * took[READINGS / 2]);
	printf("# reespec: %d of %d readings refitted\n", n_refits, READINGS);
}

int main(int argc, char **argv)
{
	CLEANUP(assay_engine_freep) struct assay_engine *e = NULL;
	CLEANUP(assay_result_freep) struct assay_result *r = NULL;
	struct method *m;
	struct spectrum *s;
	double t[3];

	if (argc != 3) {
		fprintf(stderr, "usage: assay METHOD SPECTRUM\n");
		return 2;
	}
	linalg_init();
	s = read_mca(argv[2]);
	if (!s)
		bench_die(argv[2]);
	t[0] = bench_clock_s(CLOCK_PROCESS_CPUTIME_ID);
	m = load_method_or_abort(argv[1]);
	if (assay_engine_new(m, &e) < 0)
		bench_die("tables");
	t[1] = bench_clock_s(CLOCK_PROCESS_CPUTIME_ID);
	if (assay_engine_run(e, s, &r) < 0)
		bench_die("assay");
	t[2] = bench_clock_s(CLOCK_PROCESS_CPUTIME_ID);
	bench_tell("tables of a method, CPU ms", "reespec",
		   1e3 * (t[1] - t[0]));
	bench_tell("one spectrum, CPU ms", "reespec", 1e3 * (t[2] - t[1]));
	printf("# reespec: %zu elements, %.4g to %.4g keV, chi2 %.2f\n",
	       m->n_elements, m->fit.low_kev, m->fit.high_kev, r->chi2);
	measure_readings(e, s);
	spectrum_free(s);
	return 0;
}
