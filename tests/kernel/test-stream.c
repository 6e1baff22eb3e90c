// SPDX-License-Identifier: GPL-2.0-or-later
/* Subscriptions: pace, fan-out, losses, and the records between frames. */
#include "guest.h"

FIXTURE(st)
{
	int a, b, c;
	union record r, q;
	struct answer answer;
};

FIXTURE_SETUP(st)
{
	self->a = node_open_quiet(O_RDWR);
	self->b = node_open(O_RDONLY);
	self->c = node_open(O_RDONLY);
	ASSERT_LE(0, self->a);
	ASSERT_LE(0, self->b);
	ASSERT_LE(0, self->c);
}

FIXTURE_TEARDOWN(st)
{
	close(self->a);
	close(self->b);
	close(self->c);
}

TEST_F(st, frames_come_at_the_interval)
{
	uint64_t start = now_ns();
	struct dp5_frame f;
	unsigned int i;

	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_STATUS, 100 * MS, 64));
	for (i = 0; i < 11; i++) {
		f = next_record(self->a, &self->r, DP5_FRAME_STATUS);
		ASSERT_EQ(DP5_FRAME_STATUS, f.type);
		EXPECT_EQ(0, f.lost);
		/* A slow machine is late, and none is early. */
		EXPECT_LE(start + i * 100 * MS, f.t_req_ns);
	}
	EXPECT_GT(start + 9000 * MS, f.t_req_ns);
}

/* A stream that stood for longer than its interval makes nothing up. Who did
 * not subscribe sees all that is asked for.
 */
TEST_F(st, second_subscription_begins_at_its_own_time)
{
	uint64_t start;
	unsigned int i;

	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_STATUS, 0, 64));
	next_record(self->a, &self->r, DP5_FRAME_STATUS);
	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_NONE, 0, 0));
	/* Takes its turn behind one under way. */
	ASSERT_EQ(0, transact(self->a, 0x01, 0x01, NULL, 0, &self->answer));
	sleep_ms(300);
	start = now_ns();
	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_STATUS, 200 * MS, 64));
	for (i = 0; i < 3;) {
		ASSERT_NE(0, next_record(self->b, &self->r, DP5_FRAME_STATUS)
				     .type);
		if (self->r.head.t_req_ns < start)
			continue;
		EXPECT_LE(start + i++ * 200 * MS, self->r.head.t_req_ns);
	}
}

TEST_F(st, joiner_of_a_slow_stream_is_served_at_once)
{
	uint64_t first;

	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_STATUS, 5000 * MS, 64));
	first = next_record(self->a, &self->r, DP5_FRAME_STATUS).t_req_ns;
	ASSERT_NE(0, first);
	ASSERT_EQ(0, subscribe(self->b, DP5_SUB_STATUS, 5000 * MS, 64));
	do {
		ASSERT_EQ(
			DP5_FRAME_STATUS,
			next_record(self->b, &self->r, DP5_FRAME_STATUS).type);
	} while (self->r.head.t_req_ns <= first);
	EXPECT_GT(first + 5000 * MS, self->r.head.t_req_ns);
}

TEST_F(st, one_exchange_serves_every_open)
{
	struct dp5_stats before, after;
	uint64_t seq, start = now_ns();
	int i;

	before = get_stats(self->a);
	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_SPECTRUM, 200 * MS, 64));
	ASSERT_EQ(0, subscribe(self->b, DP5_SUB_SPECTRUM, 200 * MS, 64));
	wait_for_frames(self->a, 10);
	after = get_stats(self->a);
	/* But for one that is on the wire while the counters are read. */
	EXPECT_GE(1, labs((long)(after.frames - before.frames) -
			  (long)(after.requests - before.requests)));
	/* One at once, one more because b came later, then at the interval. */
	EXPECT_GE((now_ns() - start) / (200 * MS) + 2,
		  after.frames - before.frames);

	/* c never subscribed. All three hold the same record. */
	next_record(self->c, &self->r, DP5_FRAME_SPECTRUM);
	seq = self->r.head.seq;
	for (i = 0; i < 2; i++) {
		do {
			next_record(i ? self->b : self->a, &self->q,
				    DP5_FRAME_SPECTRUM);
		} while (self->q.head.seq < seq);
		ASSERT_EQ(seq, self->q.head.seq);
		EXPECT_EQ(0, memcmp(self->q.bytes + self->q.head.hdr_len,
				    self->r.bytes + self->r.head.hdr_len,
				    self->r.head.payload_len));
	}
}

