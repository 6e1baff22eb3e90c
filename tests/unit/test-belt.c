// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which strobe filled which slot: an instrument of numbers, whose edges may be
 * counted before or after they are stored, against the reader of its slots.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/belt.h"
#include "kselftest_harness.h"
#include "seed.h"

#define N_SLOTS 64
#define STROBES_MAX 2000

/* The instrument: what each slot's status was when it was stored. */
struct model {
	struct belt belt;
	bool counts_late; /* an edge is stored first, then counted */
	uint32_t counter;
	size_t pointer;
	bool is_running;
	struct dp5_status slot[N_SLOTS];
	/* The reader: the strobe that was read, in order; 0 lost. */
	uint64_t read[STROBES_MAX];
	size_t n_read;
	enum belt_next last;
};

FIXTURE(belt)
{
	struct model *m;
};

FIXTURE_SETUP(belt)
{
	self->m = calloc(1, sizeof(*self->m));
	ASSERT_NE(NULL, self->m);
	belt_init(&self->m->belt, 2048);
	ASSERT_EQ(N_SLOTS, self->m->belt.n_slots);
	self->m->is_running = true;
}

FIXTURE_TEARDOWN(belt)
{
	free(self->m);
}

/* One edge; @is_lost: it came while the one before was being stored. */
static void strobe(struct model *m, bool is_lost)
{
	struct dp5_status s = { .is_buffering = true,
				.buffer_slot = (uint16_t)m->pointer };

	s.gp_count = m->counter + !m->counts_late;
	m->counter++;
	if (is_lost || !m->is_running)
		return;
	m->slot[m->pointer++] = s;
	if (m->pointer == N_SLOTS)
		m->is_running = false;
}

static struct dp5_status status(const struct model *m)
{
	return (struct dp5_status){
		.gp_count = m->counter,
		.is_buffering = m->is_running,
		/* Nobody knows what it shows when all are full. */
		.buffer_slot = (uint16_t)(m->is_running ? m->pointer : 7),
	};
}

static void note(struct model *m, uint64_t before, uint64_t number)
{
	for (uint64_t n = before + 1; n < number; n++)
		m->read[m->n_read++] = 0;
	m->read[m->n_read++] = number;
}

/* What the session does with one status: reads until it has to wait. */
static void look(struct model *m, void (*at_restart)(struct model *m))
{
	struct dp5_status s = status(m);
	bool is_new = true;
	uint64_t number = 0;

	for (;;) {
		uint64_t before = m->belt.n_seen;

		m->last = belt_look(&m->belt, &s, is_new);
		is_new = false;
		for (uint64_t n = before; n < m->belt.n_seen; n++)
			m->read[m->n_read++] = 0;
		before = m->belt.n_seen;
		if (m->last == BELT_RESTART) {
			if (at_restart)
				at_restart(m);
			m->pointer = 0;
			m->is_running = true;
			belt_restarted(&m->belt);
			s = status(m);
			is_new = true;
		} else if (m->last != BELT_READ) {
			return;
		} else if (belt_take(&m->belt, &m->slot[belt_slot(&m->belt)],
				     &number) < 0) {
			m->last = BELT_BROKEN;
			return;
		} else if (m->belt.n_seen > before) {
			note(m, before, number);
		}
	}
}

/* The strobes 1 to @n were read, each once and in order, but for @n_lost. */
static bool has_read(const struct model *m, size_t n, size_t n_lost)
{
	size_t lost = 0;

	for (size_t i = 0; i < m->n_read; i++) {
		lost += !m->read[i];
		if (m->read[i] && m->read[i] != i + 1) {
			printf("# %zu is strobe %llu\n", i + 1,
			       (unsigned long long)m->read[i]);
			return false;
		}
	}
	if (m->n_read == n && lost == n_lost)
		return true;
	printf("# %zu of %zu read, %zu lost\n", m->n_read, n, lost);
	return false;
}

static void run(struct model *m, bool counts_late, int every, int n)
{
	m->counts_late = counts_late;
	for (int i = 1; i <= n; i++) {
		strobe(m, false);
		if (i % every == 0)
			look(m, NULL);
	}
	look(m, NULL);
}

TEST_F(belt, strobes_are_read_in_order_for_any_number)
{
	run(self->m, false, 1, 1000);
	EXPECT_TRUE(has_read(self->m, 1000, 0));
}

TEST_F(belt, it_learns_that_an_edge_is_counted_late)
{
	run(self->m, true, 1, 1000);
	EXPECT_EQ(1, self->m->belt.offset);
	EXPECT_TRUE(has_read(self->m, 1000, 0));
}

TEST_F(belt, several_strobes_between_two_looks_are_all_read)
{
	run(self->m, false, 13, 900);
	EXPECT_TRUE(has_read(self->m, 900, 0));
}

static void three_strobes(struct model *m)
{
	for (int i = 0; i < 3; i++)
		strobe(m, false);
}

TEST_F(belt, what_is_strobed_while_the_slots_are_started_again_is_found)
{
	for (int late = 0; late < 2; late++) {
		memset(self->m, 0, sizeof(*self->m));
		belt_init(&self->m->belt, 2048);
		self->m->is_running = true;
		self->m->counts_late = late;
		for (int i = 0; i < 32 * 5; i++) {
			strobe(self->m, false);
			look(self->m, three_strobes);
		}
		look(self->m, NULL);
		/* 32 in slots of each lap, the three behind them beside. */
		EXPECT_TRUE(has_read(self->m, 32 * 5 + 3 * 5, 0));
	}
}

