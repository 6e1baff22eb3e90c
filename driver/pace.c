// SPDX-License-Identifier: GPL-2.0-only
/* When what repeats is due. */
#include "pace.h"

bool dp5_pace_is_due(s64 *next_due, s64 t_req, u64 interval_ns, u64 stream_ns)
{
	s64 interval = interval_ns;

	if (t_req + (s64)(stream_ns / 2) < *next_due)
		return false;
	*next_due += interval;
	if (*next_due < t_req)
		*next_due = t_req + interval;
	return true;
}

s64 dp5_pace_next(s64 last, u64 interval_ns, s64 not_before)
{
	return max_t(s64, last + (s64)interval_ns, not_before);
}

s64 dp5_pace_join(s64 next, s64 next_due, s64 now, s64 not_before)
{
	if (next_due >= next)
		return next;
	return max_t(s64, next_due, max_t(s64, now, not_before));
}

unsigned int dp5_pace_retry_ms(unsigned int n_failed)
{
	unsigned int ms = DP5_PACE_RETRY_MIN_MS;

	while (--n_failed && ms < DP5_PACE_RETRY_MAX_MS)
		ms *= 2;
	return min_t(unsigned int, ms, DP5_PACE_RETRY_MAX_MS);
}
