// SPDX-License-Identifier: GPL-2.0-or-later
/* The part of a port that does not depend on its back end. */
#include "device/port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/port-internal.h"

int port_init(struct port *p, const struct port_ops *ops,
	      struct event_base *base, const char *prefix, const char *path)
{
	if (asprintf(&p->name, "%s%s", prefix, path) < 0) {
		p->name = NULL;
		return -ENOMEM;
	}
	p->ops = ops;
	p->base = base;
	return 0;
}

void port_deinit(struct port *p)
{
	if (p->closed)
		*p->closed = true;
	free(p->name);
}

void port_call_free(struct port_call *call)
{
	if (!call)
		return;
	free(call->rx);
	free(call);
}

void port_calls_free(struct port_calls *calls)
{
	struct port_call *call;

	while ((call = TAILQ_FIRST(calls))) {
		TAILQ_REMOVE(calls, call, link);
		port_call_free(call);
	}
}

/*
 * A callback may close the port. The flag lives on the stack of the caller
 * that is about to touch the port again; nested calls share the outer one.
 */
struct guard {
	bool closed;
	bool is_outer;
};

static void guard_enter(struct port *p, struct guard *g)
{
	g->closed = false;
	g->is_outer = !p->closed;
	if (g->is_outer)
		p->closed = &g->closed;
}

static bool guard_leave(struct port *p, struct guard *g)
{
	if (!g->is_outer)
		return true;
	if (g->closed)
		return false;
	p->closed = NULL;
	return true;
}

bool port_answer(struct port *p, struct port_call *call)
{
	struct port_reply reply = { .result = call->result };
	struct guard g;

	if (!reply.result && call->cmd == DP5_IOC_GET_INFO)
		reply.info = &call->u.info;
	if (!reply.result && call->cmd == DP5_IOC_TRANSACT) {
		reply.pid1 = call->u.transact.rx_pid1;
		reply.pid2 = call->u.transact.rx_pid2;
		reply.data = call->rx;
		reply.len = call->u.transact.rx_len;
	}

	guard_enter(p, &g);
	call->fn(&reply, call->arg);
	port_call_free(call);
	return guard_leave(p, &g);
}

int port_frames(struct port *p, const uint8_t *data, size_t len,
		bool *ret_is_open)
{
	struct dp5_frame frame;
	struct guard g;

	*ret_is_open = true;
	while (len) {
		if (len < sizeof(frame))
			return -EBADMSG;
		memcpy(&frame, data, sizeof(frame));
		if (frame.hdr_len < sizeof(frame) || frame.len > len ||
		    frame.hdr_len > frame.len ||
		    frame.payload_len > frame.len - frame.hdr_len)
			return -EBADMSG;

		guard_enter(p, &g);
		p->events.on_frame(&frame, data + frame.hdr_len, p->events.arg);
		*ret_is_open = guard_leave(p, &g);
		if (!*ret_is_open)
			return 0;

		data += frame.len;
		len -= frame.len;
	}
	return 0;
}

void port_gone(struct port *p, int error)
{
	p->events.on_gone(error, p->events.arg);
}

void port_listen(struct port *p, const struct port_events *events)
{
	p->events = *events;
	p->ops->listen(p);
}

const char *port_name(const struct port *p)
{
	return p->name;
}

bool port_is_simulated(const struct port *p)
{
	return p->ops->is_simulated;
}

static int call_new(uint32_t cmd, uint32_t size, port_reply_fn fn, void *arg,
		    struct port_call **ret)
{
	struct port_call *call;

	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	call->cmd = cmd;
	call->u.size = size;
	call->fn = fn;
	call->arg = arg;
	*ret = call;
	return 0;
}

int port_get_info(struct port *p, port_reply_fn fn, void *arg)
{
	struct port_call *call;
	int r;

	r = call_new(DP5_IOC_GET_INFO, sizeof(call->u.info), fn, arg, &call);
	if (r < 0)
		return r;
	return p->ops->submit(p, call);
}

int port_transact(struct port *p, uint8_t pid1, uint8_t pid2, const void *data,
		  size_t len, port_reply_fn fn, void *arg)
{
	struct dp5_transact *t;
	struct port_call *call;
	int r;

	if (len > DP5_REQUEST_MAX)
		return -EMSGSIZE;
	r = call_new(DP5_IOC_TRANSACT, sizeof(*t), fn, arg, &call);
	if (r < 0)
		return r;
	call->rx = malloc(DP5_REPLY_MAX);
	if (!call->rx) {
		port_call_free(call);
		return -ENOMEM;
	}
	if (len)
		memcpy(call->tx, data, len);

	t = &call->u.transact;
	t->pid1 = pid1;
	t->pid2 = pid2;
	t->tx_len = len;
	t->rx_size = DP5_REPLY_MAX;
	t->tx_ptr = (uintptr_t)call->tx;
	t->rx_ptr = (uintptr_t)call->rx;
	return p->ops->submit(p, call);
}

/* All that can be kept for us while a commit waits for a slow disk. */
#define PORT_QUEUE_LEN 64

int port_subscribe(struct port *p, uint32_t kind, uint64_t interval_ns,
		   port_reply_fn fn, void *arg)
{
	struct port_call *call;
	int r;

	r = call_new(DP5_IOC_SUBSCRIBE, sizeof(call->u.subscribe), fn, arg,
		     &call);
	if (r < 0)
		return r;
	call->u.subscribe.kind = kind;
	call->u.subscribe.clock = DP5_CLOCK_MONOTONIC;
	call->u.subscribe.interval_ns = interval_ns;
	call->u.subscribe.queue_len = PORT_QUEUE_LEN;
	return p->ops->submit(p, call);
}

int port_control(struct port *p, uint32_t op, port_reply_fn fn, void *arg)
{
	struct port_call *call;
	int r;

	r = call_new(DP5_IOC_CONTROL, sizeof(call->u.control), fn, arg, &call);
	if (r < 0)
		return r;
	call->u.control.op = op;
	return p->ops->submit(p, call);
}

struct port *port_close(struct port *p)
{
	if (p)
		p->ops->close(p);
	return NULL;
}
