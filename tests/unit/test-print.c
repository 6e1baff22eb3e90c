// SPDX-License-Identifier: GPL-2.0-or-later
/* Numbers as an assay reports them; labels that do not collide. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reespec/chart.h"
#include "reespec/print.h"

#include "kselftest_harness.h"

#define ASSERT_CONTENT(mg_kg, u_mg_kg, lc_, ld_, v, pm, limit, un) \
	do {                                                       \
		struct content_cells c;                            \
		print_content(&c, mg_kg, u_mg_kg, lc_, ld_);       \
		ASSERT_STREQ(v, c.value.text);                     \
		ASSERT_STREQ(pm, c.u.text);                        \
		ASSERT_STREQ(limit, c.ld.text);                    \
		ASSERT_STREQ(un, c.unit);                          \
	} while (0)

/* A table of three columns and what it looks like, @width columns wide. */
static const char *printed(const char *format, const char *width)
{
	CLEANUP(table_freep) struct table *t = NULL;
	static char text[1024];
	FILE *out = fmemopen(text, sizeof(text), "w");

	if (!out || table_new(&t, format) < 0)
		abort();
	table_add_row(t, "name", "file", "n", "unit", NULL);
	table_add_row(t, "ore-l",
		      "/usr/share/meth\xc3\xb6"
		      "ds/ore-l.ini",
		      "52", "ppm", NULL);
	table_add_row(t, "x", "a b", "7", "", NULL);
	if (width)
		setenv("COLUMNS", width, 1);
	else
		unsetenv("COLUMNS");
	table_print(t, out);
	fclose(out);
	unsetenv("COLUMNS");
	return text;
}

TEST(a_table_that_fits_has_all_columns)
{
	ASSERT_STREQ("name   file                           n  unit\n"
		     "ore-l  /usr/share/meth\xc3\xb6"
		     "ds/ore-l.ini  52  ppm\n"
		     "x      a b                            7\n",
		     printed("llRL", "80"));
}

TEST(extra_columns_go_from_the_right)
{
	ASSERT_STREQ("name   file                           n\n"
		     "ore-l  /usr/share/meth\xc3\xb6"
		     "ds/ore-l.ini  52\n"
		     "x      a b                            7\n",
		     printed("llRL", "42"));
	ASSERT_STREQ("name    n  unit\n"
		     "ore-l  52  ppm\n"
		     "x       7\n",
		     printed("lLrl", "42"));
}

TEST(the_widest_text_is_wrapped)
{
	ASSERT_STREQ("name   file                n  unit\n"
		     "ore-l  /usr/share/        52  ppm\n"
		     "       meth\xc3\xb6"
		     "ds/ore-l.ini\n"
		     "x      a b                 7\n",
		     printed("llrl", "34"));
}

TEST(a_pipe_has_no_edge)
{
	ASSERT_STREQ(printed("llrl", "80"), printed("llrl", NULL));
}

static const char *flowing(const char *text)
{
	static char shown[256];
	FILE *out = fmemopen(shown, sizeof(shown), "w");

	if (!out)
		abort();
	setenv("COLUMNS", "20", 1);
	print_flow(out, PRINT_BOLD, "Flag  ", text);
	fclose(out);
	unsetenv("COLUMNS");
	return shown;
}

TEST(text_goes_on_behind_its_head)
{
	ASSERT_STREQ("Flag  one\n", flowing("one"));
	ASSERT_STREQ("Flag  \n", flowing(""));
	ASSERT_STREQ("Flag  twelve 34567\n      next\n",
		     flowing("twelve 34567 next"));
	/* No line holds it: cut at the edge, between letters of any length. */
	ASSERT_STREQ("Flag  12345678901234\n      56 a\n",
		     flowing("1234567890123456 a"));
	ASSERT_STREQ("Flag  a\n      1234567890123ä\n      ö\n",
		     flowing("a 1234567890123äö"));
	/* Where it has line ends, only there. */
	ASSERT_STREQ("Flag  La 104000\n      Dy 56 000\n",
		     flowing("La 104000\nDy 56 000"));
}

TEST(decimals_show_two_digits_of_u)
{
	ASSERT_EQ(0, print_decimals(12));
	ASSERT_EQ(1, print_decimals(1.2));
	ASSERT_EQ(2, print_decimals(0.12));
	ASSERT_EQ(3, print_decimals(0.012));
	ASSERT_EQ(0, print_decimals(1234));
}

