/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets on the instrument's USB link, as the instrument sees them. */
#ifndef TOOLS_DP5EMU_WIRE_H
#define TOOLS_DP5EMU_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_HEAD_LEN 6
#define WIRE_FRAME_LEN 8 /* header and checksum */
#define WIRE_REQUEST_MAX 512
#define WIRE_REPLY_MAX 32767
#define WIRE_PACKET_MAX (WIRE_REPLY_MAX + WIRE_FRAME_LEN)

/* Numbers of ACK packets, PID2 of a reply with PID1 0xff. */
enum wire_ack {
	WIRE_ACK_OK = 0x00,
	WIRE_ACK_SYNC = 0x01,
	WIRE_ACK_PID = 0x02,
	WIRE_ACK_LEN = 0x03,
	WIRE_ACK_CHECKSUM = 0x04,
	WIRE_ACK_PARAMETER = 0x05,
	WIRE_ACK_HEX = 0x06,
	WIRE_ACK_COMMAND = 0x07,
	WIRE_ACK_FPGA = 0x08,
	WIRE_ACK_ETHERNET = 0x09,
	WIRE_ACK_NO_SCOPE = 0x0a,
	WIRE_ACK_NO_PC5 = 0x0b,
	WIRE_ACK_BUSY = 0x0d,
	WIRE_ACK_I2C = 0x0e,
	WIRE_ACK_FPGA_VERSION = 0x10,
	WIRE_ACK_NO_CALIBRATION = 0x11,
};

/* A decoded packet; data points into the bytes it was decoded from. */
struct wire_packet {
	uint8_t pid1;
	uint8_t pid2;
	uint16_t len;
	const uint8_t *data;
};

/* The value that makes all bytes and the checksum add up to zero. */
uint16_t wire_checksum(const uint8_t *bytes, size_t n);

/*
 * Bytes the packet that starts here occupies, from its length field; 0 while
 * fewer than six bytes are there or they do not open with the sync bytes.
 */
size_t wire_length(const uint8_t *bytes, size_t n);

/*
 * Take a request apart, in the order of checks the instrument is assumed to
 * have: sync, length against the bytes received, checksum. Returns 0, or the
 * number of the error ACK, with *ret untouched.
 */
int wire_decode(const uint8_t *bytes, size_t n, struct wire_packet *ret);

/* Write a packet to @out, which has room for len + 8; returns its length. */
size_t wire_encode(uint8_t *out, uint8_t pid1, uint8_t pid2, const void *data,
		   size_t len);

#endif /* TOOLS_DP5EMU_WIRE_H */
