// SPDX-License-Identifier: GPL-2.0-or-later
/* Amptek's .mca spectrum file, section by section. */
#include "proto/mca.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cp1252.h"

enum section {
	SECTION_NONE,
	SECTION_HEADER,
	SECTION_CALIBRATION,
	SECTION_ROI,
	SECTION_DATA,
	SECTION_CONFIG,
	SECTION_STATUS,
	SECTION_UNKNOWN,
};

struct parser {
	struct scan in;
	enum section section;
	bool has_data;
	struct mca_file *m;
};

/* ---- sections ------------------------------------------------------------- */

/* `NAME - value`; names without a place here are settings of the software
 * that wrote the file. */
static int header_line(struct parser *p)
{
	struct mca_file *m = p->m;
	const struct {
		const char *name;
		char *text;
		size_t size;
		double *seconds;
	} fields[] = {
		{ "TAG", m->tag, sizeof(m->tag), NULL },
		{ "DESCRIPTION", m->description, sizeof(m->description), NULL },
		{ "START_TIME", m->start_time, sizeof(m->start_time), NULL },
		{ "SERIAL_NUMBER", m->serial, sizeof(m->serial), NULL },
		{ "LIVE_TIME", NULL, 0, &m->live_s },
		{ "REAL_TIME", NULL, 0, &m->real_s },
		{ "PRESET_TIME", NULL, 0, &m->preset_s },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		size_t n = strlen(fields[i].name);

		if (p->in.text_len < n + 2 ||
		    memcmp(p->in.text, fields[i].name, n) ||
		    memcmp(p->in.text + n, " -", 2))
			continue;
		if (fields[i].seconds)
			return scan_seconds(&p->in, n + 2, fields[i].name,
					    fields[i].seconds);
		return scan_text(&p->in, n + 2, fields[i].name, fields[i].text,
				 fields[i].size);
	}
	return 0;
}

static int calibration_line(struct parser *p)
{
	struct mca_file *m = p->m;
	struct mca_point point;
	size_t pos = 0;
	char line[32];

	if (p->in.text_len >= 7 && !memcmp(p->in.text, "LABEL -", 7))
		return scan_text(&p->in, 7, "LABEL", m->calibration_label,
				 sizeof(m->calibration_label));
	if (!scan_number(&p->in, &pos, &point.channel) ||
	    !scan_number(&p->in, &pos, &point.energy) ||
	    !scan_at_end(&p->in, pos))
		return scan_refuse(&p->in, "<<CALIBRATION>>",
				   "`%s` is not a channel and an energy",
				   scan_excerpt(&p->in, line));
	if (m->n_points == MCA_CALIBRATION_MAX)
		return scan_refuse(&p->in, "<<CALIBRATION>>",
				   "more than %d points", MCA_CALIBRATION_MAX);
	for (size_t i = 0; i < m->n_points; i++) {
		if (m->points[i].channel == point.channel)
			return scan_refuse(&p->in, "<<CALIBRATION>>",
					   "channel %g stands twice",
					   point.channel);
	}
	m->points[m->n_points++] = point;
	return 0;
}

static int roi_line(struct parser *p)
{
	struct mca_file *m = p->m;
	double first, last;
	size_t pos = 0;
	char line[32];

	if (!scan_number(&p->in, &pos, &first) ||
	    !scan_number(&p->in, &pos, &last) || !scan_at_end(&p->in, pos) ||
	    first < 0 || last < first || last >= MCA_CHANNELS_MAX ||
	    first != floor(first) || last != floor(last))
		return scan_refuse(&p->in, "<<ROI>>",
				   "`%s` is not a range of channels",
				   scan_excerpt(&p->in, line));
	if (m->n_rois == MCA_ROI_MAX)
		return scan_refuse(&p->in, "<<ROI>>", "more than %d regions",
				   MCA_ROI_MAX);
	m->rois[m->n_rois].first = (uint32_t)first;
	m->rois[m->n_rois++].last = (uint32_t)last;
	return 0;
}

