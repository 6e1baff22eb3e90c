/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel tests share: the emulator that plays the instrument, the
 * node it appears as, and the ioctls with their usual arguments.
 *
 * A program starts dp5emu before its first test, unless one is running, and
 * stops what it started. The daemon would claim the instrument and is kept
 * off meanwhile.
 */
#ifndef TESTS_KERNEL_GUEST_H
#define TESTS_KERNEL_GUEST_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/usbdevice_fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "uapi/dp5.h"

/* A test that hangs is ended. On the debug kernel, and emulated on a busy
 * machine, half a minute is not that long.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

#define MAYBE_UNUSED __attribute__((unused))

#define MS 1000000ULL
#define FRAME_ROOM 32768

static pid_t emu_pid;

/* The node meant is that of this serial number; 0: the first there is. */
static unsigned int node_serial;

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static inline uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static inline void sleep_ms(unsigned int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000,
			       .tv_nsec = (long)(ms % 1000) * 1000000L };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static const char *emu_socket(void)
{
	const char *path = getenv("DP5EMU_CONTROL");

	return path ? path : "/run/dp5emu/control";
}

static int emu_connect(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(addr.sun_path, emu_socket(), sizeof(addr.sun_path) - 1);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* What the emulator answered last. */
static char emu_answer[512];

/* One command to the emulator; true when it answers "ok". */
static MAYBE_UNUSED __attribute__((format(printf, 1, 2))) bool
emu(const char *fmt, ...)
{
	char line[256], *answer = emu_answer;
	ssize_t got = 0, n;
	int fd, len;
	va_list ap;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	line[len++] = '\n';

	fd = emu_connect();
	if (fd < 0 || write(fd, line, (size_t)len) != len)
		return false;
	while (got < (ssize_t)sizeof(emu_answer) - 1) {
		n = read(fd, answer + got,
			 sizeof(emu_answer) - 1 - (size_t)got);
		if (n <= 0)
			break;
		got += n;
		if (memchr(answer, '\n', (size_t)got))
			break;
	}
	close(fd);
	answer[got] = '\0';
	if (!strncmp(answer, "ok", 2))
		return true;
	printf("# dp5emu: %.*s: %s\n", len - 1, line, answer);
	return false;
}

/* A number in a file of sysfs, -1 when it is not there. */
static MAYBE_UNUSED __attribute__((format(printf, 2, 3))) int
sysfs_number(int base, const char *fmt, ...)
{
	char path[300], text[32] = "";
	ssize_t n;
	va_list ap;
	int fd;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? (int)strtol(text, NULL, base) : -1;
}

static inline bool node_is_meant(const char *name)
{
	return !node_serial || sysfs_number(10, "/sys/class/dp5/%s/serial",
					    name) == (int)node_serial;
}

/* A number of the emulator's status, -1 when it has none of that name. */
static MAYBE_UNUSED long long emu_number(const char *key)
{
	char want[32], *at;

	snprintf(want, sizeof(want), " %s=", key);
	at = emu("status") ? strstr(emu_answer, want) : NULL;
	return at ? atoll(at + strlen(want)) : -1;
}

/* The node's N, or -1. */
static inline int node_number(void)
{
	DIR *dir = opendir("/sys/class/dp5");
	struct dirent *e;
	int n = -1;

	while (dir && n < 0 && (e = readdir(dir)))
		if (sscanf(e->d_name, "dp5-%d", &n) != 1 ||
		    !node_is_meant(e->d_name))
			n = -1;
	if (dir)
		closedir(dir);
	return n;
}

static inline int node_open(int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/dp5-%d", node_number());
	return open(path, flags | O_CLOEXEC);
}

static bool node_is_usable(void)
{
	int fd = node_open(O_RDONLY);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Wait until a node is there and can be opened, or until the last trace of
 * one is gone: opening fails a moment before.
 */
static bool node_wait(bool present)
{
	int i;

	for (i = 0; i < 400; i++) {
		if (present ? node_is_usable() : node_number() < 0)
			return true;
		sleep_ms(50);
	}
	return false;
}

/* How often to do what is done over and over: REESPEC_CYCLES, or @few. */
static MAYBE_UNUSED unsigned int cycles(unsigned int few)
{
	const char *text = getenv("REESPEC_CYCLES");
	unsigned int n = text ? (unsigned int)strtoul(text, NULL, 10) : 0;

	return n ? n : few;
}

static void MAYBE_UNUSED run_quietly(const char *command)
{
	if (system(command))
		return;
}

/* The spectrum the emulator counts from. */
static const char *emu_spectrum(void)
{
	static const char *const paths[] = {
		"/usr/share/reespec/tests/BST-ORE.mca",
		"/usr/share/reespec/BST-ORE.mca",
		"tests/data/BST-ORE.mca",
		"../data/BST-ORE.mca",
	};
	const char *path = getenv("DP5EMU_SPECTRUM");
	size_t i;

	for (i = 0; !path && i < sizeof(paths) / sizeof(paths[0]); i++)
		if (!access(paths[i], R_OK))
			path = paths[i];
	return path ? path : paths[0];
}

/* Start the emulator on the guest's only UDC, cooled down and quick. */
static void emu_start(const char *options)
{
	const char *program = getenv("DP5EMU") ?: "dp5emu";
	char command[512];
	int i, fd = -1;

	snprintf(command, sizeof(command),
		 "exec %s --spectrum %s --seed 1 --settle 0 --timing fast "
		 "--control %s %s >>/tmp/dp5emu.log 2>&1",
		 program, emu_spectrum(), emu_socket(), options);
	emu_pid = fork();
	if (!emu_pid) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	for (i = 0; i < 100 && fd < 0; i++) {
		sleep_ms(50);
		fd = emu_connect();
	}
	if (fd < 0)
		return;
	close(fd);
	/* It listens before it is plugged in, and answers afterwards. */
	emu("status");
}

static void emu_stop(void)
{
	if (emu_pid <= 0)
		return;
	kill(emu_pid, SIGTERM);
	waitpid(emu_pid, NULL, 0);
	emu_pid = 0;
	node_wait(false);
}

/* Another emulator in the place of the one that runs. That may belong to an
 * earlier test, which is a process of its own, and needs a moment to go.
 */
static MAYBE_UNUSED void emu_restart(const char *options)
{
	int i, fd;

	emu("quit");
	for (i = 0; i < 200 && (fd = emu_connect()) >= 0; i++) {
		close(fd);
		sleep_ms(50);
	}
	emu_stop();
	for (i = 0; i < 3; i++) {
		emu_start(options);
		fd = emu_connect();
		if (fd >= 0) {
			close(fd);
			return;
		}
	}
}

/* Before the first test: an emulator, unless one answers already, or the
 * program starts its own.
 */
__attribute__((constructor)) static void guest_start(void)
{
	int fd;

	run_quietly("command -v systemctl >/dev/null && "
		    "systemctl mask --runtime --now reespecd.service "
		    ">/dev/null 2>&1");
#ifdef GUEST_STARTS_ITS_OWN
	return;
#endif
	fd = emu_connect();
	if (fd >= 0)
		close(fd);
	else
		emu_start("");
	node_wait(true);
}

__attribute__((destructor)) static void guest_stop(void)
{
	/* A test may have put another in the place of ours. */
	if (emu_pid > 0)
		emu("quit");
	emu_stop();
	run_quietly("command -v systemctl >/dev/null && "
		    "systemctl unmask --runtime reespecd.service "
		    ">/dev/null 2>&1");
}

/* What a request came back with. */
struct answer {
	int error; /* 0 or an errno of the call */
	uint8_t pid1, pid2;
	uint32_t len;
	uint64_t t_req_ns, t_done_ns;
	uint8_t data[FRAME_ROOM];
};

/* A request with a time-out of its own; 0 for the driver's. */
static int transact_for(int fd, uint8_t pid1, uint8_t pid2, const void *tx,
			size_t tx_len, uint64_t timeout_ns, struct answer *a)
{
	struct dp5_transact t = {
		.size = sizeof(t),
		.pid1 = pid1,
		.pid2 = pid2,
		.tx_len = (uint16_t)tx_len,
		.tx_ptr = (uintptr_t)tx,
		.rx_size = sizeof(a->data),
		.rx_ptr = (uintptr_t)a->data,
		.timeout_ns = timeout_ns,
	};

	a->error = ioctl(fd, DP5_IOC_TRANSACT, &t) ? errno : 0;
	a->pid1 = t.rx_pid1;
	a->pid2 = t.rx_pid2;
	a->len = t.rx_len;
	a->t_req_ns = t.t_req_ns;
	a->t_done_ns = t.t_done_ns;
	return a->error;
}

static MAYBE_UNUSED int transact(int fd, uint8_t pid1, uint8_t pid2,
				 const void *tx, size_t tx_len,
				 struct answer *a)
{
	return transact_for(fd, pid1, pid2, tx, tx_len, 0, a);
}

/* An open that gets nothing of an earlier test: what was on the wire when that
 * one's stream was closed is answered before this.
 */
static MAYBE_UNUSED int node_open_quiet(int flags)
{
	int fd = node_open(O_RDONLY);
	struct answer a;

	if (fd < 0 || transact(fd, 0x01, 0x01, NULL, 0, &a))
		return -1;
	close(fd);
	return node_open(flags);
}

static MAYBE_UNUSED int transact_text(int fd, uint8_t pid2, const char *text,
				      struct answer *a)
{
	return transact_for(fd, 0x20, pid2, text, strlen(text), 0, a);
}

static MAYBE_UNUSED int subscribe(int fd, uint32_t kind, uint64_t interval_ns,
				  uint32_t queue_len)
{
	struct dp5_subscribe s = { .size = sizeof(s),
				   .kind = kind,
				   .interval_ns = interval_ns,
				   .queue_len = queue_len };

	return ioctl(fd, DP5_IOC_SUBSCRIBE, &s) ? errno : 0;
}

static MAYBE_UNUSED int control(int fd, uint32_t op)
{
	struct dp5_control c = { .size = sizeof(c), .op = op };

	return ioctl(fd, DP5_IOC_CONTROL, &c) ? errno : 0;
}

static MAYBE_UNUSED struct dp5_stats get_stats(int fd)
{
	struct dp5_stats s = { .size = sizeof(s) };

	if (ioctl(fd, DP5_IOC_GET_STATS, &s))
		memset(&s, 0xff, sizeof(s));
	return s;
}

/* A record in a buffer that fits every one. */
union record {
	struct dp5_frame head;
	uint8_t bytes[FRAME_ROOM];
};

/* One record of a type, skipping others; its header, or type 0 when the read
 * failed, with errno set.
 */
static MAYBE_UNUSED struct dp5_frame next_record(int fd, union record *r,
						 uint16_t type)
{
	static uint8_t buf[FRAME_ROOM];
	static size_t have, at;
	static int of = -1;
	struct dp5_frame none = { .type = 0 };
	struct dp5_frame *head;
	ssize_t n;

	if (of != fd)
		have = at = 0;
	of = fd;
	for (;;) {
		if (at == have) {
			n = read(fd, buf, sizeof(buf));
			if (n <= 0)
				return none;
			have = (size_t)n;
			at = 0;
		}
		head = (struct dp5_frame *)(void *)(buf + at);
		at += head->len;
		if (type && head->type != type)
			continue;
		memcpy(r->bytes, head, head->len);
		return r->head;
	}
}

static MAYBE_UNUSED struct dp5_state *state_of(union record *r)
{
	return (struct dp5_state *)(void *)(r->bytes + r->head.hdr_len);
}

/* Wait until the stream says, to another open, that its queue is full. */
static MAYBE_UNUSED bool pause_wait(int other, union record *r)
{
	do {
		if (!next_record(other, r, DP5_FRAME_STATE).type)
			return false;
	} while (state_of(r)->event != DP5_STATE_PAUSE);
	return !state_of(r)->arg;
}

/* Until the stream has made so many frames more. */
static MAYBE_UNUSED void wait_for_frames(int fd, unsigned int n)
{
	uint64_t end = get_stats(fd).frames + n;

	while (get_stats(fd).frames < end)
		sleep_ms(10);
}

/* Until a child sleeps, be it that no signal wakes it. */
static MAYBE_UNUSED void wait_for_sleep(pid_t pid)
{
	char path[32], text[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	do {
		sleep_ms(5);
		f = fopen(path, "re");
		if (!f || !fgets(text, sizeof(text), f))
			text[0] = '\0';
		if (f)
			fclose(f);
	} while (text[0] && !strstr(text, ") S ") && !strstr(text, ") D "));
}

/* Until a request has met the fault that was set for it, as "fault_drop". */
static MAYBE_UNUSED void wait_for_fault(const char *key)
{
	while (emu_number(key) > 0)
		sleep_ms(5);
}

/* The next @n replies of the emulator are this status, of a spectrometer (1) or
 * an X-ray tube (2), whatever was asked.
 */
static MAYBE_UNUSED bool emu_tells_status(uint8_t kind, const uint8_t *status,
					  unsigned int n)
{
	static const char path[] = "/run/dp5emu/status";
	uint8_t p[8 + DP5_STATUS_LEN] = { 0xf5, 0xfa, 0x80,
					  kind, 0,    DP5_STATUS_LEN };
	unsigned int i, sum = 0;
	FILE *f = fopen(path, "we");
	bool ok;

	if (!f)
		return false;
	memcpy(p + 6, status, DP5_STATUS_LEN);
	for (i = 0; i < sizeof(p) - 2; i++)
		sum += p[i];
	p[i] = (uint8_t)(-sum >> 8);
	p[i + 1] = (uint8_t)-sum;
	for (i = 0; i < sizeof(p); i++)
		fprintf(f, "%02x", p[i]);
	ok = !fclose(f) && emu("fault bytes %s %u", path, n);
	unlink(path);
	return ok;
}

/* New lines of the log that hold both texts. */
static MAYBE_UNUSED int log_count(int log, const char *one, const char *two)
{
	char line[1024];
	int lines = 0;
	ssize_t n;

	for (;;) {
		n = read(log, line, sizeof(line) - 1);
		if (n < 0 && errno == EPIPE)
			continue; /* lines were overwritten */
		if (n <= 0)
			return lines;
		line[n] = '\0';
		lines += strstr(line, one) && strstr(line, two);
	}
}

static MAYBE_UNUSED int log_open(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log >= 0)
		lseek(log, 0, SEEK_END);
	return log;
}

/* Files by which root gives an interface to a driver and takes it away. */
#define DRIVER_FILES "/sys/bus/usb/drivers/dp5/"

static MAYBE_UNUSED bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 &&
		  write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* What usbcore calls the interface of the node. */
static MAYBE_UNUSED bool node_interface(char name[static 32])
{
	char path[64], target[256] = "";

	snprintf(path, sizeof(path), "/sys/class/dp5/dp5-%d/device",
		 node_number());
	if (readlink(path, target, sizeof(target) - 1) <= 0)
		return false;
	snprintf(name, 32, "%.31s", strrchr(target, '/') + 1);
	return true;
}

static MAYBE_UNUSED short poll_for(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLPRI };

	return poll(&p, 1, timeout_ms) > 0 ? p.revents : 0;
}

/* A number of the USB device, by the name of its file. */
static MAYBE_UNUSED int number_in(const char *file)
{
	char path[128], text[16] = "";
	int fd, n = -1;

	snprintf(path, sizeof(path), "/sys/class/dp5/dp5-%d/device/../%s",
		 node_number(), file);
	fd = open(path, O_RDONLY);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		n = atoi(text);
	close(fd);
	return n;
}

/* As another program would: through usbfs. */
static MAYBE_UNUSED int reset_port(void)
{
	char path[64];
	int fd, ret;

	snprintf(path, sizeof(path), "/dev/bus/usb/%03d/%03d",
		 number_in("busnum"), number_in("devnum"));
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return errno;
	ret = ioctl(fd, USBDEVFS_RESET, NULL) ? errno : 0;
	close(fd);
	return ret;
}

#endif /* TESTS_KERNEL_GUEST_H */
