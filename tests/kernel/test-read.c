// SPDX-License-Identifier: GPL-2.0-or-later
/* read(): whole records, and none lost to a short or bad buffer. */
#include "stuck.h"

FIXTURE(rd)
{
	int fd;
	union record r;
	struct answer a;
};

FIXTURE_SETUP(rd)
{
	self->fd = node_open_quiet(O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(rd)
{
	close(self->fd);
}

TEST_F(rd, spectrum_record_holds_counts_and_status)
{
	struct dp5_frame f;

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_SPECTRUM, 50 * MS, 0));
	f = next_record(self->fd, &self->r, DP5_FRAME_SPECTRUM);
	ASSERT_EQ(DP5_FRAME_SPECTRUM, f.type);
	EXPECT_EQ(sizeof(f), f.hdr_len);
	EXPECT_EQ(0, f.len % 8);
	EXPECT_EQ(0x81, f.pid1);
	EXPECT_LE(256, f.channels);
	EXPECT_EQ(3U * f.channels + DP5_STATUS_LEN, f.payload_len);
	EXPECT_LE(f.hdr_len + f.payload_len, f.len);
	EXPECT_LT(f.t_req_ns, f.t_done_ns);
	EXPECT_LT(f.t_done_ns, now_ns());
	EXPECT_EQ(0, f.flags | f.reserved[0] | f.reserved[1]);
	/* The firmware's version, in the status of this very reply. */
	EXPECT_EQ(6, self->r.bytes[f.hdr_len + 3 * f.channels + 24] >> 4);
}

TEST_F(rd, status_record_is_64_bytes)
{
	struct dp5_frame f;

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 50 * MS, 0));
	f = next_record(self->fd, &self->r, DP5_FRAME_STATUS);
	ASSERT_EQ(DP5_FRAME_STATUS, f.type);
	EXPECT_EQ(DP5_STATUS_LEN, f.payload_len);
	EXPECT_EQ(0x80, f.pid1);
	EXPECT_EQ(0x01, f.pid2);
	EXPECT_EQ(0, f.channels);
}

TEST_F(rd, one_read_takes_all_that_is_queued)
{
	struct dp5_frame *f;
	ssize_t n, at;
	int records = 0;

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 20 * MS, 8));
	wait_for_frames(self->fd, 3);
	n = read(self->fd, self->r.bytes, sizeof(self->r.bytes));
	ASSERT_LT(0, n);
	for (at = 0; at < n; at += f->len) {
		f = (struct dp5_frame *)(void *)(self->r.bytes + at);
		ASSERT_LE(sizeof(*f), f->len);
		records++;
	}
	EXPECT_EQ(n, at);
	EXPECT_LE(2, records);
}

TEST_F(rd, short_buffer_gets_emsgsize_and_the_record_stays)
{
	uint64_t seq;

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 1000 * MS, 0));
	ASSERT_NE(0, poll_for(self->fd, 20000) & POLLIN);
	errno = 0;
	EXPECT_EQ(-1, read(self->fd, self->r.bytes, 60));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(-1, read(self->fd, self->r.bytes, 60));
	EXPECT_NE(0, poll_for(self->fd, 0) & POLLIN);
	ASSERT_EQ(DP5_FRAME_STATUS, next_record(self->fd, &self->r, 0).type);
	seq = self->r.head.seq;
	EXPECT_EQ(0, self->r.head.lost);
	ASSERT_NE(0, next_record(self->fd, &self->r, 0).type);
	EXPECT_EQ(seq + 1, self->r.head.seq);
}

TEST_F(rd, buffer_for_one_record_gets_one)
{
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 20 * MS, 8));
	wait_for_frames(self->fd, 3);
	EXPECT_EQ(sizeof(struct dp5_frame) + DP5_STATUS_LEN,
		  read(self->fd, self->r.bytes, 200));
}

TEST_F(rd, bad_buffer_gets_efault_and_the_record_stays)
{
	void *hole =
		mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 500 * MS, 0));
	ASSERT_NE(0, poll_for(self->fd, 20000) & POLLIN);
	errno = 0;
	EXPECT_EQ(-1, read(self->fd, hole, 4096));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_LT(0, read(self->fd, self->r.bytes, sizeof(self->r.bytes)));
	EXPECT_EQ(0, self->r.head.lost);
	EXPECT_EQ(DP5_FRAME_STATUS, self->r.head.type);
}

/* A thread has taken the only record out and does not come to its end: it stands in
 * a page fault for as long as the test wants. 0 or an errno.
 */
