// SPDX-License-Identifier: GPL-2.0-or-later
/* The engine on the kept ore: refusals, repeatability, threads, report. */
#include "kselftest_harness.h"

#include <pthread.h>
#include <string.h>

#include "assay/report.h"
#include "assay_try.h"
#include "state_dir.h"

FIXTURE(engine)
{
	struct method *m;
	struct assay_engine *e;
	struct spectrum *s;
	struct assay_result *r;
};

FIXTURE_SETUP(engine)
{
	self->m = load_method_or_abort("ore-l");
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
	self->s = read_mca("tests/data/BST-ORE.mca");
	ASSERT_NE(NULL, self->s);
	self->r = NULL;
}

FIXTURE_TEARDOWN(engine)
{
	assay_result_free(self->r);
	spectrum_free(self->s);
	assay_engine_free(self->e);
	method_free(self->m);
}

static char *run_to_text(struct assay_engine *e, const struct spectrum *s)
{
	struct assay_result *r = NULL;
	char *text = NULL;
	json_t *j;
	size_t len;

	if (assay_engine_run(e, s, &r) < 0)
		abort();
	j = report_json(r);
	if (!j || js_dump(j, 0, &text, &len) < 0)
		abort();
	js_free(j);
	assay_result_free(r);
	return text;
}

TEST_F(engine, same_input_gives_the_same_bytes)
{
	char *a = run_to_text(self->e, self->s);
	char *b = run_to_text(self->e, self->s);

	EXPECT_STREQ(a, b);
	free(a);
	free(b);
}

