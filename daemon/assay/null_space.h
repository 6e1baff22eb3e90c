/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a spectrum does not tell, when the normal matrix needed a ridge. */
#ifndef DAEMON_ASSAY_NULL_SPACE_H
#define DAEMON_ASSAY_NULL_SPACE_H

#include "assay/outcome.h"

/*
 * Names the unknowns that span it, behind fit_covariance() and before anything
 * else is factored; the elements among them are flagged by
 * null_space_flag(), once they have their contents. Takes memory of its own;
 * without it nothing is named.
 */
void null_space_find(struct assay_engine *e, struct assay_result *r);
void null_space_flag(struct assay_result *r);

#endif
