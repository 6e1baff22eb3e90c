// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A flat sample far from the detector, scattered once: the closed form of the
 * equations at the top of physics.c. Derivatives come from it.
 */
#include "assay/sherman.h"

#include <math.h>
#include <string.h>

#include "base/wide.h"

#define RAD (M_PI / 180)

enum { LANES = 4 };

/* Attenuations from which on nothing passes, to the last digit. */
#define THICK 40

/* Where the beam comes in, in a sample so thick; closed form. */
static double slab_depth(double mu_in, double mu_out, double areal)
{
	double x = mu_in + mu_out;

	return x * areal > 30 ? 1 / x : -expm1(-x * areal) / x;
}

/* A table for a composition, from that of another that differs by little. */
static void slab_mix(const double *table, const double *near,
		     const double *change, const struct physics *p, double *ret)
{
	size_t n = p->tube->n_bins;

	memcpy(ret, near, n * sizeof(*ret));
	for (size_t i = 0; i < p->n_z; i++) {
		if (change[i] == 0)
			continue;
		for (size_t b = 0; b < n; b++)
			ret[b] += change[i] * table[i * n + b];
	}
}

void physics_scatter(const struct physics *p, const double *change,
		     const struct physics_pellet *pellet,
		     const struct physics_rates *near,
		     struct physics_rates *ret)
{
	const struct method_geometry *g = &p->m->geometry;
	double sin_in = sin(g->incidence_deg * RAD);
	double sin_out = sin(g->takeoff_deg * RAD);
	double seen = g->detector_cm2 / (g->distance_cm * g->distance_cm);

	slab_mix(p->mu_bin, near->mu_bin, change, p, ret->mu_bin);
	slab_mix(p->mu_shift, near->mu_shift, change, p, ret->mu_shift);
	slab_mix(p->ray, near->ray_mix, change, p, ret->ray_mix);
	slab_mix(p->com, near->com_mix, change, p, ret->com_mix);
	for (size_t b = 0; b < p->tube->n_bins; b++) {
		double flux = p->tube->flux[b] * seen / sin_in;
		double in = ret->mu_bin[b] / sin_in;

		ret->ray[b] = (flux * ret->ray_mix[b] *
				       slab_depth(in, ret->mu_bin[b] / sin_out,
						  pellet->areal_g_cm2) +
			       p->air_ray[b]) *
			      p->eff_bin[b];
		ret->com[b] =
			(flux * ret->com_mix[b] *
				 slab_depth(in, ret->mu_shift[b] / sin_out,
					    pellet->areal_g_cm2) +
			 p->air_com[b]) *
			p->eff_shift[b];
		ret->com_twice[b] = 0;
	}
}

WIDE double physics_primary(const struct physics *p, const double *w,
			    const struct physics_pellet *pellet, size_t line,
			    const struct physics_rates *r)
{
	const struct line_shell *sh =
		&p->lines->shell[p->lines->line[line].shell];
	const struct method_geometry *g = &p->m->geometry;
	double per_in = 1 / sin(g->incidence_deg * RAD), mu_out = 0;
	double areal = pellet->areal_g_cm2, sum[LANES] = { 0 };
	bool is_thick;
	size_t n = p->tube->n_bins, b = 0;

	for (size_t i = 0; i < p->n_z; i++)
		mu_out += w[i] * p->mu_line[i * p->lines->n + line];
	mu_out /= sin(g->takeoff_deg * RAD);
	is_thick = mu_out * areal > THICK;
	while (b < n && sh->by_bin[b] <= 0)
		b++;
	for (; b + LANES <= n; b += LANES) {
		for (size_t i = 0; i < LANES; i++) {
			double x = r->mu_bin[b + i] * per_in + mu_out;
			double most = p->tube->flux[b + i] * sh->by_bin[b + i];

			sum[i] += most / x;
		}
		for (size_t i = 0; !is_thick && i < LANES; i++) {
			double x = r->mu_bin[b + i] * per_in + mu_out;
			double most = p->tube->flux[b + i] * sh->by_bin[b + i];

			sum[i] -= most / x * transport_exp(-x * areal);
		}
	}
	for (; b < n; b++)
		sum[0] += p->tube->flux[b] * sh->by_bin[b] *
			  slab_depth(r->mu_bin[b] * per_in, mu_out, areal);
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}