static int data_line(struct parser *p)
{
	struct mca_file *m = p->m;
	uint64_t count = 0;
	char line[32];

	if (*p->in.text == '-')
		return scan_refuse(&p->in, "<<DATA>>",
				   "channel %zu holds %s, which is negative",
				   m->n_chan, scan_excerpt(&p->in, line));
	for (size_t i = 0; i < p->in.text_len; i++) {
		unsigned int digit = (unsigned int)(p->in.text[i] - '0');

		if (digit > 9)
			return scan_refuse(
				&p->in, "<<DATA>>",
				"channel %zu holds `%s`, which is not a count",
				m->n_chan, scan_excerpt(&p->in, line));
		count = 10 * count + digit;
		if (count > UINT32_MAX)
			return scan_refuse(
				&p->in, "<<DATA>>",
				"channel %zu holds more than 2^32 counts",
				m->n_chan);
	}
	if (m->n_chan == MCA_CHANNELS_MAX)
		return scan_refuse(&p->in, "<<DATA>>", "more than %d channels",
				   MCA_CHANNELS_MAX);
	m->counts[m->n_chan++] = (uint32_t)count;
	return 0;
}

/* `CMND=VALUE;    words for people` */
static int config_line(struct parser *p)
{
	const char *end = memchr(p->in.text, ';', p->in.text_len);
	size_t n = end ? (size_t)(end - p->in.text) + 1 : p->in.text_len;
	struct dp5_config *c = &p->m->config;
	struct dp5_config_error why = { 0 };
	struct dp5_config one;

	if (dp5_config_parse_readback(p->in.text, n, &one, &why) < 0)
		return scan_refuse(&p->in, "<<DP5 CONFIGURATION>>", "`%s`: %s",
				   why.command, why.why);
	if (c->n == DP5_CONFIG_COMMANDS_MAX)
		return scan_refuse(&p->in, "<<DP5 CONFIGURATION>>",
				   "more than %d commands",
				   DP5_CONFIG_COMMANDS_MAX);
	c->commands[c->n++] = one.commands[0];
	return 0;
}

/* `Name: value` */
static int status_line(struct parser *p)
{
	const char *colon = memchr(p->in.text, ':', p->in.text_len);
	struct mca_file *m = p->m;
	struct mca_status_line *s;
	char line[32];
	size_t n;

	if (!colon)
		return scan_refuse(&p->in, "<<DPP STATUS>>",
				   "`%s` has no colon",
				   scan_excerpt(&p->in, line));
	if (m->n_status == MCA_STATUS_MAX)
		return scan_refuse(&p->in, "<<DPP STATUS>>",
				   "more than %d lines", MCA_STATUS_MAX);
	s = &m->status[m->n_status];
	n = (size_t)(colon - p->in.text);
	if (!cp1252_decode(p->in.text, n, s->name, sizeof(s->name)))
		return scan_refuse(&p->in, "<<DPP STATUS>>",
				   "the name is too long");
	m->n_status++;
	return scan_text(&p->in, n + 1, s->name, s->value, sizeof(s->value));
}

/* ---- the file ------------------------------------------------------------- */

static const struct {
	const char *mark;
	enum section section;
	const char *end; /* NULL: ended by the next mark */
	int (*read)(struct parser *p);
} sections[] = {
	{ "<<PMCA SPECTRUM>>", SECTION_HEADER, NULL, header_line },
	{ "<<CALIBRATION>>", SECTION_CALIBRATION, NULL, calibration_line },
	{ "<<ROI>>", SECTION_ROI, NULL, roi_line },
	{ "<<DATA>>", SECTION_DATA, "<<END>>", data_line },
	{ "<<DP5 CONFIGURATION>>", SECTION_CONFIG, "<<DP5 CONFIGURATION END>>",
	  config_line },
	{ "<<DPP STATUS>>", SECTION_STATUS, "<<DPP STATUS END>>", status_line },
};

