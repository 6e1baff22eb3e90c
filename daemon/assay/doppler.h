/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where photons land that scatter off electrons in motion. */
#ifndef DAEMON_ASSAY_DOPPLER_H
#define DAEMON_ASSAY_DOPPLER_H

#include "assay/tube.h"

enum { DOPPLER_NODES = 128 };

struct doppler {
	size_t n; /* bins of the continuum */
	double *slower; /* [n_z][DOPPLER_NODES], see doppler.c */
	/* Bins that a photon of bin b may land in: `first` to b. */
	size_t *first;
	/* Node of the momentum of each of their edges, b - first + 2 a bin. */
	double **edge;
	double *edges;
	double *bin_edge; /* lower edges of the bins, and the last upper one */
};

/* Tables for absorbers `z` and the scattering angle. */
int doppler_new(const struct tube *t, const int *z, size_t n_z, double angle,
		struct doppler **ret);
struct doppler *doppler_free(struct doppler *d);
CLEANUP_FUNC(struct doppler, doppler_free);

/*
 * Shares of one photon of bin b in the bins from d->first[b] to b, together
 * one, `ret` as long. `slower` is the mean of the rows of d->slower, by what
 * each element scatters.
 */
void doppler_land(const struct doppler *d, size_t b, const double *slower,
		  double *ret);

/* Square of the momentum that a photon leaves to an electron, keV^2. */
double doppler_taken(double kev, double out_kev, double cosine);

/*
 * Adds photons that electrons at rest would have left in the middle of bin b,
 * `momentum` (keV) being what they took, to the bins around where they are left
 * by electrons in motion. What would be beyond the bins is in the last of them.
 */
void doppler_spread(const struct doppler *d, const struct tube *t, size_t b,
		    const double *slower, double momentum, double photons,
		    double *to);

#endif
