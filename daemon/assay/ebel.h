/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The output of an X-ray tube by a formula. */
#ifndef DAEMON_ASSAY_EBEL_H
#define DAEMON_ASSAY_EBEL_H

#include "assay/method.h"

/* Published for 5 to 50 kV and these angles to the anode's surface. */
#define EBEL_LEAST_ELECTRON_DEG 50
#define EBEL_LEAST_PHOTON_DEG 5

/*
 * Continuum and lines of the anode at 1 mA into `solid_angle_sr`, as they
 * leave it, from anode, kv and angles of @t into its tables; without those that
 * the layers of its filter, the window among them, let nothing through of.
 * Energies, rates and yields are those of `d`.
 */
void ebel_fill(const struct line_data *d, struct method_tube *t);

#endif
