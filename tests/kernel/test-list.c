// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * List mode as a stream: every event the instrument counted arrives once,
 * whether its reader is fast or slow, and a lost reply is told.
 */
#include "stuck.h"

FIXTURE(li)
{
	int fd;
	union record r;
	struct answer a;
};

/* The firmware of most units in the field; later FPGAs have no list.
 *
 * Its memory holds 1024 records, and drops what comes then. So that it has room
 * for all however long a stream pauses, counting ends by itself after 600
 * events, and time tags come every 65 ms: 400 of them are 26 s.
 */
FIXTURE_SETUP(li)
{
	/* That of the test before is as good: starting one takes seconds. */
	if (!emu("status") || !strstr(emu_answer, " profile=6.08.06 "))
		emu_restart("--profile 6.08.06");
	ASSERT_TRUE(emu("fault none"));
	ASSERT_TRUE(emu("rate 3000"));
	ASSERT_TRUE(node_wait(true));
	self->fd = node_open(O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, control(self->fd, DP5_CONTROL_CLAIM));
	ASSERT_EQ(0, transact_text(self->fd, 0x04,
				   "MCAE=OFF;CLKL=1000;PREC=600;", &self->a));
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x01, NULL, 0, &self->a));
}

FIXTURE_TEARDOWN(li)
{
	close(self->fd);
}

static unsigned int count_events(const union record *r)
{
	const uint8_t *p = r->bytes + r->head.hdr_len;
	unsigned int n = 0;
	uint32_t i;

	for (i = 0; i < r->head.payload_len; i += 4)
		n += !(p[i] & 0x80);
	/* What fills the record up holds nothing of the kernel's. */
	for (; i < r->head.len - r->head.hdr_len; i++)
		n += p[i] ? 1000000 : 0;
	return n;
}

/* Stop counting; the events of all that is queued and yet to come. Each list
 * takes all there is, so that one asked for afterwards is the last with events.
 */
static unsigned int drain_events(int fd, union record *r, struct answer *a)
{
	unsigned int total = 0;

	if (transact(fd, 0xf0, 0x03, NULL, 0, a))
		return 0;
	do {
		if (!next_record(fd, r, DP5_FRAME_LIST).type)
			return 0;
		total += count_events(r);
	} while (r->head.t_req_ns < a->t_done_ns);
	return total;
}

static uint32_t counted(int fd, struct answer *a)
{
	if (transact(fd, 0x01, 0x01, NULL, 0, a))
		return 0;
	return a->data[4] | a->data[5] << 8 | a->data[6] << 16 |
	       (uint32_t)a->data[7] << 24;
}

TEST_F(li, needs_control)
{
	int other = node_open(O_RDWR);
	int reader = node_open(O_RDONLY);

	EXPECT_EQ(EBUSY, subscribe(other, DP5_SUB_LIST, 0, 0));
	EXPECT_EQ(EACCES, subscribe(reader, DP5_SUB_LIST, 0, 0));
	ASSERT_EQ(0, control(self->fd, DP5_CONTROL_RELEASE));
	EXPECT_EQ(EPERM, subscribe(self->fd, DP5_SUB_LIST, 0, 0));
	close(other);
	close(reader);
}

TEST_F(li, every_event_arrives_once)
{
	unsigned int n;

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 20 * MS, 16));
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
	n = 0;
	while (n < 300) {
		ASSERT_EQ(DP5_FRAME_LIST,
			  next_record(self->fd, &self->r, DP5_FRAME_LIST).type);
		EXPECT_EQ(0x82, self->r.head.pid1);
		EXPECT_EQ(0x0a, self->r.head.pid2);
		EXPECT_EQ(0, self->r.head.lost);
		n += count_events(&self->r);
	}
	n += drain_events(self->fd, &self->r, &self->a);
	EXPECT_EQ(counted(self->fd, &self->a), n);
}

