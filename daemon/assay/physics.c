// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tables of cross sections and the fundamental parameters of a sample.
 *
 * Primary fluorescence by Sherman's equation (Spectrochim. Acta 7 (1955) 283)
 * for a flat sample, seen from a detector at a finite distance. Along the beam
 * through the middle of the spot, at depth m (g/cm2), l = m / (density sin in):
 *
 *   N = sum_b flux_b s_b / sin in
 *       int exp(-mu_b m / sin in - mu_l m / sin out(m)) Omega(m) / 4 pi dm
 *   r^2 = D^2 + l^2 - 2 D l cos theta, theta the scattering angle,
 *   sin out(m) = (D sin out + l sin in) / r, Omega = A (D - l cos theta) / r^3
 *
 * which for a far detector is Omega / (4 pi sin in) (1 - exp(-X m)) / X, X =
 * mu_b / sin in + mu_l / sin out. The integral is a sum over nodes of the
 * depth, so what is made there may come from more than the beam: tube photons
 * that were scattered before (twice at most), and lines of other elements.
 * Both are intensities I along some directions, c their cosine to the normal,
 * that solve c dI/dm = source - mu I between the nodes (Chandrasekhar,
 * Radiative Transfer, 1960; discrete directions, azimuth averaged). The first
 * scatter goes by form factor and incoherent function at its angle. A line's
 * photons scattered on their way out are the same step, towards the detector.
 *
 * Scatter of the tube itself is by the angle at which the detector stands from
 * the depth of the scatter, and off electrons in motion (doppler.c); by two
 * turns the azimuths of both hang together. Higher orders of the tube's lines
 * follow Chandrasekhar's H functions for isotropic scatter by the approximation
 * of Hapke.
 */
#include "assay/physics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <xraylib.h>

#include "assay/linalg.h"

#define RAD (M_PI / 180)
#define MEC2_KEV 510.999

static double physics_mu(const struct method_layer *l, double kev)
{
	double mu = 0;

	for (size_t i = 0; i < l->n_parts; i++)
		mu += l->w[i] * CS_Total_Kissel(l->z[i], kev, NULL);
	return mu;
}

static double physics_pass(const struct method_layer *l, double kev)
{
	return exp(-physics_mu(l, kev) * l->areal_g_cm2);
}

double physics_oxide_factor(const struct line_data *d, int z, double cation,
			    double oxygen)
{
	if (oxygen <= 0)
		return 1;
	return 1 + oxygen * line_data_weight(d, 8) /
			   (cation * line_data_weight(d, z));
}

/* Lines of a crystal that make one escape peak: their distance, relative. */
#define ESCAPE_SAME 0.005

/*
 * The K lines of each element of the crystal: K-alpha1 and K-alpha2 of cadmium
 * and tellurium are 0.19 and 0.27 keV apart, so that one peak at their mean
 * would pull the axis of a spectrum in which escape peaks are strong.
 */
size_t physics_escapes(const struct line_data *d,
		       const struct method_layer *crystal,
		       struct physics_escape ret[PHYSICS_MAX_ESCAPES])
{
	size_t n = 0;

	for (size_t i = 0; i < crystal->n_parts; i++) {
		int z = crystal->z[i];
		double yield = line_data_yield(d, z, K_SHELL);
		struct physics_escape *last = NULL;

		/* xraylib numbers lines downwards, by rising energy. */
		for (int line = KL1_LINE; line >= KP5_LINE; line--) {
			double part = line_data_rate(d, z, line) * yield;
			double kev = line_data_energy(d, z, line);

			if (!(part > 0) || !(kev > 0))
				continue;
			if (last && fabs(kev - last->kev) < ESCAPE_SAME * kev) {
				last->kev += (kev - last->kev) * part /
					     (last->yield + part);
				last->yield += part;
				continue;
			}
			if (n == PHYSICS_MAX_ESCAPES)
				break;
			last = &ret[n++];
			*last = (struct physics_escape){ z, kev, part };
		}
	}
	return n;
}

/*
 * Reed and Ware, J. Phys. E 5 (1972) 582, normal incidence: half of the K
 * photons go towards the surface, and those made near it leave.
 */
