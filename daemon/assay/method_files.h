/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Method files by name: NAME.ini in the first of some folders that has it. */
#ifndef DAEMON_ASSAY_METHOD_FILES_H
#define DAEMON_ASSAY_METHOD_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Letters, digits, '.', '_' and '-', not beginning with '.', at most 63. */
bool method_files_is_name(const char *name);

/*
 * The path of method @name below @dirs, a list that ends with NULL. -ENOENT
 * when no folder has it or it cannot be a method's name.
 */
int method_files_find(const char *const *dirs, const char *name, char *path,
		      size_t size);

/*
 * Names in @dirs, sorted, each once, which is the one that would be found.
 * Returns how many, or -ENOMEM; free with method_files_free().
 */
int method_files_list(const char *const *dirs, char ***ret);
void method_files_free(char **names, int n);

/* The same as one text, with ", " between them; "none" when there is none. */
void method_files_text(const char *const *dirs, struct buf *ret);

#endif
