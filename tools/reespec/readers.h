/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The readers of the ledger as JSON, for others than reespec readers. */
#ifndef TOOLS_REESPEC_READERS_H
#define TOOLS_REESPEC_READERS_H

#include "base/json.h"

/* An array with an object for each of the readers that the properties of
 * @ledger name; the caller owns it. */
json_t *readers_json(json_t *ledger);

#endif
