// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ways to ask an instrument for one reply after the other: through the driver
 * and past it. All check each reply with the driver's own code; its users need
 * not do it themselves.
 */
#include "clients.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"
#include "packet.c"
#include "uapi/dp5.h"

enum {
	ROOM = 33280, /* a multiple of the packet beyond the longest reply */
	EP_OUT = 0x02,
	EP_IN = 0x81,
	TIMEOUT_MS = 500,
	TRANSFER_BULK = 2,
};

/* libusb's, as its ABI has it. */
struct lib_transfer {
	void *handle;
	uint8_t flags;
	unsigned char endpoint, type;
	unsigned int timeout;
	int status;
	int length, actual_length;
	void (*done)(struct lib_transfer *transfer);
	void *arg;
	unsigned char *buffer;
	int n_iso;
};

static const struct size *size;
static int node = -1, usb = -1;
static unsigned char request[8], reply[ROOM];

static void *lib, *lib_handle;
static struct lib_transfer *lib_in, *lib_out;
static int (*lib_bulk)(void *handle, unsigned char endpoint,
		       unsigned char *data, int len, int *done,
		       unsigned int timeout);
static int (*lib_submit)(struct lib_transfer *transfer);
static int (*lib_serve)(void *ctx, int *done);

/* ---- through the driver ------------------------------------------------------- */

static int by_transact(void)
{
	struct dp5_transact t = {
		.size = sizeof(t),
		.pid1 = size->pid1,
		.pid2 = size->pid2,
		.rx_ptr = (uintptr_t)reply,
		.rx_size = sizeof(reply),
	};

	if (ioctl(node, DP5_IOC_TRANSACT, &t))
		bench_die("TRANSACT");
	return (int)t.rx_len + DP5_PACKET_OVERHEAD == size->reply_len;
}

int clients_read_frames(int from, uint32_t *ret_lost)
{
	static unsigned char records[64 * ROOM];
	const struct dp5_frame *f;
	ssize_t len;
	int n = 0;

	len = read(from, records, sizeof(records));
	if (len <= 0)
		bench_die("read");
	for (ssize_t at = 0; at < len; at += f->len) {
		f = (const struct dp5_frame *)(const void *)(records + at);
		*ret_lost += f->lost;
		n += (int)f->payload_len + DP5_PACKET_OVERHEAD ==
		     size->reply_len;
	}
	return n;
}

static int by_stream(void)
{
	uint32_t lost = 0;

	return clients_read_frames(node, &lost);
}

/* ---- past it ------------------------------------------------------------------ */

static int is_good(int len)
{
	struct dp5_packet p;

	return len == size->reply_len &&
	       dp5_packet_parse(reply, (size_t)len, &p) == DP5_PACKET_WHOLE;
}

static int by_usbfs_bulk(void)
{
	struct usbdevfs_bulktransfer out = { EP_OUT, sizeof(request),
					     TIMEOUT_MS, request };
	struct usbdevfs_bulktransfer in = { EP_IN, ROOM, TIMEOUT_MS, reply };

	if (ioctl(usb, USBDEVFS_BULK, &out) != (int)sizeof(request))
		bench_die("USBDEVFS_BULK out");
	return is_good(ioctl(usb, USBDEVFS_BULK, &in));
}

static int by_usbfs_urbs(void)
{
	struct usbdevfs_urb in = { .type = USBDEVFS_URB_TYPE_BULK,
				   .endpoint = EP_IN,
				   .buffer = reply,
				   .buffer_length = ROOM };
	struct usbdevfs_urb out = { .type = USBDEVFS_URB_TYPE_BULK,
				    .endpoint = EP_OUT,
				    .buffer = request,
				    .buffer_length = sizeof(request) };
	void *done;

	if (ioctl(usb, USBDEVFS_SUBMITURB, &in) ||
	    ioctl(usb, USBDEVFS_SUBMITURB, &out) ||
	    ioctl(usb, USBDEVFS_REAPURB, &done) ||
	    ioctl(usb, USBDEVFS_REAPURB, &done))
		bench_die("usbfs URBs");
	return !in.status && !out.status && is_good(in.actual_length);
}

static int by_libusb(void)
{
	int n = 0;

	if (lib_bulk(lib_handle, EP_OUT, request, sizeof(request), &n,
		     TIMEOUT_MS) ||
	    lib_bulk(lib_handle, EP_IN, reply, ROOM, &n, TIMEOUT_MS))
		bench_die("libusb");
	return is_good(n);
}

static void on_transfer(struct lib_transfer *transfer)
{
	(*(int *)transfer->arg)++;
}

/* Both are handed over before either is waited for. */
static int by_libusb_async(void)
{
	int n_done = 0, is_done = 0;

	lib_in->arg = &n_done;
	lib_out->arg = &n_done;
	if (lib_submit(lib_in) || lib_submit(lib_out))
		bench_die("libusb_submit_transfer");
	while (n_done < 2) {
		if (lib_serve(NULL, &is_done))
			bench_die("libusb_handle_events_completed");
	}
	return !lib_in->status && !lib_out->status &&
	       is_good(lib_in->actual_length);
}

const struct client clients[] = {
	{ "driver, TRANSACT", WAY_NODE, by_transact, 0 },
	{ "driver, stream", WAY_NODE, by_stream, 1 },
	{ "driver, stream by 4", WAY_NODE, by_stream, 4 },
	{ "usbfs, 2 BULK", WAY_USBFS, by_usbfs_bulk, 0 },
	{ "usbfs, submit + reap", WAY_USBFS, by_usbfs_urbs, 0 },
	{ "libusb, synchronous", WAY_LIBUSB, by_libusb, 0 },
	{ "libusb, asynchronous", WAY_LIBUSB, by_libusb_async, 0 },
};
const size_t n_clients = ARRAY_SIZE(clients);

