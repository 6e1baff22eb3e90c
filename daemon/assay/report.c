// SPDX-License-Identifier: GPL-2.0-or-later
/* Puts a result into JSON and its flags into words. */
#include "assay/report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "assay/limits.h"
#include "assay/pattern.h"

/* From this correlation on a pair is named. */
#define CORRELATED 0.5

struct report_flag {
	const char *name;
	const char *text;
};

static const struct report_flag report_flags[ASSAY_N_FLAGS] = {
	{ "poor-fit", "chi-square is above that of the method" },
	{ "not-converged", "fit and composition did not come to rest" },
	{ "gain-moved", "the energy axis moved further than allowed" },
	{ "sum-out-of-range", "the sum of the oxides is out of its range" },
	{ "few-counts", "fewer counts than the method asks for" },
	{ "rate-high", "the count rate is above that of the method" },
	{ "no-icr", "the input count rate is not known" },
	{ "ridge", "a ridge was needed: not all unknowns are determined" },
	{ "clamped", "a stated current gave more than the whole" },
	{ "closure", "the oxides were scaled to the whole" },
	{ "outside-calibrated",
	  "a content is above those of all standards of the calibration" },
};

static const struct report_flag report_element_flags[] = {
	{ "below-lc", "below the decision limit" },
	{ "overlap", "overlap makes u three times that of the lines alone" },
	{ "not-determined", "not determined by this spectrum" },
	{ "not-thick", "the sample is not thick for its line" },
	{ "off-pattern",
	  "beside the smooth pattern of its neighbours: check the separation" },
	{ "no-standard", "no standard of the calibration holds it" },
	{ "not-found",
	  "a candidate that the counts do not ask for: not in the fit" },
	{ "outside-calibrated",
	  "above the contents of all standards of the calibration" },
};

static const char *const report_stops[] = {
	[ASSAY_STOP_CONVERGED] = "converged",
	[ASSAY_STOP_ITERATIONS] = "iterations",
	[ASSAY_STOP_SINGULAR] = "singular",
	[ASSAY_STOP_NOT_FINITE] = "not-finite",
};

static const char *const report_scales[] = {
	[METHOD_SCALE_SCATTER] = "scatter",
	[METHOD_SCALE_CURRENT] = "current",
	[METHOD_SCALE_CLOSURE] = "closure",
};

const char *report_verdict(enum assay_verdict verdict)
{
	switch (verdict) {
	case ASSAY_ACCEPTED:
		return "accepted";
	case ASSAY_QUESTIONABLE:
		return "questionable";
	default:
		return "rejected";
	}
}

const char *report_flag_name(unsigned int bit)
{
	return bit < ASSAY_N_FLAGS ? report_flags[bit].name : "";
}

const char *report_flag_text(unsigned int bit)
{
	return bit < ASSAY_N_FLAGS ? report_flags[bit].text : "";
}

const char *report_element_flag_name(unsigned int bit)
{
	return bit < ARRAY_SIZE(report_element_flags)
		       ? report_element_flags[bit].name
		       : "";
}

const char *report_element_flag_text(unsigned int bit)
{
	return bit < ARRAY_SIZE(report_element_flags)
		       ? report_element_flags[bit].text
		       : "";
}

static json_t *report_bits(unsigned int bits, const char *(*name)(unsigned int))
{
	json_t *list = js_array();

	for (unsigned int i = 0; list && i < 32; i++) {
		if ((bits & (1u << i)) && *name(i) &&
		    js_append_str(list, name(i)) < 0)
			return js_free(list);
	}
	return list;
}

static int report_dry(const struct assay_result *a, const struct assay_dry *dry,
		      json_t *o)
{
	if (isnan(a->moisture))
		return 0;
	return js_set_real(o, "dry_mg_kg", dry->content) |
	       js_set_real(o, "u_dry_mg_kg", dry->u);
}

