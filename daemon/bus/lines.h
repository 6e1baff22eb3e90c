/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an instrument's own lines show to the line it stands at. */
#ifndef DAEMON_BUS_LINES_H
#define DAEMON_BUS_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "proto/config.h"

struct event;
struct run;
struct spectrometer;

struct lines {
	bool is_done; /* changes with each result */
	bool has_result;
	bool is_passed;
	unsigned int grade;
	/* From then on there is no result; 0: it stays, 1: it goes at once. */
	uint64_t clear_ns;
	/* Verdicts that are to be shown one after the other, a byte each. */
	uint8_t *due;
	size_t n_due;
	bool is_edge; /* one is to be written, or was just now */
	struct event *pause; /* pending: the last one must still be seen */
	/* Of a belt. */
	uint64_t n_told; /* the strobe that had the last verdict */
	uint64_t n_strobed; /* counted, once it is over */
	bool is_over; /* those without a verdict are to be told */
	int written; /* the four bits; negative: not known */
	int wanted; /* while a call is under way, negative: none is */
	bool is_failing; /* it was said */
};

/* -ENOMEM. */
int lines_init(struct spectrometer *sp);
void lines_deinit(struct lines *l);

/* What reespecd.conf(5) says of the AUX connector, into a configuration. */
int lines_configure(const struct spectrometer *sp, struct dp5_config *config);

/*
 * An assay has begun; ended with that result record, NULL: it is unknown. One
 * of a belt has a verdict when its strobe was counted, and when the belt is
 * over so has each strobe that none was of: fail.
 */
void lines_begun(struct spectrometer *sp);
void lines_ended(struct spectrometer *sp, const struct run *r,
		 const json_t *result);
void lines_belt_over(struct spectrometer *sp);
/* Whether what is to be shown is not yet, for the end of the daemon. */
bool lines_are_busy(const struct spectrometer *sp);

/* Something has changed, or may have: writes when the lines show otherwise. */
void lines_update(struct spectrometer *sp);

#endif
