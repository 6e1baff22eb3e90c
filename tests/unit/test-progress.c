// SPDX-License-Identifier: GPL-2.0-or-later
/* The line of a running assay: what it shows at each width. */
#include "reespec/progress.h"

#include <string.h>

#include "base/cleanup.h"
#include "kselftest_harness.h"

/* In place of the program's, which has a main() beside them. */
const struct command *const commands[] = { NULL };

FIXTURE(progress)
{
	json_t *assay;
	char text[512];
};

/* Contents in percent of an ore, late in its counting. */
FIXTURE_SETUP(progress)
{
	static const char json[] =
		"{\"Sample\":\"BST-ORE-PIT-7\",\"State\":\"measuring\","
		"\"Estimate\":\"{\\\"elements\\\":["
		"{\\\"symbol\\\":\\\"La\\\",\\\"content_mg_kg\\\":24250,"
		"\\\"u_mg_kg\\\":720,\\\"ld_mg_kg\\\":930},"
		"{\\\"symbol\\\":\\\"Ce\\\",\\\"content_mg_kg\\\":33800,"
		"\\\"u_mg_kg\\\":970,\\\"ld_mg_kg\\\":1400},"
		/* Below its L_D: it leads nothing. */
		"{\\\"symbol\\\":\\\"Tb\\\",\\\"content_mg_kg\\\":50000,"
		"\\\"u_mg_kg\\\":20000,\\\"ld_mg_kg\\\":66000},"
		"{\\\"symbol\\\":\\\"Nd\\\",\\\"content_mg_kg\\\":9150,"
		"\\\"u_mg_kg\\\":320,\\\"ld_mg_kg\\\":670}]}\","
		"\"Progress\":{\"fraction\":0.97,\"live_s\":58.1,"
		"\"preset_live_s\":60,\"dead\":0.44,\"fast_cps\":147200,"
		"\"slow_cps\":82700}}";

	self->assay = NULL;
	ASSERT_EQ(0, js_parse(json, strlen(json), &self->assay, NULL));
}

FIXTURE_TEARDOWN(progress)
{
	js_free(self->assay);
}

/* 79 columns: the last of a terminal stays free. */
TEST_F(progress, shows_dead_time_rate_and_an_element_at_80_columns)
{
	progress_line(self->assay, true, 79, self->text, sizeof(self->text));
	EXPECT_STREQ("BST-ORE-PIT-7 ###### 97 %  Ce 3.380+-0.097 %"
		     "  58.1/60 s  dead 44 %  in 147k cps",
		     self->text)
	TH_LOG("%s", self->text);
}

TEST_F(progress, shows_as_many_elements_as_then_fit)
{
	progress_line(self->assay, true, 91, self->text, sizeof(self->text));
	EXPECT_STREQ("BST-ORE-PIT-7 97 %  Ce 3.380+-0.097 %  La 2.425+-0.072 %"
		     "  58.1/60 s  dead 44 %  in 147k cps",
		     self->text)
	TH_LOG("%s", self->text);
	progress_line(self->assay, true, 122, self->text, sizeof(self->text));
	EXPECT_STREQ("BST-ORE-PIT-7 97 %  Ce 3.380+-0.097 %  La 2.425+-0.072 %"
		     "  Nd 0.915+-0.032 %  58.1/60 s  dead 44 %"
		     "  in 147.2k out 82.7k cps",
		     self->text)
	TH_LOG("%s", self->text);
}

/* What --until waits for is not lost to a further element. */
TEST_F(progress, shows_the_uncertainty_that_is_waited_for)
{
	js_set_real(js_get(self->assay, "Progress"), "until_u_rel", 0.02);
	js_set_real(js_get(self->assay, "Progress"), "u_rel", 0.053);
	progress_line(self->assay, true, 86, self->text, sizeof(self->text));
	EXPECT_STREQ("BST-ORE-PIT-7 97 %  Ce 3.380+-0.097 %"
		     "  58.1/60 s  u 5.3/2 %  dead 44 %  in 147k cps",
		     self->text)
	TH_LOG("%s", self->text);
}

/* What is not there whole is not there. */
TEST_F(progress, cuts_no_number)
{
	static const char *const parts[] = {
		"BST-ORE-PIT-7",     "97 %",
		"Ce 3.380+-0.097 %", "La 2.425+-0.072 %",
		"Nd 0.915+-0.032 %", "58.1/60 s",
		"dead 44 %",	     "in 147.2k out 82.7k cps",
		"in 147k cps"
	};
	char *left, *at;

	for (size_t columns = 20; columns < 200; columns++) {
		progress_line(self->assay, true, columns, self->text,
			      sizeof(self->text));
		EXPECT_GE(columns, strlen(self->text));
		left = self->text;
		for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
			at = strstr(left, parts[i]);
			if (at)
				memset(at, ' ', strlen(parts[i]));
		}
		EXPECT_EQ(strlen(left), strspn(left, " #."))
		TH_LOG("%zu columns: %s", columns, left);
	}
}

TEST_F(progress, the_bar_takes_what_is_left)
{
	progress_line(self->assay, true, 160, self->text, sizeof(self->text));
	EXPECT_NE(NULL, strstr(self->text, " ###################. 97 %"))
	TH_LOG("%s", self->text);
	progress_line(self->assay, false, 160, self->text, sizeof(self->text));
	EXPECT_EQ(NULL, strchr(self->text, '#'));
}

TEST_F(progress, cuts_a_long_sample_at_a_whole_character)
{
	js_set_str(self->assay, "Sample", "ääääääääääääääääääääääää");
	progress_line(self->assay, false, 20, self->text, sizeof(self->text));
	EXPECT_EQ(40, strspn(self->text, "\xc3\xa4"));
}

TEST_HARNESS_MAIN
