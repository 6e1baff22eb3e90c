// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usb speed|shared|busy: exchanges with an instrument through the driver and
 * past it.
 *
 * Runs as root in a guest with virtual time. "speed" compares the clients: in
 * each turn the driver's come first, then the driver is taken off the interface
 * and the others do the same, then it is put back. "shared" looks at one
 * instrument with several opens, "busy" at how much of the time an instrument
 * has a request of each client.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "clients.h"
#include "uapi/dp5.h"

enum {
	TURNS = 5,
	N_WARM = 8, /* frames before each measurement */
	N_TIMED = 60, /* frames of one measurement */
	N_COUNTED = 20, /* frames while system calls are counted */
	N_OPENS = 4,
	N_LOOKS = 100, /* at the bus of an idle instrument */
	LOOK_US = 10000,
};

static const struct size sizes[] = {
	{ "72 B", 0x01, 0x01, DP5_SUB_STATUS, 72 },
	{ "24 KB", 0x02, 0x03, DP5_SUB_SPECTRUM, 24648 },
};

/* A spectrum of 2048 channels and status, as the emulator has it. */
static const struct size real_size = { "2048 ch", 0x02, 0x03, DP5_SUB_SPECTRUM,
				       6216 };

static const struct size *size;
static int node = -1, counter = -1;

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

