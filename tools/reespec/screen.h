/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole terminal, the door to ncurses. */
#ifndef TOOLS_REESPEC_SCREEN_H
#define TOOLS_REESPEC_SCREEN_H

#include "reespec/command.h"
#include "reespec/view.h"

/* Takes the terminal, or says why not and returns an exit code. */
int screen_open(const struct args *args);
/* Gives it back; twice is no harm. */
void screen_close(void);

/* Its size now. */
void screen_size(int *ret_rows, int *ret_columns);

/* Shows @g; only what changed is sent. */
void screen_show(const struct view_grid *g);

/* Waits at most @ms for a key: VIEW_KEY_*, a character, or -1 for none. */
int screen_key(int ms);

#endif
