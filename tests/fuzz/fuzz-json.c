// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON as it is read, and the bytes it is written as. */
#include "base/json.h"

#include "base/json_scan.h"
#include "fuzz/fuzz.h"

/* A scan that is sure found what js_parse() finds: @v, NULL for none. */
static void check_scan(const char *text, size_t len, const json_t *v)
{
	static const char *const keys[] = { "a", "seq", "" };
	struct js_span s[3];

	if (!js_scan(text, len, keys, 3, s))
		return;
	MUST(v && js_type(v) == JS_OBJECT);
	for (size_t i = 0; i < 3; i++) {
		const json_t *member = js_get(v, keys[i]);
		char *first = NULL, *second = NULL;
		json_t *again = NULL;
		size_t n, m;

		MUST(!s[i].at == !member);
		if (!member)
			continue;
		MUST(js_parse(s[i].at, s[i].len, &again, NULL) == 0);
		MUST(js_dump(again, 0, &first, &n) == 0);
		MUST(js_dump(member, 0, &second, &m) == 0);
		MUST(n == m && !memcmp(first, second, n));
		free(first);
		free(second);
		js_free(again);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *first = NULL, *second = NULL;
	json_t *v = NULL, *again = NULL;
	struct js_error err = { 0 };
	size_t n, m;

	if (js_parse((const char *)data, size, &v, &err) < 0) {
		MUST(err.why[0]);
		check_scan((const char *)data, size, NULL);
		return 0;
	}
	check_scan((const char *)data, size, v);
	MUST(js_dump(v, 0, &first, &n) == 0);
	MUST(js_parse(first, n, &again, &err) == 0);
	MUST(js_dump(again, 0, &second, &m) == 0);
	MUST(n == m && !memcmp(first, second, n));
	free(first);
	free(second);
	js_free(again);
	js_free(v);
	return 0;
}
