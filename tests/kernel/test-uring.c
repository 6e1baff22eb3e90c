// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_uring: reads and polls that complete when records come, without a worker
 * thread waiting for them. By the system calls themselves: what is needed of
 * the library is short.
 */
#include "guest.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>

#define ENTRIES 8

struct ring {
	int fd;
	uint8_t *sq, *cq;
	struct io_uring_sqe *sqes;
	struct io_uring_params p;
};

FIXTURE(ur)
{
	int fd;
	struct ring ring;
	union record r;
};

static int ring_open(struct ring *r)
{
	memset(r, 0, sizeof(*r));
	r->fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &r->p);
	if (r->fd < 0)
		return errno;
	r->sq = mmap(NULL, r->p.sq_off.array + ENTRIES * sizeof(uint32_t),
		     PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		     IORING_OFF_SQ_RING);
	r->cq = mmap(NULL,
		     r->p.cq_off.cqes +
			     r->p.cq_entries * sizeof(struct io_uring_cqe),
		     PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		     IORING_OFF_CQ_RING);
	r->sqes = mmap(NULL, ENTRIES * sizeof(struct io_uring_sqe),
		       PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		       IORING_OFF_SQES);
	return r->sq == MAP_FAILED || r->cq == MAP_FAILED ||
			       r->sqes == MAP_FAILED
		       ? ENOMEM
		       : 0;
}

static uint32_t *word(uint8_t *ring, uint32_t at)
{
	return (uint32_t *)(void *)(ring + at);
}

/* Hand one request over. */
static int ring_submit(struct ring *r, const struct io_uring_sqe *sqe)
{
	uint32_t *tail = word(r->sq, r->p.sq_off.tail);
	uint32_t at = *tail & *word(r->sq, r->p.sq_off.ring_mask);

	r->sqes[at] = *sqe;
	word(r->sq, r->p.sq_off.array)[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return (int)syscall(SYS_io_uring_enter, r->fd, 1, 0, 0, NULL, 0);
}

/* The result of the oldest completion, waiting for one. */
static int ring_wait(struct ring *r, uint64_t *ret_tag)
{
	uint32_t *head = word(r->cq, r->p.cq_off.head);
	struct io_uring_cqe *cqe;

	while (*head ==
	       __atomic_load_n(word(r->cq, r->p.cq_off.tail), __ATOMIC_ACQUIRE))
		if (syscall(SYS_io_uring_enter, r->fd, 0, 1,
			    IORING_ENTER_GETEVENTS, NULL, 0) < 0)
			return -errno;
	cqe = (struct io_uring_cqe *)(void *)(r->cq + r->p.cq_off.cqes) +
	      (*head & *word(r->cq, r->p.cq_off.ring_mask));
	*ret_tag = cqe->user_data;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return cqe->res;
}

FIXTURE_SETUP(ur)
{
	int error = ring_open(&self->ring);

	if (error == ENOSYS || error == EPERM)
		SKIP(return, "kernel without io_uring");
	ASSERT_EQ(0, error);
	ASSERT_TRUE(node_wait(true));
	self->fd = node_open(O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(ur)
{
	close(self->fd);
	close(self->ring.fd);
}

/* Worker threads of this process' rings. */
static int count_workers(void)
{
	DIR *dir = opendir("/proc/self/task");
	char path[300], name[32];
	struct dirent *e;
	int n = 0, fd;

	while (dir && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
			 e->d_name);
		memset(name, 0, sizeof(name));
		fd = open(path, O_RDONLY);
		if (fd >= 0 && read(fd, name, sizeof(name) - 1) > 0)
			n += !strncmp(name, "iou-wrk", 7);
		close(fd);
	}
	if (dir)
		closedir(dir);
	return n;
}

static int submit_read(struct ring *ring, int fd, void *buf, uint64_t tag)
{
	struct io_uring_sqe sqe = { .opcode = IORING_OP_READ,
				    .fd = fd,
				    .addr = (uintptr_t)buf,
				    .len = FRAME_ROOM,
				    .off = (uint64_t)-1,
				    .user_data = tag };

	return ring_submit(ring, &sqe);
}

TEST_F(ur, read_completes_when_a_record_comes_without_a_worker)
{
	uint64_t tag;
	int i, n;

	/* Twice that nothing is there yet, then records come. */
	ASSERT_EQ(1, submit_read(&self->ring, self->fd, self->r.bytes, 100));
	sleep_ms(200);
	EXPECT_EQ(0, count_workers());
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 100 * MS, 0));
	for (i = 0; i < 5; i++) {
		n = ring_wait(&self->ring, &tag);
		EXPECT_LE((int)sizeof(struct dp5_frame) + DP5_STATUS_LEN, n);
		EXPECT_EQ(100 + (unsigned int)i, tag);
		EXPECT_EQ(DP5_FRAME_STATUS, self->r.head.type);
		ASSERT_EQ(1, submit_read(&self->ring, self->fd, self->r.bytes,
					 101 + (unsigned int)i));
		EXPECT_EQ(0, count_workers());
	}
}

