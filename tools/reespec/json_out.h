/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON of a command to stdout. */
#ifndef TOOLS_REESPEC_JSON_OUT_H
#define TOOLS_REESPEC_JSON_OUT_H

#include <stdint.h>

#include "base/json.h"
#include "reespec/command.h"

/*
 * Prints @value, an object, on one line with a member `schema`, which is @schema;
 * takes @value over. Each shape has one name, and each name one shape, with the
 * version of its members behind it ("reespec-qc/1"), which goes up when a member
 * goes, or means something else; not for a new one. They are written down in
 * reespec(1), JSON.
 */
int json_out(const struct args *args, const char *schema, json_t *value);

/* A time in microseconds since 1970, as the bus has it, in RFC 3339 like all
 * others; null for 0, which is never. */
json_t *json_out_time(uint64_t usec);

/* The bytes of a record's body and a newline. */
int json_out_body(const char *body, size_t len);

#endif