double physics_escape_fraction(const struct method_layer *crystal,
			       const struct physics_escape *e, double kev)
{
	double mu, mu_k, part = 0;

	if (kev <= EdgeEnergy(e->z, K_SHELL, NULL))
		return 0;
	for (size_t i = 0; i < crystal->n_parts; i++) {
		if (crystal->z[i] == e->z)
			part = crystal->w[i];
	}
	mu = physics_mu(crystal, kev);
	mu_k = physics_mu(crystal, e->kev);
	return part * e->yield * CS_Photo_Partial(e->z, K_SHELL, kev, NULL) /
	       mu * 0.5 * (1 - mu_k / mu * log(1 + mu / mu_k));
}

/*
 * Klein and Nishina at low energy (1 + cos^2), depth by depth and angle by
 * angle through a slab that is wide beside its thickness.
 */
double physics_recoil_fraction(const struct method_layer *crystal, double kev)
{
	enum { DEPTHS = 12, ANGLES = 24 };
	double areal = crystal->areal_g_cm2, compton = 0;
	double mu = physics_mu(crystal, kev), sum = 0, whole = 0;

	for (size_t i = 0; i < crystal->n_parts; i++)
		compton += crystal->w[i] * CS_Compt(crystal->z[i], kev, NULL);
	for (int a = 0; a < ANGLES; a++) {
		double c = 2 * (a + 0.5) / ANGLES - 1, out;
		double back =
			physics_mu(crystal, ComptonEnergy(kev, acos(c), NULL));

		for (int d = 0; d < DEPTHS; d++) {
			double depth = areal * (d + 0.5) / DEPTHS;
			double here = exp(-mu * depth) * (1 + c * c);

			out = (c < 0 ? depth : areal - depth) / fabs(c);
			sum += here * exp(-back * out);
			whole += here;
		}
	}
	return compton / mu * sum / whole;
}

double physics_thomson(double cosine)
{
	return (1 + cosine * cosine) / 2;
}

double physics_klein_nishina(double left, double cosine)
{
	return left * left * (left + 1 / left - 1 + cosine * cosine) / 2;
}

double physics_loss_kev(double kev, size_t step)
{
	double turn = 2 * ((double)step + 0.5) / PHYSICS_N_LOSSES;

	return kev / (1 + kev / MEC2_KEV * turn);
}

static double physics_efficiency(const struct method *m, double kev)
{
	double e = physics_pass(&m->geometry.path_out, kev) *
		   (1 - physics_pass(&m->detector.crystal, kev));

	for (size_t i = 0; i < m->detector.n_layers; i++)
		e *= physics_pass(&m->detector.layer[i], kev);
	return e;
}

size_t physics_row(const struct physics *p, int z)
{
	size_t i;

	for (i = 0; i < p->n_z && p->z[i] != z; i++)
		;
	return i;
}

static void physics_add_z(struct physics *p, int z)
{
	if (physics_row(p, z) == p->n_z && p->n_z < PHYSICS_MAX_Z)
		p->z[p->n_z++] = z;
}

static void physics_list_absorbers(struct physics *p)
{
	const struct method *m = p->m;

	for (size_t i = 0; i < m->n_elements; i++) {
		if (!m->element[i].is_air)
			physics_add_z(p, m->element[i].z);
	}
	physics_add_z(p, 8);
	for (size_t i = 0; i < m->matrix.dark.n_parts; i++)
		physics_add_z(p, m->matrix.dark.z[i]);
	for (size_t i = 0; i < m->matrix.dark_light.n_parts; i++)
		physics_add_z(p, m->matrix.dark_light.z[i]);
	for (size_t i = 0; i < m->matrix.dark_heavy.n_parts; i++)
		physics_add_z(p, m->matrix.dark_heavy.z[i]);
	for (size_t i = 0; i < m->n_elements; i++)
		p->element_row[i] = m->element[i].is_air
					    ? p->n_z
					    : physics_row(p, m->element[i].z);
}

