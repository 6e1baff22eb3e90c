// SPDX-License-Identifier: GPL-2.0-or-later
/* Old records leave a ledger that is in use. */
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "ledger/archive.h"
#include "rig.h"

#define LEDGER "org.reespec1.Ledger"
#define ERROR "org.reespec1.Error."
/* Enough for many turns of the loop. */
#define N_RESULTS 4000

FIXTURE(archive)
{
	struct rig r;
};

static void add_results(struct ledger *l)
{
	const struct ledger_entry e = { .kind = CHAIN_RESULT };

	for (int i = 0; i < N_RESULTS; i++)
		if (ledger_append(l, &e, NULL, NULL) < 0 ||
		    (i % 1000 == 999 && ledger_commit(l, NULL) < 0))
			abort();
}

/* All but the checkpoint goes, and stays in the file. */
static void archive_all(struct ledger *l)
{
	CLEANUP(ledger_archiving_stopp) struct ledger_archiving *a = NULL;
	const struct ledger_archive what = { .before_us = UINT64_MAX,
					     .before_boot_ns = UINT64_MAX,
					     .to = ledger_last(l) };
	char head[CHAIN_HASH_SIZE];
	uint64_t last, seq;

	strcpy(head, ledger_head(l));
	if (ledger_archiving_start(l, &what, &a) < 0 ||
	    ledger_archiving_step(a, SIZE_MAX, &last) < 0 ||
	    ledger_archive(a, head, 0, "full", &seq) < 0)
		abort();
}

static void fill(struct rig *r, void (*then)(struct ledger *l))
{
	struct ledger *l;

	if (ledger_open(r->state, NULL, &l, NULL, 0) < 0)
		abort();
	add_results(l);
	if (then)
		then(l);
	ledger_close(l);
}

/* The daemon, on a ledger that is there. */
static void start(struct rig *r)
{
	rig_keep_no_days(r);
	rig_start_bus(r, true);
	rig_start_emu(r, "--settle 0");
	rig_start_daemon(r);
	rig_connect(r);
}

FIXTURE_SETUP(archive)
{
	rig_start(&self->r, NULL, NULL);
}

FIXTURE_TEARDOWN(archive)
{
	rig_stop(&self->r);
}

/* Records in the file up to @seq, while no daemon has it. */
static int n_in_file(struct rig *r, uint64_t seq)
{
	char path[256], sql[128];
	sqlite3_stmt *s = NULL;
	sqlite3 *db = NULL;
	int n = -1;

	snprintf(path, sizeof(path), "%s/" LEDGER_FILE, r->state);
	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM record WHERE seq <= %llu",
		 (unsigned long long)seq);
	if (sqlite3_open(path, &db) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

static uint64_t first(struct rig *r)
{
	uint64_t seq = 0;

	sd_bus_get_property_trivial(r->bus, "org.reespec1", RIG_ROOT, LEDGER,
				    "First", NULL, 't', &seq);
	return seq;
}

/* The last record that may go, and why not more. */
static uint64_t archivable(struct rig *r)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	uint64_t last = 9999999;

	if (sd_bus_call_method(r->bus, "org.reespec1", RIG_ROOT, LEDGER,
			       "Archivable", NULL, &m, "t", (uint64_t)0) >= 0)
		sd_bus_message_read(m, "t", &last);
	return last;
}

static bool has_left_the_file(struct rig *r)
{
	return rig_log_has(r, "archived records have left the file");
}

TEST_F(archive, goes_at_once_and_leaves_the_file_later)
{
	struct rig *r = &self->r;
	char hash[65] = "";
	uint64_t last;

	fill(r, NULL);
	start(r);
	last = archivable(r);
	EXPECT_EQ(N_RESULTS + 1, last);
	js_free(rig_record(r, last, hash, NULL, NULL));
	EXPECT_STREQ(ERROR "Conflict", rig_call(r, RIG_ROOT, LEDGER, "Archive",
						"tss", last - 1, hash, "full"));
	EXPECT_STREQ(ERROR "NoRecord",
		     rig_call(r, RIG_ROOT, LEDGER, "Archive", "tss", last + 99,
			      hash, "full"));
	EXPECT_EQ(1, first(r));
	ASSERT_STREQ("", rig_call(r, RIG_ROOT, LEDGER, "Archive", "tss", last,
				  hash, "full"));
	EXPECT_EQ(last + 1, first(r));
	EXPECT_EQ(NULL, rig_record(r, last, NULL, NULL, NULL));
	EXPECT_TRUE(rig_verifies(r));
	ASSERT_TRUE(rig_wait(r, 20, has_left_the_file));
	EXPECT_TRUE(rig_verifies(r));
	rig_kill(&r->daemon_pid, SIGTERM);
	EXPECT_EQ(0, n_in_file(r, last));
}

