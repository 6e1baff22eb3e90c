/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon as its objects see it: what they share and where they meet. */
#ifndef DAEMON_BUS_SERVICE_H
#define DAEMON_BUS_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "base/cleanup.h"
#include "ledger/ledger.h"
#include "version.h"

#define BUS_NAME "org.reespec1"
#define BUS_PATH "/org/reespec1"

struct archiving;
struct batch;
struct event;
struct event_base;
struct finder;
struct follower;
struct held;
struct kept;
struct loop;
struct settings;
struct spectrometer;
struct verify;
struct worker;

struct service_options {
	const char *bus; /* "system", "session" or an address */
	const char *state_dir;
	const char *const *method_dirs; /* NULL at the end */
	const char *const *sockets; /* of emulators, NULL at the end */
	const struct settings *settings; /* looked at whenever one is used */
	struct kept *kept; /* nodes that outlive the service */
	/* Ready for clients; and once in a while, as the watchdog's proof. */
	void (*on_ready)(void *arg);
	void (*on_alive)(void *arg);
	void *arg;
};

struct service {
	struct event_base *base;
	const struct service_options *options;
	const struct settings *settings;
	struct loop *loop;
	struct ledger *ledger;
	struct batch *batch;
	struct worker *worker;
	struct finder *finder;
	struct event *alive;
	struct event *stop_timer;
	bool is_stopping;
	bool is_system_bus;
	int error; /* why the service ended itself */
	char health[256]; /* of the ledger, "" when it is well */
	char space[128]; /* of its disk */
	char fits[128]; /* why no spectrum can be assayed */
	struct verify *verify; /* the one under way */
	struct archiving *archiving; /* likewise */
	struct event *purge; /* of what was archived, from the file */
	bool is_reprocessing; /* a stored result, on the worker */
	bool has_purged; /* something, the last time */

	sd_bus_slot *slots[8]; /* of the root objects and matches */
	size_t n_slots;
	TAILQ_HEAD(, spectrometer) spectrometers;
	TAILQ_HEAD(, follower) followers;
	TAILQ_HEAD(, held) held; /* answers of Fetch */
};

/*
 * Everything up to the loop. *why is said to the operator: a ledger held by
 * another process, a socket asked for on the system bus.
 */
int service_new(struct event_base *base, const struct service_options *options,
		struct service **ret, char *why, size_t why_size);
/* Commits and releases everything. */
struct service *service_free(struct service *s);
CLEANUP_FUNC(struct service, service_free);

/* Runs until service_stop() has ended its assays; 0 or -errno. */
int service_run(struct service *s);
/* Ends running assays as interrupted, commits, leaves the loop. */
void service_stop(struct service *s);
/* Told by whoever ended an assay: a stopping service may be done now. */
void service_assay_gone(struct service *s);

/* NULL while there is no bus. */
sd_bus *service_bus(const struct service *s);
/* An object was put on the bus with the result @r; where that failed, all are
 * put on a new connection. */
void service_object_added(struct service *s, const char *path, int r);
void service_set_health(struct service *s, const char *why);

/* ---- manager.c ------------------------------------------------------------ */

int manager_register(struct service *s, sd_bus *bus);
void manager_health_changed(struct service *s);
void manager_assay_finished(struct service *s, const char *assay,
			    const char *sample, const char *verdict,
			    uint64_t seq);

/* ---- ledger_object.c ------------------------------------------------------ */

int ledger_object_register(struct service *s, sd_bus *bus);
/* Drops a verification under way, unanswered. */
void ledger_object_stop_verify(struct service *s);

/* ---- ledger_upkeep.c ------------------------------------------------------ */

/* Drops a search for what may be archived, unanswered. */
void ledger_object_stop_archiving(struct service *s);
/* Has what was archived leave the file, piece by piece, from the loop. */
void ledger_object_purge(struct service *s);

#endif
