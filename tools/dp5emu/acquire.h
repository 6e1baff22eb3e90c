/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The multichannel analyser: counts, timers and presets. */
#ifndef TOOLS_DP5EMU_ACQUIRE_H
#define TOOLS_DP5EMU_ACQUIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp5emu/random.h"
#include "dp5emu/scene.h"

#define ACQUIRE_COUNT_MAX 0xffffff

/* Limits of a run; 0 is none. The count preset looks between the channels. */
struct acquire_presets {
	double acc_us;
	double real_us;
	uint64_t counts;
	int low_chan;
	int high_chan;
};

/* Told of each step: events by channel, between two times. */
typedef void (*acquire_step_fn)(void *arg, const uint32_t *step, size_t n_chan,
				double from_us, double to_us);

/* All times are microseconds of the instrument's clock. */
struct acquire {
	uint64_t seed;
	uint32_t run; /* clears so far: each run has its own numbers */
	struct rng draw;
	struct rng split;
	const struct scene *scene; /* borrowed */
	struct acquire_presets presets;
	acquire_step_fn on_step; /* NULL for none */
	void *arg;

	bool is_enabled; /* status 35.5 */
	bool is_gated; /* real time runs on, nothing is counted */
	bool is_real_reached; /* status 35.7 */
	bool is_count_reached; /* status 35.4 */
	bool is_acc_passed; /* PRET has fired since the last clear */

	double now_us;
	double hold_us; /* the spectrum is being copied until then */
	double acc_us;
	double real_us;
	double slice_end_us;
	uint64_t fast;
	uint64_t slow;
	uint64_t total; /* slow events since power-up, whatever was cleared */
	uint64_t preset_counts;
	uint32_t counts[SCENE_CHANNELS_MAX];

	/* Drawn for the slice under way, not counted yet. */
	uint32_t pending[SCENE_CHANNELS_MAX];
	uint32_t pending_fast;
	uint32_t step[SCENE_CHANNELS_MAX];
};

void acquire_init(struct acquire *a, uint64_t seed, double now_us);

/* Count up to @now_us; earlier times do nothing. */
void acquire_advance(struct acquire *a, double now_us);

/* Change what is seen, or the presets, from now on. */
void acquire_set_scene(struct acquire *a, const struct scene *scene);
void acquire_set_presets(struct acquire *a, const struct acquire_presets *p);

void acquire_clear(struct acquire *a);
void acquire_enable(struct acquire *a, bool is_enabled);

/* Whether counts would be taken now: enabled and no preset has stopped it. */
bool acquire_is_running(const struct acquire *a);

/* Stop the accumulation timer for @dead_us: the spectrum is being copied. */
void acquire_hold(struct acquire *a, double dead_us);

#endif /* TOOLS_DP5EMU_ACQUIRE_H */
