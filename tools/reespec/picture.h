/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of a measurement goes into its picture. */
#ifndef TOOLS_REESPEC_PICTURE_H
#define TOOLS_REESPEC_PICTURE_H

#include "assay/assay.h"
#include "reespec/command.h"

/* REESPEC_OK where @path is NULL or a picture may be made there; else says why not,
 * before there is a long fit to draw. */
int picture_check(const struct args *args, const char *path);

/* Says what kept a picture from being written; @r is 0 or -errno. */
int picture_written(const struct args *args, const char *path, int r);

/* The spectrum with fit, background, labels and residuals of an assay. */
int picture_of_result(const struct args *args, const struct assay_result *r,
		      const char *path);

/* The spectrum alone. */
int picture_of_spectrum(const struct args *args, const struct spectrum *s,
			const char *path);

#endif
