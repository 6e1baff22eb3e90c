// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pile-up: of pulses at a rate R that are told apart from tau on, R tau of each
 * has a second one upon it, and both count once, with the sum of their
 * energies (G. F. Knoll, Radiation Detection and Measurement, 4th ed., 17.VII).
 * Three at a time are a hundredth of that and left out. The spectrum that is
 * folded is the measured one: its noise is that of a sum over hundreds of
 * channels, and no pulse is paired with itself.
 */
#include "assay/pileup.h"

#include <math.h>
#include <string.h>

void pileup_pairs(const uint32_t *counts, size_t n_chan, double zero,
		  size_t first, size_t n, double *ret)
{
	double whole = floor(zero), part = zero - whole, sum = 0;
	/* A sum of channels i and j is at i + j + up. */
	ptrdiff_t up = (ptrdiff_t)whole - (ptrdiff_t)first;

	memset(ret, 0, n * sizeof(*ret));
	for (size_t i = 0; i < n_chan; i++) {
		ptrdiff_t at = (ptrdiff_t)i + up, low = at < 0 ? -at : 0;
		ptrdiff_t end = (ptrdiff_t)n - at;
		double here = counts[i];

		sum += here;
		if (!counts[i])
			continue;
		end = end < (ptrdiff_t)n_chan ? end : (ptrdiff_t)n_chan;
		for (ptrdiff_t j = low; j < end; j++)
			ret[at + j] += here * counts[j];
		if ((ptrdiff_t)i >= low && (ptrdiff_t)i < end)
			ret[at + (ptrdiff_t)i] -= here;
	}
	for (size_t k = n; k-- > 0;) {
		double below = k ? ret[k - 1] : ret[0];

		ret[k] += part * (below - ret[k]);
		ret[k] /= sum > 0 ? sum : 1;
	}
}

/* To first order in both: the second is a hundredth of the first. */
double pileup_amplitude(double share)
{
	return share * (1 + 3 * share);
}

double pileup_share(double amplitude)
{
	return amplitude / (1 + 3 * amplitude);
}
