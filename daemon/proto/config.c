// SPDX-License-Identifier: GPL-2.0-or-later
/* The grammar of text configurations, their packets and their comparison. */
#include "proto/config.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many names a read-back request may hold: the instrument does not check
 * that its answer fits. */
#define QUERY_MAX 32

/*
 * Where a command must stand, by the instrument's order of evaluation; 0 has
 * no place of its own. GAIA and GAIF are of the group of GAIN.
 */
static const struct {
	char name[DP5_CONFIG_NAME_LEN + 1];
	int rank;
} ranks[] = {
	{ "RESC", 1 }, { "CLCK", 2 }, { "TPEA", 3 }, { "GAIN", 4 },
	{ "GAIA", 4 }, { "GAIF", 4 }, { "RESL", 4 }, { "TFLA", 4 },
	{ "TPFA", 4 }, { "SCTC", 4 }, { "RTDE", 5 }, { "MCAS", 6 },
	{ "RTDD", 6 }, { "RTDW", 6 },
};

/* The second must not stand before the first. */
static const char pairs[][2][DP5_CONFIG_NAME_LEN + 1] = {
	{ "AINP", "INOF" },
	{ "INOG", "INOF" },
	{ "MCAC", "SOFF" },
};

/* Never sent from a method or a file. */
static const struct {
	char name[DP5_CONFIG_NAME_LEN + 1];
	const char *why;
} refused[] = {
	{ "ACKE", "is undocumented" },
	{ "TPFF", "is undocumented" },
	{ "BOOT", "is kept by the instrument and changes its next start" },
};

/* One step of each number, for comparing with what was read back. */
static const struct {
	char name[DP5_CONFIG_NAME_LEN + 1];
	double absolute;
	double relative;
} tolerances[] = {
	/* Times are rounded down to a grid that depends on clock and value. */
	{ "TPEA", 0.0005, 0.032 },
	{ "TFLA", 0.0505, 0.05 },
	{ "TPFA", 0.5, 0 },
	{ "GAIN", 0.002, 0.001 },
	{ "GAIF", 0.0002, 0 },
	{ "RESL", 1, 0.02 },
	{ "THSL", 0.0251, 0 }, /* 100 % / 4096 */
	{ "THFA", 0.0626, 0 }, /* 1/16 */
	{ "RTDS", 1, 0.02 },
	{ "RTDT", 0.2, 0 },
	{ "CUSP", 3.2, 0 },
	{ "DACF", 4, 0 },
	{ "SOFF", 0.26, 0 },
	{ "MCST", 0.011, 0 }, /* files say 0.00, instruments 0.01 */
	{ "PAPZ", 0.06, 0.03 },
	{ "PRET", 0.051, 0 },
	{ "PRER", 0.0011, 0 },
	{ "TECS", 0.2, 0 },
	{ "HVSE", 1, 0 },
	{ "SCOT", 0.5, 0 },
};

/* Of these words every letter counts; of others the first two. */
static const char whole_words[][DP5_CONFIG_NAME_LEN + 1] = {
	"AUO1", "AUO2", "DACO", "GPIN", "CON1", "CON2",
};

struct scanner {
	const char *text;
	size_t len;
	size_t pos;
	bool is_readback;
	struct dp5_config_error *err;
};

static int refuse(struct dp5_config_error *err, size_t offset,
		  const char *command, const char *format, ...)
	__attribute__((__format__(__printf__, 4, 5)));

static int refuse(struct dp5_config_error *err, size_t offset,
		  const char *command, const char *format, ...)
{
	va_list args;
	size_t n = 0;

	if (!err)
		return -EBADMSG;
	err->offset = offset;
	for (; *command && *command != ';' && n + 1 < sizeof(err->command);
	     command++)
		err->command[n++] =
			*command >= ' ' && *command < 0x7f ? *command : '?';
	err->command[n] = '\0';
	va_start(args, format);
	vsnprintf(err->why, sizeof(err->why), format, args);
	va_end(args);
	return -EBADMSG;
}