TEST(decimals_follow_u_as_it_is_rounded)
{
	/* 0.0996 is shown as 0.100: "0.10" has its two digits. */
	ASSERT_EQ(2, print_decimals(0.0996));
	ASSERT_EQ(3, print_decimals(0.0994));
	ASSERT_EQ(1, print_decimals(0.996));
}

TEST(decimals_of_no_u_are_none)
{
	ASSERT_EQ(0, print_decimals(0));
	ASSERT_EQ(0, print_decimals(NAN));
	ASSERT_EQ(0, print_decimals(INFINITY));
	ASSERT_EQ(9, print_decimals(1e-30));
}

TEST(content_below_1000_is_ppm)
{
	ASSERT_CONTENT(999.4, 12.3, 10, 20, "999", "12", "20", "ppm");
}

TEST(content_from_1000_is_wt_percent)
{
	ASSERT_CONTENT(26383.2, 123.4, 10, 20, "2.638", "0.012", "0.0020",
		       "wt %");
}

TEST(limit_has_two_digits_of_its_own)
{
	struct content_cells c;

	print_content(&c, 520, 120, 10, 20);
	ASSERT_STREQ("1000", print_limit(&c, 1007).text);
	ASSERT_STREQ("35", print_limit(&c, 34.8).text);
	print_content(&c, 26383.2, 123.4, 10, 20);
	ASSERT_STREQ("0.19", print_limit(&c, 1916).text);
}

TEST(content_rounds_left_of_the_point_too)
{
	ASSERT_CONTENT(983, 123, 10, 20, "980", "120", "20", "ppm");
	ASSERT_CONTENT(263832, 51234, 10, 20, "26.4", "5.1", "0.0020", "wt %");
}

TEST(content_below_its_decision_limit_is_censored)
{
	ASSERT_CONTENT(9.9, 6, 10, 20, "< 20", "6.0", "20", "ppm");
	ASSERT_CONTENT(-3, 6, 10, 20, "< 20", "6.0", "20", "ppm");
}

/* The estimate is not seen, so it does not choose the unit. */
TEST(a_limit_has_a_unit_of_its_own)
{
	ASSERT_CONTENT(-1200, 6, 10, 20, "< 20", "6.0", "20", "ppm");
	ASSERT_CONTENT(-300, 1900, 3100, 6252, "< 0.63", "0.19", "0.63",
		       "wt %");
}

static struct content_cells cells_of_sum(double content, double lc, double k)
{
	CLEANUP(js_freep)
	json_t *sum = js_pack("{s:f, s:f}", "content_mg_kg", content, "u_mg_kg",
			      66.0);
	struct content_cells c;

	if (isfinite(lc)) {
		js_set_real(sum, "lc_mg_kg", lc);
		js_set_real(sum, "ld_mg_kg", 2 * lc);
	}
	print_sum(&c, sum, k);
	return c;
}

TEST(a_sum_below_its_limit_is_censored)
{
	struct content_cells c = cells_of_sum(49, 50, 2);

	EXPECT_STREQ("< 100", c.value.text);
	EXPECT_STREQ("130", c.u.text);
	c = cells_of_sum(51, 50, 1);
	EXPECT_STREQ("51", c.value.text);
	EXPECT_STREQ("100", c.ld.text);
}

/* As records of before have it. */
TEST(a_sum_without_a_limit_has_that_of_its_uncertainty)
{
	struct content_cells c = cells_of_sum(-3, NAN, 2);

	EXPECT_STREQ("< 217", c.value.text);
	EXPECT_STREQ("130", c.u.text);
	c = cells_of_sum(0, NAN, 1);
	EXPECT_STREQ("< 217", c.value.text);
	c = cells_of_sum(109, NAN, 1);
	EXPECT_STREQ("109", c.value.text);
	EXPECT_STREQ("", c.ld.text);
}

