// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A network between laboratories and server that is cut and healed: both in a
 * network namespace of their own, with one link between. Either nothing passes,
 * or the laboratories are heard and hear nothing, so that they do not know what
 * the server has. REESPEC_SEED draws how long and who is killed meanwhile,
 * CUT_ROUNDS says how often, CUT_LEDGERS how many laboratories there are.
 */
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../unit/seed.h"
#include "bridges/stream.h"
#include "kselftest_harness.h"

#include "lab.h"

#define SEED 20261151u
#define TRIES 300 /* of a tenth of a second */
#define N_ROUNDS 2
#define N_LEDGERS 2
#define LEDGERS_MAX 10
#define SERVER "10.78.0.1"
#define LABS "10.78.0.2"

FAR_PROGRAM

FIXTURE(cut)
{
	struct far f;
	struct lab labs[LEDGERS_MAX];
	unsigned int n;
	pid_t away_pid; /* holds the namespace of the bridges */
	bool is_permitted;
};

static bool run(const char *format, ...)
	__attribute__((__format__(__printf__, 1, 2)));

static bool run(const char *format, ...)
{
	char command[300];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command) == 0;
}

/* A process that does nothing in a network of its own. */
static pid_t start_away(void)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(0);
		if (unshare(CLONE_NEWNET) < 0)
			_exit(1);
		close(ready[0]);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (pid > 0 && read(ready[0], &c, 1) != 1)
		rig_kill(&pid, SIGKILL);
	close(ready[0]);
	return pid;
}

/* The test's own network, another one, and a link. */
static bool make_networks(FIXTURE_DATA(cut) * self)
{
	int pid;

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	self->away_pid = pid = start_away();
	return pid > 0 &&
	       run("ip link set lo up && ip link add here type veth peer name"
		   " there && ip link set there netns %d &&"
		   " ip address add " SERVER "/24 dev here &&"
		   " ip link set here up && nsenter -t %d -n sh -c"
		   " 'ip link set lo up && ip address add " LABS "/24"
		   " dev there && ip link set there up'",
		   pid, pid);
}

FIXTURE_SETUP(cut)
{
	static const char *const lines[LEDGERS_MAX] = {
		"l1", "l2", "l3", "l4", "l5", "l6", "l7", "l8", "l9", "l10",
	};

	memset(self, 0, sizeof(*self));
	self->n = lab_number_of("CUT_LEDGERS", N_LEDGERS, LEDGERS_MAX);
	self->is_permitted = make_networks(self);
	if (!self->is_permitted)
		return;
	strcpy(self->f.host, SERVER);
	snprintf(self->f.bridge_by, sizeof(self->f.bridge_by),
		 "nsenter -t %d -n", (int)self->away_pid);
	far_start(&self->f);
	for (unsigned int i = 0; i < self->n; i++)
		lab_start(&self->labs[i], &self->f, lines[i]);
}

FIXTURE_TEARDOWN(cut)
{
	if (self->is_permitted) {
		for (unsigned int i = 0; i < self->n; i++)
			lab_stop(&self->labs[i]);
		far_stop(&self->f);
	}
	rig_kill(&self->away_pid, SIGKILL);
}

/* Refused where one runs already, or the instrument is not yet back. */
static void measure(struct lab *l)
{
	rig_measure(&l->r, "X", "ore-l", 400, "detach", "interval:0.1", NULL);
}

/* Made since the network is whole, and where it has to be: so its bridge is over
 * the cut before. What a bridge learns of without sending it, as when only the
 * answer was cut off, ends no trouble. */
static bool send_one(struct lab *l, struct far *f)
{
	uint64_t last;

	if (!lab_wait_daemon(l))
		return false;
	last = rig_last(&l->r);
	for (int i = 0; i < TRIES && rig_last(&l->r) <= last; i++) {
		measure(l);
		usleep(100000);
	}
	return rig_last(&l->r) > last && lab_wait_rows(l, f);
}

/*
 * Nothing that it hears: until its bridge has given up waiting for an answer. It
 * says so once, until it is over the cut before, and only where there is
 * something to send: an assay may be at its end.
 */
static bool deafen(struct lab *l, struct far *f)
{
	static const char despair[] = "trying again";
	char path[128];
	unsigned int n;

	snprintf(path, sizeof(path), "%s/nats.log", l->r.dir);
	if (!send_one(l, f))
		return false;
	n = far_says(path, despair);
	if (!run("ip route add blackhole " LABS "/32"))
		return false;
	for (int i = 0; i < TRIES && far_says(path, despair) == n; i++) {
		measure(l);
		usleep(100000);
	}
	return far_says(path, despair) > n;
}

TEST_F_TIMEOUT(cut, a_network_that_heals_has_lost_nothing, 1800)
{
	const unsigned int n = lab_number_of("CUT_ROUNDS", N_ROUNDS, 10000);
	const unsigned int seed = seed_of(SEED);
	unsigned int n_repeated = 0, n_killed = 0;
	struct far *f = &self->f;
	uint64_t n_records = 0;

	if (!self->is_permitted)
		SKIP(return, "may not make network namespaces");
	srandom(seed);
	for (unsigned int i = 0; i < n; i++) {
		struct lab *l = &self->labs[seed_drawn(self->n)];

		for (unsigned int k = 0; k < self->n; k++)
			measure(&self->labs[k]);
		if (i % 2) {
			ASSERT_TRUE(run("ip link set here down"));
			usleep(seed_drawn(1000) * 1000);
		} else {
			ASSERT_TRUE(deafen(l, f));
		}
		if (seed_drawn(2)) {
			lab_kill(l, f, seed_drawn(LAB_N_VICTIMS));
			n_killed++;
		}
		ASSERT_TRUE(i % 2 ? run("ip link set here up")
				  : run("ip route del blackhole " LABS "/32"));
		n_repeated += lab_repeat(f);
	}
	for (unsigned int i = 0; i < self->n; i++)
		lab_restart_daemon(&self->labs[i], SIGTERM);
	for (unsigned int i = 0; i < self->n; i++) {
		EXPECT_TRUE(lab_is_equal(&self->labs[i], f));
		n_records += rig_last(&self->labs[i].r);
	}
	EXPECT_STREQ("0", far_ask(f, "SELECT count(*) FROM reespec.refused"));
	TH_LOG("seed %u: %u ledgers, cut %u times, %u killed meanwhile, %u repeated; %llu records once",
	       seed, self->n, n, n_killed, n_repeated,
	       (unsigned long long)n_records);
}

TEST_HARNESS_MAIN
