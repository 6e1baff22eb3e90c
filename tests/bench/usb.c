// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usb: exchanges with the emulated instrument through the driver and past it.
 *
 * Runs as root in a guest with virtual time. In each turn the driver's clients
 * come first, then the driver is taken off the interface and usbfs clients do
 * the same, then it is put back. All ask for the same replies one at a time.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <linux/usbdevice_fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "uapi/dp5.h"

enum {
	TURNS = 5,
	N_TIMED = 60, /* frames of one measurement */
	N_COUNTED = 20, /* frames while system calls are counted */
	ROOM = 33280, /* a multiple of the packet beyond the longest reply */
	EP_OUT = 0x02,
	EP_IN = 0x81,
	TIMEOUT_MS = 500,
};

/* One kind of reply. */
struct size {
	const char *name;
	unsigned char pid1, pid2;
	uint32_t kind; /* of the stream */
	const char *config; /* sent before, NULL: none */
	int reply_len; /* on the wire */
};

static const struct size sizes[] = {
	{ "72 B", 0x01, 0x01, DP5_SUB_STATUS, NULL, 72 },
	{ "2048 ch", 0x02, 0x03, DP5_SUB_SPECTRUM, "MCAC=2048;", 6216 },
	{ "8192 ch", 0x02, 0x03, DP5_SUB_SPECTRUM, "MCAC=8192;", 24648 },
};

static const struct size *size;
static int node = -1, usb = -1, counter = -1;
static unsigned char request[8], reply[ROOM];
static char usb_path[64];

static void *lib, *lib_handle;
static int (*lib_transfer)(void *handle, unsigned char endpoint,
			   unsigned char *data, int len, int *done,
			   unsigned int timeout);

/* ---- clients: each returns how many frames it received ---------------------- */

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
	return (int)t.rx_len + 8 == size->reply_len;
}

static int by_stream(void)
{
	static unsigned char records[64 * ROOM];
	const struct dp5_frame *f;
	int n = 0;
	ssize_t len;

	len = read(node, records, sizeof(records));
	if (len <= 0)
		bench_die("read");
	for (ssize_t at = 0; at < len; at += f->len) {
		f = (const struct dp5_frame *)(const void *)(records + at);
		n += (int)f->payload_len + 8 == size->reply_len;
	}
	return n;
}

/* What the driver checks of a reply, its users must check without it. */
static int is_good(int len)
{
	unsigned int sum;

	if (len != size->reply_len || reply[0] != 0xf5 || reply[1] != 0xfa)
		return 0;
	sum = 256u * reply[len - 2] + reply[len - 1];
	for (int i = 0; i < len - 2; i++)
		sum += reply[i];
	return (sum & 0xffff) == 0;
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

	if (lib_transfer(lib_handle, EP_OUT, request, sizeof(request), &n,
			 TIMEOUT_MS) ||
	    lib_transfer(lib_handle, EP_IN, reply, ROOM, &n, TIMEOUT_MS))
		bench_die("libusb");
	return is_good(n);
}

/* ---- measuring ------------------------------------------------------------------ */

/* Nanoseconds all threads of a process have run; exact, unlike its times. */
static double cpu_us_of(pid_t pid)
{
	char path[280];
	double sum = 0, ns;
	struct dirent *e;
	DIR *dir;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%.10s/schedstat",
			 pid, e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (f && fscanf(f, "%lf", &ns) == 1)
			sum += ns;
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return sum / 1000;
}

static pid_t emulator(void)
{
	FILE *f = popen("pidof dp5emu", "re");
	int pid = 0;

	if (!f || fscanf(f, "%d", &pid) != 1)
		bench_die("dp5emu");
	pclose(f);
	return pid;
}

/* Counts this thread's system calls, whoever makes them. */
static void open_counter(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT,
					.size = sizeof(attr),
					.disabled = 1 };
	unsigned long long id = 0;
	FILE *f;

	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	f = fopen("/sys/kernel/tracing/events/raw_syscalls/sys_enter/id", "re");
	if (f && fscanf(f, "%llu", &id) == 1) {
		attr.config = id;
		counter = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1,
				       PERF_FLAG_FD_CLOEXEC);
	}
	if (f)
		fclose(f);
	if (counter < 0)
		printf("# system calls are not counted: %s\n", strerror(errno));
}

