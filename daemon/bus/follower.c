// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The Batch signal, unicast. A follower that stops reading costs the bus at
 * most FOLLOWER_WINDOW messages; broadcast data would in the end have stopped
 * the daemon (measured: reference notes of the design).
 */
#include "bus/follower.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bus/settings.h"

/* More than this is fetched. */
#define READINGS_MAX 64

static struct follower *find(const struct service *s, const char *sender)
{
	struct follower *f;

	TAILQ_FOREACH(f, &s->followers, link)
		if (!strcmp(f->sender, sender))
			return f;
	return NULL;
}

static void follower_free(struct service *s, struct follower *f)
{
	TAILQ_REMOVE(&s->followers, f, link);
	free(f->sender);
	free(f);
}

static int append_readings(struct ledger *l, uint64_t first, uint64_t last,
			   sd_bus_message *m)
{
	CLEANUP(ledger_cursor_closep) struct ledger_cursor *c = NULL;
	const struct ledger_range range = {
		.from = first,
		.to = last,
		.kinds = 1U << CHAIN_READING,
	};
	struct chain_record record;
	int r;

	r = sd_bus_message_open_container(m, 'a', "s");
	if (r < 0)
		return r;
	if (last - first < READINGS_MAX) {
		r = ledger_cursor_open(l, &range, &c);
		while (r >= 0 &&
		       (r = ledger_cursor_next(c, &record, NULL)) > 0) {
			r = sd_bus_message_append(m, "s", record.body);
			chain_record_deinit(&record);
		}
		if (r < 0)
			return r;
	}
	return sd_bus_message_close_container(m);
}

static int send_batch(const struct service *s, sd_bus *bus, struct follower *f,
		      uint64_t last)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const int is_closing = f->n_open + 1 == FOLLOWER_WINDOW;
	int r;

	r = sd_bus_message_new_signal(bus, &m, BUS_PATH, "org.reespec1.Ledger",
				      "Batch");
	if (r >= 0)
		r = sd_bus_message_append(m, "ttsb", f->told + 1, last,
					  ledger_head(s->ledger), is_closing);
	if (r >= 0)
		r = append_readings(s->ledger, f->told + 1, last, m);
	if (r >= 0)
		r = sd_bus_message_set_destination(m, f->sender);
	if (r >= 0)
		r = sd_bus_send(bus, m, NULL);
	if (r < 0)
		return r;
	f->told = last;
	f->n_open++;
	return 0;
}

static void tell(struct service *s, struct follower *f)
{
	sd_bus *bus = service_bus(s);
	const uint64_t last = ledger_last(s->ledger);
	int r;

	if (!bus || f->n_open >= FOLLOWER_WINDOW || f->told >= last)
		return;
	r = send_batch(s, bus, f, last);
	if (r < 0)
		log_warning("Batch not sent to %s: %s", f->sender,
			    strerror(-r));
}

static int count(const struct service *s, uint32_t uid)
{
	struct follower *f;
	int n = 0;

	TAILQ_FOREACH(f, &s->followers, link)
		n += f->uid == uid;
	return n;
}

int follower_add(struct service *s, const char *sender, uint32_t uid,
		 uint64_t told)
{
	struct follower *f;

	f = find(s, sender);
	if (!f && count(s, uid) >= s->settings->limit_follows)
		return -EDQUOT;
	if (!f) {
		f = calloc(1, sizeof(*f));
		if (!f)
			return -ENOMEM;
		f->sender = strdup(sender);
		if (!f->sender) {
			free(f);
			return -ENOMEM;
		}
		f->uid = uid;
		TAILQ_INSERT_TAIL(&s->followers, f, link);
	}
	f->told = told;
	f->n_open = 0;
	return 0;
}

void follower_reopen(struct service *s, const char *sender)
{
	struct follower *f = find(s, sender);

	if (!f)
		return;
	f->n_open = 0;
	tell(s, f);
}

void follower_remove(struct service *s, const char *sender)
{
	struct follower *f;

	if (!sender[0]) {
		while ((f = TAILQ_FIRST(&s->followers)))
			follower_free(s, f);
		return;
	}
	f = find(s, sender);
	if (f)
		follower_free(s, f);
}

void follower_tell_all(struct service *s)
{
	struct follower *f;

	TAILQ_FOREACH(f, &s->followers, link)
		tell(s, f);
}
