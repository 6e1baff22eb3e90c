// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the ledger by reespec-nats into a stream and by reespec-pgsink into a
 * database: equal to the ledger, whoever is killed. REESPEC_SEED draws who and
 * when, NATS_KILLS says how often and NATS_LEDGERS how many ledgers there are.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <nats/nats.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "bridges/stream.h"
#include "kselftest_harness.h"
#include "ledger/chain.h"
#include "ledger/ledger.h"

#include "../unit/seed.h"
#include "lab.h"
#include "writer.h"

#define SEED 20261133u
#define N_KILLS 12
#define N_LEDGERS 2
#define LEDGERS_MAX 20
#define READY_S 30

FAR_PROGRAM

FIXTURE(nats)
{
	struct far f;
	struct lab lab;
};

FIXTURE_SETUP(nats)
{
	memset(self, 0, sizeof(*self));
	far_start(&self->f);
	lab_start(&self->lab, &self->f, "l1");
}

FIXTURE_TEARDOWN(nats)
{
	lab_stop(&self->lab);
	far_stop(&self->f);
}

static int bridge_ends(struct lab *l)
{
	int status = -1;

	waitpid(l->bridge_pid, &status, 0);
	l->bridge_pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The bridge's reader has acknowledged the last record. */
static bool has_acked(struct rig *r)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	uint64_t seq = 0, seen;
	const char *name;
	uint32_t uid;

	return sd_bus_get_property(r->bus, "org.reespec1", RIG_ROOT,
				   "org.reespec1.Ledger", "Readers", NULL, &m,
				   "a(sutt)") >= 0 &&
	       sd_bus_message_enter_container(m, 'a', "(sutt)") >= 0 &&
	       sd_bus_message_read(m, "(sutt)", &name, &uid, &seq, &seen) > 0 &&
	       seq == rig_last(r);
}

TEST_F_TIMEOUT(nats, brings_two_ledgers_into_one_database, 120)
{
	struct lab other = { 0 };
	struct lab *l = &self->lab;

	lab_start(&other, &self->f, "l2");
	ASSERT_STREQ("", rig_measure(&l->r, "X", "ore-l", 20, NULL));
	ASSERT_STREQ("", rig_measure(&other.r, "Y", "ore-l", 20, NULL));
	EXPECT_TRUE(rig_wait_finished(&l->r, 1));
	EXPECT_TRUE(rig_wait_finished(&other.r, 1));
	EXPECT_TRUE(lab_is_equal(l, &self->f));
	EXPECT_TRUE(lab_is_equal(&other, &self->f));
	EXPECT_STREQ("l1 X accepted, l2 Y accepted",
		     far_ask(&self->f,
			     "SELECT string_agg(concat_ws(' ', line, sample,"
			     " verdict), ', ' ORDER BY line)"
			     " FROM reespec.result"));
	EXPECT_STREQ("t", far_ask(&self->f,
				  "SELECT count(*) > 20 FROM reespec.content"
				  " WHERE element IN ('La', 'Ce', 'Nd')"
				  " OR content_mg_kg IS NOT NULL"));
	EXPECT_STREQ("0",
		     far_ask(&self->f, "SELECT count(*) FROM reespec.refused"));
	TH_LOG("%" PRIu64 " and %" PRIu64 " records", rig_last(&l->r),
	       rig_last(&other.r));
	lab_stop(&other);
}

/* What a subscriber gets: the export line, and the subject and id that say
 * what it is. */
TEST_F_TIMEOUT(nats, publishes_the_export_line, 120)
{
	CLEANUP(stream_closep) struct stream *s = NULL;
	CLEANUP(buf_deinit) struct buf line = { 0 };
	CLEANUP(buf_deinit) struct buf wanted = { 0 };
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	const char *why;
	uint64_t seq;
	char id[64];

	ASSERT_TRUE(lab_wait_rows(&self->lab, &self->f));
	s = far_stream(&self->f);
	ASSERT_TRUE(s);
	ASSERT_EQ(0, stream_last(s, "reespec.mine.l1.genesis", &line));
	ASSERT_EQ(0, chain_parse_line(line.data, line.len, &record, &why));
	ASSERT_EQ(0, chain_write_line(&record, NULL, &wanted));
	ASSERT_EQ(wanted.len - 1, line.len);
	EXPECT_EQ(0, memcmp(wanted.data, line.data, line.len));
	EXPECT_EQ(CHAIN_GENESIS_PREV[0], record.prev[0]);
	snprintf(id, sizeof(id), "%s:1", self->lab.ledger);
	EXPECT_EQ(STREAM_KNOWN, stream_publish(s, "reespec.mine.l1.genesis", id,
					       "x", 1, &seq));
	EXPECT_EQ(1, seq);
}

