/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The spectrum that a sample of known composition is expected to give. */
#ifndef DAEMON_ASSAY_FORECAST_H
#define DAEMON_ASSAY_FORECAST_H

#include "assay/assay.h"

/*
 * The expected spectrum of a sample whose `content` are mass fractions by
 * element of the engine's method, those of its air 0: what the fit's own model
 * says, without pulses that pile up and without a draw of counts. It is as
 * long as it takes to count `live_s` at `rate_cps` in the range of the fit, on
 * 2048 channels that hold this range.
 *
 * 0; -EDOM when the oxides would be more than the whole; -ENOMEM. The caller
 * frees *ret.
 */
int forecast_spectrum(struct assay_engine *e, const double *content,
		      double rate_cps, double live_s, struct spectrum **ret);

#endif
