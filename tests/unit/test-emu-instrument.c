// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests to the emulated instrument and their answers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emu_try.h"

static double temp_k(const uint8_t *st)
{
	return ((st[32] & 15) << 8 | st[33]) / 10.0;
}

static double hv_v(const uint8_t *st)
{
	return (int16_t)(st[30] << 8 | st[31]) / 2.0;
}

TEST_F(ins, status_names_firmware_serial_and_device)
{
	const uint8_t *st = payload(self->r);

	ASSERT_EQ(ASK(0, 0x0101), 0x8001);
	EXPECT_EQ(payload_len(self->r), 64);
	EXPECT_EQ(st[24], 0x6a);
	EXPECT_EQ(st[25], 0x77);
	EXPECT_EQ(le32(st + 26), 38563);
	EXPECT_EQ(st[37], 4);
	EXPECT_EQ(st[39], 0);
	EXPECT_EQ(st[49], 0x50);
	EXPECT_EQ(st[35], 0x0b);
}

TEST_F(ins, first_status_since_power_up_says_so_once)
{
	ASK(0, 0x0101);
	EXPECT_EQ(payload(self->r)[36] & 0x20, 0x20);
	ASK(0, 0x0101);
	EXPECT_EQ(payload(self->r)[36] & 0x20, 0);
}

TEST_F(ins, power_that_was_gone_is_a_power_up)
{
	EXPECT_EQ(TEXT(0, 0x2004, "MCAC=512;MCAE=ON;"), 0xff00);
	ASK(1e6, 0x0101);
	EXPECT_LT(0, le32(payload(self->r) + 4));
	instrument_reboot(self->ins, 1e6);
	ASK(1e6, 0x0101);
	EXPECT_EQ(payload(self->r)[36] & 0x20, 0x20);
	EXPECT_EQ(payload(self->r)[35] & 0x22, 2);
	EXPECT_EQ(le32(payload(self->r) + 4), 0);
	/* The saved number of channels. */
	ASK(1e6, 0x0201);
	EXPECT_NE(payload_len(self->r), 3 * 512);
	ASK(1e6, 0x0101);
	EXPECT_EQ(payload(self->r)[36] & 0x20, 0);
}

TEST_F(ins, boot_off_is_not_configured_until_told)
{
	struct instrument_options opt = options();

	opt.is_boot_on = false;
	restart(&self->ins, opt);
	ASK(0, 0x0101);
	EXPECT_EQ(payload(self->r)[35] & 2, 0);
	EXPECT_EQ(hv_v(payload(self->r)), 0);
	EXPECT_EQ(TEXT(0, 0x2004, "MCAC=512;"), 0xff00);
	ASK(0, 0x0101);
	EXPECT_EQ(payload(self->r)[35] & 2, 2);
}

TEST_F(ins, cools_exponentially_in_the_stated_time)
{
	struct instrument_options opt = options();

	opt.settle_s = 50;
	restart(&self->ins, opt);
	ASK(0, 0x0101);
	EXPECT_EQ(temp_k(payload(self->r)), 300);
	ASK(10 * S, 0x0101);
	EXPECT_GT(temp_k(payload(self->r)), 255);
	ASK(50 * S, 0x0101);
	EXPECT_LT(fabs(temp_k(payload(self->r)) - 222), 0.2);
	EXPECT_LT(fabs(hv_v(payload(self->r)) + 110), 0.6);
	TEXT(50 * S, 0x2004, "TECS=OFF;HVSE=OFF;");
	ASK(120 * S, 0x0101);
	EXPECT_GT(temp_k(payload(self->r)), 299);
	EXPECT_LT(fabs(hv_v(payload(self->r))), 0.6);
}

TEST_F(ins, spectrum_replies_have_the_size_of_their_channels)
{
	static const char *const text[] = { "MCAC=256;",  "MCAC=512;",
					    "MCAC=1024;", "MCAC=2048;",
					    "MCAC=4096;", "MCAC=8192;" };

	for (int i = 0; i < 6; i++) {
		size_t n = 256U << i;

		ASSERT_EQ(TEXT(0, 0x2004, text[i]), 0xff00);
		EXPECT_EQ(ASK(0, 0x0201), 0x8101 + 2 * i);
		EXPECT_EQ(payload_len(self->r), 3 * n);
		EXPECT_EQ(ASK(0, 0x0203), 0x8102 + 2 * i);
		EXPECT_EQ(payload_len(self->r), 3 * n + 64);
	}
}

