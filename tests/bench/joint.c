// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * joint JOINED FIRST SECOND FOLDER1 FOLDER2 [MATERIAL]: contents by the method
 * JOINED, from a spectrum of each folder, beside those by FIRST and by SECOND
 * alone, for every material that both folders have.
 *
 * For each element: its stated sigma over that of the better of the two alone,
 * worst and mean (geometric), and errors in sigmas, root mean square over the
 * materials, by each alone, by the better one cell by cell, and by both. Then
 * the targets, for the rare earths with Sc, Th and U and for all elements.
 * REESPEC_SCALE is as for `truth`. Areal mass and density are given.
 */
#include <string.h>

#include "../assay/truth.h"
#include "bench.h"

enum { MAX_MATERIALS = 40 };
enum { FIRST, SECOND, BOTH, BETTER, N_WAYS };

/* Above which a sigma counts as larger: what numbers of two fits differ by. */
#define SAME 1.001

struct row {
	char symbol[4];
	double square[N_WAYS]; /* of errors in sigmas */
	int n[N_WAYS];
	double log_ratio;
	double worst_ratio;
	char where[64];
	int n_cells;
	int n_above;
};

static struct row rows[METHOD_MAX_ELEMENTS];
static size_t n_rows;

static struct row *row_of(const char *symbol)
{
	size_t i;

	for (i = 0; i < n_rows && strcmp(rows[i].symbol, symbol) != 0; i++)
		;
	if (i == n_rows)
		snprintf(rows[n_rows++].symbol, sizeof(rows->symbol), "%s",
			 symbol);
	return &rows[i];
}

static const struct assay_element *find(const struct assay_result *r,
					const char *symbol)
{
	for (size_t i = 0; i < r->n_elements; i++) {
		if (!strcmp(r->element[i].symbol, symbol))
			return &r->element[i];
	}
	return NULL;
}

static void judge(struct row *row, int way, const struct assay_element *e,
		  double content)
{
	double z = (e->content - content) / e->u;

	row->square[way] += z * z;
	row->n[way]++;
}

static void judge_material(const char *material, const struct truth *t,
			   struct assay_result *const r[3], bool is_verbose)
{
	for (size_t i = 0; i < r[BOTH]->n_elements; i++) {
		const struct assay_element *both = &r[BOTH]->element[i];
		const struct assay_element *first =
			find(r[FIRST], both->symbol);
		const struct assay_element *second =
			find(r[SECOND], both->symbol);
		const struct assay_element *better = first ? first : second;
		double content = truth_of(t, both->symbol), ratio;
		struct row *row;

		if (both->is_air || !(both->u > 0))
			continue;
		if (first && second && second->u < first->u)
			better = second;
		row = row_of(both->symbol);
		if (first)
			judge(row, FIRST, first, content);
		if (second)
			judge(row, SECOND, second, content);
		judge(row, BOTH, both, content);
		judge(row, BETTER, better, content);
		ratio = both->u / better->u;
		row->log_ratio += log(ratio);
		row->n_cells++;
		row->n_above += ratio > SAME;
		if (ratio > row->worst_ratio) {
			row->worst_ratio = ratio;
			snprintf(row->where, sizeof(row->where), "%s",
				 material);
		}
		if (is_verbose)
			printf("   %-2s %10.1f mg/kg: %+8.2f %% (u %.2f), %+8.2f %% (u %.2f), both %+8.2f %% (u %.2f)\n",
			       both->symbol, content,
			       first ? 100 * (first->content / content - 1)
				     : NAN,
			       first ? 100 * first->u / content : NAN,
			       second ? 100 * (second->content / content - 1)
				      : NAN,
			       second ? 100 * second->u / content : NAN,
			       100 * (both->content / content - 1),
			       100 * both->u / content);
	}
}

static struct spectrum *spectrum_of(const char *folder,
				    const struct truth_conditions *c)
{
	const char *scale = getenv("REESPEC_SCALE");
	struct spectrum *s;
	char path[512];

	snprintf(path, sizeof(path), "%.400s/%.63s.mca", folder, c->material);
	s = read_mca(path);
	if (!s)
		bench_die(path);
	s->areal_g_cm2 = c->areal_g_cm2;
	s->density_g_cm3 = c->density_g_cm3;
	if (scale && !strcmp(scale, "current"))
		s->tube_ua = c->current_ua;
	return s;
}

