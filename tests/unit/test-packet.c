// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The driver's packet.c, compiled as it is: framing, checksum, lengths.
 * Golden bytes are those of the protocol reference, section 21.
 */
#include "packet.c"
#include "selftest/packets.h"

#include <stdlib.h>

#include "kselftest_harness.h"
#include "seed.h"

/* Text, not saved: PRET=10.0;MCAE=OFF; */
static const u8 text_request[] = {
	0xf5, 0xfa, 0x20, 0x04, 0x00, 0x13, 0x50, 0x52, 0x45,
	0x54, 0x3d, 0x31, 0x30, 0x2e, 0x30, 0x3b, 0x4d, 0x43,
	0x41, 0x45, 0x3d, 0x4f, 0x46, 0x46, 0x3b, 0xf8, 0xff,
};

/* Bad parameter, echo of TPEA=999; */
static const u8 parameter_ack[] = { 0xf5, 0xfa, 0xff, 0x05, 0x00, 0x09,
				    0x54, 0x50, 0x45, 0x41, 0x3d, 0x39,
				    0x39, 0x39, 0x3b, 0xfa, 0xb7 };

TEST(packet_build_gives_the_reference_bytes)
{
	u8 buf[64];

	EXPECT_EQ(sizeof(status_request),
		  dp5_packet_build(buf, 0x01, 0x01, NULL, 0));
	EXPECT_EQ(0, memcmp(buf, status_request, sizeof(status_request)));
	EXPECT_EQ(sizeof(text_request),
		  dp5_packet_build(buf, 0x20, 0x04,
				   (const u8 *)"PRET=10.0;MCAE=OFF;", 19));
	EXPECT_EQ(0, memcmp(buf, text_request, sizeof(text_request)));
}

TEST(packet_parse_reads_the_reference_bytes)
{
	struct dp5_packet p;

	ASSERT_EQ(DP5_PACKET_WHOLE,
		  dp5_packet_parse(status_reply, sizeof(status_reply), &p));
	EXPECT_EQ(0x80, p.pid1);
	EXPECT_EQ(0x01, p.pid2);
	EXPECT_EQ(64, p.len);
	EXPECT_EQ(status_reply + 6, p.data);
	EXPECT_TRUE(dp5_packet_len_fits(&p));
	EXPECT_EQ(p.data, dp5_packet_status(&p));

	ASSERT_EQ(DP5_PACKET_WHOLE,
		  dp5_packet_parse(parameter_ack, sizeof(parameter_ack), &p));
	EXPECT_EQ(9, p.len);
	EXPECT_TRUE(dp5_packet_len_fits(&p));
}

/* One added after the other, with the highest bytes among them. */
TEST(packet_sum_is_that_of_all_bytes)
{
	static u8 buf[DP5_REPLY_MAX + DP5_PACKET_OVERHEAD + 1];
	u32 random = 1, sum = 0;
	size_t i;

	for (i = 0; i < sizeof(buf); i++) {
		random = random * 1103515245 + 12345;
		buf[i] = i < sizeof(buf) / 2 ? 0xff : random >> 16;
	}
	for (i = 0; i < sizeof(buf); sum += buf[i++])
		if (i < 64 || i % 97 == 0)
			ASSERT_EQ(sum, byte_sum(buf, i));
	/* Nor does it matter where they begin. */
	for (i = 0, sum = 0; i < 16; sum += buf[sizeof(buf) - ++i])
		EXPECT_EQ(sum, byte_sum(buf + sizeof(buf) - i, i));
}

TEST(packet_parse_takes_a_checksum_of_zero)
{
	/* 256 bytes of echo that bring the sum to 0x10000. */
	u8 buf[600] = { 0xf5, 0xfa, 0x8f, 0x7f, 0x01, 0x00 };
	struct dp5_packet p;
	u32 sum = 0xf5 + 0xfa + 0x8f + 0x7f + 0x01;
	size_t i;

	for (i = 0; i < 256; i++) {
		u32 left = 0x10000 - sum;
		u8 b = left > 255 * (256 - i) ? 255 : (u8)(left / (256 - i));

		if (i == 255)
			b = (u8)left;
		buf[6 + i] = b;
		sum += b;
	}
	ASSERT_EQ(0x10000, sum);
	EXPECT_EQ(DP5_PACKET_WHOLE, dp5_packet_parse(buf, 264, &p));
}

TEST(packet_parse_waits_for_the_rest)
{
	struct dp5_packet p;
	size_t n;

	for (n = 0; n < sizeof(status_reply); n++)
		EXPECT_EQ(DP5_PACKET_PARTIAL,
			  dp5_packet_parse(status_reply, n, &p));
}