TEST_F(ins, spectrum_and_status_are_of_one_instant)
{
	const uint8_t *st = payload(self->r) + 6144;

	ASSERT_EQ(ASK(0, 0xf002), 0xff00);
	ASSERT_EQ(ASK(5 * S, 0x0203), 0x8108);
	EXPECT_GT(le32(st + 4), 1000);
	EXPECT_EQ(sum_counts(self->r, 2048), le32(st + 4));
	EXPECT_GT(le32(st), le32(st + 4));
	/* Detector resets take a part of real time. */
	EXPECT_EQ(le32(st + 20), 5000);
	EXPECT_LT(acc_s(st), 5.0);
	EXPECT_GT(acc_s(st), 4.7);
}

TEST_F(ins, clear_enable_disable)
{
	const uint8_t *st = payload(self->r);

	EXPECT_EQ(ASK(0, 0xf002), 0xff00);
	EXPECT_EQ(ASK(1 * S, 0xf003), 0xff00);
	ASK(2 * S, 0x0101);
	EXPECT_GT(le32(st), 0);
	EXPECT_EQ(st[35] & 0x20, 0);
	EXPECT_EQ(ASK(2 * S, 0xf001), 0xff00);
	ASK(2 * S, 0x0101);
	EXPECT_EQ(le32(st), 0);
	EXPECT_EQ(acc_s(st), 0);
	EXPECT_EQ(le32(st + 20), 0);
}

TEST_F(ins, read_and_clear_is_one_act)
{
	ASK(0, 0xf002);
	EXPECT_EQ(ASK(1 * S, 0x0204), 0x8108);
	EXPECT_GT(sum_counts(self->r, 2048), 0);
	EXPECT_EQ(ASK(1 * S, 0x0203), 0x8108);
	EXPECT_EQ(sum_counts(self->r, 2048), 0);
}

TEST_F(ins, copying_costs_what_the_reference_says)
{
	ASK(0, 0x0203);
	EXPECT_EQ(self->r->hold_us, 650);
	TEXT(0, 0x2004, "MCAC=8192;");
	ASK(0, 0x0203);
	EXPECT_EQ(self->r->hold_us, 2500);
	TEXT(0, 0x2004, "CLCK=20;");
	ASK(0, 0x0203);
	EXPECT_EQ(self->r->hold_us, 6180);
	ASK(0, 0x0101);
	EXPECT_EQ(self->r->hold_us, 0);
}

TEST_F(ins, preset_time_ends_the_run_and_its_bit)
{
	const uint8_t *st = payload(self->r);

	EXPECT_EQ(TEXT(0, 0x2004, "PRET=2.0;MCAE=ON;"), 0xff00);
	ASK(1 * S, 0x0101);
	EXPECT_EQ(st[35] & 0xb0, 0x20);
	ASK(9 * S, 0x0101);
	EXPECT_EQ(st[35] & 0xb0, 0);
	EXPECT_EQ(acc_s(st), 2.0);
}

TEST_F(ins, preset_real_time_and_counts_set_their_bits)
{
	const uint8_t *st = payload(self->r);

	TEXT(0, 0x2004, "PRER=1.5;MCAE=ON;");
	ASK(9 * S, 0x0101);
	EXPECT_EQ(st[35] & 0xb0, 0xa0);
	EXPECT_EQ(le32(st + 20), 1500);
	TEXT(9 * S, 0x2004, "PRER=OFF;PREC=1000;");
	ASK(9 * S, 0xf001);
	ASK(30 * S, 0x0101);
	EXPECT_EQ(st[35] & 0xb0, 0x30);
	EXPECT_LT(le32(st + 4), 1010);
}

TEST_F(ins, only_packets_with_mcae_start_or_stop)
{
	const uint8_t *st = payload(self->r);

	ASK(0, 0xf002);
	TEXT(0, 0x2004, "THSL=1.0;");
	ASK(0, 0x0101);
	EXPECT_EQ(st[35] & 0x20, 0x20);
	TEXT(0, 0x2004, "MCAE=OFF;");
	ASK(0, 0x0101);
	EXPECT_EQ(st[35] & 0x20, 0);
}

TEST_F(ins, error_acks_carry_the_command)
{
	EXPECT_EQ(TEXT(0, 0x2004, "TPEA=999;"), 0xff05);
	EXPECT_EQ(payload_len(self->r), 9);
	EXPECT_EQ(memcmp(payload(self->r), "TPEA=999;", 9), 0);
	EXPECT_EQ(TEXT(0, 0x2002, "ZZZZ=1;"), 0xff07);
	EXPECT_EQ(memcmp(payload(self->r), "ZZZZ=1;", 7), 0);
	EXPECT_EQ(TEXT(0, 0x2003, "ZZZZ;"), 0x8207);
	EXPECT_EQ(memcmp(payload(self->r), "ZZZZ=??;", 8), 0);
}