static int physics_alloc(struct physics *p)
{
	size_t n_bins = p->tube->n_bins, n_lines = p->lines->n;
	double **by_bin[] = { &p->mu_bin, &p->mu_shift, &p->ray,
			      &p->com,	  &p->ray_all,	&p->com_all };
	double **by_q[] = { &p->form, &p->incoherent };

	for (size_t i = 0; i < ARRAY_SIZE(by_bin); i++) {
		*by_bin[i] = calloc(p->n_z * n_bins, sizeof(double));
		if (!*by_bin[i])
			return -ENOMEM;
	}
	for (size_t i = 0; i < ARRAY_SIZE(by_q); i++) {
		*by_q[i] = calloc(p->n_z * PHYSICS_N_Q, sizeof(double));
		if (!*by_q[i])
			return -ENOMEM;
	}
	p->mu_line = calloc(p->n_z * n_lines, sizeof(double));
	if (!p->mu_line)
		return -ENOMEM;
	p->shift_kev = calloc(n_bins, sizeof(double));
	p->eff_bin = calloc(n_bins, sizeof(double));
	p->eff_shift = calloc(n_bins, sizeof(double));
	p->eff_line = calloc(n_lines, sizeof(double));
	p->air_ray = calloc(n_bins, sizeof(double));
	p->air_com = calloc(n_bins, sizeof(double));
	if (!p->air_ray || !p->air_com)
		return -ENOMEM;
	p->recoil_bin = calloc(n_bins, sizeof(double));
	p->recoil_line = calloc(n_lines, sizeof(double));
	if (!p->recoil_bin || !p->recoil_line || !p->shift_kev || !p->eff_bin ||
	    !p->eff_shift || !p->eff_line)
		return -ENOMEM;
	return 0;
}

/* Attenuation of a bin: over its points, as an edge may fall into it. */
static double physics_bin_mu(const struct tube *t, int z, size_t b)
{
	double mu = 0;

	if (b >= t->n_continuum)
		return CS_Total_Kissel(z, t->kev[b], NULL);
	for (size_t i = b * t->n_sub; i < (b + 1) * t->n_sub; i++)
		mu += t->sub_part[i] * CS_Total_Kissel(z, t->sub_kev[i], NULL);
	return mu;
}

/* Attenuation of a layer, dimensionless. */
static double physics_thickness(const struct method_layer *l, double kev)
{
	return -log(physics_pass(l, kev));
}

/*
 * Light tube lines scatter in the air as much as in a sample, which absorbs
 * them in some micrometres. What scatters half-way has passed half of the air
 * only; flux and efficiency are those behind all of it, so the mean of what
 * was taken off too much, exp(t) over the column, is put back.
 */
static void physics_fill_air(struct physics *p)
{
	const struct method_geometry *g = &p->m->geometry;
	const struct method_layer *air = &g->path_in;
	const struct tube *t = p->tube;
	double angle = g->scatter_deg * RAD;
	double solid_angle =
		g->detector_cm2 / (g->distance_cm * g->distance_cm);

	for (size_t b = 0; b < t->n_bins; b++) {
		double seen = t->flux[b] * air->areal_g_cm2 * solid_angle;
		double in = physics_thickness(air, t->kev[b]);
		double ray = in + physics_thickness(&g->path_out, t->kev[b]);
		double com =
			in + physics_thickness(&g->path_out, p->shift_kev[b]);

		ray = seen * (ray > 1e-9 ? expm1(ray) / ray : 1);
		com = seen * (com > 1e-9 ? expm1(com) / com : 1);
		for (size_t i = 0; i < air->n_parts; i++) {
			p->air_ray[b] +=
				ray * air->w[i] *
				DCS_Rayl(air->z[i], t->kev[b], angle, NULL);
			p->air_com[b] +=
				com * air->w[i] *
				DCS_Compt(air->z[i], t->kev[b], angle, NULL);
		}
	}
}

