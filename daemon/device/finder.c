// SPDX-License-Identifier: GPL-2.0-or-later
/* Opens what hotplug or a socket's path offers and asks it who it is. */
#include "device/finder.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "device/hotplug.h"
#include "device/kept.h"

/* A port whose identity was asked for. */
struct candidate {
	TAILQ_ENTRY(candidate) link;
	struct finder *finder;
	struct port *port;
};

struct socket_path {
	TAILQ_ENTRY(socket_path) link;
	char *name; /* "socket:PATH" */
	const char *path; /* within name */
	int last_error;
};

struct finder {
	struct event_base *base;
	struct finder_events events;
	struct kept *kept;
	struct hotplug *hotplug;
	bool is_short; /* was said; until a node is found */
	struct event *retry;
	TAILQ_HEAD(, candidate) candidates;
	TAILQ_HEAD(, socket_path) sockets;
};

static void candidate_free(struct candidate *c)
{
	TAILQ_REMOVE(&c->finder->candidates, c, link);
	port_close(c->port);
	free(c);
}

static bool is_candidate(const struct finder *f, const char *name)
{
	const struct candidate *c;

	TAILQ_FOREACH(c, &f->candidates, link)
		if (!strcmp(port_name(c->port), name))
			return true;
	return false;
}

/* What passes by itself. */
static bool is_shortage(int error)
{
	return error == -ENOMEM || error == -EAGAIN || error == -EMFILE ||
	       error == -ENFILE;
}

/* An error to be tried again: of a node by hotplug, a socket is in any case. */
static void trouble(struct finder *f, const char *name, int error)
{
	const bool is_said = is_shortage(error) && f->is_short;

	f->is_short = f->is_short || is_shortage(error);
	if (f->hotplug && is_shortage(error))
		hotplug_look_again(f->hotplug);
	if (!is_said)
		f->events.on_trouble(name, error, f->events.arg);
}

static void on_info(const struct port_reply *reply, void *arg)
{
	struct candidate *c = arg;
	struct finder *f = c->finder;
	struct port *port;
	char serial[16] = "none";
	struct dp5_info info;

	if (reply->result < 0) {
		trouble(f, port_name(c->port), reply->result);
		candidate_free(c);
		return;
	}
	info = *reply->info;
	if (info.serial != DP5_SERIAL_NONE)
		snprintf(serial, sizeof(serial), "%u", info.serial);
	port = TAKE_PTR(c->port);
	candidate_free(c);
	f->is_short = false;
	if (f->events.on_found(port, &info, serial, f->events.arg) == -ENOMEM &&
	    f->hotplug)
		hotplug_look_again(f->hotplug);
}

static void ignore_frame(const struct dp5_frame *frame, const uint8_t *payload,
			 void *arg)
{
	(void)frame;
	(void)payload;
	(void)arg;
}

static void on_gone(int error, void *arg)
{
	(void)error;
	candidate_free(arg);
}

static int candidate_add(struct finder *f, struct port *port)
{
	struct candidate *c;
	struct port_events events = { ignore_frame, on_gone, NULL };
	int r;

	c = calloc(1, sizeof(*c));
	if (!c) {
		port_close(port);
		return -ENOMEM;
	}
	c->finder = f;
	c->port = port;
	TAILQ_INSERT_TAIL(&f->candidates, c, link);
	events.arg = c;
	port_listen(port, &events);
	r = port_get_info(port, on_info, c);
	if (r < 0)
		candidate_free(c);
	return r;
}

static int on_node(const char *node, void *arg)
{
	struct finder *f = arg;
	struct port *port;
	int r;

	if (f->events.is_open(node, f->events.arg) || is_candidate(f, node))
		return 0;
	r = port_chardev_open(f->base, node, f->kept, &port);
	if (r >= 0)
		r = candidate_add(f, port);
	if (r < 0)
		trouble(f, node, r);
	return is_shortage(r) ? r : 0;
}

static void socket_try(struct finder *f, struct socket_path *s)
{
	struct port *port;
	int r;

	if (f->events.is_open(s->name, f->events.arg) ||
	    is_candidate(f, s->name))
		return;
	r = port_socket_open(f->base, s->path, &port);
	if (r >= 0)
		r = candidate_add(f, port);
	if (r < 0 && r != s->last_error)
		f->events.on_trouble(s->name, r, f->events.arg);
	s->last_error = r;
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct finder *f = arg;
	struct socket_path *s;

	(void)fd;
	(void)what;
	TAILQ_FOREACH(s, &f->sockets, link)
		socket_try(f, s);
}

int finder_new(struct event_base *base, const struct finder_events *events,
	       struct kept *kept, struct finder **ret)
{
	struct finder *f;

	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->base = base;
	f->events = *events;
	f->kept = kept;
	TAILQ_INIT(&f->candidates);
	TAILQ_INIT(&f->sockets);
	*ret = f;
	return 0;
}

struct finder *finder_free(struct finder *f)
{
	struct socket_path *s;

	if (!f)
		return NULL;
	hotplug_free(f->hotplug);
	if (f->retry)
		event_free(f->retry);
	while (!TAILQ_EMPTY(&f->candidates))
		candidate_free(TAILQ_FIRST(&f->candidates));
	while ((s = TAILQ_FIRST(&f->sockets))) {
		TAILQ_REMOVE(&f->sockets, s, link);
		free(s->name);
		free(s);
	}
	free(f);
	return NULL;
}

int finder_watch_nodes(struct finder *f)
{
	int r = hotplug_new(f->base, on_node, f, &f->hotplug);

	if (r >= 0)
		kept_forget_rest(f->kept);
	return r;
}

void finder_retry(struct finder *f)
{
	if (f->hotplug)
		hotplug_retry(f->hotplug);
}

int finder_add_socket(struct finder *f, const char *path)
{
	const struct timeval half_second = { 0, 500000 };
	struct socket_path *s;

	if (!f->retry) {
		f->retry = event_new(f->base, -1, EV_PERSIST, on_retry, f);
		if (!f->retry || event_add(f->retry, &half_second) < 0)
			return -ENOMEM;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	if (asprintf(&s->name, "socket:%s", path) < 0) {
		free(s);
		return -ENOMEM;
	}
	s->path = s->name + strlen("socket:");
	TAILQ_INSERT_TAIL(&f->sockets, s, link);
	socket_try(f, s);
	return 0;
}