TEST_F_TIMEOUT(nats, loses_nothing_whoever_is_killed, 1800)
{
	const unsigned int n_kills =
		lab_number_of("NATS_KILLS", N_KILLS, 10000);
	const unsigned int n =
		lab_number_of("NATS_LEDGERS", N_LEDGERS, LEDGERS_MAX);
	static const char *const lines[LEDGERS_MAX] = {
		"l1",  "l2",  "l3",  "l4",  "l5",  "l6",  "l7",
		"l8",  "l9",  "l10", "l11", "l12", "l13", "l14",
		"l15", "l16", "l17", "l18", "l19", "l20",
	};
	unsigned int n_killed[LAB_N_VICTIMS] = { 0 };
	struct lab *labs[LEDGERS_MAX] = { &self->lab };
	const unsigned int seed = seed_of(SEED);
	unsigned int n_repeated = 0;
	struct far *f = &self->f;
	uint64_t n_records = 0;

	srandom(seed);
	TH_LOG("seed %u, %u ledgers, %u kills", seed, n, n_kills);
	for (unsigned int i = 1; i < n; i++) {
		labs[i] = calloc(1, sizeof(*labs[i]));
		lab_start(labs[i], f, lines[i]);
	}
	for (unsigned int i = 0; i < n_kills; i++) {
		struct lab *l = labs[seed_drawn(n)];
		/* Each in turn, so that none is left out by chance. */
		const enum lab_victim who = i % LAB_N_VICTIMS;
		const long ms = seed_drawn(500);

		/* All are at work; some still on the round before. */
		for (unsigned int k = 0; k < n; k++)
			rig_measure(&labs[k]->r, "X", "ore-l", 400, "detach",
				    "interval:0.1", NULL);
		nanosleep(&(struct timespec){ 0, ms * 1000000 }, NULL);
		lab_kill(l, f, who);
		n_killed[who]++;
		if (i % 4 == 3)
			n_repeated += lab_repeat(f);
	}
	for (unsigned int i = 0; i < n; i++)
		lab_restart_daemon(labs[i], SIGTERM);
	for (unsigned int i = 0; i < n; i++) {
		EXPECT_TRUE(lab_is_equal(labs[i], f));
		n_records += rig_last(&labs[i]->r);
	}
	EXPECT_STREQ("0", far_ask(f, "SELECT count(*) FROM reespec.refused"));
	EXPECT_GT(n_repeated, 0);
	TH_LOG("killed: bridge %u, sink %u, server %u, database %u, daemon %u; %u repeated; %" PRIu64
	       " records once",
	       n_killed[LAB_BRIDGE], n_killed[LAB_SINK], n_killed[LAB_SERVER],
	       n_killed[LAB_DATABASE], n_killed[LAB_DAEMON], n_repeated,
	       n_records);
	for (unsigned int i = 1; i < n; i++) {
		lab_stop(labs[i]);
		free(labs[i]);
	}
}

/* From the start of the ledger once more: the stream drops them by their id. */
TEST_F_TIMEOUT(nats, sends_again_from_where_it_is_told, 120)
{
	CLEANUP(stream_closep) struct stream *s = NULL;
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct lab *l = &self->lab;
	uint64_t last;

	ASSERT_TRUE(lab_wait_rows(l, &self->f));
	last = rig_last(&l->r);
	rig_kill(&l->bridge_pid, SIGKILL);
	l->bridge_pid =
		far_start_bridge(&self->f, &l->r, "mine", "l1", "--from 1");
	EXPECT_TRUE(lab_bridge_says(l, "from record 1 on, by --from"));
	ASSERT_STREQ("", rig_measure(&l->r, "X", "ore-l", 2, NULL));
	ASSERT_TRUE(rig_wait_finished(&l->r, 1));
	EXPECT_TRUE(lab_is_equal(l, &self->f));
	s = far_stream(&self->f);
	ASSERT_TRUE(s);
	EXPECT_LT(last, rig_last(&l->r));
	EXPECT_EQ(0, stream_get(s, rig_last(&l->r), NULL, &line));
	EXPECT_EQ(-ENOENT, stream_get(s, rig_last(&l->r) + 1, NULL, &line));
}

