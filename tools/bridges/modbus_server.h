/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Modbus/TCP side: who may connect, frames, answers. */
#ifndef TOOLS_BRIDGES_MODBUS_SERVER_H
#define TOOLS_BRIDGES_MODBUS_SERVER_H

#include <poll.h>

#include "base/cleanup.h"
#include "bridges/modbus_config.h"

struct server;

struct server_events {
	/* A write within the map; 0 when it is taken, else the exception code
	 * to answer with. What is taken stands in the map afterwards. */
	int (*on_write)(void *arg, const struct map_request *request);
	/* Before every answer to a read. */
	void (*on_read)(void *arg);
	void *arg;
};

/* Listens. @config is borrowed. Negative with the reason in @why. */
int server_new(const struct modbus_config *config,
	       const struct server_events *events, struct server **ret,
	       char *why, size_t why_size);
struct server *server_free(struct server *s);
CLEANUP_FUNC(struct server, server_free);

/* The tables that are read and written. */
uint8_t *server_coils(struct server *s);
uint8_t *server_inputs(struct server *s);
uint16_t *server_holding(struct server *s);
uint16_t *server_registers(struct server *s);

/* Descriptors to wait for, at most 1 + connections; their number. */
size_t server_fds(const struct server *s, struct pollfd *fds);
/* Handles those that are ready; none of it blocks. */
void server_handle(struct server *s, const struct pollfd *fds, size_t n);

#endif
