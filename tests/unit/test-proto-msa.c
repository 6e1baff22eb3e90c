// SPDX-License-Identifier: GPL-2.0-or-later
/* EMSA/MAS files: Y and XY, and one fault each. */
#include <errno.h>
#include <math.h>

#include "kselftest_harness.h"
#include "proto/msa.h"
#include "proto_try.h"

/* Typed after ISO 22029. */
static const char good[] = "#FORMAT      : EMSA/MAS Spectral Data File\n"
			   "#VERSION     : 1.0\n"
			   "#TITLE       : NIO EELS OK SHELL\n"
			   "#DATE        : 01-OCT-1991\n"
			   "#TIME        : 12:00\n" /* 5 */
			   "#OWNER       : X\n"
			   "#NPOINTS     : 7.\n"
			   "#NCOLUMNS    : 3.\n"
			   "#XUNITS      : eV\n"
			   "#YUNITS      : Counts\n" /* 10 */
			   "#DATATYPE    : Y\n"
			   "#XPERCHAN    : 20\n"
			   "#OFFSET      : -30.5\n"
			   "#CHOFFSET    : 2\n"
			   "#LIVETIME  -s: 50\n" /* 15 */
			   "#REALTIME  -s: 51.5\n"
			   "##OWN        : a user's own: keyword\n"
			   "#SPECTRUM    : Spectral Data Starts Here\n"
			   "1.0, 2.0, 3.0\n"
			   "4, 5.0, 6e0,\n" /* 20 */
			   "70\n"
			   "#ENDOFDATA   :\n";

static const char pairs[] = "#FORMAT      : EMSA/MAS Spectral Data File\r\n"
			    "#NPOINTS     : 4\r\n"
			    "#NCOLUMNS    : 2\r\n"
			    "#XUNITS      : keV\r\n"
			    "#DATATYPE    : XY\r\n" /* 5 */
			    "#SPECTRUM    :\r\n"
			    "0.10, 5., 0.13, 6.\r\n"
			    "0.15, 7., 0.17, 8.\r\n"
			    "#ENDOFDATA   :\r\n";

TEST(y_in_columns_is_read)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	static const uint32_t counts[] = { 1, 2, 3, 4, 5, 6, 70 };
	struct scan_error err = { 0 };

	ASSERT_EQ(0, msa_parse(good, sizeof(good) - 1, &f, &err))
	TH_LOG("%d %s %s", err.line, err.field, err.why);
	EXPECT_STREQ("NIO EELS OK SHELL", f->sample);
	EXPECT_STREQ("01-OCT-1991 12:00", f->start_time);
	EXPECT_TRUE(f->live_s == 50);
	EXPECT_TRUE(f->real_s == 51.5);
	ASSERT_EQ(7, f->n_chan);
	EXPECT_EQ(0, memcmp(counts, f->counts, sizeof(counts)));
	EXPECT_LT(fabs(f->zero_kev + 0.0305), 1e-12);
	EXPECT_LT(fabs(f->kev_per_chan - 0.02), 1e-12);
	EXPECT_EQ(0, f->n_negative);
}

/* By hand: mean 0.1375, slope (-1.5*-.0375 -.5*-.0075 +.5*.0125 +1.5*.0325)/5. */
TEST(pairs_are_read_and_make_the_axis)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	struct scan_error err = { 0 };

	ASSERT_EQ(0, msa_parse(pairs, sizeof(pairs) - 1, &f, &err))
	TH_LOG("%d %s %s", err.line, err.field, err.why);
	ASSERT_EQ(4, f->n_chan);
	EXPECT_EQ(8, f->counts[3]);
	EXPECT_LT(fabs(f->kev_per_chan - 0.023), 1e-12);
	EXPECT_LT(fabs(f->zero_kev - 0.103), 1e-12);
}

TEST(negative_counts_become_zero_and_are_counted)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	struct scan_error err;

	ASSERT_EQ(0, proto_parse_with(msa_parse, good, "1.0, 2.0", "-5., -1",
				      &f, &err));
	EXPECT_EQ(2, f->n_negative);
	EXPECT_EQ(0, f->counts[0]);
	EXPECT_EQ(3, f->counts[2]);
}

