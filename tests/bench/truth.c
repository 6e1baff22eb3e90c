// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * truth METHOD FOLDER [MATERIAL]: how far the contents found in the simulated
 * spectra of FOLDER ("spectra/sdd-l", below REESPEC_DATA) lie from the exact
 * ones, material by material and element by element, then over all of them.
 *
 * REESPEC_SCALE says what is known beside the spectrum: `scatter` nothing,
 * `current` the tube current. Areal mass and density of the pellet are always
 * given, as balance and ruler would. REESPEC_COUNTS=mean takes the noise-free spectra, which
 * shows the errors of the model alone. The targets are those of the project:
 * contents above 1 % by their relative error, contents of 100 mg/kg to 1 % by
 * error / sqrt(sigma^2 + (3 %)^2), sigma that of the counts.
 */
#include <string.h>

#include "../assay/truth.h"
#include "bench.h"

enum { MAX_MATERIALS = 40, MAX_CHAN = 8192 };

/* Root mean square and the farthest member of a class of cells. */
struct tally {
	double square;
	double worst;
	char where[80];
	int n;
};

struct totals {
	struct tally major; /* per cent */
	struct tally minor; /* in sigmas */
	struct tally treo; /* per cent */
	struct tally mreo;
	struct tally pull; /* rare earths, by all of the stated u */
	int n_outside; /* of 2 u */
};

static void tally_add(struct tally *t, double value, const char *material,
		      const char *what)
{
	t->square += value * value;
	t->n++;
	if (fabs(value) < fabs(t->worst))
		return;
	t->worst = value;
	snprintf(t->where, sizeof(t->where), "%.63s %.8s", material, what);
}

static void tally_tell(const struct tally *t, const char *what)
{
	if (t->n)
		printf("%-34s rms %6.2f, worst %+7.2f (%s), n %d\n", what,
		       sqrt(t->square / t->n), t->worst, t->where, t->n);
}

static bool is_one_of(const char *symbol, const char *list)
{
	char padded[8];

	snprintf(padded, sizeof(padded), " %s ", symbol);
	return strstr(list, padded) != NULL;
}

static bool is_rare_earth(const char *symbol)
{
	return is_one_of(symbol,
			 " La Ce Pr Nd Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Y ");
}

static bool is_judged(const char *symbol)
{
	return is_rare_earth(symbol) || is_one_of(symbol, " Sc Th U ");
}

static struct spectrum *spectrum_of(const char *folder,
				    const struct truth_conditions *c)
{
	static double mean[MAX_CHAN];
	const char *counts = getenv("REESPEC_COUNTS");
	const char *scale = getenv("REESPEC_SCALE");
	struct spectrum *s;
	char path[512];

	snprintf(path, sizeof(path), "%.400s/%.63s.mca", folder, c->material);
	s = read_mca(path);
	if (!s)
		bench_die(path);
	if (counts && !strcmp(counts, "mean")) {
		size_t n = truth_reference_read(folder, c->material, mean,
						MAX_CHAN);

		if (n != s->n_chan)
			bench_die("reference");
		for (size_t k = 0; k < n; k++)
			s->counts[k] = (uint32_t)lround(mean[k]);
	}
	s->areal_g_cm2 = c->areal_g_cm2;
	s->density_g_cm3 = c->density_g_cm3;
	if (scale && !strcmp(scale, "current"))
		s->tube_ua = c->current_ua;
	return s;
}

static void judge_element(const struct assay_element *e, double true_content,
			  const char *material, struct totals *t)
{
	double error = e->content - true_content;

	if (is_judged(e->symbol) && true_content > 1e4)
		tally_add(&t->major, 100 * error / true_content, material,
			  e->symbol);
	else if (is_judged(e->symbol) && true_content > 100)
		tally_add(&t->minor,
			  error / hypot(e->u_count, 0.03 * true_content),
			  material, e->symbol);
	if (is_judged(e->symbol) && e->u > 0) {
		tally_add(&t->pull, error / e->u, material, e->symbol);
		t->n_outside += fabs(error) > 2 * e->u;
	}
}

