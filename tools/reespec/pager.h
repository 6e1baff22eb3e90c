/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Long output on a terminal, a screen at a time. */
#ifndef TOOLS_REESPEC_PAGER_H
#define TOOLS_REESPEC_PAGER_H

#include "reespec/command.h"

/*
 * From here on stdout goes through $PAGER, by default less, which shows at once
 * what fits on the screen. Nothing happens when stdout is no terminal, with
 * --no-pager, when PAGER is empty or "cat", or without a less.
 */
void pager_start(const struct args *args);

/* Waits until the pager has been left. */
void pager_end(void);

#endif
