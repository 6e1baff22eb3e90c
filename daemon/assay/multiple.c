// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tube photons that were scattered in the sample, twice at most: what they
 * are at the nodes, and what leaves after one scatter more.
 */
#include "assay/sherman.h"

#include <math.h>
#include <string.h>

#define MEC2_KEV 510.999

/* Energies up to this factor higher share their pairs of turns. */
#define PAIRS_FOR 1.25

enum {
	N = TRANSPORT_N,
	DIRS = TRANSPORT_DIRS,
	STEPS = TRANSPORT_STEPS,
	COARSE = 4, /* bins of the continuum that scatter as one */
};

struct sherman_place sherman_place(const struct tube *t, double kev)
{
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
	return (struct sherman_place){ low, f > 0 ? f < 1 ? f : 1 : 0 };
}

double sherman_mu_at(const struct sherman *s, double kev)
{
	struct sherman_place at = sherman_place(s->p->tube, kev);
	const double *mu = s->r->mu_bin + at.low;

	return mu[0] + at.f * (mu[1] - mu[0]);
}

/* Energy of a photon behind a loss by 1 - cosine. */
static double multiple_behind(double kev, double turn)
{
	return kev / (1 + kev / MEC2_KEV * turn);
}

/* The reverse. */
static double multiple_turn(double before, double behind)
{
	return (before / behind - 1) * MEC2_KEV / before;
}

/* One group of bins on its way. */
struct multiple {
	struct sherman *s;
	double *to; /* flux by bin and node */
	size_t first; /* bins of the group */
	size_t n;
	double part[COARSE]; /* of the group's photons, by bin */
	double kev;
	double mu;
	double source[N];
	double same_flux[N]; /* scattered without loss */
	double fallen[STEPS][N]; /* by a Compton scatter, by step of the loss */
	double lossy[TRANSPORT_SUMS]; /* comes out of the beam, by step */
	bool is_beam;
	bool is_seen;
	struct transport_pass same; /* at the energy of the group */
	struct transport_pass less; /* behind a Compton scatter */
};

/* Adds a flux along the nodes at an energy, shared by the two bins beside. */
static void multiple_deposit(const struct multiple *m, double kev, double part,
			     const double *flux)
{
	const struct tube *t = m->s->p->tube;
	struct sherman_place at = sherman_place(t, kev);
	double *low = m->to + at.low * N, *high = low + N;
	double above = part * at.f, below = part - above;

	if (kev < t->kev[0])
		return;
	for (size_t n = 0; n < N; n++) {
		low[n] += below * flux[n];
		high[n] += above * flux[n];
	}
}

/* Comes out with the energy it had, each bin of the group for itself. */
static void multiple_come_out(const struct multiple *m, double photons)
{
	for (size_t i = 0; i < m->n; i++)
		m->s->r->multiple[m->first + i] += photons * m->part[i];
}

/*
 * Comes out behind a loss by `turn`: with the square of the momentum that the
 * electrons took, by which their own motion will blur it.
 */
static void multiple_come_less(const struct multiple *m, double turn,
			       double photons)
{
	const struct physics_rates *r = m->s->r;
	const struct tube *t = m->s->p->tube;
	double kev = multiple_behind(m->kev, turn), above, taken;
	struct sherman_place at = sherman_place(t, kev);

	if (kev < t->kev[0])
		return;
	above = photons * at.f;
	photons -= above;
	taken = doppler_taken(m->kev, kev, 1 - turn);
	r->fallen[at.low] += photons;
	r->fallen[at.low + 1] += above;
	r->taken[at.low] += photons * taken;
	r->taken[at.low + 1] += above * taken;
}

/*
 * Out of the beam by two turns, each azimuth at its own energy: at the mean of
 * a direction the end of the tube's spectrum would come out as many edges, and
 * what goes on almost straight would lose as much as what turns back.
 */
static void multiple_emit_beam(struct multiple *m, bool is_lossy,
			       const struct transport_twice twice[DIRS],
			       const struct transport_field *field)
{
	const struct sherman *s = m->s;
	double mu[DIRS], out[DIRS], share[DIRS];

	for (size_t i = 0; i < DIRS; i++) {
		share[i] = 4 * M_PI * transport_share(&s->t, i);
		mu[i] = m->mu;
	}
	if (!is_lossy) {
		transport_emerging_field(&s->t, field, mu, out);
		for (size_t i = 0; i < DIRS; i++)
			multiple_come_out(m,
					  share[i] * twice[i].ray_ray * out[i]);
	}
	for (int k = 0; k < TRANSPORT_N_WAYS; k++) {
		if ((k != TRANSPORT_RAY_COM) != is_lossy)
			continue;
		for (size_t i = 0; i < DIRS; i++)
			mu[i] = sherman_mu_at(s, twice[i].kev[k]);
		transport_emerging_field(&s->t, field, mu, out);
		for (size_t i = 0; i < DIRS; i++) {
			const double *part = twice[i].lossy[k];
			double here = share[i] * out[i];

			for (size_t step = 0; step < TRANSPORT_SUMS; step++)
				m->lossy[step] += here * part[step];
		}
	}
}

