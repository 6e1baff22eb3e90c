/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One instrument's life: found, settled, measuring, gone and found again.
 *
 * A session knows the instrument and nothing of samples or elements. It
 * outlives its ports: after an unplug it is absent until an instrument with
 * the same serial number is attached.
 */
#ifndef DAEMON_DEVICE_SESSION_H
#define DAEMON_DEVICE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "device/port.h"
#include "proto/config.h"
#include "proto/spectrum.h"
#include "proto/status.h"

struct session;

enum session_state {
	SESSION_ABSENT,
	SESSION_PROBING,
	SESSION_SETTLING,
	SESSION_IDLE,
	SESSION_CONFIGURING,
	SESSION_MEASURING,
	SESSION_DRAINING,
	SESSION_FAULT,
	SESSION_N_STATES,
};

/* "absent", "probing" ... as the bus shows them. */
const char *session_state_name(enum session_state state);
/* Whether the table of legal moves has this one. */
bool session_may_move(enum session_state from, enum session_state to);

/* What one frame of a measurement told; borrowed for the callback's time. */
struct session_reading {
	struct dp5_status status;
	const uint32_t *counts;
	size_t n_chan;
	uint64_t t_done_ns; /* CLOCK_MONOTONIC */
	uint64_t n_lost; /* frames lost since the reading before */
	bool is_settled; /* temperature and voltage were in bounds */
	bool is_resynced; /* the link was recovered since the reading before */
};

/* How an assay left the session. */
enum session_end {
	SESSION_END_PRESET, /* the instrument's counters reached the preset */
	SESSION_END_REACHED, /* session_reach() */
	SESSION_END_FINISHED, /* session_finish() */
	SESSION_END_CANCELLED, /* session_cancel() */
	SESSION_END_INTERRUPTED, /* unplugged, restarted, or the daemon stops */
	SESSION_END_STROBE, /* what was stored at its strobe */
	SESSION_END_FAILED, /* configuration refused, no answer ... */
};

struct session_events {
	/* State, fault, identity or port changed. */
	void (*on_changed)(struct session *s, void *arg);
	/* A configuration was sent, read back and found in force. */
	void (*on_configured)(struct session *s, const struct dp5_config *sent,
			      const struct dp5_config *read_back, void *arg);
	void (*on_reading)(struct session *s, const struct session_reading *r,
			   void *arg);
	/*
	 * The assay is over: @last is what was counted, NULL when nothing was;
	 * @why is a sentence, empty after a preset. While an instrument is
	 * there the session stays draining until session_release().
	 */
	void (*on_end)(struct session *s, enum session_end end,
		       const struct session_reading *last, const char *why,
		       void *arg);
	/*
	 * The belt is ready for strobes, or no longer; @is_over: it has ended,
	 * @why a sentence or empty, and no assay of it may begin any more.
	 */
	void (*on_belt)(struct session *s, bool is_over, const char *why,
			void *arg);
	void *arg;
};

/* What to measure; copied. */
struct session_assay {
	const struct dp5_config *config; /* of the method, unsaved */
	double preset_live_s; /* 0: none; one of the three is set */
	double preset_real_s;
	double preset_counts; /* whole; over the channels PRCL to PRCH */
	double interval_s;
	/*
	 * Of a belt: the spectrum that the instrument stores at this strobe, 1
	 * for the first since the belt began; then there are no presets. 0:
	 * none.
	 */
	uint64_t strobe;
	double strobe_wait_s; /* so long at most */
};

/* A belt, or of the last one the strobes alone: strobes counted, given to assays, lost, read and waiting. */
struct session_belt {
	bool is_ready; /* what is strobed now will be stored, and has an assay */
	uint64_t n_strobes;
	uint64_t n_taken;
	uint64_t n_lost;
	size_t n_waiting;
	size_t n_slots; /* of the instrument */
};

/* Results of session_may_start() beside 0. */
enum {
	SESSION_BUSY = 1,
	SESSION_NO_DEVICE,
	SESSION_NOT_SETTLED,
	SESSION_FAULTY,
};

struct event_base;

/* @serial is copied. An absent session. */
int session_new(struct event_base *base, const char *serial,
		const struct session_events *events, struct session **ret);
struct session *session_free(struct session *s);
CLEANUP_FUNC(struct session, session_free);

/*
 * Gives it the port of its instrument, which is taken over, and probes.
 * -EEXIST when it has one that works; the port is closed then.
 */
int session_attach(struct session *s, struct port *port,
		   const struct dp5_info *info);

/* @is_wait: a detector that settles is no reason to refuse. */
int session_may_start(const struct session *s, bool is_wait);
/* After session_may_start() said 0; waits for a settling detector first. */
void session_start(struct session *s, const struct session_assay *assay);
/*
 * A preset that the instrument does not know is reached; the operator has
 * enough; or wants nothing. All are answered by on_end; nothing without an
 * assay.
 */
void session_reach(struct session *s);
void session_finish(struct session *s);
void session_cancel(struct session *s);
/* Ends an assay at once as interrupted, for the end of the daemon. */
void session_stop(struct session *s);
/* The result is made: the instrument is free again. */
void session_release(struct session *s);

/*
 * How settings ended: @error 0 when they are in force, else @why is a sentence;
 * @read_back is what was read before that, maybe nothing.
 */
typedef void (*session_applied_fn)(struct session *s, int error,
				   const char *why,
				   const struct dp5_config *sent,
				   const struct dp5_config *read_back,
				   void *arg);
/*
 * Sends settings outside an assay, after session_may_start(s, true) said 0 and
 * when there is no belt; the next assay sends its method's. @fn is called once,
 * also when the instrument goes or session_stop() is called meanwhile.
 */
void session_apply(struct session *s, const struct dp5_config *config,
		   session_applied_fn fn, void *arg);

/*
 * From the assay of a first strobe on, until session_end_belt() or a failure,
 * spectra are strobed; session_start() of the next strobe goes on with it. The
 * end comes as on_belt, and as @end of the assay that waits, if one does.
 */
bool session_has_belt(const struct session *s);
void session_end_belt(struct session *s, enum session_end end, const char *why);
void session_belt(const struct session *s, struct session_belt *ret);
/* There are assays for strobes up to @last; the belt is ready for no more. */
void session_belt_ordered(struct session *s, uint64_t last);
/* Whether nothing was stored at that strobe, as far as is known already. */
bool session_strobe_is_lost(const struct session *s, uint64_t number);

/* Writes IO lines 3 to 0, a bit each; -ENODEV when there is no instrument. */
int session_write_io(struct session *s, uint8_t bits, port_reply_fn fn,
		     void *arg);

enum session_state session_state(const struct session *s);
/* Whether an assay is between session_start() and session_release(). */
bool session_is_busy(const struct session *s);
/* Whether the running assay still waits for detector and high voltage. */
bool session_is_waiting(const struct session *s);
/* A sentence; "" when there is no fault and nothing to settle. */
const char *session_fault(const struct session *s);
const char *session_serial(const struct session *s);
/* NULL while absent and never attached. */
const struct dp5_info *session_info(const struct session *s);
const char *session_port_name(const struct session *s);
bool session_is_simulated(const struct session *s);
/* The last status and when it came (CLOCK_REALTIME, us); NULL before one. */
const struct dp5_status *session_status(const struct session *s,
					uint64_t *ret_us);

#endif