/* Spectra of before, too, which the shorter queue has no place for. */
TEST_F(li, list_keeps_what_is_queued)
{
	int n = 0;

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_SPECTRUM, 20 * MS, 8));
	while (get_stats(self->fd).lost < 1)
		sleep_ms(10);
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 20 * MS, 1));
	do {
		ASSERT_NE(0, next_record(self->fd, &self->r, 0).type);
		n += self->r.head.type == DP5_FRAME_SPECTRUM;
	} while (self->r.head.type != DP5_FRAME_STATE ||
		 state_of(&self->r)->event != DP5_STATE_PAUSE);
	EXPECT_EQ(8, n);
}

/* A slow reader: its stream pauses instead of dropping. */
TEST_F(li, full_queue_pauses_and_nothing_is_dropped)
{
	struct dp5_stats before, after;
	unsigned int n = 0, n_frames = 0;
	int other = node_open(O_RDONLY);

	ASSERT_LE(0, other);
	ASSERT_TRUE(emu("rate 200"));
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 10 * MS, 4));
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
	ASSERT_TRUE(pause_wait(other, &self->r));
	close(other);
	before = get_stats(self->fd);
	sleep_ms(500);
	after = get_stats(self->fd);
	EXPECT_EQ(before.requests, after.requests);
	EXPECT_EQ(0, after.lost);

	/* The queue, then the reason why it is no longer. */
	do {
		ASSERT_NE(0, next_record(self->fd, &self->r, 0).type);
		if (self->r.head.type == DP5_FRAME_LIST) {
			n_frames++;
			n += count_events(&self->r);
		}
	} while (self->r.head.type != DP5_FRAME_STATE ||
		 state_of(&self->r)->event != DP5_STATE_PAUSE);
	EXPECT_EQ(4, n_frames);
	EXPECT_EQ(0, state_of(&self->r)->arg);
	EXPECT_EQ(DP5_SUB_LIST, state_of(&self->r)->kind);
	do {
		ASSERT_NE(0, next_record(self->fd, &self->r, 0).type);
	} while (self->r.head.type != DP5_FRAME_STATE);
	EXPECT_EQ(DP5_STATE_RESTART, state_of(&self->r)->event);
	EXPECT_EQ(DP5_SUB_LIST, state_of(&self->r)->kind);

	n += drain_events(self->fd, &self->r, &self->a);
	EXPECT_EQ(counted(self->fd, &self->a), n);
	EXPECT_EQ(0, get_stats(self->fd).lost);
}

/* One record, the first: the next does not fit behind it. */
static bool read_one(int fd, union record *r)
{
	size_t room;

	for (room = sizeof(r->head); room <= sizeof(*r); room += 8) {
		if (read(fd, r->bytes, room) > 0)
			return true;
		if (errno != EMSGSIZE)
			break;
	}
	return false;
}

/* Whoever opens and closes the node meanwhile. */
TEST_F(li, full_queue_is_half_read_before_the_next_request)
{
	int other = node_open(O_RDONLY), i;
	uint64_t requests;

	ASSERT_LE(0, other);
	ASSERT_TRUE(emu("rate 200"));
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 10 * MS, 8));
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
	ASSERT_TRUE(pause_wait(other, &self->r));
	close(other);
	requests = get_stats(self->fd).requests;
	/* The start of the acquisition is told before. */
	for (i = 0; i < 3;) {
		ASSERT_TRUE(read_one(self->fd, &self->r));
		i += self->r.head.type == DP5_FRAME_LIST;
		close(node_open(O_RDONLY));
		sleep_ms(100);
		EXPECT_EQ(requests, get_stats(self->fd).requests)
		TH_LOG("%d read", i);
	}
	ASSERT_TRUE(read_one(self->fd, &self->r));
	ASSERT_EQ(DP5_FRAME_LIST, self->r.head.type);
	while (get_stats(self->fd).requests == requests)
		sleep_ms(10);
	EXPECT_EQ(0, get_stats(self->fd).lost);
}

