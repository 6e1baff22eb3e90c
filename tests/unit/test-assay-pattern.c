// SPDX-License-Identifier: GPL-2.0-or-later
/* Chondrite-normalised pattern, anomalies and smoothness, worked by hand. */
#include "kselftest_harness.h"

#include <math.h>
#include <string.h>

#include "assay/pattern.h"

#define EXPECT_NEAR(want, got, tolerance)                               \
	do {                                                            \
		EXPECT_LE(fabs((want) - (got)), (tolerance))            \
		{                                                       \
			TH_LOG("wanted %.8g, got %.8g", (double)(want), \
			       (double)(got));                          \
		}                                                       \
	} while (0)

enum { N = 15 };

/* A made-up rock: La to Lu and Fe, contents by hand. */
FIXTURE(rock)
{
	struct assay_element e[N];
	double cov[N * N];
	struct assay_result r;
};

static const struct {
	const char *symbol;
	int z;
	double ci; /* mg/kg in CI chondrites, as published */
	double radius;
} rocks[N] = {
	{ "La", 57, 0.237, 1.160 },  { "Ce", 58, 0.613, 1.143 },
	{ "Pr", 59, 0.0928, 1.126 }, { "Nd", 60, 0.457, 1.109 },
	{ "Sm", 62, 0.148, 1.079 },  { "Eu", 63, 0.0563, 1.066 },
	{ "Gd", 64, 0.199, 1.053 },  { "Tb", 65, 0.0361, 1.040 },
	{ "Dy", 66, 0.246, 1.027 },  { "Ho", 67, 0.0546, 1.015 },
	{ "Er", 68, 0.160, 1.004 },  { "Tm", 69, 0.0247, 0.994 },
	{ "Yb", 70, 0.161, 0.985 },  { "Lu", 71, 0.0246, 0.977 },
	{ "Fe", 26, 0, 0 },
};

/* Relative u of all, without correlation. */
static void set_u(FIXTURE_DATA(rock) * self, double rel)
{
	memset(self->cov, 0, sizeof(self->cov));
	for (size_t i = 0; i < N; i++) {
		self->e[i].u = rel * self->e[i].content;
		self->cov[i * N + i] = self->e[i].u * self->e[i].u;
	}
}

/* On a parabola over the radius, falling from La to Lu. */
FIXTURE_SETUP(rock)
{
	memset(self, 0, sizeof(*self));
	for (size_t i = 0; i < N; i++) {
		double x = rocks[i].radius - 1.06;

		strcpy(self->e[i].symbol, rocks[i].symbol);
		self->e[i].z = rocks[i].z;
		self->e[i].content = 5000;
		if (rocks[i].ci > 0)
			self->e[i].content =
				rocks[i].ci * exp(6 + 15 * x + 40 * x * x);
	}
	self->r = (struct assay_result){ .element = self->e,
					 .n_elements = N,
					 .cov = self->cov };
	set_u(self, 0.02);
}

FIXTURE_TEARDOWN(rock)
{
}

static unsigned int flagged(const struct assay_result *r)
{
	unsigned int ret = 0;

	for (size_t i = 0; i < N; i++) {
		if (r->element[i].flags & ASSAY_ELEMENT_OFF_PATTERN)
			ret |= 1u << i;
	}
	return ret;
}

TEST_F(rock, contents_are_divided_by_those_of_chondrites)
{
	self->e[0].content = 23.7;
	self->e[3].content = 91.4;
	pattern_make(&self->r);
	EXPECT_NEAR(100, self->e[0].normalised, 1e-9);
	EXPECT_NEAR(200, self->e[3].normalised, 1e-9);
	EXPECT_TRUE(isnan(self->e[14].normalised));
	EXPECT_NEAR(1.57, pattern_reference(39), 0);
	EXPECT_NEAR(0, pattern_reference(61), 0);
}

