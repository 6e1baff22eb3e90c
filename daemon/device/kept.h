/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Open nodes that outlive the daemon. Each is left with the service manager
 * while it is open and taken by the next daemon, so that control of an
 * instrument is not free while one starts again.
 */
#ifndef DAEMON_DEVICE_KEPT_H
#define DAEMON_DEVICE_KEPT_H

#include "base/cleanup.h"

struct kept;

/* The service manager: keeps a copy of @fd, and closes those of that name. */
struct kept_manager {
	void (*put)(const char *name, int fd, void *arg);
	void (*remove)(const char *name, void *arg);
	void *arg;
};

int kept_new(const struct kept_manager *manager, struct kept **ret);
/* What the manager has stays there. */
struct kept *kept_free(struct kept *k);
CLEANUP_FUNC(struct kept, kept_free);

/* What the daemon before left; @fd is taken over, also on an error. */
int kept_add(struct kept *k, const char *name, int fd);

/*
 * A descriptor of @node for reading and writing without blocking: the one that
 * was left, when it is of the instrument that is there now and nothing of its
 * old subscription is in it any more, else a new one. -errno of open().
 */
int kept_open(struct kept *k, const char *node);
/* The caller closes its descriptor of @node: none shall hold control then. */
void kept_forget(struct kept *k, const char *node);

/* All nodes that there are were opened: what was left beside them is closed. */
void kept_forget_rest(struct kept *k);
/* The daemon ends: from here on kept_forget() leaves what is open. */
void kept_end(struct kept *k);

#endif
