/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sd-bus on libevent's loop, with a bus that may go and come back. */
#ifndef DAEMON_BUS_LOOP_H
#define DAEMON_BUS_LOOP_H

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "base/cleanup.h"

struct event_base;
struct loop;

struct loop_events {
	/* A new connection: vtables are to be added before the name is asked
	 * for, which follows on a return of 0. */
	int (*on_connected)(sd_bus *bus, void *arg);
	/* The name is ours. */
	void (*on_named)(void *arg);
	/* The connection is dying: slots are to be given up. */
	void (*on_lost)(void *arg);
	/* The name cannot be owned, with the reason for the operator. */
	void (*on_refused)(const char *why, void *arg);
	void *arg;
};

/* @address: "system", "session" or an address. Connects when it runs. */
int loop_new(struct event_base *base, const char *address, const char *name,
	     const struct loop_events *events, struct loop **ret);
struct loop *loop_free(struct loop *l);
CLEANUP_FUNC(struct loop, loop_free);

/* Runs until loop_quit(); 0 or a negative errno of libevent. */
int loop_run(struct loop *l);
void loop_quit(struct loop *l);

/* The connection, or NULL while there is none. Borrowed. */
sd_bus *loop_bus(const struct loop *l);

#endif
