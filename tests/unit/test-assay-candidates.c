// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Elements that are fitted only if the counts ask for them, on spectra that
 * the engine's own model makes: strontium is in or is not, and `ore-l` does
 * not list it.
 *
 * REESPEC_DRAWS says how many ores without any candidate are drawn; 10 by
 * default.
 */
#include "kselftest_harness.h"

#include <string.h>

#include "assay/forecast.h"
#include "assay/method_candidates.h"
#include "assay/report.h"
#include "assay_try.h"

#define SEED 20261126ULL

FIXTURE(candidates)
{
	struct method *m;
	struct assay_engine *e;
	struct spectrum *s;
	struct assay_result *r;
	double content[METHOD_MAX_ELEMENTS];
	char why[320];
};

static void drop_from_list(struct method *m, const char *symbol)
{
	size_t at = (size_t)method_find(m, symbol);

	m->n_elements--;
	memmove(m->element + at, m->element + at + 1,
		(m->n_elements - at) * sizeof(*m->element));
}

static double *content_of(FIXTURE_DATA(candidates) * self, const char *symbol)
{
	int at = method_find(self->m, symbol);

	if (at < 0)
		abort();
	return &self->content[at];
}

FIXTURE_SETUP(candidates)
{
	self->m = load_method_or_abort("ore-l");
	self->e = NULL;
	self->s = NULL;
	self->r = NULL;
	drop_from_list(self->m, "Sr");
	memset(self->content, 0, sizeof(self->content));
}

FIXTURE_TEARDOWN(candidates)
{
	assay_result_free(self->r);
	spectrum_free(self->s);
	assay_engine_free(self->e);
	method_free(self->m);
}

static int take(FIXTURE_DATA(candidates) * self, const char *text)
{
	return method_candidates_take(self->m, text, self->why,
				      sizeof(self->why));
}

/* Ores without cobalt or bismuth; the heavy rare earths are at zero. */
static void make_spectrum(FIXTURE_DATA(candidates) * self, double strontium)
{
	static const struct {
		const char *symbol;
		double content;
	} ore[] = {
		{ "Si", 0.2 },	 { "Al", 0.05 },  { "Ca", 0.05 },
		{ "Fe", 0.1 },	 { "Ti", 0.01 },  { "Mn", 0.004 },
		{ "Ba", 0.01 },	 { "La", 0.015 }, { "Ce", 0.03 },
		{ "Pr", 0.003 }, { "Nd", 0.01 },  { "Sm", 0.001 },
		{ "Y", 0.0005 }, { "Th", 0.001 }, { "Zr", 0.002 },
		{ "Nb", 0.001 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ore); i++)
		*content_of(self, ore[i].symbol) = ore[i].content;
	*content_of(self, "Sr") = strontium;
	if (assay_engine_new(self->m, &self->e) < 0 ||
	    forecast_spectrum(self->e, self->content, 100e3, 60, &self->s) < 0)
		abort();
}

static void draw(struct spectrum *to, const struct spectrum *mean,
		 unsigned long long *seed)
{
	for (size_t k = 0; k < to->n_chan; k++)
		to->counts[k] = draw_poisson(seed, mean->counts[k]);
}

static struct spectrum *copy(const struct spectrum *from)
{
	struct spectrum *s = NULL;
	uint32_t *counts;

	if (spectrum_new(from->counts, from->n_chan, &s) < 0)
		abort();
	counts = s->counts;
	*s = *from;
	s->counts = counts;
	return s;
}

static const struct assay_element *element(const struct assay_result *r,
					   const char *symbol)
{
	for (size_t i = 0; i < r->n_elements; i++) {
		if (!strcmp(r->element[i].symbol, symbol))
			return &r->element[i];
	}
	abort();
}

static bool is_named(const struct assay_result *r, const char *list,
		     const char *symbol)
{
	json_t *report = report_json(r);
	const json_t *names = js_get(js_get(report, "candidates"), list);
	const char *name;
	bool is_there = false;

	for (size_t i = 0; i < js_len(names); i++) {
		if (js_str_value(js_at(names, i), &name, NULL))
			is_there |= !strcmp(name, symbol);
	}
	js_free(report);
	return is_there;
}

