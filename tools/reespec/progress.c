// SPDX-License-Identifier: GPL-2.0-or-later
/* One line about a running assay: a bar on a terminal, lines elsewhere. */
#include "reespec/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "reespec/print.h"
#include "reespec/result.h"

#define BAR_WIDTH 20
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

static void draw_bar(char *text, size_t size, double fraction)
{
	int n = (int)(fraction * BAR_WIDTH + 0.5);
	size_t len = 0;

	for (int i = 0; i < BAR_WIDTH && len < size; i++)
		len += snprintf(text + len, size - len, "%s",
				i < n ? print_glyph("█", "#")
				      : print_glyph("░", "."));
}

/* Of the preset that is no time: "2.4M/10M counts", "u 3.1/2 %". */
static size_t draw_preset(char *text, size_t size, json_t *p)
{
	double u_rel = js_number(p, "until_u_rel");
	double counts = js_number(p, "preset_counts");
	size_t len = 0;

	if (counts > 0 && isfinite(js_number(p, "counts")))
		len += snprintf(text, size, "  %.1fk/%.0fk counts",
				js_number(p, "counts") / 1000, counts / 1000);
	if (u_rel > 0 && isfinite(js_number(p, "u_rel")))
		len += snprintf(text + len, size - len, "  u %.1f/%g %%",
				100 * js_number(p, "u_rel"), 100 * u_rel);
	return len;
}

/* "25.8/60 s  dead 19 %  in 148.2k out 120.1k cps". */
static size_t draw_numbers(char *text, size_t size, json_t *p)
{
	double live = js_number(p, "live_s");
	double preset = js_number(p, "preset_live_s");
	double dead = js_number(p, "dead");
	size_t len = 0;

	if (!(preset > 0)) {
		live = js_number(p, "real_s");
		preset = js_number(p, "preset_real_s");
	}
	if (isfinite(live) && preset > 0)
		len += snprintf(text, size, "%.1f/%.0f s", live, preset);
	else if (isfinite(live))
		len += snprintf(text, size, "%.1f s", live);
	len += draw_preset(text + len, size - len, p);
	if (isfinite(dead))
		len += snprintf(text + len, size - len, "  dead %.0f %%",
				100 * dead);
	if (isfinite(js_number(p, "fast_cps")))
		len += snprintf(text + len, size - len, "  in %.1fk",
				js_number(p, "fast_cps") / 1000);
	if (isfinite(js_number(p, "slow_cps")))
		len += snprintf(text + len, size - len, " out %.1fk cps",
				js_number(p, "slow_cps") / 1000);
	return len;
}

static void compose(json_t *assay, bool has_bar, char *text, size_t size)
{
	CLEANUP(js_freep) json_t *estimate = NULL;
	json_t *progress = js_get(assay, "Progress");
	double fraction = js_number(progress, "fraction");
	const char *sample = "";
	const char *state = "";
	const char *json = "";
	uint32_t position = 0;
	size_t len;

	js_get_uint(assay, "Position", &position);
	js_get_str(assay, "Sample", &sample);
	js_get_str(assay, "State", &state);
	js_get_str(assay, "Estimate", &json);
	len = snprintf(text, size, "%.20s ", sample);
	if (strcmp(state, "measuring") || !isfinite(fraction)) {
		if (position)
			snprintf(text + len, size - len, "%s, place %u ...",
				 state, position);
		else
			snprintf(text + len, size - len, "%s ...", state);
		return;
	}
	if (has_bar) {
		draw_bar(text + len, size - len, fraction);
		len += strlen(text + len);
	}
	len += snprintf(text + len, size - len, " %3.0f %%  ", 100 * fraction);
	len += draw_numbers(text + len, size - len, progress);
	if (!*json || js_parse(json, strlen(json), &estimate, NULL) < 0)
		return;
	len += snprintf(text + len, size - len, "  ");
	result_leaders(estimate, 3, text + len, size - len);
}

/* Cuts after as many columns as the terminal shows, at a whole character. */
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

void progress_show(struct progress *p, json_t *assay)
{
	char text[512];
	double live = js_number(js_get(assay, "Progress"), "live_s");

	if (p->mode == PROGRESS_NONE)
		return;
	compose(assay, p->mode == PROGRESS_BAR, text, sizeof(text));
	if (!strcmp(text, p->last))
		return;
	if (p->mode == PROGRESS_BAR) {
		cut(text, (size_t)print_width(stderr) - 1);
		fprintf(stderr, "\r%s\033[K", text);
		p->is_drawn = true;
	} else if (!isfinite(live) || live >= p->next_line_s) {
		fprintf(stderr, "%s\n", text);
		if (isfinite(live))
			p->next_line_s = live + LINE_S;
	}
	fflush(stderr);
	snprintf(p->last, sizeof(p->last), "%s", text);
}

void progress_end(struct progress *p)
{
	if (p->is_drawn)
		fputs("\r\033[K", stderr);
	p->is_drawn = false;
}
