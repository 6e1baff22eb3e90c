/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A spectrum file, the shape of what the emulated detector sees. */
#ifndef TOOLS_DP5EMU_SAMPLE_H
#define TOOLS_DP5EMU_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#define SAMPLE_CHANNELS_MAX 8192
#define SAMPLE_WHY_LEN 256

/*
 * Energy of the centre of channel k is offset_kev + k * gain_kev, a straight
 * line through the file's calibration pairs.
 */
struct sample {
	char name[64];
	size_t n_chan;
	double total;
	double live_s;
	double offset_kev;
	double gain_kev;
	uint32_t counts[SAMPLE_CHANNELS_MAX];
};

/*
 * Read an .mca file. On failure *ret is untouched and @why names the file,
 * the line and the reason; returns -EINVAL for what stands in the file, else
 * the error of reading it.
 */
int sample_load(const char *path, struct sample **ret,
		char why[static SAMPLE_WHY_LEN]);

/* Takes NULL; returns NULL. */
struct sample *sample_free(struct sample *s);

#endif /* TOOLS_DP5EMU_SAMPLE_H */
