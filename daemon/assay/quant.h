/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Contents from amplitudes: scale, oxides, balance. */
#ifndef DAEMON_ASSAY_QUANT_H
#define DAEMON_ASSAY_QUANT_H

#include "assay/assay.h"
#include "assay/physics.h"

struct quant {
	const struct physics *p;
	double content[METHOD_MAX_ELEMENTS]; /* mass fraction, unclamped */
	double factor
		[METHOD_MAX_ELEMENTS]; /* oxide of the matrix per element */
	double w[PHYSICS_MAX_Z]; /* rows of the tables, none negative */
	double scale; /* mA s */
	double stated_scale; /* NAN: none */
	enum method_scale scale_by;
	double oxide_sum;
	double dark;
	double mix;
	double mix_step; /* of the last update */
	double compton_rayleigh;
	double areal;
	double change; /* largest relative one of the last update */
	bool is_clamped;
	/* Of the scatter, found over predicted, mA s. */
	double by_rayleigh, by_compton;
	double u_rayleigh, u_compton; /* relative, counts only */
};

/* A neutral sample to begin with. */
void quant_start(struct quant *q, const struct physics *p, double areal,
		 double stated_scale);

/*
 * Takes the amplitudes of one fit (elements, then by_rayleigh and so on set
 * by the caller) to a new composition.
 */
void quant_update(struct quant *q, const double *amplitude);

/*
 * Covariance of the contents (mass fractions) from that of the amplitudes:
 * through the dependence of every intensity on the whole composition, with
 * the method's model terms. `cov_a` has rows of `stride`; `ret` and the four
 * work matrices are n_elements squared. `rates` holds the composition's
 * rates, `other` is work space.
 */
int quant_covariance(struct quant *q, const double *cov_a, size_t stride,
		     const struct physics_rates *rates,
		     struct physics_rates *other, double *work, double *ret);

#endif
