// SPDX-License-Identifier: GPL-2.0-or-later
/* The interface org.reespec1.Ledger. */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "bus/batch.h"
#include "bus/caller.h"
#include "bus/errors.h"
#include "bus/fetch.h"
#include "bus/follower.h"
#include "bus/held.h"
#include "bus/ledger_object.h"
#include "bus/options.h"
#include "bus/service.h"
#include "bus/settings.h"
#include "bus/spectrometer.h"
#include "ledger/reader.h"

#define INTERFACE "org.reespec1.Ledger"
#define VERIFY_STEP 64

/* ---- properties ----------------------------------------------------------- */

static int get_number(sd_bus *bus, const char *path, const char *interface,
		      const char *property, sd_bus_message *reply, void *arg,
		      sd_bus_error *error)
{
	const struct service *s = arg;

	(void)bus, (void)path, (void)interface, (void)error;
	return sd_bus_message_append(reply, "t",
				     strcmp(property, "First")
					     ? ledger_last(s->ledger)
					     : ledger_first(s->ledger));
}

static int get_head(sd_bus *bus, const char *path, const char *interface,
		    const char *property, sd_bus_message *reply, void *arg,
		    sd_bus_error *error)
{
	const struct service *s = arg;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "s", ledger_head(s->ledger));
}

static int get_key(sd_bus *bus, const char *path, const char *interface,
		   const char *property, sd_bus_message *reply, void *arg,
		   sd_bus_error *error)
{
	const struct service *s = arg;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "s", ledger_public_key(s->ledger));
}

