// SPDX-License-Identifier: GPL-2.0-or-later
/* What may leave the ledger, what leaves with it, and what stays true. */
#include <errno.h>
#include <string.h>

#include "kselftest_harness.h"
#include "ledger/archive.h"
#include "ledger/reader.h"
#include "ledger/store.h"
#include "state_dir.h"

FIXTURE(archive)
{
	char dir[128];
	struct ledger *l;
	struct ledger_archive all;
};

static void add(struct ledger *l, enum chain_kind kind, uint64_t assay,
		uint32_t seed)
{
	CLEANUP(js_freep) json_t *part = js_object();
	static uint32_t counts[64];
	const struct ledger_spectrum spectrum = { "spectrum", counts, 64 };
	const struct ledger_entry e = {
		.kind = kind,
		.part = part,
		.spectra = &spectrum,
		.n_spectra = seed ? 1 : 0,
	};

	fill_counts(counts, 64, seed);
	if (assay)
		js_set_u64(part, "assay", assay);
	if (ledger_append(l, &e, NULL, NULL) < 0 || ledger_commit(l, NULL) < 0)
		abort();
}

/*
 * 1 genesis; 2 assay, 3 reading, 4 its result;
 * 5 assay, 6 assay of another instrument, 7 result of 5, 8 result of 6;
 * 9 a reading that belongs to 10, an assay without result.
 * 3 and 8 show the same spectrum.
 */
FIXTURE_SETUP(archive)
{
	state_dir_make(self->dir);
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	add(self->l, CHAIN_ASSAY, 0, 0);
	add(self->l, CHAIN_READING, 2, 77);
	add(self->l, CHAIN_RESULT, 2, 1);
	add(self->l, CHAIN_ASSAY, 0, 0);
	add(self->l, CHAIN_ASSAY, 0, 0);
	add(self->l, CHAIN_RESULT, 5, 2);
	add(self->l, CHAIN_RESULT, 6, 77);
	add(self->l, CHAIN_READING, 10, 3);
	add(self->l, CHAIN_ASSAY, 0, 0);
	self->all.before_us = UINT64_MAX;
}

FIXTURE_TEARDOWN(archive)
{
	ledger_close(self->l);
	state_dir_remove(self->dir);
}

static uint64_t may_go(struct ledger *l, const struct ledger_archive *what)
{
	uint64_t last = 99;

	return ledger_archivable(l, what, &last) < 0 ? 98 : last;
}

static void hash_of(struct ledger *l, uint64_t seq, char *ret)
{
	struct chain_record record;

	if (ledger_get(l, seq, &record, NULL, NULL) < 0)
		abort();
	strcpy(ret, record.hash);
	chain_record_deinit(&record);
}

TEST_F(archive, a_range_ends_in_a_result_and_cuts_no_assay)
{
	struct ledger_archive what = self->all;

	EXPECT_EQ(8, may_go(self->l, &what));
	/* 7 is a result, but assay 6 lies on both sides of it. */
	what.to = 7;
	EXPECT_EQ(4, may_go(self->l, &what));
	what.to = 3;
	EXPECT_EQ(0, may_go(self->l, &what));
	what.to = 0;
	what.running = 6;
	EXPECT_EQ(4, may_go(self->l, &what));
	what.running = 2;
	EXPECT_EQ(0, may_go(self->l, &what));
}

TEST_F(archive, what_is_young_stays)
{
	struct ledger_archive what = { 0 };
	struct chain_record record;
	struct chain_head head;

	EXPECT_EQ(0, may_go(self->l, &what));
	EXPECT_NE(NULL, strstr(ledger_why(self->l), "old enough"));
	ASSERT_EQ(0, ledger_get(self->l, 4, &record, &head, NULL));
	chain_record_deinit(&record);
	ASSERT_EQ(0, clock_parse(head.time, &what.before_us));
	EXPECT_EQ(0, may_go(self->l, &what));
	what.before_us++;
	EXPECT_EQ(4, may_go(self->l, &what));
}

TEST_F(archive, what_a_reader_has_not_acknowledged_stays)
{
	char hash[CHAIN_HASH_SIZE];
	uint64_t next;

	ASSERT_EQ(0, reader_follow(self->l, "lims", 1000, 4, 0, &next));
	EXPECT_EQ(0, may_go(self->l, &self->all));
	EXPECT_NE(NULL, strstr(ledger_why(self->l), "reader lims"));
	hash_of(self->l, 6, hash);
	ASSERT_EQ(0, reader_ack(self->l, "lims", 1000, 6, hash));
	EXPECT_EQ(4, may_go(self->l, &self->all));
	hash_of(self->l, 8, hash);
	ASSERT_EQ(0, reader_ack(self->l, "lims", 1000, 8, hash));
	EXPECT_EQ(8, may_go(self->l, &self->all));
}

