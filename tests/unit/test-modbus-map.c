// SPDX-License-Identifier: GPL-2.0-or-later
/* Registers of a sample line: how values are coded, which requests pass. */
#include "bridges/modbus_map.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "bridges/modbus_config.h"
#include "kselftest_harness.h"

#define N_QUANTITIES 2
#define N_INPUT (100 + 6 * N_QUANTITIES)

static struct map_values some_values(void)
{
	struct map_values v = {
		.state = 7,
		.progress = 0.4567,
		.fault = MAP_FAULT_LOST,
		.refusal = 3,
		.heartbeat = 65535,
		.sequence = 0x100020003,
		.grade = 4,
		.verdict = MAP_VERDICT_QUESTIONABLE,
		.live_s = 1.5,
		.input_cps = 147238,
		.output_cps = -0.1,
		.dead = NAN,
		.decided_s = 12,
		.method = 9,
		.sample = "AB c",
		.n_quantities = N_QUANTITIES,
	};

	v.quantity[0] = (struct map_quantity){ 24540, 790, 300 };
	v.quantity[1] = (struct map_quantity){ NAN, NAN, NAN };
	return v;
}

/* The bits of the numbers are typed from the IEEE formats. */
TEST(values_stand_where_the_map_says)
{
	const struct map_values v = some_values();
	uint16_t r[N_INPUT] = { 0 };

	ASSERT_EQ(N_INPUT, (int)map_n_input(N_QUANTITIES));
	map_fill(&v, MAP_BIG, r);
	EXPECT_EQ(1, r[0]);
	EXPECT_EQ(7, r[1]);
	EXPECT_EQ(456, r[2]);
	EXPECT_EQ(14, r[3]);
	EXPECT_EQ(3, r[4]);
	EXPECT_EQ(65535, r[5]);
	EXPECT_EQ(2, r[6]);
	EXPECT_EQ(3, r[7]);
	EXPECT_EQ(4, r[8]);
	EXPECT_EQ(2, r[9]);
	EXPECT_EQ(0x3fc0, r[10]); /* 1.5 */
	EXPECT_EQ(0, r[11]);
	EXPECT_EQ(0x480f, r[12]); /* 147238 */
	EXPECT_EQ(0xc980, r[13]);
	EXPECT_EQ(0xbdcc, r[14]); /* -0.1 */
	EXPECT_EQ(0xcccd, r[15]);
	EXPECT_EQ(0x7fc0, r[16] & 0x7fff); /* not a number */
	EXPECT_EQ(0x4140, r[18]); /* 12 */
	EXPECT_EQ(9, r[20]);
	EXPECT_EQ('A' << 8 | 'B', r[24]);
	EXPECT_EQ(' ' << 8 | 'c', r[25]);
	EXPECT_EQ(0, r[26]);
	EXPECT_EQ(0, r[39]);
	EXPECT_EQ(0x46bf, r[100]); /* 24540 */
	EXPECT_EQ(0xb800, r[101]);
	EXPECT_EQ(0x4445, r[102]); /* 790 */
	EXPECT_EQ(0x8000, r[103]);
	EXPECT_EQ(0x4396, r[104]); /* 300 */
	EXPECT_EQ(0x7fc0, r[106] & 0x7fff);
}

TEST(little_order_swaps_words_and_nothing_else)
{
	const struct map_values v = some_values();
	static const int wide[] = { 6, 10, 12, 14, 16, 18, 100, 102, 104, 106 };
	uint16_t big[N_INPUT] = { 0 }, little[N_INPUT] = { 0 };

	map_fill(&v, MAP_BIG, big);
	map_fill(&v, MAP_LITTLE, little);
	for (size_t i = 0; i < sizeof(wide) / sizeof(*wide); i++) {
		EXPECT_EQ(big[wide[i]], little[wide[i] + 1]);
		EXPECT_EQ(big[wide[i] + 1], little[wide[i]]);
	}
	EXPECT_EQ(0, memcmp(big, little, 6 * sizeof(*big)));
	EXPECT_EQ(0, memcmp(big + 20, little + 20, 80 * sizeof(*big)));
}

TEST(progress_stays_within_its_range)
{
	struct map_values v = some_values();
	uint16_t r[N_INPUT];

	v.progress = NAN;
	map_fill(&v, MAP_BIG, r);
	EXPECT_EQ(0, r[2]);
	v.progress = 17;
	map_fill(&v, MAP_BIG, r);
	EXPECT_EQ(1000, r[2]);
	v.progress = -1;
	map_fill(&v, MAP_BIG, r);
	EXPECT_EQ(0, r[2]);
}

