/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One instrument in software: a request in, its reply out. */
#ifndef TOOLS_DP5EMU_INSTRUMENT_H
#define TOOLS_DP5EMU_INSTRUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp5emu/profile.h"
#include "dp5emu/recording.h"
#include "dp5emu/sample.h"
#include "dp5emu/wire.h"

struct instrument;

struct instrument_options {
	const struct profile *profile;
	const struct detector *detector;
	uint32_t serial;
	uint8_t model; /* status byte 39 */
	uint64_t seed;
	double settle_s;
	double ref_gain;
	bool is_boot_on;
	const char *flash_path; /* NULL: flash lives in memory only */
};

/* A reply, as the bytes of its packet, and what it cost the instrument. */
struct instrument_reply {
	double hold_us; /* the spectrum was copied for so long */
	double deaf_us; /* flash is being written after the reply */
	size_t len;
	uint8_t bytes[WIRE_PACKET_MAX];
};

/*
 * Power up at @now_us of the instrument's clock. The options' strings are
 * borrowed. -EIO or the like when the flash file cannot be read.
 */
int instrument_new(const struct instrument_options *opt, double now_us,
		   struct instrument **ret);

/* Takes NULL; returns NULL. */
struct instrument *instrument_free(struct instrument *ins);

/* Answer the @n bytes of one request; there is always an answer. */
void instrument_answer(struct instrument *ins, double now_us,
		       const uint8_t *bytes, size_t n,
		       struct instrument_reply *ret);

/* Let time pass; to be called at least every second or so. */
void instrument_advance(struct instrument *ins, double now_us);

/* What is in front of the detector; the instrument takes @sample over. */
void instrument_set_sample(struct instrument *ins, double now_us,
			   struct sample *sample);

/* From now on, what was recorded of another unit; taken over. A clear begins it
 * anew, and each spectrum asked for is its next. */
void instrument_set_recording(struct instrument *ins, struct recording *r);

/* Pulses a second; not a number goes back to the sample's own rate. */
void instrument_set_rate(struct instrument *ins, double now_us, double rate);

/* Hold the temperature or high voltage; not a number lets go. */
void instrument_pin_temp(struct instrument *ins, double now_us, double temp_k);
void instrument_pin_hv(struct instrument *ins, double now_us, double hv_v);

/* What the status says from now on. */
void instrument_set_serial(struct instrument *ins, uint32_t serial);
void instrument_set_model(struct instrument *ins, uint8_t model);

/* Take its power away for a moment: the counts are gone, the settings are those
 * of a power-up. The cable stays in.
 */
void instrument_reboot(struct instrument *ins, double now_us);

/* Start the random numbers again. */
void instrument_set_seed(struct instrument *ins, double now_us, uint64_t seed);

/* Write "key=value" pairs, separated by blanks, to @out. */
void instrument_describe(struct instrument *ins, double now_us, char *out,
			 size_t room);

#endif /* TOOLS_DP5EMU_INSTRUMENT_H */
