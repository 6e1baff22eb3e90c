/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which strobe filled which slot: hardware sequential buffering, dp5-protocol
 * section 12, told by the instrument's status alone. Pure: no I/O, no clock.
 */
#ifndef DAEMON_DEVICE_BELT_H
#define DAEMON_DEVICE_BELT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/status.h"

/* The memory of the slots holds so many channels. */
#define BELT_CHANNELS (512 * 256)

/* What is to be done next. */
enum belt_next {
	BELT_WAIT, /* for the next status */
	BELT_READ, /* belt_slot() */
	BELT_RESTART, /* F0/1E, then belt_restarted() and a new status */
	BELT_BROKEN, /* nobody can tell any more; `why` is a sentence */
};

/*
 * Strobes are counted from 1 by the G.P. counter, which has to see the same
 * edges and is never cleared while the belt runs.
 */
struct belt {
	size_t n_slots;
	size_t next; /* slot to read next */
	size_t tail; /* of the lap before, what a restart may have cut off */
	bool is_tailing;
	uint64_t n_strobes; /* so far, by the counter */
	uint64_t n_seen; /* the last strobe whose slot was read, or is lost */
	bool has_offset;
	uint32_t offset; /* 1: a slot's counter leaves its own edge out */
	/* Of the look before: what stands still is not under way any more. */
	bool has_looked;
	uint32_t last_count;
	uint16_t last_slot;
	char why[160];
};

void belt_init(struct belt *b, size_t n_channels);

/* @is_new: a status that was not looked at before. */
enum belt_next belt_look(struct belt *b, const struct dp5_status *status,
			 bool is_new);

/* The slot that BELT_READ asks for. */
size_t belt_slot(const struct belt *b);

/*
 * The status stored in that slot. 0: it is of strobe *ret_strobe, and those
 * between the last one and this are lost; 1: it is of no new strobe; -EBADMSG:
 * broken, with `why`.
 */
int belt_take(struct belt *b, const struct dp5_status *stored,
	      uint64_t *ret_strobe);

/* The slots were started again: the next strobe fills the first. */
void belt_restarted(struct belt *b);

#endif
