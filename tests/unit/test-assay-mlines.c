// SPDX-License-Identifier: GPL-2.0-or-later
/* M lines: their production, what they do to a fit, and that they can be off. */
#include "kselftest_harness.h"

#include <string.h>

#include <xraylib.h>

#include "assay/forecast.h"
#include "assay/outcome.h"
#include "assay_try.h"

FIXTURE(mlines)
{
	struct method *m;
	struct assay_engine *e;
	struct spectrum *s;
	struct assay_result *r;
	double content[METHOD_MAX_ELEMENTS];
};

FIXTURE_SETUP(mlines)
{
	self->m = load_method_or_abort("ore-l");
	self->m->fit.m_lines = true;
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
	self->s = NULL;
	self->r = NULL;
	memset(self->content, 0, sizeof(self->content));
}

FIXTURE_TEARDOWN(mlines)
{
	assay_result_free(self->r);
	spectrum_free(self->s);
	assay_engine_free(self->e);
	method_free(self->m);
}

static const struct line_shell *shell_of(const struct assay_engine *e,
					 const char *symbol,
					 enum line_shell_name name)
{
	const struct lines *ls = e->physics->lines;

	for (size_t i = 0; i < ls->n_shells; i++) {
		if (!strcmp(e->m->element[ls->shell[i].element].symbol,
			    symbol) &&
		    ls->shell[i].name == name)
			return &ls->shell[i];
	}
	return NULL;
}

/*
 * Vacancies of the M shells by ionisation and by Coster and Kronig's
 * transitions, without any from K and L: what there is below the L3 edge.
 */
static void find_vacancies(int z, double kev, double ret[5])
{
	static const int shells[] = { M1_SHELL, M2_SHELL, M3_SHELL, M4_SHELL,
				      M5_SHELL };
	static const int moves[5][5] = {
		{ 0 },
		{ FM12_TRANS },
		{ FM13_TRANS, FM23_TRANS },
		{ FM14_TRANS, FM24_TRANS, FM34_TRANS },
		{ FM15_TRANS, FM25_TRANS, FM35_TRANS, FM45_TRANS },
	};

	for (int i = 0; i < 5; i++) {
		ret[i] = CS_Photo_Partial(z, shells[i], kev, NULL);
		for (int k = 0; k < i; k++)
			ret[i] +=
				CosKronTransProb(z, moves[i][k], NULL) * ret[k];
	}
}

/* The bins of tube lines have one energy; those of the continuum do not. */
TEST_F_TIMEOUT(mlines, production_below_l3_is_that_of_the_shells_themselves,
	       300)
{
	static const struct {
		const char *symbol;
		int z;
	} heavy[] = { { "Pb", 82 }, { "Bi", 83 }, { "Th", 90 }, { "U", 92 } };
	static const int shells[] = { M1_SHELL, M2_SHELL, M3_SHELL, M4_SHELL,
				      M5_SHELL };
	const struct tube *t = self->e->physics->tube;
	int n_checked = 0;

	for (size_t i = 0; i < ARRAY_SIZE(heavy); i++) {
		int z = heavy[i].z;
		double top = EdgeEnergy(z, L3_SHELL, NULL);

		for (size_t b = 0; b < t->n_bins; b++) {
			double v[5], kev = t->kev[b];

			/* No edge within a bin. */
			if (kev < EdgeEnergy(z, M1_SHELL, NULL) + 0.1 ||
			    kev > top - 0.2)
				continue;
			find_vacancies(z, kev, v);
			for (int k = 0; k < 5; k++) {
				double want =
					v[k] * FluorYield(z, shells[k], NULL);
				const struct line_shell *s =
					shell_of(self->e, heavy[i].symbol,
						 (enum line_shell_name)(
							 LINE_M1 + k));

				ASSERT_NE(NULL, s);
				/* Bins are three points of a curve. */
				EXPECT_LT(fabs(s->by_bin[b] / want - 1), 2e-3)
				{
					TH_LOG("%s M%d at %.3f keV: %g, %g",
					       heavy[i].symbol, k + 1, kev,
					       s->by_bin[b], want);
				}
				n_checked++;
			}
		}
	}
	EXPECT_GT(n_checked, 1000);
}

