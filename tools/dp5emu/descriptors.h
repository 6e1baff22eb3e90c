/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a device says of itself on endpoint 0, true or not. */
#ifndef TOOLS_DP5EMU_DESCRIPTORS_H
#define TOOLS_DP5EMU_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DESCRIPTORS_DEVICE_LEN 18
#define DESCRIPTORS_MAX 4096

/* The device's descriptor, then a configuration with all that belongs to it. */
struct descriptors {
	size_t len;
	uint8_t bytes[DESCRIPTORS_MAX];
};

/* The instrument's own. */
void descriptors_set(struct descriptors *d, bool is_full_speed);

/* Those of a file of hex digits, unchecked; *d is untouched on failure. */
int descriptors_load(struct descriptors *d, const char *path);

/*
 * Answer a request on endpoint 0. @out has room for DESCRIPTORS_MAX bytes; at
 * most what the request asks for is written. 0, or -EPIPE for a stall.
 */
int descriptors_answer(const struct descriptors *d, const uint8_t setup[8],
		       uint8_t *out, size_t *ret_len);

#endif /* TOOLS_DP5EMU_DESCRIPTORS_H */
