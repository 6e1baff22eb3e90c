// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec readers: who follows the ledger, how far, and one to forget. */
#include "reespec/readers.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "reespec/client.h"
#include "reespec/command.h"
#include "reespec/json_out.h"
#include "reespec/print.h"

static const struct option_desc options[] = {
	{ "forget", 0, "READER", "drop this reader and its position" },
	{ "reason", 0, "TEXT", "why, for the record" },
	{ "dry-run", 'n', NULL, "say what would be lost, and change nothing" },
	{ NULL, 0, NULL, NULL },
};

/* One of a(sutt), behind the number of the last record. */
struct reader {
	const char *name; /* borrowed */
	uint32_t uid;
	uint64_t acked;
	uint64_t seen_usec;
	uint64_t behind;
};

static uint64_t number_at(json_t *list, size_t i)
{
	const char *text = "0";

	js_str_value(js_at(list, i), &text, NULL);
	return strtoull(text, NULL, 10);
}

static struct reader reader_of(json_t *item, uint64_t last)
{
	struct reader r = { .name = "" };
	int64_t uid = 0;

	js_str_value(js_at(item, 0), &r.name, NULL);
	js_int_value(js_at(item, 1), &uid);
	r.uid = (uint32_t)uid;
	r.acked = number_at(item, 2);
	r.seen_usec = number_at(item, 3);
	r.behind = r.acked < last ? last - r.acked : 0;
	return r;
}

static struct cell local_time(uint64_t usec)
{
	time_t s = (time_t)(usec / 1000000);
	struct cell never = { "never" };
	char text[32];
	struct tm tm;

	if (!usec)
		return never;
	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return print_local_time(text);
}

static int print_readers(const struct args *args, json_t *list, uint64_t last)
{
	CLEANUP(table_freep) struct table *t = NULL;

	if (!js_len(list)) {
		puts("no reader has followed the ledger (reespec follow READER)");
		return REESPEC_OK;
	}
	if (table_new(&t, "llrrl") < 0)
		return fail(args, REESPEC_FAILED, "out of memory");
	table_style(t, PRINT_BOLD);
	table_add_row(t, "reader", "of", "has", "behind", "last seen", NULL);
	for (size_t i = 0; i < js_len(list); i++) {
		struct reader r = reader_of(js_at(list, i), last);
		const struct passwd *user = getpwuid(r.uid);

		table_add(t, r.name);
		if (user)
			table_add(t, user->pw_name);
		else
			table_addf(t, "%" PRIu32, r.uid);
		table_addf(t, "%" PRIu64, r.acked);
		table_addf(t, "%" PRIu64, r.behind);
		table_add(t, local_time(r.seen_usec).text);
	}
	table_print(t, stdout);
	return REESPEC_OK;
}

json_t *readers_json(json_t *ledger)
{
	json_t *list = js_get(ledger, "Readers");
	json_t *readers = js_array();
	uint64_t last = 0;

	js_get_u64(ledger, "Last", &last);
	for (size_t i = 0; i < js_len(list); i++) {
		struct reader r = reader_of(js_at(list, i), last);

		js_append(readers,
			  js_pack("{s:s, s:o, s:o, s:o, s:o}", "reader", r.name,
				  "uid", js_uint(r.uid), "acknowledged",
				  js_u64(r.acked), "behind", js_u64(r.behind),
				  "seen", json_out_time(r.seen_usec)));
	}
	return readers;
}

static int forget(struct client *c, const struct args *args, json_t *list,
		  uint64_t last)
{
	const char *name = args_get(args, "forget");
	const struct client_call call = {
		.path = CLIENT_ROOT,
		.interface = CLIENT_LEDGER,
		.member = "Forget",
		.types = "ss",
		.texts = { name, args_get(args, "reason") },
		.timeout_s = CLIENT_PASSWORD_S,
	};
	bool is_dry = args_has(args, "dry-run");
	struct reader found = { 0 };
	int r = REESPEC_OK;

	for (size_t i = 0; i < js_len(list); i++)
		if (!strcmp(reader_of(js_at(list, i), last).name, name))
			found = reader_of(js_at(list, i), last);
	if (!found.name)
		return fail(
			args, REESPEC_NOT_FOUND,
			"no reader %s (reespec readers names those there are)",
			name);
	if (!is_dry)
		r = client_call(c, &call, NULL, NULL);
	if (r)
		return r;
	if (args->is_json)
		return json_out(args, "reespec-readers-forget/1",
				js_pack("{s:s, s:o, s:o, s:o}", "reader", name,
					"acknowledged", js_u64(found.acked),
					"behind", js_u64(found.behind),
					"forgotten", js_bool(!is_dry)));
	printf("%s %s: it had %" PRIu64 " of %" PRIu64
	       " records, a new one begins anew\n",
	       is_dry ? "would forget" : "forgot", name, found.acked, last);
	return REESPEC_OK;
}

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(js_freep) json_t *ledger = NULL;
	bool is_forgetting = args_has(args, "forget");
	uint64_t last = 0;
	json_t *list;
	int r;

	if (!is_forgetting &&
	    (args_has(args, "reason") || args_has(args, "dry-run")))
		return fail(args, REESPEC_USAGE,
			    "--reason and --dry-run are for --forget READER");
	if (is_forgetting && !args_has(args, "reason") &&
	    !args_has(args, "dry-run"))
		return fail(args, REESPEC_USAGE,
			    "--forget wants a --reason, or --dry-run");
	r = client_open(&c, args);
	if (!r)
		r = client_properties(c, CLIENT_ROOT, CLIENT_LEDGER, &ledger);
	if (r)
		return r;
	js_get_u64(ledger, "Last", &last);
	list = js_get(ledger, "Readers");
	if (is_forgetting)
		return forget(c, args, list, last);
	if (args->is_json)
		return json_out(args, "reespec-readers/2",
				js_pack("{s:o}", "readers",
					readers_json(ledger)));
	return print_readers(args, list, last);
}

const struct command command_readers = {
	.name = "readers",
	.operands = "",
	.summary = "show who follows the ledger, and forget one",
	.text = "Shows each reader that the daemon keeps a position for, its user, the last\n"
		"record it acknowledged, and when it was last seen. A reader that never\n"
		"comes back keeps old records from being archived: --forget drops it, for\n"
		"its user or an administrator.",
	.options = options,
	.run = run,
};
