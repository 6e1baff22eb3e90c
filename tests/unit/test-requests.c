// SPDX-License-Identifier: GPL-2.0-or-later
/* The driver's table of requests, compiled as it is. */
#include "packet.c"
#include "requests.c"

#include "kselftest_harness.h"

static int class_of(u8 pid1, u8 pid2)
{
	const struct dp5_request *r = dp5_request_find(pid1, pid2);

	return r ? r->class : -1;
}

TEST(request_table_has_no_pair_twice)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(requests); i++)
		for (j = 0; j < i; j++)
			EXPECT_FALSE(requests[i].pid1 == requests[j].pid1 &&
				     requests[i].pid2 == requests[j].pid2);
}

TEST(request_rows_are_whole)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		const struct dp5_request *r = &requests[i];

		if (r->class == DP5_CLASS_NEVER) {
			EXPECT_EQ(DP5_REPLY_NONE, r->reply);
			continue;
		}
		EXPECT_NE(DP5_REPLY_NONE, r->reply);
		EXPECT_LE(1000, r->timeout_ms);
		EXPECT_LE(r->len_min, r->len_max);
		/* What needs control is never repeated by itself. */
		if (r->class == DP5_CLASS_CONTROL) {
			EXPECT_EQ(0, r->flags & DP5_REQ_RETRY);
		}
	}
}

/* Half a second is the vendor's; what takes the instrument longer gets more. */
TEST(request_time_outs)
{
	EXPECT_EQ(1000, dp5_request_find(0x01, 0x01)->timeout_ms);
	EXPECT_EQ(1000, dp5_request_find(0x02, 0x03)->timeout_ms);
	EXPECT_EQ(3000, dp5_request_find(0x03, 0x05)->timeout_ms);
	EXPECT_EQ(5000, dp5_request_find(0x20, 0x02)->timeout_ms);
	EXPECT_EQ(5000, dp5_request_find(0x20, 0x04)->timeout_ms);
	EXPECT_EQ(2000, dp5_request_find(0xf0, 0x09)->timeout_ms);
}

TEST(request_classes)
{
	int n;

	EXPECT_EQ(DP5_CLASS_READ, class_of(0x01, 0x01));
	EXPECT_EQ(DP5_CLASS_READ, class_of(0x02, 0x03));
	EXPECT_EQ(DP5_CLASS_READ, class_of(0x20, 0x03));
	for (n = 0; n <= 15; n++)
		EXPECT_EQ(DP5_CLASS_READ, class_of(0xf1, (u8)n));
	EXPECT_EQ(-1, class_of(0xf1, 0x10));
	EXPECT_EQ(DP5_CLASS_CHANGE, class_of(0xf0, 0x01));
	EXPECT_EQ(DP5_CLASS_CHANGE, class_of(0x20, 0x04));
	EXPECT_EQ(DP5_CLASS_CONTROL, class_of(0x20, 0x02));
	EXPECT_EQ(DP5_CLASS_CONTROL, class_of(0x02, 0x02));
	EXPECT_EQ(DP5_CLASS_CONTROL, class_of(0x02, 0x04));
	EXPECT_EQ(DP5_CLASS_CONTROL, class_of(0x03, 0x09));
	EXPECT_EQ(DP5_CLASS_CONTROL, class_of(0xf1, 0x7e));
	for (n = 1; n <= 0x0b; n++)
		EXPECT_GE(DP5_CLASS_NEVER, class_of(0x30, (u8)n));
	for (n = 0x0a; n <= 0x0f; n++)
		EXPECT_EQ(DP5_CLASS_NEVER, class_of(0xf0, (u8)n));
	EXPECT_EQ(-1, class_of(0x00, 0x00));
}

static int check(u8 pid2, const char *text)
{
	return dp5_request_check(dp5_request_find(0x20, pid2), (const u8 *)text,
				 strlen(text));
}

TEST(request_text_grammar)
{
	EXPECT_EQ(0, check(0x04, "MCAC=2048;"));
	EXPECT_EQ(0, check(0x04, "HVSE=-110;TPEA=10US;CUSP=50%;"));
	EXPECT_EQ(0, check(0x04, "MCAC=1234567890;"));
	EXPECT_EQ(-EINVAL, check(0x04, "MCAC=12345678901;"));
	EXPECT_EQ(-EINVAL, check(0x04, ""));
	EXPECT_EQ(-EINVAL, check(0x04, "MCAC=2048"));
	EXPECT_EQ(-EINVAL, check(0x04, "MCAC=;"));
	EXPECT_EQ(-EINVAL, check(0x04, "MCAC;"));
	EXPECT_EQ(-EINVAL, check(0x04, "mcac=1;"));
	EXPECT_EQ(-EINVAL, check(0x04, "MCAC=a;"));
	EXPECT_EQ(-EINVAL, check(0x04, "MCAC= 1;"));
	EXPECT_EQ(-EINVAL, check(0x04, "MCAC=1=2;"));
	EXPECT_EQ(-EINVAL, check(0x04, "MCAC=1;;"));
	EXPECT_EQ(-EINVAL, check(0x04, "MCAC=1;GAI"));
	EXPECT_EQ(-EINVAL, check(0x04, "MCA=1;"));
	EXPECT_EQ(0, check(0x03, "MCAC;GAIN=?;SCAI=1;"));
	EXPECT_EQ(-EINVAL, check(0x03, "MCAC;GAI;"));
}

