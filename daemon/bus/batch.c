// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Batches: so many records, bytes or milliseconds as the settings say,
 * whichever comes first, wider when the disk is slow, and at once where
 * evidence must not wait.
 */
#include "bus/batch.h"

#include <errno.h>
#include <event2/event.h>

#include "base/clock.h"
#include "bus/settings.h"

#define NS_PER_MS 1000000ULL

static const struct timeval retry_time = { 2, 0 };

/*
 * A slow disk: after a commit the next batch stays open for as long as that one
 * took, so that the loop has half of its time for the instruments, and grows
 * meanwhile beyond the settings, up to their own upper bounds. For so long at
 * most, since nobody knows of a record before its commit.
 */
#define WIDE_NS_MAX (5000 * NS_PER_MS)
#define WIDE_RECORDS 1024
#define WIDE_BYTES ((size_t)16384 * 1024)

struct batch {
	struct ledger *ledger;
	const struct settings *settings;
	struct batch_events events;
	struct event *timer;
	bool is_failing;
	uint64_t open_until_ns; /* what the commit before has earned */
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	batch_flush(arg);
}

int batch_new(struct event_base *base, struct ledger *ledger,
	      const struct settings *settings,
	      const struct batch_events *events, struct batch **ret)
{
	CLEANUP(batch_freep) struct batch *b = NULL;

	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->ledger = ledger;
	b->settings = settings;
	b->events = *events;
	b->timer = evtimer_new(base, on_timer, b);
	if (!b->timer)
		return -ENOMEM;
	*ret = TAKE_PTR(b);
	return 0;
}

struct batch *batch_free(struct batch *b)
{
	if (!b)
		return NULL;
	if (b->timer) {
		batch_flush(b);
		event_free(b->timer);
	}
	free(b);
	return NULL;
}

static int commit(struct batch *b)
{
	const uint64_t begun_ns = clock_monotonic_ns();
	uint64_t took_ns;
	int r;

	r = ledger_commit(b->ledger, NULL);
	b->open_until_ns = clock_monotonic_ns();
	took_ns = b->open_until_ns - begun_ns;
	b->open_until_ns += took_ns < WIDE_NS_MAX ? took_ns : WIDE_NS_MAX;
	return r;
}

int batch_flush(struct batch *b)
{
	struct ledger_batch waiting;
	int r;

	event_del(b->timer);
	ledger_pending(b->ledger, &waiting);
	if (!waiting.n_records && !b->is_failing)
		return 0;

	/* What could not be written may have been discarded since: then only a
	 * trial can tell that there is room again. */
	r = waiting.n_records ? commit(b) : ledger_try_write(b->ledger);
	if (r < 0) {
		b->is_failing = true;
		event_add(b->timer, &retry_time);
		b->events.on_health(ledger_why(b->ledger), b->events.arg);
		return r;
	}
	if (b->is_failing) {
		b->is_failing = false;
		b->events.on_health("", b->events.arg);
	}
	if (waiting.n_records)
		b->events.on_committed(waiting.first, waiting.last,
				       b->events.arg);
	return 0;
}

static bool is_full(const struct batch *b, const struct ledger_batch *waiting)
{
	if (clock_monotonic_ns() < b->open_until_ns)
		return waiting->n_records >= WIDE_RECORDS ||
		       waiting->n_bytes >= WIDE_BYTES;
	return waiting->n_records >= (size_t)b->settings->batch_records ||
	       waiting->n_bytes >= (size_t)b->settings->batch_kib * 1024;
}

static void start_age(struct batch *b)
{
	const uint64_t now_ns = clock_monotonic_ns();
	uint64_t age_ns = (uint64_t)b->settings->batch_age_ms * NS_PER_MS;
	struct timeval age;

	if (now_ns + age_ns < b->open_until_ns)
		age_ns = b->open_until_ns - now_ns;
	age.tv_sec = (time_t)(age_ns / 1000000000);
	age.tv_usec = (suseconds_t)(age_ns % 1000000000 / 1000);
	event_add(b->timer, &age);
}

int batch_add(struct batch *b, const struct ledger_entry *entry,
	      uint64_t *ret_seq)
{
	struct ledger_batch waiting;
	int r;

	r = ledger_append(b->ledger, entry, ret_seq, NULL);
	if (r < 0)
		return r;
	ledger_pending(b->ledger, &waiting);
	/* While the disk refuses, the retry timer sets the pace. */
	if (b->is_failing) {
		if (!evtimer_pending(b->timer, NULL))
			event_add(b->timer, &retry_time);
		return 0;
	}
	if (is_full(b, &waiting))
		batch_flush(b);
	else if (waiting.n_records == 1)
		start_age(b);
	return 0;
}

int batch_add_now(struct batch *b, const struct ledger_entry *entry,
		  uint64_t *ret_seq)
{
	int r;

	r = ledger_append(b->ledger, entry, ret_seq, NULL);
	return r < 0 ? r : batch_flush(b);
}
