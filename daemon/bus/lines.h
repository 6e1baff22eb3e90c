/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an instrument's own lines show to the line it stands at. */
#ifndef DAEMON_BUS_LINES_H
#define DAEMON_BUS_LINES_H

#include <stdbool.h>

#include "base/json.h"
#include "proto/config.h"

struct spectrometer;

struct lines {
	bool is_done; /* changes with each result */
	bool has_result;
	bool is_passed;
	unsigned int grade;
	int written; /* the four bits; negative: not known */
	int wanted; /* while a call is under way, negative: none is */
	bool is_failing; /* it was said */
};

void lines_init(struct lines *l);

/* What reespecd.conf(5) says of the AUX connector, into a configuration. */
int lines_configure(const struct spectrometer *sp, struct dp5_config *config);

/* An assay has begun; ended with that result record, NULL: it is unknown. */
void lines_begun(struct spectrometer *sp);
void lines_ended(struct spectrometer *sp, const json_t *result);

/* Something has changed, or may have: writes when the lines show otherwise. */
void lines_update(struct spectrometer *sp);

#endif
