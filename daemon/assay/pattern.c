// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Contents of lanthanides over those of CI chondrites (McDonough and Sun,
 * Chem. Geol. 120 (1995) 223). Natural processes follow the ionic radius, so
 * the logarithms of the ratios lie on a smooth curve over it, but for Eu and
 * Ce, which change their charge. One that does not is first of all suspect of
 * being wrongly separated from its neighbours in the spectrum.
 *
 * The curve at one element is the polynomial through its one or two nearest
 * neighbours on either side. What it predicts is a weighted sum of
 * logarithms, so u of the difference follows from the covariance; a scale
 * common to all falls out. The worst is taken out and the rest judged again,
 * so that a wrong element does not accuse those beside it.
 */
#include "assay/pattern.h"

#include <math.h>

#include "assay/limits.h"

#define U_MAX 3
/*
 * How far, in the logarithm, well analysed rocks lie beside such curves: up
 * to 0.07 in GSP-2 and in a laterite of published composition.
 */
#define SMOOTH 0.1

enum { FIRST_Z = 57, LAST_Z = 71, SIDE = 2 };

/* By Z from La on; radius of the trivalent ion in eightfold coordination,
 * Angstrom (Shannon, Acta Cryst. A32 (1976) 751); 0: not on the curve. */
static const struct {
	double mg_kg;
	double radius;
} lanthanides[] = {
	{ 0.237, 1.160 }, /* La */
	{ 0.613, 0 }, /* Ce */
	{ 0.0928, 1.126 }, /* Pr */
	{ 0.457, 1.109 }, /* Nd */
	{ 0, 0 }, /* Pm */
	{ 0.148, 1.079 }, /* Sm */
	{ 0.0563, 0 }, /* Eu */
	{ 0.199, 1.053 }, /* Gd */
	{ 0.0361, 1.040 }, /* Tb */
	{ 0.246, 1.027 }, /* Dy */
	{ 0.0546, 1.015 }, /* Ho */
	{ 0.160, 1.004 }, /* Er */
	{ 0.0247, 0.994 }, /* Tm */
	{ 0.161, 0.985 }, /* Yb */
	{ 0.0246, 0.977 }, /* Lu */
};

double pattern_reference(int z)
{
	if (z == 39)
		return 1.57;
	return z < FIRST_Z || z > LAST_Z ? 0 : lanthanides[z - FIRST_Z].mg_kg;
}

static double pattern_normalised(const struct assay_element *e)
{
	double reference = pattern_reference(e->z);

	if (!(reference > 0) || (e->flags & ASSAY_ELEMENT_CENSORED) ||
	    !(e->content > 0))
		return NAN;
	return e->content / reference;
}

/* Of the sum of power[i] ln(content of at[i]). */
static double pattern_u_log(const struct assay_result *r, const size_t *at,
			    const double *power, size_t n)
{
	double var = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++)
			var += power[i] * power[j] *
			       r->cov[at[i] * r->n_elements + at[j]] /
			       (r->element[at[i]].content *
				r->element[at[j]].content);
	}
	return sqrt(fmax(var, 0));
}

/* The product of powers of normalised contents. */
static struct assay_ratio pattern_ratio(const struct assay_result *r,
					const char *const *symbol,
					const double *power, size_t n)
{
	struct assay_ratio ret = { NAN, NAN };
	double log_value = 0;
	size_t at[3];

	for (size_t i = 0; i < n; i++) {
		int k = limits_find(r, symbol[i]);

		if (k < 0 || isnan(r->element[k].normalised))
			return ret;
		at[i] = (size_t)k;
		log_value += power[i] * log(r->element[k].normalised);
	}
	ret.value = exp(log_value);
	ret.u = ret.value * pattern_u_log(r, at, power, n);
	return ret;
}

/* ---- smoothness ----------------------------------------------------------- */

/* Elements on the curve, by falling radius. */
struct pattern_curve {
	size_t at[LAST_Z - FIRST_Z + 1];
	double radius[LAST_Z - FIRST_Z + 1];
	size_t n;
};

static void pattern_collect(const struct assay_result *r,
			    struct pattern_curve *c)
{
	c->n = 0;
	for (int z = FIRST_Z; z <= LAST_Z; z++) {
		double radius = lanthanides[z - FIRST_Z].radius;

		for (size_t i = 0; i < r->n_elements && radius > 0; i++) {
			if (r->element[i].z != z ||
			    isnan(r->element[i].normalised))
				continue;
			c->at[c->n] = i;
			c->radius[c->n++] = radius;
			break;
		}
	}
}

/* How many times its u, with SMOOTH, one lies beside its neighbours. */
static double pattern_departure(const struct assay_result *r,
				const struct pattern_curve *c, size_t k)
{
	size_t side = k >= SIDE && k + SIDE < c->n ? SIDE : 1;
	size_t at[2 * SIDE + 1], n = 0;
	double power[2 * SIDE + 1], off = 0, u;

	for (size_t i = k - side; i <= k + side; i++) {
		double weight = -1;

		for (size_t j = k - side; j <= k + side; j++) {
			if (i != k && j != i && j != k)
				weight *= (c->radius[k] - c->radius[j]) /
					  (c->radius[i] - c->radius[j]);
		}
		at[n] = c->at[i];
		power[n] = i == k ? 1 : weight;
		off += power[n] * log(r->element[at[n]].normalised);
		n++;
	}
	u = pattern_u_log(r, at, power, n);
	return fabs(off) / sqrt(u * u + SMOOTH * SMOOTH);
}

static void pattern_check(struct assay_result *r)
{
	struct pattern_curve c;

	pattern_collect(r, &c);
	for (;;) {
		double worst = U_MAX;
		size_t at = 0;

		/* The first and the last have neighbours on one side only. */
		for (size_t k = 1; k + 1 < c.n; k++) {
			double departure = pattern_departure(r, &c, k);

			if (departure > worst) {
				worst = departure;
				at = k;
			}
		}
		if (!at)
			return;
		r->element[c.at[at]].flags |= ASSAY_ELEMENT_OFF_PATTERN;
		c.n--;
		for (size_t k = at; k < c.n; k++) {
			c.at[k] = c.at[k + 1];
			c.radius[k] = c.radius[k + 1];
		}
	}
}

void pattern_make(struct assay_result *r)
{
	static const char *const eu[] = { "Eu", "Sm", "Gd" };
	static const char *const ce[] = { "Ce", "La", "Pr" };
	static const char *const la_yb[] = { "La", "Yb" };
	static const double anomaly[] = { 1, -0.5, -0.5 };
	static const double ratio[] = { 1, -1 };

	for (size_t i = 0; i < r->n_elements; i++)
		r->element[i].normalised = pattern_normalised(&r->element[i]);
	r->eu_anomaly = pattern_ratio(r, eu, anomaly, 3);
	r->ce_anomaly = pattern_ratio(r, ce, anomaly, 3);
	r->la_yb = pattern_ratio(r, la_yb, ratio, 2);
	pattern_check(r);
}
