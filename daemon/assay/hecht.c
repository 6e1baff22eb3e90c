// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Holes that are trapped: K. Hecht, Z. Phys. 77 (1932) 235, for both carriers
 * in a planar crystal of thickness L with a uniform field. A photon stopped at
 * u L below the irradiated cathode gives of its charge
 *
 *   q(u) = (1 - exp(-a (1 - u))) / a + (1 - exp(-b u)) / b
 *   a = L^2 / (mutau_e V), b = L^2 / (mutau_h V)
 *
 * and photons of one energy are stopped as exp(-mu L u). A pulse is measured by
 * the largest q, where the peaks stand by which an axis is set. So a count of
 * channel k is spread over those below by a table made once for an axis, and
 * columns that were made for full collection are put through it: the shape of
 * a peak changes little over its own width. An escape peak gets the depths of
 * its own energy, though it is made near the surface.
 */
#include "assay/hecht.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <xraylib.h>

/* Depths of equal numbers of photons. */
enum { DEPTHS = 128 };

struct hecht {
	size_t n; /* channels */
	size_t width; /* the own one and those below that are reached */
	double *share; /* [n][width], the own one last */
	double *spread; /* work space: `width` channels below the first, n */
};

struct hecht *hecht_free(struct hecht *h)
{
	if (!h)
		return NULL;
	free(h->share);
	free(h->spread);
	free(h);
	return NULL;
}

static double hecht_charge(const struct method_detector *d, double depth)
{
	double l2 = d->crystal.cm * d->crystal.cm;
	double a = l2 / (d->electron_mutau * d->bias_v);
	double b = l2 / (d->hole_mutau * d->bias_v);

	return -expm1(-a * (1 - depth)) / a - expm1(-b * depth) / b;
}

/* dq/du = exp(-b u) - exp(-a (1 - u)) is zero at a / (a + b). */
double hecht_collected(const struct method_detector *d, double depth)
{
	double best = d->hole_mutau / (d->hole_mutau + d->electron_mutau);

	return hecht_charge(d, depth) / hecht_charge(d, best);
}

static double hecht_attenuation(const struct method_layer *crystal, double kev)
{
	double mu = 0;

	for (size_t i = 0; i < crystal->n_parts; i++)
		mu += crystal->w[i] *
		      CS_Total_Kissel(crystal->z[i], fmax(kev, 0.1), NULL);
	return mu * crystal->areal_g_cm2;
}

static void hecht_fill_row(const struct method_detector *d,
			   const struct shape_axis *axis, size_t k,
			   struct hecht *h)
{
	double kev = fmax(axis->offset_kev + axis->gain_kev * (double)k, 0);
	double mu = hecht_attenuation(&d->crystal, kev);
	double *own = h->share + (k + 1) * h->width - 1;

	for (size_t i = 0; i < DEPTHS; i++) {
		double p = ((double)i + 0.5) / DEPTHS;
		double depth = -log1p(p * expm1(-mu)) / mu;
		double lower =
			kev / axis->gain_kev * (1 - hecht_collected(d, depth));
		size_t at = (size_t)lower;
		double f = lower - (double)at;

		*(own - at) += (1 - f) / DEPTHS;
		*(own - at - 1) += f / DEPTHS;
	}
}

/* Most is lost at one of the two faces. */
static size_t hecht_width(const struct method_detector *d,
			  const struct shape_axis *axis)
{
	double top = axis->offset_kev + axis->gain_kev * (double)axis->n;
	double least = fmin(hecht_collected(d, 0), hecht_collected(d, 1));

	return (size_t)ceil(fmax(top, 0) / axis->gain_kev * (1 - least)) + 3;
}

int hecht_new(const struct method_detector *d, const struct shape_axis *axis,
	      struct hecht **ret)
{
	struct hecht *h;

	*ret = NULL;
	if (!(d->hole_mutau > 0))
		return 0;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->n = axis->n;
	h->width = hecht_width(d, axis);
	h->share = calloc(h->n * h->width, sizeof(double));
	h->spread = calloc(h->n + h->width, sizeof(double));
	if (!h->share || !h->spread) {
		hecht_free(h);
		return -ENOMEM;
	}
	for (size_t k = 0; k < h->n; k++)
		hecht_fill_row(d, axis, k, h);
	*ret = h;
	return 0;
}

void hecht_apply(const struct hecht *h, double *counts)
{
	double *to = h->spread;
	size_t w = h->width;

	memset(to, 0, (h->n + w) * sizeof(*to));
	for (size_t k = 0; k < h->n; k++) {
		const double *share = h->share + k * w;

		if (counts[k] == 0)
			continue;
		for (size_t i = 0; i < w; i++)
			to[k + 1 + i] += counts[k] * share[i];
	}
	memcpy(counts, to + w, h->n * sizeof(*counts));
}
