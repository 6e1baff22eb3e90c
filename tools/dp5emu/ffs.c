// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The port as a USB gadget: endpoints of functionfs in one event loop.
 *
 * Endpoint files know neither poll nor timeouts, so transfers go through the
 * kernel's asynchronous I/O, which tells of their end by an eventfd. Packets
 * from the host are read one at a time, so that their ends are seen.
 */
#include "dp5emu/ffs.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/usb/functionfs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "dp5emu/gadget.h"
#include "dp5emu/gather.h"

#define EP_IN 0x81
#define EP_OUT 0x02

struct ffs_port {
	struct port port;
	struct loop *loop;
	struct link *link;
	struct ffs_options opt;
	struct gadget gadget;
	int ep0_fd, in_fd, out_fd, event_fd;
	aio_context_t aio;
	size_t packet_len; /* of the speed the host chose */
	bool is_enabled; /* the host has chosen the configuration */
	bool is_reading, is_writing;
	bool is_unended; /* what is being written gets no empty packet */
	struct iocb read_cb, write_cb;
	struct gather gather;
	struct loop_timer send_timer;
	uint8_t packet[GATHER_PACKET_MAX];
	/* Its own copy: faults may drop the reply while it is on its way. */
	uint8_t sending[2 * WIRE_PACKET_MAX];
};

struct speed_descs {
	struct usb_interface_descriptor interface;
	struct usb_endpoint_descriptor_no_audio in;
	struct usb_endpoint_descriptor_no_audio out;
} __attribute__((packed));

struct descs {
	struct usb_functionfs_descs_head_v2 head;
	__le32 n_full;
	__le32 n_high;
	struct speed_descs full;
	struct speed_descs high;
} __attribute__((packed));

struct strings {
	struct usb_functionfs_strings_head head;
} __attribute__((packed));

/* ---------------------------------------------------------- descriptors */

static void fill_endpoint(struct usb_endpoint_descriptor_no_audio *ep,
			  uint8_t address, uint16_t packet_len)
{
	ep->bLength = sizeof(*ep);
	ep->bDescriptorType = USB_DT_ENDPOINT;
	ep->bEndpointAddress = address;
	ep->bmAttributes = USB_ENDPOINT_XFER_BULK;
	ep->wMaxPacketSize = htole16(packet_len);
}

static void fill_speed(struct speed_descs *d, uint16_t packet_len)
{
	memset(d, 0, sizeof(*d));
	d->interface.bLength = sizeof(d->interface);
	d->interface.bDescriptorType = USB_DT_INTERFACE;
	d->interface.bNumEndpoints = 2;
	d->interface.bInterfaceClass = USB_CLASS_VENDOR_SPEC;
	fill_endpoint(&d->in, EP_IN, packet_len);
	fill_endpoint(&d->out, EP_OUT, packet_len);
}

int ffs_write_descs(int ep0_fd)
{
	struct descs d = { 0 };
	struct strings s = { 0 };

	d.head.magic = htole32(FUNCTIONFS_DESCRIPTORS_MAGIC_V2);
	d.head.length = htole32(sizeof(d));
	d.head.flags = htole32(FUNCTIONFS_HAS_FS_DESC | FUNCTIONFS_HAS_HS_DESC);
	d.n_full = htole32(3);
	d.n_high = htole32(3);
	fill_speed(&d.full, 64);
	fill_speed(&d.high, 512);
	s.head.magic = htole32(FUNCTIONFS_STRINGS_MAGIC);
	s.head.length = htole32(sizeof(s));
	if (write(ep0_fd, &d, sizeof(d)) < 0 ||
	    write(ep0_fd, &s, sizeof(s)) < 0)
		return -errno;
	return 0;
}

/* ------------------------------------------------------------ transfers */

static int submit(struct ffs_port *f, struct iocb *cb)
{
	struct iocb *list[] = { cb };

	return syscall(SYS_io_submit, f->aio, 1, list) == 1 ? 0 : -errno;
}

static void prepare(struct ffs_port *f, struct iocb *cb, int fd, bool is_read,
		    void *data, size_t len)
{
	*cb = (struct iocb){
		.aio_data = (uintptr_t)cb,
		.aio_lio_opcode = is_read ? IOCB_CMD_PREAD : IOCB_CMD_PWRITE,
		.aio_fildes = (uint32_t)fd,
		.aio_buf = (uintptr_t)data,
		.aio_nbytes = len,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)f->event_fd,
	};
}

