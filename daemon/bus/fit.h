/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The computations of a run, on the worker's thread. */
#ifndef DAEMON_BUS_FIT_H
#define DAEMON_BUS_FIT_H

#include "bus/run.h"

/*
 * Each takes over one reference of @r, given back when the job has ended, and
 * fails with -ENOMEM, the reference given back too. A fit ends in
 * run_fitted() on the loop.
 */
int fit_prepare(struct run *r);
int fit_estimate(struct run *r, const struct session_reading *reading);
int fit_final(struct run *r, const struct session_reading *last);

/* Of a spectrum with its live time: rates by counters, and an energy axis. */
void fit_set_rates(struct spectrum *s, double fast_count, double slow_count);
void fit_set_axis(struct spectrum *s, double zero_kev, double kev_per_chan);
/* Computes on the worker's thread; *ret_report stays NULL, with the reason in
 * @why, when there is none. */
void fit_report(struct assay_engine *engine, const struct spectrum *s,
		json_t **ret_report, char *why, size_t why_size);
/*
 * The contents stand in a result's body itself, beside its counters. What the
 * record says of its own keeps its word. -ENOMEM.
 */
int fit_merge_report(json_t *result, json_t *report);

/* @report is handed over, NULL with the reason in @why. In run.c. */
void run_fitted(struct run *r, json_t *report, const char *why, bool is_final,
		uint64_t took_ns);

#endif