/* What directions send to the detector by one more scatter each. */
static void multiple_emit(const struct multiple *m, int up,
			  const double kev[DIRS], const double mu[DIRS],
			  const double part[DIRS],
			  const struct transport_field *field)
{
	const struct sherman *s = m->s;
	struct transport_turn turn[DIRS];
	double less[DIRS], ray[DIRS], com[DIRS];

	for (size_t i = 0; i < DIRS; i++) {
		turn[i] = transport_turn(&s->t, &s->t.to_exit[up][i], kev[i]);
		less[i] = sherman_mu_at(s, turn[i].kev);
	}
	transport_emerging_field(&s->t, field, mu, ray);
	transport_emerging_field(&s->t, field, less, com);
	for (size_t i = 0; i < DIRS; i++) {
		double share = 4 * M_PI * part[i];

		if (kev[i] < m->kev)
			multiple_come_less(m, multiple_turn(m->kev, kev[i]),
					   share * turn[i].ray * ray[i]);
		else
			multiple_come_out(m, share * turn[i].ray * ray[i]);
		multiple_come_less(m, multiple_turn(m->kev, turn[i].kev),
				   share * turn[i].com * com[i]);
	}
}

/* Passes at the group's energy, and pairs when the last are of one too low. */
static void multiple_prepare(struct multiple *m, const double mu[DIRS])
{
	struct sherman *s = m->s;

	transport_prepare(&s->t, mu, &m->same);
	if (!m->is_seen || !m->is_beam || m->kev < PAIRS_FOR * s->pairs_kev)
		return;
	transport_set_pairs(&s->t, &m->same, m->source, m->mu);
	s->pairs_kev = m->kev;
}

/* One half of the sphere: elastic at the group's energy, the rest at less. */
static void multiple_scatter_half(struct multiple *m, int up,
				  const struct transport_turn *turn)
{
	struct sherman *s = m->s;
	void (*along)(const struct transport_pass *, const double *,
		      struct transport_field *) =
		up ? transport_up : transport_down;
	double same[DIRS], kev[DIRS], mu[DIRS], ray[DIRS], com[DIRS];
	struct transport_twice twice[DIRS];
	struct transport_field field;

	for (size_t i = 0; i < DIRS; i++) {
		double share = transport_share(&s->t, i);

		same[i] = m->kev;
		mu[i] = m->mu;
		ray[i] = share * turn[i].ray;
		com[i] = share * turn[i].com;
	}
	if (!up)
		multiple_prepare(m, mu);
	if (m->is_seen && m->is_beam) {
		for (size_t i = 0; i < DIRS; i++)
			transport_twice(&s->t, &s->t.pair[up][i], m->kev,
					&twice[i]);
	}
	along(&m->same, m->source, &field);
	for (size_t n = 0; n < N; n++) {
		for (size_t i = 0; i < DIRS; i++)
			m->same_flux[n] += ray[i] * field.at[n][i];
	}
	if (m->is_seen && m->is_beam)
		multiple_emit_beam(m, false, twice, &field);
	else if (m->is_seen)
		multiple_emit(m, up, same, mu, ray, &field);

	for (size_t i = 0; i < DIRS; i++) {
		kev[i] = turn[i].kev;
		mu[i] = sherman_mu_at(s, kev[i]);
	}
	/* From all sides, the loss is the same into all directions. */
	if (!up || m->is_beam)
		transport_prepare(&s->t, mu, &m->less);
	along(&m->less, m->source, &field);
	for (size_t i = 0; i < DIRS; i++) {
		double share = transport_share(&s->t, i);

		for (size_t k = 0; k < STEPS; k++) {
			double part = share * turn[i].loss[k];

			if (!(part > 0))
				continue;
			for (size_t n = 0; n < N; n++)
				m->fallen[k][n] += part * field.at[n][i];
		}
	}
	if (m->is_seen && m->is_beam)
		multiple_emit_beam(m, true, twice, &field);
	else if (m->is_seen)
		multiple_emit(m, up, kev, mu, com, &field);
}

