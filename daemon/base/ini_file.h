/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An INI file as pairs of key and value with their lines, before anything is
 * known of what the keys mean; ini.c alone uses it.
 */
#ifndef REESPEC_BASE_INI_FILE_H
#define REESPEC_BASE_INI_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define INI_NO_LINE "neither [section] nor key = value"

struct ini_pair {
	char *section;
	char *key;
	struct buf value;
	int line;
	bool is_used;
};

struct ini_header {
	char section[64];
	int line;
};

/* inih's view of the text and what came out of it. */
struct ini_file {
	const char *text;
	size_t len;
	size_t pos;
	int line; /* of the line handed out last */
	bool is_indented; /* that line: it continues a value */
	struct ini_bad_line { /* refused here */
		int line;
		const char *why;
		char section[64]; /* with key, when a key is to blame */
		char key[64];
	} * bad;
	size_t n_bad;
	int r; /* -ENOMEM */
	struct ini_pair *pairs;
	size_t n_pairs;
	struct ini_header *headers;
	size_t n_headers;
};

/* Take @f->text apart. 0; the first line that the library takes for none, which
 * may be among @f->bad, too; or -ENOMEM. ini_file_deinit() is due in any case.
 */
int ini_file_parse(struct ini_file *f);

void ini_file_deinit(struct ini_file *f);

/* The pair of that name, or NULL. */
struct ini_pair *ini_file_find(const struct ini_file *f, const char *section,
			       const char *key);

#endif
