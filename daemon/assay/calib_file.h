/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A calibration as text: one line of JSON, whose bytes are the same for the
 * same factors. What follows the line seals it (ledger/seal.h) and is none of
 * the assay's business.
 */
#ifndef DAEMON_ASSAY_CALIB_FILE_H
#define DAEMON_ASSAY_CALIB_FILE_H

#include "assay/calib.h"
#include "base/buf.h"
#include "base/json.h"

enum { CALIB_FILE_MAX = 1024 * 1024 };

/*
 * Appends the line and its newline: `made` is the time as RFC 3339 text.
 * 0 or -ENOMEM.
 */
int calib_file_write(const struct calib *c, const struct standard *standard,
		     size_t n_standards, const char *made, struct buf *ret);

/* The factors alone, a list; NULL when memory ran out. */
json_t *calib_file_factors(const struct calib *c);

/*
 * Takes the factors of the file `name`, in the folder of the method file, into
 * the method, whose elements are known by then. An element that the file lacks
 * keeps the factor 1 and the method's sigma. Returns 0, -EINVAL or another
 * -errno with `err` filled: also when the calibration is of another set-up.
 */
int calib_file_load(const char *method_path, const char *name, struct method *m,
		    struct method_error *err);

#endif
