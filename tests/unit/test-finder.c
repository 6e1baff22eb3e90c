// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Nodes that turn up and what becomes of them when there is no memory. What
 * finds nodes, opens and keeps them is made here.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/finder.h"
#include "device/hotplug.h"
#include "device/kept.h"
#include "device/port-internal.h"
#include "kselftest_harness.h"

#define NODE "/dev/dp5-0"

static hotplug_found_fn found;
static void *found_arg;
static int offered; /* what the finder answered */
static bool is_there; /* at the start */
static bool is_look_due;
static unsigned int n_dropped; /* what was left beside the nodes */

static void offer(void)
{
	offered = found(NODE, found_arg);
}

int hotplug_new(struct event_base *base, hotplug_found_fn fn, void *arg,
		struct hotplug **ret)
{
	(void)base;
	found = fn;
	found_arg = arg;
	*ret = (struct hotplug *)&found;
	if (is_there)
		offer();
	return 0;
}

struct hotplug *hotplug_free(struct hotplug *h)
{
	(void)h;
	return NULL;
}

void hotplug_look_again(struct hotplug *h)
{
	(void)h;
	is_look_due = true;
}

void hotplug_retry(struct hotplug *h)
{
	(void)h;
	if (is_look_due)
		offer();
}

bool hotplug_has_driver(void)
{
	return true;
}

/* ---- ports ---------------------------------------------------------------- */

struct made {
	struct port port;
	struct port_calls calls;
};

static struct made *made; /* the open one */
static int open_error, submit_error;

static int made_submit(struct port *p, struct port_call *call)
{
	if (submit_error) {
		port_call_free(call);
		return submit_error;
	}
	TAILQ_INSERT_TAIL(&((struct made *)p)->calls, call, link);
	return 0;
}

static void made_listen(struct port *p)
{
	(void)p;
}

static void made_close(struct port *p)
{
	port_calls_free(&((struct made *)p)->calls);
	port_deinit(p);
	free(p);
	made = NULL;
}

static const struct port_ops made_ops = {
	.submit = made_submit,
	.listen = made_listen,
	.close = made_close,
};

int port_chardev_open(struct event_base *base, const char *path,
		      struct kept *kept, struct port **ret)
{
	if (!kept || made)
		abort();
	if (open_error)
		return open_error;
	made = calloc(1, sizeof(*made));
	if (!made || port_init(&made->port, &made_ops, base, "", path) < 0)
		abort();
	TAILQ_INIT(&made->calls);
	*ret = &made->port;
	return 0;
}

static void answer(void)
{
	struct port_call *call = TAILQ_FIRST(&made->calls);

	if (!call)
		abort();
	TAILQ_REMOVE(&made->calls, call, link);
	call->u.info.serial = 4711;
	port_answer(&made->port, call);
}

/* ---- who is told ---------------------------------------------------------- */

static char told[200];
static int attach_error;
static struct port *attached;

static bool is_open(const char *name, void *arg)
{
	(void)arg;
	return attached && !strcmp(port_name(attached), name);
}

static int on_found(struct port *port, const struct dp5_info *info,
		    const char *serial, void *arg)
{
	(void)info;
	(void)arg;
	snprintf(told, sizeof(told), "found %s", serial);
	if (attach_error)
		port_close(port);
	else
		attached = port;
	return attach_error;
}

static void on_trouble(const char *name, int error, void *arg)
{
	(void)arg;
	snprintf(told, sizeof(told), "%s: %s", name, strerror(-error));
}

/* What was told since the last time. */
static const char *news(void)
{
	static char text[sizeof(told)];

	strcpy(text, told);
	told[0] = '\0';
	return text;
}

static void put(const char *name, int fd, void *arg)
{
	(void)name;
	(void)fd;
	(void)arg;
}

static void removed(const char *name, void *arg)
{
	(void)name;
	(void)arg;
	n_dropped++;
}

FIXTURE(finder)
{
	struct event_base *base;
	struct kept *kept;
	struct finder *f;
};

FIXTURE_SETUP(finder)
{
	const struct kept_manager manager = { put, removed, NULL };
	const struct finder_events events = { is_open, on_found, on_trouble,
					      NULL };

	self->base = event_base_new();
	ASSERT_EQ(0, kept_new(&manager, &self->kept));
	ASSERT_EQ(0, finder_new(self->base, &events, self->kept, &self->f));
}

FIXTURE_TEARDOWN(finder)
{
	finder_free(self->f);
	port_close(attached);
	kept_free(self->kept);
	event_base_free(self->base);
}

TEST_F(finder, asks_a_node_who_it_is)
{
	is_there = true;
	ASSERT_EQ(0, kept_add(self->kept, "dp5-7", dup(0)));
	ASSERT_EQ(0, finder_watch_nodes(self->f));
	EXPECT_EQ(0, offered);
	/* What was left of a node that is not there. */
	EXPECT_EQ(1, n_dropped);
	EXPECT_STREQ("", news());
	/* Once: it is being asked; a second one would abort. */
	offer();
	EXPECT_EQ(0, offered);
	answer();
	EXPECT_STREQ("found 4711", news());
	/* Then it is open. */
	offer();
	EXPECT_EQ(0, offered);
	EXPECT_EQ(NULL, TAILQ_FIRST(&made->calls));
	EXPECT_FALSE(is_look_due);
}

TEST_F(finder, tries_a_node_again_for_which_there_was_no_memory)
{
	is_there = true;
	open_error = -ENOMEM;
	ASSERT_EQ(0, finder_watch_nodes(self->f));
	EXPECT_EQ(-ENOMEM, offered);
	EXPECT_STREQ(NODE ": Cannot allocate memory", news());
	/* Said once, tried as often as it takes. */
	offer();
	EXPECT_EQ(-ENOMEM, offered);
	EXPECT_STREQ("", news());
	open_error = -EMFILE;
	offer();
	EXPECT_EQ(-EMFILE, offered);

	open_error = 0;
	submit_error = -ENOMEM;
	offer();
	EXPECT_EQ(-ENOMEM, offered);
	submit_error = 0;
	finder_retry(self->f);
	EXPECT_EQ(0, offered);
	answer();
	EXPECT_STREQ("found 4711", news());
	/* The next shortage is another. */
	port_close(TAKE_PTR(attached));
	open_error = -ENOMEM;
	offer();
	EXPECT_STREQ(NODE ": Cannot allocate memory", news());
}

TEST_F(finder, does_not_try_again_what_is_refused)
{
	is_there = true;
	open_error = -EACCES;
	ASSERT_EQ(0, finder_watch_nodes(self->f));
	EXPECT_EQ(0, offered);
	EXPECT_STREQ(NODE ": Permission denied", news());
	EXPECT_FALSE(is_look_due);
}

TEST_F(finder, finds_again_what_could_not_be_attached)
{
	is_there = true;
	attach_error = -ENOMEM;
	ASSERT_EQ(0, finder_watch_nodes(self->f));
	answer();
	EXPECT_TRUE(is_look_due);
	EXPECT_EQ(NULL, made);
	attach_error = 0;
	finder_retry(self->f);
	answer();
	EXPECT_STREQ("found 4711", news());
	EXPECT_NE(NULL, attached);
}

TEST_F(finder, leaves_a_second_one_of_the_same_serial_alone)
{
	is_there = true;
	attach_error = -EEXIST;
	ASSERT_EQ(0, finder_watch_nodes(self->f));
	answer();
	EXPECT_FALSE(is_look_due);
}

TEST_HARNESS_MAIN