/* A vacancy in L becomes several in M, so there is more above the edge. */
TEST_F_TIMEOUT(mlines, vacancies_of_l_feed_them_above_its_edge, 300)
{
	const struct line_shell *s = shell_of(self->e, "Th", LINE_M5);
	const struct tube *t = self->e->physics->tube;
	double v[5], most = 0;

	ASSERT_NE(NULL, s);
	for (size_t b = 0; b < t->n_bins; b++) {
		if (t->kev[b] < 21 || t->kev[b] > 23)
			continue;
		find_vacancies(90, t->kev[b], v);
		most = fmax(most,
			    s->by_bin[b] /
				    (v[4] * FluorYield(90, M5_SHELL, NULL)));
	}
	EXPECT_GT(most, 2);
	EXPECT_LT(most, 8);
}

TEST_F_TIMEOUT(mlines, off_there_is_none_of_them, 300)
{
	const struct lines *ls;

	self->e = assay_engine_free(self->e);
	self->m->fit.m_lines = false;
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
	ls = self->e->physics->lines;
	for (size_t i = 0; i < ls->n_shells; i++)
		EXPECT_LT(ls->shell[i].name, LINE_M1);
	for (size_t l = 0; l < ls->n; l++)
		EXPECT_FALSE(lines_is_m(ls, l));
}

/* An ore with much thorium, lead and uranium; exact counts. */
static void make_spectrum(FIXTURE_DATA(mlines) * self)
{
	static const struct {
		const char *symbol;
		double content;
	} ore[] = {
		{ "Si", 0.15 }, { "P", 0.05 },	 { "Ca", 0.05 }, { "Fe", 0.05 },
		{ "La", 0.03 }, { "Ce", 0.06 },	 { "Nd", 0.02 }, { "K", 0.01 },
		{ "Pb", 0.02 }, { "Th", 0.05 },	 { "U", 0.005 }, { "S", 0.01 },
		{ "Y", 0.002 }, { "Cl", 0.002 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ore); i++)
		self->content[method_find(self->m, ore[i].symbol)] =
			ore[i].content;
	if (forecast_spectrum(self->e, self->content, 100e3, 60, &self->s) < 0)
		abort();
}

static double error_in_u(const struct assay_result *r, const struct method *m,
			 const double *content, const char *symbol)
{
	const struct assay_element *e = &r->element[method_find(m, symbol)];

	return (e->content - 1e6 * content[method_find(m, symbol)]) / e->u;
}

TEST_F_TIMEOUT(mlines, contents_come_back_and_are_judged_by_l, 300)
{
	make_spectrum(self);
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_EQ(ASSAY_STOP_CONVERGED, self->r->stop);
	EXPECT_LT(self->r->chi2, 0.1);
	EXPECT_LT(fabs(error_in_u(self->r, self->m, self->content, "Th")), 0.5);
	EXPECT_LT(fabs(error_in_u(self->r, self->m, self->content, "Pb")), 0.5);
	EXPECT_STREQ("La1", self->r->element[method_find(self->m, "Th")].line);
}

/* Tables of M yields differ by tens of per cent; L lines must not follow. */
TEST_F_TIMEOUT(mlines, wrong_yields_are_taken_by_the_prior, 300)
{
	struct assay_engine *wrong = NULL;
	struct lines *ls;

	ASSERT_EQ(0, assay_engine_new(self->m, &wrong));
	ls = wrong->physics->lines;
	for (size_t i = 0; i < ls->n_shells; i++) {
		if (ls->shell[i].name < LINE_M1)
			continue;
		for (size_t b = 0; b < wrong->physics->tube->n_bins; b++)
			ls->shell[i].by_bin[b] *= 1.2;
		for (size_t l = 0; l < ls->n; l++)
			ls->shell[i].by_line[l] *= 1.2;
	}
	make_spectrum(self);
	ASSERT_EQ(0, assay_engine_run(wrong, self->s, &self->r));
	EXPECT_LT(fabs(error_in_u(self->r, self->m, self->content, "Th")), 1);
	EXPECT_LT(fabs(error_in_u(self->r, self->m, self->content, "Pb")), 1);
	EXPECT_LT(self->r->chi2, 0.2);
	assay_engine_free(wrong);
}

/* A method without them on a sample that has them: it is told. */
TEST_F_TIMEOUT(mlines, left_out_they_are_seen_as_a_poor_fit, 300)
{
	make_spectrum(self);
	self->e = assay_engine_free(self->e);
	self->m->fit.m_lines = false;
	ASSERT_EQ(0, assay_engine_new(self->m, &self->e));
	ASSERT_EQ(0, assay_engine_run(self->e, self->s, &self->r));
	EXPECT_NE(ASSAY_ACCEPTED, self->r->verdict);
	EXPECT_NE(0, self->r->flags & (ASSAY_POOR_FIT | ASSAY_NOT_CONVERGED));
}

TEST_HARNESS_MAIN
