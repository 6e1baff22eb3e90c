// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The emulator's packets against golden bytes, typed from section 21 of the
 * protocol reference, and the order of its checks.
 */
#include <string.h>

#include "dp5emu/status.h"
#include "dp5emu/wire.h"
#include "kselftest_harness.h"

/* clang-format off */
static const uint8_t status_request[] = {
	0xF5, 0xFA, 0x01, 0x01, 0x00, 0x00, 0xFE, 0x0F,
};

/* Captured from an X-123 with a CdTe detector. */
static const uint8_t status_reply[] = {
	0xF5, 0xFA, 0x80, 0x01, 0x00, 0x40, 0x4A, 0x45, 0x02, 0x00, 0x1B, 0x96,
	0x00, 0x00, 0x94, 0x1A, 0x00, 0x00, 0x0B, 0x9F, 0xA1, 0x18, 0x20, 0x65,
	0x33, 0x00, 0x2C, 0x47, 0x9F, 0x09, 0x6A, 0x77, 0xA3, 0x96, 0x00, 0x00,
	0x06, 0x3F, 0x08, 0x2D, 0x1B, 0x2F, 0x00, 0x04, 0xC0, 0x00, 0x00, 0x00,
	0x00, 0x14, 0x02, 0xBD, 0x00, 0x00, 0x7F, 0x50, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xF2, 0xE6,
};

static const uint8_t text_request[] = {
	0xF5, 0xFA, 0x20, 0x04, 0x00, 0x13, 0x50, 0x52, 0x45, 0x54, 0x3D, 0x31,
	0x30, 0x2E, 0x30, 0x3B, 0x4D, 0x43, 0x41, 0x45, 0x3D, 0x4F, 0x46, 0x46,
	0x3B, 0xF8, 0xFF,
};

static const uint8_t ack_ok[] = {
	0xF5, 0xFA, 0xFF, 0x00, 0x00, 0x00, 0xFD, 0x12,
};

static const uint8_t ack_busy[] = {
	0xF5, 0xFA, 0xFF, 0x0D, 0x00, 0x00, 0xFD, 0x05,
};

static const uint8_t ack_parameter[] = {
	0xF5, 0xFA, 0xFF, 0x05, 0x00, 0x09, 0x54, 0x50, 0x45, 0x41, 0x3D, 0x39,
	0x39, 0x39, 0x3B, 0xFA, 0xB7,
};

static const uint8_t ack_command[] = {
	0xF5, 0xFA, 0xFF, 0x07, 0x00, 0x08, 0x43, 0x55, 0x53, 0x50, 0x3D, 0x35,
	0x30, 0x3B, 0xFA, 0xEB,
};

static const uint8_t read_back[] = {
	0xF5, 0xFA, 0x82, 0x07, 0x00, 0x21, 0x54, 0x50, 0x45, 0x41, 0x3D, 0x39,
	0x2E, 0x36, 0x30, 0x30, 0x3B, 0x47, 0x41, 0x49, 0x4E, 0x3D, 0x36, 0x34,
	0x2E, 0x39, 0x39, 0x38, 0x3B, 0x4D, 0x43, 0x41, 0x43, 0x3D, 0x32, 0x30,
	0x34, 0x38, 0x3B, 0xF5, 0x95,
};
/* clang-format on */

static bool encodes(const uint8_t *golden, size_t len, uint8_t pid1,
		    uint8_t pid2, const char *data)
{
	uint8_t out[WIRE_PACKET_MAX];

	return wire_encode(out, pid1, pid2, data, strlen(data)) == len &&
	       !memcmp(out, golden, len);
}

TEST(wire_encodes_golden_packets)
{
	EXPECT_TRUE(encodes(ack_ok, sizeof(ack_ok), 0xff, 0, ""));
	EXPECT_TRUE(encodes(ack_busy, sizeof(ack_busy), 0xff, 0x0d, ""));
	EXPECT_TRUE(encodes(ack_parameter, sizeof(ack_parameter), 0xff, 5,
			    "TPEA=999;"));
	EXPECT_TRUE(
		encodes(ack_command, sizeof(ack_command), 0xff, 7, "CUSP=50;"));
	EXPECT_TRUE(encodes(read_back, sizeof(read_back), 0x82, 7,
			    "TPEA=9.600;GAIN=64.998;MCAC=2048;"));
}

