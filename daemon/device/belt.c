// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which strobe filled which slot.
 *
 * The instrument numbers slots, not strobes: one that came while another was
 * being stored, or while all slots were full, leaves no trace among them, and
 * every later slot would belong to the pellet behind the one it is taken for.
 * So the G.P. counter counts the edges of the same line, and each slot's own
 * status tells its number. Whether an edge is counted before or after it is
 * stored nobody says; it is learned from the first slot, while as many slots
 * are full as strobes were counted.
 *
 * Slots are read as they fill. When half of them are read the pointer is sent
 * back to the first; a strobe that came since the last look went to the slot
 * behind those that were read, where it still is and says its number. So any
 * number of strobes can follow each other.
 */
#include "device/belt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void belt_init(struct belt *b, size_t n_channels)
{
	memset(b, 0, sizeof(*b));
	b->n_slots = BELT_CHANNELS / n_channels;
}

static enum belt_next broken(struct belt *b, const char *why)
{
	snprintf(b->why, sizeof(b->why), "%s", why);
	return BELT_BROKEN;
}

/* Whether nothing has happened since the look before. */
static bool is_still(struct belt *b, const struct dp5_status *s, bool is_new)
{
	const bool is_same = is_new && b->has_looked &&
			     b->last_count == s->gp_count &&
			     b->last_slot == s->buffer_slot;

	b->has_looked = true;
	b->last_count = s->gp_count;
	b->last_slot = s->buffer_slot;
	return is_same;
}

/* Before the first slot was read: by then all strobes must have slots. */
static enum belt_next look_first(struct belt *b, size_t n_full, bool still)
{
	if (b->n_strobes == n_full)
		return n_full ? BELT_READ : BELT_WAIT;
	if (!still)
		return BELT_WAIT;
	return broken(
		b,
		n_full > b->n_strobes
			? "a strobe came before the line was ready"
			: "strobes came faster than the instrument stores, so that nobody can tell which is the first");
}

/* Slots are full up to the pointer, and all of them when it has stopped. */
static size_t full_slots(const struct belt *b, const struct dp5_status *s)
{
	return s->is_buffering ? s->buffer_slot : b->n_slots;
}

enum belt_next belt_look(struct belt *b, const struct dp5_status *s,
			 bool is_new)
{
	const size_t n_full = full_slots(b, s);
	const bool still = is_still(b, s, is_new);

	if (s->gp_count < b->n_strobes)
		return broken(b, "the counter of the strobes went back");
	b->n_strobes = s->gp_count;
	if (n_full < b->next || n_full > b->n_slots)
		return broken(b, "another program works with the slots");
	if (!b->has_offset)
		return look_first(b, n_full, still);
	if (b->is_tailing && b->tail < b->n_slots &&
	    b->n_strobes > b->n_seen + n_full)
		return BELT_READ;
	b->is_tailing = false;
	if (b->next < n_full)
		return BELT_READ;
	if (b->next >= b->n_slots / 2)
		return BELT_RESTART;
	/* One that is counted and not stored yet is no loss. */
	if (still)
		b->n_seen = b->n_strobes;
	return BELT_WAIT;
}

size_t belt_slot(const struct belt *b)
{
	return b->is_tailing ? b->tail : b->next;
}

int belt_take(struct belt *b, const struct dp5_status *s, uint64_t *ret_strobe)
{
	const size_t slot = belt_slot(b);
	uint64_t strobe;

	if (!b->has_offset && s->gp_count <= 1) {
		b->offset = 1 - s->gp_count;
		b->has_offset = true;
	}
	strobe = (uint64_t)s->gp_count + b->offset;
	if (b->has_offset && s->buffer_slot == slot && strobe > b->n_seen) {
		b->n_seen = strobe;
		if (b->is_tailing)
			b->tail++;
		else
			b->next++;
		*ret_strobe = strobe;
		return 0;
	}
	if (b->is_tailing) {
		b->is_tailing = false;
		return 1;
	}
	snprintf(b->why, sizeof(b->why),
		 "slot %zu says that it is slot %u of strobe %llu, behind %llu",
		 slot, s->buffer_slot, (unsigned long long)strobe,
		 (unsigned long long)b->n_seen);
	return -EBADMSG;
}

void belt_restarted(struct belt *b)
{
	b->tail = b->next;
	b->next = 0;
	b->is_tailing = true;
	b->has_looked = false;
}
