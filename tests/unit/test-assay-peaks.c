// SPDX-License-Identifier: GPL-2.0-or-later
/* Where lines stand: on a right axis, on a wrong one, and one line moved. */
#include "assay/peaks.h"

#include "assay_try.h"
#include "kselftest_harness.h"

#define ORE "tests/data/BST-ORE.mca"

/* An assay of the ore whose axis is stated `by` times too steep. */
static struct assay_result *assay_or_abort(double by)
{
	struct method *m = load_method_or_abort("ore-l");
	struct spectrum *s = read_mca(ORE);
	struct assay_engine *e = NULL;
	struct assay_result *r = NULL;

	if (!s || assay_engine_new(m, &e) < 0)
		abort();
	for (size_t i = 0; i < s->n_cal; i++)
		s->cal[i].kev *= by;
	if (assay_engine_run(e, s, &r) < 0)
		abort();
	assay_engine_free(e);
	spectrum_free(s);
	method_free(m);
	return r;
}

static const struct peak *find(const struct peak *p, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(p[i].text, text))
			return &p[i];
	return NULL;
}

/* Once for all tests, which are processes of their own. */
static struct assay_result *ore;

__attribute__((constructor)) static void assay_the_ore(void)
{
	ore = assay_or_abort(1);
}

FIXTURE(peaks)
{
	struct assay_result *r;
	struct peak p[PEAKS_MAX];
	size_t n;
};

FIXTURE_SETUP(peaks)
{
	self->r = ore;
	self->n = peaks_find(self->r, self->p);
}

FIXTURE_TEARDOWN(peaks)
{
}

TEST_F(peaks, stand_where_the_tables_say)
{
	ASSERT_GE(self->n, 6u);
	ASSERT_NE(NULL, find(self->p, self->n, "Fe Ka1"));
	ASSERT_NE(NULL, find(self->p, self->n, "Sr Ka1"));
	for (size_t i = 0; i < self->n; i++) {
		const struct peak *p = &self->p[i];

		EXPECT_GT(p->u_kev, 0);
		EXPECT_LT(fabs(p->left_kev), 4 * p->u_kev + 0.0005);
		EXPECT_LT(fabs(p->found_kev - p->kev), 0.001);
		if (i)
			EXPECT_GT(p->kev, self->p[i - 1].kev);
	}
}

/* Elements whose lines lie over each other say nothing of the axis. */
TEST_F(peaks, are_alone)
{
	EXPECT_EQ(NULL, find(self->p, self->n, "Pr La1"));
	for (size_t i = 1; i < self->n; i++)
		EXPECT_GT(self->p[i].kev - self->p[i - 1].kev,
			  self->p[i].fwhm_kev);
}

TEST_F(peaks, show_a_stated_axis_that_is_wrong)
{
	struct assay_result *r = assay_or_abort(1.002);
	struct peak p[PEAKS_MAX];
	size_t n = peaks_find(r, p);

	ASSERT_GE(n, 6u);
	for (size_t i = 0; i < n; i++) {
		EXPECT_LT(fabs(p[i].found_kev / p[i].kev - 1.002), 0.0002);
		EXPECT_LT(fabs(p[i].left_kev), 4 * p[i].u_kev + 0.0005);
	}
	assay_result_free(r);
}

/* Iron counted 10 eV too high: the model, moved by two fifths of a channel. */
TEST_F(peaks, show_one_line_that_is_off)
{
	const struct peak *fe = find(self->p, self->n, "Fe Ka1");
	struct assay_result *r = self->r;
	double part = 0.010 / r->gain_kev;
	struct peak p[PEAKS_MAX];
	size_t n;

	ASSERT_NE(NULL, fe);
	for (size_t k = r->first_chan + 1; k < r->last_chan; k++)
		if (fabs(r->energy_kev[k] - fe->kev) < 2 * fe->fwhm_kev)
			r->counts[k] = (1 - part) * r->model[k] +
				       part * r->model[k - 1];
	n = peaks_find(r, p);
	fe = find(p, n, "Fe Ka1");
	ASSERT_NE(NULL, fe);
	EXPECT_LT(fabs(fe->left_kev - 0.010), 0.0006);
	EXPECT_LT(fabs(find(p, n, "Sr Ka1")->left_kev), 0.001);
}

TEST_F(peaks, are_none_without_lines)
{
	self->r->n_labels = 0;
	EXPECT_EQ(0u, peaks_find(self->r, self->p));
}

TEST_F(peaks, need_channels_on_both_sides)
{
	struct assay_result *r = self->r;

	r->last_chan = (size_t)((6.45 - r->offset_kev) / r->gain_kev);
	self->n = peaks_find(r, self->p);
	EXPECT_EQ(NULL, find(self->p, self->n, "Fe Ka1"));
	EXPECT_EQ(NULL, find(self->p, self->n, "Sr Ka1"));
}

TEST_HARNESS_MAIN