TEST_F(st, slow_reader_loses_the_oldest_and_is_told)
{
	struct dp5_frame f;

	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_STATUS, 50 * MS, 2));
	wait_for_frames(self->a, 12);
	/* A read that fails tells nothing. */
	EXPECT_EQ(-1, read(self->a, self->r.bytes, 8));
	f = next_record(self->a, &self->r, DP5_FRAME_STATUS);
	/* Twelve came, two are kept; some may have been early for this open. */
	EXPECT_LE(5, f.lost);
	EXPECT_LE(f.lost, get_stats(self->a).lost);
	f = next_record(self->a, &self->r, DP5_FRAME_STATUS);
	EXPECT_EQ(0, f.lost);
}

TEST_F(st, longer_interval_gets_every_nth_without_loss)
{
	uint64_t start = now_ns();
	struct dp5_frame f;
	unsigned int i;

	/* b first: an open without subscription would take a's frames. */
	ASSERT_EQ(0, subscribe(self->b, DP5_SUB_STATUS, 250 * MS, 0));
	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_STATUS, 50 * MS, 0));
	for (i = 0; i < 5; i++) {
		f = next_record(self->b, &self->r, DP5_FRAME_STATUS);
		ASSERT_EQ(DP5_FRAME_STATUS, f.type);
		EXPECT_EQ(0, f.lost);
		/* Half the stream's interval early at most, which was b's own
		 * until a came.
		 */
		EXPECT_LE(start + i * 250 * MS, f.t_req_ns + 125 * MS);
	}
}

/* Drop what is queued. */
static void drop_all(int fd)
{
	static uint8_t buf[FRAME_ROOM];

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	fcntl(fd, F_SETFL, 0);
}

TEST_F(st, kinds_do_not_mix)
{
	int i;

	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_STATUS, 50 * MS, 0));
	ASSERT_EQ(0, subscribe(self->b, DP5_SUB_SPECTRUM, 50 * MS, 0));
	/* Before it subscribed, each took what the other caused. */
	drop_all(self->a);
	drop_all(self->b);
	for (i = 0; i < 5; i++) {
		next_record(self->a, &self->r, 0);
		EXPECT_EQ(DP5_FRAME_STATUS, self->r.head.type);
	}
	for (i = 0; i < 5; i++) {
		next_record(self->b, &self->r, 0);
		EXPECT_EQ(DP5_FRAME_SPECTRUM, self->r.head.type);
	}
}

TEST_F(st, changes_are_told_to_every_open)
{
	static const char text[] = "MCAC=2048;";

	ASSERT_EQ(0, transact_text(self->a, 0x04, text, &self->answer));
	ASSERT_EQ(0, transact(self->a, 0xf0, 0x01, NULL, 0, &self->answer));
	ASSERT_EQ(0, transact(self->a, 0xf0, 0x02, NULL, 0, &self->answer));
	ASSERT_EQ(0, transact(self->a, 0xf0, 0x03, NULL, 0, &self->answer));

	next_record(self->b, &self->r, 0);
	EXPECT_EQ(DP5_STATE_CONFIG, state_of(&self->r)->event);
	EXPECT_EQ(strlen(text), state_of(&self->r)->arg);
	EXPECT_EQ(0, state_of(&self->r)->kind);
	next_record(self->b, &self->r, 0);
	EXPECT_EQ(DP5_STATE_CLEAR, state_of(&self->r)->event);
	next_record(self->b, &self->r, 0);
	EXPECT_EQ(DP5_STATE_RUN, state_of(&self->r)->event);
	EXPECT_EQ(1, state_of(&self->r)->arg);
	next_record(self->b, &self->r, 0);
	EXPECT_EQ(DP5_STATE_RUN, state_of(&self->r)->event);
	EXPECT_EQ(0, state_of(&self->r)->arg);
	EXPECT_EQ(DP5_FRAME_STATE, self->r.head.type);
	EXPECT_EQ(sizeof(struct dp5_state), self->r.head.payload_len);
}

