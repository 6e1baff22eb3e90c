// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The caller's uid and polkit's word, both asked for asynchronously.
 *
 * The subject for polkit is the bus name, never a pid: a pid can be another
 * process by the time it is looked up.
 */
#include "bus/caller.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/service.h"

/* polkit may wait for a password. */
#define POLKIT_TIMEOUT_US (120 * 1000000ULL)

struct request {
	struct service *service;
	sd_bus_message *m;
	const char *action; /* static text, NULL: none needed */
	caller_fn fn;
	void *arg;
	uint32_t uid;
};

/* Bound to the slot of the pending call: it ends with its answer or when the
 * bus is lost. */
static void request_free(void *arg)
{
	struct request *q = arg;

	sd_bus_message_unref(q->m);
	free(q);
}

static void refuse(struct request *q, const char *name, const char *text)
{
	sd_bus_reply_method_errorf(q->m, name, "%s", text);
}

static int go_on(struct request *q)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	r = q->fn(q->m, q->uid, q->arg, &error);
	if (sd_bus_error_is_set(&error))
		sd_bus_reply_method_error(q->m, &error);
	else if (r < 0)
		sd_bus_reply_method_errno(q->m, r, NULL);
	return 0;
}

static int on_polkit(sd_bus_message *answer, void *arg, sd_bus_error *ret)
{
	const sd_bus_error *e = sd_bus_message_get_error(answer);
	struct request *q = arg;
	int is_allowed = 0;
	int is_challenge = 0;
	char text[256];
	int r;

	(void)ret;
	if (e) {
		snprintf(text, sizeof(text),
			 "%s: polkit does not answer (%s), only root may",
			 q->action, e->name);
		refuse(q, SD_BUS_ERROR_ACCESS_DENIED, text);
		return 0;
	}
	r = sd_bus_message_enter_container(answer, 'r', "bba{ss}");
	if (r >= 0)
		r = sd_bus_message_read(answer, "bb", &is_allowed,
					&is_challenge);
	if (r >= 0 && is_allowed)
		return go_on(q);

	snprintf(text, sizeof(text), "uid %u is not allowed %s", q->uid,
		 q->action);
	refuse(q,
	       is_challenge ? SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED
			    : SD_BUS_ERROR_ACCESS_DENIED,
	       text);
	return 0;
}

static int call_async(struct request *q, sd_bus_message *call,
		      sd_bus_message_handler_t on_answer, uint64_t timeout_us)
{
	sd_bus *bus = sd_bus_message_get_bus(q->m);
	sd_bus_slot *slot = NULL;
	int r;

	r = sd_bus_call_async(bus, &slot, call, on_answer, q, timeout_us);
	if (r < 0) {
		request_free(q);
		return r;
	}
	sd_bus_slot_set_destroy_callback(slot, request_free);
	sd_bus_slot_set_floating(slot, 1);
	sd_bus_slot_unref(slot);
	return 0;
}

static int ask_polkit(const struct request *q)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	sd_bus *bus = sd_bus_message_get_bus(q->m);
	struct request *next;
	uint32_t flags;
	int r;

	flags = sd_bus_message_get_allow_interactive_authorization(q->m) > 0;
	r = sd_bus_message_new_method_call(
		bus, &call, "org.freedesktop.PolicyKit1",
		"/org/freedesktop/PolicyKit1/Authority",
		"org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
	if (r >= 0)
		r = sd_bus_message_append(call, "(sa{sv})sa{ss}us",
					  "system-bus-name", 1, "name", "s",
					  sd_bus_message_get_sender(q->m),
					  q->action, 0, flags, "");
	if (r < 0)
		return r;

	/* A request lives as long as its slot, so the next step has its own. */
	next = malloc(sizeof(*next));
	if (!next)
		return -ENOMEM;
	*next = *q;
	sd_bus_message_ref(next->m);
	return call_async(next, call, on_polkit, POLKIT_TIMEOUT_US);
}

static bool may_without_polkit(const struct request *q)
{
	if (!q->action || q->uid == 0)
		return true;
	return !q->service->is_system_bus && q->uid == getuid();
}

static int on_uid(sd_bus_message *answer, void *arg, sd_bus_error *ret)
{
	struct request *q = arg;
	int r;

	(void)ret;
	/* An error means that the caller has left: nobody waits. */
	if (sd_bus_message_get_error(answer) ||
	    sd_bus_message_read(answer, "u", &q->uid) < 0) {
		refuse(q, SD_BUS_ERROR_FAILED, "the bus does not know you");
		return 0;
	}
	if (may_without_polkit(q))
		return go_on(q);
	r = ask_polkit(q);
	if (r < 0)
		sd_bus_reply_method_errno(q->m, r, NULL);
	return 0;
}

int caller_authorize(struct service *s, sd_bus_message *m, const char *action,
		     caller_fn fn, void *arg)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	struct request *q;
	int r;

	r = sd_bus_message_new_method_call(sd_bus_message_get_bus(m), &call,
					   "org.freedesktop.DBus",
					   "/org/freedesktop/DBus",
					   "org.freedesktop.DBus",
					   "GetConnectionUnixUser");
	if (r >= 0)
		r = sd_bus_message_append(call, "s",
					  sd_bus_message_get_sender(m));
	if (r < 0)
		return r;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	*q = (struct request){ s, sd_bus_message_ref(m), action, fn, arg, 0 };
	r = call_async(q, call, on_uid, 0);
	/* Handled: the answer follows. */
	return r < 0 ? r : 1;
}

int caller_ask(struct service *s, sd_bus_message *m, caller_fn fn, void *arg)
{
	return caller_authorize(s, m, NULL, fn, arg);
}
