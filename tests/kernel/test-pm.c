// SPDX-License-Identifier: GPL-2.0-or-later
/* Port resets and system sleep under open files and a running stream. */
#include <pthread.h>

#include "guest.h"

FIXTURE(pm)
{
	int fd;
	union record r;
	struct answer a;
};

FIXTURE_SETUP(pm)
{
	ASSERT_TRUE(node_wait(true));
	self->fd = node_open(O_RDWR);
	ASSERT_LE(0, self->fd);
}

/* A file of the USB device. */
static bool write_device(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/dp5/dp5-%d/device/../%s",
		 node_number(), file);
	return write_file(path, text);
}

static bool is_asleep(void)
{
	char path[128], text[32] = "";
	int fd;

	snprintf(path, sizeof(path),
		 "/sys/class/dp5/dp5-%d/device/../power/runtime_status",
		 node_number());
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = '\0';
	close(fd);
	return !strncmp(text, "suspended", 9);
}

static bool falls_asleep(void)
{
	int i;

	for (i = 0; i < 600 && !is_asleep(); i++)
		sleep_ms(50);
	return i < 600;
}

/* As an administrator does who wants it; off by default. */
static bool allow_sleep(void)
{
	return write_device("power/autosuspend_delay_ms", "100") &&
	       write_device("power/control", "auto");
}

FIXTURE_TEARDOWN(pm)
{
	write_device("power/control", "on");
	close(self->fd);
}

TEST_F(pm, open_files_go_on_after_a_reset)
{
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_SPECTRUM, 50 * MS, 0));
	next_record(self->fd, &self->r, DP5_FRAME_SPECTRUM);
	ASSERT_EQ(0, reset_port());
	next_record(self->fd, &self->r, DP5_FRAME_STATE);
	EXPECT_EQ(DP5_STATE_RESET, state_of(&self->r)->event);
	next_record(self->fd, &self->r, DP5_FRAME_STATE);
	EXPECT_EQ(DP5_STATE_RESYNC, state_of(&self->r)->event);
	next_record(self->fd, &self->r, DP5_FRAME_SPECTRUM);
	EXPECT_EQ(DP5_FRAME_SPECTRUM, self->r.head.type);
	EXPECT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
}

/* One that would not be sent again. Tried again should this machine have taken
 * the second that the reset waits for itself.
 */
TEST_F(pm, reset_lets_the_exchange_end)
{
	struct answer *a = mmap(NULL, sizeof(*a), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool is_let = false;
	uint64_t asked, before;
	pid_t child;
	int i;

	ASSERT_NE(MAP_FAILED, a);
	for (i = 0; i < 8 && !is_let; i++) {
		ASSERT_TRUE(emu("fault delay 700 1"));
		before = get_stats(self->fd).requests;
		child = fork();
		if (!child)
			_exit(transact_for(self->fd, 0xf0, 0x01, NULL, 0,
					   5000 * MS, a));
		while (get_stats(self->fd).requests == before)
			sleep_ms(5);
		asked = now_ns();
		EXPECT_EQ(0, reset_port());
		ASSERT_EQ(child, waitpid(child, NULL, 0));
		/* Held up, and for long after the reset was asked for. */
		is_let = !a->error && a->t_done_ns > asked + 300 * MS;
	}
	EXPECT_TRUE(is_let);
}

TEST_F(pm, reset_cuts_a_long_exchange_and_repeats_it_if_harmless)
{
	pid_t child;
	int status;

	ASSERT_TRUE(emu("fault drop 1"));
	child = fork();
	if (!child) {
		transact_for(self->fd, 0x02, 0x03, NULL, 0, 20000 * MS,
			     &self->a);
		_exit(self->a.error);
	}
	wait_for_fault("fault_drop");
	EXPECT_EQ(0, reset_port());
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);

	ASSERT_TRUE(emu("fault drop 1"));
	child = fork();
	if (!child) {
		transact_for(self->fd, 0xf0, 0x01, NULL, 0, 20000 * MS,
			     &self->a);
		_exit(self->a.error);
	}
	wait_for_fault("fault_drop");
	EXPECT_EQ(0, reset_port());
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(ETIMEDOUT, WEXITSTATUS(status));
	EXPECT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
}

