// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Columns of the fit.
 *
 * An element is one column: all its lines at the ratios that the physics
 * gives for the composition in hand, for a mass fraction of one at 1 mA s, so
 * its amplitude is content times exposure. What the physics leaves uncertain
 * stands beside it as columns for small relative changes, held by priors:
 * L1 and L2 against L3 of the heavy elements, M lines, the escape fraction, and the
 * slopes of the model with offset, gain, noise, the factors of all tails and of Fano (a Gauss-Newton step of
 * these solves together with the linear unknowns, which is Kaufman's form of
 * variable projection, BIT 15 (1975) 49).
 */
#include "assay/basis.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Lines and parts of lines below this share of the strongest are left out. */
#define LINE_LEAST 1e-5
#define PART_LEAST 1e-7
/* Share of a peak without escape below which it tells none of the slope. */
#define LEAST_STAYS 0.01
/* Sigmas that the blur of an edge is followed. */
#define BLUR_REACH 4
/* Elements whose L sub-shells get columns of their own. */
enum { SUBSHELL_Z_MIN = 56, SUBSHELL_Z_MAX = 72 };

static bool basis_has_subshell(const struct physics *p,
			       const struct line_shell *s)
{
	int z = p->m->element[s->element].z;

	return z >= SUBSHELL_Z_MIN && z <= SUBSHELL_Z_MAX &&
	       (s->name == LINE_L1 || s->name == LINE_L2);
}

static bool basis_is_m(const struct line_shell *s)
{
	return s->name >= LINE_M1;
}

/* L1 and L2 each for itself; the M shells of an element as one. */
static void basis_add_subshell(struct basis *b, size_t i)
{
	const struct line_shell *s = b->p->lines->shell;
	const struct method_fit *mf = &b->p->m->fit;

	if (basis_is_m(&s[i]) && i > 0 && basis_is_m(&s[i - 1]) &&
	    s[i].element == s[i - 1].element)
		b->subshell[b->n_subshells - 1].n++;
	else if (basis_is_m(&s[i]))
		b->subshell[b->n_subshells++] =
			(struct basis_subshell){ i, 1, mf->m_prior };
	else if (basis_has_subshell(b->p, &s[i]))
		b->subshell[b->n_subshells++] =
			(struct basis_subshell){ i, 1, mf->subshell_prior };
}

static bool basis_holds(const struct basis_subshell *s, size_t i_shell)
{
	return i_shell >= s->first && i_shell < s->first + s->n;
}

static int basis_plan(struct basis *b)
{
	const struct lines *ls = b->p->lines;

	b->subshell = calloc(ls->n_shells + 1, sizeof(*b->subshell));
	if (!b->subshell)
		return -ENOMEM;
	for (size_t i = 0; i < ls->n_shells; i++)
		basis_add_subshell(b, i);
	b->n_elements = b->p->m->n_elements;
	b->scatter = b->n_elements;
	b->splines = b->scatter + BASIS_N_SCATTER;
	b->slopes = b->splines + b->n_splines;
	b->subshells = b->slopes + BASIS_N_SLOPES;
	if (b->p->m->fit.tail_prior > 0)
		b->tail = b->subshells++;
	if (b->p->m->fit.fano_prior > 0)
		b->fano = b->subshells++;
	b->n_cols = b->subshells + b->n_subshells;
	return 0;
}

static int basis_alloc(struct basis *b)
{
	size_t n_lines = b->p->lines->n;

	b->col = calloc(b->n_cols * b->n, sizeof(double));
	b->first = calloc(b->n_cols, sizeof(*b->first));
	b->last = calloc(b->n_cols, sizeof(*b->last));
	b->escape_fraction =
		calloc((n_lines + 1) * PHYSICS_MAX_ESCAPES, sizeof(double));
	b->escape_share = calloc(b->p->n_escapes * b->n + 1, sizeof(double));
	b->continuum = calloc(b->n, sizeof(double));
	b->pairs = calloc(b->n, sizeof(double));
	b->scratch = calloc(b->n, sizeof(double));
	b->escaped = calloc(b->n, sizeof(double));
	b->rung = calloc(4 * b->n, sizeof(double));
	b->rung_group = calloc(b->ladder->n, sizeof(*b->rung_group));
	b->by_energy = calloc(b->n, sizeof(double));
	b->far = calloc(3 * b->n, sizeof(*b->far));
	b->on_ladder = calloc(b->p->lines->n_shells * b->ladder->n + 1,
			      sizeof(double));
	if (!b->col || !b->first || !b->last || !b->escape_fraction ||
	    !b->escape_share || !b->continuum || !b->pairs || !b->scratch ||
	    !b->escaped || !b->rung || !b->rung_group || !b->by_energy ||
	    !b->far || !b->on_ladder)
		return -ENOMEM;
	return 0;
}

