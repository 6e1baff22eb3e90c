// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reespec-drop: whole files, once each, and no acknowledgement before the LIMS
 * has taken them. REESPEC_SEED draws the moments of the kills, DROP_KILLS says
 * how often.
 */
#include "drop_try.h"

#define SEED 20261134u
#define N_KILLS 6

TEST_F_TIMEOUT(drop, waits_until_all_files_were_taken, 120)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	struct rig *r = &self->r;
	char taken[320];
	uint64_t seq, next;

	asked = r;
	start_drop(self, "formats = lis2, csv");
	EXPECT_TRUE(wait_acked(r));
	seq = measure(r);
	ASSERT_NE(0, seq);
	ASSERT_TRUE(wait_file(self, seq, "lis2"));
	ASSERT_TRUE(wait_file(self, seq, "csv"));
	ASSERT_EQ(0, buf_read_file(&text, path_of(self, seq, "lis2", false),
				   1 << 20));
	EXPECT_EQ(0, strncmp(text.data, "H|\\^&|", 6));
	EXPECT_TRUE(strstr(text.data, "\rO|1|B-1&F&2|"));
	EXPECT_STREQ("\rL|1|N\r", text.data + text.len - 7);
	buf_clear(&text);
	ASSERT_EQ(0, buf_read_file(&text, path_of(self, seq, "csv", false),
				   1 << 20));
	EXPECT_EQ(0, strncmp(text.data, "ledger,seq,", 11));
	EXPECT_TRUE(strstr(text.data, ",B-1|2,ore-l,"));

	EXPECT_EQ(0, unlink(path_of(self, seq, "csv", false)));
	/* It has looked at the folder before the next one is there. */
	next = measure(r);
	ASSERT_TRUE(wait_file(self, next, "csv"));
	EXPECT_LT(acked(r), seq);
	EXPECT_EQ(0, unlink(path_of(self, next, "lis2", false)));
	snprintf(taken, sizeof(taken), "%s.done",
		 path_of(self, seq, "lis2", false));
	EXPECT_EQ(0, rename(path_of(self, seq, "lis2", false), taken));
	EXPECT_TRUE(wait_for(r, has_acked_some, &seq));
	EXPECT_LT(acked(r), next);
	EXPECT_EQ(0, unlink(path_of(self, next, "csv", false)));
	EXPECT_TRUE(wait_acked(r));
}

/* The LIMS took it while nobody looked: it does not get it twice. */
TEST_F_TIMEOUT(drop, does_not_write_again_what_was_taken, 120)
{
	struct rig *r = &self->r;
	uint64_t seq, next;

	start_drop(self, "");
	seq = measure(r);
	ASSERT_TRUE(wait_file(self, seq, "lis2"));
	rig_kill(&self->pid, SIGKILL);
	EXPECT_LT(acked(r), seq);
	EXPECT_EQ(0, unlink(path_of(self, seq, "lis2", false)));
	next = measure(r);
	start_drop(self, "");
	ASSERT_TRUE(wait_file(self, next, "lis2"));
	EXPECT_EQ(-1, access(path_of(self, seq, "lis2", false), F_OK));
	EXPECT_EQ(0, unlink(path_of(self, next, "lis2", false)));
	EXPECT_TRUE(wait_acked(r));
}

/* The daemon serves the ledger in @to, whose present one goes to @from. */
static bool change_ledger(FIXTURE_DATA(drop) * self, const char *from,
			  const char *to)
{
	struct rig *r = &self->r;
	char command[600];
	bool is_done;

	rig_kill(&r->daemon_pid, SIGTERM);
	snprintf(command, sizeof(command),
		 "mv %s %s/%s && { mv %s/%s %s 2>/dev/null || mkdir %s; }",
		 r->state, r->dir, from, r->dir, to, r->state, r->state);
	is_done = system(command) == 0;
	rig_start_daemon(r);
	is_done &= rig_wait_state(r, "idle");
	snprintf(self->ledger, sizeof(self->ledger), "%s",
		 rig_text(r, RIG_ROOT, "org.reespec1.Manager", "LedgerId"));
	return is_done;
}

