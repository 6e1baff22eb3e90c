// SPDX-License-Identifier: GPL-2.0-or-later
/* Unplug, replug and unload, with files open and processes asleep. */
#include "guest.h"

#include <limits.h>
#include <sys/mman.h>
#include <sys/syscall.h>

FIXTURE(hp)
{
	int fd;
	union record r;
	struct answer a;
	bool is_usbip;
};

FIXTURE_SETUP(hp)
{
	ASSERT_TRUE(node_wait(true));
	self->fd = node_open(O_RDWR);
	ASSERT_LE(0, self->fd);
}

/* The kernel makes the node by itself; what udev does for each of a dozen
 * events takes longer than all the rest.
 */
static bool has_udev = true;

static void use_udev(bool is_used)
{
	if (is_used == has_udev)
		return;
	has_udev = is_used;
	run_quietly(is_used ? "systemctl start systemd-udevd.service"
			    : "systemctl stop systemd-udevd-kernel.socket "
			      "systemd-udevd-control.socket "
			      "systemd-udevd.service");
}

/* Leave it plugged in, whatever a test did. */
FIXTURE_TEARDOWN(hp)
{
	use_udev(true);
	close(self->fd);
	if (self->is_usbip)
		emu_restart("");
	if (!node_is_usable()) {
		node_wait(false);
		emu("plug");
	}
	node_wait(true);
}

/* The records it reads are added to @n. */
static int read_and_count(int fd, unsigned int *n)
{
	static uint8_t buf[FRAME_ROOM];
	ssize_t len;

	while ((len = read(fd, buf, sizeof(buf))) > 0)
		__atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
	return len ? errno : 0;
}

static int read_errno(int fd)
{
	unsigned int n = 0;

	return read_and_count(fd, &n);
}

TEST_F(hp, queued_records_can_be_read_after_unplug_then_enodev)
{
	int records = 0;

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 50 * MS, 4));
	while (get_stats(self->fd).lost < 2)
		sleep_ms(20);
	ASSERT_TRUE(emu("unplug"));
	ASSERT_TRUE(node_wait(false));
	EXPECT_EQ(POLLIN | POLLHUP | POLLERR,
		  poll_for(self->fd, 1000) & ~POLLPRI);
	while (next_record(self->fd, &self->r, 0).type)
		records++;
	EXPECT_EQ(ENODEV, errno);
	EXPECT_LE(4, records);
	EXPECT_EQ(POLLHUP | POLLERR, poll_for(self->fd, 0));
}

TEST_F(hp, every_call_to_the_unit_says_enodev_after_unplug)
{
	struct dp5_info before = { .size = sizeof(before) }, i = before;
	int reader = node_open(O_RDONLY);
	uint64_t requests;

	ASSERT_LE(0, reader);
	ASSERT_EQ(0, control(self->fd, DP5_CONTROL_CLAIM));
	ASSERT_EQ(0, ioctl(self->fd, DP5_IOC_GET_INFO, &before));
	requests = get_stats(self->fd).requests;
	ASSERT_TRUE(emu("unplug"));
	ASSERT_TRUE(node_wait(false));
	EXPECT_EQ(ENODEV, read_errno(self->fd));
	EXPECT_EQ(ENODEV, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	EXPECT_EQ(ENODEV, subscribe(self->fd, DP5_SUB_STATUS, 0, 0));
	EXPECT_EQ(ENODEV, subscribe(self->fd, DP5_SUB_NONE, 0, 0));
	EXPECT_EQ(ENODEV, control(self->fd, DP5_CONTROL_CLAIM));
	EXPECT_EQ(ENODEV, control(self->fd, DP5_CONTROL_RELEASE));
	/* What is known without the unit can still be asked. */
	EXPECT_EQ(0, ioctl(self->fd, DP5_IOC_GET_INFO, &i));
	EXPECT_EQ(0, memcmp(&before, &i, sizeof(i)));
	EXPECT_EQ(requests, get_stats(self->fd).requests);
	/* An argument that is wrong is told first. */
	EXPECT_EQ(EPERM, transact(self->fd, 0x30, 0x01, NULL, 0, &self->a));
	EXPECT_EQ(EINVAL, subscribe(self->fd, 77, 0, 0));
	/* So is what the open may not do. */
	EXPECT_EQ(EACCES, transact(reader, 0xf0, 0x01, NULL, 0, &self->a));
	EXPECT_EQ(EACCES, subscribe(reader, DP5_SUB_LIST, 0, 0));
	EXPECT_EQ(EACCES, control(reader, DP5_CONTROL_CLAIM));
	close(reader);
}

TEST_F(hp, sleeping_reader_poller_and_caller_are_woken)
{
	pid_t child[3];
	int i, status;

	child[0] = fork();
	if (!child[0])
		_exit(read_errno(self->fd) == ENODEV ? 0 : 1);
	child[1] = fork();
	if (!child[1])
		_exit(poll_for(self->fd, 20000) & POLLHUP ? 0 : 1);
	ASSERT_TRUE(emu("fault drop 1"));
	child[2] = fork();
	if (!child[2]) {
		transact_for(self->fd, 0x01, 0x01, NULL, 0, 20000 * MS,
			     &self->a);
		/* A hub that is slow to see it leaves a broken transfer. */
		_exit(self->a.error == ENODEV || self->a.error == EPROTO
			      ? 0
			      : self->a.error);
	}
	wait_for_fault("fault_drop");
	ASSERT_TRUE(emu("unplug"));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(child[i], waitpid(child[i], &status, 0));
		EXPECT_EQ(0, status) TH_LOG("child %d", i);
	}
}

