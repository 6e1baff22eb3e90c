/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of a calibration's standards: which spectrum holds what. */
#ifndef TOOLS_REESPEC_STANDARDS_H
#define TOOLS_REESPEC_STANDARDS_H

#include "assay/calib.h"
#include "reespec/command.h"

/* One section of the list; numbers that are not stated are NAN. */
struct standards_item {
	char path[4096]; /* of the spectrum */
	double areal_g_cm2;
	double density_g_cm3;
	double current_ua;
};

struct standards {
	const struct method *m; /* borrowed */
	const char *path; /* borrowed */
	double standardless; /* 0: as the method says */
	size_t n;
	struct standards_item item[CALIB_MAX_STANDARDS];
	struct standard standard[CALIB_MAX_STANDARDS];
};

/*
 * Reads a list, an INI file with a section for each standard: `spectrum`, a
 * file beside the list; `areal_g_cm2`, `density_g_cm3`, `current_ua`, where
 * known; and by symbol the contents, each `mg/kg u`. The section [calibration]
 * may hold `standardless_u`. REESPEC_OK or what it failed by; the caller calls
 * standards_free() in every case.
 */
int standards_load(const struct args *args, const char *path,
		   const struct method *m, struct standards **ret);
struct standards *standards_free(struct standards *s);
CLEANUP_FUNC(struct standards, standards_free);

/* Measures each by an engine of the method, and says on stderr what fails. */
int standards_measure(const struct args *args, struct assay_engine *e,
		      struct standards *s);

#endif
