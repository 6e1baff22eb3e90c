// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every allocation of the daemon fails in turn: the first of a call, the second
 * and so on, until one call needs no more. Whatever a caller is told, the
 * daemon goes on, or ends and says so, and what it announced is in its ledger.
 *
 * In `make check` a few of each, STARVE_FACTOR times as many where that is set.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "rig.h"

#define ASSAY "org.reespec1.Assay"
#define LEDGER "org.reespec1.Ledger"
#define SPECTROMETER "org.reespec1.Spectrometer"

FIXTURE(starve)
{
	struct rig r;
	int64_t *left; /* allocations until one fails; 0: none does */
	unsigned int n_hit, n_ended;
	bool is_stuck; /* an assay that was taken does not end */
	uint64_t announced; /* the last record that somebody was told of */
};

FIXTURE_SETUP(starve)
{
	char path[128];
	int fd;

	rig_start(&self->r, "--settle 0", "idle");
	self->r.preload = "starve";
	snprintf(path, sizeof(path), "%s/fail", self->r.dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, sizeof(*self->left)));
	self->left = mmap(NULL, sizeof(*self->left), PROT_READ | PROT_WRITE,
			  MAP_SHARED, fd, 0);
	close(fd);
	ASSERT_NE(MAP_FAILED, self->left);
	/* It looks for the file when it starts. */
	rig_kill(&self->r.daemon_pid, SIGTERM);
	rig_start_daemon(&self->r);
	ASSERT_TRUE(rig_wait_state(&self->r, "idle"));
}

FIXTURE_TEARDOWN(starve)
{
	munmap(self->left, sizeof(*self->left));
	rig_stop(&self->r);
}

/* ---- the calls ------------------------------------------------------------ */

#define CALL(name, ...)                               \
	static void name(FIXTURE_DATA(starve) * self) \
	{                                             \
		rig_call(&self->r, __VA_ARGS__);      \
	}

CALL(get_all, RIG_SPECTROMETER, "org.freedesktop.DBus.Properties", "GetAll",
     "s", SPECTROMETER)
CALL(get_objects, RIG_ROOT, "org.freedesktop.DBus.ObjectManager",
     "GetManagedObjects", "")
CALL(configure, RIG_SPECTROMETER, SPECTROMETER, "Configure", "a{sv}s", 1,
     "HVSE", "s", "OFF", "test")
CALL(follow, RIG_ROOT, LEDGER, "Follow", "st", "lims", (uint64_t)1)
CALL(fetch, RIG_ROOT, LEDGER, "Fetch", "tua{sv}", (uint64_t)1, 100, 1, "sample",
     "s", "X")
CALL(get, RIG_ROOT, LEDGER, "Get", "t", (uint64_t)1)
CALL(forget, RIG_ROOT, LEDGER, "Forget", "ss", "lims", "test")
CALL(sign, RIG_ROOT, LEDGER, "Sign", "tts", (uint64_t)1, (uint64_t)1, "seen")
CALL(rotate, RIG_ROOT, LEDGER, "RotateKey", "s", "test")
CALL(verify, RIG_ROOT, LEDGER, "Verify", "")

static void check(FIXTURE_DATA(starve) * self)
{
	rig_measure(&self->r, "X", "ore-l", 5, "check", NULL);
}

static void queue(FIXTURE_DATA(starve) * self)
{
	if (!*rig_measure(&self->r, "Q", "ore-l", 1, "queue", NULL))
		rig_call(&self->r, rig_path, ASSAY, "Cancel", "s", "test");
}

/* Its record has no number before it is durable; the signal may be lost. */
static bool has_result(struct rig *r)
{
	return strcmp(rig_text(r, rig_path, ASSAY, "Result"), "0") != 0;
}

static void assay(FIXTURE_DATA(starve) * self)
{
	struct rig *r = &self->r;

	if (!*rig_measure(r, "A", "ore-l", 5, "queue", NULL) &&
	    !rig_wait(r, 60, has_result))
		self->is_stuck = true;
}

static bool is_there(struct rig *r)
{
	return rig_text(r, RIG_SPECTROMETER, SPECTROMETER, "State")[0] != '\0';
}

/* Whether there is one, or none any more; it can still be waited for. */
static bool has_started(struct rig *r)
{
	siginfo_t info = { 0 };

	return is_there(r) || (!waitid(P_PID, (id_t)r->daemon_pid, &info,
				       WEXITED | WNOHANG | WNOWAIT) &&
			       info.si_pid);
}

