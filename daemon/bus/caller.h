/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who calls, as the bus says, and whether the action is allowed to them. */
#ifndef DAEMON_BUS_CALLER_H
#define DAEMON_BUS_CALLER_H

#include <systemd/sd-bus.h>

struct service;

/*
 * The rest of a method call, once its caller is known. Returns as a method
 * handler does: a reply was sent, or @error is set, or -errno.
 */
typedef int (*caller_fn)(sd_bus_message *m, uint32_t uid, void *arg,
			 sd_bus_error *error);

/*
 * To be returned from a method handler. Asks the bus for the sender's uid
 * without waiting, then goes on with @fn; answers errors itself. When the
 * bus dies in between, @fn is never called.
 */
int caller_ask(struct service *s, sd_bus_message *m, caller_fn fn, void *arg);

/*
 * The same, and polkit must allow @action to the sender. Root always may. On
 * a bus that is not the system's the daemon's own user may too, so that tests
 * and teaching need no polkit. Without polkit nobody else may.
 */
int caller_authorize(struct service *s, sd_bus_message *m, const char *action,
		     caller_fn fn, void *arg);

#endif
