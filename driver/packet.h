/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets of the DP5 protocol: framing and checks. Pure: no I/O and no
 * state, so that the same file is tested and fuzzed in user space.
 */
#ifndef DRIVER_PACKET_H
#define DRIVER_PACKET_H

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <linux/types.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define max_t(type, a, b)                \
	({                               \
		type _a = (a), _b = (b); \
		_a > _b ? _a : _b;       \
	})
#define min_t(type, a, b)                \
	({                               \
		type _a = (a), _b = (b); \
		_a < _b ? _a : _b;       \
	})
#endif

#define DP5_PACKET_HEADER 6
#define DP5_PACKET_OVERHEAD 8 /* header and checksum */

#define DP5_PID1_ACK 0xff
#define DP5_ACK_UNKNOWN 0x02 /* the request is not known */

/**
 * struct dp5_packet - one packet found in a buffer
 * @pid1: first packet identifier.
 * @pid2: second packet identifier.
 * @len: bytes at @data.
 * @data: payload, inside the buffer that was parsed.
 */
struct dp5_packet {
	u8 pid1;
	u8 pid2;
	u16 len;
	const u8 *data;
};

/**
 * enum dp5_packet_fault - what is wrong with the bytes that arrived
 * @DP5_PACKET_WHOLE: nothing; one whole packet and not a byte more.
 * @DP5_PACKET_PARTIAL: the start of a packet; the rest is not here yet.
 * @DP5_PACKET_SYNC: does not begin as a packet does.
 * @DP5_PACKET_LENGTH: states a length no reply may have.
 * @DP5_PACKET_EXCESS: more bytes than the packet states.
 * @DP5_PACKET_CHECKSUM: the sum does not match.
 */
enum dp5_packet_fault {
	DP5_PACKET_WHOLE = 0,
	DP5_PACKET_PARTIAL,
	DP5_PACKET_SYNC,
	DP5_PACKET_LENGTH,
	DP5_PACKET_EXCESS,
	DP5_PACKET_CHECKSUM,
};

/* Write a packet to @buf, which has room for @len + DP5_PACKET_OVERHEAD
 * bytes. Returns the bytes written.
 */
size_t dp5_packet_build(u8 *buf, u8 pid1, u8 pid2, const u8 *data, u16 len);

/* Check the @n bytes at @buf. @ret is set only for DP5_PACKET_WHOLE and
 * points into @buf.
 */
enum dp5_packet_fault dp5_packet_parse(const u8 *buf, size_t n,
				       struct dp5_packet *ret);

/* Whether the payload is as long as a reply of its identifiers has to be;
 * false for identifiers no reply has.
 */
bool dp5_packet_len_fits(const struct dp5_packet *p);

/* Channels of a spectrum reply, 0 for any other. */
unsigned int dp5_packet_channels(const struct dp5_packet *p);

/* The 64 status bytes a reply holds, or NULL. @p has passed
 * dp5_packet_len_fits().
 */
const u8 *dp5_packet_status(const struct dp5_packet *p);

/* The serial number in 64 status bytes, or DP5_SERIAL_NONE. */
u32 dp5_packet_serial(const u8 *status);

/* Whether the instrument has started anew between two times 64 status bytes, as
 * the later ones tell: they are the first, or it is configured no longer.
 */
bool dp5_packet_rebooted(const u8 *before, const u8 *now);

#endif /* DRIVER_PACKET_H */
