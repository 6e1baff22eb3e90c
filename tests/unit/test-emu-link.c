// SPDX-License-Identifier: GPL-2.0-or-later
/* Faults on demand, response times, and the commands that set them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dp5emu/control.h"
#include "dp5emu/instrument_internal.h"
#include "kselftest_harness.h"

FIXTURE(link)
{
	struct emu *emu;
	struct link *l;
	char answer[CONTROL_ANSWER_MAX];
};

FIXTURE_SETUP(link)
{
	struct instrument_options opt = {
		.profile = profile_find("6.10.04"),
		.detector = detector_find("sdd"),
		.serial = 7,
		.seed = 1,
		.ref_gain = 23.5,
		.is_boot_on = true,
	};

	self->emu = calloc(1, sizeof(*self->emu));
	ASSERT_TRUE(self->emu);
	self->l = &self->emu->link;
	ASSERT_EQ(instrument_new(&opt, 0, &self->emu->ins), 0);
	link_init(self->l, self->emu->ins, 1, 1);
}

FIXTURE_TEARDOWN(link)
{
	instrument_free(self->emu->ins);
	free(self->emu);
}

static const uint8_t status_request[] = {
	0xF5, 0xFA, 0x01, 0x01, 0x00, 0x00, 0xFE, 0x0F,
};

static const uint8_t enable_request[] = {
	0xF5, 0xFA, 0xF0, 0x02, 0x00, 0x00, 0xFD, 0x1F,
};

#define CONTROL(text) control_command(self->emu, text, self->answer)
#define SAY(text) (CONTROL(text), self->answer)
#define REQUEST(bytes) link_request(self->l, bytes, sizeof(bytes))

static bool is_valid(const struct link_output *out)
{
	size_t n = out->len;

	return wire_length(out->bytes, n) == n &&
	       wire_checksum(out->bytes, n - 2) ==
		       (out->bytes[n - 2] << 8 | out->bytes[n - 1]);
}

TEST_F(link, a_reply_follows_its_request)
{
	REQUEST(status_request);
	ASSERT_TRUE(link_peek(self->l));
	EXPECT_TRUE(is_valid(link_peek(self->l)));
	EXPECT_EQ(link_peek(self->l)->len, 72);
	link_drop(self->l);
	EXPECT_EQ(link_peek(self->l), NULL);
}

TEST_F(link, drop_gives_no_reply_as_often_as_asked)
{
	EXPECT_STREQ(SAY("fault drop 2"), "ok fault drop for 2 replies");
	REQUEST(status_request);
	REQUEST(status_request);
	EXPECT_EQ(link_peek(self->l), NULL);
	REQUEST(status_request);
	EXPECT_TRUE(link_peek(self->l));
}

TEST_F(link, empty_sends_a_packet_of_nothing_first)
{
	CONTROL("fault empty");
	REQUEST(status_request);
	EXPECT_EQ(0, link_peek(self->l)->len);
	link_drop(self->l);
	EXPECT_TRUE(is_valid(link_peek(self->l)));
}

/* The run begins with the second request; byte 35 tells. */
TEST_F(link, miss_loses_the_request_itself)
{
	CONTROL("fault miss");
	for (int i = 0; i < 2; i++) {
		REQUEST(enable_request);
		EXPECT_EQ(!i, !link_peek(self->l));
		link_flush(self->l);
		REQUEST(status_request);
		EXPECT_EQ(i << 5, link_peek(self->l)->bytes[6 + 35] & 0x20);
		link_flush(self->l);
	}
}

TEST_F(link, delay_moves_the_due_time)
{
	int64_t now_ns = link_monotonic_ns();

	CONTROL("fault delay 1500");
	REQUEST(status_request);
	EXPECT_GE(link_peek(self->l)->due_ns, now_ns + 1500000000);
	link_drop(self->l);
	REQUEST(status_request);
	EXPECT_LT(link_peek(self->l)->due_ns, now_ns + 1500000000);
}