/* Somebody was faster with the id, which anybody can foretell. */
TEST_F_TIMEOUT(nats, goes_past_another_record_under_its_id, 120)
{
	CLEANUP(stream_closep) struct stream *s = NULL;
	struct lab *l = &self->lab;
	uint64_t seq, last;
	char text[200];
	char id[64];

	ASSERT_TRUE(lab_wait_rows(l, &self->f));
	s = far_stream(&self->f);
	ASSERT_TRUE(s);
	last = rig_last(&l->r);
	snprintf(id, sizeof(id), "%s:%" PRIu64, l->ledger, last + 1);
	ASSERT_EQ(0, stream_publish(s, "reespec.mine.l9.result", id, "forged",
				    6, &seq));
	ASSERT_STREQ("", rig_measure(&l->r, "X", "ore-l", 2, NULL));
	ASSERT_TRUE(rig_wait_finished(&l->r, 1));
	snprintf(text, sizeof(text),
		 "record %" PRIu64 ": the stream holds another one under its id"
		 ", message %" PRIu64,
		 last + 1, seq);
	EXPECT_TRUE(lab_bridge_says(l, text));
	EXPECT_TRUE(lab_is_equal(l, &self->f));
	EXPECT_TRUE(rig_wait(&l->r, READY_S, has_acked));
	EXPECT_TRUE(far_wait(&self->f, "1",
			     "SELECT count(*) FROM reespec.refused"));
}

/* A record of this ledger that it does not have, signed with the key @name in
 * @folder if its kind is, and that as the last message of its line. */
static void make_forged(struct lab *l, const char *folder, const char *name,
			const char *kind, uint64_t seq, struct buf *ret)
{
	struct writer w;
	int dir;

	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	writer_make(&w, dir, name);
	close(dir);
	strcpy(w.id, l->ledger);
	w.seq = seq - 1;
	writer_record(&w, kind, "", ret);
	chain_key_free(w.key);
}

/* As a stranger would say it, who knows the ledger's id and not its key. */
static bool forge(FIXTURE_DATA(nats) * self, struct stream *s, const char *kind,
		  uint64_t seq)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	char subject[64];

	make_forged(&self->lab, self->f.dir, "stranger.key", kind, seq, &line);
	snprintf(subject, sizeof(subject), "reespec.mine.l1.%s", kind);
	return far_publish(s, subject, line.data, line.len);
}

TEST_F_TIMEOUT(nats, is_stopped_by_no_stranger, 120)
{
	static const struct {
		const char *kind;
		uint64_t seq;
	} forged[] = {
		{ "check", 1000 },
		{ "check", 2 },
		{ "result", 1001 }, /* signed, with another key */
		{ "result", 1 },
	};
	CLEANUP(stream_closep) struct stream *s = far_stream(&self->f);
	struct lab *l = &self->lab;
	char text[100];

	ASSERT_TRUE(s);
	for (unsigned int i = 0; i < ARRAY_SIZE(forged); i++) {
		ASSERT_TRUE(lab_wait_rows(l, &self->f));
		rig_kill(&l->bridge_pid, SIGKILL);
		ASSERT_TRUE(forge(self, s, forged[i].kind, forged[i].seq));
		lab_start_bridge(l, &self->f);
		ASSERT_STREQ("", rig_measure(&l->r, "X", "ore-l", 2, NULL));
		ASSERT_TRUE(rig_wait_finished(&l->r, i + 1));
		EXPECT_TRUE(lab_is_equal(l, &self->f));
		EXPECT_TRUE(rig_wait(&l->r, READY_S, has_acked));
		snprintf(text, sizeof(text), "claims to be record %" PRIu64 ",",
			 forged[i].seq);
		EXPECT_TRUE(lab_bridge_says(l, text));
	}
	EXPECT_TRUE(far_wait(&self->f, "4",
			     "SELECT count(*) FROM reespec.refused"));
}

/* Keeps a copy of the ledger as it is now. */
static bool keep_yesterday(struct lab *l)
{
	struct rig *r = &l->r;
	char command[512];

	rig_kill(&r->daemon_pid, SIGTERM);
	snprintf(command, sizeof(command), "cp -r %s %s/yesterday", r->state,
		 r->dir);
	if (system(command))
		return false;
	rig_start_daemon(r);
	return lab_wait_daemon(l);
}

static bool put_back_yesterday(struct lab *l)
{
	struct rig *r = &l->r;
	char command[512];

	rig_kill(&r->daemon_pid, SIGKILL);
	snprintf(command, sizeof(command), "rm -r %s; mv %s/yesterday %s",
		 r->state, r->dir, r->state);
	if (system(command))
		return false;
	rig_start_daemon(r);
	return lab_wait_daemon(l);
}

