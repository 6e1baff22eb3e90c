// SPDX-License-Identifier: GPL-2.0-or-later
/* Spectrum files: which format, and what all of them have in common. */
#include "proto/spectrum_file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/csv.h"
#include "proto/mca.h"
#include "proto/msa.h"
#include "proto/spe.h"

/* Pairs are peaks that someone picked; no bound on them is known. */
#define NO_SLACK INFINITY

struct spectrum_file *spectrum_file_new(enum spectrum_format format)
{
	CLEANUP(spectrum_file_freep)
	struct spectrum_file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->counts = calloc(SPECTRUM_FILE_CHANNELS_MAX, sizeof(*f->counts));
	if (!f->counts)
		return NULL;
	f->format = format;
	f->zero_kev = f->kev_per_chan = NAN;
	f->live_s = f->real_s = f->fast_count = f->slow_count = NAN;
	return TAKE_PTR(f);
}

struct spectrum_file *spectrum_file_free(struct spectrum_file *f)
{
	if (f)
		free(f->counts);
	free(f);
	return NULL;
}

int spectrum_file_add(struct spectrum_file *f, struct scan *s,
		      const char *field, double value)
{
	int r;

	if (f->n_chan == SPECTRUM_FILE_CHANNELS_MAX)
		return scan_refuse(s, field, "more than %d channels",
				   SPECTRUM_FILE_CHANNELS_MAX);
	r = scan_count(s, field, f->n_chan, value, &f->counts[f->n_chan]);
	if (r >= 0)
		f->n_chan++;
	return r;
}

int spectrum_file_set_axis(struct spectrum_file *f, struct scan *s,
			   const char *field, double zero_kev,
			   double kev_per_chan)
{
	if (!isfinite(zero_kev) || !isfinite(kev_per_chan) ||
	    !(kev_per_chan > 0))
		return scan_refuse(
			s, field,
			"%g keV + channel x %g keV is no axis that rises",
			zero_kev, kev_per_chan);
	f->zero_kev = zero_kev;
	f->kev_per_chan = kev_per_chan;
	return 0;
}

int spectrum_file_fit_axis(struct spectrum_file *f, struct scan *s,
			   const char *field, const double *chan,
			   const double *kev, size_t n, double slack)
{
	double x0 = 0, y0 = 0, xx = 0, xy = 0, gain;
	int r;

	for (size_t i = 0; i < n; i++) {
		x0 += (chan ? chan[i] : (double)i) / (double)n;
		y0 += kev[i] / (double)n;
	}
	for (size_t i = 0; i < n; i++) {
		double x = (chan ? chan[i] : (double)i) - x0;

		xx += x * x;
		xy += x * (kev[i] - y0);
	}
	if (!(xx > 0))
		return scan_refuse(s, field,
				   "one energy does not make an axis");
	gain = xy / xx;
	r = spectrum_file_set_axis(f, s, field, y0 - gain * x0, gain);
	for (size_t i = 0; i < n && r >= 0; i++) {
		double x = chan ? chan[i] : (double)i;
		double off = (kev[i] - f->zero_kev) / gain - x;

		if (fabs(off) > slack)
			r = scan_refuse(
				s, field,
				"channel %g lies %+.1f channels from a straight line",
				x, off);
	}
	return r;
}

int spectrum_file_check(const struct spectrum_file *f, struct scan *s,
			const char *data_field, const char *live_field)
{
	s->line = 0;
	if (!f->n_chan)
		return scan_refuse(s, data_field, "the file holds no spectrum");
	if (scan_times_contradict(f->live_s, f->real_s))
		return scan_refuse(
			s, live_field,
			"the live time of %g s exceeds the real time of %g s",
			f->live_s, f->real_s);
	return 0;
}

/* ---- Amptek's ------------------------------------------------------------- */

/* A number in a DPP STATUS line, which may carry its unit. */
static double status_number(const struct mca_file *m, const char *name)
{
	const char *text = mca_status_get(m, name);
	double value;
	char *end;

	if (!text)
		return NAN;
	value = strtod(text, &end);
	return end == text || !isfinite(value) ? NAN : value;
}

static int mca_axis(struct spectrum_file *f, const struct mca_file *m,
		    struct scan_error *err)
{
	struct scan s = scan_start("", 0, "", err);
	double chan[MCA_CALIBRATION_MAX], kev[MCA_CALIBRATION_MAX];

	for (size_t i = 0; i < m->n_points; i++) {
		chan[i] = m->points[i].channel;
		kev[i] = m->points[i].energy;
	}
	if (!m->n_points)
		return 0;
	return spectrum_file_fit_axis(f, &s, "<<CALIBRATION>>", chan, kev,
				      m->n_points, NO_SLACK);
}

