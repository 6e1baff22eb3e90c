// SPDX-License-Identifier: GPL-2.0-or-later
/* Named readers, their owners and their positions. */
#include <errno.h>
#include <string.h>

#include "kselftest_harness.h"
#include "ledger/reader.h"
#include "state_dir.h"

FIXTURE(readers)
{
	char dir[128];
	char hash[11][CHAIN_HASH_SIZE]; /* of records 1 to 10 */
	struct ledger *l;
};

FIXTURE_SETUP(readers)
{
	struct chain_record r;

	state_dir_make(self->dir);
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	for (uint32_t i = 2; i <= 10; i++)
		ASSERT_EQ(0, append_some(self->l, CHAIN_READING, i, 0, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	for (uint64_t i = 1; i <= 10; i++) {
		ASSERT_EQ(0, ledger_get(self->l, i, &r, NULL, NULL));
		strcpy(self->hash[i], r.hash);
		chain_record_deinit(&r);
	}
}

FIXTURE_TEARDOWN(readers)
{
	ledger_close(self->l);
	state_dir_remove(self->dir);
}

TEST_F(readers, new_one_begins_at_the_first_record)
{
	uint64_t next;

	ASSERT_EQ(0, reader_follow(self->l, "lims", 1000, 4, 0, &next));
	EXPECT_EQ(1, next);
}

TEST_F(readers, position_survives_closing)
{
	uint64_t next;

	ASSERT_EQ(0, reader_follow(self->l, "lims", 1000, 4, 0, &next));
	ASSERT_EQ(0, reader_ack(self->l, "lims", 1000, 6, self->hash[6]));
	self->l = ledger_close(self->l);
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	ASSERT_EQ(0, reader_follow(self->l, "lims", 1000, 4, 0, &next));
	EXPECT_EQ(7, next);
}

TEST_F(readers, asking_for_a_start_does_not_move_the_position)
{
	struct reader r;
	uint64_t next;

	ASSERT_EQ(0, reader_follow(self->l, "lims", 1000, 4, 0, &next));
	ASSERT_EQ(0, reader_ack(self->l, "lims", 1000, 6, self->hash[6]));
	ASSERT_EQ(0, reader_follow(self->l, "lims", 1000, 4, 3, &next));
	EXPECT_EQ(3, next);
	ASSERT_EQ(0, reader_get(self->l, "lims", &r));
	EXPECT_EQ(6, r.acked_seq);
}

TEST_F(readers, new_one_with_a_start_owes_nothing_before_it)
{
	struct reader r;
	uint64_t next;

	ASSERT_EQ(0, reader_follow(self->l, "late", 1000, 4, 11, &next));
	EXPECT_EQ(11, next);
	ASSERT_EQ(0, reader_get(self->l, "late", &r));
	EXPECT_EQ(10, r.acked_seq);
	EXPECT_STREQ(self->hash[10], r.acked_hash);
}

TEST_F(readers, start_outside_the_ledger_is_refused)
{
	uint64_t next = 77;

	EXPECT_EQ(-ERANGE, reader_follow(self->l, "lims", 1000, 4, 12, &next));
	EXPECT_EQ(77, next);
	EXPECT_EQ(-ENOENT, reader_forget(self->l, "lims", 1000, true));
}

TEST_F(readers, older_ack_is_checked_and_does_not_go_back)
{
	struct reader r;
	uint64_t next;

	ASSERT_EQ(0, reader_follow(self->l, "lims", 1000, 4, 0, &next));
	ASSERT_EQ(0, reader_ack(self->l, "lims", 1000, 6, self->hash[6]));
	EXPECT_EQ(0, reader_ack(self->l, "lims", 1000, 4, self->hash[4]));
	EXPECT_EQ(-ESTALE, reader_ack(self->l, "lims", 1000, 4, self->hash[6]));
	ASSERT_EQ(0, reader_get(self->l, "lims", &r));
	EXPECT_EQ(6, r.acked_seq);
}

TEST_F(readers, ack_with_another_hash_is_a_conflict)
{
	struct reader r;
	uint64_t next;

	ASSERT_EQ(0, reader_follow(self->l, "lims", 1000, 4, 0, &next));
	EXPECT_EQ(-ESTALE, reader_ack(self->l, "lims", 1000, 6, self->hash[5]));
	EXPECT_NE(NULL, strstr(ledger_why(self->l), "another history"));
	EXPECT_EQ(-ESTALE, reader_ack(self->l, "lims", 1000, 6, ""));
	ASSERT_EQ(0, reader_get(self->l, "lims", &r));
	EXPECT_EQ(0, r.acked_seq);
}

TEST_F(readers, ack_beyond_the_last_record_is_refused)
{
	uint64_t next, seq;

	ASSERT_EQ(0, reader_follow(self->l, "lims", 1000, 4, 0, &next));
	ASSERT_EQ(0, append_some(self->l, CHAIN_READING, 11, 0, &seq));
	EXPECT_EQ(-ERANGE,
		  reader_ack(self->l, "lims", 1000, seq, self->hash[10]));
	EXPECT_EQ(-ERANGE,
		  reader_ack(self->l, "lims", 1000, 0, CHAIN_GENESIS_PREV));
}

TEST_F(readers, names_belong_to_their_user)
{
	uint64_t next;

	ASSERT_EQ(0, reader_follow(self->l, "lims", 1000, 4, 0, &next));
	EXPECT_EQ(-EACCES, reader_follow(self->l, "lims", 1001, 4, 0, &next));
	EXPECT_EQ(-EACCES, reader_ack(self->l, "lims", 1001, 2, self->hash[2]));
	EXPECT_EQ(-EACCES, reader_forget(self->l, "lims", 1001, false));
	EXPECT_EQ(0, reader_forget(self->l, "lims", 1001, true));
	EXPECT_EQ(-ENOENT, reader_ack(self->l, "lims", 1000, 2, self->hash[2]));
}

TEST_F(readers, fifth_of_a_user_is_refused)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	uint64_t next;

	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0,
			  reader_follow(self->l, names[i], 1000, 4, 0, &next));
	EXPECT_EQ(-EDQUOT, reader_follow(self->l, "e", 1000, 4, 0, &next));
	EXPECT_EQ(0, reader_follow(self->l, "e", 1001, 4, 0, &next));
	EXPECT_EQ(0, reader_follow(self->l, "d", 1000, 4, 0, &next));
	ASSERT_EQ(0, reader_forget(self->l, "a", 1000, false));
	EXPECT_EQ(0, reader_follow(self->l, "f", 1000, 4, 0, &next));
}