TEST_F(ins, saving_makes_deaf_and_survives_power_off)
{
	char path[] = "/tmp/test-emu-flash-XXXXXX";
	struct instrument_options opt = options();

	close(mkstemp(path));
	unlink(path);
	opt.flash_path = path;
	restart(&self->ins, opt);
	EXPECT_EQ(TEXT(0, 0x2002, "MCAC=4096;PRET=12.5;"), 0xff00);
	EXPECT_GE(self->r->deaf_us, 80e3);
	EXPECT_LE(self->r->deaf_us, 400e3);
	EXPECT_EQ(TEXT(0, 0x2004, "MCAC=512;"), 0xff00);
	EXPECT_EQ(self->r->deaf_us, 0);
	/* A lone preset is not written from 6.09.06 on. */
	EXPECT_EQ(TEXT(0, 0x2002, "PRET=99.0;"), 0xff00);
	EXPECT_EQ(self->r->deaf_us, 0);

	restart(&self->ins, opt);
	EXPECT_EQ(TEXT(0, 0x2003, "MCAC;PRET;TECS;"), 0x8207);
	EXPECT_EQ(memcmp(payload(self->r), "MCAC=4096;PRET=12.5;TECS=220;", 29),
		  0);
	unlink(path);
}

TEST_F(ins, slots_keep_spectra)
{
	static const uint8_t slot3[] = { 0, 3 }, slot64[] = { 0, 64 };
	uint64_t sum;

	ASK(0, 0xf002);
	EXPECT_EQ(ask(self->ins, self->r, 1 * S, 0x0206, slot3, 2), 0xff00);
	EXPECT_EQ(ask(self->ins, self->r, 2 * S, 0x0207, slot3, 2), 0x8108);
	sum = sum_counts(self->r, 2048);
	EXPECT_GT(sum, 0);
	EXPECT_EQ(ask(self->ins, self->r, 3 * S, 0x0207, slot3, 2), 0x8108);
	EXPECT_EQ(sum_counts(self->r, 2048), sum);
	EXPECT_EQ(ask(self->ins, self->r, 3 * S, 0x0205, slot64, 2), 0xff05);
	EXPECT_EQ(payload_len(self->r), 0);
}

TEST_F(ins, comm_tests_answer_what_was_asked)
{
	uint8_t data[512];

	for (int i = 0; i < 512; i++)
		data[i] = (uint8_t)(i * 5);
	for (int n = 0; n < 16; n++)
		EXPECT_EQ(ASK(0, 0xf100 | n), 0xff00 | n);
	EXPECT_EQ(ask(self->ins, self->r, 0, 0xf17f, data, 512), 0x8f7f);
	EXPECT_EQ(payload_len(self->r), 512);
	EXPECT_EQ(memcmp(payload(self->r), data, 512), 0);
	EXPECT_EQ(ASK(0, 0xf020), 0xff00);
	EXPECT_EQ(ASK(0, 0xf021), 0xff00);
	EXPECT_EQ(ASK(0, 0xf022), 0xff00);
	EXPECT_EQ(ASK(0, 0xf01f), 0xff00);
	EXPECT_EQ(ASK(0, 0xf17e), 0xff00);
}

TEST_F(ins, hardware_buffering_refuses_spectra_until_cancelled)
{
	EXPECT_EQ(ASK(0, 0xf01e), 0xff00);
	EXPECT_EQ(ASK(0, 0x0203), 0xff0d);
	ASK(0, 0x0101);
	EXPECT_EQ(payload(self->r)[46], 2);
	EXPECT_EQ(ASK(0, 0xf01f), 0xff00);
	EXPECT_EQ(ASK(0, 0x0203), 0x8108);
}

/* 2000 to 8000 in 31 steps at 80 MHz / 8000: 10 kcps from channel 250 on. */
TEST_F(ins, pulser_makes_events_until_stopped)
{
	static const uint8_t on[] = { 0x07, 0xd0, 0x1f, 0x40,
				      0x00, 0xc8, 0x1f, 0x3f };
	const uint8_t *p = payload(self->r);

	instrument_set_rate(self->ins, 0, 0);
	TEXT(0, 0x2004, "MCAE=ON;");
	EXPECT_EQ(ask(self->ins, self->r, 0, 0xf17e, on, 8), 0xff00);
	ASK(1 * S, 0x0203);
	EXPECT_LT(fabs((double)sum_counts(self->r, 2048) - 10000), 500);
	EXPECT_GT(p[3 * 250], 0);
	EXPECT_EQ(p[3 * 249] | p[3 * 251], 0);
	EXPECT_EQ(ASK(1 * S, 0xf17e), 0xff00);
	ASK(1 * S, 0xf001);
	ASK(2 * S, 0x0203);
	EXPECT_EQ(sum_counts(self->r, 2048), 0);
}

