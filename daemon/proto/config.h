/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text configuration of a DP5-family instrument: `CMND=VALUE;` repeated.
 *
 * Commands are four upper-case letters or digits; a value has at most ten
 * characters, printable, without blank or `;`. Names and ranges are judged by
 * the instrument, which differs by board and firmware; here it is the
 * grammar, the order and what must never be sent.
 */
#ifndef DAEMON_PROTO_CONFIG_H
#define DAEMON_PROTO_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define DP5_CONFIG_NAME_LEN 4
#define DP5_CONFIG_VALUE_MAX 10
/* Also the bound on what a file may bring. */
#define DP5_CONFIG_COMMANDS_MAX 128
#define DP5_CONFIG_PACKET_MAX 512

struct dp5_command {
	char name[DP5_CONFIG_NAME_LEN + 1];
	char value[DP5_CONFIG_VALUE_MAX + 1]; /* may be empty: not known */
};

struct dp5_config {
	size_t n;
	struct dp5_command commands[DP5_CONFIG_COMMANDS_MAX];
};

/* Where and why a text is refused. */
struct dp5_config_error {
	size_t offset; /* of the command in the text, bytes */
	char command[24]; /* as far as it could be read, else "" */
	char why[160];
};

/*
 * Reads a command list for sending. Blanks and line ends between commands
 * are skipped. Refused with -EBADMSG: a broken command, an empty value, a
 * command of the acquisition's own (MCAE other than OFF), one known to be
 * harmful (undocumented ACKE, TPFF; BOOT), the same name twice (SCA commands
 * excepted), an order the instrument would misread (RESC not first, CLCK or
 * TPEA behind what depends on them ...).
 */
int dp5_config_parse(const char *text, size_t len, struct dp5_config *ret,
		     struct dp5_config_error *err);

/*
 * Reads the answer to a read-back: the same grammar, but values may be empty,
 * `?` or `??` (unknown to the instrument) and no rule of order holds.
 */
int dp5_config_parse_readback(const char *text, size_t len,
			      struct dp5_config *ret,
			      struct dp5_config_error *err);

/* The value of a command, or NULL. The last one counts when repeated. */
const char *dp5_config_get(const struct dp5_config *c, const char *name);
/* Replaces a value or appends the command; -EINVAL, -ENOSPC. */
int dp5_config_set(struct dp5_config *c, const char *name, const char *value);
/* The whole as one text, `NAME=VALUE;` without blanks. */
int dp5_config_text(const struct dp5_config *c, struct buf *ret);

/*
 * Fills @packet with as many commands from *next on as one packet holds and
 * moves *next; false when all have been packed. A packet is at most 512 bytes
 * and its length is never 56 modulo 64, since nobody knows whether real
 * firmware needs a zero-length packet then. No command is split.
 */
bool dp5_config_next_packet(const struct dp5_config *c, size_t *next,
			    char packet[DP5_CONFIG_PACKET_MAX + 1],
			    size_t *ret_len);
/* The same for a read-back request: `NAME;`, at most 32 commands a packet. */
bool dp5_config_next_query(const struct dp5_config *c, size_t *next,
			   char packet[DP5_CONFIG_PACKET_MAX + 1],
			   size_t *ret_len);

/*
 * Whether two values of one command mean the same to the instrument. Numbers
 * are compared as numbers with a tolerance of one step of that command, words
 * by the letters that count (`RISING` and `RI`).
 */
bool dp5_config_same(const char *name, const char *wanted, const char *actual);

/* One command whose read-back differs. */
struct dp5_config_difference {
	char name[DP5_CONFIG_NAME_LEN + 1];
	char wanted[DP5_CONFIG_VALUE_MAX + 1];
	char actual[DP5_CONFIG_VALUE_MAX + 1]; /* "" when not answered */
};

/*
 * Compares every command of @wanted with @actual; RESC is never compared.
 * Writes at most @max differences and returns how many there are.
 */
size_t dp5_config_compare(const struct dp5_config *wanted,
			  const struct dp5_config *actual,
			  struct dp5_config_difference *ret, size_t max);

#endif
