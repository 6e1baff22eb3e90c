// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Photons of an X-ray tube, per second, steradian and mA. H. Ebel, X-Ray
 * Spectrom. 28 (1999) 255 (continuum, K lines), 32 (2003) 46 (L lines):
 *
 *   continuum  1.35e9 Z (E0/E - 1)^x f(E) per keV,
 *              x = 1.109 - 0.00435 Z + 0.00175 E0
 *   line       C (1/S) R omega p f(E), C = 5e13 (K), 0.71e13, 2.70e13, the two
 *              times f_corr, and 4.94e13 (L1, L2, L3)
 *   1/S        z b / Z (U ln U + 1 - U) (1 + 16.05 sqrt(J / E_edge)
 *              (sqrt U ln U + 2 (1 - sqrt U)) / (U ln U + 1 - U)),
 *              U = E0 / E_edge, J = 0.0135 Z keV, z b = 2 0.35 (K), 8 0.25 (L)
 *   R          1 - 0.0081517 Z + 3.613e-5 Z^2 + 0.009583 Z exp(-U)
 *              + 0.001141 E0
 *   f(E)       (1 - exp(-t)) / t, t = 2 mu(E) rz sin(electron) / sin(photon)
 *   rz         mean depth of Love and Scott, J. Phys. D 11 (1978) 1369: rz_max
 *              ln U (0.49269 - 1.0987 eta + 0.78557 eta^2) / (0.70256
 *              - 1.09865 eta + 1.0046 eta^2 + ln U), U = E0 / E in the
 *              continuum; rz_max = A / Z (0.787e-5 sqrt J E0^1.5
 *              + 0.735e-6 E0^2)
 *   eta        E0^m (0.1904 - 0.2236 ln Z + 0.1292 ln^2 Z - 0.0149 ln^3 Z),
 *              m = 0.1382 - 0.9211 / sqrt Z
 *
 * p are the line data's rates. omega is their yield of K, and of L the mean of the
 * shell by J. H. Hubbell et al., J. Phys. Chem. Ref. Data 23 (1994) 339, that
 * the constants of the L lines go with.
 */
#include "assay/ebel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <xraylib.h>

#include "assay/symbols.h"

#define RAD (M_PI / 180)
#define LOW_KEV 1.0
#define STEP_KEV 0.1
/* An edge of the anode is a step of the continuum, between two points. */
#define EDGE_KEV 1e-5
/* Lines below this share of the strongest are left out. */
#define LINE_LEAST 1e-3
/* Behind window and filters, of what passes best: less does nothing. */
#define PASS_LEAST 1e-6

struct ebel {
	const struct line_data *d; /* borrowed */
	int z;
	double kev; /* of the electrons */
	double eta;
	double depth; /* rz_max, g/cm2 */
	double sines;
	double solid_angle_sr;
};

static struct ebel ebel_of(const struct line_data *d,
			   const struct method_tube *t)
{
	int z = symbol_to_z(t->anode, strlen(t->anode));
	double log_z = log(z), j = 0.0135 * z, kev = t->kv;
	double m = 0.1382 - 0.9211 / sqrt(z);

	return (struct ebel){
		.d = d,
		.z = z,
		.kev = kev,
		.eta = (0.1904 - 0.2236 * log_z + 0.1292 * log_z * log_z -
			0.0149 * log_z * log_z * log_z) *
		       pow(kev, m),
		.depth = line_data_weight(d, z) / z *
			 (0.787e-5 * sqrt(j) * pow(kev, 1.5) +
			  0.735e-6 * kev * kev),
		.sines = sin(t->electron_deg * RAD) / sin(t->photon_deg * RAD),
		.solid_angle_sr = t->solid_angle_sr,
	};
}

/* What leaves the anode of photons made by electrons of `over` times. */
static double ebel_escape(const struct ebel *e, double kev, double over)
{
	double log_u = log(over), eta = e->eta;
	double depth = e->depth * log_u *
		       (0.49269 - 1.0987 * eta + 0.78557 * eta * eta) /
		       (0.70256 - 1.09865 * eta + 1.0046 * eta * eta + log_u);
	double t = 2 * CS_Total_Kissel(e->z, kev, NULL) * depth * e->sines;

	return t > 1e-9 ? -expm1(-t) / t : 1;
}

static double ebel_continuum(const struct ebel *e, double kev)
{
	double x = 1.109 - 0.00435 * e->z + 0.00175 * e->kev;

	if (kev >= e->kev)
		return 0;
	return e->solid_angle_sr * 1.35e9 * e->z * pow(e->kev / kev - 1, x) *
	       ebel_escape(e, kev, e->kev / kev);
}

static double ebel_mean_l_yield(int z)
{
	double root = 0.17765 + 2.98937e-3 * z + 8.91297e-5 * z * z -
		      2.67184e-7 * z * z * z;
	double odds = pow(root, 4);

	return z <= 36 ? 1.939e-8 * pow(z, 3.8874) : odds / (1 + odds);
}

struct ebel_shell {
	int shell;
	int first; /* xraylib numbers lines downwards */
	int last;
	double constant;
	double stopping; /* z b */
	bool is_corrected;
};

static const struct ebel_shell ebel_shells[] = {
	{ K_SHELL, KL1_LINE, KP5_LINE, 5.0e13, 2 * 0.35, false },
	{ L1_SHELL, L1L2_LINE, L1P5_LINE, 0.71e13, 8 * 0.25, true },
	{ L2_SHELL, L2L3_LINE, L2Q1_LINE, 2.70e13, 8 * 0.25, true },
	{ L3_SHELL, L3M1_LINE, L3Q1_LINE, 4.94e13, 8 * 0.25, false },
};

