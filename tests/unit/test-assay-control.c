// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Westgard's rules, each by the wording of its definition and at its edge.
 * Values are those of charts as they are published: 1_3s for one value beyond
 * 3 s, 2_2s for two in a row beyond 2 s on one side, R_4s for +2 s on one day
 * and -2 s on the next, 4_1s and 10_x for shifts.
 */
#include <math.h>

#include "assay/control.h"
#include "kselftest_harness.h"

#define BIT(rule) (1U << CONTROL_##rule)
#define CHECK(...)                                              \
	control_check((const double[]){ __VA_ARGS__ },          \
		      sizeof((const double[]){ __VA_ARGS__ }) / \
			      sizeof(double))

TEST(control_in_bounds_is_quiet)
{
	EXPECT_EQ(0, control_check(NULL, 0));
	EXPECT_EQ(0, CHECK(0.3, -1.2, 1.9, -0.4, 1.1));
	EXPECT_EQ(0, CHECK(2));
	EXPECT_EQ(0, CHECK(-2));
}

TEST(control_one_beyond_two_s_warns)
{
	EXPECT_EQ(BIT(1_2S), CHECK(2.1));
	EXPECT_EQ(BIT(1_2S), CHECK(0.5, -2.1));
	EXPECT_EQ(BIT(1_2S), CHECK(3));
	/* What was is not warned of again. */
	EXPECT_EQ(0, CHECK(2.1, 0.5));
}

TEST(control_one_beyond_three_s_fails)
{
	EXPECT_EQ(BIT(1_2S) | BIT(1_3S), CHECK(0, 3.01));
	EXPECT_EQ(BIT(1_2S) | BIT(1_3S), CHECK(-3.01));
	EXPECT_EQ(BIT(1_3S), CHECK(NAN));
	EXPECT_EQ(BIT(1_3S), CHECK(INFINITY));
}

TEST(control_two_beyond_two_s_on_one_side_fail)
{
	EXPECT_EQ(BIT(1_2S) | BIT(2_2S), CHECK(2.2, 2.1));
	EXPECT_EQ(BIT(1_2S) | BIT(2_2S), CHECK(0, -2.2, -2.1));
	EXPECT_EQ(BIT(1_2S), CHECK(2.2, 0, 2.1));
}

TEST(control_a_range_of_four_s_fails)
{
	EXPECT_EQ(BIT(1_2S) | BIT(R_4S), CHECK(2.1, -2.1));
	EXPECT_EQ(BIT(1_2S) | BIT(R_4S), CHECK(-2.1, 2.1));
	/* Four apart, but one of them inside: not the rule. */
	EXPECT_EQ(BIT(1_2S), CHECK(2.9, 0, -2.1));
	EXPECT_EQ(0, CHECK(2.5, -1.9));
}

TEST(control_four_beyond_one_s_on_one_side_fail)
{
	EXPECT_EQ(BIT(4_1S), CHECK(1.1, 1.2, 1.3, 1.4));
	EXPECT_EQ(BIT(4_1S), CHECK(0, -1.1, -1.2, -1.3, -1.4));
	EXPECT_EQ(0, CHECK(1.1, 1.2, 1.3));
	EXPECT_EQ(0, CHECK(1.1, 1.2, 1, 1.4));
	EXPECT_EQ(0, CHECK(1.1, -1.2, 1.3, 1.4));
}

TEST(control_ten_on_one_side_of_the_mean_fail)
{
	EXPECT_EQ(BIT(10_X), CHECK(.1, .2, .1, .9, .1, .3, .1, .2, .5, .1));
	EXPECT_EQ(BIT(10_X),
		  CHECK(9, -.1, -.2, -.1, -.9, -.1, -.3, -.1, -.2, -.5, -.1));
	EXPECT_EQ(0, CHECK(.1, .2, .1, .9, .1, .3, .1, .2, .5));
	EXPECT_EQ(0, CHECK(.1, .2, .1, .9, 0, .3, .1, .2, .5, .1));
}

TEST(control_rules_have_names)
{
	for (int i = 0; i < CONTROL_N_RULES; i++)
		EXPECT_EQ(i, control_rule_parse(control_rule_name(i)));
	EXPECT_EQ(-1, control_rule_parse("8_x"));
}

TEST_HARNESS_MAIN
