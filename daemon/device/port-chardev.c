// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A port on the device node of the kernel driver.
 *
 * Records are read by the loop, the node is non-blocking for read(). Its
 * ioctls are not: a transaction sleeps until the instrument has answered,
 * seconds when the link must be recovered. So each port has one thread that
 * does nothing but ioctls, one after the other, which also keeps their order;
 * an eventfd brings the answers back.
 *
 * Closing must not wait for an ioctl either. The thread's half of the port
 * has two owners, the loop and the thread; whoever leaves last frees it and
 * closes the node, at which the driver gives control back. Unless it is the
 * daemon that ends: then the node stays open elsewhere (kept.h).
 */
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "device/kept.h"
#include "device/port-internal.h"

#define READ_LEN (128 * 1024)

struct engine {
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t wake;
	struct port_calls todo;
	struct port_calls done;
	bool is_stopping;
	int n_owners;
	int fd; /* the node; constant */
	int done_fd; /* eventfd; constant */
};

struct port_chardev {
	struct port port;
	struct kept *kept; /* has a copy of the node, once there is an engine */
	struct engine *engine;
	struct event *on_readable;
	struct event *on_done;
	uint8_t *read_buf;
};

static void engine_unref(struct engine *e)
{
	bool is_last;

	pthread_mutex_lock(&e->lock);
	is_last = --e->n_owners == 0;
	pthread_mutex_unlock(&e->lock);
	if (!is_last)
		return;

	port_calls_free(&e->todo);
	port_calls_free(&e->done);
	pthread_cond_destroy(&e->wake);
	pthread_mutex_destroy(&e->lock);
	closep(&e->fd);
	closep(&e->done_fd);
	free(e);
}

static void call_run(const struct engine *e, struct port_call *call)
{
	int r;

	do
		r = ioctl(e->fd, call->cmd, &call->u);
	while (r < 0 && errno == EINTR);
	call->result = r < 0 ? -errno : 0;
	if (!call->result && call->cmd == DP5_IOC_TRANSACT &&
	    call->u.transact.rx_len > DP5_REPLY_MAX)
		call->result = -EPROTO;
}

static void *engine_main(void *arg)
{
	struct engine *e = arg;
	struct port_call *call;
	const uint64_t one = 1;

	pthread_mutex_lock(&e->lock);
	while (!e->is_stopping) {
		call = TAILQ_FIRST(&e->todo);
		if (!call) {
			pthread_cond_wait(&e->wake, &e->lock);
			continue;
		}
		TAILQ_REMOVE(&e->todo, call, link);
		pthread_mutex_unlock(&e->lock);

		call_run(e, call);

		pthread_mutex_lock(&e->lock);
		TAILQ_INSERT_TAIL(&e->done, call, link);
		/* Full is impossible, it would take 2^64 answers. */
		if (write(e->done_fd, &one, sizeof(one)) < 0)
			continue;
	}
	pthread_mutex_unlock(&e->lock);
	engine_unref(e);
	return NULL;
}

/* @node is taken over, also on an error. */
static int engine_new(int node, struct engine **ret)
{
	CLEANUP(closep) int fd = node;
	CLEANUP(closep) int done_fd = -1;
	struct engine *e;
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (done_fd < 0)
		return -errno;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;

	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->wake, NULL);
	TAILQ_INIT(&e->todo);
	TAILQ_INIT(&e->done);
	e->fd = TAKE_FD(fd);
	e->done_fd = TAKE_FD(done_fd);

	e->n_owners = 2;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 128 * 1024);
	r = pthread_create(&thread, &attr, engine_main, e);
	pthread_attr_destroy(&attr);
	if (r) {
		e->n_owners = 1;
		engine_unref(e);
		return -r;
	}
	*ret = e;
	return 0;
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct port_chardev *c = arg;
	struct port_calls done = TAILQ_HEAD_INITIALIZER(done);
	struct port_call *call;
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof(n)) < 0)
		return;
	pthread_mutex_lock(&c->engine->lock);
	TAILQ_CONCAT(&done, &c->engine->done, link);
	pthread_mutex_unlock(&c->engine->lock);

	while ((call = TAILQ_FIRST(&done))) {
		TAILQ_REMOVE(&done, call, link);
		if (!port_answer(&c->port, call)) {
			port_calls_free(&done);
			return;
		}
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct port_chardev *c = arg;
	bool is_open;
	ssize_t n;
	int r;

	(void)what;
	n = read(fd, c->read_buf, READ_LEN);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		r = n < 0 ? -errno : -ENODEV;
	else
		r = port_frames(&c->port, c->read_buf, n, &is_open);
	if (r >= 0)
		return;

	event_del(c->on_readable);
	port_gone(&c->port, r);
}

static int chardev_submit(struct port *p, struct port_call *call)
{
	struct engine *e = ((struct port_chardev *)p)->engine;

	pthread_mutex_lock(&e->lock);
	TAILQ_INSERT_TAIL(&e->todo, call, link);
	pthread_cond_signal(&e->wake);
	pthread_mutex_unlock(&e->lock);
	return 0;
}

static void chardev_listen(struct port *p)
{
	event_add(((struct port_chardev *)p)->on_readable, NULL);
}

static void chardev_close(struct port *p)
{
	struct port_chardev *c = (struct port_chardev *)p;

	if (c->on_readable)
		event_free(c->on_readable);
	if (c->on_done)
		event_free(c->on_done);
	if (c->engine) {
		kept_forget(c->kept, p->name);
		pthread_mutex_lock(&c->engine->lock);
		c->engine->is_stopping = true;
		pthread_cond_signal(&c->engine->wake);
		pthread_mutex_unlock(&c->engine->lock);
		engine_unref(c->engine);
	}
	free(c->read_buf);
	port_deinit(p);
	free(c);
}

static const struct port_ops chardev_ops = {
	.submit = chardev_submit,
	.listen = chardev_listen,
	.close = chardev_close,
};

static int node_open(struct port_chardev *c, const char *path)
{
	int r = kept_open(c->kept, path);

	if (r < 0)
		return r;
	r = engine_new(r, &c->engine);
	if (r < 0)
		kept_forget(c->kept, path);
	return r;
}

int port_chardev_open(struct event_base *base, const char *path,
		      struct kept *kept, struct port **ret)
{
	struct port_chardev *c;
	int r;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->kept = kept;
	r = port_init(&c->port, &chardev_ops, base, "", path);
	if (r >= 0)
		r = node_open(c, path);
	if (r < 0) {
		chardev_close(&c->port);
		return r;
	}

	c->read_buf = malloc(READ_LEN);
	c->on_readable = event_new(base, c->engine->fd, EV_READ | EV_PERSIST,
				   on_readable, c);
	c->on_done = event_new(base, c->engine->done_fd, EV_READ | EV_PERSIST,
			       on_done, c);
	if (!c->read_buf || !c->on_readable || !c->on_done ||
	    event_add(c->on_done, NULL) < 0) {
		chardev_close(&c->port);
		return -ENOMEM;
	}
	*ret = &c->port;
	return 0;
}
