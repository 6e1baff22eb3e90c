/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets as the instrument makes them, and what a seeded fuzz makes of them.
 */
#ifndef TESTS_KERNEL_SPOIL_H
#define TESTS_KERNEL_SPOIL_H

#include "usbip.h"

static uint16_t sum_of(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	while (n--)
		sum += *p++;
	return (uint16_t)(0x10000 - (sum & 0xffff));
}

struct bytes {
	size_t n;
	uint8_t at[70000];
};

/* Set the checksum behind @n bytes of packet. */
static void put_sum(struct bytes *b, size_t n)
{
	uint16_t sum = sum_of(b->at, n);

	b->at[n] = (uint8_t)(sum >> 8);
	b->at[n + 1] = (uint8_t)sum;
	b->n = n + 2;
}

static void make(struct bytes *b, uint8_t pid1, uint8_t pid2, const void *data,
		 size_t len)
{
	memcpy(b->at, "\xf5\xfa", 2);
	b->at[2] = pid1;
	b->at[3] = pid2;
	b->at[4] = (uint8_t)(len >> 8);
	b->at[5] = (uint8_t)len;
	if (len)
		memcpy(b->at + 6, data, len);
	put_sum(b, 6 + len);
}

static void scatter(struct bytes *b, uint32_t *seed, unsigned int hits)
{
	while (hits-- && b->n)
		b->at[below(seed, (uint32_t)b->n)] = (uint8_t)random_of(seed);
}

/* The bytes that come in place of the reply. */
static void spoil(struct bytes *b, uint32_t *seed)
{
	size_t i, was = b->n;

	switch (below(seed, 10)) {
	case 0:
	case 1:
		scatter(b, seed, 1 + below(seed, 4));
		return;
	case 2: /* with a good sum */
		scatter(b, seed, 1 + below(seed, 4));
		put_sum(b, b->n - 2);
		return;
	case 3: /* another length, the sum right for it or not */
		b->at[4 + below(seed, 2)] = (uint8_t)random_of(seed);
		if (below(seed, 2))
			put_sum(b, b->n - 2);
		return;
	case 4:
		b->n = below(seed, (uint32_t)b->n);
		return;
	case 5:
		b->n += 1 + below(seed, 600);
		for (i = was; i < b->n; i++)
			b->at[i] = (uint8_t)random_of(seed);
		return;
	case 6:
		b->n = below(seed, 50) ? below(seed, 1100)
				       : 32000 + below(seed, 3000);
		for (i = 0; i < b->n; i++)
			b->at[i] = (uint8_t)random_of(seed);
		if (below(seed, 2) && b->n > 5)
			memcpy(b->at, "\xf5\xfa", 2);
		return;
	case 7: /* an answer to something else, or an acknowledge */
		b->at[2] = below(seed, 2) ? 0xff
					  : (uint8_t)(0x80 + below(seed, 16));
		b->at[3] = (uint8_t)below(seed, 20);
		put_sum(b, b->n - 2);
		return;
	case 8: /* whole, but of another length than its identifiers have */
		b->n = 8 + below(seed, 600);
		b->at[4] = (uint8_t)((b->n - 8) >> 8);
		b->at[5] = (uint8_t)(b->n - 8);
		put_sum(b, b->n - 2);
		return;
	default: /* twice */
		memcpy(b->at + b->n, b->at, b->n);
		b->n *= 2;
	}
}

#endif /* TESTS_KERNEL_SPOIL_H */
