// SPDX-License-Identifier: GPL-2.0-or-later
/* What may leave the ledger, what leaves with it, and what stays true. */
#include <errno.h>
#include <string.h>

#include "kselftest_harness.h"
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
	self->all.before_boot_ns = UINT64_MAX;
}

FIXTURE_TEARDOWN(archive)
{
	ledger_close(self->l);
	state_dir_remove(self->dir);
}

static uint64_t may_go(struct ledger *l, const struct ledger_archive *what)
{
	uint64_t last = 99;

	return archive_some(l, what, NULL, &last, NULL) < 0 ? 98 : last;
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
	EXPECT_STREQ("record 3 and those before it are no result",
		     ledger_why(self->l));
	what.to = 0;
	what.running = 6;
	EXPECT_EQ(4, may_go(self->l, &what));
	what.running = 2;
	EXPECT_EQ(0, may_go(self->l, &what));
	EXPECT_NE(NULL, strstr(ledger_why(self->l), "an assay that runs"));
}

TEST_F(archive, what_is_young_stays)
{
	struct ledger_archive what = { .before_boot_ns = UINT64_MAX };
	struct chain_record record;
	struct chain_head head;

	EXPECT_EQ(0, may_go(self->l, &what));
	EXPECT_STREQ("no result is older than is asked for",
		     ledger_why(self->l));
	strcpy(what.rule, "9 days");
	EXPECT_EQ(0, may_go(self->l, &what));
	EXPECT_STREQ("no result is older than 9 days", ledger_why(self->l));
	ASSERT_EQ(0, ledger_get(self->l, 4, &record, &head, NULL));
	chain_record_deinit(&record);
	ASSERT_EQ(0, clock_parse(head.time, &what.before_us));
	EXPECT_EQ(0, may_go(self->l, &what));
	what.before_us++;
	EXPECT_EQ(4, may_go(self->l, &what));
}

/* The wall clock says that all is old; this boot's own clock knows better. */
TEST_F(archive, what_this_boot_made_lately_stays)
{
	struct ledger_archive what = self->all;
	struct chain_record record;
	struct chain_head head;

	ASSERT_EQ(0, ledger_get(self->l, 4, &record, &head, NULL));
	chain_record_deinit(&record);
	what.before_boot_ns = head.mono_ns;
	EXPECT_EQ(0, may_go(self->l, &what));
	what.before_boot_ns++;
	EXPECT_EQ(4, may_go(self->l, &what));
	/* Of another boot it says nothing. */
	what.before_boot_ns = 0;
	EXPECT_EQ(0, may_go(self->l, &what));
	self->l->boot_id[0] ^= 1;
	EXPECT_EQ(8, may_go(self->l, &what));
}

