/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON of a command to stdout. */
#ifndef TOOLS_REESPEC_JSON_OUT_H
#define TOOLS_REESPEC_JSON_OUT_H

#include "base/json.h"
#include "reespec/command.h"

/* Prints @value on one line; takes it over. */
int json_out(const struct args *args, json_t *value);

/* The bytes of a record's body and a newline. */
int json_out_body(const char *body, size_t len);

#endif
