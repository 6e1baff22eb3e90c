// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records without a signature that somebody else publishes first: in the end
 * reespec-pgsink has the ones that the next signature stands for.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridges/stream.h"
#include "kselftest_harness.h"
#include "ledger/chain.h"

#include "far.h"
#include "writer.h"

#define TRUE_ONE "\"true\":1"
#define FORGED "\"true\":0"

FAR_PROGRAM

FIXTURE(forged)
{
	struct far f;
	struct stream *stream;
	struct writer w; /* the laboratory */
	struct writer forger; /* who follows the stream, and has not its key */
	int dir;
};

/* Writes a record, and hands it to the stream. */
static bool say(FIXTURE_DATA(forged) * self, struct writer *w, const char *kind,
		const char *more)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	char subject[100];

	writer_record(w, kind, more, &line);
	snprintf(subject, sizeof(subject), "reespec.mine.l1.%s", kind);
	return far_publish(self->stream, subject, line.data, line.len);
}

FIXTURE_SETUP(forged)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };

	memset(self, 0, sizeof(*self));
	far_start(&self->f);
	self->dir = open(self->f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	self->stream = far_stream(&self->f);
	if (!self->stream)
		exit(1);
	writer_make(&self->w, self->dir, "one.key");
	writer_genesis(&self->w, &line);
	if (!far_publish(self->stream, "reespec.mine.l1.genesis", line.data,
			 line.len))
		exit(1);
	self->forger = self->w;
}

FIXTURE_TEARDOWN(forged)
{
	chain_key_free(self->w.key);
	stream_close(self->stream);
	close(self->dir);
	far_stop(&self->f);
}

/* All of the laboratory's records, each as it wrote it, and no other. */
static bool has_true_ones(FIXTURE_DATA(forged) * self)
{
	struct far *f = &self->f;
	char n[80];

	snprintf(n, sizeof(n), "%s %" PRIu64 " 0", self->w.head, self->w.seq);
	return far_wait(f, n,
			"SELECT concat_ws(' ', head, (SELECT count(*)"
			" FROM reespec.record WHERE ledger = id),"
			" (SELECT count(*) FROM reespec.record"
			" WHERE body ->> 'true' = '0'))"
			" FROM reespec.ledger WHERE id = '%s'",
			self->w.id);
}

static bool are_refused(struct far *f, unsigned int n, const char *where)
{
	char text[24];

	snprintf(text, sizeof(text), "%u", n);
	return far_wait(f, text,
			"SELECT count(*) FROM reespec.refused WHERE %s", where);
}

/* Every kind that needs no signature, the forged one first. */
TEST_F_TIMEOUT(forged, gives_way_to_the_true_one_of_every_kind, 120)
{
	unsigned int n = 0;

	for (int kind = 0; kind < CHAIN_N_KINDS; kind++) {
		const char *name = chain_kind_name((enum chain_kind)kind);

		if (chain_kind_is_signed((enum chain_kind)kind))
			continue;
		self->forger = self->w;
		ASSERT_TRUE(say(self, &self->forger, name, FORGED));
		ASSERT_TRUE(say(self, &self->w, name, TRUE_ONE));
		ASSERT_TRUE(say(self, &self->w, "result", ""));
		n++;
	}
	EXPECT_EQ(10, n);
	EXPECT_TRUE(has_true_ones(self));
	EXPECT_TRUE(are_refused(&self->f, n, "verdict = 'fork'"));
	EXPECT_TRUE(are_refused(&self->f, n, "true"));
	EXPECT_TRUE(far_sink_says(&self->f,
				  "record 2: it is unsigned, and record 3,"
				  " which is signed, continues another"));
}

TEST_F_TIMEOUT(forged, changes_nothing_when_the_true_one_came_first, 120)
{
	ASSERT_TRUE(say(self, &self->w, "check", TRUE_ONE));
	ASSERT_TRUE(say(self, &self->forger, "check", FORGED));
	ASSERT_TRUE(say(self, &self->forger, "check", FORGED));
	ASSERT_TRUE(say(self, &self->w, "result", ""));
	EXPECT_TRUE(has_true_ones(self));
	EXPECT_TRUE(are_refused(&self->f, 1, "verdict = 'fork' AND seq = 2"));
	EXPECT_TRUE(are_refused(&self->f, 1,
				"verdict = 'bad-seq' OR"
				" verdict = 'bad-prev'"));
}

/* Some of the true ones, then a history that goes on for longer. */
TEST_F_TIMEOUT(forged, gives_way_though_it_is_longer, 120)
{
	ASSERT_TRUE(say(self, &self->w, "assay", TRUE_ONE));
	ASSERT_TRUE(say(self, &self->w, "reading", TRUE_ONE));
	self->forger = self->w;
	for (int i = 0; i < 6; i++)
		ASSERT_TRUE(say(self, &self->forger, "check", FORGED));
	for (int i = 0; i < 3; i++)
		ASSERT_TRUE(say(self, &self->w, "reading", TRUE_ONE));
	ASSERT_TRUE(say(self, &self->w, "result", ""));
	EXPECT_TRUE(has_true_ones(self));
	EXPECT_TRUE(are_refused(&self->f, 6, "true"));

	/* What the signed one itself continues is behind it. */
	self->forger = self->w;
	ASSERT_TRUE(say(self, &self->forger, "check", FORGED));
	ASSERT_TRUE(say(self, &self->w, "result", ""));
	EXPECT_TRUE(has_true_ones(self));
	EXPECT_STREQ("7", far_ask(&self->f, "SELECT max(seq) - 1"
					    " FROM reespec.record"));
}

