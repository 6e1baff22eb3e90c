// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Replies as no instrument sends them to what a stream asks for, by way of
 * USB/IP. Whatever comes, a record is one of the kind that was subscribed to, of
 * the length its identifiers have, and in order; and the stream goes on.
 */
#include "spoil.h"

FIXTURE(fr)
{
	int fd;
	uint32_t seed;
	uint64_t next_seq;
	unsigned int frames, states;
	struct answer a;
	struct bytes sent;
	union record r;
};

FIXTURE_SETUP(fr)
{
	usbip_quiet();
	/* This firmware has a list, too. */
	ASSERT_TRUE(unit_start(OTHER_UNIT, "--profile 6.08.06 --rate 3000"));
	self->fd = node_open(O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, control(self->fd, DP5_CONTROL_CLAIM));
	ASSERT_EQ(0, transact_text(self->fd, 0x04, "MCAC=256;CLKL=1000;",
				   &self->a));
	ASSERT_EQ(0, transact(self->fd, 0xf0, 0x02, NULL, 0, &self->a));
	self->seed = setting("FUZZ_SEED", 1) * 0x9e3779b9U | 1;
}

FIXTURE_TEARDOWN(fr)
{
	close(self->fd);
	unit_stop();
}

/* The reply the instrument might give to what a stream of the kind asks for. */
static void make_reply(struct bytes *b, uint32_t kind, uint32_t *seed)
{
	static uint8_t data[4096];
	uint32_t channels = 256U << below(seed, 3);

	switch (kind) {
	case DP5_SUB_STATUS:
		make(b, 0x80, 0x01, data, DP5_STATUS_LEN);
		return;
	case DP5_SUB_LIST:
		make(b, 0x82, (uint8_t)(0x0a + below(seed, 2)), data,
		     4 * below(seed, 1025));
		return;
	case DP5_SUB_LOSSLESS:
		if (below(seed, 2)) {
			make(b, 0xff, 0x00, NULL, 0);
			return;
		}
		/* fall through */
	default:
		make(b, 0x81, (uint8_t)(2 * (channels / 512 + 1)), data,
		     3 * channels + DP5_STATUS_LEN);
	}
}

static bool fits(const struct dp5_frame *f, uint32_t kind)
{
	static const uint16_t types[] = {
		[DP5_SUB_STATUS] = DP5_FRAME_STATUS,
		[DP5_SUB_SPECTRUM] = DP5_FRAME_SPECTRUM,
		[DP5_SUB_LIST] = DP5_FRAME_LIST,
		[DP5_SUB_LOSSLESS] = DP5_FRAME_PART,
	};

	if (f->type == DP5_FRAME_STATE)
		return f->payload_len == sizeof(struct dp5_state) && !f->pid1 &&
		       !f->pid2 && !f->channels;
	if (f->type != types[kind] || f->t_done_ns < f->t_req_ns)
		return false;
	if (kind == DP5_SUB_STATUS)
		return f->pid1 == 0x80 && f->pid2 == 0x01 && !f->channels &&
		       f->payload_len == DP5_STATUS_LEN;
	if (kind == DP5_SUB_LIST)
		return f->pid1 == 0x82 && (f->pid2 | 1) == 0x0b &&
		       !f->channels && f->payload_len % 4 == 0 &&
		       f->payload_len && f->payload_len <= 4096;
	return f->pid1 == 0x81 && f->pid2 % 2 == 0 && f->pid2 <= 0x0c &&
	       f->channels == 256U << (f->pid2 / 2 - 1) &&
	       f->payload_len == 3U * f->channels + DP5_STATUS_LEN;
}

/* Whether all that can be read is as it may be. */
static bool read_all(FIXTURE_DATA(fr) * self, uint32_t kind)
{
	struct dp5_frame f;
	size_t i, end;

	while ((f = next_record(self->fd, &self->r, 0)).len) {
		end = f.hdr_len + f.payload_len;
		if (f.hdr_len != sizeof(f) || f.flags || f.reserved[0] ||
		    f.reserved[1] || f.seq < self->next_seq ||
		    f.len != (end + 7) / 8 * 8 || !fits(&f, kind)) {
			fprintf(stderr,
				"# record %llu of type %u, %02x/%02x, %u bytes\n",
				(unsigned long long)f.seq, f.type, f.pid1,
				f.pid2, f.payload_len);
			return false;
		}
		for (i = end; i < f.len; i++)
			if (self->r.bytes[i])
				return false;
		self->next_seq = f.seq + 1;
		self->frames += f.type != DP5_FRAME_STATE;
		self->states += f.type == DP5_FRAME_STATE;
	}
	return errno == EAGAIN;
}

/* One bad reply to the stream, and two good ones behind it. */
static bool one_reply(FIXTURE_DATA(fr) * self, uint32_t kind)
{
	uint64_t end = now_ns() + 20000 * MS, replies = 0;
	bool is_met = false;

	make_reply(&self->sent, kind, &self->seed);
	spoil(&self->sent, &self->seed);
	if (!emu("fault bytes %s", unit_hex(self->sent.at, self->sent.n)))
		return false;
	while (now_ns() < end) {
		if (!read_all(self, kind))
			return false;
		if (is_met && get_stats(self->fd).replies >= replies + 2)
			return true;
		if (!is_met && unit_number("fault_bytes") <= 0) {
			is_met = true;
			replies = get_stats(self->fd).replies;
		}
		poll_for(self->fd, 5);
	}
	fprintf(stderr, "# the stream stands\n");
	return false;
}

/* FUZZ_FRAMES of them for each kind of stream, from FUZZ_SEED. */
static void spoil_stream(struct __test_metadata *_metadata,
			 FIXTURE_DATA(fr) * self, uint32_t kind)
{
	unsigned int i, n = setting("FUZZ_FRAMES", 30);
	uint32_t seed;

	ASSERT_EQ(0, subscribe(self->fd, kind, 2 * MS, 16));
	for (i = 0; i < n; i++) {
		seed = self->seed;
		ASSERT_TRUE(one_reply(self, kind))
		TH_LOG("reply %u, seed %u", i, seed);
	}
	EXPECT_LE(n, self->frames);
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_NONE, 0, 1));
	EXPECT_EQ(0, unit_works(self->fd, 4));
	EXPECT_EQ(0, unit_works(self->fd, 1));
	say("# fuzz: %u replies: %u frames, %u states\n", n, self->frames,
	    self->states);
}

TEST_F_TIMEOUT(fr, status_survives_bad_replies, 7200)
{
	spoil_stream(_metadata, self, DP5_SUB_STATUS);
}

TEST_F_TIMEOUT(fr, spectra_survive_bad_replies, 7200)
{
	spoil_stream(_metadata, self, DP5_SUB_SPECTRUM);
}

TEST_F_TIMEOUT(fr, list_survives_bad_replies, 7200)
{
	spoil_stream(_metadata, self, DP5_SUB_LIST);
}

TEST_F_TIMEOUT(fr, parts_survive_bad_replies, 7200)
{
	spoil_stream(_metadata, self, DP5_SUB_LOSSLESS);
}

TEST_HARNESS_MAIN
