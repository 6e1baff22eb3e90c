// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Response of the detector to photons of one energy E0:
 *
 *   y(E) = gauss(E0, sigma) + (shelf + tail exp(slope (E - E0))) erfc(z)
 *   z = (E - E0) / (sqrt 2 sigma), sigma from
 *   FWHM^2 = noise^2 + 8 ln 2 fano pair E0 (+ the width of a channel)
 *
 * shelf, tail and slope are smooth functions of E0 given as a table, and the
 * whole is scaled to the area of one. Shelf and tail end at energy zero.
 */
#include "assay/shape.h"

#include <math.h>

#define FWHM2 5.545177444479562 /* 8 ln 2 */

enum { REACH = 5 }; /* sigmas that a Gauss is followed */

double shape_sigma(const struct shape *s, double kev)
{
	double fwhm2 =
		s->noise_fwhm_kev * s->noise_fwhm_kev +
		FWHM2 * s->d->fano * s->d->pair_ev * 1e-3 * fmax(kev, 0.05);

	return sqrt(fwhm2 / FWHM2);
}

double shape_line_kev(const struct shape *s, double kev)
{
	double step = s->d->line_grid_kev;

	return step > 0 ? (floor(kev / step) + 0.5) * step : kev;
}

struct shape_step {
	double shelf;
	double tail;
	double slope;
};

static struct shape_step shape_step_at(const struct method_detector *d,
				       double kev)
{
	size_t lo = 0, hi = d->n_shape ? d->n_shape - 1 : 0;
	double f;

	if (!d->n_shape)
		return (struct shape_step){ 0, 0, 1 };
	if (kev <= d->shape_kev[0])
		hi = 0;
	else if (kev >= d->shape_kev[hi])
		lo = hi;
	while (hi > lo + 1) {
		size_t mid = (lo + hi) / 2;

		if (d->shape_kev[mid] <= kev)
			lo = mid;
		else
			hi = mid;
	}
	f = hi > lo ? (kev - d->shape_kev[lo]) /
			      (d->shape_kev[hi] - d->shape_kev[lo])
		    : 0;
	return (struct shape_step){
		.shelf = d->shelf[lo] + f * (d->shelf[hi] - d->shelf[lo]),
		.tail = d->tail[lo] + f * (d->tail[hi] - d->tail[lo]),
		.slope = d->slope[lo] + f * (d->slope[hi] - d->slope[lo]),
	};
}

static size_t shape_channel(const struct shape_axis *a, double kev)
{
	double k = (kev - a->offset_kev) / a->gain_kev;

	if (k <= 0)
		return 0;
	return k >= (double)a->n ? a->n : (size_t)k;
}

static void shape_add_gauss(const struct shape *s, const struct shape_axis *a,
			    double kev, double sigma, double area,
			    struct shape_sink *ret)
{
	size_t low = shape_channel(a, kev - REACH * sigma);
	size_t high = shape_channel(a, kev + REACH * sigma);
	double height = area * a->gain_kev / (sigma * sqrt(2 * M_PI));
	double by_noise = s->noise_fwhm_kev / (FWHM2 * sigma * sigma);

	for (size_t k = low; k < high; k++) {
		double z =
			(a->offset_kev + a->gain_kev * (double)k - kev) / sigma;
		double y = height * exp(-0.5 * z * z);

		ret->counts[k] += y;
		y *= ret->slope_weight;
		if (ret->by_energy)
			ret->by_energy[k] -= y * z / sigma;
		if (ret->by_noise)
			ret->by_noise[k] += y * (z * z - 1) * by_noise;
	}
	if (high > low) {
		ret->first = low < ret->first ? low : ret->first;
		ret->last = high > ret->last ? high : ret->last;
	}
}

static void shape_add_step(const struct shape_axis *a, double kev, double sigma,
			   double area, struct shape_step step,
			   struct shape_sink *ret)
{
	size_t start = shape_channel(a, 0);
	size_t low = shape_channel(a, kev - 3 * sigma);
	size_t high = shape_channel(a, kev + 3 * sigma);
	double decay = exp(-step.slope * a->gain_kev), tail;

	area *= a->gain_kev;
	for (size_t k = low; k < high; k++) {
		double d = a->offset_kev + a->gain_kev * (double)k - kev;

		ret->counts[k] +=
			area * (step.shelf + step.tail * exp(step.slope * d)) *
			erfc(d / (M_SQRT2 * sigma));
	}
	tail = 2 * area * step.tail *
	       exp(step.slope *
		   (a->offset_kev + a->gain_kev * ((double)low - 1) - kev));
	for (size_t k = low; k-- > start;) {
		ret->counts[k] += 2 * area * step.shelf + tail;
		tail *= decay;
	}
	if (high > start) {
		ret->first = start < ret->first ? start : ret->first;
		ret->last = high > ret->last ? high : ret->last;
	}
}

void shape_add(const struct shape *s, const struct shape_axis *a, double kev,
	       double area, double blur, struct shape_sink *ret)
{
	struct shape_step step = shape_step_at(s->d, kev);
	double sigma = shape_sigma(s, kev), whole;

	sigma = sqrt(sigma * sigma + a->gain_kev * a->gain_kev / 12 +
		     blur * blur);
	if (kev < 0.1 || kev < a->offset_kev - REACH * sigma)
		return;
	whole = 1 + 2 * step.shelf * kev + 2 * step.tail / step.slope;
	area /= whole;
	shape_add_gauss(s, a, kev, sigma, area, ret);
	shape_add_step(a, kev, sigma, area, step, ret);
}