TEST(wire_echo_of_a_whole_packet_ends_in_f6c7)
{
	uint8_t data[56], out[64];

	for (int i = 0; i < 56; i++)
		data[i] = (uint8_t)i;
	EXPECT_EQ(wire_encode(out, 0x8f, 0x7f, data, 56), 64);
	EXPECT_EQ(out[62], 0xf6);
	EXPECT_EQ(out[63], 0xc7);
}

TEST(wire_decodes_golden_requests)
{
	struct wire_packet p;

	ASSERT_EQ(wire_decode(status_request, sizeof(status_request), &p), 0);
	EXPECT_EQ(p.pid1, 1);
	EXPECT_EQ(p.pid2, 1);
	EXPECT_EQ(p.len, 0);
	ASSERT_EQ(wire_decode(text_request, sizeof(text_request), &p), 0);
	EXPECT_EQ(p.pid1, 0x20);
	EXPECT_EQ(p.len, 19);
	EXPECT_EQ(memcmp(p.data, "PRET=10.0;MCAE=OFF;", 19), 0);
}

/* A valid request with one byte changed, cut or added to. */
static int decode_with(size_t at, uint8_t value, size_t len)
{
	uint8_t bytes[sizeof(text_request) + 1] = { 0 };
	struct wire_packet p;

	memcpy(bytes, text_request, sizeof(text_request));
	bytes[at] = value;
	return wire_decode(bytes, len, &p);
}

TEST(wire_refuses_bad_sync_first)
{
	size_t n = sizeof(text_request);

	EXPECT_EQ(decode_with(0, 0xf4, n), WIRE_ACK_SYNC);
	EXPECT_EQ(decode_with(1, 0xfb, n), WIRE_ACK_SYNC);
	EXPECT_EQ(decode_with(0, 0xf4, 3), WIRE_ACK_SYNC);
	EXPECT_EQ(decode_with(0, 0xf5, 1), WIRE_ACK_SYNC);
}

TEST(wire_refuses_length_before_checksum)
{
	size_t n = sizeof(text_request);

	EXPECT_EQ(decode_with(5, 0x12, n), WIRE_ACK_LEN);
	EXPECT_EQ(decode_with(4, 0x80, n), WIRE_ACK_LEN);
	EXPECT_EQ(decode_with(0, 0xf5, n - 1), WIRE_ACK_LEN);
	EXPECT_EQ(decode_with(0, 0xf5, n + 1), WIRE_ACK_LEN);
	EXPECT_EQ(decode_with(0, 0xf5, 7), WIRE_ACK_LEN);
}

TEST(wire_refuses_bad_checksum)
{
	size_t n = sizeof(text_request);

	EXPECT_EQ(decode_with(6, 'Q', n), WIRE_ACK_CHECKSUM);
	EXPECT_EQ(decode_with(n - 1, 0xfe, n), WIRE_ACK_CHECKSUM);
}

TEST(wire_checksum_of_nothing_to_add_is_zero)
{
	uint8_t bytes[2] = { 0, 0 };

	EXPECT_EQ(wire_checksum(bytes, 2), 0);
}

TEST(status_of_the_captured_unit_packs_to_its_bytes)
{
	struct status st = {
		.fast = 148810,
		.slow = 38427,
		.gp_count = 6804,
		.acc_ms = 161423911,
		.unnamed = 0x00336520,
		.real_ms = 161433388,
		.fw_major = 6,
		.fw_minor = 10,
		.build = 4,
		.fpga_major = 7,
		.fpga_minor = 7,
		.serial = 38563,
		.hv_v = 799.5,
		.temp_k = 209.3,
		.board_c = 27,
		.is_enabled = true,
		.is_gate_open = true,
		.has_scope_data = true,
		.is_configured = true,
		.has_pc5 = true,
		.is_hv_positive = true,
		.is_list_1us = true,
		.has_reserved_bits = true,
		.an_in = 701,
		.bootloader = 0x7f,
		.eco = 0x50,
	};
	uint8_t out[STATUS_LEN];

	status_pack(&st, out);
	for (int i = 0; i < STATUS_LEN; i++) {
		EXPECT_EQ(out[i], status_reply[6 + i])
		{
			TH_LOG("status byte %d", i);
		}
	}
}

TEST(status_shows_a_negative_voltage)
{
	struct status st = { .hv_v = -110 };
	uint8_t out[STATUS_LEN];

	status_pack(&st, out);
	EXPECT_EQ(out[30], 0xff);
	EXPECT_EQ(out[31], 0x24);
}

TEST_HARNESS_MAIN
