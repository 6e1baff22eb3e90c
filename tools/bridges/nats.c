// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ledger's records into a stream of a NATS server.
 *
 * Each record is one message: its export line, on the subject
 * reespec.SITE.LINE.KIND, with the id LEDGER:SEQ. One at a time, and the next
 * one only when the stream has this one, so that the stream has their order.
 * The stream itself tells where to go on, by the last message on this line's
 * subjects; there is no other state. So a server that came back with less than
 * it had gets the rest again, and so does one that did not say it has a record
 * before somebody was killed: under the same id, which the stream drops.
 *
 * Who else may publish here can say anything, under any id, and be the last. So
 * what is found is believed when the ledger has it, or when it has the ledger's
 * signature: then it is another history of it. Anything else is told and gone
 * past, or a stranger could stop a laboratory; reespec-pgsink tells which are
 * true.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "bridges/arrival.h"
#include "bridges/follow.h"
#include "bridges/program.h"
#include "bridges/stream.h"

struct settings {
	char *bus;
	char *reader;
	struct stream_settings nats;
	char *site;
	char *line;
};

#define KEY(section, name, field, def)                                       \
	{                                                                    \
		section, name, INI_STRING, offsetof(struct settings, field), \
			def, 0, 0, NULL, NULL, NULL, NULL                    \
	}

static const struct ini_key keys[] = {
	KEY("ledger", "bus", bus, ""),
	KEY("ledger", "reader", reader, "nats"),
	KEY("nats", "site", site, NULL),
	KEY("nats", "line", line, NULL),
	STREAM_KEYS(struct settings, nats),
};

static const struct ini_table table = { .keys = keys,
					.n_keys = ARRAY_SIZE(keys) };

struct bridge {
	const struct settings *set;
	struct follow *follow;
	struct stream *stream; /* NULL while there is none */
	struct trouble trouble;
	uint64_t from; /* --from, once */
	/* What the stream has. */
	uint64_t last;
	char hash[CHAIN_HASH_SIZE];
	char told[CHAIN_ID_SIZE]; /* the ledger of the last notice */
};

static void lose_stream(struct bridge *b, const char *why)
{
	trouble_tell(&b->trouble, "%s; trying again", why);
	b->stream = stream_close(b->stream);
}

/* Waits for the server; returns only with a stream, or when none can be. */
static int find_stream(struct bridge *b)
{
	char why[400];
	int r;

	while (!b->stream) {
		r = stream_open(&b->set->nats, b->set->reader, &b->stream, why,
				sizeof(why));
		if (r == -EACCES) {
			log_error("%s", why);
			return FOLLOW_USAGE;
		}
		if (r < 0) {
			trouble_tell(&b->trouble, "%s; trying again", why);
			sleep(1);
		}
	}
	return 0;
}

/* The last record of this ledger the stream has, if that can be told. */
static void take_place(struct bridge *b, const struct buf *line,
		       const char *ledger, struct chain_verifier *chain)
{
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	struct chain_head head;
	const char *why = "";

	if (chain_parse_line(line->data, line->len, &record, &why) < 0 ||
	    chain_read_body(record.body, record.body_len, &head, NULL, &why) <
		    0) {
		log_warning(
			"the last message of this line is no record (%s): going on behind the last Ack",
			why);
		return;
	}
	if (strcmp(head.ledger, ledger)) {
		log_notice(
			"the last message of this line is of ledger %s: going on behind the last Ack",
			head.ledger);
		return;
	}
	strcpy(chain->ledger, head.ledger);
	strcpy(chain->head, record.hash);
	chain->next_seq = head.seq + 1;
	b->last = head.seq;
	strcpy(b->hash, record.hash);
}

