// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules of a method, and decisions by them: what is refused, what is judged,
 * and how often a decision that was looked for again and again is wrong.
 * REESPEC_SEED draws other samples, SORT_RUNS more of them.
 */
#include "assay/sort.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/limits.h"
#include "assay/report.h"
#include "assay/rules.h"
#include "kselftest_harness.h"
#include "seed.h"

#define SEED 20261127u
#define N_RUNS 1500
#define N_LOOKS 60

/* A result of three elements, Nd and Pr with oxides. */
static const char *const symbols[] = { "Nd", "Pr", "U" };

struct sample {
	struct assay_result r;
	struct assay_element element[3];
	double cov[9];
	struct method m;
};

static void sample_set(struct sample *s, size_t i, double content, double u)
{
	s->element[i].content = content;
	s->element[i].u = u;
	s->cov[4 * i] = u * u;
}

static struct sample *sample_new(const char *fail_when, const char *bin_by)
{
	struct sample *s = calloc(1, sizeof(*s));
	struct ini_refusal no = { 0 };

	for (size_t i = 0; i < 3; i++) {
		snprintf(s->element[i].symbol, 3, "%s", symbols[i]);
		s->element[i].oxide_factor = i < 2 ? 1.2 : 1;
		s->element[i].normalised = NAN;
	}
	s->r.element = s->element;
	s->r.n_elements = 3;
	s->r.cov = s->cov;
	s->r.live_s = 12;
	s->m.bins.error = 0.05;
	if (rules_parse_fail(fail_when, &s->m.rules, &no) < 0 ||
	    rules_parse_bins(bin_by, &s->m.bins, &no) < 0)
		printf("# %s | %s: %s\n", fail_when, bin_by, no.why);
	s->m.bins.error = 0.05;
	return s;
}

static enum assay_outcome judge(struct sample *s, enum assay_when when)
{
	sort_judge(&s->m, &s->r, when);
	return s->r.decision.outcome;
}

/* ---- what is said --------------------------------------------------------------- */

TEST(rules_are_read)
{
	struct ini_refusal no = { 0 };
	struct method_rules rules;
	struct method_bins bins;

	ASSERT_EQ(0,
		  rules_parse_fail("P(TREO < 0.5 %) > 5 % | P( U>50ppm )>90%",
				   &rules, &no));
	ASSERT_EQ(2, (int)rules.n);
	EXPECT_STREQ("TREO", rules.rule[0].quantity);
	EXPECT_TRUE(rules.rule[0].is_below);
	EXPECT_EQ(5000, rules.rule[0].bound);
	EXPECT_EQ(0.05, rules.rule[0].p);
	EXPECT_STREQ("P(TREO < 0.5 %) > 5 %", rules.rule[0].text);
	EXPECT_STREQ("U", rules.rule[1].quantity);
	EXPECT_FALSE(rules.rule[1].is_below);
	EXPECT_EQ(50, rules.rule[1].bound);
	EXPECT_EQ(0.9, rules.rule[1].p);
	ASSERT_EQ(0, rules_parse_bins("NdPr 0.5 1 2.5 %", &bins, &no));
	ASSERT_EQ(3, (int)bins.n);
	EXPECT_STREQ("NdPr", bins.quantity);
	EXPECT_EQ(5000, bins.bound[0]);
	EXPECT_EQ(25000, bins.bound[2]);
	ASSERT_EQ(0, rules_parse_fail("", &rules, &no));
	ASSERT_EQ(0, rules_parse_bins("", &bins, &no));
	EXPECT_EQ(0, (int)(rules.n + bins.n));
}

