// SPDX-License-Identifier: GPL-2.0-or-later
/* Every state with every event: the table is the whole of the handshake. */
#include "bridges/modbus_line.h"

#include <stddef.h>

/* Where a line without an order rests: told by what is known of the daemon
 * and its instrument. */
#define REST LINE_N_STATES

struct move {
	enum line_state to;
	struct line_answer answer;
};

#define TO(state)                               \
	{                                       \
		state,                          \
		{                               \
			LINE_OK, LINE_NO_ACTION \
		}                               \
	}
#define DO(state, action)               \
	{                               \
		state,                  \
		{                       \
			LINE_OK, action \
		}                       \
	}
#define NO(state, why)                                    \
	{                                                 \
		state,                                    \
		{                                         \
			LINE_REFUSE_##why, LINE_NO_ACTION \
		}                                         \
	}

/* clang-format off */
static const struct move moves[LINE_N_STATES][LINE_N_EVENTS] = {
	[LINE_OFFLINE] = {
		[LINE_START] = NO(LINE_OFFLINE, OFFLINE),
		[LINE_ABORT] = NO(LINE_OFFLINE, IDLE),
		[LINE_ACKNOWLEDGE] = NO(LINE_OFFLINE, NOTHING),
		[LINE_CHANGE] = TO(LINE_OFFLINE),
		[LINE_SILENCE] = TO(LINE_OFFLINE),
		[LINE_GONE] = TO(LINE_OFFLINE),
		[LINE_NOTHING] = TO(REST),
		[LINE_RUNNING] = TO(LINE_BUSY),
		[LINE_REFUSED] = TO(LINE_OFFLINE),
		[LINE_RESULT] = TO(LINE_DONE),
		[LINE_FAILED] = TO(LINE_FAULT),
		[LINE_CAN] = TO(LINE_OFFLINE),
		[LINE_CANNOT] = TO(LINE_OFFLINE),
	},
	[LINE_AWAY] = {
		[LINE_START] = NO(LINE_AWAY, AWAY),
		[LINE_ABORT] = NO(LINE_AWAY, IDLE),
		[LINE_ACKNOWLEDGE] = NO(LINE_AWAY, NOTHING),
		[LINE_CHANGE] = TO(LINE_AWAY),
		[LINE_SILENCE] = TO(LINE_AWAY),
		[LINE_GONE] = TO(LINE_OFFLINE),
		[LINE_NOTHING] = TO(REST),
		[LINE_RUNNING] = TO(LINE_BUSY),
		[LINE_REFUSED] = TO(LINE_AWAY),
		[LINE_RESULT] = TO(LINE_DONE),
		[LINE_FAILED] = TO(LINE_FAULT),
		[LINE_CAN] = TO(REST),
		[LINE_CANNOT] = TO(REST),
	},
	[LINE_READY] = {
		[LINE_START] = DO(LINE_STARTING, LINE_MEASURE),
		[LINE_ABORT] = NO(LINE_READY, IDLE),
		[LINE_ACKNOWLEDGE] = NO(LINE_READY, NOTHING),
		[LINE_CHANGE] = TO(LINE_READY),
		[LINE_SILENCE] = TO(LINE_READY),
		[LINE_GONE] = TO(LINE_OFFLINE),
		[LINE_NOTHING] = TO(REST),
		[LINE_RUNNING] = TO(LINE_BUSY),
		[LINE_REFUSED] = TO(LINE_READY),
		[LINE_RESULT] = TO(LINE_DONE),
		[LINE_FAILED] = TO(LINE_FAULT),
		[LINE_CAN] = TO(REST),
		[LINE_CANNOT] = TO(REST),
	},
	[LINE_STARTING] = {
		[LINE_START] = NO(LINE_STARTING, BUSY),
		[LINE_ABORT] = TO(LINE_ABORTING),
		[LINE_ACKNOWLEDGE] = NO(LINE_STARTING, NOTHING),
		[LINE_CHANGE] = NO(LINE_STARTING, LOCKED),
		[LINE_SILENCE] = TO(LINE_STARTING),
		[LINE_GONE] = TO(LINE_UNKNOWN),
		[LINE_NOTHING] = TO(LINE_FAULT),
		[LINE_RUNNING] = TO(LINE_BUSY),
		[LINE_REFUSED] = TO(LINE_FAULT),
		[LINE_RESULT] = TO(LINE_DONE),
		[LINE_FAILED] = TO(LINE_FAULT),
		[LINE_CAN] = TO(LINE_STARTING),
		[LINE_CANNOT] = TO(LINE_STARTING),
	},
	[LINE_ABORTING] = {
		[LINE_START] = NO(LINE_ABORTING, BUSY),
		[LINE_ABORT] = TO(LINE_ABORTING),
		[LINE_ACKNOWLEDGE] = NO(LINE_ABORTING, NOTHING),
		[LINE_CHANGE] = NO(LINE_ABORTING, LOCKED),
		[LINE_SILENCE] = TO(LINE_ABORTING),
		[LINE_GONE] = TO(LINE_UNKNOWN),
		[LINE_NOTHING] = TO(LINE_FAULT),
		[LINE_RUNNING] = DO(LINE_BUSY, LINE_CANCEL),
		[LINE_REFUSED] = TO(LINE_FAULT),
		[LINE_RESULT] = TO(LINE_DONE),
		[LINE_FAILED] = TO(LINE_FAULT),
		[LINE_CAN] = TO(LINE_ABORTING),
		[LINE_CANNOT] = TO(LINE_ABORTING),
	},
	[LINE_BUSY] = {
		[LINE_START] = NO(LINE_BUSY, BUSY),
		[LINE_ABORT] = DO(LINE_BUSY, LINE_CANCEL),
		[LINE_ACKNOWLEDGE] = NO(LINE_BUSY, NOTHING),
		[LINE_CHANGE] = NO(LINE_BUSY, LOCKED),
		[LINE_SILENCE] = TO(LINE_BUSY),
		[LINE_GONE] = TO(LINE_UNKNOWN),
		[LINE_NOTHING] = TO(LINE_FAULT),
		[LINE_RUNNING] = TO(LINE_BUSY),
		[LINE_REFUSED] = TO(LINE_BUSY),
		[LINE_RESULT] = TO(LINE_DONE),
		[LINE_FAILED] = TO(LINE_FAULT),
		[LINE_CAN] = TO(LINE_BUSY),
		[LINE_CANNOT] = TO(LINE_BUSY),
	},
	[LINE_UNKNOWN] = {
		[LINE_START] = NO(LINE_UNKNOWN, BUSY),
		[LINE_ABORT] = NO(LINE_UNKNOWN, OFFLINE),
		[LINE_ACKNOWLEDGE] = NO(LINE_UNKNOWN, NOTHING),
		[LINE_CHANGE] = NO(LINE_UNKNOWN, LOCKED),
		[LINE_SILENCE] = TO(LINE_UNKNOWN),
		[LINE_GONE] = TO(LINE_UNKNOWN),
		[LINE_NOTHING] = TO(LINE_FAULT),
		[LINE_RUNNING] = TO(LINE_BUSY),
		[LINE_REFUSED] = TO(LINE_FAULT),
		[LINE_RESULT] = TO(LINE_DONE),
		[LINE_FAILED] = TO(LINE_FAULT),
		[LINE_CAN] = TO(LINE_UNKNOWN),
		[LINE_CANNOT] = TO(LINE_UNKNOWN),
	},
	[LINE_DONE] = {
		[LINE_START] = NO(LINE_DONE, UNACKNOWLEDGED),
		[LINE_ABORT] = NO(LINE_DONE, IDLE),
		[LINE_ACKNOWLEDGE] = DO(REST, LINE_ACK),
		[LINE_CHANGE] = TO(LINE_DONE),
		[LINE_SILENCE] = TO(LINE_DONE),
		[LINE_GONE] = TO(LINE_DONE),
		[LINE_NOTHING] = TO(LINE_DONE),
		[LINE_RUNNING] = TO(LINE_DONE),
		[LINE_REFUSED] = TO(LINE_DONE),
		[LINE_RESULT] = TO(LINE_DONE),
		[LINE_FAILED] = TO(LINE_DONE),
		[LINE_CAN] = TO(LINE_DONE),
		[LINE_CANNOT] = TO(LINE_DONE),
	},
	[LINE_FAULT] = {
		[LINE_START] = NO(LINE_FAULT, UNACKNOWLEDGED),
		[LINE_ABORT] = NO(LINE_FAULT, IDLE),
		[LINE_ACKNOWLEDGE] = DO(REST, LINE_ACK),
		[LINE_CHANGE] = TO(LINE_FAULT),
		[LINE_SILENCE] = TO(LINE_FAULT),
		[LINE_GONE] = TO(LINE_FAULT),
		[LINE_NOTHING] = TO(LINE_FAULT),
		[LINE_RUNNING] = TO(LINE_FAULT),
		[LINE_REFUSED] = TO(LINE_FAULT),
		[LINE_RESULT] = TO(LINE_FAULT),
		[LINE_FAILED] = TO(LINE_FAULT),
		[LINE_CAN] = TO(LINE_FAULT),
		[LINE_CANNOT] = TO(LINE_FAULT),
	},
};
/* clang-format on */

