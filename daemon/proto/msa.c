// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The EMSA/MAS spectrum file of ISO 22029: `#KEYWORD : value` lines, then
 * numbers. The energy of channel k is OFFSET + k XPERCHAN; CHOFFSET says the
 * same once more, in whole channels, and is not used.
 */
#include "proto/msa.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cp1252.h"

#define COLUMNS_MAX 4
/* Printed energies are rounded; further off they are not evenly spaced. */
#define EVEN_CHANNELS 0.5

struct parser {
	struct scan in;
	struct spectrum_file *f;
	double n_numbers; /* of a point: 1 of Y, 2 of XY; NAN: not yet */
	double n_points; /* the same */
	double n_columns;
	double gain;
	double offset;
	double unit; /* keV */
	char date[32];
	char time[32];
	double *x; /* keV, of an XY file */
	size_t n_x;
	bool is_data;
	bool is_ended;
};

static int take_number(struct parser *p, size_t pos, const char *keyword,
		       double *ret)
{
	char line[32];

	if (!scan_number(&p->in, &pos, ret) || !scan_at_end(&p->in, pos))
		return scan_refuse(&p->in, keyword, "`%s` holds no number",
				   scan_excerpt(&p->in, line));
	return 0;
}

static int take_whole(struct parser *p, size_t pos, const char *keyword,
		      double max, double *ret)
{
	int r = take_number(p, pos, keyword, ret);

	if (r >= 0 && (*ret != floor(*ret) || *ret < 1 || *ret > max))
		return scan_refuse(&p->in, keyword,
				   "%g is not a whole number from 1 to %g",
				   *ret, max);
	return r;
}

static int take_format(struct parser *p, size_t pos, const char *keyword)
{
	char text[64], line[32];
	int r = scan_text(&p->in, pos, keyword, text, sizeof(text));

	if (r >= 0 && strncasecmp(text, "EMSA/MAS", 8) != 0)
		return scan_refuse(&p->in, keyword, "`%s` is not EMSA/MAS",
				   scan_excerpt(&p->in, line));
	return r;
}

static int take_type(struct parser *p, size_t pos, const char *keyword)
{
	char text[16];
	int r = scan_text(&p->in, pos, keyword, text, sizeof(text));

	if (r < 0)
		return r;
	p->n_numbers = !strcasecmp(text, "Y") ? 1 : 2;
	if (p->n_numbers == 2 && strcasecmp(text, "XY") != 0)
		return scan_refuse(&p->in, keyword, "`%s` is neither Y nor XY",
				   text);
	return 0;
}

static int take_unit(struct parser *p, size_t pos, const char *keyword)
{
	char text[32];
	int r = scan_text(&p->in, pos, keyword, text, sizeof(text));

	if (r < 0)
		return r;
	p->unit = !strcasecmp(text, "keV")  ? 1
		  : !strcasecmp(text, "eV") ? 1e-3
					    : NAN;
	if (isnan(p->unit))
		return scan_refuse(&p->in, keyword,
				   "`%s` is neither keV nor eV", text);
	return 0;
}

