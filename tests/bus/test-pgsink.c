// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What reespec-pgsink takes out of a stream and what it refuses. The ledgers
 * are made here, record by record, so that each can be wrong in one thing.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <nats/nats.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bridges/stream.h"
#include "kselftest_harness.h"
#include "ledger/chain.h"

#include "far.h"

#define BOOT "\"boot\":\"00000000000000000000000000000000\",\"mono_ns\":\"1\""

FAR_PROGRAM

/* One that writes a ledger. */
struct writer {
	char id[CHAIN_ID_SIZE];
	char head[CHAIN_HASH_SIZE];
	uint64_t seq; /* of the last record */
	struct chain_key *key;
	char public[CHAIN_KEY_SIZE];
};

FIXTURE(pgsink)
{
	struct far f;
	struct stream *stream;
	struct writer w;
	int dir;
};

static void make_writer(struct writer *w, int dir, const char *name)
{
	memset(w, 0, sizeof(*w));
	if (chain_new_id(w->id) < 0 ||
	    (chain_key_load(dir, name, &w->key) < 0 &&
	     chain_key_create(dir, name, &w->key) < 0))
		exit(1);
	chain_key_public(w->key, w->public);
	strcpy(w->head, CHAIN_GENESIS_PREV);
}

static void connect_stream(FIXTURE_DATA(pgsink) * self)
{
	char server[64];
	char *servers[] = { server, NULL };
	char none[] = "";
	char name[] = "REESPEC";
	struct stream_settings set = { servers, name, none, none,
				       none,	none, none, none };
	char why[400];

	snprintf(server, sizeof(server), "nats://127.0.0.1:%d", self->f.port);
	self->stream = stream_close(self->stream);
	if (stream_open(&set, "test", &self->stream, why, sizeof(why)) < 0) {
		printf("# %s\n", why);
		exit(1);
	}
}

FIXTURE_SETUP(pgsink)
{
	memset(self, 0, sizeof(*self));
	far_start(&self->f);
	self->dir = open(self->f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	connect_stream(self);
	make_writer(&self->w, self->dir, "one.key");
}

FIXTURE_TEARDOWN(pgsink)
{
	chain_key_free(self->w.key);
	stream_close(self->stream);
	close(self->dir);
	far_stop(&self->f);
}

/* The next record: its line in @ret; the writer moves on. @more are members
 * behind those that every body opens with. */
static void write_record(struct writer *w, const char *kind, const char *more,
			 struct buf *ret)
{
	CLEANUP(buf_deinit) struct buf body = { 0 };
	struct chain_record r = { 0 };
	enum chain_kind k = 0;

	chain_kind_parse(kind, &k);
	buf_printf(&body,
		   "{\"ledger\":\"%s\",\"seq\":\"%" PRIu64
		   "\",\"time\":\"2026-11-26T08:00:00.%06uZ\"," BOOT
		   ",\"kind\":\"%s\",\"uid\":0,\"serial\":\"38563\"%s%s}",
		   w->id, w->seq + 1, (unsigned int)(w->seq % 1000000), kind,
		   *more ? "," : "", more);
	strcpy(r.prev, w->head);
	chain_hash(r.prev, body.data, body.len, r.hash);
	if (chain_kind_is_signed(k))
		chain_sign(w->key, r.hash, r.sig);
	r.body = body.data;
	r.body_len = body.len;
	buf_clear(ret);
	chain_write_line(&r, false, ret);
	ret->len--;
	ret->data[ret->len] = 0;
	strcpy(w->head, r.hash);
	w->seq++;
}

static void write_genesis(struct writer *w, struct buf *ret)
{
	char more[100];

	snprintf(more, sizeof(more), "\"key\":\"%s\"", w->public);
	write_record(w, "genesis", more, ret);
}

static bool publish_at(FIXTURE_DATA(pgsink) * self, const char *subject,
		       const void *data, size_t len)
{
	static unsigned int n;
	uint64_t seq;
	char id[64];

	/* The stream's own guard against the same id twice is out of the way:
	 * what matters is what the sink makes of it. */
	snprintf(id, sizeof(id), "%d-%u", (int)getpid(), n++);
	return stream_publish(self->stream, subject, id, data, len, &seq) == 0;
}

static bool publish(FIXTURE_DATA(pgsink) * self, const char *kind,
		    const struct buf *line)
{
	char subject[100];

	snprintf(subject, sizeof(subject), "reespec.mine.l1.%s", kind);
	return publish_at(self, subject, line->data, line->len);
}

/* Writes and publishes @n readings. */
static bool publish_readings(FIXTURE_DATA(pgsink) * self, struct writer *w,
			     unsigned int n)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };

	while (n--) {
		write_record(w, "reading", "\"assay\":\"2\"", &line);
		if (!publish(self, "reading", &line))
			return false;
	}
	return true;
}

