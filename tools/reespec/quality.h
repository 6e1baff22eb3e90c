/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What quality control had found when a sample was measured. */
#ifndef TOOLS_REESPEC_QUALITY_H
#define TOOLS_REESPEC_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "reespec/records.h"

#define QUALITY_CHECKS_MAX 64

/*
 * The last state of each check of the spectrometer up to a result, and of the
 * checks that the result itself gave.
 */
struct quality {
	struct quality_check {
		char name[64];
		uint64_t seq; /* of its record */
		bool is_failed;
	} checks[QUALITY_CHECKS_MAX];
	size_t n;
};

/* That of result @r. */
int quality_of(struct client *c, const struct args *args,
	       const struct record *r, struct quality *ret);

/* In one line: "no check before", "failed: NAME (record 12)", "NAME ok
 * (record 12)" or "3 checks ok, last record 12". */
void quality_text(const struct quality *q, char *text, size_t size);

/* {"state": "none", "ok" or "failed", "checks": [...]}; NULL: out of memory. */
json_t *quality_json(const struct quality *q);

#endif
