// SPDX-License-Identifier: GPL-2.0-or-later
/* Keys change; the one that signed a record is found by its signature. */
#include "reespec/signer.h"

#include <stdio.h>
#include <string.h>

/* Ends a walk that has found what it was for. */
#define FOUND 1000

struct search {
	const struct record *signed_one;
	char *text;
	size_t size;
};

static bool is_signed_by(const struct record *r, const char *key, char *text,
			 size_t size)
{
	char fingerprint[CHAIN_FINGERPRINT_SIZE];

	if (chain_verify_sig(key, r->chain.hash, r->chain.sig) != 0 ||
	    chain_fingerprint(key, fingerprint) < 0)
		return false;
	snprintf(text, size, "%s", fingerprint);
	return true;
}

/* Genesis and changes of the key name each a public key. */
static int look(void *userdata, struct record *r, struct page *page)
{
	struct search *s = userdata;

	(void)page;
	return is_signed_by(s->signed_one, js_text(r->json, "key"), s->text,
			    s->size)
		       ? FOUND
		       : REESPEC_OK;
}

int signer_of(struct client *c, const struct args *args, const struct record *r,
	      char *text, size_t size)
{
	static const char *const kinds[] = { "genesis", "key" };
	struct search s = { .signed_one = r, .text = text, .size = size };
	CLEANUP(js_freep) json_t *ledger = NULL;
	struct records_span span = { 0 };
	int code;

	snprintf(text, size, "none");
	if (!*r->chain.sig)
		return REESPEC_OK;
	code = client_properties(c, CLIENT_ROOT, CLIENT_LEDGER, &ledger);
	if (!code && is_signed_by(r, js_text(ledger, "Key"), text, size))
		return REESPEC_OK;
	if (!code)
		code = records_span(c, &span);
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !code; i++)
		code = records_walk(c, args, span.first, span.last, kinds[i],
				    false, look, &s);
	if (code == FOUND)
		return REESPEC_OK;
	snprintf(text, size, "none that this ledger names");
	return code;
}