static bool has(struct far *f, const struct writer *w, uint64_t last)
{
	char n[24];

	snprintf(n, sizeof(n), "%" PRIu64 " %" PRIu64, last, last);
	return far_wait(f, n,
			"SELECT count(*) || ' ' || max(seq) FROM reespec.record"
			" WHERE ledger = '%s'",
			w->id);
}

/* The message of a refusal, once it is there. */
static bool is_refused(struct far *f, const char *verdict, uint64_t seq,
		       const char *why)
{
	char text[500];

	if (!far_wait(f, verdict,
		      "SELECT verdict FROM reespec.refused"
		      " WHERE seq = %" PRIu64 " AND verdict = '%s'",
		      seq, verdict))
		return false;
	snprintf(text, sizeof(text), "record %" PRIu64 ": %s", seq, why);
	return far_sink_says(f, text);
}

TEST_F_TIMEOUT(pgsink, takes_a_ledger, 120)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct far *f = &self->f;

	write_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	ASSERT_TRUE(publish_readings(self, &self->w, 2));
	write_record(&self->w, "result",
		     "\"assay\":\"2\",\"sample\":\"B-1\",\"sample_kind\":"
		     "\"crm\",\"method\":{\"name\":\"ore-l\"},\"state\":"
		     "\"done\",\"live_s\":60.5,\"verdict\":\"accepted\","
		     "\"elements\":[{\"symbol\":\"Nd\",\"content_mg_kg\":"
		     "9000.5,\"u_mg_kg\":330.0,\"flags\":[]},{\"symbol\":"
		     "\"Eu\",\"content_mg_kg\":-12.5}]",
		     &line);
	ASSERT_TRUE(publish(self, "result", &line));
	write_record(&self->w, "check",
		     "\"check\":\"crm-nd\",\"result\":\"4\",\"element\":"
		     "\"Nd\",\"content_mg_kg\":9000.5,\"z\":\"many\","
		     "\"state\":\"ok\"",
		     &line);
	ASSERT_TRUE(publish(self, "check", &line));
	ASSERT_TRUE(has(f, &self->w, 5));
	EXPECT_STREQ(self->w.head,
		     far_ask(f, "SELECT head FROM reespec.ledger"));
	EXPECT_STREQ("4", far_ask(f, "SELECT proven_seq FROM reespec.ledger"));
	EXPECT_STREQ("mine l1", far_ask(f, "SELECT site || ' ' || line"
					   " FROM reespec.ledger"));
	EXPECT_STREQ("5", far_ask(f, "SELECT count(*) FROM reespec.record WHERE"
				     " convert_from(bytes, 'UTF8')::jsonb"
				     " = body AND hash = encode(sha256("
				     "convert_to(prev, 'UTF8') || bytes),"
				     " 'hex')"));
	EXPECT_STREQ("4 2 B-1 crm ore-l accepted 60.5",
		     far_ask(f, "SELECT concat_ws(' ', seq, assay, sample,"
				" sample_kind, method, verdict, live_s)"
				" FROM reespec.result"));
	EXPECT_STREQ("Nd 9000.5 330.0, Eu -12.5",
		     far_ask(f, "SELECT string_agg(concat_ws(' ', element,"
				" content_mg_kg, u_mg_kg), ', ')"
				" FROM reespec.content"));
	/* The query of the man page. */
	EXPECT_STREQ("mine 9000.5",
		     far_ask(f, "SELECT concat_ws(' ', site, content_mg_kg)"
				" FROM reespec.content JOIN reespec.result"
				" USING (ledger, seq, site, time, sample)"
				" WHERE element = 'Nd'"
				" AND verdict = 'accepted'"));
	/* Text where a number should be is nobody's failure. */
	EXPECT_STREQ("5 crm-nd Nd 4 9000.5 ok f",
		     far_ask(f, "SELECT concat_ws(' ', seq, name, element,"
				" result, content_mg_kg, z, state, proven)"
				" FROM reespec.qc"));
	EXPECT_STREQ("0", far_ask(f, "SELECT count(*) FROM reespec.refused"));
}

