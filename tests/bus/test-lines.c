// SPDX-License-Identifier: GPL-2.0-or-later
/* What an instrument's own lines show to the line it stands at. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "rig.h"

#define SPECTROMETER "org.reespec1.Spectrometer"
#define ASSAY "org.reespec1.Assay"
#define OURS "[io]\ninstrument = 38563\n"
/* Of the instrument's clock in the rig, twenty for one of ours. */
#define SCALE 20
#define WAIT_S 60

FIXTURE(lines)
{
	struct rig r;
};

FIXTURE_SETUP(lines)
{
	rig_start(&self->r, NULL, NULL);
}

FIXTURE_TEARDOWN(lines)
{
	rig_stop(&self->r);
}

static bool start(struct rig *r, const char *settings)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/reespecd.conf", r->dir);
	f = fopen(path, "we");
	if (!f || fputs(settings, f) < 0 || fclose(f))
		rig_die("%s", path);
	snprintf(r->options, sizeof(r->options), "--config %s", path);
	rig_start_bus(r, true);
	rig_start_emu(r, "--settle 0");
	rig_start_daemon(r);
	rig_connect(r);
	return rig_wait_state(r, "idle");
}

/* Whether the emulator's list of its lines has these words next to each other;
 * its command is a line of the shell. */
static bool has(struct rig *r, const char *words)
{
	char command[120];

	snprintf(command, sizeof(command), "lines | grep -q ' %s\\( \\|$\\)'",
		 words);
	return rig_emu(r, command);
}

static const char *wanted;

static bool has_wanted(struct rig *r)
{
	return has(r, wanted);
}

static bool shows(struct rig *r, const char *words)
{
	wanted = words;
	if (rig_wait(r, WAIT_S, has_wanted))
		return true;
	printf("# not shown: %s\n", words);
	rig_emu(r, "lines >&2");
	return false;
}

/* One of four numbers, a line each, in the list. */
static double number(struct rig *r, const char *name, int line)
{
	char command[300];
	char path[160];
	double value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/number", r->dir);
	snprintf(command, sizeof(command),
		 "lines | sed 's/.* %s=\\([^ ]*\\).*/\\1/' | cut -d, -f%d |"
		 " tee %s",
		 name, line + 1, path);
	if (!rig_emu(r, command))
		return -1;
	f = fopen(path, "re");
	if (!f || fscanf(f, "%lf", &value) != 1)
		value = -1;
	if (f)
		fclose(f);
	return value;
}

static double n_writes;

static bool is_written(struct rig *r)
{
	return number(r, "io_writes", 0) > n_writes;
}

static bool measures(struct rig *r, const char *method, double live_s)
{
	const unsigned int n = r->n_finished;

	return !*rig_measure(r, "X", method, live_s, NULL) &&
	       rig_wait_finished(r, n + 1);
}

static unsigned int times_said(struct rig *r, const char *text)
{
	char line[512];
	unsigned int n = 0;
	FILE *f = fopen(r->log, "re");

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	if (f)
		fclose(f);
	return n;
}

/* Enough for a result that is accepted. */
static bool has_counted(struct rig *r)
{
	return rig_emu(r, "status | grep -Eq ' acc_s=[1-9][0-9]'");
}

static void add_rules(struct rig *r, const char *name, const char *rules)
{
	char accept[200];

	snprintf(accept, sizeof(accept), "[accept]\n%s", rules);
	rig_method(r, name, "[accept]", accept);
}

TEST_F_TIMEOUT(lines, of_another_instrument_are_left_alone, 240)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(start(r, "[io]\ninstrument = 4711\ngate = low\n"
			     "aux_out1 = measuring\nio0 = done\nio1 = pass\n"));
	ASSERT_TRUE(measures(r, "ore-l", 20));
	EXPECT_TRUE(has(r, "aux_out1=SCA8"));
	EXPECT_TRUE(has(r, "io_writes=0 gate=open"));
}

/* Nothing but what is accepted passes, and each result is an edge. */
TEST_F_TIMEOUT(lines, show_pass_and_fail_of_the_last_result, 240)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(start(r, OURS "io1 = done\nio2 = pass\nio3 = fail\n"));
	add_rules(r, "strict", "fail_when = P(TREO < 20 %) > 5 %");
	EXPECT_TRUE(rig_wait(r, WAIT_S, is_written));
	EXPECT_TRUE(has(r, "io0=1 io1=1 io2=1 io3=1"));
	ASSERT_TRUE(measures(r, "ore-l", 20));
	EXPECT_TRUE(shows(r, "io0=1 io1=0 io2=0 io3=1"));

	/* Taken back when the next one begins, which is then called off. */
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 4000, NULL));
	EXPECT_TRUE(shows(r, "io0=1 io1=0 io2=1 io3=1"));
	ASSERT_TRUE(rig_wait_text(r, WAIT_S, rig_path, ASSAY, "State",
				  "measuring"));
	ASSERT_STREQ("", rig_call(r, rig_path, ASSAY, "Cancel", "s", "enough"));
	EXPECT_TRUE(shows(r, "io0=1 io1=1 io2=1 io3=0"));

	/* A good result that a rule of its method fails. */
	ASSERT_TRUE(measures(r, "strict", 20));
	EXPECT_TRUE(shows(r, "io0=1 io1=0 io2=1 io3=0"));

	ASSERT_TRUE(measures(r, "ore-l", 20));
	EXPECT_TRUE(shows(r, "io0=1 io1=1 io2=0 io3=1"));
	/* Too few counts. */
	ASSERT_TRUE(measures(r, "ore-l", 0.5));
	EXPECT_TRUE(shows(r, "io0=1 io1=0 io2=1 io3=0"));
	EXPECT_EQ(5, number(r, "io_changes", 1));

	/* By a daemon that ends, too, before it has gone. */
	EXPECT_EQ(0, rig_kill(&r->daemon_pid, SIGTERM));
	EXPECT_TRUE(has(r, "io0=1 io1=0 io2=1 io3=1"));
}

