// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec follow: a reader of the ledger, as a LIMS would be. */
#include "reespec/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "reespec/feed.h"
#include "reespec/json_out.h"
#include "reespec/record_text.h"

static const struct option_desc options[] = {
	{ "from", 0, "SEQ", "begin here instead of after the last ack" },
	{ "until", 0, "KIND", "end after a record of this kind" },
	{ NULL, 0, NULL, NULL },
};

static int on_record(void *userdata, const struct record *r)
{
	const struct args *args = userdata;
	const char *until = args_get(args, "until");
	static const struct record_columns columns = RECORD_COLUMNS_ANY;
	int error;

	if (args->is_json)
		json_out_body(r->chain.body, r->chain.body_len);
	else
		record_text_line(stdout, r, &columns);
	/* An acknowledged record must not be lost in our own buffer. */
	if (fflush(stdout)) {
		error = errno;
		clearerr(stdout); /* told here, and once */
		if (error == EPIPE)
			return REESPEC_FAILED;
		return fail(args, REESPEC_FAILED, "cannot write the output: %s",
			    strerror(error));
	}
	if (until && !strcmp(until, chain_kind_name(r->head.kind)))
		return FEED_ENOUGH;
	return REESPEC_OK;
}

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	unsigned long long from = 0;
	int r;

	r = args_count(args, "from", 1, UINT64_MAX, &from);
	if (r)
		return r;
	r = record_check_kind(args, "until");
	if (r)
		return r;
	r = client_open(&c, args);
	if (r)
		return r;
	return feed_run(c, args, args->operands[0], from, on_record,
			(void *)args);
}

const struct command command_follow = {
	.name = "follow",
	.operands = "READER",
	.summary = "read the ledger as a LIMS does, each record once",
	.text = "Prints each record once, as soon as it is in the ledger, and acknowledges\n"
		"it. The daemon keeps the position of READER: started again, it goes on\n"
		"with the next record. Every record is checked against the one before.\n"
		"With --json each line is the record's body.",
	.n_min = 1,
	.n_max = 1,
	.options = options,
	.run = run,
};
