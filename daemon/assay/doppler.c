// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A Compton scatter off electrons in motion, impulse approximation (Ribberfors,
 * Phys. Rev. B 12 (1975) 2067): a photon of E comes out with E' if the
 * electron's momentum along the transfer is, in atomic units,
 *
 *   pz = 137.036 (E - E' - E E' (1 - cos) / mc2) / q
 *   q^2 = E^2 + E'^2 - 2 E E' cos
 *
 * and electrons have momenta by the Compton profile J(pz), which is even. Most
 * are slow, but the inner ones of any element reach far: a tenth of what is
 * scattered from a continuum leaves the place of free electrons by more than
 * 3 %, into where there is little of it. `slower` is the integral of J from 0
 * to each node over that to the last; nodes are even in log(1 + pz / 0.3).
 */
#include "assay/doppler.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <xraylib.h>

#define MEC2_KEV 510.999
#define PER_ALPHA 137.036 /* over the fine-structure constant */
#define PZ_SMALL 0.3
/* What is faster is less than 1e-3 of any element. */
#define PZ_MOST 60.0

static double doppler_node_pz(double node)
{
	return PZ_SMALL *
	       expm1(node * log1p(PZ_MOST / PZ_SMALL) / (DOPPLER_NODES - 1));
}

/* With the sign of the momentum. */
static double doppler_node(double pz)
{
	double node = log1p(fmin(fabs(pz), PZ_MOST) / PZ_SMALL) /
		      log1p(PZ_MOST / PZ_SMALL) * (DOPPLER_NODES - 1);

	return pz < 0 ? -node : node;
}

double doppler_taken(double kev, double out_kev, double cosine)
{
	return (kev - out_kev) * (kev - out_kev) +
	       2 * kev * out_kev * (1 - cosine);
}

static double doppler_pz(double kev, double out_kev, double cosine)
{
	return PER_ALPHA *
	       (kev - out_kev - kev * out_kev * (1 - cosine) / MEC2_KEV) /
	       sqrt(doppler_taken(kev, out_kev, cosine));
}

/* Simpson's rule from node to node. */
static void doppler_fill_element(int z, double *ret)
{
	double sum = 0, low = 0, at_low = ComptonProfile(z, 0, NULL);

	ret[0] = 0;
	for (size_t i = 1; i < DOPPLER_NODES; i++) {
		double high = doppler_node_pz((double)i);
		double at_high = ComptonProfile(z, high, NULL);

		sum += (high - low) / 6 *
		       (at_low + 4 * ComptonProfile(z, (low + high) / 2, NULL) +
			at_high);
		ret[i] = sum;
		low = high;
		at_low = at_high;
	}
	for (size_t i = 0; i < DOPPLER_NODES && sum > 0; i++)
		ret[i] /= sum;
}

/* Lower edge of a bin: they stand side by side from the first. */
static double *doppler_edges(const struct tube *t)
{
	double *edge = calloc(t->n_continuum + 1, sizeof(*edge));

	if (!edge)
		return NULL;
	edge[0] = fmax(t->sub_kev[0] - t->width_kev[0] / (2 * (double)t->n_sub),
		       1e-3);
	for (size_t b = 0; b < t->n_continuum; b++)
		edge[b + 1] = edge[b] + t->width_kev[b];
	return edge;
}

static int doppler_fill_bins(struct doppler *d, const struct tube *t,
			     double cosine)
{
	const double *edge = d->bin_edge;
	size_t n = 0;

	for (size_t b = 0; b < d->n; b++) {
		size_t first = b;

		while (first > 0 &&
		       doppler_pz(t->kev[b], edge[first], cosine) < PZ_MOST)
			first--;
		d->first[b] = first;
		n += b - first + 2;
	}
	d->edges = calloc(n + 1, sizeof(double));
	if (!d->edges)
		return -ENOMEM;
	n = 0;
	for (size_t b = 0; b < d->n; b++) {
		d->edge[b] = d->edges + n;
		for (size_t i = d->first[b]; i <= b + 1; i++) {
			/* None leaves with more than it had. */
			double out = fmin(edge[i], t->kev[b]);

			d->edges[n++] = doppler_node(
				doppler_pz(t->kev[b], out, cosine));
		}
	}
	return 0;
}

int doppler_new(const struct tube *t, const int *z, size_t n_z, double angle,
		struct doppler **ret)
{
	CLEANUP(doppler_freep) struct doppler *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->n = t->n_continuum;
	d->slower = calloc(n_z * DOPPLER_NODES + 1, sizeof(double));
	d->first = calloc(d->n + 1, sizeof(*d->first));
	d->edge = calloc(d->n + 1, sizeof(*d->edge));
	d->bin_edge = doppler_edges(t);
	if (!d->slower || !d->first || !d->edge || !d->bin_edge)
		return -ENOMEM;
	for (size_t i = 0; i < n_z; i++)
		doppler_fill_element(z[i], d->slower + i * DOPPLER_NODES);
	r = doppler_fill_bins(d, t, cos(angle));
	if (r < 0)
		return r;
	*ret = TAKE_PTR(d);
	return 0;
}

struct doppler *doppler_free(struct doppler *d)
{
	if (!d)
		return NULL;
	free(d->slower);
	free(d->first);
	free(d->edge);
	free(d->edges);
	free(d->bin_edge);
	free(d);
	return NULL;
}

/* Share of the electrons below a momentum given by its node, from -1 to 1. */
static double doppler_below(const double *slower, double node)
{
	double at = fabs(node), part;
	size_t i = at < DOPPLER_NODES - 1 ? (size_t)at : DOPPLER_NODES - 2;

	part = slower[i] + (at - (double)i) * (slower[i + 1] - slower[i]);
	return node < 0 ? -part : part;
}

void doppler_land(const struct doppler *d, size_t b, const double *slower,
		  double *ret)
{
	size_t n = b - d->first[b] + 1;
	const double *edge = d->edge[b];
	double low = doppler_below(slower, edge[0]), whole = low;

	for (size_t i = 0; i < n; i++) {
		double high = doppler_below(slower, edge[i + 1]);

		ret[i] = low - high;
		low = high;
	}
	whole -= low;
	for (size_t i = 0; i < n && whole > 0; i++)
		ret[i] /= whole;
}

/* Share of the electrons that are not followed on either side. */
#define SPREAD_LEAST 0.01

/* The momentum that all but a few do not reach. */
static double doppler_reach(const double *slower)
{
	size_t i = DOPPLER_NODES - 1;

	while (i > 1 && slower[i - 1] > 1 - SPREAD_LEAST)
		i--;
	return doppler_node_pz((double)i);
}

void doppler_spread(const struct doppler *d, const struct tube *t, size_t b,
		    const double *slower, double momentum, double photons,
		    double *to)
{
	double per_kev = PER_ALPHA / momentum, kev = t->kev[b];
	double reach = doppler_reach(slower) / per_kev, low = 1, end;
	/* None leaves with more than it had: off electrons at rest it lost. */
	double top = kev + fmin(reach, momentum * momentum / (2 * MEC2_KEV));
	size_t i = b;

	while (i > 0 && d->bin_edge[i] > kev - reach)
		i--;
	end = doppler_below(slower, doppler_node((kev - top) * per_kev));
	photons /= 1 - end;
	for (; i < d->n && d->bin_edge[i] < top; i++) {
		double edge = d->bin_edge[i + 1], high = end;

		if (i + 1 < d->n && edge < top)
			high = doppler_below(slower, doppler_node((kev - edge) *
								  per_kev));
		to[i] += photons * (low - high);
		low = high;
	}
}
