/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of a result goes to people and records: JSON, flags in words. */
#ifndef DAEMON_ASSAY_REPORT_H
#define DAEMON_ASSAY_REPORT_H

#include "assay/assay.h"
#include "base/json.h"

/*
 * The result object, without the curve: elements (symbol, content_mg_kg,
 * u_mg_kg, u_expanded_mg_kg, lc_mg_kg, ld_mg_kg, loq_mg_kg, line, flags),
 * oxides, sums with lc_mg_kg, ld_mg_kg and the oxides in them, pattern, correlations, correlation,
 * activity, calibration, fit, flags, verdict, and decision when the method's
 * rules have led to one; `beside` with counting, fit and exposure of the second
 * of two spectra. Numbers that are not known are null. NULL: no memory.
 */
json_t *report_json(const struct assay_result *r);

/* "accepted", "questionable", "rejected". */
const char *report_verdict(enum assay_verdict verdict);
/* Short name and one sentence of one flag of the whole, bit 0.. */
const char *report_flag_name(unsigned int bit);
const char *report_flag_text(unsigned int bit);
/* The same of one flag of an element, bit 0.. */
const char *report_element_flag_name(unsigned int bit);
const char *report_element_flag_text(unsigned int bit);

#endif