TEST_F_TIMEOUT(pgsink, keeps_one_of_the_same, 120)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };

	write_genesis(&self->w, &line);
	for (int i = 0; i < 3; i++)
		ASSERT_TRUE(publish(self, "genesis", &line));
	ASSERT_TRUE(publish_readings(self, &self->w, 1));
	ASSERT_TRUE(has(&self->f, &self->w, 2));
	EXPECT_TRUE(far_sink_says(&self->f, " 2 known, 0 refused"));
}

TEST_F_TIMEOUT(pgsink, refuses_what_was_forged, 120)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	CLEANUP(buf_deinit) struct buf again = { 0 };
	struct far *f = &self->f;
	struct writer other, was;
	char *at;

	write_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	was = self->w;

	/* A byte of the body. */
	write_record(&self->w, "result", "\"sample\":\"good\"", &line);
	ASSERT_EQ(0, buf_append(&again, line.data, line.len));
	at = strstr(again.data, "good");
	memcpy(at, "evil", 4);
	ASSERT_TRUE(publish(self, "result", &again));
	EXPECT_TRUE(is_refused(f, "bad-hash", 2, "the body does not have"));

	/* All hashes made anew, by one who has not the key. */
	make_writer(&other, self->dir, "two.key");
	strcpy(other.id, was.id);
	strcpy(other.head, was.head);
	other.seq = was.seq;
	write_record(&other, "result", "\"sample\":\"evil\"", &again);
	ASSERT_TRUE(publish(self, "result", &again));
	EXPECT_TRUE(is_refused(f, "bad-signature", 2, "the signature is not"));

	/* The true one comes, then a forged one under its number. */
	ASSERT_TRUE(publish(self, "result", &line));
	ASSERT_TRUE(has(f, &self->w, 2));
	ASSERT_TRUE(publish(self, "result", &again));
	EXPECT_TRUE(is_refused(f, "fork", 2, "it is known with hash"));
	buf_clear(&again);
	buf_append(&again, line.data, line.len);
	at = strstr(again.data, "\"sig\":\"") + 7;
	*at = *at == 'A' ? 'B' : 'A';
	ASSERT_TRUE(publish(self, "result", &again));
	EXPECT_TRUE(far_sink_says(f, "record 2: it is known with another "
				     "signature (bad-signature"));
	EXPECT_TRUE(publish_readings(self, &self->w, 1));
	EXPECT_TRUE(has(f, &self->w, 3));
	chain_key_free(other.key);
}

TEST_F_TIMEOUT(pgsink, takes_a_swapped_pair_in_its_own_order, 120)
{
	struct buf lines[4] = { 0 };
	struct far *f = &self->f;

	write_genesis(&self->w, &lines[0]);
	for (int i = 1; i < 4; i++)
		write_record(&self->w, "reading", "", &lines[i]);
	ASSERT_TRUE(publish(self, "genesis", &lines[0]));
	ASSERT_TRUE(publish(self, "reading", &lines[3]));
	EXPECT_TRUE(is_refused(f, "bad-seq", 4,
			       "record 4 stands in the place of 2"));
	ASSERT_TRUE(publish(self, "reading", &lines[2]));
	EXPECT_TRUE(is_refused(f, "bad-seq", 3,
			       "record 3 stands in the place of 2"));
	EXPECT_TRUE(has(f, &self->w, 1));

	ASSERT_TRUE(publish(self, "reading", &lines[1]));
	EXPECT_TRUE(has(f, &self->w, 4));
	EXPECT_TRUE(far_wait(f, "0", "SELECT count(*) FROM reespec.refused"));
	EXPECT_TRUE(far_sink_says(f, "record 4 is taken"));
	for (int i = 0; i < 4; i++)
		buf_deinit(&lines[i]);
}