static json_t *report_element(const struct assay_result *a,
			      const struct assay_element *e)
{
	json_t *o = js_object();
	int r = 0;

	if (!o)
		return NULL;
	r |= js_set_str(o, "symbol", e->symbol);
	r |= js_set_str(o, "line", e->line);
	r |= js_set_real(o, "content_mg_kg", e->content);
	r |= js_set_real(o, "u_mg_kg", e->u);
	r |= js_set_real(o, "u_expanded_mg_kg", LIMITS_K * e->u);
	r |= js_set_real(o, "u_count_mg_kg", e->u_count);
	r |= js_set_real(o, "lc_mg_kg", e->lc);
	r |= js_set_real(o, "ld_mg_kg", e->ld);
	r |= js_set_real(o, "loq_mg_kg", e->loq);
	r |= js_set_real(o, "area", e->area);
	r |= js_set_real(o, "u_area", e->u_area);
	if (e->is_candidate)
		r |= js_set_real(o, "likelihood_gain", e->gain);
	r |= report_dry(a, &e->dry, o);
	r |= js_set(o, "flags",
		    report_bits(e->flags, report_element_flag_name));
	return r < 0 ? js_free(o) : o;
}

/* What the air adds is fitted, but it is no content of the sample. */
static json_t *report_elements(const struct assay_result *r)
{
	json_t *list = js_array();

	for (size_t i = 0; list && i < r->n_elements; i++) {
		if (!r->element[i].is_air &&
		    js_append(list, report_element(r, &r->element[i])) < 0)
			return js_free(list);
	}
	return list;
}

static json_t *report_oxide(const struct assay_element *e)
{
	json_t *o = js_object();
	int r = 0;

	if (!o)
		return NULL;
	r |= js_set_str(o, "formula", e->oxide);
	r |= js_set_str(o, "symbol", e->symbol);
	r |= js_set_real(o, "factor", e->oxide_factor);
	r |= js_set_real(o, "content_mg_kg", e->content * e->oxide_factor);
	r |= js_set_real(o, "u_mg_kg", e->u * e->oxide_factor);
	r |= js_set_real(o, "u_expanded_mg_kg",
			 LIMITS_K * e->u * e->oxide_factor);
	return r < 0 ? js_free(o) : o;
}

static json_t *report_oxides(const struct assay_result *r)
{
	json_t *list = js_array();

	for (size_t i = 0; list && i < r->n_elements; i++) {
		if (*r->element[i].oxide &&
		    js_append(list, report_oxide(&r->element[i])) < 0)
			return js_free(list);
	}
	return list;
}

/* Definitions of sums vary, so the oxides that were summed are named. */
static json_t *report_members(const struct assay_result *r,
			      const struct assay_sum *s)
{
	json_t *list = js_array();

	for (int i = 0; list && i < s->n_members; i++) {
		const struct assay_element *e = &r->element[s->member[i]];

		if (js_append_str(list, *e->oxide ? e->oxide : e->symbol) < 0)
			return js_free(list);
	}
	return list;
}

static json_t *report_sum(const struct assay_result *a,
			  const struct assay_sum *s)
{
	json_t *o = js_object();
	int r = 0;

	if (!o)
		return NULL;
	r |= js_set_real(o, "content_mg_kg", s->content);
	r |= js_set_real(o, "u_mg_kg", s->u);
	r |= js_set_real(o, "u_expanded_mg_kg", LIMITS_K * s->u);
	r |= js_set_real(o, "lc_mg_kg", limits_sum_lc(s));
	r |= js_set_real(o, "ld_mg_kg", s->ld);
	r |= report_dry(a, &s->dry, o);
	r |= js_set_int(o, "members", s->n_members);
	r |= js_set_int(o, "censored", s->n_censored);
	r |= js_set(o, "oxides", report_members(a, s));
	return r < 0 ? js_free(o) : o;
}

static json_t *report_sums(const struct assay_result *r)
{
	json_t *o = js_object();

	for (size_t i = 0; o && i < ASSAY_N_SUMS; i++) {
		if (js_set(o, r->sum[i].name, report_sum(r, &r->sum[i])) < 0)
			return js_free(o);
	}
	return o;
}

static json_t *report_ratio(const struct assay_ratio *ratio)
{
	return isfinite(ratio->value)
		       ? js_pack("{s:o, s:o}", "value", js_real(ratio->value),
				 "u", js_real(ratio->u))
		       : js_null();
}

