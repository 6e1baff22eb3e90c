/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Photons inside the pellet: nodes of its depth, directions, angles. */
#ifndef DAEMON_ASSAY_TRANSPORT_H
#define DAEMON_ASSAY_TRANSPORT_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "assay/physics.h"

enum {
	TRANSPORT_N = PHYSICS_N_NODES,
	TRANSPORT_DIRS = PHYSICS_N_DIRS, /* of each half: down, then up */
	TRANSPORT_AZIMUTHS = 8,
	TRANSPORT_CIRCLE = 32, /* azimuths of two turns together */
	TRANSPORT_STEPS = PHYSICS_N_LOSSES,
	TRANSPORT_SUMS = 64, /* steps of one or two turns' 1 - cosine, 0 to 4 */
};

/* What a scatter between two directions needs, azimuth by azimuth. */
struct transport_angle {
	double turn[TRANSPORT_AZIMUTHS]; /* 1 - cosine */
	double thomson[TRANSPORT_AZIMUTHS];
	double at[TRANSPORT_AZIMUTHS]; /* in the tables, of a unit energy */
	size_t loss[TRANSPORT_AZIMUTHS]; /* step of 1 - cosine */
};

struct transport_vector {
	double x;
	double y;
	double z; /* inwards */
};

/*
 * From the beam to the detector by way of a direction, azimuth by azimuth: the
 * two turns hang together, and the first polarises for the second.
 */
struct transport_pair {
	struct transport_vector way[TRANSPORT_CIRCLE]; /* between the turns */
	/* What goes on along it of both fields of the beam. */
	struct transport_vector field[2][TRANSPORT_CIRCLE];
	double turn[2][TRANSPORT_CIRCLE]; /* 1 - cosine */
	double at[2][TRANSPORT_CIRCLE]; /* in the tables, of a unit energy */
	double thomson[2][TRANSPORT_CIRCLE];
	double weight[TRANSPORT_CIRCLE];
	size_t step[2][TRANSPORT_CIRCLE]; /* of the loss: by turn, ... */
	size_t step_both[TRANSPORT_CIRCLE]; /* ... by their sum */
};

/*
 * Of photons on a direction, where they scatter again and are seen: the path
 * behind them, depth, and the way out.
 */
struct transport_reach {
	double path_cm;
	double spread_cm; /* of the path, one sigma */
	double depth_cm;
	double exit_g_cm2;
};

/* Angles, lengths and scatter of one composition. */
struct transport {
	const struct physics *p;
	double sin_in;
	double density_g_cm3;
	struct transport_vector beam;
	struct transport_vector way_out; /* to a detector far away */
	double in[TRANSPORT_N]; /* path from the surface, g/cm2 */
	double exit[TRANSPORT_N]; /* path to the detector */
	double seen[TRANSPORT_N]; /* weight times solid angle over 4 pi */
	double turn[TRANSPORT_N]; /* 1 - cosine from beam to detector, ... */
	double turn_far; /* ... and for one far away */
	double step[TRANSPORT_N + 1]; /* between nodes and to both surfaces */
	double form[PHYSICS_N_Q];
	double incoherent[PHYSICS_N_Q];
	struct transport_angle from_beam[2][TRANSPORT_DIRS]; /* down, up */
	struct transport_angle to_exit[2][TRANSPORT_DIRS];
	struct transport_pair pair[2][TRANSPORT_DIRS];
};

/* Least that an exponential is taken of. */
#define TRANSPORT_EXP_LEAST (-700.0)
/* Added, it leaves a whole number in the last bits. */
#define TRANSPORT_EXP_SHIFT 0x1.8p52
#define TRANSPORT_LN2_HIGH 0x1.62e42fefa3800p-1
#define TRANSPORT_LN2_LOW 0x1.ef35793c76730p-45

