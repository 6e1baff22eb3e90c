// SPDX-License-Identifier: GPL-2.0-or-later
/* Judges temperature and high voltage against the instrument's settings. */
#include "device/settle.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void take(double *target, const struct dp5_config *c, const char *name)
{
	const char *value = dp5_config_get(c, name);
	char *end;
	double d;

	if (!value)
		return;
	d = strtod(value, &end);
	/* `OFF` and `??` are no numbers, and 0 V is off too. */
	*target = end != value && d != 0 ? d : NAN;
}

void settle_set(struct settle *t, const struct dp5_config *read_back)
{
	take(&t->detector_k, read_back, "TECS");
	take(&t->hv_v, read_back, "HVSE");
}

bool settle_check(const struct settle *t, const struct dp5_status *status,
		  bool was_settled, char *why, size_t why_size)
{
	const double slack = was_settled ? 2 : 1;

	if (!isnan(t->detector_k) &&
	    fabs(status->detector_k - t->detector_k) > 2 * slack) {
		snprintf(why, why_size,
			 "detector at %.1f K, wanted %.0f K within 2 K",
			 status->detector_k, t->detector_k);
		return false;
	}
	if (!isnan(t->hv_v) &&
	    fabs(status->hv_v - t->hv_v) > 0.1 * slack * fabs(t->hv_v)) {
		snprintf(why, why_size,
			 "high voltage at %.1f V, wanted %.0f V within 10 %%",
			 status->hv_v, t->hv_v);
		return false;
	}
	why[0] = '\0';
	return true;
}
