/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A folder of files that are all there, or none of them. */
#ifndef TOOLS_REESPEC_STAGING_H
#define TOOLS_REESPEC_STAGING_H

#include <limits.h>

#include "base/json.h"
#include "reespec/command.h"

/* Zero-filled it is none. */
struct staging {
	const struct args *args;
	const char *folder; /* borrowed */
	char stage[PATH_MAX]; /* where files lie until all are there */
	bool is_new; /* the folder itself is yet to come */
	json_t *names;
};

/* Files go beside @folder where there is none, else into a part of it. */
int staging_open(struct staging *s, const struct args *args,
		 const char *folder);

/* Where the file @name of record @seq is written. Two records of one name are
 * REESPEC_USAGE, as is a path that is too long. */
int staging_path(struct staging *s, const char *name, uint64_t seq, char *ret,
		 size_t size);

/* Puts all in their place. */
int staging_commit(struct staging *s);

/* Removes what was not committed. */
void staging_deinit(struct staging *s);

#endif
