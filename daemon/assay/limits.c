// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Decision and detection limits after Currie (Anal. Chem. 40 (1968) 586) for
 * 5 % of either error: L_C = 1.645 s0, L_D = 3.29 s0, and the content that is
 * known to 10 %, LOQ = 10 s0; s0 being the sigma of the fitted content with
 * none of the element there, all else as found. Of a sum it is that of the sum of
 * the fitted contents, with the factors of their oxides and all covariances
 * between them (JCGM 100:2008, eq. 13), with none of its members there.
 */
#include "assay/limits.h"

#include <math.h>
#include <string.h>

#include "assay/rules.h"

#define QUANTILE_95 1.645
#define LOQ_SIGMAS 10

/*
 * Content that gives 1 Bq/g of the head of the chain, mg/kg: M T / (ln2 N_A),
 * of uranium the natural one. Half-lives after DDEP, 14.02e9 and 4.468e9 a.
 */
#define TH_MG_KG_PER_BQ_G 246.0
#define U_MG_KG_PER_BQ_G 81.0

struct limits_sum {
	const char *name;
	const char *members[ASSAY_SUM_MEMBERS]; /* NULL behind the last */
};

/* Yttrium is counted with the rare earths, scandium is not. */
static const struct limits_sum limits_sums_of[ASSAY_N_SUMS] = {
	[ASSAY_TREO] = { "TREO",
			 { "La", "Ce", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb", "Dy",
			   "Ho", "Er", "Tm", "Yb", "Lu", "Y" } },
	[ASSAY_LREO] = { "LREO", { "La", "Ce", "Pr", "Nd", "Sm" } },
	[ASSAY_HREO] = { "HREO",
			 { "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu",
			   "Y" } },
	[ASSAY_MREO] = { "MREO", { "Pr", "Nd", "Tb", "Dy" } },
	[ASSAY_CREO] = { "CREO", { "Nd", "Eu", "Tb", "Dy", "Y" } },
};

double limits_s0(const struct assay_element *e)
{
	return e->loq / LOQ_SIGMAS;
}

void limits_decide(struct assay_element *e, double s0)
{
	e->lc = QUANTILE_95 * s0;
	e->ld = 2 * QUANTILE_95 * s0;
	e->loq = LOQ_SIGMAS * s0;
	if (!(e->content > e->lc))
		e->flags |= ASSAY_ELEMENT_CENSORED;
}

void limits_decide_sum(struct assay_sum *s, double s0)
{
	s->ld = 2 * QUANTILE_95 * s0;
}

double limits_sum_s0(const struct assay_sum *s)
{
	return s->ld / (2 * QUANTILE_95);
}

double limits_sum_lc(const struct assay_sum *s)
{
	return s->ld / 2;
}

int limits_find(const struct assay_result *r, const char *symbol)
{
	for (size_t i = 0; i < r->n_elements; i++) {
		if (!strcmp(r->element[i].symbol, symbol))
			return (int)i;
	}
	return -1;
}

const char *const *limits_members(const char *name)
{
	for (size_t i = 0; i < ASSAY_N_SUMS; i++)
		if (!strcmp(limits_sums_of[i].name, name))
			return limits_sums_of[i].members;
	return NULL;
}

/* Content and u of @n elements, as oxides or as they are. */
static void limits_add(const struct assay_result *r, const size_t *index,
		       size_t n, bool is_oxides, double *ret_content,
		       double *ret_u)
{
	double sum = 0, var = 0;

	for (size_t i = 0; i < n; i++) {
		const struct assay_element *a = &r->element[index[i]];
		const double fa = is_oxides ? a->oxide_factor : 1;

		sum += a->content * fa;
		for (size_t j = 0; j < n; j++) {
			const struct assay_element *b = &r->element[index[j]];

			var += fa * (is_oxides ? b->oxide_factor : 1) *
			       r->cov[index[i] * r->n_elements + index[j]];
		}
	}
	*ret_content = sum;
	*ret_u = sqrt(fmax(var, 0));
}