static bool is_mark(const struct parser *p)
{
	return p->in.text_len >= 4 && !memcmp(p->in.text, "<<", 2) &&
	       !memcmp(p->in.text + p->in.text_len - 2, ">>", 2);
}

/* The entry of the section being read, or -1. */
static int find_current(const struct parser *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		if (sections[i].section == p->section)
			return (int)i;
	}
	return -1;
}

static int on_mark(struct parser *p)
{
	int current = find_current(p);
	char line[32];

	if (current >= 0 && sections[current].end) {
		if (!scan_is(&p->in, sections[current].end))
			return scan_refuse(&p->in, sections[current].mark,
					   "`%s` before its end %s",
					   scan_excerpt(&p->in, line),
					   sections[current].end);
		p->section = SECTION_UNKNOWN;
		return 0;
	}
	p->section = SECTION_UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		if (scan_is(&p->in, sections[i].mark))
			p->section = sections[i].section;
	}
	if (p->section == SECTION_DATA && p->has_data)
		return scan_refuse(&p->in, "<<DATA>>", "a second spectrum");
	p->has_data |= p->section == SECTION_DATA;
	return 0;
}

static int on_line(struct parser *p)
{
	int current;
	char line[32];

	if (!p->in.text_len)
		return 0;
	if (p->section == SECTION_NONE && !scan_is(&p->in, "<<PMCA SPECTRUM>>"))
		return scan_refuse(
			&p->in, "file",
			"it begins with `%s`, an .mca file with <<PMCA SPECTRUM>>",
			scan_excerpt(&p->in, line));
	if (is_mark(p))
		return on_mark(p);
	current = find_current(p);
	return current < 0 ? 0 : sections[current].read(p);
}

static int check_file(struct parser *p)
{
	struct mca_file *m = p->m;
	int current = find_current(p);

	if (p->section == SECTION_NONE) {
		p->in.line = 0;
		return scan_refuse(&p->in, "file", "it is empty");
	}
	if (current >= 0 && sections[current].end)
		return scan_refuse(&p->in, sections[current].mark,
				   "the file ends before %s, it is cut off",
				   sections[current].end);
	p->in.line = 0;
	if (!p->has_data)
		return scan_refuse(&p->in, "<<DATA>>",
				   "the file holds no spectrum");
	if (!m->n_chan)
		return scan_refuse(&p->in, "<<DATA>>", "the spectrum is empty");
	if (scan_times_contradict(m->live_s, m->real_s))
		return scan_refuse(
			&p->in, "LIVE_TIME",
			"the live time of %g s exceeds the real time of %g s",
			m->live_s, m->real_s);
	return 0;
}

static struct mca_file *file_new(void)
{
	CLEANUP(mca_freep) struct mca_file *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->counts = calloc(MCA_CHANNELS_MAX, sizeof(*m->counts));
	if (!m->counts)
		return NULL;
	m->live_s = NAN;
	m->real_s = NAN;
	m->preset_s = NAN;
	return TAKE_PTR(m);
}

int mca_parse(const char *data, size_t len, struct mca_file **ret,
	      struct scan_error *err)
{
	CLEANUP(mca_freep) struct mca_file *m = file_new();
	struct parser p = { .in = scan_start(data, len, "", err), .m = m };
	int r;

	if (!m)
		return -ENOMEM;
	if (len > MCA_FILE_MAX)
		return scan_refuse(&p.in, "file", "more than %d bytes",
				   MCA_FILE_MAX);
	for (;;) {
		r = scan_line(&p.in);
		if (r < 0)
			return r;
		if (!r)
			break;
		r = on_line(&p);
		if (r < 0)
			return r;
	}
	r = check_file(&p);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(m);
	return 0;
}

struct mca_file *mca_free(struct mca_file *m)
{
	if (m)
		free(m->counts);
	free(m);
	return NULL;
}

const char *mca_status_get(const struct mca_file *m, const char *name)
{
	for (size_t i = 0; i < m->n_status; i++) {
		if (!strcmp(m->status[i].name, name))
			return m->status[i].value;
	}
	return NULL;
}
