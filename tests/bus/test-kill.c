// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Daemon, client and bus killed without warning under load: what was announced
 * is in the ledger with the hash it was announced with, the chain verifies,
 * and the far side has every record once.
 *
 * REESPEC_SEED draws who is killed and when, KILLS says how often.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "../unit/seed.h"
#include "reader.h"

#define LEDGER "org.reespec1.Ledger"
#define SEED 20261132u
#define N_KILLS 60

/* A number and the hash it was announced with; "" for a result. */
struct announced {
	uint64_t seq;
	char hash[65];
};

FIXTURE(kill)
{
	struct rig r;
	pid_t pid; /* of the client */
	struct announced *told;
	size_t n_told;
	unsigned int n_finished; /* of r's, seen */
	unsigned int n_results;
};

/* Many small batches: a kill falls into one more often. */
FIXTURE_SETUP(kill)
{
	struct rig *r = &self->r;
	char path[128];
	FILE *f;

	rig_start(r, NULL, NULL);
	snprintf(path, sizeof(path), "%s/reespecd.conf", r->dir);
	f = fopen(path, "we");
	if (!f || fputs("[batch]\nage_ms = 20\n", f) < 0 || fclose(f))
		abort();
	snprintf(r->options, sizeof(r->options), "--config %s", path);
	rig_start_bus(r, true);
	rig_start_emu(r, "--settle 0");
	rig_start_daemon(r);
	rig_connect(r);
	self->pid = reader_start(r, "lims", "store");
	self->told = NULL;
	self->n_told = self->n_finished = self->n_results = 0;
}

FIXTURE_TEARDOWN(kill)
{
	rig_kill(&self->pid, SIGKILL);
	free(self->told);
	rig_stop(&self->r);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void remember(FIXTURE_DATA(kill) * self, uint64_t seq, const char *hash)
{
	struct announced *a;

	self->told = realloc(self->told, (self->n_told + 1) * sizeof(*a));
	if (!self->told)
		abort();
	a = &self->told[self->n_told++];
	a->seq = seq;
	snprintf(a->hash, sizeof(a->hash), "%s", hash);
}

/* What came over the bus until now, also of a daemon that has ended. */
static void take_announced(FIXTURE_DATA(kill) * self)
{
	struct rig *r = &self->r;

	while (sd_bus_process(r->bus, NULL) > 0)
		;
	for (unsigned int i = 0; i < r->n_batches; i++)
		remember(self, r->batches[i].last, r->batches[i].head);
	r->n_batches = 0;
	if (r->n_finished != self->n_finished) {
		remember(self, r->result, "");
		self->n_results++;
	}
	self->n_finished = r->n_finished;
}

static bool has_daemon(struct rig *r)
{
	return rig_last(r) > 0;
}

static bool counts(struct rig *r)
{
	const char *state = rig_text(r, RIG_SPECTROMETER,
				     "org.reespec1.Spectrometer", "State");

	if (!strcmp(state, "idle"))
		rig_measure(r, "X", "ore-l", 30, "detach", "interval:0.1",
			    NULL);
	return !strcmp(state, "measuring");
}

/* Followed anew in each round: the window is open, and nothing is fetched. */
static bool follow(struct rig *r)
{
	return !*rig_call(r, RIG_ROOT, LEDGER, "Follow", "st", "", (uint64_t)0);
}

enum victim { CLIENT, DAEMON, BUS, N_VICTIMS };

static void kill_one(FIXTURE_DATA(kill) * self, enum victim who)
{
	struct rig *r = &self->r;
	char path[128];

	switch (who) {
	case CLIENT:
		rig_kill(&self->pid, SIGKILL);
		self->pid = reader_start(r, "lims", "store");
		break;
	case DAEMON:
		rig_kill(&r->daemon_pid, SIGKILL);
		take_announced(self);
		rig_start_daemon(r);
		break;
	default:
		snprintf(path, sizeof(path), "%s/bus", r->dir);
		rig_kill(&r->bus_pid, SIGKILL);
		take_announced(self);
		unlink(path);
		rig_start_bus(r, true);
		rig_connect(r);
	}
}

/* How many of the announced are not there, or not as they were. */
static unsigned int count_wrong(FIXTURE_DATA(kill) * self)
{
	struct rig *r = &self->r;
	unsigned int n = 0;

	for (size_t i = 0; i < self->n_told; i++) {
		const struct announced *a = &self->told[i];
		CLEANUP(js_freep) json_t *body = NULL;
		const char *kind = "";
		char hash[65] = "";

		body = rig_record(r, a->seq, hash, NULL, NULL);
		js_get_str(body, "kind", &kind);
		if (*a->hash ? !strcmp(a->hash, hash) : !strcmp(kind, "result"))
			continue;
		printf("# record %llu: '%s' with hash '%s', announced with '%s'\n",
		       (unsigned long long)a->seq, kind, hash, a->hash);
		n++;
	}
	return n;
}

TEST_F_TIMEOUT(kill, nothing_announced_is_lost_and_all_is_delivered_once, 3000)
{
	const char *kills = getenv("KILLS");
	const int n = kills ? atoi(kills) : N_KILLS;
	const unsigned int seed = seed_of(SEED);
	unsigned int n_of[N_VICTIMS] = { 0 };
	uint32_t random = seed;
	struct rig *r = &self->r;

	for (int i = 0; i < n; i++) {
		const enum victim who = next_random(&random) % N_VICTIMS;
		const long ms = next_random(&random) % 150;

		/* One in four falls into the beginning after the last. */
		if (next_random(&random) % 4) {
			ASSERT_TRUE(rig_wait(r, 60, counts))
			TH_LOG("seed %u, kill %d: nothing is measured", seed,
			       i);
			ASSERT_TRUE(follow(r));
			ASSERT_TRUE(rig_wait_batches(r, 1));
		}
		nanosleep(&(struct timespec){ 0, ms * 1000000 }, NULL);
		take_announced(self);
		kill_one(self, who);
		n_of[who]++;
	}
	rig_kill(&r->daemon_pid, SIGTERM);
	take_announced(self);
	rig_start_daemon(r);
	ASSERT_TRUE(rig_wait(r, 60, has_daemon));
	ASSERT_TRUE(reader_wait(r, "lims"));
	EXPECT_EQ(0, reader_faults(r, rig_last(r)));
	EXPECT_EQ(0, count_wrong(self));
	EXPECT_TRUE(rig_verifies(r));
	EXPECT_GT(self->n_told, n / 2);
	TH_LOG("seed %u: killed %d times (client %u, daemon %u, bus %u); "
	       "%zu announcements held, %u of them results; %llu records, once",
	       seed, n, n_of[CLIENT], n_of[DAEMON], n_of[BUS], self->n_told,
	       self->n_results, (unsigned long long)rig_last(r));
}

TEST_HARNESS_MAIN
