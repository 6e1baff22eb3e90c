// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rates of a composition from the tables of physics.c: the equations stand
 * at its top.
 */
#include "assay/sherman.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "assay/linalg.h"
#include "base/wide.h"

#define RAD (M_PI / 180)
#define MEC2_KEV 510.999

enum {
	N = TRANSPORT_N,
	DIRS = TRANSPORT_DIRS,
	STEPS = PHYSICS_N_LOSSES,
};

/* Contents below which an element's lines excite nothing. */
#define EXCITER_LEAST 1e-4

void sherman_mix(const double *table, const double *w, size_t n_z, size_t n,
		 double *ret)
{
	for (size_t k = 0; k < n; k++)
		ret[k] = 0;
	for (size_t i = 0; i < n_z; i++) {
		if (w[i] <= 0)
			continue;
		for (size_t k = 0; k < n; k++)
			ret[k] += w[i] * table[i * n + k];
	}
}

/* The tube's beam at the nodes: flux over the sine, cm2 less. */
static void sherman_fill_beam(struct sherman *s)
{
	const struct tube *t = s->p->tube;

	for (size_t b = 0; b < t->n_bins; b++) {
		double *beam = s->r->beam + b * N;

		transport_decay(s->t.in, s->r->mu_bin[b], beam);
		for (size_t n = 0; n < N; n++)
			beam[n] *= t->flux[b] / s->t.sin_in;
	}
}

/* The lines that could excite others, by falling energy. */
static size_t sherman_pick_exciters(const struct sherman *s,
				    size_t ret[PHYSICS_N_EXCITERS])
{
	const struct physics *p = s->p;
	double power[PHYSICS_N_EXCITERS];
	size_t n = 0;

	for (size_t l = 0; l < p->lines->n; l++) {
		const struct line *line = &p->lines->line[l];
		size_t row = p->element_row[line->element], at;
		double here;

		if (row == p->n_z || s->w[row] < EXCITER_LEAST)
			continue;
		here = s->w[row] * line->rate * s->r->produced[line->shell * N];
		if (n == PHYSICS_N_EXCITERS && here <= power[n - 1])
			continue;
		at = n < PHYSICS_N_EXCITERS ? n++ : n - 1;
		for (; at > 0 && power[at - 1] < here; at--) {
			power[at] = power[at - 1];
			ret[at] = ret[at - 1];
		}
		power[at] = here;
		ret[at] = l;
	}
	for (size_t i = 1; i < n; i++) {
		size_t l = ret[i], at = i;

		for (; at > 0 &&
		       p->lines->line[ret[at - 1]].kev < p->lines->line[l].kev;
		     at--)
			ret[at] = ret[at - 1];
		ret[at] = l;
	}
	return n;
}

/*
 * Adds what a line excites. As the lines come by falling energy, each has
 * been excited by all those before, so every order is in.
 */
static void sherman_excite(struct sherman *s, size_t l)
{
	const struct physics *p = s->p;
	const struct line *line = &p->lines->line[l];
	double part = s->w[p->element_row[line->element]] * line->rate;
	const double *source = s->r->produced + line->shell * N;
	struct transport_pass pass;
	struct transport_field down, up;
	double flux[N], mu[DIRS];

	for (size_t i = 0; i < DIRS; i++)
		mu[i] = s->r->mu_line[l];
	transport_prepare(&s->t, mu, &pass);
	transport_down(&pass, source, &down);
	transport_up(&pass, source, &up);
	for (size_t n = 0; n < N; n++) {
		flux[n] = 0;
		for (size_t i = 0; i < DIRS; i++)
			flux[n] += part * p->dir_weight[i] / 2 *
				   (down.at[n][i] + up.at[n][i]);
	}
	for (size_t i = 0; i < p->lines->n_shells; i++) {
		double by = p->lines->shell[i].by_line[l];
		double *made = s->r->produced + i * N;

		if (by <= 0)
			continue;
		for (size_t n = 0; n < N; n++)
			made[n] += by * flux[n];
	}
}

