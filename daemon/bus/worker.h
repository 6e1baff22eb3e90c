/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One thread for long computations; the end of each is an event. */
#ifndef DAEMON_BUS_WORKER_H
#define DAEMON_BUS_WORKER_H

#include "base/cleanup.h"

struct event_base;
struct worker;

int worker_new(struct event_base *base, struct worker **ret);
/* Waits for the job under way; jobs not begun are done()d unworked. */
struct worker *worker_free(struct worker *w);
CLEANUP_FUNC(struct worker, worker_free);

/*
 * Runs work(arg) on the thread, after those before it, then done(arg) on the
 * loop. Between the two calls @arg belongs to the thread. -ENOMEM: neither
 * is called.
 */
int worker_post(struct worker *w, void (*work)(void *arg),
		void (*done)(void *arg), void *arg);

#endif
