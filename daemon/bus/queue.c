// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A queue per instrument.
 *
 * An assay that waits is recorded already, so whatever becomes of it has a
 * result. While the instrument is absent, in
 * fault, or the disk is full, it goes on waiting, but not longer than its
 * patience: a forgotten job must not start by itself weeks later. A detector
 * that settles is waited for by the session, as for any assay.
 *
 * The session tells of its changes in the middle of its moves, so the next
 * assay is begun from the loop and never from there.
 */
#include "bus/queue.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "bus/errors.h"
#include "bus/space.h"
#include "bus/spectrometer.h"

/* A full disk announces nothing when it has room again. */
#define LOOK_AGAIN_S 2

static void wake_in(struct queue *q, uint64_t ns)
{
	const struct timeval tv = {
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_usec = (suseconds_t)(ns % 1000000000 / 1000),
	};

	event_add(q->timer, &tv);
}

static void tell(struct queue *q)
{
	struct run *r;

	TAILQ_FOREACH(r, &q->runs, link)
		run_changed(r);
	spectrometer_changed(q->spectrometer);
}

/* The first that has not been taken out meanwhile. */
static struct run *first(const struct queue *q)
{
	struct run *r;

	TAILQ_FOREACH(r, &q->runs, link)
		if (!r->verdict)
			return r;
	return NULL;
}

static bool may_begin(const struct spectrometer *sp)
{
	return session_may_start(sp->session, true) == 0 &&
	       ledger_has_reserve(sp->service->ledger) &&
	       space_check(sp->service, NULL) >= 0;
}

/* Of a belt, all that wait: none can be left out. */
static void drop_with_belt(struct run *r, const char *why)
{
	if (r->order.strobe)
		belts_end(r->spectrometer, "failed", why);
	else
		run_drop(r, "failed", why);
}

/* Ends what has waited too long; the time until the next one has. */
static uint64_t expire(struct queue *q, uint64_t now)
{
	const struct session *s = q->spectrometer->session;
	uint64_t next = LOOK_AGAIN_S * 1000000000ULL;
	struct run *after;
	struct run *r;
	char why[128];

	for (r = TAILQ_FIRST(&q->runs); r; r = after) {
		uint64_t limit = (uint64_t)(r->order.patience_s * 1e9);
		uint64_t since = q->blocked_ns > r->queued_ns ? q->blocked_ns
							      : r->queued_ns;

		after = TAILQ_NEXT(r, link);
		if (r->verdict)
			continue;
		if (now - since < limit) {
			if (since + limit - now < next)
				next = since + limit - now;
			continue;
		}
		snprintf(why, sizeof(why),
			 "waited %.0f s for the instrument, which is %s",
			 r->order.patience_s,
			 session_state_name(session_state(s)));
		drop_with_belt(r, why);
	}
	return next;
}

/*
 * Not where they end: that may be within a walk over the queue, since one
 * commit can make the results of several durable.
 */
static void sweep(struct queue *q)
{
	const unsigned int n = q->n;
	struct run *after;
	struct run *r;

	for (r = TAILQ_FIRST(&q->runs); r; r = after) {
		after = TAILQ_NEXT(r, link);
		if (r->is_active)
			continue;
		TAILQ_REMOVE(&q->runs, r, link);
		q->n--;
		run_unref(r);
	}
	if (q->n != n)
		tell(q);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct queue *q = arg;
	struct spectrometer *sp = q->spectrometer;
	const uint64_t now = clock_monotonic_ns();
	struct run *r;
	char why[320];
	char told[360];

	(void)fd;
	(void)what;
	sweep(q);
	r = first(q);
	if (!r || spectrometer_is_measuring(sp) || sp->service->is_stopping) {
		q->blocked_ns = 0;
		return;
	}
	/* A control before it may have failed since it was ordered. What a belt
	 * strobes is there whether it may be assayed or not. */
	if (!spectrometer_is_controlled(sp, &r->order, why, sizeof(why))) {
		if (!session_has_belt(sp->session)) {
			snprintf(told, sizeof(told),
				 "refused at its turn, not measured: %s", why);
			drop_with_belt(r, told);
			queue_wake(q);
			return;
		}
		run_refuse(r, why);
	}
	/* Counted anew its strobe would be that of another pellet. */
	if (!belts_may_begin(sp, &r->order)) {
		drop_with_belt(r, "the belt that it was ordered for is over");
		queue_wake(q);
		return;
	}
	if (may_begin(sp)) {
		q->blocked_ns = 0;
		TAILQ_REMOVE(&q->runs, r, link);
		q->n--;
		spectrometer_begin(sp, r);
		/* On a settling detector nothing else would say so. */
		run_changed(r);
		tell(q);
		return;
	}
	if (!q->blocked_ns)
		q->blocked_ns = now;
	wake_in(q, expire(q, now));
}

