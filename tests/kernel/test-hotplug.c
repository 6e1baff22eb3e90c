// SPDX-License-Identifier: GPL-2.0-or-later
/* Unplug, replug and unload, with files open and processes asleep. */
#include "guest.h"

#include <sys/syscall.h>

FIXTURE(hp)
{
	int fd;
	union record r;
	struct answer a;
};

FIXTURE_SETUP(hp)
{
	ASSERT_TRUE(node_wait(true));
	self->fd = node_open(O_RDWR);
	ASSERT_LE(0, self->fd);
}

/* Leave it plugged in, whatever a test did. */
FIXTURE_TEARDOWN(hp)
{
	close(self->fd);
	if (!node_is_usable()) {
		node_wait(false);
		emu("plug");
	}
	node_wait(true);
}

static int read_errno(int fd)
{
	static uint8_t buf[FRAME_ROOM];
	ssize_t n;

	do {
		n = read(fd, buf, sizeof(buf));
	} while (n > 0);
	return n ? errno : 0;
}

TEST_F(hp, queued_records_can_be_read_after_unplug_then_enodev)
{
	int records = 0;

	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 50 * MS, 4));
	sleep_ms(500);
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

TEST_F(hp, every_call_says_enodev_after_unplug)
{
	struct dp5_info i = { .size = sizeof(i) };

	ASSERT_TRUE(emu("unplug"));
	ASSERT_TRUE(node_wait(false));
	EXPECT_EQ(ENODEV, read_errno(self->fd));
	EXPECT_EQ(ENODEV, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	EXPECT_EQ(ENODEV, subscribe(self->fd, DP5_SUB_STATUS, 0, 0));
	EXPECT_EQ(ENODEV, control(self->fd, DP5_CONTROL_CLAIM));
	/* What is known without the device can still be asked. */
	EXPECT_EQ(0, ioctl(self->fd, DP5_IOC_GET_INFO, &i));
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
		_exit(self->a.error == ENODEV ? 0 : self->a.error);
	}
	sleep_ms(300);
	ASSERT_TRUE(emu("unplug"));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(child[i], waitpid(child[i], &status, 0));
		EXPECT_EQ(0, status) TH_LOG("child %d", i);
	}
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
	pid_t child[3];
	int i, n, status;

	for (n = 0; n < 2; n++) {
		for (i = 0; i < 3; i++) {
			child[i] = fork();
			if (!child[i]) {
				int fd = node_open(O_RDONLY);

				subscribe(fd, DP5_SUB_SPECTRUM, 0, 0);
				_exit(read_errno(fd) == ENODEV ? 0 : 1);
			}
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

static int unload(void)
{
	return syscall(SYS_delete_module, "dp5", O_NONBLOCK) ? errno : 0;
}

static int load(void)
{
	const char *path = getenv("DP5_KO");
	int fd, ret;

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
	for (i = 0; i < 50 && unload(); i++)
		sleep_ms(100);
	EXPECT_GT(50, i);
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
