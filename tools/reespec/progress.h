/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line about what takes a while, rewritten meanwhile; print_transient_end()
 * takes it away.
 */
#ifndef TOOLS_REESPEC_PROGRESS_H
#define TOOLS_REESPEC_PROGRESS_H

#include <stdint.h>
#include <stdio.h>

#include "base/json.h"
#include "reespec/command.h"

enum progress_mode { PROGRESS_NONE, PROGRESS_BAR, PROGRESS_LINES };

struct progress {
	enum progress_mode mode;
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

/*
 * Of many that are computed since @since_ns: "17 of 120 files, 12 s left" on a
 * terminal, nothing for one alone.
 */
void progress_many(const char *what, size_t n_done, size_t n,
		   uint64_t since_ns);

#endif
