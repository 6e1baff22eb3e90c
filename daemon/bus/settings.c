// SPDX-License-Identifier: GPL-2.0-or-later
/* The keys of reespecd.conf, each with its default, range and unit. */
#include "bus/settings.h"

#include <stddef.h>

#include "base/cleanup.h"
#include "base/ini.h"

#define KEY(section, key, field, def, min, max, unit)                         \
	{                                                                     \
		section, key, INI_INT, offsetof(struct settings, field), def, \
			min, max, unit, NULL, NULL, NULL                      \
	}

/* 16 records are the knee of the measured cost of a commit, 250 ms is below
 * what is noticed. The upper bounds keep a batch below what the ledger holds
 * open, and an answer of Fetch below what one message should cost. */
/* clang-format off */
static const struct ini_key keys[] = {
	KEY("batch", "records", batch_records, "16", 1, 1024, NULL),
	KEY("batch", "kib", batch_kib, "1024", 4, 16384, "KiB"),
	KEY("batch", "age_ms", batch_age_ms, "250", 1, 60000, "ms"),
	KEY("ledger", "keep_days", keep_days, "365", 0, 36500, "d"),
	KEY("ledger", "free_mib", free_mib, "64", 2, 16777216, "MiB"),
	KEY("ledger", "warn_mib", warn_mib, "256", 2, 16777216, "MiB"),
	KEY("limits", "readers", limit_readers, "4", 1, 64, NULL),
	KEY("limits", "follows", limit_follows, "16", 1, 256, NULL),
	KEY("limits", "fetch_kib", limit_fetch_kib, "4096", 64, 16384, "KiB"),
	KEY("limits", "held_kib", limit_held_kib, "16384", 1024, 1048576, "KiB"),
};
/* clang-format on */

static const struct ini_table table = { keys, ARRAY_SIZE(keys), NULL };

int settings_load(const char *path, struct settings *ret, char *why,
		  size_t why_size)
{
	struct settings read = { 0 };
	struct ini_error err = { 0 };
	int r;

	r = path ? ini_load(path, &table, &read, &err)
		 : ini_parse_text("", "", 0, &table, &read, &err);
	if (r < 0) {
		ini_error_text(&err, why, why_size);
		return r;
	}
	*ret = read;
	return 0;
}

void settings_print(FILE *file)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		fprintf(file, "%s %s %s %.0f %.0f %s\n", keys[i].section,
			keys[i].key, keys[i].def, keys[i].min, keys[i].max,
			keys[i].unit ? keys[i].unit : "-");
}
