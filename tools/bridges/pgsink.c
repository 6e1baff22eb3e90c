// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A stream's records into a PostgreSQL database, each checked against the one
 * before it of its ledger.
 *
 * How far the stream is read stands in the database and is written with the
 * records, in one transaction; the stream's own acknowledgement comes after
 * it. So nothing is lost or kept twice whoever is killed. At each start and
 * after each error the consumer is made anew from that place: JetStream gives
 * again what was not acknowledged, but behind newer messages, and a ledger's
 * records have an order.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "bridges/database.h"
#include "bridges/follow.h"
#include "bridges/program.h"
#include "bridges/sink.h"
#include "bridges/stream.h"

#define WAIT_MS 10000

struct settings {
	struct stream_settings nats;
	char *consumer;
	char *connection;
	char *keys;
};

#define KEY(section, name, field, def)                                       \
	{                                                                    \
		section, name, INI_STRING, offsetof(struct settings, field), \
			def, 0, 0, NULL, NULL, NULL, NULL                    \
	}

static const struct ini_key keys[] = {
	STREAM_KEYS(struct settings, nats),
	KEY("nats", "consumer", consumer, "pgsink"),
	KEY("postgresql", "connection", connection, "dbname=reespec"),
	KEY("trust", "keys", keys, ""),
};

static const struct ini_table table = { .keys = keys,
					.n_keys = ARRAY_SIZE(keys) };

struct pgsink {
	const struct settings *set;
	struct sink_keys keys;
	bool is_again; /* --again, until it has begun */
	struct trouble trouble;
	char why[600];
};

/* One connection to each side, until one of them fails. */
struct session {
	struct database *db;
	struct stream *stream;
	struct database_position position;
	struct sink sink;
};

static void session_deinit(struct session *s)
{
	stream_close(s->stream);
	database_close(s->db);
}

static int explain(struct pgsink *p, int r, const char *why)
{
	snprintf(p->why, sizeof(p->why), "%s", why);
	return r;
}

/*
 * Where to go on. If the last message read is not there, or is another one,
 * the server has lost its tail or was made anew: then all of it is read again,
 * which changes nothing for what is known.
 */
static int find_place(struct pgsink *p, struct session *s)
{
	CLEANUP(buf_deinit) struct buf last = { 0 };
	char sha256[CHAIN_HASH_SIZE];
	int r;

	r = database_get_position(s->db, &s->position);
	if (r < 0 && r != -ENOENT)
		return explain(p, r, database_why(s->db));
	if (r == 0)
		r = stream_get(s->stream, s->position.seq, NULL, &last);
	if (r < 0 && r != -ENOENT)
		return explain(p, r, stream_why(s->stream));
	if (r == 0) {
		chain_sha256(last.data ? last.data : "", last.len, sha256);
		r = strcmp(sha256, s->position.sha256) ? -ENOENT : 0;
	}
	if (r == -ENOENT && s->position.seq)
		log_notice("stream %s has not the message %" PRIu64
			   " that was read last: reading all of it again",
			   s->position.stream, s->position.seq);
	if (r == -ENOENT && database_forget_messages(s->db) < 0)
		return explain(p, -EIO, database_why(s->db));
	if (r == -ENOENT || p->is_again)
		s->position.seq = 0;
	return 0;
}

static int session_start(struct pgsink *p, struct session *s)
{
	const struct settings *set = p->set;
	int r;

	r = database_open(set->connection, &s->db, p->why, sizeof(p->why));
	if (r == 0)
		r = stream_open(&set->nats, set->consumer, &s->stream, p->why,
				sizeof(p->why));
	if (r < 0)
		return r;
	s->position.stream = set->nats.stream;
	s->position.created = stream_created(s->stream);
	s->sink.db = s->db;
	s->sink.messages = s->stream;
	s->sink.stream = set->nats.stream;
	s->sink.keys = *set->keys ? &p->keys : NULL;
	r = find_place(p, s);
	if (r < 0)
		return r;
	r = stream_consume(s->stream, set->consumer,
			   s->position.seq ? s->position.seq + 1 : 0);
	if (r < 0)
		return explain(p, r, stream_why(s->stream));
	p->is_again = false;
	trouble_over(&p->trouble, "both sides are there again");
	log_notice("stream %s behind message %" PRIu64 " to PostgreSQL",
		   s->position.stream, s->position.seq);
	return 0;
}

