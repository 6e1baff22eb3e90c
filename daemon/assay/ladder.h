/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines after a loss in the sample, all by the peaks of one row of energies. */
#ifndef DAEMON_ASSAY_LADDER_H
#define DAEMON_ASSAY_LADDER_H

#include "assay/physics.h"
#include "assay/shape.h"

/* Rungs that share one piece. */
enum { LADDER_SHARES = 4 };

struct ladder_piece {
	size_t rung; /* the first */
	double share[LADDER_SHARES];
};

struct ladder {
	size_t n; /* rungs */
	double *kev;
	double *blur; /* one sigma, keV */
	struct ladder_piece *piece; /* [n_lines][PHYSICS_N_LOSSES] */
};

/* Rungs for all losses of the lines, near enough for the detector's width. */
int ladder_new(const struct physics *p, const struct shape *shape,
	       struct ladder **ret);
struct ladder *ladder_free(struct ladder *l);
CLEANUP_FUNC(struct ladder, ladder_free);

#endif