TEST_F(engine, no_calibration_is_refused_in_words)
{
	self->s->n_cal = 0;
	EXPECT_EQ(-EINVAL, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_NE(NULL, strstr(assay_engine_why(self->e), "calibration"));
	EXPECT_EQ(NULL, self->r);
}

TEST_F(engine, axis_that_misses_the_range_is_refused)
{
	self->s->n_chan = 512;
	EXPECT_EQ(-EINVAL, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_NE(NULL, strstr(assay_engine_why(self->e), "range"));
}

TEST_F(engine, refusal_leaves_it_fit_for_the_next)
{
	self->s->live_s = 0;
	EXPECT_EQ(-EINVAL, assay_engine_run(self->e, self->s, &self->r));
	self->s->live_s = 120;
	EXPECT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
}

/* A few counts, one channel, and a million times too many. */
/* Sanitisers on a loaded machine are slow, hence the time. */
TEST_F_TIMEOUT(engine, odd_spectra_give_finite_numbers_or_a_flag, 200)
{
	for (int i = 0; i < 3; i++) {
		for (size_t k = 0; k < self->s->n_chan; k++)
			self->s->counts[k] = i == 0   ? k % 97 == 0
					     : i == 1 ? (k == 300) * 1000000u
						      : 4000000000u;
		ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
		for (size_t k = 0; k < self->r->n_elements; k++) {
			EXPECT_TRUE(isfinite(self->r->element[k].content));
			EXPECT_TRUE(isfinite(self->r->element[k].u));
		}
		EXPECT_NE(ASSAY_ACCEPTED, self->r->verdict);
		self->r = assay_result_free(self->r);
	}
}

TEST_F(engine, stated_current_sets_the_scale)
{
	self->s->tube_ua = 64.323;
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_EQ(METHOD_SCALE_CURRENT, self->r->scale_by);
	/* To its own sigma, which the method says. */
	EXPECT_LT(fabs(log(self->r->scale / (64.323e-3 * 120))),
		  3 * self->m->matrix.u_current);
}

/* 50 mg/cm2 stop La L (4.7 keV) many times over, Y K (15 keV) only in part. */
TEST_F(engine, thin_sample_is_flagged_for_lines_that_pass_it)
{
	size_t y = (size_t)method_find(self->m, "Y");
	size_t la = (size_t)method_find(self->m, "La");

	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_EQ(0, self->r->element[y].flags & ASSAY_ELEMENT_NOT_THICK);
	EXPECT_GT(self->r->element[y].thick_g_cm2, 0.05);
	EXPECT_LT(self->r->element[y].thick_g_cm2, 0.5);
	self->r = assay_result_free(self->r);
	self->s->areal_g_cm2 = 0.05;
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_NE(0, self->r->element[y].flags & ASSAY_ELEMENT_NOT_THICK);
	EXPECT_EQ(0, self->r->element[la].flags & ASSAY_ELEMENT_NOT_THICK);
}

TEST_F(engine, curve_and_labels_are_there_for_a_plot)
{
	size_t peak = 0;

	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_EQ(2048, self->r->n_chan);
	EXPECT_GT(self->r->n_labels, 10);
	for (size_t i = 0; i < self->r->n_chan; i++) {
		if (self->r->model[i] > self->r->model[peak])
			peak = i;
	}
	EXPECT_LT(fabs(self->r->model[peak] / self->r->counts[peak] - 1), 0.05);
	EXPECT_LT(self->r->background[peak], self->r->model[peak]);
}

TEST_F(engine, covariance_is_symmetric_and_its_roots_are_the_sigmas)
{
	size_t n;

	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	n = self->r->n_elements;
	for (size_t i = 0; i < n; i++) {
		double u = self->r->element[i].u;

		EXPECT_LT(fabs(self->r->cov[i * n + i] - u * u),
			  1e-9 * u * u + 1e-12);
		for (size_t j = 0; j < i; j++) {
			EXPECT_LT(fabs(self->r->cov[i * n + j] -
				       self->r->cov[j * n + i]),
				  1e-6 * u * self->r->element[j].u);
		}
	}
}

/* u of TREO by what the report alone has. */
static double sum_u(json_t *report)
{
	const json_t *matrix = js_get(report, "correlation");
	const json_t *symbols = js_get(matrix, "symbols");
	const json_t *lower = js_get(matrix, "lower");
	const json_t *oxides = js_get(report, "oxides"), *named;
	double u[METHOD_MAX_ELEMENTS] = { 0 }, r, var = 0;
	size_t n = js_len(symbols), at = 0;

	named = js_get(js_get(js_get(report, "sums"), "TREO"), "oxides");
	for (size_t i = 0; i < js_len(oxides); i++) {
		const json_t *o = js_at(oxides, i);
		const char *symbol, *formula;

		for (size_t k = 0; k < n; k++) {
			if (!js_str_value(js_at(symbols, k), &symbol, NULL) ||
			    strcmp(symbol, js_text(o, "symbol")) != 0)
				continue;
			for (size_t m = 0; m < js_len(named); m++) {
				if (js_str_value(js_at(named, m), &formula,
						 NULL) &&
				    !strcmp(formula, js_text(o, "formula")))
					u[k] = js_number(o, "u_mg_kg");
			}
		}
	}
	for (size_t i = 0; i < n; i++) {
		var += u[i] * u[i];
		for (size_t k = 0; k < i; k++) {
			if (!js_real_value(js_at(lower, at++), &r))
				return NAN;
			var += 2 * r * u[i] * u[k];
		}
	}
	return at == js_len(lower) ? sqrt(var) : NAN;
}

/* ore-l without elements, as grep names them. */
static struct method *load_without(const char *elements)
{
	char dir[128], command[400], path[140];
	struct method_error err;
	struct method *m = NULL;

	state_dir_make(dir);
	snprintf(command, sizeof(command),
		 "cp daemon/methods/*.csv %s && grep -vE '^(%s) = '"
		 " daemon/methods/ore-l.ini >%s/try.ini",
		 dir, elements, dir);
	snprintf(path, sizeof(path), "%s/try.ini", dir);
	if (system(command) != 0 || method_load(path, &m, &err) < 0)
		abort();
	state_dir_remove(dir);
	return m;
}

/* Yttrium is all that is left of HREO: as much of it as is known to 8 %. */
TEST_F(engine, sum_of_one_has_the_limit_of_its_oxide)
{
	const struct assay_sum *sum;
	const struct assay_element *y;
	struct assay_engine *e = NULL;
	struct method *m = load_without("Eu|Gd|Tb|Dy|Ho|Er|Tm|Yb|Lu");

	ASSERT_EQ(0, assay_engine_new(m, &e));
	ASSERT_EQ(0, assay_engine_run(e, self->s, &self->r));
	sum = &self->r->sum[ASSAY_HREO];
	y = &self->r->element[method_find(m, "Y")];
	ASSERT_EQ(1, sum->n_members);
	EXPECT_GT(y->content, 2 * y->u);
	EXPECT_GT(y->ld, 0);
	EXPECT_LT(fabs(sum->ld / (y->oxide_factor * y->ld) - 1), 1e-9);
	assay_engine_free(e);
	method_free(m);
}

/* Its members are absent together: what they add to the counts below each other
 * is gone, and overlap makes them no more known apart than together. */
TEST_F(engine, sum_has_the_limit_of_what_its_members_are_together)
{
	const struct assay_sum *sum;
	double ld = 0, apart = 0;

	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	sum = &self->r->sum[ASSAY_TREO];
	for (int k = 0; k < sum->n_members; k++) {
		const struct assay_element *a =
			&self->r->element[sum->member[k]];

		ld = fmax(ld, a->oxide_factor * a->ld);
		apart += a->oxide_factor * a->ld;
	}
	TH_LOG("L_D of TREO %.0f mg/kg, %.0f by its counts as they are; of its members up to %.0f, %.0f added up",
	       sum->ld, 3.29 * sum->u_count, ld, apart);
	EXPECT_GT(sum->ld, 0);
	EXPECT_LT(sum->ld, 0.9 * 3.29 * sum->u_count);
	EXPECT_LT(sum->ld, apart);
}

TEST_F(engine, report_holds_what_others_read)
{
	const char *symbol, *basis;
	json_t *j, *first, *critical;
	size_t n_air = 0;
	double v;

	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	j = report_json(self->r);
	ASSERT_NE(NULL, j);
	for (size_t i = 0; i < self->m->n_elements; i++)
		n_air += self->m->element[i].is_air;
	EXPECT_EQ(1, n_air);
	EXPECT_EQ(self->m->n_elements - n_air, js_len(js_get(j, "elements")));
	/* Neither the air's argon nor the tube's silver is a content. */
	for (size_t i = 0; i < js_len(js_get(j, "elements")); i++) {
		EXPECT_EQ(0, js_get_str(js_at(js_get(j, "elements"), i),
					"symbol", &symbol));
		EXPECT_STRNE("Ar", symbol);
		EXPECT_STRNE("Ag", symbol);
	}
	first = js_at(js_get(j, "elements"), 0);
	EXPECT_EQ(0, js_get_str(first, "symbol", &symbol));
	EXPECT_STREQ(self->m->element[0].symbol, symbol);
	EXPECT_EQ(0, js_get_real(first, "content_mg_kg", &v));
	EXPECT_EQ(0, js_get_real(first, "u_mg_kg", &v));
	EXPECT_EQ(0, js_get_real(first, "ld_mg_kg", &v));
	EXPECT_EQ(0, js_get_real(js_get(js_get(j, "sums"), "TREO"),
				 "content_mg_kg", &v));
	EXPECT_EQ(0, js_get_real(js_get(js_get(j, "sums"), "TREO"), "ld_mg_kg",
				 &v));
	EXPECT_LT(fabs(v - self->r->sum[ASSAY_TREO].ld), 1e-9 * v);
	EXPECT_EQ(0, js_get_real(first, "loq_mg_kg", &v));
	EXPECT_EQ(0, js_get_real(first, "u_expanded_mg_kg", &v));
	EXPECT_LT(fabs(v - 2 * self->r->element[0].u), 1e-9 * v);
	critical = js_get(js_get(js_get(j, "sums"), "CREO"), "oxides");
	EXPECT_EQ(5, js_len(critical));
	EXPECT_TRUE(js_str_value(js_at(critical, 0), &symbol, NULL));
	EXPECT_STREQ("Nd2O3", symbol);
	EXPECT_LE(3, js_len(js_get(js_get(j, "pattern"), "normalised")));
	/* Ytterbium of this ore is below its decision limit. */
	EXPECT_EQ(JS_NULL, js_type(js_get(js_get(j, "pattern"), "la_yb")));
	EXPECT_EQ(0, js_get_real(js_get(js_get(j, "pattern"), "ce_anomaly"),
				 "value", &v));
	EXPECT_EQ(JS_ARRAY, js_type(js_get(j, "correlations")));
	EXPECT_LT(fabs(sum_u(j) / self->r->sum[ASSAY_TREO].u - 1), 1e-4);
	EXPECT_EQ(0, js_get_str(js_get(j, "activity"), "basis", &basis));
	EXPECT_NE(NULL, strstr(basis, "not a radiometric result"));
	js_free(j);
}

struct worker {
	const struct method *m;
	const struct spectrum *s;
	char *text;
};

static void *work(void *data)
{
	struct worker *w = data;
	struct assay_engine *e = NULL;

	if (assay_engine_new(w->m, &e) < 0)
		abort();
	w->text = run_to_text(e, w->s);
	assay_engine_free(e);
	return NULL;
}

TEST_F_TIMEOUT(engine, two_engines_in_two_threads_agree_to_the_byte, 200)
{
	struct worker w[2] = { { self->m, self->s, NULL },
			       { self->m, self->s, NULL } };
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, work, &w[i]));
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	EXPECT_STREQ(w[0].text, w[1].text);
	free(w[0].text);
	free(w[1].text);
}

TEST_HARNESS_MAIN
