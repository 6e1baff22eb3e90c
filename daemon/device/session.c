// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The state machine of one instrument.
 *
 * State is one enum, moves.c holds its legal moves and session_move() makes
 * them. Within a state the instrument is led through a row of steps, each one
 * call and its answer (steps.c); a row that fails ends here, in row_failed().
 * Frames come beside the rows.
 */
#include "device/session.h"

#include <errno.h>
#include <event2/event.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "device/session-internal.h"
#include "device/strobes.h"

/* The driver bounds a transaction and its recovery well below this. */
#define STEP_TIMEOUT_S 15
#define PATIENCE 5
#define RETRY_S 2
#define SETTLE_TIMEOUT_S 600

static const char link_lost[] = "the link to the instrument was lost";
static const char restarted[] = "the instrument was restarted";

static void changed(struct session *s)
{
	s->events.on_changed(s, s->events.arg);
}

/* The one place that changes the state. An illegal move is our mistake: it is
 * said and made, since a stuck instrument helps nobody. */
void session_move(struct session *s, enum session_state to)
{
	if (s->state == to)
		return;
	if (!session_may_move(s->state, to))
		log_error("%s: move from %s to %s is not in the table",
			  s->serial, session_state_name(s->state),
			  session_state_name(to));
	log_debug("%s: %s -> %s", s->serial, session_state_name(s->state),
		  session_state_name(to));
	s->state = to;
	if (to != SESSION_FAULT && to != SESSION_SETTLING)
		s->fault[0] = '\0';
	changed(s);
}

void session_set_fault(struct session *s, const char *format, ...)
{
	char text[sizeof(s->fault)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!strcmp(text, s->fault))
		return;
	memcpy(s->fault, text, sizeof(text));
	changed(s);
}

static void timer_arm(struct session *s)
{
	struct timeval tv = {
		.tv_sec = (time_t)s->slice_s,
		.tv_usec = (suseconds_t)(fmod(s->slice_s, 1) * 1e6),
	};

	event_add(s->timer, &tv);
}

/*
 * Where this machine stood still, and what carries the answer with it, silence
 * tells nothing of the instrument: it is waited for in PATIENCE slices, of which
 * a time without us is one, however long.
 */
static void timer_set(struct session *s, double seconds, unsigned int n_slices)
{
	s->slice_s = seconds / n_slices;
	s->n_slices = n_slices;
	timer_arm(s);
}

/*
 * Leaves the row where it is. The answer to a call under way cannot be taken
 * back: it comes in its order and belongs to nobody then.
 */
static void row_drop(struct session *s)
{
	event_del(s->timer);
	s->row = NULL;
	s->n_orphans += s->is_sent;
	s->is_sent = false;
}

/* ---- ending an assay ------------------------------------------------------ */

/*
 * Hands the end up, once. What was counted goes along when at least one frame
 * came since the clear.
 */
void session_assay_end(struct session *s, enum session_end end, const char *why)
{
	const struct session_reading *last = s->has_last ? &s->last : NULL;

	if (s->is_ended)
		return;
	s->is_ended = true;
	s->events.on_end(s, end, last, why, s->events.arg);
}

static void go_settled_or_not(struct session *s);

/* From any state with an assay: the instrument is there but cannot go on. */
static void assay_failed(struct session *s, enum session_end end,
			 const char *why)
{
	if (s->state != SESSION_DRAINING)
		session_move(s, SESSION_DRAINING);
	strobes_drop(s, why);
	session_assay_end(s, end, why);
}

static void port_lost(struct session *s)
{
	row_drop(s);
	s->n_orphans = 0;
	s->port = port_close(s->port);
}

/* ---- rows of steps -------------------------------------------------------- */

static void ignore_reply(const struct port_reply *reply, void *arg)
{
	(void)reply;
	(void)arg;
}

static void row_next(struct session *s);
static void probe(struct session *s);
static void on_configured(struct session *s);
static void drain(struct session *s, enum session_end end);

