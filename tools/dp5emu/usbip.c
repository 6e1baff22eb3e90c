// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The port as a USB/IP server behind vhci_hcd, the kernel's virtual host
 * controller.
 *
 * One end of a pair of sockets is handed to the kernel, which sends each
 * transfer as a message and takes its status and length from the answer as
 * they are. So this port can give a transfer any end, and show any
 * descriptors, which a gadget cannot. The messages are those of the kernel's
 * Documentation/usb/usbip_protocol.rst: 48 bytes of big-endian words, then the
 * data. There is no message for a reset of the port; the host chooses the
 * configuration again after one.
 *
 * Reading and writing block: the kernel writes a message at once and never
 * waits for one thread with the other.
 */
#include "dp5emu/usbip.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/usb/ch9.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "dp5emu/descriptors.h"
#include "dp5emu/gather.h"

#define VHCI "/sys/devices/platform/vhci_hcd.0/"
#define PORT_IS_FREE 4 /* as the status file has it */
#define FREE_TRIES 300
#define FREE_PAUSE_NS 10000000
#define HANG_UP_S 1

#define WAITING_MAX 32
#define DATA_MAX (2 * WIRE_PACKET_MAX)
#define FLAG_ZERO_PACKET 0x40

enum {
	CMD_SUBMIT = 1,
	CMD_UNLINK = 2,
	RET_SUBMIT = 3,
	RET_UNLINK = 4,
};

struct message {
	__be32 command;
	__be32 seq;
	__be32 devid;
	__be32 is_in;
	__be32 endpoint;
	/* CMD: flags, length; CMD_UNLINK: seq; RET: status, length */
	__be32 first;
	__be32 length;
	__be32 others[3];
	uint8_t setup[8];
};

/* An IN transfer the instrument has not served yet. */
struct waiting {
	__be32 seq;
	uint32_t room;
};

struct usbip_port {
	struct port port;
	struct loop *loop;
	struct link *link;
	struct usbip_options opt;
	struct descriptors descriptors;
	struct gather gather;
	struct loop_timer send_timer;
	int fd; /* -1: unplugged */
	size_t packet_len;
	bool is_halted; /* the IN endpoint */
	bool is_out_halted;
	bool owes_end; /* a reply filled its transfer: an empty packet follows */
	size_t sent; /* of the reply at the head of the link */
	int n_waiting;
	struct waiting waiting[WAITING_MAX];
	uint8_t data[DATA_MAX];
	uint8_t sending[sizeof(struct message) + DATA_MAX];
};

/* ------------------------------------------------------------- messages */

/* All of it, or a link that has gone: the next reading sees that, too. */
static void send_all(struct usbip_port *u, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t sent =
			send(u->fd, u->sending + at, n - at, MSG_NOSIGNAL);

		if (sent < 0)
			return;
		at += (size_t)sent;
	}
}

static void answer(struct usbip_port *u, uint32_t command, __be32 seq,
		   int status, size_t length, const void *data, size_t n)
{
	struct message m = {
		.command = htobe32(command),
		.seq = seq,
		.first = htobe32((uint32_t)status),
		.length = htobe32((uint32_t)length),
	};

	memcpy(u->sending, &m, sizeof(m));
	if (n)
		memcpy(u->sending + sizeof(m), data, n);
	send_all(u, sizeof(m) + n);
}

static void end_transfer(struct usbip_port *u, __be32 seq, int status,
			 const void *data, size_t n)
{
	answer(u, RET_SUBMIT, seq, status, n, data, n);
}

static struct waiting take_waiting(struct usbip_port *u, int i)
{
	struct waiting w = u->waiting[i];

	u->n_waiting--;
	memmove(u->waiting + i, u->waiting + i + 1,
		(size_t)(u->n_waiting - i) * sizeof(w));
	return w;
}

/* ---------------------------------------------------------- instrument */

static void drop_reply(struct usbip_port *u)
{
	u->sent = 0;
	link_drop(u->link);
}

/* The host reads what follows as data if the length claimed is within reason,
 * and hangs up if it is not.
 */
static void claim(struct usbip_port *u, const struct waiting *w,
		  const struct link_output *out)
{
	size_t n = (size_t)out->claim;

	memset(u->data, 0, sizeof(u->data));
	memcpy(u->data, out->bytes, out->len);
	answer(u, RET_SUBMIT, w->seq, out->status, n, u->data,
	       n > w->room ? 0 : n);
	drop_reply(u);
}

/* As much of the reply as the transfer has room for. Its last packet, if full,
 * is followed by an empty one where the host's transfer is not over by itself.
 */
