// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests put together from packets: ends, terminators, half a request. */
#include <stdlib.h>
#include <string.h>

#include "dp5emu/gather.h"
#include "kselftest_harness.h"

#define FULL 8

FIXTURE(gather)
{
	struct loop *loop;
	struct link *link;
	struct gather *g;
	int n_requests;
};

static void on_request(void *arg)
{
	++*(int *)arg;
}

FIXTURE_SETUP(gather)
{
	struct instrument_options opt = {
		.profile = profile_find("6.10.04"),
		.detector = detector_find("sdd"),
		.seed = 1,
		.ref_gain = 23.5,
	};
	struct instrument *ins;

	self->loop = malloc(sizeof(*self->loop));
	self->link = malloc(sizeof(*self->link));
	self->g = malloc(sizeof(*self->g));
	ASSERT_TRUE(self->loop && self->link && self->g);
	ASSERT_EQ(0, instrument_new(&opt, 0, &ins));
	link_init(self->link, ins, 1, 1);
	loop_init(self->loop);
	ASSERT_EQ(0, gather_init(self->g, self->loop, self->link, false,
				 on_request, &self->n_requests));
}

FIXTURE_TEARDOWN(gather)
{
	instrument_free(self->link->ins);
	free(self->g);
	free(self->link);
	free(self->loop);
}

/* F1/7F with 8 bytes: two packets of eight, both full. */
static const uint8_t echo_request[] = {
	0xf5, 0xfa, 0xf1, 0x7f, 0x00, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 0xfc, 0x75,
};

/* PID1 of the reply the link has, 0 for none. */
static int reply_pid1(struct link *l)
{
	return link_peek(l) ? link_peek(l)->bytes[2] : 0;
}

TEST_F(gather, full_packets_make_a_request_without_a_terminator)
{
	gather_packet(self->g, echo_request, 8, FULL);
	EXPECT_EQ(0, self->n_requests);
	EXPECT_NE(0, self->g->part_timer.due_ns);
	gather_packet(self->g, echo_request + 8, 8, FULL);
	EXPECT_EQ(1, self->n_requests);
	EXPECT_EQ(0x8f, reply_pid1(self->link));
	EXPECT_EQ(0, self->g->part_timer.due_ns);

	/* Its late terminator is no request. */
	gather_packet(self->g, echo_request, 0, FULL);
	EXPECT_EQ(1, self->n_requests);
}

TEST_F(gather, strict_waits_for_the_terminator)
{
	self->g->is_strict_zlp = true;
	gather_packet(self->g, echo_request, 8, FULL);
	gather_packet(self->g, echo_request + 8, 8, FULL);
	EXPECT_EQ(0, self->n_requests);
	gather_packet(self->g, echo_request, 0, FULL);
	EXPECT_EQ(1, self->n_requests);
	EXPECT_EQ(0x8f, reply_pid1(self->link));
}

TEST_F(gather, a_short_packet_ends_what_is_there)
{
	gather_packet(self->g, echo_request, 5, FULL);
	EXPECT_EQ(1, self->n_requests);
	EXPECT_EQ(0xff, reply_pid1(self->link));
}

TEST_F(gather, half_a_request_is_taken_when_its_time_is_over)
{
	gather_packet(self->g, echo_request, 8, FULL);
	self->g->part_timer.fn(self->g->part_timer.arg);
	EXPECT_EQ(1, self->n_requests);
	EXPECT_EQ(0xff, reply_pid1(self->link));
}

TEST_F(gather, more_than_any_request_holds_starts_anew)
{
	static const uint8_t noise[512];

	gather_packet(self->g, noise, 512, 512);
	gather_packet(self->g, noise, 512, 512);
	EXPECT_EQ(1024, self->g->len);
	gather_packet(self->g, echo_request, 16, 512);
	EXPECT_EQ(1, self->n_requests);
	EXPECT_EQ(0x8f, reply_pid1(self->link));
}

TEST_HARNESS_MAIN
