// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The continuum less what escapes of it, beside the same photon by photon: each
 * bin of the tube laid down at its energy, and what escapes of it at its own.
 */
#include "kselftest_harness.h"

#include <string.h>

#include "assay/forecast.h"
#include "assay/outcome.h"
#include "assay_try.h"

enum { MAX_CHAN = 2048 };

/* Only a fixture may take longer than the harness allows others. */
FIXTURE(escape)
{
	struct method *m;
};

FIXTURE_SETUP(escape)
{
	setenv("REESPEC_METHODS", "tests/assay/methods", 1);
	self->m = load_method_or_abort("ore-k");
}

FIXTURE_TEARDOWN(escape)
{
	method_free(self->m);
}

static void lay_photons(const struct assay_engine *e, const struct basis *b,
			const struct basis_state *state, double *ret)
{
	const struct physics *p = e->physics;
	struct shape shape = { &e->m->detector, state->noise_fwhm_kev, NULL, 0,
			       0 };
	struct shape_axis axis = { b->n, b->first_chan, basis_kev(b, state, 0),
				   state->gain_kev };
	struct shape_sink sink = { .counts = ret, .first = b->n };

	for (size_t i = 0; i < p->tube->n_continuum; i++) {
		double kev = p->tube->kev[i], stays = 1;
		double blur = p->tube->width_kev[i] / sqrt(12);
		double rate = e->rates->continuum[i];

		for (size_t k = 0; k < p->n_escapes; k++) {
			double f =
				physics_escape_fraction(&e->m->detector.crystal,
							&p->escape[k], kev);

			stays -= f;
			shape_add(&shape, &axis, kev - p->escape[k].kev,
				  f * rate, blur, &sink);
		}
		shape_add(&shape, &axis, kev, stays * rate, blur, &sink);
	}
}

/*
 * The K edges of cadmium (26.711 keV) and tellurium (31.814) are steps of 7 % in
 * what stays of a photon, 0.5 keV wide in the channels. Escape peaks are moved
 * down in whole channels with the width of their photon, so a smooth curve
 * remains, a per cent at most.
 */
TEST_F_TIMEOUT(escape, edges_of_the_crystal_are_as_wide_as_its_peaks, 300)
{
	static double content[METHOD_MAX_ELEMENTS], want[MAX_CHAN];
	struct assay_engine *e = NULL;
	struct spectrum *s = NULL;
	struct assay_result *r = NULL;
	double worst = 0, at = 0, step = 0;
	const struct basis *b;

	ASSERT_EQ(0, assay_engine_new(self->m, &e));
	content[method_find(self->m, "Zr")] = 1e-4;
	ASSERT_EQ(0, forecast_spectrum(e, content, 30e3, 300, &s));
	ASSERT_EQ(0, assay_engine_run(e, s, &r));
	b = e->basis;
	lay_photons(e, b, &e->state, want);
	for (size_t k = 1; k < b->n; k++) {
		double kev = basis_kev(b, &e->state, k);
		double off = fabs(b->continuum[k] / want[k] - 1);

		if (kev < 20 || kev > 40)
			continue;
		if (off > worst) {
			worst = off;
			at = kev;
		}
		step = fmax(step,
			    fabs(b->continuum[k] / b->continuum[k - 1] - 1));
	}
	TH_LOG("off by %.2g at %.2f keV, largest step %.2g", worst, at, step);
	EXPECT_LT(worst, 0.015);
	EXPECT_LT(step, 0.02);
	assay_result_free(r);
	spectrum_free(s);
	assay_engine_free(e);
}

TEST_HARNESS_MAIN
