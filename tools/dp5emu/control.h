/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: sample, rate, supplies and faults at run time. */
#ifndef TOOLS_DP5EMU_CONTROL_H
#define TOOLS_DP5EMU_CONTROL_H

#include <stddef.h>

#include "dp5emu/link.h"
#include "dp5emu/loop.h"
#include "dp5emu/port.h"

/* All that a running emulator is made of; control borrows it. */
struct emu {
	struct loop loop;
	struct loop_timer tick;
	struct link link;
	struct instrument *ins;
	struct port *port; /* NULL in tests of the commands alone */
};

#define CONTROL_ANSWER_MAX 1024

/* Carry out one command; the answer, without line end, opens with ok or error. */
void control_command(struct emu *emu, const char *line,
		     char answer[static CONTROL_ANSWER_MAX]);

struct control;

/* Listen at @path, which is borrowed; an old socket file is replaced. */
int control_new(struct emu *emu, const char *path, struct control **ret);

/* Takes NULL; returns NULL. */
struct control *control_free(struct control *c);

/* The client: send one command, print the answer; returns the exit code. */
int control_ask(const char *path, int n_words, char **words);

#endif /* TOOLS_DP5EMU_CONTROL_H */