static void judge_sum(const struct assay_result *r, const struct truth *truth,
		      enum assay_sum_name which, const char *members,
		      const char *material, struct tally *t)
{
	double sum = 0;

	for (size_t i = 0; i < r->n_elements; i++) {
		const struct assay_element *e = &r->element[i];

		if (is_one_of(e->symbol, members))
			sum += truth_of(truth, e->symbol) * e->oxide_factor;
	}
	if (sum <= 0)
		return;
	tally_add(t, 100 * (r->sum[which].content / sum - 1), material, "");
	printf(" %s %+.1f(%.1f) %%", r->sum[which].name,
	       100 * (r->sum[which].content / sum - 1),
	       100 * r->sum[which].u / sum);
}

static void tell_elements(const struct assay_result *r,
			  const struct truth *truth)
{
	for (size_t i = 0; i < r->n_elements; i++) {
		const struct assay_element *e = &r->element[i];
		double t = truth_of(truth, e->symbol);
		double sigmas =
			e->u_count > 0 ? (e->content - t) / e->u_count : 0;

		if (e->is_air)
			continue;
		if (t > 100)
			printf("   %-2s %10.1f mg/kg %+7.2f %% (u %.2f %%, %+.1f sigma of counts)\n",
			       e->symbol, t, 100 * (e->content / t - 1),
			       100 * e->u / t, sigmas);
		else if (fabs(sigmas) > 3)
			printf("   %-2s %10.1f mg/kg %+7.1f mg/kg (%+.1f sigma of counts)\n",
			       e->symbol, t, e->content - t, sigmas);
	}
}

static void judge_material(struct assay_engine *engine, const char *folder,
			   const struct truth_conditions *c, bool is_verbose,
			   struct totals *totals)
{
	CLEANUP(assay_result_freep) struct assay_result *r = NULL;
	struct spectrum *s = spectrum_of(folder, c);
	double start, took, exposure = c->current_ua * 1e-3 * c->live_s;
	struct truth truth;
	char path[512];

	snprintf(path, sizeof(path), "%.400s/truth.csv", folder);
	if (!truth_read(path, c->material, &truth))
		bench_die(path);
	start = bench_clock_s(CLOCK_PROCESS_CPUTIME_ID);
	if (assay_engine_run(engine, s, &r) < 0)
		bench_die(assay_engine_why(engine));
	took = bench_clock_s(CLOCK_PROCESS_CPUTIME_ID) - start;
	printf("%-12s chi2 %5.2f %2d turns %4.0f ms scale %+5.1f %% sum %.3f mix %.2f",
	       c->material, r->chi2, r->n_iterations, 1e3 * took,
	       100 * (r->scale / exposure - 1), r->oxide_sum, r->balance_mix);
	judge_sum(r, &truth, ASSAY_TREO,
		  " La Ce Pr Nd Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Y ", c->material,
		  &totals->treo);
	judge_sum(r, &truth, ASSAY_MREO, " Pr Nd Tb Dy ", c->material,
		  &totals->mreo);
	printf("\n");
	if (is_verbose)
		tell_elements(r, &truth);
	for (size_t i = 0; i < r->n_elements; i++)
		judge_element(&r->element[i],
			      truth_of(&truth, r->element[i].symbol),
			      c->material, totals);
	fflush(stdout);
	spectrum_free(s);
}

int main(int argc, char **argv)
{
	CLEANUP(assay_engine_freep) struct assay_engine *e = NULL;
	static struct truth_conditions c[MAX_MATERIALS];
	struct totals totals = { 0 };
	const char *only = argc > 3 ? argv[3] : NULL;
	struct method *m;
	char folder[400];
	size_t n;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: truth METHOD FOLDER [MATERIAL]\n");
		return 2;
	}
	truth_folder(argv[2], folder, sizeof(folder));
	n = truth_conditions_read(folder, c, MAX_MATERIALS);
	if (!n)
		bench_die(folder);
	m = load_method_or_abort(argv[1]);
	if (assay_engine_new(m, &e) < 0)
		bench_die("tables");
	for (size_t i = 0; i < n; i++) {
		if (!only || !strcmp(only, "all") ||
		    !strcmp(only, c[i].material))
			judge_material(e, folder, &c[i], only != NULL, &totals);
	}
	tally_tell(&totals.major, "above 1 %, per cent");
	tally_tell(&totals.minor, "100 mg/kg to 1 %, sigmas with 3 %");
	tally_tell(&totals.treo, "TREO, per cent");
	tally_tell(&totals.mreo, "MREO, per cent");
	tally_tell(&totals.pull, "error over stated u");
	printf("outside 2 u: %d of %d\n", totals.n_outside, totals.pull.n);
	method_free(m);
	return 0;
}
