// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an earlier program has left behind in a unit, by way of USB/IP: it is
 * taken from the driver, asked through usbfs for answers that nobody reads, and
 * given back. So are units that answer too little to be known.
 */
#include "usbip.h"

#include <linux/usbdevice_fs.h>

FIXTURE(pb)
{
	int fd;
};

FIXTURE_SETUP(pb)
{
	usbip_quiet();
	ASSERT_TRUE(unit_start(OTHER_UNIT, ""));
	self->fd = -1;
}

FIXTURE_TEARDOWN(pb)
{
	close(self->fd);
	unit_stop();
}

/* A unit that no driver has, as an earlier program may have used it. */
struct bare {
	char interface[32];
	int usbfs;
};

static bool take_from_driver(struct bare *b)
{
	unsigned int interface = 0;
	char path[64];
	int bus, dev;

	if (!node_interface(b->interface))
		return false;
	snprintf(path, sizeof(path), "/sys/class/dp5/dp5-%d/device",
		 node_number());
	bus = sysfs_number(10, "%s/../busnum", path);
	dev = sysfs_number(10, "%s/../devnum", path);
	snprintf(path, sizeof(path), "/dev/bus/usb/%03d/%03d", bus, dev);
	b->usbfs = open(path, O_RDWR | O_CLOEXEC);
	return b->usbfs >= 0 &&
	       write_file(DRIVER_FILES "unbind", b->interface) &&
	       !ioctl(b->usbfs, USBDEVFS_CLAIMINTERFACE, &interface);
}

/* Ask for the status, and do not read the answer. */
static bool leave_answer(const struct bare *b)
{
	static uint8_t packet[] = "\xf5\xfa\x01\x01\x00\x00\xfe\x0f";
	struct usbdevfs_bulktransfer bulk = {
		.ep = 2, .len = 8, .timeout = 10000, .data = packet
	};

	return ioctl(b->usbfs, USBDEVFS_BULK, &bulk) == 8;
}

/* Whether the driver takes it: probe has ended by then. */
static bool give_to_driver(struct bare *b)
{
	close(b->usbfs);
	return write_file(DRIVER_FILES "bind", b->interface);
}

/* The first of them ends the first try. The others are drained before the
 * second: of three tries, each would end another.
 */
TEST_F_TIMEOUT(pb, damaged_answers_left_behind_are_survived, 120)
{
	struct bare bare;
	int i;

	ASSERT_TRUE(take_from_driver(&bare));
	ASSERT_TRUE(emu("fault corrupt 3"));
	for (i = 0; i < 3; i++)
		ASSERT_TRUE(leave_answer(&bare));
	EXPECT_TRUE(give_to_driver(&bare));
	ASSERT_TRUE(node_wait(true));
	self->fd = node_open(O_RDWR);
	EXPECT_EQ(0, unit_works(self->fd, 1));
	EXPECT_EQ(0, unit_works(self->fd, 4));
}

/* A status that another program has asked for, perhaps before the unit got
 * another serial number, is no identity.
 */
TEST_F_TIMEOUT(pb, identity_is_not_taken_from_an_answer_left_behind, 120)
{
	struct bare bare;

	ASSERT_TRUE(take_from_driver(&bare));
	ASSERT_TRUE(emu("serial 4711"));
	ASSERT_TRUE(leave_answer(&bare));
	ASSERT_TRUE(emu("serial %u", node_serial));
	EXPECT_TRUE(give_to_driver(&bare));
	/* Found by its own number. */
	ASSERT_TRUE(node_wait(true));
	self->fd = node_open(O_RDWR);
	EXPECT_EQ(0, unit_works(self->fd, 4));
}

/* A unit that answers the first status, but none of the six echoes until its
 * driver gives up a first time: a machine that stands still does the same.
 */
TEST_F_TIMEOUT(pb, unit_slow_to_confirm_is_asked_again, 120)
{
	static struct answer a;
	struct bare bare;

	self->fd = node_open(O_RDWR);
	ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &a));
	ASSERT_TRUE(take_from_driver(&bare));
	ASSERT_TRUE(emu_tells_status(0x01, a.data, 1 + 6 + 1));
	EXPECT_TRUE(give_to_driver(&bare));
	ASSERT_TRUE(node_wait(true));
	close(self->fd);
	self->fd = node_open(O_RDWR);
	EXPECT_EQ(0, unit_works(self->fd, 1));
	EXPECT_EQ(0, unit_works(self->fd, 4));
}