/*
 * The continuum is laid down with the detector's width before its escapes are
 * taken from it, so the share that escapes has that width, too: an edge of the
 * crystal is a step in what photons do, and none in what channels hold.
 */
static void basis_blur_share(const struct basis *b, const struct shape *shape,
			     const struct basis_state *start,
			     const double *from, double *to)
{
	for (size_t k = 0; k < b->n; k++) {
		double sigma = shape_sigma(shape, basis_kev(b, start, k));
		double chans = sigma / start->gain_kev, sum = 0, whole = 0;
		size_t reach = (size_t)(BLUR_REACH * chans) + 1;
		size_t first = k > reach ? k - reach : 0;

		for (size_t i = first; i < b->n && i <= k + reach; i++) {
			double z = ((double)i - (double)k) / chans;
			double weight = exp(-z * z / 2);

			sum += weight * from[i];
			whole += weight;
		}
		to[k] = sum / whole;
	}
}

static void basis_fill_escapes(struct basis *b, const struct basis_state *start)
{
	const struct physics *p = b->p;
	const struct method_layer *crystal = &p->m->detector.crystal;
	const struct shape shape = { &p->m->detector, start->noise_fwhm_kev,
				     NULL, 0, 0 };

	for (size_t i = 0; i < p->n_escapes; i++) {
		const struct physics_escape *e = &p->escape[i];

		for (size_t l = 0; l < p->lines->n; l++)
			b->escape_fraction[l * PHYSICS_MAX_ESCAPES + i] =
				physics_escape_fraction(crystal, e,
							p->lines->line[l].kev);
		for (size_t k = 0; k < b->n; k++)
			b->scratch[k] =
				physics_escape_fraction(crystal, e,
							basis_kev(b, start, k));
		basis_blur_share(b, &shape, start, b->scratch,
				 b->escape_share + i * b->n);
	}
}

int basis_new(const struct physics *p, size_t first_chan, size_t n,
	      const struct basis_state *start, struct basis **ret)
{
	CLEANUP(basis_freep) struct basis *b = calloc(1, sizeof(*b));
	const struct shape shape = { &p->m->detector, start->noise_fwhm_kev,
				     NULL, 0, 0 };
	int r;

	if (!b)
		return -ENOMEM;
	b->p = p;
	b->n = n;
	b->first_chan = first_chan;
	r = ladder_new(p, &shape, &b->ladder);
	if (r < 0)
		return r;
	r = background_make_splines(b, start);
	if (r < 0)
		return r;
	r = hecht_new(&p->m->detector,
		      &(struct shape_axis){ n, first_chan,
					    basis_kev(b, start, 0),
					    start->gain_kev },
		      &b->hecht);
	if (r < 0)
		return r;
	r = basis_plan(b);
	if (r < 0)
		return r;
	r = basis_alloc(b);
	if (r < 0)
		return r;
	shape_fill_step(b->step);
	basis_fill_escapes(b, start);
	*ret = TAKE_PTR(b);
	return 0;
}

struct basis *basis_free(struct basis *b)
{
	if (!b)
		return NULL;
	free(b->subshell);
	free(b->col);
	free(b->first);
	free(b->last);
	free(b->escape_fraction);
	free(b->escape_share);
	free(b->spline);
	free(b->spline_first);
	free(b->spline_last);
	free(b->continuum);
	free(b->pairs);
	ladder_free(b->ladder);
	hecht_free(b->hecht);
	free(b->on_ladder);
	free(b->scratch);
	free(b->escaped);
	free(b->rung);
	free(b->rung_group);
	free(b->by_energy);
	free(b->far);
	free(b);
	return NULL;
}