/* Ce_N 40 over sqrt(200 * 50) = 100; 10 % each: sqrt(1 + 1/4 + 1/4) 10 %. */
TEST_F(rock, anomaly_and_its_u_are_those_by_hand)
{
	self->e[0].content = 0.237 * 200;
	self->e[1].content = 0.613 * 40;
	self->e[2].content = 0.0928 * 50;
	set_u(self, 0.1);
	pattern_make(&self->r);
	EXPECT_NEAR(0.4, self->r.ce_anomaly.value, 1e-9);
	EXPECT_NEAR(0.4 * 0.1224745, self->r.ce_anomaly.u, 1e-6);
}

/* Eu_N 60, Sm_N 90, Gd_N 160: 60 / 120. La_N 300 over Yb_N 15. */
TEST_F(rock, europium_and_slope_are_those_by_hand)
{
	self->e[5].content = 0.0563 * 60;
	self->e[4].content = 0.148 * 90;
	self->e[6].content = 0.199 * 160;
	self->e[0].content = 0.237 * 300;
	self->e[12].content = 0.161 * 15;
	set_u(self, 0.03);
	pattern_make(&self->r);
	EXPECT_NEAR(0.5, self->r.eu_anomaly.value, 1e-9);
	EXPECT_NEAR(20, self->r.la_yb.value, 1e-9);
	EXPECT_NEAR(20 * 0.03 * M_SQRT2, self->r.la_yb.u, 1e-9);
}

/* What is common to all falls out of a ratio; what is opposed adds up. */
TEST_F(rock, covariance_is_taken_into_account)
{
	for (size_t i = 0; i < N; i++) {
		for (size_t j = 0; j < N; j++)
			self->cov[i * N + j] =
				0.01 * self->e[i].content * self->e[j].content;
	}
	pattern_make(&self->r);
	EXPECT_NEAR(0, self->r.ce_anomaly.u, 1e-7);
	self->cov[12] *= -1;
	self->cov[12 * N] *= -1;
	pattern_make(&self->r);
	EXPECT_NEAR(0.2 * self->r.la_yb.value, self->r.la_yb.u, 1e-9);
}

TEST_F(rock, nothing_is_given_when_a_member_is_below_its_limit)
{
	self->e[6].flags = ASSAY_ELEMENT_CENSORED;
	pattern_make(&self->r);
	EXPECT_TRUE(isnan(self->r.eu_anomaly.value));
	EXPECT_TRUE(isnan(self->r.eu_anomaly.u));
	EXPECT_TRUE(isnan(self->e[6].normalised));
	EXPECT_FALSE(isnan(self->r.ce_anomaly.value));
	self->e[0].content = -1;
	pattern_make(&self->r);
	EXPECT_TRUE(isnan(self->r.ce_anomaly.value));
	EXPECT_TRUE(isnan(self->r.la_yb.value));
}

TEST_F(rock, smooth_pattern_is_not_flagged)
{
	pattern_make(&self->r);
	EXPECT_EQ(0, flagged(&self->r));
}

TEST_F(rock, europium_and_cerium_may_lie_anywhere)
{
	self->e[1].content *= 5;
	self->e[5].content *= 0.2;
	set_u(self, 0.02);
	pattern_make(&self->r);
	EXPECT_EQ(0, flagged(&self->r));
}

TEST_F(rock, one_beside_the_curve_is_flagged_and_its_neighbours_are_not)
{
	/* Ho: by itself it would lift the curves at Dy and Er by two thirds. */
	self->e[9].content *= 3;
	set_u(self, 0.02);
	pattern_make(&self->r);
	EXPECT_EQ(1u << 9, flagged(&self->r));
}

TEST_F(rock, what_u_explains_is_not_flagged)
{
	self->e[4].content *= 2;
	set_u(self, 0.3);
	pattern_make(&self->r);
	EXPECT_EQ(0, flagged(&self->r));
}

TEST_F(rock, ends_have_no_neighbours_and_are_not_judged)
{
	self->e[0].content *= 1.5;
	set_u(self, 0.02);
	for (size_t i = 3; i < N; i++)
		self->e[i].flags = ASSAY_ELEMENT_CENSORED;
	pattern_make(&self->r);
	EXPECT_EQ(0, flagged(&self->r));
}

TEST_HARNESS_MAIN
