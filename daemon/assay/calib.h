/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sensitivity factors: measured over calculated intensities, by standards. */
#ifndef DAEMON_ASSAY_CALIB_H
#define DAEMON_ASSAY_CALIB_H

#include "assay/standard.h"

enum {
	CALIB_MAX_STANDARDS = 64,
	CALIB_MAX_CONTENTS = 1024, /* of all standards together */
};

enum calib_fault {
	CALIB_SOLVED,
	CALIB_NOTHING, /* no standard holds an element of the method */
	CALIB_TOO_MANY,
	/* Rare earths stand in the same proportions in all standards. */
	CALIB_COLLINEAR,
	CALIB_SINGULAR,
};

/* One content of one standard, found with the factors of all the others. */
struct calib_left_out {
	size_t standard;
	size_t element; /* of the method */
	double content; /* stated, mass fraction */
	double error; /* relative */
	double u; /* of the error: of the factor, the content and the counts */
};

struct calib {
	const struct method *m; /* borrowed */
	size_t n; /* elements of the method */
	double k[METHOD_MAX_ELEMENTS];
	double prior_u[METHOD_MAX_ELEMENTS]; /* without standards, as widened */
	int n_seen[METHOD_MAX_ELEMENTS]; /* standards that hold it */
	/* Their least and largest content of it, mass fractions; 0: none. */
	double low[METHOD_MAX_ELEMENTS];
	double high[METHOD_MAX_ELEMENTS];
	double *cov; /* of k, row-major, n squared */
	/*
	 * By how much the stated sigma of the physics was widened for the
	 * standards to be likely; 1: not.
	 */
	double widened;
	double condition; /* largest condition index of the rare earths */
	struct calib_left_out *left_out;
	size_t n_left_out;
	double rms; /* of the errors left out; NAN: fewer than two standards */
	/* CALIB_COLLINEAR: which, "La Ce Nd". */
	char elements[METHOD_TEXT];
};

/*
 * Factors from standards that have been measured with an engine of `m`.
 * `standardless` is the relative sigma of an element's intensity without any
 * standard, 0: as the method says. Returns 0, with the outcome in *ret_fault,
 * or -ENOMEM; calib_deinit() in every case.
 */
int calib_solve(const struct method *m, const struct standard *standard,
		size_t n_standards, double standardless, struct calib *ret,
		enum calib_fault *ret_fault);
void calib_deinit(struct calib *c);

/* One sentence for people; static text. */
const char *calib_fault_text(enum calib_fault fault);

/* "measured", "interpolated" or "physics": where a factor comes from. */
const char *calib_source(const struct calib *c, size_t element);

#endif