TEST_F(ins, unknown_pairs_and_lengths_are_refused)
{
	EXPECT_EQ(ASK(0, 0x0306), 0xff02);
	EXPECT_EQ(ASK(0, 0x3001), 0xff02);
	EXPECT_EQ(ASK(0, 0x0000), 0xff02);
	EXPECT_EQ(ask(self->ins, self->r, 0, 0x0101, "x", 1), 0xff03);
	EXPECT_EQ(ASK(0, 0x2004), 0xff03);
	EXPECT_EQ(ASK(0, 0x0205), 0xff03);
	EXPECT_EQ(ask(self->ins, self->r, 0, 0xf17e, "12", 2), 0xff03);
}

TEST_F(ins, damaged_requests_are_told_apart)
{
	/* clang-format off */
	static const uint8_t bad[][8] = {
		{ 0xf4, 0xfa, 1, 1, 0, 0, 0xfe, 0x10 },
		{ 0xf5, 0xfa, 1, 1, 0, 1, 0xfe, 0x0e },
		{ 0xf5, 0xfa, 1, 1, 0, 0, 0xfe, 0x0e },
	};
	/* clang-format on */
	static const uint8_t acks[] = { 1, 3, 4 };

	for (int i = 0; i < 3; i++) {
		instrument_answer(self->ins, 0, bad[i], 8, self->r);
		EXPECT_EQ(self->r->bytes[2], 0xff);
		EXPECT_EQ(self->r->bytes[3], acks[i]);
	}
}

TEST_F(ins, what_is_not_fitted_says_so)
{
	EXPECT_EQ(ASK(0, 0x0301), 0xff0a);
	EXPECT_EQ(ASK(0, 0x0309), 0xff10);
}

/* With room for all of them, the events listed are those counted. */
TEST_F(ins, list_mode_tells_each_event_once)
{
	struct instrument_options opt = options();
	uint32_t n_listed = 0, n_counted;
	const uint8_t *p = payload(self->r);

	opt.profile = profile_find("6.08.06");
	restart(&self->ins, opt);
	instrument_set_rate(self->ins, 0, 2000);
	TEXT(0, 0x2004, "MCAE=ON;");
	for (int i = 1; i <= 20; i++) {
		ASSERT_EQ(ASK(i * 0.1 * S, 0x0309), 0x820a);
		for (size_t at = 0; at < payload_len(self->r); at += 4)
			n_listed += !(p[at] & 0x80);
	}
	ASK(2 * S, 0x0101);
	n_counted = le32(p + 4);
	EXPECT_EQ(n_listed, n_counted);
	EXPECT_GT(n_counted, 1000);

	/* Nobody reads for long: full, and told. */
	EXPECT_EQ(ASK(5 * S, 0x0309), 0x820b);
	EXPECT_EQ(payload_len(self->r), 4096);
	EXPECT_EQ(ASK(5.1 * S, 0x0309), 0x820a);
	instrument_advance(self->ins, 6 * S);
	EXPECT_EQ(ASK(6 * S, 0xf001), 0xff00);
	EXPECT_EQ(ASK(6 * S, 0x0309), 0x820a);
	EXPECT_EQ(payload_len(self->r), 0);
	EXPECT_EQ(ASK(6 * S, 0xf016), 0xff00);
	EXPECT_EQ(ASK(6 * S, 0x0309), 0x820a);
	EXPECT_EQ(payload_len(self->r), 4);

	TEXT(6 * S, 0x2004, "SYNC=NOTIMETAG;");
	ASK(6 * S, 0x0101);
	EXPECT_EQ(p[43] & 3, 1);
}

