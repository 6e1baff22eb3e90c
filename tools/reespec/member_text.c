// SPDX-License-Identifier: GPL-2.0-or-later
/* The words and units of records, those of the table that assay prints. */
#include "reespec/member_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reespec/print.h"

enum unit {
	AS_IS,
	SECONDS,
	PRESET_SECONDS, /* 0: none */
	PRESET_COUNTS,
	FRACTION,
	GROUPED,
	RATE,
	KELVIN,
	CELSIUS,
	VOLT,
	MICROAMPERE,
	KEV_AS_EV,
	GAIN_AS_EV,
	CONTENT, /* with u, or below L_C */
	LIKE_CONTENT, /* to the same place */
	LIMIT, /* in the same unit, to two digits */
	SIGMAS,
	PERCENT,
};

static const struct member {
	const char *key;
	const char *label;
	enum unit unit;
} members[] = {
	{ "record", "of record", AS_IS },
	{ "sample_kind", "kind", AS_IS },
	{ "ended_by", "ended by", AS_IS },
	{ "n", "reading", AS_IS },
	{ "n_readings", "readings", AS_IS },
	{ "n_lost", "lost", AS_IS },
	{ "live_s", "live", SECONDS },
	{ "real_s", "real", SECONDS },
	{ "interval_s", "interval", SECONDS },
	{ "preset_live_s", "preset live", PRESET_SECONDS },
	{ "preset_real_s", "preset real", PRESET_SECONDS },
	{ "preset_counts", "preset counts", PRESET_COUNTS },
	{ "fast_count", "counts in", GROUPED },
	{ "slow_count", "counts out", GROUPED },
	{ "fast_cps", "in", RATE },
	{ "slow_cps", "out", RATE },
	{ "dead", "dead", FRACTION },
	{ "detector_k", "detector", KELVIN },
	{ "board_c", "board", CELSIUS },
	{ "hv_v", "high voltage", VOLT },
	{ "tube_ua", "tube", MICROAMPERE },
	{ "zero_kev", "offset stated", KEV_AS_EV },
	{ "kev_per_chan", "gain stated", GAIN_AS_EV },
	{ "content_mg_kg", "content", CONTENT },
	{ "u_mg_kg", "u", LIMIT },
	{ "lc_mg_kg", "L_C", LIMIT },
	{ "ld_mg_kg", "L_D", LIMIT },
	{ "mean_mg_kg", "mean", LIKE_CONTENT },
	{ "s_mg_kg", "s", LIMIT },
	{ "max_mg_kg", "at most", LIKE_CONTENT },
	{ "z", "off the mean", SIGMAS },
	{ "percent", "differs by", PERCENT },
	{ "max_percent", "at most", PERCENT },
};

static const struct member *find(const char *key)
{
	static const struct member none = { "", "", AS_IS };

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (!strcmp(members[i].key, key))
			return &members[i];
	return &none;
}

const char *member_label(json_t *body, const char *key)
{
	const char *label = find(key)->label;

	/* Not that of this record, which stands below. */
	if (!strcmp(key, "hash"))
		return js_get(body, "last") ? "hash of last" : "its hash";
	return *label ? label : key;
}

static void content_text(json_t *body, enum unit unit, double value, char *text,
			 size_t size)
{
	struct content_cells c;
	struct cell cell;
	const char *u = "";

	print_content(&c, js_number(body, "content_mg_kg"),
		      js_number(body, "u_mg_kg"), js_number(body, "lc_mg_kg"),
		      js_number(body, "ld_mg_kg"));
	if (unit == CONTENT) {
		cell = c.value;
		u = c.is_censored ? "" : c.u.text;
	} else {
		cell = unit == LIMIT ? print_limit(&c, value)
				     : print_like(&c, value);
	}
	snprintf(text, size, "%s%s%s%s%s %s", cell.text, *u ? " " : "",
		 *u ? PRINT_PM("") : "", *u ? " " : "", u, c.unit);
}

void member_number(json_t *body, const char *key, double value, char *text,
		   size_t size)
{
	const enum unit unit = find(key)->unit;

	switch (unit) {
	case SECONDS:
		snprintf(text, size, "%.2f s", value);
		return;
	case PRESET_SECONDS:
	case PRESET_COUNTS:
		snprintf(text, size, "%.10g%s", value,
			 unit == PRESET_COUNTS ? "" : " s");
		if (!(value > 0))
			snprintf(text, size, "none");
		return;
	case FRACTION:
		snprintf(text, size, "%.1f %%", 100 * value);
		return;
	case GROUPED:
	case RATE:
		snprintf(text, size, "%s%s", print_grouped(value).text,
			 unit == RATE ? " cps" : "");
		return;
	case KELVIN:
		snprintf(text, size, "%.1f K", value);
		return;
	case CELSIUS:
		snprintf(text, size, "%.0f %s", value, print_glyph("°C", "C"));
		return;
	case VOLT:
		snprintf(text, size, "%.1f V", value);
		return;
	case MICROAMPERE:
		snprintf(text, size, "%.10g %s", value,
			 print_glyph("µA", "uA"));
		return;
	case KEV_AS_EV:
		snprintf(text, size, "%.1f eV", 1000 * value);
		return;
	case GAIN_AS_EV:
		snprintf(text, size, "%.4f eV a channel", 1000 * value);
		return;
	case CONTENT:
	case LIKE_CONTENT:
	case LIMIT:
		content_text(body, unit, value, text, size);
		return;
	case SIGMAS:
		snprintf(text, size, "%.2f standard deviations", value);
		return;
	case PERCENT:
		snprintf(text, size, "%.3g %%", value);
		return;
	case AS_IS:
		break;
	}
	snprintf(text, size, "%.10g", value);
}
