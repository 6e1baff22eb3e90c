// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Spectra that a belt strobes into the instrument, on their way to assays.
 *
 * They are read out of their slots as they come, which takes milliseconds, and
 * wait here for the assays, whose fits take longer. Between two assays of a
 * belt the session stays in measuring: the instrument goes on by itself.
 */
#include "device/strobes.h"

#include <errno.h>
#include <event2/event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/log.h"
#include "device/belt.h"

/* How many wait before the line is not ready, and how many may wait at all.
 * The slots fill behind them, and then strobes are lost, which is told. */
#define READY_MAX 16
#define WAITING_MAX 256

/* FPGA before this may garble what is strobed (dp5-protocol 12). */
#define FPGA_MAJOR 7
#define FPGA_MINOR 1

struct strobe {
	TAILQ_ENTRY(strobe) link;
	uint64_t number;
	struct dp5_status status;
	bool is_settled; /* all the time that it was counted */
	/* 0: nothing was stored, nor of those behind the entry before it. */
	size_t n_chan;
	uint32_t counts[];
};

struct strobes {
	struct belt belt;
	TAILQ_HEAD(, strobe) waiting;
	size_t n_waiting;
	uint64_t n_lost;
	uint64_t n_taken; /* the last that an assay was given */
	/* Strobes under which a status was not settled. */
	uint64_t unsettled_from;
	uint64_t unsettled_to; /* 0: none */
	bool was_ready;
	bool is_ending;
	uint64_t start_us; /* the status by then: it counts no strobe of it */
	uint64_t looked_us; /* the status that was looked at last */
	struct event *deliver; /* from the loop, not from within a call */
	struct event *limit; /* how long a strobe is waited for */
};

static const char *channels(const struct session *s)
{
	return dp5_config_get(&s->config, "MCAC");
}

int strobes_check(struct session *s)
{
	const struct dp5_info *info = &s->info;
	const char *why = NULL;

	if (!(info->features & DP5_FEATURE_BUFFERS))
		why = "this firmware stores no spectra by strobes";
	else if (info->fpga_major < FPGA_MAJOR ||
		 (info->fpga_major == FPGA_MAJOR &&
		  info->fpga_minor < FPGA_MINOR))
		why = "an FPGA before 7.01 may garble spectra stored by strobes";
	else if (!channels(s))
		why = "the method's configuration does not name MCAC";
	if (!why)
		return 0;
	snprintf(s->step_why, sizeof(s->step_why), "%s", why);
	return -EINVAL;
}

/* Counted whatever MCA and gate do, and never cleared by a strobe. */
int strobes_configure(struct session *s)
{
	static const char *const settings[][2] = {
		{ "GPIN", "AUX2" }, { "GPED", "RISING" }, { "GPGA", "OFF" },
		{ "GPMC", "OFF" },  { "GPME", "OFF" },
	};
	int r = strobes_check(s);

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(settings); i++)
		r = dp5_config_set(&s->config, settings[i][0], settings[i][1]);
	return r;
}

/* ---- ready, and what is told ---------------------------------------------- */

bool session_has_belt(const struct session *s)
{
	return s->strobes;
}

void session_belt(const struct session *s, struct session_belt *ret)
{
	const struct strobes *b = s->strobes;

	*ret = (struct session_belt){ .n_strobes = s->n_strobes };
	if (!b)
		return;
	ret->is_ready = !b->is_ending && b->n_waiting < READY_MAX &&
			b->belt.n_strobes < s->n_ordered &&
			s->state == SESSION_MEASURING;
	ret->n_strobes = b->belt.n_strobes;
	ret->n_taken = b->n_taken;
	ret->n_lost = b->n_lost;
	ret->n_waiting = b->n_waiting;
	ret->n_slots = b->belt.n_slots;
}

static void tell_ready(struct session *s)
{
	struct session_belt now;

	session_belt(s, &now);
	if (now.is_ready == s->strobes->was_ready)
		return;
	s->strobes->was_ready = now.is_ready;
	s->events.on_belt(s, false, "", s->events.arg);
}

void session_belt_ordered(struct session *s, uint64_t last)
{
	s->n_ordered = last;
	if (s->strobes)
		tell_ready(s);
}

bool session_strobe_is_lost(const struct session *s, uint64_t number)
{
	const struct strobe *e =
		s->strobes ? TAILQ_FIRST(&s->strobes->waiting) : NULL;

	return e && (e->number > number || (e->number == number && !e->n_chan));
}

/* ---- what waits ------------------------------------------------------------ */

static struct strobe *pop(struct strobes *b)
{
	struct strobe *e = TAILQ_FIRST(&b->waiting);

	if (!e)
		return NULL;
	TAILQ_REMOVE(&b->waiting, e, link);
	b->n_waiting--;
	return e;
}

/* A status is of the pellet that is counted, and of those since the last. */
static void note_settled(struct session *s)
{
	struct strobes *b = s->strobes;

	if (s->is_settled)
		return;
	if (b->unsettled_to <= b->belt.n_seen)
		b->unsettled_from = b->belt.n_strobes + 1;
	b->unsettled_to = (uint64_t)s->status.gp_count + 1;
}

