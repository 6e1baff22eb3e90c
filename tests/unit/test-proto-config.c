// SPDX-License-Identifier: GPL-2.0-or-later
/* The text configuration: grammar, order, packets, comparison. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "kselftest_harness.h"
#include "proto/config.h"

/* The recommended set-up of the protocol reference, section 16.4. */
static const char recommended[] =
	"CLCK=80;TPEA=2.000;GAIN=48.000;RESL=204;TFLA=0.200;TPFA=100;PURE=ON;"
	"RTDE=OFF;MCAS=NORM;MCAC=2048;SOFF=OFF;AINP=POS;INOF=DEF;THSL=0.976;"
	"THFA=41.43;BLRM=1;BLRD=3;BLRU=0;GATE=OFF;AUO1=MCAEN;AUO2=ICR;PRET=OFF;"
	"PREC=OFF;PRER=OFF;HVSE=-110;TECS=220;PAPS=ON;MCAE=OFF;";

static int parse(const char *text, struct dp5_config *c,
		 struct dp5_config_error *err)
{
	memset(err, 0, sizeof(*err));
	return dp5_config_parse(text, strlen(text), c, err);
}

TEST(recommended_setup_is_taken_and_written_back)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	struct dp5_config_error err;
	struct dp5_config c;

	ASSERT_EQ(0, parse(recommended, &c, &err)) TH_LOG("%s", err.why);
	EXPECT_EQ(28, c.n);
	EXPECT_STREQ("-110", dp5_config_get(&c, "HVSE"));
	EXPECT_EQ(NULL, dp5_config_get(&c, "CUSP"));
	ASSERT_EQ(0, dp5_config_text(&c, &text));
	EXPECT_STREQ(recommended, text.data);
}

TEST(blanks_and_line_ends_stand_between_commands)
{
	struct dp5_config_error err;
	struct dp5_config c;

	ASSERT_EQ(0, parse(" TPEA=9.6; \r\n\tGAIN=65;\n", &c, &err));
	EXPECT_EQ(2, c.n);
	ASSERT_EQ(0, parse("", &c, &err));
	EXPECT_EQ(0, c.n);
}

TEST(broken_commands_are_refused)
{
	static const struct {
		const char *text;
		size_t offset;
		const char *command, *why;
	} cases[] = {
		{ "TPEA=1", 0, "TPEA=1", "ends in `;`" },
		{ "TPEA=1;GAIN", 7, "GAIN", "ends in `;`" },
		{ "TPE=1;", 0, "TPE=1", "four capitals" },
		{ "tpea=1;", 0, "tpea=1", "four capitals" },
		{ "TPEA 1;", 0, "TPEA 1", "four capitals" },
		{ "TPEAX=1;", 0, "TPEAX=1", "four capitals" },
		{ "TPEA=;", 0, "TPEA=", "empty" },
		{ "TPEA;", 0, "TPEA", "no value" },
		{ "TPEA=12345678901;", 0, "TPEA=12345678901", "10 char" },
		{ "TPEA=1 0;", 0, "TPEA=1 0", "capitals" },
		{ "MCAS=norm;", 0, "MCAS=norm", "capitals" },
		{ "TPEA=1\x01;", 0, "TPEA=1?", "capitals" },
		{ "TPEA=?;", 0, "TPEA", "not a value" },
		{ ";", 0, "", "four capitals" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dp5_config c = { .n = 77 };
		struct dp5_config_error err;

		EXPECT_EQ(-EBADMSG, parse(cases[i].text, &c, &err))
		TH_LOG("%s", cases[i].text);
		EXPECT_EQ(cases[i].offset, err.offset);
		EXPECT_STREQ(cases[i].command, err.command);
		EXPECT_NE(NULL, strstr(err.why, cases[i].why))
		TH_LOG("%s: %s", cases[i].text, err.why);
		EXPECT_EQ(77, c.n);
	}
}

TEST(harmful_and_repeated_commands_are_refused)
{
	static const char *const texts[] = {
		"MCAE=ON;", "BOOT=ON;", "ACKE=1;", "TPFF=1;", "GAIN=5;GAIN=6;",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct dp5_config_error err;
		struct dp5_config c;

		EXPECT_EQ(-EBADMSG, parse(texts[i], &c, &err))
		TH_LOG("%s", texts[i]);
		EXPECT_NE(0, *err.why);
	}
}

TEST(sca_commands_may_repeat)
{
	struct dp5_config_error err;
	struct dp5_config c;

	EXPECT_EQ(0, parse("SCAI=1;SCAL=100;SCAH=200;SCAI=2;SCAL=300;SCAH=400;",
			   &c, &err));
}

TEST(order_the_instrument_needs_is_held)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "CLCK=80;RESC=YES;", "RESC must be the first" },
		{ "TPEA=1;CLCK=80;", "CLCK must stand before TPEA" },
		{ "GAIN=5;TPEA=1;", "TPEA must stand before GAIN" },
		{ "RTDE=OFF;TFLA=0.2;", "TFLA must stand before RTDE" },
		{ "MCAS=NORM;RTDE=OFF;", "RTDE must stand before MCAS" },
		{ "INOF=DEF;AINP=POS;", "AINP must stand before INOF" },
		{ "SOFF=OFF;MCAC=2048;", "MCAC must stand before SOFF" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dp5_config_error err;
		struct dp5_config c;

		EXPECT_EQ(-EBADMSG, parse(cases[i].text, &c, &err))
		TH_LOG("%s", cases[i].text);
		EXPECT_NE(NULL, strstr(err.why, cases[i].why))
		TH_LOG("%s", err.why);
	}
}

