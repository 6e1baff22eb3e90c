// SPDX-License-Identifier: GPL-2.0-or-later
/* A small event loop: descriptors, timers, one thread. */
#include "dp5emu/loop.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

void loop_init(struct loop *l)
{
	memset(l, 0, sizeof(*l));
	for (int i = 0; i < LOOP_SOURCES_MAX; i++)
		l->sources[i].fd = -1;
}

static struct loop_source *find(struct loop *l, int fd)
{
	for (int i = 0; i < LOOP_SOURCES_MAX; i++) {
		if (l->sources[i].fd == fd)
			return &l->sources[i];
	}
	return NULL;
}

int loop_add_fd(struct loop *l, int fd, short events, loop_fd_fn fn, void *arg)
{
	struct loop_source *s = find(l, -1);

	if (!s)
		return -ENOSPC;
	*s = (struct loop_source){ fd, events, fn, arg };
	return 0;
}

void loop_set_events(struct loop *l, int fd, short events)
{
	struct loop_source *s = find(l, fd);

	if (s)
		s->events = events;
}

void loop_remove_fd(struct loop *l, int fd)
{
	struct loop_source *s = fd >= 0 ? find(l, fd) : NULL;

	if (s)
		s->fd = -1;
}

int loop_add_timer(struct loop *l, struct loop_timer *t, loop_timer_fn fn,
		   void *arg)
{
	if (l->n_timers == LOOP_TIMERS_MAX)
		return -ENOSPC;
	*t = (struct loop_timer){ 0, fn, arg };
	l->timers[l->n_timers++] = t;
	return 0;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void run_timers(struct loop *l)
{
	int64_t now = now_ns();

	for (int i = 0; i < l->n_timers; i++) {
		struct loop_timer *t = l->timers[i];

		if (!t->due_ns || t->due_ns > now)
			continue;
		t->due_ns = 0;
		t->fn(t->arg);
	}
}

static struct timespec *time_left(struct loop *l, struct timespec *ts)
{
	int64_t due = INT64_MAX, left;

	for (int i = 0; i < l->n_timers; i++) {
		if (l->timers[i]->due_ns && l->timers[i]->due_ns < due)
			due = l->timers[i]->due_ns;
	}
	if (due == INT64_MAX)
		return NULL;
	left = due - now_ns();
	if (left < 0)
		left = 0;
	ts->tv_sec = left / 1000000000;
	ts->tv_nsec = left % 1000000000;
	return ts;
}

/*
 * A callback may close any descriptor and a new one may get its number before
 * its turn, so a source is called only if it is still the one polled.
 */
int loop_serve(struct loop *l)
{
	while (!l->is_done) {
		struct pollfd fds[LOOP_SOURCES_MAX];
		struct loop_source was[LOOP_SOURCES_MAX];
		struct timespec ts;

		for (int i = 0; i < LOOP_SOURCES_MAX; i++) {
			was[i] = l->sources[i];
			fds[i] = (struct pollfd){ was[i].fd, was[i].events, 0 };
		}
		if (ppoll(fds, LOOP_SOURCES_MAX, time_left(l, &ts), NULL) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		for (int i = 0; i < LOOP_SOURCES_MAX; i++) {
			struct loop_source *s = &l->sources[i];

			if (fds[i].revents && s->fd == was[i].fd &&
			    s->arg == was[i].arg)
				s->fn(s->arg, fds[i].revents);
		}
		run_timers(l);
	}
	return 0;
}