static bool was_settled(const struct session *s, uint64_t number,
			const struct dp5_status *stored)
{
	const struct strobes *b = s->strobes;
	char why[sizeof(s->fault)];

	return (number < b->unsettled_from || number > b->unsettled_to) &&
	       settle_check(&s->target, stored, true, why, sizeof(why));
}

static int push(struct session *s, uint64_t number,
		const struct dp5_status *status, size_t n_chan)
{
	struct strobes *b = s->strobes;
	struct strobe *e;

	e = malloc(sizeof(*e) + n_chan * sizeof(uint32_t));
	if (!e)
		return -ENOMEM;
	e->number = number;
	e->n_chan = n_chan;
	if (status) {
		e->status = *status;
		e->is_settled = was_settled(s, number, status);
	}
	memcpy(e->counts, s->counts, n_chan * sizeof(uint32_t));
	TAILQ_INSERT_TAIL(&b->waiting, e, link);
	b->n_waiting++;
	event_active(b->deliver, 0, 0);
	return 0;
}

/*
 * Strobes behind @from up to @to have no slot. However many they are they wait
 * as one: a line that bounces or carries noise costs no memory, and no log.
 */
static int push_lost(struct session *s, uint64_t from, uint64_t to)
{
	if (to <= from)
		return 0;
	s->strobes->n_lost += to - from;
	log_warning("%s: strobes %llu to %llu of the belt were lost", s->serial,
		    (unsigned long long)from + 1, (unsigned long long)to);
	return push(s, to, NULL, 0);
}

static void hand_over_lost(struct session *s)
{
	char why[160];

	snprintf(
		why, sizeof(why),
		"strobe %llu came faster than the instrument stores: nothing was kept of it",
		(unsigned long long)s->assay.strobe);
	session_assay_end(s, SESSION_END_FAILED, why);
}

static void hand_over(struct session *s, const struct strobe *e)
{
	memcpy(s->counts, e->counts, e->n_chan * sizeof(uint32_t));
	s->last.status = e->status;
	s->last.counts = s->counts;
	s->last.n_chan = e->n_chan;
	s->last.t_done_ns = clock_monotonic_ns();
	s->last.is_settled = e->is_settled;
	s->has_last = true;
	session_assay_end(s, SESSION_END_STROBE, "");
}

static void broken(struct session *s, const char *why)
{
	log_warning("%s: the belt ends: %s", s->serial, why);
	session_end_belt(s, SESSION_END_FAILED, why);
}

static void on_deliver(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	struct strobes *b = s->strobes;
	struct strobe *e;
	char why[80];

	(void)fd;
	(void)what;
	if (!s->is_busy || s->is_ended)
		return;
	e = TAILQ_FIRST(&b->waiting);
	if (!e || b->is_ending)
		return;
	if (e->number < s->assay.strobe) {
		snprintf(why, sizeof(why),
			 "strobe %llu is stored, and no assay is of it",
			 (unsigned long long)e->number);
		broken(s, why);
		return;
	}
	event_del(b->limit);
	b->n_taken = s->assay.strobe;
	if (e->number == s->assay.strobe)
		pop(b);
	tell_ready(s);
	if (e->number != s->assay.strobe) {
		hand_over_lost(s);
		return;
	}
	if (e->n_chan)
		hand_over(s, e);
	else
		hand_over_lost(s);
	free(e);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	char why[80];

	(void)fd;
	(void)what;
	snprintf(why, sizeof(why), "no strobe in %g s", s->assay.strobe_wait_s);
	session_end_belt(s, SESSION_END_FAILED, why);
}

void strobes_want(struct session *s)
{
	const struct timeval limit = {
		.tv_sec = (time_t)s->assay.strobe_wait_s,
		.tv_usec = (suseconds_t)(fmod(s->assay.strobe_wait_s, 1) * 1e6),
	};

	event_add(s->strobes->limit, &limit);
	event_active(s->strobes->deliver, 0, 0);
}

/* ---- reading slots --------------------------------------------------------- */

static void look(struct session *s, bool is_new);

static int send_slot(struct session *s, port_reply_fn fn)
{
	const size_t slot = belt_slot(&s->strobes->belt);
	const uint8_t data[] = { (uint8_t)(slot >> 8), (uint8_t)slot };

	return port_transact(s->port, 0x02, 0x07, data, sizeof(data), fn, s);
}

static int take_slot(struct session *s, const struct port_reply *reply)
{
	struct belt *b = &s->strobes->belt;
	const uint64_t before = b->n_seen;
	struct dp5_status status;
	uint64_t number;
	size_t n;
	int r;

	if (reply->pid1 == 0xff)
		return steps_take_ack(s, reply) < 0 ? -EINVAL : -EPROTO;
	r = dp5_spectrum_parse(reply->data, reply->len, s->counts, &n, &status,
			       NULL);
	if (r < 0)
		return -EPROTO;
	r = belt_take(b, &status, &number);
	if (r < 0)
		broken(s, b->why);
	if (r)
		return 0;
	r = push_lost(s, before, number - 1);
	return r < 0 ? r : push(s, number, &status, n);
}

