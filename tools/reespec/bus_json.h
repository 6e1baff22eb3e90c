/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of the bus as JSON: the inner half of client.c. */
#ifndef TOOLS_REESPEC_BUS_JSON_H
#define TOOLS_REESPEC_BUS_JSON_H

#include <systemd/sd-bus.h>

#include "base/json.h"

/*
 * The rest of @m as a JSON array. 64-bit integers become strings, as in the
 * ledger; a dictionary with text keys becomes an object. A descriptor is
 * stored in @ret_fd (borrowed from @m) and shown as null.
 */
int bus_json_read(sd_bus_message *m, json_t **ret, int *ret_fd);

/*
 * Appends @options as a{sv}: text s, number d, truth b, object of texts a{ss},
 * array of texts as.
 */
int bus_json_append_options(sd_bus_message *m, json_t *options);

#endif
