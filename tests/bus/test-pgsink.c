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

#include "sink_try.h"

FAR_PROGRAM

/* Writes and publishes @n readings. */
static bool publish_readings(FIXTURE_DATA(pgsink) * self, struct writer *w,
			     unsigned int n)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };

	while (n--) {
		writer_record(w, "reading", "\"assay\":\"2\"", &line);
		if (!publish(self, "reading", &line))
			return false;
	}
	return true;
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

	writer_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	ASSERT_TRUE(publish_readings(self, &self->w, 2));
	writer_record(&self->w, "result",
		      "\"assay\":\"2\",\"sample\":\"B-1\",\"sample_kind\":"
		      "\"crm\",\"method\":{\"name\":\"ore-l\"},\"state\":"
		      "\"done\",\"live_s\":60.5,\"verdict\":\"accepted\","
		      "\"elements\":[{\"symbol\":\"Nd\",\"content_mg_kg\":"
		      "9000.5,\"u_mg_kg\":330.0,\"flags\":[]},{\"symbol\":"
		      "\"Eu\",\"content_mg_kg\":-12.5}]",
		      &line);
	ASSERT_TRUE(publish(self, "result", &line));
	writer_record(&self->w, "check",
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
				" FROM reespec.content WHERE element = 'Nd'"
				" AND accepted AND stands"));
	/* Those of a site from before that, which joins. */
	EXPECT_STREQ("mine 9000.5",
		     far_ask(f, "SELECT concat_ws(' ', site, content_mg_kg)"
				" FROM reespec.content JOIN reespec.result"
				" USING (ledger, seq, site, time, sample)"
				" WHERE element = 'Nd'"
				" AND verdict = 'accepted'"
				" AND corrected_by IS NULL"));
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

	writer_genesis(&self->w, &line);
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

	writer_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	was = self->w;

	/* A byte of the body. */
	writer_record(&self->w, "result", "\"sample\":\"good\"", &line);
	ASSERT_EQ(0, buf_append(&again, line.data, line.len));
	at = strstr(again.data, "good");
	memcpy(at, "evil", 4);
	ASSERT_TRUE(publish(self, "result", &again));
	EXPECT_TRUE(is_refused(f, "bad-hash", 2, "the body does not have"));

	/* All hashes made anew, by one who has not the key. */
	writer_make(&other, self->dir, "two.key");
	strcpy(other.id, was.id);
	strcpy(other.head, was.head);
	other.seq = was.seq;
	writer_record(&other, "result", "\"sample\":\"evil\"", &again);
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

	writer_genesis(&self->w, &lines[0]);
	for (int i = 1; i < 4; i++)
		writer_record(&self->w, "reading", "", &lines[i]);
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

/* Forged ones that came early, too, do not stand before the true one. */
TEST_F_TIMEOUT(pgsink, takes_the_true_one_of_many_early_ones, 120)
{
	CLEANUP(buf_deinit) struct buf genesis = { 0 };
	CLEANUP(buf_deinit) struct buf second = { 0 };
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct far *f = &self->f;
	struct writer forger;

	writer_genesis(&self->w, &genesis);
	ASSERT_TRUE(publish(self, "genesis", &genesis));
	forger = self->w;
	writer_record(&self->w, "reading", "", &second);
	forger.seq++;
	for (int i = 0; i < 3; i++, forger.seq--) {
		writer_record(&forger, "reading", "\"x\":1", &line);
		ASSERT_TRUE(publish(self, "reading", &line));
	}
	ASSERT_TRUE(publish_readings(self, &self->w, 2));
	EXPECT_TRUE(far_wait(f, "5",
			     "SELECT count(*) FROM reespec.refused"
			     " WHERE verdict = 'bad-seq'"));
	ASSERT_TRUE(publish(self, "reading", &second));
	EXPECT_TRUE(has(f, &self->w, 4));
	EXPECT_TRUE(far_wait(f, "3",
			     "SELECT count(*) FROM reespec.refused"
			     " WHERE verdict = 'bad-prev'"));
}