TEST_F_TIMEOUT(lines, show_the_bits_of_a_grade, 240)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(start(r, OURS "active = high\nio0 = grade1\nio1 = grade2\n"
				  "io2 = grade4\nio3 = grade8\n"));
	add_rules(r, "four", "bin_by = TREO 1 2 4 20 %");
	add_rules(r, "three", "bin_by = NdPr 0.5 1 2 %");
	EXPECT_TRUE(shows(r, "io0=0 io1=0 io2=0 io3=0"));
	ASSERT_TRUE(measures(r, "four", 20));
	EXPECT_TRUE(shows(r, "io0=0 io1=0 io2=1 io3=0"));
	ASSERT_TRUE(measures(r, "three", 20));
	EXPECT_TRUE(shows(r, "io0=1 io1=1 io2=0 io3=0"));
	ASSERT_STREQ("", rig_measure(r, "X", "four", 4000, NULL));
	EXPECT_TRUE(shows(r, "io0=0 io1=0 io2=0 io3=0"));

	/* An OK with a wish of another interface is one. */
	ASSERT_TRUE(rig_wait(r, WAIT_S, has_counted));
	ASSERT_TRUE(rig_emu(r, "fault io 12 1000000"));
	ASSERT_STREQ("", rig_call(r, rig_path, ASSAY, "Finish", ""));
	ASSERT_TRUE(rig_wait_finished(r, 3));
	EXPECT_EQ(0, rig_kill(&r->daemon_pid, SIGTERM));
	EXPECT_EQ(0, times_said(r, "the IO lines cannot be written"));
}

TEST_F_TIMEOUT(lines, gate_and_tell_that_it_counts, 240)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(start(r, OURS "active = high\ngate = high\n"
				  "aux_out2 = measuring\nio2 = pass\n"));
	/* A line that is off is let go at either level. */
	EXPECT_TRUE(shows(r, "io0=1 io1=1 io2=0 io3=1"));
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 4000, NULL));
	EXPECT_TRUE(shows(r, "aux_out1=SCA8 aux_out2=1"));
	EXPECT_TRUE(has(r, "gate=open"));
	ASSERT_TRUE(rig_emu(r, "aux 1 1"));
	EXPECT_TRUE(has(r, "gate=blocking"));
	ASSERT_STREQ("", rig_call(r, rig_path, ASSAY, "Finish", ""));
	EXPECT_TRUE(shows(r, "aux_out1=SCA8 aux_out2=0"));
}

/* What the instrument shows after it was away nobody knows. */
TEST_F_TIMEOUT(lines, are_written_again_after_it_was_away, 240)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(start(r, OURS "io2 = pass\n"));
	/* One that changes nothing does not stand in the way of the next. */
	ASSERT_TRUE(measures(r, "ore-l", 0.5));
	ASSERT_TRUE(measures(r, "ore-l", 20));
	EXPECT_TRUE(shows(r, "io2=0"));
	n_writes = number(r, "io_writes", 0);
	EXPECT_LE(n_writes, 4);
	ASSERT_TRUE(rig_emu(r, "unplug"));
	ASSERT_TRUE(rig_wait_state(r, "absent"));
	ASSERT_TRUE(rig_emu(r, "plug"));
	EXPECT_TRUE(rig_wait(r, WAIT_S, is_written));
	EXPECT_TRUE(shows(r, "io0=1 io1=1 io2=0 io3=1"));

	/* And the end of the daemon does not wait for it. */
	ASSERT_TRUE(rig_emu(r, "unplug"));
	ASSERT_TRUE(rig_wait_state(r, "absent"));
	EXPECT_EQ(0, rig_kill(&r->daemon_pid, SIGTERM));
	EXPECT_FALSE(rig_log_has(r, "did not end"));
}

static unsigned int n_told;

static bool is_told(struct rig *r)
{
	return times_said(r, "the IO lines cannot be written") >= n_told;
}

/* The state after the third is that after the first. */
static bool has_told_three(struct rig *r)
{
	return number(r, "io_changes", 1) >= 3;
}

/* Said once; no verdict is passed over, however many came meanwhile, and none
 * stands in the way of the daemon's end. */
