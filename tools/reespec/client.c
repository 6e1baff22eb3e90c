// SPDX-License-Identifier: GPL-2.0-or-later
/* The one door to the bus: connecting, calling, waiting, explaining. */
#include "reespec/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "reespec/bus_call.h"
#include "reespec/bus_error.h"
#include "reespec/bus_json.h"

#define SERVICE BUS_CALL_SERVICE
#define TIMEOUT_S 30

struct listener {
	struct listener *next;
	client_on_signal on_signal;
	void *userdata;
};

struct client {
	const struct args *args;
	sd_bus *bus;
	struct listener *listeners;
	int signal_fd;
	bool is_quiet;
	bool never_starts;
	char error[512];
	char error_name[64];
};

static void message_unrefp(sd_bus_message **m)
{
	*m = sd_bus_message_unref(*m);
}

static int open_bus(const char *where, sd_bus **ret)
{
	CLEANUP(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	int r;

	if (where && !*where)
		return -EINVAL;
	if (!where || !strcmp(where, "system"))
		return sd_bus_open_system(ret);
	if (!strcmp(where, "session"))
		return sd_bus_open_user(ret);
	/* An address has a transport; a word has none. */
	if (!strchr(where, ':'))
		return -EINVAL;
	r = sd_bus_new(&bus);
	if (r < 0)
		return r;
	r = sd_bus_set_address(bus, where);
	if (r < 0)
		return r;
	r = sd_bus_set_bus_client(bus, true);
	if (r < 0)
		return r;
	r = sd_bus_start(bus);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(bus);
	return 0;
}

int client_open(struct client **ret, const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	const char *env = getenv("DBUS_SYSTEM_BUS_ADDRESS");
	int r;

	c = calloc(1, sizeof(*c));
	if (!c)
		return fail(args, REESPEC_FAILED, "out of memory");
	c->args = args;
	c->signal_fd = -1;
	if (!args->bus && env && !*env)
		return fail(
			args, REESPEC_FAILED,
			"DBUS_SYSTEM_BUS_ADDRESS is set to nothing: unset it, or set an address as unix:path=/run/bus");
	r = open_bus(args->bus, &c->bus);
	if (r == -EINVAL && args->bus)
		return fail(
			args, REESPEC_USAGE,
			"--bus \"%s\": want system, session or an address as unix:path=/run/bus",
			args->bus);
	if (r < 0 && args->bus && !strcmp(args->bus, "session"))
		return fail(
			args, REESPEC_FAILED,
			"--bus session: there is no bus of a session here; without --bus it is the system bus, where reespecd is");
	if (r < 0)
		return fail(args, REESPEC_FAILED, "no bus at %s%s: %s%s",
			    args->bus ? args->bus
			    : env     ? env
				      : "the system bus's socket",
			    !args->bus && env ? " (DBUS_SYSTEM_BUS_ADDRESS)"
					      : "",
			    strerror(-r),
			    args->bus || env ? "" : " (systemctl start dbus)");
	sd_bus_set_allow_interactive_authorization(c->bus, true);
	*ret = TAKE_PTR(c);
	return REESPEC_OK;
}

/* Written by the handler; one program has one set of signals. */
static int signal_pipe[2] = { -1, -1 };

struct client *client_close(struct client *c)
{
	if (!c)
		return NULL;
	/* Nobody will read them: they end the program again. */
	if (c->signal_fd >= 0) {
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		close(signal_pipe[0]);
		close(signal_pipe[1]);
	}
	sd_bus_flush_close_unref(c->bus);
	while (c->listeners) {
		struct listener *l = c->listeners;

		c->listeners = l->next;
		free(l);
	}
	free(c);
	return NULL;
}

void client_closep(struct client **c)
{
	*c = client_close(*c);
}

void client_be_quiet(struct client *c, bool is_quiet)
{
	c->is_quiet = is_quiet;
}

void client_never_start(struct client *c)
{
	c->never_starts = true;
}

const char *client_last_error(const struct client *c)
{
	return c->error;
}

const char *client_last_error_name(const struct client *c)
{
	return c->error_name;
}

static int report(struct client *c, const char *member,
		  const sd_bus_error *error, int r)
{
	static const char ours[] = SERVICE ".Error.";
	const bool is_ours =
		error->name && !strncmp(error->name, ours, strlen(ours));
	const char *cure = bus_error_cure(c->args, error->name);
	enum reespec_exit code;
	size_t len;

	snprintf(c->error_name, sizeof(c->error_name), "%s",
		 is_ours ? error->name + strlen(ours) : "");
	code = bus_error_explain(member, error->name, error->message, -r,
				 c->error, sizeof(c->error));
	len = strlen(c->error);
	if (cure)
		snprintf(c->error + len, sizeof(c->error) - len, " (%s)", cure);
	if (!c->is_quiet)
		fail(c->args, code, "%s", c->error);
	return code;
}

/* For what can fail only by lack of memory or a lost bus. */
static int report_errno(struct client *c, int r)
{
	return report(c, "", &SD_BUS_ERROR_NULL, r);
}

static int append_arguments(sd_bus_message *m, const struct client_call *call)
{
	unsigned int n_texts = 0;
	unsigned int n_numbers = 0;
	uint32_t u;
	int r = 0;

	for (const char *type = call->types; type && *type && r >= 0; type++) {
		switch (*type) {
		case 's':
			r = sd_bus_message_append_basic(m, 's',
							call->texts[n_texts++]);
			break;
		case 't':
			r = sd_bus_message_append_basic(
				m, 't', &call->numbers[n_numbers++]);
			break;
		case 'u':
			u = (uint32_t)call->numbers[n_numbers++];
			r = sd_bus_message_append_basic(m, 'u', &u);
			break;
		default:
			r = bus_json_append_options(m, call->options);
			break;
		}
	}
	return r;
}

static int read_reply(struct client *c, sd_bus_message *reply, json_t **ret,
		      int *ret_fd)
{
	json_t *arguments;
	int fd = -1;
	int r;

	r = bus_json_read(reply, &arguments, &fd);
	if (r < 0)
		return report_errno(c, r);
	if (ret_fd) {
		/* The message owns its descriptor and goes away now. */
		*ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (*ret_fd < 0) {
			js_free(arguments);
			return report_errno(c, -errno);
		}
	}
	if (ret)
		*ret = arguments;
	else
		js_free(arguments);
	return REESPEC_OK;
}

int client_call(struct client *c, const struct client_call *call, json_t **ret,
		int *ret_fd)
{
	CLEANUP(message_unrefp) sd_bus_message *m = NULL;
	CLEANUP(message_unrefp) sd_bus_message *reply = NULL;
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	unsigned int timeout_s = call->timeout_s ? call->timeout_s : TIMEOUT_S;
	int r;

	r = bus_call_new(c->bus, call->path, call->interface, call->member,
			 !c->never_starts, &m);
	if (r < 0)
		return report_errno(c, r);
	r = append_arguments(m, call);
	if (r < 0)
		return report_errno(c, r);
	r = sd_bus_call(c->bus, m, timeout_s * 1000000ULL, &error, &reply);
	if (r < 0)
		return report(c, call->member, &error, r);
	return read_reply(c, reply, ret, ret_fd);
}

/* The one argument of a reply. */
static int call_for_one(struct client *c, const struct client_call *call,
			json_t **ret)
{
	json_t *reply;
	int r;

	r = client_call(c, call, &reply, NULL);
	if (r)
		return r;
	*ret = js_ref(js_at(reply, 0));
	js_free(reply);
	return REESPEC_OK;
}

int client_properties(struct client *c, const char *path, const char *interface,
		      json_t **ret)
{
	const struct client_call call = {
		.path = path,
		.interface = "org.freedesktop.DBus.Properties",
		.member = "GetAll",
		.types = "s",
		.texts = { interface },
	};

	return call_for_one(c, &call, ret);
}

int client_objects(struct client *c, json_t **ret)
{
	const struct client_call call = {
		.path = CLIENT_ROOT,
		.interface = "org.freedesktop.DBus.ObjectManager",
		.member = "GetManagedObjects",
	};

	return call_for_one(c, &call, ret);
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct listener *l = userdata;
	json_t *arguments;

	(void)error;
	/* A signal that cannot be read is somebody else's mistake. */
	if (bus_json_read(m, &arguments, NULL) < 0)
		return 0;
	l->on_signal(l->userdata, sd_bus_message_get_path(m), arguments);
	js_free(arguments);
	return 0;
}

static int listen_to(struct client *c, const char *match,
		     client_on_signal on_signal, void *userdata)
{
	struct listener *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return report_errno(c, -ENOMEM);
	l->on_signal = on_signal;
	l->userdata = userdata;
	l->next = c->listeners;
	c->listeners = l;
	r = sd_bus_add_match(c->bus, NULL, match, on_message, l);
	return r < 0 ? report_errno(c, r) : REESPEC_OK;
}

int client_listen(struct client *c, const char *interface, const char *member,
		  client_on_signal on_signal, void *userdata)
{
	char match[256];

	snprintf(match, sizeof(match),
		 "type='signal',sender='%s',interface='%s',member='%s'",
		 SERVICE, interface, member);
	return listen_to(c, match, on_signal, userdata);
}

int client_listen_owner(struct client *c, client_on_signal on_signal,
			void *userdata)
{
	return listen_to(c,
			 "type='signal',sender='org.freedesktop.DBus',"
			 "interface='org.freedesktop.DBus',"
			 "member='NameOwnerChanged',arg0='" SERVICE "'",
			 on_signal, userdata);
}

static void on_signal(int number)
{
	const int saved = errno;
	const unsigned char byte = (unsigned char)number;

	if (write(signal_pipe[1], &byte, 1) < 0) {
		/* A full pipe holds enough of them. */
	}
	errno = saved;
}

/*
 * A handler and a pipe, no signalfd: the linear algebra library starts threads
 * before main(), where a mask set here does not hold.
 */
int client_catch_signals(struct client *c)
{
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESTART };

	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return report_errno(c, -errno);
	c->signal_fd = signal_pipe[0];
	if (sigaction(SIGINT, &action, NULL) < 0 ||
	    sigaction(SIGTERM, &action, NULL) < 0)
		return report_errno(c, -errno);
	return REESPEC_OK;
}

