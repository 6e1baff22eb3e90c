/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine's inside, and the result that is made of it after a fit. */
#ifndef DAEMON_ASSAY_OUTCOME_H
#define DAEMON_ASSAY_OUTCOME_H

#include "assay/assay.h"
#include "assay/fit.h"
#include "assay/quant.h"

struct assay_engine {
	const struct method *m; /* borrowed */
	struct physics *physics;
	struct physics_rates *rates;
	struct physics_rates *other_rates;
	struct basis *basis; /* kept while the axis stays */
	double basis_axis[2];
	struct fit *fit;
	const char *why;
	/* The run in hand. */
	const struct spectrum *spectrum;
	struct basis_state stated;
	struct basis_state state;
	struct quant quant;
	enum assay_stop stop;
	int n_turns;
	double axis_change; /* keV at the end of the range */
};

/* What the method says of the model's own errors. */
struct fit_model_error outcome_model_error(const struct assay_engine *e);

/* Covariance, limits, sums, flags, verdict and curve of a finished run. */
int outcome_make(struct assay_engine *e, struct assay_result **ret);

#endif