static int begin_data(struct parser *p)
{
	const struct {
		const char *keyword;
		double value;
		bool is_wanted;
	} wanted[] = {
		{ "NPOINTS", p->n_points, true },
		{ "NCOLUMNS", p->n_columns, true },
		{ "DATATYPE", p->n_numbers, true },
		{ "XUNITS", p->unit, true },
		{ "XPERCHAN", p->gain, p->n_numbers == 1 },
		{ "OFFSET", p->offset, p->n_numbers == 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (wanted[i].is_wanted && isnan(wanted[i].value))
			return scan_refuse(&p->in, wanted[i].keyword,
					   "it is missing before SPECTRUM");
	}
	p->is_data = true;
	return 0;
}

/* `#KEYWORD   -unit: value`; of `##KEYWORD` and others nothing is read. */
static int keyword_line(struct parser *p)
{
	struct spectrum_file *f = p->f;
	const char *colon = memchr(p->in.text, ':', p->in.text_len);
	char word[16];
	size_t pos, n = 0;

	if (!colon)
		return 0;
	pos = (size_t)(colon - p->in.text) + 1;
	while (n + 1 < sizeof(word) && !strchr(" -:", p->in.text[1 + n])) {
		word[n] = p->in.text[1 + n];
		n++;
	}
	word[n] = '\0';
	if (!strcasecmp(word, "FORMAT"))
		return take_format(p, pos, "FORMAT");
	if (!strcasecmp(word, "NPOINTS"))
		return take_whole(p, pos, "NPOINTS", SPECTRUM_FILE_CHANNELS_MAX,
				  &p->n_points);
	if (!strcasecmp(word, "NCOLUMNS"))
		return take_whole(p, pos, "NCOLUMNS", COLUMNS_MAX,
				  &p->n_columns);
	if (!strcasecmp(word, "DATATYPE"))
		return take_type(p, pos, "DATATYPE");
	if (!strcasecmp(word, "XUNITS"))
		return take_unit(p, pos, "XUNITS");
	if (!strcasecmp(word, "XPERCHAN"))
		return take_number(p, pos, "XPERCHAN", &p->gain);
	if (!strcasecmp(word, "OFFSET"))
		return take_number(p, pos, "OFFSET", &p->offset);
	if (!strcasecmp(word, "LIVETIME"))
		return scan_seconds(&p->in, pos, "LIVETIME", &f->live_s);
	if (!strcasecmp(word, "REALTIME"))
		return scan_seconds(&p->in, pos, "REALTIME", &f->real_s);
	if (!strcasecmp(word, "TITLE"))
		return scan_text(&p->in, pos, "TITLE", f->sample,
				 sizeof(f->sample));
	if (!strcasecmp(word, "COMMENT") && !*f->remark)
		return scan_text(&p->in, pos, "COMMENT", f->remark,
				 sizeof(f->remark));
	if (!strcasecmp(word, "DATE"))
		return scan_text(&p->in, pos, "DATE", p->date, sizeof(p->date));
	if (!strcasecmp(word, "TIME"))
		return scan_text(&p->in, pos, "TIME", p->time, sizeof(p->time));
	if (!strcasecmp(word, "SPECTRUM"))
		return begin_data(p);
	return 0;
}

static int take_value(struct parser *p, double value)
{
	struct spectrum_file *f = p->f;

	if ((double)f->n_chan == p->n_points)
		return scan_refuse(&p->in, "SPECTRUM",
				   "more than the %g counts of NPOINTS",
				   p->n_points);
	if (value < 0 && value == floor(value)) {
		f->n_negative++;
		value = 0;
	}
	return spectrum_file_add(f, &p->in, "SPECTRUM", value);
}

static int take_energy(struct parser *p, double kev)
{
	if (p->n_x == SPECTRUM_FILE_CHANNELS_MAX)
		return scan_refuse(&p->in, "SPECTRUM", "more than %d energies",
				   SPECTRUM_FILE_CHANNELS_MAX);
	if (p->n_x && kev <= p->x[p->n_x - 1])
		return scan_refuse(&p->in, "SPECTRUM",
				   "%g keV follows %g keV: energies must rise",
				   kev, p->x[p->n_x - 1]);
	p->x[p->n_x++] = kev;
	return 0;
}

static int data_line(struct parser *p)
{
	size_t n = 0, pos = 0;
	char line[32];
	double value;
	int r;

	if (p->in.text[0] == '#') {
		p->is_ended = p->in.text_len >= 10 &&
			      !strncasecmp(p->in.text, "#ENDOFDATA", 10);
		return 0;
	}
	for (; !scan_at_end(&p->in, pos); n++) {
		if (!scan_number(&p->in, &pos, &value))
			return scan_refuse(&p->in, "SPECTRUM",
					   "`%s` is not numbers",
					   scan_excerpt(&p->in, line));
		if (n >= (size_t)(p->n_columns * p->n_numbers))
			return scan_refuse(
				&p->in, "SPECTRUM",
				"more than the %g columns of NCOLUMNS",
				p->n_columns);
		if (n % (size_t)p->n_numbers + 1 < p->n_numbers)
			r = take_energy(p, value * p->unit);
		else
			r = take_value(p, value);
		if (r < 0)
			return r;
	}
	if (p->n_x > p->f->n_chan)
		return scan_refuse(&p->in, "SPECTRUM",
				   "an energy without its counts");
	return 0;
}

static int parse_lines(struct parser *p)
{
	int r;

	while (!p->is_ended && (r = scan_line(&p->in)) != 0) {
		if (r >= 0 && p->in.text_len)
			r = p->is_data		 ? data_line(p)
			    : *p->in.text == '#' ? keyword_line(p)
						 : 0;
		if (r < 0)
			return r;
	}
	if (!p->is_data) {
		p->in.line = 0;
		return scan_refuse(&p->in, "SPECTRUM",
				   "the file holds no spectrum");
	}
	if ((double)p->f->n_chan < p->n_points)
		return scan_refuse(&p->in, "SPECTRUM",
				   "%zu counts, NPOINTS says %g: it is cut off",
				   p->f->n_chan, p->n_points);
	if (!p->is_ended)
		return scan_refuse(&p->in, "ENDOFDATA",
				   "the file ends before it, it is cut off");
	return 0;
}

static int finish(struct parser *p)
{
	struct spectrum_file *f = p->f;
	int r;

	snprintf(f->start_time, sizeof(f->start_time), "%.31s%s%.31s", p->date,
		 *p->date && *p->time ? " " : "", p->time);
	r = spectrum_file_check(f, &p->in, "SPECTRUM", "LIVETIME");
	if (r < 0)
		return r;
	if (p->n_numbers == 2)
		return spectrum_file_fit_axis(f, &p->in, "SPECTRUM", NULL, p->x,
					      p->n_x, EVEN_CHANNELS);
	return spectrum_file_set_axis(f, &p->in, "XPERCHAN",
				      p->offset * p->unit, p->gain * p->unit);
}

int msa_parse(const char *data, size_t len, struct spectrum_file **ret,
	      struct scan_error *err)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	CLEANUP(freep) double *x = NULL;
	struct parser p = { .in = scan_start(data, len, ",", err) };
	int r;

	f = spectrum_file_new(SPECTRUM_FORMAT_MSA);
	x = calloc(SPECTRUM_FILE_CHANNELS_MAX, sizeof(*x));
	if (!f || !x)
		return -ENOMEM;
	p.f = f;
	p.x = x;
	p.n_numbers = p.n_points = p.n_columns = p.gain = p.offset = p.unit =
		NAN;
	r = parse_lines(&p);
	if (r >= 0)
		r = finish(&p);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(f);
	return 0;
}