/* Stopped or not, nobody knows, and it does not come to its turn again. */
TEST_F(pm, reset_tells_of_what_it_cut_and_cannot_repeat)
{
	int other = node_open(O_RDONLY), status;
	pid_t child;

	ASSERT_LE(0, other);
	ASSERT_TRUE(emu("fault drop 1"));
	child = fork();
	if (!child) {
		transact_for(self->fd, 0xf0, 0x03, NULL, 0, 20000 * MS,
			     &self->a);
		_exit(self->a.error);
	}
	wait_for_fault("fault_drop");
	ASSERT_TRUE(emu("fault drop 1000"));
	EXPECT_EQ(0, reset_port());
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(ETIMEDOUT, WEXITSTATUS(status));
	ASSERT_TRUE(emu("fault drop 0"));
	do {
		ASSERT_EQ(DP5_FRAME_STATE,
			  next_record(other, &self->r, DP5_FRAME_STATE).type);
	} while (state_of(&self->r)->event != DP5_STATE_RUN);
	EXPECT_EQ(0, state_of(&self->r)->arg);
	EXPECT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	close(other);
}

/* Nobody waits for it, and it may be against somebody's right by now. */
TEST_F(pm, reset_does_not_repeat_what_was_given_up)
{
	uint64_t before;
	pid_t child;
	int status;

	ASSERT_TRUE(emu("fault drop 1"));
	child = fork();
	if (!child) {
		transact_for(self->fd, 0x02, 0x03, NULL, 0, 60000 * MS,
			     &self->a);
		_exit(0);
	}
	wait_for_fault("fault_drop");
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	before = get_stats(self->fd).requests;
	EXPECT_EQ(0, reset_port());
	EXPECT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	EXPECT_EQ(before + 1, get_stats(self->fd).requests);
}

/* Half a reply, after about as long as the reset waits for all of it. That it
 * comes in the few instructions in which the core refuses the next transfer
 * (read_on, EPERM) is luck: six of six rounds without that case passed, too.
 */
TEST_F(pm, reset_that_takes_a_transfer_back_counts_no_error)
{
	/* The start of a list of 2048 bytes, as much as fills packets. */
	static const uint8_t head[6] = { 0xf5, 0xfa, 0x82, 0x07, 0x08, 0x00 };
	static const char path[] = "/run/dp5emu/half";
	FILE *f = fopen(path, "we");
	uint64_t errors = get_stats(self->fd).usb_errors;
	pid_t child;
	int status;
	size_t i;

	ASSERT_NE(NULL, f);
	for (i = 0; i < 512; i++)
		fprintf(f, "%02x", i < sizeof(head) ? head[i] : 0x41);
	ASSERT_EQ(0, fclose(f));
	ASSERT_TRUE(emu("fault bytes %s 1", path));
	ASSERT_TRUE(emu("fault delay 1000 1"));
	child = fork();
	if (!child)
		_exit(transact_for(self->fd, 0x20, 0x03, "MCAC;", 5, 20000 * MS,
				   &self->a));
	wait_for_fault("fault_delay");
	EXPECT_EQ(0, reset_port());
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(errors, get_stats(self->fd).usb_errors);
	unlink(path);
}

/* A slow unit is asked for its serial number twice, and tells it twice. */
TEST_F(pm, serial_told_twice_leaves_no_answer_behind)
{
	static const uint8_t tx[20] = "in step";
	uint64_t stale;

	ASSERT_EQ(0, reset_port());
	stale = get_stats(self->fd).stale;
	ASSERT_TRUE(emu("fault delay 400 1"));
	EXPECT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	EXPECT_EQ(0, transact(self->fd, 0xf1, 0x7f, tx, sizeof(tx), &self->a));
	EXPECT_EQ(0, memcmp(tx, self->a.data, sizeof(tx)));
	EXPECT_EQ(stale, get_stats(self->fd).stale);
}

