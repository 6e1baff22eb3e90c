/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine's inside, and the result that is made of it after a fit. */
#ifndef DAEMON_ASSAY_OUTCOME_H
#define DAEMON_ASSAY_OUTCOME_H

#include "assay/assay.h"
#include "assay/candidates.h"
#include "assay/fit.h"
#include "assay/rest.h"

/* What refits go on from: the last whole run. */
struct assay_base {
	const struct assay_result *result; /* NULL: there is none */
	double live_s;
	double tube_ua; /* as the spectrum stated it, NAN for not */
	double areal_g_cm2;
	double density_g_cm3;
	double moisture;
	double loi;
	struct rest rest;
};

struct assay_engine {
	const struct method *m; /* borrowed */
	struct assay_engine *beside; /* of the second set-up; or NULL */
	struct physics *physics;
	struct physics_rates *rates;
	struct physics_rates *other_rates;
	struct basis *basis; /* kept while the axis stays */
	double basis_axis[2];
	struct fit *fit;
	char why[128];
	/* The run in hand. */
	const struct spectrum *spectrum;
	bool is_known; /* the composition is, and stays */
	struct basis_state stated;
	struct basis_state state; /* that the columns are made for */
	struct basis_state found; /* with the step of a refit */
	double pileup; /* amplitude of the pairs that the rate makes */
	struct quant quant;
	struct candidates candidates;
	enum assay_stop stop;
	int n_turns;
	double axis_change; /* keV at the end of the range */
	struct assay_base base;
};

/*
 * Fits the spectrum of a composition that is known (as quant_know() takes it)
 * and leaves amplitudes, covariance and scatter in the engine. Returns as
 * assay_engine_run() does, or -EDOM when the fit did not come to rest.
 */
int assay_fit_known(struct assay_engine *e, const struct spectrum *s,
		    const double *content, double oxygen);

/* The spectra in hand, for the choice of candidates. */
struct candidates_sample outcome_candidates(struct assay_engine *e);

/* What the method says of the model's own errors. */
struct fit_model_error outcome_model_error(const struct assay_engine *e);

/*
 * A whole run that begins where a refit came to, with its spectrum; errors are
 * those of outcome_make().
 */
int assay_engine_go_on(struct assay_engine *e, struct assay_result **ret);

/* Covariance, limits, sums, flags, verdict and curve of a finished run. */
int outcome_make(struct assay_engine *e, struct assay_result **ret);

/*
 * The same after a refit, into the result before it. Limits go with the sigma
 * of counts: both fall alike as counts grow.
 */
void outcome_renew(struct assay_engine *e, struct assay_result *r);

#endif
