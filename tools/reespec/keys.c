// SPDX-License-Identifier: GPL-2.0-or-later
/* --key lot=7 --key origin=... as one object of texts. */
#include "reespec/keys.h"

#include <stdio.h>
#include <string.h>

bool keys_is_name(const char *name)
{
	return *name && strlen(name) <= 31 &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

int keys_add(json_t *to, const struct args *args)
{
	CLEANUP(js_freep) json_t *keys = js_object();
	const char *word;

	for (unsigned int i = 0; (word = args_get_nth(args, "key", i)); i++) {
		const size_t len = strcspn(word, "=");
		char name[64];

		if (!len || !word[len] || len >= sizeof(name))
			return fail(args, REESPEC_USAGE,
				    "--key %s: want NAME=TEXT", word);
		snprintf(name, sizeof(name), "%.*s", (int)len, word);
		if (js_get(keys, name))
			return fail(args, REESPEC_USAGE, "--key %s: twice",
				    name);
		if (js_set_str(keys, name, word + len + 1) < 0)
			return fail(args, REESPEC_USAGE, "--key %s: not UTF-8",
				    name);
	}
	if (js_len(keys))
		js_set(to, "keys", TAKE_PTR(keys));
	return REESPEC_OK;
}
