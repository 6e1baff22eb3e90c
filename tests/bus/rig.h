/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A private bus with the system bus's limits, an emulator on its socket, the
 * real daemon between them and one client.
 */
#ifndef TESTS_BUS_RIG_H
#define TESTS_BUS_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "base/json.h"

#define RIG_SERIAL "38563"
#define RIG_SPECTROMETER "/org/reespec1/spectrometer/" RIG_SERIAL
#define RIG_ROOT "/org/reespec1"
#define RIG_BATCHES_MAX 64

struct rig_batch {
	uint64_t first;
	uint64_t last;
	char head[65];
	bool is_more;
	unsigned int n_readings;
};

struct rig {
	char dir[64];
	char address[128];
	char state[128];
	char methods[128]; /* ours to write into */
	char log[128]; /* what the daemon says */
	pid_t bus_pid;
	pid_t emu_pid;
	pid_t daemon_pid;
	unsigned long fsize_limit; /* of the daemon, 0 = none */
	char options[200]; /* more of them for the daemon */
	const char *instrument; /* socket in dir for the daemon; "dp5" */
	const char *preload; /* of tests/preload for the daemon; NULL */
	const char *before; /* the shell's assignments for the daemon; NULL */
	sd_bus *bus;

	/* Of the last AssayFinished. */
	unsigned int n_finished;
	char verdict[32];
	char sample[130];
	uint64_t result;
	/* Batches, in order. */
	unsigned int n_batches;
	struct rig_batch batches[RIG_BATCHES_MAX];
};

/* Ends the test program, which cannot be set up, and says why. */
void rig_die(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* A bus, an emulator with the options of @emu, the daemon, and the instrument
 * in the state @state. Nothing is left when it fails: exits with a message. */
void rig_start(struct rig *r, const char *emu, const char *state);
void rig_stop(struct rig *r);

void rig_start_bus(struct rig *r, bool may_own);
void rig_start_emu(struct rig *r, const char *options);
void rig_start_daemon(struct rig *r);
void rig_connect(struct rig *r);
/* One more client, without the signals. */
sd_bus *rig_open(struct rig *r);
/* The daemon that is started next has settings by which all may be archived. */
void rig_keep_no_days(struct rig *r);
/* Sends @signal to a program and waits for its end: the wait status. */
int rig_kill(pid_t *pid, int signal);
/* From now on, or no longer, with the preload "fail". */
void rig_fail(struct rig *r, bool is_failing);
/* The daemon's wall clock stands so far off from now on, with the preload
 * "clock". */
void rig_set_clock(struct rig *r, long off_s);
/* Runs the daemon until it ends by itself: its exit status. */
int rig_run_daemon(struct rig *r, const char *options);
/* One command to the emulator's control socket; false when refused. */
bool rig_emu(struct rig *r, const char *command);
/* Whether the daemon's log holds @text. */
bool rig_log_has(struct rig *r, const char *text);
/* A method `name` made of ore-l, with @from replaced by @to. */
void rig_method(struct rig *r, const char *name, const char *from,
		const char *to);

/* @seconds, or many times that where all is slow: how long to wait at most. */
double rig_patience(double seconds);
/* Handles messages until @test holds; false after @seconds. */
bool rig_wait(struct rig *r, double seconds, bool (*test)(struct rig *r));
bool rig_wait_text(struct rig *r, double seconds, const char *path,
		   const char *interface, const char *property,
		   const char *value);
bool rig_wait_state(struct rig *r, const char *value);
bool rig_wait_finished(struct rig *r, unsigned int n);
bool rig_wait_batches(struct rig *r, unsigned int n);
/* What is on its way already is handled; the calls before have ended. */
void rig_settle(struct rig *r);

/* A property as text; the result lives until the next call. */
const char *rig_text(struct rig *r, const char *path, const char *interface,
		     const char *property);
uint64_t rig_last(struct rig *r);

/*
 * Measure with live seconds (0: none) and more options, ended by NULL: a name
 * alone is true, "name=text" a string, "name:number" a number and
 * "key@name=text" one more of the option keys. "" on
 * success, else the error's name; the path and message stay in the buffers.
 */
extern char rig_path[128];
extern char rig_message[512];
const char *rig_measure(struct rig *r, const char *sample, const char *method,
			double live_s, ...);
/* Any call without a result worth keeping: as rig_measure(). */
const char *rig_call(struct rig *r, const char *path, const char *interface,
		     const char *member, const char *types, ...);
/* The body of a record, to be freed; NULL when there is none. */
json_t *rig_record(struct rig *r, uint64_t seq, char *ret_hash, char *ret_sig,
		   size_t *ret_n_counts);
/* The order of the assay that rig_measure() began last. */
json_t *rig_order(struct rig *r);
/* What user nobody is told when calling @call; busctl has words of its own for
 * a denial. Only root can be somebody else. */
const char *rig_as_nobody(struct rig *r, const char *call);
/* Whether the result of the assay that ended last has that state, and its reason
 * the words; says what it has if not. */
bool rig_result_says(struct rig *r, const char *state, const char *why);
/* Verify says that all is good. */
bool rig_verifies(struct rig *r);

#endif