/* What a request ends with whose link fails while a reset waits for its end:
 * 0.9 s after it was sent, which is before the reset waits no longer. Tried
 * again should the reset have come later than that.
 */
static int end_of_cut(int fd, struct answer *a, const char *fault,
		      const char *other, uint64_t timeout_ns)
{
	int i, status = -1;
	pid_t child;

	for (i = 0; i < 5 && status; i++) {
		/* In step, so that the fault meets the request. */
		if (transact(fd, 0x01, 0x01, NULL, 0, a) ||
		    !emu("fault %s", fault) ||
		    (other && !emu("fault %s", other)))
			return -1;
		child = fork();
		if (!child) {
			transact_for(fd, 0x02, 0x03, NULL, 0, timeout_ns, a);
			_exit(a->error);
		}
		wait_for_fault("fault_drop");
		wait_for_fault("fault_stall");
		if (reset_port() || waitpid(child, &status, 0) != child)
			return -1;
	}
	return WEXITSTATUS(status);
}

TEST_F(pm, link_that_fails_during_a_reset_is_a_cut)
{
	EXPECT_EQ(0, end_of_cut(self->fd, &self->a, "drop 1", NULL, 900 * MS));
	EXPECT_EQ(0, end_of_cut(self->fd, &self->a, "stall 1", "delay 900 1",
				20000 * MS));
}

/* Open the node of a unit once it is there; -1 if it does not come. */
static int open_unit(uint32_t serial, uint8_t model)
{
	int fd, n;

	for (n = 0; n < 200; n++) {
		struct dp5_info i = { .size = sizeof(i) };

		fd = node_open(O_RDWR);
		if (fd >= 0 && !ioctl(fd, DP5_IOC_GET_INFO, &i) &&
		    i.serial == serial && i.device == model)
			return fd;
		close(fd);
		sleep_ms(50);
	}
	return -1;
}

struct caller {
	pthread_t thread;
	int fd;
	struct answer a;
};

/* Until the unit is gone for good. */
static void *call_on_and_on(void *arg)
{
	struct caller *c = arg;
	int n_gone = 0;

	while (n_gone < 1000)
		n_gone += transact(c->fd, 0x01, 0x01, NULL, 0, &c->a) == ENODEV;
	return NULL;
}

static bool start_callers(struct caller *callers, int n, int fd)
{
	while (n--) {
		callers[n].fd = fd;
		if (pthread_create(&callers[n].thread, NULL, call_on_and_on,
				   &callers[n]))
			return false;
	}
	return true;
}

/* Resets that came to their end, as the records of a unit that is gone tell; the
 * core may have begun with each of them more than once.
 */
static unsigned int count_resets(int fd, union record *r)
{
	unsigned int n = 0;

	while (next_record(fd, r, DP5_FRAME_STATE).type)
		n += state_of(r)->event == DP5_STATE_RESET;
	return n;
}

/* One reset that shows the other unit, one with which it is probed: calls made
 * meanwhile, whose recovery is cut by the second, do not put that off. A slow
 * machine may have made the driver reset the port, too, which it counts.
 */
TEST_F(pm, another_unit_is_probed_anew_whoever_calls_meanwhile)
{
	static struct caller callers[4];
	static const uint32_t serials[] = { 4711, 38563 };
	uint64_t own;
	int i, k, fd;

	for (i = 0; i < 4; i++) {
		own = get_stats(self->fd).port_resets;
		ASSERT_TRUE(start_callers(callers, 4, self->fd));
		ASSERT_TRUE(emu("serial %u", serials[i % 2]));
		ASSERT_EQ(0, reset_port());
		fd = open_unit(serials[i % 2], 0);
		ASSERT_LE(0, fd);
		for (k = 0; k < 4; k++)
			ASSERT_EQ(0, pthread_join(callers[k].thread, NULL));
		own = get_stats(self->fd).port_resets - own;
		EXPECT_GE(2 + own, count_resets(self->fd, &self->r));
		EXPECT_EQ(ENODEV, errno);
		close(self->fd);
		self->fd = fd;
	}
}

