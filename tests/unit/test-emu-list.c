// SPDX-License-Identifier: GPL-2.0-or-later
/* List mode's records, bit by bit, and what a full memory does. */
#include <stdlib.h>
#include <string.h>

#include "dp5emu/list.h"
#include "kselftest_harness.h"

#define ROLLOVER_US 6553.6
#define N_CHAN 256

FIXTURE(list)
{
	struct list *l;
	uint32_t step[N_CHAN];
	uint8_t out[LIST_BYTES];
};

FIXTURE_SETUP(list)
{
	self->l = calloc(1, sizeof(*self->l));
	ASSERT_NE(NULL, self->l);
	memset(self->step, 0, sizeof(self->step));
	list_init(self->l, 1, 0);
}

FIXTURE_TEARDOWN(list)
{
	free(self->l);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

TEST_F(list, event_holds_amplitude_and_time)
{
	uint32_t word;

	self->step[100] = 1;
	/* Between 100.0 us and 100.1 us: tick 1000 of 0.1 us. */
	list_add(self->l, self->step, N_CHAN, 100.01, 100.09);
	ASSERT_EQ(4, list_take(self->l, self->out));
	word = be32(self->out);
	EXPECT_EQ(0, word >> 30);
	EXPECT_EQ(100, word >> 16 >> 6); /* 64 amplitudes a channel */
	EXPECT_EQ(1000, word & 0xffff);
	EXPECT_EQ(0, list_take(self->l, self->out));
}

TEST_F(list, rollovers_are_tagged_before_later_events)
{
	self->step[0] = 1;
	list_add(self->l, self->step, N_CHAN, 2 * ROLLOVER_US + 1,
		 2 * ROLLOVER_US + 1);
	ASSERT_EQ(12, list_take(self->l, self->out));
	EXPECT_EQ(0x80000001, be32(self->out));
	EXPECT_EQ(0x80000002, be32(self->out + 4));
	EXPECT_EQ(10, be32(self->out + 8) & 0xffff);
}

TEST_F(list, tags_come_without_events_too)
{
	list_advance(self->l, 3.5 * ROLLOVER_US, false);
	EXPECT_EQ(12, list_take(self->l, self->out));
	list_advance(self->l, 3.9 * ROLLOVER_US, false);
	EXPECT_EQ(0, list_take(self->l, self->out));
}

TEST_F(list, every_event_is_recorded_in_order_of_time)
{
	uint32_t word, n[N_CHAN] = { 0 }, last = 0;
	size_t len;

	for (int k = 0; k < N_CHAN; k++)
		self->step[k] = (uint32_t)k % 4;
	list_add(self->l, self->step, N_CHAN, 0, 5000);
	len = list_take(self->l, self->out);
	for (size_t i = 0; i < len; i += 4) {
		word = be32(self->out + i);
		EXPECT_LE(last, word & 0xffff);
		last = word & 0xffff;
		n[word >> 22]++;
	}
	EXPECT_EQ(0, memcmp(n, self->step, sizeof(n)));
}

TEST_F(list, full_memory_drops_what_is_new)
{
	self->step[1] = 900;
	list_add(self->l, self->step, N_CHAN, 0, 1000);
	EXPECT_FALSE(list_is_full(self->l));
	self->step[1] = 0;
	self->step[2] = 900;
	list_add(self->l, self->step, N_CHAN, 1000, 2000);
	EXPECT_TRUE(list_is_full(self->l));
	list_advance(self->l, 100 * ROLLOVER_US, true);
	ASSERT_EQ(LIST_BYTES, list_take(self->l, self->out));
	EXPECT_EQ(1, be32(self->out) >> 22);
	EXPECT_EQ(2, be32(self->out + LIST_BYTES - 4) >> 22);
	EXPECT_FALSE(list_is_full(self->l));
}

TEST_F(list, sync_starts_the_timer_again)
{
	list_advance(self->l, 1.5 * ROLLOVER_US, true);
	list_sync(self->l, 1.5 * ROLLOVER_US);
	list_advance(self->l, 2.6 * ROLLOVER_US, true);
	ASSERT_EQ(12, list_take(self->l, self->out));
	EXPECT_EQ(0x80000001, be32(self->out));
	EXPECT_EQ(0x80000000, be32(self->out + 4));
	EXPECT_EQ(0x80000001, be32(self->out + 8));
}

TEST_F(list, frames_have_tags_of_their_own)
{
	struct list_mode mode = { .tick_us = 1, .has_frames = true };

	list_set_mode(self->l, &mode);
	list_advance(self->l, 65536, true);
	ASSERT_EQ(4, list_take(self->l, self->out));
	EXPECT_EQ(0xc0000001, be32(self->out));
}

TEST_F(list, short_records_come_in_pairs)
{
	struct list_mode mode = { .tick_us = 0.1, .is_short = true };

	list_set_mode(self->l, &mode);
	/* Not while nothing is counted. */
	list_advance(self->l, 1050, false);
	self->step[200] = 1;
	list_add(self->l, self->step, N_CHAN, 1150, 1150);
	list_advance(self->l, 1250, true);
	ASSERT_EQ(8, list_take(self->l, self->out));
	EXPECT_EQ(0x800b, be32(self->out) >> 16);
	EXPECT_EQ(200, (be32(self->out) & 0xffff) >> 6);
	EXPECT_EQ(0x800c0000, be32(self->out + 4));
}

TEST_F(list, another_mode_starts_empty)
{
	struct list_mode mode = { .tick_us = 1 };

	list_advance(self->l, 2 * ROLLOVER_US, true);
	list_set_mode(self->l, &mode);
	EXPECT_EQ(0, list_take(self->l, self->out));
}

TEST_HARNESS_MAIN
