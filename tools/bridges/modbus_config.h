/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings of reespec-modbus, reespec-modbus(8) explains each. */
#ifndef TOOLS_BRIDGES_MODBUS_CONFIG_H
#define TOOLS_BRIDGES_MODBUS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/ini.h"
#include "bridges/modbus_map.h"

enum { CONFIG_PEERS_MAX = 32, CONFIG_METHODS_MAX = 64 };

/* Addresses that share their first bits. IPv4 as IPv6 has it, ::ffff:a.b.c.d. */
struct config_peer {
	uint8_t address[16];
	int n_bits;
};

struct config_peers {
	struct config_peer peer[CONFIG_PEERS_MAX];
	size_t n;
};

struct modbus_config {
	const char *path; /* where it was read from; borrowed */
	char *bus; /* its address; "": the system bus */
	char *address;
	int port;
	struct config_peers peers;
	int connections;
	int word_order; /* enum map_order */
	int silence_s;

	char *name;
	char *instrument;
	char **methods;
	size_t n_methods;
	char **quantities;
	size_t n_quantities;
	bool is_deciding; /* counting ends with the decision */
	unsigned int orders; /* bits of the coils that do something */
};

extern const struct ini_table config_table;

/*
 * What the table cannot know of settings read from @path, and their numbers:
 * 0; negative with one line in @why that says where and what.
 */
int config_check(struct modbus_config *c, const char *path, char *why,
		 size_t why_size);
void config_deinit(struct modbus_config *c);

/* Whether the settings let this peer talk; @ret_text is its address. */
bool config_lets(const struct modbus_config *c, const struct sockaddr *peer,
		 char *ret_text, size_t size);

#endif
