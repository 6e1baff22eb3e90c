// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tube's formula beside two tables that another program made by the same
 * publications (their files say which), and what must hold of any tube.
 */
#include "kselftest_harness.h"

#include <xraylib.h>

#include "assay/ebel.h"
#include "assay_try.h"

/* The tables hold at each energy the flux half a step of theirs higher. */
#define TABLE_SHIFT_KEV 0.05
#define BERYLLIUM_G_CM2 (0.0127 * 1.848)
#define COPPER_G_CM2 (0.025 * 8.96)

static struct method_tube tube_of(const char *anode, double kv)
{
	struct method_tube t = { .kv = kv,
				 .electron_deg = 60,
				 .photon_deg = 30,
				 .solid_angle_sr = 0.01 };

	snprintf(t.anode, sizeof(t.anode), "%s", anode);
	ebel_fill(NULL, &t);
	return t;
}

static double flux_at(const struct method_tube *t, double kev)
{
	for (size_t i = 0; i + 1 < t->n_flux; i++) {
		double f = (kev - t->flux_kev[i]) /
			   (t->flux_kev[i + 1] - t->flux_kev[i]);

		if (f >= 0 && f <= 1)
			return t->flux[i] + f * (t->flux[i + 1] - t->flux[i]);
	}
	return 0;
}

static double passed(int z, double areal, double kev)
{
	return exp(-CS_Total_Kissel(z, kev, NULL) * areal);
}

/* Photoelectric data differ there by half a per cent, hence the bound. */
TEST(continuum_and_lines_of_silver_are_those_of_the_table)
{
	struct method *m = load_method_or_abort("ore-l");
	struct method_tube t = tube_of("Ag", 50);
	int n_lines = 0;

	for (size_t i = 0; i < m->tube.n_flux; i++) {
		double kev = m->tube.flux_kev[i] + TABLE_SHIFT_KEV;
		double flux = flux_at(&t, kev);

		/* The step next to an edge, and the end. */
		if (fabs(kev - EdgeEnergy(47, K_SHELL, NULL)) < 0.11 ||
		    kev < 3.9 || kev > 49.85)
			continue;
		flux *= passed(4, BERYLLIUM_G_CM2, kev);
		EXPECT_LT(fabs(flux / m->tube.flux[i] - 1), 0.005)
		{
			TH_LOG("%g keV: %g, %g", kev, flux, m->tube.flux[i]);
		}
	}
	for (size_t i = 0; i < t.n_lines; i++) {
		double kev = t.line_kev[i];
		double flux = t.line_flux[i] * passed(4, BERYLLIUM_G_CM2, kev);

		for (size_t k = 0; k < m->tube.n_lines; k++) {
			/* Two lines there, of which the table makes one. */
			if (fabs(m->tube.line_kev[k] - kev) > 2e-4 ||
			    fabs(kev - 3.3478) < 2e-4)
				continue;
			n_lines++;
			EXPECT_LT(fabs(flux / m->tube.line_flux[k] - 1), 0.01)
			{
				TH_LOG("%g keV: %g, %g", kev, flux,
				       m->tube.line_flux[k]);
			}
		}
	}
	EXPECT_EQ(18, n_lines);
	method_free(m);
}

/* Above the range of the publication; that it holds there nobody says. */
TEST(continuum_of_tungsten_at_70_kv_is_that_of_the_table)
{
	struct method *m;
	struct method_tube t = tube_of("W", 70);
	const char *was = getenv("REESPEC_METHODS");

	setenv("REESPEC_METHODS", "tests/assay/methods", 1);
	m = load_method_or_abort("ore-k");
	if (was)
		setenv("REESPEC_METHODS", was, 1);
	else
		unsetenv("REESPEC_METHODS");
	for (size_t i = 0; i < m->tube.n_flux; i++) {
		double kev = m->tube.flux_kev[i];
		double flux = flux_at(&t, kev + TABLE_SHIFT_KEV);

		if (kev < 25 || kev > 69.4)
			continue;
		flux *= passed(4, BERYLLIUM_G_CM2, kev) *
			passed(29, COPPER_G_CM2, kev);
		EXPECT_LT(fabs(flux / m->tube.flux[i] - 1), 0.005)
		{
			TH_LOG("%g keV: %g, %g", kev, flux, m->tube.flux[i]);
		}
	}
	method_free(m);
}

