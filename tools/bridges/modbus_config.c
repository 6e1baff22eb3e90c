// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads modbus.conf by one table of keys. */
#include "bridges/modbus_config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "assay/limits.h"
#include "assay/symbols.h"
#include "base/cleanup.h"
#include "base/ini.h"
#include "base/text.h"
#include "bridges/program.h"

static void map_v4(const void *v4, uint8_t ret[16])
{
	memset(ret, 0, 10);
	memset(ret + 10, 0xff, 2);
	memcpy(ret + 12, v4, 4);
}

/* "192.168.7.0/24", "::1" */
static int parse_peer(const char *text, size_t len, struct config_peer *ret)
{
	char word[INET6_ADDRSTRLEN + 5];
	uint8_t v4[4];
	long max = 128;
	char *slash, *end;
	long bits;

	if (len >= sizeof(word))
		return -EINVAL;
	memcpy(word, text, len);
	word[len] = '\0';
	slash = strchr(word, '/');
	if (slash)
		*slash = '\0';
	if (inet_pton(AF_INET, word, v4) == 1) {
		map_v4(v4, ret->address);
		max = 32;
	} else if (inet_pton(AF_INET6, word, ret->address) != 1) {
		return -EINVAL;
	}
	bits = max;
	if (slash) {
		bits = strtol(slash + 1, &end, 10);
		if (slash[1] < '0' || slash[1] > '9' || *end || bits > max)
			return -EINVAL;
	}
	ret->n_bits = (int)(128 - max + bits);
	return 0;
}

static int parse_peers(const char *value, void *field, struct ini_refusal *no)
{
	struct config_peers *peers = field;
	size_t len;

	peers->n = 0;
	for (; *value; value += len) {
		value += strspn(value, ", \t");
		len = strcspn(value, ", \t");
		if (!len)
			break;
		if (peers->n == CONFIG_PEERS_MAX) {
			no->why = "more than 32 peers";
			return -EINVAL;
		}
		if (parse_peer(value, len, &peers->peer[peers->n++]) < 0) {
			*no = (struct ini_refusal){
				"want addresses as 192.168.7.20, 192.168.7.0/24 or ::1",
				value, len
			};
			return -EINVAL;
		}
	}
	no->why = "nobody is let in";
	return peers->n ? 0 : -EINVAL;
}

static int parse_orders(const char *value, void *field, struct ini_refusal *no)
{
	static const char *const words[MAP_N_COILS] = {
		[MAP_START] = "start",
		[MAP_ABORT] = "abort",
		[MAP_ACKNOWLEDGE] = "acknowledge",
	};
	unsigned int *orders = field;
	size_t len, i;

	for (*orders = 0; *value; value += len) {
		value += strspn(value, ", \t");
		len = strcspn(value, ", \t");
		if (!len)
			break;
		for (i = 0; i < MAP_N_COILS; i++)
			if (len == strlen(words[i]) &&
			    !strncmp(value, words[i], len))
				break;
		if (i == MAP_N_COILS) {
			*no = (struct ini_refusal){
				"want start, abort or acknowledge", value, len
			};
			return -EINVAL;
		}
		*orders |= 1U << i;
	}
	if (*orders & 1U << MAP_START && !(*orders & 1U << MAP_ACKNOWLEDGE)) {
		no->why =
			"start wants acknowledge, too: else the first result is the last";
		return -EINVAL;
	}
	return 0;
}

#define C(field) offsetof(struct modbus_config, field)
static const char *const word_orders[] = { "big", "little", NULL };
/* clang-format off */
static const struct ini_key keys[] = {
	{ "ledger", "bus", INI_STRING, C(bus), "", 0, 0, NULL, NULL, NULL, NULL },
	{ "listen", "address", INI_STRING, C(address), "127.0.0.1", 0, 0, NULL, NULL, NULL, NULL },
	{ "listen", "port", INI_INT, C(port), "1502", 1, 65535, NULL, NULL, NULL, NULL },
	{ "listen", "peers", INI_CUSTOM, C(peers), "127.0.0.1 ::1", 0, 0, NULL, NULL, parse_peers, NULL },
	{ "listen", "connections", INI_INT, C(connections), "8", 1, 64, NULL, NULL, NULL, NULL },
	{ "listen", "word_order", INI_ENUM, C(word_order), "big", 0, 0, NULL, word_orders, NULL, NULL },
	{ "listen", "silence_s", INI_INT, C(silence_s), "10", 1, 3600, "s", NULL, NULL, NULL },
	{ "line", "name", INI_STRING, C(name), NULL, 0, 0, NULL, NULL, NULL, NULL },
	{ "line", "instrument", INI_STRING, C(instrument), NULL, 0, 0, NULL, NULL, NULL, NULL },
	{ "line", "methods", INI_LIST, C(methods), NULL, 0, 0, NULL, NULL, NULL, NULL },
	{ "line", "quantities", INI_LIST, C(quantities), "", 0, 0, NULL, NULL, NULL, NULL },
	{ "line", "decide", INI_BOOL, C(is_deciding), "no", 0, 0, NULL, NULL, NULL, NULL },
	{ "line", "orders", INI_CUSTOM, C(orders), "", 0, 0, NULL, NULL, parse_orders, NULL },
};
/* clang-format on */

