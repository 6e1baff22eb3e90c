// SPDX-License-Identifier: GPL-2.0-or-later
/* Carries out the commands of the control socket, from one table. */
#include "dp5emu/control.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "dp5emu/hex.h"
#include "dp5emu/slots.h"

#define WORDS_MAX 4

/* A command line cut into words, and where its answer goes. */
struct command {
	struct emu *emu;
	int n;
	char *word[WORDS_MAX];
	char *answer;
};

static __attribute__((format(printf, 2, 3))) void answer(struct command *c,
							 const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->answer, CONTROL_ANSWER_MAX, fmt, ap);
	va_end(ap);
}

/* A number of a command; false and an answer when it is none. */
static bool number(struct command *c, const char *text, double min, double max,
		   double *ret)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !(v >= min && v <= max)) {
		answer(c, "error %s: %s is not a number from %g to %g",
		       c->word[0], text, min, max);
		return false;
	}
	*ret = v;
	return true;
}

static double now_us(struct command *c)
{
	return link_now_us(&c->emu->link);
}

static void do_sample(struct command *c)
{
	struct sample *sample;
	char why[SAMPLE_WHY_LEN] = "out of memory";

	if (sample_load(c->word[1], &sample, why) < 0) {
		answer(c, "error %s", why);
		return;
	}
	answer(c, "ok %s %zu channels %.0f counts", sample->name,
	       sample->n_chan, sample->total);
	instrument_set_sample(c->emu->ins, now_us(c), sample);
}

static void do_rate(struct command *c)
{
	double v = NAN;

	if (strcmp(c->word[1], "auto") && !number(c, c->word[1], 0, 1e7, &v))
		return;
	instrument_set_rate(c->emu->ins, now_us(c), v);
	answer(c, "ok rate %s", c->word[1]);
}

static void do_seed(struct command *c)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(c->word[1], &end, 0);
	if (errno || *end || end == c->word[1]) {
		answer(c, "error seed: %s is not a whole number", c->word[1]);
		return;
	}
	instrument_set_seed(c->emu->ins, now_us(c), v);
	answer(c, "ok seed %llu", v);
}

static void do_serial(struct command *c)
{
	double v = 0xffffffff; /* what a unit without one says */

	if (strcmp(c->word[1], "none") &&
	    !number(c, c->word[1], 0, 0x7fffffff, &v))
		return;
	instrument_set_serial(c->emu->ins, (uint32_t)v);
	answer(c, "ok serial %s", c->word[1]);
}

static void do_model(struct command *c)
{
	double v;

	if (!number(c, c->word[1], 0, 255, &v))
		return;
	instrument_set_model(c->emu->ins, (uint8_t)v);
	answer(c, "ok model %s", c->word[1]);
}

static void do_reboot(struct command *c)
{
	instrument_reboot(c->emu->ins, now_us(c));
	answer(c, "ok reboot");
}

static void do_temp(struct command *c)
{
	double v = NAN;

	if (strcmp(c->word[1], "auto") && !number(c, c->word[1], 0, 400, &v))
		return;
	instrument_pin_temp(c->emu->ins, now_us(c), v);
	answer(c, "ok temp %s", c->word[1]);
}

static void do_hv(struct command *c)
{
	double v = NAN;

	if (strcmp(c->word[1], "auto") &&
	    !number(c, c->word[1], -5000, 5000, &v))
		return;
	instrument_pin_hv(c->emu->ins, now_us(c), v);
	answer(c, "ok hv %s", c->word[1]);
}

static void do_status(struct command *c)
{
	const struct link *l = &c->emu->link;
	size_t n;

	n = (size_t)snprintf(c->answer, CONTROL_ANSWER_MAX,
			     "ok plugged=%d requests=%llu ",
			     c->emu->port && c->emu->port->is_plugged,
			     (unsigned long long)l->n_requests);
	if (l->n_in)
		n += (size_t)snprintf(c->answer + n, CONTROL_ANSWER_MAX - n,
				      "in=%llu ", (unsigned long long)l->n_in);
	for (int i = 0; i < LINK_FAULT_COUNT; i++) {
		if (l->fault_n[i])
			n += (size_t)snprintf(c->answer + n,
					      CONTROL_ANSWER_MAX - n,
					      "fault_%s=%u ",
					      link_fault_name(i),
					      l->fault_n[i]);
	}
	instrument_describe(c->emu->ins, now_us(c), c->answer + n,
			    CONTROL_ANSWER_MAX - n);
}

