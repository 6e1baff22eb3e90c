/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the detector's pulses become under the present settings. */
#ifndef TOOLS_DP5EMU_SCENE_H
#define TOOLS_DP5EMU_SCENE_H

#include <stddef.h>
#include <stdint.h>

#include "dp5emu/sample.h"

#define SCENE_CHANNELS_MAX 8192

/* The settings of the instrument that shape a spectrum. */
struct scene_settings {
	double rate_cps; /* pulses the detector makes a second */
	double gain;
	double ref_gain; /* gain at which the file's channels hold */
	size_t n_chan;
	double offset_chan; /* SOFF */
	double slow_threshold; /* THSL, part of full scale */
	int lld_chan; /* TLLD: events up to this one are dropped; -1 off */
	double slow_dead_s;
	double fast_dead_s;
	double lockout_s; /* after each detector reset */
};

/*
 * Rates per second of accumulation time. The slow channel's events are in the
 * spectrum; the fast channel sees the same ones and fast_only others.
 */
struct scene {
	size_t n_chan;
	double slow_cps;
	double fast_only_cps;
	double lockout_part; /* of real time, detector resets */
	double full_scale_kev;
	double chan_cps[SCENE_CHANNELS_MAX];
};

/* Work out the rates of @sample, which may be NULL for a dark detector. */
void scene_make(const struct sample *sample, const struct scene_settings *set,
		struct scene *ret);

#endif /* TOOLS_DP5EMU_SCENE_H */
