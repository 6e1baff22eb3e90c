// SPDX-License-Identifier: GPL-2.0-or-later
/* One line about what takes a while: a bar on a terminal, lines elsewhere. */
#include "reespec/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "reespec/instruments.h"
#include "reespec/print.h"
#include "reespec/result.h"

#define BAR_WIDTH 20
/* A shorter one shows nothing. */
#define BAR_LEAST 5
#define SAMPLE_WIDTH 20
#define LEADERS 3
/* Seconds of live time between lines where there is no terminal. */
#define LINE_S 5

int progress_init(struct progress *p, const struct args *args)
{
	const char *mode = args_get(args, "progress");

	memset(p, 0, sizeof(*p));
	if (!mode)
		p->mode = isatty(STDERR_FILENO) ? PROGRESS_BAR : PROGRESS_NONE;
	else if (!strcmp(mode, "bar"))
		p->mode = PROGRESS_BAR;
	else if (!strcmp(mode, "lines"))
		p->mode = PROGRESS_LINES;
	else if (strcmp(mode, "none"))
		return fail(args, REESPEC_USAGE,
			    "--progress %s: want bar, lines or none", mode);
	return REESPEC_OK;
}

static void draw_bar(struct buf *line, double fraction, size_t width)
{
	size_t n = (size_t)(fraction * (double)width + 0.5);

	buf_append_str(line, " ");
	for (size_t i = 0; i < width; i++)
		buf_append_str(line, i < n ? print_glyph("█", "#")
					   : print_glyph("░", "."));
}

/* "25.8/60 s". */
static void put_time(char *text, size_t size, json_t *p)
{
	double live = js_number(p, "live_s");
	double preset = js_number(p, "preset_live_s");

	if (!(preset > 0)) {
		live = js_number(p, "real_s");
		preset = js_number(p, "preset_real_s");
	}
	if (isfinite(live) && preset > 0)
		snprintf(text, size, "%.1f/%.0f s", live, preset);
	else if (isfinite(live))
		snprintf(text, size, "%.1f s", live);
}

static void put_counts(char *text, size_t size, json_t *p)
{
	double preset = js_number(p, "preset_counts");

	if (preset > 0 && isfinite(js_number(p, "counts")))
		snprintf(text, size, "%.1fk/%.0fk counts",
			 js_number(p, "counts") / 1000, preset / 1000);
}

static void put_u(char *text, size_t size, json_t *p)
{
	double preset = js_number(p, "until_u_rel");

	if (preset > 0 && isfinite(js_number(p, "u_rel")))
		snprintf(text, size, "u %.1f/%g %%",
			 100 * js_number(p, "u_rel"), 100 * preset);
}

static void put_dead(char *text, size_t size, json_t *p)
{
	if (isfinite(js_number(p, "dead")))
		snprintf(text, size, "dead %.0f %%",
			 100 * js_number(p, "dead"));
}

/* Before anybody waits for counts that cannot come. */
static void put_voltage(char *text, size_t size, json_t *p)
{
	if (instruments_is_dark(js_number(p, "hv_v")))
		snprintf(text, size, "high voltage off");
}

/* "in 148k cps". */
static void put_input(char *text, size_t size, json_t *p)
{
	double in = js_number(p, "fast_cps");

	if (isfinite(in))
		snprintf(text, size, "in %.0fk cps", in / 1000);
}

/* "in 148.2k out 120.1k cps", in place of the shorter one. */
static void put_rates(char *text, size_t size, json_t *p)
{
	double in = js_number(p, "fast_cps"), out = js_number(p, "slow_cps");

	if (isfinite(in) && isfinite(out))
		snprintf(text, size, "in %.1fk out %.1fk cps", in / 1000,
			 out / 1000);
	else if (isfinite(out))
		snprintf(text, size, "out %.1fk cps", out / 1000);
}

/* Cuts after as many columns as there is room for, at a whole character. */
static void cut(char *text, size_t columns)
{
	size_t n = 0;

	for (; *text; text++) {
		if (((unsigned char)*text & 0xc0) == 0x80)
			continue;
		if (n++ == columns) {
			*text = 0;
			return;
		}
	}
}

/* What is waited for is words alone, and may be cut. */
static void compose_waiting(json_t *assay, const char *sample, size_t columns,
			    char *text, size_t size)
{
	uint32_t position = 0;

	js_get_uint(assay, "Position", &position);
	if (position)
		snprintf(text, size, "%s %s, place %u ...", sample,
			 js_text(assay, "State"), position);
	else
		snprintf(text, size, "%s %s ...", sample,
			 js_text(assay, "State"));
	cut(text, columns);
}

/* As many of the leading elements as leave @room columns. */
static void put_leaders(json_t *estimate, size_t room, char *text, size_t size)
{
	*text = 0;
	for (size_t n = LEADERS; n && estimate; n--) {
		result_leaders(estimate, n, text, size);
		if (print_columns(text) <= room)
			return;
		*text = 0;
	}
}

/*
 * Parts in the order in which they are read; each is there whole or not at all.
 */