/* Own scatter of a line over what comes straight from it. */
struct sherman_own {
	double ray;
	double com[STEPS];
};

/* What one half of the sphere turns towards the detector, at the nodes. */
static void sherman_own_half(const struct sherman *s, double kev, int up,
			     const struct transport_field *field, double ray[N],
			     double com[STEPS][N])
{
	for (size_t i = 0; i < DIRS; i++) {
		double share = transport_share(&s->t, i), way[N];
		struct transport_turn t =
			transport_turn(&s->t, &s->t.to_exit[up][i], kev);

		for (size_t n = 0; n < N; n++)
			way[n] = share * field->at[n][i];
		for (size_t n = 0; n < N; n++)
			ray[n] += t.ray * way[n];
		for (size_t k = 0; k < STEPS; k++) {
			if (t.loss[k] <= 0)
				continue;
			for (size_t n = 0; n < N; n++)
				com[k][n] += t.loss[k] * way[n];
		}
	}
}

static struct sherman_own sherman_own_scatter(const struct sherman *s, size_t l)
{
	const struct line *line = &s->p->lines->line[l];
	const double *source = s->r->produced + line->shell * N;
	double mu = s->r->mu_line[l], kev = line->kev, here, direct;
	double ray[N] = { 0 }, com[STEPS][N] = { { 0 } }, same[DIRS];
	struct sherman_own own = { 0 };
	struct transport_pass pass;
	struct transport_field field;

	direct = transport_emerging(&s->t, source, mu);
	if (!(direct > 0))
		return own;
	for (size_t i = 0; i < DIRS; i++)
		same[i] = mu;
	transport_prepare(&s->t, same, &pass);
	transport_down(&pass, source, &field);
	sherman_own_half(s, kev, 0, &field, ray, com);
	transport_up(&pass, source, &field);
	sherman_own_half(s, kev, 1, &field, ray, com);
	own.ray = transport_emerging(&s->t, ray, mu) / direct;
	here = sherman_mu_at(s, kev);
	for (size_t k = 0; k < STEPS; k++) {
		double at = sherman_mu_at(s, physics_loss_kev(kev, k));

		own.com[k] = transport_emerging(&s->t, com[k], mu * at / here) /
			     direct;
	}
	return own;
}

/* The shell's lines; own scatter from the nearest of its strong ones. */
static void sherman_shell_lines(struct sherman *s, const struct line_shell *sh)
{
	const struct line *line = s->p->lines->line;
	const double *source =
		s->r->produced + (size_t)(line[sh->first].shell) * N;
	struct sherman_own own = { 0 };
	double own_kev = 0;

	for (size_t l = sh->first; l < sh->first + sh->n; l++) {
		double direct =
			transport_emerging(&s->t, source, s->r->mu_line[l]) *
			line[l].rate * s->p->eff_line[l];

		if (fabs(line[l].kev - own_kev) > 0.05 * line[l].kev &&
		    line[l].rate > 0.02) {
			own = sherman_own_scatter(s, l);
			own_kev = line[l].kev;
		}
		s->r->line[l] = direct * (1 + own.ray);
		s->r->own_rayleigh[l] = own.ray;
		for (size_t k = 0; k < STEPS; k++)
			s->r->own_compton[l * STEPS + k] = direct * own.com[k];
	}
}

static void sherman_lines(struct sherman *s)
{
	const struct lines *ls = s->p->lines;
	size_t exciter[PHYSICS_N_EXCITERS], n_exciters;

	linalg_multiply(ls->by_bin, s->r->beam, ls->n_shells,
			s->p->tube->n_bins, N, 0, s->r->produced);
	for (size_t i = 0; i < ls->n_shells; i++)
		s->r->enhancement[i] =
			transport_emerging(&s->t, s->r->produced + i * N,
					   s->r->mu_line[ls->shell[i].first]);
	linalg_multiply(ls->by_bin, s->r->scattered, ls->n_shells,
			s->p->tube->n_bins, N, 1, s->r->produced);
	n_exciters = sherman_pick_exciters(s, exciter);
	for (size_t i = 0; i < n_exciters; i++)
		sherman_excite(s, exciter[i]);
	for (size_t i = 0; i < ls->n_shells; i++) {
		double mu = s->r->mu_line[ls->shell[i].first];
		double all =
			transport_emerging(&s->t, s->r->produced + i * N, mu);

		if (s->r->enhancement[i] > 0)
			s->r->enhancement[i] = all / s->r->enhancement[i] - 1;
		sherman_shell_lines(s, &ls->shell[i]);
	}
}

