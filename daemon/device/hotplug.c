// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The door to libudev.
 *
 * Events are bursts and their socket has an end: when it overflowed (ENOBUFS)
 * some are lost, which is no error but the order to look at all nodes again.
 * So are events that there is no memory for; then it is done later, without a
 * timer, which would take memory.
 */
#include "device/hotplug.h"

#include <errno.h>
#include <event2/event.h>
#include <libudev.h>
#include <string.h>
#include <unistd.h>

#define SUBSYSTEM "dp5"

struct hotplug {
	struct udev *udev;
	struct udev_monitor *monitor;
	struct event *on_event;
	bool is_look_due;
	hotplug_found_fn found;
	void *arg;
};

void hotplug_look_again(struct hotplug *h)
{
	h->is_look_due = true;
}

static void tell(struct hotplug *h, const char *node)
{
	if (h->found(node, h->arg) < 0)
		hotplug_look_again(h);
}

static int enumerate(struct hotplug *h)
{
	struct udev_enumerate *list;
	struct udev_list_entry *entry;
	int r;

	list = udev_enumerate_new(h->udev);
	if (!list)
		return -ENOMEM;
	r = udev_enumerate_add_match_subsystem(list, SUBSYSTEM);
	if (r >= 0)
		r = udev_enumerate_scan_devices(list);
	if (r < 0) {
		udev_enumerate_unref(list);
		return r;
	}
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(list))
	{
		struct udev_device *dev = udev_device_new_from_syspath(
			h->udev, udev_list_entry_get_name(entry));
		const char *node = dev ? udev_device_get_devnode(dev) : NULL;

		/* What went meanwhile is missing for another reason. */
		if (!dev && errno == ENOMEM)
			hotplug_look_again(h);
		/* Not before udev has set owner and rights. */
		if (node && udev_device_get_is_initialized(dev) > 0)
			tell(h, node);
		udev_device_unref(dev);
	}
	udev_enumerate_unref(list);
	return 0;
}

static void look(struct hotplug *h)
{
	if (enumerate(h) < 0)
		hotplug_look_again(h);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct hotplug *h = arg;
	struct udev_device *dev;

	(void)fd;
	(void)what;
	for (;;) {
		const char *action;
		const char *node;

		errno = 0;
		dev = udev_monitor_receive_device(h->monitor);
		if (!dev)
			break;
		action = udev_device_get_action(dev);
		node = udev_device_get_devnode(dev);
		if (node && action && strcmp(action, "remove"))
			tell(h, node);
		udev_device_unref(dev);
	}
	if (errno == ENOBUFS)
		look(h);
	else if (errno == ENOMEM)
		hotplug_look_again(h);
}

int hotplug_new(struct event_base *base, hotplug_found_fn found, void *arg,
		struct hotplug **ret)
{
	CLEANUP(hotplug_freep) struct hotplug *h = NULL;
	int r;

	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->found = found;
	h->arg = arg;
	h->udev = udev_new();
	if (!h->udev)
		return -ENOMEM;
	h->monitor = udev_monitor_new_from_netlink(h->udev, "udev");
	if (!h->monitor)
		return -ENOTSUP;
	r = udev_monitor_filter_add_match_subsystem_devtype(h->monitor,
							    SUBSYSTEM, NULL);
	if (r < 0)
		return r;
	/* Listening comes before looking, or a node could slip between. */
	r = udev_monitor_enable_receiving(h->monitor);
	if (r < 0)
		return r;
	h->on_event = event_new(base, udev_monitor_get_fd(h->monitor),
				EV_READ | EV_PERSIST, on_event, h);
	if (!h->on_event || event_add(h->on_event, NULL) < 0)
		return -ENOMEM;
	r = enumerate(h);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(h);
	return 0;
}

struct hotplug *hotplug_free(struct hotplug *h)
{
	if (!h)
		return NULL;
	if (h->on_event)
		event_free(h->on_event);
	udev_monitor_unref(h->monitor);
	udev_unref(h->udev);
	free(h);
	return NULL;
}

void hotplug_retry(struct hotplug *h)
{
	if (!h->is_look_due)
		return;
	h->is_look_due = false;
	look(h);
}

bool hotplug_has_driver(void)
{
	return access("/sys/class/" SUBSYSTEM, F_OK) == 0;
}
