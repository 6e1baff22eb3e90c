// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tables of cross sections and the fundamental parameters of a sample.
 *
 * Primary fluorescence by Sherman's equation (Spectrochim. Acta 7 (1955) 283),
 * secondary by Shiraiwa and Fujino (Jpn. J. Appl. Phys. 5 (1966) 886), flat
 * sample, one angle in and one out:
 *
 *   primary    N = F sum_b flux_b s_b (1 - exp(-X m)) / X
 *   secondary  N = F sum_b flux_b sum_j w_j s_jb s_j / 2 (A_jb + B_j) / X
 *     X = mu_b / sin in + mu_l / sin out, m = mass per area,
 *     A = sin in / mu_b ln(1 + mu_b / (sin in mu_j)),
 *     B = sin out / mu_l ln(1 + mu_l / (sin out mu_j))
 *
 * with F = solid angle / (4 pi sin in) times air and detector. A tube photon
 * that is scattered before it excites, and a fluorescence photon scattered on
 * its way out, are the same double step with the scatter cross section in the
 * place of the production. Scatter of the tube is single scatter at the given
 * angle; higher orders follow Chandrasekhar's H functions for isotropic
 * scatter (Radiative Transfer, 1960) by the approximation of Hapke.
 */
#include "assay/physics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <xraylib.h>

#define RAD (M_PI / 180)
#define MEC2_KEV 510.999

static double physics_pass(const struct method_layer *l, double kev)
{
	double mu = 0;

	for (size_t i = 0; i < l->n_parts; i++)
		mu += l->w[i] * CS_Total_Kissel(l->z[i], kev, NULL);
	return exp(-mu * l->areal_g_cm2);
}

/* xraylib 4.0.0 gives thulium the weight of erbium; this is IUPAC's. */
static double physics_atomic_weight(int z)
{
	return z == 69 ? 168.934 : AtomicWeight(z, NULL);
}

double physics_oxide_factor(int z, double cation, double oxygen)
{
	if (oxygen <= 0)
		return 1;
	return 1 + oxygen * physics_atomic_weight(8) /
			   (cation * physics_atomic_weight(z));
}

double physics_escape_kev(int crystal_z)
{
	return LineEnergy(crystal_z, KA_LINE, NULL);
}

/*
 * Reed and Ware, J. Phys. E 5 (1972) 582, normal incidence: half of the K
 * photons go towards the surface, and those made near it leave.
 */
double physics_escape_fraction(int crystal_z, double kev)
{
	double k_kev = LineEnergy(crystal_z, KA_LINE, NULL);
	double mu, mu_k, made, out;

	if (kev <= EdgeEnergy(crystal_z, K_SHELL, NULL))
		return 0;
	mu = CS_Total_Kissel(crystal_z, kev, NULL);
	mu_k = CS_Total_Kissel(crystal_z, k_kev, NULL);
	made = FluorYield(crystal_z, K_SHELL, NULL) *
	       (1 - 1 / JumpFactor(crystal_z, K_SHELL, NULL)) *
	       CS_Photo(crystal_z, kev, NULL) / mu;
	out = 0.5 * (1 - mu_k / mu * log(1 + mu / mu_k));
	return made * out / (1 - made * out);
}

/*
 * Klein and Nishina at low energy (1 + cos^2), depth by depth and angle by
 * angle through a slab that is wide beside its thickness.
 */
double physics_recoil_fraction(int crystal_z, double areal, double kev)
{
	enum { DEPTHS = 12, ANGLES = 24 };
	double mu = CS_Total_Kissel(crystal_z, kev, NULL), sum = 0, whole = 0;

	for (int a = 0; a < ANGLES; a++) {
		double c = 2 * (a + 0.5) / ANGLES - 1, out;
		double back = CS_Total_Kissel(crystal_z,
					      ComptonEnergy(kev, acos(c), NULL),
					      NULL);

		for (int d = 0; d < DEPTHS; d++) {
			double depth = areal * (d + 0.5) / DEPTHS;
			double here = exp(-mu * depth) * (1 + c * c);

			out = (c < 0 ? depth : areal - depth) / fabs(c);
			sum += here * exp(-back * out);
			whole += here;
		}
	}
	return CS_Compt(crystal_z, kev, NULL) / mu * sum / whole;
}

static double physics_efficiency(const struct method *m, double kev)
{
	double stop = CS_Total_Kissel(m->detector.crystal_z, kev, NULL) *
		      m->detector.crystal_g_cm2;
	double e = physics_pass(&m->geometry.path_out, kev) * (1 - exp(-stop));

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
	double **by_line[] = { &p->mu_line, &p->ray_line, &p->com_line };

	for (size_t i = 0; i < ARRAY_SIZE(by_bin); i++) {
		*by_bin[i] = calloc(p->n_z * n_bins, sizeof(double));
		if (!*by_bin[i])
			return -ENOMEM;
	}
	for (size_t i = 0; i < ARRAY_SIZE(by_line); i++) {
		*by_line[i] = calloc(p->n_z * n_lines, sizeof(double));
		if (!*by_line[i])
			return -ENOMEM;
	}
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

	for (size_t b = 0; b < t->n_bins; b++) {
		double seen = t->flux[b] * air->areal_g_cm2 * g->solid_angle_sr;
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
			physics_recoil_fraction(d->crystal_z, d->crystal_g_cm2,
						t->kev[b]);
		p->eff_bin[b] = physics_efficiency(p->m, t->kev[b]) *
				(1 - p->recoil_bin[b]);
		p->eff_shift[b] = physics_efficiency(p->m, p->shift_kev[b]) *
				  (1 - p->recoil_bin[b]);
	}
	for (size_t l = 0; l < p->lines->n; l++) {
		double kev = p->lines->line[l].kev;

		p->recoil_line[l] =
			physics_recoil_fraction(d->crystal_z, d->crystal_g_cm2,
						kev);
		p->eff_line[l] =
			physics_efficiency(p->m, kev) * (1 - p->recoil_line[l]);
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
			size_t k = i * p->lines->n + l;
			double kev = p->lines->line[l].kev;

			p->mu_line[k] = CS_Total_Kissel(z, kev, NULL);
			p->ray_line[k] = CS_Rayl(z, kev, NULL);
			p->com_line[k] = CS_Compt(z, kev, NULL);
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
	physics_fill_air(p);
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
	free(p->ray_line);
	free(p->com_line);
	free(p->shift_kev);
	free(p->eff_bin);
	free(p->eff_shift);
	free(p->eff_line);
	free(p->air_ray);
	free(p->air_com);
	free(p->recoil_bin);
	free(p->recoil_line);
	free(p->profile);
	lines_free(p->lines);
	tube_free(p->tube);
	free(p);
	return NULL;
}