TEST(too_many_commands_are_refused)
{
	char text[4096] = "";
	struct dp5_config_error err;
	struct dp5_config c;

	for (int i = 0; i <= DP5_CONFIG_COMMANDS_MAX; i++)
		strcat(text, "SCAI=1;");
	EXPECT_EQ(-EBADMSG, parse(text, &c, &err));
	EXPECT_NE(NULL, strstr(err.why, "too many"));
}

/* The answer of worked packet 8, and what real instruments say of others. */
TEST(readback_is_taken_as_it_comes)
{
	static const char text[] = "TPEA=9.600;GAIN=64.998;MCAC=2048;"
				   "CUSP=??;RESC=?;PREL=;AU34;";
	struct dp5_config_error err;
	struct dp5_config c;

	ASSERT_EQ(0, dp5_config_parse_readback(text, strlen(text), &c, &err));
	EXPECT_EQ(7, c.n);
	EXPECT_STREQ("9.600", dp5_config_get(&c, "TPEA"));
	EXPECT_STREQ("??", dp5_config_get(&c, "CUSP"));
	EXPECT_STREQ("", dp5_config_get(&c, "PREL"));
	EXPECT_STREQ("", dp5_config_get(&c, "AU34"));
	EXPECT_EQ(-EBADMSG, dp5_config_parse_readback("TPEA=9.6", 8, &c, &err));
	EXPECT_EQ(-EBADMSG, dp5_config_parse_readback("T\0EA=9;", 7, &c, &err));
}

/* Packs and joins again; all packets are within the rules. */
static bool packs(const struct dp5_config *c, bool is_query, char *all)
{
	char packet[DP5_CONFIG_PACKET_MAX + 1];
	size_t next = 0, len;

	*all = '\0';
	while (is_query ? dp5_config_next_query(c, &next, packet, &len)
			: dp5_config_next_packet(c, &next, packet, &len)) {
		if (!len || len > 512 || len % 64 == 56 ||
		    strlen(packet) != len || packet[len - 1] != ';')
			return false;
		strcat(all, packet);
	}
	return next == c->n;
}

TEST(packets_hold_whole_commands_and_no_bad_length)
{
	struct dp5_config_error err;
	struct dp5_config c;
	char all[4096], text[4096];

	ASSERT_EQ(0, parse(recommended, &c, &err));
	ASSERT_TRUE(packs(&c, false, all));
	EXPECT_STREQ(recommended, all);
	ASSERT_TRUE(packs(&c, true, all));
	EXPECT_EQ(5 * c.n, strlen(all));

	/* Every length up to three packets, 56 modulo 64 among them. */
	for (int n = 1; n <= 120; n++) {
		for (int add = 0; add < 8; add++) {
			*text = '\0';
			for (int i = 0; i < n; i++)
				strcat(text, "SCAI=1;");
			sprintf(text + strlen(text), "SCAL=%.*s;", add + 1,
				"123456789");
			ASSERT_EQ(0, parse(text, &c, &err));
			ASSERT_TRUE(packs(&c, false, all)) TH_LOG("%d", n);
			ASSERT_STREQ(text, all);
		}
	}
}

