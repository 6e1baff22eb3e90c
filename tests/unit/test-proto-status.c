// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Status bytes and spectra.
 *
 * The golden bytes are the status answer captured from a real X-123 CdTe, as
 * the protocol reference prints it (worked packet 2), without its frame.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "kselftest_harness.h"
#include "proto/spectrum.h"

/* clang-format off */
static const uint8_t captured[64] = {
	0x4A, 0x45, 0x02, 0x00, 0x1B, 0x96, 0x00, 0x00,
	0x94, 0x1A, 0x00, 0x00, 0x0B, 0x9F, 0xA1, 0x18,
	0x20, 0x65, 0x33, 0x00, 0x2C, 0x47, 0x9F, 0x09,
	0x6A, 0x77, 0xA3, 0x96, 0x00, 0x00, 0x06, 0x3F,
	0x08, 0x2D, 0x1B, 0x2F, 0x00, 0x04, 0xC0, 0x00,
	0x00, 0x00, 0x00, 0x14, 0x02, 0xBD, 0x00, 0x00,
	0x7F, 0x50,
};
/* clang-format on */

static struct dp5_status parse(const uint8_t *bytes)
{
	struct dp5_status s;

	if (dp5_status_parse(bytes, 64, &s) < 0)
		abort();
	return s;
}

/* The captured bytes with one of them replaced. */
static struct dp5_status with(size_t offset, uint8_t byte)
{
	uint8_t bytes[64];

	memcpy(bytes, captured, sizeof(bytes));
	bytes[offset] = byte;
	return parse(bytes);
}

TEST(captured_status_reads_as_the_reference_says)
{
	struct dp5_status s = parse(captured);

	EXPECT_EQ(148810, s.fast_count);
	EXPECT_EQ(38427, s.slow_count);
	EXPECT_EQ(6804, s.gp_count);
	EXPECT_EQ(161423911, s.acc_ms);
	EXPECT_EQ(161433388, s.real_ms);
	EXPECT_EQ(6, s.fw_major);
	EXPECT_EQ(10, s.fw_minor);
	EXPECT_EQ(4, s.fw_build);
	EXPECT_EQ(7, s.fpga_major);
	EXPECT_EQ(7, s.fpga_minor);
	EXPECT_EQ(38563, s.serial);
	EXPECT_TRUE(fabs(s.hv_v - 799.5) < 1e-9);
	EXPECT_TRUE(fabs(s.detector_k - 209.3) < 1e-9);
	EXPECT_EQ(27, s.board_c);
	EXPECT_EQ(DP5_DEVICE_DP5, s.device);
	EXPECT_TRUE(s.is_device_known);
	EXPECT_TRUE(s.is_enabled);
	EXPECT_FALSE(s.is_gate_blocking);
	EXPECT_TRUE(s.is_scope_ready);
	EXPECT_TRUE(s.is_configured);
	EXPECT_FALSE(s.is_clock_80mhz);
	EXPECT_TRUE(s.is_supply_present);
	EXPECT_TRUE(s.is_hv_positive);
	EXPECT_EQ(0x7f, s.bootloader);
	EXPECT_EQ(0x50, s.eco);
	EXPECT_TRUE(dp5_status_acquiring(&s, false));
}

TEST(other_lengths_are_refused)
{
	struct dp5_status s;

	EXPECT_EQ(-EBADMSG, dp5_status_parse(captured, 63, &s));
	EXPECT_EQ(-EBADMSG, dp5_status_parse(captured, 65, &s));
	EXPECT_EQ(-EBADMSG, dp5_status_parse(captured, 0, &s));
}

TEST(bytes_16_to_19_are_live_time_of_one_device_only)
{
	EXPECT_EQ(0, parse(captured).live_ms);
	EXPECT_EQ(0x00336520, with(39, DP5_DEVICE_MCA8000D).live_ms);
}

