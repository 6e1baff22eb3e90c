/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of text commands and the rules no column can express. */
#ifndef TOOLS_DP5EMU_CONFIG_TABLE_H
#define TOOLS_DP5EMU_CONFIG_TABLE_H

#include "dp5emu/config.h"

/*
 * Check and round a value that has the form of the command; returns the ACK.
 * A value marked is_set is stored in spite of an error ACK.
 */
typedef int (*config_set_fn)(struct config *c, enum config_id id,
			     struct config_value *v);

/*
 * words: what is accepted, with the part that need not match in braces.
 * Numbers are accepted when max is above min, rounded to the nearest step
 * and read back, cut off, with so many decimals. fallback is taken besides
 * the error ACK, and without one when is_lenient.
 */
struct config_param {
	char name[5];
	uint8_t order;
	const char *words;
	double min, max, step;
	uint8_t decimals;
	const char *def;
	const char *fallback;
	bool is_lenient;
	bool needs_pc5;
	uint32_t since;
	config_set_fn set;
};

extern const struct config_param config_params[CONFIG_COUNT];

/* Coarse gain number @index from 1, NaN when the board has none. */
double config_coarse_gain(const struct config *c, int index);

#endif /* TOOLS_DP5EMU_CONFIG_TABLE_H */
