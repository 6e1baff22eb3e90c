/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What port.c shares with its two back ends. */
#ifndef DAEMON_DEVICE_PORT_INTERNAL_H
#define DAEMON_DEVICE_PORT_INTERNAL_H

#include <sys/queue.h>

#include "device/port.h"

/* One call: the ioctl's struct with the bytes it points to beside it. */
struct port_call {
	TAILQ_ENTRY(port_call) link;
	uint32_t cmd;
	int result;
	union {
		uint32_t size; /* every argument opens with it */
		struct dp5_info info;
		struct dp5_transact transact;
		struct dp5_subscribe subscribe;
		struct dp5_control control;
	} u;
	uint64_t cookie;
	port_reply_fn fn;
	void *arg;
	uint8_t tx[DP5_REQUEST_MAX];
	uint8_t *rx; /* DP5_REPLY_MAX bytes, of a transaction only */
};
TAILQ_HEAD(port_calls, port_call);

struct port_ops {
	bool is_simulated;
	/* Takes @call over, also when it fails. */
	int (*submit)(struct port *p, struct port_call *call);
	void (*listen)(struct port *p);
	void (*close)(struct port *p);
};

/* The common part, first member of each back end's struct. */
struct port {
	const struct port_ops *ops;
	struct event_base *base;
	struct port_events events;
	char *name;
	bool *closed; /* set through here when a callback closes the port */
};

/* Fills the common part; -ENOMEM. port_deinit() undoes it. */
int port_init(struct port *p, const struct port_ops *ops,
	      struct event_base *base, const char *prefix, const char *path);
void port_deinit(struct port *p);

void port_call_free(struct port_call *call);
void port_calls_free(struct port_calls *calls);

/*
 * Each hands on to a callback and returns false when that closed the port,
 * which is freed then. port_answer() takes @call over; port_frames() takes
 * whole records and returns -EBADMSG for bytes that are none.
 */
bool port_answer(struct port *p, struct port_call *call);
int port_frames(struct port *p, const uint8_t *data, size_t len,
		bool *ret_is_open);
void port_gone(struct port *p, int error);

#endif