TEST(signs_and_masks)
{
	EXPECT_TRUE(fabs(with(30, 0xff).hv_v - -96.5) < 1e-9);
	EXPECT_EQ(-1, with(34, 0xff).board_c);
	EXPECT_TRUE(fabs(with(32, 0xf8).detector_k - 209.3) < 1e-9);
	EXPECT_EQ(4, with(37, 0xf4).fw_build);
	EXPECT_EQ(DP5_STATUS_SERIAL_NONE, with(29, 0x80).serial);
	EXPECT_EQ(0, with(24, 0x65).fw_build);
	EXPECT_EQ(0x100, with(46, 0xfd).buffer_slot);
	EXPECT_FALSE(with(39, 9).is_device_known);
	EXPECT_STREQ("unknown", dp5_device_name(9));
	EXPECT_STREQ("DP5/X-123", dp5_device_name(0));
	EXPECT_TRUE(with(35, 0x00).is_gate_blocking);
}

/* Enabled, and one preset bit: only PRET clears the enable bit by itself. */
TEST(acquiring_looks_at_every_preset)
{
	struct dp5_status s;

	s = with(35, 0x22);
	EXPECT_TRUE(dp5_status_acquiring(&s, false));
	s = with(35, 0x02);
	EXPECT_FALSE(dp5_status_acquiring(&s, false));
	s = with(35, 0xa2);
	EXPECT_FALSE(dp5_status_acquiring(&s, false));
	s = with(35, 0x32);
	EXPECT_FALSE(dp5_status_acquiring(&s, false));
	/* Bit 6 is a locked threshold, except on the MCA8000D. */
	s = with(35, 0x62);
	EXPECT_TRUE(s.is_auto_threshold_locked);
	EXPECT_TRUE(dp5_status_acquiring(&s, false));
	s.is_preset_live_reached = true;
	EXPECT_FALSE(dp5_status_acquiring(&s, false));
	s = with(36, 0x40);
	EXPECT_TRUE(dp5_status_acquiring(&s, false));
	EXPECT_FALSE(dp5_status_acquiring(&s, true));
}

TEST(dead_time_is_clamped_and_never_divides_by_zero)
{
	struct dp5_status s = { .fast_count = 1000, .slow_count = 900 };
	bool is_clamped;

	EXPECT_TRUE(fabs(dp5_status_dead_fraction(&s, &is_clamped) - 0.1) <
		    1e-12);
	EXPECT_FALSE(is_clamped);
	/* Counts of a real file with a fast threshold too high. */
	s.fast_count = 1798101;
	s.slow_count = 1935168;
	EXPECT_TRUE(dp5_status_dead_fraction(&s, &is_clamped) == 0);
	EXPECT_TRUE(is_clamped);
	s.fast_count = 0;
	s.slow_count = 0;
	EXPECT_TRUE(isnan(dp5_status_dead_fraction(&s, NULL)));
}

TEST(counts_are_little_endian_and_status_follows)
{
	static uint8_t data[3 * 256 + 64];
	static uint32_t counts[DP5_SPECTRUM_MAX];
	struct dp5_status s;
	size_t n, n_full;

	data[0] = 0x01;
	data[1] = 0x02;
	data[2] = 0x03;
	memset(data + 3 * 255, 0xff, 3);
	memcpy(data + 3 * 256, captured, 64);
	ASSERT_EQ(0, dp5_spectrum_parse(data, sizeof(data), counts, &n, &s,
					&n_full));
	EXPECT_EQ(256, n);
	EXPECT_EQ(0x030201, counts[0]);
	EXPECT_EQ(0, counts[1]);
	EXPECT_EQ(DP5_COUNT_FULL, counts[255]);
	EXPECT_EQ(1, n_full);
	EXPECT_EQ(38563, s.serial);
	ASSERT_EQ(0, dp5_spectrum_parse(data, 768, counts, &n, NULL, NULL));
	EXPECT_EQ(256, n);
}

TEST(illegal_spectrum_lengths_are_refused)
{
	static const size_t lengths[] = { 0,   63,	     64,
					  767, 769,	     768,
					  831, 3 * 300 + 64, 3 * 16384 + 64 };
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		EXPECT_EQ(-EBADMSG, dp5_spectrum_channels(lengths[i], true, &n))
		TH_LOG("%zu", lengths[i]);
	}
	EXPECT_EQ(-EBADMSG, dp5_spectrum_channels(832, false, &n));
	for (size_t k = 256; k <= 8192; k *= 2) {
		ASSERT_EQ(0, dp5_spectrum_channels(3 * k + 64, true, &n));
		EXPECT_EQ(k, n);
	}
}

TEST_HARNESS_MAIN