/* Three tries of two times three echoes, and as many for the first status. */
TEST_F_TIMEOUT(pb, unit_that_never_confirms_is_given_up, 120)
{
	int log = log_open();
	static struct answer a;
	struct bare bare;
	long requests;

	ASSERT_LE(0, log);
	self->fd = node_open(O_RDWR);
	ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &a));
	ASSERT_TRUE(take_from_driver(&bare));
	ASSERT_TRUE(emu_tells_status(0x01, a.data, 1000));
	requests = unit_number("requests");
	EXPECT_FALSE(give_to_driver(&bare));
	EXPECT_EQ(1, log_count(log, ";dp5 ", "then fails"));
	EXPECT_GE(requests + 3 + 3 * 6, unit_number("requests"));
	EXPECT_GT(0, node_number());

	ASSERT_TRUE(emu("fault none"));
	EXPECT_TRUE(write_file(DRIVER_FILES "bind", bare.interface));
	EXPECT_TRUE(node_wait(true));
	close(log);
}

/* A process that has the unit probed, and writes to @ended when that is over.
 * Returns once the unit has been asked for the second time.
 */
static pid_t bind_begin(const struct bare *b, int ended)
{
	long requests = unit_number("requests");
	pid_t child = fork();

	if (!child) {
		write_file(DRIVER_FILES "bind", b->interface);
		_exit(write(ended, "", 1) != 1);
	}
	close(ended);
	while (unit_number("requests") < requests + 2)
		sleep_ms(10);
	return child;
}

/* Whether a process was killed while its unit was asked for the second time, and
 * not after that.
 */
static bool bind_and_kill(const struct bare *b)
{
	int ended[2], status;
	pid_t child;
	char byte;
	bool ok;

	if (pipe(ended))
		return false;
	child = bind_begin(b, ended[1]);
	kill(child, SIGKILL);
	ok = waitpid(child, &status, 0) == child && !read(ended[0], &byte, 1);
	close(ended[0]);
	return ok;
}

/* What it ends with is nothing that the unit has done. Tried again should this
 * machine have let the probe come to its own end before.
 */
TEST_F_TIMEOUT(pb, probe_that_is_killed_blames_no_unit, 120)
{
	int i, log = log_open();
	static struct answer a;
	bool is_killed = false;
	struct bare bare;

	ASSERT_LE(0, log);
	self->fd = node_open(O_RDWR);
	ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &a));
	ASSERT_TRUE(take_from_driver(&bare));
	close(bare.usbfs);
	ASSERT_TRUE(emu_tells_status(0x01, a.data, 1000));
	for (i = 0; i < 5 && !is_killed; i++) {
		log_count(log, "", "");
		is_killed = bind_and_kill(&bare);
	}
	EXPECT_TRUE(is_killed);
	EXPECT_EQ(0, log_count(log, ";dp5 ", "fails"));
	EXPECT_GT(0, node_number());

	ASSERT_TRUE(emu("fault none"));
	EXPECT_TRUE(write_file(DRIVER_FILES "bind", bare.interface));
	EXPECT_TRUE(node_wait(true));
	close(log);
}

/* The hub cannot tell: its thread would wait for the probe. After the try that
 * fails nothing is asked of an empty port again.
 */
TEST_F_TIMEOUT(pb, unit_pulled_out_while_probed_is_not_waited_for, 120)
{
	int ended[2], log = log_open();
	static struct answer a;
	struct bare bare;
	pid_t child;
	char byte;

	ASSERT_LE(0, log);
	ASSERT_EQ(0, pipe(ended));
	self->fd = node_open(O_RDWR);
	ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &a));
	ASSERT_TRUE(take_from_driver(&bare));
	close(bare.usbfs);
	ASSERT_TRUE(emu_tells_status(0x01, a.data, 1000));
	child = bind_begin(&bare, ended[1]);
	log_count(log, "", "");
	emu("quit");
	EXPECT_EQ(1, read(ended[0], &byte, 1));
	waitpid(child, NULL, 0);
	EXPECT_EQ(1, log_count(log, ";dp5 ", "pulled out"));
	close(ended[0]);
	close(log);
}

TEST_HARNESS_MAIN
