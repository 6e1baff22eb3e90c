// SPDX-License-Identifier: GPL-2.0-or-later
/* Somebody sets the wall clock while the daemon measures. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "kselftest_harness.h"

#include "rig.h"

#define LEDGER "org.reespec1.Ledger"
#define HOUR 3600L
#define YEARS (10 * 365 * 24 * HOUR)

FIXTURE(clock)
{
	struct rig r;
};

static void write_file(const struct rig *r, const char *name, const char *text)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	f = fopen(path, "we");
	if (!f || fputs(text, f) < 0 || fclose(f))
		rig_die("%s: not written", path);
}

FIXTURE_SETUP(clock)
{
	struct rig *r = &self->r;

	rig_start(r, NULL, NULL);
	write_file(r, "reespecd.conf", "[ledger]\nkeep_days = 1\n");
	write_file(r, "qc.conf",
		   "[check Nd]\nkind = crm\nsample = BST-ORE\n"
		   "method = ore-l\nelement = Nd\nmean_mg_kg = 9000\n"
		   "s_mg_kg = 3000\nevery_hours = 24\n");
	snprintf(r->options, sizeof(r->options), "--config %s/reespecd.conf",
		 r->dir);
	r->preload = "clock";
	rig_set_clock(r, 0);
	rig_start_bus(r, true);
	rig_start_emu(r, "--settle 0");
	rig_start_daemon(r);
	rig_connect(r);
	ASSERT_TRUE(rig_wait_state(r, "idle"));
}

FIXTURE_TEARDOWN(clock)
{
	rig_stop(&self->r);
}

struct moment {
	uint64_t wall_us;
	uint64_t mono_ns;
};

static struct moment moment_of(struct rig *r, uint64_t seq)
{
	CLEANUP(js_freep) json_t *body = rig_record(r, seq, NULL, NULL, NULL);
	struct moment m = { 0 };

	if (!body || clock_parse(js_text(body, "time"), &m.wall_us) < 0 ||
	    js_get_u64(body, "mono_ns", &m.mono_ns) < 0)
		rig_die("record %llu: no times", (unsigned long long)seq);
	return m;
}

/* Four batches more; the window is opened for the next four. */
static bool wait_some(struct rig *r)
{
	return rig_wait_batches(r, r->n_batches + 4) &&
	       !*rig_call(r, RIG_ROOT, LEDGER, "Fetch", "tua{sv}",
			  r->batches[r->n_batches - 1].first, 1, 0);
}

/*
 * Whether these batches came one behind the other, each at its age of 250 ms
 * or full. Of one alone that is not sure: where the machine stood still between
 * the look at the clock and the record, its age seems less. Of many the sum is,
 * but for the first.
 */
static bool have_stormed(struct rig *r, unsigned int i, unsigned int end)
{
	const uint64_t from_ns = moment_of(r, r->batches[i].first).mono_ns;
	const uint64_t to_ns = moment_of(r, r->batches[end].first).mono_ns;
	unsigned int n_aged = 0;

	for (; i < end; i++)
		n_aged += r->batches[i].last - r->batches[i].first < 15;
	printf("# %u batches that were not full took %.3f s\n", n_aged,
	       (to_ns - from_ns) / 1e9);
	fflush(stdout);
	return (to_ns - from_ns) / 1e9 < n_aged * 0.25 * 2 / 3;
}

TEST_F_TIMEOUT(clock, set_while_measuring_it_disturbs_no_record, 120)
{
	static const long steps[] = { -YEARS, YEARS, -HOUR, 0 };
	struct rig *r = &self->r;
	unsigned int n_back = 0, n_ahead = 0, n;
	struct moment before, now;

	ASSERT_STREQ("", rig_call(r, RIG_ROOT, LEDGER, "Follow", "st", "",
				  (uint64_t)0));
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 20000, "detach",
				     "interval:0.1", NULL));
	ASSERT_TRUE(rig_wait_state(r, "measuring"));
	n = r->n_batches;
	ASSERT_TRUE(wait_some(r));
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		rig_set_clock(r, steps[i]);
		ASSERT_TRUE(wait_some(r));
	}
	ASSERT_STREQ("",
		     rig_call(r, rig_path, "org.reespec1.Assay", "Finish", ""));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("done", r->verdict);

	/* The first may hold other records, which do not wait. */
	EXPECT_FALSE(have_stormed(r, n + 1, n + 19));
	before = moment_of(r, 1);
	for (uint64_t seq = 2; seq <= rig_last(r); seq++, before = now) {
		now = moment_of(r, seq);
		EXPECT_GE(now.mono_ns, before.mono_ns);
		n_back += now.wall_us + HOUR * 500000 < before.wall_us;
		n_ahead += now.wall_us > before.wall_us + HOUR * 500000;
	}
	/* Else the clock was never set. */
	EXPECT_EQ(2, n_back);
	EXPECT_EQ(2, n_ahead);
	EXPECT_TRUE(rig_verifies(r));
}

/* Qc once the daemon has the clock; what else it says is in rig_message. */
static const char *qc_at(struct rig *r, long off_s)
{
	static char state[32];

	rig_set_clock(r, off_s);
	snprintf(rig_message, sizeof(rig_message), "%s",
		 rig_text(r, RIG_SPECTROMETER, "org.reespec1.Spectrometer",
			  "QcReason"));
	snprintf(state, sizeof(state), "%s",
		 rig_text(r, RIG_SPECTROMETER, "org.reespec1.Spectrometer",
			  "Qc"));
	return state;
}

/* The last record that may be archived. */
static uint64_t archivable(struct rig *r)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	uint64_t last = UINT64_MAX;

	if (sd_bus_call_method(r->bus, "org.reespec1", RIG_ROOT, LEDGER,
			       "Archivable", NULL, &m, "t", (uint64_t)0) >= 0)
		sd_bus_message_read(m, "t", &last);
	return last;
}

TEST_F_TIMEOUT(clock, set_it_makes_no_check_and_no_record_older, 120)
{
	struct rig *r = &self->r;

	ASSERT_STREQ("",
		     rig_measure(r, "BST-ORE", "ore-l", 20, "kind=crm", NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	ASSERT_STREQ("done", r->verdict);

	EXPECT_STREQ("ok", qc_at(r, 0));
	EXPECT_STREQ("ok", qc_at(r, 23 * HOUR));
	EXPECT_STREQ("due", qc_at(r, 25 * HOUR));
	EXPECT_STREQ("ok", qc_at(r, -23 * HOUR));
	/* Else it would be good until the clock has come so far again. */
	EXPECT_STREQ("due", qc_at(r, -25 * HOUR));
	EXPECT_NE(NULL, strstr(rig_message, "ahead of the clock"));
	EXPECT_STREQ("due", qc_at(r, -YEARS));
	EXPECT_STREQ("ok", qc_at(r, 0));

	/* Its records are of today, whatever day it is said to be. */
	EXPECT_EQ(0, archivable(r));
	rig_set_clock(r, YEARS);
	EXPECT_EQ(0, archivable(r));
	rig_set_clock(r, -YEARS);
	EXPECT_EQ(0, archivable(r));
	EXPECT_TRUE(rig_verifies(r));
}

TEST_HARNESS_MAIN
