// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Columns of the fit.
 *
 * An element is one column: all its lines at the ratios that the physics
 * gives for the composition in hand, for a mass fraction of one at 1 mA s, so
 * its amplitude is content times exposure. What the physics leaves uncertain
 * stands beside it as columns for small relative changes, held by priors:
 * L1 and L2 against L3 of the heavy elements, the escape fraction, and the
 * slopes of the model with offset, gain and noise (a Gauss-Newton step of
 * these solves together with the linear unknowns, which is Kaufman's form of
 * variable projection, BIT 15 (1975) 49).
 */
#include "assay/basis.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Blur of what lost energy to electrons in motion, relative, one sigma. */
#define OWN_DOPPLER 0.01

/* Elements whose L sub-shells get columns of their own. */
enum { SUBSHELL_Z_MIN = 56, SUBSHELL_Z_MAX = 72 };

static bool basis_has_subshell(const struct physics *p,
			       const struct line_shell *s)
{
	int z = p->m->element[s->element].z;

	return z >= SUBSHELL_Z_MIN && z <= SUBSHELL_Z_MAX &&
	       (s->name == LINE_L1 || s->name == LINE_L2);
}

static int basis_plan(struct basis *b)
{
	const struct lines *ls = b->p->lines;

	b->subshell = calloc(ls->n_shells + 1, sizeof(*b->subshell));
	if (!b->subshell)
		return -ENOMEM;
	for (size_t i = 0; i < ls->n_shells; i++) {
		if (basis_has_subshell(b->p, &ls->shell[i]))
			b->subshell[b->n_subshells++] = i;
	}
	b->n_elements = b->p->m->n_elements;
	b->scatter = b->n_elements;
	b->splines = b->scatter + BASIS_N_SCATTER;
	b->slopes = b->splines + b->n_splines;
	b->subshells = b->slopes + BASIS_N_SLOPES;
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
	b->scratch = calloc(b->n, sizeof(double));
	b->by_energy = calloc(b->n, sizeof(double));
	if (!b->col || !b->first || !b->last || !b->escape_fraction ||
	    !b->escape_share || !b->continuum || !b->scratch || !b->by_energy)
		return -ENOMEM;
	return 0;
}

static void basis_fill_escapes(struct basis *b, const struct basis_state *start)
{
	const struct physics *p = b->p;
	const struct method_layer *crystal = &p->m->detector.crystal;

	for (size_t i = 0; i < p->n_escapes; i++) {
		const struct physics_escape *e = &p->escape[i];

		for (size_t l = 0; l < p->lines->n; l++)
			b->escape_fraction[l * PHYSICS_MAX_ESCAPES + i] =
				physics_escape_fraction(crystal, e,
							p->lines->line[l].kev);
		for (size_t k = 0; k < b->n; k++)
			b->escape_share[i * b->n + k] =
				physics_escape_fraction(crystal, e,
							basis_kev(b, start, k));
	}
}

int basis_new(const struct physics *p, size_t first_chan, size_t n,
	      const struct basis_state *start, struct basis **ret)
{
	CLEANUP(basis_freep) struct basis *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->p = p;
	b->n = n;
	b->first_chan = first_chan;
	r = background_make_splines(b, start);
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
	free(b->continuum);
	free(b->scratch);
	free(b->by_energy);
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

/* The escape peaks, and in the slope of the escape what leaves the peak. */
static void basis_add_escapes(const struct basis_job *j, double kev,
			      double area, const double *fraction,
			      double amplitude, struct shape_sink *sink)
{
	struct basis *b = j->b;
	struct shape_sink slope = { .counts = b->col +
					      (b->slopes + BASIS_ESCAPE) * b->n,
				    .first = b->n };

	sink->slope_weight = 0;
	for (size_t i = 0; i < b->p->n_escapes; i++) {
		double gone = kev - b->p->escape[i].kev;

		if (fraction[i] <= 0)
			continue;
		shape_add(&j->shape, &j->axis, gone,
			  area * fraction[i] * j->state->escape, 0, sink);
		if (amplitude == 0)
			continue;
		shape_add(&j->shape, &j->axis, gone,
			  area * fraction[i] * amplitude, 0, &slope);
		shape_add(&j->shape, &j->axis, kev,
			  -area * fraction[i] * amplitude, 0, &slope);
	}
	sink->slope_weight = amplitude;
}

/*
 * One line: its peak less the escape, and the part that was scattered with
 * loss in the sample, in steps of equal loss. In between it is level.
 */
static void basis_add_line(const struct basis_job *j, size_t l,
			   double amplitude, struct shape_sink *sink)
{
	struct basis *b = j->b;
	double kev = shape_line_kev(&j->shape, b->p->lines->line[l].kev);
	double area = j->rates->line[l], stays = 1;
	const double *own = j->rates->own_compton + l * PHYSICS_N_LOSSES;
	const double *f = b->escape_fraction + l * PHYSICS_MAX_ESCAPES;
	double width = (kev - physics_loss_kev(kev, PHYSICS_N_LOSSES - 1)) /
		       PHYSICS_N_LOSSES / sqrt(12);

	for (size_t i = 0; i < b->p->n_escapes; i++)
		stays -= f[i] * j->state->escape;
	shape_add(&j->shape, &j->axis, kev, area * stays, 0, sink);
	for (size_t i = 0; i < PHYSICS_N_LOSSES; i++)
		shape_add(&j->shape, &j->axis, physics_loss_kev(kev, i),
			  own[i] * stays, hypot(width, OWN_DOPPLER * kev),
			  sink);
	basis_add_escapes(j, kev, area, f, amplitude, sink);
}

static void basis_add_shell(const struct basis_job *j, size_t i_shell,
			    double top, const double *amplitude)
{
	struct basis *b = j->b;
	const struct line_shell *s = &b->p->lines->shell[i_shell];
	double a = amplitude[s->element];
	double *slope = b->col + b->slopes * b->n, *column;
	struct shape_sink sink = { .counts = b->scratch,
				   .by_energy = b->by_energy,
				   .by_noise = slope + BASIS_NOISE * b->n,
				   .slope_weight = a,
				   .first = b->n };

	memset(b->scratch, 0, b->n * sizeof(double));
	for (size_t l = s->first; l < s->first + s->n; l++) {
		if (j->rates->line[l] > 1e-5 * top)
			basis_add_line(j, l, a, &sink);
	}
	column = b->col + s->element * b->n;
	for (size_t k = sink.first; k < sink.last; k++)
		column[k] += b->scratch[k];
	for (size_t i = 0; i < b->n_subshells; i++) {
		if (b->subshell[i] != i_shell)
			continue;
		column = b->col + (b->subshells + i) * b->n;
		for (size_t k = sink.first; k < sink.last; k++)
			column[k] = b->scratch[k] * a;
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
		.shape = { &b->p->m->detector, state->noise_fwhm_kev, b->step },
		.axis = { b->n, b->first_chan, basis_kev(b, state, 0),
			  state->gain_kev },
	};
	const struct lines *ls = b->p->lines;
	size_t element = SIZE_MAX;
	double top = 0;

	memset(b->col, 0, b->n_cols * b->n * sizeof(double));
	memset(b->by_energy, 0, b->n * sizeof(double));
	for (size_t i = 0; i < ls->n_shells; i++) {
		if (ls->shell[i].element != element) {
			element = ls->shell[i].element;
			top = basis_strongest(&j, element);
		}
		basis_add_shell(&j, i, top, amplitude);
	}
	background_build(b, rates, &j.shape, &j.axis, state, amplitude);
	basis_finish_slopes(b);
	basis_find_support(b);
}
