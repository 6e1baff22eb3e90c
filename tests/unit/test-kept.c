// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Nodes that outlive the daemon. A terminal stands for the instrument: its
 * slave is the node, what is written to its master is a queued frame, and the
 * driver's calls are answered here.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "device/kept.h"
#include "device/port.h"
#include "kselftest_harness.h"

static int info_error, subscribe_error; /* of the driver's calls */
static int gone_fd = -1; /* whose instrument was pulled out */
static int ended_fd = -1; /* of which nothing more can be read */
static unsigned int n_ended; /* subscriptions */

int ioctl(int fd, unsigned long cmd, ...)
{
	void *arg;
	va_list args;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	switch (cmd) {
	case DP5_IOC_GET_INFO:
		errno = info_error;
		return info_error ? -1 : 0;
	case DP5_IOC_SUBSCRIBE:
		n_ended += ((struct dp5_subscribe *)arg)->kind == DP5_SUB_NONE;
		errno = subscribe_error;
		return subscribe_error ? -1 : 0;
	default:
		return (int)syscall(SYS_ioctl, fd, cmd, arg);
	}
}

ssize_t read(int fd, void *buf, size_t len)
{
	if (fd == ended_fd)
		return 0;
	if (fd != gone_fd)
		return syscall(SYS_read, fd, buf, len);
	errno = ENODEV;
	return -1;
}

/* ---- the service manager -------------------------------------------------- */

static char told[200]; /* "put one remove one " */
static char one_name[64]; /* without folders */
static int put_fd;

static void tell(const char *what, const char *name)
{
	const size_t len = strlen(told);

	snprintf(told + len, sizeof(told) - len, "%s %s ", what,
		 strcmp(name, one_name) ? "other" : "one");
}

static void put(const char *name, int fd, void *arg)
{
	(void)arg;
	put_fd = fd;
	tell("put", name);
}

static void removed(const char *name, void *arg)
{
	(void)arg;
	tell("remove", name);
}

/* ---- a node --------------------------------------------------------------- */

struct instrument {
	int master;
	char node[64];
	const char *name; /* of the node without its folders */
	int left; /* what the daemon before has open */
};