void clients_choose(const struct size *s)
{
	size = s;
	dp5_packet_build(request, s->pid1, s->pid2, NULL, 0);
}

/* ---- opening and closing ------------------------------------------------------ */

int clients_open_node(void)
{
	for (int i = 0; i < 400; i++) {
		node = open("/dev/dp5-0", O_RDWR | O_CLOEXEC);
		if (node >= 0)
			return node;
		usleep(50000);
	}
	bench_die("/dev/dp5-0");
}

void clients_close_node(void)
{
	close(node);
	node = -1;
}

void clients_subscribe(int to, unsigned int watermark)
{
	struct dp5_subscribe s = {
		.size = sizeof(s),
		.kind = watermark ? size->kind : DP5_SUB_NONE,
		.deadline_ns = watermark > 1 ? 1000000000 : 0,
		.watermark = watermark,
		.queue_len = 2 * watermark,
	};

	if (ioctl(to, DP5_IOC_SUBSCRIBE, &s))
		bench_die("SUBSCRIBE");
}

static unsigned int number_of(const char *name)
{
	unsigned int n = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/dp5/dp5-0/device/../%s", name);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%u", &n) != 1)
		bench_die(path);
	fclose(f);
	return n;
}

unsigned int clients_bus(void)
{
	return number_of("busnum");
}

static void driver_is(unsigned int code)
{
	struct usbdevfs_ioctl c = { .ifno = 0, .ioctl_code = (int)code };

	if (ioctl(usb, USBDEVFS_IOCTL, &c) < 0)
		bench_die("binding the driver");
}

/*
 * Takes what the instrument still has to say: the driver may have been taken
 * off with a request of its stream out. A reply left over would be read in
 * the place of the next one, which would then cost no waiting.
 */
static int drain(void)
{
	struct usbdevfs_bulktransfer in = { EP_IN, ROOM, 50, reply };
	int n = 0;

	while (ioctl(usb, USBDEVFS_BULK, &in) >= 0)
		n++;
	return n;
}

void clients_take_usb(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/bus/usb/%03u/%03u", clients_bus(),
		 number_of("devnum"));
	usb = open(path, O_RDWR | O_CLOEXEC);
	if (usb < 0)
		bench_die(path);
	driver_is(USBDEVFS_DISCONNECT);
}

void clients_give_usb(void)
{
	driver_is(USBDEVFS_CONNECT);
	close(usb);
	usb = -1;
}

static void *symbol(const char *name)
{
	void *ret = dlsym(lib, name);

	if (!ret)
		bench_die(name);
	return ret;
}

static struct lib_transfer *new_transfer(unsigned char endpoint,
					 unsigned char *buffer, int len)
{
	struct lib_transfer *(*alloc)(int n_iso);
	struct lib_transfer *t;

	*(void **)&alloc = symbol("libusb_alloc_transfer");
	t = alloc(0);
	if (!t)
		bench_die("libusb_alloc_transfer");
	t->handle = lib_handle;
	t->endpoint = endpoint;
	t->type = TRANSFER_BULK;
	t->timeout = TIMEOUT_MS;
	t->done = on_transfer;
	t->buffer = buffer;
	t->length = len;
	return t;
}

/* libusb is looked for at run time: nothing needs it to build. */
static int open_lib(void)
{
	int (*init)(void **ctx);
	void *(*open_device)(void *ctx, uint16_t vendor, uint16_t product);
	int (*claim)(void *handle, int interface);
	int is_new = !lib;

	if (!lib)
		lib = dlopen("libusb-1.0.so.0", RTLD_NOW);
	if (!lib) {
		printf("# libusb is not installed\n");
		return 0;
	}
	*(void **)&init = symbol("libusb_init");
	*(void **)&open_device = symbol("libusb_open_device_with_vid_pid");
	*(void **)&claim = symbol("libusb_claim_interface");
	*(void **)&lib_bulk = symbol("libusb_bulk_transfer");
	*(void **)&lib_submit = symbol("libusb_submit_transfer");
	*(void **)&lib_serve = symbol("libusb_handle_events_completed");
	if (is_new && init(NULL))
		bench_die("libusb_init");
	lib_handle = open_device(NULL, 0x10c4, 0x842a);
	if (!lib_handle || claim(lib_handle, 0))
		bench_die("libusb and the instrument");
	lib_in = new_transfer(EP_IN, reply, ROOM);
	lib_out = new_transfer(EP_OUT, request, sizeof(request));
	return 1;
}

static void close_lib(void)
{
	void (*release)(struct lib_transfer * transfer);
	void (*close_device)(void *handle);

	*(void **)&release = symbol("libusb_free_transfer");
	*(void **)&close_device = symbol("libusb_close");
	release(lib_in);
	release(lib_out);
	close_device(lib_handle);
}

int clients_begin_way(enum way way)
{
	unsigned int interface = 0;

	if (way == WAY_LIBUSB)
		return open_lib();
	if (way == WAY_NODE)
		return 1;
	if (ioctl(usb, USBDEVFS_CLAIMINTERFACE, &interface))
		bench_die("claiming");
	drain();
	return 1;
}

void clients_end_way(enum way way)
{
	unsigned int interface = 0;

	if (way == WAY_LIBUSB)
		close_lib();
	if (way != WAY_USBFS)
		return;
	if (drain())
		bench_die("a reply was left over");
	if (ioctl(usb, USBDEVFS_RELEASEINTERFACE, &interface))
		bench_die("releasing");
}
