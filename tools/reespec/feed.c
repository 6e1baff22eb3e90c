// SPDX-License-Identifier: GPL-2.0-or-later
/* Records as they come: Follow, Batch, Fetch, check, Ack, and again. */
#include "reespec/feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PAGE_RECORDS 256
/* How long a lost daemon may take to show in the owner of its name. */
#define OWNER_MS 2000

struct feed {
	struct client *client;
	const struct args *args;
	const char *reader;
	uint64_t next;
	struct chain_verifier verifier;
	feed_on_record on_record;
	void *userdata;
	bool is_rung;
	bool is_gone;
	bool is_back;
};

static void on_batch(void *userdata, const char *path, json_t *arguments)
{
	struct feed *f = userdata;

	(void)path;
	(void)arguments;
	f->is_rung = true;
}

static void on_owner(void *userdata, const char *path, json_t *arguments)
{
	struct feed *f = userdata;
	const char *owner = "";

	(void)path;
	js_str_value(js_at(arguments, 2), &owner, NULL);
	f->is_gone = !*owner;
	f->is_back = *owner;
	if (f->is_gone)
		fail(f->args, REESPEC_OK, "reespecd has gone; waiting for it");
}

static int start(struct feed *f, uint64_t from)
{
	const struct client_call call = {
		.path = CLIENT_ROOT,
		.interface = CLIENT_LEDGER,
		.member = "Follow",
		.types = "st",
		.texts = { f->reader },
		.numbers = { from },
	};
	CLEANUP(js_freep) json_t *reply = NULL;
	const char *next;
	int r;

	r = client_call(f->client, &call, &reply, NULL);
	if (r)
		return r;
	if (!f->next && js_str_value(js_at(reply, 0), &next, NULL))
		f->next = strtoull(next, NULL, 10);
	f->is_rung = true;
	return REESPEC_OK;
}

static int acknowledge(struct feed *f)
{
	const struct client_call call = {
		.path = CLIENT_ROOT,
		.interface = CLIENT_LEDGER,
		.member = "Ack",
		.types = "sts",
		.texts = { f->reader, f->verifier.head },
		.numbers = { f->verifier.next_seq - 1 },
	};

	if (!*f->reader)
		return REESPEC_OK;
	return client_call(f->client, &call, NULL, NULL);
}

static int take(struct feed *f, const struct record *record)
{
	struct chain_fault fault;

	if (chain_verify_record(&f->verifier, &record->chain, NULL, &fault) !=
	    CHAIN_GOOD)
		return fail(
			f->args, REESPEC_VERDICT,
			"record %" PRIu64
			" does not continue what was read before: %s (reespec verify checks all)",
			fault.seq, fault.why);
	f->next = record->head.seq + 1;
	return f->on_record(f->userdata, record);
}

/* One page, to its end or to the first record the callback ends at. */
static int take_page(struct feed *f, struct page *page)
{
	const char *why = "";
	struct record record;
	int code = REESPEC_OK;
	int r = 0;

	while (!code && (r = page_next(page, &record, &why)) > 0) {
		code = take(f, &record);
		record_deinit(&record);
	}
	if (r < 0)
		return fail(f->args, REESPEC_FAILED,
			    "the daemon sent a record that cannot be read: %s",
			    why);
	if (code && code != FEED_ENOUGH)
		return code;
	r = acknowledge(f);
	return r ? r : code;
}

/* Fetches until there is nothing new. */
static int pull(struct feed *f)
{
	for (;;) {
		CLEANUP(page_deinit) struct page page = { 0 };
		int r;

		r = page_fetch(f->client, f->next, PAGE_RECORDS, NULL, false,
			       &page);
		if (r || page.n == 0)
			return r;
		r = take_page(f, &page);
		if (r)
			return r;
	}
}

/* An error because the daemon ended is no error: it will come back. */
static bool has_lost_daemon(struct feed *f)
{
	enum client_event event = CLIENT_TRAFFIC;

	for (int i = 0; i < 20 && !f->is_gone && !f->is_back; i++)
		if (client_wait(f->client, OWNER_MS / 20, &event))
			return false;
	return f->is_gone || f->is_back;
}

static int step(struct feed *f)
{
	int r = REESPEC_OK;

	if (f->is_gone)
		return REESPEC_OK;
	if (f->is_back) {
		f->is_back = false;
		r = start(f, f->next);
	}
	if (!r && f->is_rung) {
		f->is_rung = false;
		r = pull(f);
	}
	if (r != REESPEC_FAILED || has_lost_daemon(f))
		return r == REESPEC_FAILED ? REESPEC_OK : r;
	return r;
}

int feed_run(struct client *c, const struct args *args, const char *reader,
	     uint64_t from, feed_on_record on_record, void *userdata)
{
	struct feed f = {
		.client = c,
		.args = args,
		.reader = reader,
		.next = from,
		.on_record = on_record,
		.userdata = userdata,
	};
	enum client_event event = CLIENT_TIMEOUT;
	int r;

	r = client_catch_signals(c);
	if (!r)
		r = client_listen(c, CLIENT_LEDGER, "Batch", on_batch, &f);
	if (!r)
		r = client_listen_owner(c, on_owner, &f);
	if (!r)
		r = start(&f, from);
	if (r)
		return r;
	client_be_quiet(c, true);
	while (!r && event != CLIENT_INTERRUPT && event != CLIENT_TERMINATE) {
		r = step(&f);
		if (!r)
			r = client_wait(c, -1, &event);
	}
	client_be_quiet(c, false);
	if (r > 0 && *client_last_error(c))
		fail(args, r, "%s", client_last_error(c));
	return r == FEED_ENOUGH ? REESPEC_OK : r;
}
