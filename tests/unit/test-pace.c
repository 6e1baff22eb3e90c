// SPDX-License-Identifier: GPL-2.0-or-later
/* The driver's pacing, compiled as it is. */
#include "pace.c"

#include "kselftest_harness.h"

#define MS 1000000LL
#define RECORDS 10000

/* Records that a reader of @interval gets of a stream of @stream whose requests
 * are up to @jitter late.
 */
static int count_due(s64 interval, s64 stream, s64 jitter)
{
	s64 next_due = 0, t;
	unsigned int seed = 1;
	int n = 0;

	for (int i = 0; i < RECORDS; i++) {
		seed = seed * 1103515245 + 12345;
		t = i * stream + (jitter ? seed / 65536 % jitter : 0);
		n += dp5_pace_is_due(&next_due, t, (u64)interval, (u64)stream);
	}
	return n;
}

TEST(reader_of_the_same_interval_gets_every_record)
{
	EXPECT_EQ(RECORDS, count_due(0, 0, 0));
	EXPECT_EQ(RECORDS, count_due(100 * MS, 100 * MS, 0));
	EXPECT_EQ(RECORDS, count_due(100 * MS, 100 * MS, 49 * MS));
}

TEST(reader_of_a_longer_interval_gets_every_nth)
{
	EXPECT_EQ(RECORDS / 2, count_due(200 * MS, 100 * MS, 0));
	EXPECT_EQ(RECORDS / 5, count_due(500 * MS, 100 * MS, 49 * MS));
	/* On average also where it is no multiple: 8 of 20. */
	EXPECT_EQ(RECORDS * 8 / 20, count_due(250 * MS, 100 * MS, 0));
	EXPECT_EQ(1, count_due(86400000 * MS, 1 * MS, 0));
}

/* A stream that stood still is not made up for. */
TEST(promises_that_have_passed_are_forgotten)
{
	s64 next_due = 0;

	EXPECT_TRUE(dp5_pace_is_due(&next_due, 1000 * MS, 100 * MS, 100 * MS));
	EXPECT_EQ(1100 * MS, next_due);
	EXPECT_FALSE(dp5_pace_is_due(&next_due, 1049 * MS, 100 * MS, 100 * MS));
	EXPECT_EQ(1100 * MS, next_due);
	EXPECT_TRUE(dp5_pace_is_due(&next_due, 1050 * MS, 100 * MS, 100 * MS));
	EXPECT_EQ(1200 * MS, next_due);
}

TEST(next_request_keeps_the_beat_and_the_pause)
{
	EXPECT_EQ(300 * MS, dp5_pace_next(200 * MS, 100 * MS, 250 * MS));
	EXPECT_EQ(350 * MS, dp5_pace_next(200 * MS, 100 * MS, 350 * MS));
	EXPECT_EQ(250 * MS, dp5_pace_next(200 * MS, 0, 250 * MS));
}

TEST(who_joins_is_served_at_once_but_for_a_pause)
{
	EXPECT_EQ(500 * MS, dp5_pace_join(900 * MS, 500 * MS, 500 * MS, 0));
	EXPECT_EQ(520 * MS, dp5_pace_join(900 * MS, 500 * MS, 520 * MS, 0));
	EXPECT_EQ(800 * MS,
		  dp5_pace_join(900 * MS, 500 * MS, 520 * MS, 800 * MS));
	EXPECT_EQ(400 * MS,
		  dp5_pace_join(400 * MS, 500 * MS, 520 * MS, 800 * MS));
}

TEST(pause_doubles_up_to_five_seconds)
{
	static const unsigned int want[] = { 100,  200,	 400,  800,
					     1600, 3200, 5000, 5000 };

	for (unsigned int i = 0; i < ARRAY_SIZE(want); i++)
		EXPECT_EQ(want[i], dp5_pace_retry_ms(i + 1));
	EXPECT_EQ(5000, dp5_pace_retry_ms(0xffffffff));
}

TEST_HARNESS_MAIN
