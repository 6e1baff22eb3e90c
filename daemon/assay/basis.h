/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Columns of the fit: what each unknown adds to the spectrum. */
#ifndef DAEMON_ASSAY_BASIS_H
#define DAEMON_ASSAY_BASIS_H

#include "assay/hecht.h"
#include "assay/ladder.h"
#include "assay/physics.h"
#include "assay/shape.h"

/* Places of the columns behind those of the elements. */
enum basis_extra {
	BASIS_RAYLEIGH, /* K lines of the tube, elastic */
	BASIS_COMPTON, /* the same after one loss */
	BASIS_COMPTON_TWICE,
	/* Lines of the tube too close to their Compton peak. */
	BASIS_TUBE_L,
	BASIS_TUBE_L_REST, /* those far from the strongest */
	BASIS_PILEUP, /* two pulses as one, for each pulse */
	BASIS_RECOIL, /* what left the crystal after a Compton scatter in it */
	BASIS_N_SCATTER,
};

enum basis_slope {
	BASIS_OFFSET, /* keV */
	BASIS_GAIN, /* keV per channel */
	BASIS_NOISE, /* keV */
	BASIS_ESCAPE, /* over the computed fraction */
	BASIS_SHIFT, /* of the Compton peaks, keV */
	BASIS_N_SLOPES,
};

/* The non-linear unknowns: the columns are made for one set of them. */
struct basis_state {
	double offset_kev; /* of channel 0 */
	double gain_kev;
	double noise_fwhm_kev;
	double escape;
	double shift_kev;
	double tail_more; /* of the response's tails, by how much more */
	double fano_more; /* of the Fano factor, likewise */
};

/* Shells of an element that may differ from the physics together. */
struct basis_subshell {
	size_t first; /* of the lines' shells */
	size_t n;
	double prior; /* relative sigma */
};

struct basis {
	const struct physics *p;
	size_t n; /* channels of the fit */
	size_t first_chan;
	size_t n_cols;
	size_t n_elements;
	size_t scatter; /* first column of each group */
	size_t splines;
	size_t n_splines;
	size_t slopes;
	/* Behind them what a method asks for, as factors; 0: it does not. */
	size_t tail;
	size_t fano;
	size_t subshells;
	size_t n_subshells;
	struct basis_subshell *subshell; /* what each column is */
	double *col; /* column after column, each of n */
	size_t *first; /* channels where a column is not zero */
	size_t *last;
	/* Tables and work space. */
	double step[SHAPE_STEP_POINTS];
	double *escape_fraction; /* [n_lines][PHYSICS_MAX_ESCAPES] */
	double *escape_share; /* by channel, [n_escapes][n] */
	double *spline; /* n_splines rows of n */
	size_t *spline_first; /* channels where one is not zero */
	size_t *spline_last;
	struct ladder *ladder;
	struct hecht *hecht; /* NULL: all charge is collected */
	double *on_ladder; /* counts by shell and rung, [n_shells][rungs] */
	double *pairs; /* of BASIS_PILEUP; zero: no pulses pile up */
	double *continuum;
	double *scratch;
	double *escaped;
	double *rung; /* counts and three slopes */
	struct shape_group *rung_group; /* one count on each */
	double *by_energy;
	double (*far)[SHAPE_FAR_TERMS];
};

int basis_new(const struct physics *p, size_t first_chan, size_t n,
	      const struct basis_state *start, struct basis **ret);
struct basis *basis_free(struct basis *b);
CLEANUP_FUNC(struct basis, basis_free);

/*
 * Makes all columns. `amplitude` are the last ones found, by column; the
 * slopes and the sub-shells are weighted with them, so they are zero columns
 * as long as the amplitudes are zero.
 */
void basis_build(struct basis *b, const struct physics_rates *rates,
		 const struct basis_state *state, const double *amplitude);

/* background.c: the columns of the tube's scatter and its splines. */
int background_make_splines(struct basis *b, const struct basis_state *start);
void background_build(struct basis *b, const struct physics_rates *rates,
		      const struct shape *shape, const struct shape_axis *axis,
		      const struct basis_state *state, const double *amplitude);

/* Energy of a channel of the fit. */
double basis_kev(const struct basis *b, const struct basis_state *s, size_t i);

#endif
