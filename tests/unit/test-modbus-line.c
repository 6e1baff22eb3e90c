// SPDX-License-Identifier: GPL-2.0-or-later
/* The handshake of a sample line: every state with every event. */
#include "bridges/modbus_line.h"

#include <string.h>

#include "kselftest_harness.h"

/* What is known of the daemon and its instrument. */
enum { OFFLINE, ONLINE, ABLE };

/*
 * One row a state, one column an event, typed from the documents and not from
 * the program: the state that follows, then + and what is asked of the daemon
 * (m measure, c cancel, a acknowledge) or - and the number of the refusal. R
 * is where a line without an order rests: O offline, A away, Y ready.
 */
static const struct {
	char state;
	const char *to[LINE_N_EVENTS];
} rows[LINE_N_STATES] = {
	/*      start  abort  ack    change silent gone nothing running
	 *      refused result failed can cannot */
	{ 'O',
	  { "O-1", "O-5", "O-6", "O", "O", "O", "R", "B", "O", "D", "F", "O",
	    "O" } },
	{ 'A',
	  { "A-2", "A-5", "A-6", "A", "A", "O", "R", "B", "A", "D", "F", "R",
	    "R" } },
	{ 'Y',
	  { "S+m", "Y-5", "Y-6", "Y", "Y", "O", "R", "B", "Y", "D", "F", "R",
	    "R" } },
	{ 'S',
	  { "S-3", "X", "S-6", "S-7", "S", "U", "F", "B", "F", "D", "F", "S",
	    "S" } },
	{ 'X',
	  { "X-3", "X", "X-6", "X-7", "X", "U", "F", "B+c", "F", "D", "F", "X",
	    "X" } },
	{ 'B',
	  { "B-3", "B+c", "B-6", "B-7", "B", "U", "F", "B", "B", "D", "F", "B",
	    "B" } },
	{ 'U',
	  { "U-3", "U-1", "U-6", "U-7", "U", "U", "F", "B", "F", "D", "F", "U",
	    "U" } },
	{ 'D',
	  { "D-4", "D-5", "R+a", "D", "D", "D", "D", "D", "D", "D", "D", "D",
	    "D" } },
	{ 'F',
	  { "F-4", "F-5", "R+a", "F", "F", "F", "F", "F", "F", "F", "F", "F",
	    "F" } },
};

static enum line_state state_of(char letter)
{
	for (int i = 0; i < LINE_N_STATES; i++)
		if (rows[i].state == letter)
			return (enum line_state)i;
	return LINE_N_STATES;
}

static enum line_action action_of(const char *to)
{
	if (to[1] != '+')
		return LINE_NO_ACTION;
	return to[2] == 'm'   ? LINE_MEASURE
	       : to[2] == 'c' ? LINE_CANCEL
			      : LINE_ACK;
}

/* Where it rests after an event that says what it does. */
static enum line_state rest(int known, enum line_event event)
{
	bool is_online = known != OFFLINE;
	bool is_able = known == ABLE;

	if (event == LINE_NOTHING)
		is_online = true;
	if (event == LINE_CAN || event == LINE_CANNOT)
		is_able = event == LINE_CAN;
	return !is_online ? LINE_OFFLINE : is_able ? LINE_READY : LINE_AWAY;
}

TEST(every_state_answers_every_event)
{
	unsigned int n = 0;

	for (int s = 0; s < LINE_N_STATES; s++) {
		for (int e = 0; e < LINE_N_EVENTS; e++) {
			for (int known = OFFLINE; known <= ABLE; known++) {
				struct line line = { (enum line_state)s,
						     known != OFFLINE,
						     known == ABLE };
				const char *to = rows[s].to[e];
				struct line_answer a;

				a = line_move(&line, (enum line_event)e);
				EXPECT_EQ(line.state,
					  *to == 'R' ? rest(known,
							    (enum line_event)e)
						     : state_of(*to))
				{
					TH_LOG("state %d event %d known %d", s,
					       e, known);
				}
				EXPECT_EQ(a.action, action_of(to));
				EXPECT_EQ((int)a.refusal,
					  to[1] == '-' ? to[2] - '0' : 0);
				n++;
			}
		}
	}
	EXPECT_EQ(9 * 13 * 3, n);
}

TEST(a_refusal_changes_nothing)
{
	for (int s = 0; s < LINE_N_STATES; s++) {
		for (int e = LINE_START; e <= LINE_CHANGE; e++) {
			struct line line = { (enum line_state)s, true, true };
			struct line_answer a;

			a = line_move(&line, (enum line_event)e);
			if (a.refusal == LINE_OK)
				continue;
			EXPECT_EQ(s, (int)line.state);
			EXPECT_EQ(LINE_NO_ACTION, a.action);
			EXPECT_TRUE(line.is_online && line.is_able);
		}
	}
}

/* Whatever happens in whatever order: each order that was taken ends in a
 * result or a fault, once, before the next one is taken. */
TEST(every_order_ends_once)
{
	unsigned int seed = 1;
	struct line line = { LINE_READY, true, true };
	int n_open = 0, n_started = 0, n_ended = 0;

	for (int i = 0; i < 1000000; i++) {
		struct line_answer a;

		seed = seed * 1103515245 + 12345;
		a = line_move(&line,
			      (enum line_event)(seed / 65536 % LINE_N_EVENTS));
		if (a.action == LINE_MEASURE) {
			ASSERT_EQ(0, n_open);
			n_open = 1;
			n_started++;
		}
		if (line.state == LINE_DONE || line.state == LINE_FAULT) {
			n_ended += n_open;
			n_open = 0;
		}
		/* It cannot be lost out of sight. */
		if (line.state <= LINE_READY)
			ASSERT_EQ(0, n_open);
	}
	TH_LOG("%d orders, %d ends", n_started, n_ended);
	EXPECT_LT(1000, n_started);
	EXPECT_EQ(n_started, n_ended + n_open);
}

TEST(every_number_is_explained)
{
	for (int i = 0; i < LINE_N_STATES; i++)
		EXPECT_LT(0, strlen(line_state_text((enum line_state)i)));
	for (int i = 0; i < LINE_N_REFUSALS; i++)
		EXPECT_LT(0, strlen(line_refusal_text((enum line_refusal)i)));
}

TEST_HARNESS_MAIN
