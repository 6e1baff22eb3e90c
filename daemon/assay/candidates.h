/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which candidates of a method are in the fit, by what the counts gain. */
#ifndef DAEMON_ASSAY_CANDIDATES_H
#define DAEMON_ASSAY_CANDIDATES_H

#include "assay/fit.h"

/* By element of the method; those that are no candidates stay at zero. */
struct candidates {
	size_t n; /* 0: the method has none, and nothing here is done */
	double threshold; /* of the gain, twice the logarithm */
	double gain[METHOD_MAX_ELEMENTS]; /* 0: the amplitude is negative */
	/* Of those left out, if each alone were taken in. */
	double amplitude[METHOD_MAX_ELEMENTS];
	double variance[METHOD_MAX_ELEMENTS];
	int n_choices; /* of the run in hand */
};

/* Counts them and sets the threshold. */
void candidates_init(struct candidates *c, const struct method *m);

/* As a run begins: those of the method's own list are in, others out. */
void candidates_start(struct candidates *c, const struct method *m,
		      struct fit *f);

/* A fit that the candidates are looked for in, and where what they gain goes. */
struct candidates_view {
	struct candidates *c;
	struct fit *f;
	const struct basis *b;
	double scale; /* exposure, of an amplitude for a content; alone 1 */
};

/* The views of a sample: the first one's method and threshold hold for all. */
enum { CANDIDATES_MAX_VIEWS = 2 };
struct candidates_sample {
	const struct method *m;
	struct candidates_view view[CANDIDATES_MAX_VIEWS];
	size_t n;
};

/*
 * What each gains with the columns, weights and set in hand. Changes nothing
 * that fit_covariance() leaves but f->normal, f->right and f->changed.
 */
void candidates_test(const struct candidates_sample *s);

/*
 * The same for the set that the counts choose, which is put into `ret_is_out`
 * by element; true when it is another than that in hand.
 */
bool candidates_choose(const struct candidates_sample *s, bool *ret_is_out);

#endif