static int send_restart(struct session *s, port_reply_fn fn)
{
	return port_transact(s->port, 0xf0, 0x1e, NULL, 0, fn, s);
}

static int take_restart(struct session *s, const struct port_reply *reply)
{
	int r = steps_take_ack(s, reply);

	if (r >= 0)
		belt_restarted(&s->strobes->belt);
	return r;
}

static const struct step steps_slot[] = {
	{ "read slot", send_slot, take_slot },
	{ NULL, NULL, NULL },
};

static const struct step steps_restart[] = {
	{ "restart slots", send_restart, take_restart },
	{ "status", steps_send_status, steps_take_status },
	{ NULL, NULL, NULL },
};

static void on_row(struct session *s)
{
	if (s->strobes->is_ending) {
		session_end_belt(s, s->asked, s->belt_why);
		return;
	}
	session_watch_frames(s);
	tell_ready(s);
	look(s, s->status_us != s->strobes->looked_us);
}

/* What is known of the slots by the last status, until that is used up. */
static void look(struct session *s, bool is_new)
{
	struct strobes *b = s->strobes;
	const uint64_t before = b->belt.n_seen;
	enum belt_next next;

	if (s->row || b->n_waiting >= WAITING_MAX)
		return;
	next = belt_look(&b->belt, &s->status, is_new);
	b->looked_us = s->status_us;
	tell_ready(s);
	if (next != BELT_BROKEN && push_lost(s, before, b->belt.n_seen) < 0)
		next = BELT_WAIT;
	if (next == BELT_READ)
		session_row_start(s, steps_slot, on_row);
	else if (next == BELT_RESTART)
		session_row_start(s, steps_restart, on_row);
	else if (next == BELT_BROKEN)
		broken(s, b->belt.why);
}

void strobes_look(struct session *s)
{
	note_settled(s);
	if (s->row || s->strobes->is_ending)
		return;
	session_watch_frames(s);
	look(s, true);
}

/* ---- life ------------------------------------------------------------------ */

static int send_cancel(struct session *s, port_reply_fn fn)
{
	return port_transact(s->port, 0xf0, 0x1f, NULL, 0, fn, s);
}

static const struct step steps_end[] = {
	{ "end slots", send_cancel, steps_take_ack },
	{ "disable", steps_send_disable, steps_take_ack },
	{ "stop frames", steps_send_watch_nothing, steps_take_nothing },
	{ "status", steps_send_status, steps_take_status },
	{ NULL, NULL, NULL },
};

static void on_ended(struct session *s)
{
	const struct strobes *b = s->strobes;
	const uint64_t n = s->status.gp_count;

	if (n > b->n_taken)
		log_warning(
			"%s: the belt has ended: %llu strobes behind the last assay, of %llu, belong to none",
			s->serial, (unsigned long long)(n - b->n_taken),
			(unsigned long long)n);
	strobes_drop(s, s->belt_why);
	if (s->is_busy)
		session_assay_end(s, s->asked, s->belt_why);
	else
		session_go_free(s);
}

void session_end_belt(struct session *s, enum session_end end, const char *why)
{
	struct strobes *b = s->strobes;

	if (!b)
		return;
	if (!b->is_ending) {
		b->is_ending = true;
		s->asked = end;
		snprintf(s->belt_why, sizeof(s->belt_why), "%s", why);
		tell_ready(s);
	}
	/* A row under way comes back here. */
	if (s->row)
		return;
	event_del(b->limit);
	session_move(s, SESSION_DRAINING);
	session_row_start(s, steps_end, on_ended);
}

int strobes_start(struct session *s)
{
	const char *text = dp5_config_get(&s->read_back, "MCAC");
	const size_t n_chan = text ? strtoul(text, NULL, 10) : 0;
	struct strobes *b;

	if (!dp5_channels_valid(n_chan))
		return -EINVAL;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	TAILQ_INIT(&b->waiting);
	belt_init(&b->belt, n_chan);
	b->deliver = event_new(s->base, -1, 0, on_deliver, s);
	b->limit = evtimer_new(s->base, on_limit, s);
	if (!b->deliver || !b->limit) {
		strobes_free(b);
		return -ENOMEM;
	}
	b->start_us = s->status_us;
	s->strobes = b;
	tell_ready(s);
	strobes_want(s);
	session_watch_frames(s);
	return 0;
}

void strobes_drop(struct session *s, const char *why)
{
	const struct strobes *b = s->strobes;

	if (!b)
		return;
	s->n_strobes = b->belt.n_strobes;
	if (s->status_us != b->start_us && s->status.gp_count > s->n_strobes)
		s->n_strobes = s->status.gp_count;
	s->strobes = strobes_free(s->strobes);
	s->events.on_belt(s, true, why, s->events.arg);
}

struct strobes *strobes_free(struct strobes *b)
{
	struct strobe *e;

	if (!b)
		return NULL;
	while ((e = pop(b)))
		free(e);
	if (b->deliver)
		event_free(b->deliver);
	if (b->limit)
		event_free(b->limit);
	free(b);
	return NULL;
}
