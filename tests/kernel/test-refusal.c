// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices the driver must leave alone: an X-ray tube with the spectrometer's
 * USB id, and one that answers nonsense. Each gives one line in the log.
 */
#include "guest.h"

FIXTURE(rf)
{
	int log;
};

FIXTURE_SETUP(rf)
{
	self->log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, self->log);
	lseek(self->log, 0, SEEK_END);
}

FIXTURE_TEARDOWN(rf)
{
	close(self->log);
}

/* Count new lines of the driver, and how many of them hold @text. */
static void log_read(int log, const char *text, int *lines, int *with)
{
	char line[1024];
	ssize_t n;

	while ((n = read(log, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		if (!strstr(line, ";dp5 "))
			continue;
		*lines += 1;
		*with += !!strstr(line, text);
	}
}

static void log_skip(int log)
{
	int lines = 0, with = 0;

	log_read(log, "", &lines, &with);
}

/* Wait for a line of the driver that holds @text, and for what comes in the
 * second after it: whether it was the only one.
 */
static bool log_says_once(int log, const char *text)
{
	int lines = 0, with = 0;

	while (!with) {
		sleep_ms(50);
		log_read(log, text, &lines, &with);
	}
	sleep_ms(1000);
	log_read(log, text, &lines, &with);
	return lines == 1 && with == 1;
}

/* Requests the emulator has seen. */
static int n_requests(void)
{
	char answer[1024] = "";
	int fd = emu_connect();
	const char *at;
	int n = -1;

	if (fd >= 0 && write(fd, "status\n", 7) == 7 &&
	    read(fd, answer, sizeof(answer) - 1) > 0) {
		at = strstr(answer, "requests=");
		if (at)
			n = atoi(at + 9);
	}
	close(fd);
	return n;
}

/* Whether usbcore has a unit, be it that no driver wants it. */
static bool is_plugged(void)
{
	DIR *dir = opendir("/sys/bus/usb/devices");
	bool found = false;
	struct dirent *e;

	while (dir && !found && (e = readdir(dir)))
		found = sysfs_number(16, "/sys/bus/usb/devices/%.32s/idVendor",
				     e->d_name) == 0x10c4;
	if (dir)
		closedir(dir);
	return found;
}

/* Plugged in before the hub has seen it go, it would be the same unit still. */
static bool replug(void)
{
	if (!emu("unplug"))
		return false;
	while (is_plugged())
		sleep_ms(20);
	return emu("plug") && node_wait(true);
}

TEST_F(rf, tube_is_asked_for_its_status_and_left_alone)
{
	emu("quit");
	ASSERT_TRUE(node_wait(false));
	sleep_ms(500);
	log_skip(self->log);

	emu_start("--profile mini-x2");
	EXPECT_TRUE(log_says_once(self->log, "Mini-X2"));
	EXPECT_EQ(-1, node_number());
	EXPECT_EQ(1, n_requests());
	emu_stop();

	/* The next test and whoever comes after find a spectrometer. */
	emu_start("");
	EXPECT_TRUE(node_wait(true));
	emu_pid = 0;
}

TEST_F(rf, garbage_at_probe_is_refused_once)
{
	ASSERT_TRUE(emu("unplug"));
	ASSERT_TRUE(node_wait(false));
	ASSERT_TRUE(emu("fault garbage 100"));
	log_skip(self->log);
	ASSERT_TRUE(emu("plug"));
	EXPECT_TRUE(log_says_once(self->log, "not that of a DP5"));
	EXPECT_EQ(-1, node_number());

	ASSERT_TRUE(emu("fault none"));
	EXPECT_TRUE(replug());
}

TEST_F(rf, silence_at_probe_is_refused_once)
{
	ASSERT_TRUE(emu("unplug"));
	ASSERT_TRUE(node_wait(false));
	ASSERT_TRUE(emu("fault drop 100"));
	log_skip(self->log);
	ASSERT_TRUE(emu("plug"));
	EXPECT_TRUE(log_says_once(self->log, "no answer"));
	EXPECT_EQ(-1, node_number());

	ASSERT_TRUE(emu("fault none"));
	EXPECT_TRUE(replug());
}

TEST_F(rf, answers_an_earlier_program_left_behind_are_survived)
{
	ASSERT_TRUE(emu("unplug"));
	ASSERT_TRUE(node_wait(false));
	ASSERT_TRUE(emu("fault stale 2"));
	ASSERT_TRUE(emu("plug"));
	EXPECT_TRUE(node_wait(true));
	emu("fault none");
}

TEST_HARNESS_MAIN
