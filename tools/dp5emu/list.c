// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * List mode's records and the memory they wait in: protocol reference 9.
 *
 * Records of 32 bits hold amplitude and the low 16 bits of a timer; a tag
 * tells each rollover of these. Records of 16 bits hold the amplitude only,
 * between tags at a fixed pace. A full memory drops what is new. No sync input
 * is wired and no dead-time records are made.
 */
#include "dp5emu/list.h"

#include <string.h>

#define AMPLITUDES 16384
#define TICKS_LONG 65536
#define TICKS_SHORT 1000

void list_init(struct list *l, uint64_t seed, double now_us)
{
	memset(l, 0, sizeof(*l));
	l->mode.tick_us = 0.1;
	l->zero_us = now_us;
	rng_seed(&l->rng, seed, 3);
}

void list_set_mode(struct list *l, const struct list_mode *mode)
{
	if (mode->is_short != l->mode.is_short ||
	    mode->has_frames != l->mode.has_frames ||
	    mode->tick_us != l->mode.tick_us)
		list_clear(l);
	l->mode = *mode;
}

static size_t record_halves(const struct list *l)
{
	return l->mode.is_short ? 1 : 2;
}

bool list_is_full(const struct list *l)
{
	return l->n + record_halves(l) > LIST_HALVES;
}

static void put(struct list *l, uint32_t record)
{
	if (list_is_full(l))
		return;
	if (!l->mode.is_short)
		l->half[l->n++] = (uint16_t)(record >> 16);
	l->half[l->n++] = (uint16_t)record;
}

static void put_tag(struct list *l, uint64_t tag)
{
	if (l->mode.is_short)
		put(l, 0x8000 | (tag & 0x7fff));
	else if (l->mode.has_frames)
		put(l, 0xc0000000 | (tag & 0x3fff));
	else
		put(l, 0x80000000 | (tag & 0x3fffffff));
}

static double tag_us(const struct list *l)
{
	return l->mode.tick_us * (l->mode.is_short ? TICKS_SHORT : TICKS_LONG);
}

/* Short tags are recorded only while events could be. */
void list_advance(struct list *l, double now_us, bool is_counting)
{
	uint64_t n = (uint64_t)((now_us - l->zero_us) / tag_us(l));
	bool is_recorded = is_counting || !l->mode.is_short;

	while (l->n_tags < n && is_recorded && !list_is_full(l))
		put_tag(l, ++l->n_tags);
	if (l->n_tags < n)
		l->n_tags = n;
}

/* One of the @n events left, and the channel it is in. */
static size_t pick(struct list *l, size_t n_chan, uint64_t n)
{
	uint64_t at = (uint64_t)(rng_uniform(&l->rng) * (double)n);
	size_t k = 0;

	while (k + 1 < n_chan && at >= l->left[k])
		at -= l->left[k++];
	l->left[k]--;
	return k;
}

void list_add(struct list *l, const uint32_t *step, size_t n_chan,
	      double from_us, double to_us)
{
	double width = (double)AMPLITUDES / (double)n_chan, at_us;
	uint64_t n = 0, ticks;
	uint32_t amplitude;

	for (size_t k = 0; k < n_chan; k++)
		n += step[k];
	memcpy(l->left, step, n_chan * sizeof(*step));
	for (uint64_t i = 0; i < n && !list_is_full(l); i++) {
		at_us = from_us + (to_us - from_us) *
					  ((double)i + rng_uniform(&l->rng)) /
					  (double)n;
		list_advance(l, at_us, true);
		amplitude = (uint32_t)(((double)pick(l, n_chan, n - i) +
					rng_uniform(&l->rng)) *
				       width);
		ticks = (uint64_t)((at_us - l->zero_us) / l->mode.tick_us);
		if (l->mode.is_short)
			put(l, amplitude);
		else
			put(l, amplitude << 16 | (ticks & 0xffff));
	}
}

void list_sync(struct list *l, double now_us)
{
	l->zero_us = now_us;
	l->n_tags = 0;
	put_tag(l, 0);
}

void list_clear(struct list *l)
{
	l->n = 0;
}

size_t list_take(struct list *l, uint8_t out[static LIST_BYTES])
{
	size_t len;

	/* Words of 32 bits leave: an odd half is followed by a null. */
	if (l->n % 2)
		l->half[l->n++] = 0;
	for (size_t i = 0; i < l->n; i++) {
		out[2 * i] = (uint8_t)(l->half[i] >> 8);
		out[2 * i + 1] = (uint8_t)l->half[i];
	}
	len = 2 * l->n;
	l->n = 0;
	return len;
}
