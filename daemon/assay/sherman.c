// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rates of a composition from the tables of physics.c: the equations stand
 * at its top.
 */
#include "assay/physics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RAD (M_PI / 180)
#define MEC2_KEV 510.999

enum {
	N = PHYSICS_N_NODES,
	DIRS = PHYSICS_N_DIRS, /* of each half, down and up */
	AZIMUTHS = 8,
	COARSE = 4, /* bins of the continuum that scatter as one */
	STEPS = PHYSICS_N_LOSSES,
};

/* Largest attenuation that the nodes must follow, cm2/g. */
#define MU_TOP 4000
/* Contents below which an element's lines excite nothing. */
#define EXCITER_LEAST 1e-4

/* Angles, lengths and work of one call. */
struct sherman {
	const struct physics *p;
	const double *w;
	struct physics_rates *r;
	double sin_in;
	double depth[N]; /* g/cm2 */
	double seen[N]; /* weight of a node times solid angle over 4 pi */
	double out[N]; /* path to the surface over depth */
	double step[N + 1]; /* between nodes and to both surfaces */
	double form[PHYSICS_N_Q]; /* of the composition */
	double incoherent[PHYSICS_N_Q];
};

static void sherman_mix(const double *table, const double *w, size_t n_z,
			size_t n, double *ret)
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

double physics_mix(const struct physics *p, const double *table,
		   const double *w, size_t bin)
{
	double sum = 0;

	for (size_t i = 0; i < p->n_z; i++)
		sum += w[i] * table[i * p->tube->n_bins + bin];
	return sum;
}

/*
 * Nodes of the depth: Gauss and Legendre in a variable that is finer at the
 * surface, so that the same nodes serve a beam that ends in a micrometre and
 * one that passes.
 */
static void sherman_place_nodes(struct sherman *s,
				const struct physics_pellet *pellet)
{
	const struct method_geometry *g = &s->p->m->geometry;
	double a = log1p(MU_TOP * pellet->areal_g_cm2), before = 0;
	double grade = pellet->areal_g_cm2 / expm1(a);
	double far = cos(g->scatter_deg * RAD);
	double sin_out = sin(g->takeoff_deg * RAD);

	for (size_t n = 0; n < N; n++) {
		double x = s->p->node_at[n];
		double weight = s->p->node_weight[n] * grade * a * exp(a * x);
		double m = grade * expm1(a * x), r, d = g->distance_cm;
		double l = m / (pellet->density_g_cm3 * s->sin_in);

		r = sqrt(d * d + l * l - 2 * d * l * far);
		s->depth[n] = m;
		s->out[n] = r / (d * sin_out + l * s->sin_in);
		s->seen[n] = weight * g->detector_cm2 * (d - l * far) /
			     (r * r * r) / (4 * M_PI);
		s->step[n] = m - before;
		before = m;
	}
	s->step[N] = pellet->areal_g_cm2 - before;
}

/* Between which bins of the continuum an energy lies, and how far. */
struct sherman_place {
	size_t low;
	double f;
};

static struct sherman_place sherman_place(const struct sherman *s, double kev)
{
	const struct tube *t = s->p->tube;
	size_t low = 0, high = t->n_continuum - 1;
	double f;

	while (high - low > 1) {
		size_t mid = (low + high) / 2;

		if (t->kev[mid] <= kev)
			low = mid;
		else
			high = mid;
	}
	f = (kev - t->kev[low]) / (t->kev[high] - t->kev[low]);
	return (struct sherman_place){ low, fmax(0, fmin(f, 1)) };
}

static double sherman_mu_at(const struct sherman *s, double kev)
{
	struct sherman_place at = sherman_place(s, kev);
	const double *mu = s->r->mu_bin + at.low;

	return mu[0] + at.f * (mu[1] - mu[0]);
}

/* Adds a flux along the nodes at an energy, shared by the two bins beside. */
static void sherman_deposit(const struct sherman *s, double kev, double part,
			    const double *field, double *flux)
{
	struct sherman_place at = sherman_place(s, kev);
	double *low = flux + at.low * N, *high = low + N;

	if (kev < s->p->tube->kev[0])
		return;
	for (size_t n = 0; n < N; n++) {
		low[n] += part * (1 - at.f) * field[n];
		high[n] += part * at.f * field[n];
	}
}