/* All of the text was carried out but for the command that came back. */
TEST_F(st, text_with_a_refused_command_is_told_too)
{
	static const char text[] = "MCAC=2048;XXXX=1;";

	ASSERT_EQ(0, transact_text(self->a, 0x04, text, &self->answer));
	EXPECT_EQ(0x07, self->answer.pid2);
	ASSERT_EQ(0, transact(self->a, 0xf0, 0x01, NULL, 0, &self->answer));
	next_record(self->b, &self->r, 0);
	EXPECT_EQ(DP5_STATE_CONFIG, state_of(&self->r)->event);
	EXPECT_EQ(strlen(text), state_of(&self->r)->arg);
}

TEST_F(st, refused_request_pauses_the_stream_and_success_restarts_it)
{
	static const struct {
		unsigned int ack, error;
	} refusals[] = { { 13, EBUSY },
			 { 8, ENXIO },
			 { 2, EOPNOTSUPP },
			 { 16, EOPNOTSUPP },
			 { 5, EIO } };
	size_t i;

	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_SPECTRUM, 100 * MS, 0));
	next_record(self->a, &self->r, DP5_FRAME_SPECTRUM);
	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		ASSERT_TRUE(emu("fault ack %u 1", refusals[i].ack));
		next_record(self->a, &self->r, DP5_FRAME_STATE);
		EXPECT_EQ(DP5_STATE_PAUSE, state_of(&self->r)->event);
		EXPECT_EQ(refusals[i].error, state_of(&self->r)->arg);
		EXPECT_EQ(DP5_SUB_SPECTRUM, state_of(&self->r)->kind);
		EXPECT_EQ(0, state_of(&self->r)->reserved);
		next_record(self->a, &self->r, DP5_FRAME_STATE);
		EXPECT_EQ(DP5_STATE_RESTART, state_of(&self->r)->event);
		EXPECT_EQ(DP5_SUB_SPECTRUM, state_of(&self->r)->kind);
		next_record(self->a, &self->r, DP5_FRAME_SPECTRUM);
		EXPECT_EQ(DP5_FRAME_SPECTRUM, self->r.head.type);
	}
}

/* The last reply of a stream comes after its subscriber has gone. */
TEST_F(st, pause_ends_with_the_last_subscriber_without_a_record)
{
	bool is_paused = false;
	int i;

	ASSERT_TRUE(emu("fault ack 13 1000"));
	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_STATUS, 10 * MS, 0));
	next_record(self->b, &self->r, DP5_FRAME_STATE);
	EXPECT_EQ(DP5_STATE_PAUSE, state_of(&self->r)->event);
	/* Of a refusal that nobody waits for any more there is nothing to tell
	 * either.
	 */
	ASSERT_TRUE(emu("fault delay 300 1"));
	wait_for_fault("fault_delay");
	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_NONE, 0, 0));
	ASSERT_TRUE(emu("fault none"));
	ASSERT_EQ(0, transact(self->a, 0x01, 0x01, NULL, 0, &self->answer));
	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_STATUS, 10 * MS, 0));
	for (i = 0; i < 3; i++) {
		while (next_record(self->b, &self->r, 0).type ==
		       DP5_FRAME_STATE) {
			/* A slow machine may have one of its own. */
			if (state_of(&self->r)->event == DP5_STATE_PAUSE)
				is_paused = true;
			EXPECT_NE(EBUSY, state_of(&self->r)->arg);
			EXPECT_TRUE(is_paused || state_of(&self->r)->event !=
							 DP5_STATE_RESTART);
		}
		ASSERT_EQ(DP5_FRAME_STATUS, self->r.head.type);
	}
}

/* Who reads along has room of its own for what comes when the last subscriber
 * has gone. Tried again should that have gone too late, or its reply not have
 * come in time.
 */