static int on_start(void *userdata, const char *ledger,
		    struct chain_verifier *chain)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct bridge *b = userdata;
	char subject[200];
	int r;

	b->last = 0;
	snprintf(subject, sizeof(subject), STREAM_PREFIX ".%s.%s.*",
		 b->set->site, b->set->line);
	do {
		r = find_stream(b);
		if (r)
			return r;
		r = stream_last(b->stream, subject, &line);
		if (r == -EIO)
			lose_stream(b, stream_why(b->stream));
	} while (r == -EIO);
	if (r == 0 && line.data && !b->from)
		take_place(b, &line, ledger, chain);
	if (b->from)
		log_notice("ledger %s to stream %s as %s, from record %" PRIu64
			   " on, by --from",
			   ledger, b->set->nats.stream, subject, b->from);
	else if (strcmp(b->told, ledger))
		log_notice(
			"ledger %s to stream %s as %s, which has it up to record %" PRIu64,
			ledger, b->set->nats.stream, subject, b->last);
	b->from = 0;
	snprintf(b->told, sizeof(b->told), "%s", ledger);
	return 0;
}

/* Of the last message on @subject: 1 when it is a record with the ledger's
 * signature that the ledger does not have; 0; -errno. */
static int is_fork(struct bridge *b, const char *subject, const char *ledger,
		   const char *key)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct stream_msg m = { .subject = subject };
	CLEANUP(arrival_deinit) struct arrival a = { .msg = &m };
	const char *verdict, *why;
	int r;

	r = stream_last(b->stream, subject, &line);
	if (r < 0 || !line.data)
		return r == -ENOENT ? 0 : r;
	m.data = line.data;
	m.len = line.len;
	if (arrival_read(&a, &verdict, &why) < 0 ||
	    strcmp(a.head.ledger, ledger) || !arrival_is_signed(&a, key))
		return 0;
	r = follow_has(b->follow, a.head.seq, a.record.hash);
	if (r)
		return r < 0 ? r : 0;
	log_error(
		"%s holds record %" PRIu64
		" of another history, with the signature of this ledger; see IF IT STOPS in reespec-nats(8)",
		subject, a.head.seq);
	return 1;
}

/* Whether the stream has another history of @ledger, as far as the last record
 * of each kind that is signed tells: 0, FOLLOW_FORK, -errno. */
static int find_fork(struct bridge *b, const char *ledger)
{
	char key[CHAIN_KEY_SIZE];
	char subject[200];
	int r;

	r = follow_key(b->follow, key);
	for (int kind = 0; kind < CHAIN_N_KINDS && r == 0; kind++) {
		if (!chain_kind_is_signed((enum chain_kind)kind))
			continue;
		snprintf(subject, sizeof(subject), STREAM_PREFIX ".%s.%s.%s",
			 b->set->site, b->set->line,
			 chain_kind_name((enum chain_kind)kind));
		r = is_fork(b, subject, ledger, key);
	}
	return r > 0 ? FOLLOW_FORK : r;
}

static int on_differs(void *userdata)
{
	struct bridge *b = userdata;
	int r;

	r = b->stream ? 0 : find_stream(b);
	if (r == 0)
		r = find_fork(b, b->told);
	if (r == -EIO)
		lose_stream(b, stream_why(b->stream));
	if (r)
		return r;
	log_warning("the last message of this line claims to be record %" PRIu64
		    ", which it is not, and proves nothing: somebody else may"
		    " publish here. Going on behind the last Ack",
		    b->last);
	b->last = 0;
	return 0;
}

/* Of message @seq, under the id of our record: 1 when it is our record, or
 * gone; 0; -errno. */
static int is_ours(struct bridge *b, uint64_t seq, const struct buf *line)
{
	CLEANUP(buf_deinit) struct buf known = { 0 };
	int r;

	r = stream_get(b->stream, seq, NULL, &known);
	/* The stream has let it go since. */
	if (r < 0)
		return r == -ENOENT ? 1 : r;
	return known.len == line->len &&
	       !memcmp(known.data, line->data, line->len);
}

