// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A port on the packet socket of an emulator, as driver/uapi/dp5_socket.h
 * fixes it: for tests on the host and for teaching.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "device/port-internal.h"
#include "uapi/dp5_socket.h"

struct port_socket {
	struct port port;
	int fd;
	uint64_t cookie;
	struct port_calls unsent;
	struct port_calls sent;
	struct event *on_readable;
	struct event *on_writable;
	uint8_t packet[DP5_SOCK_PACKET_MAX];
};

static uint32_t argument_len(const struct port_call *call)
{
	return _IOC_SIZE(call->cmd);
}

static int call_send(const struct port_socket *s, const struct port_call *call)
{
	const uint32_t tx_len =
		call->cmd == DP5_IOC_TRANSACT ? call->u.transact.tx_len : 0;
	const struct dp5_sock_call head = {
		.cmd = call->cmd,
		.len = argument_len(call) + tx_len,
		.cookie = call->cookie,
	};
	struct iovec iov[] = {
		{ (void *)&head, sizeof(head) },
		{ (void *)&call->u, argument_len(call) },
		{ (void *)call->tx, tx_len },
	};
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };

	if (sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

/* A failed send is left to the reading side, which sees the end too. */
static void calls_flush(struct port_socket *s)
{
	struct port_call *call;

	while ((call = TAILQ_FIRST(&s->unsent))) {
		int r = call_send(s, call);

		if (r == -EAGAIN || r == -ENOBUFS) {
			event_add(s->on_writable, NULL);
			return;
		}
		TAILQ_REMOVE(&s->unsent, call, link);
		TAILQ_INSERT_TAIL(&s->sent, call, link);
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	calls_flush(arg);
}

static int reply_fill(struct port_call *call, const struct dp5_sock_msg *msg,
		      const uint8_t *data)
{
	const uint32_t arg_len = argument_len(call);
	uint64_t tx_ptr;
	uint64_t rx_ptr;

	call->result = msg->result;
	if (msg->result < 0)
		return 0;
	if (msg->result > 0 || msg->len < arg_len)
		return -EBADMSG;
	tx_ptr = call->u.transact.tx_ptr;
	rx_ptr = call->u.transact.rx_ptr;
	memcpy(&call->u, data, arg_len);
	if (call->cmd != DP5_IOC_TRANSACT)
		return 0;

	call->u.transact.tx_ptr = tx_ptr;
	call->u.transact.rx_ptr = rx_ptr;
	if (call->u.transact.rx_len > DP5_REPLY_MAX ||
	    call->u.transact.rx_len != msg->len - arg_len)
		return -EBADMSG;
	memcpy(call->rx, data + arg_len, call->u.transact.rx_len);
	return 0;
}

static int on_packet(struct port_socket *s, size_t len, bool *ret_is_open)
{
	struct dp5_sock_msg msg;
	const uint8_t *data = s->packet + sizeof(msg);
	struct port_call *call;
	int r;

	*ret_is_open = true;
	if (len < sizeof(msg))
		return -EBADMSG;
	memcpy(&msg, s->packet, sizeof(msg));
	if (msg.len != len - sizeof(msg))
		return -EBADMSG;
	if (msg.kind == DP5_SOCK_FRAME)
		return port_frames(&s->port, data, msg.len, ret_is_open);

	call = TAILQ_FIRST(&s->sent);
	if (msg.kind != DP5_SOCK_REPLY || !call || msg.cookie != call->cookie)
		return -EBADMSG;
	r = reply_fill(call, &msg, data);
	if (r < 0)
		return r;
	TAILQ_REMOVE(&s->sent, call, link);
	*ret_is_open = port_answer(&s->port, call);
	return 0;
}

/* Before the end is told, every call is answered: it cannot come any more. */
static void socket_end(struct port_socket *s, int error)
{
	struct port_call *call;

	event_del(s->on_readable);
	event_del(s->on_writable);
	TAILQ_CONCAT(&s->sent, &s->unsent, link);
	while ((call = TAILQ_FIRST(&s->sent))) {
		TAILQ_REMOVE(&s->sent, call, link);
		call->result = -ENODEV;
		if (!port_answer(&s->port, call))
			return;
	}
	port_gone(&s->port, error);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct port_socket *s = arg;
	bool is_open = true;
	ssize_t n;
	int r;

	(void)what;
	while (is_open) {
		n = recv(fd, s->packet, sizeof(s->packet),
			 MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			r = -ENODEV;
		else if ((size_t)n > sizeof(s->packet))
			r = -EMSGSIZE;
		else
			r = on_packet(s, n, &is_open);
		if (r < 0) {
			socket_end(s, r);
			return;
		}
	}
}

static int socket_submit(struct port *p, struct port_call *call)
{
	struct port_socket *s = (struct port_socket *)p;

	call->cookie = ++s->cookie;
	TAILQ_INSERT_TAIL(&s->unsent, call, link);
	calls_flush(s);
	return 0;
}

static void socket_listen(struct port *p)
{
	/* Reading began at once, for the answers; a subscription comes later
	 * than this call. */
	(void)p;
}

static void socket_close(struct port *p)
{
	struct port_socket *s = (struct port_socket *)p;

	if (s->on_readable)
		event_free(s->on_readable);
	if (s->on_writable)
		event_free(s->on_writable);
	closep(&s->fd);
	port_calls_free(&s->unsent);
	port_calls_free(&s->sent);
	port_deinit(p);
	free(s);
}

static const struct port_ops socket_ops = {
	.is_simulated = true,
	.submit = socket_submit,
	.listen = socket_listen,
	.close = socket_close,
};

static int socket_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	CLEANUP(closep) int fd = -1;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int port_socket_open(struct event_base *base, const char *path,
		     struct port **ret)
{
	struct port_socket *s;
	int r;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	TAILQ_INIT(&s->unsent);
	TAILQ_INIT(&s->sent);
	s->fd = -1;
	r = port_init(&s->port, &socket_ops, base, "socket:", path);
	if (r >= 0)
		r = s->fd = socket_connect(path);
	if (r < 0) {
		socket_close(&s->port);
		return r;
	}

	s->on_readable =
		event_new(base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
	s->on_writable = event_new(base, s->fd, EV_WRITE, on_writable, s);
	if (!s->on_readable || !s->on_writable ||
	    event_add(s->on_readable, NULL) < 0) {
		socket_close(&s->port);
		return -ENOMEM;
	}
	*ret = &s->port;
	return 0;
}
