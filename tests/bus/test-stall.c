// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A follower that is stopped in the middle of a fast assay costs nobody
 * anything: another one goes on hearing every batch, and neither the bus nor
 * the daemon keeps for the first what it does not read.
 *
 * STALL_SECONDS says how long it is stopped. Lag and latency are printed; a
 * machine with other work makes them what it likes.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "kselftest_harness.h"

#include "fast.h"
#include "proc.h"

#define LEDGER "org.reespec1.Ledger"
#define STALL_SECONDS 3
#define INTERVAL_NS 2500000
#define N_MAX 100000
#define WINDOW 8

struct times {
	double ms[N_MAX];
	size_t n;
};

static struct times lag, latency;

FIXTURE(stall)
{
	struct rig r;
	pid_t pid; /* of the follower that is stopped */
	unsigned int *most; /* batches that waited for it, shared with it */
	uint64_t next; /* of the one that is not */
	unsigned int n_heard;
	unsigned int n_gaps;
	bool is_closing;
};

static void add(struct times *t, uint64_t ns)
{
	if (t->n < N_MAX)
		t->ms[t->n++] = (double)ns / 1e6;
}

static int compare(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) -
	       (*(const double *)a < *(const double *)b);
}

/* "median 1.0, 99 % 2.0, most 3.0 ms of 40"; begins anew. */
static const char *tell(struct times *t)
{
	static char text[4][80];
	static unsigned int i;
	char *to = text[i++ % 4];

	qsort(t->ms, t->n, sizeof(*t->ms), compare);
	snprintf(to, sizeof(text[0]),
		 "median %.1f, 99 %% %.1f, most %.1f ms of %zu",
		 t->n ? t->ms[t->n / 2] : 0, t->n ? t->ms[t->n * 99 / 100] : 0,
		 t->n ? t->ms[t->n - 1] : 0, t->n);
	t->n = 0;
	return to;
}

static bool fetch(sd_bus *bus, uint64_t from)
{
	return sd_bus_call_method(bus, "org.reespec1", RIG_ROOT, LEDGER,
				  "Fetch", NULL, NULL, "tua{sv}", from, 1, 1,
				  "counts", "b", 0) >= 0;
}

static int count_batch(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	(void)m, (void)error;
	++*(unsigned int *)arg;
	return 0;
}

/* Follows as it should, until somebody stops it; @most is the most batches that
 * ever waited for it. */
static void follow_for_ever(struct rig *r, volatile unsigned int *most)
{
	unsigned int n = 0;
	sd_bus *bus;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bus = rig_open(r);
	if (sd_bus_match_signal(bus, NULL, NULL, RIG_ROOT, LEDGER, "Batch",
				count_batch, &n) < 0 ||
	    sd_bus_call_method(bus, "org.reespec1", RIG_ROOT, LEDGER, "Follow",
			       NULL, NULL, "st", "", (uint64_t)0) < 0)
		_exit(1);
	for (;;) {
		while (sd_bus_process(bus, NULL) > 0)
			;
		if (n > *most)
			*most = n;
		n = 0;
		if (!fetch(bus, 1))
			_exit(2);
		sd_bus_wait(bus, 100000);
	}
}

/* When the newest of its readings was made, by the daemon's own clock. */
static uint64_t made_ns(sd_bus_message *m)
{
	CLEANUP(js_freep) json_t *body = NULL;
	const char *reading, *newest = NULL;
	uint64_t ns = 0;

	if (sd_bus_message_enter_container(m, 'a', "s") < 0)
		return 0;
	while (sd_bus_message_read(m, "s", &reading) > 0)
		newest = reading;
	if (!newest || js_parse(newest, strlen(newest), &body, NULL) < 0)
		return 0;
	js_get_u64(body, "mono_ns", &ns);
	return ns;
}

static int on_batch(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	FIXTURE_DATA(stall) *self = arg;
	uint64_t first, last, ns;
	const char *head;
	int is_closing;

	(void)error;
	if (sd_bus_message_read(m, "ttsb", &first, &last, &head, &is_closing) <
	    0)
		return 0;
	if (self->next && first != self->next)
		self->n_gaps++;
	self->n_heard++;
	self->next = last + 1;
	self->is_closing = is_closing;
	ns = made_ns(m);
	if (ns)
		add(&lag, clock_monotonic_ns() - ns);
	self->r.n_batches = 0;
	return 0;
}