TEST_F(readers, list_is_by_name)
{
	struct reader *list;
	uint64_t next;
	size_t n;

	ASSERT_EQ(0, reader_follow(self->l, "zeta", 1000, 4, 0, &next));
	ASSERT_EQ(0, reader_follow(self->l, "alpha", 1001, 4, 5, &next));
	ASSERT_EQ(0, reader_list(self->l, &list, &n));
	ASSERT_EQ(2, n);
	EXPECT_STREQ("alpha", list[0].name);
	EXPECT_EQ(1001, list[0].uid);
	EXPECT_EQ(4, list[0].acked_seq);
	EXPECT_NE(0, list[0].seen_us);
	EXPECT_STREQ("zeta", list[1].name);
	free(list);
}

TEST_F(readers, names_are_checked)
{
	char name[READER_NAME_MAX + 2];
	uint64_t next;

	EXPECT_TRUE(reader_name_valid("LIMS-2.west_1"));
	memset(name, 'a', sizeof(name));
	name[READER_NAME_MAX] = '\0';
	EXPECT_TRUE(reader_name_valid(name));
	name[READER_NAME_MAX] = 'a';
	name[READER_NAME_MAX + 1] = '\0';
	EXPECT_FALSE(reader_name_valid(name));
	EXPECT_FALSE(reader_name_valid(""));
	EXPECT_FALSE(reader_name_valid(".hidden"));
	EXPECT_FALSE(reader_name_valid("-x"));
	EXPECT_FALSE(reader_name_valid("a b"));
	EXPECT_FALSE(reader_name_valid("a/b"));
	EXPECT_EQ(-EINVAL, reader_follow(self->l, "a\nb", 1000, 4, 0, &next));
}

TEST_HARNESS_MAIN