static json_t *report_normalised(const struct assay_result *a)
{
	json_t *list = js_array();

	for (size_t i = 0; list && i < a->n_elements; i++) {
		const struct assay_element *e = &a->element[i];

		if (isfinite(e->normalised) &&
		    js_append(list,
			      js_pack("{s:s, s:f, s:f}", "symbol", e->symbol,
				      "value", e->normalised, "u",
				      e->normalised * e->u / e->content)) < 0)
			return js_free(list);
	}
	return list;
}

static json_t *report_pattern(const struct assay_result *a)
{
	json_t *o = js_object();
	int r = 0;

	if (!o)
		return NULL;
	r |= js_set_str(o, "reference", PATTERN_REFERENCE);
	r |= js_set(o, "normalised", report_normalised(a));
	r |= js_set(o, "eu_anomaly", report_ratio(&a->eu_anomaly));
	r |= js_set(o, "ce_anomaly", report_ratio(&a->ce_anomaly));
	r |= js_set(o, "la_yb", report_ratio(&a->la_yb));
	return r < 0 ? js_free(o) : o;
}

static json_t *report_correlations(const struct assay_result *a)
{
	json_t *list = js_array();

	for (size_t i = 0; list && i < a->n_elements; i++) {
		for (size_t j = i + 1; j < a->n_elements; j++) {
			double r = limits_correlation(a, i, j);

			if (!(fabs(r) >= CORRELATED) || a->element[i].is_air ||
			    a->element[j].is_air)
				continue;
			if (js_append(list, js_pack("{s:s, s:s, s:o}", "a",
						    a->element[i].symbol, "b",
						    a->element[j].symbol, "r",
						    js_real(r))) < 0)
				return js_free(list);
		}
	}
	return list;
}

/* To the sixth place, which u does not know. */
static double report_rounded(double r)
{
	return isfinite(r) ? round(1e6 * r) / 1e6 : r;
}

/* Of all pairs: cov(i, j) = r u_i u_j. Rows of the triangle below ones. */
static json_t *report_correlation_matrix(const struct assay_result *a)
{
	json_t *symbols = js_array(), *lower = js_array();
	size_t n = a->n_elements;
	int r = 0;

	for (size_t i = 0; symbols && lower && i < n && r >= 0; i++) {
		const struct assay_element *e = &a->element[i];

		if (e->is_air)
			continue;
		r |= js_append_str(symbols, e->symbol);
		for (size_t j = 0; j < i; j++) {
			if (!a->element[j].is_air)
				r |= js_append_real(lower,
						    report_rounded(
							    a->cov[i * n + j] /
							    (e->u *
							     a->element[j].u)));
		}
	}
	if (r < 0 || !symbols || !lower) {
		js_free(symbols);
		js_free(lower);
		return NULL;
	}
	return js_pack("{s:o, s:o}", "symbols", symbols, "lower", lower);
}

static json_t *report_activity(const struct assay_result *a)
{
	json_t *o = js_object();
	int r = 0;

	if (!o)
		return NULL;
	r |= js_set_real(o, "th232_bq_g", a->th_bq_g);
	r |= js_set_real(o, "u_th232_bq_g", a->u_th_bq_g);
	r |= js_set_real(o, "u238_bq_g", a->u_bq_g);
	r |= js_set_real(o, "u_u238_bq_g", a->u_u_bq_g);
	r |= js_set_real(o, "sum_bq_g", a->sum_bq_g);
	r |= js_set_real(o, "u_sum_bq_g", a->u_sum_bq_g);
	r |= js_set_real(o, "p_above_1_bq_g", a->p_above_1bq_g);
	r |= js_set_real(o, "p_above_10_bq_g", a->p_above_10bq_g);
	r |= js_set_str(
		o, "basis",
		"from Th and U assay, equilibrium assumed, not a radiometric result");
	return r < 0 ? js_free(o) : o;
}

static json_t *report_null_vector(const struct assay_null *n)
{
	json_t *parts = js_array();

	for (size_t i = 0; parts && i < n->n_parts; i++) {
		if (js_append(parts,
			      js_pack("{s:s, s:f}", "of", n->part[i].name,
				      "part", n->part[i].part)) < 0)
			return js_free(parts);
	}
	return parts ? js_pack("{s:f, s:o}", "eigenvalue", n->eigenvalue,
			       "parts", parts)
		     : NULL;
}

