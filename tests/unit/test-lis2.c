// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages of LIS2-A2, typed after the standard. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "kselftest_harness.h"
#include "reespec/lis2.h"

#define BODY                                                                     \
	"{\"ledger\":\"a6\",\"seq\":\"10\",\"time\":\"2026-11-26T08:04:08.4Z\"," \
	"\"kind\":\"result\",\"uid\":1000,\"serial\":\"38563\","                 \
	"\"sample\":\"A|7^\\\\&\u00b5\",\"sample_kind\":\"sample\","             \
	"\"method\":{\"name\":\"ore-l\"},\"state\":\"done\",\"real_s\":60.5,"    \
	"\"verdict\":\"accepted\",\"verdict_why\":\"all rules met\","            \
	"\"elements\":[{\"symbol\":\"Nd\",\"content_mg_kg\":8876.54,"            \
	"\"u_mg_kg\":331.2,\"lc_mg_kg\":250,\"ld_mg_kg\":500,"                   \
	"\"flags\":[\"overlap\",\"near\"]},"                                     \
	"{\"symbol\":\"Eu\",\"content_mg_kg\":-12.5,\"u_mg_kg\":140,"            \
	"\"lc_mg_kg\":229,\"ld_mg_kg\":458.3,\"flags\":[]}],"                    \
	"\"oxides\":[{\"formula\":\"Eu2O3\",\"symbol\":\"Eu\",\"factor\":1.2,"   \
	"\"content_mg_kg\":-15,\"u_mg_kg\":168}],"                               \
	"\"sums\":{\"TREO\":{\"content_mg_kg\":10350.4,\"u_mg_kg\":386,"         \
	"\"censored\":1}}}"

static const char message[] =
	"H|\\^&|a6^10||reespec|||||||P|LIS2-A2|20261126090408\r"
	"P|1\r"
	"O|1|A&F&7&S&&R&&E&&XC2&&XB5&|a6^10|^^^ore-l|R||||||||||sample|||||||20261126090408|||F\r"
	"C|1|I|accepted^all rules met|G\r"
	"R|1|^^^Nd|8880|mg/kg||||F||1000|20261126090307|20261126090408|38563\r"
	"C|1|I|raw^content_mg_kg^8876.54^u_mg_kg^331.2^lc_mg_kg^250^ld_mg_kg^500^flags^overlap near|I\r"
	"R|2|^^^Eu|<458|mg/kg||<||F||1000|20261126090307|20261126090408|38563\r"
	"C|1|I|raw^content_mg_kg^-12.5^u_mg_kg^140^lc_mg_kg^229^ld_mg_kg^458.3|I\r"
	"R|3|^^^Eu2O3|<550|mg/kg||<||F||1000|20261126090307|20261126090408|38563\r"
	"C|1|I|raw^content_mg_kg^-15^u_mg_kg^168^lc_mg_kg^274.8^ld_mg_kg^549.96|I\r"
	"R|4|^^^TREO|10350|mg/kg||||F||1000|20261126090307|20261126090408|38563\r"
	"C|1|I|raw^content_mg_kg^10350.4^u_mg_kg^386^censored^1|I\r"
	"L|1|N\r";

/* The message of BODY with @from replaced by @to. */
static int write_with(const char *from, const char *to, struct buf *ret)
{
	CLEANUP(js_freep) json_t *body = NULL;
	struct js_error err;
	char text[4096];
	const char *at = strstr(BODY, from);

	if (!at)
		abort();
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - BODY), BODY, to,
		 at + strlen(from));
	if (js_parse(text, strlen(text), &body, &err) < 0)
		abort();
	/* One hour east of Greenwich, as the sender's clock says. */
	setenv("TZ", "CET-1", 1);
	tzset();
	buf_clear(ret);
	return lis2_write(body, ret);
}

TEST(a_result_is_a_message)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };

	ASSERT_EQ(0, write_with("", "", &text));
	EXPECT_STREQ(message, text.data);
}

/* A sum that may be nothing is a limit, too. */
TEST(a_sum_below_its_uncertainty_is_a_limit)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };

	ASSERT_EQ(0, write_with("10350.4", "-30.4", &text));
	EXPECT_NE(NULL,
		  strstr(text.data, "R|4|^^^TREO|<1270|mg/kg||<||F||1000|"));
	EXPECT_NE(NULL, strstr(text.data, "raw^content_mg_kg^-30.4^u_mg_kg"));
}

/* And by its own limits, where the record has them. */
TEST(a_sum_below_its_limit_is_one)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };

	ASSERT_EQ(0, write_with("386,",
				"386,\"lc_mg_kg\":12000,\"ld_mg_kg\":24000,",
				&text));
	EXPECT_NE(NULL,
		  strstr(text.data, "R|4|^^^TREO|<24000|mg/kg||<||F||1000|"));
	EXPECT_NE(
		NULL,
		strstr(text.data,
		       "raw^content_mg_kg^10350.4^u_mg_kg^386^lc_mg_kg^12000^ld_mg_kg^24000^censored^1|I\r"));
}

