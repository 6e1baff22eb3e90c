/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small event loop: descriptors, timers, one thread. */
#ifndef TOOLS_DP5EMU_LOOP_H
#define TOOLS_DP5EMU_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#define LOOP_SOURCES_MAX 64
#define LOOP_TIMERS_MAX 16

typedef void (*loop_fd_fn)(void *arg, short revents);
typedef void (*loop_timer_fn)(void *arg);

struct loop_source {
	int fd; /* -1: free */
	short events;
	loop_fd_fn fn;
	void *arg;
};

struct loop_timer {
	int64_t due_ns; /* CLOCK_MONOTONIC; 0: not armed */
	loop_timer_fn fn;
	void *arg;
};

struct loop {
	bool is_done;
	struct loop_source sources[LOOP_SOURCES_MAX];
	struct loop_timer *timers[LOOP_TIMERS_MAX];
	int n_timers;
};

void loop_init(struct loop *l);

/* Call @fn when @events are there; the descriptor stays the caller's. */
int loop_add_fd(struct loop *l, int fd, short events, loop_fd_fn fn, void *arg);
void loop_set_events(struct loop *l, int fd, short events);
void loop_remove_fd(struct loop *l, int fd);

/* Make a timer known, once; arming is by setting due_ns. */
int loop_add_timer(struct loop *l, struct loop_timer *t, loop_timer_fn fn,
		   void *arg);

/* Run until is_done; 0 or the error of poll(). */
int loop_serve(struct loop *l);

#endif /* TOOLS_DP5EMU_LOOP_H */
