// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The spectrum in parts: they add up to what the emulator counted, whichever
 * replies are lost or damaged on the way.
 */
#include "guest.h"

FIXTURE(ll)
{
	int fd;
	union record r;
	struct answer a;
	long long before;
	uint64_t timeouts, sum;
};

FIXTURE_SETUP(ll)
{
	ASSERT_TRUE(node_wait(true));
	ASSERT_TRUE(emu("fault none"));
	ASSERT_TRUE(emu("rate 5000"));
	self->fd = node_open(O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, control(self->fd, DP5_CONTROL_CLAIM));
	ASSERT_EQ(0, transact_text(self->fd, 0x04, "MCAC=1024;MCAE=OFF;",
				   &self->a));
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x01, NULL, 0, &self->a));
	self->before = emu_number("total");
	self->timeouts = get_stats(self->fd).timeouts;
	self->sum = 0;
}

FIXTURE_TEARDOWN(ll)
{
	close(self->fd);
}

static uint64_t counts_of(const union record *r)
{
	const uint8_t *p = r->bytes + r->head.hdr_len;
	uint64_t n = 0;
	int i;

	for (i = 0; i < r->head.channels; i++, p += 3)
		n += p[0] | p[1] << 8 | (uint32_t)p[2] << 16;
	return n;
}

/* Add one part up; its counts by the status beside them. */
static uint64_t take_part(int fd, union record *r, uint64_t *sum)
{
	const uint8_t *st = r->bytes + sizeof(r->head) + 3 * 1024;
	uint64_t n;

	if (next_record(fd, r, DP5_FRAME_PART).type != DP5_FRAME_PART)
		return UINT64_MAX;
	n = counts_of(r);
	*sum += n;
	if (r->head.channels != 1024 ||
	    n != (st[4] | (uint64_t)st[5] << 8 | (uint64_t)st[6] << 16))
		return UINT64_MAX;
	return n;
}

/* Stop, take what is left, and compare with what was counted. */
static int end_run(int fd, union record *r, struct answer *a, uint64_t *sum)
{
	int i, error;

	for (i = 0; i < 5; i++) {
		error = transact_for(fd, 0xf0, 0x03, NULL, 0, 5000 * MS, a);
		if (!error)
			break;
	}
	do {
		if (take_part(fd, r, sum) == UINT64_MAX)
			return EPROTO;
	} while (counts_of(r));
	return error;
}

TEST_F(ll, needs_control)
{
	int other = node_open(O_RDWR);

	EXPECT_EQ(EBUSY, subscribe(other, DP5_SUB_LOSSLESS, 0, 0));
	ASSERT_EQ(0, control(self->fd, DP5_CONTROL_RELEASE));
	EXPECT_EQ(EPERM, subscribe(self->fd, DP5_SUB_LOSSLESS, 0, 0));
	close(other);
}

TEST_F(ll, parts_add_up)
{
	uint64_t start = now_ns();
	unsigned int i;

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LOSSLESS, 100 * MS, 16));
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
	for (i = 0; i < 10; i++) {
		ASSERT_NE(UINT64_MAX,
			  take_part(self->fd, &self->r, &self->sum));
		EXPECT_EQ(0, self->r.head.lost);
		/* None is early. */
		EXPECT_LE(start + i * 100 * MS, self->r.head.t_req_ns);
	}
	ASSERT_EQ(0, end_run(self->fd, &self->r, &self->a, &self->sum));
	EXPECT_LT(1000, self->sum);
	EXPECT_EQ(emu_number("total") - self->before, self->sum);
}

/* What was counted before belongs to the first part. */
TEST_F(ll, first_part_begins_at_the_last_clear)
{
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
	sleep_ms(500);
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x03, NULL, 0, &self->a));
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LOSSLESS, 100 * MS, 0));
	ASSERT_NE(UINT64_MAX, take_part(self->fd, &self->r, &self->sum));
	EXPECT_LT(100, self->sum);
	EXPECT_EQ(emu_number("total") - self->before, self->sum);
	EXPECT_EQ(0, take_part(self->fd, &self->r, &self->sum));
}

/* That is when the counts were moved, and not when they were read. */
TEST_F(ll, time_of_a_part_is_when_it_ended)
{
	ASSERT_TRUE(emu("fault delay 300 6"));
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LOSSLESS, 5000 * MS, 0));
	ASSERT_EQ(DP5_FRAME_PART,
		  next_record(self->fd, &self->r, DP5_FRAME_PART).type);
	EXPECT_LE(550 * MS, self->r.head.t_done_ns - self->r.head.t_req_ns);
	ASSERT_TRUE(emu("fault none"));
}

