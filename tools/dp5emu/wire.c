// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Framing and checksum of the emulator: kept apart from the driver's and the
 * daemon's on purpose, so that one mistake cannot hide on both sides.
 */
#include "dp5emu/wire.h"

#include <string.h>

uint16_t wire_checksum(const uint8_t *bytes, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += bytes[i];
	return (uint16_t)(0x10000 - (sum & 0xffff));
}

size_t wire_length(const uint8_t *bytes, size_t n)
{
	if (n < WIRE_HEAD_LEN || bytes[0] != 0xf5 || bytes[1] != 0xfa)
		return 0;
	return WIRE_FRAME_LEN + ((size_t)bytes[4] << 8 | bytes[5]);
}

int wire_decode(const uint8_t *bytes, size_t n, struct wire_packet *ret)
{
	size_t len, body;

	if (n < 2 || bytes[0] != 0xf5 || bytes[1] != 0xfa)
		return WIRE_ACK_SYNC;
	if (n < WIRE_FRAME_LEN)
		return WIRE_ACK_LEN;
	len = (size_t)bytes[4] << 8 | bytes[5];
	if (len > WIRE_REQUEST_MAX || n != len + WIRE_FRAME_LEN)
		return WIRE_ACK_LEN;
	body = len + WIRE_HEAD_LEN;
	if (wire_checksum(bytes, body) != (bytes[body] << 8 | bytes[body + 1]))
		return WIRE_ACK_CHECKSUM;

	*ret = (struct wire_packet){ bytes[2], bytes[3], (uint16_t)len,
				     bytes + WIRE_HEAD_LEN };
	return 0;
}

size_t wire_encode(uint8_t *out, uint8_t pid1, uint8_t pid2, const void *data,
		   size_t len)
{
	uint16_t sum;

	out[0] = 0xf5;
	out[1] = 0xfa;
	out[2] = pid1;
	out[3] = pid2;
	out[4] = (uint8_t)(len >> 8);
	out[5] = (uint8_t)len;
	if (len)
		memmove(out + WIRE_HEAD_LEN, data, len);
	sum = wire_checksum(out, len + WIRE_HEAD_LEN);
	out[len + 6] = (uint8_t)(sum >> 8);
	out[len + 7] = (uint8_t)sum;
	return len + WIRE_FRAME_LEN;
}
