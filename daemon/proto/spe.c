// SPDX-License-Identifier: GPL-2.0-or-later
/* The IAEA's .spe spectrum file: a `$NAME:` a block, its lines below it. */
#include "proto/spe.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cp1252.h"

#define COEFFICIENTS_MAX 4
/* A calibration further from a straight line than this is refused. */
#define STRAIGHT_CHANNELS 0.5

struct parser {
	struct scan in;
	struct spectrum_file *f;
	int block; /* index into blocks[], -1: none that is read */
	int n_lines; /* of the block so far, without empty ones */
	bool has_data;
	/* $DATA: the first and last channel it names. */
	double first;
	double last;
	/* $MCA_CAL or $ENER_FIT, as it stands; energies in keV. */
	const char *axis; /* block it comes from, NULL: none */
	int axis_line;
	size_t n_coefficients;
	double coefficient[COEFFICIENTS_MAX];
};

/* Of texts the first line is kept. */
static int id_line(struct parser *p)
{
	struct spectrum_file *f = p->f;

	if (p->n_lines > 1)
		return 0;
	return scan_text(&p->in, 0, "$SPEC_ID", f->sample, sizeof(f->sample));
}

static int remark_line(struct parser *p)
{
	struct spectrum_file *f = p->f;

	if (p->n_lines > 1)
		return 0;
	return scan_text(&p->in, 0, "$SPEC_REM", f->remark, sizeof(f->remark));
}

static int date_line(struct parser *p)
{
	struct spectrum_file *f = p->f;

	if (p->n_lines > 1)
		return 0;
	return scan_text(&p->in, 0, "$DATE_MEA", f->start_time,
			 sizeof(f->start_time));
}

static int time_line(struct parser *p)
{
	size_t pos = 0;
	double live, real;
	char line[32];

	if (p->n_lines > 1)
		return 0;
	if (!scan_number(&p->in, &pos, &live) ||
	    !scan_number(&p->in, &pos, &real) || !scan_at_end(&p->in, pos))
		return scan_refuse(&p->in, "$MEAS_TIM",
				   "`%s` is not a live and a real time",
				   scan_excerpt(&p->in, line));
	if (live < 0 || real < 0)
		return scan_refuse(&p->in, "$MEAS_TIM",
				   "a time of %g s is negative",
				   live < 0 ? live : real);
	p->f->live_s = live;
	p->f->real_s = real;
	return 0;
}

static int data_head(struct parser *p)
{
	size_t pos = 0;
	char line[32];

	if (!scan_number(&p->in, &pos, &p->first) ||
	    !scan_number(&p->in, &pos, &p->last) || !scan_at_end(&p->in, pos) ||
	    p->first < 0 || p->last < p->first || p->first != floor(p->first) ||
	    p->last != floor(p->last))
		return scan_refuse(&p->in, "$DATA",
				   "`%s` is not a first and a last channel",
				   scan_excerpt(&p->in, line));
	if (p->last - p->first >= SPECTRUM_FILE_CHANNELS_MAX)
		return scan_refuse(&p->in, "$DATA", "more than %d channels",
				   SPECTRUM_FILE_CHANNELS_MAX);
	return 0;
}

static size_t n_promised(const struct parser *p)
{
	return (size_t)(p->last - p->first) + 1;
}

static int data_line(struct parser *p)
{
	size_t pos = 0;
	char line[32];
	double value;

	if (p->n_lines == 1)
		return data_head(p);
	while (!scan_at_end(&p->in, pos)) {
		if (!scan_number(&p->in, &pos, &value))
			return scan_refuse(&p->in, "$DATA",
					   "channel %zu: `%s` holds no count",
					   p->f->n_chan,
					   scan_excerpt(&p->in, line));
		if (p->f->n_chan == n_promised(p))
			return scan_refuse(
				&p->in, "$DATA",
				"more than the %zu counts that its first line names",
				n_promised(p));
		if (spectrum_file_add(p->f, &p->in, "$DATA", value) < 0)
			return -EBADMSG;
	}
	return 0;
}

