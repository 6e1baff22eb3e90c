/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What quality control had found when a sample was measured. */
#ifndef TOOLS_REESPEC_QUALITY_H
#define TOOLS_REESPEC_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "reespec/records.h"

#define QUALITY_CHECKS_MAX 64

/*
 * The checks of the policy that was in force, by the result itself, each with
 * the record that was its last one then; of one that the result is a control
 * of, the state that it was given. Where the result is older than that, the
 * last record of each check, and nothing of what was due.
 */
struct quality {
	struct quality_check {
		char name[64];
		char state[8]; /* "ok", "due" or "failed" */
		char why[160]; /* "" of what is ok */
		uint64_t seq; /* of its record; 0: none */
	} checks[QUALITY_CHECKS_MAX];
	size_t n;
	bool is_by_policy;
	bool is_broken; /* the policy: it could not be read */
};

/* That of result @r. */
int quality_of(struct client *c, const struct args *args,
	       const struct record *r, struct quality *ret);

/* In one line: "failed: NAME (record 12)", "due: NAME: never done", "NAME ok
 * (record 12)", "3 checks ok, last record 12" or "no check". */
void quality_text(const struct quality *q, char *text, size_t size);

/* {"state": "none", "ok", "due" or "failed", "by": "result" or "records",
 * "checks": [...]}; NULL: out of memory. */
json_t *quality_json(const struct quality *q);

#endif
