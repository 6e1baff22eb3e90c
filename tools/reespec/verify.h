/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The check of an export, for others than reespec verify. */
#ifndef TOOLS_REESPEC_VERIFY_H
#define TOOLS_REESPEC_VERIFY_H

#include "reespec/command.h"

/*
 * Judges the export in file @path by the keys of --key, else those that are
 * known here, and tells what it found as verify does.
 */
int verify_export(const struct args *args, const char *path);

#endif