TEST(samples_lose_blanks_at_their_end)
{
	uint16_t r[MAP_SAMPLE_LEN] = { 'O' << 8 | 'r', 'e' << 8 | ' ' };
	char sample[MAP_SAMPLE_SIZE];

	ASSERT_EQ(0, map_sample(r, sample));
	EXPECT_STREQ("Ore", sample);
	for (int i = 0; i < MAP_SAMPLE_LEN; i++)
		r[i] = 'x' << 8 | '~';
	ASSERT_EQ(0, map_sample(r, sample));
	EXPECT_EQ(32, (int)strlen(sample));
}

TEST(samples_that_are_none_are_refused)
{
	uint16_t r[MAP_SAMPLE_LEN] = { 0 };
	char sample[MAP_SAMPLE_SIZE] = "as it was";

	EXPECT_EQ(-EINVAL, map_sample(r, sample));
	r[0] = ' ' << 8 | ' ';
	EXPECT_EQ(-EINVAL, map_sample(r, sample));
	r[0] = 'a' << 8 | '\n';
	EXPECT_EQ(-EINVAL, map_sample(r, sample));
	r[0] = 'a' << 8 | 0xe9;
	EXPECT_EQ(-EINVAL, map_sample(r, sample));
	r[0] = 'a' << 8;
	r[1] = 'b' << 8;
	EXPECT_EQ(-EINVAL, map_sample(r, sample)); /* NUL in the middle */
	EXPECT_STREQ("as it was", sample);
}

/* ---- frames and requests ------------------------------------------------------ */

TEST(frames_are_told_by_their_header)
{
	uint8_t f[] = { 0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1 };

	for (size_t len = 0; len < sizeof(f); len++)
		EXPECT_EQ(0, map_frame(f, len));
	EXPECT_EQ(12, map_frame(f, sizeof(f)));
	f[3] = 1; /* not Modbus */
	EXPECT_EQ(-EBADMSG, map_frame(f, sizeof(f)));
	f[3] = 0;
	f[5] = 1; /* no function */
	EXPECT_EQ(-EBADMSG, map_frame(f, sizeof(f)));
	f[5] = 254;
	EXPECT_EQ(0, map_frame(f, sizeof(f)));
	f[5] = 255; /* longer than any */
	EXPECT_EQ(-EBADMSG, map_frame(f, sizeof(f)));
	f[4] = 1;
	f[5] = 6;
	EXPECT_EQ(-EBADMSG, map_frame(f, sizeof(f)));
}

/* Kept, since a request points into it. */
static uint8_t asked[MAP_FRAME_MAX];

static int ask(const uint8_t *pdu, size_t len, struct map_request *ret)
{
	if (len)
		memcpy(asked, pdu, len);
	return map_request(asked, len, N_QUANTITIES, ret);
}

#define ASK(...)                              \
	ask((const uint8_t[]){ __VA_ARGS__ }, \
	    sizeof((const uint8_t[]){ __VA_ARGS__ }), &request)

TEST(requests_within_the_map_pass)
{
	struct map_request request;

	EXPECT_EQ(0, ASK(1, 0, 0, 0, 3));
	EXPECT_EQ(0, ASK(2, 0, 0, 0, 7));
	EXPECT_EQ(0, ASK(3, 0, 0, 0, 18));
	EXPECT_EQ(0, ASK(4, 0, 0, 0, 112));
	EXPECT_FALSE(map_is_write(&request));
	EXPECT_EQ(112, request.count);
	ASSERT_EQ(0, ASK(5, 0, 2, 0xff, 0));
	EXPECT_TRUE(map_is_write(&request));
	EXPECT_EQ(2, request.address);
	EXPECT_TRUE(map_bit(&request, 0));
	ASSERT_EQ(0, ASK(5, 0, 2, 0, 0));
	EXPECT_FALSE(map_bit(&request, 0));
	ASSERT_EQ(0, ASK(6, 0, 16, 1, 2));
	EXPECT_EQ(0x102, map_register(&request, 0));
	ASSERT_EQ(0, ASK(15, 0, 0, 0, 3, 1, 5));
	EXPECT_TRUE(map_bit(&request, 0));
	EXPECT_FALSE(map_bit(&request, 1));
	EXPECT_TRUE(map_bit(&request, 2));
	ASSERT_EQ(0, ASK(16, 0, 16, 0, 2, 4, 0, 1, 0, 60));
	EXPECT_EQ(60, map_register(&request, 1));
}

