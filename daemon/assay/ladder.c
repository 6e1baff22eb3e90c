// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What lines lose to electrons of the sample, on rungs of energy.
 *
 * Each line leaves PHYSICS_N_LOSSES pieces behind it, ten thousand in all, as
 * wide as the detector makes them and wider. So few rungs, a fraction of that
 * width apart, carry them: a piece is shared among the four rungs around it by
 * Lagrange's cubic, exact but for the fourth power of distance over width. A
 * rung is blurred as a piece of its energy with a loss of mean angle; what a
 * piece is blurred otherwise goes into its shares by the second derivative.
 */
#include "assay/ladder.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* Blur of what lost energy to electrons in motion, relative, one sigma. */
#define OWN_DOPPLER 0.01
/* Distance of rungs in sigmas: leaves 1e-3 of a piece, 1e-5 of a line. */
#define LADDER_STEP 0.2
#define MEC2_KEV 510.999

/* The losses of a line are in steps of one width, level inside. */
static double ladder_blur(double line_kev)
{
	double width =
		(line_kev - physics_loss_kev(line_kev, PHYSICS_N_LOSSES - 1)) /
		PHYSICS_N_LOSSES / sqrt(12);

	return hypot(width, OWN_DOPPLER * line_kev);
}

/* Of a rung: the line that comes there by a loss at a right angle. */
static double ladder_rung_blur(double kev)
{
	return ladder_blur(kev / (1 - kev / MEC2_KEV));
}

static double ladder_next(const struct shape *s, double kev)
{
	return kev +
	       LADDER_STEP * hypot(shape_sigma(s, kev), ladder_rung_blur(kev));
}

/*
 * Where two rows of the response's table are nearer to each other than rungs,
 * the response jumps, and no piece is shared across: between jumps lie flights.
 */
struct ladder_flight {
	double low_kev;
	double high_kev;
	size_t first; /* rung */
	size_t n;
};

static size_t ladder_find_flights(const struct shape *s, double low,
				  double high,
				  struct ladder_flight ret[METHOD_MAX_SHAPE])
{
	const struct method_detector *d = s->d;
	size_t n = 0;

	ret[0].low_kev = low;
	for (size_t i = 0; i + 1 < d->n_shape; i++) {
		double from = d->shape_kev[i], to = d->shape_kev[i + 1];

		if (from <= low || to >= high || to >= ladder_next(s, from))
			continue;
		ret[n++].high_kev = from;
		ret[n].low_kev = to;
	}
	ret[n++].high_kev = high;
	return n;
}

/* Rungs of a flight, the last of them at its end; `ret` may be NULL. */
static size_t ladder_climb(const struct shape *s, const struct ladder_flight *f,
			   double *ret)
{
	double kev = f->low_kev, whole = f->high_kev - kev;
	size_t n = 0;

	for (; kev < f->high_kev; kev = ladder_next(s, kev), n++) {
		if (ret)
			ret[n] = kev;
	}
	if (ret)
		ret[n] = f->high_kev;
	n++;
	if (n >= LADDER_SHARES)
		return n;
	for (n = 0; n < LADDER_SHARES; n++) {
		if (ret)
			ret[n] = f->low_kev + fmax(whole, 1e-3) * (double)n /
						      (LADDER_SHARES - 1);
	}
	return n;
}

static int ladder_place_rungs(struct ladder *l, const struct shape *s,
			      struct ladder_flight *flight, size_t n_flights)
{
	for (size_t i = 0; i < n_flights; i++) {
		flight[i].first = l->n;
		flight[i].n = ladder_climb(s, &flight[i], NULL);
		l->n += flight[i].n;
	}
	l->kev = calloc(l->n, sizeof(double));
	l->blur = calloc(l->n, sizeof(double));
	if (!l->kev || !l->blur)
		return -ENOMEM;
	for (size_t i = 0; i < n_flights; i++)
		ladder_climb(s, &flight[i], l->kev + flight[i].first);
	for (size_t i = 0; i < l->n; i++)
		l->blur[i] = ladder_rung_blur(l->kev[i]);
	return 0;
}

/* Lagrange's weights at `kev` and, times half of `more`, their curvature. */
static void ladder_share(const double *node, double kev, double more,
			 double *ret)
{
	for (size_t i = 0; i < LADDER_SHARES; i++) {
		double below = 1, value = 1, sum = 0;

		for (size_t k = 0; k < LADDER_SHARES; k++) {
			if (k == i)
				continue;
			below *= node[i] - node[k];
			value *= kev - node[k];
			sum += kev - node[k];
		}
		ret[i] = (value + more * sum) / below;
	}
}

static void ladder_place(const struct ladder *l,
			 const struct ladder_flight *flight, double line_kev,
			 size_t step, struct ladder_piece *ret)
{
	double kev = physics_loss_kev(line_kev, step);
	double blur = ladder_blur(line_kev), rung = ladder_rung_blur(kev);
	size_t low, high;

	/* The last flight that has begun; its end rungs serve twice. */
	while (kev > flight->high_kev && kev >= flight[1].low_kev)
		flight++;
	low = flight->first + 1;
	high = flight->first + flight->n - 2;
	while (high - low > 1) {
		size_t mid = (low + high) / 2;

		if (l->kev[mid] <= kev)
			low = mid;
		else
			high = mid;
	}
	ret->rung = low - 1;
	ladder_share(l->kev + ret->rung, kev, blur * blur - rung * rung,
		     ret->share);
}

int ladder_new(const struct physics *p, const struct shape *shape,
	       struct ladder **ret)
{
	CLEANUP(ladder_freep) struct ladder *l = calloc(1, sizeof(*l));
	const struct lines *ls = p->lines;
	struct ladder_flight flight[METHOD_MAX_SHAPE];
	double low = INFINITY, high = 0;
	size_t n_flights;
	int r;

	if (!l)
		return -ENOMEM;
	for (size_t i = 0; i < ls->n; i++) {
		double kev = shape_line_kev(shape, ls->line[i].kev);

		low = fmin(low, physics_loss_kev(kev, PHYSICS_N_LOSSES - 1));
		high = fmax(high, physics_loss_kev(kev, 0));
	}
	n_flights = ladder_find_flights(shape, fmin(low, high), high, flight);
	r = ladder_place_rungs(l, shape, flight, n_flights);
	if (r < 0)
		return r;
	l->piece = calloc(ls->n * PHYSICS_N_LOSSES + 1, sizeof(*l->piece));
	if (!l->piece)
		return -ENOMEM;
	for (size_t i = 0; i < ls->n; i++) {
		double kev = shape_line_kev(shape, ls->line[i].kev);

		for (size_t k = 0; k < PHYSICS_N_LOSSES; k++)
			ladder_place(l, flight, kev, k,
				     &l->piece[i * PHYSICS_N_LOSSES + k]);
	}
	*ret = TAKE_PTR(l);
	return 0;
}

struct ladder *ladder_free(struct ladder *l)
{
	if (!l)
		return NULL;
	free(l->kev);
	free(l->blur);
	free(l->piece);
	free(l);
	return NULL;
}