TEST_F(st, reply_behind_the_last_subscriber_reaches_who_reads_along)
{
	int writer = node_open(O_WRONLY), i;
	uint64_t gone_ns = UINT64_MAX;

	ASSERT_LE(0, writer);
	for (i = 0; i < 4 && self->r.head.t_done_ns <= gone_ns; i++) {
		drop_all(self->b);
		ASSERT_TRUE(emu("fault delay 400 1"));
		ASSERT_EQ(0, subscribe(self->a, DP5_SUB_STATUS, 1000 * MS, 0));
		wait_for_fault("fault_delay");
		ASSERT_EQ(0, subscribe(self->a, DP5_SUB_NONE, 0, 0));
		gone_ns = now_ns();
		/* Takes its turn behind it. */
		ASSERT_EQ(0, transact_for(self->b, 0x01, 0x01, NULL, 0,
					  5000 * MS, &self->answer));
		fcntl(self->b, F_SETFL, O_NONBLOCK);
		next_record(self->b, &self->r, DP5_FRAME_STATUS);
		fcntl(self->b, F_SETFL, 0);
	}
	EXPECT_LT(gone_ns, self->r.head.t_done_ns);
	EXPECT_EQ(DP5_FRAME_STATUS, self->r.head.type);
	EXPECT_EQ(0, get_stats(self->b).lost);
	EXPECT_EQ(0, get_stats(writer).lost);
	close(writer);
}

TEST_F(st, clock_of_the_open_stamps_its_records)
{
	struct dp5_subscribe s = { .size = sizeof(s),
				   .kind = DP5_SUB_STATUS,
				   .clock = DP5_CLOCK_REALTIME };
	uint64_t real;

	ASSERT_EQ(0, ioctl(self->a, DP5_IOC_SUBSCRIBE, &s));
	next_record(self->a, &self->r, DP5_FRAME_STATUS);
	real = clock_ns(CLOCK_REALTIME);
	EXPECT_LE(self->r.head.t_done_ns, real);
	EXPECT_GT(10000 * MS, real - self->r.head.t_done_ns);
}

TEST_F(st, clock_set_later_does_not_change_when_something_was)
{
	struct dp5_subscribe s = { .size = sizeof(s),
				   .kind = DP5_SUB_STATUS,
				   .clock = DP5_CLOCK_REALTIME,
				   /* Or the first may be dropped by then. */
				   .interval_ns = 60000 * MS };
	const time_t hour = 3600;
	struct timespec ts;
	uint64_t real;

	ASSERT_EQ(0, ioctl(self->a, DP5_IOC_SUBSCRIBE, &s));
	ASSERT_NE(0, poll_for(self->a, -1));
	real = clock_ns(CLOCK_REALTIME);
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += hour;
	ASSERT_EQ(0, clock_settime(CLOCK_REALTIME, &ts));
	next_record(self->a, &self->r, DP5_FRAME_STATUS);
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec -= hour;
	ASSERT_EQ(0, clock_settime(CLOCK_REALTIME, &ts));
	EXPECT_GT(real, self->r.head.t_done_ns);
}

/* In order: request, reply, reading. */
TEST_F(st, boot_time_is_told_if_asked_for)
{
	struct dp5_subscribe s = { .size = sizeof(s),
				   .kind = DP5_SUB_STATUS,
				   .clock = DP5_CLOCK_BOOTTIME };
	uint64_t before = clock_ns(CLOCK_BOOTTIME);

	ASSERT_EQ(0, ioctl(self->a, DP5_IOC_SUBSCRIBE, &s));
	next_record(self->a, &self->r, DP5_FRAME_STATUS);
	EXPECT_LE(before, self->r.head.t_req_ns);
	EXPECT_LT(self->r.head.t_req_ns, self->r.head.t_done_ns);
	EXPECT_LE(self->r.head.t_done_ns, clock_ns(CLOCK_BOOTTIME));
}

/* Mostly: the guest may be held up now and then. */
TEST_F(st, back_to_back_has_no_pause_between_requests)
{
	struct dp5_frame f;
	uint64_t done = 0;
	int i, n_close = 0;

	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_STATUS, 0, 64));
	for (i = 0; i < 30; i++) {
		f = next_record(self->a, &self->r, DP5_FRAME_STATUS);
		ASSERT_EQ(DP5_FRAME_STATUS, f.type);
		n_close += done && f.t_req_ns - done < 20 * MS;
		done = f.t_done_ns;
	}
	EXPECT_LE(20, n_close);
}