TEST_F(ins, old_firmware_lacks_new_requests)
{
	struct instrument_options opt = options();
	static const uint8_t slot[] = { 0, 1 };

	opt.profile = profile_find("6.02");
	restart(&self->ins, opt);
	EXPECT_EQ(TEXT(0, 0x2004, "MCAC=512;"), 0xff02);
	EXPECT_EQ(TEXT(0, 0x2002, "MCAC=512;"), 0xff00);
	EXPECT_EQ(ask(self->ins, self->r, 0, 0x0205, slot, 2), 0xff02);
	EXPECT_EQ(ASK(0, 0xf17e), 0xff02);
	ASSERT_EQ(ASK(0, 0x0101), 0x8001);
	EXPECT_EQ(payload(self->r)[24], 0x62);
	EXPECT_EQ(payload(self->r)[36] & 0x20, 0);

	opt.profile = profile_find("6.08.06");
	restart(&self->ins, opt);
	EXPECT_EQ(TEXT(0, 0x2004, "MCAC=512;"), 0xff00);
	ASK(0, 0x0101);
	EXPECT_EQ(payload(self->r)[24], 0x68);
	EXPECT_EQ(payload(self->r)[37], 6);
	EXPECT_EQ(payload(self->r)[25], 0x6b);
}

TEST_F(ins, mini_x2_answers_as_a_tube_controller)
{
	struct instrument_options opt = options();

	opt.profile = profile_find("mini-x2");
	restart(&self->ins, opt);
	EXPECT_EQ(ASK(0, 0x0101), 0x8002);
	EXPECT_EQ(payload_len(self->r), 64);
	EXPECT_EQ(le32(payload(self->r)), 38563);
	EXPECT_EQ(TEXT(0, 0xf17f, "nonce"), 0x8f7f);
	EXPECT_EQ(ASK(0, 0x0203), 0xff02);
	EXPECT_EQ(ASK(0, 0xf002), 0xff02);
	EXPECT_EQ(TEXT(0, 0x2004, "HVSE=10;"), 0xff02);
}

TEST_F(ins, no_counts_without_bias_or_with_the_wrong_input)
{
	const uint8_t *st = payload(self->r);

	TEXT(0, 0x2004, "HVSE=OFF;MCAE=ON;");
	ASK(2 * S, 0x0101);
	EXPECT_EQ(le32(st), 0);
	EXPECT_EQ(le32(st + 20), 2000);
	TEXT(2 * S, 0x2004, "HVSE=-110;AINP=NEG;");
	ASK(4 * S, 0x0101);
	EXPECT_EQ(le32(st), 0);
	TEXT(4 * S, 0x2004, "AINP=POS;");
	ASK(6 * S, 0x0101);
	EXPECT_GT(le32(st), 0);
}

TEST_F(ins, an_open_gate_input_is_low_and_blocks_then)
{
	const uint8_t *st = payload(self->r);

	TEXT(0, 0x2004, "GATE=LOW;MCAE=ON;");
	ASK(2 * S, 0x0101);
	EXPECT_EQ(st[35] & 8, 0);
	EXPECT_EQ(le32(st), 0);
	EXPECT_EQ(acc_s(st), 0);
	EXPECT_EQ(le32(st + 20), 2000);
	TEXT(2 * S, 0x2004, "GATE=HIGH;");
	ASK(3 * S, 0x0101);
	EXPECT_EQ(st[35] & 8, 8);
	EXPECT_GT(le32(st), 0);
}

TEST_F(ins, another_number_of_channels_starts_from_zero)
{
	ASK(0, 0xf002);
	instrument_advance(self->ins, 2 * S);
	TEXT(2 * S, 0x2004, "MCAC=512;");
	ASK(2 * S, 0x0203);
	EXPECT_EQ(sum_counts(self->r, 512), 0);
}

TEST_F(ins, same_seed_same_counts)
{
	static uint8_t first[WIRE_PACKET_MAX];
	size_t len = 0;

	for (int i = 0; i < 2; i++) {
		restart(&self->ins, options());
		TEXT(0, 0x2004, "PRET=3.0;MCAE=ON;");
		if (i)
			ASK(1.5 * S, 0x0203);
		ASK(8 * S, 0x0201);
		if (i)
			continue;
		len = self->r->len;
		memcpy(first, self->r->bytes, len);
	}
	EXPECT_EQ(self->r->len, len);
	EXPECT_EQ(memcmp(first, self->r->bytes, len), 0);
}

TEST_F(ins, pinned_supplies_stay)
{
	instrument_pin_temp(self->ins, 0, 250);
	instrument_pin_hv(self->ins, 0, -20);
	ASK(1 * S, 0x0101);
	EXPECT_EQ(temp_k(payload(self->r)), 250);
	EXPECT_EQ(hv_v(payload(self->r)), -20);
	instrument_pin_temp(self->ins, 0, NAN);
	ASK(1 * S, 0x0101);
	EXPECT_EQ(temp_k(payload(self->r)), 220);
}

TEST_HARNESS_MAIN
