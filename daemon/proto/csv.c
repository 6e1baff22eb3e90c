// SPDX-License-Identifier: GPL-2.0-or-later
/* A spectrum as columns of text, or as bare numbers. */
#include "proto/csv.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 16
#define SEPARATORS ",;"
/* Printed energies are rounded; further off they are not evenly spaced. */
#define EVEN_CHANNELS 0.5
/* What no X-ray tube reaches; a larger energy is in another unit. */
#define KEV_MAX 200

enum column {
	COLUMN_OTHER,
	COLUMN_COUNTS,
	COLUMN_CHANNEL,
	COLUMN_ENERGY,
	COLUMN_UNNAMED, /* channels or energies */
};

struct parser {
	struct scan in;
	struct spectrum_file *f;
	enum column column[COLUMNS_MAX];
	size_t n_columns; /* 0: not known yet */
	double unit; /* of an energy, keV */
	enum column x_column; /* COLUMN_OTHER: there is none */
	double *x; /* channels, or energies in keV */
	size_t n_x;
};

/* ---- names ---------------------------------------------------------------- */

static bool holds(const char *text, const char *word)
{
	return strstr(text, word) != NULL;
}

/* What a name in lower case says; *unit is set with an energy. */
static enum column column_named(const char *name, double *unit)
{
	if (!strncmp(name, "count", 5) || !strncmp(name, "intensity", 9))
		return COLUMN_COUNTS;
	if (!strncmp(name, "chan", 4))
		return COLUMN_CHANNEL;
	if (strncmp(name, "energy", 6) != 0 && strcmp(name, "kev") != 0 &&
	    strcmp(name, "ev") != 0)
		return COLUMN_OTHER;
	*unit = holds(name, "ev") && !holds(name, "kev") ? 1e-3 : 1;
	return COLUMN_ENERGY;
}

/* The next name of the line, quotes and blanks around it dropped. */
static bool next_name(const struct scan *s, size_t *pos, char ret[32])
{
	const char *ends = memchr(s->text, ',', s->text_len)   ? ","
			   : memchr(s->text, ';', s->text_len) ? ";"
							       : " \t";
	size_t n = 0;

	if (*pos >= s->text_len)
		return false;
	for (; *pos < s->text_len && !strchr(ends, s->text[*pos]); (*pos)++) {
		char c = (char)tolower((unsigned char)s->text[*pos]);

		if (c != '"' && (n || !isblank((unsigned char)c)) && n < 31)
			ret[n++] = c;
	}
	(*pos)++;
	while (n && isblank((unsigned char)ret[n - 1]))
		n--;
	ret[n] = '\0';
	return true;
}

/* The columns of a line of names; false when none of them is the counts. */
static bool read_names(struct parser *p)
{
	size_t pos = 0, n_counts = 0;
	char name[32];

	p->n_columns = 0;
	p->x_column = COLUMN_OTHER;
	while (p->n_columns < COLUMNS_MAX && next_name(&p->in, &pos, name)) {
		enum column c = column_named(name, &p->unit);

		/* Energies say more than channels. */
		if (c > p->x_column && c != COLUMN_COUNTS)
			p->x_column = c;
		n_counts += c == COLUMN_COUNTS;
		p->column[p->n_columns++] = c;
	}
	return n_counts == 1;
}

/* ---- lines ---------------------------------------------------------------- */

/* `# NAME: VALUE` or `# NAME = VALUE`; other comments are left alone. */
static int comment_line(struct parser *p)
{
	struct spectrum_file *f = p->f;
	const struct {
		const char *name;
		double *number;
		char *text;
		size_t size;
	} known[] = {
		{ "live_s", &f->live_s, NULL, 0 },
		{ "real_s", &f->real_s, NULL, 0 },
		{ "fast_count", &f->fast_count, NULL, 0 },
		{ "slow_count", &f->slow_count, NULL, 0 },
		{ "zero_kev", &f->zero_kev, NULL, 0 },
		{ "kev_per_chan", &f->kev_per_chan, NULL, 0 },
		{ "sample", NULL, f->sample, sizeof(f->sample) },
		{ "serial", NULL, f->serial, sizeof(f->serial) },
		{ "start_time", NULL, f->start_time, sizeof(f->start_time) },
	};
	size_t start = 1, n, pos;
	char line[32];

	while (start < p->in.text_len &&
	       isblank((unsigned char)p->in.text[start]))
		start++;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		n = strlen(known[i].name);
		pos = start + n;
		if (p->in.text_len < pos ||
		    memcmp(p->in.text + start, known[i].name, n) != 0)
			continue;
		while (pos < p->in.text_len &&
		       isblank((unsigned char)p->in.text[pos]))
			pos++;
		if (pos == p->in.text_len || !strchr(":=", p->in.text[pos++]))
			continue;
		if (known[i].text)
			return scan_text(&p->in, pos, known[i].name,
					 known[i].text, known[i].size);
		if (!scan_number(&p->in, &pos, known[i].number) ||
		    !scan_at_end(&p->in, pos))
			return scan_refuse(&p->in, known[i].name,
					   "`%s` holds no number",
					   scan_excerpt(&p->in, line));
		if (*known[i].number < 0 && known[i].number != &f->zero_kev)
			return scan_refuse(&p->in, known[i].name,
					   "%g is negative", *known[i].number);
		return 0;
	}
	return 0;
}

