// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whether a control sample still gives its value.
 *
 * J. O. Westgard, P. L. Barry, M. R. Hunt, T. Groth, "A multi-rule Shewhart
 * chart for quality control in clinical chemistry", Clin. Chem. 27 (1981)
 * 493-501: 1_2s warns; 1_3s and R_4s tell random error; 2_2s, 4_1s and 10_x
 * systematic error. Here a run has one control, so R_4s looks at two runs
 * one after the other: one beyond +2s, the other beyond -2s.
 */
#include "assay/control.h"

#include <math.h>
#include <string.h>

static const char *const names[CONTROL_N_RULES] = {
	"1_2s", "1_3s", "2_2s", "R_4s", "4_1s", "10_x",
};

/* The last @n_wanted all lie beyond @limit on one side. */
static bool all_beyond(const double *z, size_t n, size_t n_wanted, double limit)
{
	size_t n_above = 0;
	size_t n_below = 0;

	if (n < n_wanted)
		return false;
	for (size_t i = n - n_wanted; i < n; i++) {
		n_above += z[i] > limit;
		n_below += z[i] < -limit;
	}
	return n_above == n_wanted || n_below == n_wanted;
}

static bool is_range(const double *z, size_t n)
{
	return n >= 2 && fabs(z[n - 1]) > 2 && fabs(z[n - 2]) > 2 &&
	       (z[n - 1] > 0) != (z[n - 2] > 0);
}

unsigned int control_check(const double *z, size_t n)
{
	unsigned int broken = 0;

	if (!n)
		return 0;
	if (!isfinite(z[n - 1]))
		return 1U << CONTROL_1_3S;
	if (all_beyond(z, n, 1, 2))
		broken |= 1U << CONTROL_1_2S;
	if (all_beyond(z, n, 1, 3))
		broken |= 1U << CONTROL_1_3S;
	if (all_beyond(z, n, 2, 2))
		broken |= 1U << CONTROL_2_2S;
	if (is_range(z, n))
		broken |= 1U << CONTROL_R_4S;
	if (all_beyond(z, n, 4, 1))
		broken |= 1U << CONTROL_4_1S;
	if (all_beyond(z, n, 10, 0))
		broken |= 1U << CONTROL_10_X;
	return broken;
}

const char *control_rule_name(enum control_rule rule)
{
	return names[rule];
}

const char *control_rule_text(enum control_rule rule)
{
	static const char *const texts[CONTROL_N_RULES] = {
		[CONTROL_1_2S] = "beyond 2 standard deviations",
		[CONTROL_1_3S] = "beyond 3 standard deviations",
		[CONTROL_2_2S] =
			"two running beyond 2 standard deviations on one side",
		[CONTROL_R_4S] =
			"two running beyond 2 standard deviations on opposite sides",
		[CONTROL_4_1S] =
			"four running beyond 1 standard deviation on one side",
		[CONTROL_10_X] = "ten running on one side of the mean",
	};

	return texts[rule];
}

int control_rule_parse(const char *name)
{
	for (int i = 0; i < CONTROL_N_RULES; i++)
		if (!strcmp(name, names[i]))
			return i;
	return -1;
}
