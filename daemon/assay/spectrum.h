/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One measured spectrum as the assay takes it: counts, times, energy axis. */
#ifndef DAEMON_ASSAY_SPECTRUM_H
#define DAEMON_ASSAY_SPECTRUM_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

enum {
	SPECTRUM_MIN_CHAN = 256,
	SPECTRUM_MAX_CHAN = 8192,
	SPECTRUM_MAX_CAL = 16,
};

struct spectrum_cal {
	double chan;
	double kev;
};

/*
 * Channel k is centred at the energy that the calibration gives for k.
 * What is not known is NAN; texts are empty when not known.
 */
struct spectrum {
	uint32_t *counts; /* owned */
	size_t n_chan;
	double live_s;
	double real_s;
	double tube_ua;
	double icr_cps;
	double ocr_cps;
	double areal_g_cm2; /* sample mass per area; NAN: as the method says */
	double density_g_cm3; /* of the sample; NAN: as the method says */
	double moisture; /* of the sample, as loss.h has it; NAN: not stated */
	double loi;
	struct spectrum_cal cal[SPECTRUM_MAX_CAL];
	size_t n_cal; /* pairs; 0: not calibrated */
	char sample[64];
	char serial[32];
	char start_time[32];
};

enum spectrum_fault {
	SPECTRUM_OK,
	SPECTRUM_FEW_CHANNELS,
	SPECTRUM_MANY_CHANNELS,
	SPECTRUM_NO_CALIBRATION,
	SPECTRUM_BAD_CALIBRATION,
	SPECTRUM_BAD_LIVE_TIME,
	SPECTRUM_BAD_REAL_TIME,
	SPECTRUM_LIVE_ABOVE_REAL,
	SPECTRUM_EMPTY,
	SPECTRUM_OUT_OF_RANGE, /* the axis misses the range of the method */
	SPECTRUM_BAD_TUBE,
	SPECTRUM_BAD_AREAL,
	SPECTRUM_BAD_LOSS,
};

/* A spectrum of its own with a copy of the counts, all else not known. */
int spectrum_new(const uint32_t *counts, size_t n_chan, struct spectrum **ret);
struct spectrum *spectrum_free(struct spectrum *s);
CLEANUP_FUNC(struct spectrum, spectrum_free);

/* SPECTRUM_OK, or the first thing that makes it useless for an assay. */
enum spectrum_fault spectrum_check(const struct spectrum *s);

/* One sentence for people; static text. */
const char *spectrum_fault_text(enum spectrum_fault fault);

/*
 * The straight line through the calibration pairs (least squares): energy
 * of channel k is ret[0] + ret[1] * k, in keV. False when the pairs do not
 * determine a rising line.
 */
_Bool spectrum_axis(const struct spectrum *s, double ret[2]);

#endif