enum part {
	PART_LEADERS,
	PART_TIME,
	PART_VOLTAGE,
	PART_COUNTS,
	PART_U,
	PART_DEAD,
	PART_RATES,
	N_PARTS
};

struct parts {
	char text[N_PARTS][160];
	size_t used, columns;
};

static size_t part_room(const struct parts *s)
{
	return s->columns > s->used + 2 ? s->columns - s->used - 2 : 0;
}

/* Takes @text in place of what the part was, if there is room for it. */
static void part_take(struct parts *s, enum part part, const char *text)
{
	size_t had = print_columns(s->text[part]);
	size_t want = print_columns(text);

	if (had)
		s->used -= had + 2;
	if (want && want <= part_room(s))
		snprintf(s->text[part], sizeof(s->text[part]), "%s", text);
	else
		want = had;
	if (want)
		s->used += want + 2;
}

/*
 * Without time, dead time and input rate nobody knows whether it goes well:
 * they have their room first, in their shortest form, then as many of the
 * leading elements as fit, then all that is known besides.
 */
static void choose_parts(struct parts *s, json_t *progress, json_t *estimate)
{
	static const struct {
		enum part part;
		void (*put)(char *text, size_t size, json_t *p);
	} puts[] = {
		{ PART_TIME, put_time },     { PART_VOLTAGE, put_voltage },
		{ PART_DEAD, put_dead },     { PART_RATES, put_input },
		{ PART_LEADERS, NULL },	     { PART_U, put_u },
		{ PART_COUNTS, put_counts }, { PART_RATES, put_rates },
	};
	char text[160];

	for (size_t i = 0; i < ARRAY_SIZE(puts); i++) {
		*text = 0;
		if (puts[i].put)
			puts[i].put(text, sizeof(text), progress);
		else
			put_leaders(estimate, part_room(s), text, sizeof(text));
		part_take(s, puts[i].part, text);
	}
}

/* The bar takes what is left. */
static void compose_counting(json_t *assay, double fraction, bool has_bar,
			     const char *sample, size_t columns, char *text,
			     size_t size)
{
	CLEANUP(js_freep) json_t *estimate = NULL;
	CLEANUP(buf_deinit) struct buf line = { 0 };
	const char *json = js_text(assay, "Estimate");
	struct parts s = { .columns = columns };
	char percent[16];

	if (*json)
		js_parse(json, strlen(json), &estimate, NULL);
	snprintf(percent, sizeof(percent), " %.0f %%", 100 * fraction);
	s.used = print_columns(sample) + strlen(percent);
	choose_parts(&s, js_get(assay, "Progress"), estimate);
	buf_append_str(&line, sample);
	if (has_bar && columns >= s.used + 1 + BAR_LEAST)
		draw_bar(&line, fraction,
			 columns - s.used - 1 < BAR_WIDTH ? columns - s.used - 1
							  : BAR_WIDTH);
	buf_append_str(&line, percent);
	for (size_t i = 0; i < N_PARTS; i++)
		if (*s.text[i])
			buf_printf(&line, "  %s", s.text[i]);
	snprintf(text, size, "%s", line.data ? line.data : "");
}

void progress_line(json_t *assay, bool has_bar, size_t columns, char *text,
		   size_t size)
{
	double fraction = js_number(js_get(assay, "Progress"), "fraction");
	char sample[4 * SAMPLE_WIDTH + 1];

	snprintf(sample, sizeof(sample), "%s", js_text(assay, "Sample"));
	cut(sample, SAMPLE_WIDTH);
	if (strcmp(js_text(assay, "State"), "measuring") != 0 ||
	    !isfinite(fraction))
		compose_waiting(assay, sample, columns, text, size);
	else
		compose_counting(assay, fraction, has_bar, sample, columns,
				 text, size);
}

void progress_show(struct progress *p, json_t *assay)
{
	char text[512];
	double live = js_number(js_get(assay, "Progress"), "live_s");

	if (p->mode == PROGRESS_NONE)
		return;
	/* A line of a file has no edge. */
	progress_line(assay, p->mode == PROGRESS_BAR,
		      p->mode == PROGRESS_BAR ? (size_t)print_width(stderr) - 1
					      : sizeof(text),
		      text, sizeof(text));
	if (!strcmp(text, p->last))
		return;
	if (p->mode == PROGRESS_BAR) {
		print_transient(text);
	} else if (!isfinite(live) || live >= p->next_line_s) {
		fprintf(stderr, "%s\n", text);
		if (isfinite(live))
			p->next_line_s = live + LINE_S;
	}
	snprintf(p->last, sizeof(p->last), "%s", text);
}

void progress_many(const char *what, size_t n_done, size_t n, uint64_t since_ns)
{
	const double took_s = (double)(clock_monotonic_ns() - since_ns) / 1e9;
	char text[80], left[32] = "";

	if (n < 2 || !isatty(STDERR_FILENO))
		return;
	if (n_done)
		snprintf(left, sizeof(left), ", %.0f s left",
			 took_s / (double)n_done * (double)(n - n_done));
	snprintf(text, sizeof(text), "%zu of %zu %s%s", n_done, n, what, left);
	print_transient(text);
}
