// SPDX-License-Identifier: GPL-2.0-or-later
/* An INI file with a key of each type. */
#include "base/ini.h"

#include "base/cleanup.h"
#include "fuzz/fuzz.h"

struct target {
	char *text;
	char **list;
	double real;
	int whole;
	bool flag;
	int word;
};

static const char *const words[] = { "one", "two", NULL };
#define KEY(in, name, kind, ...)                                     \
	{                                                            \
		.section = in, .key = #name, .type = kind,           \
		.offset = offsetof(struct target, name), __VA_ARGS__ \
	}

static const struct ini_key keys[] = {
	KEY("a", text, INI_STRING, .def = "none"),
	KEY("a", list, INI_LIST, .def = ""),
	KEY("a", real, INI_DOUBLE, .def = "1", .min = -1e9, .max = 1e9),
	KEY("b", whole, INI_INT, .def = "1", .min = -5, .max = 99),
	KEY("b", flag, INI_BOOL, .def = "no"),
	KEY("b", word, INI_ENUM, .def = "one", .values = words),
};
static const struct ini_table table = { .keys = keys,
					.n_keys = ARRAY_SIZE(keys) };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ini_error err = { 0 };
	struct target t = { 0 };
	char line[1024];

	if (ini_parse_text("input", (const char *)data, size, &table, &t,
			   &err) < 0) {
		MUST(err.why[0] && !t.text && !t.list);
		ini_error_text(&err, line, sizeof(line));
		return 0;
	}
	MUST(t.text && t.list);
	MUST(t.real >= -1e9 && t.real <= 1e9);
	MUST(t.whole >= -5 && t.whole <= 99 && t.word >= 0 && t.word < 2);
	ini_release(&table, &t);
	return 0;
}
