/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of a method call, a{sv}, read by a table. */
#ifndef DAEMON_BUS_OPTIONS_H
#define DAEMON_BUS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* `type` is a D-Bus type: s (char *, at most max bytes with its NUL), d (within
 * min..max), t (uint64_t), b (bool) or "as" (bits of the words found by `parse`). */
struct option {
	const char *name;
	const char *type;
	void *target;
	double min;
	double max;
	int (*parse)(const char *word, uint32_t *ret_bits);
};

/*
 * Reads the dictionary at the message's position. An unknown key, a wrong
 * type or a value out of range sets @error to BadOption, naming the key, and
 * returns negative.
 */
int options_read(sd_bus_message *m, const struct option *options, size_t n,
		 sd_bus_error *error);

/* 1 to @max bytes of UTF-8 (the bus has checked it) without controls. */
bool text_valid(const char *text, size_t max);

#endif
