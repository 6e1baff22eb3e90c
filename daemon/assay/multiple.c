// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tube photons that were scattered in the sample, twice at most: what they
 * are at the nodes, and what leaves after one scatter more.
 */
#include "assay/sherman.h"

#include <math.h>
#include <string.h>

#define MEC2_KEV 510.999

enum {
	N = TRANSPORT_N,
	DIRS = TRANSPORT_DIRS,
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

/* One group of bins on its way. */
struct multiple {
	struct sherman *s;
	double *to; /* flux by bin and node */
	double kev;
	double mu;
	double source[N];
	double lossy[TRANSPORT_SUMS]; /* comes out of the beam, by step */
	bool is_beam;
	bool is_seen;
	struct transport_pass same; /* at the energy of the group */
	struct transport_pass less; /* behind a Compton scatter */
};

/* Adds a flux along the nodes at an energy, shared by the two bins beside. */
static void multiple_deposit(const struct multiple *m, double kev,
			     const double *flux)
{
	const struct tube *t = m->s->p->tube;
	struct sherman_place at = sherman_place(t, kev);
	double *low = m->to + at.low * N, *high = low + N;

	if (kev < t->kev[0])
		return;
	for (size_t n = 0; n < N; n++) {
		low[n] += (1 - at.f) * flux[n];
		high[n] += at.f * flux[n];
	}
}

static void multiple_come_out(const struct multiple *m, double kev,
			      double photons)
{
	const struct tube *t = m->s->p->tube;
	struct sherman_place at = sherman_place(t, kev);
	double *to = m->s->r->multiple + at.low;

	if (kev < t->kev[0])
		return;
	to[0] += photons * (1 - at.f);
	to[1] += photons * at.f;
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
			multiple_come_out(m, m->kev,
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

		multiple_come_out(m, kev[i], share * turn[i].ray * ray[i]);
		if (turn[i].kev >= s->p->tube->kev[0])
			multiple_come_out(m, turn[i].kev,
					  share * turn[i].com * com[i]);
	}
}

/* One half of the sphere: elastic at the group's energy, the rest at less. */
static void multiple_scatter_half(struct multiple *m, int up,
				  const struct transport_turn *turn)
{
	const struct sherman *s = m->s;
	void (*along)(const struct transport_pass *, const double *,
		      struct transport_field *) =
		up ? transport_up : transport_down;
	double same[DIRS], kev[DIRS], mu[DIRS], ray[DIRS], com[DIRS];
	double flux[N], lost[DIRS][N];
	struct transport_twice twice[DIRS];
	struct transport_field field;

	if (m->is_seen && m->is_beam) {
		for (size_t i = 0; i < DIRS; i++)
			transport_twice(&s->t, &s->t.pair[up][i], m->kev,
					&twice[i]);
	}

	for (size_t i = 0; i < DIRS; i++) {
		double share = transport_share(&s->t, i);

		same[i] = m->kev;
		mu[i] = m->mu;
		ray[i] = share * turn[i].ray;
		com[i] = share * turn[i].com;
	}
	if (!up)
		transport_prepare(&s->t, mu, &m->same);
	along(&m->same, m->source, &field);
	for (size_t n = 0; n < N; n++) {
		flux[n] = 0;
		for (size_t i = 0; i < DIRS; i++)
			flux[n] += ray[i] * field.at[n][i];
	}
	multiple_deposit(m, m->kev, flux);
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
	for (size_t n = 0; n < N; n++) {
		for (size_t i = 0; i < DIRS; i++)
			lost[i][n] = com[i] * field.at[n][i];
	}
	for (size_t i = 0; i < DIRS; i++)
		multiple_deposit(m, kev[i], lost[i]);
	if (m->is_seen && m->is_beam)
		multiple_emit_beam(m, true, twice, &field);
	else if (m->is_seen)
		multiple_emit(m, up, kev, mu, com, &field);
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
	struct multiple m = { .s = s, .to = to, .is_beam = is_beam };
	double whole = 0, ray = 0, com = 0;

	for (size_t b = first; b < last; b++) {
		double sum = 0;

		for (size_t n = 0; n < N; n++) {
			m.source[n] += from[b * N + n];
			sum += from[b * N + n] * s->t.seen[n];
		}
		whole += sum;
		m.kev += sum * t->kev[b];
		ray += sum * s->r->ray_all[b];
		com += sum * (s->r->scat_bin[b] - s->r->ray_all[b]);
	}
	if (!(whole > 0))
		return;
	m.kev /= whole;
	m.mu = sherman_mu_at(s, m.kev);
	/* A line's own peaks are in sherman_scatter(). */
	m.is_seen = first < t->n_continuum;
	for (int up = 0; up < 2; up++) {
		struct transport_turn turn[DIRS];

		for (size_t i = 0; i < DIRS; i++) {
			if (is_beam) {
				turn[i] = transport_turn(&s->t,
							 &s->t.from_beam[up][i],
							 m.kev);
				continue;
			}
			turn[i] = (struct transport_turn){
				.ray = ray / whole / (4 * M_PI),
				.com = com / whole / (4 * M_PI),
				.kev = m.kev / (1 + m.kev / MEC2_KEV),
			};
		}
		multiple_scatter_half(&m, up, turn);
	}
	for (size_t step = 0; step < TRANSPORT_SUMS; step++) {
		if (m.lossy[step] > 0)
			multiple_come_out(&m, transport_twice_kev(m.kev, step),
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

/*
 * Groups of bins scattered as one and landed on two bins each: spread over
 * the width of a group, twice, so that no comb as fine as a line is left.
 */
static void multiple_smooth(struct sherman *s)
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

void sherman_scatter_beam(struct sherman *s)
{
	size_t n_bins = s->p->tube->n_bins;

	memset(s->r->multiple, 0, n_bins * sizeof(double));
	multiple_scatter_once(s, s->r->beam, true, s->r->scattered);
	multiple_scatter_once(s, s->r->scattered, false, s->r->twice);
	for (size_t i = 0; i < n_bins * N; i++)
		s->r->scattered[i] += s->r->twice[i];
	multiple_smooth(s);
}
