/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operator tells of a sample, --key NAME=TEXT. */
#ifndef TOOLS_REESPEC_KEYS_H
#define TOOLS_REESPEC_KEYS_H

#include "base/json.h"
#include "reespec/command.h"

/* All --key of the command as `keys` of @to, an object of texts; nothing when
 * none was given. */
int keys_add(json_t *to, const struct args *args);

/* One @word NAME=TEXT as member of @to; @what stands before it in messages. */
int keys_add_word(json_t *to, const struct args *args, const char *what,
		  const char *word);

/* Whether the daemon takes @name for a key. */
bool keys_is_name(const char *name);

#endif