TEST(any_anode_gives_rising_energies_and_numbers_of_0_or_more)
{
	static const char *const anodes[] = { "Cr", "Cu", "Mo", "Rh",
					      "Ag", "W",  "Re", "Au" };
	static const double kv[] = { 5, 10, 25, 30, 50, 70, 100, 160 };

	for (size_t a = 0; a < ARRAY_SIZE(anodes); a++) {
		for (size_t k = 0; k < ARRAY_SIZE(kv); k++) {
			struct method_tube t = tube_of(anodes[a], kv[k]);

			ASSERT_LE(t.n_flux, METHOD_MAX_FLUX);
			ASSERT_GE(t.n_flux, 10);
			EXPECT_EQ(0, t.flux[t.n_flux - 1]);
			for (size_t i = 0; i < t.n_flux; i++) {
				ASSERT_TRUE(t.flux[i] >= 0 &&
					    isfinite(t.flux[i]));
				ASSERT_TRUE(i == 0 ||
					    t.flux_kev[i] > t.flux_kev[i - 1])
				{
					TH_LOG("%s %g kV: %g", anodes[a], kv[k],
					       t.flux_kev[i]);
				}
			}
			for (size_t i = 0; i < t.n_lines; i++)
				ASSERT_TRUE(t.line_flux[i] > 0 &&
					    t.line_kev[i] < kv[k]);
		}
	}
}

/* Steps at the anode's edges only, and K lines only above its K edge. */
TEST(continuum_steps_at_the_edges_of_the_anode_alone)
{
	struct method_tube t = tube_of("Mo", 50), low = tube_of("Mo", 19.9);
	double k_edge = EdgeEnergy(42, K_SHELL, NULL);
	int n_steps = 0;

	for (size_t i = 0; i + 1 < t.n_flux && t.flux_kev[i] < 40; i++) {
		if (t.flux[i] < t.flux[i + 1] * 1.1 &&
		    t.flux[i] > t.flux[i + 1] / 1.1)
			continue;
		if (t.flux_kev[i] > 10) {
			EXPECT_LT(fabs(t.flux_kev[i] - k_edge), 1e-4);
			n_steps++;
		}
	}
	EXPECT_EQ(1, n_steps);
	EXPECT_GT(t.line_kev[0], 17);
	for (size_t i = 0; i < low.n_lines; i++)
		EXPECT_LT(low.line_kev[i], 3);
}

/* All proportional to the beam's angle; what filters stop is left out. */
TEST(filters_take_away_what_does_not_pass_them)
{
	struct method_tube t = tube_of("W", 70);
	struct method_tube f = { .kv = 70,
				 .anode = "W",
				 .electron_deg = 60,
				 .photon_deg = 30,
				 .solid_angle_sr = 0.02,
				 .n_filters = 1 };

	f.filter[0] = (struct method_layer){ .z = { 29 },
					     .w = { 1 },
					     .n_parts = 1,
					     .areal_g_cm2 = COPPER_G_CM2 };
	ebel_fill(NULL, &f);
	EXPECT_EQ(1, t.flux_kev[0]);
	/* Below its own edge copper lets a little through. */
	EXPECT_GT(f.flux_kev[0], 5);
	EXPECT_LT(f.flux_kev[0], EdgeEnergy(29, K_SHELL, NULL));
	EXPECT_GT(t.n_lines, 5);
	EXPECT_LT(f.n_lines, t.n_lines / 2);
	for (size_t i = 0; i < f.n_lines; i++)
		EXPECT_LT(f.line_kev[i], EdgeEnergy(29, K_SHELL, NULL));
	EXPECT_LT(fabs(flux_at(&f, 50) / flux_at(&t, 50) - 2), 1e-9);
}

TEST_HARNESS_MAIN
