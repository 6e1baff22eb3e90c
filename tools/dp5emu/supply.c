// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cooler and high voltage, each nearing its set value exponentially.
 *
 * The cooler's time constant is such that the way from a board at 300 K to
 * within 2 K of 220 K takes settle_s, 50 s on real units.
 */
#include "dp5emu/supply.h"

#include <math.h>

#define BOARD_K 300.0
#define HV_TAU_S 0.5

void supply_init(struct supply *s, double settle_s)
{
	*s = (struct supply){
		.board_k = BOARD_K,
		.settle_s = settle_s,
		.tec_set_k = NAN,
		.temp_k = BOARD_K,
		.temp_pin_k = NAN,
		.hv_pin_v = NAN,
	};
}

static double nearer(double from, double to, double dt_s, double tau_s)
{
	return tau_s > 0 ? to + (from - to) * exp(-dt_s / tau_s) : to;
}

void supply_advance(struct supply *s, double dt_s)
{
	double tau_s = s->settle_s / log((BOARD_K - 220) / 2);
	double target = isnan(s->tec_set_k) ? s->board_k : s->tec_set_k;

	s->temp_k = nearer(s->temp_k, target, dt_s, tau_s);
	s->hv_v = nearer(s->hv_v, s->hv_set_v, dt_s,
			 s->settle_s > 0 ? HV_TAU_S : 0);
}

double supply_temp_k(const struct supply *s)
{
	return isnan(s->temp_pin_k) ? s->temp_k : s->temp_pin_k;
}

double supply_hv_v(const struct supply *s)
{
	return isnan(s->hv_pin_v) ? s->hv_v : s->hv_pin_v;
}

bool supply_has_bias(const struct supply *s)
{
	return s->hv_set_v != 0 && supply_hv_v(s) / s->hv_set_v > 0.5;
}