static void start_read(struct ffs_port *f)
{
	if (!f->is_enabled || f->is_reading)
		return;
	prepare(f, &f->read_cb, f->out_fd, true, f->packet, f->packet_len);
	f->is_reading = submit(f, &f->read_cb) == 0;
}

/* A reply whose last packet is full is ended by one of no length. */
static void start_write(struct ffs_port *f)
{
	const struct link_output *out = link_peek(f->link);
	int64_t now_ns = link_monotonic_ns();

	if (!out || !f->is_enabled || f->is_writing)
		return;
	if (out->due_ns > now_ns) {
		f->send_timer.due_ns = out->due_ns;
		return;
	}
	if (out->status) {
		uint8_t byte;

		/* A halt is the only bad end a gadget can give a transfer:
		 * I/O in the wrong direction halts a functionfs endpoint.
		 */
		if (read(f->in_fd, &byte, 1) < 0 && errno != EBADMSG)
			fprintf(stderr, "dp5emu: no halt: %s\n",
				strerror(errno));
		link_drop(f->link);
		start_write(f);
		return;
	}
	f->is_unended = out->is_unended;
	memcpy(f->sending, out->bytes, out->len);
	prepare(f, &f->write_cb, f->in_fd, false, f->sending, out->len);
	link_drop(f->link);
	f->is_writing = submit(f, &f->write_cb) == 0;
}

static void on_send_timer(void *arg)
{
	start_write(arg);
}

static void on_written(struct ffs_port *f, int64_t result)
{
	f->is_writing = false;
	if (result > 0 && (size_t)result % f->packet_len == 0 &&
	    !f->is_unended) {
		prepare(f, &f->write_cb, f->in_fd, false, f->sending, 0);
		f->is_writing = submit(f, &f->write_cb) == 0;
		return;
	}
	start_write(f);
}

static void on_aio(void *arg, short revents)
{
	struct ffs_port *f = arg;
	struct io_event events[4];
	struct timespec none = { 0, 0 };
	uint64_t count;
	long n;

	(void)revents;
	if (read(f->event_fd, &count, sizeof(count)) < 0)
		return;
	n = syscall(SYS_io_getevents, f->aio, 0, 4, events, &none);
	for (long i = 0; i < n; i++) {
		if (events[i].data == (uintptr_t)&f->write_cb) {
			on_written(f, events[i].res);
			continue;
		}
		f->is_reading = false;
		if (events[i].res >= 0)
			gather_packet(&f->gather, f->packet,
				      (size_t)events[i].res, f->packet_len);
		start_read(f);
	}
}

/* ------------------------------------------------------------- events */

/*
 * What is to be waited for each byte. A high-speed link is faster than the
 * instrument's, and so is dummy_hcd, which moves a millisecond of full-speed
 * packets, 19 of them, every 125 us.
 */
static double byte_us(const struct ffs_port *f)
{
	if (!f->link->has_timing)
		return 0;
	if (f->packet_len > 64)
		return LINK_BYTE_US;
	if (!strncmp(f->gadget.udc, "dummy", 5))
		return LINK_BYTE_US - 125.0 / (19 * 64);
	return 0;
}

/* The speed shows in the descriptor the endpoint goes by. */
static void on_enable(struct ffs_port *f)
{
	struct usb_endpoint_descriptor d;

	f->packet_len = 64;
	if (!ioctl(f->out_fd, FUNCTIONFS_ENDPOINT_DESC, &d))
		f->packet_len = le16toh(d.wMaxPacketSize);
	f->link->byte_us = byte_us(f);
	f->is_enabled = true;
	gather_reset(&f->gather);
	start_read(f);
}

/* Replies nobody can fetch any more are forgotten, the instrument counts on. */
static void on_disable(struct ffs_port *f)
{
	f->is_enabled = false;
	gather_reset(&f->gather);
	f->send_timer.due_ns = 0;
	link_flush(f->link);
}

