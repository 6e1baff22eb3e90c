/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An emulated instrument in front of a flat sample, and requests to it. */
#ifndef TESTS_UNIT_EMU_TRY_H
#define TESTS_UNIT_EMU_TRY_H

#include <stdlib.h>
#include <string.h>

#include "dp5emu/instrument.h"
#include "kselftest_harness.h"

#define S 1e6 /* microseconds */

static inline struct sample *flat_sample(void)
{
	struct sample *s = calloc(1, sizeof(*s));

	strcpy(s->name, "flat");
	s->n_chan = 2048;
	s->gain_kev = 0.025;
	s->offset_kev = 0.0125;
	s->live_s = 1;
	for (int k = 0; k < 2048; k++)
		s->counts[k] = 10;
	s->total = 20480;
	return s;
}

static inline struct instrument_options options(void)
{
	return (struct instrument_options){
		.profile = profile_find("6.10.04"),
		.detector = detector_find("sdd"),
		.serial = 38563,
		.seed = 1,
		.ref_gain = 23.5,
		.is_boot_on = true,
	};
}

FIXTURE(ins)
{
	struct instrument *ins;
	struct instrument_reply *r;
};

static inline void restart(struct instrument **ins,
			   struct instrument_options opt)
{
	instrument_free(*ins);
	*ins = NULL;
	if (!instrument_new(&opt, 0, ins))
		instrument_set_sample(*ins, 0, flat_sample());
}

FIXTURE_SETUP(ins)
{
	self->r = calloc(1, sizeof(*self->r));
	self->ins = NULL;
	restart(&self->ins, options());
	ASSERT_TRUE(self->ins && self->r);
}

FIXTURE_TEARDOWN(ins)
{
	instrument_free(self->ins);
	free(self->r);
}

/* Send a request at @now_us; PID1 and PID2 of the reply as one number. */
static inline int ask(struct instrument *ins, struct instrument_reply *r,
		      double now_us, int pid, const void *data, size_t len)
{
	uint8_t bytes[WIRE_REQUEST_MAX + WIRE_FRAME_LEN];
	size_t n = wire_encode(bytes, (uint8_t)(pid >> 8), (uint8_t)pid, data,
			       len);

	instrument_answer(ins, now_us, bytes, n, r);
	if (wire_length(r->bytes, r->len) != r->len ||
	    wire_checksum(r->bytes, r->len - 2) !=
		    (r->bytes[r->len - 2] << 8 | r->bytes[r->len - 1]))
		return -1;
	return r->bytes[2] << 8 | r->bytes[3];
}

#define ASK(t, pid) ask(self->ins, self->r, t, pid, NULL, 0)
#define TEXT(t, pid, packet) \
	ask(self->ins, self->r, t, pid, packet, strlen(packet))

/* Parts of the reply, past its header. */
static inline const uint8_t *payload(const struct instrument_reply *r)
{
	return r->bytes + WIRE_HEAD_LEN;
}

static inline size_t payload_len(const struct instrument_reply *r)
{
	return r->len - WIRE_FRAME_LEN;
}

static inline uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static inline double acc_s(const uint8_t *st)
{
	return (st[12] + 100.0 * (le32(st + 12) >> 8)) / 1000;
}

static inline uint64_t sum_counts(const struct instrument_reply *r,
				  size_t n_chan)
{
	const uint8_t *p = payload(r);
	uint64_t sum = 0;

	for (size_t k = 0; k < n_chan; k++)
		sum += p[3 * k] | p[3 * k + 1] << 8 | p[3 * k + 2] << 16;
	return sum;
}

#endif