static int64_t count(struct ledger *l, const char *sql)
{
	sqlite3_stmt *s;
	int64_t n = -1;

	if (sqlite3_prepare_v2(l->db, sql, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

static enum chain_verdict verdict(struct ledger *l)
{
	const struct ledger_verify what = { 0 };
	struct ledger_verified v;

	return ledger_verify(l, &what, &v) < 0 ? CHAIN_BAD_LINE
					       : v.fault.verdict;
}

TEST_F(archive, the_rest_verifies_and_goes_on)
{
	struct ledger_archive what = self->all;
	char hash[CHAIN_HASH_SIZE];
	struct chain_record record;
	uint64_t seq = 0, next;

	what.to = 4;
	hash_of(self->l, 4, hash);
	ASSERT_EQ(4, count(self->l, "SELECT count(*) FROM blob"));
	ASSERT_EQ(0, ledger_archive(self->l, &what, hash, 0, "full", &seq))
	TH_LOG("%s", ledger_why(self->l));
	EXPECT_EQ(11, seq);
	EXPECT_EQ(5, ledger_first(self->l));
	EXPECT_EQ(-ENOENT, ledger_get(self->l, 4, &record, NULL, NULL));
	/* That of record 4 is gone; 8 still names the one of record 3. */
	EXPECT_EQ(3, count(self->l, "SELECT count(*) FROM blob"));
	EXPECT_EQ(CHAIN_GOOD, verdict(self->l));

	self->l = ledger_close(self->l);
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	EXPECT_EQ(5, ledger_first(self->l));
	EXPECT_EQ(CHAIN_GOOD, verdict(self->l));
	ASSERT_EQ(0, ledger_get(self->l, 5, &record, NULL, NULL));
	EXPECT_STREQ(hash, record.prev);
	chain_record_deinit(&record);
	ASSERT_EQ(0, reader_follow(self->l, "late", 1000, 4, 0, &next));
	EXPECT_EQ(5, next);
	add(self->l, CHAIN_RESULT, 10, 5);
	EXPECT_EQ(CHAIN_GOOD, verdict(self->l));
}

TEST_F(archive, a_change_of_keys_may_lie_in_what_went)
{
	struct ledger_archive what = self->all;
	char hash[CHAIN_HASH_SIZE];
	uint64_t seq = 0;

	ASSERT_EQ(0, ledger_rotate_key(self->l, 0, "x", &seq));
	add(self->l, CHAIN_RESULT, 10, 5);
	what.to = ledger_last(self->l);
	strcpy(hash, ledger_head(self->l));
	ASSERT_EQ(0, ledger_archive(self->l, &what, hash, 0, "full", &seq));
	EXPECT_EQ(seq, ledger_first(self->l));
	EXPECT_EQ(seq, ledger_last(self->l));
	EXPECT_EQ(CHAIN_GOOD, verdict(self->l));
	self->l = ledger_close(self->l);
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	EXPECT_EQ(CHAIN_GOOD, verdict(self->l));
}

TEST_F(archive, what_may_not_go_is_refused_and_stays)
{
	struct ledger_archive what = self->all;
	char hash[CHAIN_HASH_SIZE];
	uint64_t seq;

	hash_of(self->l, 7, hash);
	what.to = 7;
	EXPECT_EQ(-EACCES, ledger_archive(self->l, &what, hash, 0, "x", &seq));
	what.to = 8;
	EXPECT_EQ(-ESTALE, ledger_archive(self->l, &what, hash, 0, "x", &seq));
	what.to = 99;
	EXPECT_EQ(-ENOENT, ledger_archive(self->l, &what, hash, 0, "x", &seq));
	ASSERT_EQ(0, append_some(self->l, CHAIN_READING, 1, 0, NULL));
	what.to = 8;
	EXPECT_EQ(-EBUSY, ledger_archive(self->l, &what, hash, 0, "x", &seq));
	ledger_discard(self->l);
	EXPECT_EQ(1, ledger_first(self->l));
	EXPECT_EQ(10, ledger_last(self->l));
	EXPECT_EQ(CHAIN_GOOD, verdict(self->l));
}

TEST_HARNESS_MAIN
