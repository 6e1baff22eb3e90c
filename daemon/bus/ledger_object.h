/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the interface org.reespec1.Ledger share. */
#ifndef DAEMON_BUS_LEDGER_OBJECT_H
#define DAEMON_BUS_LEDGER_OBJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "ledger/ledger.h"

struct service;

/* The bus error for @r, an errno of the ledger; @name is a reader's or "". */
int ledger_object_error(struct service *s, const char *name, int r,
			sd_bus_error *error);

/* 0, or the error that tells what a reason must be. */
int ledger_object_check_reason(const char *reason, sd_bus_error *error);

/* ---- ledger_amend.c ------------------------------------------------------- */

/* A record that a new one is to name. */
struct ledger_object_record {
	struct chain_record chain;
	struct chain_head head;
	json_t *body;
};

/* Record @seq, of one of @kinds (bits 1 << enum chain_kind); else @error is
 * NoRecord or WrongKind. */
int ledger_object_get(struct service *s, uint64_t seq, uint32_t kinds,
		      struct ledger_object_record *ret, sd_bus_error *error);
void ledger_object_record_deinit(struct ledger_object_record *o);
/* Makes a record durable, or nothing of it is left and @error says why. */
int ledger_object_add(struct service *s, const struct ledger_entry *entry,
		      uint64_t *ret_seq, sd_bus_error *error);

int ledger_method_amend(sd_bus_message *m, void *arg, sd_bus_error *error);
int ledger_method_sign(sd_bus_message *m, void *arg, sd_bus_error *error);

/* ---- reprocess.c ---------------------------------------------------------- */

int ledger_method_reprocess(sd_bus_message *m, void *arg, sd_bus_error *error);

/* ---- ledger_upkeep.c ------------------------------------------------------ */

int ledger_method_rotate_key(sd_bus_message *m, void *arg, sd_bus_error *error);
int ledger_method_archivable(sd_bus_message *m, void *arg, sd_bus_error *error);
/* Whether a search goes on that ends in records being dropped. */
bool ledger_object_is_archiving(const struct service *s);
int ledger_method_archive(sd_bus_message *m, void *arg, sd_bus_error *error);

#endif
