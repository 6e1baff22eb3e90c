// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each write and each allocation of a ledger's life fails once, in turn: what
 * fails says so, works the second time, and nothing is lost or altered.
 */
#include <errno.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "ledger/reader.h"
#include "seed.h"
#include "state_dir.h"

enum {
	N_RECORDS = 6,
	N_LIVES = 100,
};

/* The call that fails, from 1; 0: none. */
static unsigned int failing;
static unsigned int n_calls;

static bool fails(void)
{
	return ++n_calls == failing;
}

/* ---- writes: in place of the C library's, for SQLite as well -------------- */

static int refuse(void)
{
	errno = failing % 2 ? ENOSPC : EIO;
	return -1;
}

ssize_t write(int fd, const void *data, size_t n)
{
	/* What the harness says is no write of the ledger's. */
	if (fd > 2 && fails())
		return refuse();
	return syscall(SYS_write, fd, data, n);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
	return fails() ? refuse() : syscall(SYS_pwrite64, fd, data, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
	return fails() ? refuse() : syscall(SYS_pwrite64, fd, data, n, at);
}

int fsync(int fd)
{
	return fails() ? refuse() : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return fails() ? refuse() : (int)syscall(SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t len)
{
	return fails() ? refuse() : (int)syscall(SYS_ftruncate, fd, len);
}

int ftruncate64(int fd, off64_t len)
{
	return fails() ? refuse() : (int)syscall(SYS_ftruncate, fd, len);
}

/* ---- memory: that of SQLite and of jansson -------------------------------- */

static sqlite3_mem_methods memory;

static void *sql_malloc(int n)
{
	return fails() ? NULL : memory.xMalloc(n);
}

static void *sql_realloc(void *p, int n)
{
	return fails() ? NULL : memory.xRealloc(p, n);
}

static void *json_malloc(size_t n)
{
	return fails() ? NULL : malloc(n);
}

static void let_memory_fail(void)
{
	sqlite3_mem_methods mine;

	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory);
	mine = memory;
	mine.xMalloc = sql_malloc;
	mine.xRealloc = sql_realloc;
	sqlite3_config(SQLITE_CONFIG_MALLOC, &mine);
	json_set_alloc_funcs(json_malloc, free);
}

/* ---- a ledger's life ------------------------------------------------------ */

static unsigned int n_refused;
static const char *wrong; /* what did not work the second time */

#define TRY(op)                              \
	do {                                 \
		if (!wrong && (op) < 0) {    \
			n_refused++;         \
			if ((op) < 0)        \
				wrong = #op; \
		}                            \
	} while (0)

static void live(const char *dir, char head[CHAIN_HASH_SIZE])
{
	struct ledger *l = NULL;
	uint64_t next;

	TRY(ledger_open(dir, NULL, &l, NULL, 0));
	for (uint32_t i = 2; !wrong && i <= N_RECORDS; i++) {
		TRY(append_some(l, i == 4 ? CHAIN_RESULT : CHAIN_READING, i,
				i == 4 ? 256 : 0, NULL));
		if (i % 2)
			TRY(ledger_commit(l, NULL));
	}
	TRY(ledger_commit(l, NULL));
	TRY(reader_follow(l, "lims", 1000, 4, 1, &next));
	TRY(reader_ack(l, "lims", 1000, N_RECORDS, ledger_head(l)));
	if (!wrong)
		strcpy(head, ledger_head(l));
	ledger_close(l);
}

/* NULL, or what is wrong with the ledger in @dir. */
static const char *look(const char *dir, const char *head)
{
	CLEANUP(ledger_closep) struct ledger *l = NULL;
	struct ledger_verify what = { .witness_seq = N_RECORDS,
				      .witness_hash = head };
	struct ledger_verified v;

	if (wrong)
		return wrong;
	if (ledger_open(dir, NULL, &l, NULL, 0) < 0)
		return "it is not opened again";
	if (ledger_last(l) != N_RECORDS)
		return "records are missing";
	if (ledger_verify(l, &what, &v) < 0 || v.fault.verdict != CHAIN_GOOD)
		return "it does not verify";
	return v.n_blobs == 1 ? NULL : "its spectrum is missing";
}

/* A life in which the call @i fails; what is wrong then, or NULL. */
static const char *live_with(unsigned int i)
{
	char dir[128], head[CHAIN_HASH_SIZE];
	const char *why;

	state_dir_make(dir);
	failing = i;
	n_calls = 0;
	live(dir, head);
	failing = 0;
	i = n_calls;
	why = look(dir, head);
	n_calls = i;
	state_dir_remove(dir);
	return why;
}

/* One call after the other, N_LIVES of them at most, spread over all; another
 * round of `make check-long` takes those between. NULL, or what is wrong. */
static const char *fail_in_turn(void)
{
	const char *why;
	unsigned int n, step, i;

	/* So many commits need no disk. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 1);
	why = live_with(0);
	n = n_calls;
	step = n / N_LIVES + 1;
	for (i = 1 + seed_of(0) % step; !why && i <= n; i += step)
		why = live_with(i);
	printf("# of %u calls each %u. failed, %u were told\n", n, step,
	       n_refused);
	fflush(stdout);
	return why;
}

FIXTURE(failing)
{
	const char *why;
};

FIXTURE_SETUP(failing)
{
}

FIXTURE_TEARDOWN(failing)
{
}

TEST_F_TIMEOUT(failing, each_write_fails_in_turn, 110)
{
	self->why = fail_in_turn();
	EXPECT_STREQ("", self->why ? self->why : "");
	EXPECT_GT(n_refused, 20);
}

TEST_F_TIMEOUT(failing, each_allocation_fails_in_turn, 110)
{
	let_memory_fail();
	self->why = fail_in_turn();
	EXPECT_STREQ("", self->why ? self->why : "");
	EXPECT_GT(n_refused, N_LIVES / 2);
}

TEST_HARNESS_MAIN