TEST(only_an_accepted_whole_result_is_final)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };

	ASSERT_EQ(0, write_with("accepted", "rejected", &text));
	EXPECT_NE(NULL, strstr(text.data, "|||P\rC|1|I|rejected^"));
	EXPECT_NE(NULL, strstr(text.data, "^^^Nd|8880|mg/kg||||P|"));
	ASSERT_EQ(0, write_with("\"done\"", "\"interrupted\"", &text));
	EXPECT_NE(NULL, strstr(text.data, "^^^Nd|8880|mg/kg||||P|"));
}

TEST(a_sample_that_fails_the_rules_of_its_method_is_not_final)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };

	ASSERT_EQ(0, write_with("\"real_s\"",
				"\"decision\":{\"outcome\":\"fail\","
				"\"why\":\"P(TREO < 2 %) is 90 %\"},"
				"\"real_s\"",
				&text));
	EXPECT_NE(NULL, strstr(text.data,
			       "|||P\rC|1|I|accepted^all rules met"
			       "^decision^fail^P(TREO < 2 %) is 90 %|G\r"));
	EXPECT_NE(NULL, strstr(text.data, "^^^Nd|8880|mg/kg||||P|"));
	ASSERT_EQ(0, write_with("\"real_s\"",
				"\"decision\":{\"outcome\":\"pass\","
				"\"why\":\"all\"},\"real_s\"",
				&text));
	EXPECT_NE(NULL, strstr(text.data, "^decision^pass^all|G\r"));
	EXPECT_NE(NULL, strstr(text.data, "^^^Nd|8880|mg/kg||||F|"));
}

TEST(what_was_computed_again_is_a_correction)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };

	ASSERT_EQ(
		0,
		write_with(
			"\"state\":\"done\"",
			"\"state\":\"done\",\"reprocessed\":{\"result\":\"7\"}",
			&text));
	EXPECT_NE(NULL, strstr(text.data, "^^^Nd|8880|mg/kg||||C|"));
	ASSERT_EQ(
		0,
		write_with("\"done\"",
			   "\"interrupted\",\"reprocessed\":{\"result\":\"7\"}",
			   &text));
	EXPECT_NE(NULL, strstr(text.data, "^^^Nd|8880|mg/kg||||P|"));
}

/* The record is number 10; what was amended before it never went out. */
TEST(what_was_amended_since_is_a_correction)
{
	static const char *const by[] = { "9", "11" };

	for (size_t i = 0; i < ARRAY_SIZE(by); i++) {
		CLEANUP(buf_deinit) struct buf text = { 0 };
		char amended[100];

		snprintf(amended, sizeof(amended),
			 "\"amended\":[{\"by\":\"%s\"}],\"real_s\"", by[i]);
		ASSERT_EQ(0, write_with("\"real_s\"", amended, &text));
		EXPECT_NE(NULL,
			  strstr(text.data, i ? "^^^Nd|8880|mg/kg||||C|"
					      : "^^^Nd|8880|mg/kg||||F|"));
		/* Nor has a LIMS had it, which drops what it has had. */
		EXPECT_NE(NULL, strstr(text.data,
				       i ? "^11||reespec|" : "^10||reespec|"));
	}
}

TEST(what_later_records_say_is_a_comment)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };

	ASSERT_EQ(
		0,
		write_with("\"real_s\"",
			   "\"amended\":[{\"field\":\"sample\",\"was\":\"A|1\","
			   "\"now\":\"B\",\"by\":\"13\",\"reason\":\"x\"}],"
			   "\"corrected_by\":\"15\",\"real_s\"",
			   &text));
	EXPECT_NE(NULL,
		  strstr(text.data, "|G\rC|2|I|sample B (amended by record "
				    "13; measured as A&F&1: x)|G\r"
				    "C|3|I|corrected by record 15|G\rR|1"));
}

TEST(what_is_simulated_is_for_training)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };

	ASSERT_EQ(0,
		  write_with("\"uid\"", "\"simulated\":true,\"uid\"", &text));
	EXPECT_NE(NULL, strstr(text.data, "|T|LIS2-A2|"));
}

/* One that is computed again keeps when it was counted, not how long ago. */
TEST(counting_began_when_the_result_says)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };

	ASSERT_EQ(0, write_with("\"real_s\"",
				"\"started\":\"2026-11-25T23:30:00.9Z\","
				"\"real_s\"",
				&text));
	EXPECT_NE(NULL, strstr(text.data, "|20261126003000|20261126090408|"));
}

TEST(a_check_sample_is_one_of_quality_control)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };

	ASSERT_EQ(0, write_with("kind\":\"sample\"", "kind\":\"crm\"", &text));
	EXPECT_NE(NULL,
		  strstr(text.data, "^^^ore-l|R||||||Q||||crm|||||||2026"));
}

TEST(what_holds_no_contents_is_refused)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };

	ASSERT_EQ(0, buf_append_str(&text, "before"));
	EXPECT_EQ(-EINVAL, lis2_write(NULL, &text));
	EXPECT_STREQ("before", text.data);
	EXPECT_EQ(-EINVAL, write_with("\"elements\"", "\"elephants\"", &text));
}

TEST(a_message_without_room_leaves_nothing)
{
	CLEANUP(buf_deinit) struct buf text = { .limit = 300 };

	EXPECT_EQ(-EFBIG, write_with("", "", &text));
	EXPECT_EQ(0, text.len);
}

TEST_HARNESS_MAIN
