/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text configuration: commands, what they accept, how they read back. */
#ifndef TOOLS_DP5EMU_CONFIG_H
#define TOOLS_DP5EMU_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp5emu/profile.h"

enum config_id {
	CONFIG_RESC,
	CONFIG_CLCK,
	CONFIG_TPEA,
	CONFIG_GAIN,
	CONFIG_GAIA,
	CONFIG_GAIF,
	CONFIG_RESL,
	CONFIG_TFLA,
	CONFIG_TPFA,
	CONFIG_PURE,
	CONFIG_PURS,
	CONFIG_RTDE,
	CONFIG_RTDD,
	CONFIG_RTDW,
	CONFIG_RTDS,
	CONFIG_RTDT,
	CONFIG_MCAS,
	CONFIG_MCAC,
	CONFIG_MCAE,
	CONFIG_MCSL,
	CONFIG_MCSH,
	CONFIG_MCST,
	CONFIG_SOFF,
	CONFIG_AINP,
	CONFIG_INOF,
	CONFIG_CUSP,
	CONFIG_PDMD,
	CONFIG_THSL,
	CONFIG_TLLD,
	CONFIG_THFA,
	CONFIG_BLRM,
	CONFIG_BLRD,
	CONFIG_BLRU,
	CONFIG_GATE,
	CONFIG_AUO1,
	CONFIG_AUO2,
	CONFIG_GPIN,
	CONFIG_GPED,
	CONFIG_GPGA,
	CONFIG_GPMC,
	CONFIG_GPME,
	CONFIG_PRET,
	CONFIG_PRER,
	CONFIG_PREC,
	CONFIG_PRCL,
	CONFIG_PRCH,
	CONFIG_HVSE,
	CONFIG_TECS,
	CONFIG_PAPS,
	CONFIG_BOOT,
	CONFIG_SCAI,
	CONFIG_SCAL,
	CONFIG_SCAH,
	CONFIG_SCAO,
	CONFIG_SCAW,
	CONFIG_SCOE,
	CONFIG_SCOG,
	CONFIG_SCOT,
	CONFIG_DACO,
	CONFIG_DACF,
	CONFIG_TPMO,
	CONFIG_SYNC,
	CONFIG_CLKL,
	CONFIG_LMMO,
	CONFIG_COUNT,
};

#define CONFIG_SCA_COUNT 16
#define CONFIG_ECHO_MAX 512

/* A word of the command's list, or a number when word is negative. */
struct config_value {
	bool is_set;
	int word;
	double num;
};

struct config_sca {
	int low_chan;
	int high_chan;
	struct config_value output;
};

struct config {
	const struct profile *profile;
	const struct detector *detector;
	bool has_pc5;
	struct config_value value[CONFIG_COUNT];
	struct config_sca sca[CONFIG_SCA_COUNT];
};

/* What became of one packet of text. */
struct config_answer {
	int ack; /* WIRE_ACK_OK or that of the last bad command */
	char echo[CONFIG_ECHO_MAX];
	size_t echo_len;
	int n_good;
	bool is_mcae_set; /* MCAE or RESC=Y was in it */
};

void config_init(struct config *c, const struct profile *profile,
		 const struct detector *detector);

/*
 * Carry out every good command of @text, before and after bad ones; *ret
 * reports the last bad one.
 */
void config_apply(struct config *c, const char *text, size_t len,
		  struct config_answer *ret);

/* Room for the read-back of the longest request. */
#define CONFIG_READ_MAX 4096

/* Answer a read-back request of at most 512 bytes; returns its length. */
size_t config_read(const struct config *c, const char *text, size_t len,
		   char out[static CONFIG_READ_MAX]);

/* The value as a number; NaN for a word, OFF included, and if never set. */
double config_number(const struct config *c, enum config_id id);

/* Whether the value is the word @word. */
bool config_is(const struct config *c, enum config_id id, const char *word);

/* Channels of the spectrum, from MCAC. */
size_t config_channels(const struct config *c);

/* Whether the FPGA runs at 80 MHz, AUTO worked out. */
bool config_is_80_mhz(const struct config *c);

#endif /* TOOLS_DP5EMU_CONFIG_H */
