/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Room on the ledger's disk, and what is said and refused for want of it. */
#ifndef DAEMON_BUS_SPACE_H
#define DAEMON_BUS_SPACE_H

#include <systemd/sd-bus.h>

struct service;

/* Looks how much is left and has Health say it; once in a while. */
void space_look(struct service *s);

/* Whether an assay may start: 0, or @error is set to Full. */
int space_check(struct service *s, sd_bus_error *error);

#endif
