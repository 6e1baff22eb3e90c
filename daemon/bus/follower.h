/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is told of new records, and how much at a time. */
#ifndef DAEMON_BUS_FOLLOWER_H
#define DAEMON_BUS_FOLLOWER_H

#include <stdint.h>
#include <sys/queue.h>

#include "bus/service.h"

/* Batches sent without an answer before silence. */
#define FOLLOWER_WINDOW 8

struct follower {
	TAILQ_ENTRY(follower) link;
	char *sender;
	uint32_t uid;
	uint64_t told; /* last record that was announced */
	unsigned int n_open; /* batches since the last Ack or Fetch */
};

/*
 * Adds the bus name, or starts it anew: records after @told are to come.
 * -EDQUOT when the uid has as many as it may.
 */
int follower_add(struct service *s, const char *sender, uint32_t uid,
		 uint64_t told);
/* The caller has taken something: its window is open again. */
void follower_reopen(struct service *s, const char *sender);
/* It left the bus; "" for all of them. */
void follower_remove(struct service *s, const char *sender);

/* Records up to the ledger's last are durable. */
void follower_tell_all(struct service *s);

#endif
