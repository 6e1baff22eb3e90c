/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IAEA's .spe spectrum file, read and written. */
#ifndef DAEMON_PROTO_SPE_H
#define DAEMON_PROTO_SPE_H

#include "proto/spectrum_file.h"

/*
 * Reads the blocks $SPEC_ID, $SPEC_REM, $DATE_MEA, $MEAS_TIM, $DATA, $ENER_FIT and
 * $MCA_CAL (which is taken when both are there); others are passed over. 0
 * and *ret, or -EBADMSG with @err: no $DATA, fewer or more counts than its
 * first line says, one that is no whole number from 0 to 2^32, too many
 * channels, live time beyond real time, an axis that does not rise or is
 * more than half a channel from straight; -ENOMEM.
 */
int spe_parse(const char *data, size_t len, struct spectrum_file **ret,
	      struct scan_error *err);

/* As spectrum_file_write(). */
int spe_write(const struct spectrum_file *f, struct buf *ret);

#endif
