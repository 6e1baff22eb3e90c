// SPDX-License-Identifier: GPL-2.0-or-later
/* The tube's continuum as the sample scatters it and the crystal shows it. */
#include "kselftest_harness.h"

#include "assay/basis.h"
#include "assay_try.h"

/* Carbon dioxide below a tungsten tube at 70 kV, seen by cadmium telluride. */
FIXTURE(continuum)
{
	struct method *m;
	struct physics *p;
	struct physics_rates *rates;
	struct basis *b;
	struct basis_state state;
	double *x;
};

FIXTURE_SETUP(continuum)
{
	const struct physics_pellet pellet = { 1, 2 };
	double w[PHYSICS_MAX_Z] = { 0 };

	setenv("REESPEC_METHODS", "tests/assay/methods", 1);
	self->m = load_method_or_abort("ore-k");
	self->state =
		(struct basis_state){ self->m->acquisition.zero_kev,
				      self->m->acquisition.kev_per_chan,
				      self->m->detector.noise_fwhm_kev, 1, 0 };
	ASSERT_EQ(0, physics_new(self->m, &self->p));
	ASSERT_EQ(0, physics_rates_new(self->p, &self->rates));
	/* From 12.2 keV on. */
	ASSERT_EQ(0, basis_new(self->p, 305, 1400, &self->state, &self->b));
	self->x = calloc(self->b->n_cols, sizeof(double));
	ASSERT_NE(NULL, self->x);
	w[physics_row(self->p, 6)] = 0.2729;
	w[physics_row(self->p, 8)] = 0.7271;
	physics_compute(self->p, w, &pellet, self->rates);
	basis_build(self->b, self->rates, &self->state, self->x);
}

FIXTURE_TEARDOWN(continuum)
{
	free(self->x);
	basis_free(self->b);
	physics_rates_free(self->rates);
	physics_free(self->p);
	method_free(self->m);
}

/* Escape peaks below the range took nothing from where they came. */
TEST_F(continuum, has_no_steps_where_escape_peaks_leave_the_range)
{
	for (size_t k = 0; k + 1 < self->b->n; k++) {
		double kev = basis_kev(self->b, &self->state, k);
		double here = self->b->continuum[k];

		if (kev < 33 || kev > 46)
			continue;
		EXPECT_LT(fabs(self->b->continuum[k + 1] / here - 1), 0.01)
		{
			TH_LOG("at %.2f keV", kev);
		}
	}
}

TEST_HARNESS_MAIN
