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

#define SETTINGS_IO_N 4

enum settings_gate {
	SETTINGS_GATE_METHOD, /* as the method has it */
	SETTINGS_GATE_OFF,
	SETTINGS_GATE_HIGH, /* counts are refused while AUX_IN_1 is high */
	SETTINGS_GATE_LOW,
};

enum settings_out {
	SETTINGS_OUT_METHOD,
	SETTINGS_OUT_MEASURING, /* high while the MCA is enabled */
};

/* What an IO line shows. */
enum settings_line {
	SETTINGS_IO_OFF,
	SETTINGS_IO_READY,
	SETTINGS_IO_DONE,
	SETTINGS_IO_PASS,
	SETTINGS_IO_FAIL,
	SETTINGS_IO_GRADE1,
	SETTINGS_IO_GRADE2,
	SETTINGS_IO_GRADE4,
	SETTINGS_IO_GRADE8,
};

/* The AUX connector of one instrument. */
struct settings_io {
	char instrument[24]; /* its serial number; "none" */
	int gate; /* enum settings_gate */
	int out[2]; /* enum settings_out */
	int io[SETTINGS_IO_N]; /* enum settings_line */
	int is_high; /* the bit that means on */
};

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

	struct settings_io io;
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