/* Scatter of the composition, cm2/g/sr, by the cosine of the angle. */
static void sherman_differential(const struct sherman *s, double kev,
				 double cosine, double *ret_ray,
				 double *ret_com)
{
	double q = kev / PHYSICS_HC * sqrt(fmax(0, (1 - cosine) / 2));
	double at =
		log(fmax(q, PHYSICS_Q_LOW) / PHYSICS_Q_LOW) * s->p->q_per_log;
	size_t i = (size_t)fmin(at, PHYSICS_N_Q - 2);
	double f = fmin(at - (double)i, 1);
	double left = 1 / (1 + kev / MEC2_KEV * (1 - cosine));

	*ret_ray = (s->form[i] + f * (s->form[i + 1] - s->form[i])) *
		   physics_thomson(cosine);
	*ret_com = (s->incoherent[i] +
		    f * (s->incoherent[i + 1] - s->incoherent[i])) *
		   physics_klein_nishina(left, cosine);
}

/* What one scatter into or out of a direction does, mean over azimuth. */
struct sherman_turn {
	double ray;
	double com;
	double kev; /* behind the Compton scatter, mean */
	double loss[STEPS]; /* Compton by steps of 1 - cosine */
};

/* Between two directions by their cosines to the inward normal. */
static struct sherman_turn sherman_turn(const struct sherman *s, double kev,
					double from, double to)
{
	double side = sqrt((1 - from * from) * (1 - to * to));
	struct sherman_turn t = { 0 };

	for (int i = 0; i < AZIMUTHS; i++) {
		double cosine =
			from * to + side * cos(M_PI * (i + 0.5) / AZIMUTHS);
		size_t step = (size_t)((1 - cosine) * STEPS / 2);
		double ray, com;

		sherman_differential(s, kev, cosine, &ray, &com);
		t.ray += ray / AZIMUTHS;
		t.com += com / AZIMUTHS;
		t.kev += com / AZIMUTHS * kev /
			 (1 + kev / MEC2_KEV * (1 - cosine));
		t.loss[step < STEPS ? step : STEPS - 1] += com / AZIMUTHS;
	}
	t.kev = t.com > 0 ? t.kev / t.com : kev;
	return t;
}

/* Attenuation over one step and the shares of the sources at its ends. */
struct sherman_pass {
	double left;
	double near; /* of the end that is reached */
	double far;
};

static struct sherman_pass sherman_pass(double mu, double path)
{
	double tau = mu * path, left = exp(-tau), mean;

	if (tau < 1e-3)
		return (struct sherman_pass){ left, path * (0.5 - tau / 6),
					      path * (0.5 - tau / 3) };
	mean = (1 - left) / tau;
	return (struct sherman_pass){ left, (1 - mean) / mu,
				      (mean - left) / mu };
}

/*
 * Intensity along one direction from sources at the nodes, linear between
 * them: c dI/dm = source - mu I, from the surface where it comes in.
 */
static void sherman_down(const struct sherman *s, double mu, double cosine,
			 const double *source, double *ret)
{
	struct sherman_pass a = sherman_pass(mu, s->step[0] / cosine);

	ret[0] = source[0] * (a.near + a.far);
	for (size_t n = 1; n < N; n++) {
		a = sherman_pass(mu, s->step[n] / cosine);
		ret[n] = ret[n - 1] * a.left + source[n] * a.near +
			 source[n - 1] * a.far;
	}
}

static void sherman_up(const struct sherman *s, double mu, double cosine,
		       const double *source, double *ret)
{
	struct sherman_pass a = sherman_pass(mu, s->step[N] / cosine);

	ret[N - 1] = source[N - 1] * (a.near + a.far);
	for (size_t n = N - 1; n-- > 0;) {
		a = sherman_pass(mu, s->step[n + 1] / cosine);
		ret[n] = ret[n + 1] * a.left + source[n] * a.near +
			 source[n + 1] * a.far;
	}
}

