/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Amptek's .mca spectrum file, read and written.
 *
 * Lines end in CRLF or LF; texts are CP1252 and become UTF-8. The parser
 * works on memory, the caller opens files.
 */
#ifndef DAEMON_PROTO_MCA_H
#define DAEMON_PROTO_MCA_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "proto/config.h"
#include "proto/scan.h"

/* The largest file taken: no real one passes 100 KiB. */
#define MCA_FILE_MAX (1024 * 1024)
#define MCA_CHANNELS_MAX 8192
#define MCA_CALIBRATION_MAX 64
#define MCA_ROI_MAX 64
#define MCA_STATUS_MAX 64
#define MCA_TEXT_MAX 256

struct mca_point {
	double channel;
	double energy; /* keV in all files known, the label seldom says so */
};

struct mca_roi {
	uint32_t first;
	uint32_t last;
};

struct mca_status_line {
	char name[64];
	char value[64];
};

struct mca_file {
	uint32_t *counts;
	size_t n_chan;

	char tag[MCA_TEXT_MAX];
	char description[MCA_TEXT_MAX];
	char start_time[32]; /* as written, MM/DD/YYYY HH:MM:SS, no zone */
	char serial[32];
	double live_s; /* NAN when the file does not say */
	double real_s;
	double preset_s;

	/* n_points == 0: the file carries no energy calibration. The parser
	 * takes it; whoever needs energies refuses it. */
	struct mca_point points[MCA_CALIBRATION_MAX];
	size_t n_points;
	char calibration_label[64];

	struct mca_roi rois[MCA_ROI_MAX];
	size_t n_rois;

	struct dp5_config config; /* DP5 CONFIGURATION, n 0 when absent */
	struct mca_status_line status[MCA_STATUS_MAX]; /* DPP STATUS */
	size_t n_status;
};

/*
 * Reads a file's bytes. 0 and *ret, or -EBADMSG with @err: no or empty
 * <<DATA>>, text or a negative or too large number in it, too many channels,
 * NUL bytes, a broken calibration, time that is negative or live time beyond
 * real time, a file that ends inside a section; -ENOMEM.
 */
int mca_parse(const char *data, size_t len, struct mca_file **ret,
	      struct scan_error *err);

/*
 * Writes a file that mca_parse() reads back to the same contents, CRLF and
 * CP1252 (characters it lacks become `?`). -EINVAL when a text holds a line
 * end or a count or time is out of range.
 */
int mca_write(const struct mca_file *m, struct buf *ret);

/* Takes NULL and returns NULL. */
struct mca_file *mca_free(struct mca_file *m);
CLEANUP_FUNC(struct mca_file, mca_free);

/* The value of a DPP STATUS line ("Fast Count"), or NULL. */
const char *mca_status_get(const struct mca_file *m, const char *name);

#endif
