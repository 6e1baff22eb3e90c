// SPDX-License-Identifier: GPL-2.0-or-later
/* A disk that is full, in three ways. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "kselftest_harness.h"
#include "state_dir.h"

/* Appends and commits until the disk is full; what the commit said. */
static int fill(struct ledger *l, uint32_t n_max)
{
	int r = 0;

	for (uint32_t i = 0; i < n_max && !r; i++) {
		r = append_some(l, CHAIN_READING, i, 2048, NULL);
		if (!r)
			r = ledger_commit(l, NULL);
	}
	return r;
}

static bool is_whole(struct ledger *l, uint64_t n_records)
{
	struct ledger_verify what = { 0 };
	struct ledger_verified v;

	return ledger_verify(l, &what, &v) == 0 &&
	       v.fault.verdict == CHAIN_GOOD && v.chain.n_records == n_records;
}

TEST(bound_on_pages_leaves_all_committed_and_the_batch)
{
	struct ledger_options few = { .max_pages = 60 }, more = { 0 };
	struct ledger_batch b;
	struct ledger *l;
	uint64_t last;
	char dir[128];

	state_dir_make(dir);
	ASSERT_EQ(0, ledger_open(dir, &few, &l, NULL, 0));
	ASSERT_EQ(-ENOSPC, fill(l, 1000));
	EXPECT_NE(NULL, strstr(ledger_why(l), "full"));
	last = ledger_last(l);
	ASSERT_GT(last, 3);
	ledger_pending(l, &b);
	EXPECT_EQ(1, b.n_records);
	EXPECT_EQ(last + 1, b.first);
	EXPECT_TRUE(is_whole(l, last));

	/* Still full: the same again, and nothing is lost by asking. */
	EXPECT_EQ(-ENOSPC, ledger_commit(l, NULL));
	EXPECT_EQ(last, ledger_last(l));
	ledger_close(l);

	ASSERT_EQ(0, ledger_open(dir, &more, &l, NULL, 0));
	EXPECT_EQ(last, ledger_last(l));
	EXPECT_EQ(0, fill(l, 10));
	EXPECT_TRUE(is_whole(l, last + 10));
	ledger_close(l);
	state_dir_remove(dir);
}

TEST(limit_on_file_size_is_a_full_disk)
{
	struct rlimit limit, old;
	struct ledger *l;
	uint64_t last;
	char dir[128];

	state_dir_make(dir);
	signal(SIGXFSZ, SIG_IGN);
	ASSERT_EQ(0, ledger_open(dir, NULL, &l, NULL, 0));
	ASSERT_EQ(0, getrlimit(RLIMIT_FSIZE, &old));
	limit = old;
	limit.rlim_cur = 300000;
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
	ASSERT_EQ(-ENOSPC, fill(l, 1000));
	last = ledger_last(l);
	ASSERT_GT(last, 3);
	EXPECT_TRUE(is_whole(l, last));

	/* Room again: the very batch that failed is written. */
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &old));
	EXPECT_EQ(0, ledger_commit(l, NULL));
	EXPECT_EQ(last + 1, ledger_last(l));
	EXPECT_EQ(0, fill(l, 5));
	EXPECT_TRUE(is_whole(l, last + 6));
	ledger_close(l);
	state_dir_remove(dir);
}

/* A file system of 4 MiB that ends with this test's process. */
static bool mount_small(const char *dir)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", dir, "tmpfs", 0, "size=4m") == 0;
}

static void eat_the_rest(const char *dir)
{
	char path[256], block[4096] = "";
	int fd;

	snprintf(path, sizeof(path), "%s/filler", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

static void write_from_reserve(struct __test_metadata *_metadata,
			       enum chain_kind kind)
{
	struct ledger *l;
	bool used = false;
	uint64_t last;
	char dir[128], path[256];

	state_dir_make(dir);
	if (!mount_small(dir)) {
		state_dir_remove(dir);
		SKIP(return, "no right to mount a small file system");
	}
	ASSERT_EQ(0, ledger_open(dir, NULL, &l, NULL, 0));
	EXPECT_TRUE(ledger_has_reserve(l));
	ASSERT_EQ(0, fill(l, 5));
	eat_the_rest(dir);

	/* A reading alone does not touch the reserve. */
	ASSERT_EQ(-ENOSPC, fill(l, 1000));
	last = ledger_last(l);
	EXPECT_TRUE(ledger_has_reserve(l));
	EXPECT_TRUE(is_whole(l, last));

	/* This takes the waiting reading with it. */
	ASSERT_EQ(0, append_some(l, kind, 1, 2048, NULL));
	ASSERT_EQ(0, ledger_commit(l, &used)) TH_LOG("%s", ledger_why(l));
	EXPECT_TRUE(used);
	EXPECT_EQ(last + 2, ledger_last(l));
	eat_the_rest(dir);
	EXPECT_FALSE(ledger_has_reserve(l));
	EXPECT_TRUE(is_whole(l, last + 2));

	/* With room made it is taken again, and counting goes on. */
	snprintf(path, sizeof(path), "%s/filler", dir);
	ASSERT_EQ(0, unlink(path));
	EXPECT_TRUE(ledger_has_reserve(l));
	EXPECT_EQ(0, fill(l, 3));
	EXPECT_TRUE(is_whole(l, last + 5));
	ledger_close(l);
	umount(dir);
	state_dir_remove(dir);
}

TEST(end_of_an_assay_is_written_from_the_reserve)
{
	write_from_reserve(_metadata, CHAIN_RESULT);
}

TEST(interruption_is_written_from_the_reserve)
{
	write_from_reserve(_metadata, CHAIN_INTERRUPTED);
}

TEST(fault_is_written_from_the_reserve)
{
	write_from_reserve(_metadata, CHAIN_FAULT);
}

TEST_HARNESS_MAIN