/* Without an assay: a belt between two of them, or none at all. */
static void link_failed(struct session *s, const char *why)
{
	if (s->strobes) {
		session_move(s, SESSION_DRAINING);
		strobes_drop(s, why);
		port_control(s->port, DP5_CONTROL_RELEASE, ignore_reply, s);
	}
	session_move(s, SESSION_FAULT);
	session_set_fault(s, "%s", why);
	timer_set(s, RETRY_S, 1);
}

/*
 * What was counted is gone, and its settings are others. An assay ends, and
 * whatever was known of the instrument is asked anew.
 */
static void on_restart(struct session *s)
{
	if (s->state == SESSION_FAULT)
		return;
	row_drop(s);
	s->again_why = restarted;
	if (session_is_busy(s))
		assay_failed(s, SESSION_END_INTERRUPTED, restarted);
	else if (s->applied)
		session_apply_failed(s, -EIO, restarted);
	else if (s->strobes)
		link_failed(s, restarted);
	else
		probe(s);
}

static void row_failed(struct session *s, int error)
{
	const struct step *step = s->row;
	const bool is_link =
		error == -ETIMEDOUT || error == -EPROTO || error == -EIO;
	char why[sizeof(s->fault)];

	if (s->step_why[0])
		snprintf(why, sizeof(why), "%s: %s", step->name, s->step_why);
	else if (error == -ETIMEDOUT)
		snprintf(why, sizeof(why), "%s: no answer", step->name);
	else
		snprintf(why, sizeof(why), "%s: %s", step->name,
			 strerror(-error));
	row_drop(s);

	/* An unplugged port says so by on_gone as well, which ends it. */
	if (error == -ENODEV)
		return;
	if (error == -ESTALE) {
		on_restart(s);
		return;
	}
	log_warning("%s: %s", s->serial, why);
	s->again_why = is_link ? link_lost : NULL;
	if (session_is_busy(s))
		assay_failed(s, SESSION_END_FAILED, why);
	else if (s->applied)
		session_apply_failed(s, error, why);
	else
		link_failed(s, why);
}

static void on_reply(const struct port_reply *reply, void *arg)
{
	struct session *s = arg;
	int r;

	if (s->n_orphans) {
		s->n_orphans--;
		return;
	}
	event_del(s->timer);
	s->is_sent = false;
	s->step_why[0] = '\0';
	r = reply->result;
	if (r >= 0)
		r = s->row->take(s, reply);
	if (r < 0) {
		row_failed(s, r);
		return;
	}
	/* 1: the same step once more, for its next packet. */
	if (r == 0)
		s->row++;
	row_next(s);
}

static void row_next(struct session *s)
{
	int r;

	if (s->is_asked && s->row_done == on_configured) {
		/* Stopped before counting began: nothing was counted. */
		s->row = NULL;
		assay_failed(s, s->asked, s->ask_why);
		return;
	}
	s->step_why[0] = '\0';
	do {
		if (!s->row->send) {
			s->row = NULL;
			s->row_done(s);
			return;
		}
		timer_set(s, STEP_TIMEOUT_S, PATIENCE);
		r = s->row->send(s, on_reply);
	} while (r == 1 && s->row++);
	s->is_sent = r >= 0;
	if (r < 0)
		row_failed(s, r);
}

void session_row_start(struct session *s, const struct step *row,
		       void (*done)(struct session *s))
{
	s->row = row;
	s->row_done = done;
	s->packet_next = 0;
	row_next(s);
}

static void watch_status(struct session *s, double interval_s)
{
	port_subscribe(s->port, DP5_SUB_STATUS, (uint64_t)(interval_s * 1e9),
		       ignore_reply, s);
}

/* ---- settling ------------------------------------------------------------- */

static bool check_settled(struct session *s)
{
	char why[sizeof(s->fault)];

	s->is_settled = settle_check(&s->target, &s->status, s->is_settled, why,
				     sizeof(why));
	if (!s->is_settled && s->state == SESSION_SETTLING)
		session_set_fault(s, "%s", why);
	return s->is_settled;
}

