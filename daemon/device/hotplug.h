/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes of the dp5 class as they come and go, by udev. */
#ifndef DAEMON_DEVICE_HOTPLUG_H
#define DAEMON_DEVICE_HOTPLUG_H

#include <stdbool.h>

#include "base/cleanup.h"

struct event_base;
struct hotplug;

/*
 * A node is there, as /dev/dp5-0. Called for those present at the start, for
 * new ones, and again for known ones after events were lost: an open node is
 * to be ignored. That a node went is told by reading it. A negative answer has
 * it told again by hotplug_retry().
 */
typedef int (*hotplug_found_fn)(const char *node, void *arg);

/* Watches and reports what is present; the callback comes from within. */
int hotplug_new(struct event_base *base, hotplug_found_fn found, void *arg,
		struct hotplug **ret);
struct hotplug *hotplug_free(struct hotplug *h);
/* The next hotplug_retry() tells all nodes again. */
void hotplug_look_again(struct hotplug *h);
/* To be called once in a while: what there was no memory for is done then. */
void hotplug_retry(struct hotplug *h);
CLEANUP_FUNC(struct hotplug, hotplug_free);

/* Whether the kernel has the class at all, that is, the module is loaded. */
bool hotplug_has_driver(void);

#endif