/* @n numbers of the line, then a unit or nothing, into the axis. */
static int take_axis(struct parser *p, const char *block, size_t n)
{
	double value[COEFFICIENTS_MAX] = { 0 };
	char line[32], unit[16] = "";
	size_t pos = 0;

	for (size_t i = 0; i < n; i++) {
		if (!scan_number(&p->in, &pos, &value[i]))
			return scan_refuse(&p->in, block,
					   "`%s` holds no %zu numbers",
					   scan_excerpt(&p->in, line), n);
	}
	if (!scan_at_end(&p->in, pos))
		snprintf(unit, sizeof(unit), "%.*s",
			 (int)(p->in.text_len - pos), p->in.text + pos);
	if (*unit && strcasecmp(unit, "keV") && strcasecmp(unit, "eV"))
		return scan_refuse(&p->in, block, "`%s` is neither keV nor eV",
				   unit);
	for (size_t i = 0; i < n; i++)
		p->coefficient[i] =
			strcasecmp(unit, "eV") ? value[i] : value[i] / 1000;
	p->n_coefficients = n;
	p->axis = block;
	p->axis_line = p->in.line;
	return 0;
}

/* `offset gain`; $MCA_CAL says more and wins, wherever it stands. */
static int fit_line(struct parser *p)
{
	if (p->n_lines > 1 || (p->axis && !strcmp(p->axis, "$MCA_CAL")))
		return 0;
	return take_axis(p, "$ENER_FIT", 2);
}

/* How many coefficients; then these, and perhaps their unit. */
static int calibration_line(struct parser *p)
{
	size_t pos = 0;
	char line[32];
	double n;

	if (p->n_lines > 2)
		return 0;
	if (p->n_lines == 2)
		return take_axis(p, "$MCA_CAL", p->n_coefficients);
	if (!scan_number(&p->in, &pos, &n) || !scan_at_end(&p->in, pos) ||
	    (n != 2 && n != 3 && n != 4))
		return scan_refuse(&p->in, "$MCA_CAL",
				   "`%s` is not 2, 3 or 4 coefficients",
				   scan_excerpt(&p->in, line));
	p->n_coefficients = (size_t)n;
	return 0;
}

static const struct {
	const char *name;
	int (*read)(struct parser *p);
} blocks[] = {
	{ "$SPEC_ID:", id_line },	   { "$SPEC_REM:", remark_line },
	{ "$DATE_MEA:", date_line },	   { "$MEAS_TIM:", time_line },
	{ "$DATA:", data_line },	   { "$ENER_FIT:", fit_line },
	{ "$MCA_CAL:", calibration_line },
};

static int end_block(struct parser *p)
{
	if (p->block < 0 || blocks[p->block].read != data_line)
		return 0;
	if (!p->n_lines)
		return scan_refuse(&p->in, "$DATA", "the block is empty");
	if (p->f->n_chan < n_promised(p))
		return scan_refuse(
			&p->in, "$DATA",
			"%zu counts, its first line names %zu: it is cut off",
			p->f->n_chan, n_promised(p));
	return 0;
}

static int begin_block(struct parser *p)
{
	int r = end_block(p);

	if (r < 0)
		return r;
	p->block = -1;
	p->n_lines = 0;
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
		if (scan_is(&p->in, blocks[i].name))
			p->block = (int)i;
	}
	if (p->block < 0 || blocks[p->block].read != data_line)
		return 0;
	if (p->has_data)
		return scan_refuse(&p->in, "$DATA", "a second spectrum");
	p->has_data = true;
	return 0;
}

/* The line that stands for the polynomial over the channels there are. */
static int make_axis(struct parser *p)
{
	const double *c = p->coefficient;
	double chan[3], kev[3];
	bool is_zero = true;

	for (size_t i = 0; p->axis && i < p->n_coefficients; i++)
		is_zero = is_zero && c[i] == 0;
	/* Zeros are what programs write that have no calibration. */
	if (is_zero)
		return 0;
	p->in.line = p->axis_line;
	for (size_t i = 0; i < ARRAY_SIZE(chan); i++) {
		double x;

		chan[i] = (double)i / 2 * (double)(p->f->n_chan - 1);
		x = p->first + chan[i];
		kev[i] = c[0] + x * (c[1] + x * (c[2] + x * c[3]));
	}
	return spectrum_file_fit_axis(p->f, &p->in, p->axis, chan, kev,
				      ARRAY_SIZE(chan), STRAIGHT_CHANNELS);
}

