// SPDX-License-Identifier: GPL-2.0-or-later
/* A PLC that does what the table of steps in tools/README.md says. */
#include "steps.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cleanup.h"

#define README "tools/README.md"
#define HEAD "| step | when | do |\n"
#define PATIENCE_S 60
#define CYCLE_US 5000

/* Where things stand; bridges/README.md has the map. */
enum { STATE = 1, FAULT = 3, BEAT = 5, SEQUENCE = 6, SAMPLE = 24 };
enum { PASS = 3, CONTENT = 100 };
enum { ILLEGAL_VALUE = 3 };

static const char *const step_names[STEPS_N] = { "order", "wait",
						 "acknowledge" };

/* ---- conditions -------------------------------------------------------------- */

static uint64_t sequence(const struct steps *s)
{
	return (uint64_t)s->input[SEQUENCE] << 16 | s->input[SEQUENCE + 1];
}

static bool is_dead(const struct steps *s, const unsigned int *n)
{
	return !s->is_answered ||
	       clock_monotonic_ns() - s->beat_ns >= n[0] * 1000000000ULL;
}

static bool is_state(const struct steps *s, const unsigned int *n)
{
	return s->input[STATE] == n[0];
}

static bool is_either(const struct steps *s, const unsigned int *n)
{
	return s->input[STATE] == n[0] || s->input[STATE] == n[1];
}

static bool is_between(const struct steps *s, const unsigned int *n)
{
	return s->input[STATE] >= n[0] && s->input[STATE] <= n[1];
}

/* The rows above it have the others. */
static bool is_any(const struct steps *s, const unsigned int *n)
{
	(void)s;
	(void)n;
	return true;
}

static bool is_noted(const struct steps *s, const unsigned int *n)
{
	return sequence(s) == s->noted && s->noted != n[0];
}

static bool waits(const struct steps *s, const unsigned int *n)
{
	(void)n;
	return steps_next(s) < s->n_samples;
}

/* A # stands for a number, a @ for the name of a step. */
static const struct {
	const char *words;
	bool (*test)(const struct steps *s, const unsigned int *n);
} conditions[] = {
	{ "no answer, or the heartbeat stands still for # s", is_dead },
	{ "state #", is_state },
	{ "state # or #", is_either },
	{ "state # to #", is_between },
	{ "any other state", is_any },
	{ "the sequence is the one noted, not #", is_noted },
	{ "a sample waits", waits },
};

/* ---- actions: false when they were not answered, or with an exception --------- */

static bool hold_line(struct steps *s, const unsigned int *n)
{
	(void)s;
	(void)n;
	return true;
}

static bool connect_again(struct steps *s, const unsigned int *n)
{
	(void)n;
	s->beat_ns = clock_monotonic_ns();
	return plc_connect(s->plc);
}

static bool set_coil(struct steps *s, const unsigned int *n)
{
	return plc_coil(s->plc->fd, n[0], n[1]) == 0;
}

static bool set_start(struct steps *s, const unsigned int *n)
{
	int answer;

	if (s->loses_answer) {
		s->loses_answer = false;
		plc_coil_unheard(s->plc, n[0], n[1]);
		return false;
	}
	answer = plc_coil(s->plc->fd, n[0], n[1]);
	if (answer == ILLEGAL_VALUE && waits(s, NULL))
		s->samples[steps_next(s)].is_aside = true;
	return answer == 0;
}

/* S and its number; a sample without a method has no name either. */
static bool set_sample(struct steps *s, const unsigned int *n)
{
	const unsigned int i = steps_next(s);
	uint16_t values[18] = { 0 };
	char name[33];

	(void)n;
	if (i == s->n_samples)
		return false;
	snprintf(name, sizeof(name), "S%05u", i);
	for (size_t k = 0; k < 3 && s->samples[i].method; k++)
		values[k] = (uint16_t)((unsigned char)name[2 * k] << 8 |
				       (unsigned char)name[2 * k + 1]);
	values[16] = s->samples[i].method;
	values[17] = s->samples[i].preset_s;
	return plc_write(s->plc->fd, 0, ARRAY_SIZE(values), values) == 0;
}

/* The one that the registers name; NULL: none of ours. */
static struct steps_sample *named(struct steps *s)
{
	char name[7] = "";
	unsigned int i;

