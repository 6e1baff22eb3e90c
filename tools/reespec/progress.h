/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line about a running assay, rewritten while it counts. */
#ifndef TOOLS_REESPEC_PROGRESS_H
#define TOOLS_REESPEC_PROGRESS_H

#include <stdio.h>

#include "base/json.h"
#include "reespec/command.h"

enum progress_mode { PROGRESS_NONE, PROGRESS_BAR, PROGRESS_LINES };

struct progress {
	enum progress_mode mode;
	bool is_drawn;
	char last[512];
	double next_line_s;
};

/* --progress of @args, else a bar when stderr is a terminal. */
int progress_init(struct progress *p, const struct args *args);

/*
 * The line of an Assay's properties into @text, at most @columns wide: sample,
 * progress, the elements that lead, time, dead time and rates, each whole or
 * not at all; elements as many as leave room for dead time and input rate.
 */
void progress_line(json_t *assay, bool has_bar, size_t columns, char *text,
		   size_t size);

/* Shows the properties of an Assay object. */
void progress_show(struct progress *p, json_t *assay);

/* Ends the line, before something else is printed. */
void progress_end(struct progress *p);

#endif