/* Whatever a daemon that was killed has left is taken by the next. */
TEST_F(archive, goes_on_after_a_kill)
{
	struct rig *r = &self->r;

	fill(r, archive_all);
	ASSERT_EQ(N_RESULTS + 1, n_in_file(r, N_RESULTS + 1));
	start(r);
	EXPECT_EQ(N_RESULTS + 2, first(r));
	rig_kill(&r->daemon_pid, SIGKILL);
	rig_start_daemon(r);
	rig_connect(r);
	EXPECT_EQ(N_RESULTS + 2, first(r));
	ASSERT_TRUE(rig_wait(r, 20, has_left_the_file));
	EXPECT_TRUE(rig_verifies(r));
	rig_kill(&r->daemon_pid, SIGTERM);
	EXPECT_EQ(0, n_in_file(r, N_RESULTS + 1));
}

/* One that waits has its order in the range that ended meanwhile. */
TEST_F(archive, keeps_an_assay_that_waits_together)
{
	struct rig *r = &self->r;

	start(r);
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	ASSERT_STREQ("", rig_measure(r, "A", "ore-l", 4000, NULL));
	ASSERT_TRUE(rig_wait_state(r, "measuring"));
	ASSERT_STREQ("", rig_measure(r, "B", "ore-l", 5, "queue", NULL));
	ASSERT_TRUE(rig_emu(r, "unplug"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_EQ(0, archivable(r));
	ASSERT_STREQ("", rig_call(r, rig_path, "org.reespec1.Assay", "Cancel",
				  "s", "enough"));
	ASSERT_TRUE(rig_wait_finished(r, 2));
	EXPECT_EQ(r->result, archivable(r));
}

/* ---- one at a time --------------------------------------------------------- */

static int n_answers;
static char answers[4][64];

static int on_answer(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const sd_bus_error *e = sd_bus_message_get_error(m);

	(void)error;
	snprintf(arg, sizeof(answers[0]), "%s", e ? e->name : "");
	n_answers++;
	return 0;
}

static bool are_answered(struct rig *r)
{
	(void)r;
	return n_answers == 2;
}

/* One call behind the other; whether the second was told Busy. The caller of
 * the first is asked about as is that of the call in between, in this order. */
static bool is_busy(struct rig *r, const char *one, const char *other)
{
	const char *const members[] = { one, other };

	/* Up to record 1 the search passes all results. */
	n_answers = 0;
	for (int i = 0; i < 2; i++) {
		CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;

		if (i)
			rig_call(r, RIG_ROOT, LEDGER, "Follow", "st", "",
				 (uint64_t)0);
		sd_bus_message_new_method_call(r->bus, &m, "org.reespec1",
					       RIG_ROOT, LEDGER, members[i]);
		if (!strcmp(members[i], "Archivable"))
			sd_bus_message_append(m, "t", (uint64_t)1);
		else if (!strcmp(members[i], "Archive"))
			sd_bus_message_append(m, "tss", (uint64_t)1, "0", "x");
		sd_bus_call_async(r->bus, NULL, m, on_answer, answers[i], 0);
	}
	return rig_wait(r, 20, are_answered) &&
	       !strcmp(answers[1], ERROR "Busy") &&
	       strcmp(answers[0], ERROR "Busy") != 0;
}

/* On a machine that is busy itself the first may end before the second has
 * come: one of these times it does not. */
static bool gets_busy(struct rig *r, const char *one, const char *other)
{
	for (int i = 0; i < 20; i++)
		if (is_busy(r, one, other))
			return true;
	return false;
}

TEST_F(archive, is_not_looked_for_while_something_walks)
{
	struct rig *r = &self->r;

	fill(r, NULL);
	start(r);
	EXPECT_TRUE(gets_busy(r, "Verify", "Archive"));
	EXPECT_TRUE(gets_busy(r, "Archive", "Verify"));
	EXPECT_TRUE(gets_busy(r, "Verify", "Verify"));
	EXPECT_TRUE(gets_busy(r, "Archivable", "Archivable"));
	EXPECT_TRUE(gets_busy(r, "Archivable", "Archive"));
	/* To ask harms nothing. */
	EXPECT_FALSE(is_busy(r, "Verify", "Archivable"));
	EXPECT_STREQ("", answers[1]);
	EXPECT_EQ(1, first(r));
}

TEST_F(archive, is_for_administrators)
{
	struct rig *r = &self->r;

	if (getuid())
		SKIP(return, "only root can be somebody else");
	start(r);
	EXPECT_NE(NULL, strstr(rig_as_nobody(r, RIG_ROOT " " LEDGER
							 " Archivable t 0"),
			       "Access denied"))
	TH_LOG("%s", rig_as_nobody(r, RIG_ROOT " " LEDGER " Archivable t 0"));
	EXPECT_NE(NULL, strstr(rig_as_nobody(r, RIG_ROOT " " LEDGER
							 " Archive tss 1 0 x"),
			       "Access denied"));
}

TEST_HARNESS_MAIN
