/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which results are exported, and what each one's file is called. */
#ifndef TOOLS_REESPEC_EXPORT_PICK_H
#define TOOLS_REESPEC_EXPORT_PICK_H

#include "reespec/records.h"

/* Texts are borrowed from the command line; NULL: any. */
struct export_pick {
	const char *sample; /* with the wildcards of a shell */
	const char *method;
	const char *device;
	const char *sample_kind;
	char since[32]; /* RFC 3339 in UTC, as in records; "": any */
	char before[32];
};

/* From --sample, --method, --device, --sample-kind, --since and --before. */
int export_pick_read(const struct args *args, struct export_pick *ret);
bool export_pick_is_any(const struct export_pick *pick);
bool export_pick_takes(const struct export_pick *pick, const struct record *r);

/*
 * The name of the file of @r: @pattern with its {fields} filled in, whatever
 * is unsafe in a name replaced by `_`, and ".@extension" behind it.
 */
int export_name(const struct args *args, const char *pattern,
		const struct record *r, const char *extension, char *ret,
		size_t size);

#endif
