/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moisture and loss on ignition, as a person states them of a sample. */
#ifndef DAEMON_ASSAY_LOSS_H
#define DAEMON_ASSAY_LOSS_H

#include "assay/spectrum.h"
#include "base/json.h"

/*
 * Moisture is what a sample as it was measured loses by drying at 105 degrees,
 * loss on ignition what the dried sample loses behind that: a laboratory dries
 * first and ignites what is left. So of the sample as measured both together
 * are moisture + (1 - moisture) loi. Both in mass fractions here, in per cent
 * where they are stated.
 */

/* What a value of the two keys must be, for refusals. */
#define LOSS_WANTED "a number of percent, 0 or more and below 100"

/*
 * Takes the key `moisture` or `loi` of a sample to a spectrum, a number of
 * per cent with or without the sign. 0, also for any other key, which is none
 * of the assay's business; -EINVAL: no such number, the spectrum stays.
 */
int loss_take(struct spectrum *s, const char *key, const char *text);

/*
 * The same for all keys of a record, texts in an object or NULL. What is no
 * such number stays out: records of before were judged by nobody.
 */
void loss_take_keys(struct spectrum *s, json_t *keys);

/* The share of the sample as measured that both together are; 0: none stated. */
double loss_of(const struct spectrum *s);

#endif
