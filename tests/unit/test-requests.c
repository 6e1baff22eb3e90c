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

/* Every pair that somebody may send, by who that is; a pair that is not here is
 * sent by nobody. Ranges, both ends included.
 */
static const struct {
	enum dp5_class class;
	u16 first, last;
} senders[] = {
	{ DP5_CLASS_READ, 0x0101, 0x0101 },
	{ DP5_CLASS_READ, 0x0201, 0x0201 },
	{ DP5_CLASS_CONTROL, 0x0202, 0x0202 },
	{ DP5_CLASS_READ, 0x0203, 0x0203 },
	{ DP5_CLASS_CONTROL, 0x0204, 0x0204 },
	{ DP5_CLASS_CHANGE, 0x0205, 0x0205 },
	{ DP5_CLASS_CONTROL, 0x0206, 0x0206 },
	{ DP5_CLASS_READ, 0x0207, 0x0207 },
	{ DP5_CLASS_READ, 0x0301, 0x0302 },
	{ DP5_CLASS_CHANGE, 0x0303, 0x0303 },
	{ DP5_CLASS_READ, 0x0304, 0x0304 },
	{ DP5_CLASS_CHANGE, 0x0305, 0x0305 },
	{ DP5_CLASS_READ, 0x0307, 0x0307 },
	{ DP5_CLASS_CONTROL, 0x0308, 0x0309 },
	{ DP5_CLASS_READ, 0x030a, 0x030a },
	{ DP5_CLASS_READ, 0x0401, 0x0401 },
	{ DP5_CLASS_CHANGE, 0x0402, 0x0402 },
	{ DP5_CLASS_CONTROL, 0x0403, 0x0403 },
	{ DP5_CLASS_CONTROL, 0x2002, 0x2002 },
	{ DP5_CLASS_READ, 0x2003, 0x2003 },
	{ DP5_CLASS_CHANGE, 0x2004, 0x2004 },
	{ DP5_CLASS_CHANGE, 0xf001, 0xf006 },
	{ DP5_CLASS_CHANGE, 0xf008, 0xf008 },
	{ DP5_CLASS_CONTROL, 0xf009, 0xf009 },
	{ DP5_CLASS_CHANGE, 0xf010, 0xf010 },
	{ DP5_CLASS_CONTROL, 0xf011, 0xf013 },
	{ DP5_CLASS_CONTROL, 0xf016, 0xf016 },
	{ DP5_CLASS_CHANGE, 0xf01e, 0xf022 },
	{ DP5_CLASS_READ, 0xf100, 0xf10f },
	{ DP5_CLASS_CONTROL, 0xf17e, 0xf17e },
	{ DP5_CLASS_READ, 0xf17f, 0xf17f },
};

static enum dp5_class who_sends(unsigned int pair)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(senders); i++)
		if (pair >= senders[i].first && pair <= senders[i].last)
			return senders[i].class;
	return DP5_CLASS_NEVER;
}

TEST(request_of_every_pair_is_of_its_class)
{
	unsigned int pair;
	int class;

	for (pair = 0; pair < 0x10000; pair++) {
		class = class_of(pair >> 8, pair & 0xff);
		EXPECT_EQ((int)who_sends(pair),
			  class < 0 ? DP5_CLASS_NEVER : class)
		TH_LOG("%04x", pair);
	}
}

static bool is_among(unsigned int pair, const u16 *pairs, size_t n)
{
	while (n--)
		if (pairs[n] == pair)
			return true;
	return false;
}

#define IS_AMONG(pair, pairs) is_among(pair, pairs, ARRAY_SIZE(pairs))

/* Beside what only reads, "disable" alone may be sent twice; and of what reads,
 * all. After what saves, the instrument may answer late.
 */
TEST(request_flags_that_repeat_and_wait)
{
	static const u16 saves[] = { 0x2002, 0xf009, 0xf011, 0xf012, 0xf013 };
	const struct dp5_request *r;
	unsigned int pair;

	for (pair = 0; pair < 0x10000; pair++) {
		r = dp5_request_find(pair >> 8, pair & 0xff);
		if (!r)
			continue;
		EXPECT_EQ(r->class == DP5_CLASS_READ || pair == 0xf003,
			  !!(r->flags & DP5_REQ_RETRY))
		TH_LOG("%04x", pair);
		EXPECT_EQ(IS_AMONG(pair, saves), !!(r->flags & DP5_REQ_FLASH))
		TH_LOG("%04x", pair);
	}
}

TEST(request_tells_readers_what_it_changes)
{
	static const u16 clears[] = { 0x0202, 0x0204, 0x0206, 0xf001 };
	static const u16 configures[] = { 0x2002, 0x2004 };
	static const u16 runs[] = { 0xf002, 0xf003 };
	const struct dp5_request *r;
	unsigned int pair, event;

	for (pair = 0; pair < 0x10000; pair++) {
		r = dp5_request_find(pair >> 8, pair & 0xff);
		event = IS_AMONG(pair, clears)	     ? DP5_STATE_CLEAR
			: IS_AMONG(pair, configures) ? DP5_STATE_CONFIG
			: IS_AMONG(pair, runs)	     ? DP5_STATE_RUN
						     : 0;
		EXPECT_EQ(event, r ? r->event : 0)
		TH_LOG("%04x", pair);
	}
}

