/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a detector is cold and its high voltage on, by its own settings. */
#ifndef DAEMON_DEVICE_SETTLE_H
#define DAEMON_DEVICE_SETTLE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/config.h"
#include "proto/status.h"

/* NAN where nothing is to be waited for: supply off or not there. */
struct settle {
	double detector_k;
	double hv_v;
};

/* Takes TECS and HVSE from a read-back, or leaves what is not named. */
void settle_set(struct settle *t, const struct dp5_config *read_back);

/*
 * Within 2 K of the set point and 10 % of the voltage (dp5-protocol 16.4);
 * twice that for what @was_settled, so that noise does not switch it. *why
 * receives a sentence when not.
 */
bool settle_check(const struct settle *t, const struct dp5_status *status,
		  bool was_settled, char *why, size_t why_size);

#endif
