/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The check of an energy scale: reespec calibrate --energy. */
#ifndef TOOLS_REESPEC_ENERGY_H
#define TOOLS_REESPEC_ENERGY_H

#include "reespec/command.h"

/*
 * Checks the axis of the operand, a record or file, or of --sample, which is
 * measured for it as a drift check. REESPEC_VERDICT when it has moved further
 * than the method allows, or is bent.
 */
int energy_check(const struct args *args);

#endif
