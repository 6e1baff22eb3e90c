// SPDX-License-Identifier: GPL-2.0-or-later
/* assay METHOD SPECTRUM: CPU time of the tables and of one assay. */
#include "../unit/assay_try.h"
#include "assay/linalg.h"
#include "bench.h"

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
	spectrum_free(s);
	return 0;
}
