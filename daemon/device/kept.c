// SPDX-License-Identifier: GPL-2.0-or-later
/* Nodes left by the daemon before, and those left for the next one. */
#include "device/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "uapi/dp5.h"

/* Any record fits. */
#define READ_LEN (64 * 1024)

struct left {
	TAILQ_ENTRY(left) link;
	char *name; /* "dp5-0" */
	int fd;
};

struct kept {
	struct kept_manager manager;
	TAILQ_HEAD(, left) left;
	bool is_ending;
};

/* The service manager's names have no folders. */
static const char *name_of(const char *node)
{
	const char *slash = strrchr(node, '/');

	return slash ? slash + 1 : node;
}

static void left_free(struct kept *k, struct left *l)
{
	TAILQ_REMOVE(&k->left, l, link);
	closep(&l->fd);
	free(l->name);
	free(l);
}

int kept_new(const struct kept_manager *manager, struct kept **ret)
{
	struct kept *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	k->manager = *manager;
	TAILQ_INIT(&k->left);
	*ret = k;
	return 0;
}

struct kept *kept_free(struct kept *k)
{
	if (!k)
		return NULL;
	while (!TAILQ_EMPTY(&k->left))
		left_free(k, TAILQ_FIRST(&k->left));
	free(k);
	return NULL;
}

int kept_add(struct kept *k, const char *name, int fd)
{
	struct left *l = calloc(1, sizeof(*l));

	if (l)
		l->name = strdup(name);
	if (!l || !l->name) {
		free(l);
		close(fd);
		return -ENOMEM;
	}
	l->fd = fd;
	TAILQ_INSERT_TAIL(&k->left, l, link);
	return 0;
}

/* What was queued for the daemon before; the end is told by -ENODEV alone. */
static int drain(int fd)
{
	CLEANUP(freep) void *buf = malloc(READ_LEN);
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	do
		n = read(fd, buf, READ_LEN);
	while (n > 0 || (n < 0 && errno == EINTR));
	if (n == 0)
		return -ENODEV;
	return errno == EAGAIN ? 0 : -errno;
}

/* None of this waits for the instrument. */
static int make_fresh(int fd, const char *node)
{
	struct dp5_info info = { .size = sizeof(info) };
	struct dp5_subscribe none = { .size = sizeof(none),
				      .kind = DP5_SUB_NONE };
	struct stat left, now;

	if (fstat(fd, &left) < 0 || stat(node, &now) < 0)
		return -errno;
	if (left.st_rdev != now.st_rdev)
		return -ENODEV;
	if (ioctl(fd, DP5_IOC_GET_INFO, &info) < 0 ||
	    ioctl(fd, DP5_IOC_SUBSCRIBE, &none) < 0)
		return -errno;
	return drain(fd);
}

/* The descriptor, or -1. */
static int take(struct kept *k, const char *node)
{
	CLEANUP(closep) int fd = -1;
	struct left *l;
	int r;

	TAILQ_FOREACH(l, &k->left, link)
		if (!strcmp(l->name, name_of(node)))
			break;
	if (!l)
		return -1;
	fd = TAKE_FD(l->fd);
	left_free(k, l);
	r = make_fresh(fd, node);
	if (r < 0) {
		log_info("%s: what the daemon before left is closed: %s", node,
			 strerror(-r));
		kept_forget(k, node);
		return -1;
	}
	log_info("%s: taken from the daemon before", node);
	return TAKE_FD(fd);
}

int kept_open(struct kept *k, const char *node)
{
	int fd = take(k, node);

	if (fd >= 0)
		return fd;
	fd = open(node, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	k->manager.put(name_of(node), fd, k->manager.arg);
	return fd;
}

void kept_forget(struct kept *k, const char *node)
{
	if (!k->is_ending)
		k->manager.remove(name_of(node), k->manager.arg);
}

void kept_forget_rest(struct kept *k)
{
	struct left *l;

	while ((l = TAILQ_FIRST(&k->left))) {
		kept_forget(k, l->name);
		left_free(k, l);
	}
}

void kept_end(struct kept *k)
{
	k->is_ending = true;
}
