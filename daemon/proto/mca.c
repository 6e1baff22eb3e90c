// SPDX-License-Identifier: GPL-2.0-or-later
/* Amptek's .mca spectrum file, section by section. */
#include "proto/mca.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cp1252.h"

#define LINE_MAX_LEN 1024
/* Times are written with a microsecond; a rounding is not a contradiction. */
#define TIME_SLACK_S 0.001

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
	const char *data;
	size_t len;
	size_t pos;
	int line;
	const char *text; /* the line, without blanks at its ends */
	size_t text_len;
	enum section section;
	bool has_data;
	struct mca_file *m;
	struct mca_error *err;
};

static int refuse(struct parser *p, const char *field, const char *format, ...)
	__attribute__((__format__(__printf__, 3, 4)));

static int refuse(struct parser *p, const char *field, const char *format, ...)
{
	va_list args;

	if (!p->err)
		return -EBADMSG;
	p->err->line = p->line;
	snprintf(p->err->field, sizeof(p->err->field), "%s", field);
	va_start(args, format);
	vsnprintf(p->err->why, sizeof(p->err->why), format, args);
	va_end(args);
	return -EBADMSG;
}

/* The line for a message: short, and without control bytes. */
static const char *excerpt(const struct parser *p, char ret[32])
{
	size_t n = p->text_len < 24 ? p->text_len : 24;

	for (size_t i = 0; i < n; i++)
		ret[i] = isprint((unsigned char)p->text[i]) ? p->text[i] : '?';
	strcpy(ret + n, p->text_len > n ? "..." : "");
	return ret;
}

/* 1 and the next line, 0 at the end, -EBADMSG. */
static int next_line(struct parser *p)
{
	const char *start = p->data + p->pos;
	size_t left = p->len - p->pos;
	const char *end;
	size_t n;

	if (!left)
		return 0;
	end = memchr(start, '\n', left);
	n = end ? (size_t)(end - start) : left;
	p->pos += n + (end ? 1 : 0);
	p->line++;
	if (memchr(start, '\0', n))
		return refuse(p, "file", "a NUL byte: this is not a text file");
	if (n > LINE_MAX_LEN)
		return refuse(p, "file", "a line of %zu bytes", n);

	while (n && isspace((unsigned char)start[n - 1]))
		n--;
	while (n && isspace((unsigned char)*start)) {
		start++;
		n--;
	}
	p->text = start;
	p->text_len = n;
	return 1;
}

static bool is_text(const struct parser *p, const char *s)
{
	return p->text_len == strlen(s) && !memcmp(p->text, s, p->text_len);
}

/* A number of the line from *pos on, blanks before it skipped. */
static bool scan_number(const struct parser *p, size_t *pos, double *ret)
{
	char text[48], *end;
	size_t n = 0;

	while (*pos < p->text_len && isblank((unsigned char)p->text[*pos]))
		(*pos)++;
	while (*pos < p->text_len && !isblank((unsigned char)p->text[*pos]) &&
	       n + 1 < sizeof(text))
		text[n++] = p->text[(*pos)++];
	text[n] = '\0';
	if (!n || strspn(text, "0123456789+-.eE") != n)
		return false;
	*ret = strtod(text, &end);
	return !*end && isfinite(*ret);
}

static bool at_end(const struct parser *p, size_t pos)
{
	while (pos < p->text_len && isblank((unsigned char)p->text[pos]))
		pos++;
	return pos == p->text_len;
}

/* ---- sections ------------------------------------------------------------- */

static int take_text(struct parser *p, size_t pos, const char *field, char *ret,
		     size_t size)
{
	while (pos < p->text_len && isblank((unsigned char)p->text[pos]))
		pos++;
	if (!cp1252_decode(p->text + pos, p->text_len - pos, ret, size))
		return refuse(p, field, "the text is too long");
	return 0;
}