/* A record that could not be copied goes back into a full queue. */
TEST_F(li, failed_read_of_a_full_queue_drops_nothing)
{
	unsigned int n;
	int i;

	ASSERT_TRUE(emu("rate 200"));
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 10 * MS, 2));
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
	for (i = 0; i < 20; i++) {
		sleep_ms(30);
		errno = 0;
		EXPECT_EQ(-1, read(self->fd, self->r.bytes, 8));
		EXPECT_EQ(EMSGSIZE, errno);
	}
	n = drain_events(self->fd, &self->r, &self->a);
	EXPECT_EQ(counted(self->fd, &self->a), n);
	EXPECT_EQ(0, get_stats(self->fd).lost);
}

/* The longest queue, one more that is being read meanwhile and comes back, and
 * as many states as are kept: all of it has room, and one more state after that.
 */
TEST_F(li, longest_queue_has_room_for_all)
{
	int other = node_open(O_RDONLY), error, i;
	struct stuck stuck;
	unsigned int n;

	error = stuck_init(&stuck);
	if (error == ENOSYS)
		SKIP(return, "kernel without userfaultfd");
	ASSERT_EQ(0, error);
	ASSERT_LE(0, other);
	ASSERT_TRUE(emu("rate 600"));
	/* What set the unit up is read, so that the oldest is a list. */
	do {
		ASSERT_NE(0, next_record(self->fd, &self->r, 0).type);
	} while (state_of(&self->r)->event != DP5_STATE_CLEAR);
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 10 * MS, 64));
	ASSERT_TRUE(stuck_begin(&stuck, self->fd));
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
	ASSERT_TRUE(pause_wait(other, &self->r));
	close(other);
	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, transact(self->fd, 0xf0, 0x03, NULL, 0, &self->a));
	EXPECT_EQ(EFAULT, stuck_end(&stuck));
	n = drain_events(self->fd, &self->r, &self->a);
	EXPECT_EQ(counted(self->fd, &self->a), n);
}

/* Data that lie in the queue stay there when that is made smaller, and nobody
 * else goes short of records for it.
 */
TEST_F(li, smaller_queue_drops_nothing)
{
	int other = node_open(O_RDONLY);
	unsigned long long lost;
	unsigned int n;

	ASSERT_LE(0, other);
	ASSERT_TRUE(emu("rate 200"));
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 10 * MS, 16));
	ASSERT_TRUE(pause_wait(other, &self->r));
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 10 * MS, 1));
	ASSERT_EQ(0, subscribe(other, DP5_SUB_STATUS, 0, 64));
	/* More than its queue holds: by then every record was needed. */
	lost = get_stats(other).lost;
	while (get_stats(other).lost == lost)
		sleep_ms(20);
	close(other);
	n = drain_events(self->fd, &self->r, &self->a);
	EXPECT_EQ(counted(self->fd, &self->a), n);
	EXPECT_EQ(0, get_stats(self->fd).lost);
}

/* An empty list leaves the record that was set aside for it. That is no room
 * in a queue which has become shorter since: nothing is asked for.
 */
TEST_F(li, queue_made_too_short_stops_empty_lists_too)
{
	struct dp5_stats before, after;
	int other = node_open(O_RDONLY), i;

	ASSERT_LE(0, other);
	ASSERT_TRUE(emu("rate 200"));
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 10 * MS, 64));
	wait_for_frames(self->fd, 3);
	/* Then there are no entries; by the second request, no list has any.
	 * A slow machine may have filled the queue by then.
	 */
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x03, NULL, 0, &self->a));
	before = get_stats(self->fd);
	for (i = 0; i < 100; i++) {
		if (get_stats(self->fd).requests >= before.requests + 2)
			break;
		sleep_ms(10);
	}
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 10 * MS, 2));
	ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	before = get_stats(self->fd);
	sleep_ms(300);
	after = get_stats(self->fd);
	EXPECT_EQ(before.requests, after.requests);
	do {
		ASSERT_NE(0,
			  next_record(other, &self->r, DP5_FRAME_STATE).type);
	} while (state_of(&self->r)->event != DP5_STATE_PAUSE);
	close(other);
}

