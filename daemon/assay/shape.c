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

/*
 * A Gauss channel by channel without an exponential each: the ratio of two
 * neighbours itself changes by a constant ratio. Started in the middle, so
 * that the error, some 1e-14, does not grow out of the small.
 */
static void shape_add_gauss(const struct shape *s, const struct shape_axis *a,
			    double kev, double sigma, double area,
			    struct shape_sink *ret)
{
	size_t low = shape_channel(a, kev - REACH * sigma);
	size_t high = shape_channel(a, kev + REACH * sigma);
	size_t middle = shape_channel(a, kev);
	double height = area * a->gain_kev / (sigma * sqrt(2 * M_PI));
	double by_noise = s->noise_fwhm_kev / (FWHM2 * sigma * sigma);
	double h = a->gain_kev / sigma, change = exp(-h * h);

	if (high <= low)
		return;
	middle = middle < low ? low : middle >= high ? high - 1 : middle;
	for (int side = -1; side <= 1; side += 2) {
		size_t k = side < 0 ? middle : middle + 1;
		double z =
			(a->offset_kev + a->gain_kev * (double)k - kev) / sigma;
		double y = height * exp(-0.5 * z * z);
		double ratio = exp(-side * h * z - 0.5 * h * h);

		while (k >= low && k < high) {
			double slope = y * ret->slope_weight;

			ret->counts[k] += y;
			if (ret->by_energy)
				ret->by_energy[k] -= slope * z / sigma;
			if (ret->by_noise)
				ret->by_noise[k] +=
					slope * (z * z - 1) * by_noise;
			y *= ratio;
			ratio *= change;
			z += side * h;
			k += (size_t)side; /* below 0 it wraps above `high` */
		}
	}
	ret->first = low < ret->first ? low : ret->first;
	ret->last = high > ret->last ? high : ret->last;
}

/* erfc(z / sqrt 2) for z within 3, by a table's straight lines if there is one. */
static double shape_step_edge(const struct shape *s, double z)
{
	double at = (z + SHAPE_STEP_END) * SHAPE_STEP_PER_SIGMA;
	size_t i = (size_t)fmax(at, 0);

	if (at < 0)
		return 2;
	if (!s->step || i + 1 >= SHAPE_STEP_POINTS)
		return erfc(z / M_SQRT2);
	return s->step[i] + (at - (double)i) * (s->step[i + 1] - s->step[i]);
}

void shape_fill_step(double ret[SHAPE_STEP_POINTS])
{
	for (size_t i = 0; i < SHAPE_STEP_POINTS; i++)
		ret[i] = erfc(
			((double)i / SHAPE_STEP_PER_SIGMA - SHAPE_STEP_END) /
			M_SQRT2);
}

/*
 * A blur b, which widened sigma, takes the tail to
 * tail exp(slope d + (slope b)^2 / 2) erfc((d + slope b^2) / (sqrt 2 sigma)).
 */
static void shape_add_step(const struct shape *s, const struct shape_axis *a,
			   double kev, double sigma, double blur, double area,
			   struct shape_step step, struct shape_sink *ret)
{
	size_t start = shape_channel(a, 0);
	double late = step.slope * blur * blur, end = SHAPE_STEP_END * sigma;
	size_t low = shape_channel(a, kev - end - late);
	size_t high = shape_channel(a, kev + end);
	double decay = exp(-step.slope * a->gain_kev), tail;
	double d = a->offset_kev + a->gain_kev * (double)low - kev, here;

	area *= a->gain_kev;
	step.tail *= exp(step.slope * late / 2);
	here = step.tail * exp(step.slope * d);
	for (size_t k = low; k < high; k++) {
		ret->counts[k] +=
			area * (step.shelf * shape_step_edge(s, d / sigma) +
				here * shape_step_edge(s, (d + late) / sigma));
		here /= decay;
		d += a->gain_kev;
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

	/* Areas of shelf and tail: the tail's erfc carries the exponential on. */
	whole = step.slope * sigma;
	whole = 1 + 2 * step.shelf * kev +
		2 * step.tail / step.slope * exp(whole * whole / 2);
	blur = sqrt(a->gain_kev * a->gain_kev / 12 + blur * blur);
	sigma = hypot(sigma, blur);
	if (kev < 0.1 || kev < a->offset_kev - REACH * sigma)
		return;
	area /= whole;
	shape_add_gauss(s, a, kev, sigma, area, ret);
	if (step.shelf > 0 || step.tail > 0)
		shape_add_step(s, a, kev, sigma, blur, area, step, ret);
}