/* ---- writing -------------------------------------------------------------- */

static bool text_valid(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ')
			return false;
	}
	return true;
}

static bool time_valid(double s)
{
	return isnan(s) || (isfinite(s) && s >= 0);
}

static int put_text(struct buf *b, const char *keyword, const char *text)
{
	int r;

	r = buf_printf(b, "#%-12s: ", keyword);
	if (r >= 0)
		r = cp1252_encode(text, b);
	return r < 0 ? r : buf_append_str(b, "\r\n");
}

/* As short as reads back the same. */
static int put_number(struct buf *b, const char *keyword, double value)
{
	char text[40];

	if (isnan(value))
		return 0;
	snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) != value)
		snprintf(text, sizeof(text), "%.17g", value);
	return put_text(b, keyword, text);
}

/*
 * RFC 3339, or the month first as in Amptek's files and the IAEA's, becomes
 * 26-NOV-2026 and 08:04:08; any other text is cut at its last blank.
 */
static int put_date(struct buf *b, const char *text)
{
	static const char months[] = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";
	const char *blank = strrchr(text, ' ');
	unsigned int year, month, day;
	char date[64], clock[64] = "";
	int r;

	if ((sscanf(text, "%4u-%2u-%2uT%8[0-9:]", &year, &month, &day, clock) ==
		     4 ||
	     sscanf(text, "%2u/%2u/%4u %8[0-9:]", &month, &day, &year, clock) ==
		     4) &&
	    month >= 1 && month <= 12) {
		snprintf(date, sizeof(date), "%02u-%.3s-%04u", day,
			 months + (month - 1) * 3UL, year);
	} else {
		snprintf(date, sizeof(date), "%.*s",
			 blank && blank - text < 31 ? (int)(blank - text) : 31,
			 text);
		snprintf(clock, sizeof(clock), "%.31s", blank ? blank + 1 : "");
	}
	r = put_text(b, "DATE", date);
	return r < 0 ? r : put_text(b, "TIME", clock);
}

static int put_head(struct buf *b, const struct spectrum_file *f)
{
	int r;

	r = put_text(b, "FORMAT", "EMSA/MAS Spectral Data File");
	if (r >= 0)
		r = put_text(b, "VERSION", "1.0");
	if (r >= 0)
		r = put_text(b, "TITLE", f->sample);
	if (r >= 0)
		r = put_date(b, f->start_time);
	if (r >= 0)
		r = put_text(b, "OWNER", "reespec");
	if (r >= 0)
		r = put_number(b, "NPOINTS", (double)f->n_chan);
	if (r >= 0)
		r = put_text(b, "NCOLUMNS", "1");
	if (r >= 0)
		r = put_text(b, "XUNITS", "keV");
	if (r >= 0)
		r = put_text(b, "YUNITS", "counts");
	if (r >= 0)
		r = put_text(b, "DATATYPE", "Y");
	if (r >= 0)
		r = put_number(b, "XPERCHAN", f->kev_per_chan);
	if (r >= 0)
		r = put_number(b, "OFFSET", f->zero_kev);
	if (r >= 0)
		r = put_text(b, "SIGNALTYPE", "XRF");
	if (r >= 0)
		r = put_number(b, "LIVETIME  -s", f->live_s);
	if (r >= 0)
		r = put_number(b, "REALTIME  -s", f->real_s);
	if (r >= 0 && *f->remark)
		r = put_text(b, "COMMENT", f->remark);
	return r;
}

int msa_write(const struct spectrum_file *f, struct buf *ret)
{
	size_t start = ret->len;
	int r;

	if (!f->n_chan || f->n_chan > SPECTRUM_FILE_CHANNELS_MAX ||
	    !text_valid(f->sample) || !text_valid(f->remark) ||
	    !text_valid(f->start_time))
		return -EINVAL;
	/* The format has no spectrum without an axis. */
	if (!isfinite(f->zero_kev) || !(f->kev_per_chan > 0) ||
	    !time_valid(f->live_s) || !time_valid(f->real_s) ||
	    scan_times_contradict(f->live_s, f->real_s))
		return -EINVAL;
	r = put_head(ret, f);
	if (r >= 0)
		r = put_text(ret, "SPECTRUM", "");
	for (size_t i = 0; i < f->n_chan && r >= 0; i++)
		r = buf_printf(ret, "%u\r\n", f->counts[i]);
	if (r >= 0)
		r = put_text(ret, "ENDOFDATA", "");
	if (r < 0)
		ret->len = start;
	return r;
}