static int take_seconds(struct parser *p, size_t pos, const char *field,
			double *ret)
{
	char line[32];
	double s;

	if (!scan_number(p, &pos, &s) || !at_end(p, pos))
		return refuse(p, field, "`%s` holds no number of seconds",
			      excerpt(p, line));
	if (s < 0)
		return refuse(p, field, "a time of %g s is negative", s);
	*ret = s;
	return 0;
}

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

		if (p->text_len < n + 2 || memcmp(p->text, fields[i].name, n) ||
		    memcmp(p->text + n, " -", 2))
			continue;
		if (fields[i].seconds)
			return take_seconds(p, n + 2, fields[i].name,
					    fields[i].seconds);
		return take_text(p, n + 2, fields[i].name, fields[i].text,
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

	if (p->text_len >= 7 && !memcmp(p->text, "LABEL -", 7))
		return take_text(p, 7, "LABEL", m->calibration_label,
				 sizeof(m->calibration_label));
	if (!scan_number(p, &pos, &point.channel) ||
	    !scan_number(p, &pos, &point.energy) || !at_end(p, pos))
		return refuse(p, "<<CALIBRATION>>",
			      "`%s` is not a channel and an energy",
			      excerpt(p, line));
	if (m->n_points == MCA_CALIBRATION_MAX)
		return refuse(p, "<<CALIBRATION>>", "more than %d points",
			      MCA_CALIBRATION_MAX);
	for (size_t i = 0; i < m->n_points; i++) {
		if (m->points[i].channel == point.channel)
			return refuse(p, "<<CALIBRATION>>",
				      "channel %g stands twice", point.channel);
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

	if (!scan_number(p, &pos, &first) || !scan_number(p, &pos, &last) ||
	    !at_end(p, pos) || first < 0 || last < first ||
	    last >= MCA_CHANNELS_MAX || first != floor(first) ||
	    last != floor(last))
		return refuse(p, "<<ROI>>", "`%s` is not a range of channels",
			      excerpt(p, line));
	if (m->n_rois == MCA_ROI_MAX)
		return refuse(p, "<<ROI>>", "more than %d regions",
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

	if (*p->text == '-')
		return refuse(p, "<<DATA>>",
			      "channel %zu holds %s, which is negative",
			      m->n_chan, excerpt(p, line));
	for (size_t i = 0; i < p->text_len; i++) {
		unsigned int digit = (unsigned int)(p->text[i] - '0');

		if (digit > 9)
			return refuse(
				p, "<<DATA>>",
				"channel %zu holds `%s`, which is not a count",
				m->n_chan, excerpt(p, line));
		count = 10 * count + digit;
		if (count > UINT32_MAX)
			return refuse(p, "<<DATA>>",
				      "channel %zu holds more than 2^32 counts",
				      m->n_chan);
	}
	if (m->n_chan == MCA_CHANNELS_MAX)
		return refuse(p, "<<DATA>>", "more than %d channels",
			      MCA_CHANNELS_MAX);
	m->counts[m->n_chan++] = (uint32_t)count;
	return 0;
}

/* `CMND=VALUE;    words for people` */
static int config_line(struct parser *p)
{
	const char *end = memchr(p->text, ';', p->text_len);
	size_t n = end ? (size_t)(end - p->text) + 1 : p->text_len;
	struct dp5_config *c = &p->m->config;
	struct dp5_config_error why = { 0 };
	struct dp5_config one;

	if (dp5_config_parse_readback(p->text, n, &one, &why) < 0)
		return refuse(p, "<<DP5 CONFIGURATION>>", "`%s`: %s",
			      why.command, why.why);
	if (c->n == DP5_CONFIG_COMMANDS_MAX)
		return refuse(p, "<<DP5 CONFIGURATION>>",
			      "more than %d commands", DP5_CONFIG_COMMANDS_MAX);
	c->commands[c->n++] = one.commands[0];
	return 0;
}

/* `Name: value` */
static int status_line(struct parser *p)
{
	const char *colon = memchr(p->text, ':', p->text_len);
	struct mca_file *m = p->m;
	struct mca_status_line *s;
	char line[32];
	size_t n;

	if (!colon)
		return refuse(p, "<<DPP STATUS>>", "`%s` has no colon",
			      excerpt(p, line));
	if (m->n_status == MCA_STATUS_MAX)
		return refuse(p, "<<DPP STATUS>>", "more than %d lines",
			      MCA_STATUS_MAX);
	s = &m->status[m->n_status];
	n = (size_t)(colon - p->text);
	if (!cp1252_decode(p->text, n, s->name, sizeof(s->name)))
		return refuse(p, "<<DPP STATUS>>", "the name is too long");
	m->n_status++;
	return take_text(p, n + 1, s->name, s->value, sizeof(s->value));
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
	return p->text_len >= 4 && !memcmp(p->text, "<<", 2) &&
	       !memcmp(p->text + p->text_len - 2, ">>", 2);
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
		if (!is_text(p, sections[current].end))
			return refuse(p, sections[current].mark,
				      "`%s` before its end %s",
				      excerpt(p, line), sections[current].end);
		p->section = SECTION_UNKNOWN;
		return 0;
	}
	p->section = SECTION_UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		if (is_text(p, sections[i].mark))
			p->section = sections[i].section;
	}
	if (p->section == SECTION_DATA && p->has_data)
		return refuse(p, "<<DATA>>", "a second spectrum");
	p->has_data |= p->section == SECTION_DATA;
	return 0;
}

static int on_line(struct parser *p)
{
	int current;
	char line[32];

	if (!p->text_len)
		return 0;
	if (p->section == SECTION_NONE && !is_text(p, "<<PMCA SPECTRUM>>"))
		return refuse(
			p, "file",
			"it begins with `%s`, an .mca file with <<PMCA SPECTRUM>>",
			excerpt(p, line));
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
		p->line = 0;
		return refuse(p, "file", "it is empty");
	}
	if (current >= 0 && sections[current].end)
		return refuse(p, sections[current].mark,
			      "the file ends before %s, it is cut off",
			      sections[current].end);
	p->line = 0;
	if (!p->has_data)
		return refuse(p, "<<DATA>>", "the file holds no spectrum");
	if (!m->n_chan)
		return refuse(p, "<<DATA>>", "the spectrum is empty");
	if (m->live_s > m->real_s + TIME_SLACK_S)
		return refuse(
			p, "LIVE_TIME",
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
	      struct mca_error *err)
{
	CLEANUP(mca_freep) struct mca_file *m = file_new();
	struct parser p = { .data = data, .len = len, .m = m, .err = err };
	int r;

	if (!m)
		return -ENOMEM;
	if (len > MCA_FILE_MAX)
		return refuse(&p, "file", "more than %d bytes", MCA_FILE_MAX);
	for (;;) {
		r = next_line(&p);
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

void mca_error_text(const struct mca_error *err, char *ret, size_t size)
{
	if (err->line)
		snprintf(ret, size, "line %d: %s: %s", err->line, err->field,
			 err->why);
	else
		snprintf(ret, size, "%s: %s", err->field, err->why);
}