TEST(what_is_measured_is_no_negative_number)
{
	const char *pm = PRINT_PM("");

	EXPECT_STREQ("< 0.46 Bq/g",
		     print_measured(-0.01, 0.14, 2, "Bq/g", pm).text);
	EXPECT_STREQ("1.19 +- 0.14 Bq/g",
		     print_measured(1.194, 0.07, 2, "Bq/g", pm).text);
	EXPECT_STREQ(
		"1.19 ± 0.14 Bq/g",
		print_measured(1.194, 0.07, 2, "Bq/g", PRINT_PM_PAGE).text);
	EXPECT_STREQ("not measured", print_measured(0, 0, 2, "Bq/g", pm).text);
	EXPECT_STREQ("not measured",
		     print_measured(0, NAN, 2, "Bq/g", pm).text);
}

TEST(what_rounds_to_nothing_has_no_minus)
{
	EXPECT_STREQ("0.0", print_fixed(-0.04, 1).text);
	EXPECT_STREQ("-0.1", print_fixed(-0.06, 1).text);
	EXPECT_STREQ("", print_fixed(NAN, 1).text);
	EXPECT_STREQ("+0.0", print_signed(-0.04, 1).text);
	EXPECT_STREQ("+0.0", print_signed(0, 1).text);
	EXPECT_STREQ("-0.1", print_signed(-0.06, 1).text);
	EXPECT_STREQ("+1.25", print_signed(1.25, 2).text);
	EXPECT_STREQ("", print_signed(NAN, 1).text);
}

TEST(a_probability_is_never_sure)
{
	EXPECT_STREQ("< 1 %", print_probability(0).text);
	EXPECT_STREQ("< 1 %", print_probability(0.0099).text);
	EXPECT_STREQ("1 %", print_probability(0.01).text);
	EXPECT_STREQ("93 %", print_probability(0.93).text);
	EXPECT_STREQ("99 %", print_probability(0.99).text);
	EXPECT_STREQ("> 99 %", print_probability(0.991).text);
	EXPECT_STREQ("> 99 %", print_probability(1).text);
	EXPECT_STREQ("-", print_probability(NAN).text);
}

TEST(content_at_its_decision_limit_is_not_censored)
{
	ASSERT_CONTENT(10, 6, 10, 20, "10.0", "6.0", "20", "ppm");
}

TEST(content_without_limits_is_never_censored)
{
	ASSERT_CONTENT(-3, 6, NAN, NAN, "-3.0", "6.0", "", "ppm");
}

TEST(content_never_shows_minus_nothing)
{
	ASSERT_CONTENT(-0.01, 6, NAN, NAN, "0.0", "6.0", "", "ppm");
}

TEST(content_that_is_no_number_is_empty)
{
	struct content_cells c;

	print_content(&c, NAN, NAN, NAN, NAN);
	ASSERT_STREQ("", c.value.text);
}

TEST(like_takes_unit_and_place)
{
	struct content_cells c;

	print_content(&c, 26383.2, 123.4, 10, 20);
	ASSERT_STREQ("2.630", print_like(&c, 26300).text);
	ASSERT_STREQ("0.002", print_like(&c, 20).text);
}

TEST(grouped_sets_thousands_apart)
{
	ASSERT_STREQ("0", print_grouped(0).text);
	ASSERT_STREQ("999", print_grouped(999).text);
	ASSERT_STREQ("1 000", print_grouped(1000).text);
	ASSERT_STREQ("17 997 221", print_grouped(17997221).text);
	ASSERT_STREQ("-1 000", print_grouped(-1000).text);
	ASSERT_STREQ("", print_grouped(NAN).text);
}

TEST(time_that_is_none_stays)
{
	ASSERT_STREQ("frob", print_local_time("frob").text);
}

TEST(time_is_local_with_its_zone)
{
	setenv("TZ", "UTC-2", 1);
	ASSERT_STREQ("2026-11-23 12:00:00 UTC",
		     print_local_time("2026-11-23T10:00:00.123456Z").text);
}

TEST(columns_count_characters)
{
	ASSERT_EQ(3, print_columns("a±b"));
	ASSERT_EQ(0, print_columns(""));
}