double basis_kev(const struct basis *b, const struct basis_state *s, size_t i)
{
	return s->offset_kev + s->gain_kev * (double)(b->first_chan + i);
}

/* All of one build, so that the steps need few parameters. */
struct basis_job {
	struct basis *b;
	const struct physics_rates *rates;
	const struct basis_state *state;
	struct shape shape;
	struct shape_axis axis;
	struct shape_sink *by_tail; /* NULL: tails are as the table has them */
};

static double basis_strongest(const struct basis_job *j, size_t element)
{
	const struct lines *ls = j->b->p->lines;
	double top = 0;

	for (size_t l = 0; l < ls->n; l++) {
		if (ls->line[l].element == element)
			top = fmax(top, j->rates->line[l]);
	}
	return top;
}

/* Where the parts of one shell go. */
struct basis_shell_sinks {
	struct shape_sink peak;
	struct shape_sink escaped;
	struct shape_sink *by_escape;
};

/* The slope with the factor of the tails. */
static void basis_add_by_tail(const struct basis_job *j,
			      const struct shape_group *g, double times)
{
	struct shape_group by;

	if (!j->by_tail || times == 0)
		return;
	by = shape_group_by_tail(g, times);
	shape_add_near(&j->shape, &j->axis, &by, j->by_tail);
	shape_add_far(&j->axis, &by, 1, j->by_tail);
}

/* What lies below its edge goes into the peak at once, and to the slope. */
static void basis_add_escape(const struct basis_job *j, double kev, double area,
			     struct basis_shell_sinks *to)
{
	struct shape_group g = shape_group(&j->shape, &j->axis, kev, area, 0);

	shape_add_near(&j->shape, &j->axis, &g, &to->escaped);
	shape_add_far(&j->axis, &g, j->state->escape, &to->peak);
	shape_add_far(&j->axis, &g, to->peak.slope_weight, to->by_escape);
	basis_add_by_tail(j, &g, to->peak.slope_weight * j->state->escape);
}

/*
 * One line: its peak less the escape, and the part that was scattered with
 * loss in the sample, which goes to the rungs.
 */
static void basis_add_line(const struct basis_job *j, size_t l, double top,
			   double *on_ladder, struct basis_shell_sinks *to)
{
	struct basis *b = j->b;
	const struct physics *p = b->p;
	double kev = shape_line_kev(&j->shape, p->lines->line[l].kev);
	double area = j->rates->line[l], gone = 0, stays;
	const double *own = j->rates->own_compton + l * PHYSICS_N_LOSSES;
	const double *f = b->escape_fraction + l * PHYSICS_MAX_ESCAPES;
	const struct ladder_piece *piece =
		b->ladder->piece + l * PHYSICS_N_LOSSES;
	struct shape_group g;

	for (size_t i = 0; i < p->n_escapes; i++)
		gone += f[i];
	stays = 1 - gone * j->state->escape;
	g = shape_group(&j->shape, &j->axis, kev, area * stays, 0);
	/* The slope with the escape is this peak too, but for its weight. */
	to->peak.also_part =
		stays > LEAST_STAYS ? -gone / stays * to->peak.slope_weight : 0;
	shape_add_near(&j->shape, &j->axis, &g, &to->peak);
	shape_add_far(&j->axis, &g, 1, &to->peak);
	shape_add_far(&j->axis, &g, to->peak.also_part, to->by_escape);
	basis_add_by_tail(j, &g, to->peak.slope_weight);
	for (size_t i = 0; i < PHYSICS_N_LOSSES; i++) {
		for (size_t k = 0; k < LADDER_SHARES; k++)
			on_ladder[piece[i].rung + k] +=
				own[i] * stays * piece[i].share[k];
	}
	for (size_t i = 0; i < p->n_escapes; i++) {
		if (area * f[i] > top * PART_LEAST)
			basis_add_escape(j, kev - p->escape[i].kev, area * f[i],
					 to);
	}
}

/* Escape peaks at the factor in hand, and as the slope with it. */
static void basis_take_escaped(const struct basis_job *j, double amplitude,
			       struct basis_shell_sinks *from)
{
	struct basis *b = j->b;
	struct shape_sink *e = &from->escaped;

