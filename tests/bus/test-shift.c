// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A shift of a sample line, from the PLC to the database: a PLC has one sample
 * after the other measured, while whoever stands between is killed, the daemon
 * stopped and the instrument unplugged, as a seed draws it. What the PLC was
 * told is held against the ledger: every order once, every sample with a
 * result, or with a fault that the PLC saw. And the database is held against
 * the ledger, record by record. REESPEC_SEED draws another shift, SHIFT_SAMPLES
 * a longer one.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "../unit/seed.h"
#include "lab.h"
#include "steps.h"

#define SEED 20261128u
#define N_SAMPLES 8
#define SAMPLES_MAX 5000
/* One disturbance in so many looks of the PLC, each of some milliseconds. */
#define CALM 150
#define AWAY_MAX 60
#define LIVE_S 2

FAR_PROGRAM

FIXTURE(shift)
{
	struct far f;
	struct lab lab;
	struct plc plc;
	struct steps s;
	struct steps_sample *samples;
	unsigned int n_samples;
	unsigned int
		away; /* looks until the daemon comes back; 0: it is there */
	unsigned int n_line, n_stopped, n_unplugged;
	unsigned int n_killed[LAB_N_VICTIMS];
};

FIXTURE_SETUP(shift)
{
	const char *n = getenv("SHIFT_SAMPLES");

	self->n_samples = n ? (unsigned int)atoi(n) : N_SAMPLES;
	if (self->n_samples > SAMPLES_MAX)
		self->n_samples = SAMPLES_MAX;
	self->samples = calloc(self->n_samples, sizeof(*self->samples));
	for (unsigned int i = 0; i < self->n_samples; i++)
		self->samples[i] = (struct steps_sample){ .method = 1,
							  .preset_s = LIVE_S };
	far_start(&self->f);
	lab_start(&self->lab, &self->f, "belt");
	plc_start(&self->plc, &self->lab.r);
	ASSERT_TRUE(steps_read(&self->s, &self->plc, self->samples,
			       self->n_samples));
}

FIXTURE_TEARDOWN(shift)
{
	plc_stop(&self->plc);
	lab_stop(&self->lab);
	far_stop(&self->f);
	free(self->samples);
}

/* ---- what goes wrong ------------------------------------------------------------- */

static void kill_line(FIXTURE_DATA(shift) * self)
{
	self->n_line++;
	plc_restart(&self->plc);
}

/* The line goes on without it for a while. */
static void end_daemon(FIXTURE_DATA(shift) * self, int signal)
{
	rig_kill(&self->lab.r.daemon_pid, signal);
	self->away = 1 + seed_drawn(AWAY_MAX);
}

static void disturb_far(FIXTURE_DATA(shift) * self)
{
	const enum lab_victim who = seed_drawn(LAB_DAEMON);

	self->n_killed[who]++;
	lab_kill(&self->lab, &self->f, who);
}

static void disturb(FIXTURE_DATA(shift) * self)
{
	const unsigned int what = self->away ? 0 : seed_drawn(6);

	if (what == 0) {
		kill_line(self);
	} else if (what == 1) {
		self->n_killed[LAB_DAEMON]++;
		end_daemon(self, SIGKILL);
	} else if (what == 2) {
		self->n_stopped++;
		end_daemon(self, SIGTERM);
	} else if (what == 3) {
		self->n_unplugged++;
		rig_emu(&self->lab.r, "unplug");
		usleep(seed_drawn(300) * 1000);
		rig_emu(&self->lab.r, "plug");
	} else {
		disturb_far(self);
	}
}

static void pass_time(FIXTURE_DATA(shift) * self)
{
	if (!seed_drawn(self->away ? AWAY_MAX : CALM))
		disturb(self);
	if (self->away && !--self->away)
		rig_start_daemon(&self->lab.r);
	usleep(5000);
}

/* ---- the ledger -------------------------------------------------------------------- */

struct count {
	unsigned int n_assays;
	unsigned int n_results; /* of any state */
	unsigned int n_done;
	uint64_t done; /* the last of them */
};

