// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares a ledger with the database it has to reach. */
#include "lab.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/seed.h"
#include "base/buf.h"
#include "bridges/stream.h"
#include "ledger/chain.h"

#define READY_S 30

void lab_start_bridge(struct lab *l, struct far *f)
{
	l->bridge_pid = far_start_bridge(f, &l->r, "mine", l->line, "");
}

void lab_start(struct lab *l, struct far *f, const char *line)
{
	l->line = line;
	rig_start(&l->r, "--settle 0", "idle");
	snprintf(l->ledger, sizeof(l->ledger), "%s",
		 rig_text(&l->r, RIG_ROOT, "org.reespec1.Manager", "LedgerId"));
	lab_start_bridge(l, f);
}

void lab_stop(struct lab *l)
{
	rig_kill(&l->bridge_pid, SIGKILL);
	rig_stop(&l->r);
}

static bool has_daemon(struct rig *r)
{
	return rig_last(r) > 0;
}

bool lab_bridge_says(struct lab *l, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/nats.log", l->r.dir);
	return far_wait_says(path, text);
}

bool lab_wait_daemon(struct lab *l)
{
	return rig_wait(&l->r, READY_S, has_daemon);
}

bool lab_restart_daemon(struct lab *l, int signal)
{
	rig_kill(&l->r.daemon_pid, signal);
	rig_start_daemon(&l->r);
	return lab_wait_daemon(l);
}

/* The ledger's record as text, as Get says it. */
static bool get_record(struct rig *r, uint64_t seq, struct buf *ret)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *body, *prev, *hash, *sig;

	return sd_bus_call_method(r->bus, "org.reespec1", RIG_ROOT,
				  "org.reespec1.Ledger", "Get", NULL, &m, "t",
				  seq) >= 0 &&
	       sd_bus_message_read(m, "ssss", &body, &prev, &hash, &sig) >= 0 &&
	       buf_printf(ret, "%s|%s|%s|%s", prev, hash, sig, body) == 0;
}

bool lab_wait_rows(struct lab *l, struct far *f)
{
	if (far_wait(f, "t",
		     "SELECT max(seq) >= %" PRIu64 " FROM reespec.record"
		     " WHERE ledger = '%s'",
		     rig_last(&l->r), l->ledger))
		return true;
	far_tell_log(l->r.dir, "nats.log");
	return false;
}

static unsigned int differences(struct lab *l, struct far *f)
{
	const uint64_t last = rig_last(&l->r);
	unsigned int n = 0;
	char count[24];

	snprintf(count, sizeof(count), "%" PRIu64, last);
	n += strcmp(count, far_ask(f,
				   "SELECT count(*) FROM reespec.record"
				   " WHERE ledger = '%s' AND seq <= %" PRIu64,
				   l->ledger, last)) != 0;
	for (uint64_t seq = 1; seq <= last; seq++) {
		CLEANUP(buf_deinit) struct buf record = { 0 };

		if (get_record(&l->r, seq, &record) &&
		    !strcmp(record.data,
			    far_ask(f,
				    "SELECT concat_ws('|', prev, hash, sig,"
				    " convert_from(bytes, 'UTF8'))"
				    " FROM reespec.record WHERE ledger = '%s'"
				    " AND seq = %" PRIu64,
				    l->ledger, seq)))
			continue;
		printf("# ledger %s record %" PRIu64 " differs\n", l->ledger,
		       seq);
		n++;
	}
	return n;
}

bool lab_is_equal(struct lab *l, struct far *f)
{
	return lab_wait_rows(l, f) && differences(l, f) == 0;
}

void lab_kill(struct lab *l, struct far *f, enum lab_victim who)
{
	switch (who) {
	case LAB_BRIDGE:
		rig_kill(&l->bridge_pid, SIGKILL);
		lab_start_bridge(l, f);
		break;
	case LAB_SINK:
		rig_kill(&f->sink_pid, SIGKILL);
		far_start_sink(f, "");
		break;
	case LAB_SERVER:
		rig_kill(&f->nats_pid, SIGKILL);
		far_start_nats(f);
		break;
	case LAB_DATABASE:
		rig_kill(&f->postgres_pid, SIGKILL);
		far_start_postgres(f);
		break;
	default:
		lab_restart_daemon(l, SIGKILL);
	}
}

unsigned int lab_number_of(const char *name, unsigned int def,
			   unsigned int most)
{
	const char *text = getenv(name);
	const unsigned int n = text ? (unsigned int)atoi(text) : def;

	return n < most ? n : most;
}

unsigned int lab_repeat(struct far *f)
{
	CLEANUP(stream_closep) struct stream *s = far_stream(f);
	unsigned int n = 0;

	for (int i = 0; s && i < 5; i++) {
		CLEANUP(chain_record_deinit) struct chain_record r = { 0 };
		CLEANUP(buf_deinit) struct buf line = { 0 };
		struct chain_head head;
		char subject[100];
		const char *why;

		if (stream_get(s, 1 + seed_drawn(20), NULL, &line) < 0 ||
		    chain_parse_line(line.data, line.len, &r, &why) < 0 ||
		    chain_read_body(r.body, r.body_len, &head, NULL, &why) < 0)
			continue;
		/* Its line does not matter to what is known. */
		snprintf(subject, sizeof(subject), "reespec.mine.again.%s",
			 chain_kind_name(head.kind));
		n += far_publish(s, subject, line.data, line.len);
	}
	return n;
}
