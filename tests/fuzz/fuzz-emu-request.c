// SPDX-License-Identifier: GPL-2.0-or-later
/* What a host may send to the emulated instrument, one request after another. */
#include "dp5emu/instrument.h"

#include "fuzz/fuzz.h"

/*
 * Each request opens with two bytes: the upper bit of the first tells that
 * the bytes are sent as they are, else they are PID1, PID2 and a payload to
 * be framed; the other bits are the length.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct instrument_reply reply;
	struct instrument_options opt = {
		.profile = profile_find("6.10.04"),
		.detector = detector_find("sdd"),
		.serial = 7,
		.seed = 1,
		.ref_gain = 23.5,
		.is_boot_on = true,
	};
	uint8_t packet[WIRE_REQUEST_MAX + WIRE_FRAME_LEN];
	struct instrument *ins;
	double now_us = 0;

	if (instrument_new(&opt, 0, &ins) < 0)
		abort();
	while (size >= 2) {
		bool is_raw = data[0] & 0x80;
		size_t n = (size_t)(data[0] & 3) << 8 | data[1];
		size_t len;

		data += 2;
		size -= 2;
		if (n > size)
			n = size;
		if (n > WIRE_REQUEST_MAX)
			n = WIRE_REQUEST_MAX;
		if (is_raw || n < 2) {
			instrument_answer(ins, now_us, data, n, &reply);
		} else {
			len = wire_encode(packet, data[0], data[1], data + 2,
					  n - 2);
			instrument_answer(ins, now_us, packet, len, &reply);
		}
		/* There is always an answer, and it is a whole packet. */
		MUST(reply.len <= WIRE_PACKET_MAX);
		MUST(wire_length(reply.bytes, reply.len) == reply.len);
		now_us += 2e4;
		instrument_advance(ins, now_us);
		data += n;
		size -= n;
	}
	instrument_free(ins);
	return 0;
}