static int parse_mca(const char *data, size_t len, struct spectrum_file **ret,
		     struct scan_error *err)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	CLEANUP(mca_freep) struct mca_file *m = NULL;
	int r;

	f = spectrum_file_new(SPECTRUM_FORMAT_MCA);
	if (!f)
		return -ENOMEM;
	r = mca_parse(data, len, &m, err);
	if (r < 0)
		return r;
	memcpy(f->counts, m->counts, m->n_chan * sizeof(*f->counts));
	f->n_chan = m->n_chan;
	f->live_s = m->live_s;
	f->real_s = m->real_s;
	f->fast_count = status_number(m, "Fast Count");
	f->slow_count = status_number(m, "Slow Count");
	/* "live_data" is what the vendor's program writes for no name. */
	if (strcmp(m->tag, "live_data") != 0)
		snprintf(f->sample, sizeof(f->sample), "%s", m->tag);
	snprintf(f->remark, sizeof(f->remark), "%s", m->description);
	snprintf(f->serial, sizeof(f->serial), "%s", m->serial);
	snprintf(f->start_time, sizeof(f->start_time), "%s", m->start_time);
	r = mca_axis(f, m, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(f);
	return 0;
}

static void add_status(struct mca_file *m, const char *name, int decimals,
		       double value, const char *unit)
{
	struct mca_status_line *s = &m->status[m->n_status++];

	snprintf(s->name, sizeof(s->name), "%s", name);
	snprintf(s->value, sizeof(s->value), "%.*f%s", decimals, value, unit);
}

/* As the maker's program has it: the dead time is the fast counts that are not
 * among the slow ones, not the time that was not live. */
static void add_rates(struct mca_file *m, const struct spectrum_file *f)
{
	if (isfinite(f->fast_count))
		add_status(m, "Fast Count", 0, f->fast_count, "");
	if (isfinite(f->slow_count))
		add_status(m, "Slow Count", 0, f->slow_count, "");
	if (f->fast_count > 0 && f->slow_count <= f->fast_count)
		add_status(m, "Dead Time", 2,
			   100 * (1 - f->slow_count / f->fast_count), "%");
}

static int write_mca(const struct spectrum_file *f, struct buf *ret)
{
	struct mca_file m = {
		.counts = f->counts,
		.n_chan = f->n_chan,
		.live_s = f->live_s,
		.real_s = f->real_s,
		.preset_s = NAN,
		.calibration_label = "keV",
	};

	if (isfinite(f->kev_per_chan) && f->n_chan > 1) {
		double last = (double)(f->n_chan - 1);

		m.points[0] = (struct mca_point){ 0, f->zero_kev };
		m.points[1] = (struct mca_point){
			last, f->zero_kev + last * f->kev_per_chan
		};
		m.n_points = 2;
	}
	snprintf(m.tag, sizeof(m.tag), "%s", f->sample);
	snprintf(m.description, sizeof(m.description), "%s", f->remark);
	snprintf(m.serial, sizeof(m.serial), "%s", f->serial);
	snprintf(m.start_time, sizeof(m.start_time), "%.31s", f->start_time);
	add_rates(&m, f);
	return mca_write(&m, ret);
}

/* ---- the door ------------------------------------------------------------- */

static const struct {
	const char *name;
	const char *title;
	int (*parse)(const char *data, size_t len, struct spectrum_file **ret,
		     struct scan_error *err);
	int (*write)(const struct spectrum_file *f, struct buf *ret);
} formats[SPECTRUM_N_FORMATS] = {
	[SPECTRUM_FORMAT_MCA] = { "mca", "Amptek .mca", parse_mca, write_mca },
	[SPECTRUM_FORMAT_SPE] = { "spe", "IAEA .spe", spe_parse, spe_write },
	[SPECTRUM_FORMAT_MSA] = { "msa", "EMSA/MAS .msa", msa_parse,
				  msa_write },
	[SPECTRUM_FORMAT_CSV] = { "csv", "columns of text", csv_parse, NULL },
};

const char *spectrum_format_title(enum spectrum_format format)
{
	return formats[format].title;
}

const char *spectrum_format_name(enum spectrum_format format)
{
	return formats[format].name;
}

int spectrum_file_recognise(const char *data, size_t len,
			    enum spectrum_format *ret, struct scan_error *err)
{
	struct scan s = scan_start(data, len, "", err);
	char line[32];
	int r;

	if (len > SPECTRUM_FILE_MAX)
		return scan_refuse(&s, "file", "more than %d bytes",
				   SPECTRUM_FILE_MAX);
	do {
		r = scan_line(&s);
		if (r < 0)
			return r;
	} while (r && !s.text_len);
	if (!r)
		return scan_refuse(&s, "file", "it is empty");

	if (scan_begins(&s, "<<"))
		*ret = SPECTRUM_FORMAT_MCA;
	else if (scan_begins(&s, "$"))
		*ret = SPECTRUM_FORMAT_SPE;
	else if (scan_begins(&s, "#FORMAT"))
		*ret = SPECTRUM_FORMAT_MSA;
	else if (csv_is_one(data, len))
		*ret = SPECTRUM_FORMAT_CSV;
	else
		return scan_refuse(
			&s, "file",
			"it begins with `%s`, which none of Amptek .mca, IAEA .spe, EMSA/MAS .msa and columns of text does",
			scan_excerpt(&s, line));
	return 0;
}

int spectrum_file_parse(const char *data, size_t len,
			struct spectrum_file **ret, struct scan_error *err)
{
	enum spectrum_format format;
	int r;

	r = spectrum_file_recognise(data, len, &format, err);
	return r < 0 ? r : formats[format].parse(data, len, ret, err);
}

int spectrum_file_write(const struct spectrum_file *f,
			enum spectrum_format format, struct buf *ret)
{
	return formats[format].write ? formats[format].write(f, ret) : -EINVAL;
}