	for (size_t k = 0; k < 3; k++) {
		name[2 * k] = (char)(s->input[SAMPLE + k] >> 8);
		name[2 * k + 1] = (char)s->input[SAMPLE + k];
	}
	if (sscanf(name, "S%5u", &i) != 1 || i >= s->n_samples) {
		printf("# \"%s\" is no sample of this line\n", name);
		return NULL;
	}
	return &s->samples[i];
}

static bool keep_result(struct steps *s, const unsigned int *n)
{
	struct steps_sample *sample = named(s);
	uint16_t real[6];
	int pass;

	(void)n;
	pass = plc_input(s->plc->fd, PASS);
	if (!sample || pass < 0 || !plc_read(s->plc->fd, CONTENT, 6, real))
		return false;
	for (size_t i = 0; i < 3; i++) {
		const uint32_t bits =
			(uint32_t)real[2 * i] << 16 | real[2 * i + 1];

		memcpy(&sample->content[i], &bits, sizeof(bits));
	}
	sample->is_passed = pass;
	sample->result = sequence(s);
	sample->n_ends++;
	return true;
}

static bool keep_fault(struct steps *s, const unsigned int *n)
{
	struct steps_sample *sample = named(s);

	(void)n;
	if (!sample)
		return false;
	sample->fault = sequence(s);
	sample->fault_code = s->input[FAULT];
	sample->n_lost += !sample->fault;
	sample->n_ends++;
	sample->is_aside = s->faults_max && sample->n_ends >= s->faults_max;
	return true;
}

static bool note(struct steps *s, const unsigned int *n)
{
	(void)n;
	s->noted = sequence(s);
	return true;
}

static bool go_to(struct steps *s, const unsigned int *n)
{
	s->step = (enum steps_step)n[0];
	return true;
}

static const struct {
	const char *words;
	bool (*act)(struct steps *s, const unsigned int *n);
} actions[] = {
	{ "hold the line", hold_line },
	{ "connect again", connect_again },
	{ "coil # to #", set_coil },
	{ "coil # to #, where exception 3 sets the sample aside", set_start },
	{ "holding 0 to 17 to those of the next sample", set_sample },
	{ "keep pass or fail and contents for the sample in 24 to 39",
	  keep_result },
	{ "keep the fault code for the sample in 24 to 39, to be measured again or set aside",
	  keep_fault },
	{ "note the sequence", note },
	{ "go to @", go_to },
};

/* ---- the table ----------------------------------------------------------------- */

static unsigned int step_of(const char *name)
{
	unsigned int i = 0;

	while (i < STEPS_N && strcmp(name, step_names[i]) != 0)
		i++;
	return i;
}

static bool match(const char *words, const char *text, unsigned int n[2])
{
	char *end;

	for (; *words; words++) {
		if (*words == '#') {
			if (!isdigit((unsigned char)*text))
				return false;
			*n++ = (unsigned int)strtoul(text, &end, 10);
			text = end;
		} else if (*words == '@') {
			*n = step_of(text);
			return *n < STEPS_N;
		} else if (*words != *text++) {
			return false;
		}
	}
	return !*text;
}

static bool strange(const char *text)
{
	printf("# %s: the steps say \"%s\"\n", README, text);
	return false;
}

/* Ends @text at the first @between: what is behind it, or NULL. */
static char *cut(char *text, const char *between)
{
	char *at = strstr(text, between);

	if (!at)
		return NULL;
	*at = '\0';
	return at + strlen(between);
}

static bool read_steps(struct steps_row *row, char *text)
{
	if (!strcmp(text, "any")) {
		row->steps = (1U << STEPS_N) - 1;
		return true;
	}
	for (char *next; text; text = next) {
		next = cut(text, ", ");
		if (step_of(text) == STEPS_N)
			return strange(text);
		row->steps |= 1U << step_of(text);
	}
	return true;
}

static bool read_when(struct steps_row *row, char *text)
{
	for (char *next; text; text = next) {
		struct steps_part *c = &row->conditions[row->n_conditions++];

		next = cut(text, ", and ");
		while (c->word < ARRAY_SIZE(conditions) &&
		       !match(conditions[c->word].words, text, c->n))
			c->word++;
		if (c->word == ARRAY_SIZE(conditions) ||
		    row->n_conditions == STEPS_PARTS_MAX)
			return strange(text);
	}
	return true;
}

static bool read_do(struct steps_row *row, char *text)
{
	char *reason_end = strstr(text, ": ");

	if (reason_end)
		text = reason_end + 2;
	for (char *next; text; text = next) {
		struct steps_part *a = &row->actions[row->n_actions++];

		next = cut(text, "; ");
		while (a->word < ARRAY_SIZE(actions) &&
		       !match(actions[a->word].words, text, a->n))
			a->word++;
		if (a->word == ARRAY_SIZE(actions) ||
		    row->n_actions == STEPS_PARTS_MAX)
			return strange(text);
	}
	return true;
}

