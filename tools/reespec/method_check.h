/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reespec method check: all that is wrong with methods. */
#ifndef TOOLS_REESPEC_METHOD_CHECK_H
#define TOOLS_REESPEC_METHOD_CHECK_H

#include "reespec/command.h"

/* Operands from the second on are methods; it ends as the last bad one did. */
int method_check_all(const struct args *args);

#endif
