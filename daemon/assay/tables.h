/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CSV tables that a method file names, beside it in its folder. */
#ifndef DAEMON_ASSAY_TABLES_H
#define DAEMON_ASSAY_TABLES_H

#include "assay/method.h"

/*
 * The path of file `name` in the folder of the method file; 0, or -errno with
 * `err` filled, in which `key` is what names it.
 */
int tables_path(const char *method_path, const char *key, const char *name,
		char *path, size_t size, struct method_error *err);

/*
 * Each fills its part of the method from the file `name` in the folder of
 * the method file. 0, or -errno with `err` filled: file, line, column.
 */
int tables_load_tube(const char *method_path, const char *name,
		     struct method_tube *ret, struct method_error *err);
int tables_load_response(const char *method_path, const char *name,
			 struct method_detector *ret, struct method_error *err);

/*
 * The table of line data that a method names, or LINE_DATA_BUILT_IN, whose
 * rows go before xraylib's values.
 */
int tables_load_line_data(const char *method_path, const char *name,
			  struct line_data *ret, struct method_error *err);

#endif
