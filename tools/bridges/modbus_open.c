// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What of the line is open, asked of the ledger whenever a daemon is found, be
 * it new or this process.
 *
 * Follow gives the place up to which the PLC has acknowledged; of the records
 * behind it the last assay that bears the line's name, and its result, tell
 * where the handshake stands. A reader that was never heard of begins at the
 * end of the ledger.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "bridges/modbus_daemon_internal.h"

#define FETCH_RECORDS 256
#define FETCH_BYTES_MAX (64 * 1024 * 1024)

static uint64_t number_at(const json_t *array, size_t i)
{
	const char *text;
	size_t len;

	return js_str_value(js_at(array, i), &text, &len)
		       ? strtoull(text, NULL, 10)
		       : 0;
}

/* ---- an assay's end -------------------------------------------------------------- */

static enum map_fault fault_of(const json_t *result)
{
	const char *state = js_text(result, "state");

	if (!strcmp(state, "cancelled"))
		return MAP_FAULT_ABORTED;
	return strcmp(state, "interrupted") ? MAP_FAULT_FAILED
					    : MAP_FAULT_INTERRUPTED;
}

static void tell_result(struct daemon *d, const json_t *result)
{
	const char *why = js_text(result, "why");

	d->assay[0] = '\0';
	if (!strcmp(js_text(result, "state"), "done")) {
		daemon_tell(d, LINE_RESULT, MAP_FAULT_NONE, result);
		return;
	}
	log_warning("%s: %s%s%s", js_text(result, "sample"),
		    js_text(result, "state"), *why ? ": " : "", why);
	daemon_tell(d, LINE_FAILED, fault_of(result), result);
}

/* Of Get: body, the hash before, its own, signature, counts. */
static int on_result(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct daemon *d = arg;
	CLEANUP(js_freep) json_t *args = daemon_take_reply(d, m, "Get");
	CLEANUP(js_freep) json_t *body = NULL;
	const char *text = daemon_text_at(args, 0);

	(void)error;
	if (!args)
		return 0;
	d->is_ending = false;
	if (js_parse(text, strlen(text), &body, NULL) < 0 ||
	    js_get_u64(body, "seq", &d->end.seq) < 0) {
		daemon_lost(d, "Get", "not a record");
		return 0;
	}
	snprintf(d->end.hash, sizeof(d->end.hash), "%s",
		 daemon_text_at(args, 2));
	tell_result(d, body);
	return 0;
}

void daemon_fetch_result(struct daemon *d, uint64_t seq)
{
	if (d->is_ending)
		return;
	d->is_ending = true;
	daemon_call(d, ROOT, LEDGER, "Get", on_result, "t", seq);
}

void daemon_forget_found(struct daemon *d)
{
	d->found_body = js_free(d->found_body);
	d->found_result = js_free(d->found_result);
	d->found = d->found_end = (struct place){ 0 };
}

/* ---- what is open ----------------------------------------------------------------- */

static void be_known(struct daemon *d)
{
	if (d->is_down)
		log_notice("the daemon is there");
	d->is_down = false;
	d->is_known = true;
	d->due_ns = 0;
}

static void known(struct daemon *d, enum line_event event, enum map_fault fault,
		  const json_t *body)
{
	be_known(d);
	daemon_tell(d, event, fault, body);
}

/* What is being ordered is not in the ledger yet; its own answer will tell. */
static void nothing_open(struct daemon *d)
{
	if (d->order)
		be_known(d);
	else
		known(d, LINE_NOTHING, MAP_FAULT_NONE, NULL);
}

static void fetch(struct daemon *d);

/* An assay without a result: it runs, or has ended just now, or the daemon
 * was killed. */
static int on_current(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct daemon *d = arg;
	CLEANUP(js_freep) json_t *args = NULL;
	char path[64];

	(void)error;
	/* An instrument that was not found again has no object. */
	if (!daemon_is_unknown(m)) {
		args = daemon_take_reply(d, m, "GetAll");
		if (!args)
			return 0;
	}
	snprintf(path, sizeof(path), ROOT "/assay/%llu",
		 (unsigned long long)d->found.seq);
	if (!strcmp(js_text(js_at(args, 0), "CurrentAssay"), path)) {
		strcpy(d->assay, path);
		known(d, LINE_RUNNING, MAP_FAULT_NONE, d->found_body);
	} else if (!d->is_second) {
		d->is_second = true;
		d->next = d->found.seq;
		fetch(d);
		return 0;
	} else {
		d->end = d->found;
		log_warning("%s: the daemon has ended without a result of it",
			    js_text(d->found_body, "sample"));
		known(d, LINE_FAILED, MAP_FAULT_LOST, d->found_body);
	}
	daemon_forget_found(d);
	return 0;
}

static void all_read(struct daemon *d)
{
	const struct place *end = d->found_end.seq ? &d->found_end : &d->found;

	if (!end->seq || end->seq <= d->acked) {
		/* The PLC was done with it while the daemon was away. */
		if (end->seq)
			daemon_ack_place(d, end->seq, end->hash,
					 daemon_on_ignored);
		nothing_open(d);
	} else if (d->found_result) {
		d->end = *end;
		be_known(d);
		tell_result(d, d->found_result);
	} else {
		daemon_call(d, d->instrument, PROPERTIES, "GetAll", on_current,
			    "s", SPECTROMETER);
		return;
	}
	daemon_forget_found(d);
}

