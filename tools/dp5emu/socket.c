// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The port socket: driver/uapi/dp5_socket.h served from the link.
 *
 * Each connection is one open of the node. A call is answered before the next
 * one of the same connection is read, so answers keep their order. The stream
 * asks the instrument once for all subscribers of a kind, as often as the most
 * impatient of them wants.
 */
#include "dp5emu/socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "dp5emu/exchange.h"
#include "dp5emu/stream.h"

#define CLIENTS_MAX 16

/* A driver does not bind to what gives no status after so many requests. */
#define PROBE_TRIES 3

/* Back to back, yet without keeping a processor busy. */
#define INTERVAL_MIN_NS 1000000

struct socket_port;

struct client {
	struct socket_port *port;
	int fd; /* -1: free */
	bool has_control;
	bool is_busy; /* a transact is under way */
	struct stream stream;
	struct exchange_job job;
	uint64_t cookie;
	struct dp5_transact transact;
	uint32_t arg_len; /* bytes of struct the caller knows */
	size_t out_len; /* an answer the socket had no room for */
	uint8_t out[DP5_SOCK_PACKET_MAX];
};

struct socket_port {
	struct port port;
	struct loop *loop;
	struct link *link;
	const char *path;
	int listen_fd;
	struct exchange_engine engine;
	struct loop_timer timer;
	struct exchange_job stream_job;
	bool is_streaming; /* stream_job is under way */
	int n_probes;
	uint64_t seq;
	struct dp5_info info;
	struct client clients[CLIENTS_MAX];
};

static void pace(struct socket_port *s);

/* ------------------------------------------------------------- clients */

static void close_client(struct client *c)
{
	if (c->fd < 0)
		return;
	loop_remove_fd(c->port->loop, c->fd);
	close(c->fd);
	c->fd = -1;
	if (c->is_busy)
		exchange_withdraw(&c->port->engine, &c->job);
	stream_clear(&c->stream);
}

static void update_events(struct client *c)
{
	short events = 0;

	if (!c->is_busy && !c->out_len)
		events |= POLLIN;
	if (c->out_len || stream_due_ns(&c->stream) <= link_monotonic_ns())
		events |= POLLOUT;
	loop_set_events(c->port->loop, c->fd, events);
}

