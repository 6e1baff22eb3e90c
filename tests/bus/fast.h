/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between emulator and daemon: asks for the spectra of an assay as often as
 * wanted, which the option `interval` of Measure does not let a client do.
 */
#ifndef TESTS_BUS_FAST_H
#define TESTS_BUS_FAST_H

#include "rig.h"

/*
 * A bus, an emulator, the daemon on the socket DIR/fast with the settings
 * @settings, a method `fast` that keeps every spectrum, and an instrument that
 * is idle. A spectrum comes every @interval_ns. The process ends with the
 * test.
 */
void fast_start(struct rig *r, uint64_t interval_ns, const char *settings);

#endif
