// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a sample is stated to lose, as an unknown of the contents.
 *
 * Of the sample as measured it is w + (1 - w) l, w the moisture and l the loss
 * on ignition of what was dried; its sigma follows from those of both.
 */
#include <math.h>

#include "assay/quant.h"

bool quant_state_loss(struct quant *q, double moisture, double loi)
{
	const struct method_matrix *mm = &q->p->m->matrix;
	double wet = isnan(moisture) ? 0 : moisture, by_wet, by_loi;
	struct quant_loss *l = &q->loss;

	if (isnan(moisture) && isnan(loi))
		return true;
	if (!isnan(moisture) && physics_row(q->p, 1) == q->p->n_z)
		return false;
	l->is_stated = true;
	l->has_loi = !isnan(loi);
	l->moisture = wet;
	l->u_moisture = isnan(moisture) ? 0 : mm->u_moisture;
	l->stated = wet + (l->has_loi ? (1 - wet) * loi : 0);
	by_wet = l->u_moisture * (l->has_loi ? 1 - loi : 1);
	by_loi = l->has_loi ? (1 - wet) * mm->u_loi : 0;
	l->u = hypot(by_wet, by_loi);
	l->water = l->stated > 0 ? wet / l->stated : !l->has_loi;
	l->found = fmin(l->stated, QUANT_LOSS_MOST);
	l->at = q->n++;
	quant_take(q, q->content);
	return true;
}

/* Moisture is a part of what is lost, as certain of it as it was stated. */
double quant_covariance_moisture(const struct quant *q, size_t i)
{
	const struct quant_loss *l = &q->loss;
	double by = l->has_loi && l->moisture < 1
			    ? (1 - l->stated) / (1 - l->moisture)
			    : 1;

	if (!(l->u_moisture > 0))
		return 0;
	return q->cov[i * q->n + l->at] * by * l->u_moisture * l->u_moisture /
	       (l->u * l->u);
}

double quant_u_loss(const struct quant *q)
{
	size_t at = q->loss.at;

	return q->loss.is_stated ? sqrt(fmax(q->cov[at * q->n + at], 0)) : 0;
}