TEST_F(archive, what_a_reader_has_not_acknowledged_stays)
{
	char hash[CHAIN_HASH_SIZE];
	uint64_t next;

	ASSERT_EQ(0, reader_follow(self->l, "lims", 1000, 4, 0, &next));
	EXPECT_EQ(0, may_go(self->l, &self->all));
	EXPECT_NE(NULL,
		  strstr(ledger_why(self->l),
			 "lims has acknowledged no more than record 0: "));
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

/* One by one, so that every place to stop at is passed. */
static unsigned int purge(struct ledger *l)
{
	unsigned int n = 0;
	int r;

	while ((r = ledger_purge(l, 1)) > 0)
		n++;
	return r < 0 ? 99 : n;
}

TEST_F(archive, the_rest_verifies_and_goes_on)
{
	struct ledger_archive what = self->all;
	char hash[CHAIN_HASH_SIZE];
	struct chain_record record;
	uint64_t last, seq = 0, next;

	what.to = 4;
	hash_of(self->l, 4, hash);
	ASSERT_EQ(4, count(self->l, "SELECT count(*) FROM blob"));
	ASSERT_EQ(0, archive_some(self->l, &what, hash, &last, &seq))
	TH_LOG("%s", ledger_why(self->l));
	EXPECT_EQ(11, seq);
	EXPECT_EQ(5, ledger_first(self->l));
	EXPECT_EQ(-ENOENT, ledger_get(self->l, 4, &record, NULL, NULL));
	EXPECT_STREQ("record 4 was archived: the ledger begins with 5",
		     ledger_why(self->l));
	EXPECT_EQ(-ENOENT, ledger_get(self->l, 12, &record, NULL, NULL));
	EXPECT_STREQ("there is no record 12", ledger_why(self->l));
	EXPECT_EQ(CHAIN_GOOD, verdict(self->l));
	purge(self->l);
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

/* Records that a walk from the first on finds, and the first of them. */
static unsigned int n_found(struct ledger *l, const struct ledger_range *range,
			    uint64_t *ret_first)
{
	CLEANUP(ledger_cursor_closep) struct ledger_cursor *c = NULL;
	struct chain_record record;
	unsigned int n = 0;
	uint64_t seq;

	if (ledger_cursor_open(l, range, &c) < 0)
		abort();
	*ret_first = 0;
	while (ledger_cursor_next(c, &record, &seq) > 0) {
		chain_record_deinit(&record);
		if (!n++ || seq < *ret_first)
			*ret_first = seq;
	}
	return n;
}

/* All at once for every reader, whatever is still in the file; and a kill
 * between any two steps loses nothing and brings nothing back. */
TEST_F(archive, what_went_is_gone_before_the_file_lets_go_of_it)
{
	const struct ledger_range results = { .kinds = 1U << CHAIN_RESULT };
	const struct ledger_range down = { .is_descending = true };
	const struct ledger_range all = { 0 };
	struct ledger_archive what = self->all;
	char hash[CHAIN_HASH_SIZE];
	struct chain_record record;
	uint64_t last, seq, first;
	int r = 1;

	what.to = 4;
	hash_of(self->l, 4, hash);
	ASSERT_EQ(0, archive_some(self->l, &what, hash, &last, &seq));
	for (int i = 0; r > 0; i++) {
		EXPECT_EQ(-ENOENT, ledger_get(self->l, 4, &record, NULL, NULL));
		EXPECT_EQ(-ENOENT, ledger_get(self->l, 1, &record, NULL, NULL));
		EXPECT_EQ(7, n_found(self->l, &all, &first));
		EXPECT_EQ(5, first);
		EXPECT_EQ(7, n_found(self->l, &down, &first));
		EXPECT_EQ(2, n_found(self->l, &results, &first));
		EXPECT_EQ(7, first);
		EXPECT_EQ(CHAIN_GOOD, verdict(self->l));
		/* 8 ends a range still, and is not cut by what went. */
		EXPECT_EQ(8, may_go(self->l, &self->all));
		EXPECT_EQ(4 - (i > 1 ? i - 1 : 0),
			  count(self->l, "SELECT count(*) FROM record"
					 " WHERE seq <= 4"));

		self->l = ledger_close(self->l);
		ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
		EXPECT_EQ(5, ledger_first(self->l));
		r = ledger_purge(self->l, 1);
	}
	EXPECT_EQ(0, r);
	EXPECT_EQ(0, count(self->l, "SELECT count(*) FROM record"
				    " WHERE seq <= 4"));
}

/* A spectrum whose record went is named again before it is taken. */
TEST_F(archive, a_spectrum_that_is_named_again_stays)
{
	struct ledger_archive what = self->all;
	char hash[CHAIN_HASH_SIZE];
	uint64_t last, seq;

	what.to = 4;
	hash_of(self->l, 4, hash);
	ASSERT_EQ(0, archive_some(self->l, &what, hash, &last, &seq));
	add(self->l, CHAIN_RESULT, 10, 1);
	EXPECT_EQ(4, purge(self->l));
	EXPECT_EQ(4, count(self->l, "SELECT count(*) FROM blob"));
	EXPECT_EQ(CHAIN_GOOD, verdict(self->l));
}

/* Between the search and its use. */
TEST_F(archive, a_reader_that_comes_meanwhile_keeps_its_records)
{
	CLEANUP(ledger_archiving_stopp) struct ledger_archiving *a = NULL;
	struct ledger_archive what = self->all;
	char hash[CHAIN_HASH_SIZE];
	uint64_t last, seq, next;

	what.to = 4;
	hash_of(self->l, 4, hash);
	ASSERT_EQ(0, ledger_archiving_start(self->l, &what, &a));
	EXPECT_EQ(-EACCES, ledger_archive(a, hash, 0, "early", &seq));
	EXPECT_EQ(1, ledger_archiving_step(a, 1, &last));
	EXPECT_EQ(0, ledger_archiving_step(a, 9, &last));
	EXPECT_EQ(4, last);
	ASSERT_EQ(0, reader_follow(self->l, "lims", 1000, 4, 2, &next));
	EXPECT_EQ(-EACCES, ledger_archive(a, hash, 0, "x", &seq));
	EXPECT_STREQ("the records up to 4 may not all go: a reader or an assay "
		     "came between",
		     ledger_why(self->l));
	EXPECT_EQ(1, ledger_first(self->l));
	hash_of(self->l, 4, hash);
	ASSERT_EQ(0, reader_ack(self->l, "lims", 1000, 4, hash));
}

TEST_F(archive, a_change_of_keys_may_lie_in_what_went)
{
	struct ledger_archive what = self->all;
	char hash[CHAIN_HASH_SIZE];
	uint64_t last, seq = 0;

	ASSERT_EQ(0, ledger_rotate_key(self->l, 0, "x", &seq));
	add(self->l, CHAIN_RESULT, 10, 5);
	what.to = ledger_last(self->l);
	strcpy(hash, ledger_head(self->l));
	ASSERT_EQ(0, archive_some(self->l, &what, hash, &last, &seq));
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
	uint64_t last, seq;

	hash_of(self->l, 7, hash);
	what.to = 7;
	EXPECT_EQ(-EACCES, archive_some(self->l, &what, hash, &last, &seq));
	what.to = 8;
	EXPECT_EQ(-ESTALE, archive_some(self->l, &what, hash, &last, &seq));
	EXPECT_STREQ("record 8 has another hash in this ledger",
		     ledger_why(self->l));
	what.to = 99;
	EXPECT_EQ(-ENOENT, archive_some(self->l, &what, hash, &last, &seq));
	ASSERT_EQ(0, append_some(self->l, CHAIN_READING, 1, 0, NULL));
	what.to = 8;
	EXPECT_EQ(-EBUSY, archive_some(self->l, &what, hash, &last, &seq));
	ledger_discard(self->l);
	EXPECT_EQ(1, ledger_first(self->l));
	EXPECT_EQ(10, ledger_last(self->l));
	EXPECT_EQ(CHAIN_GOOD, verdict(self->l));
}

TEST_HARNESS_MAIN