TEST_F_TIMEOUT(candidates, one_that_is_there_is_found_and_named, 300)
{
	const struct assay_element *sr;

	ASSERT_EQ(0, take(self, "auto"));
	make_spectrum(self, 0.003);
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_EQ(ASSAY_STOP_CONVERGED, self->r->stop);
	sr = element(self->r, "Sr");
	EXPECT_EQ(0, sr->flags & ASSAY_ELEMENT_NOT_FOUND);
	EXPECT_GT(sr->gain, self->r->candidates_threshold);
	EXPECT_LT(fabs(sr->content - 3000), 3 * sr->u);
	EXPECT_TRUE(is_named(self->r, "added", "Sr"));
	EXPECT_TRUE(is_named(self->r, "kept", "Fe"));
	/* Without it in the fit, chi-square would say so. */
	EXPECT_LT(self->r->chi2, 1.2);
}

TEST_F_TIMEOUT(candidates,
	       one_of_the_list_that_is_not_there_is_dropped_and_named, 300)
{
	const struct assay_element *bi;

	ASSERT_EQ(0, take(self, "Sr Bi Fe"));
	make_spectrum(self, 0);
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	bi = element(self->r, "Bi");
	EXPECT_NE(0, bi->flags & ASSAY_ELEMENT_NOT_FOUND);
	EXPECT_TRUE(is_named(self->r, "dropped", "Bi"));
	/* What it would have been stands there, with its limits. */
	EXPECT_GT(bi->u, 0);
	EXPECT_LT(fabs(bi->content), 4 * bi->u);
	EXPECT_GT(bi->lc, bi->u);
	EXPECT_LT(bi->ld, 50);
	EXPECT_FALSE(is_named(self->r, "dropped", "Fe"));
	/* Cobalt is no candidate, so it stays. */
	EXPECT_EQ(0, element(self->r, "Co")->flags & ASSAY_ELEMENT_NOT_FOUND);
}

TEST_F_TIMEOUT(candidates, rare_earths_at_zero_stay_in_the_fit, 300)
{
	static const char *const kept[] = { "Sc", "Y",	"Eu", "Tb", "Ho",
					    "Tm", "Lu", "Th", "U" };

	ASSERT_EQ(0, take(self, "auto"));
	make_spectrum(self, 0);
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		const struct assay_element *e = element(self->r, kept[i]);

		EXPECT_FALSE(e->is_candidate);
		EXPECT_EQ(0, e->flags & ASSAY_ELEMENT_NOT_FOUND);
		EXPECT_GT(e->u_count, 0);
	}
	EXPECT_EQ(15, self->r->sum[ASSAY_TREO].n_members);
}

/* By the method's own chance, which holds for what is not listed. */
TEST_F_TIMEOUT(candidates, absent_ones_come_in_no_more_often_than_said, 600)
{
	const char *env = getenv("REESPEC_DRAWS");
	int n = env ? atoi(env) : 10, n_wrong = 0;
	double chance = self->m->fit.candidates_error;
	struct spectrum *drawn;

	ASSERT_EQ(0, take(self, "auto"));
	make_spectrum(self, 0);
	drawn = copy(self->s);
	for (int i = 0; i < n; i++) {
		unsigned long long seed = SEED + (unsigned long long)i;
		int n_added = 0;

		draw(drawn, self->s, &seed);
		ASSERT_EQ(0, assay_engine_run(self->e, drawn, &self->r));
		EXPECT_EQ(ASSAY_STOP_CONVERGED, self->r->stop);
		for (size_t k = 0; k < self->r->n_elements; k++) {
			const struct assay_element *e = &self->r->element[k];

			n_added += e->is_candidate && !e->is_listed &&
				   !(e->flags & ASSAY_ELEMENT_NOT_FOUND);
		}
		n_wrong += n_added > 0;
		self->r = assay_result_free(self->r);
	}
	TH_LOG("%d of %d spectra with one that is not there, seeds from %llu",
	       n_wrong, n, SEED);
	EXPECT_LE(n_wrong, n * chance + 3 * sqrt(n * chance * (1 - chance)));
	spectrum_free(drawn);
}