/* f_corr of L1 and L2. */
static double ebel_correction(int z)
{
	return z >= 80 ? 1 : -0.4814 + 0.03781 * z - 2.413e-4 * z * z;
}

/* Photons of a shell as they are made, all its lines together. */
static double ebel_shell_photons(const struct ebel *e,
				 const struct ebel_shell *s, double edge)
{
	double u = e->kev / edge, log_u = log(u), z = e->z;
	double ionised = u * log_u + 1 - u;
	double slowing = 16.05 * sqrt(0.0135 * z / edge) *
			 (sqrt(u) * log_u + 2 * (1 - sqrt(u)));
	double r = 1 - 0.0081517 * z + 3.613e-5 * z * z +
		   0.009583 * z * exp(-u) + 0.001141 * e->kev;
	double yield = s->shell == K_SHELL
			       ? line_data_yield(e->d, e->z, K_SHELL)
			       : ebel_mean_l_yield(e->z);

	return e->solid_angle_sr * s->constant *
	       (s->is_corrected ? ebel_correction(e->z) : 1) * s->stopping / z *
	       (ionised + slowing) * r * yield;
}

static double ebel_line(const struct ebel *e, const struct ebel_shell *s,
			int line, double edge)
{
	double kev = line_data_energy(e->d, e->z, line);
	double rate = line_data_rate(e->d, e->z, line);

	if (!(rate > 0) || kev < LOW_KEV)
		return 0;
	return ebel_shell_photons(e, s, edge) * rate *
	       ebel_escape(e, kev, e->kev / edge);
}

/* Walks all lines; those of at least `least` are put into `t`. */
static double ebel_walk_lines(const struct ebel *e, double least,
			      struct method_tube *t)
{
	double most = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ebel_shells); i++) {
		const struct ebel_shell *s = &ebel_shells[i];
		double edge = EdgeEnergy(e->z, s->shell, NULL);

		for (int line = s->first;
		     edge > 0 && edge < e->kev && line >= s->last; line--) {
			double flux = ebel_line(e, s, line, edge);

			most = fmax(most, flux);
			if (!t || !(flux > least) ||
			    t->n_lines == METHOD_MAX_TUBE_LINES)
				continue;
			t->line_kev[t->n_lines] =
				line_data_energy(e->d, e->z, line);
			t->line_flux[t->n_lines++] = flux;
		}
	}
	return most;
}

static int ebel_by_kev(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Steps of the continuum, with the anode's edges between them; how many. */
static size_t ebel_list_energies(const struct ebel *e, double *ret)
{
	static const int shells[] = { K_SHELL,	L1_SHELL, L2_SHELL,
				      L3_SHELL, M1_SHELL, M2_SHELL,
				      M3_SHELL, M4_SHELL, M5_SHELL };
	double step = fmax(STEP_KEV, e->kev / 1600);
	size_t n = 0;

	for (double kev = LOW_KEV; kev < e->kev - step / 2; kev += step)
		ret[n++] = kev;
	ret[n++] = e->kev;
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		double edge = EdgeEnergy(e->z, shells[i], NULL);

		if (edge < LOW_KEV + EDGE_KEV || edge > e->kev - EDGE_KEV)
			continue;
		ret[n++] = edge - EDGE_KEV;
		ret[n++] = edge + EDGE_KEV;
	}
	qsort(ret, n, sizeof(*ret), ebel_by_kev);
	return n;
}

/* The part of photons that window and filters let through. */
static double ebel_pass(const struct method_tube *t, double kev)
{
	double sum = 0;

	for (size_t i = 0; i < t->n_filters; i++) {
		const struct method_layer *l = &t->filter[i];

		for (size_t k = 0; k < l->n_parts; k++)
			sum += l->areal_g_cm2 * l->w[k] *
			       CS_Total_Kissel(l->z[k], kev, NULL);
	}
	return exp(-sum);
}

/* Takes away the low end of the continuum, and lines, that do not pass. */
static void ebel_cut(struct method_tube *t)
{
	double most = 0;
	size_t first = 0, n = 0;

	for (size_t i = 0; i < t->n_flux; i++)
		most = fmax(most, t->flux[i] * ebel_pass(t, t->flux_kev[i]));
	while (first + 2 < t->n_flux &&
	       t->flux[first] * ebel_pass(t, t->flux_kev[first]) <
		       PASS_LEAST * most)
		first++;
	t->n_flux -= first;
	memmove(t->flux, t->flux + first, t->n_flux * sizeof(*t->flux));
	memmove(t->flux_kev, t->flux_kev + first,
		t->n_flux * sizeof(*t->flux_kev));
	for (size_t i = 0; i < t->n_lines; i++) {
		if (t->line_flux[i] * ebel_pass(t, t->line_kev[i]) <
		    PASS_LEAST * most)
			continue;
		t->line_kev[n] = t->line_kev[i];
		t->line_flux[n++] = t->line_flux[i];
	}
	t->n_lines = n;
}

void ebel_fill(const struct line_data *d, struct method_tube *t)
{
	struct ebel e = ebel_of(d, t);

	t->n_flux = ebel_list_energies(&e, t->flux_kev);
	for (size_t i = 0; i < t->n_flux; i++)
		t->flux[i] = ebel_continuum(&e, t->flux_kev[i]);
	t->n_lines = 0;
	ebel_walk_lines(&e, LINE_LEAST * ebel_walk_lines(&e, 0, NULL), t);
	ebel_cut(t);
}