TEST_F(link, corrupt_breaks_the_checksum_only)
{
	CONTROL("fault corrupt 3");
	for (int i = 0; i < 3; i++) {
		REQUEST(status_request);
		EXPECT_EQ(link_peek(self->l)->len, 72);
		EXPECT_EQ(link_peek(self->l)->bytes[2], 0x80);
		EXPECT_FALSE(is_valid(link_peek(self->l)));
		link_drop(self->l);
	}
	REQUEST(status_request);
	EXPECT_TRUE(is_valid(link_peek(self->l)));
}

TEST_F(link, io_refuses_a_write_of_the_lines_alone)
{
	uint8_t write[WIRE_FRAME_LEN + 1];
	const uint8_t bits = 5;

	wire_encode(write, 0xf0, 0x08, &bits, 1);
	CONTROL("fault io 13 1");
	REQUEST(status_request);
	EXPECT_EQ(0x80, link_peek(self->l)->bytes[2]);
	link_drop(self->l);
	link_request(self->l, write, sizeof(write));
	EXPECT_EQ(0xff, link_peek(self->l)->bytes[2]);
	EXPECT_EQ(13, link_peek(self->l)->bytes[3]);
	EXPECT_TRUE(is_valid(link_peek(self->l)));
	EXPECT_EQ(0, self->l->ins->n_io_writes);
	link_drop(self->l);
	link_request(self->l, write, sizeof(write));
	EXPECT_EQ(0, link_peek(self->l)->bytes[3]);
	EXPECT_EQ(1, self->l->ins->n_io_writes);
}

TEST_F(link, truncate_sends_half_a_packet)
{
	CONTROL("fault truncate");
	REQUEST(status_request);
	EXPECT_EQ(link_peek(self->l)->len, 36);
	EXPECT_EQ(link_peek(self->l)->bytes[5], 64);
}

TEST_F(link, short_is_well_formed_but_too_short)
{
	CONTROL("fault short");
	REQUEST(status_request);
	EXPECT_TRUE(is_valid(link_peek(self->l)));
	EXPECT_EQ(link_peek(self->l)->len, 40);
	EXPECT_EQ(link_peek(self->l)->bytes[2], 0x80);
}

TEST_F(link, stall_ends_the_transfer_with_a_halt)
{
	CONTROL("fault stall");
	REQUEST(status_request);
	EXPECT_EQ(-EPIPE, link_peek(self->l)->status);
	link_drop(self->l);
	REQUEST(status_request);
	EXPECT_EQ(0, link_peek(self->l)->status);
}

TEST_F(link, a_reply_may_end_in_any_way)
{
	EXPECT_STREQ(SAY("fault status 71"), "ok fault status for 1 replies");
	CONTROL("fault length 3");
	CONTROL("fault unended");
	REQUEST(status_request);
	EXPECT_EQ(-71, link_peek(self->l)->status);
	EXPECT_EQ(3, link_peek(self->l)->claim);
	EXPECT_TRUE(link_peek(self->l)->is_unended);
	link_drop(self->l);
	REQUEST(status_request);
	EXPECT_EQ(0, link_peek(self->l)->status);
	EXPECT_EQ(-1, link_peek(self->l)->claim);
	EXPECT_FALSE(link_peek(self->l)->is_unended);
}

TEST_F(link, transfers_fail_whatever_they_carry)
{
	int status = 1;

	EXPECT_STREQ(SAY("fault in 84 2"), "ok fault in for 2 transfers");
	CONTROL("fault out 62");
	EXPECT_TRUE(link_transfer(self->l, LINK_FAULT_IN, &status));
	EXPECT_EQ(-84, status);
	EXPECT_TRUE(link_transfer(self->l, LINK_FAULT_IN, &status));
	EXPECT_FALSE(link_transfer(self->l, LINK_FAULT_IN, &status));
	EXPECT_TRUE(link_transfer(self->l, LINK_FAULT_OUT, &status));
	EXPECT_EQ(-62, status);
	status = 1;
	EXPECT_FALSE(link_transfer(self->l, LINK_FAULT_OUT, &status));
	EXPECT_EQ(1, status);
	EXPECT_EQ(3, self->l->n_in);
	/* Nothing in it, and no error. */
	CONTROL("fault in 0");
	EXPECT_TRUE(link_transfer(self->l, LINK_FAULT_IN, &status));
	EXPECT_EQ(0, status);
	CONTROL("fault overtake");
	EXPECT_TRUE(link_transfer(self->l, LINK_FAULT_OVERTAKE, &status));
	EXPECT_FALSE(link_transfer(self->l, LINK_FAULT_OVERTAKE, &status));
	EXPECT_EQ(4, self->l->n_in);
}

