/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A spectrum file of any format we know, by what is in it and not by its
 * name. The parsers work on memory, callers open files.
 */
#ifndef DAEMON_PROTO_SPECTRUM_FILE_H
#define DAEMON_PROTO_SPECTRUM_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "proto/scan.h"

/* The largest file taken: no real one passes 100 KiB. */
#define SPECTRUM_FILE_MAX (1024 * 1024)
#define SPECTRUM_FILE_CHANNELS_MAX 8192

enum spectrum_format {
	SPECTRUM_FORMAT_MCA, /* Amptek */
	SPECTRUM_FORMAT_SPE, /* IAEA */
	SPECTRUM_FORMAT_MSA, /* EMSA/MAS, ISO 22029 */
	SPECTRUM_FORMAT_CSV, /* columns of text, or bare numbers */
	SPECTRUM_N_FORMATS,
};

struct spectrum_file {
	enum spectrum_format format;
	uint32_t *counts; /* room for SPECTRUM_FILE_CHANNELS_MAX */
	size_t n_chan;
	/* Channels below zero, as a program leaves that subtracts the zero
	 * peak; they stand as 0 in `counts`. */
	size_t n_negative;

	/* Energy of the middle of channel k: zero + k * kev_per_chan. NAN:
	 * the file does not say. */
	double zero_kev;
	double kev_per_chan;

	double live_s; /* NAN: the file does not say, and so on */
	double real_s;
	double fast_count;
	double slow_count;
	char sample[256];
	char remark[256];
	char serial[32];
	char start_time[64]; /* as written */
};

/* "Amptek .mca", and the short name "mca" of the command line. */
const char *spectrum_format_title(enum spectrum_format format);
const char *spectrum_format_name(enum spectrum_format format);

/* The format of a file's bytes; -EBADMSG when it is none, with @err. */
int spectrum_file_recognise(const char *data, size_t len,
			    enum spectrum_format *ret, struct scan_error *err);

/*
 * Reads a file's bytes by its format. 0 and *ret, or -EBADMSG with @err;
 * -ENOMEM.
 */
int spectrum_file_parse(const char *data, size_t len,
			struct spectrum_file **ret, struct scan_error *err);

/*
 * Writes a file that reads back to the same counts, times, texts and axis, and in
 * Amptek's also fast and slow count, for which the others have no place.
 * -EINVAL when there is no writer for @format, or when a text holds a line
 * end or a count or time is out of range.
 */
int spectrum_file_write(const struct spectrum_file *f,
			enum spectrum_format format, struct buf *ret);

/* Nothing known, no channel yet. NULL: no memory. */
struct spectrum_file *spectrum_file_new(enum spectrum_format format);
/* Takes NULL and returns NULL. */
struct spectrum_file *spectrum_file_free(struct spectrum_file *f);
CLEANUP_FUNC(struct spectrum_file, spectrum_file_free);

/* What parsers of a format share; -EBADMSG with the error of @s. */

/* One channel more. */
int spectrum_file_add(struct spectrum_file *f, struct scan *s,
		      const char *field, double value);
/* The axis, or why it is none: it must rise. */
int spectrum_file_set_axis(struct spectrum_file *f, struct scan *s,
			   const char *field, double zero_kev,
			   double kev_per_chan);
/*
 * The straight line through @n energies, at channels @chan or, NULL, at
 * 0, 1, ...; none may lie further from it than @slack channels.
 */
int spectrum_file_fit_axis(struct spectrum_file *f, struct scan *s,
			   const char *field, const double *chan,
			   const double *kev, size_t n, double slack);
/* The checks of the whole: counts there, live time within real time. */
int spectrum_file_check(const struct spectrum_file *f, struct scan *s,
			const char *data_field, const char *live_field);

#endif