/* Hapke's form of the H function at the sine of an angle. */
static double sherman_h(double albedo, double sine)
{
	return (1 + 2 * sine) / (1 + 2 * sine * sqrt(1 - albedo));
}

/* How much more is scattered by an angle than by that of a far detector. */
static void sherman_turn(struct sherman *s, double kev, double turn,
			 double *ray, double *com)
{
	double here[2], far[2];

	transport_scatter(&s->t, kev, turn, &here[0], &here[1]);
	transport_scatter(&s->t, kev, s->t.turn_far, &far[0], &far[1]);
	*ray *= far[0] > 0 ? here[0] / far[0] : 1;
	*com *= far[1] > 0 ? here[1] / far[1] : 1;
}

/*
 * Scatter of the tube. What of the continuum is scattered more than once is
 * in `multiple`, at its own energy; what of a line, is shared among elastic,
 * one loss and two losses as two independent steps would.
 */
static void sherman_scatter(struct sherman *s)
{
	const struct physics *p = s->p;
	double sin_out = sin(p->m->geometry.takeoff_deg * RAD);

	for (size_t b = 0; b < p->tube->n_bins; b++) {
		double mu = s->r->mu_bin[b], scat = s->r->scat_bin[b];
		double elastic = scat > 0 ? s->r->ray_all[b] / scat : 0;
		const double *beam = s->r->beam + b * N;
		struct transport_turned out;
		double more, ray, com;

		ray = 4 * M_PI * s->r->ray_mix[b] *
		      transport_emerging(&s->t, beam, mu);
		out = transport_emerging_turned(&s->t, beam, s->r->mu_shift[b]);
		com = 4 * M_PI * s->r->com_mix[b] * out.photons;
		sherman_turn(s, p->tube->kev[b], out.mean, &ray, &com);
		s->r->turn[b] = out.mean;
		if (b < p->tube->n_continuum) {
			s->r->ray[b] =
				(ray + p->air_ray[b] + s->r->multiple[b]) *
				p->eff_bin[b];
			s->r->com[b] = (com + p->air_com[b]) * p->eff_shift[b];
			continue;
		}
		more = sherman_h(scat / mu, s->t.sin_in) *
			       sherman_h(scat / mu, sin_out) -
		       1;
		more *= ray + com;
		ray += more * elastic * elastic;
		com += more * 2 * elastic * (1 - elastic);
		s->r->ray[b] = (ray + p->air_ray[b]) * p->eff_bin[b];
		s->r->com[b] = (com + p->air_com[b]) * p->eff_shift[b];
		s->r->com_twice[b] =
			more * (1 - elastic) * (1 - elastic) * p->eff_shift[b];
	}
}

/* Shares of a photon that are too small to be followed. */
#define LAND_LEAST 1e-6
void sherman_mix_momenta(struct sherman *s, size_t b)
{
	const struct physics *p = s->p;
	double *mean = s->r->slower;

	memset(mean, 0, DOPPLER_NODES * sizeof(*mean));
	for (size_t z = 0; z < p->n_z; z++) {
		const double *row = p->doppler->slower + z * DOPPLER_NODES;
		double part = s->w[z] * p->com[z * p->tube->n_bins + b];

		if (!(part > 0))
			continue;
		part /= s->r->com_mix[b];
		for (size_t k = 0; k < DOPPLER_NODES; k++)
			mean[k] += part * row[k];
	}
}

