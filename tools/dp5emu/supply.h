/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cooler and high voltage of the detector. */
#ifndef TOOLS_DP5EMU_SUPPLY_H
#define TOOLS_DP5EMU_SUPPLY_H

#include <stdbool.h>

/* A set value or a pinned one that is not a number is none. */
struct supply {
	double board_k;
	double settle_s; /* from board temperature to 2 K above 220 K */
	double tec_set_k;
	double hv_set_v;
	double temp_k;
	double hv_v;
	double temp_pin_k; /* held there by the control socket */
	double hv_pin_v;
};

void supply_init(struct supply *s, double settle_s);
void supply_advance(struct supply *s, double dt_s);

double supply_temp_k(const struct supply *s);
double supply_hv_v(const struct supply *s);

/* Whether the bias lets the detector work: over half of what was set. */
bool supply_has_bias(const struct supply *s);

#endif /* TOOLS_DP5EMU_SUPPLY_H */
