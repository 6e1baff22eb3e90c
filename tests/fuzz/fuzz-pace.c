// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pacing of a stream with one reader, over any delays. The input: intervals of
 * stream and reader, then what each request took and whether it failed.
 */
#include "pace.c"

#include "fuzz/fuzz.h"

#define MS 1000000LL
#define DAY_MS 86400000U /* the longest interval there is */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	s64 now = 0, next = 0, next_due = 0, not_before, last = -1, was;
	u32 ms[2];
	u64 stream, interval;
	unsigned int n_failed = 0;
	bool is_due;

	if (size < sizeof(ms))
		return 0;
	memcpy(ms, data, sizeof(ms));
	stream = ms[0] % (DAY_MS + 1) * MS;
	interval = stream + ms[1] % (DAY_MS + 1) * MS;

	for (size_t i = sizeof(ms); i < size; i++) {
		s64 t_req = next > now ? next : now;

		now = t_req + (data[i] >> 1) * 8 * MS;
		n_failed = data[i] & 1 ? n_failed + 1 : 0;
		was = next_due;
		is_due = !n_failed &&
			 dp5_pace_is_due(&next_due, t_req, interval, stream);
		if (is_due) {
			/* Never much earlier than asked for. */
			MUST(t_req + (s64)(stream / 2) >= was);
			MUST(next_due >= t_req);
			MUST(next_due >= was + (s64)interval);
			MUST(last < 0 || t_req >= last);
			last = t_req;
		} else {
			MUST(next_due == was);
		}
		not_before = now;
		if (n_failed) {
			unsigned int wait = dp5_pace_retry_ms(n_failed);

			MUST(wait >= DP5_PACE_RETRY_MIN_MS);
			MUST(wait <= DP5_PACE_RETRY_MAX_MS);
			not_before += wait * MS;
		}
		was = next;
		next = dp5_pace_next(next, stream, not_before);
		MUST(next >= not_before && next >= was + (s64)stream);
		/* Who joins brings nothing forward into a pause. */
		was = dp5_pace_join(next, now, now, not_before);
		MUST(was <= next && was >= not_before);
	}
	return 0;
}
