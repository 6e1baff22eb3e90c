// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Contents of the dried sample: c / (1 - w), of which
 *
 *   u^2 = (u_c^2 + 2 c' cov(c, w) + c'^2 u_w^2) / (1 - w)^2, c' = c / (1 - w),
 *
 * w the stated moisture, which the balance knows and contents so hang on.
 */
#include "assay/dry.h"

#include <math.h>

static struct assay_dry dry_of(const struct assay_result *r, double content,
			       double u, double with_moisture)
{
	double left = 1 - r->moisture, dry = content / left;
	double u2 = u * u + 2 * dry * with_moisture +
		    dry * dry * r->u_moisture * r->u_moisture;

	return (struct assay_dry){ dry, sqrt(fmax(u2, 0)) / left };
}

/* Of the oxides that were summed. */
static double dry_sum_covariance(const struct assay_result *r,
				 const struct assay_sum *s)
{
	double sum = 0;

	for (int k = 0; k < s->n_members; k++) {
		const struct assay_element *e = &r->element[s->member[k]];

		sum += e->oxide_factor * e->with_moisture;
	}
	return sum;
}

void dry_make(struct assay_result *r)
{
	if (isnan(r->moisture))
		return;
	for (size_t i = 0; i < r->n_elements; i++) {
		struct assay_element *e = &r->element[i];

		e->dry = dry_of(r, e->content, e->u, e->with_moisture);
	}
	for (size_t i = 0; i < ASSAY_N_SUMS; i++) {
		struct assay_sum *s = &r->sum[i];

		s->dry = dry_of(r, s->content, s->u, dry_sum_covariance(r, s));
	}
}
