// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pure parts as the kernel compiles them, in exactly as much memory as
 * they are given, so that KASAN sees every byte beyond. What they should
 * answer in full is told by their tests in user space. And a stream that finds
 * no record for a reply, for which several opens would have to be caught in
 * the middle of a read, each with a reply of two streams on its way.
 */
#include "dp5.h"
#include "selftest/packets.h"

#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/slab.h>

static void packet_is_read_at_no_other_length(struct kunit *test)
{
	struct dp5_packet p;
	size_t n;
	u8 *buf;

	for (n = 0; n <= sizeof(status_reply); n++) {
		enum dp5_packet_fault fault;

		buf = kmemdup(status_reply, n, GFP_KERNEL);
		fault = dp5_packet_parse(buf, n, &p);
		kfree(buf);
		KUNIT_EXPECT_EQ(test, fault,
				n < sizeof(status_reply) ? DP5_PACKET_PARTIAL
							 : DP5_PACKET_WHOLE);
	}
	KUNIT_EXPECT_EQ(test, p.pid1, 0x80);
	KUNIT_EXPECT_EQ(test, p.len, DP5_STATUS_LEN);
	KUNIT_EXPECT_TRUE(test, dp5_packet_len_fits(&p));
}

static void packet_built_is_the_one_in_the_book(struct kunit *test)
{
	u8 *buf = kunit_kzalloc(test, sizeof(status_request), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, buf);
	KUNIT_EXPECT_EQ(test, dp5_packet_build(buf, 0x01, 0x01, NULL, 0),
			sizeof(status_request));
	KUNIT_EXPECT_EQ(test,
			memcmp(buf, status_request, sizeof(status_request)), 0);
}

/* Whatever comes, no byte beyond it is looked at, and of what was changed
 * only a change of nothing is taken.
 */
static void packet_with_any_bytes_changed_is_refused(struct kunit *test)
{
	size_t n = sizeof(status_reply);
	const struct dp5_request *req = dp5_request_find(0x01, 0x01);
	struct rnd_state rnd;
	struct dp5_packet p;
	int round;
	u8 *buf;

	prandom_seed_state(&rnd, 20);
	buf = kunit_kzalloc(test, n, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, buf);
	for (round = 0; round < 5000; round++) {
		u32 r = prandom_u32_state(&rnd);

		memcpy(buf, status_reply, n);
		buf[r % n] ^= 1 << (r >> 8) % 8;
		KUNIT_EXPECT_NE(test, dp5_packet_parse(buf, n, &p),
				DP5_PACKET_WHOLE);
		/* Bytes of chance with a length that is stated right. */
		prandom_bytes_state(&rnd, buf + 6, n - 6);
		memcpy(buf, status_reply, 6);
		buf[2] = r >> 16;
		buf[3] = r >> 24;
		if (dp5_packet_parse(buf, n, &p) == DP5_PACKET_WHOLE)
			dp5_request_match(req, NULL, 0, &p);
	}
}

static void request_of_every_number_has_a_class(struct kunit *test)
{
	const struct dp5_request *r;
	unsigned int n, n_found = 0;

	for (n = 0; n < 0x10000; n++) {
		r = dp5_request_find(n >> 8, n & 0xff);
		if (!r)
			continue;
		n_found++;
		/* One row serves sixteen numbers. */
		KUNIT_EXPECT_EQ(test, r->pid1, n >> 8);
		if (r->pid1 != 0xf1 || n & 0xf0)
			KUNIT_EXPECT_EQ(test, r->pid2, n & 0xff);
		KUNIT_EXPECT_LE(test, r->len_min, r->len_max);
		KUNIT_EXPECT_LE(test, dp5_request_reply_max(r), DP5_REPLY_MAX);
		if (r->class == DP5_CLASS_CONTROL)
			KUNIT_EXPECT_EQ(test, r->flags & DP5_REQ_RETRY, 0);
	}
	KUNIT_EXPECT_GT(test, n_found, 0);
}

/* Text is looked at without an end mark behind it. */
static void request_text_is_read_to_its_length(struct kunit *test)
{
	static const char text[] = "MCAC=2048;HVSE=-110;";
	const struct dp5_request *r = dp5_request_find(0x20, 0x04);
	size_t n;

	for (n = 1; n < sizeof(text); n++) {
		u8 *buf = kmemdup(text, n, GFP_KERNEL);
		bool is_whole = text[n - 1] == ';';

		KUNIT_EXPECT_EQ(test, dp5_request_check(r, buf, n),
				is_whole ? 0 : -EINVAL);
		if (is_whole)
			KUNIT_EXPECT_EQ(test, dp5_request_class(r, buf, n),
					n < 11 ? DP5_CLASS_CHANGE
					       : DP5_CLASS_CONTROL);
		kfree(buf);
	}
}

/* A device without an interface, which has one open and @n records. */
static struct dp5_device *device_with_records(struct kunit *test, int n)
{
	struct dp5_device *dp5 = kunit_kzalloc(test, sizeof(*dp5), GFP_KERNEL);
	struct dp5_open *open = kunit_kzalloc(test, sizeof(*open), GFP_KERNEL);
	struct dp5_record *r;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dp5);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, open);
	spin_lock_init(&dp5->lock);
	dp5_stream_init(dp5);
	init_waitqueue_head(&open->wait);
	open->dp5 = dp5;
	open->can_read = true;
	open->sub.queue_len = DP5_QUEUE_DEFAULT;
	list_add(&open->node, &dp5->opens);
	for (; n; n--) {
		r = kunit_kzalloc(test, struct_size(r, payload, DP5_FRAME_MAX),
				  GFP_KERNEL);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r);
		list_add(&r->node, &dp5->pool);
	}
	return dp5;
}

static void reply_without_a_record_is_told_as_lost(struct kunit *test)
{
	struct dp5_device *dp5 = device_with_records(test, 1);
	struct dp5_exchange *x = &dp5->streams[DP5_SUB_STATUS].x;
	const size_t n = sizeof(status_reply);
	struct dp5_open *open;
	struct dp5_packet p;

	open = list_first_entry(&dp5->opens, struct dp5_open, node);
	KUNIT_ASSERT_EQ(test, dp5_packet_parse(status_reply, n, &p),
			DP5_PACKET_WHOLE);
	x->done(dp5, x, &p);
	KUNIT_ASSERT_EQ(test, open->n_queued, 1);
	x->done(dp5, x, &p);
	x->done(dp5, x, &p);
	KUNIT_EXPECT_EQ(test, open->n_queued, 1);
	KUNIT_EXPECT_EQ(test, open->queue[0].lost, 0);
	/* What comes next tells so. */
	KUNIT_EXPECT_EQ(test, open->lost, 2);
	KUNIT_EXPECT_EQ(test, open->n_lost, 2);
	KUNIT_EXPECT_EQ(test, dp5->stats.frames, 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(packet_is_read_at_no_other_length),
	KUNIT_CASE(packet_built_is_the_one_in_the_book),
	KUNIT_CASE(packet_with_any_bytes_changed_is_refused),
	KUNIT_CASE(request_of_every_number_has_a_class),
	KUNIT_CASE(request_text_is_read_to_its_length),
	KUNIT_CASE(reply_without_a_record_is_told_as_lost),
	{},
};

static struct kunit_suite suite = {
	.name = "dp5",
	.test_cases = cases,
};

kunit_test_suite(suite);
