// SPDX-License-Identifier: GPL-2.0-or-later
/* When a batch is written: by count, size, age, or at once. */
#include <errno.h>
#include <event2/event.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "bus/batch.h"
#include "bus/settings.h"
#include "kselftest_harness.h"
#include "ledger/store.h"
#include "state_dir.h"

/* The disk: how long one write takes to be durable. */
static unsigned int sync_ms;

static void wait_for_disk(void)
{
	const struct timespec t = { sync_ms / 1000, sync_ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

int fsync(int fd)
{
	wait_for_disk();
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	wait_for_disk();
	return (int)syscall(SYS_fdatasync, fd);
}

FIXTURE(batch)
{
	char dir[128];
	char why[256];
	struct settings settings;
	struct event_base *base;
	struct ledger *l;
	struct batch *b;
	/* What was told. */
	unsigned int n_committed;
	uint64_t first, last;
	uint64_t told_ns;
	unsigned int n_ill, n_well;
};

static void on_committed(uint64_t first, uint64_t last, void *arg)
{
	FIXTURE_DATA(batch) *self = arg;

	self->n_committed++;
	self->first = first;
	self->last = last;
	self->told_ns = clock_monotonic_ns();
}

static void on_health(const char *why, void *arg)
{
	FIXTURE_DATA(batch) *self = arg;

	if (why[0])
		self->n_ill++;
	else
		self->n_well++;
}

FIXTURE_SETUP(batch)
{
	const struct batch_events events = { on_committed, on_health, self };

	state_dir_make(self->dir);
	ASSERT_EQ(0, settings_load(NULL, &self->settings, self->why,
				   sizeof(self->why)));
	sync_ms = 0;
	/* Nothing is written for its age unless a case asks for it. */
	self->settings.batch_age_ms = 60000;
	self->base = event_base_new();
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	ASSERT_EQ(0, batch_new(self->base, self->l, &self->settings, &events,
			       &self->b));
}

FIXTURE_TEARDOWN(batch)
{
	batch_free(self->b);
	ledger_close(self->l);
	event_base_free(self->base);
	state_dir_remove(self->dir);
}

static int add(struct batch *b, uint32_t seed, size_t n_chan, bool is_now)
{
	static uint32_t counts[8192];
	const struct ledger_spectrum spectrum = { "spectrum", counts, n_chan };
	const struct ledger_entry e = {
		.kind = CHAIN_READING,
		.spectra = &spectrum,
		.n_spectra = n_chan ? 1 : 0,
	};

	fill_counts(counts, n_chan, seed);
	return is_now ? batch_add_now(b, &e, NULL) : batch_add(b, &e, NULL);
}

TEST_F(batch, sixteen_records_are_one_batch)
{
	for (uint32_t i = 0; i < 15; i++)
		ASSERT_EQ(0, add(self->b, i, 0, false));
	EXPECT_EQ(0, self->n_committed);
	ASSERT_EQ(0, add(self->b, 15, 0, false));
	EXPECT_EQ(1, self->n_committed);
	EXPECT_EQ(2, self->first);
	EXPECT_EQ(17, self->last);
	EXPECT_EQ(17, ledger_last(self->l));
}

TEST_F(batch, a_new_count_holds_from_the_next_record_on)
{
	ASSERT_EQ(0, add(self->b, 0, 0, false));
	ASSERT_EQ(0, add(self->b, 1, 0, false));
	EXPECT_EQ(0, self->n_committed);
	self->settings.batch_records = 3;
	ASSERT_EQ(0, add(self->b, 2, 0, false));
	EXPECT_EQ(1, self->n_committed);
}

TEST_F(batch, size_closes_it)
{
	struct ledger_batch waiting = { 0 };
	size_t before = 0;

	self->settings.batch_kib = 16;
	for (uint32_t i = 0; !self->n_committed; i++) {
		before = waiting.n_bytes;
		ASSERT_EQ(0, add(self->b, i, 2048, false));
		ledger_pending(self->l, &waiting);
		ASSERT_LT(waiting.n_records, 16);
	}
	/* It was below the bound until the last one came. */
	EXPECT_LT(before, 16 * 1024);
	EXPECT_GT(self->last, self->first);
}

TEST_F(batch, age_closes_it)
{
	self->settings.batch_age_ms = 20;
	ASSERT_EQ(0, add(self->b, 0, 0, false));
	EXPECT_EQ(0, self->n_committed);
	event_base_loop(self->base, EVLOOP_ONCE);
	EXPECT_EQ(1, self->n_committed);
	EXPECT_EQ(2, self->last);
}

/* Half of the time is the disk's, however slow it is. */
TEST_F(batch, a_slow_disk_widens_it)
{
	uint64_t before_ns, took_ns, told_ns;
	uint32_t i;

	self->settings.batch_age_ms = 20;
	sync_ms = 2000;
	before_ns = clock_monotonic_ns();
	ASSERT_EQ(0, add(self->b, 0, 0, true));
	told_ns = self->told_ns;
	took_ns = told_ns - before_ns;
	ASSERT_GE(took_ns, 2000000000);
	sync_ms = 0;

	/* Many a full batch, and nobody is kept from adding to it. */
	for (i = 1; i <= 100; i++)
		ASSERT_EQ(0, add(self->b, i, 0, false));
	EXPECT_EQ(1, self->n_committed);
	event_base_loop(self->base, EVLOOP_ONCE);
	EXPECT_EQ(2, self->n_committed);
	EXPECT_EQ(100, self->last + 1 - self->first);
	/* What was measured lies inside of what the batch was given. */
	EXPECT_GE(self->told_ns - told_ns, 2000000000);

	/* A quick one earns no time. */
	while (clock_monotonic_ns() < self->told_ns + 500000000ULL)
		;
	for (i = 0; i < 16; i++)
		ASSERT_EQ(0, add(self->b, i, 0, false));
	EXPECT_EQ(3, self->n_committed);
}

TEST_F(batch, evidence_does_not_wait_for_a_slow_disk)
{
	sync_ms = 500;
	ASSERT_EQ(0, add(self->b, 0, 0, true));
	ASSERT_EQ(0, add(self->b, 1, 0, false));
	EXPECT_EQ(1, self->n_committed);
	ASSERT_EQ(0, add(self->b, 2, 0, true));
	EXPECT_EQ(2, self->n_committed);
}

TEST_F(batch, a_wide_batch_has_an_end)
{
	uint32_t i;

	sync_ms = 2000;
	ASSERT_EQ(0, add(self->b, 0, 0, true));
	sync_ms = 0;
	for (i = 1; i <= 1023; i++)
		ASSERT_EQ(0, add(self->b, i, 0, false));
	EXPECT_EQ(1, self->n_committed);
	ASSERT_EQ(0, add(self->b, i, 0, false));
	EXPECT_EQ(2, self->n_committed);
}

TEST_F(batch, evidence_takes_what_waits_with_it)
{
	ASSERT_EQ(0, add(self->b, 0, 0, false));
	ASSERT_EQ(0, add(self->b, 1, 0, true));
	EXPECT_EQ(1, self->n_committed);
	EXPECT_EQ(2, self->first);
	EXPECT_EQ(3, self->last);
}

static void set_pages(struct ledger *l, const char *sql)
{
	if (sqlite3_exec(l->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		abort();
}

/* A start that could not be recorded is discarded; nothing waits then, and
 * yet the disk was full a moment ago. */
TEST_F(batch, room_again_is_noticed_with_nothing_to_write)
{
	uint32_t i = 0;
	uint64_t last;

	set_pages(self->l, "PRAGMA max_page_count = 40");
	while (i < 100 && add(self->b, i, 2048, true) == 0)
		i++;
	ASSERT_EQ(1, self->n_ill);
	ledger_discard(self->l);
	last = ledger_last(self->l);
	EXPECT_EQ(-ENOSPC, batch_flush(self->b));
	EXPECT_EQ(0, self->n_well);

	set_pages(self->l, "PRAGMA max_page_count = 1000000");
	/* By the timer that tries again. */
	event_base_loop(self->base, EVLOOP_ONCE);
	EXPECT_EQ(1, self->n_well);
	EXPECT_EQ(last, ledger_last(self->l));
	ASSERT_EQ(0, add(self->b, i, 2048, true));
	EXPECT_EQ(last + 1, ledger_last(self->l));
}

TEST_HARNESS_MAIN