TEST_F(ur, poll_completes_when_a_record_comes)
{
	struct io_uring_sqe sqe = { .opcode = IORING_OP_POLL_ADD,
				    .fd = self->fd,
				    .poll32_events = POLLIN,
				    .user_data = 7 };
	uint64_t tag;

	ASSERT_EQ(1, ring_submit(&self->ring, &sqe));
	sleep_ms(100);
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 100 * MS, 0));
	EXPECT_EQ(POLLIN, ring_wait(&self->ring, &tag) & POLLIN);
	EXPECT_EQ(7, tag);
	EXPECT_EQ(0, count_workers());
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* What a call on the wire ends with that io_uring has something for meanwhile,
 * and then, if that is asked for, a signal. -1 if it was late for the call.
 */
static int interrupted_call(FIXTURE_DATA(ur) * self, bool has_signal)
{
	struct io_uring_sqe sqe = { .opcode = IORING_OP_POLL_ADD,
				    .poll32_events = POLLIN,
				    .user_data = 8 };
	static struct answer a;
	uint64_t written = 0, tag;
	int fds[2], end;
	pid_t child;

	if (pipe(fds))
		return -2;
	sqe.fd = fds[0];
	if (ring_submit(&self->ring, &sqe) != 1 || !emu("fault delay 900 1"))
		return -3;
	child = fork();
	if (!child) {
		wait_for_fault("fault_delay");
		written = now_ns();
		if (write(fds[1], &written, sizeof(written)) < 0)
			_exit(1);
		sleep_ms(200);
		if (has_signal)
			kill(getppid(), SIGALRM);
		_exit(0);
	}
	transact_for(self->fd, 0x02, 0x03, NULL, 0, 20000 * MS, &a);
	end = (int)((now_ns() - a.t_req_ns) / MS);
	waitpid(child, NULL, 0);
	if (ring_wait(&self->ring, &tag) < 0 || tag != 8 ||
	    read(fds[0], &written, sizeof(written)) != sizeof(written))
		return -4;
	close(fds[0]);
	close(fds[1]);
	if (!a.error && (a.t_done_ns < written || has_signal))
		return -1;
	return a.error ?: end < 900 ? -5 : 0;
}

/* The kernel wakes the process for it, which is no signal; one that comes is
 * heard all the same. Tried again on a machine that was late.
 */
TEST_F(ur, completion_does_not_end_a_call_on_the_wire)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	int error = -1, i;

	for (i = 0; i < 4 && error == -1; i++)
		error = interrupted_call(self, false);
	EXPECT_EQ(0, error);
	sigaction(SIGALRM, &sa, NULL);
	for (error = -1, i = 0; i < 4 && error == -1; i++)
		error = interrupted_call(self, true);
	EXPECT_EQ(EINTR, error);
}

TEST_F(ur, unplug_ends_a_waiting_read)
{
	uint64_t tag;

	ASSERT_EQ(1, submit_read(&self->ring, self->fd, self->r.bytes, 1));
	ASSERT_TRUE(emu("unplug"));
	EXPECT_EQ(-ENODEV, ring_wait(&self->ring, &tag));
	EXPECT_EQ(0, count_workers());
	ASSERT_TRUE(node_wait(false));
	ASSERT_TRUE(emu("plug"));
	EXPECT_TRUE(node_wait(true));
}

TEST_HARNESS_MAIN