/* Lower by the turns that are more than that for a detector far away. */
static double sherman_shift(const struct sherman *s, size_t b, double turn)
{
	double kev = s->p->tube->kev[b] / MEC2_KEV;

	return s->p->tube->kev[b] *
	       (1 / (1 + kev * s->t.turn_far) - 1 / (1 + kev * turn));
}

/* Shares of a photon of bin b by bin, lower by some keV. */
static void sherman_lower(const struct sherman *s, size_t b, double lower,
			  double *to)
{
	const double *width = s->p->tube->width_kev;
	size_t first = s->p->doppler->first[b];
	const double *share = s->r->landed;

	memset(to, 0, (b + 2) * sizeof(*to));
	for (size_t i = first; i <= b; i++) {
		double at = (double)i - lower / width[i];
		size_t k = (size_t)fmax(at, 0);
		double f = at - (double)k;

		if (at < 0 || share[i - first] < LAND_LEAST)
			continue;
		to[k] += share[i - first] * (1 - f);
		to[k + 1] += share[i - first] * f;
	}
}

/* What of a beam comes out at the bins' energies, by the closed form. */
static WIDE void sherman_leave(const double *mu, double in, double per_out,
			       double areal, size_t n, double *ret)
{
	for (size_t i = 0; i < n; i++) {
		double x = in + mu[i] * per_out;

		ret[i] = (1 - transport_exp(-x * areal)) / x;
	}
}

/*
 * The continuum where it is seen. A photon is absorbed on its way out at the
 * energy that it really has, so what leaves is corrected from the place of
 * free electrons by the closed form for a flat sample.
 */
static void sherman_land(struct sherman *s)
{
	const struct physics *p = s->p;
	const struct tube *t = p->tube;
	double per_in = 1 / s->t.sin_in;
	double per_out = 1 / sin(p->m->geometry.takeoff_deg * RAD);
	double *to = s->r->continuum, *share = s->r->lowered;
	double *leaves = s->r->leaves;

	memcpy(to, s->r->ray, t->n_continuum * sizeof(*to));
	for (size_t b = 0; b < t->n_continuum; b++) {
		double in = s->r->mu_bin[b] * per_in, air = p->air_com[b];
		double sample, out;
		size_t first;

		if (b % SHERMAN_SAME_MOMENTA == 0)
			sherman_mix_momenta(s, b);
		if (!(s->r->com[b] > 0))
			continue;
		sherman_leave(&s->r->mu_shift[b], in, per_out, s->areal, 1,
			      &out);
		sample = (s->r->com[b] / p->eff_shift[b] - air) / out;
		doppler_land(p->doppler, b, s->r->slower, s->r->landed);
		sherman_lower(s, b, sherman_shift(s, b, s->r->turn[b]), share);
		for (first = 0; first < b && share[first] < LAND_LEAST;)
			first++;
		sherman_leave(s->r->mu_bin + first, in, per_out, s->areal,
			      b + 1 - first, leaves);
		for (size_t i = first; i <= b; i++)
			to[i] += (sample * leaves[i - first] + air) * share[i] *
				 p->eff_bin[i];
	}
}

/* The Compton peaks of the tube's K lines, each element with its profile. */
static void sherman_profiles(struct sherman *s)
{
	const struct physics *p = s->p;
	double *sum = s->r->com_profile;

	for (size_t k = 0; k < p->n_profile_points; k++)
		sum[k] = 0;
	for (size_t i = 0; i < p->n_profiles; i++) {
		size_t b = p->profile_bin[i];
		double all = s->r->com_mix[b];

		for (size_t z = 0; z < p->n_z && all > 0; z++) {
			const double *row =
				p->profile +
				(i * p->n_z + z) * p->n_profile_points;
			double part = s->w[z] *
				      p->com[z * p->tube->n_bins + b] / all *
				      s->r->com[b];

			if (part <= 0)
				continue;
			for (size_t k = 0; k < p->n_profile_points; k++)
				sum[k] += part * row[k];
		}
	}
}

void physics_compute(const struct physics *p, const double *w,
		     const struct physics_pellet *pellet,
		     struct physics_rates *ret)
{
	struct sherman s = {
		.p = p, .w = w, .r = ret, .areal = pellet->areal_g_cm2
	};
	size_t n_bins = p->tube->n_bins;

