/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When what repeats is due. Pure, like packet.h: all times are nanoseconds of
 * one clock, handed in.
 */
#ifndef DRIVER_PACE_H
#define DRIVER_PACE_H

#include "packet.h"

/* Pause after a failed request: doubled each time, up to the last. */
#define DP5_PACE_RETRY_MIN_MS 100
#define DP5_PACE_RETRY_MAX_MS 5000

/* Whether a record, requested at @t_req by a stream of @stream_ns, is for a
 * reader who wants one each @interval_ns and was promised the next for
 * @next_due; that moves on if so. Half an interval of the stream either way is
 * the nearest a record can come.
 */
bool dp5_pace_is_due(s64 *next_due, s64 t_req, u64 interval_ns, u64 stream_ns);

/* When the request after that of @last is due, not before @not_before. A tick
 * that has passed is left out.
 */
s64 dp5_pace_next(s64 last, u64 interval_ns, s64 not_before);

/* The same for a stream due at @next that somebody joins who was promised a
 * record for @next_due: at once, but for a pause until @not_before.
 */
s64 dp5_pace_join(s64 next, s64 next_due, s64 now, s64 not_before);

/* How long to wait after @n_failed failures in a row, at least one. */
unsigned int dp5_pace_retry_ms(unsigned int n_failed);

#endif /* DRIVER_PACE_H */
