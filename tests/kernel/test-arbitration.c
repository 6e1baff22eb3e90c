// SPDX-License-Identifier: GPL-2.0-or-later
/* Who may change the instrument, and turns at the wire. */
#include <pthread.h>
#include <sys/syscall.h>

#include "guest.h"

FIXTURE(ar)
{
	int a, b;
	struct answer answer;
};

FIXTURE_SETUP(ar)
{
	self->a = node_open(O_RDWR);
	self->b = node_open(O_RDWR);
	ASSERT_LE(0, self->a);
	ASSERT_LE(0, self->b);
}

FIXTURE_TEARDOWN(ar)
{
	close(self->a);
	close(self->b);
}

static int is_control(int fd)
{
	struct dp5_info i = { .size = sizeof(i) };

	return ioctl(fd, DP5_IOC_GET_INFO, &i) ? -1 : i.is_control;
}

TEST_F(ar, one_open_at_a_time_holds_control)
{
	EXPECT_EQ(0, control(self->a, DP5_CONTROL_CLAIM));
	EXPECT_EQ(1, is_control(self->a));
	EXPECT_EQ(0, is_control(self->b));
	EXPECT_EQ(EBUSY, control(self->b, DP5_CONTROL_CLAIM));
	EXPECT_EQ(EBUSY, control(self->b, DP5_CONTROL_RELEASE));
	EXPECT_EQ(0, control(self->a, DP5_CONTROL_CLAIM));
	EXPECT_EQ(0, control(self->a, DP5_CONTROL_RELEASE));
	EXPECT_EQ(0, control(self->b, DP5_CONTROL_CLAIM));
}

TEST_F(ar, close_releases_control)
{
	EXPECT_EQ(0, control(self->a, DP5_CONTROL_CLAIM));
	close(self->a);
	self->a = -1;
	EXPECT_EQ(0, control(self->b, DP5_CONTROL_CLAIM));
}

TEST_F(ar, others_may_ask_but_not_change_while_control_is_held)
{
	EXPECT_EQ(0, transact(self->b, 0xf0, 0x01, NULL, 0, &self->answer));
	ASSERT_EQ(0, control(self->a, DP5_CONTROL_CLAIM));
	EXPECT_EQ(EBUSY, transact(self->b, 0xf0, 0x01, NULL, 0, &self->answer));
	EXPECT_EQ(EBUSY, transact(self->b, 0x02, 0x04, NULL, 0, &self->answer));
	EXPECT_EQ(0, transact(self->b, 0x02, 0x03, NULL, 0, &self->answer));
	EXPECT_EQ(0, transact(self->a, 0xf0, 0x01, NULL, 0, &self->answer));
}

/* Each child sends echoes no other child sends: 25 of 25 come back to it. */
static int echo_loop(int id)
{
	static struct answer answer;
	int fd = node_open(O_RDONLY);
	uint8_t tx[20];
	int i;

	for (i = 0; i < 25; i++) {
		memset(tx, id * 32 + i, sizeof(tx));
		if (transact_for(fd, 0xf1, 0x7f, tx, sizeof(tx), 10000 * MS,
				 &answer))
			return 1;
		if (answer.len != sizeof(tx) ||
		    memcmp(answer.data, tx, sizeof(tx)))
			return 2;
	}
	return 0;
}

TEST_F(ar, replies_reach_the_open_that_asked)
{
	pid_t child[4];
	int i, status;

	for (i = 0; i < 4; i++) {
		child[i] = fork();
		if (!child[i])
			_exit(echo_loop(i));
	}
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(child[i], waitpid(child[i], &status, 0));
		EXPECT_EQ(0, status);
	}
}

struct asking {
	int fd;
	uint8_t pid1, pid2;
	pthread_t thread;
	volatile pid_t tid;
	struct answer answer;
};

static void *ask(void *arg)
{
	struct asking *q = arg;

	q->tid = (pid_t)syscall(SYS_gettid);
	transact_for(q->fd, q->pid1, q->pid2, NULL, 0, 10000 * MS, &q->answer);
	return NULL;
}

static void start_asking(struct asking *q, int fd, uint8_t pid1, uint8_t pid2)
{
	memset(q, 0, sizeof(*q));
	q->fd = fd;
	q->pid1 = pid1;
	q->pid2 = pid2;
	if (pthread_create(&q->thread, NULL, ask, q))
		abort();
}

