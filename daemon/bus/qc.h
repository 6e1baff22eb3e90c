/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Quality control of one instrument: its state, by the policy and the ledger. */
#ifndef DAEMON_BUS_QC_H
#define DAEMON_BUS_QC_H

#include <stdint.h>

#include "base/json.h"
#include "bus/qc_policy.h"

struct ledger;
struct qc;

/*
 * Reads the policy beside the first folder of methods that has one
 * (FOLDER/../qc.conf) and brings the charts of @serial up to date from the
 * ledger. A policy with a mistake is a state of failure that says so, not an
 * error: nothing may pass for checked by accident.
 */
int qc_new(const char *const *method_dirs, struct ledger *ledger,
	   const char *serial, struct qc **ret);
struct qc *qc_free(struct qc *q);
CLEANUP_FUNC(struct qc, qc_free);

/*
 * Takes a result's body into account. What it found, one object a check, is
 * appended to @found unless that is NULL.
 */
void qc_take(struct qc *q, const json_t *body, json_t *found);

/* The worst of all checks at @now (CLOCK_REALTIME, us) and why, a sentence. */
enum qc_state qc_state(const struct qc *q, uint64_t now_us, char *why,
		       size_t why_size);
/*
 * The @i-th check and its own state at @now; NULL behind the last. @ret_sample
 * is what has to be measured for it: of a duplicate the sample before it, ""
 * where any name will do or none can be told.
 */
const struct qc_check *qc_check_at(const struct qc *q, size_t i,
				   uint64_t now_us, enum qc_state *ret_state,
				   const char **ret_sample, char *why,
				   size_t why_size);
/* "none", "ok", "due" or "failed". */
const char *qc_state_name(enum qc_state state);
/*
 * The same for a result: {"state", "why", "checks": [{"check", "state",
 * "why"}]}, of each check of the policy. NULL: out of memory.
 */
json_t *qc_json(const struct qc *q, uint64_t now_us);
/* Whether the policy refuses samples now; then @why says so. */
bool qc_refuses(const struct qc *q, uint64_t now_us, char *why,
		size_t why_size);

#endif
