/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a spectrometer saw one sample from time to time. */
#ifndef TOOLS_REESPEC_DRIFT_H
#define TOOLS_REESPEC_DRIFT_H

#include "reespec/records.h"

struct drift_point {
	uint64_t seq;
	char time[28];
	double gain_ev;
	double u_gain_ev;
	double offset_ev;
	double fwhm_mn_ev;
	double cps; /* of the element's lines, by live time */
	double u_cps;
};

/* Results of the same spectrometer, sample and method, by their numbers. */
struct drift {
	const struct args *args; /* borrowed */
	json_t *like; /* body of the last one; borrowed */
	const char *symbol; /* of the element whose lines are told; borrowed */
	struct drift_point *point;
	size_t n;
};

/*
 * Reads the results up to @last that are like that one, it included: those
 * done, but not those that were computed again. The caller calls
 * drift_deinit(), also after an error.
 */
int drift_read(struct client *c, uint64_t last, struct drift *d);
void drift_deinit(struct drift *d);

/* A table of the first and the last ones, and what has changed since then. */
int drift_print(const struct drift *d);
json_t *drift_json(const struct drift *d);

#endif