/* The command at the scanner as a string, for messages. */
static int refuse_here(const struct scanner *s, const char *why)
{
	char command[24] = "";
	size_t n = s->len - s->pos;

	if (n >= sizeof(command))
		n = sizeof(command) - 1;
	memcpy(command, s->text + s->pos, n);
	return refuse(s->err, s->pos, command, "%s", why);
}

static bool name_valid(const char *name)
{
	for (int i = 0; i < DP5_CONFIG_NAME_LEN; i++) {
		if (!(name[i] >= 'A' && name[i] <= 'Z') &&
		    !(name[i] >= '0' && name[i] <= '9'))
			return false;
	}
	return true;
}

static bool value_valid(const char *value, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (value[i] <= ' ' || value[i] > '~' || value[i] == '=' ||
		    islower((unsigned char)value[i]))
			return false;
	}
	return true;
}

static int scan_command(struct scanner *s, struct dp5_command *ret)
{
	const char *p = s->text + s->pos;
	size_t left = s->len - s->pos;
	const char *end = memchr(p, ';', left);
	size_t len = end ? (size_t)(end - p) : left;
	size_t value_len;

	if (!end)
		return refuse_here(s, "a command ends in `;`");
	if (len < DP5_CONFIG_NAME_LEN || !name_valid(p) ||
	    (len > DP5_CONFIG_NAME_LEN && p[DP5_CONFIG_NAME_LEN] != '='))
		return refuse_here(
			s, "a command is four capitals or digits and `=`");
	if (len == DP5_CONFIG_NAME_LEN && !s->is_readback)
		return refuse_here(s, "no value");

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->name, p, DP5_CONFIG_NAME_LEN);
	value_len =
		len > DP5_CONFIG_NAME_LEN ? len - DP5_CONFIG_NAME_LEN - 1 : 0;
	p += DP5_CONFIG_NAME_LEN + 1;
	if (!value_len && !s->is_readback)
		return refuse_here(s, "the value is empty");
	if (value_len > DP5_CONFIG_VALUE_MAX)
		return refuse_here(s, "the value has more than 10 characters");
	if (!value_valid(p, value_len))
		return refuse_here(s, "a value is capitals, digits and signs");
	memcpy(ret->value, p, value_len);
	s->pos += len + 1;
	return 0;
}

static int scan(struct scanner *s, struct dp5_config *c)
{
	int r;

	for (;;) {
		while (s->pos < s->len &&
		       isspace((unsigned char)s->text[s->pos]))
			s->pos++;
		if (s->pos == s->len)
			return 0;
		if (c->n == DP5_CONFIG_COMMANDS_MAX)
			return refuse_here(s, "too many commands");
		r = scan_command(s, &c->commands[c->n]);
		if (r < 0)
			return r;
		c->n++;
	}
}

static int rank_of(const char *name)
{
	for (size_t i = 0; i < sizeof(ranks) / sizeof(*ranks); i++) {
		if (!strcmp(ranks[i].name, name))
			return ranks[i].rank;
	}
	return 0;
}

static size_t place_of(const struct dp5_config *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++) {
		if (!strcmp(c->commands[i].name, name))
			return i;
	}
	return SIZE_MAX;
}

static int check_order(const struct dp5_config *c, struct dp5_config_error *err)
{
	const struct dp5_command *highest = NULL;

	for (size_t i = 0; i < c->n; i++) {
		const struct dp5_command *k = &c->commands[i];
		int rank = rank_of(k->name);

		if (rank == 1 && i)
			return refuse(err, 0, k->name,
				      "RESC must be the first command");
		if (!rank)
			continue;
		if (highest && rank < rank_of(highest->name))
			return refuse(err, 0, k->name,
				      "%s must stand before %s", k->name,
				      highest->name);
		if (!highest || rank > rank_of(highest->name))
			highest = k;
	}
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		size_t first = place_of(c, pairs[i][0]);

		if (first != SIZE_MAX && place_of(c, pairs[i][1]) < first)
			return refuse(err, 0, pairs[i][1],
				      "%s must stand before %s", pairs[i][0],
				      pairs[i][1]);
	}
	return 0;
}

