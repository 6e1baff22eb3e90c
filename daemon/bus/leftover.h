/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Assays that a daemon which was killed has left without an end. */
#ifndef DAEMON_BUS_LEFTOVER_H
#define DAEMON_BUS_LEFTOVER_H

struct service;

/*
 * Gives every assay of the ledger that has no result one that says
 * `interrupted`, before a new one can be ordered. They are committed like any
 * batch: where the disk refuses, they wait, and a kill meanwhile leaves them
 * to the next start.
 */
void leftover_end_all(struct service *s);

#endif
