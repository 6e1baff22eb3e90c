// SPDX-License-Identifier: GPL-2.0-or-later
/* The states of a session: their names and the table of legal moves. */
#include "device/session.h"

static const char *const state_names[SESSION_N_STATES] = {
	[SESSION_ABSENT] = "absent",
	[SESSION_PROBING] = "probing",
	[SESSION_SETTLING] = "settling",
	[SESSION_IDLE] = "idle",
	[SESSION_CONFIGURING] = "configuring",
	[SESSION_MEASURING] = "measuring",
	[SESSION_DRAINING] = "draining",
	[SESSION_FAULT] = "fault",
};

#define TO(state) (1U << SESSION_##state)

static const unsigned int moves[SESSION_N_STATES] = {
	[SESSION_ABSENT] = TO(PROBING),
	[SESSION_PROBING] = TO(SETTLING) | TO(IDLE) | TO(FAULT) | TO(ABSENT),
	[SESSION_SETTLING] = TO(PROBING) | TO(IDLE) | TO(CONFIGURING) |
			     TO(DRAINING) | TO(ABSENT),
	[SESSION_IDLE] =
		TO(PROBING) | TO(SETTLING) | TO(CONFIGURING) | TO(ABSENT),
	[SESSION_CONFIGURING] =
		TO(SETTLING) | TO(MEASURING) | TO(DRAINING) | TO(ABSENT),
	[SESSION_MEASURING] = TO(DRAINING) | TO(ABSENT),
	[SESSION_DRAINING] = TO(IDLE) | TO(SETTLING) | TO(FAULT) | TO(ABSENT),
	[SESSION_FAULT] = TO(PROBING) | TO(ABSENT),
};

const char *session_state_name(enum session_state state)
{
	return state_names[state];
}

bool session_may_move(enum session_state from, enum session_state to)
{
	return moves[from] & (1U << to);
}
