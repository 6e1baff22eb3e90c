/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program of a PLC as tools/README.md has it: the table of steps is read
 * from there and done, row by row, so what it says is what is tried.
 */
#ifndef TESTS_BUS_STEPS_H
#define TESTS_BUS_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include "plc.h"

#define STEPS_ROWS_MAX 16
#define STEPS_PARTS_MAX 8

enum steps_step { STEPS_ORDER, STEPS_WAIT, STEPS_ACKNOWLEDGE, STEPS_N };

/* A sample that is to be measured, and what the PLC kept of it. */
struct steps_sample {
	uint16_t method;
	uint16_t preset_s;
	uint64_t result; /* number of its record; 0: none yet */
	uint64_t fault; /* of the last fault */
	unsigned int fault_code;
	unsigned int n_ends; /* results and faults */
	unsigned int n_lost; /* faults of orders that are in no ledger */
	bool is_passed;
	bool is_aside;
	float content[3]; /* of the first quantity: with u and L_D */
};

/* What a row wants, or does: words of a table, and its numbers. */
struct steps_part {
	unsigned int word;
	unsigned int n[2];
};

struct steps_row {
	unsigned int steps; /* a bit each */
	unsigned int n_conditions, n_actions;
	struct steps_part conditions[STEPS_PARTS_MAX];
	struct steps_part actions[STEPS_PARTS_MAX];
	unsigned int n_done; /* how often it fitted */
};

struct steps {
	struct plc *plc;
	struct steps_row rows[STEPS_ROWS_MAX];
	unsigned int n_rows;
	/* What outlives the PLC. */
	enum steps_step step;
	uint64_t noted;
	struct steps_sample *samples; /* the caller's */
	unsigned int n_samples;
	/* A sample with so many faults is set aside; 0: never. */
	unsigned int faults_max;
	unsigned int n_again; /* ends that were seen already */
	/* Of the connection. */
	bool is_answered;
	uint16_t input[40]; /* at their addresses */
	uint64_t beat_ns;
	uint16_t beat;
	/* The answer to the next order is lost with the connection. */
	bool loses_answer;
};

/* Reads the table; false, and says the words, when it has some that nobody
 * knows here. */
bool steps_read(struct steps *s, struct plc *plc, struct steps_sample *samples,
		unsigned int n);
/* One cycle. */
void steps_cycle(struct steps *s);
/* Cycles until it is in that step and the state one of the digits, or for as
 * long as a minute: false. */
bool steps_until(struct steps *s, enum steps_step step, const char *states);
/* The first sample without an end of its own, n_samples: none. */
unsigned int steps_next(const struct steps *s);
/* Until no sample waits and nothing is left to acknowledge. */
bool steps_finish(struct steps *s);
/* The PLC loses what it had in its memory. */
void steps_forget(struct steps *s);

#endif