/* By the ridge that was needed, what it stood in for. */
static json_t *report_null_space(const struct assay_result *a)
{
	json_t *list = js_array();

	for (size_t i = 0; list && i < a->n_null; i++) {
		if (js_append(list, report_null_vector(&a->null_space[i])) < 0)
			return js_free(list);
	}
	return list ? js_pack("{s:f, s:s, s:o}", "ridge", a->ridge, "why",
			      "combinations of unknowns that the spectrum does not tell: what is added to one of the parts the others take away",
			      "vectors", list)
		    : NULL;
}

static json_t *report_fit(const struct assay_result *a)
{
	json_t *o = js_object();
	int r = 0;

	if (!o)
		return NULL;
	r |= js_set_str(o, "stop", report_stops[a->stop]);
	r |= js_set_int(o, "iterations", a->n_iterations);
	r |= js_set_bool(o, "refit", a->is_refit);
	r |= js_set_real(o, "last_change", a->last_change);
	r |= js_set_real(o, "chi2", a->chi2);
	if (a->n_null)
		r |= js_set(o, "null_space", report_null_space(a));
	r |= js_set_int(o, "channels", a->n_channels);
	r |= js_set_int(o, "parameters", a->n_parameters);
	r |= js_set_real(o, "gain_ev", a->gain_kev * 1e3);
	r |= js_set_real(o, "u_gain_ev", a->u_gain_kev * 1e3);
	r |= js_set_real(o, "gain_stated_ev", a->gain_stated_kev * 1e3);
	r |= js_set_real(o, "offset_ev", a->offset_kev * 1e3);
	r |= js_set_real(o, "u_offset_ev", a->u_offset_kev * 1e3);
	r |= js_set_real(o, "offset_stated_ev", a->offset_stated_kev * 1e3);
	r |= js_set_real(o, "fwhm_mn_ev", a->fwhm_mn_kev * 1e3);
	r |= js_set_real(o, "escape_factor", a->escape_factor);
	if (!isnan(a->tail_factor)) {
		r |= js_set_real(o, "tail_factor", a->tail_factor);
		r |= js_set_real(o, "u_tail_factor", a->u_tail_factor);
	}
	if (!isnan(a->fano)) {
		r |= js_set_real(o, "fano", a->fano);
		r |= js_set_real(o, "u_fano", a->u_fano);
		r |= js_set_real(o, "noise_fwhm_ev", a->noise_fwhm_kev * 1e3);
		r |= js_set_real(o, "u_noise_fwhm_ev",
				 a->u_noise_fwhm_kev * 1e3);
		r |= js_set_real(o, "fano_noise_correlation", a->fano_noise);
	}
	r |= js_set_real(o, "pileup", a->pileup);
	return r < 0 ? js_free(o) : o;
}

/* What was stated of the sample, and of what the contents are. */
static json_t *report_loss(const struct assay_result *a)
{
	json_t *o = js_object();
	int r = 0;

	if (!o)
		return NULL;
	if (!isnan(a->moisture)) {
		r |= js_set_real(o, "moisture", a->moisture);
		r |= js_set_real(o, "u_moisture", a->u_moisture);
	}
	if (!isnan(a->loi))
		r |= js_set_real(o, "loi", a->loi);
	r |= js_set_real(o, "found", a->loss);
	r |= js_set_real(o, "u_found", a->u_loss);
	r |= js_set_str(
		o, "basis",
		"contents and moisture are of the sample as measured, loi of the dried one; dry_mg_kg is of the dried sample, content / (1 - moisture)");
	return r < 0 ? js_free(o) : o;
}

