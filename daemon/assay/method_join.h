/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A method that joins two others: one sample, a spectrum by each. */
#ifndef DAEMON_ASSAY_METHOD_JOIN_H
#define DAEMON_ASSAY_METHOD_JOIN_H

#include "assay/method.h"

/*
 * Reads a method file that has the key `join`, and the two files beside it
 * that it names. Results as of method_load().
 */
int method_join(const char *path, struct method **ret,
		struct method_error *err);

#endif
