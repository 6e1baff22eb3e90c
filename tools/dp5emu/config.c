// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Grammar, order, storage and read-back of the text configuration.
 *
 * Order. The reference gives some commands an order number; a command that
 * follows one with a higher number in the same packet is refused with ACK 05
 * and not carried out, RESC anywhere but first likewise. What real firmware
 * does then is unknown; refusing keeps clients from relying on it. Commands
 * that depend on the peaking time are refused as long as there is none.
 */
#include "dp5emu/config.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp5emu/config_table.h"
#include "dp5emu/wire.h"

#define PARAM_MAX 10

/* One command of a packet: text up to and without its semicolon. */
struct command {
	const char *text;
	size_t len;
	enum config_id id;
	bool is_known;
	bool has_param;
	char param[PARAM_MAX + 1];
};

/* ------------------------------------------------------------- words */

/* Length of the next word of a list, which ends at a blank. */
static size_t word_len(const char *words)
{
	return strcspn(words, " ");
}

static bool is_word(const char *word, size_t len, const char *param)
{
	const char *brace = memchr(word, '{', len);

	if (brace)
		return !strncmp(word, param, (size_t)(brace - word));
	return strlen(param) == len && !strncmp(word, param, len);
}

static int find_word(const char *words, const char *param)
{
	int i = 0;

	while (words && *words) {
		size_t len = word_len(words);

		if (is_word(words, len, param))
			return i;
		words += len + (words[len] == ' ');
		i++;
	}
	return -1;
}

/* The i-th word in full, or without the part in braces. */
static void print_word(const char *words, int i, bool is_short, char *out)
{
	while (i--)
		words += word_len(words) + 1;
	for (size_t n = word_len(words); n; n--, words++) {
		if (*words == '{' && is_short)
			break;
		if (*words != '{' && *words != '}')
			*out++ = *words;
	}
	*out = 0;
}

/* ------------------------------------------------------------ values */

double config_number(const struct config *c, enum config_id id)
{
	const struct config_value *v = &c->value[id];

	return v->is_set && v->word < 0 ? v->num : NAN;
}

bool config_is(const struct config *c, enum config_id id, const char *word)
{
	const struct config_value *v = &c->value[id];

	return v->is_set && v->word >= 0 &&
	       v->word == find_word(config_params[id].words, word);
}

size_t config_channels(const struct config *c)
{
	return (size_t)256 << c->value[CONFIG_MCAC].word;
}

bool config_is_80_mhz(const struct config *c)
{
	if (config_is(c, CONFIG_CLCK, "AUTO"))
		return config_number(c, CONFIG_TPEA) < 5;
	return config_number(c, CONFIG_CLCK) == 80;
}

/* A number with its unit letters, which are ignored. */
static bool parse_number(const char *param, double *ret)
{
	size_t digits = strspn(param, "+-0123456789.");
	char text[PARAM_MAX + 1];
	char *end;
	double v;

	if (!digits || !strpbrk(param, "0123456789"))
		return false;
	for (const char *p = param + digits; *p; p++) {
		if (!isalpha((unsigned char)*p) && *p != '%')
			return false;
	}
	memcpy(text, param, digits);
	text[digits] = 0;
	v = strtod(text, &end);
	if (*end)
		return false;
	*ret = v;
	return true;
}

static int parse_value(struct config *c, enum config_id id, const char *param,
		       struct config_value *ret)
{
	const struct config_param *p = &config_params[id];
	struct config_value v = { .word = find_word(p->words, param) };

	if (v.word < 0) {
		if (!(p->max > p->min) || !parse_number(param, &v.num))
			return WIRE_ACK_PARAMETER;
		if (v.num < p->min - 1e-9 || v.num > p->max + 1e-9)
			return WIRE_ACK_PARAMETER;
		if (p->step > 0)
			v.num = round(v.num / p->step) * p->step;
	}
	*ret = v;
	return p->set ? p->set(c, id, ret) : WIRE_ACK_OK;
}

static int set_param(struct config *c, enum config_id id, const char *param)
{
	const struct config_param *p = &config_params[id];
	struct config_value v = { 0 };
	int ack = parse_value(c, id, param, &v);

	if (ack == WIRE_ACK_PARAMETER && p->fallback && !v.is_set) {
		if (parse_value(c, id, p->fallback, &v) != WIRE_ACK_OK)
			return ack;
		v.is_set = true;
		if (p->is_lenient)
			ack = WIRE_ACK_OK;
	}
	if (ack == WIRE_ACK_OK || v.is_set) {
		v.is_set = true;
		c->value[id] = v;
	}
	return ack;
}

static void reset(struct config *c)
{
	struct config_value boot = c->value[CONFIG_BOOT];

	memset(c->value, 0, sizeof(c->value));
	memset(c->sca, 0, sizeof(c->sca));
	for (int i = 0; i < CONFIG_SCA_COUNT; i++)
		c->sca[i].high_chan = 8191;
	for (int id = 0; id < CONFIG_COUNT; id++) {
		if (config_params[id].def)
			set_param(c, id, config_params[id].def);
	}
	c->value[CONFIG_BOOT] = boot;
}

void config_init(struct config *c, const struct profile *profile,
		 const struct detector *detector)
{
	memset(c, 0, sizeof(*c));
	c->profile = profile;
	c->detector = detector;
	c->has_pc5 = true;
	c->value[CONFIG_BOOT] = (struct config_value){ true, 0, 0 };
	reset(c);
}

/* ----------------------------------------------------------- commands */

static void find_command(const struct config *c, struct command *cmd)
{
	for (int id = 0; id < CONFIG_COUNT; id++) {
		const struct config_param *p = &config_params[id];

		if (memcmp(p->name, cmd->text, 4) || c->profile->fw < p->since)
			continue;
		cmd->id = id;
		cmd->is_known = true;
		return;
	}
}

