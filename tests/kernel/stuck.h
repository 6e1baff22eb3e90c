/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that the kernel cannot get at until the test says so: a read() into it
 * holds its record for as long as the test wants, and then fails; and a call
 * whose argument reaches into it stands in the middle of that.
 */
#ifndef TESTS_KERNEL_STUCK_H
#define TESTS_KERNEL_STUCK_H

#include <pthread.h>
#include <linux/userfaultfd.h>
#include <sys/syscall.h>

#include "guest.h"

#define STUCK_LEN 4096

struct stuck {
	int fault_fd;
	uint8_t *page; /* an ordinary one lies before it */
	pthread_t thread;
	int fd; /* what is read */
	int error; /* how that ended */
};

/* 0, or an errno: ENOSYS of a kernel that has no such memory. */
static int stuck_init(struct stuck *s)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	s->fault_fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (s->fault_fd < 0)
		return errno;
	s->page = mmap(NULL, (size_t)2 * STUCK_LEN, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->page == MAP_FAILED)
		return errno;
	s->page += STUCK_LEN;
	reg.range.start = (uintptr_t)s->page;
	reg.range.len = STUCK_LEN;
	if (ioctl(s->fault_fd, UFFDIO_API, &api) ||
	    ioctl(s->fault_fd, UFFDIO_REGISTER, &reg))
		return errno;
	return 0;
}

static void *stuck_read(void *arg)
{
	struct stuck *s = arg;

	s->error = read(s->fd, s->page, STUCK_LEN) < 0 ? errno : 0;
	return NULL;
}

/* Until somebody has come upon the page. */
static bool stuck_wait(const struct stuck *s)
{
	struct pollfd p = { .fd = s->fault_fd, .events = POLLIN };

	return poll(&p, 1, -1) == 1;
}

/* Have a thread read the next record of @fd, and wait until it holds it. */
static MAYBE_UNUSED bool stuck_begin(struct stuck *s, int fd)
{
	s->fd = fd;
	return !pthread_create(&s->thread, NULL, stuck_read, s) &&
	       stuck_wait(s);
}

/* Let who came upon the page find @bytes in it. */
static MAYBE_UNUSED bool stuck_fill(struct stuck *s, const void *bytes)
{
	struct uffdio_copy copy = { .dst = (uintptr_t)s->page,
				    .src = (uintptr_t)bytes,
				    .len = STUCK_LEN };

	return !ioctl(s->fault_fd, UFFDIO_COPY, &copy);
}

static void stuck_free(struct stuck *s)
{
	munmap(s->page - STUCK_LEN, (size_t)2 * STUCK_LEN);
	close(s->fault_fd);
}

/* Let the copy go on into memory that cannot be written to; what the read
 * ended with.
 */
static MAYBE_UNUSED int stuck_end(struct stuck *s)
{
	struct uffdio_range range = { .start = (uintptr_t)s->page,
				      .len = STUCK_LEN };

	if (mprotect(s->page, STUCK_LEN, PROT_NONE) ||
	    ioctl(s->fault_fd, UFFDIO_WAKE, &range) ||
	    pthread_join(s->thread, NULL))
		return -1;
	stuck_free(s);
	return s->error;
}

#endif /* TESTS_KERNEL_STUCK_H */
