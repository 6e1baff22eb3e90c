/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reespec qc run: measures what quality control asks for. */
#ifndef TOOLS_REESPEC_QC_RUN_H
#define TOOLS_REESPEC_QC_RUN_H

#include "base/json.h"
#include "reespec/command.h"

/* Members of a check in the property Checks of a spectrometer. */
enum qc_member { QC_NAME, QC_KIND, QC_SAMPLE, QC_METHOD, QC_STATE, QC_WHY };
const char *qc_text(json_t *check, enum qc_member member);

/* Whether the policy of @spectrometer, its properties, has a mistake: then no
 * sample is measured, and QcReason has file, line and key. */
bool qc_is_broken(json_t *spectrometer);
#define QC_MEND \
	"mend the policy (qc.conf, reespecd(8)) and restart reespecd: no sample is measured before"

/* The checks that are due, or have failed, or the one that is named. */
int qc_run(const struct args *args);

#endif