/* The input that a word names, from 0; false and an answer when it is none. */
static bool line(struct command *c, int first, int last, int *ret)
{
	double v;

	if (!number(c, c->word[1], first, last, &v))
		return false;
	*ret = (int)v - first;
	if (v == floor(v))
		return true;
	answer(c, "error %s: there is no line %s", c->word[0], c->word[1]);
	return false;
}

static void do_aux(struct command *c)
{
	double level;
	int n;

	if (!line(c, 1, SLOTS_AUX_N, &n) ||
	    !number(c, c->word[2], 0, 1, &level))
		return;
	instrument_set_aux(c->emu->ins, now_us(c), n, level > 0);
	answer(c, "ok aux_in%d=%d", n + 1, level > 0);
}

static void do_pulse(struct command *c)
{
	double count = 1, period_us = 1000;
	int n;

	if (!line(c, 1, SLOTS_AUX_N, &n) ||
	    (c->n > 2 && !number(c, c->word[2], 1, 1000, &count)) ||
	    (c->n > 3 && !number(c, c->word[3], 1, 1e6, &period_us)))
		return;
	instrument_pulse_aux(c->emu->ins, now_us(c), n, (int)count, period_us);
	answer(c, "ok %d on aux_in%d", (int)count, n + 1);
}

static void do_io(struct command *c)
{
	double level;
	int n;

	if (!line(c, 0, SLOTS_IO_N - 1, &n) ||
	    !number(c, c->word[2], 0, 1, &level))
		return;
	instrument_pull_io(c->emu->ins, n, !(level > 0));
	answer(c, "ok io%d %s", n, level > 0 ? "let go" : "pulled down");
}

static void do_lines(struct command *c)
{
	size_t n = (size_t)snprintf(c->answer, CONTROL_ANSWER_MAX, "ok ");

	instrument_describe_lines(c->emu->ins, now_us(c), c->answer + n,
				  CONTROL_ANSWER_MAX - n);
}

static void do_plug(struct command *c)
{
	int r = c->emu->port ? port_plug(c->emu->port) : 0;

	if (r < 0)
		answer(c, "error plug: %s", strerror(-r));
	else
		answer(c, "ok plugged");
}

static void do_unplug(struct command *c)
{
	if (c->emu->port)
		port_unplug(c->emu->port);
	answer(c, "ok unplugged");
}

static void do_descriptors(struct command *c)
{
	struct port *p = c->emu->port;
	bool is_own = !strcmp(c->word[1], "own");
	int r = -EOPNOTSUPP;

	if (p && p->ops->describe)
		r = p->ops->describe(p, is_own ? NULL : c->word[1]);
	if (r < 0)
		answer(c, "error descriptors: %s: %s", c->word[1],
		       strerror(-r));
	else
		answer(c, "ok descriptors %s", c->word[1]);
}

static void do_quit(struct command *c)
{
	c->emu->loop.is_done = true;
	answer(c, "ok quit");
}

/* Faults with an argument: what it is called, and its largest value. */
static const struct {
	const char *name;
	uint32_t max; /* 0: the name of a file */
} fault_args[LINK_FAULT_COUNT] = {
	[LINK_FAULT_DELAY] = { "MS", 600000 },
	[LINK_FAULT_ACK] = { "CODE", 255 },
	[LINK_FAULT_BYTES] = { "FILE", 0 },
	[LINK_FAULT_STATUS] = { "ERRNO", 4095 },
	[LINK_FAULT_LENGTH] = { "N", 1000000 },
	[LINK_FAULT_IN] = { "ERRNO", 4095 },
	[LINK_FAULT_OUT] = { "ERRNO", 4095 },
	[LINK_FAULT_IO] = { "CODE", 255 },
};

