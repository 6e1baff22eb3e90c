/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A spectrum payload of the wire as counts. */
#ifndef DAEMON_PROTO_SPECTRUM_H
#define DAEMON_PROTO_SPECTRUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/status.h"

#define DP5_SPECTRUM_MAX 8192
/* Where a channel of 24 bits is full. */
#define DP5_COUNT_FULL 0xffffffu

/* Whether @n is 256, 512, ... 8192. */
bool dp5_channels_valid(size_t n);

/*
 * Channels of a 3*n payload, or of a 3*n + 64 one when @has_status:
 * 0 and *ret_n, or -EBADMSG when no legal n fits @len.
 */
int dp5_spectrum_channels(size_t len, bool has_status, size_t *ret_n);

/*
 * Unpacks a spectrum payload into @counts (room for DP5_SPECTRUM_MAX) and,
 * when @status is not NULL, the 64 status bytes behind it. *ret_n_full (may
 * be NULL) counts channels that stand at full scale. 0 or -EBADMSG.
 */
int dp5_spectrum_parse(const uint8_t *data, size_t len, uint32_t *counts,
		       size_t *ret_n, struct dp5_status *status,
		       size_t *ret_n_full);

#endif
