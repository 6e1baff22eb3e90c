/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One sample measured by the daemon, watched from its start to its end. */
#ifndef TOOLS_REESPEC_COUNTING_H
#define TOOLS_REESPEC_COUNTING_H

#include <stdbool.h>
#include <stdint.h>

#include "reespec/client.h"
#include "reespec/progress.h"

/* @args (borrowed) has the options of the assay; all else begins as zero. */
struct counting {
	const struct args *args;
	const char *sample; /* borrowed */
	const char *kind; /* borrowed; NULL: --kind, or what the daemon takes */
	struct client *client;
	struct progress progress;
	char path[256]; /* of the assay on the bus */
	bool is_gone; /* the daemon ended */
	bool is_queued;
	bool is_interrupted;
	unsigned int n_interrupts;
	uint64_t finish_ms; /* when an interrupt has it finish; 0: none has */
	/* Of AssayFinished: the object may be gone by then. */
	uint64_t seq;
	char verdict[32];
};

/* An option that is a number, and its key on the bus. */
struct counting_number {
	const char *option;
	const char *key;
	double min;
	double max;
};
/* The one of this name; NULL: it is no number. */
const struct counting_number *counting_number(const char *option);

/* Options of the assay as Measure takes them, into @to. */
int counting_options(const struct args *args, json_t *to);

/* Leads the operator to the sample, on a terminal; Ctrl-C leaves there. */
int counting_ask(const struct args *args, const char *sample);

/*
 * Starts it by --method, --live, --real, --counts, --until, --decide, --key,
 * --interval, --tube-ua, --device, --wait, --queue, --patience and --detach,
 * as far as the command has them.
 */
int counting_start(struct counting *c);

/*
 * Shows its progress until it has ended: record `seq` is then its result. An
 * interrupt of the operator finishes it after 2 s, a second one cancels it.
 */
int counting_watch(struct counting *c);

void counting_deinit(struct counting *c);
#endif