/* As many as it takes that none of the true ones is kept among the refused. */
TEST_F_TIMEOUT(forged, gives_way_in_a_flood, 120)
{
	struct far *f = &self->f;

	ASSERT_TRUE(
		far_wait(f, FAR_VERSION, "SELECT number FROM reespec.version"));
	far_ask(f, "INSERT INTO reespec.refused SELECT n, now(), '', n, '',"
		   " NULL, NULL, 'bad-line', '', '' FROM"
		   " generate_series(1, 10000) n");
	for (int i = 0; i < 100; i++) {
		struct writer forger = self->w;
		char more[40];

		snprintf(more, sizeof(more), FORGED ",\"n\":%d", i);
		ASSERT_TRUE(say(self, &forger, "check", more));
		if (i % 30 == 20)
			ASSERT_TRUE(say(self, &self->w, "check", TRUE_ONE));
	}
	ASSERT_TRUE(say(self, &self->w, "result", ""));
	EXPECT_TRUE(has_true_ones(self));
	EXPECT_TRUE(far_sink_says(f, "is not kept: reespec.refused"));
}

/* A copy that is true but for what stands around it. */
TEST_F_TIMEOUT(forged, decoys_do_not_stop_the_walk, 120)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	CLEANUP(buf_deinit) struct buf decoy = { 0 };
	const char *sig;

	ASSERT_TRUE(say(self, &self->forger, "check", FORGED));
	writer_record(&self->w, "check", TRUE_ONE, &line);
	ASSERT_TRUE(far_publish(self->stream, "reespec.mine.l1.check",
				line.data, line.len));
	ASSERT_TRUE(far_publish(self->stream, "reespec.other.l1.check",
				line.data, line.len));
	ASSERT_TRUE(far_publish(self->stream, "reespec.mine.l1.reading",
				line.data, line.len));
	sig = strstr(line.data, "\"sig\":\"") + 7;
	buf_append(&decoy, line.data, (size_t)(sig - line.data));
	buf_append_str(&decoy, "AAAA");
	buf_append_str(&decoy, sig);
	ASSERT_TRUE(far_publish(self->stream, "reespec.mine.l1.check",
				decoy.data, decoy.len));
	ASSERT_TRUE(say(self, &self->w, "result", ""));
	EXPECT_TRUE(has_true_ones(self));
}

/* A signature alone replaces nothing: the way back to it must be there. It is
 * when all is sent again from what was missing on. */
TEST_F_TIMEOUT(forged, stays_until_the_way_back_is_there, 120)
{
	CLEANUP(buf_deinit) struct buf lost = { 0 };
	CLEANUP(buf_deinit) struct buf result = { 0 };
	struct far *f = &self->f;

	ASSERT_TRUE(say(self, &self->forger, "check", FORGED));
	writer_record(&self->w, "check", TRUE_ONE, &lost);
	writer_record(&self->w, "result", "", &result);
	ASSERT_TRUE(far_publish(self->stream, "reespec.mine.l1.result",
				result.data, result.len));
	ASSERT_TRUE(say(self, &self->w, "result", ""));
	EXPECT_TRUE(are_refused(f, 2, "seq IN (3, 4)"));
	EXPECT_TRUE(far_has_ledger(f, self->w.id, 2));

	ASSERT_TRUE(far_publish(self->stream, "reespec.mine.l1.check",
				lost.data, lost.len));
	ASSERT_TRUE(far_publish(self->stream, "reespec.mine.l1.result",
				result.data, result.len));
	EXPECT_TRUE(has_true_ones(self));
	EXPECT_TRUE(are_refused(f, 1, "true"));
}

/* The ledger that is restored names the true one. */
TEST_F_TIMEOUT(forged, gives_way_to_what_a_restored_ledger_continues, 120)
{
	struct far *f = &self->f;
	struct writer restored;
	char more[400];

	ASSERT_TRUE(say(self, &self->forger, "check", FORGED));
	ASSERT_TRUE(say(self, &self->w, "check", TRUE_ONE));
	restored = self->w;
	chain_new_id(restored.id);
	snprintf(more, sizeof(more),
		 "\"key\":\"%s\",\"continues\":{\"ledger\":\"%s\",\"seq\":"
		 "\"2\",\"hash\":\"%s\"}",
		 restored.public, self->w.id, self->w.head);
	ASSERT_TRUE(say(self, &restored, "genesis", more));
	EXPECT_TRUE(has_true_ones(self));
	EXPECT_TRUE(far_wait(f, "3 4",
			     "SELECT concat_ws(' ', first_seq, next_seq)"
			     " FROM reespec.ledger WHERE id = '%s'",
			     restored.id));
}

/* Put back to yesterday a ledger has its key, and what is proven stays. */
TEST_F_TIMEOUT(forged, an_old_ledger_that_goes_on_replaces_nothing, 120)
{
	struct writer old = self->w;

	ASSERT_TRUE(say(self, &self->w, "check", TRUE_ONE));
	ASSERT_TRUE(say(self, &self->w, "result", ""));
	ASSERT_TRUE(say(self, &self->w, "check", TRUE_ONE));
	for (int i = 0; i < 3; i++)
		ASSERT_TRUE(say(self, &old, "check", FORGED));
	ASSERT_TRUE(say(self, &old, "result", ""));
	ASSERT_TRUE(say(self, &old, "result", ""));
	EXPECT_TRUE(are_refused(&self->f, 5, "true"));
	EXPECT_TRUE(has_true_ones(self));
}

TEST_HARNESS_MAIN
