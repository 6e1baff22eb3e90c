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

/*
 * What each gains with the columns, weights and set in hand. Changes nothing
 * that fit_covariance() leaves but f->normal, f->right and f->changed.
 */
void candidates_test(struct candidates *c, const struct method *m,
		     struct fit *f, const struct basis *b);

/*
 * The same for the set that the counts choose, which is put into `ret_is_out`
 * by element; true when it is another than that in hand.
 */
bool candidates_choose(struct candidates *c, const struct method *m,
		       struct fit *f, const struct basis *b, bool *ret_is_out);

#endif
