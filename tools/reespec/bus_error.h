/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors of the bus as one sentence and an exit code. */
#ifndef TOOLS_REESPEC_BUS_ERROR_H
#define TOOLS_REESPEC_BUS_ERROR_H

#include <stddef.h>

#include "reespec/command.h"

/*
 * Writes what an operator can do about the error of a call of @member to
 * @text. @name may be NULL; @message is the sender's sentence, @number the
 * errno.
 */
enum reespec_exit bus_error_explain(const char *member, const char *name,
				    const char *message, int number, char *text,
				    size_t size);

/* What to do about error @name, in a few words, where the command that @args are
 * of can do something; or NULL. */
const char *bus_error_cure(const struct args *args, const char *name);

/* Whether an error of the daemon's, by client_last_error_name(), says that an
 * order to measure is wrong. */
bool bus_error_is_about_order(const char *name);

#endif