/* A ledger that was put back to yesterday goes on with other records; what it
 * signed since is in the stream, by whomever it is said last. */
TEST_F_TIMEOUT(nats, refuses_another_history, 120)
{
	CLEANUP(stream_closep) struct stream *s = far_stream(&self->f);
	struct lab *l = &self->lab;

	ASSERT_TRUE(s);
	ASSERT_TRUE(lab_wait_rows(l, &self->f));
	ASSERT_TRUE(keep_yesterday(l));
	ASSERT_TRUE(rig_wait_state(&l->r, "idle"));
	ASSERT_STREQ("", rig_measure(&l->r, "X", "ore-l", 2, NULL));
	ASSERT_TRUE(rig_wait_finished(&l->r, 1));
	ASSERT_TRUE(lab_wait_rows(l, &self->f));
	rig_kill(&l->bridge_pid, SIGKILL);
	ASSERT_TRUE(put_back_yesterday(l));
	lab_start_bridge(l, &self->f);
	EXPECT_EQ(6, bridge_ends(l));
	EXPECT_TRUE(lab_bridge_says(l, "l1.result holds record"));
	EXPECT_TRUE(
		lab_bridge_says(l, "of another history, with the signature"));
	/* It stays so, and a stranger's word in front of it hides nothing. */
	ASSERT_TRUE(forge(self, s, "check", 1000));
	lab_start_bridge(l, &self->f);
	EXPECT_EQ(6, bridge_ends(l));
}

/* Two machines with one ledger: the other one was faster with a number. */
TEST_F_TIMEOUT(nats, refuses_another_history_beside_it, 120)
{
	CLEANUP(stream_closep) struct stream *s = far_stream(&self->f);
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct lab *l = &self->lab;
	uint64_t seq;
	char id[64];

	ASSERT_TRUE(s);
	ASSERT_TRUE(lab_wait_rows(l, &self->f));
	snprintf(id, sizeof(id), "%s:%" PRIu64, l->ledger, rig_last(&l->r) + 1);
	make_forged(l, l->r.state, LEDGER_KEY_FILE, "result",
		    rig_last(&l->r) + 1, &line);
	ASSERT_EQ(0, stream_publish(s, "reespec.mine.l1.result", id, line.data,
				    line.len, &seq));
	rig_measure(&l->r, "X", "ore-l", 2, "detach", NULL);
	EXPECT_EQ(6, bridge_ends(l));
	EXPECT_TRUE(lab_bridge_says(l, "l1.result holds record"));
}

/* What was lost proves nothing: the ledger goes on, and its next signature puts
 * out what stands in the place of its records. */
TEST_F_TIMEOUT(nats, heals_a_ledger_that_lost_no_signature, 120)
{
	struct lab *l = &self->lab;

	ASSERT_TRUE(lab_wait_rows(l, &self->f));
	ASSERT_TRUE(keep_yesterday(l));
	ASSERT_TRUE(lab_wait_rows(l, &self->f));
	ASSERT_TRUE(put_back_yesterday(l));
	ASSERT_TRUE(rig_wait_state(&l->r, "idle"));
	ASSERT_STREQ("", rig_measure(&l->r, "X", "ore-l", 2, NULL));
	ASSERT_TRUE(rig_wait_finished(&l->r, 1));
	EXPECT_TRUE(lab_is_equal(l, &self->f));
}

/* The server comes back with less than it had acknowledged, as after a power
 * failure: the bridge sends the rest again, and the sink reads it again. */
TEST_F_TIMEOUT(nats, sends_again_what_the_server_lost, 120)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	CLEANUP(stream_closep) struct stream *s = NULL;
	struct lab *l = &self->lab;
	struct far *f = &self->f;
	char command[400];
	uint64_t before;

	ASSERT_TRUE(lab_wait_rows(l, f));
	before = rig_last(&l->r);
	rig_kill(&f->nats_pid, SIGTERM);
	snprintf(command, sizeof(command), "cp -a %s/kept/jetstream %s/before",
		 f->dir, f->dir);
	ASSERT_EQ(0, system(command));
	far_start_nats(f);
	ASSERT_STREQ("", rig_measure(&l->r, "X", "ore-l", 5, NULL));
	ASSERT_TRUE(rig_wait_finished(&l->r, 1));
	ASSERT_TRUE(lab_wait_rows(l, f));
	EXPECT_LT(before, rig_last(&l->r));
	rig_kill(&f->nats_pid, SIGKILL);
	snprintf(command, sizeof(command),
		 "rm -r %s/kept/jetstream; mv %s/before %s/kept/jetstream",
		 f->dir, f->dir, f->dir);
	ASSERT_EQ(0, system(command));
	far_start_nats(f);
	ASSERT_STREQ("", rig_measure(&l->r, "Y", "ore-l", 5, NULL));
	ASSERT_TRUE(rig_wait_finished(&l->r, 2));
	EXPECT_TRUE(lab_is_equal(l, f));
	s = far_stream(f);
	ASSERT_TRUE(s);
	for (uint64_t seq = 1; seq <= rig_last(&l->r); seq++)
		EXPECT_EQ(0, stream_get(s, seq, NULL, &line));
}