	for (size_t k = e->first; k < e->last; k++) {
		b->scratch[k] += b->escaped[k] * j->state->escape;
		from->by_escape->counts[k] += b->escaped[k] * amplitude;
		b->escaped[k] = 0;
	}
	from->peak.first =
		e->first < from->peak.first ? e->first : from->peak.first;
	from->peak.last = e->last > from->peak.last ? e->last : from->peak.last;
}

/* What a shell has on the rungs, below the edges of their peaks. */
static void basis_lay_ladder(const struct basis_job *j, const double *on_ladder,
			     struct shape_sink *to)
{
	for (size_t i = 0; i < j->b->ladder->n; i++) {
		if (on_ladder[i] != 0)
			shape_add_far(&j->axis, &j->b->rung_group[i],
				      on_ladder[i], to);
	}
}

/* The slope with the Fano factor, or NULL. */
static double *basis_fano(const struct basis *b)
{
	return b->fano ? b->col + b->fano * b->n : NULL;
}

static void basis_add_shell(const struct basis_job *j, size_t i_shell,
			    double top, const double *amplitude,
			    struct shape_sink *by_escape)
{
	struct basis *b = j->b;
	const struct line_shell *s = &b->p->lines->shell[i_shell];
	double a = amplitude[s->element];
	double *slope = b->col + b->slopes * b->n, *column;
	double *on_ladder = b->on_ladder + i_shell * b->ladder->n;
	struct shape_far far = { .entry = b->far };
	struct basis_shell_sinks to = {
		.peak = { .counts = b->scratch,
			  .by_energy = b->by_energy,
			  .by_noise = slope + BASIS_NOISE * b->n,
			  .by_fano = basis_fano(b),
			  .slope_weight = a,
			  .far = &far,
			  .also = by_escape->counts,
			  .first = b->n },
		.escaped = { .counts = b->escaped, .first = b->n },
		.by_escape = by_escape,
	};

	memset(b->scratch, 0, b->n * sizeof(double));
	for (size_t l = s->first; l < s->first + s->n; l++) {
		if (j->rates->line[l] > LINE_LEAST * top)
			basis_add_line(j, l, top, on_ladder, &to);
	}
	basis_lay_ladder(j, on_ladder, &to.peak);
	shape_finish(&j->axis, &to.peak);
	basis_take_escaped(j, a, &to);
	column = b->col + s->element * b->n;
	for (size_t k = to.peak.first; k < to.peak.last; k++)
		column[k] += b->scratch[k];
	for (size_t i = 0; i < b->n_subshells; i++) {
		if (!basis_holds(&b->subshell[i], i_shell))
			continue;
		column = b->col + (b->subshells + i) * b->n;
		for (size_t k = to.peak.first; k < to.peak.last; k++)
			column[k] += b->scratch[k] * a;
	}
}

static void basis_add_rung(const struct basis_job *j, size_t i_shell,
			   const struct shape_sink *r, double counts,
			   double amplitude)
{
	struct basis *b = j->b;
	double *column = b->col + b->p->lines->shell[i_shell].element * b->n;

	for (size_t k = r->first; k < r->last; k++)
		column[k] += counts * r->counts[k];
	for (size_t i = 0; i < b->n_subshells; i++) {
		if (!basis_holds(&b->subshell[i], i_shell))
			continue;
		column = b->col + (b->subshells + i) * b->n;
		for (size_t k = r->first; k < r->last; k++)
			column[k] += counts * amplitude * r->counts[k];
	}
}

