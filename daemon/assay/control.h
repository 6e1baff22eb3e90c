/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control charts: which of Westgard's rules the newest value breaks. */
#ifndef DAEMON_ASSAY_CONTROL_H
#define DAEMON_ASSAY_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

enum control_rule {
	CONTROL_1_2S, /* a warning only */
	CONTROL_1_3S, /* Shewhart's limit */
	CONTROL_2_2S,
	CONTROL_R_4S,
	CONTROL_4_1S,
	CONTROL_10_X,
	CONTROL_N_RULES,
};

/* How many values the rules look back on. */
enum { CONTROL_DEPTH = 10 };

/*
 * @z are deviations from the mean in standard deviations, the newest last.
 * Bits 1 << enum control_rule of the rules that the newest one breaks, alone
 * or with those before it; a rule that lacks values is not broken. A value
 * that is not finite breaks 1_3s.
 */
unsigned int control_check(const double *z, size_t n);

/* "1_2s" ...; -1 for a word that is none. */
const char *control_rule_name(enum control_rule rule);
/* The same in words: "beyond 2 standard deviations". */
const char *control_rule_text(enum control_rule rule);
int control_rule_parse(const char *name);

#endif
