// SPDX-License-Identifier: GPL-2.0-or-later
/* The IAEA's .spe files: a well-made one, one fault each, and our own. */
#include <errno.h>
#include <math.h>

#include "kselftest_harness.h"
#include "proto/spe.h"
#include "proto_try.h"

/* Typed after the description of the format, not written by our writer. */
static const char good[] = "$SPEC_ID:\r\n" /* 1 */
			   "Probe \xb5 7\r\n"
			   "a second line\r\n"
			   "$SPEC_REM:\r\n"
			   "DET# 1\r\n" /* 5 */
			   "$DATE_MEA:\r\n"
			   "11/26/2026 01:02:03\r\n"
			   "$MEAS_TIM:\r\n"
			   "118.5 120\r\n"
			   "$DATA:\r\n" /* 10 */
			   "0 5\r\n"
			   "       0\r\n"
			   "      17     3.    12\r\n"
			   "4294967295\r\n"
			   "1\r\n" /* 15 */
			   "$ROI:\r\n"
			   "1\r\n"
			   "2 3\r\n"
			   "$ENER_FIT:\r\n"
			   "0.100000 0.500000\r\n" /* 20 */
			   "$MCA_CAL:\r\n"
			   "3\r\n"
			   "1.0E-001 2.5E-001 0.0E+000 keV\r\n"
			   "$ENDRECORD:\r\n";

TEST(every_block_is_read)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	static const uint32_t counts[] = { 0, 17, 3, 12, 4294967295u, 1 };
	struct scan_error err = { 0 };

	ASSERT_EQ(0, spe_parse(good, sizeof(good) - 1, &f, &err))
	TH_LOG("%d %s", err.line, err.why);
	EXPECT_STREQ("Probe \xc2\xb5 7", f->sample);
	EXPECT_STREQ("DET# 1", f->remark);
	EXPECT_STREQ("11/26/2026 01:02:03", f->start_time);
	EXPECT_TRUE(f->live_s == 118.5);
	EXPECT_TRUE(f->real_s == 120);
	ASSERT_EQ(6, f->n_chan);
	EXPECT_EQ(0, memcmp(counts, f->counts, sizeof(counts)));
	/* $MCA_CAL, though $ENER_FIT stands before it. */
	EXPECT_LT(fabs(f->zero_kev - 0.1), 1e-12);
	EXPECT_LT(fabs(f->kev_per_chan - 0.25), 1e-12);
}

static int with(const char *from, const char *to, struct spectrum_file **ret)
{
	struct scan_error err;

	*ret = spectrum_file_free(*ret);
	return proto_parse_with(spe_parse, good, from, to, ret, &err);
}

TEST(axis_comes_from_what_there_is)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;

	ASSERT_EQ(0, with("$MCA_CAL", "$OTHER", &f));
	EXPECT_LT(fabs(f->zero_kev - 0.1), 1e-12);
	EXPECT_LT(fabs(f->kev_per_chan - 0.5), 1e-12);
	/* In electron volts. */
	ASSERT_EQ(0,
		  with("1.0E-001 2.5E-001 0.0E+000 keV", "100 250 0 eV", &f));
	EXPECT_LT(fabs(f->kev_per_chan - 0.25), 1e-12);
	/* Channel 10 is the first: 0.1 + 10 * 0.25. */
	ASSERT_EQ(0, with("0 5", "10 15", &f));
	EXPECT_LT(fabs(f->zero_kev - 2.6), 1e-12);
	/* A slight curve: chord and tangent differ by less than a channel. */
	ASSERT_EQ(0, with("0.0E+000", "1.0E-003", &f));
	EXPECT_LT(fabs(f->kev_per_chan - 0.255), 1e-12);
	/* Zeros stand for: not calibrated. */
	ASSERT_EQ(0, with("1.0E-001 2.5E-001", "0 0", &f));
	EXPECT_TRUE(isnan(f->kev_per_chan));
}

TEST(file_with_nothing_but_counts_is_read)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	static const char text[] = "$DATA:\n0 1\n7.\n8.\n";
	struct scan_error err;

	ASSERT_EQ(0, spe_parse(text, sizeof(text) - 1, &f, &err));
	EXPECT_EQ(2, f->n_chan);
	EXPECT_TRUE(isnan(f->live_s));
	EXPECT_TRUE(isnan(f->kev_per_chan));
}