/* The argument of a fault: a number, or the bytes of a file. */
static bool fault_arg(struct command *c, int fault, double *ret)
{
	struct link *l = &c->emu->link;
	int r;

	if (fault_args[fault].max)
		return number(c, c->word[2], 0, fault_args[fault].max, ret);
	r = hex_load(c->word[2], l->made, sizeof(l->made), &l->made_len);
	if (r < 0)
		answer(c, "error %s: %s", c->word[2], strerror(-r));
	return !r;
}

/* fault none | fault NAME [N], or with an argument fault NAME ARG [N] */
static void do_fault(struct command *c)
{
	struct link *l = &c->emu->link;
	double count = 1, arg = 0;
	const char *arg_name;
	int fault, n;

	if (!strcmp(c->word[1], "none")) {
		memset(l->fault_n, 0, sizeof(l->fault_n));
		answer(c, "ok no fault");
		return;
	}
	fault = link_fault_find(c->word[1]);
	if (fault < 0) {
		answer(c, "error fault: no fault is named %s", c->word[1]);
		return;
	}
	arg_name = fault_args[fault].name;
	n = arg_name ? 3 : 2; /* words without the count */
	if (c->n < n || c->n > n + 1) {
		answer(c, "error fault: usage: fault %s%s%s [N]", c->word[1],
		       arg_name ? " " : "", arg_name ? arg_name : "");
		return;
	}
	if (c->n > n && !number(c, c->word[n], 0, 1e6, &count))
		return;
	if (arg_name && !fault_arg(c, fault, &arg))
		return;
	l->fault_n[fault] = (uint32_t)count;
	l->fault_arg[fault] = (uint32_t)arg;
	answer(c, "ok fault %s for %u %s", c->word[1], l->fault_n[fault],
	       fault == LINK_FAULT_IN || fault == LINK_FAULT_OUT ? "transfers"
								 : "replies");
}

struct control_row {
	const char *name;
	int min_words, max_words; /* the name included */
	const char *usage;
	void (*fn)(struct command *c);
};

static const struct control_row commands[] = {
	{ "sample", 2, 2, "sample FILE", do_sample },
	{ "rate", 2, 2, "rate CPS|auto", do_rate },
	{ "seed", 2, 2, "seed N", do_seed },
	{ "serial", 2, 2, "serial N|none", do_serial },
	{ "model", 2, 2, "model N", do_model },
	{ "reboot", 1, 1, "reboot", do_reboot },
	{ "temp", 2, 2, "temp KELVIN|auto", do_temp },
	{ "temperature", 2, 2, "temperature KELVIN|auto", do_temp },
	{ "hv", 2, 2, "hv VOLT|auto", do_hv },
	{ "status", 1, 1, "status", do_status },
	{ "aux", 3, 3, "aux 1|2 0|1", do_aux },
	{ "pulse", 2, 4, "pulse 1|2 [N [US]]", do_pulse },
	{ "io", 3, 3, "io 0|1|2|3 0|1", do_io },
	{ "lines", 1, 1, "lines", do_lines },
	{ "plug", 1, 1, "plug", do_plug },
	{ "unplug", 1, 1, "unplug", do_unplug },
	{ "descriptors", 2, 2, "descriptors FILE|own", do_descriptors },
	{ "fault", 2, 4, "fault none|NAME [ARG] [N]", do_fault },
	{ "quit", 1, 1, "quit", do_quit },
};

void control_command(struct emu *emu, const char *line,
		     char out[static CONTROL_ANSWER_MAX])
{
	struct command c = { .emu = emu, .answer = out };
	char copy[1024], *save = NULL;

	if (strlen(line) >= sizeof(copy)) {
		answer(&c, "error the line is too long");
		return;
	}
	strcpy(copy, line);
	for (char *w = strtok_r(copy, " \t\r\n", &save); w;
	     w = strtok_r(NULL, " \t\r\n", &save)) {
		if (c.n == WORDS_MAX) {
			answer(&c, "error too many words");
			return;
		}
		c.word[c.n++] = w;
	}
	if (!c.n) {
		answer(&c, "error no command");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, c.word[0]))
			continue;
		if (c.n < commands[i].min_words || c.n > commands[i].max_words)
			answer(&c, "error usage: %s", commands[i].usage);
		else
			commands[i].fn(&c);
		return;
	}
	answer(&c, "error no command is named %s", c.word[0]);
}