	transport_init(&s.t, p, pellet);
	sherman_mix(p->mu_bin, w, p->n_z, n_bins, ret->mu_bin);
	sherman_mix(p->mu_shift, w, p->n_z, n_bins, ret->mu_shift);
	sherman_mix(p->mu_line, w, p->n_z, p->lines->n, ret->mu_line);
	sherman_mix(p->ray, w, p->n_z, n_bins, ret->ray_mix);
	sherman_mix(p->com, w, p->n_z, n_bins, ret->com_mix);
	sherman_mix(p->ray_all, w, p->n_z, n_bins, ret->ray_all);
	sherman_mix(p->com_all, w, p->n_z, n_bins, ret->scat_bin);
	sherman_mix(p->form, w, p->n_z, PHYSICS_N_Q, s.t.form);
	sherman_mix(p->incoherent, w, p->n_z, PHYSICS_N_Q, s.t.incoherent);
	for (size_t b = 0; b < n_bins; b++)
		ret->scat_bin[b] += ret->ray_all[b];
	sherman_fill_beam(&s);
	sherman_scatter_beam(&s);
	sherman_lines(&s);
	sherman_scatter(&s);
	sherman_land(&s);
	sherman_profiles(&s);
}

int physics_rates_new(const struct physics *p, struct physics_rates **ret)
{
	CLEANUP(physics_rates_freep)
	struct physics_rates *r = calloc(1, sizeof(*r));
	size_t n_bins = p->tube->n_bins, n_lines = p->lines->n;

	if (!r)
		return -ENOMEM;
	struct {
		double **field;
		size_t n;
	} all[] = {
		{ &r->line, n_lines },
		{ &r->own_compton, n_lines * STEPS },
		{ &r->own_rayleigh, n_lines },
		{ &r->enhancement, p->lines->n_shells },
		{ &r->ray, n_bins },
		{ &r->com, n_bins },
		{ &r->continuum, n_bins },
		{ &r->slower, DOPPLER_NODES },
		{ &r->landed, n_bins + 1 },
		{ &r->lowered, n_bins + 2 },
		{ &r->leaves, n_bins },
		{ &r->turn, n_bins },
		{ &r->com_twice, n_bins },
		{ &r->com_profile, p->n_profile_points + 1 },
		{ &r->mu_bin, n_bins },
		{ &r->mu_shift, n_bins },
		{ &r->mu_line, n_lines },
		{ &r->ray_mix, n_bins },
		{ &r->com_mix, n_bins },
		{ &r->scat_bin, n_bins },
		{ &r->ray_all, n_bins },
		{ &r->multiple, n_bins },
		{ &r->fallen, n_bins },
		{ &r->taken, n_bins },
		{ &r->beam, n_bins * N },
		{ &r->scattered, n_bins * N },
		{ &r->twice, n_bins * N },
		{ &r->produced, p->lines->n_shells * N },
	};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		*all[i].field = calloc(all[i].n, sizeof(double));
		if (!*all[i].field)
			return -ENOMEM;
	}
	*ret = TAKE_PTR(r);
	return 0;
}

struct physics_rates *physics_rates_free(struct physics_rates *r)
{
	if (!r)
		return NULL;
	free(r->line);
	free(r->own_compton);
	free(r->own_rayleigh);
	free(r->enhancement);
	free(r->ray);
	free(r->com);
	free(r->continuum);
	free(r->slower);
	free(r->landed);
	free(r->lowered);
	free(r->leaves);
	free(r->turn);
	free(r->com_twice);
	free(r->com_profile);
	free(r->mu_bin);
	free(r->mu_shift);
	free(r->mu_line);
	free(r->ray_mix);
	free(r->com_mix);
	free(r->scat_bin);
	free(r->ray_all);
	free(r->multiple);
	free(r->fallen);
	free(r->taken);
	free(r->beam);
	free(r->scattered);
	free(r->twice);
	free(r->produced);
	free(r);
	return NULL;
}