TEST_F(li, list_without_entries_makes_no_record)
{
	unsigned int i;

	/* A time tag comes with every sixth list. */
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 10 * MS, 0));
	for (i = 0; i < 8; i++) {
		ASSERT_NE(0,
			  next_record(self->fd, &self->r, DP5_FRAME_LIST).type);
		EXPECT_NE(0, self->r.head.payload_len);
	}
}

/* What was taken from the instrument already is read to its end, whatever its
 * reader wants next.
 */
TEST_F(li, list_under_way_at_the_end_of_the_stream_arrives)
{
	static const uint32_t next[] = { DP5_SUB_NONE, DP5_SUB_STATUS };
	size_t i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, transact(self->fd, 0xf0, 0x01, NULL, 0, &self->a));
		ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
		while (!counted(self->fd, &self->a))
			sleep_ms(5);
		ASSERT_EQ(0, transact(self->fd, 0xf0, 0x03, NULL, 0, &self->a));
		/* Well below the second after which the reply is given up. */
		ASSERT_TRUE(emu("fault delay 400 1"));
		ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 50 * MS, 0));
		wait_for_fault("fault_delay");
		ASSERT_EQ(0, subscribe(self->fd, next[i], 1000 * MS, 0));
		/* Takes its turn behind the list. */
		ASSERT_EQ(0, transact_for(self->fd, 0x01, 0x01, NULL, 0,
					  5000 * MS, &self->a));
		ASSERT_EQ(0, get_stats(self->fd).lost);
		next_record(self->fd, &self->r, DP5_FRAME_LIST);
		EXPECT_LT(0, count_events(&self->r));
	}
}

/* What was read is its reader's, also when that wants something else. */
TEST_F(li, another_subscription_drops_no_list)
{
	int other = node_open(O_RDONLY);
	unsigned int n;

	ASSERT_LE(0, other);
	ASSERT_TRUE(emu("rate 200"));
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 10 * MS, 16));
	ASSERT_TRUE(pause_wait(other, &self->r));
	close(other);
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_NONE, 0, 1));
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 10 * MS, 16));
	n = drain_events(self->fd, &self->r, &self->a);
	EXPECT_EQ(counted(self->fd, &self->a), n);
	EXPECT_EQ(0, get_stats(self->fd).lost);
}

static void *ask_status(void *arg)
{
	static struct answer a;

	return transact_for(*(int *)arg, 0x01, 0x01, NULL, 0, 10000 * MS, &a)
		       ? arg
		       : NULL;
}

/* A list that waits for its turn when its reader goes is not asked for. Tried
 * again should it have had its turn before that.
 */
TEST_F(li, list_that_nobody_would_read_stays_in_the_instrument)
{
	int other = node_open(O_RDONLY), i;
	struct dp5_stats before, after;
	pthread_t thread;
	void *failed;

	ASSERT_LE(0, other);
	for (i = 0; i < 4; i++) {
		before = get_stats(other);
		ASSERT_TRUE(emu("fault delay 900 1"));
		ASSERT_EQ(0, pthread_create(&thread, NULL, ask_status, &other));
		wait_for_fault("fault_delay");
		ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 0, 0));
		ASSERT_EQ(0, close(self->fd));
		ASSERT_EQ(0, pthread_join(thread, &failed));
		EXPECT_EQ(NULL, failed);
		/* Takes its turn behind what would be queued. */
		ASSERT_EQ(NULL, ask_status(&other));
		after = get_stats(other);
		self->fd = node_open(O_RDWR);
		ASSERT_EQ(0, control(self->fd, DP5_CONTROL_CLAIM));
		if (after.requests - before.requests == 2)
			break;
	}
	EXPECT_GT(4, i);
	close(other);
}

