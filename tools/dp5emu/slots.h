/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The spectrum buffer, and the lines that fill and count into it. */
#ifndef TOOLS_DP5EMU_SLOTS_H
#define TOOLS_DP5EMU_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOTS_AUX_N 2
#define SLOTS_IO_N 4

struct instrument;

/* Slots there are, and bytes of one, with the present number of channels. */
size_t slots_count(const struct instrument *ins);
uint8_t *slots_at(struct instrument *ins, size_t slot);

/*
 * Copies spectrum and status of this instant to a slot, and clears when
 * @clears. Counting stops for as long as that takes, which is returned in us.
 */
double slots_store(struct instrument *ins, size_t slot, bool clears);

/* F0/1E and F0/1F: slots by the edges of AUX_IN_2, from the first one on. */
void slots_restart(struct instrument *ins);
void slots_cancel(struct instrument *ins);

/* The gate as its input and the settings have it. */
void slots_apply_gate(struct instrument *ins);

/* What is put on AUX_IN_1 or AUX_IN_2, @n from 0. */
void instrument_set_aux(struct instrument *ins, double now_us, int n,
			bool is_high);

/*
 * @n_pulses pulses @period_us apart on that input, the first one now, whatever
 * its level was; it is low afterwards.
 */
void instrument_pulse_aux(struct instrument *ins, double now_us, int n,
			  int n_pulses, double period_us);

/* Pulls IO line @n from 0 down from outside, or lets it go. */
void instrument_pull_io(struct instrument *ins, int n, bool is_pulled);

/* Write the lines as "key=value" pairs, separated by blanks, to @out. */
void instrument_describe_lines(struct instrument *ins, double now_us, char *out,
			       size_t room);

#endif /* TOOLS_DP5EMU_SLOTS_H */
