// SPDX-License-Identifier: GPL-2.0-or-later
/* Measures samples of known composition. */
#include "assay/standard.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "assay/outcome.h"

/* What the stated oxides may be too much, before it cannot be true. */
#define WHOLE 1.02
/* Relative sigma of an exposure from which on it tells nothing. */
#define U_EXPOSURE 0.2

void standard_deinit(struct standard *s)
{
	free(s->cov);
	s->cov = NULL;
}

/* The logarithm of the exposure (mA s); false when nothing tells it. */
static bool standard_exposure(const struct assay_engine *e, double *ret,
			      double *ret_u)
{
	const struct exposure *found = &e->quant.found;
	double sum = 0, weight = 0;

	if (!isnan(e->quant.stated_scale)) {
		*ret = log(e->quant.stated_scale);
		*ret_u = e->m->matrix.u_current;
		return true;
	}
	for (int j = 0; j < EXPOSURE_N; j++) {
		double u = found->u[j];

		if (!isfinite(u))
			continue;
		sum += log(found->scale[j]) / (u * u);
		weight += 1 / (u * u);
	}
	*ret = sum / weight;
	*ret_u = 1 / sqrt(weight);
	return *ret_u < U_EXPOSURE;
}

/* Mass fractions of all that is stated; false when they cannot be. */
static bool standard_composition(const struct assay_engine *e,
				 const struct standard *s, double *content)
{
	const struct method *m = e->m;
	double sum = isnan(s->oxygen) ? 0 : s->oxygen;

	for (size_t i = 0; i < m->n_elements; i++) {
		const struct method_element *el = &m->element[i];

		content[i] = s->is_stated[i] ? s->content[i] : 0;
		sum += content[i] *
		       (isnan(s->oxygen)
				? physics_oxide_factor(&m->line_data, el->z,
						       el->matrix_cation,
						       el->matrix_oxygen)
				: 1);
	}
	return sum <= WHOLE;
}

static void standard_take(const struct assay_engine *e, struct standard *s,
			  double scale, double u)
{
	const struct fit *f = e->fit;
	size_t n = e->m->n_elements;
	double more = u * u + e->m->model.preparation * e->m->model.preparation;

	for (size_t i = 0; i < n; i++)
		s->found[i] = f->x[i] / scale;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++)
			s->cov[i * n + j] =
				f->cov[i * f->p + j] / (scale * scale) +
				more * s->found[i] * s->found[j];
	}
	s->chi2 = f->chi2;
}

int standard_measure(struct assay_engine *e, const struct spectrum *spectrum,
		     struct standard *s, const char **why)
{
	double content[METHOD_MAX_ELEMENTS], log_scale, u;
	size_t n = e->m->n_elements;
	int r;

	if (!standard_composition(e, s, content)) {
		*why = "the stated contents with their oxygen are more than the whole";
		return -EINVAL;
	}
	if (!s->cov)
		s->cov = calloc(n * n, sizeof(double));
	if (!s->cov)
		return -ENOMEM;
	r = assay_fit_known(e, spectrum, content, s->oxygen);
	if (r == -EINVAL)
		*why = assay_engine_why(e);
	if (r == -EDOM) {
		*why = "the fit did not come to rest";
		return -EINVAL;
	}
	if (r < 0)
		return r;
	if (!standard_exposure(e, &log_scale, &u)) {
		*why = "nothing tells the exposure: state the tube current";
		return -EINVAL;
	}
	standard_take(e, s, exp(log_scale), u);
	return 0;
}