/* Never sent again: what the lost reply held is gone, and that is told. */
TEST_F(li, lost_reply_is_told)
{
	unsigned int n_lost = 0;
	struct dp5_stats s;
	int i;

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 50 * MS, 0));
	next_record(self->fd, &self->r, DP5_FRAME_LIST);
	ASSERT_TRUE(emu("fault corrupt 1"));
	for (i = 0; i < 40; i++) {
		ASSERT_NE(0, next_record(self->fd, &self->r, 0).type);
		n_lost += self->r.head.lost;
	}
	/* A machine that is too slow for one more adds a time-out, which the
	 * next record tells.
	 */
	s = get_stats(self->fd);
	EXPECT_EQ(1, s.bad);
	EXPECT_LE(1, n_lost);
	EXPECT_GE(1 + s.timeouts, n_lost);
}

/* Not by what was read before, which is queued yet, but by what follows. */
TEST_F(li, loss_is_told_where_it_happened)
{
	uint64_t lost_before, lost_after = 0, n_old = 0, n_new = 0, armed_ns;
	struct dp5_stats s;

	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 50 * MS, 64));
	wait_for_frames(self->fd, 3);
	s = get_stats(self->fd);
	lost_before = s.lost;
	armed_ns = now_ns();
	ASSERT_TRUE(emu("fault corrupt 1"));
	while (get_stats(self->fd).bad == s.bad)
		sleep_ms(5);
	wait_for_frames(self->fd, 3);
	ASSERT_LT(lost_before, get_stats(self->fd).lost);
	while (n_new < 3) {
		ASSERT_NE(0, next_record(self->fd, &self->r, 0).type);
		if (self->r.head.t_req_ns < armed_ns) {
			n_old++;
			EXPECT_LE(self->r.head.lost, lost_before);
		} else {
			n_new++;
			lost_after += self->r.head.lost;
		}
	}
	EXPECT_LT(0, n_old);
	EXPECT_LT(0, lost_after);
}

/* On a dead link nothing is sent but what looks for the unit. */
TEST_F(li, list_that_was_never_asked_for_is_not_lost)
{
	struct dp5_stats s;

	ASSERT_TRUE(emu("fault drop 1000"));
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 0, 0));
	/* Told with the second failure, which is that of the recovery. */
	do {
		ASSERT_EQ(
			DP5_FRAME_STATE,
			next_record(self->fd, &self->r, DP5_FRAME_STATE).type);
	} while (state_of(&self->r)->event != DP5_STATE_PAUSE);
	s = get_stats(self->fd);
	EXPECT_EQ(1, s.timeouts);
	EXPECT_EQ(1, s.lost);
	EXPECT_TRUE(emu("fault drop 0"));
}

/* Each open that comes or goes has the streams looked at anew. A request that
 * is made then would be sent before the one that follows.
 */
TEST_F(li, interval_is_kept_whoever_comes_and_goes)
{
	uint64_t before;
	int i;

	before = get_stats(self->fd).requests;
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 3600000 * MS, 0));
	while (get_stats(self->fd).requests == before)
		sleep_ms(5);
	ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	before = get_stats(self->fd).requests;
	for (i = 0; i < 5; i++) {
		close(node_open(O_RDONLY));
		ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	}
	EXPECT_EQ(before + 5, get_stats(self->fd).requests);
}

TEST_F(li, release_of_control_ends_the_stream)
{
	struct dp5_stats before, after;

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 20 * MS, 0));
	next_record(self->fd, &self->r, DP5_FRAME_LIST);
	ASSERT_EQ(0, control(self->fd, DP5_CONTROL_RELEASE));
	/* Takes its turn behind a list under way. */
	ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	before = get_stats(self->fd);
	sleep_ms(300);
	after = get_stats(self->fd);
	EXPECT_EQ(before.requests, after.requests);
}

/* Another open sees the lists too, and loses its oldest as ever. */
TEST_F(li, others_read_along)
{
	int other = node_open(O_RDONLY);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_LIST, 20 * MS, 0));
	next_record(self->fd, &self->r, DP5_FRAME_LIST);
	EXPECT_EQ(DP5_FRAME_LIST,
		  next_record(other, &self->r, DP5_FRAME_LIST).type);
	close(other);
}

TEST_HARNESS_MAIN