/* Handles what is queued; CLIENT_TRAFFIC when there was any. */
static int drain(struct client *c, enum client_event *ret)
{
	int r;

	while ((r = sd_bus_process(c->bus, NULL)) > 0)
		*ret = CLIENT_TRAFFIC;
	return r < 0 ? report_errno(c, r) : REESPEC_OK;
}

/* The nearer of the caller's time-out and that of sd-bus, in ms. */
static int wait_ms(struct client *c, int timeout_ms)
{
	struct timespec now;
	uint64_t deadline;
	uint64_t now_us;
	uint64_t ms;

	if (sd_bus_get_timeout(c->bus, &deadline) < 0 || deadline == UINT64_MAX)
		return timeout_ms;
	clock_gettime(CLOCK_MONOTONIC, &now);
	now_us = now.tv_sec * 1000000ULL + now.tv_nsec / 1000;
	ms = deadline > now_us ? (deadline - now_us + 999) / 1000 : 0;
	return timeout_ms < 0 || ms < (uint64_t)timeout_ms ? (int)ms
							   : timeout_ms;
}

static int read_signal(struct client *c, enum client_event *ret)
{
	unsigned char number;

	if (read(c->signal_fd, &number, 1) == 1)
		*ret = number == SIGINT ? CLIENT_INTERRUPT : CLIENT_TERMINATE;
	return REESPEC_OK;
}

int client_wait(struct client *c, int timeout_ms, enum client_event *ret)
{
	struct pollfd fds[2] = { { .events = POLLIN },
				 { .fd = c->signal_fd, .events = POLLIN } };
	int r;

	*ret = CLIENT_TIMEOUT;
	r = drain(c, ret);
	if (r || *ret != CLIENT_TIMEOUT)
		return r;
	fds[0].fd = sd_bus_get_fd(c->bus);
	r = sd_bus_get_events(c->bus);
	if (r >= 0)
		fds[0].events = (short)r;
	r = poll(fds, 2, wait_ms(c, timeout_ms));
	if (r < 0 && errno != EINTR)
		return report_errno(c, -errno);
	if (r > 0 && fds[1].revents)
		return read_signal(c, ret);
	return drain(c, ret);
}