static int frames(int (*client)(void), int n_wanted)
{
	int n = 0, calls = 0;

	while (n < n_wanted) {
		n += client();
		if (++calls > 4 * n_wanted) {
			fprintf(stderr, "usb: %s: wrong replies\n", size->name);
			exit(1);
		}
	}
	return n;
}

static void tell(const char *what, const char *who, double value)
{
	char quantity[64];

	snprintf(quantity, sizeof(quantity), "%s: %s", size->name, what);
	bench_tell(quantity, who, value);
}

/* Takes what the instrument still has to say. A reply left over would be read
 * in the place of the next one, which would then cost no waiting.
 */
static int drain(void)
{
	struct usbdevfs_bulktransfer in = { EP_IN, ROOM, 50, reply };
	int n = 0;

	while (ioctl(usb, USBDEVFS_BULK, &in) >= 0)
		n++;
	return n;
}

static void measure(const char *who, int (*client)(void))
{
	static pid_t pid;
	struct rusage a, b;
	double t, own, emu;
	uint64_t calls;
	int n;

	if (!pid)
		pid = emulator();
	frames(client, 8);
	own = cpu_us_of(getpid());
	emu = cpu_us_of(pid);
	getrusage(RUSAGE_THREAD, &a);
	t = bench_clock_s(CLOCK_MONOTONIC);
	n = frames(client, N_TIMED);
	t = bench_clock_s(CLOCK_MONOTONIC) - t;
	getrusage(RUSAGE_THREAD, &b);
	emu = cpu_us_of(pid) - emu;
	own = cpu_us_of(getpid()) - own;
	tell("us a frame", who, 1e6 * t / n);
	tell("client's CPU us a frame", who, own / n);
	if (client == by_transact)
		tell("emulator's CPU us a frame", who, emu / n);
	if (size->kind == DP5_SUB_STATUS)
		return; /* the counts are the same */
	tell("voluntary switches a frame", who,
	     (double)(b.ru_nvcsw - a.ru_nvcsw) / n);
	if (counter < 0)
		return;
	ioctl(counter, PERF_EVENT_IOC_RESET, 0);
	ioctl(counter, PERF_EVENT_IOC_ENABLE, 0);
	n = frames(client, N_COUNTED);
	ioctl(counter, PERF_EVENT_IOC_DISABLE, 0);
	if (read(counter, &calls, sizeof(calls)) == sizeof(calls))
		/* less the call that stopped counting */
		tell("system calls a frame", who, (double)(calls - 1) / n);
}

/* ---- the two ways to the instrument ------------------------------------------- */

static void open_node(void)
{
	for (int i = 0; i < 400; i++) {
		node = open("/dev/dp5-0", O_RDWR | O_CLOEXEC);
		if (node >= 0)
			return;
		usleep(50000);
	}
	bench_die("/dev/dp5-0");
}

static void configure(void)
{
	struct dp5_control c = { .size = sizeof(c), .op = DP5_CONTROL_CLAIM };
	struct dp5_transact t = { .size = sizeof(t),
				  .pid1 = 0x20,
				  .pid2 = 0x02,
				  .tx_len = (__u16)strlen(size->config),
				  .tx_ptr = (uintptr_t)size->config,
				  .rx_ptr = (uintptr_t)reply,
				  .rx_size = sizeof(reply) };

	if (ioctl(node, DP5_IOC_CONTROL, &c) ||
	    ioctl(node, DP5_IOC_TRANSACT, &t))
		bench_die(size->config);
}

static void stream(const char *who, unsigned int frames_a_read)
{
	struct dp5_subscribe s = { .size = sizeof(s),
				   .kind = size->kind,
				   .deadline_ns =
					   frames_a_read > 1 ? 1000000000 : 0,
				   .watermark = frames_a_read,
				   .queue_len = 2 * frames_a_read };

	if (ioctl(node, DP5_IOC_SUBSCRIBE, &s))
		bench_die("SUBSCRIBE");
	measure(who, by_stream);
	s.kind = DP5_SUB_NONE;
	if (ioctl(node, DP5_IOC_SUBSCRIBE, &s))
		bench_die("SUBSCRIBE");
}

