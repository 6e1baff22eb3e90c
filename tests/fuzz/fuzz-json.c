// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON as it is read, and the bytes it is written as. */
#include "base/json.h"

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *first = NULL, *second = NULL;
	json_t *v = NULL, *again = NULL;
	struct js_error err = { 0 };
	size_t n, m;

	if (js_parse((const char *)data, size, &v, &err) < 0) {
		MUST(err.why[0]);
		return 0;
	}
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
