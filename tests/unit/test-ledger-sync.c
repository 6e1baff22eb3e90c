// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is said to be durable was forced to the disk: the calls that do it are
 * counted on their way to the system.
 */
#include <string.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "ledger/reader.h"
#include "state_dir.h"

static unsigned int n_syncs;
static char last_synced[512];

static void note(int fd)
{
	char link[64];
	ssize_t n;

	n_syncs++;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, last_synced, sizeof(last_synced) - 1);
	last_synced[n > 0 ? n : 0] = '\0';
}

/* In place of the C library's, for SQLite as well. */
int fsync(int fd)
{
	note(fd);
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	note(fd);
	return (int)syscall(SYS_fdatasync, fd);
}

FIXTURE(sync)
{
	char dir[128];
	struct ledger *l;
};

FIXTURE_SETUP(sync)
{
	state_dir_make(self->dir);
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	/* The first write to a new log also syncs its header. */
	ASSERT_EQ(0, append_some(self->l, CHAIN_READING, 0, 0, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	n_syncs = 0;
}

FIXTURE_TEARDOWN(sync)
{
	ledger_close(self->l);
	state_dir_remove(self->dir);
}

TEST_F(sync, each_batch_is_forced_to_the_disk_once)
{
	for (uint32_t i = 1; i <= 5; i++) {
		for (uint32_t k = 0; k < 16; k++)
			ASSERT_EQ(0, append_some(self->l, CHAIN_READING, k, 64,
						 NULL));
		EXPECT_EQ(i - 1, n_syncs);
		ASSERT_EQ(0, ledger_commit(self->l, NULL));
		EXPECT_EQ(i, n_syncs);
		EXPECT_NE(NULL, strstr(last_synced, LEDGER_FILE "-wal"));
	}
}

TEST_F(sync, a_readers_position_is_forced_to_the_disk)
{
	uint64_t next;

	ASSERT_EQ(0, reader_follow(self->l, "lims", 1000, 4, 0, &next));
	EXPECT_EQ(1, n_syncs);
	ASSERT_EQ(0, reader_ack(self->l, "lims", 1000, ledger_last(self->l),
				ledger_head(self->l)));
	EXPECT_EQ(2, n_syncs);
}

/* The key before the genesis record that it signs, and its name after it. */
TEST_F(sync, a_new_key_is_on_the_disk_before_its_record)
{
	uint64_t seq;

	ASSERT_EQ(0, ledger_rotate_key(self->l, 0, "x", &seq));
	/* The file, its folder, the record, the folder again. */
	EXPECT_EQ(4, n_syncs);
	EXPECT_STREQ(self->dir, last_synced);
}

TEST_HARNESS_MAIN