static void physics_fill(struct physics *p)
{
	const struct tube *t = p->tube;
	const struct method_detector *d = &p->m->detector;
	double angle = p->m->geometry.scatter_deg * RAD;

	for (size_t b = 0; b < t->n_bins; b++) {
		p->shift_kev[b] = ComptonEnergy(t->kev[b], angle, NULL);
		p->recoil_bin[b] =
			physics_recoil_fraction(&d->crystal, t->kev[b]);
		p->eff_bin[b] = physics_efficiency(p->m, t->kev[b]) *
				(1 - p->recoil_bin[b]);
		p->eff_shift[b] = physics_efficiency(p->m, p->shift_kev[b]) *
				  (1 - p->recoil_bin[b]);
	}
	for (size_t l = 0; l < p->lines->n; l++) {
		double kev = p->lines->line[l].kev;
		size_t element = p->lines->line[l].element;

		p->recoil_line[l] = physics_recoil_fraction(&d->crystal, kev);
		p->eff_line[l] = physics_efficiency(p->m, kev) *
				 (1 - p->recoil_line[l]) *
				 p->m->calibration.k[element];
	}

	for (size_t i = 0; i < p->n_z; i++) {
		int z = p->z[i];

		for (size_t b = 0; b < t->n_bins; b++) {
			size_t k = i * t->n_bins + b;
			double kev = t->kev[b];

			p->mu_bin[k] = physics_bin_mu(t, z, b);
			p->mu_shift[k] =
				CS_Total_Kissel(z, p->shift_kev[b], NULL);
			p->ray[k] = DCS_Rayl(z, kev, angle, NULL);
			p->com[k] = DCS_Compt(z, kev, angle, NULL);
			p->ray_all[k] = CS_Rayl(z, kev, NULL);
			p->com_all[k] = CS_Compt(z, kev, NULL);
		}
		for (size_t l = 0; l < p->lines->n; l++) {
			p->mu_line[i * p->lines->n + l] =
				CS_Total_Kissel(z, p->lines->line[l].kev, NULL);
		}
	}
}

/*
 * Nodes and weights from 0 to 1: Newton's steps to the roots of the Legendre
 * polynomial of degree n.
 */
static void physics_gauss_legendre(size_t n, double *ret_at, double *ret_weight)
{
	for (size_t i = 0; i < n; i++) {
		double x = cos(M_PI * ((double)i + 0.75) / ((double)n + 0.5));
		double slope = 1;

		for (int turn = 0; turn < 8; turn++) {
			double p0 = 1, p1 = x;

			for (size_t k = 2; k <= n; k++) {
				double kk = (double)k;
				double p2 = ((2 * kk - 1) * x * p1 -
					     (kk - 1) * p0) /
					    kk;

				p0 = p1;
				p1 = p2;
			}
			slope = (double)n * (x * p1 - p0) / (x * x - 1);
			x -= p1 / slope;
		}
		ret_at[n - 1 - i] = (1 + x) / 2;
		ret_weight[n - 1 - i] = 1 / ((1 - x * x) * slope * slope);
	}
}

/*
 * Form factors and incoherent scattering functions by momentum transfer, read
 * off the differential cross sections at an energy where all transfers occur.
 */
static void physics_fill_q(struct physics *p)
{
	double top = p->m->tube.kv / PHYSICS_HC;
	double kev = p->m->tube.kv * 1.01;

	p->q_per_log = (PHYSICS_N_Q - 1) / log(top / PHYSICS_Q_LOW);
	for (size_t k = 0; k < PHYSICS_N_Q; k++) {
		double q = PHYSICS_Q_LOW * exp((double)k / p->q_per_log);
		double angle = 2 * asin(q * PHYSICS_HC / kev);
		double left = ComptonEnergy(kev, angle, NULL) / kev;

		for (size_t i = 0; i < p->n_z; i++) {
			p->form[i * PHYSICS_N_Q + k] =
				DCS_Rayl(p->z[i], kev, angle, NULL) /
				physics_thomson(cos(angle));
			p->incoherent[i * PHYSICS_N_Q + k] =
				DCS_Compt(p->z[i], kev, angle, NULL) /
				physics_klein_nishina(left, cos(angle));
		}
	}
}

/*
 * Energy after a Compton scatter off electrons in motion, impulse
 * approximation: a photon of E' needs the momentum pz (atomic units) along
 * the transfer, so its share is J(pz) dpz/dE'.
 */