/* Frames and answers that are due; closes a client that is gone. */
static void flush_client(struct client *c)
{
	int r = 0;

	if (c->out_len) {
		if (send(c->fd, c->out, c->out_len,
			 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			r = -errno;
		else
			c->out_len = 0;
	}
	if (!r && stream_due_ns(&c->stream) <= link_monotonic_ns())
		r = stream_send(&c->stream, c->fd);
	if (r < 0 && r != -EAGAIN) {
		close_client(c);
		return;
	}
	update_events(c);
}

/* Answer a call: the struct as far as the caller knows it, then @extra. */
static void reply(struct client *c, int result, const void *arg, size_t arg_len,
		  const void *extra, size_t extra_len)
{
	struct dp5_sock_msg msg = {
		.kind = DP5_SOCK_REPLY,
		.result = result,
		.cookie = c->cookie,
	};
	uint8_t *p = c->out + sizeof(msg);

	if (result >= 0) {
		if (arg_len > c->arg_len)
			arg_len = c->arg_len;
		memset(p, 0, c->arg_len);
		memcpy(p, arg, arg_len);
		if (extra_len)
			memcpy(p + c->arg_len, extra, extra_len);
		msg.len = (uint32_t)(c->arg_len + extra_len);
	}
	memcpy(c->out, &msg, sizeof(msg));
	c->out_len = sizeof(msg) + msg.len;
	flush_client(c);
}

static void push_all(struct socket_port *s, struct stream_record *rec,
		     uint32_t kind)
{
	int64_t now_ns = link_monotonic_ns();

	rec->seq = s->seq++;
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &s->clients[i];
		struct dp5_subscribe *sub = &c->stream.sub;

		if (c->fd < 0 || sub->kind == DP5_SUB_NONE)
			continue;
		if (kind != DP5_SUB_NONE) {
			int64_t interval = (int64_t)sub->interval_ns;

			if (sub->kind != kind ||
			    c->stream.next_ns > now_ns + interval / 4)
				continue;
			c->stream.next_ns += interval;
			if (c->stream.next_ns < now_ns)
				c->stream.next_ns = now_ns + interval;
		}
		stream_push(&c->stream, rec, now_ns);
		flush_client(c);
	}
}

static void push_state(struct socket_port *s, uint32_t event, uint32_t arg)
{
	struct dp5_state state = { .event = event, .arg = arg };
	int64_t now_ns = link_monotonic_ns();
	struct stream_record rec = {
		.type = DP5_FRAME_STATE,
		.t_req_ns = now_ns,
		.t_done_ns = now_ns,
		.payload = &state,
		.payload_len = sizeof(state),
	};

	push_all(s, &rec, DP5_SUB_NONE);
}

/* -------------------------------------------------------------- stream */

static void on_stream_done(struct exchange_job *job, int result,
			   const struct wire_packet *packet)
{
	struct socket_port *s = job->arg;
	struct stream_record rec = {
		.t_req_ns = job->t_req_ns,
		.t_done_ns = job->t_done_ns,
	};

	s->is_streaming = false;
	if (result < 0) {
		push_state(s, DP5_STATE_RESYNC, 1);
	} else if (packet->pid1 == 0x80 || packet->pid1 == 0x81) {
		bool is_status = packet->pid1 == 0x80;

		rec.type = is_status ? DP5_FRAME_STATUS : DP5_FRAME_SPECTRUM;
		rec.pid1 = packet->pid1;
		rec.pid2 = packet->pid2;
		rec.payload = packet->data;
		rec.payload_len = packet->len;
		if (!is_status)
			rec.channels =
				(uint16_t)((packet->len - DP5_STATUS_LEN) / 3);
		s->info.channels = is_status ? s->info.channels : rec.channels;
		s->engine.stats.frames++;
		push_all(s, &rec,
			 is_status ? DP5_SUB_STATUS : DP5_SUB_SPECTRUM);
	}
	pace(s);
}

/* The subscriber whose next frame is due first; NULL without any. */
static struct client *most_impatient(struct socket_port *s)
{
	struct client *first = NULL;

	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &s->clients[i];

		if (c->fd < 0 || c->stream.sub.kind == DP5_SUB_NONE)
			continue;
		if (!first || c->stream.next_ns < first->stream.next_ns)
			first = c;
	}
	return first;
}

/* Ask for the next frame when it is due, and come back when something is. */
static void pace(struct socket_port *s)
{
	struct client *first = most_impatient(s);
	int64_t now_ns = link_monotonic_ns(), due = INT64_MAX;
	int64_t last_ns = s->stream_job.t_req_ns;

	if (first && !s->is_streaming) {
		due = first->stream.next_ns;
		if (due < last_ns + INTERVAL_MIN_NS)
			due = last_ns + INTERVAL_MIN_NS;
	}
	if (due <= now_ns) {
		s->stream_job = (struct exchange_job){
			.pid1 = first->stream.sub.kind == DP5_SUB_STATUS ? 1
									 : 2,
			.pid2 = first->stream.sub.kind == DP5_SUB_STATUS ? 1
									 : 3,
			.t_req_ns = last_ns,
			.done = on_stream_done,
			.arg = s,
		};
		s->is_streaming =
			exchange_submit(&s->engine, &s->stream_job) == 0;
		due = s->is_streaming ? INT64_MAX : now_ns + INTERVAL_MIN_NS;
	}
	for (int i = 0; i < CLIENTS_MAX; i++) {
		int64_t t = s->clients[i].fd < 0
				    ? INT64_MAX
				    : stream_due_ns(&s->clients[i].stream);

		if (t > now_ns && t < due)
			due = t;
	}
	s->timer.due_ns = due == INT64_MAX ? 0 : due;
}

static void on_timer(void *arg)
{
	struct socket_port *s = arg;

	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (s->clients[i].fd >= 0)
			flush_client(&s->clients[i]);
	}
	pace(s);
}

/* --------------------------------------------------------------- calls */

static struct client *control_holder(struct socket_port *s)
{
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (s->clients[i].fd >= 0 && s->clients[i].has_control)
			return &s->clients[i];
	}
	return NULL;
}

