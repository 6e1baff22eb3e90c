/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pulses that come too close to be told apart. */
#ifndef DAEMON_ASSAY_PILEUP_H
#define DAEMON_ASSAY_PILEUP_H

#include <stddef.h>
#include <stdint.h>

/*
 * What pairs of a spectrum's own pulses count as, if there were one pair for
 * each of its pulses: the spectrum folded with itself, over its sum. `zero` is
 * the energy of channel 0 over that of a channel's width, by which a sum of two
 * lies higher. Channels `first` to `first + n` go to `ret`.
 */
void pileup_pairs(const uint32_t *counts, size_t n_chan, double zero,
		  size_t first, size_t n, double *ret);

/*
 * Of the pairs, when a `share` of all pulses has another upon it: what is folded
 * lacks both pulses of a pair, 1 - 2 share are left of it, and its sum is
 * 1 - share of all pulses.
 */
double pileup_amplitude(double share);
/* The reverse. */
double pileup_share(double amplitude);

#endif
