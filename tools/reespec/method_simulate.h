/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reespec method simulate. */
#ifndef TOOLS_REESPEC_METHOD_SIMULATE_H
#define TOOLS_REESPEC_METHOD_SIMULATE_H

#include "reespec/command.h"

/*
 * What the method of the second operand would find in a sample of the contents
 * that follow or that --known and --sample name: table, JSON, picture.
 */
int method_simulate(const struct args *args);

#endif