TEST(rules_that_are_none_are_refused)
{
	static const struct {
		const char *rule;
		const char *why;
		const char *word; /* it is about, where that is told */
	} wrong[] = {
		{ "TREO < 0.5 %", "want rules", NULL },
		{ "P(TREO < 0.5 %)", "want rules", NULL },
		{ "P(TREO = 0.5 %) > 5 %", "want rules", NULL },
		{ "P(TREO < 0.5) > 5 %", "want rules", NULL },
		{ "P(TREO < 0.5 %) > 5", "want rules", NULL },
		{ "P(TREO < 0.5 %) < 5 %", "want rules", NULL },
		{ "P(TREO < -1 %) > 5 %", "want rules", NULL },
		{ "P(TREO < nan %) > 5 %", "want rules", NULL },
		{ "P(TREO < 0x5 %) > 5 %", "want rules", NULL },
		{ "P(Treo < 0.5 %) > 5 %", "unknown quantity; want TREO",
		  "Treo" },
		{ "P(U > 1 %) > 5 % | P(NdXx < 0.5 %) > 5 %",
		  "symbols of elements as Nd", "NdXx" },
		{ "P(U > 1 %) > 5 % | P(Nd) | P(U > 1 %) > 5 %", "want rules",
		  "P(Nd)" },
		{ "P(TREO < 0.5 %) > 5 % P(U > 1 %) > 5 %", "want rules",
		  NULL },
		{ "P(TREO < 0.5 %) > 5 % & P(U > 1 %) > 5 %", "want rules",
		  NULL },
		{ "P(TREO < 0 %) > 5 %", "content must be above 0", NULL },
		{ "P(TREO < 101 %) > 5 %", "at most 100 %", NULL },
		{ "P(TREO < 1 %) > 0 %", "0.1 to 99.9 %", NULL },
		{ "P(TREO < 1 %) > 100 %", "0.1 to 99.9 %", NULL },
		{ "P(U>1%)>5%|P(U>1%)>5%|P(U>1%)>5%|P(U>1%)>5%|P(U>1%)>5%|"
		  "P(U>1%)>5%|P(U>1%)>5%|P(U>1%)>5%|P(U>1%)>5%",
		  "at most 8", NULL },
	};
	static const char *const bins[] = {
		"NdPr", "NdPr 1", "NdPr %", "1 2 %", "NdPr 1 2 % x", "Nd/Pr 1 %"
	};
	struct method_rules rules;
	struct method_bins b;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct ini_refusal no = { 0 };

		EXPECT_EQ(-EINVAL,
			  rules_parse_fail(wrong[i].rule, &rules, &no));
		EXPECT_NE(NULL, strstr(no.why, wrong[i].why))
		{
			TH_LOG("%s: %s", wrong[i].rule, no.why);
		}
		if (!wrong[i].word)
			continue;
		EXPECT_EQ(strlen(wrong[i].word), no.word_len);
		EXPECT_EQ(0, strncmp(no.word, wrong[i].word, no.word_len));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bins); i++) {
		struct ini_refusal no = { 0 };

		EXPECT_EQ(-EINVAL, rules_parse_bins(bins[i], &b, &no));
		EXPECT_NE(NULL, strstr(no.why, "want a quantity"));
	}
	for (int i = 0; i < 3; i++) {
		static const char *const order[] = { "Nd 2 1 %", "Nd 0 1 %",
						     "Nd 99 101 %" };
		struct ini_refusal no = { 0 };

		EXPECT_EQ(-EINVAL, rules_parse_bins(order[i], &b, &no));
		EXPECT_NE(NULL, strstr(no.why, "bounds must rise"));
	}
}

TEST(several_symbols_are_a_sum_of_oxides_with_its_covariance)
{
	struct sample *s = sample_new("", "");
	double content, u;

	sample_set(s, 0, 1000, 30);
	sample_set(s, 1, 500, 40);
	s->cov[1] = s->cov[3] = -600;
	limits_quantity(&s->r, "NdPr", &content, &u);
	EXPECT_EQ(1.2 * 1500, content);
	EXPECT_LT(fabs(u - 1.2 * sqrt(30 * 30 + 40 * 40 - 2 * 600)), 1e-9);
	limits_quantity(&s->r, "Nd", &content, &u);
	EXPECT_EQ(1000, content);
	EXPECT_EQ(30, u);
	/* Of a sum by name what is there. */
	limits_quantity(&s->r, "MREO", &content, &u);
	EXPECT_EQ(1.2 * 1500, content);
	free(s);
}

/* ---- what is judged -------------------------------------------------------------- */

/* 1.645 sigmas are 5 %. */
TEST(once_means_what_the_rule_says)
{
	struct sample *s = sample_new("P(Nd < 0.5 %) > 5 %", "");

	sample_set(s, 0, 5000 + 1.65 * 100, 100);
	EXPECT_EQ(ASSAY_PASS, judge(s, ASSAY_ONCE));
	sample_set(s, 0, 5000 + 1.64 * 100, 100);
	EXPECT_EQ(ASSAY_FAIL, judge(s, ASSAY_ONCE));
	/* After looks a tenth of the five are spent: 1.695 sigmas. */
	sample_set(s, 0, 5000 + 1.70 * 100, 100);
	EXPECT_EQ(ASSAY_PASS, judge(s, ASSAY_LAST));
	EXPECT_LT(fabs(s->r.decision.rule[0].limit - 0.045), 1e-12);
	sample_set(s, 0, 5000 + 1.69 * 100, 100);
	EXPECT_EQ(ASSAY_FAIL, judge(s, ASSAY_LAST));
	free(s);
	/* The other way: it must be shown that the sample is bad. */
	s = sample_new("P(U > 50 ppm) > 95 %", "");
	sample_set(s, 2, 50 + 1.65 * 3, 3);
	EXPECT_EQ(ASSAY_FAIL, judge(s, ASSAY_ONCE));
	EXPECT_EQ(ASSAY_PASS, judge(s, ASSAY_LAST));
	sample_set(s, 2, 50 + 1.64 * 3, 3);
	EXPECT_EQ(ASSAY_PASS, judge(s, ASSAY_ONCE));
	free(s);
}

