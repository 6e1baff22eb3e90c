/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Spectra of a detector that differs by a factor from the one the method
 * describes, and the fit by the method with that factor as an unknown.
 */
#ifndef TESTS_UNIT_ASSAY_FACTOR_H
#define TESTS_UNIT_ASSAY_FACTOR_H

#include "assay_made.h"

#define DRAWS 4
#define EXPOSURE 30 /* mA s */

/* 8 % of rare earths with iron in calcite. */
static const struct part ore[] = {
	{ 8, 0.45 },  { 6, 0.10 },  { 20, 0.30 }, { 26, 0.07 },
	{ 57, 0.03 }, { 58, 0.04 }, { 60, 0.01 },
};

struct factor {
	struct method *m;
	struct method *other; /* of the detector that measured */
	struct made made; /* by it */
	struct assay_engine *e;
	struct assay_result *r;
};

/* factor_made() is due when the caller has changed `other`. */
static inline void factor_init(struct factor *f)
{
	*f = (struct factor){ .m = load_method_or_abort("ore-l"),
			      .other = load_method_or_abort("ore-l") };
}

static inline void factor_made(struct factor *f)
{
	made_init(&f->made, f->other);
}

static inline void factor_deinit(struct factor *f)
{
	assay_result_free(f->r);
	assay_engine_free(f->e);
	made_deinit(&f->made);
	method_free(f->other);
	method_free(f->m);
}

static inline struct spectrum *factor_spectrum(struct factor *f,
					       double exposure)
{
	return made_spectrum(&f->made, ore, ARRAY_SIZE(ore), exposure, 1);
}

/* An engine by the method as it now is. */
static inline void factor_set_up(struct factor *f)
{
	f->e = assay_engine_free(f->e);
	if (assay_engine_new(f->m, &f->e) < 0)
		abort();
}

static inline void factor_run(struct factor *f, const struct spectrum *s)
{
	f->r = assay_result_free(f->r);
	if (assay_engine_run(f->e, s, &f->r) < 0)
		abort();
}

/* Fits @s and the same with twice the counts behind it. */
static inline enum assay_follow factor_follow(struct factor *f,
					      struct spectrum *s)
{
	enum assay_follow how;

	if (assay_engine_follow(f->e, s, &f->r, &how) < 0)
		abort();
	for (size_t k = 0; k < s->n_chan; k++)
		s->counts[k] *= 2;
	s->live_s *= 2;
	s->real_s *= 2;
	if (assay_engine_follow(f->e, s, &f->r, &how) < 0)
		abort();
	return how;
}

static inline double factor_content(const struct factor *f, int z)
{
	const struct assay_element *e = f->r->element;

	while (e->z != z)
		e++;
	return e->content;
}

/* Means over draws of the same counts. */
struct found {
	double chi2;
	double off; /* of the factor, in its sigmas */
	double worst;
	double u;
};

/* @off gives how far the last result is from the true factor, and its u. */
static inline struct found
factor_draws(struct factor *f, const struct spectrum *mean,
	     double (*off)(const struct factor *f, double *ret_u))
{
	unsigned long long seed = 20261127;
	struct spectrum *s = NULL;
	struct found found = { 0 };

	if (spectrum_new(mean->counts, mean->n_chan, &s) < 0)
		abort();
	s->live_s = mean->live_s;
	s->real_s = mean->real_s;
	s->n_cal = mean->n_cal;
	memcpy(s->cal, mean->cal, sizeof(s->cal));
	factor_set_up(f);
	for (int i = 0; i < DRAWS; i++) {
		double by, u;

		for (size_t k = 0; k < s->n_chan; k++)
			s->counts[k] = draw_poisson(&seed, mean->counts[k]);
		factor_run(f, s);
		by = off(f, &u) / u;
		found.chi2 += f->r->chi2 / DRAWS;
		found.off += by / DRAWS;
		found.worst = fmax(found.worst, fabs(by));
		found.u += u / DRAWS;
	}
	spectrum_free(s);
	return found;
}

/* The model at a composition, whose columns are looked at. */
struct column {
	struct physics *p;
	struct physics_rates *rates;
	struct basis *b;
	double *x; /* amplitudes */
};

static inline void column_init(struct column *c, struct factor *f,
			       const struct basis_state *state)
{
	const struct physics_pellet pellet = { 1.25, 2.5 };

	if (physics_new(f->m, &c->p) < 0 ||
	    physics_rates_new(c->p, &c->rates) < 0 ||
	    basis_new(c->p, 54, 1046, state, &c->b) < 0)
		abort();
	memset(f->made.w, 0, sizeof(f->made.w));
	for (size_t i = 0; i < ARRAY_SIZE(ore); i++)
		f->made.w[physics_row(c->p, ore[i].z)] = ore[i].w;
	physics_compute(c->p, f->made.w, &pellet, c->rates);
	c->x = calloc(c->b->n_cols, sizeof(*c->x));
	if (!c->x)
		abort();
	for (size_t i = 0; i < c->b->n_elements; i++)
		c->x[i] = 0.01 * (double)(i + 1);
}

static inline void column_deinit(struct column *c)
{
	free(c->x);
	basis_free(c->b);
	physics_rates_free(c->rates);
	physics_free(c->p);
}

/* What the elements make of the composition. */
static inline void column_fill(struct column *c,
			       const struct basis_state *state, double *ret)
{
	const struct basis *b = c->b;

	basis_build(c->b, c->rates, state, c->x);
	memset(ret, 0, b->n * sizeof(*ret));
	for (size_t i = 0; i < b->n_elements; i++)
		for (size_t k = 0; k < b->n; k++)
			ret[k] += c->x[i] * b->col[i * b->n + k];
}

#endif
