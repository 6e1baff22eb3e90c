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

int keys_add_word(json_t *to, const struct args *args, const char *what,
		  const char *word)
{
	const size_t len = strcspn(word, "=");
	char name[64];

	if (!len || !word[len] || len >= sizeof(name))
		return fail(args, REESPEC_USAGE, "%s%s: want NAME=TEXT", what,
			    word);
	snprintf(name, sizeof(name), "%.*s", (int)len, word);
	if (js_get(to, name))
		return fail(args, REESPEC_USAGE, "%s%s is given twice", what,
			    name);
	if (js_set_str(to, name, word + len + 1) < 0)
		return fail(args, REESPEC_USAGE, "%s%s: the text is not UTF-8",
			    what, name);
	return REESPEC_OK;
}

int keys_add(json_t *to, const struct args *args)
{
	CLEANUP(js_freep) json_t *keys = js_object();
	const char *word;
	int r = REESPEC_OK;

	for (unsigned int i = 0; !r && (word = args_get_nth(args, "key", i));
	     i++)
		r = keys_add_word(keys, args, "--key ", word);
	if (r)
		return r;
	if (js_len(keys))
		js_set(to, "keys", TAKE_PTR(keys));
	return REESPEC_OK;
}
