// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Nodes that come by udev, and those whose events were lost. The functions of
 * libudev are ours here: a list of devices, and a queue of events.
 */
#include <errno.h>
#include <event2/event.h>
#include <libudev.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/hotplug.h"
#include "kselftest_harness.h"

#define MAX 8

struct udev_device {
	const char *node;
	const char *action;
	int is_initialized;
};

/* One event, or the end of the queue with an errno. */
static struct {
	struct udev_device *device;
	int error;
} queue[MAX];
static unsigned int n_queue, at_queue;

static struct udev_device present[MAX];
static unsigned int n_present, n_looks;
static bool is_short; /* of memory: there is no list */
static const char *missing; /* nor this device */

static int wires[2]; /* what the loop reads, and what makes it readable */
static char handle; /* whatever else libudev hands out */

struct udev *udev_new(void)
{
	return (struct udev *)&handle;
}

struct udev *udev_unref(struct udev *u)
{
	(void)u;
	return NULL;
}

struct udev_monitor *udev_monitor_new_from_netlink(struct udev *u,
						   const char *name)
{
	(void)u, (void)name;
	return (struct udev_monitor *)&handle;
}

int udev_monitor_filter_add_match_subsystem_devtype(struct udev_monitor *m,
						    const char *subsystem,
						    const char *type)
{
	(void)m, (void)type;
	return strcmp(subsystem, "dp5") ? -EINVAL : 0;
}

int udev_monitor_enable_receiving(struct udev_monitor *m)
{
	(void)m;
	return 0;
}

int udev_monitor_get_fd(struct udev_monitor *m)
{
	(void)m;
	return wires[0];
}

struct udev_monitor *udev_monitor_unref(struct udev_monitor *m)
{
	(void)m;
	return NULL;
}

struct udev_device *udev_monitor_receive_device(struct udev_monitor *m)
{
	char byte;

	(void)m;
	errno = EAGAIN;
	if (at_queue == n_queue)
		return NULL;
	if (!queue[at_queue].device)
		errno = queue[at_queue].error;
	/* Woken once for each. */
	if (read(wires[0], &byte, 1) < 0)
		errno = EIO;
	return queue[at_queue++].device;
}

struct udev_enumerate *udev_enumerate_new(struct udev *u)
{
	(void)u;
	n_looks++;
	return is_short ? NULL : (struct udev_enumerate *)&handle;
}

int udev_enumerate_add_match_subsystem(struct udev_enumerate *e,
				       const char *subsystem)
{
	(void)e;
	return strcmp(subsystem, "dp5") ? -EINVAL : 0;
}

int udev_enumerate_scan_devices(struct udev_enumerate *e)
{
	(void)e;
	return 0;
}

static struct udev_list_entry *entry(unsigned int i)
{
	return i < n_present ? (struct udev_list_entry *)&present[i] : NULL;
}

struct udev_list_entry *udev_enumerate_get_list_entry(struct udev_enumerate *e)
{
	(void)e;
	return entry(0);
}

struct udev_list_entry *udev_list_entry_get_next(struct udev_list_entry *e)
{
	return entry((unsigned int)((struct udev_device *)e - present) + 1);
}

const char *udev_list_entry_get_name(struct udev_list_entry *e)
{
	return ((struct udev_device *)e)->node;
}

struct udev_enumerate *udev_enumerate_unref(struct udev_enumerate *e)
{
	(void)e;
	return NULL;
}

struct udev_device *udev_device_new_from_syspath(struct udev *u,
						 const char *path)
{
	(void)u;
	errno = ENOMEM;
	if (missing && !strcmp(missing, path))
		return NULL;
	for (unsigned int i = 0; i < n_present; i++)
		if (!strcmp(present[i].node, path))
			return &present[i];
	return NULL;
}

const char *udev_device_get_devnode(struct udev_device *d)
{
	return d->node;
}

const char *udev_device_get_action(struct udev_device *d)
{
	return d->action;
}

int udev_device_get_is_initialized(struct udev_device *d)
{
	return d->is_initialized;
}

struct udev_device *udev_device_unref(struct udev_device *d)
{
	(void)d;
	return NULL;
}

/* ---- what is told ----------------------------------------------------------- */

static char told[200]; /* "/dev/dp5-0 /dev/dp5-1 " */

static int answer; /* to what is told */

static int on_found(const char *node, void *arg)
{
	const size_t len = strlen(told);

	(void)arg;
	snprintf(told + len, sizeof(told) - len, "%s ", node);
	return answer;
}

static void there(const char *node, int is_initialized)
{
	present[n_present++] =
		(struct udev_device){ node, NULL, is_initialized };
}