TEST_F_TIMEOUT(lines, are_written_later_when_they_cannot_be, 240)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(start(r, OURS "io1 = done\nio2 = pass\nio3 = fail\n"));
	EXPECT_TRUE(shows(r, "io0=1 io1=1 io2=1 io3=1"));
	ASSERT_TRUE(rig_emu(r, "fault io 13 1000000"));
	ASSERT_TRUE(measures(r, "ore-l", 20));
	n_told = 1;
	EXPECT_TRUE(rig_wait(r, WAIT_S, is_told));
	ASSERT_TRUE(measures(r, "ore-l", 0.5));
	ASSERT_TRUE(measures(r, "ore-l", 20));
	EXPECT_TRUE(has(r, "io0=1 io1=1 io2=1 io3=1"));
	ASSERT_TRUE(rig_emu(r, "fault none"));
	EXPECT_TRUE(rig_wait(r, WAIT_S, has_told_three));
	EXPECT_TRUE(shows(r, "io0=1 io1=0 io2=0 io3=1"));
	EXPECT_EQ(3, number(r, "io_changes", 1));
	EXPECT_EQ(1, times_said(r, "the IO lines cannot be written"));
	EXPECT_GE(number(r, "io_least_ms", 1), 15 * SCALE);

	/* Another time, another word. */
	ASSERT_TRUE(rig_emu(r, "fault io 13 1000000"));
	ASSERT_TRUE(measures(r, "ore-l", 0.5));
	n_told = 2;
	EXPECT_TRUE(rig_wait(r, WAIT_S, is_told));
	EXPECT_EQ(0, rig_kill(&r->daemon_pid, SIGTERM));
	EXPECT_FALSE(rig_log_has(r, "did not end"));
}

/* Strobes, so that the verdicts on them come all at once. */
static bool strobe(struct rig *r, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (!rig_emu(r, "pulse 2"))
			return false;
	return true;
}

/* A gate that looks every few milliseconds sees each verdict, and the last one
 * of a belt for a second, whatever the machine had to do meanwhile. */
TEST_F_TIMEOUT(lines, show_each_verdict_long_enough, 240)
{
	struct rig *r = &self->r;
	char option[24];

	ASSERT_TRUE(start(r, OURS "io0 = ready\nio1 = done\nio2 = pass\n"
				  "io3 = fail\n"));
	for (int i = 1; i <= 8; i++) {
		snprintf(option, sizeof(option), "strobe:%d", i);
		ASSERT_STREQ("", rig_measure(r, "P", "ore-l", 0, option, NULL));
	}
	EXPECT_TRUE(shows(r, "io0=0"));
	ASSERT_TRUE(rig_wait(r, WAIT_S, has_counted));
	ASSERT_TRUE(strobe(r, 1));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_TRUE(shows(r, "io1=0 io2=0"));
	ASSERT_TRUE(strobe(r, 5));
	ASSERT_STREQ("", rig_call(r, rig_path, ASSAY, "Cancel", "s", "enough"));
	ASSERT_TRUE(rig_wait_finished(r, 8));
	EXPECT_TRUE(shows(r, "io0=1 io1=1 io2=1 io3=1"));
	EXPECT_EQ(6, number(r, "io_changes", 1));
	/* 20 ms, less what the loop's clock is coarse. */
	EXPECT_GE(number(r, "io_least_ms", 1), 15 * SCALE);
	EXPECT_GE(number(r, "io_least_ms", 3), 1000 * SCALE);
}

static bool has_come_and_gone(struct rig *r)
{
	return number(r, "io_changes", 3) >= 2;
}

/* Its second begins when the instrument has it, not when it was due: refused
 * three times, once a second, it would be over before. */
TEST_F_TIMEOUT(lines, show_the_last_verdict_when_they_can_be_written, 240)
{
	struct rig *r = &self->r;
	char option[24];

	ASSERT_TRUE(start(r, OURS "io1 = done\nio2 = pass\nio3 = fail\n"));
	for (int i = 1; i <= 3; i++) {
		snprintf(option, sizeof(option), "strobe:%d", i);
		ASSERT_STREQ("", rig_measure(r, "P", "ore-l", 0, option, NULL));
	}
	ASSERT_TRUE(rig_wait(r, WAIT_S, has_counted));
	/* The second has nothing to pass by, however late its strobe comes. */
	ASSERT_TRUE(rig_emu(r, "rate 0"));
	ASSERT_TRUE(strobe(r, 1));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_TRUE(shows(r, "io1=0 io2=0 io3=1"));
	ASSERT_TRUE(rig_emu(r, "fault io 13 3"));
	ASSERT_TRUE(strobe(r, 1));
	ASSERT_STREQ("", rig_call(r, rig_path, ASSAY, "Cancel", "s", "enough"));
	ASSERT_TRUE(rig_wait_finished(r, 3));
	EXPECT_TRUE(rig_wait(r, WAIT_S, has_come_and_gone));
	EXPECT_TRUE(has(r, "io1=1 io2=1 io3=1"));
	EXPECT_GE(number(r, "io_least_ms", 3), 1000 * SCALE);
}

TEST_HARNESS_MAIN