static void find_usb_path(void)
{
	unsigned int bus = 0, dev = 0;
	FILE *f;

	f = fopen("/sys/class/dp5/dp5-0/device/../busnum", "re");
	if (!f || fscanf(f, "%u", &bus) != 1)
		bench_die("busnum");
	fclose(f);
	f = fopen("/sys/class/dp5/dp5-0/device/../devnum", "re");
	if (!f || fscanf(f, "%u", &dev) != 1)
		bench_die("devnum");
	fclose(f);
	snprintf(usb_path, sizeof(usb_path), "/dev/bus/usb/%03u/%03u", bus,
		 dev);
}

static void driver_is(unsigned int code)
{
	struct usbdevfs_ioctl c = { .ifno = 0, .ioctl_code = (int)code };

	if (ioctl(usb, USBDEVFS_IOCTL, &c) < 0)
		bench_die("binding the driver");
}

/* libusb is looked for at run time: nothing needs it to build. */
static int open_lib(void)
{
	int (*init)(void **ctx);
	void *(*open_device)(void *ctx, uint16_t vendor, uint16_t product);
	int (*claim)(void *handle, int interface);

	if (!lib)
		lib = dlopen("libusb-1.0.so.0", RTLD_NOW);
	if (!lib) {
		printf("# libusb is not installed\n");
		return 0;
	}
	*(void **)&init = dlsym(lib, "libusb_init");
	*(void **)&open_device = dlsym(lib, "libusb_open_device_with_vid_pid");
	*(void **)&claim = dlsym(lib, "libusb_claim_interface");
	*(void **)&lib_transfer = dlsym(lib, "libusb_bulk_transfer");
	if (!init || !open_device || !claim || !lib_transfer)
		bench_die("libusb");
	if (!lib_handle && init(NULL))
		bench_die("libusb_init");
	lib_handle = open_device(NULL, 0x10c4, 0x842a);
	if (!lib_handle || claim(lib_handle, 0))
		bench_die("libusb and the instrument");
	return 1;
}

static void close_lib(void)
{
	void (*close_device)(void *handle);

	*(void **)&close_device = dlsym(lib, "libusb_close");
	close_device(lib_handle);
}

static void make_request(void)
{
	unsigned int sum = 0xf5 + 0xfa + size->pid1 + size->pid2;

	sum = 0x10000 - sum;
	memcpy(request,
	       (unsigned char[]){ 0xf5, 0xfa, size->pid1, size->pid2, 0, 0,
				  (unsigned char)(sum >> 8),
				  (unsigned char)sum },
	       sizeof(request));
}

static void turn(void)
{
	unsigned int interface = 0;

	open_node();
	make_request();
	if (size->config)
		configure();
	measure("driver, TRANSACT", by_transact);
	stream("driver, stream", 1);
	stream("driver, stream by 4", 4);
	find_usb_path();
	close(node);

	usb = open(usb_path, O_RDWR | O_CLOEXEC);
	if (usb < 0)
		bench_die(usb_path);
	driver_is(USBDEVFS_DISCONNECT);
	if (ioctl(usb, USBDEVFS_CLAIMINTERFACE, &interface))
		bench_die("claiming");
	drain();
	measure("usbfs, 2 BULK", by_usbfs_bulk);
	measure("usbfs, submit + reap", by_usbfs_urbs);
	if (drain())
		bench_die("a reply was left over");
	if (ioctl(usb, USBDEVFS_RELEASEINTERFACE, &interface))
		bench_die("releasing");
	if (open_lib()) {
		measure("libusb, synchronous", by_libusb);
		close_lib();
	}
	driver_is(USBDEVFS_CONNECT);
	close(usb);
}

int main(void)
{
	open_counter();
	for (int i = 0; i < TURNS; i++) {
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			size = &sizes[k];
			turn();
		}
	}
	return 0;
}