static int instrument_make(struct instrument *i)
{
	struct termios t;

	i->master = posix_openpt(O_RDWR | O_NOCTTY);
	if (i->master < 0 || grantpt(i->master) < 0 ||
	    unlockpt(i->master) < 0 ||
	    ptsname_r(i->master, i->node, sizeof(i->node)))
		return -1;
	i->name = strrchr(i->node, '/') + 1;
	i->left = open(i->node, O_RDWR | O_NONBLOCK | O_NOCTTY);
	if (i->left < 0 || tcgetattr(i->left, &t) < 0)
		return -1;
	cfmakeraw(&t);
	return tcsetattr(i->left, TCSANOW, &t);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

FIXTURE(kept)
{
	struct instrument one;
	struct instrument other;
	struct kept *k;
	int fd;
};

FIXTURE_SETUP(kept)
{
	const struct kept_manager manager = { put, removed, NULL };

	self->fd = -1;
	ASSERT_EQ(0, instrument_make(&self->one));
	ASSERT_EQ(0, instrument_make(&self->other));
	strcpy(one_name, self->one.name);
	ASSERT_EQ(0, kept_new(&manager, &self->k));
}

FIXTURE_TEARDOWN(kept)
{
	kept_free(self->k);
	closep(&self->fd);
}

TEST_F(kept, opens_a_node_and_leaves_a_copy)
{
	self->fd = kept_open(self->k, self->one.node);
	ASSERT_GE(self->fd, 0);
	EXPECT_STREQ("put one ", told);
	EXPECT_EQ(self->fd, put_fd);
	EXPECT_EQ(O_RDWR | O_NONBLOCK,
		  fcntl(self->fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	/* Nothing was left: there is nothing to end. */
	EXPECT_EQ(0, n_ended);
}

TEST_F(kept, says_why_a_node_does_not_open)
{
	EXPECT_EQ(-ENOENT, kept_open(self->k, "/dev/dp5-none"));
	EXPECT_STREQ("", told);
}

TEST_F(kept, takes_what_was_left_and_what_is_in_it_is_dropped)
{
	char byte;

	ASSERT_EQ(5, write(self->one.master, "frame", 5));
	ASSERT_EQ(0, kept_add(self->k, self->one.name, self->one.left));
	self->fd = kept_open(self->k, self->one.node);
	EXPECT_EQ(self->one.left, self->fd);
	EXPECT_EQ(1, n_ended);
	EXPECT_STREQ("", told);
	EXPECT_EQ(-1, read(self->fd, &byte, 1));
	EXPECT_EQ(EAGAIN, errno);
	/* Once: whatever is plugged in later is another. */
	kept_forget_rest(self->k);
	EXPECT_TRUE(is_open(self->fd));
	EXPECT_STREQ("", told);
}

/* What was left is closed, here and there, and the node opened anew. */
static void is_opened_anew(struct __test_metadata *_metadata,
			   FIXTURE_DATA(kept) * self, int left)
{
	ASSERT_EQ(0, kept_add(self->k, self->one.name, left));
	self->fd = kept_open(self->k, self->one.node);
	ASSERT_GE(self->fd, 0);
	/* The lowest that is free: that of what was closed. */
	EXPECT_EQ(left, self->fd);
	EXPECT_STREQ("remove one put one ", told);
}

TEST_F(kept, knows_another_device_behind_the_name)
{
	is_opened_anew(_metadata, self, self->other.left);
	EXPECT_EQ(0, n_ended);
}

TEST_F(kept, knows_what_is_no_device)
{
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	is_opened_anew(_metadata, self, fds[0]);
}

TEST_F(kept, knows_what_is_no_instrument)
{
	info_error = ENOTTY;
	is_opened_anew(_metadata, self, self->one.left);
}

TEST_F(kept, does_not_take_one_whose_frames_go_on)
{
	subscribe_error = ENODEV;
	is_opened_anew(_metadata, self, self->one.left);
}

TEST_F(kept, does_not_take_one_that_was_pulled_out)
{
	gone_fd = self->one.left;
	is_opened_anew(_metadata, self, self->one.left);
	EXPECT_EQ(1, n_ended);
}

TEST_F(kept, does_not_take_one_that_has_ended)
{
	ended_fd = self->one.left;
	is_opened_anew(_metadata, self, self->one.left);
}

TEST_F(kept, closes_what_nobody_asked_for)
{
	ASSERT_EQ(0, kept_add(self->k, self->one.name, self->one.left));
	ASSERT_EQ(0, kept_add(self->k, self->other.name, self->other.left));
	self->fd = kept_open(self->k, self->other.node);
	kept_forget_rest(self->k);
	EXPECT_STREQ("remove one ", told);
	EXPECT_FALSE(is_open(self->one.left));
	EXPECT_TRUE(is_open(self->other.left));
}

TEST_F(kept, leaves_what_it_was_not_asked_for_when_the_daemon_ends)
{
	ASSERT_EQ(0, kept_add(self->k, self->one.name, self->one.left));
	self->k = kept_free(self->k);
	EXPECT_FALSE(is_open(self->one.left));
	EXPECT_STREQ("", told);
}

/* ---- a port on it --------------------------------------------------------- */

TEST_F(kept, a_port_that_is_closed_leaves_nothing)
{
	struct event_base *base = event_base_new();
	struct port *port;

	ASSERT_EQ(0, port_chardev_open(base, self->one.node, self->k, &port));
	port_close(port);
	EXPECT_STREQ("put one remove one ", told);
	event_base_free(base);
}

TEST_F(kept, a_port_of_a_daemon_that_ends_is_left)
{
	struct event_base *base = event_base_new();
	struct port *port;

	ASSERT_EQ(0, port_chardev_open(base, self->one.node, self->k, &port));
	kept_end(self->k);
	port_close(port);
	EXPECT_STREQ("put one ", told);
	event_base_free(base);
}

TEST_HARNESS_MAIN
