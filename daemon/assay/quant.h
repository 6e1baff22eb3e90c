/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Contents, exposure and balance from one fit. */
#ifndef DAEMON_ASSAY_QUANT_H
#define DAEMON_ASSAY_QUANT_H

#include "assay/assay.h"
#include "assay/exposure.h"
#include "assay/physics.h"

/*
 * Unknowns behind the contents; the last one for two spectra only. Behind them
 * is what a sample is stated to lose, if it is.
 */
enum { QUANT_SCALE, QUANT_MIX, QUANT_SCALE_BESIDE, QUANT_N_MORE };

enum {
	QUANT_MAX = METHOD_MAX_ELEMENTS + QUANT_N_MORE + 1,
	/* What is observed beside amplitudes and scatter: see quant.c. */
	QUANT_N_CONSTRAINTS = 4,
	QUANT_ROWS = EXPOSURE_N + QUANT_N_CONSTRAINTS,
};

/* What a fit gave: amplitudes of the elements, their covariance; borrowed. */
struct quant_seen {
	const double *amplitude;
	const double *cov; /* rows of `stride` */
	size_t stride;
	const struct physics_rates *rates; /* that the fit was made with */
};

/* How much of a sample may go: something has to have the lines. */
#define QUANT_LOSS_MOST 0.999

/*
 * Moisture and loss on ignition that were stated: a part of the balance whose
 * mass and composition are known, water for the one and the method's `dark`
 * for the other.
 */
struct quant_loss {
	bool is_stated; /* one of them; without it all else is zero */
	bool has_loi;
	double stated; /* mass fraction of the sample as measured */
	double u;
	double moisture; /* the part that is, as stated */
	double u_moisture;
	double water; /* share of moisture in it */
	double found; /* near what is stated */
	size_t at; /* its unknown */
};

struct quant {
	const struct physics *p;
	/*
	 * The same composition as another spectrum sees it, borrowed: it has a
	 * scale, lines and scatter of its own, and follows in all else. NULL:
	 * there is one spectrum.
	 */
	struct quant *beside;
	size_t scale_at; /* unknown that is the logarithm of the scale */
	struct quant_seen seen; /* by the fit in hand, set by the caller */
	double content[METHOD_MAX_ELEMENTS]; /* mass fraction, unclamped */
	double factor
		[METHOD_MAX_ELEMENTS]; /* oxide of the matrix per element */
	double in_matrix[METHOD_MAX_ELEMENTS]; /* oxides at most the whole */
	double w[PHYSICS_MAX_Z]; /* rows of the tables, none negative */
	double scale; /* mA s */
	double stated_scale; /* NAN: none */
	enum method_scale scale_by;
	double oxide_sum;
	double dark; /* of the balance, what `loss` leaves */
	double mix; /* of that: -1 heavy to 1 light */
	struct quant_loss loss;
	double compton_rayleigh;
	struct physics_pellet pellet;
	double change; /* largest relative one of the last update */
	bool is_whole; /* the oxides would have been more than the whole */
	struct exposure found; /* by the fit in hand, set by the caller */

	/* Of the last update: covariance of contents, log scale, mix. */
	size_t n; /* unknowns */
	double cov[QUANT_MAX * QUANT_MAX];

	double last_step[METHOD_MAX_ELEMENTS];
	double damping; /* of the steps, at most 1 */

	/* Work space. */
	struct physics_rates *other; /* borrowed */
	size_t line[METHOD_MAX_ELEMENTS]; /* strongest of each element */
	double by_line[METHOD_MAX_ELEMENTS * QUANT_MAX];
	double by_feature[EXPOSURE_N * QUANT_MAX];
	double j_a[METHOD_MAX_ELEMENTS * QUANT_MAX];
	double j_row[QUANT_ROWS * QUANT_MAX];
	double weight[EXPOSURE_N]; /* of the features in the last step */
	double c_a[METHOD_MAX_ELEMENTS * METHOD_MAX_ELEMENTS];
	double keep[QUANT_MAX * QUANT_MAX];
	double column[QUANT_MAX * QUANT_MAX];
};

/* A neutral sample to begin with; `other` is borrowed work space. */
void quant_start(struct quant *q, const struct physics *p,
		 const struct physics_pellet *pellet, double stated_scale,
		 struct physics_rates *other);

/*
 * What the sample is stated to lose, mass fractions as in loss.h, NAN for not
 * stated. Before the first update. False: the method's tables have no hydrogen.
 */
bool quant_state_loss(struct quant *q, double moisture, double loi);

/* Joins two, both started: from here on the first is meant to be called. */
void quant_join(struct quant *q, struct quant *beside);

/*
 * Takes what the caller put into `seen` and `found`, of both spectra if there
 * are two, to a new composition. Returns 0, or -EDOM when the system has no
 * solution; the composition then stays.
 */
int quant_update(struct quant *q);

/* The same with the amplitudes taken as they are: for the first turns. */
void quant_begin(struct quant *q);

/* Takes over contents: their sums, the balance, the rows. */
void quant_take(struct quant *q, const double *content);
/* Whether the matrix feels a change of a content: no trace. */
bool quant_is_felt(const struct quant *q, size_t i);
/*
 * The step of all unknowns that what is seen asks for, with the derivatives
 * in hand; leaves the covariance of the unknowns. The whole is asked for where
 * it would be exceeded. -EDOM.
 */
int quant_find_step(struct quant *q, double *ret);
/* Goes the part of a step that is allowed. */
void quant_go(struct quant *q, const double *step);
/*
 * A composition that is known, in mass fractions by element: oxygen as stated,
 * or NAN for that of the method's oxides; the rest is the balance.
 */
void quant_know(struct quant *q, const double *content, double oxygen);

/* Covariance of two contents with what preparation adds. */
double quant_covariance(const struct quant *q, size_t i, size_t j);

/*
 * Covariance of a content with the moisture, 0 where none was stated; and what
 * loss is found, with its sigma.
 */
double quant_covariance_moisture(const struct quant *q, size_t i);
double quant_u_loss(const struct quant *q);

/* Relative sigma of the exposure. */
double quant_u_scale(const struct quant *q);

#endif
