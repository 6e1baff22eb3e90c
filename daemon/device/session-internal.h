/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What session.c shares with the steps it leads an instrument through. */
#ifndef DAEMON_DEVICE_SESSION_INTERNAL_H
#define DAEMON_DEVICE_SESSION_INTERNAL_H

#include "device/session.h"
#include "device/settle.h"

struct event;
struct event_base;
struct strobes;

/*
 * One call and its answer. @send: 1 when there is nothing to send. @take: 0 to go on, 1 to send the step again for
 * its next packet, or -errno with session.step_why filled or left empty. A
 * row ends with a step that sends nothing.
 */
struct step {
	const char *name;
	int (*send)(struct session *s, port_reply_fn fn);
	int (*take)(struct session *s, const struct port_reply *reply);
};

extern const struct step steps_probe[];
extern const struct step steps_configure[];
extern const struct step steps_start[];
extern const struct step steps_start_belt[];
extern const struct step steps_drain[];

struct session {
	struct session_events events;
	struct event_base *base;
	char *serial;
	char *port_name;
	struct port *port; /* NULL while absent */
	struct event *timer; /* of the row, the wait or the next frame */
	double slice_s; /* it is set for this long, so many times from now */
	unsigned int n_slices;
	struct dp5_info info;
	bool is_simulated;
	bool is_stopping; /* the daemon ends */

	enum session_state state;
	char fault[256];
	struct dp5_status status;
	uint64_t status_us;
	struct settle target;
	bool is_settled;

	/* The row under way: its step, NULL between rows. */
	const struct step *row;
	void (*row_done)(struct session *s);
	bool is_sent; /* its call is under way */
	unsigned int n_orphans; /* calls under way whose row was left */
	size_t packet_next; /* command at which the next packet begins */
	char step_why[192];
	struct dp5_config read_back;

	/* Settings outside an assay are under way. */
	session_applied_fn applied; /* NULL: none are */
	void *applied_arg;

	/* The assay, between session_start() and session_release(). */
	bool is_busy;
	bool is_ended; /* on_end was called */
	bool is_asked; /* finish or cancel was asked for */
	const char *again_why; /* probe anew afterwards; static text */
	bool is_configured;
	enum session_end asked;
	const char *ask_why; /* static text */
	struct strobes *strobes; /* while a belt runs */
	uint64_t n_strobes; /* of the last belt */
	uint64_t n_ordered; /* of this one: assays there are for its strobes */
	char belt_why[192]; /* it ends */
	struct session_assay assay;
	struct dp5_config config; /* of the method, then with the presets */
	struct session_reading last;
	bool has_last;
	uint32_t counts[DP5_SPECTRUM_MAX];
};

/* Takes a spectrum with status as the last reading; -EBADMSG, -ESTALE when its
 * real time is less than that of the one before: the instrument was restarted. */
int session_keep(struct session *s, const uint8_t *payload, size_t len);

/* Steps that more than one row has. */
int steps_take_ack(struct session *s, const struct port_reply *reply);
int steps_take_nothing(struct session *s, const struct port_reply *reply);
int steps_send_status(struct session *s, port_reply_fn fn);
int steps_take_status(struct session *s, const struct port_reply *reply);
int steps_send_disable(struct session *s, port_reply_fn fn);
int steps_send_watch_nothing(struct session *s, port_reply_fn fn);

void session_row_start(struct session *s, const struct step *row,
		       void (*done)(struct session *s));
/* Hands the end of the assay up, once. */
void session_assay_end(struct session *s, enum session_end end,
		       const char *why);
/* Answers settings that are under way, if they are. */
void session_apply_end(struct session *s, int error, const char *why);
/* The same, and frees the instrument. */
void session_apply_failed(struct session *s, int error, const char *why);
/* The next frame has to come in time. */
void session_watch_frames(struct session *s);
/* No assay and no belt: control is given back. */
void session_go_free(struct session *s);
void session_move(struct session *s, enum session_state to);
void session_set_fault(struct session *s, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));

#endif
