// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who holds which answer, asked of the kernel: a write lease on a file is
 * given only while no other description of it is open, be it in a client, in
 * its mappings or in a message on the bus. Nothing is written, no lease is
 * kept: it is the question that counts.
 */
#include "bus/held.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>

#include "bus/service.h"

struct held {
	TAILQ_ENTRY(held) link;
	uint32_t uid;
	size_t len;
	int fd; /* ours, read-only: a lease counts who reads */
};

static bool is_held(const struct held *h)
{
	if (fcntl(h->fd, F_SETLEASE, F_WRLCK) < 0)
		return errno == EAGAIN;
	fcntl(h->fd, F_SETLEASE, F_UNLCK);
	return false;
}

static void held_free(struct service *s, struct held *h)
{
	TAILQ_REMOVE(&s->held, h, link);
	close(h->fd);
	free(h);
}

void held_sweep(struct service *s)
{
	struct held *next;
	struct held *h;

	for (h = TAILQ_FIRST(&s->held); h; h = next) {
		next = TAILQ_NEXT(h, link);
		if (!is_held(h))
			held_free(s, h);
	}
}

size_t held_bytes(struct service *s, uint32_t uid)
{
	struct held *h;
	size_t n = 0;

	held_sweep(s);
	TAILQ_FOREACH(h, &s->held, link)
		if (h->uid == uid)
			n += h->len < HELD_LEAST ? HELD_LEAST : h->len;
	return n;
}

static int open_again(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int held_add(struct service *s, uint32_t uid, int fd, size_t len, int *ret_fd)
{
	CLEANUP(closep) int theirs = open_again(fd);
	CLEANUP(closep) int ours = open_again(fd);
	struct held *h;

	if (theirs < 0 || ours < 0)
		return theirs < 0 ? theirs : ours;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->uid = uid;
	h->len = len;
	h->fd = TAKE_FD(ours);
	TAILQ_INSERT_TAIL(&s->held, h, link);
	*ret_fd = TAKE_FD(theirs);
	return 0;
}

void held_free_all(struct service *s)
{
	struct held *h;

	while ((h = TAILQ_FIRST(&s->held)))
		held_free(s, h);
}