static void count(FIXTURE_DATA(shift) * self, struct count *counts)
{
	struct rig *r = &self->lab.r;

	for (uint64_t seq = 1, last = rig_last(r); seq <= last; seq++) {
		CLEANUP(js_freep)
		json_t *body = rig_record(r, seq, NULL, NULL, NULL);
		const char *kind = js_text(body, "kind");
		const char *sample = js_text(body, "sample");
		struct count *c;

		if (sample[0] != 'S')
			continue;
		c = &counts[atoi(sample + 1)];
		c->n_assays += !strcmp(kind, "assay");
		if (strcmp(kind, "result"))
			continue;
		c->n_results++;
		if (!strcmp(js_text(body, "state"), "done")) {
			c->n_done++;
			c->done = seq;
		}
	}
}

static unsigned int rows(FIXTURE_DATA(shift) * self, const char *of)
{
	return (unsigned int)atoi(
		far_ask(&self->f, "SELECT count(*) FROM reespec.%s", of));
}

TEST_F_TIMEOUT(shift, every_sample_is_measured_once_or_flagged, 7200)
{
	const unsigned int seed = seed_of(SEED);
	unsigned int n_assays = 0, n_flagged = 0, n_lost = 0, n_bad = 0;
	unsigned int n_done;
	struct count *counts = calloc(self->n_samples, sizeof(*counts));

	srandom(seed);
	while (steps_next(&self->s) < self->n_samples) {
		steps_cycle(&self->s);
		pass_time(self);
	}
	if (self->away)
		rig_start_daemon(&self->lab.r);
	/* What was acknowledged last may be shown again. */
	ASSERT_TRUE(plc_wait_state(&self->plc, PLC_READY PLC_DONE));
	count(self, counts);
	for (unsigned int i = 0; i < self->n_samples; i++) {
		const struct steps_sample *t = &self->samples[i];
		const struct count *c = &counts[i];
		/* What was refused or never arrived has no record at all. */
		const bool is_good = c->n_done == 1 && c->done == t->result &&
				     c->n_assays + t->n_lost == t->n_ends &&
				     c->n_results == c->n_assays;

		if (!is_good)
			printf("# S%05u: told %u ends, %u lost, record %llu;"
			       " ledger %u assays, %u results, %u done, %llu\n",
			       i, t->n_ends, t->n_lost,
			       (unsigned long long)t->result, c->n_assays,
			       c->n_results, c->n_done,
			       (unsigned long long)c->done);
		n_bad += !is_good;
		n_assays += c->n_assays;
		n_flagged += t->n_ends - 1;
		n_lost += t->n_lost;
	}
	TH_LOG("seed %u: %u samples, %u assays; flagged %u, of them without a record %u; shown again %u",
	       seed, self->n_samples, n_assays, n_flagged, n_lost,
	       self->s.n_again);
	TH_LOG("killed: line %u, daemon %u, bridge %u, sink %u, server %u, database %u; daemon stopped %u, unplugged %u",
	       self->n_line, self->n_killed[LAB_DAEMON],
	       self->n_killed[LAB_BRIDGE], self->n_killed[LAB_SINK],
	       self->n_killed[LAB_SERVER], self->n_killed[LAB_DATABASE],
	       self->n_stopped, self->n_unplugged);
	fflush(stdout);
	EXPECT_EQ(0, n_bad);
	EXPECT_TRUE(rig_verifies(&self->lab.r));
	EXPECT_TRUE(lab_is_equal(&self->lab, &self->f));
	n_done = rows(self, "result WHERE state = 'done'");
	TH_LOG("ledger: %llu records; database: %u, of them %u results done",
	       (unsigned long long)rig_last(&self->lab.r), rows(self, "record"),
	       n_done);
	EXPECT_EQ(self->n_samples, n_done);
	EXPECT_EQ(0, rows(self, "refused"));
	free(counts);
}

TEST_HARNESS_MAIN
