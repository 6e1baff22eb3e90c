// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sample client of a LIMS: every record once, and no other history than the
 * one it began with. Killed at random it is in test-kill.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "kselftest_harness.h"

#include "reader.h"

FIXTURE(lims)
{
	struct rig r;
	pid_t pid;
};

static void start_lims(FIXTURE_DATA(lims) * self)
{
	self->pid = reader_start(&self->r, "lims", "store");
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

TEST_F_TIMEOUT(lims, has_every_record_once, 120)
{
	struct rig *r = &self->r;

	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 20, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	ASSERT_TRUE(reader_wait(r, "lims"));
	EXPECT_EQ(0, reader_faults(r, rig_last(r)));
}

TEST_F_TIMEOUT(lims, gets_what_came_while_it_was_away, 120)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(reader_wait(r, "lims"));
	rig_kill(&self->pid, SIGKILL);
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 20, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_LT(reader_acked(r, "lims"), rig_last(r));
	start_lims(self);
	ASSERT_TRUE(reader_wait(r, "lims"));
	EXPECT_EQ(0, reader_faults(r, rig_last(r)));
}

/* A new daemon has no followers: nobody but the client can mend that. */
TEST_F_TIMEOUT(lims, goes_on_with_a_new_daemon, 120)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(reader_wait(r, "lims"));
	rig_kill(&r->daemon_pid, SIGKILL);
	rig_start_daemon(r);
	rig_connect(r);
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 5, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	ASSERT_TRUE(reader_wait(r, "lims"));
	EXPECT_EQ(0, reader_faults(r, rig_last(r)));
}

/* Killed in the middle of a line: the rest of it is not taken for a record. */
TEST_F_TIMEOUT(lims, mends_a_line_that_was_cut, 120)
{
	struct rig *r = &self->r;
	char path[128];
	FILE *f;

	ASSERT_TRUE(reader_wait(r, "lims"));
	rig_kill(&self->pid, SIGKILL);
	snprintf(path, sizeof(path), "%s/store", r->dir);
	f = fopen(path, "a");
	fputs("{\"prev\":\"0123", f);
	fclose(f);
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 5, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	start_lims(self);
	ASSERT_TRUE(reader_wait(r, "lims"));
	EXPECT_EQ(0, reader_faults(r, rig_last(r)));
}

/* Killed between store and Ack: nothing new has to come for the Ack. */
TEST_F_TIMEOUT(lims, acknowledges_what_it_has_stored, 120)
{
	struct rig *r = &self->r;
	char path[2][128];

	ASSERT_TRUE(reader_wait(r, "lims"));
	snprintf(path[0], sizeof(path[0]), "%s/store", r->dir);
	snprintf(path[1], sizeof(path[1]), "%s/other", r->dir);
	rig_kill(&self->pid, SIGKILL);
	ASSERT_EQ(0, rename(path[0], path[1]));
	EXPECT_EQ(0, reader_acked(r, "other"));
	self->pid = reader_start(r, "other", "other");
	ASSERT_TRUE(reader_wait(r, "other"));
}

static bool has_daemon(struct rig *r)
{
	return rig_last(r) > 0;
}

static bool said(struct rig *r, const char *text)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	char path[128];

	snprintf(path, sizeof(path), "%s/lims.log", r->dir);
	return buf_read_file(&b, path, 1 << 20) >= 0 && b.data &&
	       strstr(b.data, text);
}

static bool is_waiting(struct rig *r)
{
	return said(r, "reespecd cannot write its ledger; waiting");
}

/* Who follows is kept in the ledger; a full disk is no refusal of a name. */
TEST_F_TIMEOUT(lims, waits_for_a_daemon_whose_disk_is_full, 120)
{
	struct rig *r = &self->r;
	struct rlimit limit;

	ASSERT_TRUE(reader_wait(r, "lims"));
	rig_kill(&self->pid, SIGKILL);
	ASSERT_EQ(0, prlimit(r->daemon_pid, RLIMIT_FSIZE, NULL, &limit));
	limit.rlim_cur = 1;
	ASSERT_EQ(0, prlimit(r->daemon_pid, RLIMIT_FSIZE, &limit, NULL));
	start_lims(self);
	EXPECT_TRUE(rig_wait(r, 20, is_waiting));
	limit.rlim_cur = limit.rlim_max;
	ASSERT_EQ(0, prlimit(r->daemon_pid, RLIMIT_FSIZE, &limit, NULL));
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 5, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	ASSERT_TRUE(reader_wait(r, "lims"));
	EXPECT_EQ(0, reader_faults(r, rig_last(r)));
}

/* A ledger that was put back to yesterday goes on with other records. */
TEST_F_TIMEOUT(lims, refuses_another_history, 120)
{
	struct rig *r = &self->r;
	char command[512];
	uint64_t last;
	int status;

	ASSERT_TRUE(reader_wait(r, "lims"));
	rig_kill(&r->daemon_pid, SIGTERM);
	snprintf(command, sizeof(command), "cp -r %s %s/yesterday", r->state,
		 r->dir);
	ASSERT_EQ(0, system(command));
	rig_start_daemon(r);
	ASSERT_TRUE(rig_wait(r, 20, has_daemon));
	ASSERT_TRUE(reader_wait(r, "lims"));
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