/* The columns of a file without names, by how many they are. */
static int guess_columns(struct parser *p)
{
	size_t pos = 0, n = 0;
	double value;

	while (!scan_at_end(&p->in, pos) && scan_number(&p->in, &pos, &value))
		n++;
	if (n > 2)
		return scan_refuse(
			&p->in, "columns",
			"%zu columns without a line of names above them", n);
	p->n_columns = n ? n : 1;
	p->column[0] = n == 2 ? COLUMN_UNNAMED : COLUMN_COUNTS;
	p->column[1] = COLUMN_COUNTS;
	p->x_column = n == 2 ? COLUMN_UNNAMED : COLUMN_OTHER;
	p->unit = 1;
	return 0;
}

static int take_x(struct parser *p, double x)
{
	double before = p->n_x ? p->x[p->n_x - 1] : NAN;

	if (p->x_column == COLUMN_ENERGY)
		x *= p->unit;
	if (p->x_column == COLUMN_CHANNEL && p->n_x && x != before + 1)
		return scan_refuse(&p->in, "channel",
				   "%g follows %g: channels must be in a row",
				   x, before);
	if (x <= before)
		return scan_refuse(&p->in, "energy",
				   "%g follows %g: energies must rise", x,
				   before);
	if (p->n_x == SPECTRUM_FILE_CHANNELS_MAX)
		return scan_refuse(&p->in, "counts", "more than %d channels",
				   SPECTRUM_FILE_CHANNELS_MAX);
	p->x[p->n_x++] = x;
	return 0;
}

static int data_line(struct parser *p)
{
	size_t pos = 0;
	char line[32];
	double value;
	int r = 0;

	for (size_t i = 0; i < p->n_columns && r >= 0; i++) {
		if (!scan_number(&p->in, &pos, &value))
			return scan_refuse(&p->in, "columns",
					   "`%s` is not %zu numbers",
					   scan_excerpt(&p->in, line),
					   p->n_columns);
		if (p->column[i] == COLUMN_COUNTS)
			r = spectrum_file_add(p->f, &p->in, "counts", value);
		else if (p->column[i] == p->x_column &&
			 p->x_column != COLUMN_OTHER)
			r = take_x(p, value);
	}
	if (r >= 0 && !scan_at_end(&p->in, pos))
		return scan_refuse(&p->in, "columns",
				   "`%s` is more than %zu numbers",
				   scan_excerpt(&p->in, line), p->n_columns);
	return r;
}

static bool is_number(const struct scan *s)
{
	size_t pos = 0;
	double value;

	return scan_number(s, &pos, &value);
}

static int one_line(struct parser *p)
{
	int r = 0;

	if (!p->in.text_len)
		return 0;
	if (*p->in.text == '#')
		return comment_line(p);
	if (!p->n_columns) {
		if (!is_number(&p->in) && read_names(p))
			return 0;
		r = guess_columns(p);
	}
	return r < 0 ? r : data_line(p);
}

/* ---- the file ------------------------------------------------------------- */

static struct scan start(const char *data, size_t len, struct scan_error *err)
{
	struct scan s = scan_start(data, len, SEPARATORS, err);

	/* Spreadsheets open a file of theirs with a byte order mark. */
	if (len >= 3 && !memcmp(data, "\xef\xbb\xbf", 3))
		s.pos = 3;
	return s;
}

bool csv_is_one(const char *data, size_t len)
{
	struct parser p = { .in = start(data, len, NULL) };

	while (scan_line(&p.in) > 0) {
		if (p.in.text_len && *p.in.text != '#')
			return is_number(&p.in) || read_names(&p);
	}
	return false;
}

static bool is_row_of_channels(const struct parser *p)
{
	for (size_t i = 0; i < p->n_x; i++) {
		if (p->x[i] != p->x[0] + (double)i || p->x[i] != floor(p->x[i]))
			return false;
	}
	return true;
}

static int make_axis(struct parser *p)
{
	struct spectrum_file *f = p->f;

	if (p->x_column == COLUMN_UNNAMED)
		p->x_column =
			is_row_of_channels(p) ? COLUMN_CHANNEL : COLUMN_ENERGY;
	if (p->x_column == COLUMN_ENERGY) {
		if (p->x[p->n_x - 1] > KEV_MAX)
			return scan_refuse(
				&p->in, "energy",
				"%g keV is beyond X-rays: name the unit in a line above",
				p->x[p->n_x - 1]);
		return spectrum_file_fit_axis(f, &p->in, "energy", NULL, p->x,
					      p->n_x, EVEN_CHANNELS);
	}
	if (isnan(f->kev_per_chan)) {
		f->zero_kev = NAN;
		return 0;
	}
	if (isnan(f->zero_kev))
		f->zero_kev = 0;
	/* The comment speaks of the file's channels, which may start at 1. */
	if (p->n_x)
		f->zero_kev += p->x[0] * f->kev_per_chan;
	return spectrum_file_set_axis(f, &p->in, "kev_per_chan", f->zero_kev,
				      f->kev_per_chan);
}

int csv_parse(const char *data, size_t len, struct spectrum_file **ret,
	      struct scan_error *err)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	CLEANUP(freep) double *x = NULL;
	struct parser p = { .in = start(data, len, err) };
	int r;

	f = spectrum_file_new(SPECTRUM_FORMAT_CSV);
	x = calloc(SPECTRUM_FILE_CHANNELS_MAX, sizeof(*x));
	if (!f || !x)
		return -ENOMEM;
	p.f = f;
	p.x = x;
	while ((r = scan_line(&p.in)) > 0) {
		r = one_line(&p);
		if (r < 0)
			return r;
	}
	if (r >= 0)
		r = spectrum_file_check(f, &p.in, "counts", "live_s");
	if (r >= 0)
		r = make_axis(&p);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(f);
	return 0;
}
