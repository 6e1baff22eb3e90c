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
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
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
	b->from = 0;
	if (strcmp(b->told, ledger))
		log_notice(
			"ledger %s to stream %s as %s, which has it up to record %" PRIu64,
			ledger, b->set->nats.stream, subject, b->last);
	snprintf(b->told, sizeof(b->told), "%s", ledger);
	return 0;
}

/* One of this id is there already: it must be the same one. */
static int check_known(struct bridge *b, const char *id, uint64_t seq,
		       const struct buf *line)
{
	CLEANUP(buf_deinit) struct buf known = { 0 };
	int r;

	r = stream_get(b->stream, seq, NULL, &known);
	/* The stream has let it go since. */
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (known.len == line->len &&
	    !memcmp(known.data, line->data, line->len))
		return 0;
	log_error(
		"record %s: the stream holds another one under this id, message %" PRIu64,
		id, seq);
	return FOLLOW_FORK;
}

static int publish(struct bridge *b, const struct chain_record *r,
		   const struct chain_head *h)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	char subject[200];
	uint64_t seq = 0;
	char id[64];
	int e;

	if (chain_write_line(r, false, &line) < 0)
		return -ENOMEM;
	/* Without the newline that ends it in a file. */
	line.len--;
	snprintf(subject, sizeof(subject), STREAM_PREFIX ".%s.%s.%s",
		 b->set->site, b->set->line, chain_kind_name(h->kind));
	snprintf(id, sizeof(id), "%s:%" PRIu64, h->ledger, h->seq);
	e = stream_publish(b->stream, subject, id, line.data, line.len, &seq);
	return e == STREAM_KNOWN ? check_known(b, id, seq, &line) : e;
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

int main(int argc, char **argv)
{
	static const struct follow_ops ops = { on_start, on_take, on_safe };
	struct settings settings = { 0 };
	struct program program = {
		.name = "reespec-nats",
		.config = "/etc/reespec/nats.conf",
		.flag = "from",
		.flag_has_value = true,
		.usage = "Usage: reespec-nats [--config FILE] [--from SEQ]\n"
			 "Publishes the ledger's records into a NATS stream.\n",
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

	if (program_start(&program, argc, argv, &settings, &code))
		return code;
	code = check_words(&settings);
	if (code)
		return code;
	follow.address = *settings.bus ? settings.bus : NULL;
	follow.reader = settings.reader;
	follow.from = bridge.from = program.flag_value;
	return follow_run(&follow);
}
