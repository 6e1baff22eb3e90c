// SPDX-License-Identifier: GPL-2.0-or-later
/* In words, what later_apply() put into a record; reads no ledger. */
#include "reespec/later.h"

#include <string.h>

#include "reespec/print.h"

const char *later_measured_as(json_t *body)
{
	json_t *amended = js_get(body, "amended");

	for (size_t i = 0; i < js_len(amended); i++)
		if (!strcmp(js_text(js_at(amended, i), "field"), "sample"))
			return js_text(js_at(amended, i), "was");
	return js_text(body, "sample");
}

void later_text(json_t *entry, char *text, size_t size)
{
	const char *was = js_text(entry, "was");

	snprintf(text, size, "%s %s (amended by record %s; measured %s%s: %s)",
		 js_text(entry, "field"), js_text(entry, "now"),
		 js_text(entry, "by"), *was ? "as " : "without", was,
		 js_text(entry, "reason"));
}

static void print_one(FILE *out, int column, const char *label,
		      const char *text)
{
	char head[32];

	snprintf(head, sizeof(head), "%-*s", column, label);
	print_flow(out, PRINT_BAD, head, text);
}

void later_print(FILE *out, json_t *body, int column)
{
	json_t *amended = js_get(body, "amended");
	const char *by = js_text(body, "corrected_by");
	char text[1024];

	for (size_t i = 0; i < js_len(amended); i++) {
		later_text(js_at(amended, i), text, sizeof(text));
		print_one(out, column, "Amended", text);
	}
	snprintf(text, sizeof(text), "by record %s", by);
	if (*by)
		print_one(out, column, "Corrected", text);
}
