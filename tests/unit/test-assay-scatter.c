// SPDX-License-Identifier: GPL-2.0-or-later
/* The tube's continuum as the sample scatters it, once and twice. */
#include "kselftest_harness.h"

#include "assay/basis.h"
#include "assay/transport.h"
#include "assay_try.h"

#define EXPECT_NEAR(want, got, tolerance)                               \
	do {                                                            \
		EXPECT_LE(fabs((want) - (got)), (tolerance))            \
		{                                                       \
			TH_LOG("wanted %.8g, got %.8g", (double)(want), \
			       (double)(got));                          \
		}                                                       \
	} while (0)

/*
 * By Stokes' parameters, where the code has fields: behind a turn of cosine c
 * the degree of polarisation is (1 - c^2) / (1 + c^2), across the plane of the
 * turn, and the second turn is by 1 + d^2 + (1 - d^2) of that times the cosine
 * of twice the angle between the planes' normals.
 */
static double together(const double beam[3], double cosine,
		       const double exit[3])
{
	double first = 0, second = 0, both = 0,
	       side = sqrt(1 - cosine * cosine);

	for (int i = 0; i < 720; i++) {
		double phi = M_PI * i / 360;
		double way[3] = { side * cos(phi), side * sin(phi), cosine };
		double c = 0, d = 0, mm = 0, nn = 0, mn = 0;

		for (int k = 0; k < 3; k++) {
			int a = (k + 1) % 3, b = (k + 2) % 3;
			double m = beam[a] * way[b] - beam[b] * way[a];
			double n = way[a] * exit[b] - way[b] * exit[a];

			c += beam[k] * way[k];
			d += way[k] * exit[k];
			mm += m * m;
			nn += n * n;
			mn += m * n;
		}
		first += 1 + c * c;
		second += 1 + d * d;
		both += (1 + c * c) * (1 + d * d) +
			(1 - c * c) * (1 - d * d) *
				(2 * mn * mn / (mm * nn) - 1);
	}
	return 720 * both / (first * second);
}

/* The same of a pair's azimuths. */
static double paired(const struct transport_pair *pair)
{
	double both = 0, first = 0, second = 0;

	for (int i = 0; i < TRANSPORT_CIRCLE; i++) {
		both += pair->weight[i] * pair->thomson[0][i] *
			pair->thomson[1][i];
		first += pair->thomson[0][i] / TRANSPORT_CIRCLE;
		second += pair->thomson[1][i] / TRANSPORT_CIRCLE;
	}
	return both / (first * second);
}

TEST(first_turn_polarises_for_the_second)
{
	struct method *m = load_method_or_abort("ore-l");
	const double s = M_SQRT1_2;
	struct physics_pellet pellet = { 1.25, 2.5 };
	struct physics *p = NULL;
	struct transport t;
	double mean = 0;

	ASSERT_EQ(0, physics_new(m, &p));
	transport_init(&t, p, &pellet);
	for (int up = 0; up < 2; up++) {
		for (size_t i = 0; i < TRANSPORT_DIRS; i++) {
			double cosine = up ? -p->dir_at[i] : p->dir_at[i];

			EXPECT_NEAR(together((double[]){ s, 0, s }, cosine,
					     (double[]){ s, 0, -s }),
				    paired(&t.pair[up][i]), 1e-6);
			mean += paired(&t.pair[up][i]) * p->dir_weight[i] / 2;
		}
	}
	/* A right angle between beam and detector is the worst of all. */
	EXPECT_LT(mean, 0.9);
	EXPECT_GT(mean, 0.7);
	physics_free(p);
	/* In line nothing is lost: both planes are one. */
	m->geometry.incidence_deg = m->geometry.takeoff_deg = 90;
	m->geometry.scatter_deg = 180;
	ASSERT_EQ(0, physics_new(m, &p));
	transport_init(&t, p, &pellet);
	for (size_t i = 0; i < TRANSPORT_DIRS; i++)
		EXPECT_GT(paired(&t.pair[0][i]), 1);
	physics_free(p);
	method_free(m);
}

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
	self->state = (struct basis_state){ self->m->acquisition.zero_kev,
					    self->m->acquisition.kev_per_chan,
					    self->m->detector.noise_fwhm_kev,
					    1,
					    0,
					    0,
					    0 };
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

/* What was scattered more than once, over once without loss, about an energy. */
static double more_at(const struct _test_data_continuum *self, double kev)
{
	double once = 0, more = 0;

	for (size_t b = 0; b < self->p->tube->n_continuum; b++) {
		double twice = self->rates->multiple[b] * self->p->eff_bin[b];

		if (fabs(self->p->tube->kev[b] - kev) >= 1)
			continue;
		more += twice;
		once += self->rates->ray[b] - twice;
	}
	return more / once;
}

/* 70 keV end at 61.6 behind a right angle, at 65.7 behind two of half of it. */
TEST_F(continuum, goes_beyond_the_end_of_one_turn_by_two)
{
	EXPECT_GT(more_at(self, 63), 0.2);
}

