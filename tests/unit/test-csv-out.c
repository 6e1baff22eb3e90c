// SPDX-License-Identifier: GPL-2.0-or-later
/* Results as CSV, typed after RFC 4180. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "kselftest_harness.h"
#include "reespec/csv_out.h"

#define BODY(more)                                                           \
	"{\"sample\":\"A,1\",\"sample_kind\":\"sample\",\"keys\":{\"lot\":"  \
	"\"7\"},\"method\":{\"name\":\"ore-l\"},\"state\":\"done\","         \
	"\"verdict\":\"accepted\",\"flags\":[\"overlap\"],"                  \
	"\"elements\":[{\"symbol\":\"Nd\",\"content_mg_kg\":8876.5,"         \
	"\"u_mg_kg\":331,\"lc_mg_kg\":250,\"ld_mg_kg\":500,"                 \
	"\"flags\":[\"near\"]}],"                                            \
	"\"sums\":{\"TREO\":{\"content_mg_kg\":10350,\"u_mg_kg\":386" LIMITS \
	"}}" more "}"
#define LIMITS ",\"lc_mg_kg\":300,\"ld_mg_kg\":600"
#define MEASURED BODY("")
#define AGAIN BODY(",\"reprocessed\":{\"result\":\"7\",\"assay\":\"3\"}")
#define FAILS BODY(",\"decision\":{\"outcome\":\"fail\"}")
#define AMENDED                                                      \
	BODY(",\"amended\":[{\"field\":\"sample\",\"was\":\"A, 1\"," \
	     "\"now\":\"B\",\"by\":\"13\",\"reason\":\"x\"}],"       \
	     "\"corrected_by\":\"15\"")

/* Both forms of one result, the long one first. */
static void write_both(const char *body, char *ret, size_t size)
{
	struct record r = { .head = { .ledger = "a6",
				      .seq = 10,
				      .time = "2026-11-26T08:04:08Z",
				      .serial = "38563",
				      .uid = 1000 } };
	CLEANUP(js_freep) json_t *columns = js_object();
	struct js_error err;
	FILE *file = fmemopen(ret, size, "w");

	if (js_parse(body, strlen(body), &r.json, &err) < 0 || !file ||
	    csv_wide_learn(columns, r.json) < 0)
		abort();
	csv_long_head(file);
	csv_long_record(file, &r);
	csv_wide_head(file, columns);
	csv_wide_record(file, columns, &r);
	fclose(file);
	js_free(r.json);
}

TEST(a_result_has_a_line_a_quantity_or_one)
{
	char text[4096];

	write_both(MEASURED, text, sizeof(text));
	EXPECT_STREQ(
		"ledger,seq,time,sample,method,serial,origin,operator_uid,"
		"quantity,content_mg_kg,u_mg_kg,lc_mg_kg,ld_mg_kg,flags,"
		"sample_kind,keys,corrects,decision,amended,corrected_by\r\n"
		"a6,10,2026-11-26T08:04:08Z,\"A,1\",ore-l,38563,measured,1000,"
		"Nd,8876.5,331,250,500,near,sample,lot=7,,,,\r\n"
		"a6,10,2026-11-26T08:04:08Z,\"A,1\",ore-l,38563,measured,1000,"
		"TREO,10350,386,300,600,,sample,lot=7,,,,\r\n"
		"ledger,seq,time,sample,method,serial,origin,operator_uid,"
		"sample_kind,keys,state,verdict,flags,corrects,decision,"
		"amended,corrected_by,"
		"Nd_content_mg_kg,Nd_u_mg_kg,Nd_lc_mg_kg,Nd_ld_mg_kg,"
		"TREO_content_mg_kg,TREO_u_mg_kg,TREO_lc_mg_kg,"
		"TREO_ld_mg_kg\r\n"
		"a6,10,2026-11-26T08:04:08Z,\"A,1\",ore-l,38563,measured,1000,"
		"sample,lot=7,done,accepted,overlap,,,,,8876.5,331,250,500,10350,"
		"386,300,600\r\n",
		text);
}

/* As a record of before has it: the columns are the same. */
TEST(a_sum_without_limits_leaves_their_place_empty)
{
	char body[] = MEASURED, text[4096];
	char *at = strstr(body, LIMITS);

	memmove(at, at + strlen(LIMITS), strlen(at + strlen(LIMITS)) + 1);
	write_both(body, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "TREO,10350,386,,,,sample,lot=7,,,,\r\n"));
	EXPECT_NE(NULL, strstr(text, ",TREO_ld_mg_kg\r\n"));
	EXPECT_NE(NULL, strstr(text, "8876.5,331,250,500,10350,386,,\r\n"));
}

TEST(what_was_computed_again_names_what_it_corrects)
{
	char text[4096];

	write_both(AGAIN, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "near,sample,lot=7,7,,,\r\n"));
	EXPECT_NE(NULL,
		  strstr(text,
			 "TREO,10350,386,300,600,,sample,lot=7,7,,,\r\n"));
	EXPECT_NE(NULL, strstr(text, "accepted,overlap,7,,,,8876.5,"));
}

TEST(both_tell_what_the_rules_of_the_method_say)
{
	char text[4096];

	write_both(FAILS, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "near,sample,lot=7,,fail,,\r\n"));
	EXPECT_NE(NULL,
		  strstr(text, "TREO,10350,386,300,600,,sample,lot=7,,fail"));
	EXPECT_NE(NULL, strstr(text, "accepted,overlap,,fail,,,8876.5,"));
}

TEST(both_tell_what_later_records_say)
{
	char text[4096];

	write_both(AMENDED, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "lot=7,,,\"sample B (amended by record "
				     "13; measured as A, 1: x)\",15\r\n"));
	EXPECT_NE(NULL, strstr(text, "overlap,,,\"sample B (amended by record "
				     "13; measured as A, 1: x)\",15,8876.5,"));
}

TEST_HARNESS_MAIN