/*
 * Take the next command off the text; returns false at its end. A command
 * that has not its form stays unknown; one with no semicolon too.
 */
static bool next_command(const struct config *c, const char **text, size_t *len,
			 bool is_read, struct command *cmd)
{
	const char *end;
	size_t n;

	if (!*len)
		return false;
	end = memchr(*text, ';', *len);
	n = end ? (size_t)(end - *text) : *len;
	*cmd = (struct command){ .text = *text, .len = n };
	*text += end ? n + 1 : n;
	*len -= end ? n + 1 : n;

	if (n < 4 || (n > 4 && cmd->text[4] != '=') || (!end && !is_read))
		return true;
	cmd->has_param = n > 4;
	if (cmd->has_param && n - 5 <= PARAM_MAX)
		memcpy(cmd->param, cmd->text + 5, n - 5);
	find_command(c, cmd);
	return true;
}

static int apply_command(struct config *c, const struct command *cmd,
			 int *order)
{
	const struct config_param *p = &config_params[cmd->id];

	if (!cmd->is_known || !cmd->has_param)
		return WIRE_ACK_COMMAND;
	if (cmd->len > 5 + PARAM_MAX || !*cmd->param)
		return WIRE_ACK_PARAMETER;
	if (p->needs_pc5 && !c->has_pc5)
		return WIRE_ACK_NO_PC5;
	if (p->order && p->order < *order)
		return WIRE_ACK_PARAMETER;
	if (p->order == 4 && !c->value[CONFIG_TPEA].is_set)
		return WIRE_ACK_PARAMETER;
	if (p->order > *order)
		*order = p->order;
	if (cmd->id == CONFIG_RESC) {
		if (*cmd->param == 'Y')
			reset(c);
		return WIRE_ACK_OK;
	}
	return set_param(c, cmd->id, cmd->param);
}

void config_apply(struct config *c, const char *text, size_t len,
		  struct config_answer *ret)
{
	struct command cmd;
	int order = 0, n = 0;

	memset(ret, 0, sizeof(*ret));
	while (next_command(c, &text, &len, false, &cmd)) {
		int ack;

		/* RESC is legal only as the very first. */
		if (n++ && !order)
			order = 2;
		ack = apply_command(c, &cmd, &order);
		if (ack == WIRE_ACK_OK) {
			ret->n_good++;
			ret->is_mcae_set |=
				cmd.id == CONFIG_MCAE ||
				(cmd.id == CONFIG_RESC && *cmd.param == 'Y');
			continue;
		}
		ret->ack = ack;
		ret->echo_len = cmd.len < CONFIG_ECHO_MAX ? cmd.len
							  : CONFIG_ECHO_MAX - 1;
		memcpy(ret->echo, cmd.text, ret->echo_len);
		ret->echo[ret->echo_len++] = ';';
	}
}

/* ---------------------------------------------------------- read-back */

/* Real units cut digits off, they do not round. */
static void print_number(double v, int decimals, char *out, size_t room)
{
	double unit = pow(10, decimals);

	v = trunc(v * unit + copysign(1e-6, v)) / unit;
	snprintf(out, room, "%.*f", decimals, v == 0 ? 0 : v);
}

static struct config_value read_sca(const struct config *c, enum config_id id,
				    int index)
{
	const struct config_sca *sca = &c->sca[index - 1];

	if (id == CONFIG_SCAO)
		return sca->output.is_set ? sca->output
					  : (struct config_value){ true, 0, 0 };
	return (struct config_value){ true, -1,
				      id == CONFIG_SCAL ? sca->low_chan
							: sca->high_chan };
}

static void print_value(const struct config *c, enum config_id id, int sca,
			char *out, size_t room)
{
	const struct config_param *p = &config_params[id];
	struct config_value v = c->value[id];

	if (id == CONFIG_SCAI && sca)
		v = (struct config_value){ true, -1, sca };
	if (p->set == config_params[CONFIG_SCAL].set && sca)
		v = read_sca(c, id, sca);
	if (id == CONFIG_RESC) {
		snprintf(out, room, "?");
	} else if (!v.is_set) {
		print_number(0, p->decimals, out, room);
	} else if (v.word >= 0) {
		/* Edges read back in two letters up to 6.08.06. */
		bool is_edge = id == CONFIG_SCOE || id == CONFIG_GPED;

		print_word(p->words, v.word,
			   is_edge && c->profile->fw <= PROFILE_FW(6, 8, 6),
			   out);
	} else {
		print_number(v.num, p->decimals, out, room);
	}
}

size_t config_read(const struct config *c, const char *text, size_t len,
		   char out[static CONFIG_READ_MAX])
{
	double selected = config_number(c, CONFIG_SCAI);
	int sca = isnan(selected) ? 0 : (int)selected;
	struct command cmd;
	char value[32];
	size_t n = 0;

	while (next_command(c, &text, &len, true, &cmd)) {
		double index;

		if (n + sizeof(value) + 8 > CONFIG_READ_MAX)
			break;
		if (cmd.is_known && cmd.id == CONFIG_SCAI &&
		    parse_number(cmd.param, &index) && index >= 1 &&
		    index <= CONFIG_SCA_COUNT)
			sca = (int)index;
		if (cmd.is_known)
			print_value(c, cmd.id, sca, value, sizeof(value));
		else
			snprintf(value, sizeof(value), "??");
		n += (size_t)snprintf(out + n, CONFIG_READ_MAX - n, "%.4s=%s;",
				      cmd.len >= 4 ? cmd.text : "????", value);
	}
	return n;
}
