/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the detector makes of photons of one energy. */
#ifndef DAEMON_ASSAY_SHAPE_H
#define DAEMON_ASSAY_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "assay/method.h"

/* The channels of the fit: channel `first + i` is at offset + gain * i. */
struct shape_axis {
	size_t n;
	size_t first;
	double offset_kev; /* energy of channel `first` */
	double gain_kev;
};

/* The edge of a step from -SHAPE_STEP_END to SHAPE_STEP_END sigmas. */
enum {
	SHAPE_STEP_END = 3,
	SHAPE_STEP_PER_SIGMA = 200,
	SHAPE_STEP_POINTS = 2 * SHAPE_STEP_END * SHAPE_STEP_PER_SIGMA + 1,
};

struct shape {
	const struct method_detector *d;
	double noise_fwhm_kev;
	const double *step; /* of shape_fill_step(); NULL: computed each time */
	double tail_more; /* of the table's tails, by how much more; -1: none */
	double fano_more; /* of the detector's Fano factor, likewise */
};

void shape_fill_step(double ret[SHAPE_STEP_POINTS]);

/*
 * What lies below the edges of many photon groups, shelf and tail down to
 * energy zero, is gathered here and laid down in one pass for all whose
 * slopes are near to each other. `entry` is zero between the passes.
 */
enum { SHAPE_FAR_TERMS = 4 };

struct shape_far {
	double (*entry)[SHAPE_FAR_TERMS]; /* by channel */
	double slope; /* of the groups in hand; 0: none */
	double kev; /* from where their exponentials count */
	size_t high; /* one past the highest entry */
};

/*
 * Where a photon group goes: counts, and the slopes of its Gauss with energy
 * and with the noise, per keV, and with the Fano factor, relative. NULL where
 * not wanted. `first` and `last`
 * widen to the channels touched.
 */
struct shape_sink {
	double *counts;
	double *by_energy;
	double *by_noise;
	double *by_fano;
	double slope_weight; /* of what is added to the slopes */
	struct shape_far *far; /* NULL: laid down at once */
	double *also; /* what is near, once more; NULL: nowhere */
	double also_part;
	size_t first;
	size_t last; /* one past */
};

double shape_sigma(const struct shape *s, double kev);

/* Where photons of a sharp line are seen: on the grid, if there is one. */
double shape_line_kev(const struct shape *s, double kev);

/*
 * Adds `area` counts at `kev`; `blur` widens the Gauss, one sigma in keV. With
 * `far` in the sink shape_finish() adds the rest.
 */
void shape_add(const struct shape *s, const struct shape_axis *a, double kev,
	       double area, double blur, struct shape_sink *ret);

/* The same in parts, for what is added more than once. */
struct shape_group {
	double kev;
	double sigma;
	double area; /* of the Gauss, counts */
	double shelf; /* counts per channel, tail likewise, where erfc is 1 */
	double tail;
	double one_tail; /* the same with the table's tails as they are */
	double tail_share; /* of it, of all counts */
	double slope;
	double late; /* by how much the blur moves the end of the tail */
	size_t low; /* channels of the edge */
	size_t high;
	bool is_seen;
};

struct shape_group shape_group(const struct shape *s,
			       const struct shape_axis *a, double kev,
			       double area, double blur);
/*
 * The slope of a group with the factor of the tails, `times`: its own tail
 * grows, and all of it shrinks since the area stays.
 */
struct shape_group shape_group_by_tail(const struct shape_group *g,
				       double times);
/* Gauss and edge. */
void shape_add_near(const struct shape *s, const struct shape_axis *a,
		    const struct shape_group *g, struct shape_sink *ret);
/* What lies below the edge, `part` times. */
void shape_add_far(const struct shape_axis *a, const struct shape_group *g,
		   double part, struct shape_sink *ret);

/* Lays down what is gathered in `ret->far`. */
void shape_finish(const struct shape_axis *a, struct shape_sink *ret);

#endif
