// SPDX-License-Identifier: GPL-2.0-or-later
/* poll(): readiness by watermark and deadline, and never a wait of its own. */
#include "guest.h"

FIXTURE(pl)
{
	int fd;
	union record r;
	struct answer a;
};

FIXTURE_SETUP(pl)
{
	self->fd = node_open_quiet(O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(pl)
{
	close(self->fd);
}

TEST_F(pl, nothing_queued_is_not_ready)
{
	EXPECT_EQ(0, poll_for(self->fd, 100));
}

TEST_F(pl, record_makes_it_ready_until_read)
{
	uint64_t start = now_ns();

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 60000 * MS, 0));
	/* Woken by the record, and not by the end of the time. */
	EXPECT_EQ(POLLIN, poll_for(self->fd, 20000));
	EXPECT_GT(15000 * MS, now_ns() - start);
	ASSERT_LT(0, read(self->fd, self->r.bytes, sizeof(self->r.bytes)));
	EXPECT_EQ(0, poll_for(self->fd, 100));
}

TEST_F(pl, watermark_waits_for_that_many_records)
{
	struct dp5_subscribe s = { .size = sizeof(s),
				   .kind = DP5_SUB_STATUS,
				   .interval_ns = 100 * MS,
				   .deadline_ns = 20000 * MS,
				   .watermark = 4 };
	uint64_t start = now_ns();
	ssize_t n;

	ASSERT_EQ(0, ioctl(self->fd, DP5_IOC_SUBSCRIBE, &s));
	EXPECT_EQ(POLLIN, poll_for(self->fd, 15000));
	EXPECT_LT(250 * MS, now_ns() - start);
	n = read(self->fd, self->r.bytes, sizeof(self->r.bytes));
	EXPECT_LE(4 * (ssize_t)(sizeof(struct dp5_frame) + DP5_STATUS_LEN), n);
}

TEST_F(pl, what_a_read_leaves_stays_ready)
{
	struct dp5_subscribe s = { .size = sizeof(s),
				   .kind = DP5_SUB_STATUS,
				   .interval_ns = 500 * MS,
				   .deadline_ns = 20000 * MS,
				   .watermark = 2 };

	ASSERT_EQ(0, ioctl(self->fd, DP5_IOC_SUBSCRIBE, &s));
	EXPECT_EQ(POLLIN, poll_for(self->fd, 15000));
	EXPECT_LT(0, read(self->fd, self->r.bytes, 200));
	EXPECT_EQ(POLLIN, poll_for(self->fd, 0));
}

TEST_F(pl, deadline_makes_fewer_records_ready)
{
	struct dp5_subscribe s = { .size = sizeof(s),
				   .kind = DP5_SUB_STATUS,
				   .interval_ns = 20000 * MS,
				   .deadline_ns = 300 * MS,
				   .watermark = 4 };
	uint64_t start = now_ns();

	ASSERT_EQ(0, ioctl(self->fd, DP5_IOC_SUBSCRIBE, &s));
	EXPECT_EQ(POLLIN, poll_for(self->fd, 15000));
	EXPECT_LT(290 * MS, now_ns() - start);
}

/* It is of the oldest record that is queued. */
TEST_F(pl, deadline_passes_for_each_record_anew)
{
	struct dp5_subscribe s = { .size = sizeof(s),
				   .kind = DP5_SUB_STATUS,
				   .interval_ns = 1200 * MS,
				   .deadline_ns = 600 * MS,
				   .watermark = 4 };
	void *hole =
		mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	ASSERT_EQ(0, ioctl(self->fd, DP5_IOC_SUBSCRIBE, &s));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(POLLIN, poll_for(self->fd, 15000));
		/* Given back, it is as ready as before. */
		EXPECT_EQ(-1, read(self->fd, hole, 4096));
		EXPECT_EQ(EFAULT, errno);
		EXPECT_EQ(POLLIN, poll_for(self->fd, 0));
		ASSERT_LT(0,
			  read(self->fd, self->r.bytes, sizeof(self->r.bytes)));
		EXPECT_LT(590 * MS, now_ns() - self->r.head.t_done_ns);
	}
}

static struct dp5_subscribe for_eight = { .size = sizeof(for_eight),
					  .kind = DP5_SUB_STATUS,
					  .interval_ns = 60000 * MS,
					  .deadline_ns = 60000 * MS,
					  .watermark = 8 };

