/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sample client of a LIMS and reespec-drop as processes, and what the
 * sample client has stored. */
#ifndef TESTS_BUS_READER_H
#define TESTS_BUS_READER_H

#include "rig.h"

/* `lims` with the store DIR/@file; what it says is appended to DIR/lims.log. */
pid_t reader_start(struct rig *r, const char *reader, const char *file);
/* reespec-drop into @folder, with more settings of [drop], "" for none; what it
 * says is appended to DIR/drop.log. */
pid_t reader_start_drop(struct rig *r, const char *folder, const char *more);
/* Up to which number a reader has acknowledged. */
uint64_t reader_acked(struct rig *r, const char *reader);
/* Until it has acknowledged all there is; false after 30 seconds. */
bool reader_wait(struct rig *r, const char *reader);
/*
 * DIR/store holds 1 to @last once each, in their order, and each with the
 * hash that the ledger has: the number of faults, told.
 */
unsigned int reader_faults(struct rig *r, uint64_t last);

#endif