static void comes(struct udev_device *device, int error)
{
	queue[n_queue].device = device;
	queue[n_queue++].error = error;
	if (write(wires[1], "", 1) < 0)
		abort();
}

FIXTURE(hotplug)
{
	struct event_base *base;
	struct hotplug *h;
};

FIXTURE_SETUP(hotplug)
{
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, wires));
	self->base = event_base_new();
	self->h = NULL;
}

FIXTURE_TEARDOWN(hotplug)
{
	hotplug_free(self->h);
	event_base_free(self->base);
	close(wires[0]);
	close(wires[1]);
}

static const char *found_at_start(FIXTURE_DATA(hotplug) * self)
{
	told[0] = '\0';
	if (hotplug_new(self->base, on_found, NULL, &self->h) < 0)
		return "failed";
	return told;
}

static const char *found_by_events(FIXTURE_DATA(hotplug) * self)
{
	told[0] = '\0';
	event_base_loop(self->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	return told;
}

/* Before udev has set its rights a node is nobody's. */
TEST_F(hotplug, finds_what_is_there_and_ready)
{
	there("/dev/dp5-0", 1);
	there("/dev/dp5-1", 0);
	there("/dev/dp5-2", 1);
	EXPECT_STREQ("/dev/dp5-0 /dev/dp5-2 ", found_at_start(self));
}

TEST_F(hotplug, tells_of_what_comes_and_not_of_what_goes)
{
	struct udev_device added = { "/dev/dp5-0", "add", 1 };
	struct udev_device removed = { "/dev/dp5-1", "remove", 1 };
	struct udev_device nameless = { NULL, "add", 1 };

	EXPECT_STREQ("", found_at_start(self));
	comes(&removed, 0);
	comes(&nameless, 0);
	comes(&added, 0);
	EXPECT_STREQ("/dev/dp5-0 ", found_by_events(self));
	/* It is no reason to look at all of them. */
	EXPECT_EQ(1, n_looks);
}

TEST_F(hotplug, looks_at_all_again_when_events_were_lost)
{
	struct udev_device added = { "/dev/dp5-0", "add", 1 };

	EXPECT_STREQ("", found_at_start(self));
	there("/dev/dp5-0", 1);
	there("/dev/dp5-1", 1);
	comes(&added, 0);
	comes(NULL, ENOBUFS);
	EXPECT_STREQ("/dev/dp5-0 /dev/dp5-0 /dev/dp5-1 ",
		     found_by_events(self));
	EXPECT_EQ(2, n_looks);
}

static const char *found_by_retry(FIXTURE_DATA(hotplug) * self)
{
	told[0] = '\0';
	hotplug_retry(self->h);
	return told;
}

TEST_F(hotplug, tells_again_of_what_could_not_be_taken)
{
	struct udev_device added = { "/dev/dp5-1", "add", 1 };

	there("/dev/dp5-0", 1);
	answer = -ENOMEM;
	EXPECT_STREQ("/dev/dp5-0 ", found_at_start(self));
	EXPECT_STREQ("/dev/dp5-0 ", found_by_retry(self));
	answer = 0;
	EXPECT_STREQ("/dev/dp5-0 ", found_by_retry(self));
	EXPECT_STREQ("", found_by_retry(self));

	there("/dev/dp5-1", 1);
	answer = -ENOMEM;
	comes(&added, 0);
	EXPECT_STREQ("/dev/dp5-1 ", found_by_events(self));
	answer = 0;
	EXPECT_STREQ("/dev/dp5-0 /dev/dp5-1 ", found_by_retry(self));
	EXPECT_STREQ("", found_by_retry(self));

	hotplug_look_again(self->h);
	EXPECT_STREQ("/dev/dp5-0 /dev/dp5-1 ", found_by_retry(self));
}

TEST_F(hotplug, looks_again_when_there_was_no_memory_for_it)
{
	EXPECT_STREQ("", found_at_start(self));
	there("/dev/dp5-0", 1);
	is_short = true;
	comes(NULL, ENOBUFS);
	EXPECT_STREQ("", found_by_events(self));
	EXPECT_STREQ("", found_by_retry(self));
	is_short = false;
	EXPECT_STREQ("/dev/dp5-0 ", found_by_retry(self));
	EXPECT_STREQ("", found_by_retry(self));

	/* An event, or one of the devices. */
	comes(NULL, ENOMEM);
	EXPECT_STREQ("", found_by_events(self));
	missing = "/dev/dp5-0";
	EXPECT_STREQ("", found_by_retry(self));
	missing = NULL;
	EXPECT_STREQ("/dev/dp5-0 ", found_by_retry(self));
	EXPECT_STREQ("", found_by_retry(self));
}

TEST_HARNESS_MAIN
