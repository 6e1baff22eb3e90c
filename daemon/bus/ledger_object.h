/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two files of the interface org.reespec1.Ledger share. */
#ifndef DAEMON_BUS_LEDGER_OBJECT_H
#define DAEMON_BUS_LEDGER_OBJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

struct service;

/* The bus error for @r, an errno of the ledger; @name is a reader's or "". */
int ledger_object_error(struct service *s, const char *name, int r,
			sd_bus_error *error);

/* 0, or the error that tells what a reason must be. */
int ledger_object_check_reason(const char *reason, sd_bus_error *error);

/* ---- ledger_upkeep.c ------------------------------------------------------ */

int ledger_method_rotate_key(sd_bus_message *m, void *arg, sd_bus_error *error);
int ledger_method_archivable(sd_bus_message *m, void *arg, sd_bus_error *error);
/* Whether a search goes on that ends in records being dropped. */
bool ledger_object_is_archiving(const struct service *s);
int ledger_method_archive(sd_bus_message *m, void *arg, sd_bus_error *error);

#endif