static double physics_profile_at(int z, double kev, double out_kev,
				 double cos_angle)
{
	double q = sqrt(kev * kev + out_kev * out_kev -
			2 * kev * out_kev * cos_angle);
	double loss = kev * out_kev * (1 - cos_angle) / MEC2_KEV;
	double pz = 137.036 * (kev - out_kev - loss) / q;
	double slope = 137.036 * (1 + kev * (1 - cos_angle) / MEC2_KEV) / q;

	return ComptonProfile(z, fabs(pz), NULL) * slope;
}

static void physics_fill_profile(struct physics *p, size_t i_profile, size_t i)
{
	double angle = p->m->geometry.scatter_deg * RAD, sum = 0;
	double kev = p->tube->kev[p->profile_bin[i_profile]];
	double *row =
		p->profile + (i_profile * p->n_z + i) * p->n_profile_points;

	for (size_t k = 0; k < p->n_profile_points; k++) {
		double out =
			p->profile_low_kev + (double)k * p->profile_step_kev;

		if (out < kev)
			row[k] = physics_profile_at(p->z[i], kev, out,
						    cos(angle));
		sum += row[k] * p->profile_step_kev;
	}
	for (size_t k = 0; k < p->n_profile_points && sum > 0; k++)
		row[k] /= sum;
}

/* Lines of the tube whose Compton peak is resolved from the line. */
static int physics_make_profiles(struct physics *p)
{
	const struct tube *t = p->tube;
	double top = 0, low = p->m->tube.kv;

	for (size_t b = t->n_continuum; b < t->n_bins; b++) {
		if (t->kev[b] - p->shift_kev[b] < 0.25 ||
		    p->n_profiles == PHYSICS_MAX_PROFILES)
			continue;
		p->profile_bin[p->n_profiles++] = b;
		top = fmax(top, t->kev[b]);
		low = fmin(low, p->shift_kev[b]);
	}
	if (!p->n_profiles)
		return 0;
	p->profile_step_kev = 0.025;
	p->profile_low_kev = low * 0.85;
	p->n_profile_points =
		(size_t)((top - p->profile_low_kev) / p->profile_step_kev) + 1;
	p->profile = calloc(p->n_profiles * p->n_z * p->n_profile_points,
			    sizeof(double));
	if (!p->profile)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_profiles; i++) {
		for (size_t k = 0; k < p->n_z; k++)
			physics_fill_profile(p, i, k);
	}
	return 0;
}

int physics_new(const struct method *m, struct physics **ret)
{
	CLEANUP(physics_freep) struct physics *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	r = linalg_init();
	if (r < 0)
		return r;
	p->m = m;
	physics_list_absorbers(p);
	r = tube_new(m, physics_pass, &p->tube);
	if (r < 0)
		return r;
	r = lines_new(m, p->tube, m->fit.low_kev - 0.3, m->fit.high_kev + 0.5,
		      &p->lines);
	if (r < 0)
		return r;
	r = physics_alloc(p);
	if (r < 0)
		return r;
	physics_fill(p);
	physics_fill_q(p);
	physics_fill_air(p);
	physics_gauss_legendre(PHYSICS_N_NODES, p->node_at, p->node_weight);
	physics_gauss_legendre(PHYSICS_N_DIRS, p->dir_at, p->dir_weight);
	r = doppler_new(p->tube, p->z, p->n_z, m->geometry.scatter_deg * RAD,
			&p->doppler);
	if (r < 0)
		return r;
	p->n_escapes =
		physics_escapes(&m->line_data, &m->detector.crystal, p->escape);
	r = physics_make_profiles(p);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

struct physics *physics_free(struct physics *p)
{
	if (!p)
		return NULL;
	free(p->mu_bin);
	free(p->mu_shift);
	free(p->mu_line);
	free(p->ray);
	free(p->com);
	free(p->ray_all);
	free(p->com_all);
	free(p->form);
	free(p->incoherent);
	free(p->shift_kev);
	free(p->eff_bin);
	free(p->eff_shift);
	free(p->eff_line);
	free(p->air_ray);
	free(p->air_com);
	free(p->recoil_bin);
	free(p->recoil_line);
	free(p->profile);
	doppler_free(p->doppler);
	lines_free(p->lines);
	tube_free(p->tube);
	free(p);
	return NULL;
}