static void on_started(struct session *s)
{
	/* Frames may have come before the answer to enable. */
	if (s->state == SESSION_CONFIGURING)
		session_move(s, SESSION_MEASURING);
	if (s->assay.strobe && strobes_start(s) < 0) {
		s->step_why[0] = '\0';
		assay_failed(s, SESSION_END_FAILED, "no memory for a belt");
		return;
	}
	if (s->is_asked && s->strobes) {
		session_end_belt(s, s->asked, s->ask_why);
		return;
	}
	if (s->is_asked) {
		drain(s, s->asked);
		return;
	}
	timer_set(s, fmax(STEP_TIMEOUT_S, 5 * s->assay.interval_s), PATIENCE);
}

static void start_counting(struct session *s)
{
	if (s->state == SESSION_SETTLING)
		session_move(s, SESSION_CONFIGURING);
	session_row_start(s, s->assay.strobe ? steps_start_belt : steps_start,
			  on_started);
}

static void on_configured(struct session *s)
{
	s->events.on_configured(s, &s->config, &s->read_back, s->events.arg);
	settle_set(&s->target, &s->read_back);
	if (check_settled(s)) {
		start_counting(s);
		return;
	}
	/* What the method itself switched on is always waited for. */
	session_move(s, SESSION_SETTLING);
	check_settled(s);
	watch_status(s, 0.2);
	timer_set(s, SETTLE_TIMEOUT_S, 1);
}

static void go_settled_or_not(struct session *s)
{
	const bool is_settled = check_settled(s);

	session_move(s, is_settled ? SESSION_IDLE : SESSION_SETTLING);
	check_settled(s);
	watch_status(s, is_settled ? 2 : 0.5);
}

static void on_status(struct session *s, const struct dp5_status *status)
{
	s->status = *status;
	s->status_us = clock_realtime_us();

	if (s->state == SESSION_MEASURING && s->strobes) {
		check_settled(s);
		strobes_look(s);
	} else if (s->state == SESSION_IDLE && !check_settled(s))
		go_settled_or_not(s);
	else if (s->state == SESSION_SETTLING && check_settled(s)) {
		if (!session_is_busy(s))
			go_settled_or_not(s);
		else if (s->is_configured)
			start_counting(s);
		else {
			session_move(s, SESSION_CONFIGURING);
			session_row_start(s, steps_configure, on_configured);
		}
	}
}

/* ---- measuring ------------------------------------------------------------ */

static void on_drained(struct session *s)
{
	session_assay_end(s, s->asked, s->ask_why);
}

static void drain(struct session *s, enum session_end end)
{
	event_del(s->timer);
	s->asked = end;
	session_move(s, SESSION_DRAINING);
	session_row_start(s, steps_drain, on_drained);
}

static void on_spectrum(struct session *s, const struct dp5_frame *frame,
			const uint8_t *payload)
{
	int r;

	if (s->state != SESSION_MEASURING || s->is_ended)
		return;
	r = session_keep(s, payload, frame->payload_len);
	if (r == -ESTALE) {
		on_restart(s);
		return;
	}
	if (r < 0) {
		assay_failed(s, SESSION_END_FAILED,
			     "a spectrum of impossible length");
		return;
	}
	s->last.t_done_ns = frame->t_done_ns;
	s->last.n_lost += frame->lost;
	timer_set(s, fmax(STEP_TIMEOUT_S, 5 * s->assay.interval_s), PATIENCE);
	s->events.on_reading(s, &s->last, s->events.arg);
	s->last.n_lost = 0;
	s->last.is_resynced = false;
	if (s->state != SESSION_MEASURING)
		return;

	if (s->is_asked)
		drain(s, s->asked);
	else if (!dp5_status_acquiring(&s->last.status, false))
		drain(s, SESSION_END_PRESET);
}