static void serve(struct usbip_port *u, const struct link_output *out)
{
	struct waiting w = take_waiting(u, 0);
	size_t left = out->len - u->sent, n = left < w.room ? left : w.room;

	if (out->status == -EPIPE)
		u->is_halted = true;
	if (out->claim >= 0) {
		claim(u, &w, out);
		return;
	}
	end_transfer(u, w.seq, out->status, out->bytes + u->sent, n);
	u->sent += n;
	if (out->status || u->sent == out->len) {
		u->owes_end = !out->status && n && n == w.room &&
			      n % u->packet_len == 0 && !out->is_unended;
		drop_reply(u);
	}
}

static void pump(void *arg)
{
	struct usbip_port *u = arg;
	const struct link_output *out;

	while (u->n_waiting) {
		if (u->is_halted) {
			end_transfer(u, take_waiting(u, 0).seq, -EPIPE, NULL,
				     0);
			continue;
		}
		if (u->owes_end) {
			u->owes_end = false;
			end_transfer(u, take_waiting(u, 0).seq, 0, NULL, 0);
			continue;
		}
		out = link_peek(u->link);
		if (!out)
			return;
		if (out->due_ns > link_monotonic_ns()) {
			u->send_timer.due_ns = out->due_ns;
			return;
		}
		serve(u, out);
	}
}

/* ------------------------------------------------------------ transfers */

static void forget(struct usbip_port *u)
{
	u->is_halted = u->is_out_halted = false;
	u->owes_end = false;
	u->sent = 0;
	u->send_timer.due_ns = 0;
	gather_reset(&u->gather);
	link_flush(u->link);
}

static void on_control(struct usbip_port *u, const struct message *m)
{
	size_t n = 0;
	int r = descriptors_answer(&u->descriptors, m->setup, u->data, &n);

	if (!r && m->setup[1] == USB_REQ_SET_CONFIGURATION)
		forget(u);
	if (!r && m->setup[1] == USB_REQ_CLEAR_FEATURE)
		*(m->setup[4] & USB_DIR_IN ? &u->is_halted
					   : &u->is_out_halted) = false;
	end_transfer(u, m->seq, r, u->data, n);
}

static void on_in(struct usbip_port *u, const struct message *m)
{
	int status;

	if (link_transfer(u->link, LINK_FAULT_IN, &status)) {
		end_transfer(u, m->seq, status, NULL, 0);
		return;
	}
	if (u->n_waiting == WAITING_MAX) {
		end_transfer(u, m->seq, -ENOMEM, NULL, 0);
		return;
	}
	u->waiting[u->n_waiting++] =
		(struct waiting){ m->seq, be32toh(m->length) };
	pump(u);
}

/* The data came whole; the instrument sees them packet by packet. */
static void gather_out(struct usbip_port *u, const struct message *m,
		       size_t len)
{
	size_t at = 0, n;

	for (; at < len; at += n) {
		n = len - at < u->packet_len ? len - at : u->packet_len;
		gather_packet(&u->gather, u->data + at, n, u->packet_len);
	}
	if (!len ||
	    (len % u->packet_len == 0 && be32toh(m->first) & FLAG_ZERO_PACKET))
		gather_packet(&u->gather, u->data, 0, u->packet_len);
}

static void on_out(struct usbip_port *u, const struct message *m, size_t len)
{
	int status = 0, unused;
	bool is_overtaken;

	if (link_transfer(u->link, LINK_FAULT_OUT, &status) && status == -EPIPE)
		u->is_out_halted = true;
	else if (u->is_out_halted)
		status = -EPIPE;
	if (status) {
		answer(u, RET_SUBMIT, m->seq, status, 0, NULL, 0);
		return;
	}
	is_overtaken = link_transfer(u->link, LINK_FAULT_OVERTAKE, &unused);
	if (!is_overtaken)
		answer(u, RET_SUBMIT, m->seq, 0, len, NULL, 0);
	gather_out(u, m, len);
	if (is_overtaken)
		answer(u, RET_SUBMIT, m->seq, 0, len, NULL, 0);
}

static void on_unlink(struct usbip_port *u, const struct message *m)
{
	int status = 0;

	for (int i = 0; i < u->n_waiting; i++) {
		if (u->waiting[i].seq == m->first) {
			take_waiting(u, i);
			status = -ECONNRESET;
			break;
		}
	}
	answer(u, RET_UNLINK, m->seq, status, 0, NULL, 0);
}

static bool receive(struct usbip_port *u, void *to, size_t n)
{
	return recv(u->fd, to, n, MSG_WAITALL) == (ssize_t)n;
}