static json_t *report_matrix(const struct assay_result *a)
{
	json_t *o = js_object();
	int r = 0;

	if (!o)
		return NULL;
	r |= js_set_str(o, "scale_by", report_scales[a->scale_by]);
	r |= js_set_real(o, "scale_ma_s", a->scale);
	r |= js_set_real(o, "u_scale_rel", a->u_scale);
	r |= js_set_real(o, "oxide_sum", a->oxide_sum);
	r |= js_set_real(o, "balance", a->balance);
	r |= js_set_real(o, "balance_mix", a->balance_mix);
	r |= js_set_real(o, "compton_rayleigh", a->compton_rayleigh);
	r |= js_set_real(o, "areal_g_cm2", a->areal_g_cm2);
	return r < 0 ? js_free(o) : o;
}

/* By what lines and weights it was made. */
static json_t *report_line_data(const struct assay_result *a)
{
	const bool has = *a->line_data.table != '\0';

	return js_pack("{s:s, s:o, s:o}", "library", line_data_library(),
		       "table", has ? js_str(a->line_data.table) : js_null(),
		       "version",
		       has ? js_str(a->line_data.version) : js_null());
}

static json_t *report_calibration(const struct assay_result *a)
{
	return *a->calibration.file ? js_pack("{s:s, s:s, s:s, s:i}", "file",
					      a->calibration.file, "sha256",
					      a->calibration.sha256, "made",
					      a->calibration.made, "standards",
					      a->calibration.n_standards)
				    : js_null();
}

/* What is of the second spectrum alone. */
static json_t *report_beside(const struct assay_result *a)
{
	json_t *o = js_object();
	int r = 0;

	if (!o)
		return NULL;
	r |= js_set_str(o, "method", a->method);
	r |= js_set_str(o, "sample", a->sample);
	r |= js_set(o, "flags", report_bits(a->flags, report_flag_name));
	r |= js_set_real(o, "live_s", a->live_s);
	r |= js_set_real(o, "real_s", a->real_s);
	r |= js_set_real(o, "total_counts", a->total_counts);
	r |= js_set_real(o, "input_rate_cps", a->input_rate_cps);
	r |= js_set(o, "line_data", report_line_data(a));
	r |= js_set(o, "calibration", report_calibration(a));
	r |= js_set(o, "fit", report_fit(a));
	r |= js_set_real(o, "scale_ma_s", a->scale);
	r |= js_set_real(o, "u_scale_rel", a->u_scale);
	return r < 0 ? js_free(o) : o;
}

static const char *const report_outcomes[] = {
	[ASSAY_OPEN] = "open",
	[ASSAY_PASS] = "pass",
	[ASSAY_FAIL] = "fail",
};

static const char *const report_whens[] = {
	[ASSAY_ONCE] = "once",
	[ASSAY_LOOK] = "look",
	[ASSAY_LAST] = "last",
};

static json_t *report_rules(const struct assay_decision *d)
{
	json_t *list = js_array();

	for (size_t i = 0; list && i < d->n_rules; i++) {
		const struct assay_rule *rule = &d->rule[i];

		if (js_append(list,
			      js_pack("{s:s, s:f, s:f, s:f, s:f, s:s}", "rule",
				      rule->text, "content_mg_kg",
				      rule->content, "u_mg_kg", rule->u, "p",
				      rule->p, "limit", rule->limit, "outcome",
				      report_outcomes[rule->outcome])) < 0)
			return js_free(list);
	}
	return list;
}

/* The rule that decided, or the nearest to deciding otherwise. */
static const struct assay_rule *report_why(const struct assay_decision *d)
{
	const struct assay_rule *why = NULL;

	for (size_t i = 0; i < d->n_rules; i++) {
		const struct assay_rule *rule = &d->rule[i];

		if (rule->outcome == d->outcome &&
		    (!why || rule->p / rule->limit > why->p / why->limit))
			why = rule;
	}
	return why;
}

static int report_reason(const struct assay_decision *d, json_t *o)
{
	const struct assay_rule *rule = report_why(d);
	char text[2 * METHOD_RULE + 64];

	if (rule)
		snprintf(text, sizeof(text), "fail when %s: %.3g %%%s",
			 rule->text, rule->p * 100,
			 d->when == ASSAY_LOOK ? ", beyond doubt" : "");
	else
		snprintf(text, sizeof(text), "no rule but for the grade");
	return js_set_str(o, "why", text);
}

