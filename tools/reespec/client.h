/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon as this program sees it; sd-bus stays behind this header. */
#ifndef TOOLS_REESPEC_CLIENT_H
#define TOOLS_REESPEC_CLIENT_H

#include <stdint.h>

#include "base/json.h"
#include "reespec/command.h"

#define CLIENT_ROOT "/org/reespec1"
#define CLIENT_MANAGER "org.reespec1.Manager"
#define CLIENT_SPECTROMETER "org.reespec1.Spectrometer"
#define CLIENT_ASSAY "org.reespec1.Assay"
#define CLIENT_LEDGER "org.reespec1.Ledger"

/* Seconds for a call for which somebody may have to type a password. */
#define CLIENT_PASSWORD_S 600

struct client;

/*
 * Connects to --bus (system, session or an address), else the system bus
 * (DBUS_SYSTEM_BUS_ADDRESS counts). @args is kept for messages.
 */
int client_open(struct client **ret, const struct args *args);
struct client *client_close(struct client *c);
void client_closep(struct client **c);

/*
 * One call of a method of the daemon: who, what, and its arguments: @texts
 * and @numbers in the order of @types ('s' takes the next text, 't' and 'u'
 * the next number, 'o' stands for a dictionary of options, @options).
 */
struct client_call {
	const char *path;
	const char *interface;
	const char *member;
	const char *types;
	const char *texts[2];
	uint64_t numbers[2];
	json_t *options;
	unsigned int timeout_s;
};

/*
 * Makes the call. The reply's arguments come as a JSON array: 64-bit integers
 * as strings, dictionaries as objects; a descriptor is duplicated to @ret_fd
 * (the caller closes it) and null in the array. @ret and @ret_fd may be NULL.
 * An error is said on stderr in one sentence and its exit code returned.
 */
int client_call(struct client *c, const struct client_call *call, json_t **ret,
		int *ret_fd);

/* All properties of one interface of an object, as a JSON object. */
int client_properties(struct client *c, const char *path, const char *interface,
		      json_t **ret);

/* Everything the object manager lists: {path: {interface: {name: value}}}. */
int client_objects(struct client *c, json_t **ret);

/* A signal; runs inside client_wait(). @arguments is borrowed. */
typedef void (*client_on_signal)(void *userdata, const char *path,
				 json_t *arguments);

/* Has @on_signal called for a signal of the daemon until the client closes. */
int client_listen(struct client *c, const char *interface, const char *member,
		  client_on_signal on_signal, void *userdata);

/*
 * The same for a new owner of the daemon's name: arguments are the name, the
 * old owner and the new one, "" for none.
 */
int client_listen_owner(struct client *c, client_on_signal on_signal,
			void *userdata);

/* What ended a wait. */
enum client_event {
	CLIENT_TIMEOUT,
	CLIENT_TRAFFIC,
	CLIENT_INTERRUPT,
	CLIENT_TERMINATE,
};

/* Makes SIGINT and SIGTERM events of client_wait(). */
int client_catch_signals(struct client *c);

/* Handles traffic until something happened or @timeout_ms have passed. */
int client_wait(struct client *c, int timeout_ms, enum client_event *ret);

/* From now on no call has the bus start a daemon that is not there. */
void client_never_start(struct client *c);

/* While set, errors of calls are kept for client_last_error() and not said. */
void client_be_quiet(struct client *c, bool is_quiet);
const char *client_last_error(const struct client *c);
/* The name of the daemon's error, as "Limit"; "" for any other and for none. */
const char *client_last_error_name(const struct client *c);

#endif