/* The states a recovery leaves behind; whether a reboot is among them. */
static bool tells_reboot(int fd, union record *r)
{
	bool is_told = false;

	do {
		if (!next_record(fd, r, DP5_FRAME_STATE).type)
			return false;
		is_told |= state_of(r)->event == DP5_STATE_REBOOT;
	} while (state_of(r)->event != DP5_STATE_RESYNC);
	return is_told;
}

/* Who asked for the status afterwards would not see it any more. */
TEST_F(pm, power_lost_before_a_reset_is_told_once)
{
	int i;

	for (i = 0; i < 4; i++) {
		if (i % 2)
			ASSERT_TRUE(emu("reboot"));
		ASSERT_EQ(0, reset_port());
		/* It says so once, also where it has to be asked again. */
		if (i == 3)
			ASSERT_TRUE(emu("fault delay 400 1"));
		ASSERT_EQ(0, transact_for(self->fd, 0x01, 0x01, NULL, 0,
					  10000 * MS, &self->a));
		EXPECT_EQ(i % 2, tells_reboot(self->fd, &self->r))
		TH_LOG("reset %d", i);
	}
}

/* As after a sleep during which units were swapped: what was meant for the one
 * does not reach the other, which gets a node of its own. Some have no serial
 * number.
 */
TEST_F(pm, another_unit_after_a_reset_is_probed_anew)
{
	static const struct {
		const char *what;
		uint32_t serial;
		uint8_t model;
	} units[] = {
		{ "serial none", DP5_SERIAL_NONE, 0 },
		{ "model 4", DP5_SERIAL_NONE, 4 },
		{ "model 0", DP5_SERIAL_NONE, 0 },
		{ "serial 38563", 38563, 0 },
	};
	int i;

	for (i = 0; i < 4; i++) {
		ASSERT_TRUE(emu("%s", units[i].what));
		ASSERT_EQ(0, reset_port());
		EXPECT_EQ(ENODEV,
			  transact_text(self->fd, 0x04, "MCAC=512;", &self->a))
		TH_LOG("%s", units[i].what);
		close(self->fd);
		self->fd = open_unit(units[i].serial, units[i].model);
		ASSERT_LE(0, self->fd);
		EXPECT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	}
}

/* Of the same number, or none, and another firmware; for one status. */
TEST_F(pm, other_firmware_after_a_reset_is_probed_anew)
{
	ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	self->a.data[24] ^= 0x01;
	ASSERT_TRUE(emu_tells_status(0x01, self->a.data, 1));
	ASSERT_EQ(0, reset_port());
	EXPECT_EQ(ENODEV, transact_text(self->fd, 0x04, "MCAC=512;", &self->a));
	close(self->fd);
	self->fd = open_unit(38563, 0);
	ASSERT_LE(0, self->fd);
}

/* Its status is of another kind. */
TEST_F(pm, tube_after_a_reset_is_left_alone)
{
	int log = log_open();
	char interface[32];

	ASSERT_LE(0, log);
	ASSERT_TRUE(node_interface(interface));
	ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	ASSERT_TRUE(emu_tells_status(0x02, self->a.data, 30));
	ASSERT_EQ(0, reset_port());
	EXPECT_EQ(ENODEV, transact_text(self->fd, 0x04, "MCAC=512;", &self->a));
	ASSERT_TRUE(node_wait(false));
	while (!log_count(log, ";dp5 ", "Mini-X2"))
		sleep_ms(50);

	ASSERT_TRUE(emu("fault none"));
	EXPECT_TRUE(write_file(DRIVER_FILES "bind", interface));
	EXPECT_TRUE(node_wait(true));
	close(log);
}

/* The kernel's own rehearsal: devices are suspended one after the other, a
 * second passes, and they are resumed. Were it all at once, the emulator's side
 * would pull the cable before it is the driver's turn, which no bus does.
 */
static bool can_sleep(void)
{
	write_file("/sys/module/suspend/parameters/pm_test_delay", "1");
	return write_file("/sys/power/pm_async", "0") &&
	       write_file("/sys/power/pm_test", "devices");
}

