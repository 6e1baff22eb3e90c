// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What cat has read from the driver's node is measured once more: by the daemon,
 * from the socket. tests/data/README.md says how the file was made.
 */
#include <string.h>

#include "base/clock.h"
#include "dp5emu/recording.h"
#include "kselftest_harness.h"
#include "proto/spectrum.h"

#include "rig.h"

#define FRAMES "tests/data/run.frames"

static uint32_t counts[DP5_SPECTRUM_MAX];

/* The last of the file, and how many there are. */
static size_t last(struct dp5_status *ret, size_t *ret_n_chan)
{
	char why[RECORDING_WHY_LEN];
	uint8_t out[RECORDING_MAX], pid2;
	struct recording *r;
	size_t n = 0;

	if (recording_load(FRAMES, &r, why) < 0)
		rig_die("%s", why);
	do {
		size_t len = recording_next(r, out, &pid2);

		if (dp5_spectrum_parse(out, len, counts, ret_n_chan, ret,
				       NULL) < 0)
			rig_die(FRAMES ": spectrum %zu is none", n);
		n++;
	} while (dp5_status_acquiring(ret, false));
	recording_free(r);
	return n;
}

/* Whether the spectrum of the result is that of `counts`. */
static bool is_same(struct rig *r, size_t n_chan)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const void *found;
	size_t len = 0;

	return sd_bus_call_method(r->bus, "org.reespec1", RIG_ROOT,
				  "org.reespec1.Ledger", "Get", NULL, &m, "t",
				  r->result) >= 0 &&
	       sd_bus_message_skip(m, "ssss") >= 0 &&
	       sd_bus_message_read_array(m, 'u', &found, &len) >= 0 &&
	       len == n_chan * sizeof(*counts) && !memcmp(found, counts, len);
}

FIXTURE(replay)
{
	struct rig r;
};

FIXTURE_SETUP(replay)
{
	rig_start(&self->r, "--settle 0 --replay " FRAMES, "idle");
}

FIXTURE_TEARDOWN(replay)
{
	rig_stop(&self->r);
}

TEST_F_TIMEOUT(replay, a_recorded_assay_gives_its_counts_again, 120)
{
	CLEANUP(js_freep) json_t *body = NULL;
	uint64_t n_readings = 0, slow = 0;
	struct rig *r = &self->r;
	struct dp5_status status;
	double live_s = 0;
	size_t n_chan, n;

	n = last(&status, &n_chan);
	ASSERT_LT(1, n);
	/* Its end is that of the file; twice, since a clear begins anew. */
	for (unsigned int turn = 1; turn <= 2; turn++) {
		ASSERT_STREQ("", rig_measure(r, "REPLAY", "ore-l", 4000,
					     "interval:0.2", NULL));
		ASSERT_TRUE(rig_wait_finished(r, turn));
		ASSERT_STREQ("done", r->verdict);
		EXPECT_TRUE(is_same(r, n_chan));
	}
	body = rig_record(r, r->result, NULL, NULL, NULL);
	js_get_real(body, "live_s", &live_s);
	js_get_u64(body, "n_readings", &n_readings);
	js_get_u64(body, "slow_count", &slow);
	EXPECT_EQ((uint64_t)status.acc_ms, (uint64_t)(live_s * 1000 + 0.5));
	EXPECT_LE(n - 1, n_readings);
	EXPECT_LT(1000, slow ? slow : status.slow_count);
	/* And it is an ore still. */
	EXPECT_NE(NULL, js_get(body, "elements"));
	EXPECT_TRUE(rig_verifies(r));
}

TEST_HARNESS_MAIN