static json_t *report_decision(const struct assay_result *a)
{
	const struct assay_decision *d = &a->decision;
	json_t *o = js_object();
	int r = 0;

	if (!o)
		return NULL;
	r |= js_set_str(o, "outcome", report_outcomes[d->outcome]);
	r |= js_set_str(o, "when", report_whens[d->when]);
	r |= report_reason(d, o);
	r |= js_set_real(o, "live_s", a->live_s);
	r |= js_set_real(o, "real_s", a->real_s);
	r |= js_set(o, "rules", report_rules(d));
	if (d->grade) {
		r |= js_set_int(o, "grade", d->grade);
		r |= js_set_str(o, "grade_by", d->quantity);
		r |= js_set_real(o, "grade_mg_kg", d->content);
		r |= js_set_real(o, "u_grade_mg_kg", d->u);
		r |= js_set_real(o, "grade_p", d->grade_p);
	}
	return r < 0 ? js_free(o) : o;
}

static int report_name_candidate(const struct assay_element *e, json_t *added,
				 json_t *kept, json_t *dropped)
{
	if (!e->is_candidate)
		return 0;
	if (e->flags & ASSAY_ELEMENT_NOT_FOUND)
		return e->is_listed ? js_append_str(dropped, e->symbol) : 0;
	return js_append_str(e->is_listed ? kept : added, e->symbol);
}

/* Of those that the method does not list only what was added is named. */
static json_t *report_candidates(const struct assay_result *a)
{
	json_t *o = js_object(), *added = js_array(), *kept = js_array();
	json_t *dropped = js_array();
	int r = 0;

	if (!o) {
		js_free(added);
		js_free(kept);
		js_free(dropped);
		return NULL;
	}
	r |= js_set_real(o, "threshold", a->candidates_threshold);
	r |= js_set_str(
		o, "why",
		"in the fit are those by which twice the logarithm of the likelihood gains more than the threshold");
	r |= js_set(o, "added", added);
	r |= js_set(o, "kept", kept);
	r |= js_set(o, "dropped", dropped);
	for (size_t i = 0; !r && i < a->n_elements; i++)
		r = report_name_candidate(&a->element[i], added, kept, dropped);
	return r < 0 ? js_free(o) : o;
}

json_t *report_json(const struct assay_result *a)
{
	json_t *o = js_object();
	int r = 0;

	if (!o)
		return NULL;
	r |= js_set_str(o, "method", a->method);
	r |= js_set_str(o, "sample", a->sample);
	r |= js_set(o, "line_data", report_line_data(a));
	r |= js_set(o, "calibration", report_calibration(a));
	r |= js_set_str(o, "verdict", report_verdict(a->verdict));
	r |= js_set_str(o, "verdict_why", a->verdict_why);
	if (a->decision.outcome != ASSAY_OPEN)
		r |= js_set(o, "decision", report_decision(a));
	r |= js_set(o, "flags", report_bits(a->flags, report_flag_name));
	r |= js_set_int(o, "coverage_k", LIMITS_K);
	r |= js_set(o, "elements", report_elements(a));
	if (a->candidates_threshold > 0)
		r |= js_set(o, "candidates", report_candidates(a));
	r |= js_set(o, "oxides", report_oxides(a));
	r |= js_set(o, "sums", report_sums(a));
	r |= js_set(o, "pattern", report_pattern(a));
	r |= js_set(o, "correlations", report_correlations(a));
	r |= js_set(o, "correlation", report_correlation_matrix(a));
	r |= js_set(o, "activity", report_activity(a));
	r |= js_set_real(o, "p_above_cut_off", a->p_above_cut_off);
	r |= js_set_real(o, "live_s", a->live_s);
	r |= js_set_real(o, "real_s", a->real_s);
	r |= js_set_real(o, "total_counts", a->total_counts);
	r |= js_set_real(o, "input_rate_cps", a->input_rate_cps);
	r |= js_set(o, "fit", report_fit(a));
	r |= js_set(o, "matrix", report_matrix(a));
	if (!isnan(a->moisture) || !isnan(a->loi))
		r |= js_set(o, "loss", report_loss(a));
	if (a->beside)
		r |= js_set(o, "beside", report_beside(a->beside));
	return r < 0 ? js_free(o) : o;
}