FIXTURE_SETUP(stall)
{
	struct rig *r = &self->r;

	fast_start(r, INTERVAL_NS, "");
	self->next = 0;
	self->n_heard = self->n_gaps = 0;
	self->is_closing = false;
	if (sd_bus_match_signal(r->bus, NULL, NULL, RIG_ROOT, LEDGER, "Batch",
				on_batch, self) < 0)
		rig_die("no match");
	self->most = mmap(NULL, sizeof(*self->most), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (self->most == MAP_FAILED)
		rig_die("no shared memory");
	self->pid = fork();
	if (!self->pid)
		follow_for_ever(r, self->most);
}

FIXTURE_TEARDOWN(stall)
{
	rig_kill(&self->pid, SIGKILL);
	munmap(self->most, sizeof(*self->most));
	rig_stop(&self->r);
}

/* As a client does that shows what is measured. */
static void watch(FIXTURE_DATA(stall) * self, double seconds)
{
	const uint64_t until = clock_monotonic_ns() + (uint64_t)(seconds * 1e9);
	struct rig *r = &self->r;

	while (clock_monotonic_ns() < until) {
		const uint64_t before = clock_monotonic_ns();

		if (self->is_closing && fetch(r->bus, self->next))
			self->is_closing = false;
		js_free(rig_record(r, self->next > 1 ? self->next - 1 : 1, NULL,
				   NULL, NULL));
		add(&latency, clock_monotonic_ns() - before);
		while (sd_bus_process(r->bus, NULL) > 0)
			;
		sd_bus_wait(r->bus, 20000);
	}
}

static const unsigned int *most_waited;

static bool woke(struct rig *r)
{
	(void)r;
	return *(volatile const unsigned int *)most_waited >= WINDOW;
}

TEST_F_TIMEOUT(stall, of_one_follower_is_its_own_affair, 240)
{
	const char *env = getenv("STALL_SECONDS");
	double seconds = env ? atof(env) : STALL_SECONDS;
	unsigned long bus_kb, daemon_kb, bus_then_kb, daemon_then_kb;
	struct rig *r = &self->r;
	unsigned int heard;
	uint64_t next, began;

	most_waited = self->most;
	ASSERT_STREQ("", rig_call(r, RIG_ROOT, LEDGER, "Follow", "st", "",
				  (uint64_t)0));
	ASSERT_STREQ("", rig_measure(r, "X", "fast", 20000, "detach",
				     "interval:0.1", NULL));
	ASSERT_TRUE(rig_wait_state(r, "measuring"));
	watch(self, 2 + seconds / 10);
	bus_kb = proc_kb(r->bus_pid, "VmRSS:");
	daemon_kb = proc_kb(r->daemon_pid, "VmRSS:");
	next = self->next;
	TH_LOG("before: lag %s; Get %s", tell(&lag), tell(&latency));

	ASSERT_EQ(0, kill(self->pid, SIGSTOP));
	/* On a slow machine too it misses more than its window holds. */
	heard = self->n_heard;
	began = clock_monotonic_ns();
	watch(self, seconds);
	while (self->n_heard < heard + 3 * WINDOW)
		watch(self, 1);
	seconds = (double)(clock_monotonic_ns() - began) / 1e9;
	bus_then_kb = proc_kb(r->bus_pid, "VmRSS:");
	daemon_then_kb = proc_kb(r->daemon_pid, "VmRSS:");
	TH_LOG("stopped for %.0f s: lag %s; Get %s", seconds, tell(&lag),
	       tell(&latency));
	TH_LOG("records %llu, %.0f/s; bus %lu, then %lu kB, daemon %lu, then %lu kB",
	       (unsigned long long)(self->next - next),
	       (double)(self->next - next) / seconds, bus_kb, bus_then_kb,
	       daemon_kb, daemon_then_kb);
	EXPECT_EQ(0, self->n_gaps);
	EXPECT_LE(bus_then_kb, bus_kb + 2048);
	/* The tables of the method may come late: a bound for the whole. */
	EXPECT_LE(daemon_then_kb, 96 * 1024);

	/* Awake again it finds its window's worth, and perhaps what came
	 * before it last asked; then it is served as before. */
	ASSERT_EQ(0, kill(self->pid, SIGCONT));
	ASSERT_TRUE(rig_wait(r, 20, woke));
	EXPECT_LE(*self->most, 2 * WINDOW);
	watch(self, 0.5);
	EXPECT_EQ(0, waitpid(self->pid, NULL, WNOHANG));
	EXPECT_TRUE(rig_verifies(r));
}

TEST_HARNESS_MAIN
