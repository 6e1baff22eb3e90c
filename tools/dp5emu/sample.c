// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the sections of an .mca file that make a scene. */
#include "dp5emu/sample.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

CLEANUP_FUNC(struct sample, sample_free);

enum section {
	SECTION_NONE,
	SECTION_HEAD,
	SECTION_CALIBRATION,
	SECTION_DATA,
	SECTION_OTHER,
};

struct reader {
	struct sample *s;
	enum section section;
	bool has_data;
	/* Sums of the straight-line fit through the calibration pairs. */
	double n, x, y, xx, xy;
	const char *why;
};

static enum section section_of(const char *line)
{
	if (!strncmp(line, "<<PMCA SPECTRUM>>", 17))
		return SECTION_HEAD;
	if (!strncmp(line, "<<CALIBRATION>>", 15))
		return SECTION_CALIBRATION;
	if (!strncmp(line, "<<DATA>>", 8))
		return SECTION_DATA;
	return SECTION_OTHER;
}

/* One word, so that it can stand in a list of key=value. */
static void store_name(struct sample *s, const char *text)
{
	size_t n = strnlen(text, sizeof(s->name) - 1);

	for (size_t i = 0; i < n; i++)
		s->name[i] = text[i] > ' ' && text[i] < 127 ? text[i] : '_';
	s->name[n] = 0;
}

static int read_head(struct reader *rd, const char *line)
{
	struct sample *s = rd->s;

	if (!strncmp(line, "TAG - ", 6))
		store_name(s, line + 6);
	if (strncmp(line, "LIVE_TIME - ", 12))
		return 0;
	s->live_s = strtod(line + 12, NULL);
	if (!(s->live_s >= 0 && s->live_s < 1e9)) {
		rd->why = "LIVE_TIME is not a number of seconds";
		return -EINVAL;
	}
	return 0;
}

static int read_calibration(struct reader *rd, const char *line)
{
	double x, y;

	if (!strncmp(line, "LABEL", 5))
		return 0;
	if (sscanf(line, "%lf %lf", &x, &y) != 2 || !(x >= 0 && x < 1e6) ||
	    !(y > -1e3 && y < 1e4)) {
		rd->why = "calibration is not \"channel energy\"";
		return -EINVAL;
	}
	rd->n++;
	rd->x += x;
	rd->y += y;
	rd->xx += x * x;
	rd->xy += x * y;
	return 0;
}

static int read_count(struct reader *rd, const char *line)
{
	struct sample *s = rd->s;
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(line, &end, 10);
	if (end == line || *end || *line == '-' || errno || v > UINT32_MAX) {
		rd->why = "not a count";
		return -EINVAL;
	}
	if (s->n_chan == SAMPLE_CHANNELS_MAX) {
		rd->why = "more than 8192 channels";
		return -EINVAL;
	}
	s->counts[s->n_chan++] = (uint32_t)v;
	s->total += (double)v;
	return 0;
}

static int read_line(struct reader *rd, const char *line)
{
	if (!*line)
		return 0;
	if (!strncmp(line, "<<", 2)) {
		enum section section = section_of(line);

		if (rd->section == SECTION_NONE && section != SECTION_HEAD) {
			rd->why = "does not open with <<PMCA SPECTRUM>>";
			return -EINVAL;
		}
		rd->section = section;
		rd->has_data |= section == SECTION_DATA;
		return 0;
	}
	switch (rd->section) {
	case SECTION_NONE:
		rd->why = "does not open with <<PMCA SPECTRUM>>";
		return -EINVAL;
	case SECTION_HEAD:
		return read_head(rd, line);
	case SECTION_CALIBRATION:
		return read_calibration(rd, line);
	case SECTION_DATA:
		return read_count(rd, line);
	case SECTION_OTHER:
		return 0;
	}
	return 0;
}

/* Checks of the whole file, after its last line. */
static int finish(struct reader *rd)
{
	double det = rd->n * rd->xx - rd->x * rd->x;
	struct sample *s = rd->s;

	if (rd->section == SECTION_NONE)
		rd->why = "empty file";
	else if (!rd->has_data)
		rd->why = "no <<DATA>> section";
	else if (s->n_chan < 16)
		rd->why = "fewer than 16 channels";
	else if (!(s->total > 0))
		rd->why = "no counts";
	else if (rd->n < 2)
		rd->why = "no <<CALIBRATION>> section of two pairs";
	else if (!(det > 0))
		rd->why = "calibration pairs share one channel";
	if (rd->why)
		return -EINVAL;

	s->gain_kev = (rd->n * rd->xy - rd->x * rd->y) / det;
	s->offset_kev = (rd->y - s->gain_kev * rd->x) / rd->n;
	if (!(s->gain_kev > 0)) {
		rd->why = "calibration does not rise";
		return -EINVAL;
	}
	return 0;
}

int sample_load(const char *path, struct sample **ret,
		char why[static SAMPLE_WHY_LEN])
{
	CLEANUP(sample_freep) struct sample *s = NULL;
	CLEANUP(fclosep) FILE *f = NULL;
	struct reader rd = { 0 };
	unsigned int n_line = 0;
	char line[256];
	int r = 0;

	f = fopen(path, "re");
	if (!f) {
		r = -errno;
		snprintf(why, SAMPLE_WHY_LEN, "%s: %s", path, strerror(-r));
		return r;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	rd.s = s;
	while (!r && fgets(line, sizeof(line), f)) {
		n_line++;
		line[strcspn(line, "\r\n")] = 0;
		r = read_line(&rd, line);
	}
	if (!r && ferror(f)) {
		snprintf(why, SAMPLE_WHY_LEN, "%s: read error", path);
		return -EIO;
	}
	if (!r)
		r = finish(&rd);
	if (r < 0) {
		snprintf(why, SAMPLE_WHY_LEN, "%s:%u: %s", path, n_line,
			 rd.why);
		return r;
	}
	*ret = TAKE_PTR(s);
	return 0;
}

struct sample *sample_free(struct sample *s)
{
	free(s);
	return NULL;
}