static int hold_a_record(struct stuck *s, int fd, struct answer *a)
{
	int error = stuck_init(s) ?: transact(fd, 0xf0, 0x03, NULL, 0, a);

	return error ?: stuck_begin(s, fd) ? 0 : EIO;
}

/* It found nothing while the other reader had the only record. */
TEST_F(rd, record_that_comes_back_wakes_a_reader)
{
	struct stuck stuck;
	int error, status;
	pid_t child;

	error = hold_a_record(&stuck, self->fd, &self->a);
	if (error == ENOSYS)
		SKIP(return, "kernel without userfaultfd");
	ASSERT_EQ(0, error);
	child = fork();
	if (!child)
		_exit(read(self->fd, self->r.bytes, sizeof(self->r.bytes)) <=
		      0);
	wait_for_sleep(child);
	EXPECT_EQ(EFAULT, stuck_end(&stuck));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(rd, nothing_queued_is_eagain_without_blocking)
{
	struct iovec iov = { self->r.bytes, sizeof(self->r.bytes) };

	errno = 0;
	EXPECT_EQ(-1, preadv2(self->fd, &iov, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(EAGAIN, errno);
	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	errno = 0;
	EXPECT_EQ(-1, read(self->fd, self->r.bytes, sizeof(self->r.bytes)));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, read(self->fd, self->r.bytes, 0));
}

TEST_F(rd, who_does_not_wait_does_not_wait_for_another_reader)
{
	struct iovec iov = { self->r.bytes, sizeof(self->r.bytes) };
	struct stuck stuck;
	int error;

	error = hold_a_record(&stuck, self->fd, &self->a);
	if (error == ENOSYS)
		SKIP(return, "kernel without userfaultfd");
	ASSERT_EQ(0, error);
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x03, NULL, 0, &self->a));
	EXPECT_NE(0, poll_for(self->fd, 0) & POLLIN);
	errno = 0;
	EXPECT_EQ(-1, preadv2(self->fd, &iov, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(EFAULT, stuck_end(&stuck));
}

struct taker {
	pthread_t thread;
	int fd;
	bool is_over;
	unsigned int n, n_ends;
};

static void *take(void *arg)
{
	struct taker *t = arg;
	uint8_t buf[512];
	ssize_t n;

	while (!__atomic_load_n(&t->is_over, __ATOMIC_RELAXED)) {
		n = read(t->fd, buf, sizeof(buf));
		t->n += n > 0;
		t->n_ends += n == 0 || (n < 0 && errno != EAGAIN);
	}
	return NULL;
}

/* Who was too late for what both had seen finds nothing, which is no end. */
TEST_F(rd, two_that_do_not_wait_find_no_end)
{
	struct taker t[2] = { { .fd = self->fd }, { .fd = self->fd } };
	int i;

	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 0, 0));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&t[i].thread, NULL, take, t + i));
	wait_for_frames(self->fd, 200);
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&t[i].is_over, true, __ATOMIC_RELAXED);
		ASSERT_EQ(0, pthread_join(t[i].thread, NULL));
	}
	EXPECT_LT(0, t[0].n + t[1].n);
	EXPECT_EQ(0, t[0].n_ends + t[1].n_ends);
}

#define GROUP "/sys/fs/cgroup/dp5-test"