static int get_readers(sd_bus *bus, const char *path, const char *interface,
		       const char *property, sd_bus_message *reply, void *arg,
		       sd_bus_error *error)
{
	CLEANUP(freep) struct reader *readers = NULL;
	const struct service *s = arg;
	size_t n = 0;
	size_t i;
	int r;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	r = reader_list(s->ledger, &readers, &n);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(sutt)");
	for (i = 0; i < n && r >= 0; i++)
		r = sd_bus_message_append(reply, "(sutt)", readers[i].name,
					  readers[i].uid, readers[i].acked_seq,
					  readers[i].seen_us);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* ---- readers -------------------------------------------------------------- */

/* One place for what reader.h can say, so that the names stay the same. */
int ledger_object_error(struct service *s, const char *name, int r,
			sd_bus_error *error)
{
	char shown[64];

	switch (r) {
	case -EINVAL:
		return sd_bus_error_set(error, ERROR_BAD_READER,
					"a reader's name has 1 to 63 letters,"
					" digits, `.`, `_` or `-`");
	case -EACCES:
		return sd_bus_error_setf(error, ERROR_CONFLICT,
					 "reader %s belongs to another user: "
					 "take another name",
					 name);
	case -EDQUOT:
		return sd_bus_error_set(error, ERROR_LIMIT,
					ledger_why(s->ledger));
	case -ENOENT:
		return sd_bus_error_setf(error, ERROR_NO_READER, "no reader %s",
					 text_show(shown, sizeof(shown), name));
	case -ERANGE:
		return sd_bus_error_setf(
			error, ERROR_NO_RECORD,
			"no such record: the ledger holds %llu to %llu",
			(unsigned long long)ledger_first(s->ledger),
			(unsigned long long)ledger_last(s->ledger));
	case -ESTALE:
		return sd_bus_error_setf(error, ERROR_CONFLICT,
					 "the hash is not that of this record:"
					 " what reader %s has is of another"
					 " history of this ledger",
					 name);
	}
	return sd_bus_error_setf(error, ERROR_LEDGER, "%s",
				 ledger_why(s->ledger));
}

static int follow(sd_bus_message *m, uint32_t uid, void *arg,
		  sd_bus_error *error)
{
	struct service *s = arg;
	const char *name;
	uint64_t from;
	uint64_t next;
	int r;

	sd_bus_message_rewind(m, 1);
	r = sd_bus_message_read(m, "st", &name, &from);
	if (r < 0)
		return r;
	if (name[0]) {
		r = reader_follow(s->ledger, name, uid,
				  (unsigned int)s->settings->limit_readers,
				  from, &next);
		if (r < 0)
			return ledger_object_error(s, name, r, error);
	} else {
		next = from ? from : ledger_last(s->ledger) + 1;
		if (next > ledger_last(s->ledger) + 1)
			return ledger_object_error(s, name, -ERANGE, error);
	}
	/* What is there already is fetched; signals begin behind it. */
	r = follower_add(s, sd_bus_message_get_sender(m), uid,
			 ledger_last(s->ledger));
	if (r == -EDQUOT)
		return sd_bus_error_setf(error, ERROR_LIMIT,
					 "uid %u follows with %d connections "
					 "already: end one of them",
					 uid, s->settings->limit_follows);
	if (r < 0)
		return r;
	return sd_bus_reply_method_return(m, "t", next);
}

static int ack(sd_bus_message *m, uint32_t uid, void *arg, sd_bus_error *error)
{
	struct service *s = arg;
	struct reader before;
	const char *name;
	const char *hash;
	uint64_t seq;
	int r;

	sd_bus_message_rewind(m, 1);
	r = sd_bus_message_read(m, "sts", &name, &seq, &hash);
	if (r < 0)
		return r;
	if (reader_name_valid(name) &&
	    reader_get(s->ledger, name, &before) >= 0 && before.uid == uid &&
	    seq < before.acked_seq)
		return sd_bus_error_setf(
			error, ERROR_CONFLICT,
			"reader %s has acknowledged %llu already", name,
			(unsigned long long)before.acked_seq);
	r = reader_ack(s->ledger, name, uid, seq, hash);
	if (r < 0)
		return ledger_object_error(s, name, r, error);
	r = sd_bus_reply_method_return(m, "");
	follower_reopen(s, sd_bus_message_get_sender(m));
	return r;
}

/* Why a reader's position went is part of the history. */
static int record_forget(struct service *s, const struct reader *reader,
			 uint32_t uid, const char *reason)
{
	CLEANUP(js_freep) json_t *part = js_object();
	struct ledger_entry entry = { .kind = CHAIN_AMEND, .uid = uid };
	int e;

	e = js_set_str(part, "what", "reader forgotten");
	e |= js_set_str(part, "reader", reader->name);
	e |= js_set_uint(part, "owner", reader->uid);
	e |= js_set_u64(part, "acked", reader->acked_seq);
	e |= js_set_str(part, "reason", reason);
	entry.part = part;
	return e < 0 ? -ENOMEM : batch_add_now(s->batch, &entry, NULL);
}

static int forget_now(sd_bus_message *m, uint32_t uid, bool is_admin,
		      struct service *s, sd_bus_error *error)
{
	struct reader reader;
	const char *reason;
	const char *name;
	int r;

	sd_bus_message_rewind(m, 1);
	r = sd_bus_message_read(m, "ss", &name, &reason);
	if (r < 0)
		return r;
	r = reader_get(s->ledger, name, &reader);
	if (r >= 0)
		r = reader_forget(s->ledger, name, uid, is_admin);
	if (r < 0)
		return ledger_object_error(s, name, r, error);
	r = record_forget(s, &reader, uid, reason);
	if (r < 0)
		return ledger_object_error(s, name, -EIO, error);
	return sd_bus_reply_method_return(m, "");
}

static int forget_as_admin(sd_bus_message *m, uint32_t uid, void *arg,
			   sd_bus_error *error)
{
	return forget_now(m, uid, true, arg, error);
}

static int forget(sd_bus_message *m, uint32_t uid, void *arg,
		  sd_bus_error *error)
{
	struct service *s = arg;
	struct reader reader;
	const char *name;
	int r;

	sd_bus_message_rewind(m, 1);
	r = sd_bus_message_read(m, "s", &name);
	if (r < 0)
		return r;
	r = reader_name_valid(name) ? reader_get(s->ledger, name, &reader)
				    : -ENOENT;
	if (r < 0)
		return ledger_object_error(s, name, r, error);
	if (reader.uid == uid)
		return forget_now(m, uid, false, s, error);
	return caller_authorize(s, m, "org.reespec1.configure", forget_as_admin,
				s);
}

static int method_follow(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	(void)error;
	return caller_ask(arg, m, follow, arg);
}

static int method_ack(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	(void)error;
	return caller_ask(arg, m, ack, arg);
}

int ledger_object_check_reason(const char *reason, sd_bus_error *error)
{
	if (text_valid(reason, 256))
		return 0;
	return sd_bus_error_set(error, ERROR_BAD_OPTION,
				"a reason has 1 to 256 bytes, none of them a "
				"control character");
}

static int method_forget(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *reason;
	const char *name;
	int r;

	r = sd_bus_message_read(m, "ss", &name, &reason);
	if (r < 0)
		return r;
	r = ledger_object_check_reason(reason, error);
	return r < 0 ? r : caller_ask(arg, m, forget, arg);
}

/* ---- reading -------------------------------------------------------------- */

static int read_kind(const char *word, uint32_t *ret_bits)
{
	enum chain_kind kind;
	int r;

	r = chain_kind_parse(word, &kind);
	if (r >= 0)
		*ret_bits = 1U << kind;
	return r;
}

/* One place for the bound on what a uid may hold; 0, or @error is set. */
static int check_held(struct service *s, uint32_t uid, sd_bus_error *error)
{
	const size_t held = held_bytes(s, uid);

	if (held < (size_t)s->settings->limit_held_kib * 1024)
		return 0;
	return sd_bus_error_setf(
		error, ERROR_LIMIT,
		"uid %u holds %zu KiB of answers of Fetch that "
		"it has not closed",
		uid, held / 1024);
}

static int reply_fetch(sd_bus_message *m, uint32_t uid, struct service *s,
		       struct fetch *f)
{
	CLEANUP(closep) int theirs = -1;
	CLEANUP(closep) int fd = -1;
	size_t len = 0;
	int r;

	fd = fetch_run(s->ledger, f, &len);
	r = fd < 0 ? fd : held_add(s, uid, fd, len, &theirs);
	return r < 0 ? r
		     : sd_bus_reply_method_return(m, "htu", theirs, f->next,
						  f->n);
}

static int fetch(sd_bus_message *m, uint32_t uid, void *arg,
		 sd_bus_error *error)
{
	struct service *s = arg;
	struct fetch f = { .has_counts = true };
	const struct option options[] = {
		{ "kinds", "as", &f.kinds, 0, 0, read_kind },
		{ "sample", "s", f.sample, 0, sizeof(f.sample), NULL },
		{ "since", "t", &f.since_us, 0, 0, NULL },
		{ "until", "t", &f.until_us, 0, 0, NULL },
		{ "counts", "b", &f.has_counts, 0, 0, NULL },
	};
	int r;

	sd_bus_message_rewind(m, 1);
	r = sd_bus_message_read(m, "tu", &f.from, &f.max);
	if (r < 0)
		return r;
	f.len_max = (size_t)s->settings->limit_fetch_kib * 1024;
	if (f.max < 1 || f.max > 65535)
		return sd_bus_error_set(error, ERROR_BAD_OPTION,
					"max must be 1 to 65535");
	r = options_read(m, options, ARRAY_SIZE(options), error);
	if (r >= 0)
		r = check_held(s, uid, error);
	if (r < 0)
		return r;
	r = reply_fetch(m, uid, s, &f);
	if (r < 0)
		return sd_bus_error_setf(error, ERROR_LEDGER, "%s",
					 ledger_why(s->ledger)[0]
						 ? ledger_why(s->ledger)
						 : strerror(-r));
	follower_reopen(s, sd_bus_message_get_sender(m));
	return r;
}

static int method_fetch(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	(void)error;
	return caller_ask(arg, m, fetch, arg);
}

static int append_counts(struct service *s, const struct chain_head *head,
			 sd_bus_message *reply)
{
	CLEANUP(freep) uint32_t *counts = NULL;
	size_t n = 0;
	int r;

	if (head->n_blobs) {
		r = ledger_get_counts(s->ledger, head->blobs[0].sha256, &counts,
				      &n);
		if (r < 0)
			return r;
	}
	return sd_bus_message_append_array(reply, 'u', counts,
					   n * sizeof(*counts));
}

static int method_get(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct service *s = arg;
	struct chain_record record = { 0 };
	struct chain_head head;
	uint64_t seq;
	int r;

	r = sd_bus_message_read(m, "t", &seq);
	if (r < 0)
		return r;
	r = ledger_get(s->ledger, seq, &record, &head, NULL);
	if (r == -ENOENT)
		return sd_bus_error_set(error, ERROR_NO_RECORD,
					ledger_why(s->ledger));
	if (r < 0)
		return ledger_object_error(s, "", r, error);
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = sd_bus_message_append(reply, "ssss", record.body,
					  record.prev, record.hash, record.sig);
	chain_record_deinit(&record);
	if (r >= 0)
		r = append_counts(s, &head, reply);
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int method_flush(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct service *s = arg;
	int r;

	r = batch_flush(s->batch);
	if (r < 0)
		return ledger_object_error(s, "", -EIO, error);
	return sd_bus_reply_method_return(m, "t", ledger_last(s->ledger));
}

/* ---- Verify, in pieces between other events ------------------------------- */

struct verify {
	struct service *service;
	sd_bus_message *m;
	struct ledger_verifying *verifying;
	struct event *next;
};

void ledger_object_stop_verify(struct service *s)
{
	struct verify *v = s->verify;

	s->verify = NULL;
	if (!v)
		return;
	if (v->next)
		event_free(v->next);
	ledger_verify_stop(v->verifying);
	sd_bus_message_unref(v->m);
	free(v);
}

static void verify_step(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval at_once = { 0, 0 };
	struct ledger_verified found = { 0 };
	struct verify *v = arg;
	int r;

	(void)fd;
	(void)what;
	r = ledger_verify_step(v->verifying, VERIFY_STEP, &found);
	if (r > 0) {
		event_add(v->next, &at_once);
		return;
	}
	if (r < 0)
		sd_bus_reply_method_errorf(v->m, ERROR_LEDGER, "%s",
					   ledger_why(v->service->ledger));
	else if (found.fault.verdict == CHAIN_GOOD)
		sd_bus_reply_method_return(v->m, "tss", (uint64_t)0, "",
					   found.chain.head);
	else
		sd_bus_reply_method_return(v->m, "tss", found.fault.seq,
					   found.fault.why, found.chain.head);
	ledger_object_stop_verify(v->service);
}

static int method_verify(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const struct ledger_verify what = { 0 };
	const struct timeval at_once = { 0, 0 };
	struct service *s = arg;
	struct verify *v;
	int r;

	if (s->verify)
		return sd_bus_error_set(error, ERROR_BUSY,
					"a verification is running");
	if (ledger_object_is_archiving(s))
		return sd_bus_error_set(error, ERROR_BUSY,
					"the ledger is being archived");
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	s->verify = v;
	v->service = s;
	v->m = sd_bus_message_ref(m);
	v->next = evtimer_new(s->base, verify_step, v);
	r = v->next ? ledger_verify_start(s->ledger, &what, &v->verifying)
		    : -ENOMEM;
	if (r < 0) {
		ledger_object_stop_verify(s);
		return ledger_object_error(s, "", -EIO, error);
	}
	event_add(v->next, &at_once);
	return 1;
}

static const sd_bus_vtable ledger_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("First", "t", get_number, 0, 0),
	SD_BUS_PROPERTY("Last", "t", get_number, 0, 0),
	SD_BUS_PROPERTY("Head", "s", get_head, 0, 0),
	SD_BUS_PROPERTY("Key", "s", get_key, 0, 0),
	SD_BUS_PROPERTY("Readers", "a(sutt)", get_readers, 0, 0),
	SD_BUS_METHOD_WITH_ARGS("Follow", SD_BUS_ARGS("s", reader, "t", from),
				SD_BUS_RESULT("t", next), method_follow,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Fetch",
				SD_BUS_ARGS("t", from, "u", max, "a{sv}",
					    filter),
				SD_BUS_RESULT("h", data, "t", next, "u", n),
				method_fetch, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Get", SD_BUS_ARGS("t", seq),
				SD_BUS_RESULT("s", body, "s", prev, "s", hash,
					      "s", sig, "au", counts),
				method_get, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Ack",
				SD_BUS_ARGS("s", reader, "t", seq, "s", hash),
				SD_BUS_NO_RESULT, method_ack,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Flush", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("t", last), method_flush,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Forget", SD_BUS_ARGS("s", reader, "s", reason),
				SD_BUS_NO_RESULT, method_forget,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS(
		"Amend", SD_BUS_ARGS("t", seq, "a{sv}", fields, "s", reason),
		SD_BUS_RESULT("t", amendment), ledger_method_amend,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Reprocess",
				SD_BUS_ARGS("t", seq, "s", method, "s", reason),
				SD_BUS_RESULT("t", result),
				ledger_method_reprocess,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Sign",
				SD_BUS_ARGS("t", first, "t", last, "s",
					    meaning),
				SD_BUS_RESULT("t", seq), ledger_method_sign,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Archivable", SD_BUS_ARGS("t", to),
				SD_BUS_RESULT("t", last, "s", why),
				ledger_method_archivable,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Archive",
				SD_BUS_ARGS("t", last, "s", hash, "s", reason),
				SD_BUS_RESULT("t", seq), ledger_method_archive,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("RotateKey", SD_BUS_ARGS("s", reason),
				SD_BUS_RESULT("t", seq, "s", key),
				ledger_method_rotate_key,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Verify", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("t", bad, "s", why, "s", head),
				method_verify, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL_WITH_ARGS("Batch",
				SD_BUS_ARGS("t", first, "t", last, "s", head,
					    "b", more, "as", readings),
				0),
	SD_BUS_VTABLE_END,
};

int ledger_object_register(struct service *s, sd_bus *bus)
{
	return sd_bus_add_object_vtable(bus, &s->slots[s->n_slots++], BUS_PATH,
					INTERFACE, ledger_vtable, s);
}