static void sherman_along(const struct sherman *s, double mu, double cosine,
			  const double *source, double *ret)
{
	if (cosine > 0)
		sherman_down(s, mu, cosine, source, ret);
	else
		sherman_up(s, mu, -cosine, source, ret);
}

/* Directions: first down, then up; shares of the sphere. */
static double sherman_cosine(const struct sherman *s, size_t i)
{
	return i < DIRS ? s->p->dir_at[i] : -s->p->dir_at[i - DIRS];
}

static double sherman_share(const struct sherman *s, size_t i)
{
	return 4 * M_PI * s->p->dir_weight[i % DIRS] / 2;
}

/* The tube's beam at the nodes: flux over the sine, cm2 less. */
static void sherman_fill_beam(struct sherman *s)
{
	const struct tube *t = s->p->tube;

	for (size_t b = 0; b < t->n_bins; b++) {
		double mu = s->r->mu_bin[b] / s->sin_in;

		for (size_t n = 0; n < N; n++)
			s->r->beam[b * N + n] =
				t->flux[b] / s->sin_in * exp(-mu * s->depth[n]);
	}
}

static double sherman_emerging(const struct sherman *s, const double *source,
			       double mu)
{
	double sum = 0;

	for (size_t n = 0; n < N; n++)
		sum += s->seen[n] * source[n] *
		       exp(-mu * s->out[n] * s->depth[n]);
	return sum;
}

/* What a direction sends to the detector by one more scatter. */
static void sherman_emit(const struct sherman *s, double kev, double mu,
			 double part, double cosine, const double *field)
{
	double exit = -sin(s->p->m->geometry.takeoff_deg * RAD);
	struct sherman_turn t = sherman_turn(s, kev, cosine, exit);
	struct sherman_place at = sherman_place(s, kev);
	double *to = s->r->multiple + at.low, seen;

	seen = 4 * M_PI * part * t.ray * sherman_emerging(s, field, mu);
	to[0] += seen * (1 - at.f);
	to[1] += seen * at.f;
	if (t.kev < s->p->tube->kev[0])
		return;
	at = sherman_place(s, t.kev);
	to = s->r->multiple + at.low;
	seen = 4 * M_PI * part * t.com *
	       sherman_emerging(s, field, sherman_mu_at(s, t.kev));
	to[0] += seen * (1 - at.f);
	to[1] += seen * at.f;
}

/*
 * Scatters what some bins hold once more and adds it to `to`. The beam has a
 * direction; what was scattered before is taken as coming from all sides.
 */
static void sherman_scatter_group(struct sherman *s, const double *from,
				  size_t first, size_t last, bool is_beam,
				  double *to)
{
	const struct tube *t = s->p->tube;
	double source[N] = { 0 }, field[N], kev = 0, whole = 0;
	double ray = 0, com = 0, mu, less;
	/* A line's own peaks are in sherman_scatter(). */
	bool is_seen = first < t->n_continuum;

	for (size_t b = first; b < last; b++) {
		double sum = 0;

		for (size_t n = 0; n < N; n++) {
			source[n] += from[b * N + n];
			sum += from[b * N + n] * s->seen[n];
		}
		whole += sum;
		kev += sum * t->kev[b];
		ray += sum * s->r->ray_all[b];
		com += sum * (s->r->scat_bin[b] - s->r->ray_all[b]);
	}
	if (!(whole > 0))
		return;
	kev /= whole;
	mu = sherman_mu_at(s, kev);
	for (size_t i = 0; i < 2 * DIRS; i++) {
		double cosine = sherman_cosine(s, i);
		struct sherman_turn turn = {
			.ray = ray / whole / (4 * M_PI),
			.com = com / whole / (4 * M_PI),
			.kev = kev / (1 + kev / MEC2_KEV),
		};

		if (is_beam)
			turn = sherman_turn(s, kev, s->sin_in, cosine);
		turn.ray *= sherman_share(s, i);
		turn.com *= sherman_share(s, i);
		sherman_along(s, mu, cosine, source, field);
		sherman_deposit(s, kev, turn.ray, field, to);
		if (is_seen)
			sherman_emit(s, kev, mu, turn.ray, cosine, field);
		less = sherman_mu_at(s, turn.kev);
		sherman_along(s, less, cosine, source, field);
		sherman_deposit(s, turn.kev, turn.com, field, to);
		if (is_seen)
			sherman_emit(s, turn.kev, less, turn.com, cosine,
				     field);
	}
}