TEST_F(hp, claim_that_unplugging_ends_leaves_no_controller)
{
	struct dp5_info i = { .size = sizeof(i) };
	int status;
	pid_t child;

	ASSERT_TRUE(emu("fault drop 1"));
	child = fork();
	if (!child)
		_exit(control(self->fd, DP5_CONTROL_CLAIM));
	wait_for_fault("fault_drop");
	ASSERT_TRUE(emu("unplug"));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WEXITSTATUS(status) == ENODEV ||
		    WEXITSTATUS(status) == EPROTO ||
		    WEXITSTATUS(status) == ETIMEDOUT)
	TH_LOG("%s", strerror(WEXITSTATUS(status)));
	ASSERT_TRUE(node_wait(false));
	ASSERT_EQ(0, ioctl(self->fd, DP5_IOC_GET_INFO, &i));
	EXPECT_EQ(0, i.is_control);
}

TEST_F(hp, replugged_device_has_a_node_and_old_files_stay_dead)
{
	struct dp5_info a = { .size = sizeof(a) }, b = { .size = sizeof(b) };
	int fd;

	ASSERT_EQ(0, ioctl(self->fd, DP5_IOC_GET_INFO, &a));
	ASSERT_TRUE(emu("unplug"));
	ASSERT_TRUE(node_wait(false));
	ASSERT_TRUE(emu("plug"));
	ASSERT_TRUE(node_wait(true));
	fd = node_open(O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioctl(fd, DP5_IOC_GET_INFO, &b));
	EXPECT_EQ(a.serial, b.serial);
	EXPECT_EQ(0, transact(fd, 0x01, 0x01, NULL, 0, &self->a));
	EXPECT_EQ(ENODEV, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	close(fd);
}

TEST_F(hp, unplug_under_a_back_to_back_stream_with_three_readers)
{
	int fd[3], i, n, status;
	pid_t child[3];

	for (n = 0; n < 2; n++) {
		for (i = 0; i < 3; i++) {
			fd[i] = node_open(O_RDONLY);
			ASSERT_EQ(0, subscribe(fd[i], DP5_SUB_SPECTRUM, 0, 0));
			child[i] = fork();
			if (!child[i])
				_exit(read_errno(fd[i]) == ENODEV ? 0 : 1);
			close(fd[i]);
		}
		sleep_ms(400);
		ASSERT_TRUE(emu("unplug"));
		for (i = 0; i < 3; i++) {
			ASSERT_EQ(child[i], waitpid(child[i], &status, 0));
			EXPECT_EQ(0, status);
		}
		ASSERT_TRUE(node_wait(false));
		ASSERT_TRUE(emu("plug"));
		ASSERT_TRUE(node_wait(true));
	}
}

/* Open, stream until it ends, and again; any end but that of an unplugged
 * device is an exit.
 */
static void read_for_ever(uint32_t kind, uint64_t interval_ns, unsigned int *n)
{
	for (;;) {
		int fd = node_open(O_RDONLY), error;

		if (fd < 0) {
			sleep_ms(20);
			continue;
		}
		error = subscribe(fd, kind, interval_ns, 0);
		if (!error)
			error = read_and_count(fd, n);
		if (error != ENODEV)
			_exit(error ?: 255);
		close(fd);
	}
}

/* What is queued, if anything is. */
static void read_some(int fd)
{
	static uint8_t buf[FRAME_ROOM];

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

/* The same for control, requests, and the streams that need it: @n counts the
 * rounds that went well. A cut cable may look like a damaged or a missing reply
 * until the hub has seen it.
 */
static void control_for_ever(unsigned int *n)
{
	static const uint32_t kinds[] = { DP5_SUB_LIST, DP5_SUB_LOSSLESS };
	static struct answer a;
	int fd, error;

	for (;;) {
		fd = node_open(O_RDWR);
		if (fd < 0) {
			sleep_ms(20);
			continue;
		}
		do {
			error = control(fd, DP5_CONTROL_CLAIM) ?:
				transact_text(fd, 0x04, "GAIN=10;", &a) ?:
				transact(fd, 0xf0, 0x02, NULL, 0, &a) ?:
				subscribe(fd, kinds[*n / 4 % 2], 10 * MS, 8) ?:
				transact(fd, 0x02, 0x03, NULL, 0, &a);
			if (error && error != ENODEV && error != EPROTO &&
			    error != ETIMEDOUT)
				_exit(error);
			if (!error)
				__atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
			sleep_ms(10);
			read_some(fd);
		} while (error != ENODEV);
		close(fd);
	}
}

/* Who waits for the end of a long run sees it come in the guest's log. */
static void tell_progress(unsigned int n, uint64_t start)
{
	int fd = open("/dev/console", O_WRONLY | O_CLOEXEC);

	dprintf(fd, "%u cycles in %llu s\n", n,
		(unsigned long long)(now_ns() - start) / 1000000000ULL);
	close(fd);
}

enum { N_USERS = 5 };

/* Until each of them has done more than @before. */
static bool wait_for_all(const unsigned int *n, const unsigned int *before)
{
	int i, k;

	for (i = 0, k = 0; i < 6000 && k < N_USERS; i++) {
		for (k = 0; k < N_USERS; k++)
			if (__atomic_load_n(&n[k], __ATOMIC_RELAXED) ==
			    before[k])
				break;
		sleep_ms(10);
	}
	return k == N_USERS;
}

/* The interface of an instrument that may come and go. */
static char interface[PATH_MAX];

static bool find_interface(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/dp5/dp5-%d/device",
		 node_number());
	return realpath(path, interface);
}

/* Until the hub has seen that it is gone: plugged in before that, it would be
 * the same device still.
 */
static bool wait_for_end(void)
{
	int i;

	for (i = 0; i < 2000 && !access(interface, F_OK); i++)
		sleep_ms(10);
	return i < 2000;
}

/* Until the driver was given it, be it that it still asks what this is. */
static bool wait_for_probe(void)
{
	char driver[PATH_MAX + 8];
	int i;

	snprintf(driver, sizeof(driver), "%s/driver", interface);
	for (i = 0; i < 2000 && access(driver, F_OK); i++)
		sleep_ms(10);
	return i < 2000;
}

/* Every other time the plug is pulled before anybody knows how far probing
 * has come. Over USB/IP, because dummy_hcd looks every 125 us at what is under
 * way; and with short spectra and pauses, so that a cycle goes to plugging and
 * not to data.
 */
TEST_F_TIMEOUT(hp, plugging_for_ever_under_four_readers_and_a_controller, 43200)
{
	unsigned int *done = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int i, n = cycles(20), seed = 1, before[N_USERS];
	pid_t child[N_USERS];
	uint64_t start;
	int status;

	ASSERT_NE(MAP_FAILED, done);
	close(self->fd);
	self->fd = -1;
	use_udev(false);
	run_quietly("modprobe vhci_hcd");
	self->is_usbip = true;
	/* Firmware that has a list. */
	emu_restart("--usbip 7 --profile 6.08.06");
	ASSERT_TRUE(node_wait(true));
	ASSERT_TRUE(find_interface());
	self->fd = node_open(O_RDWR);
	ASSERT_EQ(0, transact_text(self->fd, 0x04, "MCAC=256;", &self->a));
	close(self->fd);
	self->fd = -1;
	for (i = 0; i < N_USERS; i++) {
		child[i] = fork();
		if (child[i])
			continue;
		if (i == 4)
			control_for_ever(&done[i]);
		read_for_ever(i < 2 ? DP5_SUB_SPECTRUM : DP5_SUB_STATUS,
			      (i + 1) * 10 * MS, &done[i]);
	}
	/* All of them are at work before the first cycle, and after the last. */
	memset(before, 0, sizeof(before));
	EXPECT_TRUE(wait_for_all(done, before));
	memcpy(before, done, sizeof(before));
	start = now_ns();
	for (i = 0; i < n; i++) {
		ASSERT_TRUE(i % 2 ? wait_for_probe() : node_wait(true))
		TH_LOG("cycle %u", i);
		sleep_ms((unsigned int)rand_r(&seed) % 200);
		ASSERT_TRUE(emu("unplug"));
		ASSERT_TRUE(wait_for_end());
		ASSERT_EQ(0, waitpid(-1, &status, WNOHANG))
		TH_LOG("cycle %u: a reader or the controller ended: %d", i,
		       WEXITSTATUS(status));
		ASSERT_TRUE(emu("plug"));
		if (i % 50 == 49 || i == n - 1)
			tell_progress(i + 1, start);
	}
	for (i = 0; i < N_USERS; i++) {
		/* In a few cycles one may never come in time. */
		if (n >= 100)
			EXPECT_LT(before[i], done[i]);
		TH_LOG("user %u: %u records or rounds", i, done[i] - before[i]);
		before[i] = done[i];
	}
	EXPECT_TRUE(wait_for_all(done, before));
	for (i = 0; i < N_USERS; i++) {
		kill(child[i], SIGKILL);
		ASSERT_EQ(child[i], waitpid(child[i], &status, 0));
	}
	ASSERT_TRUE(node_wait(true));
	self->fd = node_open(O_RDWR);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(0, control(self->fd, DP5_CONTROL_CLAIM));
	EXPECT_EQ(0, transact(self->fd, 0x02, 0x03, NULL, 0, &self->a));
}

/* What libusb's users do to have the instrument for themselves: the driver lets
 * go of a unit that stays, with a reader asleep and a request under way.
 */
TEST_F(hp, unbind_is_an_unplug_and_bind_a_plug)
{
	pid_t child[2];
	char name[32];
	int i, status;

	ASSERT_TRUE(node_interface(name));
	child[0] = fork();
	if (!child[0])
		_exit(read_errno(self->fd) == ENODEV ? 0 : 1);
	ASSERT_TRUE(emu("fault drop 1"));
	child[1] = fork();
	if (!child[1]) {
		transact_for(self->fd, 0x01, 0x01, NULL, 0, 20000 * MS,
			     &self->a);
		_exit(self->a.error == ENODEV ? 0 : self->a.error);
	}
	wait_for_fault("fault_drop");
	ASSERT_TRUE(write_file(DRIVER_FILES "unbind", name));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(child[i], waitpid(child[i], &status, 0));
		EXPECT_EQ(0, status) TH_LOG("child %d", i);
	}
	ASSERT_TRUE(node_wait(false));
	EXPECT_EQ(ENODEV, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	close(self->fd);

	ASSERT_TRUE(write_file(DRIVER_FILES "bind", name));
	ASSERT_TRUE(node_wait(true));
	self->fd = node_open(O_RDWR);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
}

static int unload(void)
{
	return syscall(SYS_delete_module, "dp5", O_NONBLOCK) ? errno : 0;
}

/* A debug kernel keeps the name of a driver for seconds after its end. */
static int load(void)
{
	const char *path = getenv("DP5_KO");
	int fd, ret, i;

	for (i = 0; i < 100 && !access("/sys/bus/usb/drivers/dp5", F_OK); i++)
		sleep_ms(100);
	if (!path)
		return WEXITSTATUS(system("modprobe dp5"));
	fd = open(path, O_RDONLY);
	ret = syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
	close(fd);
	return ret;
}

TEST_F(hp, module_stays_while_open_and_unloads_afterwards)
{
	int i;

	EXPECT_EQ(EAGAIN, unload());
	close(self->fd);
	self->fd = -1;
	/* udev may hold the node for a moment. */
	for (i = 0; i < 300 && unload(); i++)
		sleep_ms(100);
	EXPECT_GT(300, i);
	EXPECT_EQ(0, load());
	EXPECT_TRUE(node_wait(true));
}

TEST_F(hp, sensors_show_the_status)
{
	char path[300], text[32] = "";
	struct dirent *e;
	DIR *dir;
	int fd = -1;

	snprintf(path, sizeof(path), "/sys/class/dp5/dp5-%d", node_number());
	dir = opendir(path);
	ASSERT_NE(NULL, dir);
	while (fd < 0 && (e = readdir(dir))) {
		if (strncmp(e->d_name, "hwmon", 5))
			continue;
		snprintf(path, sizeof(path),
			 "/sys/class/dp5/dp5-%d/%.32s/temp1_input",
			 node_number(), e->d_name);
		fd = open(path, O_RDONLY);
	}
	closedir(dir);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, read(fd, text, sizeof(text) - 1));
	close(fd);
	/* Between 180 K and 310 K. */
	EXPECT_LT(-93150, atoi(text));
	EXPECT_GT(36850, atoi(text));
}

TEST_HARNESS_MAIN