/* Asleep in its request. */
static void wait_for_asleep(const struct asking *q)
{
	char path[64], text[256], state = 0;
	FILE *f;

	while (!q->tid)
		sleep_ms(1);
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", q->tid);
	while (state != 'S') {
		sleep_ms(1);
		f = fopen(path, "re");
		if (!f)
			return;
		if (!fgets(text, sizeof(text), f) ||
		    sscanf(text, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		fclose(f);
	}
}

/* What waits for its turn when another takes control, or when the controller
 * gives it up, is a change by somebody who may make none by now. Tried again
 * should it have had its turn before that.
 */
TEST_F(ar, change_is_not_sent_after_control_has_changed)
{
	static struct asking first, change;
	static const struct {
		uint8_t pid1, pid2;
		bool is_control;
		int error;
	} cases[] = {
		/* Clear: anybody's who may write while nobody has control. */
		{ 0xf0, 0x01, false, EBUSY },
		/* Read and clear: the controller's. */
		{ 0x02, 0x04, true, EBUSY },
		{ 0x02, 0x04, true, EPERM },
	};
	size_t c;
	int i;

	for (c = 0; c < 3; c++) {
		for (i = 0; i < 4; i++) {
			control(self->a, DP5_CONTROL_RELEASE);
			control(self->b, DP5_CONTROL_RELEASE);
			if (cases[c].is_control)
				ASSERT_EQ(0,
					  control(self->a, DP5_CONTROL_CLAIM));
			ASSERT_TRUE(emu("fault delay 900 1"));
			start_asking(&first, self->b, 0x01, 0x01);
			wait_for_fault("fault_delay");
			start_asking(&change, self->a, cases[c].pid1,
				     cases[c].pid2);
			wait_for_asleep(&change);
			if (cases[c].is_control)
				ASSERT_EQ(0, control(self->a,
						     DP5_CONTROL_RELEASE));
			if (cases[c].error == EBUSY)
				ASSERT_EQ(0,
					  control(self->b, DP5_CONTROL_CLAIM));
			ASSERT_EQ(0, pthread_join(first.thread, NULL));
			ASSERT_EQ(0, pthread_join(change.thread, NULL));
			EXPECT_EQ(0, first.answer.error);
			if (change.answer.error)
				break;
		}
		EXPECT_EQ(cases[c].error, change.answer.error);
	}
}

/* Who asks with many threads has one turn, as who asks with one. Tried again
 * should some of them have had it before all waited.
 */
TEST_F(ar, open_that_asks_much_has_one_turn)
{
	static struct asking first, many[8], one;
	bool is_late = true;
	uint64_t asleep_ns;
	int i, t, n = 0;

	for (t = 0; t < 4 && is_late; t++) {
		ASSERT_TRUE(emu("fault delay 900 1"));
		start_asking(&first, self->a, 0x01, 0x01);
		wait_for_fault("fault_delay");
		for (i = 0; i < 8; i++) {
			start_asking(&many[i], self->a, 0x01, 0x01);
			wait_for_asleep(&many[i]);
		}
		start_asking(&one, self->b, 0x01, 0x01);
		wait_for_asleep(&one);
		asleep_ns = now_ns();
		ASSERT_EQ(0, pthread_join(first.thread, NULL));
		ASSERT_EQ(0, pthread_join(one.thread, NULL));
		n = 0;
		for (i = 0; i < 8; i++) {
			ASSERT_EQ(0, pthread_join(many[i].thread, NULL));
			EXPECT_EQ(0, many[i].answer.error);
			n += many[i].answer.t_req_ns < one.answer.t_req_ns;
		}
		EXPECT_EQ(0, first.answer.error);
		EXPECT_EQ(0, one.answer.error);
		is_late = asleep_ns >= first.answer.t_done_ns;
	}
	EXPECT_FALSE(is_late);
	EXPECT_EQ(1, n);
}

static void *claim(void *arg)
{
	struct asking *q = arg;

	q->tid = (pid_t)syscall(SYS_gettid);
	q->answer.error = control(q->fd, DP5_CONTROL_CLAIM);
	return NULL;
}

/* Another thread is not told that it has what is still to be had. Tried again
 * should the claim have ended before that.
 */
TEST_F(ar, claim_under_way_is_no_control_yet)
{
	static struct asking claiming;
	int error = 0, i;

	for (i = 0; i < 4 && !error; i++) {
		control(self->a, DP5_CONTROL_RELEASE);
		ASSERT_TRUE(emu("fault delay 600 1"));
		memset(&claiming, 0, sizeof(claiming));
		claiming.fd = self->a;
		ASSERT_EQ(0, pthread_create(&claiming.thread, NULL, claim,
					    &claiming));
		wait_for_fault("fault_delay");
		EXPECT_EQ(0, is_control(self->a));
		error = control(self->a, DP5_CONTROL_CLAIM);
		/* Nor may it change anything, or read what is to be stopped. */
		if (error) {
			EXPECT_EQ(EBUSY, transact(self->a, 0xf0, 0x01, NULL, 0,
						  &self->answer));
			EXPECT_EQ(EBUSY,
				  subscribe(self->a, DP5_SUB_LOSSLESS, 0, 0));
		}
		ASSERT_EQ(0, pthread_join(claiming.thread, NULL));
		EXPECT_EQ(0, claiming.answer.error);
	}
	EXPECT_EQ(EBUSY, error);
	EXPECT_EQ(0, control(self->a, DP5_CONTROL_CLAIM));
	EXPECT_EQ(0, transact(self->a, 0xf0, 0x01, NULL, 0, &self->answer));
}

static void *ask_for_long(void *arg)
{
	struct asking *q = arg;

	transact_for(q->fd, 0x01, 0x01, NULL, 0, 60000 * MS, &q->answer);
	return NULL;
}

/* Who only reads may wait for long, and does not have the controller wait: one
 * who claims control, and one who holds it.
 */
TEST_F(ar, controller_does_not_wait_for_anothers_patience)
{
	static struct asking reader;
	uint64_t start;
	int i, t;

	for (i = 0; i < 2; i++) {
		memset(&reader, 0, sizeof(reader));
		reader.fd = node_open(O_RDONLY);
		ASSERT_LE(0, reader.fd);
		ASSERT_TRUE(emu("fault drop 1"));
		start = now_ns();
		ASSERT_EQ(0, pthread_create(&reader.thread, NULL, ask_for_long,
					    &reader));
		wait_for_fault("fault_drop");
		/* On a slow machine the recovery may be late, too. */
		for (t = 0; t < 5; t++)
			if (control(self->a, DP5_CONTROL_CLAIM) != ETIMEDOUT)
				break;
		EXPECT_EQ(1, is_control(self->a));
		ASSERT_EQ(0, transact_for(self->a, 0xf0, 0x01, NULL, 0,
					  10000 * MS, &self->answer));
		ASSERT_EQ(0, pthread_join(reader.thread, NULL));
		EXPECT_EQ(ETIMEDOUT, reader.answer.error);
		EXPECT_GT(30000 * MS, now_ns() - start) TH_LOG("round %d", i);
		close(reader.fd);
	}
}

/* Claiming asks the instrument first. Who gives control up meanwhile, by
 * another thread, and sees it go to another open, has not claimed it. Tried
 * again should its requests have had their turn before that.
 */
TEST_F(ar, claim_under_way_does_not_outlive_control)
{
	static struct asking first, claiming;
	int i;

	for (i = 0; i < 4; i++) {
		control(self->b, DP5_CONTROL_RELEASE);
		ASSERT_TRUE(emu("fault delay 900 1"));
		start_asking(&first, self->b, 0x01, 0x01);
		wait_for_fault("fault_delay");
		memset(&claiming, 0, sizeof(claiming));
		claiming.fd = self->a;
		ASSERT_EQ(0, pthread_create(&claiming.thread, NULL, claim,
					    &claiming));
		wait_for_asleep(&claiming);
		control(self->a, DP5_CONTROL_RELEASE);
		ASSERT_EQ(0, control(self->b, DP5_CONTROL_CLAIM));
		ASSERT_EQ(0, pthread_join(first.thread, NULL));
		ASSERT_EQ(0, pthread_join(claiming.thread, NULL));
		EXPECT_EQ(1, is_control(self->b));
		if (claiming.answer.error == EBUSY)
			break;
	}
	EXPECT_EQ(EBUSY, claiming.answer.error);
}

/* Nor while the last of those requests is on the wire. Tried again should it
 * have been answered before that.
 */
TEST_F(ar, claim_given_up_at_its_last_request_fails)
{
	static struct asking claiming;
	uint64_t before;
	int i;

	for (i = 0; i < 4; i++) {
		control(self->a, DP5_CONTROL_RELEASE);
		ASSERT_TRUE(emu("fault delay 900 2"));
		before = get_stats(self->a).requests;
		memset(&claiming, 0, sizeof(claiming));
		claiming.fd = self->a;
		ASSERT_EQ(0, pthread_create(&claiming.thread, NULL, claim,
					    &claiming));
		while (get_stats(self->a).requests < before + 2)
			sleep_ms(2);
		control(self->a, DP5_CONTROL_RELEASE);
		ASSERT_EQ(0, pthread_join(claiming.thread, NULL));
		if (claiming.answer.error)
			break;
	}
	EXPECT_EQ(EPERM, claiming.answer.error);
	EXPECT_EQ(0, is_control(self->a));
}

TEST_F(ar, back_to_back_stream_leaves_turns_to_others)
{
	int i;

	ASSERT_EQ(0, subscribe(self->a, DP5_SUB_SPECTRUM, 0, 0));
	for (i = 0; i < 20; i++)
		EXPECT_EQ(0, transact(self->b, 0x01, 0x01, NULL, 0,
				      &self->answer));
}

/* Both make spectra worthless, and neither shows in them. */
TEST_F(ar, claim_stops_what_was_left_running)
{
	static const uint8_t pulser[] = { 0x07, 0xd0, 0x1f, 0x40,
					  0x00, 0xc8, 0x1f, 0x3f };
	long long before;

	ASSERT_EQ(0, control(self->a, DP5_CONTROL_CLAIM));
	ASSERT_TRUE(emu("rate 0"));
	ASSERT_EQ(0, transact(self->a, 0xf0, 0x02, NULL, 0, &self->answer));
	ASSERT_EQ(0, transact(self->a, 0xf1, 0x7e, pulser, 8, &self->answer));
	ASSERT_EQ(0, transact(self->a, 0xf0, 0x1e, NULL, 0, &self->answer));
	/* Claiming again is nothing new. */
	ASSERT_EQ(0, control(self->a, DP5_CONTROL_CLAIM));
	ASSERT_EQ(0, transact(self->b, 0x02, 0x03, NULL, 0, &self->answer));
	EXPECT_EQ(0xff, self->answer.pid1);
	EXPECT_EQ(0x0d, self->answer.pid2);
	close(self->a);

	self->a = node_open(O_RDWR);
	ASSERT_EQ(0, control(self->a, DP5_CONTROL_CLAIM));
	ASSERT_EQ(0, transact(self->b, 0x02, 0x03, NULL, 0, &self->answer));
	EXPECT_EQ(0x81, self->answer.pid1);
	before = emu_number("total");
	sleep_ms(300);
	EXPECT_EQ(before, emu_number("total"));
	EXPECT_TRUE(emu("rate auto"));
}

/* Busy with another interface, a parameter it does not like: it does not say
 * that the pulser has stopped.
 */
TEST_F(ar, claim_that_is_refused_fails)
{
	static const unsigned int acks[] = { 0x0d, 0x05, 0x04 };
	size_t i;

	for (i = 0; i < sizeof(acks) / sizeof(acks[0]); i++) {
		ASSERT_TRUE(emu("fault ack %u 1", acks[i]));
		EXPECT_EQ(EIO, control(self->a, DP5_CONTROL_CLAIM));
		EXPECT_EQ(0, is_control(self->a));
		/* Which means that nobody has it. */
		EXPECT_EQ(0, control(self->b, DP5_CONTROL_CLAIM));
		EXPECT_EQ(0, control(self->b, DP5_CONTROL_RELEASE));
	}
}

/* What it does not know it cannot have begun. */
TEST_F(ar, claim_of_a_unit_that_knows_no_pulser_succeeds)
{
	ASSERT_TRUE(emu("fault ack 2 2"));
	EXPECT_EQ(0, control(self->a, DP5_CONTROL_CLAIM));
	EXPECT_EQ(1, is_control(self->a));
	/* It was asked for both. */
	EXPECT_GT(1, emu_number("fault_ack"));
}

/* Who cannot make sure of that does not hold control. */
TEST_F(ar, claim_fails_with_the_link)
{
	ASSERT_TRUE(emu("fault drop 1"));
	EXPECT_EQ(ETIMEDOUT, control(self->a, DP5_CONTROL_CLAIM));
	EXPECT_EQ(0, is_control(self->a));
	EXPECT_EQ(0, control(self->b, DP5_CONTROL_CLAIM));
}

TEST_HARNESS_MAIN
