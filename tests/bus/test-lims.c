// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sample client of a LIMS: every record once, whoever is killed, and no
 * other history than the one it began with. REESPEC_SEED draws who is killed
 * and when, LIMS_KILLS says how often.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "kselftest_harness.h"
#include "ledger/chain.h"

#include "rig.h"

#define SEED 20261132u
#define N_KILLS 6

FIXTURE(lims)
{
	struct rig r;
	pid_t pid;
};

static pid_t start_reader(struct rig *r, const char *reader, const char *file)
{
	const char *out = getenv("O");
	char program[4200];
	char store[128];
	char said[128];
	pid_t pid;

	snprintf(program, sizeof(program), "%s/lims", out ? out : ".build");
	snprintf(store, sizeof(store), "%s/%s", r->dir, file);
	snprintf(said, sizeof(said), "%s/lims.log", r->dir);
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(0);
	dup2(open(said, O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
	execl(program, program, r->address, reader, store, NULL);
	_exit(127);
}

static void start_lims(FIXTURE_DATA(lims) * self)
{
	self->pid = start_reader(&self->r, "lims", "store");
}

FIXTURE_SETUP(lims)
{
	rig_start(&self->r, "--settle 0", "idle");
	start_lims(self);
}

FIXTURE_TEARDOWN(lims)
{
	rig_kill(&self->pid, SIGKILL);
	rig_stop(&self->r);
}

/* Up to which number a reader has acknowledged. */
static uint64_t acked_by(struct rig *r, const char *reader)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	uint64_t seq = 0, seen;
	const char *name;
	uint32_t uid;

	if (sd_bus_get_property(r->bus, "org.reespec1", RIG_ROOT,
				"org.reespec1.Ledger", "Readers", NULL, &m,
				"a(sutt)") < 0 ||
	    sd_bus_message_enter_container(m, 'a', "(sutt)") < 0)
		return 0;
	while (sd_bus_message_read(m, "(sutt)", &name, &uid, &seq, &seen) > 0)
		if (!strcmp(name, reader))
			return seq;
	return 0;
}

static uint64_t acked(struct rig *r)
{
	return acked_by(r, "lims");
}

static uint64_t wanted_seq;
static const char *wanted_reader = "lims";

static bool has_acked(struct rig *r)
{
	return acked_by(r, wanted_reader) >= wanted_seq;
}

static bool wait_acked(struct rig *r)
{
	wanted_seq = rig_last(r);
	return wanted_seq && rig_wait(r, 30, has_acked);
}

/*
 * The store holds 1 to @last once each, in their order, and each with the
 * hash that the ledger has: the number of faults, told.
 */
static unsigned int faults(struct rig *r, uint64_t last)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	struct chain_verifier v = { 0 };
	struct chain_fault fault;
	char path[128];
	char hash[65];
	char *line;
	char *end;

	snprintf(path, sizeof(path), "%s/store", r->dir);
	if (buf_read_file(&b, path, 1 << 28) < 0 || !b.data)
		return 1;
	for (line = b.data; (end = strchr(line, '\n')); line = end + 1) {
		if (chain_verify_line(&v, line, (size_t)(end - line), &fault) !=
		    CHAIN_GOOD) {
			printf("# %llu: %s\n", (unsigned long long)fault.seq,
			       fault.why);
			return 1;
		}
		js_free(rig_record(r, v.next_seq - 1, hash, NULL, NULL));
		if (strcmp(hash, v.head))
			return 1;
	}
	if (v.first_seq != 1 || v.next_seq != last + 1 || *line) {
		printf("# %llu to %llu, wanted to %llu\n",
		       (unsigned long long)v.first_seq,
		       (unsigned long long)v.next_seq - 1,
		       (unsigned long long)last);
		return 1;
	}
	return 0;
}

TEST_F_TIMEOUT(lims, has_every_record_once, 120)
{
	struct rig *r = &self->r;

	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 20, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	ASSERT_TRUE(wait_acked(r));
	EXPECT_EQ(0, faults(r, rig_last(r)));
}

TEST_F_TIMEOUT(lims, gets_what_came_while_it_was_away, 120)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(wait_acked(r));
	rig_kill(&self->pid, SIGKILL);
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 20, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_LT(acked(r), rig_last(r));
	start_lims(self);
	ASSERT_TRUE(wait_acked(r));
	EXPECT_EQ(0, faults(r, rig_last(r)));
}

/* A new daemon has no followers: nobody but the client can mend that. */
TEST_F_TIMEOUT(lims, goes_on_with_a_new_daemon, 120)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(wait_acked(r));
	rig_kill(&r->daemon_pid, SIGKILL);
	rig_start_daemon(r);
	rig_connect(r);
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 5, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	ASSERT_TRUE(wait_acked(r));
	EXPECT_EQ(0, faults(r, rig_last(r)));
}

