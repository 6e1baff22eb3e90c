// SPDX-License-Identifier: GPL-2.0-or-later
/* Rows of a belt that are not there, lost, or refused: the belt goes on. */
#include <stdio.h>
#include <string.h>

#include "kselftest_harness.h"

#include "rig.h"

#define ERROR "org.reespec1.Error."
#define SPECTROMETER "org.reespec1.Spectrometer"

FIXTURE(rows)
{
	struct rig r;
};

FIXTURE_SETUP(rows)
{
	rig_start(&self->r, "--settle 0", "idle");
}

FIXTURE_TEARDOWN(rows)
{
	rig_stop(&self->r);
}

static const char *order_kind(struct rig *r, int strobe, const char *kind)
{
	char option[24];

	snprintf(option, sizeof(option), "strobe:%d", strobe);
	return rig_measure(r, "P", "ore-l", 0, option, kind, NULL);
}

static const char *order(struct rig *r, int strobe)
{
	return order_kind(r, strobe, "kind=sample");
}

/* Whether the belt says that it is ready. */
static bool is_ready(struct rig *r)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *name = "";
	int ready = 0;

	return sd_bus_get_property(r->bus, "org.reespec1", RIG_SPECTROMETER,
				   SPECTROMETER, "Belt", NULL, &m,
				   "a{sv}") >= 0 &&
	       sd_bus_message_enter_container(m, 'a', "{sv}") >= 0 &&
	       sd_bus_message_enter_container(m, 'e', "sv") > 0 &&
	       sd_bus_message_read(m, "s", &name) > 0 &&
	       !strcmp(name, "ready") &&
	       sd_bus_message_read(m, "v", "b", &ready) > 0 && ready;
}

static bool is_unready(struct rig *r)
{
	return !is_ready(r);
}

TEST_F_TIMEOUT(rows, is_ready_for_no_more_strobes_than_were_ordered, 120)
{
	struct rig *r = &self->r;

	ASSERT_STREQ("", order(r, 1));
	ASSERT_STREQ("", order(r, 2));
	ASSERT_TRUE(rig_wait(r, 20, is_ready));
	ASSERT_TRUE(rig_emu(r, "pulse 2"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_TRUE(rig_wait(r, 20, is_ready));
	ASSERT_TRUE(rig_emu(r, "pulse 2"));
	EXPECT_TRUE(rig_wait(r, 20, is_unready));
	ASSERT_TRUE(rig_wait_finished(r, 2));
	EXPECT_FALSE(is_ready(r));
	ASSERT_STREQ("", order(r, 3));
	EXPECT_TRUE(rig_wait(r, 20, is_ready));
}

static unsigned int log_lines_with(struct rig *r, const char *text)
{
	char line[1000];
	FILE *f = fopen(r->log, "r");
	unsigned int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	if (f)
		fclose(f);
	return n;
}

/* Six hundred edges within the time of storing one. */
TEST_F_TIMEOUT(rows, a_line_that_bounces_is_told_once, 120)
{
	struct rig *r = &self->r;

	for (int i = 1; i <= 5; i++)
		ASSERT_STREQ("", order(r, i));
	ASSERT_TRUE(rig_wait(r, 20, is_ready));
	ASSERT_TRUE(rig_emu(r, "pulse 2"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	ASSERT_TRUE(rig_emu(r, "pulse 2 600 1"));
	ASSERT_TRUE(rig_wait_finished(r, 5));
	EXPECT_TRUE(rig_result_says(r, "failed", "strobe 5 came faster than"));
	EXPECT_TRUE(rig_log_has(r, "strobes 3 to 601 of the belt were lost"));
	EXPECT_EQ(1, log_lines_with(r, "of the belt w"));
}

FIXTURE(policy)
{
	struct rig r;
};

/* Each second sample wants a blank before it. */
FIXTURE_SETUP(policy)
{
	struct rig *r = &self->r;
	char path[160];
	FILE *f;

	rig_start(r, NULL, NULL);
	snprintf(path, sizeof(path), "%s/qc.conf", r->dir);
	f = fopen(path, "w");
	if (!f)
		rig_die("%s", path);
	fputs("[policy]\ngate = due\n[check Lu]\nkind = blank\n"
	      "method = ore-l\nelement = Lu\nmax_mg_kg = 1e9\n"
	      "every_samples = 1\n",
	      f);
	fclose(f);
	rig_start_bus(r, true);
	rig_start_emu(r, "--settle 0");
	rig_start_daemon(r);
	rig_connect(r);
	if (!rig_wait_state(r, "idle"))
		rig_die("not idle");
}

FIXTURE_TEARDOWN(policy)
{
	rig_stop(&self->r);
}

/* Five seconds of the instrument's own time since the last strobe: a content
 * can be told. Its command is a line of the shell. */
static bool has_counted(struct rig *r)
{
	return rig_emu(r, "status | grep -Eq ' acc_s=([5-9]|[1-9][0-9])'");
}

/* Strobes the next pellet, when it has counts: whether it ends as @state. */
static bool pellet(struct rig *r, const char *state, const char *why)
{
	const unsigned int n = r->n_finished;

	while (!has_counted(r))
		;
	return rig_emu(r, "pulse 2") && rig_wait_finished(r, n + 1) &&
	       rig_result_says(r, state, why);
}

TEST_F_TIMEOUT(policy, what_a_control_refuses_fails_and_the_belt_goes_on, 120)
{
	struct rig *r = &self->r;
	static const char *const kinds[] = { "kind=blank", "kind=sample",
					     "kind=sample", "kind=blank",
					     "kind=sample" };

	EXPECT_STREQ(ERROR "QualityControl", order_kind(r, 1, "kind=sample"));
	for (int i = 0; i < 5; i++)
		ASSERT_STREQ("", order_kind(r, i + 1, kinds[i]));
	ASSERT_TRUE(rig_wait(r, 20, is_ready));
	ASSERT_TRUE(pellet(r, "done", ""));
	ASSERT_TRUE(pellet(r, "done", ""));
	ASSERT_TRUE(pellet(r, "failed", "Lu: 1 samples since the last one"));
	ASSERT_TRUE(pellet(r, "done", ""));
	ASSERT_TRUE(pellet(r, "done", ""));
}

TEST_HARNESS_MAIN
