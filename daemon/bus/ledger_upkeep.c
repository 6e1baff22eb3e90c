// SPDX-License-Identifier: GPL-2.0-or-later
/* What an administrator does to the ledger: a new key, the archive. */
#include "bus/ledger_object.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "bus/batch.h"
#include "bus/caller.h"
#include "bus/errors.h"
#include "bus/follower.h"
#include "bus/messages.h"
#include "bus/service.h"
#include "bus/settings.h"
#include "bus/spectrometer.h"
#include "ledger/archive.h"

/* What @uid has done to the ledger, as record @seq says at length. */
static void tell_record(const char *message_id, uint64_t seq, uint32_t uid,
			const char *what)
{
	char number[24], user[12];
	const struct log_field fields[] = { { "REESPEC_SEQ", number },
					    { "REESPEC_UID", user },
					    { NULL, NULL } };

	snprintf(number, sizeof(number), "%llu", (unsigned long long)seq);
	snprintf(user, sizeof(user), "%u", uid);
	log_event(LOG_NOTICE, message_id, fields, "uid %s %s, record %s", user,
		  what, number);
}

/* ---- the key -------------------------------------------------------------- */

static int rotate_key(sd_bus_message *m, uint32_t uid, void *arg,
		      sd_bus_error *error)
{
	struct service *s = arg;
	const char *reason;
	uint64_t seq = 0;
	int r;

	sd_bus_message_rewind(m, 1);
	r = sd_bus_message_read(m, "s", &reason);
	if (r < 0)
		return r;
	r = batch_flush(s->batch);
	if (r >= 0)
		r = ledger_rotate_key(s->ledger, uid, reason, &seq);
	if (r < 0)
		return ledger_object_error(s, "", -EIO, error);
	tell_record(MESSAGE_KEY_CHANGED, seq, uid,
		    "has changed the key of the ledger");
	follower_tell_all(s);
	return sd_bus_reply_method_return(m, "ts", seq,
					  ledger_public_key(s->ledger));
}

int ledger_method_rotate_key(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *reason;
	int r;

	r = sd_bus_message_read(m, "s", &reason);
	if (r >= 0)
		r = ledger_object_check_reason(reason, error);
	return r < 0 ? r
		     : caller_authorize(arg, m, "org.reespec1.configure",
					rotate_key, arg);
}

/* ---- the archive ---------------------------------------------------------- */

/* Its records must stay together; those that wait have some, too. */
static void hold_back(const struct run *r, struct ledger_archive *what)
{
	if (r->is_active && (!what->running || r->id < what->running))
		what->running = r->id;
}

static void archive_policy(struct service *s, uint64_t to,
			   struct ledger_archive *ret)
{
	const uint64_t day_us = 86400ULL * 1000000;
	const uint64_t now = clock_realtime_us();
	const uint64_t keep = (uint64_t)s->settings->keep_days * day_us;
	struct spectrometer *sp;
	struct run *r;

	memset(ret, 0, sizeof(*ret));
	ret->to = to;
	ret->before_us = now > keep ? now - keep : 0;
	TAILQ_FOREACH(sp, &s->spectrometers, link) {
		if (sp->run)
			hold_back(sp->run, ret);
		TAILQ_FOREACH(r, &sp->queue.runs, link)
			hold_back(r, ret);
	}
}

static int archivable(sd_bus_message *m, uint32_t uid, void *arg,
		      sd_bus_error *error)
{
	struct ledger_archive what;
	struct service *s = arg;
	uint64_t last = 0;
	uint64_t to;
	int r;

	(void)uid;
	sd_bus_message_rewind(m, 1);
	r = sd_bus_message_read(m, "t", &to);
	if (r < 0)
		return r;
	archive_policy(s, to, &what);
	r = ledger_archivable(s->ledger, &what, &last);
	if (r < 0)
		return ledger_object_error(s, "", -EIO, error);
	return sd_bus_reply_method_return(m, "ts", last, ledger_why(s->ledger));
}

/* It may read all of the ledger in one go: not for everybody to ask. */
int ledger_method_archivable(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	uint64_t to;
	int r;

	(void)error;
	r = sd_bus_message_read(m, "t", &to);
	return r < 0 ? r
		     : caller_authorize(arg, m, "org.reespec1.configure",
					archivable, arg);
}

static int archive(sd_bus_message *m, uint32_t uid, void *arg,
		   sd_bus_error *error)
{
	struct ledger_archive what;
	struct service *s = arg;
	const char *reason;
	const char *hash;
	uint64_t seq = 0;
	uint64_t to;
	int r;

	sd_bus_message_rewind(m, 1);
	r = sd_bus_message_read(m, "tss", &to, &hash, &reason);
	if (r < 0)
		return r;
	/* It would miss what goes. */
	if (s->verify)
		return sd_bus_error_set(error, ERROR_BUSY,
					"the ledger is being verified");
	/* What waits may hold the end of an assay, or the start of one. */
	r = batch_flush(s->batch);
	archive_policy(s, to, &what);
	if (r >= 0)
		r = ledger_archive(s->ledger, &what, hash, uid, reason, &seq);
	switch (r) {
	case -ENOENT:
		return ledger_object_error(s, "", -ERANGE, error);
	case -ESTALE:
	case -EACCES:
		return sd_bus_error_set(error, ERROR_CONFLICT,
					ledger_why(s->ledger));
	}
	if (r < 0)
		return ledger_object_error(s, "", -EIO, error);
	tell_record(MESSAGE_ARCHIVED, seq, uid, "has archived old records");
	follower_tell_all(s);
	return sd_bus_reply_method_return(m, "t", seq);
}

int ledger_method_archive(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *reason;
	const char *hash;
	uint64_t to;
	int r;

	r = sd_bus_message_read(m, "tss", &to, &hash, &reason);
	if (r >= 0 && !to)
		return sd_bus_error_set(error, ERROR_NO_RECORD, "no record 0");
	if (r >= 0)
		r = ledger_object_check_reason(reason, error);
	return r < 0 ? r
		     : caller_authorize(arg, m, "org.reespec1.configure",
					archive, arg);
}