static int parse_lines(struct parser *p)
{
	int r;

	while ((r = scan_line(&p->in)) > 0) {
		if (!p->in.text_len)
			continue;
		if (*p->in.text == '$') {
			r = begin_block(p);
		} else if (p->block >= 0) {
			p->n_lines++;
			r = blocks[p->block].read(p);
		}
		if (r < 0)
			return r;
	}
	return r < 0 ? r : end_block(p);
}

int spe_parse(const char *data, size_t len, struct spectrum_file **ret,
	      struct scan_error *err)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	struct parser p = { .in = scan_start(data, len, "", err), .block = -1 };
	int r;

	f = spectrum_file_new(SPECTRUM_FORMAT_SPE);
	if (!f)
		return -ENOMEM;
	p.f = f;
	r = parse_lines(&p);
	if (r >= 0)
		r = spectrum_file_check(f, &p.in, "$DATA", "$MEAS_TIM");
	if (r >= 0)
		r = make_axis(&p);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(f);
	return 0;
}

/* ---- writing -------------------------------------------------------------- */

/* A block's own line may not look like the head of another. */
static bool text_valid(const char *text)
{
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ')
			return false;
	}
	return *text != '$';
}

static bool time_valid(double s)
{
	return isfinite(s) && s >= 0;
}

static int put_text(struct buf *b, const char *block, const char *text)
{
	int r;

	if (!*text)
		return 0;
	r = buf_printf(b, "%s\r\n", block);
	if (r >= 0)
		r = cp1252_encode(text, b);
	return r < 0 ? r : buf_append_str(b, "\r\n");
}

static int put_numbers(struct buf *b, const struct spectrum_file *f)
{
	int r = 0;

	if (time_valid(f->live_s))
		r = buf_printf(b, "$MEAS_TIM:\r\n%.17g %.17g\r\n", f->live_s,
			       f->real_s);
	/* Before the counts and without a unit: PyMca reads no other. */
	if (r >= 0 && isfinite(f->kev_per_chan))
		r = buf_printf(
			b,
			"$ENER_FIT:\r\n%.17g %.17g\r\n$MCA_CAL:\r\n2\r\n%.17g %.17g\r\n",
			f->zero_kev, f->kev_per_chan, f->zero_kev,
			f->kev_per_chan);
	if (r >= 0)
		r = buf_printf(b, "$DATA:\r\n0 %zu\r\n", f->n_chan - 1);
	for (size_t i = 0; i < f->n_chan && r >= 0; i++)
		r = buf_printf(b, "%u\r\n", f->counts[i]);
	return r;
}

int spe_write(const struct spectrum_file *f, struct buf *ret)
{
	size_t start = ret->len;
	int r;

	if (!f->n_chan || f->n_chan > SPECTRUM_FILE_CHANNELS_MAX ||
	    !text_valid(f->sample) || !text_valid(f->remark) ||
	    !text_valid(f->start_time))
		return -EINVAL;
	/* The format knows only both times or none. */
	if (isnan(f->live_s) != isnan(f->real_s) ||
	    (!isnan(f->live_s) &&
	     (!time_valid(f->live_s) || !time_valid(f->real_s) ||
	      scan_times_contradict(f->live_s, f->real_s))))
		return -EINVAL;
	r = put_text(ret, "$SPEC_ID:", f->sample);
	if (r >= 0)
		r = put_text(ret, "$SPEC_REM:", f->remark);
	if (r >= 0)
		r = put_text(ret, "$DATE_MEA:", f->start_time);
	if (r >= 0)
		r = put_numbers(ret, f);
	if (r < 0)
		ret->len = start;
	return r;
}