/* Yesterday's ledger was put back and goes on with other records. */
TEST_F_TIMEOUT(pgsink, refuses_an_old_ledger_that_goes_on, 120)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct far *f = &self->f;
	struct writer old;

	write_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	old = self->w;
	ASSERT_TRUE(publish_readings(self, &self->w, 2));
	ASSERT_TRUE(has(f, &self->w, 3));

	ASSERT_TRUE(publish(self, "genesis", &line));
	for (int i = 0; i < 3; i++) {
		write_record(&old, "result", "\"sample\":\"B\"", &line);
		ASSERT_TRUE(publish(self, "result", &line));
	}
	EXPECT_TRUE(is_refused(f, "fork", 2, "it is known with hash"));
	EXPECT_TRUE(is_refused(f, "fork", 3, "it is known with hash"));
	EXPECT_TRUE(is_refused(f, "bad-prev", 4,
			       "it does not continue the record before it"));
	ASSERT_TRUE(publish_readings(self, &self->w, 1));
	EXPECT_TRUE(has(f, &self->w, 4));
}

/* reespecd --restore: another id, the same key, and it names where it goes on. */
TEST_F_TIMEOUT(pgsink, takes_a_restored_ledger, 120)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct writer restored, thief;
	struct far *f = &self->f;
	char more[400];

	write_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	ASSERT_TRUE(publish_readings(self, &self->w, 1));
	restored = self->w;
	chain_new_id(restored.id);
	snprintf(more, sizeof(more),
		 "\"key\":\"%s\",\"continues\":{\"ledger\":\"%s\",\"seq\":"
		 "\"2\",\"hash\":\"%s\"}",
		 restored.public, self->w.id, self->w.head);
	/* What the lost one still had said is under its own id. */
	ASSERT_TRUE(publish_readings(self, &self->w, 1));
	ASSERT_TRUE(has(f, &self->w, 3));

	/* Nobody else goes on with it. */
	make_writer(&thief, self->dir, "two.key");
	strcpy(thief.head, restored.head);
	thief.seq = 2;
	snprintf(more + 7, 46, "%s", thief.public);
	more[7 + 44] = '"';
	write_record(&thief, "genesis", more, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	EXPECT_TRUE(is_refused(f, "bad-key", 3, "the ledger was begun with"));

	memcpy(more + 7, restored.public, 44);
	write_record(&restored, "genesis", more, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	write_record(&restored, "result", "\"sample\":\"B\"", &line);
	ASSERT_TRUE(publish(self, "result", &line));
	EXPECT_TRUE(far_wait(f, "3 5 4",
			     "SELECT concat_ws(' ', first_seq, next_seq,"
			     " proven_seq) FROM reespec.ledger WHERE id = '%s'",
			     restored.id));
	chain_key_free(thief.key);
}

/* The server comes back with less than it had, and its numbers are given out
 * again: what has them now is read too. */
TEST_F_TIMEOUT(pgsink, reads_again_what_has_an_old_number, 120)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct far *f = &self->f;
	struct writer other;
	char command[400];

	write_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	ASSERT_TRUE(has(f, &self->w, 1));
	rig_kill(&f->nats_pid, SIGTERM);
	snprintf(command, sizeof(command), "cp -a %s/work/jetstream %s/before",
		 f->dir, f->dir);
	ASSERT_EQ(0, system(command));
	far_start_nats(f);
	connect_stream(self);
	ASSERT_TRUE(publish_readings(self, &self->w, 1));
	ASSERT_TRUE(has(f, &self->w, 2));

	rig_kill(&f->nats_pid, SIGKILL);
	snprintf(command, sizeof(command),
		 "rm -r %s/work/jetstream; mv %s/before %s/work/jetstream",
		 f->dir, f->dir, f->dir);
	ASSERT_EQ(0, system(command));
	far_start_nats(f);
	connect_stream(self);
	make_writer(&other, self->dir, "two.key");
	write_genesis(&other, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	ASSERT_TRUE(publish_readings(self, &self->w, 1));
	EXPECT_TRUE(has(f, &self->w, 3));
	EXPECT_TRUE(has(f, &other, 1));
	EXPECT_TRUE(far_sink_says(f, "reading all of it again"));
	chain_key_free(other.key);
}

static int sink_ends(struct far *f)
{
	int status = -1;

	waitpid(f->sink_pid, &status, 0);
	f->sink_pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void restart_sink(struct far *f, const char *options)
{
	rig_kill(&f->sink_pid, SIGKILL);
	far_start_sink(f, options);
}

TEST_F_TIMEOUT(pgsink, holds_ledgers_to_the_keys_it_was_given, 120)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct far *f = &self->f;
	struct writer other;
	char path[300];
	FILE *file;

	snprintf(f->sink_keys, sizeof(f->sink_keys), "%s/keys", f->dir);
	mkdir(f->sink_keys, 0755);
	snprintf(path, sizeof(path), "%s/mine", f->sink_keys);
	file = fopen(path, "w");
	fprintf(file, "%s the mine's\n", self->w.public);
	fclose(file);
	snprintf(path, sizeof(path), "%s/empty", f->sink_keys);
	fclose(fopen(path, "w"));
	restart_sink(f, "");
	EXPECT_TRUE(far_sink_says(f, "empty: "));

	write_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	EXPECT_TRUE(has(f, &self->w, 1));
	make_writer(&other, self->dir, "two.key");
	write_genesis(&other, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	EXPECT_TRUE(is_refused(f, "bad-key", 1, "its ledger begins with a"));

	chain_key_free(other.key);
}

/* A ledger whose beginning was archived before anyone followed it. */
TEST_F_TIMEOUT(pgsink, begins_in_the_middle_where_it_is_told, 120)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct far *f = &self->f;

	self->w.seq = 41;
	EXPECT_TRUE(publish_readings(self, &self->w, 1));
	write_record(&self->w, "result", "\"sample\":\"B\"", &line);
	ASSERT_TRUE(publish(self, "result", &line));
	EXPECT_TRUE(is_refused(f, "bad-seq", 42, "nothing before it has come"));
	EXPECT_TRUE(is_refused(f, "bad-seq", 43, "nothing before it has come"));
	far_ask(f,
		"INSERT INTO reespec.ledger VALUES"
		" ('%s', 'mine', 'l1', 42, 42, '', '%s', 0)",
		self->w.id, self->w.public);
	restart_sink(f, "--again");
	EXPECT_TRUE(far_wait(f, "42 44 43",
			     "SELECT concat_ws(' ', first_seq, next_seq,"
			     " proven_seq) FROM reespec.ledger WHERE id = '%s'",
			     self->w.id));
	EXPECT_TRUE(far_wait(f, "0", "SELECT count(*) FROM reespec.refused"));
}

/* The key comes later: with --again what was refused is judged once more. */
TEST_F_TIMEOUT(pgsink, reads_again_when_it_is_told, 120)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct far *f = &self->f;
	char command[400];

	snprintf(f->sink_keys, sizeof(f->sink_keys), "%s/keys", f->dir);
	mkdir(f->sink_keys, 0755);
	restart_sink(f, "");
	write_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	ASSERT_TRUE(publish_readings(self, &self->w, 2));
	EXPECT_TRUE(is_refused(f, "bad-key", 1, "its ledger begins with a"));
	snprintf(command, sizeof(command), "echo %s >%s/mine", self->w.public,
		 f->sink_keys);
	ASSERT_EQ(0, system(command));
	restart_sink(f, "--again");
	EXPECT_TRUE(has(f, &self->w, 3));
}

