// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec reprocess: results computed again by a method, in the ledger. */
#include "reespec/command.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "reespec/client.h"
#include "reespec/json_out.h"
#include "reespec/print.h"
#include "reespec/progress.h"

/* A fit and the tables of its method, behind those of running assays. */
#define FIT_S 120

static const struct option_desc options[] = {
	{ "method", 'm', "METHOD",
	  "method to compute by, see reespec method (required)" },
	{ "reason", 0, "TEXT", "why, for the record (required)" },
	{ NULL, 0, NULL, NULL },
};

/* The number of the new result goes to @made, or to people at once. */
static int one(struct client *c, const struct args *args,
	       unsigned long long seq, json_t *made)
{
	CLEANUP(js_freep) json_t *reply = NULL;
	const struct client_call call = {
		.path = CLIENT_ROOT,
		.interface = CLIENT_LEDGER,
		.member = "Reprocess",
		.types = "tss",
		.texts = { args_get(args, "method"), args_get(args, "reason") },
		.numbers = { seq },
		.timeout_s = FIT_S,
	};
	const char *number = "";
	int r;

	r = client_call(c, &call, &reply, NULL);
	print_transient_end();
	if (r)
		return r;
	js_str_value(js_at(reply, 0), &number, NULL);
	js_append(made, js_pack("{s:o, s:s}", "record", js_u64(seq), "result",
				number));
	if (!args->is_json)
		printf("record %llu by %s is record %s\n", seq, call.texts[0],
		       number);
	return REESPEC_OK;
}

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(freep) unsigned long long *seq = NULL;
	const uint64_t since_ns = clock_monotonic_ns();
	unsigned int n_failed = 0;
	json_t *made;
	int r;

	r = args_require(args, "method");
	if (!r)
		r = args_require(args, "reason");
	if (r)
		return r;
	seq = calloc(args->n_operands, sizeof(*seq));
	if (!seq)
		return fail(args, REESPEC_FAILED, "out of memory");
	/* A word that is no number is told before the first is computed. */
	for (unsigned int i = 0; i < args->n_operands && !r; i++)
		r = args_parse_count(args, "SEQ", args->operands[i], 1,
				     UINT64_MAX, &seq[i]);
	if (!r)
		r = client_open(&c, args);
	if (r)
		return r;
	made = js_array();
	for (unsigned int i = 0; i < args->n_operands; i++) {
		int code;

		progress_many("results", i, args->n_operands, since_ns);
		code = one(c, args, seq[i], made);
		n_failed += code != REESPEC_OK;
		r = r ? r : code;
	}
	if (n_failed && args->n_operands > 1)
		fail(args, r, "%u of %u could not be computed", n_failed,
		     args->n_operands);
	if (args->is_json) {
		int e = json_out(args, "reespec-reprocess/1",
				 js_pack("{s:o}", "results", made));

		return r ? r : e;
	}
	js_free(made);
	return r;
}

const struct command command_reprocess = {
	.name = "reprocess",
	.operands = "SEQ...",
	.summary = "compute stored results again by a method",
	.text = "Has the daemon compute the spectrum of each result SEQ by METHOD into a new\n"
		"result, which names the old one. The old one stays as it is. One that cannot be\n"
		"computed is said and keeps no other; the first of them decides the status.",
	.n_min = 1,
	.n_max = ARGS_OPERANDS_MAX,
	.options = options,
	.run = run,
};
