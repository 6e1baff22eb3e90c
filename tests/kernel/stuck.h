/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that the kernel cannot copy to until the test says so, and then with a
 * fault: a read() into it holds its record for as long as the test wants.
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
	void *page;
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
	s->page = mmap(NULL, STUCK_LEN, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)s->page;
	reg.range.len = STUCK_LEN;
	if (s->page == MAP_FAILED || ioctl(s->fault_fd, UFFDIO_API, &api) ||
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

/* Have a thread read the next record of @fd, and wait until it holds it. */
static bool stuck_begin(struct stuck *s, int fd)
{
	struct pollfd p = { .fd = s->fault_fd, .events = POLLIN };

	s->fd = fd;
	return !pthread_create(&s->thread, NULL, stuck_read, s) &&
	       poll(&p, 1, -1) == 1;
}

/* Let the copy go on into memory that cannot be written to; what the read
 * ended with.
 */
static int stuck_end(struct stuck *s)
{
	struct uffdio_range range = { .start = (uintptr_t)s->page,
				      .len = STUCK_LEN };

	if (mprotect(s->page, STUCK_LEN, PROT_NONE) ||
	    ioctl(s->fault_fd, UFFDIO_WAKE, &range) ||
	    pthread_join(s->thread, NULL))
		return -1;
	munmap(s->page, STUCK_LEN);
	close(s->fault_fd);
	return s->error;
}

#endif /* TESTS_KERNEL_STUCK_H */
