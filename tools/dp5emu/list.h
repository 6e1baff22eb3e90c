/* SPDX-License-Identifier: GPL-2.0-or-later */
/* List mode: a memory of 4096 bytes that events and time tags go into. */
#ifndef TOOLS_DP5EMU_LIST_H
#define TOOLS_DP5EMU_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp5emu/random.h"
#include "dp5emu/scene.h"

#define LIST_HALVES 2048
#define LIST_BYTES (2 * LIST_HALVES)

/* What SYNC and CLKL ask for. */
struct list_mode {
	double tick_us;
	bool is_short; /* NOTIMETAG: 16-bit records */
	bool has_frames; /* FRAME: tags tell the frame */
};

struct list {
	struct list_mode mode;
	double zero_us; /* when the timer was zero */
	uint64_t n_tags; /* since then */
	struct rng rng;
	size_t n; /* halves of words in the memory */
	uint16_t half[LIST_HALVES];
	uint32_t left[SCENE_CHANNELS_MAX];
};

void list_init(struct list *l, uint64_t seed, double now_us);

/* Change what is recorded; empties the memory if that is something else. */
void list_set_mode(struct list *l, const struct list_mode *mode);

/* Write the time tags up to @now_us. */
void list_advance(struct list *l, double now_us, bool is_counting);

/* Record @step[k] events of each of @n_chan channels, in any order between
 * the two times, as far as they fit.
 */
void list_add(struct list *l, const uint32_t *step, size_t n_chan,
	      double from_us, double to_us);

/* Start the timer again, which writes a tag. */
void list_sync(struct list *l, double now_us);

void list_clear(struct list *l);

/* Whether events were or would be dropped. */
bool list_is_full(const struct list *l);

/* Move all records to @out; returns their bytes. */
size_t list_take(struct list *l, uint8_t out[static LIST_BYTES]);

#endif /* TOOLS_DP5EMU_LIST_H */