static enum dp5_class text_class(const char *text)
{
	return dp5_request_class(dp5_request_find(0x20, 0x04), (const u8 *)text,
				 strlen(text));
}

TEST(request_text_that_moves_supplies_needs_control)
{
	EXPECT_EQ(DP5_CLASS_CHANGE, text_class("MCAC=2048;GAIN=10;"));
	EXPECT_EQ(DP5_CLASS_CONTROL, text_class("HVSE=-110;"));
	EXPECT_EQ(DP5_CLASS_CONTROL, text_class("MCAC=2048;TECS=220;"));
	EXPECT_EQ(DP5_CLASS_CONTROL, text_class("PAPS=8.5;"));
	EXPECT_EQ(DP5_CLASS_CONTROL, text_class("RESC=YES;"));
	/* Only a name counts, not a value that looks like one. */
	EXPECT_EQ(DP5_CLASS_CHANGE, text_class("GPIN=HVSE;"));
}

static enum dp5_match match(u8 pid1, u8 pid2, u8 r1, u8 r2, u16 len)
{
	static const u8 data[32768];
	struct dp5_packet p = { r1, r2, len, data };

	return dp5_request_match(dp5_request_find(pid1, pid2), data, 0, &p);
}

TEST(request_match_takes_own_answers_and_error_acks)
{
	EXPECT_EQ(DP5_MATCH_REPLY, match(0x01, 0x01, 0x80, 0x01, 64));
	EXPECT_EQ(DP5_MATCH_REPLY, match(0x01, 0x01, 0x80, 0x02, 64));
	EXPECT_EQ(DP5_MATCH_REPLY, match(0x02, 0x03, 0x81, 0x08, 6208));
	EXPECT_EQ(DP5_MATCH_REPLY, match(0x02, 0x01, 0x81, 0x07, 6144));
	EXPECT_EQ(DP5_MATCH_REPLY, match(0x02, 0x03, 0xff, 0x0d, 0));
	EXPECT_EQ(DP5_MATCH_REPLY, match(0xf0, 0x01, 0xff, 0x00, 0));
	EXPECT_EQ(DP5_MATCH_REPLY, match(0xf0, 0x01, 0xff, 0x0c, 0));
	EXPECT_EQ(DP5_MATCH_REPLY, match(0x20, 0x04, 0xff, 0x07, 8));
	EXPECT_EQ(DP5_MATCH_REPLY, match(0xf1, 0x05, 0xff, 0x05, 0));
}

TEST(request_match_drops_answers_to_something_else)
{
	EXPECT_EQ(DP5_MATCH_STALE, match(0x01, 0x01, 0x81, 0x08, 6208));
	EXPECT_EQ(DP5_MATCH_STALE, match(0x02, 0x03, 0x80, 0x01, 64));
	EXPECT_EQ(DP5_MATCH_STALE, match(0x02, 0x03, 0x81, 0x07, 6144));
	EXPECT_EQ(DP5_MATCH_STALE, match(0x02, 0x01, 0x81, 0x08, 6208));
	/* "Done" cannot answer a request for data. */
	EXPECT_EQ(DP5_MATCH_STALE, match(0x01, 0x01, 0xff, 0x00, 0));
	EXPECT_EQ(DP5_MATCH_STALE, match(0x03, 0x01, 0x82, 0x02, 512));
	EXPECT_EQ(DP5_MATCH_STALE, match(0xf1, 0x7f, 0x8f, 0x7f, 3));
	EXPECT_EQ(DP5_MATCH_BAD, match(0x01, 0x01, 0x80, 0x01, 32));
}

TEST(request_echo_must_hold_what_was_sent)
{
	const struct dp5_request *r = dp5_request_find(0xf1, 0x7f);
	struct dp5_packet p = { 0x8f, 0x7f, 4, (const u8 *)"abcd" };

	EXPECT_EQ(DP5_MATCH_REPLY,
		  dp5_request_match(r, (const u8 *)"abcd", 4, &p));
	EXPECT_EQ(DP5_MATCH_STALE,
		  dp5_request_match(r, (const u8 *)"abce", 4, &p));
	EXPECT_EQ(DP5_MATCH_STALE,
		  dp5_request_match(r, (const u8 *)"abc", 3, &p));
}

TEST_HARNESS_MAIN
