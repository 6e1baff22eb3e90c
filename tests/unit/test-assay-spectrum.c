// SPDX-License-Identifier: GPL-2.0-or-later
/* spectrum.c refuses what no assay can use, each for its own reason. */
#include "kselftest_harness.h"

#include <math.h>

#include "assay/spectrum.h"

FIXTURE(spectrum)
{
	struct spectrum *s;
};

FIXTURE_SETUP(spectrum)
{
	uint32_t counts[1024] = { [500] = 10 };

	ASSERT_EQ(0, spectrum_new(counts, 1024, &self->s));
	self->s->live_s = 60;
	self->s->real_s = 70;
	self->s->n_cal = 2;
	self->s->cal[0] = (struct spectrum_cal){ 0, 0.1 };
	self->s->cal[1] = (struct spectrum_cal){ 1000, 25.1 };
}

FIXTURE_TEARDOWN(spectrum)
{
	spectrum_free(self->s);
}

TEST_F(spectrum, good_one_is_taken)
{
	EXPECT_EQ(SPECTRUM_OK, spectrum_check(self->s));
}

TEST_F(spectrum, axis_is_the_line_through_the_pairs)
{
	double axis[2];

	ASSERT_TRUE(spectrum_axis(self->s, axis));
	EXPECT_LT(fabs(axis[0] - 0.1), 1e-12);
	EXPECT_LT(fabs(axis[1] - 0.025), 1e-12);
}

TEST_F(spectrum, few_channels_are_refused)
{
	self->s->n_chan = 255;
	EXPECT_EQ(SPECTRUM_FEW_CHANNELS, spectrum_check(self->s));
}

TEST_F(spectrum, no_calibration_is_refused)
{
	self->s->n_cal = 1;
	EXPECT_EQ(SPECTRUM_NO_CALIBRATION, spectrum_check(self->s));
}

TEST_F(spectrum, falling_and_broken_calibrations_are_refused)
{
	self->s->cal[1].kev = -1;
	EXPECT_EQ(SPECTRUM_BAD_CALIBRATION, spectrum_check(self->s));
	self->s->cal[1].kev = NAN;
	EXPECT_EQ(SPECTRUM_BAD_CALIBRATION, spectrum_check(self->s));
	self->s->cal[1] = self->s->cal[0];
	EXPECT_EQ(SPECTRUM_BAD_CALIBRATION, spectrum_check(self->s));
}

TEST_F(spectrum, zero_and_unknown_live_times_are_refused)
{
	self->s->live_s = 0;
	EXPECT_EQ(SPECTRUM_BAD_LIVE_TIME, spectrum_check(self->s));
	self->s->live_s = NAN;
	EXPECT_EQ(SPECTRUM_BAD_LIVE_TIME, spectrum_check(self->s));
	self->s->live_s = INFINITY;
	EXPECT_EQ(SPECTRUM_BAD_LIVE_TIME, spectrum_check(self->s));
}

TEST_F(spectrum, unknown_real_time_is_refused)
{
	self->s->real_s = NAN;
	EXPECT_EQ(SPECTRUM_BAD_REAL_TIME, spectrum_check(self->s));
}

TEST_F(spectrum, live_above_real_is_refused)
{
	self->s->live_s = 71;
	EXPECT_EQ(SPECTRUM_LIVE_ABOVE_REAL, spectrum_check(self->s));
}

TEST_F(spectrum, empty_one_is_refused)
{
	self->s->counts[500] = 0;
	EXPECT_EQ(SPECTRUM_EMPTY, spectrum_check(self->s));
}

TEST_F(spectrum, current_areal_mass_and_density_must_be_above_zero)
{
	self->s->tube_ua = 0;
	EXPECT_EQ(SPECTRUM_BAD_TUBE, spectrum_check(self->s));
	self->s->tube_ua = 60;
	self->s->areal_g_cm2 = -1;
	EXPECT_EQ(SPECTRUM_BAD_AREAL, spectrum_check(self->s));
	self->s->areal_g_cm2 = 1;
	self->s->density_g_cm3 = 0;
	EXPECT_EQ(SPECTRUM_BAD_AREAL, spectrum_check(self->s));
}

TEST_F(spectrum, moisture_and_loss_are_shares_that_leave_something)
{
	self->s->moisture = self->s->loi = 0;
	EXPECT_EQ(SPECTRUM_OK, spectrum_check(self->s));
	self->s->moisture = 1;
	EXPECT_EQ(SPECTRUM_BAD_LOSS, spectrum_check(self->s));
	self->s->moisture = -0.01;
	EXPECT_EQ(SPECTRUM_BAD_LOSS, spectrum_check(self->s));
	self->s->moisture = NAN;
	self->s->loi = INFINITY;
	EXPECT_EQ(SPECTRUM_BAD_LOSS, spectrum_check(self->s));
}

TEST_F(spectrum, every_fault_has_its_words)
{
	for (int i = SPECTRUM_OK; i <= SPECTRUM_BAD_LOSS; i++) {
		EXPECT_NE(NULL, spectrum_fault_text((enum spectrum_fault)i));
	}
}

TEST(more_channels_than_any_instrument_has_are_refused)
{
	static uint32_t counts[SPECTRUM_MAX_CHAN + 1];
	struct spectrum *s = NULL;

	EXPECT_EQ(-EINVAL, spectrum_new(counts, SPECTRUM_MAX_CHAN + 1, &s));
	EXPECT_EQ(NULL, s);
}

TEST_HARNESS_MAIN