/* Indexed by SCAI before them, these stand once for each index. */
static bool may_repeat(const char *name)
{
	return !strncmp(name, "SCA", 3);
}

static int check_command(const struct dp5_config *c, size_t i,
			 struct dp5_config_error *err)
{
	const struct dp5_command *k = &c->commands[i];

	for (size_t n = 0; n < sizeof(refused) / sizeof(*refused); n++) {
		if (!strcmp(k->name, refused[n].name))
			return refuse(err, 0, k->name, "%s %s", k->name,
				      refused[n].why);
	}
	if (!strcmp(k->name, "MCAE") && strncmp(k->value, "OF", 2))
		return refuse(
			err, 0, k->name,
			"counting is started by request, MCAE may only be OFF");
	if (!may_repeat(k->name) && place_of(c, k->name) != i)
		return refuse(err, 0, k->name, "%s stands twice", k->name);
	if (strchr(k->value, '?'))
		return refuse(err, 0, k->name, "`%s` is not a value", k->value);
	return 0;
}

int dp5_config_parse(const char *text, size_t len, struct dp5_config *ret,
		     struct dp5_config_error *err)
{
	struct scanner s = { .text = text, .len = len, .err = err };
	struct dp5_config c = { 0 };
	int r;

	r = scan(&s, &c);
	for (size_t i = 0; i < c.n && r >= 0; i++)
		r = check_command(&c, i, err);
	if (r >= 0)
		r = check_order(&c, err);
	if (r < 0)
		return r;
	*ret = c;
	return 0;
}

int dp5_config_parse_readback(const char *text, size_t len,
			      struct dp5_config *ret,
			      struct dp5_config_error *err)
{
	struct scanner s = {
		.text = text, .len = len, .is_readback = true, .err = err
	};
	struct dp5_config c = { 0 };
	int r;

	r = scan(&s, &c);
	if (r < 0)
		return r;
	*ret = c;
	return 0;
}

const char *dp5_config_get(const struct dp5_config *c, const char *name)
{
	for (size_t i = c->n; i-- > 0;) {
		if (!strcmp(c->commands[i].name, name))
			return c->commands[i].value;
	}
	return NULL;
}

int dp5_config_set(struct dp5_config *c, const char *name, const char *value)
{
	size_t len = strlen(value);
	size_t i = place_of(c, name);

	if (strlen(name) != DP5_CONFIG_NAME_LEN || !name_valid(name) || !len ||
	    len > DP5_CONFIG_VALUE_MAX || !value_valid(value, len) ||
	    strchr(value, ';'))
		return -EINVAL;
	if (i == SIZE_MAX) {
		if (c->n == DP5_CONFIG_COMMANDS_MAX)
			return -ENOSPC;
		i = c->n++;
		strcpy(c->commands[i].name, name);
	}
	strcpy(c->commands[i].value, value);
	return 0;
}

int dp5_config_text(const struct dp5_config *c, struct buf *ret)
{
	int r = 0;

	for (size_t i = 0; i < c->n && r >= 0; i++)
		r = buf_printf(ret, "%s=%s;", c->commands[i].name,
			       c->commands[i].value);
	return r;
}

/* ---- packets -------------------------------------------------------------- */

/* Length of 56 modulo 64 is the packet of a multiple of 64 with its frame. */
static bool length_is_safe(size_t len)
{
	return len % 64 != 56;
}