static bool sleep_once(void)
{
	bool ok = can_sleep() && write_file("/sys/power/state", "freeze");

	if (!ok)
		fprintf(stderr, "# refused to sleep: %s\n", strerror(errno));
	write_file("/sys/power/pm_test", "none");
	write_file("/sys/power/pm_async", "1");
	return ok;
}

TEST_F(pm, open_files_go_on_after_sleep)
{
	bool is_told = false;
	int i;

	if (!can_sleep())
		SKIP(return, "kernel cannot rehearse sleep");
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 100 * MS, 0));
	next_record(self->fd, &self->r, DP5_FRAME_STATUS);
	EXPECT_TRUE(sleep_once());

	for (i = 0; i < 4 && !is_told; i++) {
		next_record(self->fd, &self->r, DP5_FRAME_STATE);
		is_told = state_of(&self->r)->event == DP5_STATE_RESUME ||
			  state_of(&self->r)->event == DP5_STATE_RESET;
	}
	EXPECT_TRUE(is_told);
	next_record(self->fd, &self->r, DP5_FRAME_STATUS);
	EXPECT_EQ(DP5_FRAME_STATUS, self->r.head.type);
	EXPECT_EQ(0, transact(self->fd, 0x02, 0x03, NULL, 0, &self->a));
}

/* Over a sleep of the host, with a request on the wire and a reader that waits:
 * what the request ends with, and the first state the reader sees.
 */
static int sleep_under_way(int fd, struct answer *a, union record *r,
			   uint32_t *ret_event)
{
	pid_t caller, reader;
	int error, status;

	reader = fork();
	if (!reader) {
		next_record(fd, r, DP5_FRAME_STATE);
		_exit((int)state_of(r)->event);
	}
	if (!emu("fault drop 1"))
		return -1;
	caller = fork();
	if (!caller) {
		transact_for(fd, 0x02, 0x03, NULL, 0, 30000 * MS, a);
		_exit(a->error);
	}
	wait_for_fault("fault_drop");
	if (!sleep_once() || waitpid(caller, &status, 0) != caller)
		return -1;
	error = WEXITSTATUS(status);
	if (waitpid(reader, &status, 0) != reader)
		return -1;
	*ret_event = (uint32_t)WEXITSTATUS(status);
	return error;
}

TEST_F(pm, exchange_and_reader_survive_sleep)
{
	uint32_t event = 0;

	if (!can_sleep())
		SKIP(return, "kernel cannot rehearse sleep");
	EXPECT_EQ(0, sleep_under_way(self->fd, &self->a, &self->r, &event));
	EXPECT_TRUE(event == DP5_STATE_RESUME || event == DP5_STATE_RESET)
	TH_LOG("first state: %u", event);
}

TEST_F(pm, unused_device_stays_awake_unless_allowed_to_sleep)
{
	sleep_ms(2500);
	EXPECT_FALSE(is_asleep());
}

TEST_F(pm, unused_device_sleeps_if_allowed_and_a_request_wakes_it)
{
	ASSERT_TRUE(allow_sleep());
	ASSERT_TRUE(falls_asleep());
	EXPECT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	EXPECT_EQ(0x80, self->a.pid1);
	next_record(self->fd, &self->r, DP5_FRAME_STATE);
	EXPECT_EQ(DP5_STATE_RESUME, state_of(&self->r)->event);
	EXPECT_TRUE(falls_asleep());
	/* A request that fails does not keep it awake either. */
	EXPECT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	ASSERT_TRUE(emu("fault drop 1"));
	EXPECT_NE(0, transact(self->fd, 0xf0, 0x20, NULL, 0, &self->a));
	EXPECT_TRUE(falls_asleep());
}

TEST_F(pm, subscription_keeps_the_device_awake)
{
	ASSERT_TRUE(allow_sleep());
	ASSERT_TRUE(falls_asleep());
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 10000 * MS, 0));
	next_record(self->fd, &self->r, DP5_FRAME_STATUS);
	sleep_ms(4000);
	EXPECT_FALSE(is_asleep());
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_NONE, 0, 0));
	EXPECT_TRUE(falls_asleep());
}

