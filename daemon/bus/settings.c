// SPDX-License-Identifier: GPL-2.0-or-later
/* The keys of reespecd.conf, each with its default, range and unit. */
#include "bus/settings.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/ini.h"

#define KEY(section, key, field, def, min, max, unit)                         \
	{                                                                     \
		section, key, INI_INT, offsetof(struct settings, field), def, \
			min, max, unit, NULL, NULL, NULL                      \
	}

#define WORD(key, field, def, words)                                 \
	{                                                            \
		"io", key, INI_ENUM,                                 \
			offsetof(struct settings, io) +              \
				offsetof(struct settings_io, field), \
			def, 0, 0, NULL, words, NULL, NULL           \
	}

static const char *const gates[] = { "method", "off", "high", "low", NULL };
static const char *const outs[] = { "method", "measuring", NULL };
static const char *const levels[] = { "low", "high", NULL };
static const char *const shown[] = { "off",    "ready",	 "done",   "pass",
				     "fail",   "grade1", "grade2", "grade4",
				     "grade8", NULL };

static int parse_serial(const char *value, void *field, struct ini_refusal *no)
{
	const size_t len = strlen(value);

	if (strcmp(value, "none") && value[strspn(value, "0123456789")]) {
		no->why = "want a serial number, or none";
		return -EINVAL;
	}
	if (!len || len >= sizeof(((struct settings_io *)0)->instrument)) {
		no->why = "want a serial number of at most 23 digits, or none";
		return -EINVAL;
	}
	strcpy(field, value);
	return 0;
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
	{ "io", "instrument", INI_CUSTOM, offsetof(struct settings, io.instrument),
	  "none", 0, 0, NULL, NULL, parse_serial, NULL },
	WORD("gate", gate, "method", gates),
	WORD("aux_out1", out[0], "method", outs),
	WORD("aux_out2", out[1], "method", outs),
	WORD("io0", io[0], "off", shown),
	WORD("io1", io[1], "off", shown),
	WORD("io2", io[2], "off", shown),
	WORD("io3", io[3], "off", shown),
	WORD("active", is_high, "low", levels),
};
/* clang-format on */

static const struct ini_table table = { .keys = keys,
					.n_keys = ARRAY_SIZE(keys) };

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

/* A number's unit, or the words there are. */
static void print_last(FILE *file, const struct ini_key *k)
{
	for (size_t i = 0; k->values && k->values[i]; i++)
		fprintf(file, "%s%s", i ? "|" : "", k->values[i]);
	if (!k->values)
		fputs(k->unit ? k->unit : "-", file);
	fputc('\n', file);
}

void settings_print(FILE *file)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		fprintf(file, "%s %s %s %.0f %.0f ", keys[i].section,
			keys[i].key, keys[i].def, keys[i].min, keys[i].max);
		print_last(file, &keys[i]);
	}
}
