// SPDX-License-Identifier: GPL-2.0-or-later
/* What an administrator does to the ledger: a new key, the archive. */
#include "bus/ledger_object.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

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

/* Results looked at, records or spectra dropped, between other events. */
#define SEARCH_STEP 64
#define PURGE_STEP 128
/* A full disk has no room for the log of what goes. */
#define PURGE_RETRY_S 10

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
	const uint64_t boot_ns = clock_boottime_ns();
	const uint64_t keep = (uint64_t)s->settings->keep_days * day_us;
	struct spectrometer *sp;
	struct run *r;

	memset(ret, 0, sizeof(*ret));
	ret->to = to;
	ret->before_us = now > keep ? now - keep : 0;
	snprintf(ret->rule, sizeof(ret->rule),
		 "%u days (keep_days, reespecd.conf)",
		 (unsigned int)s->settings->keep_days);
	ret->before_boot_ns = boot_ns > keep * 1000 ? boot_ns - keep * 1000 : 0;
	TAILQ_FOREACH(sp, &s->spectrometers, link) {
		if (sp->run)
			hold_back(sp->run, ret);
		TAILQ_FOREACH(r, &sp->queue.runs, link)
			hold_back(r, ret);
	}
}

/* The one search under way, for Archivable or for Archive. */
struct archiving {
	struct service *service;
	sd_bus_message *m;
	uint32_t uid;
	const char *hash; /* in the message; NULL: only asked about */
	const char *reason;
	struct ledger_archiving *search;
	struct event *next;
};

void ledger_object_stop_archiving(struct service *s)
{
	struct archiving *a = s->archiving;

	s->archiving = NULL;
	if (!a)
		return;
	if (a->next)
		event_free(a->next);
	ledger_archiving_stop(a->search);
	sd_bus_message_unref(a->m);
	free(a);
}

bool ledger_object_is_archiving(const struct service *s)
{
	return s->archiving && s->archiving->hash;
}

static int archive(struct archiving *a, sd_bus_error *error)
{
	struct service *s = a->service;
	uint64_t seq = 0;
	int r;

	r = batch_flush(s->batch);
	if (r >= 0)
		r = ledger_archive(a->search, a->hash, a->uid, a->reason, &seq);
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
	tell_record(MESSAGE_ARCHIVED, seq, a->uid, "has archived old records");
	follower_tell_all(s);
	ledger_object_purge(s);
	return sd_bus_reply_method_return(a->m, "t", seq);
}

static void search_step(evutil_socket_t fd, short what, void *arg)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	const struct timeval at_once = { 0, 0 };
	struct archiving *a = arg;
	uint64_t last = 0;
	int r;

	(void)fd;
	(void)what;
	r = ledger_archiving_step(a->search, SEARCH_STEP, &last);
	if (r > 0) {
		event_add(a->next, &at_once);
		return;
	}
	if (r < 0)
		r = ledger_object_error(a->service, "", -EIO, &error);
	else if (a->hash)
		r = archive(a, &error);
	else
		r = sd_bus_reply_method_return(a->m, "ts", last,
					       ledger_why(a->service->ledger));
	if (sd_bus_error_is_set(&error))
		sd_bus_reply_method_error(a->m, &error);
	else if (r < 0)
		sd_bus_reply_method_errno(a->m, r, NULL);
	ledger_object_stop_archiving(a->service);
}

/* @a is filled, but for what it needs for the search up to @to. */
static int search(const struct archiving *template, uint64_t to,
		  sd_bus_error *error)
{
	const struct timeval at_once = { 0, 0 };
	struct service *s = template->service;
	struct ledger_archive what;
	struct archiving *a;
	int r;

	if (s->archiving)
		return sd_bus_error_set(error, ERROR_BUSY,
					"another search for what may be "
					"archived is running");
	/* It would miss what goes. */
	if (template->hash && s->verify)
		return sd_bus_error_set(error, ERROR_BUSY,
					"the ledger is being verified");
	a = malloc(sizeof(*a));
	if (!a)
		return -ENOMEM;
	*a = *template;
	s->archiving = a;
	sd_bus_message_ref(a->m);
	a->next = evtimer_new(s->base, search_step, a);
	r = a->next ? 0 : -ENOMEM;
	/* What waits may hold the end of an assay, or the start of one. */
	if (r >= 0)
		r = batch_flush(s->batch);
	archive_policy(s, to, &what);
	if (r >= 0)
		r = ledger_archiving_start(s->ledger, &what, &a->search);
	if (r < 0) {
		ledger_object_stop_archiving(s);
		return ledger_object_error(s, "", -EIO, error);
	}
	event_add(a->next, &at_once);
	return 1;
}

static int search_archivable(sd_bus_message *m, uint32_t uid, void *arg,
			     sd_bus_error *error)
{
	const struct archiving a = { .service = arg, .m = m, .uid = uid };
	uint64_t to;
	int r;

	sd_bus_message_rewind(m, 1);
	r = sd_bus_message_read(m, "t", &to);
	return r < 0 ? r : search(&a, to, error);
}

/* It reads much: not for everybody to ask. */
int ledger_method_archivable(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	uint64_t to;
	int r;

	(void)error;
	r = sd_bus_message_read(m, "t", &to);
	return r < 0 ? r
		     : caller_authorize(arg, m, "org.reespec1.configure",
					search_archivable, arg);
}

static int search_archive(sd_bus_message *m, uint32_t uid, void *arg,
			  sd_bus_error *error)
{
	struct archiving a = { .service = arg, .m = m, .uid = uid };
	uint64_t to;
	int r;

	sd_bus_message_rewind(m, 1);
	r = sd_bus_message_read(m, "tss", &to, &a.hash, &a.reason);
	return r < 0 ? r : search(&a, to, error);
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
					search_archive, arg);
}

/* ---- what went leaves the file, between other events ---------------------- */

static void purge_step(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval at_once = { 0, 0 };
	const struct timeval later = { PURGE_RETRY_S, 0 };
	struct service *s = arg;
	int r;

	(void)fd;
	(void)what;
	r = ledger_purge(s->ledger, PURGE_STEP);
	if (r < 0)
		log_debug("archived records stay in the file for now: %s",
			  ledger_why(s->ledger));
	if (!r && s->has_purged)
		log_debug("archived records have left the file");
	s->has_purged = r > 0;
	if (r)
		event_add(s->purge, r > 0 ? &at_once : &later);
}

void ledger_object_purge(struct service *s)
{
	const struct timeval at_once = { 0, 0 };

	if (!s->purge)
		s->purge = evtimer_new(s->base, purge_step, s);
	/* Without memory it is for the next start. */
	if (s->purge)
		event_add(s->purge, &at_once);
}
