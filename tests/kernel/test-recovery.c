// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Faults of the link: the call that meets one fails as the contract says, the
 * next is right, and the counters tell what happened. The reply that follows
 * is a spectrum where the spoilt one was a status, so that a late or doubled
 * reply could not pass for it.
 */
#include "guest.h"

FIXTURE(rc)
{
	int fd;
	struct answer a;
	struct dp5_stats before;
	union record r;
};

FIXTURE_SETUP(rc)
{
	self->fd = node_open(O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	self->before = get_stats(self->fd);
}

FIXTURE_TEARDOWN(rc)
{
	close(self->fd);
}

/* The next request of either kind is answered by its own answer. */
static int next_is_right(int fd, struct answer *a)
{
	int i;

	for (i = 0; i < 3; i++) {
		if (transact_for(fd, 0x02, 0x03, NULL, 0, 5000 * MS, a) ||
		    a->pid1 != 0x81)
			return 1;
		if (transact_for(fd, 0x01, 0x01, NULL, 0, 5000 * MS, a) ||
		    a->pid1 != 0x80 || a->len != DP5_STATUS_LEN)
			return 2;
	}
	return 0;
}

TEST_F(rc, dropped_reply)
{
	uint64_t start = now_ns();
	struct dp5_stats s;

	ASSERT_TRUE(emu("fault drop 1"));
	EXPECT_EQ(ETIMEDOUT, transact_for(self->fd, 0x01, 0x01, NULL, 0,
					  300 * MS, &self->a));
	/* It is listened to for 60 ms before anything is sent. */
	ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	EXPECT_LE(start + 350 * MS, self->a.t_req_ns);
	EXPECT_EQ(0, next_is_right(self->fd, &self->a));
	s = get_stats(self->fd);
	EXPECT_EQ(self->before.timeouts + 1, s.timeouts);
	EXPECT_EQ(self->before.drains + 1, s.drains);
	EXPECT_EQ(self->before.halts_cleared, s.halts_cleared);
}

TEST_F(rc, reply_after_the_time_out)
{
	struct dp5_stats s;

	ASSERT_TRUE(emu("fault delay 400 1"));
	EXPECT_EQ(ETIMEDOUT, transact_for(self->fd, 0x01, 0x01, NULL, 0,
					  150 * MS, &self->a));
	EXPECT_EQ(0, next_is_right(self->fd, &self->a));
	s = get_stats(self->fd);
	EXPECT_EQ(self->before.timeouts + 1, s.timeouts);
	EXPECT_EQ(self->before.drains + 1, s.drains);
}

TEST_F(rc, very_late_reply_of_the_same_kind)
{
	uint8_t first[8] = "first", second[8] = "second";

	ASSERT_TRUE(emu("fault delay 600 1"));
	EXPECT_EQ(ETIMEDOUT, transact_for(self->fd, 0xf1, 0x7f, first, 8,
					  100 * MS, &self->a));
	ASSERT_EQ(0, transact_for(self->fd, 0xf1, 0x7f, second, 8, 5000 * MS,
				  &self->a));
	EXPECT_EQ(0, memcmp(second, self->a.data, 8));
	EXPECT_EQ(0, next_is_right(self->fd, &self->a));
	/* As long as the recovery's own echoes, and not taken for one. */
	EXPECT_EQ(self->before.stale, get_stats(self->fd).stale);
}

static const struct {
	const char *name;
	int error;
} spoils[] = {
	{ "corrupt", EPROTO }, { "truncate", EPROTO }, { "short", EPROTO },
	{ "garbage", EPROTO }, { "glue", EPROTO },     { "stall", EPROTO },
};

TEST_F(rc, damaged_replies)
{
	struct dp5_stats s;
	size_t i;

	for (i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++) {
		self->before = get_stats(self->fd);
		ASSERT_TRUE(emu("fault %s 1", spoils[i].name));
		EXPECT_EQ(spoils[i].error,
			  transact(self->fd, 0x01, 0x01, NULL, 0, &self->a))
		TH_LOG("%s", spoils[i].name);
		EXPECT_EQ(0, next_is_right(self->fd, &self->a))
		TH_LOG("%s", spoils[i].name);
		s = get_stats(self->fd);
		EXPECT_EQ(self->before.bad + self->before.usb_errors + 1,
			  s.bad + s.usb_errors)
		TH_LOG("%s", spoils[i].name);
		EXPECT_EQ(self->before.drains + 1, s.drains)
		TH_LOG("%s", spoils[i].name);
	}
}

/* What the unit may have done: who reads does not have to guess. */
TEST_F(rc, change_whose_answer_is_lost_is_told)
{
	static const struct {
		const char *fault;
		int error;
		uint8_t pid1, pid2;
		const char *text;
		uint32_t event, arg;
	} changes[] = {
		{ "corrupt", EPROTO, 0x20, 0x04, "GAIN=10;", DP5_STATE_CONFIG,
		  8 },
		{ "drop", ETIMEDOUT, 0xf0, 0x02, "", DP5_STATE_RUN, 1 },
		{ "corrupt", EPROTO, 0xf0, 0x01, "", DP5_STATE_CLEAR, 0 },
	};
	int other = node_open(O_RDONLY), i;

	ASSERT_LE(0, other);
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(emu("fault %s 1", changes[i].fault));
		EXPECT_EQ(changes[i].error,
			  transact_for(self->fd, changes[i].pid1,
				       changes[i].pid2, changes[i].text,
				       strlen(changes[i].text), 0, &self->a));
		ASSERT_NE(0,
			  next_record(other, &self->r, DP5_FRAME_STATE).type);
		EXPECT_EQ(changes[i].event, state_of(&self->r)->event);
		EXPECT_EQ(changes[i].arg, state_of(&self->r)->arg);
		EXPECT_EQ(0, next_is_right(self->fd, &self->a));
		ASSERT_NE(0,
			  next_record(other, &self->r, DP5_FRAME_STATE).type);
		EXPECT_EQ(DP5_STATE_RESYNC, state_of(&self->r)->event);
	}
	close(other);
}