/* One at a time, however many were started. */
TEST_F_TIMEOUT(pgsink, holds_the_database_alone, 120)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct far *f = &self->f;
	pid_t first = f->sink_pid;

	write_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	ASSERT_TRUE(has(f, &self->w, 1));
	far_start_sink(f, "");
	EXPECT_TRUE(far_sink_says(f, "another reespec-pgsink is at work"));
	ASSERT_TRUE(publish_readings(self, &self->w, 1));
	EXPECT_TRUE(has(f, &self->w, 2));
	rig_kill(&first, SIGKILL);
	ASSERT_TRUE(publish_readings(self, &self->w, 1));
	EXPECT_TRUE(has(f, &self->w, 3));
	EXPECT_TRUE(far_sink_says(f, "both sides are there again"));
}

/* It does not touch tables it does not know. */
TEST_F_TIMEOUT(pgsink, refuses_tables_of_another_version, 120)
{
	struct far *f = &self->f;

	ASSERT_TRUE(far_wait(f, "1", "SELECT number FROM reespec.version"));
	rig_kill(&f->sink_pid, SIGKILL);
	far_ask(f, "UPDATE reespec.version SET number = 2");
	far_start_sink(f, "");
	EXPECT_EQ(2, sink_ends(f));
	EXPECT_TRUE(far_sink_says(f, "its tables are of version 2"));
}

