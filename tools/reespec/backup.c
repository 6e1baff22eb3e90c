// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec backup: all of the ledger in a file, verified on the way. */
#include "reespec/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "reespec/export.h"
#include "reespec/json_out.h"
#include "reespec/records.h"

static int tell(const struct args *args, const struct records_span *span,
		const char *head)
{
	const char *path = args->operands[0];

	if (args->is_json)
		return json_out(args, "reespec-backup/1",
				js_pack("{s:s, s:s, s:o, s:o, s:s}", "file",
					path, "ledger", span->ledger, "first",
					js_u64(span->first), "last",
					js_u64(span->last), "head", head));
	printf("saved     records %" PRIu64 " to %" PRIu64
	       " in %s\nhead      %s\n"
	       "The private key is not in it: keep ledger.key of the daemon's state folder\napart, restoring needs it.\n",
	       span->first, span->last, path, head);
	return REESPEC_OK;
}

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	struct chain_verifier v = { 0 };
	struct records_span span = { 0 };
	struct stat st;
	int r;

	if (!lstat(args->operands[0], &st))
		return fail(args, REESPEC_USAGE,
			    "%s is there already: choose another name",
			    args->operands[0]);
	r = client_open(&c, args);
	if (!r)
		r = records_span(c, &span);
	if (!r)
		r = export_verified(c, args, args->operands[0], span.first,
				    span.last, &v);
	return r ? r : tell(args, &span, v.head);
}

const struct command command_backup = {
	.name = "backup",
	.operands = "FILE",
	.summary = "save the whole ledger in a file",
	.text = "Writes all records and their spectra to a new FILE, as export --format json\n"
		"does, and checks each on the way; FILE is whole or not there. The daemon\n"
		"may measure meanwhile. reespec restore makes a ledger of it again.",
	.n_min = 1,
	.n_max = 1,
	.run = run,
};
