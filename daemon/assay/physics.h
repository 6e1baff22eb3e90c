/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts that the detector would see, for a composition of the sample. */
#ifndef DAEMON_ASSAY_PHYSICS_H
#define DAEMON_ASSAY_PHYSICS_H

#include "assay/doppler.h"
#include "assay/lines.h"
#include "assay/method.h"
#include "assay/tube.h"

enum {
	PHYSICS_MAX_Z = 100,
	PHYSICS_MAX_PROFILES = 16,
	PHYSICS_N_EXCITERS = 160,
	PHYSICS_N_NODES = 32, /* of the depth */
	PHYSICS_N_DIRS = 4, /* directions of each half of the sphere */
	PHYSICS_N_Q = 96,
	PHYSICS_N_LOSSES = 8,
	PHYSICS_MAX_ESCAPES = 8,
};

/* keV times angstrom. */
#define PHYSICS_HC 12.39842
/* Least momentum transfer of the tables, sin(angle / 2) over angstrom. */
#define PHYSICS_Q_LOW 0.01

/* The sample as a flat piece. */
struct physics_pellet {
	double areal_g_cm2;
	double density_g_cm3;
};

/* One line of the crystal that can leave it. */
struct physics_escape {
	int z;
	double kev; /* taken away */
	double yield; /* of the line, photons per K vacancy */
};

/* Tables that do not depend on the sample. Rows are absorbers. */
struct physics {
	const struct method *m;
	struct tube *tube;
	struct lines *lines;
	int z[PHYSICS_MAX_Z]; /* absorbers */
	size_t n_z;
	size_t element_row[METHOD_MAX_ELEMENTS]; /* n_z: not in the sample */
	double *mu_bin; /* cm2/g, [n_z][n_bins] */
	double *mu_shift; /* the same at the Compton energy of the bin */
	double *mu_line; /* [n_z][n_lines] */
	double *ray; /* into the scattering angle, cm2/g/sr, [n_z][n_bins] */
	double *com;
	double *ray_all; /* over all angles, cm2/g */
	double *com_all;
	/*
	 * Over all angles: scatter by momentum transfer, logarithmic steps,
	 * in cm2/g/sr over physics_thomson() and physics_klein_nishina().
	 */
	double *form; /* [n_z][PHYSICS_N_Q] */
	double *incoherent;
	double q_per_log; /* steps for a factor of e */
	/* Gauss and Legendre from 0 to 1: depth, and cosine to the normal. */
	double node_at[PHYSICS_N_NODES];
	double node_weight[PHYSICS_N_NODES];
	double dir_at[PHYSICS_N_DIRS];
	double dir_weight[PHYSICS_N_DIRS];
	struct physics_escape escape[PHYSICS_MAX_ESCAPES];
	size_t n_escapes;
	/* Scattered by the air of the way in, at 1 mA s, before detection. */
	double *air_ray; /* by bin */
	double *air_com;
	double *shift_kev; /* Compton energy of each bin, of free electrons */
	struct doppler *doppler;
	double *eff_bin; /* detector and air out */
	double *eff_shift;
	double *eff_line; /* with the calibration of the element */
	double *recoil_bin; /* share that leaves only its recoil */
	double *recoil_line;
	/* Compton profiles of the tube's K lines, share per keV. */
	size_t n_profiles;
	size_t profile_bin[PHYSICS_MAX_PROFILES];
	double profile_low_kev;
	double profile_step_kev;
	size_t n_profile_points;
	double *profile; /* [n_profiles][n_z][n_profile_points] */
};

/* What one composition gives, at 1 mA s. */
struct physics_rates {
	double *line; /* per unit mass fraction, before escape; in the peak */
	/*
	 * The same, scattered with loss in the sample: [n_lines]
	 * [PHYSICS_N_LOSSES], at physics_loss_kev().
	 */
	double *own_compton;
	double *own_rayleigh; /* of each line over its direct part */
	double *enhancement; /* by shell: all that is not primary, over it */
	/* By bin, whole sample; of the continuum also all higher orders. */
	double *ray;
	double *com;
	double *continuum; /* of both, by the bin of its energy */
	double *com_twice; /* lines only: scattered twice with loss */
	double *com_profile; /* of the K lines, counts per keV */
	/* Work space. */
	double *mu_bin, *mu_shift, *mu_line, *ray_mix, *com_mix;
	double *turn, *slower, *landed, *lowered, *leaves;
	double *scat_bin, *ray_all, *multiple;
	double *fallen, *taken; /* of `multiple` with losses; times keV^2 */
	double *beam, *scattered, *twice; /* flux at the nodes, by bin */
	double *produced; /* photons at the nodes, by shell */
};

int physics_new(const struct method *m, struct physics **ret);
struct physics *physics_free(struct physics *p);
CLEANUP_FUNC(struct physics, physics_free);

int physics_rates_new(const struct physics *p, struct physics_rates **ret);
struct physics_rates *physics_rates_free(struct physics_rates *r);
CLEANUP_FUNC(struct physics_rates, physics_rates_free);

/*
 * Rates of a sample: `w` are mass fractions by row of the tables, none
 * negative.
 */
void physics_compute(const struct physics *p, const double *w,
		     const struct physics_pellet *pellet,
		     struct physics_rates *ret);

/*
 * For derivatives: the tube's scatter, ray and com, and the primary photons of
 * a line per unit mass fraction (relative), by the closed form for a flat
 * sample far from the detector, scattered once. The first goes by the `change`
 * of mass fractions from a composition whose rates are `near`; the second
 * takes `r` of the first, and its composition.
 */
void physics_scatter(const struct physics *p, const double *change,
		     const struct physics_pellet *pellet,
		     const struct physics_rates *near,
		     struct physics_rates *ret);
double physics_primary(const struct physics *p, const double *w,
		       const struct physics_pellet *pellet, size_t line,
		       const struct physics_rates *r);

/* Row of an absorber, or n_z. */
size_t physics_row(const struct physics *p, int z);

/* Grams of El_n O_m for one gram of the element; 1 without oxygen. */
double physics_oxide_factor(const struct line_data *d, int z, double cation,
			    double oxygen);
/* Share of the photons at `kev` that lose the photon of an escape line. */
double physics_escape_fraction(const struct method_layer *crystal,
			       const struct physics_escape *e, double kev);
/* The K lines of a crystal that can leave it. */
size_t physics_escapes(const struct line_data *d,
		       const struct method_layer *crystal,
		       struct physics_escape ret[PHYSICS_MAX_ESCAPES]);
/*
 * Share of the photons stopped in a crystal that leave it again after a
 * Compton scatter, so that only the recoil is counted.
 */
double physics_recoil_fraction(const struct method_layer *crystal, double kev);

/* Angular dependence of elastic scatter off one electron: 1 forwards. */
double physics_thomson(double cosine);
/* Off a free electron that leaves the photon `left` of its energy. */
double physics_klein_nishina(double left, double cosine);
/* Energy of a line behind loss `step` of PHYSICS_N_LOSSES. */
double physics_loss_kev(double kev, size_t step);

#endif