static void keep(struct place *place, json_t **kept, json_t **body,
		 const struct chain_record *record, uint64_t seq)
{
	place->seq = seq;
	memcpy(place->hash, record->hash, sizeof(place->hash));
	js_free(*kept);
	*kept = TAKE_PTR(*body);
}

static void consider(struct daemon *d, const struct chain_record *record)
{
	CLEANUP(js_freep) json_t *body = NULL;
	const char *kind;
	uint64_t seq, assay;

	if (js_parse(record->body, record->body_len, &body, NULL) < 0 ||
	    strcmp(js_text(js_get(body, "keys"), KEY), d->config->name) ||
	    js_get_u64(body, "seq", &seq) < 0)
		return;
	kind = js_text(body, "kind");
	if (!strcmp(kind, "assay")) {
		d->found_end = (struct place){ 0 };
		d->found_result = js_free(d->found_result);
		keep(&d->found, &d->found_body, &body, record, seq);
	} else if (!strcmp(kind, "result") &&
		   js_get_u64(body, "assay", &assay) >= 0 &&
		   assay == d->found.seq) {
		keep(&d->found_end, &d->found_result, &body, record, seq);
	}
}

static int read_page(struct daemon *d, sd_bus_message *m, uint32_t *ret_n)
{
	CLEANUP(buf_deinit) struct buf data = { 0 };
	const char *line, *stop, *end, *why;
	int fd;
	int r;

	r = sd_bus_message_read(m, "htu", &fd, &d->next, ret_n);
	if (r >= 0)
		r = buf_read_fd(&data, fd, FETCH_BYTES_MAX);
	if (r < 0 || !*ret_n)
		return r;
	line = data.data;
	stop = line + data.len;
	for (; line < stop && *line != '\n'; line = end + 1) {
		CLEANUP(chain_record_deinit) struct chain_record record = { 0 };

		end = memchr(line, '\n', (size_t)(stop - line));
		if (!end || chain_parse_line(line, (size_t)(end - line),
					     &record, &why) < 0)
			return -EBADMSG;
		consider(d, &record);
	}
	return 0;
}

static int on_page(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const sd_bus_error *e = sd_bus_message_get_error(m);
	struct daemon *d = arg;
	uint32_t n = 0;
	int r;

	(void)error;
	r = e ? 0 : read_page(d, m, &n);
	if (e || r < 0)
		daemon_lost(d, "Fetch", e ? e->message : strerror(-r));
	else if (n)
		fetch(d);
	else
		all_read(d);
	return 0;
}

static void fetch(struct daemon *d)
{
	daemon_call(d, ROOT, LEDGER, "Fetch", on_page, "tua{sv}", d->next,
		    FETCH_RECORDS, 2, "kinds", "as", 2, "assay", "result",
		    "counts", "b", 0);
}

static int on_first(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct daemon *d = arg;
	CLEANUP(js_freep) json_t *args = daemon_take_reply(d, m, "Ack");

	(void)error;
	if (args)
		nothing_open(d);
	return 0;
}

/* How far the reader is; 0: it was made just now. */
static uint64_t position(const struct daemon *d, const json_t *readers)
{
	for (size_t i = 0; i < js_len(readers); i++)
		if (!strcmp(daemon_text_at(js_at(readers, i), 0), d->reader))
			return number_at(js_at(readers, i), 2);
	return 0;
}

static int on_ledger(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct daemon *d = arg;
	CLEANUP(js_freep) json_t *args = daemon_take_reply(d, m, "GetAll");
	const json_t *ledger = js_at(args, 0);
	uint64_t last = 0, place;

	(void)error;
	if (!args)
		return 0;
	js_get_u64(ledger, "Last", &last);
	place = position(d, js_get(ledger, "Readers"));
	if (place) {
		/* Its folder is an older one that was put back: what follows
		 * are other records than those that were acknowledged. */
		if (d->acked > last)
			d->acked = place;
		fetch(d);
		return 0;
	}
	d->acked = 0;
	daemon_ack_place(d, last, js_text(ledger, "Head"), on_first);
	return 0;
}

static int on_followed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct daemon *d = arg;
	CLEANUP(js_freep) json_t *args = daemon_take_reply(d, m, "Follow");

	(void)error;
	if (!args)
		return 0;
	d->next = number_at(args, 0);
	daemon_call(d, ROOT, PROPERTIES, "GetAll", on_ledger, "s", LEDGER);
	return 0;
}

void daemon_ask(struct daemon *d)
{
	daemon_forget_found(d);
	d->is_second = false;
	/* If an answer got lost, it is asked again. */
	d->due_ns = UINT64_MAX;
	daemon_call(d, ROOT, LEDGER, "Follow", on_followed, "st", d->reader,
		    (uint64_t)0);
}
