// SPDX-License-Identifier: GPL-2.0-or-later
/* Columns of text: what they mean with and without names, one fault each. */
#include <errno.h>
#include <math.h>

#include "kselftest_harness.h"
#include "proto/csv.h"
#include "proto_try.h"

static const char good[] = "# an instrument's own words\n"
			   "# sample: Probe 7\n"
			   "# live_s: 118.5\n"
			   "#real_s = 120\n"
			   "Channel,\"Energy (eV)\",Counts,Fit\n" /* 5 */
			   "0,100,5,1.5\n"
			   "1,125,6,-2\n"
			   "2,150,7,0\n"
			   "\n"
			   "3,175,8,0\n"; /* 10 */

static int parse(const char *text, struct spectrum_file **ret)
{
	struct scan_error err = { 0 };

	*ret = spectrum_file_free(*ret);
	return csv_is_one(text, strlen(text))
		       ? csv_parse(text, strlen(text), ret, &err)
		       : -ENOENT;
}

TEST(names_say_what_columns_are)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	static const uint32_t counts[] = { 5, 6, 7, 8 };

	ASSERT_EQ(0, parse(good, &f));
	EXPECT_STREQ("Probe 7", f->sample);
	EXPECT_TRUE(f->live_s == 118.5);
	EXPECT_TRUE(f->real_s == 120);
	ASSERT_EQ(4, f->n_chan);
	EXPECT_EQ(0, memcmp(counts, f->counts, sizeof(counts)));
	EXPECT_LT(fabs(f->zero_kev - 0.1), 1e-12);
	EXPECT_LT(fabs(f->kev_per_chan - 0.025), 1e-12);
}

TEST(bare_numbers_are_counts)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;

	ASSERT_EQ(0, parse("# of PyMca\n1.0E+00\r\n2\r\n\r\n3.\r\n", &f));
	EXPECT_EQ(3, f->n_chan);
	EXPECT_EQ(3, f->counts[2]);
	EXPECT_TRUE(isnan(f->kev_per_chan));
	EXPECT_TRUE(isnan(f->live_s));
}

TEST(two_columns_are_channels_or_energies)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;

	ASSERT_EQ(0, parse("0 7\n1 8\n2 9\n", &f));
	EXPECT_EQ(9, f->counts[2]);
	EXPECT_TRUE(isnan(f->kev_per_chan));
	/* Both signs, blanks and semicolons. */
	ASSERT_EQ(0, parse("-0.5; 7\n0.0; 8\n0.5; 9\n", &f));
	EXPECT_LT(fabs(f->zero_kev + 0.5), 1e-12);
	EXPECT_LT(fabs(f->kev_per_chan - 0.5), 1e-12);
	ASSERT_EQ(0, parse("energy_kev\tcounts\n1\t7\n2\t8\n", &f));
	EXPECT_LT(fabs(f->kev_per_chan - 1), 1e-12);
}

/* PyMca's window of spectra writes three, and no unit of the energy. */
TEST(energies_go_before_channels)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;

	ASSERT_EQ(0, parse("\"channel\";\"counts\";\"energy\"\n"
			   "0.0000000E+00;7.0000000E+00;1.2500000E-02\n"
			   "1.0000000E+00;8.0000000E+00;3.7500000E-02\n",
			   &f));
	EXPECT_EQ(2, f->n_chan);
	EXPECT_EQ(8, f->counts[1]);
	EXPECT_LT(fabs(f->zero_kev - 0.0125), 1e-9);
	EXPECT_LT(fabs(f->kev_per_chan - 0.025), 1e-9);
}

TEST(comment_gives_the_axis_of_channels)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;

	ASSERT_EQ(0, parse("# kev_per_chan: 0.02\n# zero_kev: -0.1\n"
			   "1,7\n2,8\n",
			   &f));
	/* The first of them is channel 1. */
	EXPECT_LT(fabs(f->zero_kev + 0.08), 1e-12);
	EXPECT_LT(fabs(f->kev_per_chan - 0.02), 1e-12);
}

TEST(mark_of_a_spreadsheet_is_passed_over)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;

	ASSERT_EQ(0, parse("\xef\xbb\xbf"
			   "channel;counts\r\n0;7\r\n1;8\r\n",
			   &f));
	EXPECT_EQ(2, f->n_chan);
}

TEST(what_is_no_table_of_counts_is_not_taken_for_one)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;

	EXPECT_EQ(-ENOENT, parse("", &f));
	EXPECT_EQ(-ENOENT, parse("#!/bin/sh\necho 1\n", &f));
	EXPECT_EQ(-ENOENT, parse("material,element\nA,B\n", &f));
	EXPECT_EQ(-ENOENT, parse("counts,counts\n1,2\n", &f));
}

TEST(one_fault_each_is_named_with_line_and_field)
{
	static const struct proto_fault faults[] = {
		{ ",6,-2", ",6", 7, "columns", "not 4 numbers" },
		{ ",6,-2", ",6,-2,1", 7, "columns", "more than 4" },
		{ ",6,-2", ",six,-2", 7, "columns", "not 4 numbers" },
		{ ",6,-2", ",nan,-2", 7, "columns", "not 4 numbers" },
		{ ",6,-2", ",-6,-2", 7, "counts", "negative" },
		{ ",6,-2", ",6.5,-2", 7, "counts", "whole count" },
		{ ",6,-2", ",5e9,-2", 7, "counts", "2^32" },
		{ "125", "95", 7, "energy", "must rise" },
		{ "175", "250", 0, "energy", "straight line" },
		{ ": 118.5", ": 121", 0, "live_s", "exceeds" },
		{ ": 118.5", ": -1", 3, "live_s", "negative" },
		{ ": 118.5", ": long", 3, "live_s", "no number" },
		{ "0,100,5,1.5\n1,125,6,-2\n2,150,7,0\n\n3,175,8,0\n", "", 0,
		  "counts", "no spectrum" },
	};
	static const struct proto_fault of_channels[] = {
		{ "1,8", "3,8", 3, "channel", "in a row" },
		{ "1,8", "0,8", 3, "channel", "in a row" },
	};
	static const struct proto_fault without_names[] = {
		{ "1,2", "1,2,3", 1, "columns", "without a line of names" },
		{ "2,2", "1,2", 2, "energy", "must rise" },
		{ "2,2", "251,2", 0, "energy", "beyond X-rays" },
	};

	EXPECT_FAULTS(csv_parse, good, faults);
	EXPECT_FAULTS(csv_parse, "channel,counts\n0,7\n1,8\n", of_channels);
	EXPECT_FAULTS(csv_parse, "1,2\n2,2\n", without_names);
}

TEST(too_many_channels_are_refused)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	struct scan_error err;

	for (int i = 0; i < SPECTRUM_FILE_CHANNELS_MAX; i++)
		ASSERT_EQ(0, buf_printf(&text, "%d,1\n", i));
	ASSERT_EQ(0, csv_parse(text.data, text.len, &f, &err));
	EXPECT_EQ(SPECTRUM_FILE_CHANNELS_MAX, f->n_chan);
	f = spectrum_file_free(f);
	ASSERT_EQ(0, buf_append_str(&text, "8192,1\n"));
	EXPECT_EQ(-EBADMSG, csv_parse(text.data, text.len, &f, &err));
	EXPECT_EQ(SPECTRUM_FILE_CHANNELS_MAX + 1, err.line);
}

TEST(any_byte_may_be_wrong_and_any_cut_is_survived)
{
	EXPECT_TRUE(proto_survives(csv_parse, good));
}

TEST_HARNESS_MAIN