TEST(one_fault_each_is_named_with_line_and_field)
{
	static const struct proto_fault faults[] = {
		{ "$DATA:", "$DATEN:", 0, "$DATA", "no spectrum" },
		{ "$ROI:", "$DATA:", 16, "$DATA", "second spectrum" },
		{ "0 5", "0 6", 16, "$DATA", "6 counts, its first line" },
		{ "0 5", "0 4", 15, "$DATA", "more than the 5 counts" },
		{ "0 5", "5", 11, "$DATA", "first and a last" },
		{ "0 5", "5 0", 11, "$DATA", "first and a last" },
		{ "0 5", "0 8192", 11, "$DATA", "8192 channels" },
		{ "     3.", "   3.5", 13, "$DATA", "not a whole count" },
		{ "     3.", "    -3", 13, "$DATA", "negative" },
		{ "     3.", "   nan", 13, "$DATA", "holds no count" },
		{ "4294967295", "4294967296", 14, "$DATA", "2^32" },
		{ "118.5 120", "118.5", 9, "$MEAS_TIM", "live and a real" },
		{ "118.5 120", "-1 120", 9, "$MEAS_TIM", "negative" },
		{ "118.5 120", "121 120", 0, "$MEAS_TIM", "exceeds" },
		{ "0.100000 0.5", "x 0.5", 20, "$ENER_FIT", "no 2 numbers" },
		{ "\r\n3\r\n", "\r\n1\r\n", 22, "$MCA_CAL", "2, 3 or 4" },
		{ "1.0E-001", "x", 23, "$MCA_CAL", "no 3 numbers" },
		{ "2.5E-001", "-2.5E-01", 23, "$MCA_CAL", "rises" },
		{ "0.0E+000", "2.5E-001", 23, "$MCA_CAL", "straight line" },
		{ "keV", "MeV", 23, "$MCA_CAL", "neither keV nor eV" },
	};

	EXPECT_FAULTS(spe_parse, good, faults);
}

TEST(cut_off_file_is_refused)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	size_t len = (size_t)(strstr(good, "4294967295") - good);
	struct scan_error err;

	EXPECT_EQ(-EBADMSG, spe_parse(good, len, &f, &err));
	EXPECT_NE(NULL, strstr(err.why, "cut off"));
}

TEST(any_byte_may_be_wrong_and_any_cut_is_survived)
{
	EXPECT_TRUE(proto_survives(spe_parse, good));
}

TEST(written_file_reads_back_the_same)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	CLEANUP(spectrum_file_freep) struct spectrum_file *back = NULL;
	CLEANUP(buf_deinit) struct buf text = { 0 };
	struct scan_error err;

	ASSERT_EQ(0, spe_parse(good, sizeof(good) - 1, &f, &err));
	f->kev_per_chan = 1.0 / 3;
	f->live_s = 100.0 / 3;
	ASSERT_EQ(0, spe_write(f, &text));
	ASSERT_EQ(0, spe_parse(text.data, text.len, &back, &err))
	TH_LOG("%d %s", err.line, err.why);
	EXPECT_EQ(f->n_chan, back->n_chan);
	EXPECT_EQ(0, memcmp(f->counts, back->counts, 6 * sizeof(uint32_t)));
	EXPECT_STREQ(f->sample, back->sample);
	EXPECT_STREQ(f->remark, back->remark);
	EXPECT_STREQ(f->start_time, back->start_time);
	EXPECT_TRUE(f->live_s == back->live_s);
	EXPECT_TRUE(f->real_s == back->real_s);
	EXPECT_LT(fabs(f->zero_kev - back->zero_kev), 1e-15);
	EXPECT_LT(fabs(f->kev_per_chan - back->kev_per_chan), 1e-15);
	EXPECT_NE(NULL, strstr(text.data, "$SPEC_ID:\r\nProbe \xb5 7\r\n"));
}

TEST(writing_refuses_what_would_not_read_back)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	CLEANUP(buf_deinit) struct buf text = { 0 };
	struct scan_error err;

	ASSERT_EQ(0, spe_parse(good, sizeof(good) - 1, &f, &err));
	strcpy(f->sample, "a\n$DATA:");
	EXPECT_EQ(-EINVAL, spe_write(f, &text));
	strcpy(f->sample, "$DATA:");
	EXPECT_EQ(-EINVAL, spe_write(f, &text));
	strcpy(f->sample, "a");
	f->live_s = NAN;
	EXPECT_EQ(-EINVAL, spe_write(f, &text));
	f->live_s = 121;
	EXPECT_EQ(-EINVAL, spe_write(f, &text));
	f->live_s = 1;
	f->n_chan = 0;
	EXPECT_EQ(-EINVAL, spe_write(f, &text));
	EXPECT_EQ(0, text.len);
}

TEST_HARNESS_MAIN
