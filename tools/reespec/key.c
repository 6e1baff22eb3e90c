// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec key: the key the ledger is signed with, and the change of it. */
#include "reespec/command.h"

#include <stdio.h>
#include <string.h>

#include "ledger/chain.h"
#include "reespec/client.h"
#include "reespec/json_out.h"

static const struct option_desc options[] = {
	{ "rotate", 0, NULL, "make a new key; for an administrator" },
	{ "reason", 0, "TEXT", "why it is changed, for the record" },
	{ NULL, 0, NULL, NULL },
};

static int rotate(struct client *c, const char *reason)
{
	const struct client_call call = {
		.path = CLIENT_ROOT,
		.interface = CLIENT_LEDGER,
		.member = "RotateKey",
		.types = "s",
		.texts = { reason },
		.timeout_s = CLIENT_PASSWORD_S,
	};

	return client_call(c, &call, NULL, NULL);
}

static int show(struct client *c, const struct args *args)
{
	CLEANUP(js_freep) json_t *ledger = NULL;
	char fingerprint[CHAIN_FINGERPRINT_SIZE];
	const char *key = "";
	int r;

	r = client_properties(c, CLIENT_ROOT, CLIENT_LEDGER, &ledger);
	if (r)
		return r;
	js_get_str(ledger, "Key", &key);
	if (chain_fingerprint(key, fingerprint) < 0)
		return fail(
			args, REESPEC_FAILED,
			"the daemon tells no public key (reespec doctor looks for the cause)");
	if (args->is_json)
		return json_out(args, "reespec-key/1",
				js_pack("{s:s, s:s}", "key", key, "fingerprint",
					fingerprint));
	printf("key      %s\n         %s\n", key, fingerprint);
	return REESPEC_OK;
}

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	const char *reason = args_get(args, "reason");
	int r;

	if (args_has(args, "rotate") != (reason != NULL))
		return fail(args, REESPEC_USAGE,
			    "--rotate and --reason belong together");
	r = client_open(&c, args);
	if (!r && reason)
		r = rotate(c, reason);
	return r ? r : show(c, args);
}

const struct command command_key = {
	.name = "key",
	.operands = "",
	.summary = "show the public key of the ledger, or change keys",
	.text = "Shows the public key that signs now and its fingerprint, which belongs on\n"
		"paper where the laboratory keeps such things. --rotate makes a new key: a\n"
		"record signed by the old one names it, and the old one is destroyed.",
	.options = options,
	.run = run,
};
