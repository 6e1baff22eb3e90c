/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line of a method's list of elements. */
#ifndef DAEMON_ASSAY_METHOD_ELEMENTS_H
#define DAEMON_ASSAY_METHOD_ELEMENTS_H

#include "assay/method.h"

/*
 * Takes `key = value` of [elements], as "Nd = L Nd2O3", behind those that the
 * method has. 0, or -EINVAL with static text in *why.
 */
int method_elements_take(struct method *m, const char *key, const char *value,
			 const char **why);

#endif
