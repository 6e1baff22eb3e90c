/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts that the detector would see, for a composition of the sample. */
#ifndef DAEMON_ASSAY_PHYSICS_H
#define DAEMON_ASSAY_PHYSICS_H

#include "assay/lines.h"
#include "assay/method.h"
#include "assay/tube.h"

enum {
	PHYSICS_MAX_Z = 100,
	PHYSICS_MAX_PROFILES = 16,
	PHYSICS_N_EXCITERS = 48,
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
	double *ray_line; /* [n_z][n_lines] */
	double *com_line;
	/* Scattered by the air of the way in, at 1 mA s, before detection. */
	double *air_ray; /* by bin */
	double *air_com;
	double *shift_kev; /* Compton energy of each bin */
	double *eff_bin; /* detector and air out */
	double *eff_shift;
	double *eff_line;
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
	double *own_compton; /* the same, scattered in the sample */
	double *enhancement; /* by shell: secondary over primary */
	double *ray; /* by bin, whole sample */
	double *com;
	double *com_twice; /* scattered twice with loss */
	double *com_profile; /* of the K lines, counts per keV */
	/* Work space. */
	double *mu_bin, *mu_shift, *mu_line, *scat_bin, *ray_all;
	double *mu_coarse, *flux_coarse, *exciter, *log_in;
};

int physics_new(const struct method *m, struct physics **ret);
struct physics *physics_free(struct physics *p);
CLEANUP_FUNC(struct physics, physics_free);

int physics_rates_new(const struct physics *p, struct physics_rates **ret);
struct physics_rates *physics_rates_free(struct physics_rates *r);
CLEANUP_FUNC(struct physics_rates, physics_rates_free);

/*
 * Rates of a sample: `w` are mass fractions by row of the tables, none
 * negative; the sample has `areal` grams on a square centimetre.
 */
void physics_compute(const struct physics *p, const double *w, double areal,
		     struct physics_rates *ret);

/* The same for the tube's scatter alone: ray, com and com_twice. */
void physics_scatter(const struct physics *p, const double *w, double areal,
		     struct physics_rates *ret);

/*
 * Primary photons of one line, per unit mass fraction at 1 mA s, of a
 * composition whose scatter is in `r`.
 */
double physics_primary(const struct physics *p, const double *w, double areal,
		       size_t line, struct physics_rates *r);

/* Mean mass per scattering angle: cm2/g/sr at a bin, for a composition. */
double physics_mix(const struct physics *p, const double *table,
		   const double *w, size_t bin);

/* Row of an absorber, or n_z. */
size_t physics_row(const struct physics *p, int z);

/* Grams of El_n O_m for one gram of the element; 1 without oxygen. */
double physics_oxide_factor(int z, double cation, double oxygen);
/* Share of the photons at `kev` that lose a silicon K photon, see shape.c. */
double physics_escape_fraction(int crystal_z, double kev);
/*
 * Share of the photons stopped in a crystal of `areal` g/cm2 that leave it
 * again after a Compton scatter, so that only the recoil is counted.
 */
double physics_recoil_fraction(int crystal_z, double areal, double kev);
/* Energy lost with a silicon K photon. */
double physics_escape_kev(int crystal_z);

#endif
