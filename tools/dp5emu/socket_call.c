// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls of the port socket: each of the driver's ioctls. */
#include "dp5emu/socket_internal.h"

#include <errno.h>
#include <string.h>

static struct socket_client *control_holder(struct socket_port *s)
{
	for (int i = 0; i < SOCKET_CLIENTS_MAX; i++) {
		if (s->clients[i].fd >= 0 && s->clients[i].has_control)
			return &s->clients[i];
	}
	return NULL;
}

static int check_rights(struct socket_client *c)
{
	struct socket_client *holder = control_holder(c->port);

	switch (exchange_class(&c->job)) {
	case EXCHANGE_NEVER:
		return -EPERM;
	case EXCHANGE_CONTROL:
		if (holder != c)
			return holder ? -EBUSY : -EPERM;
		break;
	case EXCHANGE_CHANGE:
		if (holder && holder != c)
			return -EBUSY;
		break;
	case EXCHANGE_READ:
		break;
	}
	return exchange_check(&c->job);
}

/* What a change that the instrument accepted is announced as. */
static void announce(struct socket_port *s, const struct exchange_job *job)
{
	if (job->pid1 == 0x20 && job->pid2 != 3)
		socket_push_state(s, DP5_STATE_CONFIG, job->len);
	else if (job->pid1 == 0xf0 && job->pid2 == 1)
		socket_push_state(s, DP5_STATE_CLEAR, 0);
	else if (job->pid1 == 0xf0 && (job->pid2 == 2 || job->pid2 == 3))
		socket_push_state(s, DP5_STATE_RUN, job->pid2 == 2);
	else if (job->pid1 == 0x02 && !(job->pid2 & 1))
		socket_push_state(s, DP5_STATE_CLEAR, 0);
}

static bool is_success(const struct wire_packet *p)
{
	return p->pid1 != 0xff || p->pid2 == 0 || p->pid2 == 0x0c ||
	       p->pid2 == 0x0f;
}

static void on_transact_done(struct exchange_job *job, int result,
			     const struct wire_packet *packet)
{
	struct socket_client *c = job->arg;
	struct dp5_transact *t = &c->transact;

	c->is_busy = false;
	if (result < 0) {
		socket_push_state(c->port, DP5_STATE_RESYNC, 1);
		socket_reply(c, result, NULL, 0, NULL, 0);
		return;
	}
	if (packet->len > t->rx_size) {
		socket_reply(c, -EMSGSIZE, NULL, 0, NULL, 0);
		return;
	}
	t->rx_len = packet->len;
	t->rx_pid1 = packet->pid1;
	t->rx_pid2 = packet->pid2;
	t->t_req_ns = (uint64_t)job->t_req_ns;
	t->t_done_ns = (uint64_t)job->t_done_ns;
	if (is_success(packet))
		announce(c->port, job);
	socket_reply(c, 0, t, sizeof(*t), packet->data, packet->len);
}

static int call_transact(struct socket_client *c, const uint8_t *extra,
			 size_t len)
{
	struct dp5_transact *t = &c->transact;
	struct exchange_job *job = &c->job;
	int r;

	if (t->flags || t->pad || t->reserved[0] || t->reserved[1] ||
	    t->reserved[2] || t->reserved[3] || t->tx_len > DP5_REQUEST_MAX ||
	    t->tx_len != len || t->timeout_ns > 60ULL * 1000000000)
		return -EINVAL;
	*job = (struct exchange_job){
		.pid1 = t->pid1,
		.pid2 = t->pid2,
		.len = t->tx_len,
		.timeout_ns = (int64_t)t->timeout_ns,
		.done = on_transact_done,
		.arg = c,
	};
	memcpy(job->data, extra, len);
	r = check_rights(c);
	if (r < 0)
		return r;
	c->is_busy = true;
	r = exchange_submit(&c->port->engine, job);
	if (r < 0)
		c->is_busy = false;
	return r;
}

static int call_info(struct socket_client *c)
{
	struct dp5_info info = c->port->info;

	info.size = c->arg_len;
	info.is_control = c->has_control;
	socket_reply(c, 0, &info, sizeof(info), NULL, 0);
	return 0;
}

static int call_stats(struct socket_client *c)
{
	struct dp5_stats stats = c->port->engine.stats;

	stats.size = c->arg_len;
	stats.lost = c->stream.lost_total;
	socket_reply(c, 0, &stats, sizeof(stats), NULL, 0);
	return 0;
}

static int call_subscribe(struct socket_client *c,
			  const struct dp5_subscribe *sub)
{
	int r = stream_subscribe(&c->stream, sub, link_monotonic_ns());

	if (r < 0)
		return r;
	socket_reply(c, 0, sub, sizeof(*sub), NULL, 0);
	socket_pace(c->port);
	return 0;
}

static int call_control(struct socket_client *c, const struct dp5_control *ctl)
{
	struct socket_client *holder = control_holder(c->port);

	if (ctl->op > DP5_CONTROL_CLAIM || ctl->reserved[0] || ctl->reserved[1])
		return -EINVAL;
	if (ctl->op == DP5_CONTROL_CLAIM && holder && holder != c)
		return -EBUSY;
	c->has_control = ctl->op == DP5_CONTROL_CLAIM;
	socket_reply(c, 0, ctl, sizeof(*ctl), NULL, 0);
	return 0;
}

/* Copy an argument that opens with its own size, shorter or longer. */
static int take_arg(struct socket_client *c, const uint8_t *bytes, size_t n,
		    void *arg, size_t arg_len)
{
	uint32_t size;

	if (n < sizeof(size))
		return -EINVAL;
	memcpy(&size, bytes, sizeof(size));
	if (size < sizeof(size) || size > n)
		return -EINVAL;
	for (size_t i = arg_len; i < size; i++) {
		if (bytes[i])
			return -E2BIG;
	}
	c->arg_len = size;
	memset(arg, 0, arg_len);
	memcpy(arg, bytes, size < arg_len ? size : arg_len);
	return 0;
}

int socket_call(struct socket_client *c, uint32_t cmd, const uint8_t *bytes,
		size_t n)
{
	union {
		struct dp5_info info;
		struct dp5_subscribe subscribe;
		struct dp5_control control;
		struct dp5_stats stats;
	} u;
	size_t want = _IOC_SIZE(cmd);
	int r;

	if (cmd == DP5_IOC_TRANSACT) {
		r = take_arg(c, bytes, n, &c->transact, sizeof(c->transact));
		return r < 0 ? r
			     : call_transact(c, bytes + c->arg_len,
					     n - c->arg_len);
	}
	if (cmd != DP5_IOC_GET_INFO && cmd != DP5_IOC_SUBSCRIBE &&
	    cmd != DP5_IOC_CONTROL && cmd != DP5_IOC_GET_STATS)
		return -ENOTTY;
	r = take_arg(c, bytes, n, &u, want);
	if (r < 0)
		return r;
	if (c->arg_len != n)
		return -EINVAL;
	switch (cmd) {
	case DP5_IOC_GET_INFO:
		return call_info(c);
	case DP5_IOC_SUBSCRIBE:
		return call_subscribe(c, &u.subscribe);
	case DP5_IOC_CONTROL:
		return call_control(c, &u.control);
	default:
		return call_stats(c);
	}
}