static int check_len(u8 pid1, u8 pid2, size_t len)
{
	static const u8 data[DP5_REQUEST_MAX + 1];

	return dp5_request_check(dp5_request_find(pid1, pid2), data, len);
}

/* The pulser takes all of its numbers, or none to stop. */
TEST(request_lengths)
{
	size_t len;

	for (len = 0; len <= DP5_REQUEST_MAX + 1; len++) {
		EXPECT_EQ(len ? -EINVAL : 0, check_len(0x01, 0x01, len));
		EXPECT_EQ(len == 2 ? 0 : -EINVAL, check_len(0x02, 0x06, len));
		EXPECT_EQ(len == 1 ? 0 : -EINVAL, check_len(0xf0, 0x08, len));
		EXPECT_EQ(len == 512 ? 0 : -EINVAL, check_len(0xf0, 0x09, len));
		EXPECT_EQ(len == 19 ? 0 : -EINVAL, check_len(0xf0, 0x11, len));
		EXPECT_EQ(len == 0 || len == 8 ? 0 : -EINVAL,
			  check_len(0xf1, 0x7e, len));
		EXPECT_EQ(len <= 512 ? 0 : -EINVAL, check_len(0xf1, 0x7f, len));
	}
}

/* Slave, bytes to read, bytes to write, and these. */
TEST(request_of_the_i2c_bus)
{
	static const u16 own[] = { 0x1f, 0x20, 0x34, 0x4c, 0x50, 0x6d };
	const struct dp5_request *r = dp5_request_find(0x03, 0x08);
	u8 data[36] = { 0x60, 32, 32 };
	unsigned int slave, len;

	for (len = 0; len <= sizeof(data); len++)
		EXPECT_EQ(len == 35 ? 0 : -EINVAL,
			  dp5_request_check(r, data, len));
	data[2] = 0;
	EXPECT_EQ(0, dp5_request_check(r, data, 3));
	EXPECT_EQ(-EINVAL, dp5_request_check(r, data, 4));
	data[2] = 33;
	EXPECT_EQ(-EINVAL, dp5_request_check(r, data, 36));
	data[2] = 0;
	data[1] = 33;
	EXPECT_EQ(-EINVAL, dp5_request_check(r, data, 3));
	data[1] = 1;
	for (slave = 0; slave < 256; slave++) {
		data[0] = (u8)slave;
		EXPECT_EQ(slave && slave < 128 ? 0 : -EINVAL,
			  dp5_request_check(r, data, 3));
		EXPECT_EQ(IS_AMONG(slave, own) ? DP5_CLASS_NEVER
					       : DP5_CLASS_CONTROL,
			  dp5_request_class(r, data, 3))
		TH_LOG("slave %02x", slave);
	}
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

/* Settings are not answered by more than themselves. */
TEST(request_names_few_settings_to_read_back)
{
	char names[33 * 5 + 1] = "", settings[33 * 7 + 1] = "";
	int i;

	for (i = 0; i < 32; i++)
		strcat(names, "TPEA;");
	EXPECT_EQ(0, check(0x03, names));
	strcat(names, "TPEA;");
	EXPECT_EQ(-EINVAL, check(0x03, names));
	for (i = 0; i < 33; i++)
		strcat(settings, "GAIN=1;");
	EXPECT_EQ(0, check(0x04, settings));
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
	EXPECT_EQ(DP5_CLASS_CONTROL, text_class("BOOT=ON;"));
	/* Only a name counts, not a value that looks like one. */
	EXPECT_EQ(DP5_CLASS_CHANGE, text_class("GPIN=HVSE;"));
}

static enum dp5_match match(u8 pid1, u8 pid2, u8 r1, u8 r2, u16 len)
{
	static const u8 data[32768];
	struct dp5_packet p = { r1, r2, len, data };

	return dp5_request_match(dp5_request_find(pid1, pid2), data, 0, &p);
}

#define MS 1000000ULL

TEST(request_limit_is_the_callers_within_bounds)
{
	const struct dp5_request *status = dp5_request_find(0x01, 0x01);
	const struct dp5_request *text = dp5_request_find(0x20, 0x04);
	static const struct {
		uint64_t own, usual, text, slow, short_of;
	} cases[] = {
		/* in ms: status, text, status behind flash, nobody's patience */
		{ 0, 1000, 5000, 2000, 1000 },
		{ 1, 100, 5000, 2000, 100 },
		{ 300, 300, 5000, 2000, 300 },
		{ 1500, 1500, 5000, 2000, 1000 },
		{ 60000, 60000, 60000, 60000, 1000 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t own = cases[i].own * MS;

		EXPECT_EQ(cases[i].usual * MS,
			  dp5_request_limit_ns(status, own, false, true));
		EXPECT_EQ(cases[i].text * MS,
			  dp5_request_limit_ns(text, own, false, true));
		EXPECT_EQ(cases[i].slow * MS,
			  dp5_request_limit_ns(status, own, true, true));
		EXPECT_EQ(cases[i].short_of * MS,
			  dp5_request_limit_ns(status, own, false, false));
		EXPECT_EQ(5000 * MS,
			  dp5_request_limit_ns(text, own, false, false));
	}
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
