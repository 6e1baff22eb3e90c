// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The port socket: driver/uapi/dp5_socket.h served from the link.
 *
 * Each connection is one open of the node. A call is answered before the next
 * one of the same connection is read, so answers keep their order. The stream
 * asks the instrument once for all subscribers of a kind, as often as the most
 * impatient of them wants.
 */
#include "dp5emu/socket_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

/* A driver does not bind to what gives no status after so many requests. */
#define PROBE_TRIES 3

/* Back to back, yet without keeping a processor busy. */
#define INTERVAL_MIN_NS 1000000

/* ------------------------------------------------------------- clients */

static void close_client(struct socket_client *c)
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

static void update_events(struct socket_client *c)
{
	short events = 0;

	if (!c->is_busy && !c->out_len)
		events |= POLLIN;
	if (c->out_len || stream_due_ns(&c->stream) <= link_monotonic_ns())
		events |= POLLOUT;
	loop_set_events(c->port->loop, c->fd, events);
}

/* Frames and answers that are due; closes a client that is gone. */
static void flush_client(struct socket_client *c)
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

void socket_reply(struct socket_client *c, int result, const void *arg,
		  size_t arg_len, const void *extra, size_t extra_len)
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
	for (int i = 0; i < SOCKET_CLIENTS_MAX; i++) {
		struct socket_client *c = &s->clients[i];
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

void socket_push_state(struct socket_port *s, uint32_t event, uint32_t arg)
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
		socket_push_state(s, DP5_STATE_RESYNC, 1);
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
	socket_pace(s);
}

/* The subscriber whose next frame is due first; NULL without any. */
static struct socket_client *most_impatient(struct socket_port *s)
{
	struct socket_client *first = NULL;

	for (int i = 0; i < SOCKET_CLIENTS_MAX; i++) {
		struct socket_client *c = &s->clients[i];

		if (c->fd < 0 || c->stream.sub.kind == DP5_SUB_NONE)
			continue;
		if (!first || c->stream.next_ns < first->stream.next_ns)
			first = c;
	}
	return first;
}

void socket_pace(struct socket_port *s)
{
	struct socket_client *first = most_impatient(s);
	int64_t now_ns = link_monotonic_ns(), due = INT64_MAX;
	int64_t last_ns = s->stream_job.t_req_ns;

	if (first && !s->is_streaming) {
		due = first->stream.next_ns;
		if (due < last_ns + INTERVAL_MIN_NS)
			due = last_ns + INTERVAL_MIN_NS;
	}
	if (first && due <= now_ns) {
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
	for (int i = 0; i < SOCKET_CLIENTS_MAX; i++) {
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

	for (int i = 0; i < SOCKET_CLIENTS_MAX; i++) {
		if (s->clients[i].fd >= 0)
			flush_client(&s->clients[i]);
	}
	socket_pace(s);
}

static void on_client(void *arg, short revents)
{
	struct socket_client *c = arg;
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
		socket_pace(c->port);
		return;
	}
	if (c->is_busy || !(revents & (POLLIN | POLLHUP | POLLERR)))
		return;
	n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < (ssize_t)sizeof(call) || n > (ssize_t)sizeof(bytes)) {
		close_client(c);
		socket_pace(c->port);
		return;
	}
	memcpy(&call, bytes, sizeof(call));
	c->cookie = call.cookie;
	r = call.len == n - sizeof(call)
		    ? socket_call(c, call.cmd, bytes + sizeof(call), call.len)
		    : -EINVAL;
	if (r < 0)
		socket_reply(c, r, NULL, 0, NULL, 0);
	else if (c->fd >= 0)
		update_events(c);
}

static void on_connect(void *arg, short revents)
{
	struct socket_port *s = arg;
	struct socket_client *c = NULL;
	int fd;

	(void)revents;
	fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	for (int i = 0; i < SOCKET_CLIENTS_MAX && !c; i++) {
		if (s->clients[i].fd < 0)
			c = &s->clients[i];
	}
	if (!c || loop_add_fd(s->loop, fd, POLLIN, on_client, c) < 0) {
		close(fd);
		return;
	}
	memset(c, 0, offsetof(struct socket_client, out));
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
	if (result < 0 && s->n_probes < PROBE_TRIES && !probe(s))
		return;
	if (result < 0 || packet->pid1 != 0x80 || packet->pid2 != 1) {
		fprintf(stderr,
			"dp5emu: %s: closed, no driver would bind to what answers no status 80/01\n",
			s->path);
		port_unplug(&s->port);
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
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -EADDRINUSE;
	/* Only a socket file nobody listens at is taken away. */
	unlink(s->path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, SOCKET_CLIENTS_MAX) < 0)
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
	for (int i = 0; i < SOCKET_CLIENTS_MAX; i++)
		close_client(&s->clients[i]);
	s->timer.due_ns = 0;
	exchange_cancel(&s->engine);
}

static void socket_free(struct port *port)
{
	free(port);
}

static const struct port_ops ops = { plug, unplug, socket_free, NULL };

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
	for (int i = 0; i < SOCKET_CLIENTS_MAX; i++)
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
