// SPDX-License-Identifier: GPL-2.0-or-later
/* Port resets and system sleep under open files and a running stream. */
#include "guest.h"

#include <linux/usbdevice_fs.h>

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

FIXTURE_TEARDOWN(pm)
{
	close(self->fd);
}

static int number_in(const char *file)
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
static int reset_port(void)
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

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 &&
		  write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
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

TEST_F(pm, reset_lets_the_exchange_end)
{
	pid_t child;
	int status;

	ASSERT_TRUE(emu("fault delay 400 1"));
	child = fork();
	if (!child) {
		transact_for(self->fd, 0x02, 0x03, NULL, 0, 5000 * MS,
			     &self->a);
		_exit(self->a.error);
	}
	sleep_ms(150);
	EXPECT_EQ(0, reset_port());
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
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
	sleep_ms(150);
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
	sleep_ms(150);
	EXPECT_EQ(0, reset_port());
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(ETIMEDOUT, WEXITSTATUS(status));
	EXPECT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
}

/* The kernel's own rehearsal: devices are suspended, five seconds pass, and
 * they are resumed.
 */
TEST_F_TIMEOUT(pm, open_files_go_on_after_sleep, 60)
{
	bool is_told = false;
	int i;

	if (!write_file("/sys/power/pm_test", "devices"))
		SKIP(return, "kernel cannot rehearse sleep");
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 100 * MS, 0));
	next_record(self->fd, &self->r, DP5_FRAME_STATUS);
	EXPECT_TRUE(write_file("/sys/power/state", "freeze"));
	write_file("/sys/power/pm_test", "none");

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

TEST_HARNESS_MAIN
