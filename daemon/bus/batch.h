/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When records become durable, and that nothing is told before. */
#ifndef DAEMON_BUS_BATCH_H
#define DAEMON_BUS_BATCH_H

#include <stdint.h>

#include "base/cleanup.h"
#include "ledger/ledger.h"

struct event_base;
struct batch;
struct settings;

struct batch_events {
	/* Records first..last are durable. */
	void (*on_committed)(uint64_t first, uint64_t last, void *arg);
	/* A commit failed (@why a sentence) or, with "", works again. */
	void (*on_health)(const char *why, void *arg);
	void *arg;
};

/* The ledger and the settings are borrowed; a change of these counts from the
 * next record on. */
int batch_new(struct event_base *base, struct ledger *ledger,
	      const struct settings *settings,
	      const struct batch_events *events, struct batch **ret);
/* Commits what waits. */
struct batch *batch_free(struct batch *b);
CLEANUP_FUNC(struct batch, batch_free);

/*
 * Appends a record; commits when as many records or bytes wait as the
 * settings say, or so long after the first of them, but not sooner after the
 * last commit than that one took. Errors of ledger_append().
 */
int batch_add(struct batch *b, const struct ledger_entry *entry,
	      uint64_t *ret_seq);
/* Commits now. On failure all stays and is tried again every two seconds. */
int batch_flush(struct batch *b);
/* The same with one record that must be durable before the return. */
int batch_add_now(struct batch *b, const struct ledger_entry *entry,
		  uint64_t *ret_seq);

#endif