static void no_frame(struct session *s, const char *why)
{
	s->again_why = link_lost;
	if (session_is_busy(s))
		assay_failed(s, SESSION_END_FAILED, why);
	else
		link_failed(s, why);
}

/*
 * A port that was reset is no reason to end an assay: the instrument counts on
 * meanwhile, and the driver has it tell whether it was restarted before anything
 * else is asked.
 */
static void on_state_frame(struct session *s, const struct dp5_state *state)
{
	if (state->event == DP5_STATE_RESYNC)
		s->last.is_resynced = true;
	if (state->event == DP5_STATE_REBOOT)
		on_restart(s);
}

static void on_frame(const struct dp5_frame *frame, const uint8_t *payload,
		     void *arg)
{
	struct session *s = arg;
	struct dp5_status status;
	struct dp5_state state;

	if (frame->type == DP5_FRAME_STATUS &&
	    dp5_status_parse(payload, frame->payload_len, &status) >= 0)
		on_status(s, &status);
	else if (frame->type == DP5_FRAME_SPECTRUM)
		on_spectrum(s, frame, payload);
	else if (frame->type == DP5_FRAME_STATE &&
		 frame->payload_len >= sizeof(state)) {
		memcpy(&state, payload, sizeof(state));
		on_state_frame(s, &state);
	}
}

static void on_gone(int error, void *arg)
{
	struct session *s = arg;

	if (error != -ENODEV)
		log_warning("%s: %s: %s", s->serial, port_name(s->port),
			    strerror(-error));
	port_lost(s);
	session_move(s, SESSION_ABSENT);
	session_apply_end(s, -ENODEV, "the instrument was unplugged");
	strobes_drop(s, "the instrument was unplugged");
	/* No instrument is left to release, it may come back at any time. */
	if (s->is_busy) {
		s->is_busy = false;
		session_assay_end(s, SESSION_END_INTERRUPTED,
				  "the instrument was unplugged");
	}
}

/* ---- probing, time-outs --------------------------------------------------- */

static void on_probed(struct session *s)
{
	if (s->status.is_buffering)
		log_warning(
			"%s: a belt was left running: %u strobes were counted, and nobody takes what is stored of those behind the last result",
			s->serial, s->status.gp_count);
	s->is_settled = false;
	s->target = (struct settle){ NAN, NAN };
	/* Before its first configuration an instrument keeps its supplies off:
	 * there is nothing to settle to until a method is sent. */
	if (s->status.is_configured)
		settle_set(&s->target, &s->read_back);
	go_settled_or_not(s);
}

static void probe(struct session *s)
{
	session_move(s, SESSION_PROBING);
	session_row_start(s, steps_probe, on_probed);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	if (--s->n_slices)
		timer_arm(s);
	else if (s->state == SESSION_FAULT)
		probe(s);
	else if (s->row)
		row_failed(s, -ETIMEDOUT);
	else if (s->state == SESSION_SETTLING) {
		char why[512];

		snprintf(why, sizeof(why), "not settled in %d s: %s",
			 SETTLE_TIMEOUT_S, s->fault);
		assay_failed(s, SESSION_END_FAILED, why);
	} else if (s->state == SESSION_MEASURING) {
		no_frame(s, s->strobes ? "no status came in time"
				       : "no spectrum came in time");
	}
}

/* ---- public --------------------------------------------------------------- */

int session_new(struct event_base *base, const char *serial,
		const struct session_events *events, struct session **ret)
{
	CLEANUP(session_freep) struct session *s = NULL;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->events = *events;
	s->base = base;
	s->serial = strdup(serial);
	s->timer = evtimer_new(base, on_timer, s);
	if (!s->serial || !s->timer)
		return -ENOMEM;
	*ret = TAKE_PTR(s);
	return 0;
}

struct session *session_free(struct session *s)
{
	if (!s)
		return NULL;
	strobes_free(s->strobes);
	port_close(s->port);
	if (s->timer)
		event_free(s->timer);
	free(s->serial);
	free(s->port_name);
	free(s);
	return NULL;
}

