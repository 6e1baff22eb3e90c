/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A call of the daemon, and whether the bus may start one to answer it. */
#ifndef TOOLS_REESPEC_BUS_CALL_H
#define TOOLS_REESPEC_BUS_CALL_H

#include <stdbool.h>
#include <systemd/sd-bus.h>

#define BUS_CALL_SERVICE "org.reespec1"

/*
 * The call of a method, to be filled and sent. For a person's command the bus
 * starts a daemon that is not there; what runs by itself has @may_start false
 * and waits, since a daemon that somebody has stopped is not for it to start.
 * 0 or -errno.
 */
int bus_call_new(sd_bus *bus, const char *path, const char *interface,
		 const char *member, bool may_start, sd_bus_message **ret);

/* Whether the answer is that there is no daemon. */
bool bus_call_is_absent(const sd_bus_error *error);

#endif