/* What the slot holds then, nobody knows: it is told as lost. */
TEST_F(ll, slot_of_another_model_is_no_part)
{
	uint64_t lost = 0;
	int i;

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LOSSLESS, 100 * MS, 16));
	ASSERT_NE(UINT64_MAX, take_part(self->fd, &self->r, &self->sum));
	ASSERT_TRUE(emu("model 4"));
	sleep_ms(1000);
	ASSERT_TRUE(emu("model 0"));
	for (i = 0; i < 20 && !lost; i++) {
		ASSERT_NE(UINT64_MAX,
			  take_part(self->fd, &self->r, &self->sum));
		lost = self->r.head.lost;
	}
	EXPECT_LT(0, lost);
}

/* Clear, and read what an earlier run has left in the queue, to the last part. */
static int clear_all(int fd, union record *r, struct answer *a)
{
	uint64_t asked_ns = now_ns();
	int error = transact(fd, 0xf0, 0x01, NULL, 0, a);

	if (error)
		return error;
	do {
		if (!next_record(fd, r, DP5_FRAME_STATE).type)
			return EIO;
	} while (state_of(r)->event != DP5_STATE_CLEAR ||
		 r->head.t_req_ns < asked_ns);
	return 0;
}

/* In the slot, or on its way into it or out of it, when its reader wants
 * something else: a part arrives or is told to be lost.
 */
TEST_F_TIMEOUT(ll, no_part_is_lost_silently_at_the_end, 120)
{
	static const uint32_t next[] = { DP5_SUB_NONE, DP5_SUB_STATUS,
					 DP5_SUB_LOSSLESS };
	struct dp5_stats before, after;
	uint64_t lost, counted;
	unsigned int i;

	for (i = 0; i < 6; i++) {
		ASSERT_EQ(0, clear_all(self->fd, &self->r, &self->a));
		self->before = emu_number("total");
		self->sum = 0;
		ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
		before = get_stats(self->fd);
		ASSERT_EQ(0,
			  subscribe(self->fd, DP5_SUB_LOSSLESS, 300 * MS, 16));
		ASSERT_NE(UINT64_MAX,
			  take_part(self->fd, &self->r, &self->sum));
		/* Of the moving, or of the reading behind it. */
		ASSERT_TRUE(emu("fault delay 400 %u", 1 + i % 2));
		wait_for_fault("fault_delay");
		ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_NONE, 0, 0));
		after = get_stats(self->fd);
		if (next[i / 2])
			ASSERT_EQ(0, subscribe(self->fd, next[i / 2], 1000 * MS,
					       16));
		ASSERT_EQ(0, transact_for(self->fd, 0xf0, 0x03, NULL, 0,
					  5000 * MS, &self->a));
		ASSERT_EQ(0,
			  subscribe(self->fd, DP5_SUB_LOSSLESS, 50 * MS, 16));
		ASSERT_EQ(0, end_run(self->fd, &self->r, &self->a, &self->sum));
		counted = (uint64_t)(emu_number("total") - self->before);
		lost = get_stats(self->fd).lost - before.lost;
		EXPECT_GE(counted, self->sum);
		/* What is being read still arrives, but for who begins anew, or
		 * where a slow machine was late for it. The first request of a
		 * stream reads, and every other one from there on.
		 */
		if ((after.requests - before.requests) % 2 &&
		    get_stats(self->fd).timeouts == before.timeouts &&
		    next[i / 2] != DP5_SUB_LOSSLESS)
			EXPECT_EQ(0, lost);
		/* Each part brings some, and what was told to be lost does not
		 * come.
		 */
		EXPECT_EQ(!lost, counted == self->sum)
		TH_LOG("round %u: %llu of %llu", i,
		       (unsigned long long)self->sum,
		       (unsigned long long)counted);
		ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_NONE, 0, 0));
	}
}

/* Each fault twice, so that it meets the moving and the reading. */
static const char *const faults[] = { "drop 1",	    "corrupt 1", "truncate 1",
				      "garbage 1",  "stall 1",	 "stale 1",
				      "delay 1500", "ack 13 1",	 "short 1",
				      "glue 1",	    "drop 2" };

TEST_F(ll, parts_add_up_over_lost_and_damaged_replies)
{
	size_t i;
	int k;

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LOSSLESS, 40 * MS, 64));
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
	for (i = 0; i < 2 * sizeof(faults) / sizeof(faults[0]); i++) {
		ASSERT_TRUE(emu("fault %s", faults[i / 2]));
		for (k = 0; k < 2 + (int)i % 2; k++)
			ASSERT_NE(UINT64_MAX,
				  take_part(self->fd, &self->r, &self->sum))
		TH_LOG("%s", faults[i / 2]);
	}
	ASSERT_TRUE(emu("fault none"));
	ASSERT_EQ(0, end_run(self->fd, &self->r, &self->a, &self->sum));
	EXPECT_LT(10, get_stats(self->fd).drains);
	EXPECT_EQ(0, get_stats(self->fd).lost);
	EXPECT_EQ(emu_number("total") - self->before, self->sum);
}

