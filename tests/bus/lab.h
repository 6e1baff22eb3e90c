/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One laboratory with its bridge into the stream: what of its ledger has
 * reached the far side, and whoever stands on the way killed.
 */
#ifndef TESTS_BUS_LAB_H
#define TESTS_BUS_LAB_H

#include "far.h"

struct lab {
	struct rig r;
	pid_t bridge_pid;
	const char *line;
	char ledger[40];
};

/* Of site `mine`. Nothing is left when it fails: it exits. */
void lab_start(struct lab *l, struct far *f, const char *line);
void lab_stop(struct lab *l);
void lab_start_bridge(struct lab *l, struct far *f);
/* Until the log of its bridge holds @text; false after a while. */
bool lab_bridge_says(struct lab *l, const char *text);
/* Until the daemon serves; half a minute. */
bool lab_wait_daemon(struct lab *l);
bool lab_restart_daemon(struct lab *l, int signal);

/* Until the database has what the ledger's last number is now. */
bool lab_wait_rows(struct lab *l, struct far *f);
/* The database holds 1 to Last once each, byte for byte, once all has come. */
bool lab_is_equal(struct lab *l, struct far *f);

/* Who may be killed on the way from the ledger into the database. */
enum lab_victim {
	LAB_BRIDGE,
	LAB_SINK,
	LAB_SERVER,
	LAB_DATABASE,
	LAB_DAEMON,
	LAB_N_VICTIMS
};

/* Kills it without a warning and starts it again. */
void lab_kill(struct lab *l, struct far *f, enum lab_victim who);

/* Of the environment's variable @name, else @def; at most @most. */
unsigned int lab_number_of(const char *name, unsigned int def,
			   unsigned int most);
/* Publishes some of the first messages of the stream again, under other ids: how
 * many. */
unsigned int lab_repeat(struct far *f);

#endif
