/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The instrument as its own files see it. */
#ifndef TOOLS_DP5EMU_INSTRUMENT_INTERNAL_H
#define TOOLS_DP5EMU_INSTRUMENT_INTERNAL_H

#include "dp5emu/acquire.h"
#include "dp5emu/config.h"
#include "dp5emu/flash.h"
#include "dp5emu/instrument.h"
#include "dp5emu/list.h"
#include "dp5emu/random.h"
#include "dp5emu/scene.h"
#include "dp5emu/slots.h"
#include "dp5emu/status.h"
#include "dp5emu/supply.h"

#define ZERO_K 273.15
#define MISC_LEN 512
#define SRAM_LEN (512 * 1024)
#define SLOTS_MAX 512

/* F1/7E: amplitudes, of 16384, in steps; spacing in FPGA clocks. */
struct pulser {
	bool is_on;
	uint16_t min, max, step, period;
};

struct instrument {
	struct instrument_options opt;
	struct config config;
	struct acquire acquire;
	struct supply supply;
	struct scene scene;
	struct list list;
	struct sample *sample;
	struct recording *recording; /* NULL: it counts for itself */
	struct flash flash;
	struct rng rng; /* durations; counts have generators of their own */
	double rate_cps; /* not a number: the sample's own */
	double now_us;
	bool is_configured;
	bool is_status_read;
	bool is_buffering; /* F0/1E: spectra are refused */
	size_t slot_next; /* where the next edge of AUX_IN_2 stores */
	double storing_until_us; /* the edge before */
	bool aux_in[SLOTS_AUX_N];
	uint32_t gp_count;
	struct pulser pulser;
	bool has_bias; /* as of the present scene */
	uint8_t io_nibble; /* as written, 1: released */
	uint8_t io_pulled; /* from outside */
	unsigned int n_io_writes;
	unsigned int n_io_changes[4]; /* of each line by writes */
	double io_changed_us[4]; /* the last of them */
	double io_least_us[4]; /* between two */
	uint8_t misc[MISC_LEN];
	/* Slots of the spectrum buffer; each is counts, then status. */
	uint8_t sram[SRAM_LEN];
};

/* Bring supplies, presets and rates in line with the configuration. */
void instrument_apply_config(struct instrument *ins, bool is_mcae_set);
/* Clear spectrum and counters; list mode has a clear of its own. */
void instrument_clear(struct instrument *ins);
/* The rates of what is in front of it, under the present settings. */
void instrument_update_scene(struct instrument *ins);
/* Its 64 bytes of status; reading them counts. */
void instrument_fill_status(struct instrument *ins,
			    uint8_t out[static STATUS_LEN]);

#endif