/* Opening again and again is no way around the pause after a refusal. */
TEST_F(st, pause_holds_for_new_subscribers_too)
{
	struct dp5_stats before, after;
	uint64_t start;

	ASSERT_TRUE(emu("fault ack 13 1000"));
	before = get_stats(self->b);
	start = now_ns();
	while (now_ns() < start + 2000 * MS) {
		close(self->a);
		self->a = node_open(O_RDWR);
		ASSERT_EQ(0, subscribe(self->a, DP5_SUB_STATUS, 0, 0));
		sleep_ms(20);
	}
	after = get_stats(self->b);
	emu("fault none");
	EXPECT_GE((now_ns() - start) / (1000 * MS) + 3,
		  after.requests - before.requests);
}

static uint32_t wait_for_pause(int fd, union record *r)
{
	do {
		if (!next_record(fd, r, DP5_FRAME_STATE).type)
			return 0;
	} while (state_of(r)->event != DP5_STATE_PAUSE);
	return state_of(r)->arg;
}

/* Who joins a stream that stands learns it at once and once. */
TEST_F(st, joiner_of_a_paused_stream_is_told)
{
	ASSERT_TRUE(emu("fault ack 13 1000"));
	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_STATUS, 10 * MS, 0));
	EXPECT_EQ(EBUSY, wait_for_pause(self->a, &self->r));
	EXPECT_EQ(EBUSY, wait_for_pause(self->b, &self->r));
	EXPECT_EQ(0, poll_for(self->b, 0));
	ASSERT_EQ(0, subscribe(self->b, DP5_SUB_STATUS, 10 * MS, 0));
	ASSERT_NE(0, poll_for(self->b, 0));
	EXPECT_EQ(EBUSY, wait_for_pause(self->b, &self->r));
	ASSERT_EQ(0, subscribe(self->b, DP5_SUB_STATUS, 20 * MS, 0));
	EXPECT_EQ(0, poll_for(self->b, 0));
	emu("fault none");
}

/* Who comes when the ones before have gone learns it, too. */
TEST_F_TIMEOUT(st, silent_instrument_is_told_to_later_subscribers, 120)
{
	ASSERT_TRUE(emu("fault drop 1000"));
	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_STATUS, 10 * MS, 0));
	EXPECT_EQ(ETIMEDOUT, wait_for_pause(self->b, &self->r));
	close(self->a);
	self->a = -1;
	ASSERT_EQ(0, subscribe(self->b, DP5_SUB_STATUS, 10 * MS, 0));
	EXPECT_EQ(ETIMEDOUT, wait_for_pause(self->b, &self->r));
	emu("fault none");
}

/* Waits for the next of the two, counting others of the kind as none. */
static uint32_t wait_for_event(int fd, union record *r, uint32_t event)
{
	do {
		if (!next_record(fd, r, DP5_FRAME_STATE).type)
			return 0;
	} while (state_of(r)->event != DP5_STATE_PAUSE &&
		 state_of(r)->event != DP5_STATE_RESTART);
	return state_of(r)->event == event ? state_of(r)->arg + 1 : 0;
}

/* However often it is looked for meanwhile; and again when it dies again. */
TEST_F_TIMEOUT(st, dead_instrument_is_told_once_each_time, 120)
{
	struct dp5_stats s;

	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_STATUS, 10 * MS, 0));
	next_record(self->a, &self->r, DP5_FRAME_STATUS);
	ASSERT_TRUE(emu("fault drop 1000"));
	EXPECT_EQ(ETIMEDOUT + 1,
		  wait_for_event(self->b, &self->r, DP5_STATE_PAUSE));
	EXPECT_EQ(DP5_SUB_STATUS, state_of(&self->r)->kind);
	/* The second from now has begun when the next has failed. */
	s = get_stats(self->b);
	while (get_stats(self->b).drains < s.drains + 2)
		sleep_ms(20);
	ASSERT_TRUE(emu("fault none"));
	EXPECT_EQ(1, wait_for_event(self->b, &self->r, DP5_STATE_RESTART));
	ASSERT_TRUE(emu("fault drop 1000"));
	EXPECT_EQ(ETIMEDOUT + 1,
		  wait_for_event(self->b, &self->r, DP5_STATE_PAUSE));
	ASSERT_TRUE(emu("fault none"));
	EXPECT_EQ(1, wait_for_event(self->b, &self->r, DP5_STATE_RESTART));
}

TEST_HARNESS_MAIN
