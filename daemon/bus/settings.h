/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an administrator may set: reespecd.conf(5), and the one table of its
 * keys. Whoever uses a value asks the service's settings each time, since
 * they change while the daemon runs.
 */
#ifndef DAEMON_BUS_SETTINGS_H
#define DAEMON_BUS_SETTINGS_H

#include <stddef.h>
#include <stdio.h>

struct settings {
	int batch_records;
	int batch_kib;
	int batch_age_ms;

	int keep_days; /* younger records are not archived */
	int free_mib; /* less on the ledger's disk: no new assay */
	int warn_mib; /* less: Health says so */

	int limit_readers; /* of one uid, named */
	int limit_follows; /* of one uid, connections */
	int limit_fetch_kib; /* of one answer */
	int limit_held_kib; /* answers a uid has not closed */
};

/*
 * Fills @ret from the file @path, NULL for the defaults alone. @why is one
 * line that names file, line, section, key and what is wrong; @ret is left as
 * it was then. -EBADMSG for contents, else the errno of reading.
 */
int settings_load(const char *path, struct settings *ret, char *why,
		  size_t why_size);

/* The table, a line a key: section, key, default, least, most, unit. */
void settings_print(FILE *file);

#endif