/* A host that hangs up has pulled the cable. */
static void on_message(void *arg, short revents)
{
	struct usbip_port *u = arg;
	struct message m;
	size_t len;

	(void)revents;
	if (!receive(u, &m, sizeof(m))) {
		port_unplug(&u->port);
		return;
	}
	if (be32toh(m.command) == CMD_UNLINK) {
		on_unlink(u, &m);
		return;
	}
	len = be32toh(m.length);
	if (!m.is_in &&
	    (len > DATA_MAX || (len && !receive(u, u->data, len)))) {
		port_unplug(&u->port);
		return;
	}
	if (!m.endpoint)
		on_control(u, &m);
	else if (m.is_in)
		on_in(u, &m);
	else
		on_out(u, &m, len);
}

/* ------------------------------------------------------------ lifetime */

/* A line of the status file: hub, port, state and more. */
static bool is_free(int port)
{
	FILE *file = fopen(VHCI "status", "re");
	char line[128];
	int n, state;
	bool ret = false;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %d %d", &n, &state) == 2 && n == port)
			ret = state == PORT_IS_FREE;
	}
	if (file)
		fclose(file);
	return ret;
}

/* The kernel takes a while to let go of the device that was there before. */
static void wait_until_free(int port)
{
	struct timespec pause = { 0, FREE_PAUSE_NS };

	for (int i = 0; i < FREE_TRIES && !is_free(port); i++)
		nanosleep(&pause, NULL);
}

static int attach(const struct usbip_options *opt, int host_fd)
{
	CLEANUP(closep) int fd = open(VHCI "attach", O_WRONLY | O_CLOEXEC);
	char line[64];
	int n;

	if (fd < 0)
		return -errno;
	wait_until_free(opt->port);
	n = snprintf(line, sizeof(line), "%d %d %d %d", opt->port, host_fd,
		     opt->port + 1,
		     opt->is_full_speed ? USB_SPEED_FULL : USB_SPEED_HIGH);
	return write(fd, line, (size_t)n) < 0 ? -errno : 0;
}

static int usbip_plug(struct port *port)
{
	struct usbip_port *u = (struct usbip_port *)port;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	u->n_waiting = 0;
	forget(u);
	r = attach(&u->opt, pair[1]);
	close(pair[1]);
	if (!r)
		r = loop_add_fd(u->loop, pair[0], POLLIN, on_message, u);
	if (r < 0) {
		close(pair[0]);
		return r;
	}
	u->fd = pair[0];
	return 0;
}

/* Hang up, and read until the kernel has done the same.
 *
 * Its writing thread ends at the first message that nobody reads. A transfer
 * that the driver then takes back before the port is taken down as well is
 * forgotten by vhci_hcd, on its list of what is to be sent, and
 * usb_kill_urb() waits for it for ever (seen on 6.1).
 */
static void hang_up(int fd)
{
	struct timeval limit = { .tv_sec = HANG_UP_S };
	char dropped[256];

	shutdown(fd, SHUT_WR);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	while (recv(fd, dropped, sizeof(dropped), 0) > 0)
		;
	close(fd);
}

static void usbip_unplug(struct port *port)
{
	struct usbip_port *u = (struct usbip_port *)port;

	loop_remove_fd(u->loop, u->fd);
	hang_up(u->fd);
	u->fd = -1;
	u->n_waiting = 0;
	forget(u);
}

static void usbip_free(struct port *port)
{
	free(port);
}

static int usbip_describe(struct port *port, const char *path)
{
	struct usbip_port *u = (struct usbip_port *)port;

	if (path)
		return descriptors_load(&u->descriptors, path);
	descriptors_set(&u->descriptors, u->opt.is_full_speed);
	return 0;
}

static const struct port_ops ops = { usbip_plug, usbip_unplug, usbip_free,
				     usbip_describe };

int usbip_new(struct loop *loop, struct link *link,
	      const struct usbip_options *opt, struct port **ret)
{
	struct usbip_port *u = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return -ENOMEM;
	u->port.ops = &ops;
	u->loop = loop;
	u->link = link;
	u->opt = *opt;
	u->fd = -1;
	u->packet_len = opt->is_full_speed ? 64 : 512;
	descriptors_set(&u->descriptors, opt->is_full_speed);
	r = gather_init(&u->gather, loop, link, opt->is_strict_zlp, pump, u);
	if (!r)
		r = loop_add_timer(loop, &u->send_timer, pump, u);
	if (r < 0) {
		free(u);
		return r;
	}
	*ret = &u->port;
	return 0;
}
