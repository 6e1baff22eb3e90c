// SPDX-License-Identifier: GPL-2.0-or-later
/* Status and spectrum payloads of a reply. */
#include "proto/spectrum.h"

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint32_t counts[DP5_SPECTRUM_MAX];
	struct dp5_status s;
	bool is_clamped;
	size_t n, full;
	double dead;

	if (dp5_status_parse(data, size, &s) == 0) {
		dp5_status_acquiring(&s, false);
		dead = dp5_status_dead_fraction(&s, &is_clamped);
		MUST(dead != dead || (dead >= 0 && dead <= 1));
		MUST(dp5_device_name(s.device));
	}
	if (dp5_spectrum_parse(data, size, counts, &n, NULL, &full) == 0)
		MUST(dp5_channels_valid(n) && full <= n && 3 * n == size);
	if (dp5_spectrum_parse(data, size, counts, &n, &s, &full) == 0)
		MUST(dp5_channels_valid(n) && 3 * n + 64 == size);
	return 0;
}
