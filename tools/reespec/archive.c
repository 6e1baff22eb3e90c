// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec archive: old records leave the ledger for a file. */
#include "reespec/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "reespec/export.h"
#include "reespec/json_out.h"
#include "reespec/print.h"
#include "reespec/records.h"

static const struct option_desc options[] = {
	{ "output", 'o', "FILE", "where they go, a new file (required)" },
	{ "reason", 0, "TEXT", "why, for the record (required)" },
	{ "to", 0, "SEQ", "no further than this record" },
	{ "dry-run", 'n', NULL, "say what would go, and change nothing" },
	{ NULL, 0, NULL, NULL },
};

/* @ret_last 0: nothing may go, and @ret_why. */
static int ask(struct client *c, uint64_t to, uint64_t *ret_last, char *ret_why,
	       size_t size)
{
	const struct client_call call = {
		.path = CLIENT_ROOT,
		.interface = CLIENT_LEDGER,
		.member = "Archivable",
		.types = "t",
		.numbers = { to },
	};
	CLEANUP(js_freep) json_t *reply = NULL;
	const char *last = "0";
	const char *why = "";
	int r;

	r = client_call(c, &call, &reply, NULL);
	if (r)
		return r;
	js_str_value(js_at(reply, 0), &last, NULL);
	js_str_value(js_at(reply, 1), &why, NULL);
	*ret_last = strtoull(last, NULL, 10);
	snprintf(ret_why, size, "%s", why);
	return REESPEC_OK;
}

/* What is done each night finds nothing in most of them. */
static int tell_nothing(const struct args *args, const char *why)
{
	if (args->is_json)
		return json_out(args, "reespec-archive/1",
				js_pack("{s:s, s:s, s:s, s:s, s:o, s:s}",
					"first", "0", "last", "0", "head", "",
					"file", "", "archived", js_bool(false),
					"why", why));
	print_line(stdout, PRINT_PLAIN, "nothing to archive  ", why);
	return REESPEC_OK;
}

static int drop(struct client *c, const struct args *args, uint64_t last,
		const char *hash)
{
	const struct client_call call = {
		.path = CLIENT_ROOT,
		.interface = CLIENT_LEDGER,
		.member = "Archive",
		.types = "tss",
		.texts = { hash, args_get(args, "reason") },
		.numbers = { last },
		.timeout_s = CLIENT_PASSWORD_S,
	};
	int r = client_call(c, &call, NULL, NULL);

	if (r)
		fprintf(stderr,
			"reespec archive: %s is kept; see reespec log whether the ledger still has these records\n",
			args_get(args, "output"));
	return r;
}

static int tell(const struct args *args, const struct records_span *span,
		uint64_t last, const char *hash)
{
	bool is_dry = args_has(args, "dry-run");

	if (args->is_json)
		return json_out(args, "reespec-archive/1",
				js_pack("{s:o, s:o, s:s, s:s, s:o}", "first",
					js_u64(span->first), "last",
					js_u64(last), "head", hash, "file",
					is_dry ? "" : args_get(args, "output"),
					"archived", js_bool(!is_dry)));
	if (is_dry)
		printf("would archive  records %" PRIu64 " to %" PRIu64
		       " of %" PRIu64 "; nothing was changed\n",
		       span->first, last, span->last);
	else
		printf("archived  records %" PRIu64 " to %" PRIu64
		       " in %s\nhead      %s\n",
		       span->first, last, args_get(args, "output"), hash);
	return REESPEC_OK;
}

/* A new file, one that lasts. */
static int check_file(const struct args *args)
{
	const char *path = args_get(args, "output");
	struct stat st;
	int r = args_require(args, "output");

	if (!r)
		r = args_require(args, "reason");
	if (r)
		return r;
	if (!strcmp(path, "-"))
		return fail(args, REESPEC_USAGE,
			    "--output -: a file is needed, which lasts");
	if (!lstat(path, &st))
		return fail(args, REESPEC_USAGE,
			    "%s is there already: choose another name", path);
	return REESPEC_OK;
}

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	struct chain_verifier v = { 0 };
	struct records_span span = { 0 };
	unsigned long long to = 0;
	bool is_dry = args_has(args, "dry-run");
	uint64_t last = 0;
	char why[400];
	int r;

	if (!is_dry) {
		r = check_file(args);
		if (r)
			return r;
	}
	r = args_count(args, "to", 1, UINT64_MAX, &to);
	if (!r)
		r = client_open(&c, args);
	if (!r)
		r = records_span(c, &span);
	if (!r)
		r = ask(c, to, &last, why, sizeof(why));
	if (!r && !last)
		return tell_nothing(args, why);
	if (!r && is_dry)
		return tell(args, &span, last, "");
	/* The file is whole and on its disk before anything is dropped. */
	if (!r)
		r = export_verified(c, args, args_get(args, "output"),
				    span.first, last, &v);
	if (!r)
		r = drop(c, args, last, v.head);
	return r ? r : tell(args, &span, last, v.head);
}

const struct command command_archive = {
	.name = "archive",
	.operands = "",
	.summary = "move old records from the ledger to a file",
	.text = "Exports the oldest records to FILE, as `export --format json` does, checks\n"
		"them, and has the daemon drop them, for an administrator. Only whole\n"
		"assays go, which every reader has acknowledged and which are older than\n"
		"the settings keep; the last record is signed, and by it all of the file.",
	.options = options,
	.run = run,
};
