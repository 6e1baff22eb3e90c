/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy file of quality control, qc.conf. */
#ifndef DAEMON_BUS_QC_POLICY_H
#define DAEMON_BUS_QC_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

enum { QC_CHECKS_MAX = 32 };

enum qc_state { QC_NONE, QC_OK, QC_DUE, QC_FAILED };

/* Which states refuse to measure samples. */
enum qc_gate { QC_GATE_NONE, QC_GATE_FAILED, QC_GATE_DUE };

enum qc_kind { QC_BLANK, QC_CRM, QC_DUPLICATE, QC_DRIFT };

struct qc_check {
	char name[32];
	int kind; /* enum qc_kind */
	char sample[129]; /* "": of any name */
	char method[65];
	char element[3];
	double mean; /* crm, drift: mg/kg */
	double s;
	double max; /* blank: mg/kg */
	double max_rel; /* duplicate: percent of the mean of both */
	double every; /* samples between two; 0: no such bound */
	double hours; /* between two; 0: no such bound */
};

struct qc_policy {
	int gate; /* enum qc_gate */
	unsigned int rules; /* bits of enum control_rule that fail a check */
	struct qc_check checks[QC_CHECKS_MAX];
	size_t n_checks;
};

/*
 * Reads a policy. 0, -ENOENT when there is no such file, or another -errno
 * with @why: file, line, key and reason.
 */
int qc_policy_load(const char *path, struct qc_policy *ret, char *why,
		   size_t why_size);

/* "blank", "crm", "duplicate", "drift". */
const char *qc_kind_name(enum qc_kind kind);

#endif