/* Killed in the middle of a line: the rest of it is not taken for a record. */
TEST_F_TIMEOUT(lims, mends_a_line_that_was_cut, 120)
{
	struct rig *r = &self->r;
	char path[128];
	FILE *f;

	ASSERT_TRUE(wait_acked(r));
	rig_kill(&self->pid, SIGKILL);
	snprintf(path, sizeof(path), "%s/store", r->dir);
	f = fopen(path, "a");
	fputs("{\"prev\":\"0123", f);
	fclose(f);
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 5, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	start_lims(self);
	ASSERT_TRUE(wait_acked(r));
	EXPECT_EQ(0, faults(r, rig_last(r)));
}

/* Killed between store and Ack: nothing new has to come for the Ack. */
TEST_F_TIMEOUT(lims, acknowledges_what_it_has_stored, 120)
{
	struct rig *r = &self->r;
	char path[2][128];

	ASSERT_TRUE(wait_acked(r));
	snprintf(path[0], sizeof(path[0]), "%s/store", r->dir);
	snprintf(path[1], sizeof(path[1]), "%s/other", r->dir);
	rig_kill(&self->pid, SIGKILL);
	ASSERT_EQ(0, rename(path[0], path[1]));
	EXPECT_EQ(0, acked_by(r, "other"));
	self->pid = start_reader(r, "other", "other");
	wanted_reader = "other";
	ASSERT_TRUE(wait_acked(r));
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static bool has_daemon(struct rig *r)
{
	return rig_last(r) > 0;
}

TEST_F_TIMEOUT(lims, has_every_record_once_whoever_is_killed, 120)
{
	const char *seed = getenv("REESPEC_SEED");
	const char *kills = getenv("LIMS_KILLS");
	const int n = kills ? atoi(kills) : N_KILLS;
	uint32_t random = SEED + (seed ? (uint32_t)atoi(seed) : 0);
	unsigned int n_lims = 0, n_daemon = 0, n_both = 0;
	struct rig *r = &self->r;

	TH_LOG("seed %u, %d kills", random, n);
	for (int i = 0; i < n; i++) {
		const uint32_t who = next_random(&random) % 3;
		const long ms = next_random(&random) % 700;

		/* May be busy with the assay of the round before. */
		rig_measure(r, "X", "ore-l", 400, "detach", "interval:0.1",
			    NULL);
		nanosleep(&(struct timespec){ 0, ms * 1000000 }, NULL);
		n_lims += who == 0;
		n_daemon += who == 1;
		n_both += who == 2;
		if (who != 1)
			rig_kill(&self->pid, SIGKILL);
		if (who != 0) {
			rig_kill(&r->daemon_pid, SIGKILL);
			rig_start_daemon(r);
		}
		if (who != 1)
			start_lims(self);
		ASSERT_TRUE(rig_wait(r, 20, has_daemon));
	}
	rig_kill(&r->daemon_pid, SIGTERM);
	rig_start_daemon(r);
	ASSERT_TRUE(rig_wait(r, 20, has_daemon));
	ASSERT_TRUE(wait_acked(r));
	EXPECT_EQ(0, faults(r, rig_last(r)));
	EXPECT_TRUE(rig_verifies(r));
	TH_LOG("killed: lims %u, daemon %u, both %u; %llu records once", n_lims,
	       n_daemon, n_both, (unsigned long long)rig_last(r));
}

static bool said(struct rig *r, const char *text)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	char path[128];

	snprintf(path, sizeof(path), "%s/lims.log", r->dir);
	return buf_read_file(&b, path, 1 << 20) >= 0 && b.data &&
	       strstr(b.data, text);
}

/* A ledger that was put back to yesterday goes on with other records. */
TEST_F_TIMEOUT(lims, refuses_another_history, 120)
{
	struct rig *r = &self->r;
	char command[512];
	uint64_t last;
	int status;

	ASSERT_TRUE(wait_acked(r));
	rig_kill(&r->daemon_pid, SIGTERM);
	snprintf(command, sizeof(command), "cp -r %s %s/yesterday", r->state,
		 r->dir);
	ASSERT_EQ(0, system(command));
	rig_start_daemon(r);
	ASSERT_TRUE(rig_wait(r, 20, has_daemon));
	ASSERT_TRUE(wait_acked(r));
	last = rig_last(r);
	rig_kill(&r->daemon_pid, SIGKILL);
	snprintf(command, sizeof(command), "rm -r %s; mv %s/yesterday %s",
		 r->state, r->dir, r->state);
	ASSERT_EQ(0, system(command));
	rig_start_daemon(r);
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	self->pid = 0;
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(6, WEXITSTATUS(status));
	EXPECT_TRUE(said(r, "another hash than stored"));
	ASSERT_TRUE(rig_wait(r, 20, has_daemon));
	EXPECT_EQ(last, rig_last(r));

	/* Nor does it when it is started anew. */
	start_lims(self);
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	self->pid = 0;
	EXPECT_EQ(6, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