/* Edges and peaks of all rungs, each made once for all shells. */
static void basis_add_rungs(const struct basis_job *j, const double *amplitude)
{
	struct basis *b = j->b;
	const struct ladder *l = b->ladder;
	const struct lines *ls = b->p->lines;
	double *slope = b->col + b->slopes * b->n;
	double *by_noise = slope + BASIS_NOISE * b->n;
	double *by_fano = basis_fano(b);

	for (size_t i = 0; i < l->n; i++) {
		struct shape_sink sink = {
			.counts = b->rung,
			.by_energy = b->rung + b->n,
			.by_noise = b->rung + 2 * b->n,
			.by_fano = by_fano ? b->rung + 3 * b->n : NULL,
			.slope_weight = 1,
			.first = b->n
		};
		double all = 0;

		shape_add_near(&j->shape, &j->axis, &b->rung_group[i], &sink);
		for (size_t s = 0; s < ls->n_shells; s++) {
			double *on = b->on_ladder + s * l->n + i;
			double a = amplitude[ls->shell[s].element];

			if (*on == 0)
				continue;
			basis_add_rung(j, s, &sink, *on, a);
			all += *on * a;
			*on = 0;
		}
		basis_add_by_tail(j, &b->rung_group[i], all);
		for (size_t k = sink.first; k < sink.last; k++) {
			b->by_energy[k] += all * sink.by_energy[k];
			by_noise[k] += all * sink.by_noise[k];
			sink.counts[k] = sink.by_energy[k] = 0;
			sink.by_noise[k] = 0;
		}
		for (size_t k = sink.first; by_fano && k < sink.last; k++) {
			by_fano[k] += all * sink.by_fano[k];
			sink.by_fano[k] = 0;
		}
	}
}

/* Slopes with offset and gain from the slope with the energy of a photon. */
static void basis_finish_slopes(struct basis *b)
{
	double *offset = b->col + (b->slopes + BASIS_OFFSET) * b->n;
	double *gain = b->col + (b->slopes + BASIS_GAIN) * b->n;

	for (size_t k = 0; k < b->n; k++) {
		offset[k] = b->by_energy[k];
		gain[k] = b->by_energy[k] * (double)(b->first_chan + k);
	}
}

/*
 * Photons by the charge that is collected of them. The continuum has had it
 * before its splines; pairs of pulses are made of counted ones.
 */
static void basis_lose_charge(struct basis *b)
{
	for (size_t c = 0; b->hecht && c < b->n_cols; c++) {
		if (c == b->scatter + BASIS_PILEUP ||
		    (c >= b->splines && c < b->slopes))
			continue;
		hecht_apply(b->hecht, b->col + c * b->n);
	}
}

static void basis_find_support(struct basis *b)
{
	for (size_t c = 0; c < b->n_cols; c++) {
		const double *col = b->col + c * b->n;
		size_t first = 0, last = b->n;

		while (first < last && col[first] == 0)
			first++;
		while (last > first && col[last - 1] == 0)
			last--;
		b->first[c] = first;
		b->last[c] = last;
	}
}

void basis_build(struct basis *b, const struct physics_rates *rates,
		 const struct basis_state *state, const double *amplitude)
{
	struct basis_job j = {
		.b = b,
		.rates = rates,
		.state = state,
		.shape = { &b->p->m->detector, state->noise_fwhm_kev, b->step,
			   state->tail_more, state->fano_more },
		.axis = { b->n, b->first_chan, basis_kev(b, state, 0),
			  state->gain_kev },
	};
	const struct lines *ls = b->p->lines;
	struct shape_far far = { .entry = b->far + b->n };
	struct shape_sink by_escape = {
		.counts = b->col + (b->slopes + BASIS_ESCAPE) * b->n,
		.far = &far,
		.first = b->n,
	};
	struct shape_far tail_far = { .entry = b->far + 2 * b->n };
	struct shape_sink by_tail = {
		.counts = b->col + b->tail * b->n,
		.far = &tail_far,
		.first = b->n,
	};
	size_t element = SIZE_MAX;
	double top = 0;

	memset(b->col, 0, b->n_cols * b->n * sizeof(double));
	memset(b->by_energy, 0, b->n * sizeof(double));
	if (b->tail)
		j.by_tail = &by_tail;
	for (size_t i = 0; i < b->ladder->n; i++)
		b->rung_group[i] =
			shape_group(&j.shape, &j.axis, b->ladder->kev[i], 1,
				    b->ladder->blur[i]);
	for (size_t i = 0; i < ls->n_shells; i++) {
		if (ls->shell[i].element != element) {
			element = ls->shell[i].element;
			top = basis_strongest(&j, element);
		}
		basis_add_shell(&j, i, top, amplitude, &by_escape);
	}
	shape_finish(&j.axis, &by_escape);
	basis_add_rungs(&j, amplitude);
	if (j.by_tail)
		shape_finish(&j.axis, j.by_tail);
	background_build(b, rates, &j.shape, &j.axis, state, amplitude);
	basis_finish_slopes(b);
	basis_lose_charge(b);
	basis_find_support(b);
}