static void sherman_scatter_once(struct sherman *s, const double *from,
				 bool is_beam, double *to)
{
	const struct tube *t = s->p->tube;

	memset(to, 0, t->n_bins * N * sizeof(*to));
	for (size_t b = 0; b < t->n_continuum; b += COARSE)
		sherman_scatter_group(s, from, b,
				      b + COARSE < t->n_continuum
					      ? b + COARSE
					      : t->n_continuum,
				      is_beam, to);
	for (size_t b = t->n_continuum; is_beam && b < t->n_bins; b++)
		sherman_scatter_group(s, from, b, b + 1, is_beam, to);
}

/* Photons of a shell made at the nodes by a flux in the bins. */
static void sherman_produce(const struct sherman *s,
			    const struct line_shell *sh, const double *flux,
			    double *ret)
{
	for (size_t b = 0; b < s->p->tube->n_bins; b++) {
		double by = sh->by_bin[b];

		if (by <= 0)
			continue;
		for (size_t n = 0; n < N; n++)
			ret[n] += by * flux[b * N + n];
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
	double flux[N] = { 0 }, field[N];

	for (size_t i = 0; i < 2 * DIRS; i++) {
		sherman_along(s, s->r->mu_line[l], sherman_cosine(s, i), source,
			      field);
		for (size_t n = 0; n < N; n++)
			flux[n] +=
				part * p->dir_weight[i % DIRS] / 2 * field[n];
	}
	for (size_t i = 0; i < p->lines->n_shells; i++) {
		double by = p->lines->shell[i].by_line[l];

		if (by <= 0)
			continue;
		for (size_t n = 0; n < N; n++)
			s->r->produced[i * N + n] += by * flux[n];
	}
}

/* Own scatter of a line over what comes straight from it. */
struct sherman_own {
	double ray;
	double com[STEPS];
};

static struct sherman_own sherman_own_scatter(const struct sherman *s, size_t l)
{
	const struct line *line = &s->p->lines->line[l];
	const double *source = s->r->produced + line->shell * N;
	double mu = s->r->mu_line[l], kev = line->kev, here, direct;
	double exit = -sin(s->p->m->geometry.takeoff_deg * RAD);
	double field[N], ray[N] = { 0 }, com[STEPS][N] = { { 0 } };
	struct sherman_own own = { 0 };

	direct = sherman_emerging(s, source, mu);
	if (!(direct > 0))
		return own;
	for (size_t i = 0; i < 2 * DIRS; i++) {
		double cosine = sherman_cosine(s, i);
		struct sherman_turn t = sherman_turn(s, kev, cosine, exit);
		double share = sherman_share(s, i);

		sherman_along(s, mu, cosine, source, field);
		for (size_t n = 0; n < N; n++)
			ray[n] += share * t.ray * field[n];
		for (size_t k = 0; k < STEPS; k++) {
			if (t.loss[k] <= 0)
				continue;
			for (size_t n = 0; n < N; n++)
				com[k][n] += share * t.loss[k] * field[n];
		}
	}
	own.ray = sherman_emerging(s, ray, mu) / direct;
	here = sherman_mu_at(s, kev);
	for (size_t k = 0; k < STEPS; k++) {
		double at = sherman_mu_at(s, physics_loss_kev(kev, k));

		own.com[k] =
			sherman_emerging(s, com[k], mu * at / here) / direct;
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
		double direct = sherman_emerging(s, source, s->r->mu_line[l]) *
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

	memset(s->r->produced, 0, ls->n_shells * N * sizeof(double));
	for (size_t i = 0; i < ls->n_shells; i++) {
		double *made = s->r->produced + i * N;
		double mu = s->r->mu_line[ls->shell[i].first];

		sherman_produce(s, &ls->shell[i], s->r->beam, made);
		s->r->enhancement[i] = sherman_emerging(s, made, mu);
		sherman_produce(s, &ls->shell[i], s->r->scattered, made);
	}
	n_exciters = sherman_pick_exciters(s, exciter);
	for (size_t i = 0; i < n_exciters; i++)
		sherman_excite(s, exciter[i]);
	for (size_t i = 0; i < ls->n_shells; i++) {
		double mu = s->r->mu_line[ls->shell[i].first];
		double all = sherman_emerging(s, s->r->produced + i * N, mu);

		if (s->r->enhancement[i] > 0)
			s->r->enhancement[i] = all / s->r->enhancement[i] - 1;
		sherman_shell_lines(s, &ls->shell[i]);
	}
}

/*
 * Groups of bins scattered as one and landed on two bins each: spread over
 * the width of a group, twice, so that no comb as fine as a line is left.
 */
static void sherman_smooth_multiple(struct sherman *s)
{
	const struct tube *t = s->p->tube;
	double *multiple = s->r->multiple, *density = s->r->twice;
	size_t n = t->n_continuum;

	for (int turn = 0; turn < 2; turn++) {
		for (size_t b = 0; b < n; b++)
			density[b] = multiple[b] / t->width_kev[b];
		for (size_t b = 0; b < n; b++) {
			size_t low = b < COARSE ? 0 : b - COARSE;
			size_t high = b + COARSE < n ? b + COARSE : n - 1;
			double sum = 0;

			for (size_t i = low; i <= high; i++)
				sum += density[i];
			multiple[b] = sum / (double)(high - low + 1) *
				      t->width_kev[b];
		}
	}
}

/* Hapke's form of the H function at the sine of an angle. */
static double sherman_h(double albedo, double sine)
{
	return (1 + 2 * sine) / (1 + 2 * sine * sqrt(1 - albedo));
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
		double more, ray, com;

		ray = 4 * M_PI * physics_mix(p, p->ray, s->w, b) *
		      sherman_emerging(s, beam, mu);
		com = 4 * M_PI * physics_mix(p, p->com, s->w, b) *
		      sherman_emerging(s, beam, s->r->mu_shift[b]);
		if (b < p->tube->n_continuum) {
			s->r->ray[b] =
				(ray + p->air_ray[b] + s->r->multiple[b]) *
				p->eff_bin[b];
			s->r->com[b] = (com + p->air_com[b]) * p->eff_shift[b];
			continue;
		}
		more = sherman_h(scat / mu, s->sin_in) *
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

/* The Compton peaks of the tube's K lines, each element with its profile. */
static void sherman_profiles(struct sherman *s)
{
	const struct physics *p = s->p;
	double *sum = s->r->com_profile;

	for (size_t k = 0; k < p->n_profile_points; k++)
		sum[k] = 0;
	for (size_t i = 0; i < p->n_profiles; i++) {
		size_t b = p->profile_bin[i];
		double all = physics_mix(p, p->com, s->w, b);

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

/* Where the beam comes in, in a sample so thick; closed form. */
static double sherman_slab(double mu_in, double mu_out, double areal)
{
	double x = mu_in + mu_out;

	return x * areal > 30 ? 1 / x : -expm1(-x * areal) / x;
}

void physics_scatter(const struct physics *p, const double *w,
		     const struct physics_pellet *pellet,
		     struct physics_rates *ret)
{
	const struct method_geometry *g = &p->m->geometry;
	double sin_in = sin(g->incidence_deg * RAD);
	double sin_out = sin(g->takeoff_deg * RAD);
	double seen = g->detector_cm2 / (g->distance_cm * g->distance_cm);

	sherman_mix(p->mu_bin, w, p->n_z, p->tube->n_bins, ret->mu_bin);
	sherman_mix(p->mu_shift, w, p->n_z, p->tube->n_bins, ret->mu_shift);
	for (size_t b = 0; b < p->tube->n_bins; b++) {
		double flux = p->tube->flux[b] * seen / sin_in;
		double in = ret->mu_bin[b] / sin_in;

		ret->ray[b] =
			(flux * physics_mix(p, p->ray, w, b) *
				 sherman_slab(in, ret->mu_bin[b] / sin_out,
					      pellet->areal_g_cm2) +
			 p->air_ray[b]) *
			p->eff_bin[b];
		ret->com[b] =
			(flux * physics_mix(p, p->com, w, b) *
				 sherman_slab(in, ret->mu_shift[b] / sin_out,
					      pellet->areal_g_cm2) +
			 p->air_com[b]) *
			p->eff_shift[b];
		ret->com_twice[b] = 0;
	}
}

double physics_primary(const struct physics *p, const double *w,
		       const struct physics_pellet *pellet, size_t line,
		       const struct physics_rates *r)
{
	const struct line_shell *sh =
		&p->lines->shell[p->lines->line[line].shell];
	const struct method_geometry *g = &p->m->geometry;
	double sin_in = sin(g->incidence_deg * RAD), mu_out = 0, sum = 0;

	for (size_t i = 0; i < p->n_z; i++)
		mu_out += w[i] * p->mu_line[i * p->lines->n + line];
	mu_out /= sin(g->takeoff_deg * RAD);
	for (size_t b = 0; b < p->tube->n_bins; b++) {
		if (sh->by_bin[b] > 0)
			sum += p->tube->flux[b] * sh->by_bin[b] *
			       sherman_slab(r->mu_bin[b] / sin_in, mu_out,
					    pellet->areal_g_cm2);
	}
	return sum;
}

void physics_compute(const struct physics *p, const double *w,
		     const struct physics_pellet *pellet,
		     struct physics_rates *ret)
{
	const struct method_geometry *g = &p->m->geometry;
	struct sherman s = {
		.p = p, .w = w, .r = ret, .sin_in = sin(g->incidence_deg * RAD)
	};
	size_t n_bins = p->tube->n_bins;

	sherman_place_nodes(&s, pellet);
	sherman_mix(p->mu_bin, w, p->n_z, n_bins, ret->mu_bin);
	sherman_mix(p->mu_shift, w, p->n_z, n_bins, ret->mu_shift);
	sherman_mix(p->mu_line, w, p->n_z, p->lines->n, ret->mu_line);
	sherman_mix(p->ray_all, w, p->n_z, n_bins, ret->ray_all);
	sherman_mix(p->com_all, w, p->n_z, n_bins, ret->scat_bin);
	sherman_mix(p->form, w, p->n_z, PHYSICS_N_Q, s.form);
	sherman_mix(p->incoherent, w, p->n_z, PHYSICS_N_Q, s.incoherent);
	for (size_t b = 0; b < n_bins; b++)
		ret->scat_bin[b] += ret->ray_all[b];
	memset(ret->multiple, 0, n_bins * sizeof(double));
	sherman_fill_beam(&s);
	sherman_scatter_once(&s, ret->beam, true, ret->scattered);
	sherman_scatter_once(&s, ret->scattered, false, ret->twice);
	for (size_t i = 0; i < n_bins * N; i++)
		ret->scattered[i] += ret->twice[i];
	sherman_smooth_multiple(&s);
	sherman_lines(&s);
	sherman_scatter(&s);
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
		{ &r->com_twice, n_bins },
		{ &r->com_profile, p->n_profile_points + 1 },
		{ &r->mu_bin, n_bins },
		{ &r->mu_shift, n_bins },
		{ &r->mu_line, n_lines },
		{ &r->scat_bin, n_bins },
		{ &r->ray_all, n_bins },
		{ &r->multiple, n_bins },
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
	free(r->com_twice);
	free(r->com_profile);
	free(r->mu_bin);
	free(r->mu_shift);
	free(r->mu_line);
	free(r->scat_bin);
	free(r->ray_all);
	free(r->multiple);
	free(r->beam);
	free(r->scattered);
	free(r->twice);
	free(r->produced);
	free(r);
	return NULL;
}
