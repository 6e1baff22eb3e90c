/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a sample of known composition says of the calculated intensities. */
#ifndef DAEMON_ASSAY_STANDARD_H
#define DAEMON_ASSAY_STANDARD_H

#include "assay/assay.h"

/* One standard; mass fractions by element of the method. */
struct standard {
	char name[64];
	bool is_stated[METHOD_MAX_ELEMENTS];
	double content[METHOD_MAX_ELEMENTS];
	double u[METHOD_MAX_ELEMENTS]; /* of the content, one sigma */
	double oxygen; /* NAN: that of the method's oxides */

	/* What standard_measure() adds. */
	double found[METHOD_MAX_ELEMENTS]; /* content by the physics alone */
	double *cov; /* of what was found, row-major, n_elements squared */
	double chi2;
};

void standard_deinit(struct standard *s);

/*
 * Fits the standard's spectrum with its composition given and takes the
 * amplitudes for contents. The exposure is that of the stated tube current,
 * else that of the scatter. Into `cov` go counts with their overlaps, the
 * exposure, and the method's term for preparation. The engine must be of a
 * method without a calibration, or the factors would be over those.
 *
 * 0, -ENOMEM, or -EINVAL with a sentence in *why.
 */
int standard_measure(struct assay_engine *e, const struct spectrum *spectrum,
		     struct standard *s, const char **why);

#endif
