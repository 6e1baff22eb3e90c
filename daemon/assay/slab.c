// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A flat sample far from the detector, scattered once: the closed form of the
 * equations at the top of physics.c. Derivatives come from it.
 */
#include "assay/sherman.h"

#include <math.h>

#define RAD (M_PI / 180)

/* Where the beam comes in, in a sample so thick; closed form. */
static double sherman_slab(double mu_in, double mu_out, double areal)
{
	double x = mu_in + mu_out;

	return x * areal > 30 ? 1 / x : -expm1(-x * areal) / x;
}

void physics_scatter(const struct physics *p, const double *w,
		     const struct physics_pellet *pellet,
		     struct physics_rates *ret)
{
	const struct method_geometry *g = &p->m->geometry;
	double sin_in = sin(g->incidence_deg * RAD);
	double sin_out = sin(g->takeoff_deg * RAD);
	double seen = g->detector_cm2 / (g->distance_cm * g->distance_cm);

	sherman_mix(p->ray, w, p->n_z, p->tube->n_bins, ret->ray_mix);
	sherman_mix(p->com, w, p->n_z, p->tube->n_bins, ret->com_mix);
	sherman_mix(p->mu_bin, w, p->n_z, p->tube->n_bins, ret->mu_bin);
	sherman_mix(p->mu_shift, w, p->n_z, p->tube->n_bins, ret->mu_shift);
	for (size_t b = 0; b < p->tube->n_bins; b++) {
		double flux = p->tube->flux[b] * seen / sin_in;
		double in = ret->mu_bin[b] / sin_in;

		ret->ray[b] =
			(flux * ret->ray_mix[b] *
				 sherman_slab(in, ret->mu_bin[b] / sin_out,
					      pellet->areal_g_cm2) +
			 p->air_ray[b]) *
			p->eff_bin[b];
		ret->com[b] =
			(flux * ret->com_mix[b] *
				 sherman_slab(in, ret->mu_shift[b] / sin_out,
					      pellet->areal_g_cm2) +
			 p->air_com[b]) *
			p->eff_shift[b];
		ret->com_twice[b] = 0;
	}
}

double physics_primary(const struct physics *p, const double *w,
		       const struct physics_pellet *pellet, size_t line,
		       const struct physics_rates *r)
{
	const struct line_shell *sh =
		&p->lines->shell[p->lines->line[line].shell];
	const struct method_geometry *g = &p->m->geometry;
	double sin_in = sin(g->incidence_deg * RAD), mu_out = 0, sum = 0;

	for (size_t i = 0; i < p->n_z; i++)
		mu_out += w[i] * p->mu_line[i * p->lines->n + line];
	mu_out /= sin(g->takeoff_deg * RAD);
	for (size_t b = 0; b < p->tube->n_bins; b++) {
		if (sh->by_bin[b] > 0)
			sum += p->tube->flux[b] * sh->by_bin[b] *
			       sherman_slab(r->mu_bin[b] / sin_in, mu_out,
					    pellet->areal_g_cm2);
	}
	return sum;
}