TEST(one_fault_each_is_named_with_line_and_field)
{
	static const struct proto_fault faults[] = {
		{ "EMSA/MAS", "EELS/MAS", 1, "FORMAT", "not EMSA/MAS" },
		{ ": 7.", ": 8.", 22, "SPECTRUM", "NPOINTS says 8" },
		{ ": 7.", ": 6.", 21, "SPECTRUM", "more than the 6 counts" },
		{ ": 7.", ": 7.5", 7, "NPOINTS", "not a whole number" },
		{ ": 7.", ": 8193", 7, "NPOINTS", "to 8192" },
		{ ": 7.", ": 0", 7, "NPOINTS", "from 1" },
		{ ": 7.", ": nan", 7, "NPOINTS", "no number" },
		{ ": 3.", ": 2", 19, "SPECTRUM", "2 columns" },
		{ ": 3.", ": 5", 8, "NCOLUMNS", "to 4" },
		{ "#NPOINTS", "##POINTS", 18, "NPOINTS", "missing" },
		{ "#NCOLUMNS", "##COLUMNS", 18, "NCOLUMNS", "missing" },
		{ "#XUNITS", "##UNITS", 18, "XUNITS", "missing" },
		{ "#XPERCHAN", "##PERCHAN", 18, "XPERCHAN", "missing" },
		{ "#OFFSET", "##FFSET", 18, "OFFSET", "missing" },
		{ "#DATATYPE", "##ATATYPE", 18, "DATATYPE", "missing" },
		{ ": eV", ": nm", 9, "XUNITS", "neither keV nor eV" },
		{ ": Y", ": YX", 11, "DATATYPE", "neither Y nor XY" },
		{ ": 20", ": -20", 0, "XPERCHAN", "rises" },
		{ ": 50", ": 52", 0, "LIVETIME", "exceeds" },
		{ ": 50", ": -50", 15, "LIVETIME", "negative" },
		{ "3.0\n4", "nan\n4", 19, "SPECTRUM", "not numbers" },
		{ "3.0\n4", "3.5\n4", 19, "SPECTRUM", "not a whole count" },
		{ "#SPECTRUM", "##PECTRUM", 0, "SPECTRUM", "no spectrum" },
		{ "#ENDOFDATA", "", 22, "SPECTRUM", "not numbers" },
		{ "#ENDOFDATA   :\n", "", 21, "ENDOFDATA", "cut off" },
	};

	EXPECT_FAULTS(msa_parse, good, faults);
}

TEST(faults_of_pairs_are_named)
{
	static const struct proto_fault faults[] = {
		{ "0.13", "0.09", 7, "SPECTRUM", "must rise" },
		{ "0.13", "0.10", 7, "SPECTRUM", "must rise" },
		{ "0.17", "0.27", 0, "SPECTRUM", "straight line" },
		{ "0.17, 8.", "0.17", 8, "SPECTRUM", "without its counts" },
		{ ": 4", ": 5", 9, "SPECTRUM", "cut off" },
	};

	EXPECT_FAULTS(msa_parse, pairs, faults);
}

TEST(any_byte_may_be_wrong_and_any_cut_is_survived)
{
	EXPECT_TRUE(proto_survives(msa_parse, good));
	EXPECT_TRUE(proto_survives(msa_parse, pairs));
}

