// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Decides by rules like "fail when P(TREO < 0.5 %) > 5 %", once at the end of
 * counting or as soon as the growing spectrum allows.
 *
 * The pitfall: who looks again and again at an estimate and stops as soon as P
 * is on the right side is wrong far more often than P says, because there are
 * many looks at which chance may help: in the test, with 60 looks, 27 times of
 * a hundred where P says 5. So a look has a test of its own, which holds for any number of
 * looks at any times: the likelihood of "content not the bound", averaged over
 * contents around the bound, against "content is the bound", is a martingale
 * under the latter, and by Ville's inequality exceeds 1/a at any time at all
 * with probability a at most (Robbins, Ann. Math. Statist. 41 (1970) 1397;
 * Howard et al., Ann. Statist. 49 (2021) 1055). With a normal average of width
 * w the ratio has a closed form in value x, standard uncertainty u and bound b:
 *
 *	ln L = (x-b)^2/2 (1/u^2 - 1/(u^2+w^2)) - ln((u^2+w^2)/u^2)/2
 *
 * u is the whole of it. What counting adds shrinks and is a sum over time, what
 * the model adds is the same at all looks: drawn once, it belongs to both
 * likelihoods, so the ratio is still a martingale. Halves of a are for the two
 * sides, by symmetry. w = b/2: contents from half to twice the bound are those
 * a rule is made for, and L hangs on w by its logarithm only.
 *
 * A rule's error, p or 1-p, is spent in parts: LOOKS on looks, the rest at the
 * end, where P is compared with a limit moved by as much. The sum bounds the
 * probability that a sample on the bound, or on the wrong side of it, is ever
 * taken for one on the right side. The wrong side is that which the rule does
 * not presume: with p below half a sample must be shown to be good.
 */
#include "assay/sort.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "assay/limits.h"

/* The share of the error that looks may spend. */
#define LOOKS 0.1

bool sort_is_beyond(double value, double u, double bound, double error)
{
	const double d = value - bound, v = u * u;
	const double w = bound / 2;
	const double all = v + w * w;

	if (!(u > 0))
		return d != 0;
	return d * d / 2 * (1 / v - 1 / all) - log(all / v) / 2 >=
	       -log(2 * error);
}

/* At the end: the limit of P, with what looks have spent taken off. */
static double limit_of(const struct method_rule *rule, enum assay_when when)
{
	if (when != ASSAY_LAST)
		return rule->p;
	return rule->p <= 0.5 ? rule->p * (1 - LOOKS)
			      : 1 - (1 - rule->p) * (1 - LOOKS);
}

static void judge_rule(const struct method_rule *rule, enum assay_when when,
		       struct assay_rule *ret)
{
	const double error = LOOKS * fmin(rule->p, 1 - rule->p);
	const double above = limits_above(ret->content, ret->u, rule->bound);
	const bool is_bad = (ret->content < rule->bound) == rule->is_below;

	memcpy(ret->text, rule->text, sizeof(ret->text));
	ret->p = rule->is_below ? 1 - above : above;
	ret->limit = limit_of(rule, when);
	if (when != ASSAY_LOOK)
		ret->outcome = ret->p > ret->limit ? ASSAY_FAIL : ASSAY_PASS;
	else if (!sort_is_beyond(ret->content, ret->u, rule->bound, error))
		ret->outcome = ASSAY_OPEN;
	else
		ret->outcome = is_bad ? ASSAY_FAIL : ASSAY_PASS;
}

/* One rule that fails is enough; all must pass. */
static enum assay_outcome judge_rules(const struct method_rules *rules,
				      struct assay_result *r,
				      enum assay_when when)
{
	struct assay_decision *d = &r->decision;
	enum assay_outcome all = ASSAY_PASS;

	for (size_t i = 0; i < rules->n; i++) {
		struct assay_rule *rule = &d->rule[d->n_rules++];

		limits_quantity(r, rules->rule[i].quantity, &rule->content,
				&rule->u);
		judge_rule(&rules->rule[i], when, rule);
		if (rule->outcome == ASSAY_FAIL)
			all = ASSAY_FAIL;
		else if (rule->outcome == ASSAY_OPEN && all == ASSAY_PASS)
			all = ASSAY_OPEN;
	}
	return all;
}

/* The bin that holds the content; false when a look is not sure of it. The
 * two bounds of a bin share the error. */
static bool judge_bins(const struct method_bins *bins, struct assay_result *r,
		       enum assay_when when)
{
	struct assay_decision *d = &r->decision;
	bool is_sure = true;
	size_t i;

	if (!bins->n)
		return true;
	memcpy(d->quantity, bins->quantity, sizeof(d->quantity));
	limits_quantity(r, bins->quantity, &d->content, &d->u);
	for (i = 0; i < bins->n && d->content >= bins->bound[i]; i++)
		;
	d->grade = (int)i + 1;
	d->grade_p = 1;
	if (i > 0) {
		d->grade_p -=
			1 - limits_above(d->content, d->u, bins->bound[i - 1]);
		is_sure &= sort_is_beyond(d->content, d->u, bins->bound[i - 1],
					  bins->error / 2);
	}
	if (i < bins->n) {
		d->grade_p -= limits_above(d->content, d->u, bins->bound[i]);
		is_sure &= sort_is_beyond(d->content, d->u, bins->bound[i],
					  bins->error / 2);
	}
	return is_sure || when != ASSAY_LOOK;
}

void sort_judge(const struct method *m, struct assay_result *r,
		enum assay_when when)
{
	struct assay_decision *d = &r->decision;
	bool is_graded;

	*d = (struct assay_decision){ .when = when };
	/* A look may wait for a better spectrum; the end has no other. */
	if (r->verdict == ASSAY_REJECTED ||
	    (when == ASSAY_LOOK && r->verdict != ASSAY_ACCEPTED) ||
	    !(m->rules.n || m->bins.n))
		return;
	d->outcome = judge_rules(&m->rules, r, when);
	is_graded = judge_bins(&m->bins, r, when);
	/* What fails goes to the same heap in any grade. */
	if (d->outcome == ASSAY_PASS && !is_graded)
		d->outcome = ASSAY_OPEN;
}