/* While the queue is full, the next request is the one that moves a part. It
 * is lost: the slot still holds the part before, which must not come twice.
 */
TEST_F(ll, lost_request_moves_nothing)
{
	int other = node_open(O_RDONLY), i;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LOSSLESS, 300 * MS, 1));
	ASSERT_TRUE(pause_wait(other, &self->r));
	close(other);
	ASSERT_TRUE(emu("fault miss 1"));
	for (i = 0; i < 3; i++)
		ASSERT_NE(UINT64_MAX,
			  take_part(self->fd, &self->r, &self->sum));
	EXPECT_EQ(1, get_stats(self->fd).timeouts - self->timeouts);
	ASSERT_EQ(0, end_run(self->fd, &self->r, &self->a, &self->sum));
	EXPECT_LT(100, self->sum);
	EXPECT_EQ(emu_number("total") - self->before, self->sum);
}

TEST_F(ll, full_queue_pauses_and_nothing_is_lost)
{
	struct dp5_stats before, after;
	int other = node_open(O_RDONLY), i;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LOSSLESS, 20 * MS, 3));
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
	ASSERT_TRUE(pause_wait(other, &self->r));
	close(other);
	before = get_stats(self->fd);
	sleep_ms(300);
	after = get_stats(self->fd);
	EXPECT_EQ(before.requests, after.requests);
	for (i = 0; i < 3; i++)
		ASSERT_NE(UINT64_MAX,
			  take_part(self->fd, &self->r, &self->sum));
	ASSERT_EQ(0, end_run(self->fd, &self->r, &self->a, &self->sum));
	EXPECT_EQ(emu_number("total") - self->before, self->sum);
}

/* Other viewers are told of the clear that each part begins with, the reader
 * of the parts is not.
 */
TEST_F(ll, clears_are_told_to_others_only)
{
	int other = node_open(O_RDONLY), i;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LOSSLESS, 100 * MS, 0));
	next_record(self->fd, &self->r, DP5_FRAME_PART);
	for (i = 0; i < 6; i++) {
		ASSERT_NE(0, next_record(self->fd, &self->r, 0).type);
		EXPECT_FALSE(self->r.head.type == DP5_FRAME_STATE &&
			     state_of(&self->r)->event == DP5_STATE_CLEAR);
	}
	do {
		ASSERT_NE(0, next_record(other, &self->r, 0).type);
	} while (self->r.head.type != DP5_FRAME_STATE);
	EXPECT_EQ(DP5_STATE_CLEAR, state_of(&self->r)->event);
	close(other);
}

/* Nobody asks the slot then whether anything was moved. */
TEST_F(ll, clear_whose_answer_is_lost_at_the_end_is_told)
{
	int other = node_open(O_RDONLY);
	uint64_t asked_ns;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LOSSLESS, 300 * MS, 0));
	ASSERT_NE(UINT64_MAX, take_part(self->fd, &self->r, &self->sum));
	asked_ns = now_ns();
	ASSERT_TRUE(emu("fault drop 1"));
	wait_for_fault("fault_drop");
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_NONE, 0, 0));
	do {
		ASSERT_EQ(DP5_FRAME_STATE,
			  next_record(other, &self->r, DP5_FRAME_STATE).type);
	} while (state_of(&self->r)->event != DP5_STATE_CLEAR ||
		 self->r.head.t_req_ns < asked_ns);
	close(other);
}

/* Behind a preset parts have the same times and often as many counts, here one
 * in six or so; what was counted tells them apart where an acknowledge is lost.
 */
TEST_F_TIMEOUT(ll, parts_of_the_same_status_are_told_apart, 120)
{
	int i;

	ASSERT_TRUE(emu("rate 60"));
	ASSERT_EQ(0, transact_text(self->fd, 0x04, "PRER=0.1;", &self->a));
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LOSSLESS, 150 * MS, 64));
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
	for (i = 0; i < 30; i++) {
		ASSERT_NE(UINT64_MAX,
			  take_part(self->fd, &self->r, &self->sum));
		EXPECT_EQ(0, self->r.head.lost);
		ASSERT_TRUE(emu("fault corrupt 1"));
	}
	ASSERT_TRUE(emu("fault none"));
	ASSERT_EQ(0, end_run(self->fd, &self->r, &self->a, &self->sum));
	EXPECT_LT(30, self->sum);
	EXPECT_EQ(emu_number("total") - self->before, self->sum);
	EXPECT_EQ(0, transact_text(self->fd, 0x04, "PRER=OFF;", &self->a));
}

TEST_HARNESS_MAIN
