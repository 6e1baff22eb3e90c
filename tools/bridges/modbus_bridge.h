/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the PLC and the daemon: orders one way, values the other. */
#ifndef TOOLS_BRIDGES_MODBUS_BRIDGE_H
#define TOOLS_BRIDGES_MODBUS_BRIDGE_H

#include "base/cleanup.h"
#include "bridges/modbus_config.h"

struct bridge;

/* Listens. @config is borrowed. */
int bridge_new(const struct modbus_config *config, struct bridge **ret,
	       char *why, size_t why_size);
struct bridge *bridge_free(struct bridge *b);
CLEANUP_FUNC(struct bridge, bridge_free);

/* Waits for something to do, at most until the next second or until
 * @stop_fd can be read, and does it. */
int bridge_turn(struct bridge *b, int stop_fd);

#endif