/* What was read before comes again when an acknowledgement was lost. */
static int take_page(struct session *s, int n)
{
	struct stream_msg m;
	int r = 0;

	for (int i = 0; i < n && r == 0; i++) {
		stream_message(s->stream, i, &m);
		if (m.seq <= s->position.seq)
			continue;
		r = sink_take(&s->sink, &m);
		s->position.seq = m.seq;
		chain_sha256(m.data, m.len, s->position.sha256);
	}
	if (r == 0)
		r = database_set_position(s->db, &s->position);
	return r;
}

static int session_run(struct pgsink *p, struct session *s)
{
	int n, r;

	for (;;) {
		n = stream_fetch(s->stream, WAIT_MS);
		if (n < 0)
			return explain(p, n, stream_why(s->stream));
		if (n == 0)
			continue;
		r = database_begin(s->db);
		if (r == 0)
			r = take_page(s, n);
		if (r == 0)
			r = database_commit(s->db);
		if (r < 0)
			return explain(p, r,
				       r == -ECOMM ? stream_why(s->stream)
						   : database_why(s->db));
		if (stream_acknowledge(s->stream) < 0)
			return explain(p, -EIO, stream_why(s->stream));
		log_info("%" PRIu64 " taken, %" PRIu64 " known, %" PRIu64
			 " refused, up to message %" PRIu64,
			 s->sink.n_taken, s->sink.n_known, s->sink.n_refused,
			 s->position.seq);
	}
}

static int serve(struct pgsink *p)
{
	CLEANUP(session_deinit) struct session s = { 0 };
	int r;

	r = session_start(p, &s);
	return r < 0 ? r : session_run(p, &s);
}

static int load_keys(struct pgsink *p)
{
	int r;

	if (!*p->set->keys)
		return 0;
	r = sink_keys_load(p->set->keys, &p->keys);
	if (r < 0)
		log_error("[trust] keys: %s: %s", p->set->keys, strerror(-r));
	else if (!p->keys.n)
		log_warning(
			"[trust] keys: %s holds no key: every ledger is refused",
			p->set->keys);
	return r;
}

static void print_schema(FILE *file)
{
	fprintf(file, "%s%s", database_tables, database_views);
}

/* Ends by what no waiting mends alone. */
static int run(struct pgsink *p)
{
	int r;

	if (load_keys(p) < 0)
		return FOLLOW_USAGE;
	if (stream_check(&p->set->nats, p->why, sizeof(p->why)) < 0) {
		log_error("%s", p->why);
		return FOLLOW_USAGE;
	}
	for (;;) {
		r = serve(p);
		if (r == -EACCES) {
			log_error("%s", p->why);
			return FOLLOW_USAGE;
		}
		trouble_tell(&p->trouble, "%s; trying again", p->why);
		sleep(1);
	}
}

int main(int argc, char **argv)
{
	struct settings settings = { 0 };
	struct program program = {
		.name = "reespec-pgsink",
		.config = "/etc/reespec/pgsink.conf",
		.summary =
			"Takes the records of a NATS stream into PostgreSQL.",
		.more = { { "again", NULL, "read the whole stream again",
			    NULL },
			  { "schema", NULL, "print tables and views as SQL",
			    print_schema } },
		.table = &table,
	};
	struct pgsink p = { .set = &settings };
	int code = 0;

	if (program_start(&program, argc, argv, &settings, &code))
		return code;
	p.is_again = program.given;
	code = run(&p);
	sink_keys_deinit(&p.keys);
	ini_release(&table, &settings);
	return code;
}
