/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds of instrument that can be emulated. */
#ifndef TOOLS_DP5EMU_PROFILE_H
#define TOOLS_DP5EMU_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#define PROFILE_FW(major, minor, build) \
	((uint32_t)(major) << 16 | (uint32_t)(minor) << 8 | (uint32_t)(build))

struct profile {
	const char *name;
	uint32_t fw; /* PROFILE_FW() */
	uint8_t fpga_major, fpga_minor;
	uint8_t bootloader;
	uint8_t eco;
	bool has_coarse_24; /* the 24-step gain table of Rev D boards */
	bool is_mini_x2;
	uint32_t unnamed; /* status bytes 16 to 19 */
};

/* A detector and the supplies its box is fitted with. */
struct detector {
	const char *name;
	bool is_hv_positive;
	bool is_preamp_8v5;
	bool is_input_positive; /* AINP that gives pulses */
	const char *defaults; /* what a factory-fresh flash holds */
};

/* NULL when there is none of that name. */
const struct profile *profile_find(const char *name);
const struct detector *detector_find(const char *name);

/* The names, separated by blanks, for messages. */
const char *profile_names(void);
const char *detector_names(void);

#endif /* TOOLS_DP5EMU_PROFILE_H */