/* Yesterday's ledger was put back and goes on with other records. */
TEST_F_TIMEOUT(pgsink, refuses_an_old_ledger_that_goes_on, 120)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct far *f = &self->f;
	struct writer old;

	writer_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	old = self->w;
	ASSERT_TRUE(publish_readings(self, &self->w, 1));
	ASSERT_TRUE(publish_result(self, "\"sample\":\"A\""));
	ASSERT_TRUE(has(f, &self->w, 3));

	ASSERT_TRUE(publish(self, "genesis", &line));
	for (int i = 0; i < 3; i++) {
		writer_record(&old, "result", "\"sample\":\"B\"", &line);
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

	writer_genesis(&self->w, &line);
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
	writer_make(&thief, self->dir, "two.key");
	strcpy(thief.head, restored.head);
	thief.seq = 2;
	snprintf(more + 7, 46, "%s", thief.public);
	more[7 + 44] = '"';
	writer_record(&thief, "genesis", more, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	EXPECT_TRUE(is_refused(f, "bad-key", 3, "the ledger was begun again"));

	memcpy(more + 7, restored.public, 44);
	writer_record(&restored, "genesis", more, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	writer_record(&restored, "result", "\"sample\":\"B\"", &line);
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

	writer_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	ASSERT_TRUE(has(f, &self->w, 1));
	rig_kill(&f->nats_pid, SIGTERM);
	snprintf(command, sizeof(command), "cp -a %s/kept/jetstream %s/before",
		 f->dir, f->dir);
	ASSERT_EQ(0, system(command));
	far_start_nats(f);
	connect_stream(self);
	ASSERT_TRUE(publish_readings(self, &self->w, 1));
	ASSERT_TRUE(has(f, &self->w, 2));

	rig_kill(&f->nats_pid, SIGKILL);
	snprintf(command, sizeof(command),
		 "rm -r %s/kept/jetstream; mv %s/before %s/kept/jetstream",
		 f->dir, f->dir, f->dir);
	ASSERT_EQ(0, system(command));
	far_start_nats(f);
	connect_stream(self);
	writer_make(&other, self->dir, "two.key");
	writer_genesis(&other, &line);
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
	struct writer other, printed;
	char path[300];
	FILE *file;

	snprintf(f->sink_keys, sizeof(f->sink_keys), "%s/keys", f->dir);
	mkdir(f->sink_keys, 0755);
	snprintf(path, sizeof(path), "%s/mine", f->sink_keys);
	file = fopen(path, "w");
	fprintf(file, "%s the mine's\n", self->w.public);
	fclose(file);
	/* As `reespec key` prints it. */
	writer_make(&printed, self->dir, "three.key");
	snprintf(path, sizeof(path), "%s/printed", f->sink_keys);
	file = fopen(path, "w");
	fprintf(file, "key      %s\n         SHA256:0\n", printed.public);
	fclose(file);
	snprintf(path, sizeof(path), "%s/empty", f->sink_keys);
	fclose(fopen(path, "w"));
	restart_sink(f, "");
	EXPECT_TRUE(far_sink_says(f, "empty: "));

	writer_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	EXPECT_TRUE(has(f, &self->w, 1));
	writer_genesis(&printed, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	EXPECT_TRUE(has(f, &printed, 1));
	writer_make(&other, self->dir, "two.key");
	writer_genesis(&other, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	EXPECT_TRUE(is_refused(f, "bad-key", 1, "its ledger begins with a"));

	chain_key_free(printed.key);
	chain_key_free(other.key);
}

/* A ledger whose beginning was archived before anyone followed it. */
TEST_F_TIMEOUT(pgsink, begins_in_the_middle_where_it_is_told, 120)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct far *f = &self->f;

	self->w.seq = 41;
	EXPECT_TRUE(publish_readings(self, &self->w, 1));
	writer_record(&self->w, "result", "\"sample\":\"B\"", &line);
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
	writer_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	ASSERT_TRUE(publish_readings(self, &self->w, 2));
	EXPECT_TRUE(is_refused(f, "bad-key", 1, "its ledger begins with a"));
	EXPECT_TRUE(far_sink_says(f, "holds no key: every ledger is refused"));
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

	writer_genesis(&self->w, &line);
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

	ASSERT_TRUE(
		far_wait(f, FAR_VERSION, "SELECT number FROM reespec.version"));
	rig_kill(&f->sink_pid, SIGKILL);
	far_ask(f, "UPDATE reespec.version SET number = 99");
	far_start_sink(f, "");
	EXPECT_EQ(2, sink_ends(f));
	EXPECT_TRUE(far_sink_says(f, "its tables are of version 99"));
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
	f->client_more = "ca = /etc/passwd";
	far_start_sink(f, "");
	EXPECT_EQ(2, sink_ends(f));
	EXPECT_TRUE(
		far_sink_says(f, "[nats] ca, certificate or credentials: "));
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

/* Nothing is acknowledged to the stream that is not committed. */
TEST_F_TIMEOUT(pgsink, waits_for_a_database_with_room, 120)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct far *f = &self->f;

	writer_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	ASSERT_TRUE(has(f, &self->w, 1));
	far_ask(f, "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql"
		   " AS $$ BEGIN RAISE 'no space left'"
		   " USING ERRCODE = 'disk_full'; END $$;"
		   " CREATE TRIGGER no_room BEFORE INSERT ON reespec.record"
		   " EXECUTE FUNCTION no_room()");
	ASSERT_TRUE(publish_readings(self, &self->w, 2));
	EXPECT_TRUE(far_sink_says(f, "no space left; trying again"));
	EXPECT_STREQ("1", far_ask(f, "SELECT seq FROM reespec.position"));
	far_ask(f, "DROP TRIGGER no_room ON reespec.record");
	EXPECT_TRUE(has(f, &self->w, 3));
	EXPECT_STREQ("0", far_ask(f, "SELECT count(*) FROM reespec.refused"));
}

/* The log says it all; the table has an end. */
TEST_F_TIMEOUT(pgsink, keeps_a_bounded_number_of_refused_ones, 120)
{
	struct far *f = &self->f;

	ASSERT_TRUE(
		far_wait(f, FAR_VERSION, "SELECT number FROM reespec.version"));
	far_ask(f, "INSERT INTO reespec.refused SELECT n, now(), '', n, '',"
		   " NULL, NULL, 'bad-line', '', '' FROM"
		   " generate_series(1, 9999) n");
	ASSERT_TRUE(
		far_publish(self->stream, "reespec.mine.l1.result", "x", 1));
	ASSERT_TRUE(
		far_publish(self->stream, "reespec.mine.l1.result", "y", 1));
	EXPECT_TRUE(far_sink_says(f, "message 2 is not kept: reespec.refused"
				     " has room for 10000 and 64 MiB"));
	/* What is said is committed a little later. */
	EXPECT_TRUE(
		far_wait(f, "10000", "SELECT count(*) FROM reespec.refused"));
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
		ASSERT_TRUE(far_publish(self->stream, "reespec.mine.l1.result",
					texts[i], strlen(texts[i])));
	ASSERT_TRUE(far_publish(self->stream, "reespec.mine.l1.result", big,
				900000));
	memset(big, '[', 900000);
	ASSERT_TRUE(far_publish(self->stream, "reespec.mine.l1.result", big,
				900000));
	free(big);
	EXPECT_TRUE(
		far_wait(f, "9",
			 "SELECT count(*) FROM reespec.refused"
			 " WHERE verdict LIKE 'bad-%%' AND ledger IS NULL"));

	/* Another's subject, a kind that is not the record's, no subject. */
	writer_genesis(&self->w, &line);
	ASSERT_TRUE(far_publish(self->stream, "reespec.mine.l1.result",
				line.data, line.len));
	EXPECT_TRUE(is_refused(f, "bad-subject", 1, "its subject is not"));
	ASSERT_TRUE(far_publish(self->stream, "reespec.\xff\x1b[31m;", "x", 1));
	ASSERT_TRUE(publish(self, "genesis", &line));
	writer_record(&self->w, "reading", "", &line);
	ASSERT_TRUE(far_publish(self->stream, "reespec.other.l1.reading",
				line.data, line.len));
	EXPECT_TRUE(is_refused(f, "bad-subject", 2,
			       "its ledger belongs to site mine"));
	ASSERT_TRUE(publish(self, "reading", &line));

	/* A number that a JSON reader takes and PostgreSQL does not. */
	huge = self->w;
	writer_record(&huge, "reading", "\"x\":1e-200000", &line);
	ASSERT_TRUE(publish(self, "reading", &line));
	EXPECT_TRUE(is_refused(f, "bad-value", 3, "ERROR"));
	huge.seq = INT64_MAX - 1;
	writer_record(&huge, "reading", "", &line);
	ASSERT_TRUE(publish(self, "reading", &line));
	EXPECT_TRUE(far_sink_says(f, "no table holds such a number"));

	ASSERT_TRUE(publish_readings(self, &self->w, 1));
	EXPECT_TRUE(has(f, &self->w, 3));
}

TEST_HARNESS_MAIN
