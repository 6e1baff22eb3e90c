// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames of Modbus/TCP and the requests in them, as a peer may send them. */
#include "bridges/modbus_map.h"

#include "fuzz/fuzz.h"

#define N_QUANTITIES 3

static unsigned int size_of(uint8_t function)
{
	switch (function) {
	case 1:
	case 5:
	case 15:
		return 3;
	case 2:
		return 7;
	case 4:
		return 100 + 6 * N_QUANTITIES;
	default:
		return 18;
	}
}

static void request(const uint8_t *pdu, size_t len)
{
	struct map_request r;
	unsigned int sum = 0;
	int code = map_request(pdu, len, N_QUANTITIES, &r);

	MUST(code >= 0 && code <= 3);
	if (code)
		return;
	MUST(r.count > 0 && r.address + r.count <= (int)size_of(r.function));
	if (!map_is_write(&r))
		return;
	/* What a write is about to take lies within what came. */
	for (size_t i = 0; i < r.count; i++)
		sum += r.function == 5 || r.function == 15
			       ? map_bit(&r, i)
			       : map_register(&r, i);
	MUST(sum <= 18 * 65535u);
	if (r.function == 16 && !r.address && r.count >= MAP_SAMPLE_LEN) {
		uint16_t registers[MAP_SAMPLE_LEN];
		char sample[MAP_SAMPLE_SIZE];

		for (size_t i = 0; i < MAP_SAMPLE_LEN; i++)
			registers[i] = map_register(&r, i);
		if (map_sample(registers, sample) >= 0)
			MUST(sample[0] && strlen(sample) < MAP_SAMPLE_SIZE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int len;

	request(data, size);
	while (size && (len = map_frame(data, size)) > 0) {
		MUST(len > MAP_HEADER_LEN && len <= MAP_FRAME_MAX);
		request(data + MAP_HEADER_LEN, (size_t)len - MAP_HEADER_LEN);
		data += len;
		size -= (size_t)len;
	}
	return 0;
}
