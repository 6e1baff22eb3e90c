/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of a method call, a{sv}, read by a table. */
#ifndef DAEMON_BUS_OPTIONS_H
#define DAEMON_BUS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "base/text.h"

/*
 * `type` is a D-Bus type: s (char *, at most max bytes with its NUL, as
 * text_valid() lets it in), d (within min..max), t (uint64_t), b (bool), "as"
 * (bits of the words found by `parse`) or "a{ss}" (json_t *: an object of
 * texts, at most
 * max bytes in all; the caller frees it).
 */
struct option {
	const char *name;
	const char *type;
	void *target;
	double min;
	double max;
	int (*parse)(const char *word, uint32_t *ret_bits);
};

/*
 * Goes through the dictionary a{sv} at the message's position: @fn reads name
 * and value of each entry. Ends with the first that returns negative.
 */
int options_each(sd_bus_message *m,
		 int (*fn)(sd_bus_message *m, void *arg, sd_bus_error *error),
		 void *arg, sd_bus_error *error);

/*
 * Reads the dictionary at the message's position. An unknown key, a wrong
 * type or a value out of range sets @error to BadOption, naming the key, and
 * returns negative.
 */
int options_read(sd_bus_message *m, const struct option *options, size_t n,
		 sd_bus_error *error);

#endif