TEST(packet_parse_refuses_each_wrong_byte)
{
	u8 buf[sizeof(status_reply)];
	struct dp5_packet p;
	size_t i;

	for (i = 0; i < sizeof(buf); i++) {
		memcpy(buf, status_reply, sizeof(buf));
		buf[i] ^= 0x10;
		EXPECT_NE(DP5_PACKET_WHOLE,
			  dp5_packet_parse(buf, sizeof(buf), &p))
		{
			TH_LOG("byte %zu", i);
		}
	}
	memcpy(buf, status_reply, sizeof(buf));
	buf[0] = 0xfa;
	EXPECT_EQ(DP5_PACKET_SYNC, dp5_packet_parse(buf, sizeof(buf), &p));
	EXPECT_EQ(DP5_PACKET_SYNC, dp5_packet_parse(buf, 1, &p));
	memcpy(buf, status_reply, sizeof(buf));
	buf[71]++;
	EXPECT_EQ(DP5_PACKET_CHECKSUM, dp5_packet_parse(buf, sizeof(buf), &p));
	buf[4] = 0x80;
	EXPECT_EQ(DP5_PACKET_LENGTH, dp5_packet_parse(buf, sizeof(buf), &p));
}

TEST(packet_parse_refuses_two_answers_in_one)
{
	u8 buf[2 * sizeof(status_reply)];
	struct dp5_packet p;

	memcpy(buf, status_reply, sizeof(status_reply));
	memcpy(buf + sizeof(status_reply), status_reply, sizeof(status_reply));
	EXPECT_EQ(DP5_PACKET_EXCESS,
		  dp5_packet_parse(buf, sizeof(status_reply) + 1, &p));
	EXPECT_EQ(DP5_PACKET_EXCESS, dp5_packet_parse(buf, sizeof(buf), &p));
}

TEST(packet_parse_takes_the_longest_reply)
{
	static u8 data[DP5_REPLY_MAX], buf[DP5_REPLY_MAX + 8];
	struct dp5_packet p;

	memset(data, 0xff, sizeof(data));
	ASSERT_EQ(sizeof(buf),
		  dp5_packet_build(buf, 0x82, 0x07, data, sizeof(data)));
	ASSERT_EQ(DP5_PACKET_WHOLE, dp5_packet_parse(buf, sizeof(buf), &p));
	EXPECT_EQ(DP5_REPLY_MAX, p.len);
}

static bool fits(u8 pid1, u8 pid2, u16 len)
{
	struct dp5_packet p = { .pid1 = pid1, .pid2 = pid2, .len = len };

	return dp5_packet_len_fits(&p);
}

TEST(packet_len_fits_its_identifiers)
{
	int i;

	for (i = 0; i < 6; i++) {
		u16 counts = (u16)(3 * (256 << i));

		EXPECT_TRUE(fits(0x81, (u8)(1 + 2 * i), counts));
		EXPECT_TRUE(fits(0x81, (u8)(2 + 2 * i), counts + 64));
		EXPECT_FALSE(fits(0x81, (u8)(1 + 2 * i), counts + 64));
		EXPECT_FALSE(fits(0x81, (u8)(2 + 2 * i), counts));
		EXPECT_FALSE(fits(0x81, (u8)(1 + 2 * i), counts - 1));
	}
	EXPECT_FALSE(fits(0x81, 0x00, 0));
	EXPECT_FALSE(fits(0x81, 0x0d, 49152));
	EXPECT_FALSE(fits(0x80, 0x01, 63));
	EXPECT_TRUE(fits(0x80, 0x02, 64));
	EXPECT_FALSE(fits(0x80, 0x03, 64));
	EXPECT_TRUE(fits(0x82, 0x0a, 0));
	EXPECT_TRUE(fits(0x82, 0x0b, 4096));
	EXPECT_FALSE(fits(0x82, 0x0a, 4098));
	EXPECT_FALSE(fits(0x82, 0x0a, 6));
	EXPECT_FALSE(fits(0x82, 0x07, 0));
	EXPECT_TRUE(fits(0x82, 0x01, 2048));
	EXPECT_FALSE(fits(0x82, 0x06, 10));
	EXPECT_TRUE(fits(0x83, 0x01, 64));
	EXPECT_FALSE(fits(0x83, 0x02, 64));
	EXPECT_TRUE(fits(0x8f, 0x7f, 512));
	EXPECT_FALSE(fits(0x8f, 0x7f, 513));
	EXPECT_TRUE(fits(0xff, 0x00, 0));
	EXPECT_FALSE(fits(0xff, 0x00, 1));
	EXPECT_TRUE(fits(0xff, 0x0f, 3));
	EXPECT_FALSE(fits(0xff, 0x0f, 2));
	EXPECT_TRUE(fits(0xff, 0x07, 8));
	EXPECT_FALSE(fits(0xff, 0x07, 513));
	EXPECT_FALSE(fits(0x00, 0x00, 0));
}