TEST(a_look_decides_far_from_the_bound_only)
{
	struct sample *s = sample_new("P(Nd < 0.5 %) > 5 %", "");

	sample_set(s, 0, 5000 + 2 * 100, 100);
	EXPECT_EQ(ASSAY_OPEN, judge(s, ASSAY_LOOK));
	sample_set(s, 0, 5000 + 5 * 100, 100);
	EXPECT_EQ(ASSAY_PASS, judge(s, ASSAY_LOOK));
	sample_set(s, 0, 5000 - 5 * 100, 100);
	EXPECT_EQ(ASSAY_FAIL, judge(s, ASSAY_LOOK));
	/* Nor from what the method does not accept. */
	s->r.verdict = ASSAY_QUESTIONABLE;
	EXPECT_EQ(ASSAY_OPEN, judge(s, ASSAY_LOOK));
	EXPECT_EQ(ASSAY_FAIL, judge(s, ASSAY_LAST));
	s->r.verdict = ASSAY_REJECTED;
	EXPECT_EQ(ASSAY_OPEN, judge(s, ASSAY_LAST));
	EXPECT_EQ(ASSAY_OPEN, judge(s, ASSAY_ONCE));
	free(s);
}

TEST(all_rules_must_pass_and_one_that_fails_is_enough)
{
	struct sample *s =
		sample_new("P(Nd < 0.5 %) > 5 % | P(U > 50 ppm) > 5 %", "");

	sample_set(s, 0, 6000, 10);
	sample_set(s, 2, 10, 1);
	EXPECT_EQ(ASSAY_PASS, judge(s, ASSAY_LOOK));
	sample_set(s, 2, 49, 1);
	EXPECT_EQ(ASSAY_OPEN, judge(s, ASSAY_LOOK));
	EXPECT_EQ(ASSAY_FAIL, judge(s, ASSAY_LAST));
	sample_set(s, 2, 90, 1);
	EXPECT_EQ(ASSAY_FAIL, judge(s, ASSAY_LOOK));
	sample_set(s, 0, 5000, 10);
	EXPECT_EQ(ASSAY_FAIL, judge(s, ASSAY_LOOK));
	free(s);
}

TEST(grades_are_counted_from_one)
{
	struct sample *s = sample_new("", "NdPr 0.6 1.2 %");

	sample_set(s, 1, 0, 1);
	sample_set(s, 0, 4000, 20);
	EXPECT_EQ(ASSAY_PASS, judge(s, ASSAY_LOOK));
	EXPECT_EQ(1, s->r.decision.grade);
	sample_set(s, 0, 7500, 20);
	EXPECT_EQ(ASSAY_PASS, judge(s, ASSAY_LOOK));
	EXPECT_EQ(2, s->r.decision.grade);
	EXPECT_LT(0.999, s->r.decision.grade_p);
	sample_set(s, 0, 20000, 20);
	EXPECT_EQ(ASSAY_PASS, judge(s, ASSAY_LOOK));
	EXPECT_EQ(3, s->r.decision.grade);
	/* On a bound: no look is sure, and the end says how unsure it is. */
	sample_set(s, 0, 10000, 20);
	EXPECT_EQ(ASSAY_OPEN, judge(s, ASSAY_LOOK));
	EXPECT_EQ(ASSAY_PASS, judge(s, ASSAY_LAST));
	EXPECT_EQ(3, s->r.decision.grade);
	EXPECT_LT(fabs(s->r.decision.grade_p - 0.5), 0.01);
	free(s);
}

