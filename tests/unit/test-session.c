// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of a session's moves, and when a detector counts as settled. */
#include <math.h>
#include <string.h>

#include "kselftest_harness.h"

#include "device/session.h"
#include "device/settle.h"

TEST(session_measures_only_after_configuring)
{
	for (int from = 0; from < SESSION_N_STATES; from++)
		EXPECT_EQ(from == SESSION_CONFIGURING,
			  session_may_move(from, SESSION_MEASURING));
}

TEST(session_can_be_unplugged_anywhere)
{
	for (int from = 0; from < SESSION_N_STATES; from++)
		EXPECT_EQ(from != SESSION_ABSENT,
			  session_may_move(from, SESSION_ABSENT));
}

TEST(session_leaves_absence_by_probing_only)
{
	for (int to = 0; to < SESSION_N_STATES; to++)
		EXPECT_EQ(to == SESSION_PROBING,
			  session_may_move(SESSION_ABSENT, to));
}

TEST(session_never_ends_an_assay_without_draining)
{
	EXPECT_FALSE(session_may_move(SESSION_MEASURING, SESSION_IDLE));
	EXPECT_FALSE(session_may_move(SESSION_CONFIGURING, SESSION_IDLE));
	EXPECT_FALSE(session_may_move(SESSION_MEASURING, SESSION_FAULT));
	EXPECT_TRUE(session_may_move(SESSION_MEASURING, SESSION_DRAINING));
	EXPECT_TRUE(session_may_move(SESSION_DRAINING, SESSION_IDLE));
}

TEST(session_states_have_names)
{
	for (int i = 0; i < SESSION_N_STATES; i++)
		EXPECT_NE(NULL, session_state_name(i));
	EXPECT_STREQ("settling", session_state_name(SESSION_SETTLING));
}

FIXTURE(settle)
{
	struct settle target;
	struct dp5_status status;
	char why[128];
};

FIXTURE_SETUP(settle)
{
	self->target = (struct settle){ .detector_k = 220, .hv_v = -110 };
	self->status.detector_k = 220;
	self->status.hv_v = -110;
}

FIXTURE_TEARDOWN(settle)
{
}

TEST_F(settle, is_settled_at_its_set_points)
{
	EXPECT_TRUE(settle_check(&self->target, &self->status, false, self->why,
				 sizeof(self->why)));
	EXPECT_STREQ("", self->why);
}

TEST_F(settle, two_kelvin_are_the_limit)
{
	self->status.detector_k = 222;
	EXPECT_TRUE(settle_check(&self->target, &self->status, false, self->why,
				 sizeof(self->why)));
	self->status.detector_k = 222.1;
	EXPECT_FALSE(settle_check(&self->target, &self->status, false,
				  self->why, sizeof(self->why)));
	EXPECT_NE(NULL, strstr(self->why, "222.1 K"));
	EXPECT_NE(NULL, strstr(self->why, "220 K"));
	/* What was settled has twice the room. */
	EXPECT_TRUE(settle_check(&self->target, &self->status, true, self->why,
				 sizeof(self->why)));
	self->status.detector_k = 215.9;
	EXPECT_FALSE(settle_check(&self->target, &self->status, true, self->why,
				  sizeof(self->why)));
}

TEST_F(settle, ten_percent_of_the_voltage_are_the_limit)
{
	self->status.hv_v = -99;
	EXPECT_TRUE(settle_check(&self->target, &self->status, false, self->why,
				 sizeof(self->why)));
	self->status.hv_v = -98.5;
	EXPECT_FALSE(settle_check(&self->target, &self->status, false,
				  self->why, sizeof(self->why)));
	EXPECT_NE(NULL, strstr(self->why, "high voltage"));
	self->status.hv_v = 110;
	EXPECT_FALSE(settle_check(&self->target, &self->status, false,
				  self->why, sizeof(self->why)));
}

TEST_F(settle, a_supply_that_is_off_is_not_waited_for)
{
	struct dp5_config c = {
		.n = 2, .commands = { { "TECS", "OFF" }, { "HVSE", "0" } }
	};

	settle_set(&self->target, &c);
	EXPECT_TRUE(isnan(self->target.detector_k));
	EXPECT_TRUE(isnan(self->target.hv_v));
	self->status.detector_k = 300;
	self->status.hv_v = 31;
	EXPECT_TRUE(settle_check(&self->target, &self->status, false, self->why,
				 sizeof(self->why)));
}

TEST_F(settle, an_unnamed_command_keeps_its_target)
{
	struct dp5_config c = { .n = 1, .commands = { { "TECS", "230" } } };

	settle_set(&self->target, &c);
	EXPECT_EQ(230, self->target.detector_k);
	EXPECT_EQ(-110, self->target.hv_v);
}

TEST_HARNESS_MAIN
