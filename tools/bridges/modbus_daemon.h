/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon as a line sees it: one instrument, and the assay the line has
 * open. What must outlive this process is in the daemon's ledger: assays of
 * a line bear its name, and how far its PLC has acknowledged is the position
 * of a reader.
 */
#ifndef TOOLS_BRIDGES_MODBUS_DAEMON_H
#define TOOLS_BRIDGES_MODBUS_DAEMON_H

#include <poll.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "bridges/modbus_config.h"
#include "bridges/modbus_line.h"

struct daemon;

struct daemon_events {
	/*
	 * Something the line has to know. @fault says why with LINE_CANNOT,
	 * LINE_REFUSED and LINE_FAILED. @body is the record behind it,
	 * borrowed, or NULL: of the result with LINE_RESULT and LINE_FAILED,
	 * of the assay when it was found again.
	 */
	void (*on_event)(void *arg, enum line_event event, enum map_fault fault,
			 const json_t *body);
	void *arg;
};

struct daemon_order {
	const char *sample;
	const char *method;
	double live_s; /* 0: the method's */
};

/* What is polled while an assay runs; fields of map_values. */
struct daemon_progress {
	double fraction;
	double live_s;
	double input_cps;
	double output_cps;
	double dead;
};

/* Connects when it is first handled. */
int daemon_new(const struct modbus_config *config,
	       const struct daemon_events *events, struct daemon **ret);
struct daemon *daemon_free(struct daemon *d);
CLEANUP_FUNC(struct daemon, daemon_free);

/* What the actions of a line ask for. None waits; events tell. */
void daemon_measure(struct daemon *d, const struct daemon_order *order);
void daemon_cancel(struct daemon *d);
void daemon_ack(struct daemon *d);

bool daemon_is_qc_due(const struct daemon *d);
const struct daemon_progress *daemon_progress(const struct daemon *d);

/* What to wait for, -1 while there is no bus, and for how many ms. */
int daemon_wait(struct daemon *d, struct pollfd *fd);
/* Handles what has come and what is due. */
void daemon_handle(struct daemon *d);

#endif