/* A file that is gone with the test, as an argument. */
static const char *file_of(const char *text)
{
	static char path[32];
	int fd = memfd_create("hex", 0);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return "";
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

TEST_F(link, bytes_are_sent_as_they_stand_in_a_file)
{
	static const uint8_t want[] = { 0xf5, 0xfa, 0x00, 0x7F };
	const char *path = file_of("f5fa 00 # three\n 7F\n");
	char line[64];

	snprintf(line, sizeof(line), "fault bytes %s 2", path);
	EXPECT_STREQ(SAY(line), "ok fault bytes for 2 replies");
	REQUEST(status_request);
	ASSERT_EQ(sizeof(want), link_peek(self->l)->len);
	EXPECT_EQ(0, memcmp(want, link_peek(self->l)->bytes, sizeof(want)));
	link_drop(self->l);

	snprintf(line, sizeof(line), "fault bytes %s", file_of("f5f"));
	EXPECT_EQ(0, strncmp(SAY(line), "error ", 6));
	EXPECT_TRUE(strstr(self->answer, "Invalid argument"));
	snprintf(line, sizeof(line), "fault bytes %s", file_of("f5 xx"));
	EXPECT_EQ(0, strncmp(SAY(line), "error ", 6));
}

TEST_F(link, stale_sends_the_reply_before_first)
{
	REQUEST(enable_request);
	link_drop(self->l);
	CONTROL("fault stale");
	REQUEST(status_request);
	EXPECT_EQ(link_peek(self->l)->bytes[2], 0xff);
	link_drop(self->l);
	EXPECT_EQ(link_peek(self->l)->bytes[2], 0x80);
	link_drop(self->l);
	EXPECT_EQ(link_peek(self->l), NULL);
}

TEST_F(link, garbage_is_no_packet)
{
	CONTROL("fault garbage 20");
	for (int i = 0; i < 20; i++) {
		REQUEST(status_request);
		EXPECT_GT(link_peek(self->l)->len, 0);
		EXPECT_EQ(wire_length(link_peek(self->l)->bytes,
				      link_peek(self->l)->len),
			  0);
		link_drop(self->l);
	}
}

TEST_F(link, glue_sends_the_reply_twice_in_one)
{
	CONTROL("fault glue");
	REQUEST(status_request);
	EXPECT_EQ(link_peek(self->l)->len, 144);
	EXPECT_EQ(memcmp(link_peek(self->l)->bytes,
			 link_peek(self->l)->bytes + 72, 72),
		  0);
}

TEST_F(link, ack_replaces_the_reply)
{
	CONTROL("fault ack 13");
	REQUEST(status_request);
	EXPECT_TRUE(is_valid(link_peek(self->l)));
	EXPECT_EQ(link_peek(self->l)->bytes[2], 0xff);
	EXPECT_EQ(link_peek(self->l)->bytes[3], 13);
}

TEST_F(link, none_takes_all_faults_away)
{
	CONTROL("fault drop 9");
	CONTROL("fault corrupt 9");
	EXPECT_STREQ(SAY("fault none"), "ok no fault");
	REQUEST(status_request);
	EXPECT_TRUE(is_valid(link_peek(self->l)));
}

TEST_F(link, real_timing_waits_two_milliseconds_and_the_bytes)
{
	int64_t now_ns = link_monotonic_ns();

	self->l->has_timing = true;
	self->l->byte_us = LINK_BYTE_US;
	REQUEST(status_request);
	/* 2 ms and 72 bytes of 0.8 us. */
	EXPECT_GE(link_peek(self->l)->due_ns, now_ns + 2057600);
}

TEST_F(link, deafness_after_a_save_delays_the_next_reply)
{
	/* 20/02 MCAC=512; its bytes add up to 0x43e. */
	static const uint8_t save[] = {
		0xF5, 0xFA, 0x20, 0x02, 0x00, 0x09, 0x4D, 0x43, 0x41,
		0x43, 0x3D, 0x35, 0x31, 0x32, 0x3B, 0xFB, 0xC2,
	};
	int64_t now_ns = link_monotonic_ns();

	REQUEST(save);
	ASSERT_EQ(link_peek(self->l)->bytes[3], 0);
	EXPECT_LT(link_peek(self->l)->due_ns, now_ns + 50000000);
	link_drop(self->l);
	REQUEST(status_request);
	EXPECT_GE(link_peek(self->l)->due_ns, now_ns + 80000000);
}

TEST_F(link, a_faster_clock_shows_in_the_instrument_only)
{
	self->l->time_scale = 1000;
	self->l->start_ns = link_monotonic_ns() - 1000000000;
	EXPECT_GE(link_now_us(self->l), 1000e6);
}

/* It would count for what was missed, and answer nobody meanwhile. */
TEST_F(link, the_clock_stands_still_while_nobody_could_look)
{
	double before;

	self->l->time_scale = 10;
	before = link_now_us(self->l);
	self->l->start_ns -= 60000000000;
	self->l->asked_ns -= 60000000000;
	EXPECT_LT(link_now_us(self->l), before + 10 * 0.6e6);
	EXPECT_GE(link_now_us(self->l), before + 10 * 0.5e6);
}

TEST_F(link, control_refuses_what_it_does_not_know)
{
	EXPECT_STREQ(SAY(""), "error no command");
	EXPECT_STREQ(SAY("dance"), "error no command is named dance");
	EXPECT_STREQ(SAY("rate"), "error usage: rate CPS|auto");
	EXPECT_STREQ(SAY("rate fast"),
		     "error rate: fast is not a number from 0 to 1e+07");
	EXPECT_STREQ(SAY("rate -1"),
		     "error rate: -1 is not a number from 0 to 1e+07");
	EXPECT_STREQ(SAY("fault slip"), "error fault: no fault is named slip");
	EXPECT_STREQ(SAY("fault delay"),
		     "error fault: usage: fault delay MS [N]");
	EXPECT_STREQ(SAY("fault ack 256"),
		     "error fault: 256 is not a number from 0 to 255");
	EXPECT_STREQ(SAY("fault status"),
		     "error fault: usage: fault status ERRNO [N]");
	EXPECT_STREQ(SAY("fault bytes /nonexistent"),
		     "error /nonexistent: No such file or directory");
	EXPECT_STREQ(SAY("descriptors own"),
		     "error descriptors: own: Operation not supported");
	EXPECT_STREQ(SAY("sample /nonexistent"),
		     "error /nonexistent: No such file or directory");
	EXPECT_STREQ(SAY("temp 1 2 3 4"), "error too many words");
	EXPECT_STREQ(SAY("temp 1 2"), "error usage: temp KELVIN|auto");
	EXPECT_STREQ(SAY("seed x"), "error seed: x is not a whole number");
}

TEST_F(link, control_status_lists_settings_and_faults)
{
	CONTROL("temp 251.5");
	CONTROL("fault stall 4");
	CONTROL("status");
	EXPECT_EQ(strncmp(self->answer, "ok plugged=0 ", 13), 0);
	EXPECT_TRUE(strstr(self->answer, " fault_stall=4 "));
	EXPECT_TRUE(strstr(self->answer, " serial=7 "));
	EXPECT_TRUE(strstr(self->answer, " temp_k=251.5 "));
	CONTROL("serial none");
	CONTROL("status");
	EXPECT_TRUE(strstr(self->answer, " serial=4294967295 "));
}

TEST_HARNESS_MAIN