TEST(a_decision_tells_its_time_and_its_reason)
{
	struct sample *s = sample_new("P(Nd < 0.5 %) > 5 %", "Nd 1 2 %");
	CLEANUP(js_freep) json_t *report = NULL;
	json_t *d, *rule;
	int32_t grade = 0;

	sample_set(s, 0, 4000, 10);
	judge(s, ASSAY_LOOK);
	limits_name_sums(&s->r);
	limits_sums(&s->r);
	report = report_json(&s->r);
	d = js_get(report, "decision");
	EXPECT_STREQ("fail", js_text(d, "outcome"));
	EXPECT_STREQ("look", js_text(d, "when"));
	EXPECT_EQ(12, js_number(d, "live_s"));
	EXPECT_STREQ("fail when P(Nd < 0.5 %) > 5 %: 100 %, beyond doubt",
		     js_text(d, "why"));
	rule = js_at(js_get(d, "rules"), 0);
	EXPECT_STREQ("P(Nd < 0.5 %) > 5 %", js_text(rule, "rule"));
	EXPECT_EQ(4000, js_number(rule, "content_mg_kg"));
	EXPECT_EQ(10, js_number(rule, "u_mg_kg"));
	EXPECT_STREQ("fail", js_text(rule, "outcome"));
	EXPECT_EQ(0, js_get_int(d, "grade", &grade));
	EXPECT_EQ(1, grade);
	free(s);
}

/* ---- how often it is wrong ------------------------------------------------------- */

static int n_runs(void)
{
	const char *runs = getenv("SORT_RUNS");

	return runs ? atoi(runs) : N_RUNS;
}

static double uniform(void)
{
	return ((double)random() + 0.5) / ((double)RAND_MAX + 1);
}