/* What a child in a group of its own is charged with, -1 if nobody counts. */
static long long charged(void)
{
	char text[32] = "";
	int fd = open(GROUP "/memory.current", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	close(fd);
	return n > 0 ? atoll(text) : -1;
}

struct charges {
	long long empty, queue, full, closed;
};

/* Have a child in the group measure; 0, or an errno: ENOSYS of a kernel that
 * charges nobody for memory.
 */
static int measure(int (*use)(struct charges *c), struct charges **ret)
{
	struct charges *c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool is_counted;
	int status, procs;
	pid_t child;

	mkdir(GROUP, 0700);
	is_counted = charged() >= 0;
	child = is_counted ? fork() : -1;
	if (!child) {
		procs = open(GROUP "/cgroup.procs", O_WRONLY | O_CLOEXEC);
		if (procs < 0 || write(procs, "0", 1) != 1)
			_exit(EPERM);
		_exit(use(c));
	}
	if (is_counted && waitpid(child, &status, 0) != child)
		return ECHILD;
	rmdir(GROUP);
	*ret = c;
	return is_counted ? WEXITSTATUS(status) : ENOSYS;
}

/* The kernel counts in steps of a quarter of a megabyte for each processor. */
#define STEP (3LL << 18)

/* What spectra in a queue of 64 take. */
#define LONGEST (64LL * 24640)

static int use_longest_queue(struct charges *c)
{
	int fd = node_open(O_RDWR);

	c->empty = charged();
	if (fd < 0 || subscribe(fd, DP5_SUB_STATUS, 0, 64))
		return EIO;
	c->queue = charged();
	wait_for_frames(fd, 200);
	c->full = charged();
	close(fd);
	c->closed = charged();
	return 0;
}

/* As long as spectra could fill it, whatever is in it. */
TEST_F(rd, queue_is_charged_to_its_user_and_grows_no_further)
{
	struct charges *c;
	int error = measure(use_longest_queue, &c);

	if (error == ENOSYS)
		SKIP(return, "kernel that charges nobody for memory");
	ASSERT_EQ(0, error);
	EXPECT_LE(LONGEST, c->queue - c->empty);
	EXPECT_GE(STEP, c->full - c->queue);
	EXPECT_LE(LONGEST - STEP, c->full - c->closed);
}

#define N_OPENS 200

static void open_many(int *fds)
{
	int i;

	for (i = 0; i < N_OPENS; i++)
		fds[i] = node_open(O_RDONLY);
}

static void close_many(const int *fds)
{
	int i;

	for (i = 0; i < N_OPENS; i++)
		close(fds[i]);
}

static int use_usual_queue(struct charges *c)
{
	int fd = node_open(O_RDWR);

	c->empty = charged();
	if (fd < 0 || subscribe(fd, DP5_SUB_STATUS, 0, 0))
		return EIO;
	wait_for_frames(fd, 20);
	c->full = charged();
	return 0;
}

/* They read along, and have room for it that they paid for. */
TEST_F(rd, opens_of_others_cost_nothing_to_who_begins_the_stream)
{
	int fds[N_OPENS], error;
	struct charges *c;

	open_many(fds);
	ASSERT_LE(0, fds[N_OPENS - 1]);
	error = measure(use_usual_queue, &c);
	close_many(fds);
	if (error == ENOSYS)
		SKIP(return, "kernel that charges nobody for memory");
	ASSERT_EQ(0, error);
	EXPECT_GE(STEP, c->full - c->empty);
}

static int use_many_opens(struct charges *c)
{
	int fds[N_OPENS];

	c->empty = charged();
	open_many(fds);
	if (fds[N_OPENS - 1] < 0)
		return EIO;
	c->full = charged();
	wait_for_frames(fds[0], 20);
	close_many(fds);
	c->closed = charged();
	return 0;
}

/* Also while somebody else's stream fills them. */
TEST_F(rd, every_open_is_charged_to_who_opens_it)
{
	struct charges *c;
	int error;

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 0, 64));
	error = measure(use_many_opens, &c);
	if (error == ENOSYS)
		SKIP(return, "kernel that charges nobody for memory");
	ASSERT_EQ(0, error);
	EXPECT_LE(N_OPENS * 8LL * 24640, c->full - c->empty);
	EXPECT_GE(65 * 32768LL + STEP, c->closed - c->empty);
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST_F(rd, signal_wakes_a_sleeping_reader)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	/* Again and again, should the first come before the read. */
	struct itimerval in = { .it_value.tv_usec = 200000,
				.it_interval.tv_usec = 200000 };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &in, NULL);
	errno = 0;
	EXPECT_EQ(-1, read(self->fd, self->r.bytes, sizeof(self->r.bytes)));
	EXPECT_EQ(EINTR, errno);
	memset(&in, 0, sizeof(in));
	setitimer(ITIMER_REAL, &in, NULL);
}

TEST_F(rd, open_without_subscription_reads_what_others_cause)
{
	int other = node_open(O_RDONLY);
	struct dp5_stats before, after;

	ASSERT_LE(0, other);
	before = get_stats(other);
	sleep_ms(300);
	after = get_stats(other);
	EXPECT_EQ(before.requests, after.requests);

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_SPECTRUM, 50 * MS, 0));
	EXPECT_EQ(DP5_FRAME_SPECTRUM,
		  next_record(other, &self->r, DP5_FRAME_SPECTRUM).type);

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_NONE, 0, 0));
	/* Takes its turn behind one under way. */
	ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	before = get_stats(other);
	sleep_ms(300);
	after = get_stats(other);
	EXPECT_EQ(before.requests, after.requests);
	close(other);
}

TEST_HARNESS_MAIN
