// SPDX-License-Identifier: GPL-2.0-or-later
/* Both ends of the control socket: lines in, one line out for each. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "dp5emu/control.h"

#define CLIENTS_MAX 8
#define LINE_MAX_LEN 1024

struct client {
	struct control *control;
	int fd; /* -1: free */
	size_t len;
	char line[LINE_MAX_LEN];
};

struct control {
	struct emu *emu;
	const char *path;
	int listen_fd;
	struct client clients[CLIENTS_MAX];
};

static void close_client(struct client *c)
{
	if (c->fd < 0)
		return;
	loop_remove_fd(&c->control->emu->loop, c->fd);
	close(c->fd);
	c->fd = -1;
}

/* Answers are short, so a socket with no room for one is closed instead. */
static int run_line(struct client *c, const char *line)
{
	char answer[CONTROL_ANSWER_MAX];
	size_t n;

	control_command(c->control->emu, line, answer);
	n = strlen(answer);
	if (n == CONTROL_ANSWER_MAX - 1)
		n--;
	answer[n++] = '\n';
	return send(c->fd, answer, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -EPIPE;
}

static void on_client(void *arg, short revents)
{
	struct client *c = arg;
	char *end;
	ssize_t n;

	(void)revents;
	n = recv(c->fd, c->line + c->len, sizeof(c->line) - 1 - c->len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_client(c);
		return;
	}
	c->len += (size_t)n;
	c->line[c->len] = 0;
	while ((end = strchr(c->line, '\n'))) {
		*end = 0;
		if (run_line(c, c->line) < 0) {
			close_client(c);
			return;
		}
		c->len -= (size_t)(end + 1 - c->line);
		memmove(c->line, end + 1, c->len + 1);
	}
	if (c->len == sizeof(c->line) - 1)
		close_client(c);
}

static void on_connect(void *arg, short revents)
{
	struct control *ctl = arg;
	struct client *c = NULL;
	int fd;

	(void)revents;
	fd = accept4(ctl->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	for (int i = 0; i < CLIENTS_MAX && !c; i++) {
		if (ctl->clients[i].fd < 0)
			c = &ctl->clients[i];
	}
	if (!c || loop_add_fd(&ctl->emu->loop, fd, POLLIN, on_client, c) < 0) {
		close(fd);
		return;
	}
	c->control = ctl;
	c->fd = fd;
	c->len = 0;
}

static int set_address(const char *path, struct sockaddr_un *ret)
{
	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strcpy(ret->sun_path, path);
	return 0;
}

/* The folder of the default path is not there before the first start. */
static void make_parent(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = 0;
	mkdir(dir, 0755);
}

/* Only a socket file nobody listens at may be taken away. */
static bool is_served(const struct sockaddr_un *addr)
{
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 &&
	       !connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
}

int control_new(struct emu *emu, const char *path, struct control **ret)
{
	CLEANUP(closep) int fd = -1;
	struct sockaddr_un addr;
	struct control *ctl;
	int r;

	r = set_address(path, &addr);
	if (r < 0)
		return r;
	make_parent(path);
	if (is_served(&addr))
		return -EADDRINUSE;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, CLIENTS_MAX) < 0)
		return -errno;
	ctl = calloc(1, sizeof(*ctl));
	if (!ctl)
		return -ENOMEM;
	ctl->emu = emu;
	ctl->path = path;
	for (int i = 0; i < CLIENTS_MAX; i++)
		ctl->clients[i].fd = -1;
	r = loop_add_fd(&emu->loop, fd, POLLIN, on_connect, ctl);
	if (r < 0) {
		free(ctl);
		return r;
	}
	ctl->listen_fd = TAKE_FD(fd);
	*ret = ctl;
	return 0;
}

struct control *control_free(struct control *ctl)
{
	if (!ctl)
		return NULL;
	for (int i = 0; i < CLIENTS_MAX; i++)
		close_client(&ctl->clients[i]);
	loop_remove_fd(&ctl->emu->loop, ctl->listen_fd);
	close(ctl->listen_fd);
	unlink(ctl->path);
	free(ctl);
	return NULL;
}

/* One line from the emulator, however many pieces it comes in. */
static int read_answer(int fd, char *out, size_t room)
{
	size_t len = 0;

	while (len < room - 1) {
		ssize_t n = read(fd, out + len, room - 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		len += (size_t)n;
		if (out[len - 1] == '\n')
			break;
	}
	out[len] = 0;
	return 0;
}

int control_ask(const char *path, int n_words, char **words)
{
	CLEANUP(closep) int fd = -1;
	char line[LINE_MAX_LEN], out[CONTROL_ANSWER_MAX + 1];
	struct sockaddr_un addr;
	size_t len = 0;
	int r;

	for (int i = 0; i < n_words; i++) {
		int n = snprintf(line + len, sizeof(line) - len, "%s%c",
				 words[i], i == n_words - 1 ? '\n' : ' ');

		len += (size_t)n;
		if (len >= sizeof(line)) {
			fprintf(stderr, "dp5emu: the command is too long\n");
			return 2;
		}
	}
	r = set_address(path, &addr);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!r &&
	    (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0))
		r = -errno;
	if (!r && send(fd, line, len, MSG_NOSIGNAL) != (ssize_t)len)
		r = -errno;
	if (!r)
		r = read_answer(fd, out, sizeof(out));
	if (r < 0) {
		fprintf(stderr, "dp5emu: %s: %s\n", path, strerror(-r));
		return 1;
	}
	fputs(out, stdout);
	return strncmp(out, "ok", 2) ? 1 : 0;
}