int queue_init(struct queue *q, struct spectrometer *sp)
{
	q->spectrometer = sp;
	TAILQ_INIT(&q->runs);
	q->timer = evtimer_new(sp->service->base, on_timer, q);
	return q->timer ? 0 : -ENOMEM;
}

void queue_deinit(struct queue *q)
{
	struct run *r;

	while ((r = TAILQ_FIRST(&q->runs))) {
		TAILQ_REMOVE(&q->runs, r, link);
		run_unref(r);
	}
	if (q->timer)
		event_free(q->timer);
	q->timer = NULL;
}

int queue_check(const struct queue *q, uint32_t uid, sd_bus_error *error)
{
	const struct spectrometer *sp;
	unsigned int n_uid = 0;
	unsigned int n = 0;
	const struct run *r;

	/* One that has ended has given its place back already. */
	TAILQ_FOREACH(sp, &q->spectrometer->service->spectrometers, link)
		TAILQ_FOREACH(r, &sp->queue.runs, link) {
			n_uid += r->order.uid == uid && !r->verdict;
			n += sp == q->spectrometer && !r->verdict;
		}
	if (n_uid >= QUEUE_MAX_UID)
		return sd_bus_error_setf(
			error, ERROR_LIMIT,
			"uid %u has %u assays waiting already: "
			"one has to be measured or ended first",
			uid, n_uid);
	if (n >= QUEUE_MAX)
		return sd_bus_error_setf(error, ERROR_LIMIT,
					 "%u assays are waiting already: one "
					 "has to be measured or ended first",
					 n);
	return 0;
}

void queue_add(struct queue *q, struct run *r)
{
	r->is_queued = true;
	r->queued_ns = clock_monotonic_ns();
	TAILQ_INSERT_TAIL(&q->runs, r, link);
	q->n++;
	queue_wake(q);
}

unsigned int queue_position(const struct queue *q, const struct run *r)
{
	unsigned int n = 0;
	const struct run *other;

	TAILQ_FOREACH(other, &q->runs, link) {
		n += !other->verdict;
		if (other == r)
			return r->verdict ? 0 : n;
	}
	return 0;
}

bool queue_is_waiting(const struct queue *q)
{
	return first(q);
}

bool queue_is_busy(const struct queue *q)
{
	const struct run *r;

	TAILQ_FOREACH(r, &q->runs, link)
		if (r->is_active)
			return true;
	return false;
}

void queue_wake(struct queue *q)
{
	if (q->n)
		wake_in(q, 0);
}

static void drop_all(struct queue *q, const char *sender, const char *verdict,
		     const char *why)
{
	struct run *after;
	struct run *r;

	for (r = TAILQ_FIRST(&q->runs); r; r = after) {
		after = TAILQ_NEXT(r, link);
		if (!r->verdict &&
		    (!sender || (r->sender && !strcmp(r->sender, sender))))
			run_drop(r, verdict, why);
	}
}

void queue_stop(struct queue *q)
{
	drop_all(q, NULL, "interrupted", "the daemon was stopped");
}

void queue_caller_left(struct queue *q, const char *sender)
{
	drop_all(q, sender, "cancelled", "its caller left the bus");
}