/* Nor when another ledger was served in between, as that of a backup. */
TEST_F_TIMEOUT(drop, knows_what_was_taken_of_each_ledger, 120)
{
	struct rig *r = &self->r;
	uint64_t seq, next;

	start_drop(self, "");
	seq = measure(r);
	ASSERT_TRUE(wait_file(self, seq, "lis2"));
	rig_kill(&self->pid, SIGKILL);
	EXPECT_EQ(0, unlink(path_of(self, seq, "lis2", false)));
	ASSERT_TRUE(change_ledger(self, "one", "two"));
	start_drop(self, "");
	next = measure(r);
	ASSERT_TRUE(wait_file(self, next, "lis2"));
	rig_kill(&self->pid, SIGKILL);

	ASSERT_TRUE(change_ledger(self, "two", "one"));
	EXPECT_LT(acked(r), seq);
	next = measure(r);
	start_drop(self, "");
	ASSERT_TRUE(wait_file(self, next, "lis2"));
	EXPECT_EQ(-1, access(path_of(self, seq, "lis2", false), F_OK));
}

/* Killed before the renaming, and before the hidden file was whole. */
TEST_F_TIMEOUT(drop, mends_what_a_kill_left, 120)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	struct rig *r = &self->r;
	uint64_t seq, next;
	char hidden[300];
	FILE *f;

	start_drop(self, "");
	seq = measure(r);
	ASSERT_TRUE(wait_file(self, seq, "lis2"));
	rig_kill(&self->pid, SIGKILL);
	snprintf(hidden, sizeof(hidden), "%s",
		 path_of(self, seq, "lis2", true));
	EXPECT_EQ(0, rename(path_of(self, seq, "lis2", false), hidden));
	next = measure(r);
	f = fopen(path_of(self, next, "lis2", true), "w");
	fputs("H|half", f);
	fclose(f);
	start_drop(self, "");
	ASSERT_TRUE(wait_file(self, next, "lis2"));
	EXPECT_TRUE(wait_file(self, seq, "lis2"));
	ASSERT_EQ(0, buf_read_file(&text, path_of(self, next, "lis2", false),
				   1 << 20));
	EXPECT_STREQ("\rL|1|N\r", text.data + text.len - 7);
}

TEST_F_TIMEOUT(drop, says_why_it_cannot_write_and_goes_on, 120)
{
	struct rig *r = &self->r;
	uint64_t seq;

	seq = measure(r);
	ASSERT_EQ(0, mkdir(path_of(self, seq, "lis2", true), 0700));
	start_drop(self, "");
	EXPECT_TRUE(says(self, "Is a directory; trying again"));
	EXPECT_EQ(-1, access(path_of(self, seq, "lis2", false), F_OK));
	EXPECT_EQ(0, rmdir(path_of(self, seq, "lis2", true)));
	EXPECT_TRUE(wait_file(self, seq, "lis2"));
	EXPECT_TRUE(says(self, "files are written again"));
}

/* What does not fit stays in the ledger. */
TEST_F_TIMEOUT(drop, puts_no_more_than_it_may, 120)
{
	struct rig *r = &self->r;
	uint64_t seq[3];

	for (int i = 0; i < 3; i++)
		seq[i] = measure(r);
	start_drop(self, "waiting = 2");
	ASSERT_TRUE(wait_file(self, seq[1], "lis2"));
	EXPECT_EQ(0, access(path_of(self, seq[0], "lis2", false), F_OK));
	EXPECT_EQ(0, unlink(path_of(self, seq[1], "lis2", false)));
	EXPECT_TRUE(says(self, "2 results wait in"));
	EXPECT_EQ(-1, access(path_of(self, seq[2], "lis2", false), F_OK));
	EXPECT_EQ(0, unlink(path_of(self, seq[0], "lis2", false)));
	ASSERT_TRUE(wait_file(self, seq[2], "lis2"));
	EXPECT_LT(acked(r), seq[2]);
	EXPECT_EQ(0, unlink(path_of(self, seq[2], "lis2", false)));
	EXPECT_TRUE(wait_acked(r));
}

/* An empty folder in the place of ours is not a LIMS that took everything. */
TEST_F_TIMEOUT(drop, does_not_believe_an_empty_folder, 120)
{
	struct rig *r = &self->r;
	char state[300];
	uint64_t seq, next;

	start_drop(self, "");
	seq = measure(r);
	ASSERT_TRUE(wait_file(self, seq, "lis2"));
	snprintf(state, sizeof(state), "%s/.reespec-drop", self->folder);
	EXPECT_EQ(0, unlink(state));
	EXPECT_EQ(0, unlink(path_of(self, seq, "lis2", false)));
	EXPECT_TRUE(says(self, ".reespec-drop has gone"));
	EXPECT_LT(acked(r), seq);
	rig_kill(&self->pid, SIGKILL);
	start_drop(self, "");
	EXPECT_TRUE(wait_file(self, seq, "lis2"));
	/* Nor when a new result comes before anybody has seen to it. */
	EXPECT_EQ(0, unlink(state));
	EXPECT_EQ(0, unlink(path_of(self, seq, "lis2", false)));
	next = measure(r);
	EXPECT_TRUE(wait_file(self, next, "lis2"));
	EXPECT_TRUE(wait_file(self, seq, "lis2"));
	EXPECT_LT(acked(r), seq);
}

