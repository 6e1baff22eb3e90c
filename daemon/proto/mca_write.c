// SPDX-License-Identifier: GPL-2.0-or-later
/* An .mca spectrum file written as mca.c reads it. */
#include "proto/mca.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cp1252.h"

/* A line end inside a text would begin a line of its own. */
static bool is_one_line(const char *text)
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

static bool file_valid(const struct mca_file *m)
{
	if (!m->counts || !m->n_chan || m->n_chan > MCA_CHANNELS_MAX)
		return false;
	if (m->n_points > MCA_CALIBRATION_MAX || m->n_rois > MCA_ROI_MAX ||
	    m->n_status > MCA_STATUS_MAX ||
	    m->config.n > DP5_CONFIG_COMMANDS_MAX)
		return false;
	if (!is_one_line(m->tag) || !is_one_line(m->description) ||
	    !is_one_line(m->start_time) || !is_one_line(m->serial) ||
	    !is_one_line(m->calibration_label))
		return false;
	for (size_t i = 0; i < m->n_status; i++) {
		if (!is_one_line(m->status[i].name) ||
		    strchr(m->status[i].name, ':') ||
		    !is_one_line(m->status[i].value))
			return false;
	}
	for (size_t i = 0; i < m->n_points; i++) {
		if (!isfinite(m->points[i].channel) ||
		    !isfinite(m->points[i].energy))
			return false;
	}
	return time_valid(m->live_s) && time_valid(m->real_s) &&
	       time_valid(m->preset_s) &&
	       !scan_times_contradict(m->live_s, m->real_s);
}

static int put_text(struct buf *b, const char *name, const char *text)
{
	int r;

	r = buf_append_str(b, name);
	if (r >= 0)
		r = cp1252_encode(text, b);
	return r < 0 ? r : buf_append_str(b, "\r\n");
}

/* The maker's six digits when they say all, else what reads back the same. */
static void format_number(double value, char *ret, size_t size)
{
	snprintf(ret, size, "%.6f", value);
	if (strtod(ret, NULL) != value)
		snprintf(ret, size, "%.17g", value);
}

static int put_time(struct buf *b, const char *name, double seconds)
{
	char text[400];

	if (isnan(seconds))
		return 0;
	format_number(seconds, text, sizeof(text));
	return buf_printf(b, "%s - %s\r\n", name, text);
}

static int put_header(const struct mca_file *m, struct buf *b)
{
	int r;

	r = buf_append_str(b, "<<PMCA SPECTRUM>>\r\n");
	if (r >= 0)
		r = put_text(b, "TAG - ", m->tag);
	if (r >= 0)
		r = put_text(b, "DESCRIPTION - ", m->description);
	if (r >= 0)
		r = put_time(b, "PRESET_TIME", m->preset_s);
	if (r >= 0)
		r = put_time(b, "LIVE_TIME", m->live_s);
	if (r >= 0)
		r = put_time(b, "REAL_TIME", m->real_s);
	if (r >= 0)
		r = put_text(b, "START_TIME - ", m->start_time);
	return r < 0 ? r : put_text(b, "SERIAL_NUMBER - ", m->serial);
}

static int put_calibration(const struct mca_file *m, struct buf *b)
{
	char channel[400], energy[400];
	int r;

	if (!m->n_points)
		return 0;
	r = buf_append_str(b, "<<CALIBRATION>>\r\n");
	if (r >= 0)
		r = put_text(b, "LABEL - ", m->calibration_label);
	for (size_t i = 0; i < m->n_points && r >= 0; i++) {
		format_number(m->points[i].channel, channel, sizeof(channel));
		format_number(m->points[i].energy, energy, sizeof(energy));
		r = buf_printf(b, "%s %s\r\n", channel, energy);
	}
	return r;
}

static int put_rois(const struct mca_file *m, struct buf *b)
{
	int r = 0;

	if (m->n_rois)
		r = buf_append_str(b, "<<ROI>>\r\n");
	for (size_t i = 0; i < m->n_rois && r >= 0; i++)
		r = buf_printf(b, "%u %u\r\n", m->rois[i].first,
			       m->rois[i].last);
	return r;
}

static int put_data(const struct mca_file *m, struct buf *b)
{
	int r;

	r = buf_append_str(b, "<<DATA>>\r\n");
	for (size_t i = 0; i < m->n_chan && r >= 0; i++)
		r = buf_printf(b, "%u\r\n", m->counts[i]);
	return r < 0 ? r : buf_append_str(b, "<<END>>\r\n");
}

static int put_config(const struct mca_file *m, struct buf *b)
{
	int r;

	if (!m->config.n)
		return 0;
	r = buf_append_str(b, "<<DP5 CONFIGURATION>>\r\n");
	for (size_t i = 0; i < m->config.n && r >= 0; i++)
		r = buf_printf(b, "%s=%s;\r\n", m->config.commands[i].name,
			       m->config.commands[i].value);
	return r < 0 ? r : buf_append_str(b, "<<DP5 CONFIGURATION END>>\r\n");
}

static int put_status(const struct mca_file *m, struct buf *b)
{
	int r;

	if (!m->n_status)
		return 0;
	r = buf_append_str(b, "<<DPP STATUS>>\r\n");
	for (size_t i = 0; i < m->n_status && r >= 0; i++) {
		r = cp1252_encode(m->status[i].name, b);
		if (r >= 0)
			r = put_text(b, ": ", m->status[i].value);
	}
	return r < 0 ? r : buf_append_str(b, "<<DPP STATUS END>>\r\n");
}

int mca_write(const struct mca_file *m, struct buf *ret)
{
	static int (*const parts[])(const struct mca_file *, struct buf *) = {
		put_header, put_calibration, put_rois,
		put_data,   put_config,	     put_status,
	};
	size_t start = ret->len;
	int r = 0;

	if (!file_valid(m))
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(parts) && r >= 0; i++)
		r = parts[i](m, ret);
	if (r < 0)
		ret->len = start;
	return r;
}