/* `| step | when | do |` and a line's end. */
static bool read_row(struct steps_row *row, char *line)
{
	char *steps = line + 2, *when, *doing;

	when = cut(steps, " | ");
	doing = when ? cut(when, " | ") : NULL;
	if (!doing || !strstr(doing, " |\n"))
		return strange(line);
	cut(doing, " |\n");
	return read_steps(row, steps) && read_when(row, when) &&
	       read_do(row, doing);
}

static bool read_table(struct steps *s, FILE *f)
{
	char line[512];
	bool is_inside = false;

	while (fgets(line, sizeof(line), f)) {
		if (!is_inside) {
			is_inside = !strcmp(line, HEAD);
			continue;
		}
		if (line[0] != '|')
			return s->n_rows;
		if (line[1] == '-')
			continue;
		if (s->n_rows == STEPS_ROWS_MAX ||
		    !read_row(&s->rows[s->n_rows++], line))
			return false;
	}
	return strange("no table");
}

bool steps_read(struct steps *s, struct plc *plc, struct steps_sample *samples,
		unsigned int n)
{
	FILE *f = fopen(README, "re");
	bool is_good;

	memset(s, 0, sizeof(*s));
	s->plc = plc;
	s->samples = samples;
	s->n_samples = n;
	if (!f)
		return strange("nothing: it cannot be read");
	is_good = read_table(s, f);
	fclose(f);
	steps_forget(s);
	return is_good;
}

void steps_forget(struct steps *s)
{
	s->step = STEPS_ORDER;
	s->noted = 0;
	s->beat_ns = clock_monotonic_ns();
}

unsigned int steps_next(const struct steps *s)
{
	unsigned int i = 0;

	while (i < s->n_samples &&
	       (s->samples[i].result || s->samples[i].is_aside))
		i++;
	return i;
}

/* ---- a cycle -------------------------------------------------------------------- */

static void look(struct steps *s)
{
	s->is_answered = plc_read(s->plc->fd, STATE, 39, s->input + STATE);
	if (!s->is_answered)
		return;
	if (s->input[BEAT] != s->beat)
		s->beat_ns = clock_monotonic_ns();
	s->beat = s->input[BEAT];
}

static bool fits(const struct steps *s, const struct steps_row *row)
{
	if (!(row->steps & 1U << s->step))
		return false;
	for (unsigned int i = 0; i < row->n_conditions; i++) {
		const struct steps_part *c = &row->conditions[i];

		if (!conditions[c->word].test(s, c->n))
			return false;
	}
	return true;
}

void steps_cycle(struct steps *s)
{
	struct steps_row *row = s->rows;

	look(s);
	while (row < s->rows + s->n_rows && !fits(s, row))
		row++;
	if (row == s->rows + s->n_rows)
		return;
	row->n_done++;
	for (unsigned int i = 0; i < row->n_conditions; i++)
		s->n_again +=
			conditions[row->conditions[i].word].test == is_noted;
	for (unsigned int i = 0; i < row->n_actions; i++) {
		const struct steps_part *a = &row->actions[i];

		if (!actions[a->word].act(s, a->n))
			return;
	}
}

bool steps_until(struct steps *s, enum steps_step step, const char *states)
{
	const uint64_t until = clock_monotonic_ns() +
			       (uint64_t)(rig_patience(PATIENCE_S) * 1e9);

	while (s->step != step || !s->is_answered ||
	       !strchr(states, '0' + s->input[STATE])) {
		if (clock_monotonic_ns() > until) {
			printf("# step %s, state %u, sequence %llu\n",
			       step_names[s->step], s->input[STATE],
			       (unsigned long long)sequence(s));
			return false;
		}
		steps_cycle(s);
		usleep(CYCLE_US);
	}
	return true;
}

bool steps_finish(struct steps *s)
{
	const uint64_t until = clock_monotonic_ns() +
			       (uint64_t)(rig_patience(PATIENCE_S) * 1e9);

	while (steps_next(s) < s->n_samples || s->step != STEPS_ORDER) {
		if (clock_monotonic_ns() > until)
			return steps_until(s, STEPS_N, "");
		steps_cycle(s);
		usleep(CYCLE_US);
	}
	return true;
}
