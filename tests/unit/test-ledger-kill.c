// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A writer killed without warning: every record it announced is there
 * afterwards, and the ledger verifies.
 *
 * Killing a process does not test what the disk loses at a power cut; that
 * rests on synchronous=FULL and is shown by vm/test-power.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "seed.h"
#include "state_dir.h"

#define N_KILLS 40
#define SEED 20260301u

struct announced {
	uint64_t seq;
	char hash[CHAIN_HASH_SIZE];
};

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Commits batches of 1 to 16 and writes each record to @fd afterwards. */
static void write_for_ever(const char *dir, int fd, uint32_t seed)
{
	struct announced list[16];
	struct chain_record r;
	struct ledger *l;

	if (ledger_open(dir, NULL, &l, NULL, 0) < 0)
		_exit(1);
	for (;;) {
		uint32_t n = 1 + next_random(&seed) % 16;

		memset(list, 0, sizeof(list));
		for (uint32_t i = 0; i < n; i++) {
			if (append_some(l, i ? CHAIN_READING : CHAIN_RESULT,
					next_random(&seed), 2048,
					&list[i].seq) < 0)
				_exit(2);
		}
		if (ledger_commit(l, NULL) < 0)
			_exit(3);
		for (uint32_t i = 0; i < n; i++) {
			if (ledger_get(l, list[i].seq, &r, NULL, NULL) < 0)
				_exit(4);
			strcpy(list[i].hash, r.hash);
			chain_record_deinit(&r);
		}
		if (write(fd, list, n * sizeof(*list)) < 0)
			_exit(5);
	}
}

/* Lets the writer run for @us and kills it. */
static int run_and_kill(const char *dir, int fd, uint32_t seed, uint32_t us)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		write_for_ever(dir, fd, seed);
	if (pid < 0)
		return -errno;
	usleep(us);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	/* It must have been killed, not have given up before. */
	return WIFSIGNALED(status) ? 0 : -EIO;
}

TEST(nothing_announced_is_lost)
{
	struct ledger_verify what = { 0 };
	struct ledger_verified v;
	struct chain_record r;
	struct announced a;
	uint64_t n_announced = 0, n_lost = 0;
	uint32_t seed = seed_of(SEED), state = seed;
	struct ledger *l;
	char dir[128], path[256];
	int fd;

	state_dir_make(dir);
	snprintf(path, sizeof(path), "%s/announced", dir);
	fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
	ASSERT_GE(fd, 0);
	for (int i = 0; i < N_KILLS; i++)
		ASSERT_EQ(0, run_and_kill(dir, fd, next_random(&state),
					  1000 + next_random(&state) % 120000));

	ASSERT_EQ(0, ledger_open(dir, NULL, &l, NULL, 0));
	while (pread(fd, &a, sizeof(a), (off_t)(n_announced * sizeof(a))) ==
	       sizeof(a)) {
		n_announced++;
		if (ledger_get(l, a.seq, &r, NULL, NULL) < 0 ||
		    strcmp(r.hash, a.hash))
			n_lost++;
		chain_record_deinit(&r);
	}
	ASSERT_EQ(0, ledger_verify(l, &what, &v));
	printf("# seed %u: %d kills, %" PRIu64 " records announced, %" PRIu64
	       " in the ledger, %" PRIu64 " lost\n",
	       seed, N_KILLS, n_announced, ledger_last(l), n_lost);
	fflush(stdout);
	EXPECT_EQ(CHAIN_GOOD, v.fault.verdict)
	TH_LOG("%" PRIu64 ": %s", v.fault.seq, v.fault.why);
	EXPECT_EQ(ledger_last(l), v.chain.n_records);
	EXPECT_EQ(0, n_lost);
	EXPECT_GT(n_announced, 20);
	ledger_close(l);
	close(fd);
	state_dir_remove(dir);
}

TEST_HARNESS_MAIN