int session_attach(struct session *s, struct port *port,
		   const struct dp5_info *info)
{
	const struct port_events events = { on_frame, on_gone, s };
	char *name;

	if (s->port) {
		port_close(port);
		return -EEXIST;
	}
	name = strdup(port_name(port));
	if (!name) {
		port_close(port);
		return -ENOMEM;
	}
	free(s->port_name);
	s->port_name = name;
	s->port = port;
	s->info = *info;
	s->is_simulated = port_is_simulated(port);
	port_listen(port, &events);
	probe(s);
	return 0;
}

void session_start(struct session *s, const struct session_assay *assay)
{
	s->assay = *assay;
	if (!s->strobes)
		s->config = *assay->config;
	s->assay.config = &s->config;
	s->is_busy = true;
	s->is_asked = false;
	s->is_ended = false;
	s->again_why = NULL;
	s->is_configured = false;
	s->has_last = false;
	s->asked = SESSION_END_PRESET;
	s->ask_why = "";
	memset(&s->last, 0, sizeof(s->last));
	if (s->strobes) {
		s->is_configured = true;
		strobes_want(s);
		return;
	}
	if (s->state == SESSION_SETTLING) {
		timer_set(s, SETTLE_TIMEOUT_S, 1);
		return;
	}
	session_move(s, SESSION_CONFIGURING);
	session_row_start(s, steps_configure, on_configured);
}

static void ask(struct session *s, enum session_end end, const char *why)
{
	if (!s->is_busy || s->is_ended || s->is_asked ||
	    s->state == SESSION_DRAINING)
		return;
	if (s->strobes) {
		session_end_belt(s, end, why);
		return;
	}
	s->is_asked = true;
	s->asked = end;
	s->ask_why = why;
	if (s->state == SESSION_SETTLING) {
		event_del(s->timer);
		assay_failed(s, end, why);
	} else if (s->state == SESSION_MEASURING && !s->row) {
		drain(s, end);
	}
	/* Configuring: the row in progress looks at it before its next step. */
}

void session_reach(struct session *s)
{
	ask(s, SESSION_END_REACHED, "");
}

void session_finish(struct session *s)
{
	ask(s, SESSION_END_FINISHED, "");
}

void session_cancel(struct session *s)
{
	ask(s, SESSION_END_CANCELLED, "");
}

void session_stop(struct session *s)
{
	s->is_stopping = true;
	if (s->strobes && !s->is_busy) {
		session_end_belt(s, SESSION_END_INTERRUPTED,
				 "the daemon was stopped");
		return;
	}
	if (s->applied) {
		row_drop(s);
		session_apply_end(s, -ECANCELED, "the daemon was stopped");
	}
	if (!s->strobes && (!s->is_busy || s->is_ended))
		return;
	row_drop(s);
	if (s->port && s->strobes)
		port_transact(s->port, 0xf0, 0x1f, NULL, 0, ignore_reply, s);
	if (s->port)
		port_transact(s->port, 0xf0, 0x03, NULL, 0, ignore_reply, s);
	assay_failed(s, SESSION_END_INTERRUPTED, "the daemon was stopped");
}

void session_release(struct session *s)
{
	if (!s->is_busy)
		return;
	s->is_busy = false;
	/* It waits for the next strobe, or ends by itself. */
	if (!s->strobes)
		session_go_free(s);
}

void session_go_free(struct session *s)
{
	event_del(s->timer);
	/* At the end of the daemon the next one gets it, or closing gives it back. */
	if (!s->is_stopping)
		port_control(s->port, DP5_CONTROL_RELEASE, ignore_reply, s);
	if (s->again_why) {
		session_move(s, SESSION_FAULT);
		session_set_fault(s, "%s", s->again_why);
		timer_set(s, RETRY_S, 1);
		return;
	}
	go_settled_or_not(s);
}

void session_watch_frames(struct session *s)
{
	timer_set(s, STEP_TIMEOUT_S, PATIENCE);
}