static int check_rights(struct client *c)
{
	struct client *holder = control_holder(c->port);

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
		push_state(s, DP5_STATE_CONFIG, job->len);
	else if (job->pid1 == 0xf0 && job->pid2 == 1)
		push_state(s, DP5_STATE_CLEAR, 0);
	else if (job->pid1 == 0xf0 && (job->pid2 == 2 || job->pid2 == 3))
		push_state(s, DP5_STATE_RUN, job->pid2 == 2);
	else if (job->pid1 == 0x02 && !(job->pid2 & 1))
		push_state(s, DP5_STATE_CLEAR, 0);
}

static bool is_success(const struct wire_packet *p)
{
	return p->pid1 != 0xff || p->pid2 == 0 || p->pid2 == 0x0c ||
	       p->pid2 == 0x0f;
}

static void on_transact_done(struct exchange_job *job, int result,
			     const struct wire_packet *packet)
{
	struct client *c = job->arg;
	struct dp5_transact *t = &c->transact;

	c->is_busy = false;
	if (result < 0) {
		push_state(c->port, DP5_STATE_RESYNC, 1);
		reply(c, result, NULL, 0, NULL, 0);
		return;
	}
	if (packet->len > t->rx_size) {
		reply(c, -EMSGSIZE, NULL, 0, NULL, 0);
		return;
	}
	t->rx_len = packet->len;
	t->rx_pid1 = packet->pid1;
	t->rx_pid2 = packet->pid2;
	t->t_req_ns = (uint64_t)job->t_req_ns;
	t->t_done_ns = (uint64_t)job->t_done_ns;
	if (is_success(packet))
		announce(c->port, job);
	reply(c, 0, t, sizeof(*t), packet->data, packet->len);
}

static int call_transact(struct client *c, const uint8_t *extra, size_t len)
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

static int call_info(struct client *c)
{
	struct dp5_info info = c->port->info;

	info.size = c->arg_len;
	info.is_control = c->has_control;
	reply(c, 0, &info, sizeof(info), NULL, 0);
	return 0;
}

static int call_stats(struct client *c)
{
	struct dp5_stats stats = c->port->engine.stats;

	stats.size = c->arg_len;
	stats.lost = c->stream.lost_total;
	reply(c, 0, &stats, sizeof(stats), NULL, 0);
	return 0;
}

static int call_subscribe(struct client *c, const struct dp5_subscribe *sub)
{
	int r = stream_subscribe(&c->stream, sub, link_monotonic_ns());

	if (r < 0)
		return r;
	reply(c, 0, sub, sizeof(*sub), NULL, 0);
	pace(c->port);
	return 0;
}

static int call_control(struct client *c, const struct dp5_control *ctl)
{
	struct client *holder = control_holder(c->port);

	if (ctl->op > DP5_CONTROL_CLAIM || ctl->reserved[0] || ctl->reserved[1])
		return -EINVAL;
	if (ctl->op == DP5_CONTROL_CLAIM && holder && holder != c)
		return -EBUSY;
	c->has_control = ctl->op == DP5_CONTROL_CLAIM;
	reply(c, 0, ctl, sizeof(*ctl), NULL, 0);
	return 0;
}

/* Copy an argument that opens with its own size, shorter or longer. */
static int take_arg(struct client *c, const uint8_t *bytes, size_t n, void *arg,
		    size_t arg_len)
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

static int dispatch(struct client *c, uint32_t cmd, const uint8_t *bytes,
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

static void on_client(void *arg, short revents)
{
	struct client *c = arg;
	struct dp5_sock_call call;
	uint8_t bytes[4096];
	ssize_t n;
	int r;

	if (revents & POLLOUT) {
		flush_client(c);
		if (c->fd < 0)
			return;
	}
	if ((c->is_busy || c->out_len) && revents & (POLLHUP | POLLERR)) {
		close_client(c);
		pace(c->port);
		return;
	}
	if (c->is_busy || !(revents & (POLLIN | POLLHUP | POLLERR)))
		return;
	n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < (ssize_t)sizeof(call) || n > (ssize_t)sizeof(bytes)) {
		close_client(c);
		pace(c->port);
		return;
	}
	memcpy(&call, bytes, sizeof(call));
	c->cookie = call.cookie;
	r = call.len == n - sizeof(call)
		    ? dispatch(c, call.cmd, bytes + sizeof(call), call.len)
		    : -EINVAL;
	if (r < 0)
		reply(c, r, NULL, 0, NULL, 0);
	else if (c->fd >= 0)
		update_events(c);
}