TEST_F(rc, damaged_spectrum)
{
	ASSERT_TRUE(emu("fault truncate 1"));
	EXPECT_NE(0, transact(self->fd, 0x02, 0x03, NULL, 0, &self->a));
	EXPECT_EQ(0, next_is_right(self->fd, &self->a));
	ASSERT_TRUE(emu("fault corrupt 1"));
	EXPECT_EQ(EPROTO, transact(self->fd, 0x02, 0x03, NULL, 0, &self->a));
	EXPECT_EQ(0, next_is_right(self->fd, &self->a));
}

TEST_F(rc, stale_reply_is_dropped_and_the_right_one_taken)
{
	struct dp5_stats s;

	/* A status was the last answer; a spectrum is asked for. */
	ASSERT_TRUE(emu("fault stale 1"));
	ASSERT_EQ(0, transact_for(self->fd, 0x02, 0x03, NULL, 0, 5000 * MS,
				  &self->a));
	EXPECT_EQ(0x81, self->a.pid1);
	s = get_stats(self->fd);
	EXPECT_EQ(self->before.stale + 1, s.stale);
	EXPECT_EQ(self->before.drains, s.drains);
	/* Another may follow. */
	EXPECT_EQ(0, next_is_right(self->fd, &self->a));
	EXPECT_EQ(self->before.drains + 1, get_stats(self->fd).drains);
}

TEST_F(rc, silent_for_long_is_reset_and_comes_back)
{
	struct dp5_stats s;

	/* Also the echoes of the recovery are lost. */
	ASSERT_TRUE(emu("fault drop 14"));
	EXPECT_EQ(ETIMEDOUT, transact_for(self->fd, 0x01, 0x01, NULL, 0,
					  100 * MS, &self->a));
	while (transact_for(self->fd, 0x01, 0x01, NULL, 0, 500 * MS, &self->a))
		;
	EXPECT_EQ(0, next_is_right(self->fd, &self->a));
	s = get_stats(self->fd);
	EXPECT_LT(self->before.halts_cleared, s.halts_cleared);
	EXPECT_LT(self->before.port_resets, s.port_resets);
}