TEST(values_are_compared_as_the_instrument_means_them)
{
	static const struct {
		const char *name, *wanted, *actual;
		bool is_same;
	} cases[] = {
		{ "GAIN", "65", "64.998", true },
		{ "GAIN", "65", "64.0", false },
		{ "TPEA", "9.6", "9.600", true },
		{ "TPEA", "9.6US", "9.600", true },
		{ "TPEA", "9.6", "6.400", false },
		{ "MCAC", "2048", "2048", true },
		{ "MCAC", "2048", "1024", false },
		{ "MCST", "0.00", "0.01", true },
		{ "SCOE", "FALLING", "FA", true },
		{ "SCOE", "FALLING", "RI", false },
		{ "PRET", "OFF", "OFF", true },
		{ "PRET", "OF", "OFF", true },
		{ "PRET", "120", "120.0", true },
		{ "PRET", "120", "OFF", false },
		{ "PRET", "OFF", "120.0", false },
		{ "HVSE", "+700", "700", true },
		{ "HVSE", "-110", "110", false },
		{ "HVSE", "OFF", "0", true },
		{ "CUSP", "50%", "50", true },
		{ "CUSP", "50", "??", false },
		{ "THSL", "0", "0.012", true },
		{ "AUO1", "SCA8", "SCA7", false },
		{ "GPIN", "AUX1", "AUX2", false },
		{ "PURE", "ON", "OFF", false },
		{ "PAPS", "8.5", "ON", false },
		{ "GAIN", "48", "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].is_same,
			  dp5_config_same(cases[i].name, cases[i].wanted,
					  cases[i].actual))
		TH_LOG("%s %s %s", cases[i].name, cases[i].wanted,
		       cases[i].actual);
	}
}

TEST(differences_are_listed)
{
	static const char readback[] = "RESC=?;TPEA=9.600;GAIN=48.003;";
	struct dp5_config wanted, actual;
	struct dp5_config_difference d[2];
	struct dp5_config_error err;

	ASSERT_EQ(0, parse("RESC=YES;TPEA=2;GAIN=48;MCAC=2048;THSL=1;", &wanted,
			   &err));
	ASSERT_EQ(0, dp5_config_parse_readback(readback, strlen(readback),
					       &actual, &err));
	EXPECT_EQ(3, dp5_config_compare(&wanted, &actual, d, 2));
	EXPECT_STREQ("TPEA", d[0].name);
	EXPECT_STREQ("2", d[0].wanted);
	EXPECT_STREQ("9.600", d[0].actual);
	EXPECT_STREQ("MCAC", d[1].name);
	EXPECT_STREQ("", d[1].actual);
	EXPECT_EQ(3, dp5_config_compare(&wanted, &actual, NULL, 0));
}

TEST(set_replaces_and_appends)
{
	struct dp5_config c = { 0 };

	EXPECT_EQ(0, dp5_config_set(&c, "PRET", "60.0"));
	EXPECT_EQ(0, dp5_config_set(&c, "PRET", "120.0"));
	EXPECT_EQ(1, c.n);
	EXPECT_STREQ("120.0", dp5_config_get(&c, "PRET"));
	EXPECT_EQ(-EINVAL, dp5_config_set(&c, "PRE", "1"));
	EXPECT_EQ(-EINVAL, dp5_config_set(&c, "pret", "1"));
	EXPECT_EQ(-EINVAL, dp5_config_set(&c, "PRET", ""));
	EXPECT_EQ(-EINVAL, dp5_config_set(&c, "PRET", "1;GAIN=2"));
	EXPECT_EQ(-EINVAL, dp5_config_set(&c, "PRET", "12345678901"));
}

TEST_HARNESS_MAIN