TEST(packet_status_is_the_tail_of_a_spectrum)
{
	static u8 data[6208];
	struct dp5_packet p = { 0x81, 0x08, 6208, data };

	EXPECT_EQ(2048, dp5_packet_channels(&p));
	EXPECT_EQ(data + 6144, dp5_packet_status(&p));
	p.pid2 = 0x07;
	EXPECT_EQ(NULL, dp5_packet_status(&p));
	p.pid1 = 0x82;
	EXPECT_EQ(0, dp5_packet_channels(&p));
}

static size_t random_below(unsigned int *seed, size_t n)
{
	return (size_t)rand_r(seed) % n;
}

/* A reply with a few bytes changed, cut off or with more behind it, sometimes
 * with its length and its sum put right. Returns its length.
 */
static size_t spoil(u8 *buf, unsigned int *seed)
{
	size_t n = random_below(seed, 8) ? random_below(seed, 100)
					 : random_below(seed, 33000);
	size_t hits = random_below(seed, 4), i;

	for (i = 0; i < n; i++)
		buf[i] = i < sizeof(status_reply) ? status_reply[i]
						  : (u8)rand_r(seed);
	while (hits-- && n)
		buf[random_below(seed, n)] = (u8)rand_r(seed);
	if (n < DP5_PACKET_OVERHEAD || random_below(seed, 4))
		return n;
	memcpy(buf, status_reply, 2);
	put_be16(buf + 4, (u16)(n - DP5_PACKET_OVERHEAD));
	put_be16(buf + n - 2, (u16)(0 - byte_sum(buf, n - 2)));
	return n;
}

/* Until as many malformed ones have come: the parser stays inside what there
 * is (seen by the sanitizers), takes only what it would have built itself, and
 * what it says of the payload lies inside, too.
 */
TEST(packet_parse_survives_100000_malformed_replies)
{
	static u8 made[33000], again[33000 + DP5_PACKET_OVERHEAD];
	unsigned int seed = seed_of(20);
	int malformed = 0, whole = 0;

	while (malformed < 100000) {
		size_t n = spoil(made, &seed);
		u8 *buf = malloc(n ? n : 1); /* its end is watched */
		struct dp5_packet p;

		memcpy(buf, made, n);
		if (dp5_packet_parse(buf, n, &p) != DP5_PACKET_WHOLE) {
			malformed++;
		} else {
			whole++;
			ASSERT_EQ(n, dp5_packet_build(again, p.pid1, p.pid2,
						      p.data, p.len));
			ASSERT_EQ(0, memcmp(again, buf, n));
			if (!dp5_packet_len_fits(&p))
				malformed++;
			else if (dp5_packet_status(&p))
				ASSERT_LE(dp5_packet_status(&p) + 64,
					  p.data + p.len);
		}
		free(buf);
	}
	EXPECT_LT(10000, whole);
}

/* Firmware, configured, first status; and whether it has started anew since a
 * status that said configured, or not.
 */
TEST(packet_rebooted_is_told_by_the_first_status_or_by_its_configuration)
{
	static const struct {
		u8 firmware, is_configured, is_first;
		bool since_configured, since_unconfigured;
	} cases[] = {
		{ 0x6a, 1, 0, false, false }, { 0x6a, 1, 1, true, true },
		{ 0x6a, 0, 0, true, false },  { 0x6a, 0, 1, true, true },
		{ 0x65, 1, 1, true, true },   { 0x64, 1, 1, false, false },
		{ 0x64, 0, 0, true, false },  { 0x63, 0, 1, false, false },
	};
	u8 configured[64] = { [35] = 0x02 }, unconfigured[64] = { 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		/* Whatever the bits beside them. */
		u8 now[64] = { [24] = cases[i].firmware,
			       [35] = 0x09 | cases[i].is_configured << 1,
			       [36] = 0x03 | cases[i].is_first << 5 };

		EXPECT_EQ(cases[i].since_configured,
			  dp5_packet_rebooted(configured, now))
		TH_LOG("case %zu", i);
		EXPECT_EQ(cases[i].since_unconfigured,
			  dp5_packet_rebooted(unconfigured, now))
		TH_LOG("case %zu", i);
	}
}

TEST_HARNESS_MAIN
