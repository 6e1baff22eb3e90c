/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way to one instrument: the calls of driver/uapi/dp5.h without blocking,
 * over its device node or over an emulator's socket.
 *
 * Calls are queued, answered in order and always answered exactly once, from
 * the loop and never from within the call itself; only port_close() drops
 * them unanswered. Everything here belongs to the loop's thread.
 */
#ifndef DAEMON_DEVICE_PORT_H
#define DAEMON_DEVICE_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uapi/dp5.h"

struct event_base;
struct kept;
struct port;

/*
 * The answer to a call. @result is 0 or a negative errno; then the rest is
 * not filled. @data and @info are borrowed for the time of the callback.
 */
struct port_reply {
	int result;
	uint8_t pid1;
	uint8_t pid2;
	const uint8_t *data;
	size_t len;
	const struct dp5_info *info; /* of port_get_info() only */
};

typedef void (*port_reply_fn)(const struct port_reply *reply, void *arg);

/* What comes unasked. The port may be closed from within either callback. */
struct port_events {
	/* A whole record, checked for its lengths. */
	void (*on_frame)(const struct dp5_frame *frame, const uint8_t *payload,
			 void *arg);
	/* Unplugged, or the other side closed: nothing else comes. @error is
	 * -ENODEV or why reading failed. */
	void (*on_gone)(int error, void *arg);
	void *arg;
};

/* @path is kept as a copy. Negative errno, also of opening the path. A node is
 * opened and forgotten by way of @kept, which outlives the port. */
int port_chardev_open(struct event_base *base, const char *path,
		      struct kept *kept, struct port **ret);
int port_socket_open(struct event_base *base, const char *path,
		     struct port **ret);

/* Sets who hears of frames and the end; until then they wait unread. */
void port_listen(struct port *p, const struct port_events *events);

/* "/dev/dp5-0" or "socket:PATH". */
const char *port_name(const struct port *p);
bool port_is_simulated(const struct port *p);

int port_get_info(struct port *p, port_reply_fn fn, void *arg);
/* @data is copied. */
int port_transact(struct port *p, uint8_t pid1, uint8_t pid2, const void *data,
		  size_t len, port_reply_fn fn, void *arg);
/* @kind as in dp5_subscribe; DP5_SUB_NONE ends the frames. */
int port_subscribe(struct port *p, uint32_t kind, uint64_t interval_ns,
		   port_reply_fn fn, void *arg);
int port_control(struct port *p, uint32_t op, port_reply_fn fn, void *arg);

/* Ends all, now; calls under way are dropped. Takes and returns NULL. */
struct port *port_close(struct port *p);

#endif
