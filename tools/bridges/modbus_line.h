/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handshake between a PLC and an assay: one state, moved by events.
 *
 * Pure: whoever calls does what the answer asks for. README.md draws it.
 */
#ifndef TOOLS_BRIDGES_MODBUS_LINE_H
#define TOOLS_BRIDGES_MODBUS_LINE_H

#include <stdbool.h>

/* The numbers stand in input register `state`: never change one. */
enum line_state {
	LINE_OFFLINE, /* no daemon, and nothing of ours is open */
	LINE_AWAY, /* the daemon is there, the instrument cannot measure */
	LINE_READY,
	LINE_STARTING, /* ordered, not answered */
	LINE_ABORTING, /* the same, and to be cancelled as soon as it runs */
	LINE_BUSY,
	LINE_UNKNOWN, /* the daemon went while an order was open */
	LINE_DONE, /* a result waits for its acknowledgement */
	LINE_FAULT, /* so does an assay without one */
	LINE_N_STATES,
};

enum line_event {
	/* From the PLC. */
	LINE_START,
	LINE_ABORT,
	LINE_ACKNOWLEDGE,
	LINE_CHANGE, /* of sample, method or preset */
	LINE_SILENCE, /* it has not asked anything for a while */
	/* From the daemon. */
	LINE_GONE,
	LINE_NOTHING, /* it is there, and nothing of ours is open in its ledger */
	LINE_RUNNING, /* an assay of ours runs */
	LINE_REFUSED, /* it will not: the order came to nothing */
	LINE_RESULT,
	LINE_FAILED, /* the assay has ended, or is lost, without a result */
	LINE_CAN, /* the instrument can measure */
	LINE_CANNOT,
	LINE_N_EVENTS,
};

/* Why the PLC was refused; in input register `refusal`: never change one. */
enum line_refusal {
	LINE_OK,
	LINE_REFUSE_OFFLINE,
	LINE_REFUSE_AWAY,
	LINE_REFUSE_BUSY, /* start while an assay is open */
	LINE_REFUSE_UNACKNOWLEDGED, /* start before the last one's acknowledge */
	LINE_REFUSE_IDLE, /* abort, and nothing runs */
	LINE_REFUSE_NOTHING, /* acknowledge, and nothing waits for it */
	LINE_REFUSE_LOCKED, /* a change of what is being measured */
	/* Of the values, see modbus_bridge.c. */
	LINE_REFUSE_SAMPLE,
	LINE_REFUSE_METHOD,
	LINE_REFUSE_UNARMED,
	LINE_REFUSE_SEVERAL,
	LINE_REFUSE_CONFIG,
	LINE_N_REFUSALS,
};

enum line_action {
	LINE_NO_ACTION,
	LINE_MEASURE,
	LINE_CANCEL,
	LINE_ACK,
};

struct line {
	enum line_state state;
	bool is_online;
	bool is_able; /* the instrument, as last heard */
};

struct line_answer {
	enum line_refusal refusal;
	enum line_action action;
};

/* What an event makes of the line. A refusal changes nothing. */
struct line_answer line_move(struct line *line, enum line_event event);

/* For people and documents. */
const char *line_state_text(enum line_state state);
const char *line_refusal_text(enum line_refusal refusal);

#endif