/* Somebody was faster with the id, which can be foretold; a hash cannot. */
static int publish_beside(struct bridge *b, const char *subject,
			  const struct chain_record *r,
			  const struct chain_head *h, uint64_t seq,
			  const struct buf *line)
{
	uint64_t own;
	char id[140];
	int e;

	e = find_fork(b, h->ledger);
	if (e)
		return e;
	snprintf(id, sizeof(id), "%s:%" PRIu64 ":%s", h->ledger, h->seq,
		 r->hash);
	e = stream_publish(b->stream, subject, id, line->data, line->len, &own);
	if (e < 0)
		return e;
	log_warning(
		"record %" PRIu64
		": the stream holds another one under its id, message %" PRIu64
		": somebody else may publish here. It is message %" PRIu64,
		h->seq, seq, own);
	return 0;
}

static int publish(struct bridge *b, const struct chain_record *r,
		   const struct chain_head *h)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	char subject[200];
	uint64_t seq = 0;
	char id[64];
	int e;

	if (chain_write_line(r, NULL, &line) < 0)
		return -ENOMEM;
	/* Without the newline that ends it in a file. */
	line.len--;
	snprintf(subject, sizeof(subject), STREAM_PREFIX ".%s.%s.%s",
		 b->set->site, b->set->line, chain_kind_name(h->kind));
	snprintf(id, sizeof(id), "%s:%" PRIu64, h->ledger, h->seq);
	e = stream_publish(b->stream, subject, id, line.data, line.len, &seq);
	if (e != STREAM_KNOWN)
		return e;
	e = is_ours(b, seq, &line);
	if (e)
		return e < 0 ? e : 0;
	return publish_beside(b, subject, r, h, seq, &line);
}

static int on_take(void *userdata, const struct chain_record *r,
		   const struct chain_head *h)
{
	struct bridge *b = userdata;
	char why[400];
	int e;

	e = publish(b, r, h);
	if (e > 0)
		return e;
	if (e < 0) {
		snprintf(why, sizeof(why), "record %" PRIu64 ": %s", h->seq,
			 stream_why(b->stream));
		lose_stream(b, why);
		return FOLLOW_ANEW;
	}
	trouble_over(&b->trouble, "the stream takes records again");
	b->last = h->seq;
	strcpy(b->hash, r->hash);
	return 0;
}

static int64_t on_safe(void *userdata, char ret_hash[CHAIN_HASH_SIZE])
{
	const struct bridge *b = userdata;

	strcpy(ret_hash, b->hash);
	return (int64_t)b->last;
}

static int check_words(const struct settings *s)
{
	if (stream_is_word(s->site) && stream_is_word(s->line))
		return 0;
	log_error(
		"[nats] site and line: each wants 1 to 63 of A-Z a-z 0-9 _ -");
	return FOLLOW_USAGE;
}

static int run(struct bridge *b)
{
	const struct settings *set = b->set;
	char why[400];
	int code;

	code = check_words(set);
	if (code)
		return code;
	if (stream_check(&set->nats, why, sizeof(why)) < 0) {
		log_error("%s", why);
		return FOLLOW_USAGE;
	}
	b->follow->address = *set->bus ? set->bus : NULL;
	b->follow->reader = set->reader;
	b->follow->from = b->from;
	code = follow_run(b->follow);
	b->stream = stream_close(b->stream);
	return code;
}

int main(int argc, char **argv)
{
	static const struct follow_ops ops = { on_start, on_take, on_safe,
					       on_differs };
	struct settings settings = { 0 };
	struct program program = {
		.name = "reespec-nats",
		.config = "/etc/reespec/nats.conf",
		.summary = "Publishes the ledger's records into a NATS stream.",
		.more = { { "from", "SEQ", "begin with this record", NULL } },
		.table = &table,
	};
	struct bridge bridge = { .set = &settings };
	struct follow follow = {
		.ops = &ops,
		.userdata = &bridge,
		.fd = -1,
		.wake_ms = -1,
	};
	int code = 0;

	bridge.follow = &follow;
	if (program_start(&program, argc, argv, &settings, &code))
		return code;
	bridge.from = program.given;
	code = run(&bridge);
	ini_release(&table, &settings);
	return code;
}
