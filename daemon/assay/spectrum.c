// SPDX-License-Identifier: GPL-2.0-or-later
/* Holds a measured spectrum and refuses what no assay can use. */
#include "assay/spectrum.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const spectrum_faults[] = {
	[SPECTRUM_OK] = "the spectrum is usable",
	[SPECTRUM_FEW_CHANNELS] = "too few channels, at least 256 are needed",
	[SPECTRUM_MANY_CHANNELS] = "more than 8192 channels",
	[SPECTRUM_NO_CALIBRATION] =
		"no energy calibration, at least two pairs are needed",
	[SPECTRUM_BAD_CALIBRATION] =
		"the calibration pairs do not give a rising straight line",
	[SPECTRUM_BAD_LIVE_TIME] = "the live time is not above zero",
	[SPECTRUM_BAD_REAL_TIME] = "the real time is not above zero",
	[SPECTRUM_LIVE_ABOVE_REAL] = "the live time exceeds the real time",
	[SPECTRUM_EMPTY] = "the spectrum holds no counts",
	[SPECTRUM_OUT_OF_RANGE] =
		"the energy axis does not cover the range of the method",
	[SPECTRUM_BAD_TUBE] = "the tube current is not above zero",
	[SPECTRUM_BAD_AREAL] =
		"the mass per area or the density is not above zero",
	[SPECTRUM_BAD_LOSS] =
		"moisture or loss on ignition is not from 0 to below 100 %",
};

int spectrum_new(const uint32_t *counts, size_t n_chan, struct spectrum **ret)
{
	CLEANUP(spectrum_freep) struct spectrum *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	if (n_chan > SPECTRUM_MAX_CHAN)
		return -EINVAL;
	s->counts = calloc(n_chan + 1, sizeof(*s->counts));
	if (!s->counts)
		return -ENOMEM;
	if (n_chan)
		memcpy(s->counts, counts, n_chan * sizeof(*counts));
	s->n_chan = n_chan;
	s->live_s = s->real_s = NAN;
	s->tube_ua = s->icr_cps = s->ocr_cps = NAN;
	s->areal_g_cm2 = s->density_g_cm3 = NAN;
	s->moisture = s->loi = NAN;
	*ret = TAKE_PTR(s);
	return 0;
}

struct spectrum *spectrum_free(struct spectrum *s)
{
	if (s)
		free(s->counts);
	free(s);
	return NULL;
}

_Bool spectrum_axis(const struct spectrum *s, double ret[2])
{
	double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, det;

	for (size_t i = 0; i < s->n_cal && i < SPECTRUM_MAX_CAL; i++) {
		n++;
		sx += s->cal[i].chan;
		sy += s->cal[i].kev;
		sxx += s->cal[i].chan * s->cal[i].chan;
		sxy += s->cal[i].chan * s->cal[i].kev;
	}
	det = n * sxx - sx * sx;
	if (!(det > 0))
		return 0;
	ret[1] = (n * sxy - sx * sy) / det;
	ret[0] = (sy - ret[1] * sx) / n;
	return isfinite(ret[0]) && isfinite(ret[1]) && ret[1] > 0;
}

/* Neither unknown nor above zero. */
static _Bool spectrum_stated_badly(double value)
{
	return !isnan(value) && !(value > 0 && isfinite(value));
}

/* Neither unknown nor a share that leaves something. */
static _Bool spectrum_lost_badly(double value)
{
	return !isnan(value) && !(value >= 0 && value < 1);
}

enum spectrum_fault spectrum_check(const struct spectrum *s)
{
	double axis[2];
	uint64_t sum = 0;

	if (s->n_chan < SPECTRUM_MIN_CHAN)
		return SPECTRUM_FEW_CHANNELS;
	if (s->n_chan > SPECTRUM_MAX_CHAN)
		return SPECTRUM_MANY_CHANNELS;
	if (s->n_cal < 2)
		return SPECTRUM_NO_CALIBRATION;
	if (!spectrum_axis(s, axis))
		return SPECTRUM_BAD_CALIBRATION;
	if (!(s->live_s > 0) || !isfinite(s->live_s))
		return SPECTRUM_BAD_LIVE_TIME;
	if (!(s->real_s > 0) || !isfinite(s->real_s))
		return SPECTRUM_BAD_REAL_TIME;
	/* Files round both; a clock of the instrument ticks in 0.1 s. */
	if (s->live_s > s->real_s * (1 + 1e-6) + 0.1)
		return SPECTRUM_LIVE_ABOVE_REAL;
	if (spectrum_stated_badly(s->tube_ua))
		return SPECTRUM_BAD_TUBE;
	if (spectrum_stated_badly(s->areal_g_cm2) ||
	    spectrum_stated_badly(s->density_g_cm3))
		return SPECTRUM_BAD_AREAL;
	if (spectrum_lost_badly(s->moisture) || spectrum_lost_badly(s->loi))
		return SPECTRUM_BAD_LOSS;
	for (size_t i = 0; i < s->n_chan; i++)
		sum += s->counts[i];
	return sum ? SPECTRUM_OK : SPECTRUM_EMPTY;
}

const char *spectrum_fault_text(enum spectrum_fault fault)
{
	return spectrum_faults[fault];
}