/* No control request is documented: all of them are refused by a stall. */
static void refuse_setup(struct ffs_port *f, const struct usb_ctrlrequest *req)
{
	if (req->bRequestType & USB_DIR_IN)
		(void)!read(f->ep0_fd, NULL, 0);
	else
		(void)!write(f->ep0_fd, NULL, 0);
}

static void on_ep0(void *arg, short revents)
{
	struct ffs_port *f = arg;
	struct usb_functionfs_event events[4];
	ssize_t n;

	(void)revents;
	n = read(f->ep0_fd, events, sizeof(events));
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(events[0]); i++) {
		switch (events[i].type) {
		case FUNCTIONFS_ENABLE:
			on_enable(f);
			break;
		case FUNCTIONFS_DISABLE:
		case FUNCTIONFS_UNBIND:
			on_disable(f);
			break;
		case FUNCTIONFS_SETUP:
			refuse_setup(f, &events[i].u.setup);
			break;
		default:
			break;
		}
	}
}

/* ------------------------------------------------------------ lifetime */

static int ffs_plug(struct port *port)
{
	return gadget_bind(&((struct ffs_port *)port)->gadget);
}

static void ffs_unplug(struct port *port)
{
	struct ffs_port *f = (struct ffs_port *)port;

	gadget_unbind(&f->gadget);
	on_disable(f);
}

static void close_fd(struct ffs_port *f, int *fd)
{
	if (*fd < 0)
		return;
	loop_remove_fd(f->loop, *fd);
	close(*fd);
	*fd = -1;
}

/* Endpoints first: the function goes only when its files are closed. */
static void ffs_free(struct port *port)
{
	struct ffs_port *f = (struct ffs_port *)port;

	if (f->aio)
		syscall(SYS_io_destroy, f->aio);
	close_fd(f, &f->event_fd);
	close_fd(f, &f->in_fd);
	close_fd(f, &f->out_fd);
	close_fd(f, &f->ep0_fd);
	gadget_remove(&f->gadget);
	gather_reset(&f->gather);
	f->send_timer.due_ns = 0;
	free(f);
}

static const struct port_ops ops = { ffs_plug, ffs_unplug, ffs_free, NULL };

static int open_file(struct ffs_port *f, const char *name, int *ret_fd)
{
	char path[GADGET_PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/%s", f->gadget.mount, name);
	*ret_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

static int open_endpoints(struct ffs_port *f)
{
	int r;

	r = open_file(f, "ep0", &f->ep0_fd);
	if (!r)
		r = ffs_write_descs(f->ep0_fd);
	if (!r)
		r = open_file(f, "ep1", &f->in_fd);
	if (!r)
		r = open_file(f, "ep2", &f->out_fd);
	if (r < 0)
		return r;
	f->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->event_fd < 0 || syscall(SYS_io_setup, 4, &f->aio) < 0)
		return -errno;
	return 0;
}

static int watch(struct ffs_port *f)
{
	int r;

	r = loop_add_fd(f->loop, f->ep0_fd, POLLIN, on_ep0, f);
	if (!r)
		r = loop_add_fd(f->loop, f->event_fd, POLLIN, on_aio, f);
	if (!r)
		r = gather_init(&f->gather, f->loop, f->link,
				f->opt.is_strict_zlp, on_send_timer, f);
	if (!r)
		r = loop_add_timer(f->loop, &f->send_timer, on_send_timer, f);
	return r;
}

int ffs_new(struct loop *loop, struct link *link, const struct ffs_options *opt,
	    struct port **ret)
{
	char why[GADGET_WHY_LEN];
	struct ffs_port *f;
	int r;

	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	*f = (struct ffs_port){
		.port.ops = &ops,
		.loop = loop,
		.link = link,
		.opt = *opt,
		.ep0_fd = -1,
		.in_fd = -1,
		.out_fd = -1,
		.event_fd = -1,
	};
	r = gadget_make(&f->gadget, opt->name, opt->udc, why);
	if (r < 0) {
		fprintf(stderr, "dp5emu: %s\n", why);
		free(f);
		return r;
	}
	r = open_endpoints(f);
	if (!r)
		r = watch(f);
	if (r < 0) {
		fprintf(stderr, "dp5emu: %s: %s\n", f->gadget.mount,
			strerror(-r));
		ffs_free(&f->port);
		return r;
	}
	*ret = &f->port;
	return 0;
}