static bool next_packet(const struct dp5_config *c, size_t *next, bool is_query,
			char *packet, size_t *ret_len)
{
	size_t ends[DP5_CONFIG_COMMANDS_MAX];
	size_t max = is_query ? QUERY_MAX : DP5_CONFIG_COMMANDS_MAX;
	char text[32];
	size_t len = 0, n = 0;

	while (*next + n < c->n && n < max) {
		const struct dp5_command *k = &c->commands[*next + n];
		int add = is_query
				  ? snprintf(text, sizeof(text), "%s;", k->name)
				  : snprintf(text, sizeof(text), "%s=%s;",
					     k->name, k->value);

		if (len + (size_t)add > DP5_CONFIG_PACKET_MAX)
			break;
		memcpy(packet + len, text, (size_t)add);
		len += (size_t)add;
		ends[n++] = len;
	}
	if (!n)
		return false;
	/* One command has at most 16 bytes, so one of the two is safe. */
	if (!length_is_safe(len))
		len = ends[--n - 1];
	*next += n;
	packet[len] = '\0';
	*ret_len = len;
	return true;
}

bool dp5_config_next_packet(const struct dp5_config *c, size_t *next,
			    char packet[DP5_CONFIG_PACKET_MAX + 1],
			    size_t *ret_len)
{
	return next_packet(c, next, false, packet, ret_len);
}

bool dp5_config_next_query(const struct dp5_config *c, size_t *next,
			   char packet[DP5_CONFIG_PACKET_MAX + 1],
			   size_t *ret_len)
{
	return next_packet(c, next, true, packet, ret_len);
}

/* ---- comparison ----------------------------------------------------------- */

/* A number that unit letters or a percent sign may follow. */
static bool number_of(const char *value, double *ret)
{
	char *end;

	/* Words like INT, INF and hexadecimals are not numbers here. */
	if (!strchr("+-.0123456789", *value) || !*value)
		return false;
	if ((*value == '+' || *value == '-') &&
	    !isdigit((unsigned char)value[1]))
		return false;
	if (value[0] == '0' && (value[1] == 'X' || value[1] == 'x'))
		return false;
	*ret = strtod(value, &end);
	for (; *end; end++) {
		if (!isalpha((unsigned char)*end) && *end != '%')
			return false;
	}
	return isfinite(*ret);
}

static bool numbers_same(const char *name, double a, double b)
{
	double tolerance = 0;

	for (size_t i = 0; i < sizeof(tolerances) / sizeof(*tolerances); i++) {
		if (!strcmp(tolerances[i].name, name))
			tolerance = tolerances[i].absolute +
				    tolerances[i].relative * fabs(a);
	}
	return fabs(a - b) <= tolerance;
}

static bool words_same(const char *name, const char *a, const char *b)
{
	for (size_t i = 0; i < sizeof(whole_words) / sizeof(*whole_words);
	     i++) {
		if (!strcmp(whole_words[i], name))
			return !strcmp(a, b);
	}
	/* ON has two letters; OFF and OF, FALLING and FA are the same. */
	return strlen(a) >= 2 && !strncmp(a, b, 2);
}

/* OFF reads back as 0 where a number says the same. */
static bool is_off(const char *value)
{
	double n;

	return !strncmp(value, "OF", 2) || (number_of(value, &n) && n == 0);
}

bool dp5_config_same(const char *name, const char *wanted, const char *actual)
{
	double a, b;

	if (!*wanted || !*actual || strchr(actual, '?'))
		return false;
	if (!strcmp(wanted, actual))
		return true;
	if (is_off(wanted) && is_off(actual))
		return true;
	if (number_of(wanted, &a) && number_of(actual, &b))
		return numbers_same(name, a, b);
	return words_same(name, wanted, actual);
}

size_t dp5_config_compare(const struct dp5_config *wanted,
			  const struct dp5_config *actual,
			  struct dp5_config_difference *ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < wanted->n; i++) {
		const struct dp5_command *k = &wanted->commands[i];
		const char *value = dp5_config_get(actual, k->name);

		if (!strcmp(k->name, "RESC") || may_repeat(k->name))
			continue;
		if (value && dp5_config_same(k->name, k->value, value))
			continue;
		if (n < max) {
			memset(&ret[n], 0, sizeof(ret[n]));
			strcpy(ret[n].name, k->name);
			strcpy(ret[n].wanted, k->value);
			strcpy(ret[n].actual, value ? value : "");
		}
		n++;
	}
	return n;
}