/* One record lies in the queue of @fd, fewer than are waited for. */
static bool queue_one(int fd, union record *r)
{
	int other = node_open(O_RDONLY);
	bool ret = other >= 0 && !ioctl(fd, DP5_IOC_SUBSCRIBE, &for_eight) &&
		   next_record(other, r, DP5_FRAME_STATUS).type;

	close(other);
	return ret && !poll_for(fd, 0);
}

/* Nothing else would tell of what came before it. */
TEST_F(pl, another_subscription_makes_what_is_queued_ready)
{
	ASSERT_TRUE(queue_one(self->fd, &self->r));
	ASSERT_EQ(0, ioctl(self->fd, DP5_IOC_SUBSCRIBE, &for_eight));
	EXPECT_EQ(POLLIN, poll_for(self->fd, 0));
}

TEST_F(pl, end_of_a_subscription_wakes_who_waits_for_more)
{
	uint64_t start;
	pid_t child;
	int status;

	ASSERT_TRUE(queue_one(self->fd, &self->r));
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(poll_for(self->fd, 20000) != POLLIN);
	wait_for_sleep(child);
	start = now_ns();
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_NONE, 0, 0));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_GT(15000 * MS, now_ns() - start);
}

/* Who waits for nothing else is woken by it. */
TEST_F(pl, state_record_is_urgent)
{
	struct pollfd p = { .fd = self->fd, .events = POLLPRI };
	uint64_t start = now_ns();
	int status, other;
	pid_t child;

	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		sleep_ms(300);
		other = node_open(O_RDWR);
		_exit(other < 0 ||
		      transact(other, 0xf0, 0x01, NULL, 0, &self->a));
	}
	EXPECT_EQ(1, poll(&p, 1, 20000));
	EXPECT_GT(15000 * MS, now_ns() - start);
	EXPECT_EQ(POLLPRI, p.revents);
	/* On a slow machine a recovery may be told before. */
	do {
		ASSERT_EQ(DP5_FRAME_STATE,
			  next_record(self->fd, &self->r, 0).type);
	} while (state_of(&self->r)->event != DP5_STATE_CLEAR);
	EXPECT_EQ(0, poll_for(self->fd, 0) & POLLPRI);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* They end before the exchange does. Tried again should this machine have been
 * held up for as long as that takes.
 */
TEST_F(pl, poll_and_close_do_not_wait_for_an_exchange)
{
	bool is_under_way = false;
	int other, i, k, status;
	pid_t child;

	for (i = 0; i < 4 && !is_under_way; i++) {
		ASSERT_TRUE(emu("fault delay 3000 1"));
		child = fork();
		if (!child) {
			transact_for(self->fd, 0x01, 0x01, NULL, 0, 20000 * MS,
				     &self->a);
			_exit(self->a.error);
		}
		wait_for_fault("fault_delay");
		for (k = 0; k < 10; k++)
			EXPECT_EQ(0, poll_for(self->fd, 0));
		other = node_open(O_RDONLY);
		EXPECT_LE(0, other);
		get_stats(other);
		close(other);
		is_under_way = !waitpid(child, &status, WNOHANG);
		if (is_under_way) {
			ASSERT_EQ(child, waitpid(child, &status, 0));
		}
		EXPECT_EQ(0, status);
	}
	EXPECT_TRUE(is_under_way);
}

/* What poll() says, a read that must not block does. */
TEST_F(pl, read_without_blocking_waits_for_the_watermark_too)
{
	struct dp5_subscribe s = { .size = sizeof(s),
				   .kind = DP5_SUB_STATUS,
				   .interval_ns = 60000 * MS,
				   .deadline_ns = 60000 * MS,
				   .watermark = 2 };
	uint64_t frames = get_stats(self->fd).frames;

	ASSERT_EQ(0, ioctl(self->fd, DP5_IOC_SUBSCRIBE, &s));
	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	/* The first is there, the second comes in a minute. */
	while (get_stats(self->fd).frames == frames)
		sleep_ms(10);
	errno = 0;
	EXPECT_EQ(-1, read(self->fd, self->r.bytes, sizeof(self->r.bytes)));
	EXPECT_EQ(EAGAIN, errno);
	s.watermark = 1;
	ASSERT_EQ(0, ioctl(self->fd, DP5_IOC_SUBSCRIBE, &s));
	EXPECT_NE(0, poll_for(self->fd, 20000) & POLLIN);
	EXPECT_LT(0, read(self->fd, self->r.bytes, sizeof(self->r.bytes)));
}

TEST_HARNESS_MAIN
