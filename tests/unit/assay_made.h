/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spectra that the model itself makes of a composition. */
#ifndef TESTS_UNIT_ASSAY_MADE_H
#define TESTS_UNIT_ASSAY_MADE_H

#include <string.h>

#include "assay/basis.h"
#include "assay_try.h"

enum { N_CHAN = 2048 };

/* Mass fractions of elements that are seen and of those that are not. */
struct part {
	int z;
	double w;
};

struct made {
	const struct method *m; /* borrowed */
	struct physics *p;
	struct physics_rates *rates;
	struct basis *b;
	struct basis_state state;
	double w[PHYSICS_MAX_Z];
	double *x;
	double la; /* intensity of lanthanum over what the physics has */
	double scatter; /* the same of all scatter */
};

/* Tables of a method by the silicon drift detector. */
static inline void made_init(struct made *d, const struct method *m)
{
	*d = (struct made){ .m = m, .la = 1, .scatter = 1 };
	d->state = (struct basis_state){ m->acquisition.zero_kev,
					 m->acquisition.kev_per_chan,
					 m->detector.noise_fwhm_kev,
					 1,
					 0,
					 0,
					 0 };
	if (physics_new(m, &d->p) < 0 ||
	    physics_rates_new(d->p, &d->rates) < 0 ||
	    basis_new(d->p, 30, 1200, &d->state, &d->b) < 0)
		abort();
	d->x = calloc(d->b->n_cols, sizeof(double));
	if (!d->x)
		abort();
}

static inline void made_deinit(struct made *d)
{
	free(d->x);
	basis_free(d->b);
	physics_rates_free(d->rates);
	physics_free(d->p);
}

/* The noise-free spectrum of a sample at `exposure` mA s, rounded. */
static inline struct spectrum *made_spectrum(struct made *d,
					     const struct part *parts, size_t n,
					     double exposure, double rayleigh)
{
	const struct physics_pellet pellet = { d->m->matrix.areal_g_cm2,
					       d->m->matrix.density_g_cm3 };
	uint32_t counts[N_CHAN] = { 0 };
	struct spectrum *s = NULL;

	memset(d->w, 0, sizeof(d->w));
	for (size_t i = 0; i < n; i++)
		d->w[physics_row(d->p, parts[i].z)] += parts[i].w;
	physics_compute(d->p, d->w, &pellet, d->rates);
	basis_build(d->b, d->rates, &d->state, d->x);
	for (size_t i = 0; i < d->m->n_elements; i++) {
		size_t row = d->p->element_row[i];

		d->x[i] = row < d->p->n_z ? d->w[row] * exposure : 0;
		if (d->m->element[i].z == 57)
			d->x[i] *= d->la;
	}
	for (size_t i = d->b->scatter; i < d->b->slopes; i++)
		d->x[i] = exposure * d->scatter;
	d->x[d->b->scatter + BASIS_RAYLEIGH] *= rayleigh;
	for (size_t k = 0; k < d->b->n; k++) {
		double sum = 0;

		for (size_t c = 0; c < d->b->slopes; c++)
			sum += d->x[c] * d->b->col[c * d->b->n + k];
		counts[d->b->first_chan + k] = (uint32_t)lround(sum);
	}
	if (spectrum_new(counts, N_CHAN, &s) < 0)
		abort();
	s->live_s = s->real_s = 100;
	s->n_cal = 2;
	for (int i = 0; i < 2; i++)
		s->cal[i] = (struct spectrum_cal){
			1000 * i,
			d->state.offset_kev + 1000 * i * d->state.gain_kev
		};
	return s;
}

#endif