static void on_connect(void *arg, short revents)
{
	struct socket_port *s = arg;
	struct client *c = NULL;
	int fd;

	(void)revents;
	fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	for (int i = 0; i < CLIENTS_MAX && !c; i++) {
		if (s->clients[i].fd < 0)
			c = &s->clients[i];
	}
	if (!c || loop_add_fd(s->loop, fd, POLLIN, on_client, c) < 0) {
		close(fd);
		return;
	}
	memset(c, 0, offsetof(struct client, out));
	c->port = s;
	c->fd = fd;
}

/* ------------------------------------------------------------ lifetime */

static void take_identity(struct socket_port *s, const uint8_t *st)
{
	s->info = (struct dp5_info){
		.abi_version = DP5_ABI_VERSION,
		.serial = (uint32_t)st[26] | (uint32_t)st[27] << 8 |
			  (uint32_t)st[28] << 16 | (uint32_t)st[29] << 24,
		.device = st[39],
		.fw_major = st[24] >> 4,
		.fw_minor = st[24] & 15,
		.fw_build = st[24] > 0x65 ? st[37] & 15 : 0,
		.fpga_major = st[25] >> 4,
		.fpga_minor = st[25] & 15,
		.eco = st[49],
	};
	if (st[29] & 0x80)
		s->info.serial = DP5_SERIAL_NONE;
	if (st[24] >= 0x68)
		s->info.features =
			DP5_FEATURE_TEXT_UNSAVED | DP5_FEATURE_BUFFERS;
}

static int probe(struct socket_port *s);

/* Clients are let in once the instrument has said who it is. */
static void on_probe_done(struct exchange_job *job, int result,
			  const struct wire_packet *packet)
{
	struct socket_port *s = job->arg;

	s->is_streaming = false;
	if (result < 0 || packet->pid1 != 0x80) {
		if (s->n_probes < PROBE_TRIES)
			probe(s);
		else
			fprintf(stderr,
				"dp5emu: no status 80/01, so no host would bind to it: %s is refused\n",
				s->path);
		return;
	}
	take_identity(s, packet->data);
	loop_add_fd(s->loop, s->listen_fd, POLLIN, on_connect, s);
}

static int probe(struct socket_port *s)
{
	s->n_probes++;
	s->is_streaming = true;
	s->stream_job = (struct exchange_job){
		.pid1 = 1, .pid2 = 1, .done = on_probe_done, .arg = s
	};
	return exchange_submit(&s->engine, &s->stream_job);
}

static int plug(struct port *port)
{
	struct socket_port *s = (struct socket_port *)port;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	CLEANUP(closep) int fd = -1;

	if (strlen(s->path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, s->path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(s->path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, CLIENTS_MAX) < 0)
		return -errno;
	s->listen_fd = TAKE_FD(fd);
	s->n_probes = 0;
	return probe(s);
}

static void unplug(struct port *port)
{
	struct socket_port *s = (struct socket_port *)port;

	loop_remove_fd(s->loop, s->listen_fd);
	close(s->listen_fd);
	unlink(s->path);
	s->is_streaming = false;
	for (int i = 0; i < CLIENTS_MAX; i++)
		close_client(&s->clients[i]);
	s->timer.due_ns = 0;
	exchange_cancel(&s->engine);
}

static void socket_free(struct port *port)
{
	free(port);
}

static const struct port_ops ops = { plug, unplug, socket_free };

int socket_new(struct loop *loop, struct link *link, const char *path,
	       struct port **ret)
{
	struct socket_port *s;
	int r;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->port.ops = &ops;
	s->loop = loop;
	s->link = link;
	s->path = path;
	s->listen_fd = -1;
	for (int i = 0; i < CLIENTS_MAX; i++)
		s->clients[i].fd = -1;
	r = exchange_init(&s->engine, loop, link);
	if (!r)
		r = loop_add_timer(loop, &s->timer, on_timer, s);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret = &s->port;
	return 0;
}