/* A share that comes later: said once, and all is written there then. */
TEST_F_TIMEOUT(drop, waits_for_a_folder_that_is_not_there, 120)
{
	uint64_t seq = measure(&self->r);

	EXPECT_EQ(0, rmdir(self->folder));
	start_drop(self, "");
	EXPECT_TRUE(says(self, "No such file or directory; trying again"));
	EXPECT_EQ(0, mkdir(self->folder, 0700));
	EXPECT_TRUE(wait_file(self, seq, "lis2"));
	EXPECT_TRUE(says(self, "the folder is there"));
}

/* As a share that is mounted over it later: it ends, for the unit to start it
 * again, and then all that waits is put where the LIMS looks.
 */
TEST_F_TIMEOUT(drop, leaves_a_folder_that_nobody_sees, 120)
{
	uint64_t seq = measure(&self->r);
	char away[300];
	int status = -1;

	start_drop(self, "");
	ASSERT_TRUE(wait_file(self, seq, "lis2"));
	snprintf(away, sizeof(away), "%s.away", self->folder);
	ASSERT_EQ(0, rename(self->folder, away));
	ASSERT_EQ(0, mkdir(self->folder, 0700));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	EXPECT_EQ(1, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	EXPECT_TRUE(says(self, "another folder is there now: started again"));
	start_drop(self, "");
	EXPECT_TRUE(wait_file(self, seq, "lis2"));
	EXPECT_LT(acked(&self->r), seq);
}

TEST_F_TIMEOUT(drop, has_a_folder_of_its_own, 120)
{
	int status = -1;
	pid_t second;

	start_drop(self, "");
	EXPECT_TRUE(says(self, "results of ledger"));
	second = reader_start_drop(&self->r, self->folder, "");
	ASSERT_EQ(second, waitpid(second, &status, 0));
	EXPECT_EQ(2, WEXITSTATUS(status));
	EXPECT_TRUE(says(self, "another reespec-drop uses"));
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Takes all whole files that are there; the number of those it had before. */
static unsigned int take_all(FIXTURE_DATA(drop) * self, unsigned int *n_taken)
{
	char taken[128], from[512], to[512];
	unsigned int n_twice = 0;
	const struct dirent *e;
	DIR *dir;

	snprintf(taken, sizeof(taken), "%s/taken", self->r.dir);
	mkdir(taken, 0700);
	dir = opendir(self->folder);
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(from, sizeof(from), "%s/%s", self->folder, e->d_name);
		snprintf(to, sizeof(to), "%s/%s", taken, e->d_name);
		n_twice += access(to, F_OK) == 0;
		*n_taken += rename(from, to) == 0;
	}
	if (dir)
		closedir(dir);
	return n_twice;
}

TEST_F_TIMEOUT(drop, delivers_each_result_once_whoever_is_killed, 180)
{
	const char *seed = getenv("REESPEC_SEED");
	const char *kills = getenv("DROP_KILLS");
	const int n = kills ? atoi(kills) : N_KILLS;
	uint32_t random = SEED + (seed ? (uint32_t)atoi(seed) : 0);
	unsigned int n_results = 0, n_taken = 0, n_twice = 0;
	struct rig *r = &self->r;

	TH_LOG("seed %u, %d kills", random, n);
	start_drop(self, "");
	for (int i = 0; i < n; i++) {
		const long ms = next_random(&random) % 60;

		ASSERT_NE(0, measure(r));
		n_results++;
		nanosleep(&(struct timespec){ 0, ms * 1000000 }, NULL);
		rig_kill(&self->pid, SIGKILL);
		/* The LIMS works on, or not. */
		if (next_random(&random) % 2)
			n_twice += take_all(self, &n_taken);
		start_drop(self, "");
	}
	while (n_taken < n_results || !is_empty(self->folder)) {
		n_twice += take_all(self, &n_taken);
		rig_settle(r);
		nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
	}
	EXPECT_TRUE(wait_acked(r));
	EXPECT_EQ(0, n_twice);
	EXPECT_EQ(n_results, n_taken);
	TH_LOG("%u results, %u taken, %u twice", n_results, n_taken, n_twice);
}

TEST_HARNESS_MAIN
