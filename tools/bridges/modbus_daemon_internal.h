/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of the daemon's client share. */
#ifndef TOOLS_BRIDGES_MODBUS_DAEMON_INTERNAL_H
#define TOOLS_BRIDGES_MODBUS_DAEMON_INTERNAL_H

#include <systemd/sd-bus.h>

#include "bridges/modbus_daemon.h"
#include "ledger/chain.h"
#include "reespec/bus_call.h"

#define NAME BUS_CALL_SERVICE
#define ROOT "/org/reespec1"
#define LEDGER NAME ".Ledger"
#define SPECTROMETER NAME ".Spectrometer"
#define ASSAY NAME ".Assay"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define KEY "line" /* of the sample's keys, holds the line's name */

/* A record that was found, or is to be acknowledged. */
struct place {
	uint64_t seq; /* 0: none */
	char hash[CHAIN_HASH_SIZE];
};

struct daemon {
	const struct modbus_config *config;
	struct daemon_events events;
	const char *address; /* of the bus; borrowed */
	char reader[64];
	char instrument[64]; /* its path */
	sd_bus *bus;
	uint64_t due_ns; /* the next try, or the next poll */
	bool is_known; /* the ledger was asked what is open */
	bool is_down; /* the log says so */
	bool is_rung; /* the instrument has changed */

	/* While the ledger is asked. */
	uint64_t next;
	uint64_t last;
	bool is_second; /* look, for a result that came meanwhile */
	struct place found;
	struct place found_end;
	json_t *found_body;
	json_t *found_result;

	/* Measure, until it is answered or its daemon has gone: so long nobody
	 * can say that nothing has come of it. */
	sd_bus_slot *order;
	char assay[64]; /* path of the one that is open, "" */
	bool is_ending; /* its result is being fetched */
	struct place end; /* what the PLC's acknowledgement stands for */
	uint64_t acked; /* by the PLC, whether the daemon knows or not */
	bool is_qc_due;
	struct daemon_progress progress;
};

/* modbus_daemon.c */

void daemon_tell(struct daemon *d, enum line_event event, enum map_fault fault,
		 const json_t *body);
/* No answer that can be used: from here on nothing is known, and after a
 * while the ledger is asked again. */
void daemon_lost(struct daemon *d, const char *what, const char *why);
/* One call; nothing happens without a bus, whose loss is told already. */
void daemon_call(struct daemon *d, const char *path, const char *interface,
		 const char *member, sd_bus_message_handler_t on_reply,
		 const char *types, ...);
/* The arguments of an answer; NULL, and all is lost, when it is an error. */
json_t *daemon_take_reply(struct daemon *d, sd_bus_message *m,
			  const char *what);
/* The answer is that there is no such object. */
bool daemon_is_unknown(sd_bus_message *m);
const char *daemon_text_at(const json_t *array, size_t i);
void daemon_ack_place(struct daemon *d, uint64_t seq, const char *hash,
		      sd_bus_message_handler_t on_reply);
/* For an answer that changes nothing: an error is logged. */
int daemon_on_ignored(sd_bus_message *m, void *arg, sd_bus_error *error);

/* modbus_open.c */

/* Asks the ledger what is open; the event that follows tells. */
void daemon_ask(struct daemon *d);
void daemon_forget_found(struct daemon *d);
/* The result of the assay that is open has this number. */
void daemon_fetch_result(struct daemon *d, uint64_t seq);

#endif