/* Out of all directions into all: every cosine of the turn is as likely. */
static struct transport_turn multiple_any_turn(const struct multiple *m,
					       double ray, double com)
{
	struct transport_turn ret = { .ray = ray };
	double sum = 0, mean = 0;

	for (size_t k = 0; k < STEPS; k++) {
		double elastic, turn = 2 * ((double)k + 0.5) / STEPS;

		transport_scatter(&m->s->t, m->kev, turn, &elastic,
				  &ret.loss[k]);
		sum += ret.loss[k];
		mean += ret.loss[k] * multiple_behind(m->kev, turn);
	}
	for (size_t k = 0; k < STEPS && sum > 0; k++)
		ret.loss[k] *= com / sum;
	ret.com = com;
	ret.kev = sum > 0 ? mean / sum : m->kev;
	return ret;
}

/*
 * Scatters the photons of bins `first` to `last`, which are at the nodes in
 * `from`. The beam has a direction; what was scattered before is taken as
 * even over the sphere.
 */
static void multiple_scatter_group(struct sherman *s, const double *from,
				   size_t first, size_t last, bool is_beam,
				   double *to)
{
	const struct tube *t = s->p->tube;
	struct multiple m = { .s = s,
			      .to = to,
			      .first = first,
			      .n = last - first,
			      .is_beam = is_beam };
	double whole = 0, ray = 0, com = 0;

	for (size_t b = first; b < last; b++) {
		double sum = 0;

		for (size_t n = 0; n < N; n++) {
			m.source[n] += from[b * N + n];
			sum += from[b * N + n] * s->t.seen[n];
		}
		m.part[b - first] = sum;
		whole += sum;
		m.kev += sum * t->kev[b];
		ray += sum * s->r->ray_all[b];
		com += sum * (s->r->scat_bin[b] - s->r->ray_all[b]);
	}
	if (!(whole > 0))
		return;
	for (size_t i = 0; i < m.n; i++)
		m.part[i] /= whole;
	m.kev /= whole;
	m.mu = sherman_mu_at(s, m.kev);
	/* A line's own peaks are in sherman_scatter(). */
	m.is_seen = first < t->n_continuum;
	for (int up = 0; up < 2; up++) {
		struct transport_turn turn[DIRS];

		for (size_t i = 0; i < DIRS; i++)
			turn[i] =
				is_beam ? transport_turn(&s->t,
							 &s->t.from_beam[up][i],
							 m.kev)
					: multiple_any_turn(
						  &m, ray / whole / (4 * M_PI),
						  com / whole / (4 * M_PI));
		multiple_scatter_half(&m, up, turn);
	}
	for (size_t i = 0; i < m.n; i++)
		multiple_deposit(&m, t->kev[first + i], m.part[i], m.same_flux);
	for (size_t k = 0; k < STEPS; k++)
		multiple_deposit(&m, physics_loss_kev(m.kev, k), 1,
				 m.fallen[k]);
	for (size_t step = 0; step < TRANSPORT_SUMS; step++) {
		if (m.lossy[step] > 0)
			multiple_come_less(&m, transport_sum(step),
					   m.lossy[step]);
	}
}

static void multiple_scatter_once(struct sherman *s, const double *from,
				  bool is_beam, double *to)
{
	const struct tube *t = s->p->tube;

	memset(to, 0, t->n_bins * N * sizeof(*to));
	for (size_t b = 0; b < t->n_continuum; b += COARSE)
		multiple_scatter_group(s, from, b,
				       b + COARSE < t->n_continuum
					       ? b + COARSE
					       : t->n_continuum,
				       is_beam, to);
	for (size_t b = t->n_continuum; is_beam && b < t->n_bins; b++)
		multiple_scatter_group(s, from, b, b + 1, is_beam, to);
}

/* What lost energy to electrons in motion is spread by their momenta. */
static void multiple_spread(struct sherman *s)
{
	const struct physics *p = s->p;
	struct physics_rates *r = s->r;

	for (size_t b = 0; b < p->tube->n_continuum; b++) {
		if (b % SHERMAN_SAME_MOMENTA == 0)
			sherman_mix_momenta(s, b);
		if (r->fallen[b] > 0 && r->taken[b] > 0)
			doppler_spread(p->doppler, p->tube, b, r->slower,
				       sqrt(r->taken[b] / r->fallen[b]),
				       r->fallen[b], r->multiple);
	}
}

void sherman_scatter_beam(struct sherman *s)
{
	size_t n_bins = s->p->tube->n_bins;

	memset(s->r->multiple, 0, n_bins * sizeof(double));
	memset(s->r->fallen, 0, n_bins * sizeof(double));
	memset(s->r->taken, 0, n_bins * sizeof(double));
	multiple_scatter_once(s, s->r->beam, true, s->r->scattered);
	multiple_scatter_once(s, s->r->scattered, false, s->r->twice);
	for (size_t i = 0; i < n_bins * N; i++)
		s->r->scattered[i] += s->r->twice[i];
	multiple_spread(s);
}