/* Photons at 1 mA s that were scattered more than once, in 2 keV. */
static double more_of(const struct _test_data_continuum *self, double low_kev)
{
	double sum = 0;

	for (size_t b = 0; b < self->p->tube->n_continuum; b++) {
		double above = self->p->tube->kev[b] - low_kev;

		if (above >= 0 && above < 2)
			sum += self->rates->multiple[b];
	}
	return sum;
}

/*
 * Photon by photon, 4 million of them with their polarisation, off electrons
 * in motion, two to four turns, each seen by the detector with its probability
 * (a Monte Carlo of our own on xraylib's cross sections, xorshift from
 * 88172645463325252; 1 %, 2 at the end). What goes on almost straight and then
 * turns by a right angle loses as by one turn: taken at the mean loss of its
 * direction, a quarter would be missing at 54 keV beside 40. What leaves beside
 * the beam turns by more towards the detector than from it: taken to leave in
 * the beam, it would be a fifth too much at 58 keV, and twice at 62.
 */
TEST_F(continuum, has_what_photons_one_by_one_make)
{
	static const struct {
		double low_kev;
		double photons;
		double tolerance;
	} all[] = {
		{ 34, 22790, 0.05 }, { 40, 20760, 0.09 }, { 46, 12550, 0.09 },
		{ 54, 4318, 0.05 },  { 58, 1673, 0.1 },	  { 62, 191, 0.2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		EXPECT_NEAR(1, more_of(self, all[i].low_kev) / all[i].photons,
			    all[i].tolerance);
}

/* What is not excited by the beam itself, over what is, in the K shell. */
static double excited_by_more(const struct _test_data_continuum *self, int z)
{
	const struct lines *ls = self->p->lines;

	for (size_t i = 0; i < ls->n_shells; i++) {
		if (self->m->element[ls->shell[i].element].z == z &&
		    ls->shell[i].name == LINE_K)
			return self->rates->enhancement[i];
	}
	return NAN;
}

/*
 * Of the same Monte Carlo: photons that have been scattered, at the energies
 * that they are left with. Lutetium's edge is at 63.3 keV, which most that is
 * scattered by more than 45 degrees does not reach: at the mean loss of all
 * azimuths a third of it would be missing.
 */
TEST_F(continuum, excites_at_the_energy_it_has)
{
	EXPECT_NEAR(0.193, excited_by_more(self, 62), 0.008);
	EXPECT_NEAR(0.0955, excited_by_more(self, 68), 0.008);
	EXPECT_NEAR(0.0634, excited_by_more(self, 70), 0.006);
	EXPECT_NEAR(0.0469, excited_by_more(self, 71), 0.006);
}

/* Shares of a photon of 60 keV, by bin, and how they lie about `kev`. */
static double landed(const struct physics *p, int z, double within,
		     double *ret_mean)
{
	const struct doppler *d = p->doppler;
	const double *row = d->slower + physics_row(p, z) * DOPPLER_NODES;
	double share[1000], inside = 0, all = 0, free_kev;
	size_t b = 0;

	while (p->tube->kev[b] < 60)
		b++;
	free_kev = p->shift_kev[b];
	doppler_land(d, b, row, share);
	*ret_mean = 0;
	for (size_t i = d->first[b]; i <= b; i++) {
		double part = share[i - d->first[b]];
		double kev = p->tube->kev[i];

		all += part;
		*ret_mean += part * kev / free_kev;
		if (fabs(kev / free_kev - 1) < within)
			inside += part;
	}
	return inside / all;
}

/*
 * Half of the electrons of water or carbon have momenta along a line below
 * 0.7 atomic units (their Compton profiles' half-width is that, nearly), which
 * at a right angle and 60 keV are 0.7 %; a Gauss so wide leaves a thousandth
 * beyond 3.5 %, inner electrons twenty times as many, and those of lanthanum
 * far more.
 */
TEST_F(continuum, is_blurred_by_electrons_in_motion)
{
	double mean;

	EXPECT_NEAR(0.5, landed(self->p, 8, 0.007, &mean), 0.15);
	EXPECT_NEAR(1, mean, 0.003);
	EXPECT_GT(1 - landed(self->p, 8, 0.035, &mean), 0.02);
	EXPECT_GT(1 - landed(self->p, 57, 0.035, &mean), 0.1);
}

/*
 * Seen from 1 cm below the surface along the beam, a detector 5 cm away at a
 * right angle stands at 101 degrees; a sample that absorbs shows its surface.
 */
TEST_F(continuum, turns_by_more_from_below)
{
	const struct physics_pellet thick = { 2, 2 * M_SQRT2 };
	struct transport_turned out;
	double source[TRANSPORT_N];
	struct transport t;

	transport_init(&t, self->p, &thick);
	for (size_t n = 0; n < TRANSPORT_N; n++)
		source[n] = 1;
	/* Over the centimetre: the solid angle's mean of 1 + l / r. */
	out = transport_emerging_turned(&t, source, 0);
	EXPECT_NEAR(1.0976, out.mean, 0.002);
	EXPECT_NEAR(transport_emerging(&t, source, 0), out.photons,
		    1e-12 * out.photons);
	out = transport_emerging_turned(&t, source, 1000);
	EXPECT_NEAR(1, out.mean, 0.001);
}

TEST_HARNESS_MAIN