static void start(FIXTURE_DATA(starve) * self)
{
	const int64_t left = *self->left;

	*self->left = 0;
	rig_kill(&self->r.daemon_pid, SIGTERM);
	*self->left = left;
	rig_start_daemon(&self->r);
	rig_wait(&self->r, 60, has_started);
}

/* ---- what must hold ------------------------------------------------------- */

/* The daemon has gone on, or has ended by itself with words; then another is
 * started. */
static bool goes_on(FIXTURE_DATA(starve) * self)
{
	struct rig *r = &self->r;
	int status = 0;

	for (int i = 0; i < 1200; i++) {
		if (waitpid(r->daemon_pid, &status, WNOHANG) == r->daemon_pid) {
			r->daemon_pid = 0;
			break;
		}
		if (is_there(r))
			return true;
		usleep(50000);
	}
	if (r->daemon_pid) {
		printf("# the daemon does not answer any more\n");
		return false;
	}
	if (!WIFEXITED(status)) {
		printf("# the daemon ended by signal %d\n", WTERMSIG(status));
		return false;
	}
	self->n_ended++;
	rig_start_daemon(r);
	return rig_wait_state(r, "idle");
}

/* Until a call has needed no more than that. */
static bool starve(FIXTURE_DATA(starve) * self, const char *name,
		   void (*call)(FIXTURE_DATA(starve) * self), unsigned int step)
{
	for (unsigned int n = 1 + (unsigned int)random() % step;; n += step) {
		uint64_t last;
		bool is_good;

		*self->left = n;
		call(self);
		if (*self->left > 0)
			break;
		self->n_hit++;
		is_good = goes_on(self) && !self->is_stuck;
		last = rig_last(&self->r);
		if (!is_good || last < self->announced) {
			printf("# %s, allocation %u: %s; record %llu was announced, the last is %llu\n",
			       name, n, self->is_stuck ? "no result" : "bad",
			       (unsigned long long)self->announced,
			       (unsigned long long)last);
			return false;
		}
		self->announced = last;
	}
	*self->left = 0;
	return true;
}

static bool is_taken(struct rig *r)
{
	return !*rig_measure(r, "Z", "ore-l", 1, "queue", NULL);
}

static bool has_finished(struct rig *r)
{
	return !strcmp(r->sample, "Z");
}

TEST_F_TIMEOUT(starve, no_allocation_that_fails_costs_more_than_its_call, 3600)
{
	static const struct {
		const char *name;
		void (*call)(FIXTURE_DATA(starve) * self);
		unsigned int step; /* of `make check` */
	} calls[] = {
		{ "GetAll", get_all, 89 },
		{ "GetManagedObjects", get_objects, 89 },
		{ "Measure, check", check, 211 },
		{ "Configure", configure, 89 },
		{ "Follow", follow, 29 },
		{ "Fetch", fetch, 89 },
		{ "Get", get, 29 },
		{ "Forget", forget, 29 },
		{ "Sign", sign, 89 },
		{ "RotateKey", rotate, 89 },
		{ "Verify", verify, 89 },
		{ "Measure, queue", queue, 401 },
		{ "an assay", assay, 701 },
		{ "start", start, 1499 },
	};
	const char *text = getenv("STARVE_FACTOR");
	const unsigned int factor = text ? (unsigned int)atoi(text) : 1;

	setvbuf(stdout, NULL, _IOLBF, 0);
	srandom(20261126);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		const unsigned int before = self->n_hit;

		unsigned int step = calls[i].step / factor;

		EXPECT_TRUE(starve(self, calls[i].name, calls[i].call,
				   step ? step : 1));
		printf("# %s: %u failed\n", calls[i].name,
		       self->n_hit - before);
	}
	printf("# %u allocations failed, the daemon ended %u times\n",
	       self->n_hit, self->n_ended);
	EXPECT_LT(0, self->n_hit);
	EXPECT_TRUE(rig_verifies(&self->r));
	/* It is whole: an assay goes through, behind those whose callers were
	 * not told that they were taken. */
	ASSERT_TRUE(rig_wait(&self->r, 240, is_taken));
	ASSERT_TRUE(rig_wait(&self->r, 240, has_finished));
}

TEST_HARNESS_MAIN
