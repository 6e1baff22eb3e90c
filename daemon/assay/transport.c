// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Photons inside the pellet.
 *
 * Loops run over nodes or directions, whose number is constant, without a
 * branch, so that the compiler takes several at once; hence also an
 * exponential of our own. Its error is 3e-16 of itself.
 */
#include "assay/transport.h"

#include <math.h>
#include <string.h>

#include "base/wide.h"

#define RAD (M_PI / 180)
#define MEC2_KEV 510.999

enum {
	N = TRANSPORT_N,
	DIRS = TRANSPORT_DIRS,
	AZIMUTHS = TRANSPORT_AZIMUTHS,
	STEPS = TRANSPORT_STEPS,
	CIRCLE = TRANSPORT_CIRCLE,
	SUMS = TRANSPORT_SUMS,
};

/* Largest attenuation that the nodes must follow, cm2/g. */
#define MU_TOP 4000

WIDE void transport_decay(const double path[N], double mu, double ret[N])
{
	for (size_t n = 0; n < N; n++)
		ret[n] = transport_exp(-mu * path[n]);
}

WIDE double transport_emerging(const struct transport *t,
			       const double source[N], double mu)
{
	double part[N], sum[4] = { 0 };

	for (size_t n = 0; n < N; n++)
		part[n] = t->seen[n] * source[n] *
			  transport_exp(-mu * t->exit[n]);
	for (size_t n = 0; n < N; n += 4) {
		for (size_t i = 0; i < 4; i++)
			sum[i] += part[n + i];
	}
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

WIDE struct transport_turned
transport_emerging_turned(const struct transport *t, const double source[N],
			  double mu)
{
	double sum = 0, mean = 0, part[N];

	for (size_t n = 0; n < N; n++)
		part[n] = t->seen[n] * source[n] *
			  transport_exp(-mu * t->exit[n]);
	for (size_t n = 0; n < N; n++) {
		sum += part[n];
		mean += part[n] * (t->turn[n] - t->turn_far);
	}
	return (struct transport_turned){
		sum, t->turn_far + (sum > 0 ? mean / sum : 0)
	};
}

WIDE void transport_emerging_field(const struct transport *t,
				   const struct transport_field *field,
				   const double mu[DIRS], double ret[DIRS])
{
	double sum[DIRS] = { 0 };

	for (size_t n = 0; n < N; n++) {
		double exit = t->exit[n], seen = t->seen[n];

		for (size_t i = 0; i < DIRS; i++)
			sum[i] += seen * field->at[n][i] *
				  transport_exp(-mu[i] * exit);
	}
	memcpy(ret, sum, sizeof(sum));
}

WIDE void transport_prepare(const struct transport *t, const double mu[DIRS],
			    struct transport_pass *ret)
{
	double per_cosine[DIRS], per_mu[DIRS];

	for (size_t i = 0; i < DIRS; i++) {
		per_cosine[i] = 1 / t->p->dir_at[i];
		per_mu[i] = 1 / mu[i];
	}
	for (size_t n = 0; n <= N; n++) {
		for (size_t i = 0; i < DIRS; i++) {
			double path = t->step[n] * per_cosine[i];
			double tau = mu[i] * path;
			double left = transport_exp(-tau);
			double mean = (1 - left) / tau;
			double near = (1 - mean) * per_mu[i];
			double far = (mean - left) * per_mu[i];

			/* Where the differences would lose their digits. */
			ret->left[n][i] = left;
			ret->near[n][i] =
				tau < 1e-3 ? path * (0.5 - tau / 6) : near;
			ret->far[n][i] =
				tau < 1e-3 ? path * (0.5 - tau / 3) : far;
		}
	}
}

WIDE void transport_down(const struct transport_pass *a, const double source[N],
			 struct transport_field *ret)
{
	double here[DIRS];

	for (size_t i = 0; i < DIRS; i++) {
		here[i] = source[0] * (a->near[0][i] + a->far[0][i]);
		ret->at[0][i] = here[i];
	}
	for (size_t n = 1; n < N; n++) {
		for (size_t i = 0; i < DIRS; i++) {
			here[i] = here[i] * a->left[n][i] +
				  source[n] * a->near[n][i] +
				  source[n - 1] * a->far[n][i];
			ret->at[n][i] = here[i];
		}
	}
}

WIDE void transport_up(const struct transport_pass *a, const double source[N],
		       struct transport_field *ret)
{
	double here[DIRS];

	for (size_t i = 0; i < DIRS; i++) {
		here[i] = source[N - 1] * (a->near[N][i] + a->far[N][i]);
		ret->at[N - 1][i] = here[i];
	}
	for (size_t n = N - 1; n-- > 0;) {
		for (size_t i = 0; i < DIRS; i++) {
			here[i] = here[i] * a->left[n + 1][i] +
				  source[n] * a->near[n + 1][i] +
				  source[n + 1] * a->far[n + 1][i];
			ret->at[n][i] = here[i];
		}
	}
}

double transport_share(const struct transport *t, size_t i)
{
	return 4 * M_PI * t->p->dir_weight[i] / 2;
}

double transport_sum(size_t step)
{
	return 4 * ((double)step + 0.5) / SUMS;
}

/* Where the tables are read for a photon, but for the angle's part. */
static double transport_at(const struct transport *t, double kev)
{
	return log(kev / (PHYSICS_HC * PHYSICS_Q_LOW)) * t->p->q_per_log;
}

void transport_scatter(const struct transport *t, double kev, double turn,
		       double *ret_ray, double *ret_com)
{
	double at =
		transport_at(t, kev) + 0.5 * log(turn / 2) * t->p->q_per_log;
	double left = 1 / (1 + kev / MEC2_KEV * turn), f;
	size_t k;

	at = fmax(0, fmin(at, PHYSICS_N_Q - 1));
	k = at < PHYSICS_N_Q - 2 ? (size_t)at : PHYSICS_N_Q - 2;
	f = at - (double)k;
	*ret_ray = (t->form[k] + f * (t->form[k + 1] - t->form[k])) *
		   physics_thomson(1 - turn);
	*ret_com = (t->incoherent[k] +
		    f * (t->incoherent[k + 1] - t->incoherent[k])) *
		   physics_klein_nishina(left, 1 - turn);
}

WIDE struct transport_turn transport_turn(const struct transport *t,
					  const struct transport_angle *angle,
					  double kev)
{
	double ray[AZIMUTHS], com[AZIMUTHS], left[AZIMUTHS];
	double base = transport_at(t, kev), sum = 0;
	struct transport_turn ret = { 0 };

	for (size_t i = 0; i < AZIMUTHS; i++) {
		double turn = angle->turn[i], cosine = 1 - turn;

		left[i] = 1 / (1 + kev / MEC2_KEV * turn);
		/* Klein and Nishina, see physics_klein_nishina(). */
		com[i] = left[i] *
			 (left[i] * left[i] + 1 - left[i] +
			  left[i] * cosine * cosine) /
			 2;
	}
	for (size_t i = 0; i < AZIMUTHS; i++) {
		double at = base + angle->at[i], f;
		size_t k;

		at = at > 0 ? at : 0;
		k = at < PHYSICS_N_Q - 2 ? (size_t)at : PHYSICS_N_Q - 2;
		f = at - (double)k;
		f = f < 1 ? f : 1;
		ray[i] = (t->form[k] + f * (t->form[k + 1] - t->form[k])) *
			 angle->thomson[i] / AZIMUTHS;
		com[i] *= (t->incoherent[k] +
			   f * (t->incoherent[k + 1] - t->incoherent[k])) /
			  AZIMUTHS;
	}
	for (size_t i = 0; i < AZIMUTHS; i++) {
		ret.ray += ray[i];
		ret.com += com[i];
		sum += com[i] * left[i];
		ret.loss[angle->loss[i]] += com[i];
	}
	ret.kev = ret.com > 0 ? kev * sum / ret.com : kev;
	return ret;
}

/* Cross sections by one of two turns, azimuth by azimuth. */
struct transport_row {
	double ray[CIRCLE];
	double com[CIRCLE];
	double left[CIRCLE];
};

/* `before` is what an earlier loss has left of the energy; or NULL. */
static WIDE void transport_fill_row(const struct transport *t,
				    const struct transport_pair *pair, int k,
				    double kev, const double *before,
				    struct transport_row *ret)
{
	double base = transport_at(t, kev), a = kev / MEC2_KEV;

	for (size_t i = 0; i < CIRCLE; i++) {
		double turn = pair->turn[k][i], cosine = 1 - turn;
		double left = 1 / (1 + a * (before ? before[i] : 1) * turn);

		ret->left[i] = left;
		ret->com[i] =
			left *
			(left * left + 1 - left + left * cosine * cosine) / 2;
	}
	for (size_t i = 0; i < CIRCLE; i++) {
		/* log(before), a loss of a few per cent. */
		double lost = before ? before[i] - 1 : 0, f;
		double at = base + pair->at[k][i] +
			    (lost - lost * lost / 2 + lost * lost * lost / 3) *
				    t->p->q_per_log;
		size_t q;

		at = at > 0 ? at : 0;
		q = at < PHYSICS_N_Q - 2 ? (size_t)at : PHYSICS_N_Q - 2;
		f = at - (double)q;
		f = f < 1 ? f : 1;
		ret->ray[i] = (t->form[q] + f * (t->form[q + 1] - t->form[q])) *
			      pair->thomson[k][i];
		ret->com[i] *= t->incoherent[q] +
			       f * (t->incoherent[q + 1] - t->incoherent[q]);
	}
}

void transport_twice(const struct transport *t,
		     const struct transport_pair *pair, double kev,
		     struct transport_twice *ret)
{
	struct transport_row first, second, behind;
	double sum[TRANSPORT_N_WAYS] = { 0 };

	memset(ret, 0, sizeof(*ret));
	transport_fill_row(t, pair, 0, kev, NULL, &first);
	transport_fill_row(t, pair, 1, kev, NULL, &second);
	transport_fill_row(t, pair, 1, kev, first.left, &behind);
	for (size_t i = 0; i < CIRCLE; i++) {
		double w = pair->weight[i], part[TRANSPORT_N_WAYS];
		double left[TRANSPORT_N_WAYS];
		size_t step[TRANSPORT_N_WAYS];

		ret->ray_ray += w * first.ray[i] * second.ray[i];
		part[TRANSPORT_RAY_COM] = w * first.ray[i] * second.com[i];
		left[TRANSPORT_RAY_COM] = second.left[i];
		step[TRANSPORT_RAY_COM] = pair->step[1][i];
		part[TRANSPORT_COM_RAY] = w * first.com[i] * behind.ray[i];
		left[TRANSPORT_COM_RAY] = first.left[i];
		step[TRANSPORT_COM_RAY] = pair->step[0][i];
		part[TRANSPORT_COM_COM] = w * first.com[i] * behind.com[i];
		left[TRANSPORT_COM_COM] = first.left[i] * behind.left[i];
		step[TRANSPORT_COM_COM] = pair->step_both[i];
		for (int k = 0; k < TRANSPORT_N_WAYS; k++) {
			ret->lossy[k][step[k]] += part[k];
			ret->kev[k] += part[k] * left[k];
			sum[k] += part[k];
		}
	}
	for (int k = 0; k < TRANSPORT_N_WAYS; k++)
		ret->kev[k] = sum[k] > 0 ? kev * ret->kev[k] / sum[k] : kev;
}

/* Between two directions by their cosines to the inward normal. */
static void transport_set_angle(const struct transport *t, double from,
				double to, struct transport_angle *ret)
{
	double side = sqrt((1 - from * from) * (1 - to * to));

	for (int i = 0; i < AZIMUTHS; i++) {
		double turn =
			1 - from * to - side * cos(M_PI * (i + 0.5) / AZIMUTHS);
		size_t step = (size_t)(turn * STEPS / 2);

		ret->turn[i] = turn;
		ret->thomson[i] = physics_thomson(1 - turn);
		ret->at[i] = turn > 1e-300
				     ? 0.5 * log(turn / 2) * t->p->q_per_log
				     : -1e300;
		ret->loss[i] = step < STEPS ? step : STEPS - 1;
	}
}

static struct transport_vector transport_along(double cosine, double azimuth)
{
	double side = sqrt(fmax(0, 1 - cosine * cosine));

	return (struct transport_vector){ side * cos(azimuth),
					  side * sin(azimuth), cosine };
}

static double transport_dot(struct transport_vector a,
			    struct transport_vector b)
{
	return a.x * b.x + a.y * b.y + a.z * b.z;
}

/* What of a field goes on along `way`: its part across. */
static struct transport_vector transport_across(struct transport_vector field,
						struct transport_vector way)
{
	double along = transport_dot(field, way);

	return (struct transport_vector){ field.x - along * way.x,
					  field.y - along * way.y,
					  field.z - along * way.z };
}

static size_t transport_step(double turn)
{
	size_t step = turn > 0 ? (size_t)(turn * SUMS / 4) : 0;

	return step < SUMS ? step : SUMS - 1;
}

static struct transport_vector
transport_apart(struct transport_vector a, double by, struct transport_vector b)
{
	return (struct transport_vector){ a.x + by * b.x, a.y + by * b.y,
					  a.z + by * b.z };
}

/* Beam, and the way of a scatter on it to a detector far away. */
static void transport_set_ways(struct transport *t)
{
	const struct method_geometry *g = &t->p->m->geometry;
	double in = t->sin_in, out = -sin(g->takeoff_deg * RAD);
	double sides = sqrt((1 - in * in) * (1 - out * out));
	double apart = sides > 1e-9
			       ? (cos(g->scatter_deg * RAD) - in * out) / sides
			       : 1;

	t->beam = transport_along(in, 0);
	t->way_out = transport_along(out, acos(fmax(-1, fmin(1, apart))));
}

/* How the detector is seen from a point: direction, and how large. */
static struct transport_vector transport_look(const struct transport *t,
					      struct transport_vector from,
					      double exit_g_cm2, double mu,
					      double *ret_seen)
{
	const struct transport_vector none = { 0 }, exit = t->way_out;
	double d = t->p->m->geometry.distance_cm, r, low;
	struct transport_vector way = { d * exit.x - from.x,
					d * exit.y - from.y,
					d * exit.z - from.z };

	r = sqrt(transport_dot(way, way));
	way = transport_apart(none, 1 / r, way);
	/* The lower it stands, the longer is the way out. */
	low = fmax(way.z / exit.z, 1e-3);
	*ret_seen = fmax(transport_dot(way, exit), 0) / (r * r) *
		    transport_exp(-mu * exit_g_cm2 / low);
	return way;
}

static void transport_set_turn(const struct transport *t,
			       struct transport_pair *pair, int k, int i,
			       double turn)
{
	pair->turn[k][i] = turn;
	pair->thomson[k][i] = physics_thomson(1 - turn);
	pair->at[k][i] =
		turn > 1e-300 ? 0.5 * log(turn / 2) * t->p->q_per_log : -1e300;
	pair->step[k][i] = transport_step(turn);
}

/*
 * Both ways of scattering follow a dipole's law nearly: of the electric field
 * the part across the new direction goes on. The beam is half of each of two
 * fields across it; what it is behind the first turn is polarised, most at a
 * right angle, and the second turn feels that (S. Chandrasekhar, Radiative
 * Transfer (1950), section 16).
 *
 * The second turn is not on the beam, but as far beside it as the photon went,
 * so it is by another angle, and the detector is nearer or further. Paths are
 * of their mean and spread by turns, azimuth by azimuth.
 */
static void transport_set_pair(struct transport *t, int up, size_t dir,
			       double mu, const struct transport_reach *reach)
{
	const struct transport_vector none = { 0 };
	double in = t->sin_in, seen_on_beam;
	double cosine = up ? -t->p->dir_at[dir] : t->p->dir_at[dir];
	struct transport_pair *pair = &t->pair[up][dir];
	struct transport_vector on_beam;

	on_beam = transport_apart(none, reach->depth_cm / in, t->beam);
	transport_look(t, on_beam, reach->exit_g_cm2, mu, &seen_on_beam);
	for (int i = 0; i < CIRCLE; i++) {
		struct transport_vector way = pair->way[i], out, at;
		double path =
			fmax(0, reach->path_cm +
					(i % 2 ? 1 : -1) * reach->spread_cm);
		double seen = 0, looks;

		/* Beside the beam at the depth where it scatters again. */
		at = transport_apart(transport_apart(on_beam, path, way),
				     -path * cosine / in, t->beam);
		out = transport_look(t, at, reach->exit_g_cm2, mu, &looks);
		for (int k = 0; k < 2; k++) {
			struct transport_vector twice =
				transport_across(pair->field[k][i], out);

			seen += transport_dot(twice, twice) / 2;
		}
		transport_set_turn(t, pair, 1, i, 1 - transport_dot(way, out));
		pair->step_both[i] =
			transport_step(pair->turn[0][i] + pair->turn[1][i]);
		pair->weight[i] = seen / (pair->thomson[0][i] *
					  pair->thomson[1][i] * CIRCLE);
		pair->weight[i] *= seen_on_beam > 0 ? looks / seen_on_beam : 1;
	}
}

/* What of a pair is the same for all energies: its first turn. */
static void transport_start_pair(struct transport *t, int up, size_t dir)
{
	double in = t->sin_in;
	double cosine = up ? -t->p->dir_at[dir] : t->p->dir_at[dir];
	struct transport_vector field[2] = {
		{ 0, 1, 0 }, { in, 0, -sqrt(fmax(0, 1 - in * in)) }
	};
	struct transport_pair *pair = &t->pair[up][dir];

	for (int i = 0; i < CIRCLE; i++) {
		struct transport_vector way =
			transport_along(cosine, 2 * M_PI * (i + 0.5) / CIRCLE);

		pair->way[i] = way;
		for (int k = 0; k < 2; k++)
			pair->field[k][i] = transport_across(field[k], way);
		transport_set_turn(t, pair, 0, i,
				   1 - transport_dot(t->beam, way));
	}
}

/* A photon's path since its scatter: moments along a direction. */
struct transport_moments {
	double all;
	double path;
	double square;
};

/* One step on: what comes is older by it, what starts in it is younger. */
static void transport_age(struct transport_moments *m, double cm, double left,
			  double near, double far)
{
	m->square += cm * (2 * m->path + cm * m->all);
	m->path += cm * m->all;
	m->all = m->all * left + near + far;
	m->path = m->path * left + cm * (near + 2 * far) / 3;
	m->square = m->square * left + cm * cm * (near / 6 + far / 2);
}

static struct transport_reach transport_reach_of(const struct transport *t,
						 const struct transport_pass *a,
						 const double source[N], int up,
						 size_t dir, double mu)
{
	struct transport_moments m = { 0 }, sum = { 0 };
	struct transport_reach ret = { 0 };
	double per_step = 1 / (t->p->dir_at[dir] * t->density_g_cm3);
	double depth = 0, exit = 0;

	for (size_t i = 0; i < N; i++) {
		size_t n = up ? N - 1 - i : i, step = up ? n + 1 : n;
		double before = i == 0 ? source[n] : source[up ? n + 1 : n - 1];
		double seen = t->seen[n] * exp(-mu * t->exit[n]);

		transport_age(&m, t->step[step] * per_step, a->left[step][dir],
			      a->near[step][dir] * source[n],
			      a->far[step][dir] * before);
		sum.all += seen * m.all;
		sum.path += seen * m.path;
		sum.square += seen * m.square;
		depth += seen * m.all * t->in[n] * t->sin_in;
		exit += seen * m.all * t->exit[n];
	}
	if (!(sum.all > 0))
		return ret;
	ret.path_cm = sum.path / sum.all;
	ret.spread_cm =
		sqrt(fmax(0, sum.square / sum.all - ret.path_cm * ret.path_cm));
	ret.depth_cm = depth / sum.all / t->density_g_cm3;
	ret.exit_g_cm2 = exit / sum.all;
	return ret;
}

void transport_set_pairs(struct transport *t, const struct transport_pass *a,
			 const double source[N], double mu)
{
	for (int up = 0; up < 2; up++) {
		for (size_t i = 0; i < DIRS; i++) {
			struct transport_reach reach =
				transport_reach_of(t, a, source, up, i, mu);

			transport_set_pair(t, up, i, mu, &reach);
		}
	}
}

static void transport_set_angles(struct transport *t)
{
	double exit = -sin(t->p->m->geometry.takeoff_deg * RAD);
	const struct transport_reach none = { 0 };

	transport_set_ways(t);
	for (int up = 0; up < 2; up++) {
		for (size_t i = 0; i < DIRS; i++) {
			double cosine = up ? -t->p->dir_at[i] : t->p->dir_at[i];

			transport_set_angle(t, t->sin_in, cosine,
					    &t->from_beam[up][i]);
			transport_set_angle(t, cosine, exit,
					    &t->to_exit[up][i]);
			transport_start_pair(t, up, i);
			transport_set_pair(t, up, i, 0, &none);
		}
	}
}

/*
 * Nodes of the depth: Gauss and Legendre in a variable that is finer at the
 * surface, so that the same nodes serve a beam that ends in a micrometre and
 * one that passes.
 */
static void transport_place_nodes(struct transport *t,
				  const struct physics_pellet *pellet)
{
	const struct method_geometry *g = &t->p->m->geometry;
	double a = log1p(MU_TOP * pellet->areal_g_cm2), before = 0;
	double grade = pellet->areal_g_cm2 / expm1(a);
	double far = cos(g->scatter_deg * RAD);
	double sin_out = sin(g->takeoff_deg * RAD);

	for (size_t n = 0; n < N; n++) {
		double x = t->p->node_at[n];
		double weight = t->p->node_weight[n] * grade * a * exp(a * x);
		double m = grade * expm1(a * x), r, d = g->distance_cm;
		double l = m / (pellet->density_g_cm3 * t->sin_in);

		r = sqrt(d * d + l * l - 2 * d * l * far);
		t->in[n] = m / t->sin_in;
		t->exit[n] = m * r / (d * sin_out + l * t->sin_in);
		t->seen[n] = weight * g->detector_cm2 * (d - l * far) /
			     (r * r * r) / (4 * M_PI);
		/* From down there the detector stands further back. */
		t->turn[n] = 1 - (d * far - l) / r;
		t->step[n] = m - before;
		before = m;
	}
	t->step[N] = pellet->areal_g_cm2 - before;
	t->turn_far = 1 - far;
}

void transport_init(struct transport *t, const struct physics *p,
		    const struct physics_pellet *pellet)
{
	t->p = p;
	t->sin_in = sin(p->m->geometry.incidence_deg * RAD);
	t->density_g_cm3 = pellet->density_g_cm3;
	transport_place_nodes(t, pellet);
	transport_set_angles(t);
}
