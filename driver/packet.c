// SPDX-License-Identifier: GPL-2.0-only
/*
 * Framing, checksum and lengths of the DP5 protocol.
 *
 * A packet is F5 FA PID1 PID2 LEN-high LEN-low, LEN bytes, checksum high and
 * low. The checksum makes the sum of all bytes before it, plus itself as one
 * 16-bit number, zero modulo 65536; it may well be zero itself.
 */
#include "packet.h"

#include "uapi/dp5.h"

#define SYNC1 0xf5
#define SYNC2 0xfa

static u16 get_be16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static void put_be16(u8 *p, u16 v)
{
	p[0] = v >> 8;
	p[1] = v & 0xff;
}

/* Every second byte of a word, each with room for 16 bits. */
#define EVEN_BYTES 0x00ff00ff00ff00ffULL

/* So many words fit that room: 128 * 2 * 255 < 65536. */
#define SUM_WORDS 128

/* The sum of four numbers of 16 bits. */
static u32 fold(u64 sums)
{
	sums = (sums & 0x0000ffff0000ffffULL) +
	       (sums >> 16 & 0x0000ffff0000ffffULL);
	return (u32)(sums + (sums >> 32));
}

/* Eight bytes at a time: this is made of each reply as it completes, and a
 * byte at a time it took longer than all else the driver does for a spectrum.
 * At most 32773 bytes of at most 255: no overflow in 32 bits.
 */
static u32 byte_sum(const u8 *p, size_t n)
{
	const u8 *end = p + n;
	u32 sum = 0;

	while (end - p >= (ptrdiff_t)sizeof(u64)) {
		size_t n_words = (end - p) / sizeof(u64);
		const u8 *stop;
		u64 word, sums = 0;

		if (n_words > SUM_WORDS)
			n_words = SUM_WORDS;
		for (stop = p + n_words * sizeof(word); p != stop;
		     p += sizeof(word)) {
			memcpy(&word, p, sizeof(word));
			sums += (word & EVEN_BYTES) + (word >> 8 & EVEN_BYTES);
		}
		sum += fold(sums);
	}
	while (p != end)
		sum += *p++;
	return sum;
}

size_t dp5_packet_build(u8 *buf, u8 pid1, u8 pid2, const u8 *data, u16 len)
{
	size_t n = DP5_PACKET_HEADER + len;

	buf[0] = SYNC1;
	buf[1] = SYNC2;
	buf[2] = pid1;
	buf[3] = pid2;
	put_be16(buf + 4, len);
	if (len)
		memcpy(buf + DP5_PACKET_HEADER, data, len);
	put_be16(buf + n, (u16)(0 - byte_sum(buf, n)));
	return n + 2;
}

enum dp5_packet_fault dp5_packet_parse(const u8 *buf, size_t n,
				       struct dp5_packet *ret)
{
	size_t whole;
	u16 len;

	if (n > 0 && buf[0] != SYNC1)
		return DP5_PACKET_SYNC;
	if (n > 1 && buf[1] != SYNC2)
		return DP5_PACKET_SYNC;
	if (n < DP5_PACKET_OVERHEAD)
		return DP5_PACKET_PARTIAL;

	len = get_be16(buf + 4);
	if (len > DP5_REPLY_MAX)
		return DP5_PACKET_LENGTH;
	whole = (size_t)len + DP5_PACKET_OVERHEAD;
	if (n < whole)
		return DP5_PACKET_PARTIAL;
	if (n > whole)
		return DP5_PACKET_EXCESS;
	if ((byte_sum(buf, whole - 2) + get_be16(buf + whole - 2)) & 0xffff)
		return DP5_PACKET_CHECKSUM;

	ret->pid1 = buf[2];
	ret->pid2 = buf[3];
	ret->len = len;
	ret->data = buf + DP5_PACKET_HEADER;
	return DP5_PACKET_WHOLE;
}

unsigned int dp5_packet_channels(const struct dp5_packet *p)
{
	if (p->pid1 != 0x81 || p->pid2 < 0x01 || p->pid2 > 0x0c)
		return 0;
	return 256U << ((p->pid2 - 1) >> 1);
}

static bool has_status(const struct dp5_packet *p)
{
	return p->pid1 == 0x81 && !(p->pid2 & 1);
}

static bool spectrum_len_fits(const struct dp5_packet *p)
{
	unsigned int channels = dp5_packet_channels(p);
	unsigned int tail = has_status(p) ? DP5_STATUS_LEN : 0;

	return channels && p->len == 3 * channels + tail;
}

static bool data_len_fits(const struct dp5_packet *p)
{
	switch (p->pid2) {
	case 0x01: /* scope */
	case 0x03:
		return p->len == 2048;
	case 0x02: /* misc */
		return p->len == 512;
	case 0x04: /* Ethernet: 0x17 and 0x19 are both documented */
		return p->len == 0x17 || p->len == 0x19;
	case 0x05: /* diagnostic */
		return p->len == 256;
	case 0x07: /* configuration read-back */
	case 0x08: /* Netfinder */
		return p->len >= 1;
	case 0x09: /* I2C */
		return p->len >= 1 && p->len <= 32;
	case 0x0a: /* list mode */
	case 0x0b:
		return p->len <= 4096 && p->len % 4 == 0;
	case 0x0c: /* option PA: 9 and 17 are both documented */
		return p->len == 9 || p->len == 17;
	default:
		return false;
	}
}

/* An ACK is empty, but for an address (0F, not as answer to a comm test) and
 * an echoed command (05, 07, 0B). Numbers nobody documents are let through:
 * they are errors anyway.
 */
static bool ack_len_fits(const struct dp5_packet *p)
{
	switch (p->pid2) {
	case 0x0f:
		return p->len == 3 || !p->len;
	case 0x05:
	case 0x07:
	case 0x0b:
		return p->len <= DP5_REQUEST_MAX;
	default:
		return p->pid2 > 0x11 ? p->len <= DP5_REQUEST_MAX : !p->len;
	}
}

bool dp5_packet_len_fits(const struct dp5_packet *p)
{
	switch (p->pid1) {
	case 0x80:
		return (p->pid2 == 0x01 || p->pid2 == 0x02) &&
		       p->len == DP5_STATUS_LEN;
	case 0x81:
		return spectrum_len_fits(p);
	case 0x82:
		return data_len_fits(p);
	case 0x83:
		return p->pid2 == 0x01 && p->len == 64;
	case 0x8f:
		return p->pid2 == 0x7f && p->len <= DP5_REQUEST_MAX;
	case DP5_PID1_ACK:
		return ack_len_fits(p);
	default:
		return false;
	}
}

const u8 *dp5_packet_status(const struct dp5_packet *p)
{
	if (p->pid1 == 0x80 && p->pid2 == 0x01)
		return p->data;
	if (has_status(p))
		return p->data + p->len - DP5_STATUS_LEN;
	return NULL;
}

u32 dp5_packet_serial(const u8 *status)
{
	if (status[29] & 0x80)
		return DP5_SERIAL_NONE;
	return status[26] | status[27] << 8 | status[28] << 16 |
	       (u32)status[29] << 24;
}

/* Right since firmware 6.05, and since 6.04. */
bool dp5_packet_rebooted(const u8 *before, const u8 *now)
{
	bool is_first = now[24] >= 0x65 && (now[36] & 0x20);
	bool was_configured = before[35] & 0x02;
	bool is_configured = now[24] < 0x64 || (now[35] & 0x02);

	return is_first || (was_configured && !is_configured);
}