TEST_F(belt, a_lost_strobe_keeps_its_place)
{
	struct model *m = self->m;

	run(m, false, 1, 5);
	strobe(m, true);
	strobe(m, false);
	look(m, NULL);
	EXPECT_TRUE(has_read(m, 7, 1));
	EXPECT_EQ(0, m->read[5]);
	EXPECT_EQ(7, m->read[6]);
}

TEST_F(belt, the_last_one_lost_is_told_when_nothing_follows)
{
	struct model *m = self->m;

	run(m, false, 1, 5);
	strobe(m, true);
	look(m, NULL);
	/* It may be on its way into a slot. */
	EXPECT_TRUE(has_read(m, 5, 0));
	look(m, NULL);
	EXPECT_TRUE(has_read(m, 6, 1));
	strobe(m, false);
	look(m, NULL);
	EXPECT_TRUE(has_read(m, 7, 1));
}

TEST_F(belt, what_comes_when_all_slots_are_full_is_lost_and_told)
{
	struct model *m = self->m;

	run(m, false, 1, 1);
	for (int i = 0; i < N_SLOTS + 9; i++)
		strobe(m, false);
	look(m, NULL);
	look(m, NULL);
	EXPECT_TRUE(has_read(m, 1 + N_SLOTS + 9, 10));
	strobe(m, false);
	look(m, NULL);
	EXPECT_TRUE(has_read(m, 2 + N_SLOTS + 9, 10));
	EXPECT_EQ(BELT_WAIT, m->last);
}

TEST_F(belt, a_strobe_before_it_was_ready_ends_it)
{
	struct model *m = self->m;

	strobe(m, false);
	m->counter = 0; /* cleared behind the strobe */
	look(m, NULL);
	EXPECT_EQ(BELT_WAIT, m->last);
	look(m, NULL);
	EXPECT_EQ(BELT_BROKEN, m->last);
	EXPECT_STREQ("a strobe came before the line was ready", m->belt.why);
	EXPECT_EQ(0, m->n_read);
}

TEST_F(belt, a_loss_before_anything_was_read_ends_it)
{
	struct model *m = self->m;

	strobe(m, true);
	strobe(m, false);
	look(m, NULL);
	look(m, NULL);
	EXPECT_EQ(BELT_BROKEN, m->last);
	EXPECT_EQ(0, m->n_read);
}

TEST_F(belt, others_at_slots_or_counter_are_noticed)
{
	struct model *m = self->m;
	struct dp5_status s;

	run(m, false, 1, 5);
	m->pointer = 0;
	look(m, NULL);
	EXPECT_EQ(BELT_BROKEN, m->last);
	m->pointer = 5;
	s = status(m);
	s.gp_count = 2;
	EXPECT_EQ(BELT_BROKEN, belt_look(&m->belt, &s, true));
}

/* A slot of another lap, or of another edge than the counter has it. */
TEST_F(belt, a_slot_that_is_not_the_one_is_refused)
{
	struct model *m = self->m;

	run(m, false, 1, 5);
	strobe(m, false);
	m->slot[5].buffer_slot = 4;
	look(m, NULL);
	EXPECT_EQ(BELT_BROKEN, m->last);
	EXPECT_TRUE(has_read(m, 5, 0));
	m->slot[5].buffer_slot = 5;
	m->slot[5].gp_count = 5;
	look(m, NULL);
	EXPECT_EQ(BELT_BROKEN, m->last);
	m->slot[5].gp_count = 6;
	look(m, NULL);
	EXPECT_TRUE(has_read(m, 6, 0));
}

static void sometimes(struct model *m)
{
	while (rand() % 3 == 0)
		strobe(m, rand() % 8 == 0);
}

/* Whatever comes, each strobe is read or lost, once, in its place. */
TEST_F(belt, chance_breaks_nothing)
{
	struct model *m = self->m;
	unsigned int seed = seed_of(20261126);
	size_t n_losses = 0;

	srand(seed);
	for (int round = 0; round < 200; round++) {
		memset(m, 0, sizeof(*m));
		belt_init(&m->belt, 2048);
		m->is_running = true;
		m->counts_late = round % 2;
		strobe(m, false);
		look(m, NULL);
		while (m->counter < 1500) {
			for (int n = rand() % 100 ? rand() % 5 : 70; n; n--)
				strobe(m, rand() % 50 == 0);
			look(m, sometimes);
			ASSERT_NE(BELT_BROKEN, m->last)
			TH_LOG("round %d: %s", round, m->belt.why);
		}
		look(m, NULL);
		look(m, NULL);
		for (size_t i = 0; i < m->n_read; i++)
			n_losses += !m->read[i];
		for (size_t i = 0; i < m->n_read; i++)
			ASSERT_TRUE(!m->read[i] || m->read[i] == i + 1);
		ASSERT_EQ(m->counter, m->n_read);
	}
	/* There were some to be told of. */
	EXPECT_GT(n_losses, 1000);
}

TEST_HARNESS_MAIN
