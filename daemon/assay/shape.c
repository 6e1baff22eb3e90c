// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Response of the detector to photons of one energy E0:
 *
 *   y(E) = gauss(E0, sigma) + (shelf + tail exp(slope (E - E0))) erfc(z)
 *   z = (E - E0) / (sqrt 2 sigma), sigma from
 *   FWHM^2 = noise^2 + 8 ln 2 fano pair E0 (+ the width of a channel)
 *
 * shelf, tail and slope are smooth functions of E0 given as a table, the tails
 * together times a factor, and the whole is scaled to the area of one. Shelf and tail end at energy zero.
 */
#include "assay/shape.h"

#include <math.h>

#define FWHM2 5.545177444479562 /* 8 ln 2 */

enum { REACH = 5 }; /* sigmas that a Gauss is followed */

/*
 * Tails gathered as one: what the third order in d would add is at most
 * (3 d / s)^3 / 6 exp(-3), 3e-5 of a tail; and no exponential runs away.
 */
#define FAR_SPREAD 0.05
#define FAR_REACH 30

/* FWHM^2 that the statistics of the carriers make, by the factor in hand. */
static double shape_carriers(const struct shape *s, double kev)
{
	return FWHM2 * s->d->fano * (1 + s->fano_more) * s->d->pair_ev * 1e-3 *
	       fmax(kev, 0.05);
}