static pid_t instrument(void)
{
	FILE *f = popen("pidof quick", "re");
	int pid = 0;

	if (!f || fscanf(f, "%d", &pid) != 1)
		bench_die("quick");
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

/* @after is called behind each of the client's calls. */
static int frames(const struct client *c, int n_wanted, void (*after)(void))
{
	int n = 0, calls = 0;

	while (n < n_wanted) {
		n += c->ask();
		if (after)
			after();
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

static void count_calls(const struct client *c)
{
	uint64_t calls;
	int n;

	if (counter < 0)
		return;
	ioctl(counter, PERF_EVENT_IOC_RESET, 0);
	ioctl(counter, PERF_EVENT_IOC_ENABLE, 0);
	n = frames(c, N_COUNTED, NULL);
	ioctl(counter, PERF_EVENT_IOC_DISABLE, 0);
	if (read(counter, &calls, sizeof(calls)) == sizeof(calls))
		/* less the call that stopped counting */
		tell("system calls a frame", c->name, (double)(calls - 1) / n);
}

static void measure_speed(const struct client *c)
{
	static pid_t pid;
	struct rusage a, b;
	double t, own, its;
	int n;

	if (!pid)
		pid = instrument();
	frames(c, N_WARM, NULL);
	own = cpu_us_of(getpid());
	its = cpu_us_of(pid);
	getrusage(RUSAGE_THREAD, &a);
	t = bench_clock_s(CLOCK_MONOTONIC);
	n = frames(c, N_TIMED, NULL);
	t = bench_clock_s(CLOCK_MONOTONIC) - t;
	getrusage(RUSAGE_THREAD, &b);
	its = cpu_us_of(pid) - its;
	own = cpu_us_of(getpid()) - own;
	tell("us a frame", c->name, 1e6 * t / n);
	tell("client's CPU us a frame", c->name, own / n);
	if (c->way == WAY_NODE && !c->watermark)
		tell("instrument's CPU us a frame", c->name, its / n);
	if (size->kind == DP5_SUB_STATUS)
		return; /* the counts are the same */
	tell("voluntary switches a frame", c->name,
	     (double)(b.ru_nvcsw - a.ru_nvcsw) / n);
	count_calls(c);
}

/* All clients of a way, one after the other. */
static void one_way(enum way way, void (*measure)(const struct client *c))
{
	if (!clients_begin_way(way))
		return;
	for (size_t i = 0; i < n_clients; i++) {
		if (clients[i].way != way)
			continue;
		if (clients[i].watermark)
			clients_subscribe(node, clients[i].watermark);
		measure(&clients[i]);
		if (clients[i].watermark)
			clients_subscribe(node, 0);
	}
	clients_end_way(way);
}

/* udev looks at whatever is bound, for a while and on the same processor. */
static void let_udev_end(void)
{
	if (system("udevadm settle"))
		printf("# udev may have been at work beside this\n");
}

static void turn(const struct size *s, void (*measure)(const struct client *c))
{
	size = s;
	clients_choose(s);
	node = clients_open_node();
	let_udev_end();
	one_way(WAY_NODE, measure);
	clients_take_usb();
	let_udev_end();
	clients_close_node();
	one_way(WAY_USBFS, measure);
	one_way(WAY_LIBUSB, measure);
	clients_give_usb();
}

static void speed(void)
{
	open_counter();
	for (int i = 0; i < TURNS; i++) {
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++)
			turn(&sizes[k], measure_speed);
	}
}

/* ---- several opens ------------------------------------------------------------ */

static struct dp5_stats stats_of(int fd)
{
	struct dp5_stats s = { .size = sizeof(s) };

	if (ioctl(fd, DP5_IOC_GET_STATS, &s))
		bench_die("GET_STATS");
	return s;
}

/* What one of several readers saw. */
struct reading {
	double us; /* a frame */
	double requests; /* a frame */
	double lost; /* frames */
};

/* A reader is a process of its own; it says when it is warm, and starts to
 * measure when all are.
 */
static void read_beside(int warm_fd, int go_fd, int result_fd)
{
	int fd = clients_open_node();
	struct reading r;
	struct dp5_stats a, b;
	uint32_t lost = 0;
	int n = 0;
	double t;
	char byte;

	clients_subscribe(fd, 1);
	while (n < N_WARM)
		n += clients_read_frames(fd, &lost);
	if (write(warm_fd, "", 1) != 1 || read(go_fd, &byte, 1) != 0)
		bench_die("readers");
	/* What came while it waited. */
	clients_read_frames(fd, &lost);
	lost = 0;
	a = stats_of(fd);
	t = bench_clock_s(CLOCK_MONOTONIC);
	for (n = 0; n < N_TIMED;)
		n += clients_read_frames(fd, &lost);
	t = bench_clock_s(CLOCK_MONOTONIC) - t;
	b = stats_of(fd);
	r = (struct reading){
		1e6 * t / n,
		(double)(b.requests - a.requests) /
			(double)(b.frames - a.frames),
		lost,
	};
	if (write(result_fd, &r, sizeof(r)) != sizeof(r))
		bench_die("readers");
	/* The last one ends the stream for all. */
	(void)!read(go_fd, &byte, 1);
	exit(0);
}

static void measure_readers(const char *who, int n)
{
	int warm[2], go[2], result[2];
	struct reading r, sum = { 0 };
	char byte;

	if (pipe(warm) || pipe(go) || pipe(result))
		bench_die("pipe");
	for (int i = 0; i < n; i++) {
		if (fork())
			continue;
		close(go[1]);
		read_beside(warm[1], go[0], result[1]);
	}
	for (int i = 0; i < n; i++) {
		if (read(warm[0], &byte, 1) != 1)
			bench_die("readers");
	}
	close(go[1]);
	for (int i = 0; i < n; i++) {
		if (read(result[0], &r, sizeof(r)) != sizeof(r))
			bench_die("readers");
		sum.us += r.us / n;
		sum.requests += r.requests / n;
		sum.lost += r.lost;
	}
	while (wait(NULL) > 0)
		;
	close(warm[0]);
	close(warm[1]);
	close(go[0]);
	close(result[0]);
	close(result[1]);
	tell("us a frame, each reader", who, sum.us);
	tell("requests a frame", who, sum.requests);
	tell("frames lost", who, sum.lost);
}

/* URBs that wait in the host controller, at most, while nothing is asked. */
static void look_at_bus(const char *who)
{
	int n, max = 0, c;
	FILE *f;

	usleep(100000);
	for (int i = 0; i < N_LOOKS; i++) {
		f = fopen("/sys/devices/platform/dummy_hcd.0/urbs", "re");
		if (!f)
			bench_die("urbs of dummy_hcd");
		for (n = 0; (c = getc(f)) != EOF;)
			n += c == '\n';
		fclose(f);
		max = n > max ? n : max;
		usleep(LOOK_US);
	}
	bench_tell("URBs queued, at most", who, max);
}

static void measure_idle(void)
{
	int opens[N_OPENS];

	for (int i = 0; i < N_OPENS; i++)
		opens[i] = clients_open_node();
	look_at_bus("4 opens, idle");
	clients_subscribe(opens[0], 1);
	look_at_bus("4 opens, a stream");
	for (int i = 0; i < N_OPENS; i++)
		close(opens[i]);
}

static void shared(void)
{
	size = &sizes[1];
	clients_choose(size);
	clients_open_node();
	let_udev_end();
	clients_close_node();
	for (int i = 0; i < TURNS; i++) {
		measure_readers("1 reader", 1);
		measure_readers("4 readers", 4);
		measure_idle();
	}
}

/* ---- the instrument's own time ------------------------------------------------- */

/* usbmon's binary interface: an event, and how to fetch one without data. */
struct mon_event {
	uint64_t id;
	unsigned char type, transfer, endpoint, device;
	uint16_t bus;
	char has_setup, has_data;
	int64_t s;
	int32_t us;
	int status;
	unsigned int len, len_kept;
	unsigned char rest[24];
};

struct mon_get {
	struct mon_event *event;
	void *data;
	size_t room;
};

#define MON_BULK 3
#define MON_GET _IOW(0x92, 10, struct mon_get)

static struct {
	int fd;
	double last_s; /* of the event before, on the host's clock */
	double begin_s; /* the first request arrived */
	double busy_s; /* between a request's arrival and its reply's end */
	double idle_s; /* between that and the next request's arrival */
	int n_busy, n_idle;
	int has_request, has_reply;
} mon;

static void note_event(const struct mon_event *e)
{
	double t = (double)e->s + (double)e->us * 1e-6;

	if (e->type != 'C' || e->transfer != MON_BULK || e->status)
		return;
	if (e->endpoint & 0x80 && mon.has_request) {
		mon.busy_s += t - mon.last_s;
		mon.n_busy++;
		mon.has_request = 0;
		mon.has_reply = 1;
	} else if (!(e->endpoint & 0x80)) {
		if (mon.has_reply) {
			mon.idle_s += t - mon.last_s;
			mon.n_idle++;
		}
		mon.has_request = 1;
		mon.has_reply = 0;
	}
	mon.last_s = t;
}

/* The kernel keeps some fifty events. */
static void fetch_events(void)
{
	struct mon_event e;
	struct mon_get get = { &e, NULL, 0 };

	while (!ioctl(mon.fd, MON_GET, &get))
		note_event(&e);
	if (errno != EAGAIN)
		bench_die("usbmon");
}

static void measure_busy(const struct client *c)
{
	fetch_events();
	frames(c, N_WARM, fetch_events);
	mon.busy_s = mon.idle_s = 0;
	mon.n_busy = mon.n_idle = 0;
	frames(c, N_TIMED, fetch_events);
	tell("instrument busy, % of time", c->name,
	     100 * mon.busy_s / (mon.busy_s + mon.idle_s));
	tell("request to end of reply, ms", c->name,
	     1e3 * mon.busy_s / mon.n_busy);
	tell("reply to next request, us", c->name,
	     1e6 * mon.idle_s / mon.n_idle);
}

static void busy(void)
{
	char path[32];

	clients_open_node();
	snprintf(path, sizeof(path), "/dev/usbmon%u", clients_bus());
	clients_close_node();
	mon.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (mon.fd < 0)
		bench_die(path);
	for (int i = 0; i < TURNS; i++)
		turn(&real_size, measure_busy);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} modes[] = {
		{ "speed", speed },
		{ "shared", shared },
		{ "busy", busy },
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (argc == 2 && !strcmp(argv[1], modes[i].name)) {
			modes[i].run();
			return 0;
		}
	}
	fprintf(stderr, "usage: usb speed|shared|busy\n");
	return 2;
}