/* A unit that stays silent is not reset by each call. */
TEST_F_TIMEOUT(rc, port_is_reset_once_in_ten_seconds, 90)
{
	struct dp5_stats s;
	uint64_t start;
	int n = 0;

	ASSERT_TRUE(emu("fault drop 1000"));
	do {
		start = now_ns();
		transact_for(self->fd, 0x01, 0x01, NULL, 0, 100 * MS, &self->a);
	} while (get_stats(self->fd).port_resets == self->before.port_resets);
	for (;;) {
		transact_for(self->fd, 0x01, 0x01, NULL, 0, 100 * MS, &self->a);
		s = get_stats(self->fd);
		if (now_ns() - start > 9000 * MS)
			break;
		EXPECT_EQ(self->before.port_resets + 1, s.port_resets);
		n++;
	}
	EXPECT_LT(0, n);
	ASSERT_TRUE(emu("fault none"));
	while (transact_for(self->fd, 0x01, 0x01, NULL, 0, 500 * MS, &self->a))
		;
	EXPECT_EQ(0, next_is_right(self->fd, &self->a));
}

TEST_F(rc, stream_goes_on_and_tells_of_the_recovery)
{
	int other = node_open(O_RDONLY);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, subscribe(other, DP5_SUB_SPECTRUM, 100 * MS, 0));
	next_record(other, &self->r, DP5_FRAME_SPECTRUM);
	ASSERT_TRUE(emu("fault corrupt 1"));
	next_record(other, &self->r, DP5_FRAME_STATE);
	EXPECT_EQ(DP5_STATE_RESYNC, state_of(&self->r)->event);
	EXPECT_EQ(1, state_of(&self->r)->arg);
	/* One reply that failed is no pause. */
	next_record(other, &self->r, 0);
	EXPECT_EQ(DP5_FRAME_SPECTRUM, self->r.head.type);
	close(other);
}

TEST_F(rc, every_tenth_reply_spoilt)
{
	static const char *const names[] = { "corrupt 1", "stale 1", "glue 1",
					     "truncate 1", "delay 50 1" };
	int i, right = 0;

	for (i = 0; i < 25; i++) {
		if (i % 5 == 0)
			ASSERT_TRUE(emu("fault %s", names[i / 5]));
		if (!transact_for(self->fd, 0x02, 0x03, NULL, 0, 2000 * MS,
				  &self->a)) {
			EXPECT_EQ(0x81, self->a.pid1);
			right++;
		}
	}
	EXPECT_LE(20, right);
}

/* Two statuses of one serial number stand in for the echo. */
TEST_F(rc, firmware_without_echo)
{
	struct dp5_stats s;

	ASSERT_TRUE(emu("fault drop 1"));
	ASSERT_TRUE(emu("fault ack 2 1"));
	EXPECT_EQ(ETIMEDOUT, transact_for(self->fd, 0x01, 0x01, NULL, 0,
					  300 * MS, &self->a));
	EXPECT_EQ(0, next_is_right(self->fd, &self->a));
	s = get_stats(self->fd);
	EXPECT_EQ(self->before.drains + 1, s.drains);
	EXPECT_EQ(self->before.halts_cleared, s.halts_cleared);
	EXPECT_EQ(0, s.port_resets - self->before.port_resets);
}

/* 504 bytes of echo make a packet of 512, full at either speed: an empty one
 * ends it.
 */
static int full_echo(int fd, struct answer *a)
{
	uint8_t tx[504];

	memset(tx, 0x5a, sizeof(tx));
	if (transact_for(fd, 0xf1, 0x7f, tx, sizeof(tx), 1500 * MS, a))
		return a->error;
	return a->len != sizeof(tx) || memcmp(a->data, tx, sizeof(tx));
}

TEST_F(rc, full_reply_without_its_end_is_taken_at_the_time_out)
{
	ASSERT_TRUE(emu("fault unended 1"));
	EXPECT_EQ(0, full_echo(self->fd, &self->a));
	EXPECT_LT(1400 * MS, self->a.t_done_ns - self->a.t_req_ns);
	EXPECT_EQ(0, full_echo(self->fd, &self->a));
	EXPECT_GT(1400 * MS, self->a.t_done_ns - self->a.t_req_ns);
	EXPECT_EQ(0, next_is_right(self->fd, &self->a));
	EXPECT_EQ(self->before.timeouts + 1, get_stats(self->fd).timeouts);
	EXPECT_EQ(self->before.drains, get_stats(self->fd).drains);
}

TEST_F(rc, late_end_of_the_reply_before_is_swallowed)
{
	ASSERT_TRUE(emu("fault empty 1"));
	EXPECT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	EXPECT_EQ(DP5_STATUS_LEN, self->a.len);
	EXPECT_EQ(self->before.bad, get_stats(self->fd).bad);
	EXPECT_EQ(self->before.drains, get_stats(self->fd).drains);
}

TEST_HARNESS_MAIN
