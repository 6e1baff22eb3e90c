// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ledgers of older versions, kept as files, open with all they held. Each
 * was made by the version it is named after: a genesis, a start, an assay of
 * BST-ORE with two readings and a result, one of "blank 2" with its result;
 * reader "lims" of uid 1000 has acknowledged record 4.
 */
#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "base/buf.h"
#include "kselftest_harness.h"
#include "ledger/reader.h"
#include "state_dir.h"

FIXTURE(upgrade)
{
	char dir[128];
	char path[256];
	struct ledger *l;
};

static void copy(const char *from, const char *to, mode_t mode)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	FILE *f;

	if (buf_read_file(&b, from, 1 << 20) < 0)
		abort();
	f = fopen(to, "we");
	if (!f || fwrite(b.data, 1, b.len, f) != b.len || fclose(f) ||
	    chmod(to, mode))
		abort();
}

FIXTURE_SETUP(upgrade)
{
	char path[256];

	state_dir_make(self->dir);
	snprintf(self->path, sizeof(self->path), "%s/" LEDGER_FILE, self->dir);
	snprintf(path, sizeof(path), "%s/" LEDGER_KEY_FILE, self->dir);
	copy("tests/data/ledger-v1.sqlite", self->path, 0600);
	copy("tests/data/ledger-v1.key", path, 0600);
}

FIXTURE_TEARDOWN(upgrade)
{
	ledger_close(self->l);
	state_dir_remove(self->dir);
}

/* The number in the first column of the first row. */
static int64_t number(const char *path, const char *sql)
{
	sqlite3_stmt *s = NULL;
	int64_t n = -1;
	sqlite3 *db;

	if (sqlite3_open(path, &db) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

static size_t count_range(struct ledger *l, const struct ledger_range *range)
{
	CLEANUP(ledger_cursor_closep) struct ledger_cursor *c = NULL;
	struct chain_record r;
	size_t n = 0;

	if (ledger_cursor_open(l, range, &c) < 0)
		return 0;
	while (ledger_cursor_next(c, &r, NULL) > 0) {
		chain_record_deinit(&r);
		n++;
	}
	return n;
}

static size_t count(struct ledger *l, uint32_t kinds, const char *sample)
{
	return count_range(l, &(struct ledger_range){ .kinds = kinds,
						      .sample = sample });
}

static size_t count_of(struct ledger *l, const char *serial)
{
	return count_range(l, &(struct ledger_range){ .instrument = serial });
}

TEST_F(upgrade, the_first_version_keeps_all_it_held)
{
	const struct ledger_verify what = {
		.witness_seq = 8,
		.witness_hash =
			"5e6bb5aa7351854e412d3ee081ce64563383f1e294e2bdfb5fb74dac1d2fed70",
	};
	struct ledger_verified found;
	struct reader *readers;
	size_t n;

	ASSERT_EQ(1, number(self->path, "PRAGMA user_version"));
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	EXPECT_STREQ("a47a6d0a0cc8ed01fa710e3c7fb20229", ledger_id(self->l));
	ASSERT_EQ(0, ledger_verify(self->l, &what, &found));
	EXPECT_EQ(CHAIN_GOOD, found.fault.verdict);
	EXPECT_EQ(8, found.chain.n_records);
	EXPECT_EQ(4, found.n_blobs);
	EXPECT_EQ(3, found.chain.n_signatures);
	EXPECT_EQ(2, count(self->l, 1U << CHAIN_READING, NULL));
	EXPECT_EQ(2, count(self->l, 0, "BST-ORE"));
	EXPECT_EQ(1, count(self->l, 1U << CHAIN_RESULT, "blank 2"));
	EXPECT_EQ(2, count_of(self->l, "38563"));

	ASSERT_EQ(0, reader_list(self->l, &readers, &n));
	ASSERT_EQ(1, n);
	EXPECT_STREQ("lims", readers[0].name);
	EXPECT_EQ(4, readers[0].acked_seq);
	free(readers);

	ASSERT_EQ(0, append_some(self->l, CHAIN_READING, 1, 16, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	self->l = ledger_close(self->l);
	EXPECT_EQ(4, number(self->path, "PRAGMA user_version"));
	EXPECT_EQ(0,
		  number(self->path, "SELECT count(*) FROM blob"
				     " WHERE last_seq NOT IN (4, 5, 6, 8, 9)"));
	/* Once is enough: the next start finds the tables as they are. */
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	EXPECT_EQ(9, ledger_last(self->l));
}

/* Version 3 is this one without two columns. */
TEST_F(upgrade, the_third_version_tells_what_results_end)
{
	CLEANUP(js_freep) json_t *part = js_object();
	const struct ledger_entry e = {
		.kind = CHAIN_RESULT,
		.serial = "12345",
		.part = part,
	};
	uint64_t open = 0;

	js_set_u64(part, "assay", 3);
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	ASSERT_EQ(0, ledger_append(self->l, &e, NULL, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	self->l = ledger_close(self->l);
	ASSERT_EQ(-1, number(self->path, "DROP INDEX record_instrument"));
	ASSERT_EQ(-1, number(self->path, "DROP INDEX record_assay"));
	ASSERT_EQ(-1, number(self->path,
			     "ALTER TABLE record DROP COLUMN instrument"));
	ASSERT_EQ(-1,
		  number(self->path, "ALTER TABLE record DROP COLUMN assay"));
	ASSERT_EQ(-1, number(self->path, "PRAGMA user_version = 3"));

	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	EXPECT_EQ(1, count_of(self->l, "12345"));
	EXPECT_EQ(1, ledger_next_open(self->l, 1, &open));
	EXPECT_EQ(7, open);
}

TEST_F(upgrade, a_newer_version_is_left_alone)
{
	char why[200];

	ASSERT_EQ(-1, number(self->path, "PRAGMA user_version = 99"));
	EXPECT_EQ(-EPROTO,
		  ledger_open(self->dir, NULL, &self->l, why, sizeof(why)));
	EXPECT_NE(NULL, strstr(why, "newer version"));
	EXPECT_EQ(99, number(self->path, "PRAGMA user_version"));
}

/* A step that fails leaves the version before, to be tried again. */
TEST_F(upgrade, a_step_that_fails_changes_nothing)
{
	char why[200];

	ASSERT_EQ(-1,
		  number(self->path, "CREATE TABLE record_kind (x INTEGER)"));
	EXPECT_NE(0, ledger_open(self->dir, NULL, &self->l, why, sizeof(why)));
	EXPECT_EQ(1, number(self->path, "PRAGMA user_version"));
	ASSERT_EQ(-1, number(self->path, "DROP TABLE record_kind"));
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	EXPECT_EQ(8, ledger_last(self->l));
}

TEST_HARNESS_MAIN