TEST(requests_beyond_the_map_are_refused)
{
	struct map_request request;

	EXPECT_EQ(2, ASK(1, 0, 0, 0, 4));
	EXPECT_EQ(2, ASK(1, 0, 3, 0, 1));
	EXPECT_EQ(2, ASK(2, 0, 0, 0, 8));
	EXPECT_EQ(2, ASK(3, 0, 1, 0, 18));
	EXPECT_EQ(2, ASK(4, 0, 0, 0, 113));
	EXPECT_EQ(2, ASK(4, 0xff, 0xff, 0, 125));
	EXPECT_EQ(2, ASK(5, 0, 3, 0xff, 0));
	EXPECT_EQ(2, ASK(6, 0, 18, 0, 0));
	EXPECT_EQ(2, ASK(15, 0, 1, 0, 3, 1, 0));
	EXPECT_EQ(2, ASK(16, 0, 17, 0, 2, 4, 0, 1, 0, 60));
}

TEST(requests_that_contradict_themselves_are_refused)
{
	struct map_request request;

	EXPECT_EQ(1, ask(NULL, 0, &request));
	EXPECT_EQ(1, ASK(0, 0, 0, 0, 1));
	EXPECT_EQ(1, ASK(7));
	EXPECT_EQ(1, ASK(22, 0, 0, 0, 0, 0, 1)); /* mask */
	EXPECT_EQ(1, ASK(23, 0, 0, 0, 1, 0, 0, 0, 1, 2, 0, 0));
	EXPECT_EQ(1, ASK(0x83, 0, 0, 0, 1));
	EXPECT_EQ(3, ASK(3, 0, 0, 0));
	EXPECT_EQ(3, ASK(3, 0, 0, 0, 1, 0));
	EXPECT_EQ(3, ASK(3, 0, 0, 0, 0));
	EXPECT_EQ(3, ASK(3, 0, 0, 0, 126));
	EXPECT_EQ(3, ASK(1, 0, 0, 0x07, 0xd1));
	EXPECT_EQ(3, ASK(5, 0, 0, 1, 0));
	EXPECT_EQ(3, ASK(5, 0, 0, 0xff, 1));
	EXPECT_EQ(3, ASK(15, 0, 0, 0, 3, 2, 0, 0)); /* bytes, not count */
	EXPECT_EQ(3, ASK(15, 0, 0, 0, 3, 1));
	EXPECT_EQ(3, ASK(16, 0, 16, 0, 2, 4, 0, 1, 0));
	EXPECT_EQ(3, ASK(16, 0, 16, 0, 2, 3, 0, 1, 0));
	EXPECT_EQ(3, ASK(16, 0, 16, 0, 0, 0));
}

TEST(faults_are_explained)
{
	for (int i = 0; i < MAP_N_FAULTS; i++)
		EXPECT_LT(0, strlen(map_fault_text((enum map_fault)i)));
}

/* ---- who may talk --------------------------------------------------------------- */

static bool lets(const struct modbus_config *c, const char *address)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	char text[INET6_ADDRSTRLEN];

	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
		return config_lets(c, (struct sockaddr *)&v4, text,
				   sizeof(text)) &&
		       !strcmp(text, address);
	inet_pton(AF_INET6, address, &v6.sin6_addr);
	return config_lets(c, (struct sockaddr *)&v6, text, sizeof(text));
}

TEST(peers_are_addresses_and_networks)
{
	static const char text[] =
		"[listen]\npeers = 192.168.7.20 10.1.0.0/12, fd00::/57\n"
		"[line]\nname = a\ninstrument = 1\nmethods = m\n";
	char path[] = "/tmp/test-modbus-XXXXXX", why[256] = "";
	struct modbus_config c = { 0 };
	struct ini_error error;
	int fd = mkstemp(path);

	ASSERT_LE(0, fd);
	ASSERT_EQ((ssize_t)strlen(text), write(fd, text, strlen(text)));
	close(fd);
	ASSERT_EQ(0, ini_load(path, &config_table, &c, &error));
	ASSERT_EQ(0, config_check(&c, path, why, sizeof(why)));
	unlink(path);
	EXPECT_TRUE(lets(&c, "192.168.7.20"));
	EXPECT_TRUE(lets(&c, "::ffff:192.168.7.20"));
	EXPECT_FALSE(lets(&c, "192.168.7.21"));
	EXPECT_TRUE(lets(&c, "10.15.255.255"));
	EXPECT_FALSE(lets(&c, "10.16.0.0"));
	EXPECT_FALSE(lets(&c, "11.1.0.0"));
	EXPECT_TRUE(lets(&c, "fd00:0:0:7f::1"));
	EXPECT_FALSE(lets(&c, "fd00:0:0:80::1"));
	EXPECT_FALSE(lets(&c, "127.0.0.1"));
	EXPECT_FALSE(lets(&c, "::1"));
	config_deinit(&c);
}

TEST_HARNESS_MAIN
