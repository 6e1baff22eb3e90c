/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Charge that a crystal loses on its way: the tail below a peak. */
#ifndef DAEMON_ASSAY_HECHT_H
#define DAEMON_ASSAY_HECHT_H

#include <stddef.h>

#include "assay/method.h"
#include "assay/shape.h"

struct hecht;

/*
 * The tail for photons of each channel of an axis. *ret is NULL, and nothing
 * is to be applied, if the method says that all charge is collected. 0, or
 * -ENOMEM.
 */
int hecht_new(const struct method_detector *d, const struct shape_axis *axis,
	      struct hecht **ret);
struct hecht *hecht_free(struct hecht *h);

/*
 * What collected charge, in parts of that from the best depth, a photon
 * leaves that was stopped at `depth` of the crystal's thickness.
 */
double hecht_collected(const struct method_detector *d, double depth);

/* Counts by channel as they would be with all charge, to what they are. */
void hecht_apply(const struct hecht *h, double *counts);

#endif