TEST(a_number_stays_with_its_unit)
{
	static const struct {
		const char *text;
		const char *joined; /* of each blank */
	} cases[] = {
		{ "TREO 8.79 ± 0.26 wt %, accepted", "011110" },
		{ "La 12 ppm", "01" },
		{ "U 0.3 +- 0.1 Bq/g, Th", "01110" },
		{ "BST 7 samples of 3 s", "00001" },
		{ "x < 1 % of it", "01100" },
		{ "wt of it", "00" },
		{ "dead 44 %; 3 K", "0101" },
		{ " 5 a", "00" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *text = cases[i].text;
		char found[16] = "";
		size_t n = 0;

		for (size_t k = 0; text[k]; k++)
			if (text[k] == ' ')
				found[n++] =
					print_is_joint(text, k) ? '1' : '0';
		EXPECT_STREQ(cases[i].joined, found)
		{
			TH_LOG("%s", text);
		}
	}
}

/* What a table prints to memory. */
static void print_to(struct table *t, char *text, size_t size)
{
	FILE *file = fmemopen(text, size, "w");

	table_print(t, file);
	fclose(file);
}

/* Columns 29 and 30 are the blank before "wt" and its first letter. */
TEST(lines_break_beside_a_number_and_its_unit)
{
	static const char said[] =
		"sample seven TREO 8.79 ± 0.26 wt % and more of it";
	static const char lines[] = "sample seven TREO\n"
				    "8.79 ± 0.26 wt % and more of\n"
				    "it\n";
	CLEANUP(table_freep) struct table *t = NULL;
	char text[256] = "";
	FILE *file;

	setenv("COLUMNS", "30", 1);
	ASSERT_EQ(0, table_new(&t, "l"));
	table_add_row(t, said, NULL);
	print_to(t, text, sizeof(text));
	EXPECT_STREQ(lines, text);
	memset(text, 0, sizeof(text));
	file = fmemopen(text, sizeof(text), "w");
	print_flow(file, PRINT_PLAIN, "", said);
	fclose(file);
	EXPECT_STREQ(lines, text);
	unsetenv("COLUMNS");
}

TEST(table_stands_by_the_decimal_point)
{
	struct table *t;
	char text[256] = "";

	ASSERT_EQ(0, table_new(&t, "ldl"));
	table_add_row(t, "La", "2.638", "x", NULL);
	table_add_row(t, "Ce", "< 20", "y", NULL);
	table_add_row(t, "unit", "", "", NULL);
	table_add_row(t, "Nd", "12.5", "z", NULL);
	print_to(t, text, sizeof(text));
	ASSERT_STREQ("La       2.638  x\n"
		     "Ce    < 20      y\n"
		     "unit\n"
		     "Nd      12.5    z\n",
		     text);
	table_free(t);
}

TEST(table_counts_wide_characters_once)
{
	struct table *t;
	char text[256] = "";

	ASSERT_EQ(0, table_new(&t, "rl"));
	table_add_row(t, "±", "a", NULL);
	table_add_row(t, "+-", "b", NULL);
	print_to(t, text, sizeof(text));
	ASSERT_STREQ(" ±  a\n+-  b\n", text);
	table_free(t);
}

static void place(struct chart_label *labels, const double *x, size_t n)
{
	memset(labels, 0, n * sizeof(*labels));
	for (size_t i = 0; i < n; i++)
		labels[i].x = x[i];
}

TEST(spread_leaves_what_does_not_collide)
{
	const double x[] = { 10, 30, 100 };
	struct chart_label labels[3];

	place(labels, x, 3);
	chart_spread(labels, 3, 15, 0, 200);
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(x[i], labels[i].x);
}

TEST(spread_moves_both_by_half)
{
	const double x[] = { 50, 55 };
	struct chart_label labels[2];

	place(labels, x, 2);
	chart_spread(labels, 2, 15, 0, 200);
	ASSERT_LT(fabs(labels[0].x - 45), 1e-9);
	ASSERT_LT(fabs(labels[1].x - 60), 1e-9);
}

TEST(spread_keeps_order_distance_and_bounds)
{
	struct chart_label labels[40];
	double x[40];

	for (int i = 0; i < 40; i++)
		x[i] = i < 20 ? 1 + 0.1 * i : 590 + 0.1 * i;
	place(labels, x, 40);
	chart_spread(labels, 40, 15, 0, 600);
	ASSERT_GE(labels[0].x, 0);
	ASSERT_LE(labels[39].x, 600);
	for (int i = 1; i < 40; i++)
		ASSERT_GT(labels[i].x - labels[i - 1].x, 15 - 1e-9);
}

TEST(spread_of_nothing_is_nothing)
{
	chart_spread(NULL, 0, 15, 0, 100);
}

TEST_HARNESS_MAIN
