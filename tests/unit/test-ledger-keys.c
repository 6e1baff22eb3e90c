// SPDX-License-Identifier: GPL-2.0-or-later
/* The change of the key that signs, and being cut off in the middle of it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "kselftest_harness.h"
#include "ledger/store.h"
#include "state_dir.h"

#define NEXT_KEY_FILE LEDGER_KEY_FILE ".next"

FIXTURE(keys)
{
	char dir[128];
	char path[256]; /* of the key */
	char next[256];
	char first[1][CHAIN_KEY_SIZE];
	struct ledger *l;
};

FIXTURE_SETUP(keys)
{
	state_dir_make(self->dir);
	snprintf(self->path, sizeof(self->path), "%s/" LEDGER_KEY_FILE,
		 self->dir);
	snprintf(self->next, sizeof(self->next), "%s/" NEXT_KEY_FILE,
		 self->dir);
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	strcpy(self->first[0], ledger_public_key(self->l));
	ASSERT_EQ(0, append_some(self->l, CHAIN_RESULT, 1, 16, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
}

FIXTURE_TEARDOWN(keys)
{
	ledger_close(self->l);
	state_dir_remove(self->dir);
}

static int result(struct ledger *l)
{
	int r = append_some(l, CHAIN_RESULT, 2, 16, NULL);

	return r < 0 ? r : ledger_commit(l, NULL);
}

static struct ledger_verified verified(struct ledger *l,
				       const struct ledger_verify *what)
{
	struct ledger_verified v = { 0 };
	int r = ledger_verify(l, what, &v);

	if (r < 0) {
		v.fault.verdict = CHAIN_BAD_LINE;
		snprintf(v.fault.why, sizeof(v.fault.why), "%s", ledger_why(l));
	}
	return v;
}

TEST_F(keys, a_change_is_recorded_and_signed_by_the_old)
{
	struct ledger_verify what = { .known = self->first, .n_known = 1 };
	struct chain_record record;
	struct ledger_verified v;
	struct chain_head head;
	uint64_t seq = 0;

	ASSERT_EQ(0, ledger_rotate_key(self->l, 1000, "yearly", &seq));
	EXPECT_EQ(3, seq);
	EXPECT_EQ(3, ledger_last(self->l));
	EXPECT_STRNE(self->first[0], ledger_public_key(self->l));
	EXPECT_NE(0, access(self->next, F_OK));
	ASSERT_EQ(0, ledger_get(self->l, 3, &record, &head, NULL));
	EXPECT_EQ(CHAIN_KEY, head.kind);
	EXPECT_EQ(0, chain_verify_sig(self->first[0], record.hash, record.sig));
	chain_record_deinit(&record);

	ASSERT_EQ(0, result(self->l));
	ASSERT_EQ(0, ledger_get(self->l, 4, &record, NULL, NULL));
	EXPECT_EQ(0, chain_verify_sig(ledger_public_key(self->l), record.hash,
				      record.sig));
	chain_record_deinit(&record);
	v = verified(self->l, &what);
	EXPECT_EQ(CHAIN_GOOD, v.fault.verdict) TH_LOG("%s", v.fault.why);
	EXPECT_EQ(4, v.chain.n_signatures);
}

/* Each part by the key that was good then. */
TEST_F(keys, parts_verify_on_both_sides_of_a_change)
{
	struct ledger_verify before = { .from = 2, .to = 2 };
	struct ledger_verify after = { .from = 4 };
	uint64_t seq;

	ASSERT_EQ(0, ledger_rotate_key(self->l, 1000, "yearly", &seq));
	ASSERT_EQ(0, result(self->l));
	EXPECT_EQ(CHAIN_GOOD, verified(self->l, &before).fault.verdict);
	EXPECT_EQ(1, verified(self->l, &before).chain.n_signatures);
	EXPECT_EQ(CHAIN_GOOD, verified(self->l, &after).fault.verdict);
	EXPECT_EQ(1, verified(self->l, &after).chain.n_signatures);
}

TEST_F(keys, a_change_waits_for_an_empty_batch)
{
	uint64_t seq;

	ASSERT_EQ(0, append_some(self->l, CHAIN_READING, 1, 0, NULL));
	EXPECT_EQ(-EBUSY, ledger_rotate_key(self->l, 1000, "x", &seq));
	EXPECT_STREQ(self->first[0], ledger_public_key(self->l));
}

TEST_F(keys, a_change_that_cannot_be_written_is_none)
{
	struct ledger_batch waiting;
	uint64_t seq;

	sqlite3_exec(self->l->db,
		     "CREATE TEMP TRIGGER full BEFORE INSERT ON record"
		     " BEGIN SELECT RAISE(ABORT, 'full'); END",
		     NULL, NULL, NULL);
	EXPECT_NE(0, ledger_rotate_key(self->l, 1000, "x", &seq));
	EXPECT_STREQ(self->first[0], ledger_public_key(self->l));
	ledger_pending(self->l, &waiting);
	EXPECT_EQ(0, waiting.n_records);
	sqlite3_exec(self->l->db, "DROP TRIGGER full", NULL, NULL, NULL);
	EXPECT_EQ(0, result(self->l));
	/* What was left is no obstacle, and is put away. */
	EXPECT_EQ(0, ledger_rotate_key(self->l, 1000, "x", &seq));
	EXPECT_NE(0, access(self->next, F_OK));
}

/* The key that signs could not be put in its place: it is not lost by trying
 * again. */
TEST_F(keys, the_key_that_signs_outlives_the_next_change)
{
	char second[CHAIN_KEY_SIZE];
	uint64_t seq;

	ASSERT_EQ(0, ledger_rotate_key(self->l, 1000, "x", &seq));
	strcpy(second, ledger_public_key(self->l));
	ASSERT_EQ(0, rename(self->path, self->next));
	sqlite3_exec(self->l->db,
		     "CREATE TEMP TRIGGER full BEFORE INSERT ON record"
		     " BEGIN SELECT RAISE(ABORT, 'full'); END",
		     NULL, NULL, NULL);
	EXPECT_NE(0, ledger_rotate_key(self->l, 1000, "y", &seq));
	ledger_close(self->l);
	self->l = NULL;
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	EXPECT_STREQ(second, ledger_public_key(self->l));
}

static void copy_file(const char *from, const char *to)
{
	char text[64];
	int fd = open(from, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text));

	close(fd);
	fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (n <= 0 || write(fd, text, (size_t)n) != n)
		abort();
	close(fd);
}

/* The power failed behind the commit: both files are as they were. */
TEST_F(keys, a_change_cut_off_behind_its_record_is_finished)
{
	char old[256], second[CHAIN_KEY_SIZE];
	uint64_t seq;

	snprintf(old, sizeof(old), "%s/old", self->dir);
	copy_file(self->path, old);
	ASSERT_EQ(0, ledger_rotate_key(self->l, 1000, "x", &seq));
	strcpy(second, ledger_public_key(self->l));
	self->l = ledger_close(self->l);
	ASSERT_EQ(0, rename(self->path, self->next));
	ASSERT_EQ(0, rename(old, self->path));

	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	EXPECT_STREQ(second, ledger_public_key(self->l));
	EXPECT_NE(0, access(self->next, F_OK));
	EXPECT_EQ(0, result(self->l));
	EXPECT_EQ(CHAIN_GOOD, verified(self->l, &(struct ledger_verify){ 0 })
				      .fault.verdict);
}

/* Or before it: the new key has signed nothing and goes. */
TEST_F(keys, a_change_cut_off_before_its_record_is_forgotten)
{
	struct chain_key *next = NULL;

	ASSERT_EQ(0, chain_key_create(self->l->dir_fd, NEXT_KEY_FILE, &next));
	chain_key_free(next);
	self->l = ledger_close(self->l);
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	EXPECT_STREQ(self->first[0], ledger_public_key(self->l));
	EXPECT_NE(0, access(self->next, F_OK));
}

TEST_HARNESS_MAIN