/* A record that the server does not take is waited with, and said once. */
TEST_F_TIMEOUT(nats, waits_for_a_server_that_takes_it, 120)
{
	struct lab *l = &self->lab;
	struct far *f = &self->f;
	char path[128];

	ASSERT_TRUE(lab_wait_rows(l, f));
	rig_kill(&f->nats_pid, SIGTERM);
	f->nats_more = "max_payload: 1500";
	far_start_nats(f);
	ASSERT_STREQ("", rig_measure(&l->r, "X", "ore-l", 5, NULL));
	ASSERT_TRUE(rig_wait_finished(&l->r, 1));
	EXPECT_TRUE(lab_bridge_says(l,
				    "more than the server takes (max_payload "
				    "1500)"));
	f->nats_more = NULL;
	rig_kill(&f->nats_pid, SIGTERM);
	far_start_nats(f);
	EXPECT_TRUE(lab_is_equal(l, f));
	snprintf(path, sizeof(path), "%s/nats.log", l->r.dir);
	EXPECT_EQ(1, far_says(path, "more than the server takes"));
}

/* Neither answers nor ends, as behind a network that was cut: what it took
 * without a word is sent again under the same id. */
TEST_F_TIMEOUT(nats, goes_on_after_a_silence, 120)
{
	struct lab *l = &self->lab;
	struct far *f = &self->f;

	ASSERT_TRUE(lab_wait_rows(l, f));
	kill(f->nats_pid, SIGSTOP);
	ASSERT_STREQ("", rig_measure(&l->r, "X", "ore-l", 2, NULL));
	ASSERT_TRUE(rig_wait_finished(&l->r, 1));
	EXPECT_TRUE(lab_bridge_says(l, "trying again"));
	kill(f->nats_pid, SIGCONT);
	EXPECT_TRUE(lab_is_equal(l, f));
	EXPECT_STREQ("0", far_ask(f, "SELECT count(*) FROM reespec.refused"));
}

static bool limit_stream(struct far *f, int64_t max_bytes)
{
	const char *subjects[] = { "reespec.>" };
	natsConnection *connection = NULL;
	jsStreamConfig config;
	jsCtx *js = NULL;
	char server[64];
	bool is_ok;

	snprintf(server, sizeof(server), "nats://127.0.0.1:%d", f->port);
	jsStreamConfig_Init(&config);
	config.Name = "REESPEC";
	config.Subjects = subjects;
	config.SubjectsLen = 1;
	config.Discard = js_DiscardNew;
	config.MaxBytes = max_bytes;
	is_ok = natsConnection_ConnectTo(&connection, server) == NATS_OK &&
		natsConnection_JetStream(&js, connection, NULL) == NATS_OK &&
		js_UpdateStream(NULL, js, &config, NULL, NULL) == NATS_OK;
	jsCtx_Destroy(js);
	natsConnection_Destroy(connection);
	return is_ok;
}

/* A full far disk: nothing is acknowledged that is not there. */
TEST_F_TIMEOUT(nats, waits_for_a_stream_with_room, 120)
{
	struct lab *l = &self->lab;
	struct far *f = &self->f;

	ASSERT_TRUE(lab_wait_rows(l, f));
	ASSERT_TRUE(limit_stream(f, 4000));
	ASSERT_STREQ("", rig_measure(&l->r, "X", "ore-l", 2, NULL));
	ASSERT_TRUE(rig_wait_finished(&l->r, 1));
	EXPECT_TRUE(lab_bridge_says(l, "maximum bytes exceeded"));
	EXPECT_FALSE(has_acked(&l->r));
	ASSERT_TRUE(limit_stream(f, -1));
	EXPECT_TRUE(lab_is_equal(l, f));
	EXPECT_TRUE(rig_wait(&l->r, READY_S, has_acked));
}

TEST_HARNESS_MAIN