TEST_F_TIMEOUT(candidates, one_that_shows_while_counting_makes_a_whole_run, 300)
{
	struct spectrum *early;
	enum assay_follow how;

	ASSERT_EQ(0, take(self, "Sr"));
	make_spectrum(self, 1e-5);
	early = copy(self->s);
	early->live_s = early->real_s = 1;
	for (size_t k = 0; k < early->n_chan; k++)
		early->counts[k] /= 60;
	ASSERT_EQ(0, assay_engine_follow(self->e, early, &self->r, &how));
	EXPECT_NE(0, element(self->r, "Sr")->flags & ASSAY_ELEMENT_NOT_FOUND);
	ASSERT_EQ(0, assay_engine_follow(self->e, self->s, &self->r, &how));
	EXPECT_EQ(ASSAY_RUN_MOVED, how);
	EXPECT_EQ(0, element(self->r, "Sr")->flags & ASSAY_ELEMENT_NOT_FOUND);
	ASSERT_EQ(0, assay_engine_follow(self->e, self->s, &self->r, &how));
	EXPECT_EQ(ASSAY_REFITTED, how);
	EXPECT_EQ(0, element(self->r, "Sr")->flags & ASSAY_ELEMENT_NOT_FOUND);
	spectrum_free(early);
}

TEST_F_TIMEOUT(candidates, auto_is_what_has_a_line_in_the_range, 300)
{
	size_t before = self->m->n_elements;

	ASSERT_EQ(0, take(self, "auto"));
	EXPECT_GT(self->m->n_elements, before + 10);
	EXPECT_LE(0, method_find(self->m, "Sr"));
	EXPECT_LE(0, method_find(self->m, "Br"));
	/* Of gold the L lines, since its K lines lie above the range. */
	EXPECT_STREQ("L", self->m->element[method_find(self->m, "Au")].line);
	/* Below the range, of the anode, and in no ore. */
	EXPECT_GT(0, method_find(self->m, "Na"));
	EXPECT_GT(0, method_find(self->m, "Ag"));
	EXPECT_GT(0, method_find(self->m, "Kr"));
	EXPECT_GT(0, method_find(self->m, "Tc"));
	EXPECT_FALSE(self->m->element[method_find(self->m, "Ar")].is_candidate);
}

TEST_F_TIMEOUT(candidates, what_cannot_be_one_is_refused_with_the_reason, 300)
{
	static const struct {
		const char *text, *symbol, *reason;
	} wrong[] = {
		{ "Sr Lu", "Lu", "rare earth" }, { "Y", "Y", "rare earth" },
		{ "Th", "Th", "activity" },	 { "Ag", "Ag", "tube" },
		{ "Ar", "Ar", "air" },		 { "Na", "Na", "range" },
		{ "Sr,Xx", "Xx", "symbol" },	 { "Fe", "Fe", "rule" },
	};

	snprintf(self->m->rules.rule[0].quantity,
		 sizeof(self->m->rules.rule[0].quantity), "Fe");
	self->m->rules.n = 1;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		EXPECT_EQ(-EINVAL, take(self, wrong[i].text))
		{
			TH_LOG("%s", wrong[i].text);
		}
		EXPECT_EQ(0, strncmp(self->why, wrong[i].symbol,
				     strlen(wrong[i].symbol)))
		{
			TH_LOG("%s", self->why);
		}
		EXPECT_NE(NULL, strstr(self->why, wrong[i].reason))
		{
			TH_LOG("%s", self->why);
		}
	}
}

TEST_F_TIMEOUT(candidates, more_than_eighty_elements_are_refused, 300)
{
	while (self->m->n_elements < METHOD_MAX_ELEMENTS)
		self->m->element[self->m->n_elements++] = self->m->element[0];
	EXPECT_EQ(-EINVAL, take(self, "Sr"));
	EXPECT_NE(NULL, strstr(self->why, "80"));
}

TEST_HARNESS_MAIN