/* exp(x) of x from TRANSPORT_EXP_LEAST to 0: a power of two times a series. */
static inline double transport_exp(double x)
{
	double whole, r, p;
	uint64_t bits;

	x = x < TRANSPORT_EXP_LEAST ? TRANSPORT_EXP_LEAST : x;
	whole = x * M_LOG2E + TRANSPORT_EXP_SHIFT;
	memcpy(&bits, &whole, sizeof(bits));
	whole -= TRANSPORT_EXP_SHIFT;
	r = x - whole * TRANSPORT_LN2_HIGH - whole * TRANSPORT_LN2_LOW;
	p = 1.0 / 479001600;
	p = p * r + 1.0 / 39916800;
	p = p * r + 1.0 / 3628800;
	p = p * r + 1.0 / 362880;
	p = p * r + 1.0 / 40320;
	p = p * r + 1.0 / 5040;
	p = p * r + 1.0 / 720;
	p = p * r + 1.0 / 120;
	p = p * r + 1.0 / 24;
	p = p * r + 1.0 / 6;
	p = p * r + 0.5;
	p = p * r + 1;
	p = p * r + 1;
	bits = (bits + 1023) << 52;
	memcpy(&r, &bits, sizeof(r));
	return p * r;
}

/* `form` and `incoherent` are left to the caller; pairs are on the beam. */
void transport_init(struct transport *t, const struct physics *p,
		    const struct physics_pellet *pellet);

/* Photons left behind paths at an attenuation; all products are below 0. */
void transport_decay(const double path[TRANSPORT_N], double mu,
		     double ret[TRANSPORT_N]);

/* What of a source at the nodes reaches the detector. */
double transport_emerging(const struct transport *t,
			  const double source[TRANSPORT_N], double mu);

/* Beam photons scattered once: how many, and by which 1 - cosine, mean. */
struct transport_turned {
	double photons;
	double mean;
};

struct transport_turned
transport_emerging_turned(const struct transport *t,
			  const double source[TRANSPORT_N], double mu);

/*
 * Intensities along directions from sources at the nodes, linear between
 * them: c dI/dm = source - mu I, from the surface where they come in.
 */
struct transport_field {
	double at[TRANSPORT_N][TRANSPORT_DIRS];
};

/* Attenuation over each step and the shares of the sources at its ends. */
struct transport_pass {
	double left[TRANSPORT_N + 1][TRANSPORT_DIRS];
	double near[TRANSPORT_N + 1][TRANSPORT_DIRS]; /* the end reached */
	double far[TRANSPORT_N + 1][TRANSPORT_DIRS];
};

/* Each direction with an attenuation of its own. */
void transport_prepare(const struct transport *t,
		       const double mu[TRANSPORT_DIRS],
		       struct transport_pass *ret);
void transport_down(const struct transport_pass *a,
		    const double source[TRANSPORT_N],
		    struct transport_field *ret);
void transport_up(const struct transport_pass *a,
		  const double source[TRANSPORT_N],
		  struct transport_field *ret);

/* Pairs for photons of one attenuation, scattered out of a beam at the nodes. */
void transport_set_pairs(struct transport *t, const struct transport_pass *a,
			 const double source[TRANSPORT_N], double mu);

/* What of each direction reaches the detector by one turn at its node. */
void transport_emerging_field(const struct transport *t,
			      const struct transport_field *field,
			      const double mu[TRANSPORT_DIRS],
			      double ret[TRANSPORT_DIRS]);

/* Share of the sphere that direction i of a half stands for. */
double transport_share(const struct transport *t, size_t i);

/* Two turns, each elastic or a Compton scatter: sums of both DCS. */
enum transport_way {
	TRANSPORT_RAY_COM,
	TRANSPORT_COM_RAY,
	TRANSPORT_COM_COM,
	TRANSPORT_N_WAYS,
};

struct transport_twice {
	double ray_ray;
	double lossy[TRANSPORT_N_WAYS][TRANSPORT_SUMS]; /* by step of loss */
	double kev[TRANSPORT_N_WAYS]; /* mean of what comes out */
};

void transport_twice(const struct transport *t,
		     const struct transport_pair *pair, double kev,
		     struct transport_twice *ret);

/* 1 - cosine, of two turns their sum, in the middle of a step of the above. */
double transport_sum(size_t step);

/* What one scatter into or out of a direction does, mean over azimuth. */
struct transport_turn {
	double ray;
	double com;
	double kev; /* behind the Compton scatter, mean */
	double loss[TRANSPORT_STEPS]; /* Compton by steps of 1 - cosine */
};

/* Differential cross sections by the angle, cm2/g/sr. */
void transport_scatter(const struct transport *t, double kev, double turn,
		       double *ret_ray, double *ret_com);

struct transport_turn transport_turn(const struct transport *t,
				     const struct transport_angle *angle,
				     double kev);

#endif
