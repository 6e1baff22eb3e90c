// SPDX-License-Identifier: GPL-2.0-or-later
/* Labels moved apart: isotonic least squares on their wanted positions. */
#include "reespec/chart.h"

/*
 * With z_i = x_i - i * pitch the rule "no closer than pitch" becomes "z does
 * not fall", so the least-squares answer is isotonic regression: neighbours
 * that clash are pooled to the mean of their wants (pool adjacent violators).
 */
struct pool {
	double mean;
	size_t n;
};

void chart_spread(struct chart_label *labels, size_t n, double pitch,
		  double min, double max)
{
	struct pool pools[CHART_LABELS_MAX];
	size_t n_pools = 0;
	size_t k = 0;
	double top;

	if (n > CHART_LABELS_MAX)
		n = CHART_LABELS_MAX;
	top = max - (n ? n - 1 : 0) * pitch;
	for (size_t i = 0; i < n; i++) {
		pools[n_pools].mean = labels[i].x - i * pitch;
		pools[n_pools++].n = 1;
		while (n_pools > 1 &&
		       pools[n_pools - 2].mean > pools[n_pools - 1].mean) {
			struct pool *a = &pools[n_pools - 2];
			struct pool *b = &pools[n_pools - 1];

			a->mean = (a->mean * a->n + b->mean * b->n) /
				  (a->n + b->n);
			a->n += b->n;
			n_pools--;
		}
	}
	for (size_t p = 0; p < n_pools; p++) {
		double z = pools[p].mean;

		z = z > top ? top : z;
		z = z < min ? min : z;
		for (size_t i = 0; i < pools[p].n; i++, k++)
			labels[k].x = z + k * pitch;
	}
}
