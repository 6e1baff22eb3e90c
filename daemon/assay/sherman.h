/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of one composition's rates: sherman.c, multiple.c, slab.c. */
#ifndef DAEMON_ASSAY_SHERMAN_H
#define DAEMON_ASSAY_SHERMAN_H

#include "assay/transport.h"

struct sherman {
	const struct physics *p;
	const double *w;
	struct physics_rates *r;
	double areal; /* g/cm2 */
	double pairs_kev; /* the energy that t.pair is for; 0: none yet */
	struct transport t;
};

/* A table of `n_z` rows of `n` for a composition. */
void sherman_mix(const double *table, const double *w, size_t n_z, size_t n,
		 double *ret);

/* Bins that share one mean of the electrons' momenta. */
enum { SHERMAN_SAME_MOMENTA = 16 };

/* Momenta of the electrons that scatter photons of a bin, to `slower`. */
void sherman_mix_momenta(struct sherman *s, size_t b);

/* Attenuation by the composition at any energy of the continuum. */
double sherman_mu_at(const struct sherman *s, double kev);

/*
 * multiple.c: the tube's photons after a scatter in the sample, from the
 * beam at the nodes to `scattered`; what comes out of it after one more, to
 * `multiple`.
 */
void sherman_scatter_beam(struct sherman *s);

/* Between which bins of the continuum an energy lies, and how far. */
struct sherman_place {
	size_t low;
	double f;
};

struct sherman_place sherman_place(const struct tube *t, double kev);

#endif