TEST(written_file_reads_back_the_same)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	CLEANUP(spectrum_file_freep) struct spectrum_file *back = NULL;
	CLEANUP(buf_deinit) struct buf text = { 0 };
	struct scan_error err;

	ASSERT_EQ(0, msa_parse(good, sizeof(good) - 1, &f, &err));
	strcpy(f->sample, "Probe \xc2\xb5 7");
	strcpy(f->remark, "record 7: by hand");
	f->kev_per_chan = 1.0 / 3;
	f->live_s = 100.0 / 3;
	ASSERT_EQ(0, msa_write(f, &text));
	ASSERT_EQ(0, msa_parse(text.data, text.len, &back, &err))
	TH_LOG("%d %s %s", err.line, err.field, err.why);
	ASSERT_EQ(f->n_chan, back->n_chan);
	EXPECT_EQ(0, memcmp(f->counts, back->counts, 7 * sizeof(uint32_t)));
	EXPECT_STREQ(f->sample, back->sample);
	EXPECT_STREQ(f->remark, back->remark);
	EXPECT_STREQ(f->start_time, back->start_time);
	EXPECT_TRUE(f->live_s == back->live_s);
	EXPECT_TRUE(f->real_s == back->real_s);
	EXPECT_TRUE(f->zero_kev == back->zero_kev);
	EXPECT_TRUE(f->kev_per_chan == back->kev_per_chan);
}

/* What ISO 22029 requires, in its order, and its way of writing a date. */
TEST(written_file_has_what_the_standard_requires)
{
	static const char *const keywords[] = {
		"#FORMAT      : EMSA/MAS Spectral Data File\r\n",
		"#VERSION     : 1.0\r\n",
		"#TITLE       : NIO EELS OK SHELL\r\n",
		"#DATE        : 26-NOV-2026\r\n",
		"#TIME        : 08:04:08\r\n",
		"#OWNER       : ",
		"#NPOINTS     : 7\r\n",
		"#NCOLUMNS    : 1\r\n",
		"#XUNITS      : keV\r\n",
		"#YUNITS      : counts\r\n",
		"#DATATYPE    : Y\r\n",
		"#XPERCHAN    : 0.5\r\n",
		"#OFFSET      : -0.25\r\n",
		"#SPECTRUM    : \r\n1\r\n2\r\n",
		"70\r\n#ENDOFDATA   : \r\n",
	};
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	CLEANUP(buf_deinit) struct buf text = { 0 };
	struct scan_error err;
	const char *at;

	ASSERT_EQ(0, msa_parse(good, sizeof(good) - 1, &f, &err));
	f->kev_per_chan = 0.5;
	f->zero_kev = -0.25;
	strcpy(f->start_time, "2026-11-26T08:04:08.466247Z");
	ASSERT_EQ(0, msa_write(f, &text));
	at = text.data;
	for (size_t i = 0; i < ARRAY_SIZE(keywords) && at; i++) {
		at = strstr(at, keywords[i]);
		EXPECT_NE(NULL, at)
		{
			TH_LOG("%s", keywords[i]);
		}
	}
	buf_clear(&text);
	strcpy(f->start_time, "11/26/2026 08:04:08");
	ASSERT_EQ(0, msa_write(f, &text));
	EXPECT_NE(NULL, strstr(text.data, keywords[3]));
	EXPECT_NE(NULL, strstr(text.data, keywords[4]));
}

TEST(writing_refuses_what_would_not_read_back)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	CLEANUP(buf_deinit) struct buf text = { 0 };
	struct scan_error err;

	ASSERT_EQ(0, msa_parse(good, sizeof(good) - 1, &f, &err));
	strcpy(f->sample, "a\n#SPECTRUM:");
	EXPECT_EQ(-EINVAL, msa_write(f, &text));
	strcpy(f->sample, "a");
	f->live_s = 52;
	EXPECT_EQ(-EINVAL, msa_write(f, &text));
	f->live_s = NAN;
	f->kev_per_chan = NAN;
	EXPECT_EQ(-EINVAL, msa_write(f, &text));
	f->kev_per_chan = 0.02;
	f->zero_kev = NAN;
	EXPECT_EQ(-EINVAL, msa_write(f, &text));
	f->zero_kev = 0;
	f->n_chan = 0;
	EXPECT_EQ(-EINVAL, msa_write(f, &text));
	EXPECT_EQ(0, text.len);
	f->n_chan = 7;
	EXPECT_EQ(0, msa_write(f, &text));
}

TEST_HARNESS_MAIN