static double gauss(void)
{
	return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

/*
 * An assay of a content @truth that is looked at every second of @N_LOOKS:
 * counting adds @u_count at the end and is a sum over time, the model adds
 * @u_model once for all looks.
 */
struct process {
	double truth;
	double u_count;
	double u_model;
};

struct tally {
	unsigned int n_pass;
	unsigned int n_fail;
	unsigned int n_early;
	unsigned int n_naive; /* passed at a look by P alone */
	double live; /* sum of what was counted, of N_LOOKS */
};

static void run_once(struct sample *s, const struct process *p, struct tally *t)
{
	const double model = p->u_model * gauss();
	enum assay_outcome outcome = ASSAY_OPEN;
	bool was_naive = false;
	double sum = 0;
	int k = 1;

	for (; k <= N_LOOKS; k++) {
		const double u_count = p->u_count * sqrt((double)N_LOOKS / k);
		const double u = hypot(u_count, p->u_model);

		sum += p->u_count * sqrt(N_LOOKS) * gauss();
		sample_set(s, 0, p->truth + model + sum / k, u);
		if (!was_naive && judge(s, ASSAY_ONCE) == ASSAY_PASS) {
			was_naive = true;
			t->n_naive++;
		}
		/* The last estimate is that of the end. */
		outcome = judge(s, k < N_LOOKS ? ASSAY_LOOK : ASSAY_LAST);
		if (outcome != ASSAY_OPEN)
			break;
	}
	t->live += k;
	t->n_early += k < N_LOOKS;
	t->n_pass += outcome == ASSAY_PASS;
	t->n_fail += outcome == ASSAY_FAIL;
}

static struct tally run_many(const struct process *p)
{
	struct sample *s = sample_new("P(Nd < 0.5 %) > 5 %", "");
	struct tally t = { 0 };

	srandom(seed_of(SEED));
	for (int i = 0; i < n_runs(); i++)
		run_once(s, p, &t);
	free(s);
	printf("# truth %.0f, u of counting %.0f, of the model %.0f: passed %.2f %%,"
	       " by looking at P alone %.2f %%; decided early %.1f %%,"
	       " %.1f of %d s\n",
	       p->truth, p->u_count, p->u_model, 100.0 * t.n_pass / n_runs(),
	       100.0 * t.n_naive / n_runs(), 100.0 * t.n_early / n_runs(),
	       t.live / n_runs(), N_LOOKS);
	fflush(stdout);
	return t;
}

/* Three sigmas of the draw are allowed above. */
static double allowed(double p)
{
	return p + 3 * sqrt(p * (1 - p) / n_runs());
}

TEST(a_sample_on_the_bound_passes_no_more_often_than_the_rule_allows)
{
	static const struct process processes[] = {
		{ 5000, 50, 0 },  { 5000, 250, 0 },   { 5000, 1000, 0 },
		{ 5000, 50, 50 }, { 5000, 100, 200 }, { 4990, 100, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(processes); i++) {
		struct tally t = run_many(&processes[i]);

		EXPECT_EQ(n_runs(), t.n_pass + t.n_fail);
		EXPECT_LE(t.n_pass, allowed(0.05) * n_runs());
		/* What would be if nobody minded: so this test can see it. */
		EXPECT_GE(t.n_naive, 0.15 * n_runs());
	}
}

TEST(clear_samples_are_decided_early_and_rightly)
{
	const struct process good = { 6000, 50, 50 }, bad = { 4000, 50, 50 };
	const struct process near = { 5400, 50, 50 };
	struct tally t = run_many(&good);

	EXPECT_GE(t.n_pass, 0.999 * n_runs());
	EXPECT_LE(t.live / n_runs(), 0.1 * N_LOOKS);
	t = run_many(&bad);
	EXPECT_GE(t.n_fail, 0.999 * n_runs());
	EXPECT_LE(t.live / n_runs(), 0.1 * N_LOOKS);
	t = run_many(&near);
	EXPECT_GE(t.n_pass, 0.999 * n_runs());
	EXPECT_LE(t.live / n_runs(), 0.5 * N_LOOKS);
}

/* The price of looking: what passes by a hair is failed a little more often
 * than by one judgement at the end. */
TEST(looking_costs_little_power)
{
	const struct process p = { 5000 + 2.5 * 100, 100, 0 };
	const double once = 0.5 * erfc(-(2.5 - 1.645) / M_SQRT2);
	struct tally t = run_many(&p);

	EXPECT_GE(t.n_pass, (once - 0.05) * n_runs());
}

/* Counts: the estimate and its u come of the same few of them. */
static unsigned int poisson(double mean)
{
	double limit = exp(-mean), p = 1;
	unsigned int n = 0;

	/* In pieces that exp() can hold. */
	if (mean > 30) {
		for (n = poisson(30), mean -= 30; mean > 30; mean -= 30)
			n += poisson(30);
		return n + poisson(mean);
	}
	while ((p *= uniform()) > limit)
		n++;
	return n;
}

TEST(counts_that_make_both_value_and_u_keep_the_error)
{
	/* 1 count/s for each 250 mg/kg on a background of 30/s. */
	const double mg_kg = 250, background = 30;
	struct sample *s = sample_new("P(Nd < 0.5 %) > 5 %", "");
	unsigned int n_pass = 0, n_drawn = 3 * (unsigned int)n_runs();

	srandom(seed_of(SEED) + 1);
	for (unsigned int i = 0; i < n_drawn; i++) {
		enum assay_outcome outcome = ASSAY_OPEN;
		double counts = 0;

		for (int k = 1; k <= N_LOOKS && outcome == ASSAY_OPEN; k++) {
			counts += poisson(5000 / mg_kg + background);
			sample_set(s, 0, (counts / k - background) * mg_kg,
				   sqrt(counts) / k * mg_kg);
			outcome =
				judge(s, k < N_LOOKS ? ASSAY_LOOK : ASSAY_LAST);
		}
		n_pass += outcome == ASSAY_PASS;
	}
	TH_LOG("passed %.2f %%", 100.0 * n_pass / n_drawn);
	EXPECT_LE(n_pass, (0.05 + 3 * sqrt(0.05 * 0.95 / n_drawn)) * n_drawn);
	free(s);
}

/* Bins on whose edge the sample lies: early, it is put into a wrong one of the
 * two far from it, never; into either of them, seldom. */
TEST(a_grade_decided_early_is_seldom_wrong)
{
	struct sample *s = sample_new("", "Nd 0.4 0.5 1 %");
	unsigned int n_early = 0, n_wrong = 0;

	srandom(seed_of(SEED) + 2);
	for (int i = 0; i < n_runs(); i++) {
		const double truth = 5000;
		double sum = 0;

		for (int k = 1; k < N_LOOKS; k++) {
			sum += 100 * sqrt(N_LOOKS) * gauss();
			sample_set(s, 0, truth + sum / k,
				   100 * sqrt((double)N_LOOKS / k));
			if (judge(s, ASSAY_LOOK) == ASSAY_OPEN)
				continue;
			n_early++;
			n_wrong += s->r.decision.grade < 3;
			break;
		}
	}
	TH_LOG("decided early %.2f %%, wrongly %.2f %%",
	       100.0 * n_early / n_runs(), 100.0 * n_wrong / n_runs());
	EXPECT_LE(n_early, allowed(0.05) * n_runs());
	free(s);
}

TEST_HARNESS_MAIN
