// SPDX-License-Identifier: GPL-2.0-or-later
/* Seals a line of text with its hash and a signature. */
#include "ledger/seal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int seal_append(struct buf *text, const struct chain_key *key)
{
	CLEANUP(js_freep) json_t *o = NULL;
	CLEANUP(freep) char *line = NULL;
	char hash[CHAIN_HASH_SIZE], sig[CHAIN_SIG_SIZE] = "";
	char public_key[CHAIN_KEY_SIZE] = "";
	size_t len;
	int r;

	chain_sha256(text->data, strcspn(text->data, "\n"), hash);
	if (key) {
		chain_key_public(key, public_key);
		chain_sign(key, hash, sig);
	}
	o = js_pack("{s:s, s:s, s:s}", "sha256", hash, "key", public_key, "sig",
		    sig);
	if (!o)
		return -ENOMEM;
	r = js_dump(o, 0, &line, &len);
	if (r == 0)
		r = buf_append(text, line, len);
	return r < 0 ? r : buf_append(text, "\n", 1);
}

static int refuse(const char **why, const char *sentence)
{
	*why = sentence;
	return -EBADMSG;
}

/* The last line, with nothing behind it. */
static json_t *second_line(const char *text, size_t len, size_t first_len)
{
	const char *at = text + first_len + 1;
	size_t n = len - first_len - 1;
	json_t *o = NULL;

	if (!n || at[n - 1] != '\n' || js_parse(at, n - 1, &o, NULL) < 0)
		return NULL;
	return o;
}

int seal_open(const char *text, size_t len, const char *want_key,
	      struct seal *ret, const char **why)
{
	const char *end = len ? memchr(text, '\n', len) : NULL;
	CLEANUP(js_freep) json_t *o = NULL;
	char hash[CHAIN_HASH_SIZE];
	const char *key;

	if (end)
		o = second_line(text, len, (size_t)(end - text));
	if (!o)
		return refuse(why, "the line that seals it is missing");
	chain_sha256(text, (size_t)(end - text), hash);
	if (strcmp(hash, js_text(o, "sha256")) != 0)
		return refuse(why, "its hash is another: it has been altered");
	key = js_text(o, "key");
	if (*key && chain_verify_sig(key, hash, js_text(o, "sig")) < 0)
		return refuse(why, "its signature does not fit");
	if (*want_key && !*key)
		return refuse(why, "it is not signed, and a key is asked for");
	if (*want_key && strcmp(key, want_key) != 0)
		return refuse(why,
			      "another key than the one asked for signed it");
	*ret = (struct seal){ 0 };
	memcpy(ret->sha256, hash, sizeof(ret->sha256));
	snprintf(ret->key, sizeof(ret->key), "%s", key);
	return 0;
}

int seal_open_calibration(struct method *m, const char **why)
{
	struct method_calibration *c = &m->calibration;
	struct seal seal;
	int r;

	if (!*c->file)
		return 0;
	r = seal_open(c->text, c->text_len, c->key, &seal, why);
	if (r == 0)
		memcpy(c->sha256, seal.sha256, sizeof(c->sha256));
	return r;
}
