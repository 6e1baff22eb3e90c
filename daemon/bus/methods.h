/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Method files by name, from the folders in their order. */
#ifndef DAEMON_BUS_METHODS_H
#define DAEMON_BUS_METHODS_H

#include <systemd/sd-bus.h>

#include "assay/method.h"
#include "base/buf.h"
#include "base/json.h"
#include "ledger/chain.h"
#include "proto/config.h"

/* A method as an assay uses it. */
struct methods_entry {
	struct method *method;
	struct dp5_config config; /* its text configuration */
	char sha256[CHAIN_HASH_SIZE]; /* of the file */
};

/*
 * Loads NAME.ini from the first of @dirs that has it. -ENOENT when none has
 * it, or the name is none; -EINVAL when the file is refused; then @why says
 * which names there are, or file, line, key and reason.
 */
int methods_load(const char *const *dirs, const char *name,
		 struct methods_entry *ret, struct buf *why);
/* The same for a method call: @error is UnknownMethod or BadMethod. */
int methods_load_named(const char *const *dirs, const char *name,
		       struct methods_entry *ret, sd_bus_error *error);
/* What a record tells of the method by which it was made. */
json_t *methods_json(const char *name, const struct methods_entry *e);
void methods_entry_deinit(struct methods_entry *e);

#endif
