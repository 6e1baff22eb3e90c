/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The EMSA/MAS spectrum file of ISO 22029, read and written. */
#ifndef DAEMON_PROTO_MSA_H
#define DAEMON_PROTO_MSA_H

#include "proto/spectrum_file.h"

/*
 * Reads a file of type Y or XY in up to four columns. Negative counts, which
 * programs leave where they subtract the zero peak, become 0 and are counted
 * in `n_negative`. 0 and *ret, or -EBADMSG with @err: a keyword missing or
 * wrong, fewer or more counts than NPOINTS, one that is no whole number, too
 * many channels, energies that fall or are uneven, live time beyond real
 * time, no ENDOFDATA; -ENOMEM.
 */
int msa_parse(const char *data, size_t len, struct spectrum_file **ret,
	      struct scan_error *err);

/*
 * As spectrum_file_write(), type Y in one column, energies in keV; -EINVAL also
 * without an energy axis. A start time in RFC 3339 or as MM/DD/YYYY HH:MM:SS
 * becomes the format's own.
 */
int msa_write(const struct spectrum_file *f, struct buf *ret);

#endif