const struct ini_table config_table = { .keys = keys,
					.n_keys = ARRAY_SIZE(keys) };

static size_t count(char **list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static bool is_word(const char *text, size_t max, const char *set)
{
	return *text && strlen(text) <= max && !text[strspn(text, set)];
}

/* What the parser cannot know: a key of [line] that has something wrong. */
struct lack {
	const char *key; /* NULL: all is well */
	char why[96];
};

static struct lack wants(const char *key, const char *why)
{
	struct lack lack = { .key = key };

	snprintf(lack.why, sizeof(lack.why), "%s", why);
	return lack;
}

/* The first that is neither an element nor a sum. */
static struct lack bad_quantity(const struct modbus_config *c)
{
	struct lack lack = { 0 };

	for (size_t i = 0; i < c->n_quantities && !lack.key; i++) {
		const char *name = c->quantities[i];

		if (symbol_to_z(name, strlen(name)) || limits_members(name))
			continue;
		lack.key = "quantities";
		snprintf(
			lack.why, sizeof(lack.why),
			"%.20s: want symbols of elements, or sums such as TREO",
			name);
	}
	return lack;
}

static struct lack lacks(const struct modbus_config *c)
{
	/* It becomes the name of a reader, behind a word. */
	if (!is_word(c->name, 32,
		     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		     "0123456789_-"))
		return wants("name", "1 to 32 of A-Z a-z 0-9 _ -");
	if (!is_word(c->instrument, 20, "0123456789"))
		return wants("instrument", "want the serial, digits only");
	if (!c->n_methods || c->n_methods > CONFIG_METHODS_MAX)
		return wants("methods", "want 1 to 64 names");
	for (size_t i = 0; i < c->n_methods; i++)
		if (!text_valid(c->methods[i], 64))
			return wants("methods", "a name has 1 to 64 bytes");
	if (c->n_quantities > MAP_N_QUANTITIES)
		return wants("quantities", "more than 64");
	return bad_quantity(c);
}

int config_check(struct modbus_config *c, const char *path, char *why,
		 size_t why_size)
{
	struct lack lack;

	c->path = path;
	c->n_methods = count(c->methods);
	c->n_quantities = count(c->quantities);
	lack = lacks(c);
	if (!lack.key)
		return 0;
	setting_text(path, "line", lack.key, lack.why, why, why_size);
	return -EBADMSG;
}

void config_deinit(struct modbus_config *c)
{
	ini_release(&config_table, c);
}

static bool matches(const struct config_peer *p, const uint8_t address[16])
{
	int n = p->n_bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> p->n_bits % 8);

	return !memcmp(p->address, address, (size_t)n) &&
	       (!mask || n == 16 || !((p->address[n] ^ address[n]) & mask));
}

bool config_lets(const struct modbus_config *c, const struct sockaddr *peer,
		 char *ret_text, size_t size)
{
	const struct sockaddr_in6 *v6 = (const void *)peer;
	const struct sockaddr_in *v4 = (const void *)peer;
	uint8_t address[16];

	if (peer->sa_family == AF_INET)
		map_v4(&v4->sin_addr, address);
	else
		memcpy(address, &v6->sin6_addr, sizeof(address));
	if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)address))
		inet_ntop(AF_INET, address + 12, ret_text, (socklen_t)size);
	else
		inet_ntop(AF_INET6, address, ret_text, (socklen_t)size);
	for (size_t i = 0; i < c->peers.n; i++)
		if (matches(&c->peers.peer[i], address))
			return true;
	return false;
}