double shape_sigma(const struct shape *s, double kev)
{
	double fwhm2 =
		s->noise_fwhm_kev * s->noise_fwhm_kev + shape_carriers(s, kev);

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

static void shape_widen(struct shape_sink *ret, size_t first, size_t last)
{
	ret->first = first < ret->first ? first : ret->first;
	ret->last = last > ret->last ? last : ret->last;
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
	double by_fano = ret->by_fano ? shape_carriers(s, kev) /
						(2 * FWHM2 * sigma * sigma *
						 (1 + s->fano_more))
				      : 0;
	double h = a->gain_kev / sigma, half = exp(-0.5 * h * h);
	double z0, y0, lean;

	if (high <= low)
		return;
	middle = middle < low ? low : middle >= high ? high - 1 : middle;
	z0 = (a->offset_kev + a->gain_kev * (double)middle - kev) / sigma;
	y0 = height * exp(-0.5 * z0 * z0);
	lean = exp(-h * z0);
	for (int side = -1; side <= 1; side += 2) {
		size_t k = side < 0 ? middle : middle + 1;
		double z = side < 0 ? z0 : z0 + h;
		double y = side < 0 ? y0 : y0 * lean * half;
		double change = half * half;
		double ratio = side < 0 ? half / lean : lean * half * change;

		while (k >= low && k < high) {
			double slope = y * ret->slope_weight;

			ret->counts[k] += y;
			if (ret->also)
				ret->also[k] += y * ret->also_part;
			if (ret->by_energy)
				ret->by_energy[k] -= slope * z / sigma;
			if (ret->by_noise)
				ret->by_noise[k] +=
					slope * (z * z - 1) * by_noise;
			if (ret->by_fano)
				ret->by_fano[k] +=
					slope * (z * z - 1) * by_fano;
			y *= ratio;
			ratio *= change;
			z += side * h;
			k += (size_t)side; /* below 0 it wraps above `high` */
		}
	}
	shape_widen(ret, low, high);
}

/* erfc(z / sqrt 2) for z within 3, by a table's straight lines if there is one. */
static double shape_step_edge(const struct shape *s, double z)
{
	double at = (z + SHAPE_STEP_END) * SHAPE_STEP_PER_SIGMA;
	size_t i;

	if (!(at > 0))
		return 2;
	i = (size_t)at;
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
struct shape_group shape_group(const struct shape *s,
			       const struct shape_axis *a, double kev,
			       double area, double blur)
{
	struct shape_step step = shape_step_at(s->d, kev);
	double sigma = shape_sigma(s, kev), whole, one, blur2, end;
	struct shape_group g = { .kev = kev, .slope = step.slope };

	/* Areas of shelf and tail: the tail's erfc carries the exponential on. */
	whole = step.slope * sigma;
	one = 2 * step.tail / step.slope * exp(whole * whole / 2);
	whole = 1 + 2 * step.shelf * kev + one * (1 + s->tail_more);
	blur2 = a->gain_kev * a->gain_kev / 12 + blur * blur;
	g.sigma = sqrt(sigma * sigma + blur2);
	g.area = area / whole;
	g.tail_share = one / whole;
	g.is_seen = !(kev < 0.1 || kev < a->offset_kev - REACH * g.sigma);
	if (!(step.shelf > 0 || step.tail > 0))
		return g;
	g.late = step.slope * blur2;
	g.shelf = g.area * a->gain_kev * step.shelf;
	g.one_tail =
		g.area * a->gain_kev * step.tail * exp(step.slope * g.late / 2);
	g.tail = g.one_tail * (1 + s->tail_more);
	end = SHAPE_STEP_END * g.sigma;
	g.low = shape_channel(a, kev - end - g.late);
	g.high = shape_channel(a, kev + end);
	return g;
}

struct shape_group shape_group_by_tail(const struct shape_group *g,
				       double times)
{
	struct shape_group ret = *g;

	ret.area = -times * g->tail_share * g->area;
	ret.shelf = -times * g->tail_share * g->shelf;
	ret.tail = times * (g->one_tail - g->tail_share * g->tail);
	return ret;
}

static void shape_add_edge(const struct shape *s, const struct shape_axis *a,
			   const struct shape_group *g, struct shape_sink *ret)
{
	double grow = exp(g->slope * a->gain_kev);
	double d = a->offset_kev + a->gain_kev * (double)g->low - g->kev;
	double here = g->tail * exp(g->slope * d), per_sigma = 1 / g->sigma;

	for (size_t k = g->low; k < g->high; k++) {
		double y = g->shelf * shape_step_edge(s, d * per_sigma) +
			   here * shape_step_edge(s, (d + g->late) * per_sigma);

		ret->counts[k] += y;
		if (ret->also)
			ret->also[k] += y * ret->also_part;
		here *= grow;
		d += a->gain_kev;
	}
	shape_widen(ret, g->low, g->high);
}

/* Channels below the edge, one by one. */
static void shape_lay_one(const struct shape_axis *a,
			  const struct shape_group *g, double part,
			  size_t start, struct shape_sink *ret)
{
	double decay = exp(-g->slope * a->gain_kev);
	double top = a->offset_kev + a->gain_kev * ((double)g->low - 1);
	double tail = 2 * part * g->tail * exp(g->slope * (top - g->kev));

	for (size_t k = g->low; k-- > start;) {
		ret->counts[k] += 2 * part * g->shelf + tail;
		tail *= decay;
	}
}

/*
 * Of slopes s + d the sum of c exp((s + d) (E - E0)) is exp(s x) times a
 * polynomial in x, the energy from a common point: of exp(d (E - E0)) the
 * first three terms are taken, and summed over the groups that have begun.
 */
static void shape_gather(const struct shape_axis *a,
			 const struct shape_group *g, double part,
			 struct shape_sink *ret)
{
	struct shape_far *far = ret->far;
	double *entry = far->entry[g->low - 1], c, d, q;

	if (fabs(g->slope - far->slope) > FAR_SPREAD * far->slope ||
	    fabs(g->kev - far->kev) * g->slope > FAR_REACH)
		shape_finish(a, ret);
	if (!(far->slope > 0)) {
		far->slope = g->slope;
		far->kev = g->kev;
	}
	d = g->slope - far->slope;
	q = d * (g->kev - far->kev);
	c = 2 * part * g->tail * exp(far->slope * (far->kev - g->kev));
	entry[0] += 2 * part * g->shelf;
	entry[1] += c * (1 - q + q * q / 2);
	entry[2] += c * d * (1 - q);
	entry[3] += c * d * d / 2;
	far->high = g->low > far->high ? g->low : far->high;
}

void shape_finish(const struct shape_axis *a, struct shape_sink *ret)
{
	struct shape_far *far = ret->far;
	size_t start = shape_channel(a, 0);
	double sum[SHAPE_FAR_TERMS] = { 0 };
	double decay = exp(-far->slope * a->gain_kev);
	double x = a->offset_kev + a->gain_kev * ((double)far->high - 1) -
		   far->kev;
	double g = exp(far->slope * x);

	for (size_t k = far->high; k-- > start;) {
		double *entry = far->entry[k];

		/* Few channels have one. */
		if (entry[0] != 0 || entry[1] != 0) {
			for (size_t i = 0; i < SHAPE_FAR_TERMS; i++) {
				sum[i] += entry[i];
				entry[i] = 0;
			}
		}
		ret->counts[k] +=
			sum[0] + g * (sum[1] + x * (sum[2] + x * sum[3]));
		g *= decay;
		x -= a->gain_kev;
	}
	if (far->high > start)
		shape_widen(ret, start, far->high);
	far->slope = 0;
	far->high = 0;
}

void shape_add_near(const struct shape *s, const struct shape_axis *a,
		    const struct shape_group *g, struct shape_sink *ret)
{
	if (!g->is_seen)
		return;
	shape_add_gauss(s, a, g->kev, g->sigma, g->area, ret);
	if (g->high > g->low)
		shape_add_edge(s, a, g, ret);
}

void shape_add_far(const struct shape_axis *a, const struct shape_group *g,
		   double part, struct shape_sink *ret)
{
	size_t start = shape_channel(a, 0);

	if (!g->is_seen || g->low <= start)
		return;
	if (ret->far) {
		shape_gather(a, g, part, ret);
		return;
	}
	shape_lay_one(a, g, part, start, ret);
	shape_widen(ret, start, g->low);
}

void shape_add(const struct shape *s, const struct shape_axis *a, double kev,
	       double area, double blur, struct shape_sink *ret)
{
	struct shape_group g = shape_group(s, a, kev, area, blur);

	shape_add_near(s, a, &g, ret);
	shape_add_far(a, &g, 1, ret);
}
