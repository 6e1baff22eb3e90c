/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a sample was stated to lose, in words, from the JSON of its contents. */
#ifndef TOOLS_REESPEC_LOSS_TEXT_H
#define TOOLS_REESPEC_LOSS_TEXT_H

#include <stddef.h>

#include "base/json.h"

/*
 * "moisture 10.0 %, loss on ignition 20.0 % of the dried sample, ...", with
 * TREO of the dried sample where there is one, its uncertainty times @k behind
 * @pm, PRINT_PM("") or PRINT_PM_PAGE; empty where nothing was stated.
 */
void loss_text(json_t *contents, double k, const char *pm, char *text,
	       size_t size);

#endif
