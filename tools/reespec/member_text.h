/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A member of a record as people read it: its name and its value with a unit. */
#ifndef TOOLS_REESPEC_MEMBER_TEXT_H
#define TOOLS_REESPEC_MEMBER_TEXT_H

#include "base/json.h"

/* The words for member @key of @body, else @key itself. */
const char *member_label(json_t *body, const char *key);

/* Number @value of @key with its unit; one without a name as it is. */
void member_number(json_t *body, const char *key, double value, char *text,
		   size_t size);

#endif