static void limits_name_sum(const struct assay_result *r,
			    const struct limits_sum *of, struct assay_sum *ret)
{
	size_t n = 0;

	*ret = (struct assay_sum){ .name = of->name };
	for (size_t i = 0; i < ARRAY_SIZE(of->members) && of->members[i]; i++) {
		int k = limits_find(r, of->members[i]);

		if (k >= 0)
			ret->member[n++] = (size_t)k;
	}
	ret->n_members = (int)n;
}

void limits_name_sums(struct assay_result *r)
{
	for (size_t i = 0; i < ASSAY_N_SUMS; i++)
		limits_name_sum(r, &limits_sums_of[i], &r->sum[i]);
}

void limits_quantity(const struct assay_result *r, const char *quantity,
		     double *ret_content, double *ret_u)
{
	char members[RULES_MEMBERS][3];
	size_t index[RULES_MEMBERS];
	size_t n_members, n = 0;
	bool is_oxides;

	n_members = rules_members(quantity, members, &is_oxides);
	for (size_t i = 0; i < n_members; i++) {
		int k = limits_find(r, members[i]);

		if (k >= 0)
			index[n++] = (size_t)k;
	}
	limits_add(r, index, n, is_oxides, ret_content, ret_u);
}

void limits_sums(struct assay_result *r)
{
	for (size_t i = 0; i < ASSAY_N_SUMS; i++) {
		struct assay_sum *s = &r->sum[i];
		const size_t n = (size_t)s->n_members;

		s->n_censored = 0;
		for (size_t k = 0; k < n; k++)
			s->n_censored += !!(r->element[s->member[k]].flags &
					    ASSAY_ELEMENT_CENSORED);
		limits_add(r, s->member, n, true, &s->content, &s->u);
	}
}

/* Counts, with all overlaps, make more of u than line data and exposure. */
static bool limits_is_counted(const struct assay_element *e)
{
	return e->u > 0 && e->u_count * e->u_count > 0.5 * e->u * e->u;
}

double limits_correlation(const struct assay_result *r, size_t i, size_t j)
{
	const struct assay_element *a = &r->element[i], *b = &r->element[j];

	if (!limits_is_counted(a) || !limits_is_counted(b))
		return 0;
	return r->cov[i * r->n_elements + j] / (a->u * b->u);
}

double limits_above(double value, double u, double bound)
{
	if (!(u > 0))
		return value > bound;
	return 0.5 * erfc((bound - value) / (u * M_SQRT2));
}

void limits_activity(struct assay_result *r)
{
	int th = limits_find(r, "Th"), u = limits_find(r, "U");
	double var = 0;

	if (th >= 0) {
		r->th_bq_g = r->element[th].content / TH_MG_KG_PER_BQ_G;
		r->u_th_bq_g = r->element[th].u / TH_MG_KG_PER_BQ_G;
		var += r->u_th_bq_g * r->u_th_bq_g;
	}
	if (u >= 0) {
		r->u_bq_g = r->element[u].content / U_MG_KG_PER_BQ_G;
		r->u_u_bq_g = r->element[u].u / U_MG_KG_PER_BQ_G;
		var += r->u_u_bq_g * r->u_u_bq_g;
	}
	if (th >= 0 && u >= 0)
		var += 2 * r->cov[(size_t)th * r->n_elements + (size_t)u] /
		       (TH_MG_KG_PER_BQ_G * U_MG_KG_PER_BQ_G);
	/* Each chain is bounded by itself, so a mixture by the sum. */
	r->sum_bq_g = r->th_bq_g + r->u_bq_g;
	r->u_sum_bq_g = sqrt(fmax(var, 0));
	r->p_above_1bq_g = limits_above(r->sum_bq_g, r->u_sum_bq_g, 1);
	r->p_above_10bq_g = limits_above(r->sum_bq_g, r->u_sum_bq_g, 10);
}
