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

/* @report is handed over, NULL with the reason in @why. In run.c. */
void run_fitted(struct run *r, json_t *report, const char *why, bool is_final,
		uint64_t took_ns);

#endif