static void hear(struct line *line, enum line_event event)
{
	switch (event) {
	case LINE_GONE:
		line->is_online = false;
		line->is_able = false;
		break;
	case LINE_NOTHING:
	case LINE_RUNNING:
	case LINE_REFUSED:
	case LINE_RESULT:
	case LINE_FAILED:
		line->is_online = true;
		break;
	case LINE_CAN:
	case LINE_CANNOT:
		line->is_able = event == LINE_CAN;
		break;
	default:
		break;
	}
}

struct line_answer line_move(struct line *line, enum line_event event)
{
	const struct move *move = &moves[line->state][event];

	hear(line, event);
	if (move->to != REST)
		line->state = move->to;
	else if (!line->is_online)
		line->state = LINE_OFFLINE;
	else
		line->state = line->is_able ? LINE_READY : LINE_AWAY;
	return move->answer;
}

const char *line_state_text(enum line_state state)
{
	static const char *const texts[LINE_N_STATES] = {
		[LINE_OFFLINE] = "the daemon is not there",
		[LINE_AWAY] = "the instrument cannot measure, see fault code",
		[LINE_READY] = "start is taken",
		[LINE_STARTING] = "start was taken, the daemon is asked",
		[LINE_ABORTING] = "aborted before the daemon has answered",
		[LINE_BUSY] = "the assay runs",
		[LINE_UNKNOWN] =
			"the daemon went while an assay was open; its ledger will tell",
		[LINE_DONE] = "a result waits for acknowledge",
		[LINE_FAULT] =
			"the assay has no result, see fault code; acknowledge goes on",
	};

	return texts[state];
}

const char *line_refusal_text(enum line_refusal refusal)
{
	static const char *const texts[LINE_N_REFUSALS] = {
		[LINE_OK] = "nothing was refused",
		[LINE_REFUSE_OFFLINE] = "the daemon is not there",
		[LINE_REFUSE_AWAY] =
			"start while the instrument cannot measure",
		[LINE_REFUSE_BUSY] = "start while an assay is open",
		[LINE_REFUSE_UNACKNOWLEDGED] =
			"start before the assay before was acknowledged",
		[LINE_REFUSE_IDLE] = "abort while nothing runs",
		[LINE_REFUSE_NOTHING] =
			"acknowledge while nothing waits for it, as the second of two",
		[LINE_REFUSE_LOCKED] =
			"sample, method or preset changed during an assay",
		[LINE_REFUSE_SAMPLE] =
			"start with a sample that is empty or not printable ASCII",
		[LINE_REFUSE_METHOD] =
			"start with a method index that is not configured",
		[LINE_REFUSE_UNARMED] =
			"a coil that was not seen as 0 since the bridge started",
		[LINE_REFUSE_SEVERAL] = "more than one order in one write",
		[LINE_REFUSE_CONFIG] = "an order that is not configured",
	};

	return texts[refusal];
}
