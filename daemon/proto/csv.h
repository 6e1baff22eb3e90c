/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A spectrum as columns of text, or as bare numbers. */
#ifndef DAEMON_PROTO_CSV_H
#define DAEMON_PROTO_CSV_H

#include "proto/spectrum_file.h"

/* Whether the first line that is no comment holds numbers or names counts. */
bool csv_is_one(const char *data, size_t len);

/*
 * Reads numbers a line, separated by commas, semicolons or blanks: counts
 * alone, channel and counts, or energy and counts. A line of names may stand
 * above (`channel`, `energy_kev`, `energy_ev`, `counts`; further columns are
 * passed over). Without it a first column is taken for channels when it rises
 * by one, else for energies in keV. Lines with `#` are comments, of which
 * `# NAME: VALUE` says what the columns cannot: `sample`, `start_time`,
 * `serial`, `live_s`, `real_s`, `fast_count`, `slow_count`, `zero_kev`,
 * `kev_per_chan`.
 *
 * 0 and *ret, or -EBADMSG with @err: a line that is not as many numbers as
 * the first, counts that are no whole number from 0 to 2^32, channels that do
 * not follow each other, energies that fall or are uneven, too many channels,
 * live time beyond real time; -ENOMEM.
 */
int csv_parse(const char *data, size_t len, struct spectrum_file **ret,
	      struct scan_error *err);

#endif
