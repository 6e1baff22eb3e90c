// SPDX-License-Identifier: GPL-2.0-or-later
/* Little-endian u24 channels unpacked and checked. */
#include "proto/spectrum.h"

#include <errno.h>

#define STATUS_LEN 64

bool dp5_channels_valid(size_t n)
{
	return n >= 256 && n <= DP5_SPECTRUM_MAX && !(n & (n - 1));
}

int dp5_spectrum_channels(size_t len, bool has_status, size_t *ret_n)
{
	size_t tail = has_status ? STATUS_LEN : 0;

	if (len < tail || (len - tail) % 3 ||
	    !dp5_channels_valid((len - tail) / 3))
		return -EBADMSG;
	*ret_n = (len - tail) / 3;
	return 0;
}

int dp5_spectrum_parse(const uint8_t *data, size_t len, uint32_t *counts,
		       size_t *ret_n, struct dp5_status *status,
		       size_t *ret_n_full)
{
	size_t n, n_full = 0;
	int r;

	r = dp5_spectrum_channels(len, status != NULL, &n);
	if (r < 0)
		return r;
	if (status) {
		r = dp5_status_parse(data + 3 * n, STATUS_LEN, status);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n; i++, data += 3) {
		counts[i] = (uint32_t)data[0] | (uint32_t)data[1] << 8 |
			    (uint32_t)data[2] << 16;
		n_full += counts[i] == DP5_COUNT_FULL;
	}
	*ret_n = n;
	if (ret_n_full)
		*ret_n_full = n_full;
	return 0;
}