TEST_F(pm, unplug_while_asleep)
{
	ASSERT_TRUE(allow_sleep());
	ASSERT_TRUE(falls_asleep());
	ASSERT_TRUE(emu("unplug"));
	ASSERT_TRUE(node_wait(false));
	EXPECT_EQ(ENODEV, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	ASSERT_TRUE(emu("plug"));
	EXPECT_TRUE(node_wait(true));
}

static bool replug(void)
{
	return emu("unplug") && node_wait(false) && emu("plug") &&
	       node_wait(true);
}

#define QUIRKS "/sys/module/usbcore/parameters/quirks"

/* A device that loses power while it sleeps has to be reset: usbcore is told
 * so, and applies it to what is plugged in afterwards.
 */
static int open_forgetful(int old)
{
	bool ok = write_file(QUIRKS, "10c4:842a:b") && replug();

	write_file(QUIRKS, "\n");
	close(old);
	return ok ? node_open(O_RDWR) : -1;
}

TEST_F(pm, open_files_go_on_after_a_sleep_that_lost_power)
{
	self->fd = open_forgetful(self->fd);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(allow_sleep());
	ASSERT_TRUE(falls_asleep());
	EXPECT_EQ(0, transact(self->fd, 0x02, 0x03, NULL, 0, &self->a));
	next_record(self->fd, &self->r, DP5_FRAME_STATE);
	EXPECT_EQ(DP5_STATE_RESET, state_of(&self->r)->event);
	EXPECT_TRUE(replug());
}

TEST_F(pm, exchange_and_reader_survive_a_sleep_that_lost_power)
{
	uint32_t event;

	if (!can_sleep())
		SKIP(return, "kernel cannot rehearse sleep");
	self->fd = open_forgetful(self->fd);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(0, sleep_under_way(self->fd, &self->a, &self->r, &event));
	EXPECT_EQ(DP5_STATE_RESET, event);
	EXPECT_TRUE(replug());
}

/* Sleep and reset in turn, with a request on the wire that is not answered
 * until it is sent again, and a reader who waits. The emulator sleeps, too,
 * and wakes after the driver has begun to ask.
 */
TEST_F_TIMEOUT(pm, over_and_over_with_an_exchange_and_a_reader, 7200)
{
	unsigned int i, n = cycles(4), n_slept = 0;
	int status, error;
	pid_t child[2];

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 60000 * MS, 0));
	child[0] = fork();
	if (!child[0]) {
		while (next_record(self->fd, &self->r, 0).type)
			;
		_exit(errno);
	}
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
		ASSERT_TRUE(emu("fault drop 1"));
		child[1] = fork();
		if (!child[1]) {
			error = transact_for(self->fd, 0x02, 0x03, NULL, 0,
					     20000 * MS, &self->a);
			_exit(error);
		}
		wait_for_fault("fault_drop");
		sleep_ms(i * 37 % 200);
		if (i % 2 == 0) {
			n_slept += sleep_once();
		} else {
			EXPECT_EQ(0, reset_port());
		}
		ASSERT_EQ(child[1], waitpid(child[1], &status, 0));
		error = WEXITSTATUS(status);
		EXPECT_EQ(0, error)
		TH_LOG("cycle %u: request: %s", i, strerror(error));
		ASSERT_EQ(0, waitpid(child[0], &status, WNOHANG))
		TH_LOG("cycle %u: reader: %s", i,
		       strerror(WEXITSTATUS(status)));
	}
	fprintf(stderr, "# slept %u times, reset %u times\n", n_slept, n / 2);
	EXPECT_EQ((n + 1) / 2, n_slept);
	kill(child[0], SIGKILL);
	waitpid(child[0], &status, 0);
	EXPECT_EQ(0, transact(self->fd, 0x02, 0x03, NULL, 0, &self->a));
}

TEST_HARNESS_MAIN