/* No waiting mends these. */
TEST_F_TIMEOUT(pgsink, refuses_settings_that_cannot_work, 120)
{
	natsConnection *connection = NULL;
	struct far *f = &self->f;
	jsStreamConfig config;
	jsCtx *js = NULL;
	char server[64];

	rig_kill(&f->sink_pid, SIGKILL);
	f->client_more = "credentials = /nonexistent";
	far_start_sink(f, "");
	EXPECT_EQ(2, sink_ends(f));
	EXPECT_TRUE(far_sink_says(f, "[nats] credentials: /nonexistent: No"));
	f->client_more = "certificate = /etc/passwd";
	far_start_sink(f, "");
	EXPECT_EQ(2, sink_ends(f));
	EXPECT_TRUE(far_sink_says(f, "one without the other"));
	f->client_more = NULL;

	snprintf(server, sizeof(server), "nats://127.0.0.1:%d", f->port);
	ASSERT_EQ(NATS_OK, natsConnection_ConnectTo(&connection, server));
	ASSERT_EQ(NATS_OK, natsConnection_JetStream(&js, connection, NULL));
	ASSERT_EQ(NATS_OK, js_DeleteStream(js, "REESPEC", NULL, NULL));
	jsStreamConfig_Init(&config);
	config.Name = "REESPEC";
	config.Storage = js_MemoryStorage;
	ASSERT_EQ(NATS_OK, js_AddStream(NULL, js, &config, NULL, NULL));
	far_start_sink(f, "");
	EXPECT_EQ(2, sink_ends(f));
	EXPECT_TRUE(far_sink_says(f, "it is kept in memory alone"));
	jsCtx_Destroy(js);
	natsConnection_Destroy(connection);
}

/* What anybody may publish: it is named, kept within bounds, and no more. */
TEST_F_TIMEOUT(pgsink, survives_hostile_messages, 120)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"null",
		"{\"prev\":1}",
		"\x01\xff\xfe",
		"{\"prev\":\"\",\"hash\":\"\",\"sig\":\"\",\"body\":\"\"}",
	};
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct far *f = &self->f;
	char *big = calloc(1, 900000);
	struct writer huge;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		ASSERT_TRUE(publish_at(self, "reespec.mine.l1.result", texts[i],
				       strlen(texts[i])));
	ASSERT_TRUE(publish_at(self, "reespec.mine.l1.result", big, 900000));
	memset(big, '[', 900000);
	ASSERT_TRUE(publish_at(self, "reespec.mine.l1.result", big, 900000));
	free(big);
	EXPECT_TRUE(
		far_wait(f, "9",
			 "SELECT count(*) FROM reespec.refused"
			 " WHERE verdict LIKE 'bad-%%' AND ledger IS NULL"));

	/* Another's subject, a kind that is not the record's, no subject. */
	write_genesis(&self->w, &line);
	ASSERT_TRUE(publish_at(self, "reespec.mine.l1.result", line.data,
			       line.len));
	EXPECT_TRUE(is_refused(f, "bad-subject", 1, "its subject is not"));
	ASSERT_TRUE(publish_at(self, "reespec.\xff\x1b[31m;", "x", 1));
	ASSERT_TRUE(publish(self, "genesis", &line));
	write_record(&self->w, "reading", "", &line);
	ASSERT_TRUE(publish_at(self, "reespec.other.l1.reading", line.data,
			       line.len));
	EXPECT_TRUE(is_refused(f, "bad-subject", 2,
			       "its ledger belongs to site mine"));
	ASSERT_TRUE(publish(self, "reading", &line));

	/* A number that a JSON reader takes and PostgreSQL does not. */
	huge = self->w;
	write_record(&huge, "reading", "\"x\":1e-200000", &line);
	ASSERT_TRUE(publish(self, "reading", &line));
	EXPECT_TRUE(is_refused(f, "bad-value", 3, "ERROR"));
	huge.seq = INT64_MAX - 1;
	write_record(&huge, "reading", "", &line);
	ASSERT_TRUE(publish(self, "reading", &line));
	EXPECT_TRUE(far_sink_says(f, "no table holds such a number"));

	ASSERT_TRUE(publish_readings(self, &self->w, 1));
	EXPECT_TRUE(has(f, &self->w, 3));
}

TEST_HARNESS_MAIN
