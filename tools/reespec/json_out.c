// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON of a command to stdout. */
#include "reespec/json_out.h"

#include <stdio.h>

#include "base/clock.h"

int json_out(const struct args *args, const char *schema, json_t *value)
{
	CLEANUP(js_freep) json_t *owned = value;
	CLEANUP(freep) char *text = NULL;
	size_t len;

	if (owned)
		js_set_str(owned, "schema", schema);

	if (!owned || js_dump(owned, 0, &text, &len) < 0)
		return fail(args, REESPEC_FAILED, "out of memory");
	return json_out_body(text, len);
}

json_t *json_out_time(uint64_t usec)
{
	char text[CLOCK_TEXT_SIZE];

	if (!usec)
		return js_null();
	clock_format(usec, text);
	return js_str(text);
}

int json_out_body(const char *body, size_t len)
{
	fwrite(body, 1, len, stdout);
	putchar('\n');
	return REESPEC_OK;
}
