/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The spectrometers and assays that the daemon's tree holds. */
#ifndef TOOLS_REESPEC_INSTRUMENTS_H
#define TOOLS_REESPEC_INSTRUMENTS_H

#include <stdio.h>

#include "reespec/client.h"

/*
 * A list of the objects with @interface: their properties as the daemon tells
 * them, and "path". Sorted by path.
 */
int instruments_list(struct client *c, const char *interface, json_t **ret);

/* Whether an assay has ended, by its properties. */
bool instruments_is_over(json_t *assay);

/* What tells an assay from others of its sample: its state, and of one that waits
 * the place in the queue of its instrument, "queued at place 2". */
void instruments_state_text(json_t *assay, char *text, size_t size);

/* What brings the high voltage back. */
#define INSTRUMENTS_LIGHT \
	"reespec configure HVSE=VOLTS --reason TEXT, the volts of its detector"

/* Whether a high voltage is none, by which nothing is counted; NAN is not known. */
bool instruments_is_dark(double hv_v);

/* A table of them for people, and what of each must be known beside it. */
void instruments_print(FILE *out, json_t *list);

/*
 * The path of the spectrometer to use: of @serial, or the only one that is
 * plugged in when @serial is NULL.
 */
int instruments_choose(struct client *c, const struct args *args,
		       const char *serial, char *path, size_t size);

#endif