static void run_material(struct assay_engine *const e[3], char folder[2][400],
			 const struct truth_conditions *c,
			 const struct truth_conditions *c2, bool is_verbose)
{
	struct spectrum *s[2] = { spectrum_of(folder[0], c),
				  spectrum_of(folder[1], c2) };
	struct assay_result *r[3] = { NULL };
	double start;
	struct truth truth;
	char path[512];

	snprintf(path, sizeof(path), "%.400s/truth.csv", folder[0]);
	if (!truth_read(path, c->material, &truth))
		bench_die(path);
	for (int i = 0; i < 2; i++) {
		if (assay_engine_run(e[i], s[i], &r[i]) < 0)
			bench_die(assay_engine_why(e[i]));
	}
	start = bench_clock_s(CLOCK_PROCESS_CPUTIME_ID);
	if (assay_engine_run_two(e[BOTH], s[0], s[1], &r[BOTH]) < 0)
		bench_die(assay_engine_why(e[BOTH]));
	printf("%-12s chi2 %5.2f %5.2f, alone %5.2f %5.2f, %2d turns %4.0f ms, scales %+5.1f %+5.1f %%, sum %.3f mix %.2f, TREO u %.2f %.2f both %.2f %%\n",
	       c->material, r[BOTH]->chi2, r[BOTH]->beside->chi2,
	       r[FIRST]->chi2, r[SECOND]->chi2, r[BOTH]->n_iterations,
	       1e3 * (bench_clock_s(CLOCK_PROCESS_CPUTIME_ID) - start),
	       100 * (r[BOTH]->scale / (c->current_ua * 1e-3 * c->live_s) - 1),
	       100 * (r[BOTH]->beside->scale /
			      (c2->current_ua * 1e-3 * c2->live_s) -
		      1),
	       r[BOTH]->oxide_sum, r[BOTH]->balance_mix,
	       100 * r[FIRST]->sum[ASSAY_TREO].u /
		       r[FIRST]->sum[ASSAY_TREO].content,
	       100 * r[SECOND]->sum[ASSAY_TREO].u /
		       r[SECOND]->sum[ASSAY_TREO].content,
	       100 * r[BOTH]->sum[ASSAY_TREO].u /
		       r[BOTH]->sum[ASSAY_TREO].content);
	judge_material(c->material, &truth, r, is_verbose);
	for (int i = 0; i < 3; i++)
		assay_result_free(r[i]);
	spectrum_free(s[0]);
	spectrum_free(s[1]);
	fflush(stdout);
}

static double rms(const struct row *row, int way)
{
	return row->n[way] ? sqrt(row->square[way] / row->n[way]) : NAN;
}

static bool is_judged(const char *symbol)
{
	char padded[8];

	snprintf(padded, sizeof(padded), " %.3s ", symbol);
	return strstr(" La Ce Pr Nd Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Y Sc Th U ",
		      padded);
}

static void add(struct row *to, const struct row *row)
{
	for (int k = 0; k < N_WAYS; k++) {
		to->square[k] += row->square[k];
		to->n[k] += row->n[k];
	}
	to->n_cells += row->n_cells;
	to->n_above += row->n_above;
	to->worst_ratio = fmax(to->worst_ratio, row->worst_ratio);
}

static void tell_targets(const struct row *all)
{
	printf("\n%s: stated sigma of each element <= the better of the two alone: %d of %d cells, at most %.3f of it, %s\n",
	       all->symbol, all->n_cells - all->n_above, all->n_cells,
	       all->worst_ratio, all->n_above ? "missed" : "met");
	printf("%s: its errors in sigma no worse, pooled over all materials: rms %.2f of both, %.2f of the better, %s\n",
	       all->symbol, rms(all, BOTH), rms(all, BETTER),
	       rms(all, BOTH) <= rms(all, BETTER) ? "met" : "missed");
}

static void tell(void)
{
	struct row judged = { .symbol = "REE" };
	struct row all = { .symbol = "all" };

	printf("\nelement  sigma over the better alone     errors in sigmas, rms\n");
	printf("         mean  worst                    first second better   both\n");
	for (size_t i = 0; i < n_rows; i++) {
		const struct row *row = &rows[i];

		printf("%-8s %.3f %.3f %-12s (%2d above) %6.2f %6.2f %6.2f %6.2f\n",
		       row->symbol, exp(row->log_ratio / row->n_cells),
		       row->worst_ratio, row->where, row->n_above,
		       rms(row, FIRST), rms(row, SECOND), rms(row, BETTER),
		       rms(row, BOTH));
		add(&all, row);
		if (is_judged(row->symbol))
			add(&judged, row);
	}
	tell_targets(&judged);
	tell_targets(&all);
}

int main(int argc, char **argv)
{
	static struct truth_conditions c[2][MAX_MATERIALS];
	const char *only = argc > 6 ? argv[6] : NULL;
	struct assay_engine *e[3];
	struct method *m[3];
	static char folder[2][400];
	size_t n[2];

	if (argc < 6) {
		fprintf(stderr,
			"usage: joint JOINED FIRST SECOND FOLDER1 FOLDER2 [MATERIAL]\n");
		return 2;
	}
	for (int i = 0; i < 3; i++) {
		m[i] = load_method_or_abort(argv[1 + (i + 1) % 3]);
		if (assay_engine_new(m[i], &e[i]) < 0)
			bench_die("tables");
	}
	for (int i = 0; i < 2; i++) {
		truth_folder(argv[4 + i], folder[i], sizeof(folder[i]));
		n[i] = truth_conditions_read(folder[i], c[i], MAX_MATERIALS);
		if (!n[i])
			bench_die(folder[i]);
	}
	for (size_t i = 0; i < n[0]; i++) {
		for (size_t k = 0; k < n[1]; k++) {
			if (!strcmp(c[0][i].material, c[1][k].material) &&
			    (!only || !strcmp(only, c[0][i].material)))
				run_material(e, folder, &c[0][i], &c[1][k],
					     only != NULL);
		}
	}
	tell();
	for (int i = 0; i < 3; i++) {
		assay_engine_free(e[i]);
		method_free(m[i]);
	}
	return 0;
}
