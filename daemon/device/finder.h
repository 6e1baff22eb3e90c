/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instruments as they turn up: a port opened and its identity read. */
#ifndef DAEMON_DEVICE_FINDER_H
#define DAEMON_DEVICE_FINDER_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "device/port.h"

struct event_base;
struct finder;
struct kept;

struct finder_events {
	/* Whether the port of this name is open already. */
	bool (*is_open)(const char *port_name, void *arg);
	/*
	 * @port is handed over; @serial is decimal or "none". -ENOMEM: it is
	 * found again later.
	 */
	int (*on_found)(struct port *port, const struct dp5_info *info,
			const char *serial, void *arg);
	/* A port could not be opened or asked; said once for each cause. */
	void (*on_trouble)(const char *port_name, int error, void *arg);
	void *arg;
};

/* @kept has the nodes left by the daemon before, and outlives the finder. */
int finder_new(struct event_base *base, const struct finder_events *events,
	       struct kept *kept, struct finder **ret);
struct finder *finder_free(struct finder *f);
CLEANUP_FUNC(struct finder, finder_free);

/* Watches udev for device nodes; reports those present. */
int finder_watch_nodes(struct finder *f);
/* To be called once a second: nodes that found no memory, or no descriptor left
 * or thread, are tried again. */
void finder_retry(struct finder *f);
/* Tries the socket of an emulator twice a second while it is not open. */
int finder_add_socket(struct finder *f, const char *path);

#endif
