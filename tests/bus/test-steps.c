// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The steps that tools/README.md gives a PLC, done against the real bridge,
 * daemon and emulator while each of them fails in turn: every sample has one
 * result or is set aside, no fault is lost, and no row is there for nothing.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "kselftest_harness.h"

#include "steps.h"

#define N_SAMPLES 8
#define LIVE_S 2
/* So long that what is done meanwhile does not meet its end. */
#define LONG_S 36000
#define GOOD 1
#define NO_METHOD 2 /* is configured, and the daemon has none of it */
#define NO_SAMPLE 0

FIXTURE(steps)
{
	struct rig r;
	struct plc plc;
	struct steps s;
	struct steps_sample samples[N_SAMPLES];
};

FIXTURE_SETUP(steps)
{
	memset(self->samples, 0, sizeof(self->samples));
	rig_start(&self->r, "--settle 0 --time-scale 60", "idle");
	plc_start(&self->plc, &self->r);
	ASSERT_TRUE(steps_read(&self->s, &self->plc, self->samples, 0));
	ASSERT_TRUE(plc_wait_state(&self->plc, PLC_READY));
}

FIXTURE_TEARDOWN(steps)
{
	plc_stop(&self->plc);
	rig_stop(&self->r);
}

/* One more to measure. */
static void add(FIXTURE_DATA(steps) * self, uint16_t method, uint16_t preset_s)
{
	struct steps_sample *sample = &self->samples[self->s.n_samples++];

	sample->method = method;
	sample->preset_s = preset_s;
}

/* The daemon goes on behind what it was told, or has lost it. */
static void restart_daemon(FIXTURE_DATA(steps) * self)
{
	rig_kill(&self->r.daemon_pid, SIGKILL);
	rig_start_daemon(&self->r);
}

/* Somebody at the instrument does. */
static bool end_assay(FIXTURE_DATA(steps) * self)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *path;

	return sd_bus_get_property(self->r.bus, "org.reespec1",
				   RIG_SPECTROMETER,
				   "org.reespec1.Spectrometer", "CurrentAssay",
				   NULL, &m, "o") >= 0 &&
	       sd_bus_message_read(m, "o", &path) > 0 &&
	       !*rig_call(&self->r, path, "org.reespec1.Assay", "Finish", "");
}

/* Of a sample, in the whole ledger: results with that state, "" for any. */
static unsigned int n_results(FIXTURE_DATA(steps) * self, unsigned int i,
			      const char *state)
{
	unsigned int n = 0;
	char name[16];

	snprintf(name, sizeof(name), "S%05u", i);
	for (uint64_t seq = 1, last = rig_last(&self->r); seq <= last; seq++) {
		CLEANUP(js_freep)
		json_t *body = rig_record(&self->r, seq, NULL, NULL, NULL);

		n += !strcmp(js_text(body, "kind"), "result") &&
		     !strcmp(js_text(body, "sample"), name) &&
		     (!*state || !strcmp(js_text(body, "state"), state));
	}
	return n;
}

/* The same number, or none in both. */
static bool is_same(float kept, double recorded)
{
	return isnan(recorded) ? isnan(kept) : kept == (float)recorded;
}

static const json_t *element(const json_t *body, const char *symbol)
{
	const json_t *elements = js_get(body, "elements");

	for (size_t i = 0; i < js_len(elements); i++)
		if (!strcmp(js_text(js_at(elements, i), "symbol"), symbol))
			return js_at(elements, i);
	return NULL;
}

/* What the PLC kept is what the record has. */
static bool is_kept(FIXTURE_DATA(steps) * self, unsigned int i)
{
	static const char *const members[] = { "content_mg_kg", "u_mg_kg",
					       "ld_mg_kg" };
	const struct steps_sample *sample = &self->samples[i];
	CLEANUP(js_freep)
	json_t *body = rig_record(&self->r, sample->result, NULL, NULL, NULL);
	const json_t *la = element(body, "La");
	bool is_good = sample->is_passed ==
		       !strcmp(js_text(body, "verdict"), "accepted");

	for (size_t k = 0; k < ARRAY_SIZE(members); k++)
		is_good &=
			is_same(sample->content[k], js_number(la, members[k]));
	if (!is_good)
		printf("# S%05u: pass %d, La %g %g %g; record %llu: %s, %g\n",
		       i, sample->is_passed, sample->content[0],
		       sample->content[1], sample->content[2],
		       (unsigned long long)sample->result,
		       js_text(body, "verdict"), js_number(la, members[0]));
	return is_good;
}

/* The PLC knows what the ledger does. */
static void check(struct __test_metadata *_metadata, FIXTURE_DATA(steps) * self)
{
	for (unsigned int i = 0; i < self->s.n_samples; i++) {
		const struct steps_sample *sample = &self->samples[i];

		EXPECT_TRUE(sample->result || sample->is_aside);
		EXPECT_EQ(sample->result ? 1 : 0, n_results(self, i, "done"));
		EXPECT_EQ(sample->n_ends - sample->n_lost,
			  n_results(self, i, ""));
		EXPECT_TRUE(!sample->result || is_kept(self, i));
	}
	EXPECT_TRUE(rig_verifies(&self->r));
}

/* Refused by the daemon one after the other, all of them with sequence 0; then
 * one that the bridge refuses, and one that nothing is wrong with. */
TEST_F_TIMEOUT(steps, lose_no_fault_of_several_in_a_row, 120)
{
	self->s.faults_max = 2;
	add(self, NO_METHOD, LIVE_S);
	add(self, NO_METHOD, LIVE_S);
	add(self, NO_SAMPLE, LIVE_S);
	add(self, GOOD, LIVE_S);
	ASSERT_TRUE(steps_finish(&self->s));
	for (unsigned int i = 0; i < 2; i++) {
		EXPECT_EQ(2, self->samples[i].n_lost);
		EXPECT_EQ(2, self->samples[i].n_ends);
		EXPECT_EQ(8, self->samples[i].fault_code);
	}
	EXPECT_TRUE(self->samples[2].is_aside);
	EXPECT_EQ(0, self->samples[2].n_ends);
	EXPECT_EQ(1, self->samples[3].n_ends);
	EXPECT_EQ(0, self->s.n_again);
	check(_metadata, self);
}

/* A bridge killed in STARTING: the daemon has the order, or is killed too. */
TEST_F_TIMEOUT(steps, outlive_a_bridge_killed_in_starting, 120)
{
	for (unsigned int i = 0; i < 2; i++) {
		add(self, GOOD, LIVE_S);
		ASSERT_TRUE(plc_wait_state(&self->plc, PLC_READY));
		kill(self->r.daemon_pid, SIGSTOP);
		ASSERT_TRUE(steps_until(&self->s, STEPS_WAIT, "3"));
		rig_kill(&self->plc.pid, SIGKILL);
		if (i)
			restart_daemon(self);
		else
			kill(self->r.daemon_pid, SIGCONT);
		plc_restart(&self->plc);
		ASSERT_TRUE(steps_finish(&self->s));
		EXPECT_EQ(1, self->samples[i].n_ends);
	}
	check(_metadata, self);
}

/* Its connection ends with the answer to its order; then it is away during an
 * assay, and at last knows nothing any more. */
TEST_F_TIMEOUT(steps, outlive_a_plc_that_was_gone, 120)
{
	add(self, GOOD, LIVE_S);
	self->s.loses_answer = true;
	ASSERT_TRUE(steps_finish(&self->s));
	EXPECT_FALSE(self->s.loses_answer);

	for (unsigned int i = 1; i < 3; i++) {
		add(self, GOOD, LONG_S);
		ASSERT_TRUE(steps_until(&self->s, STEPS_WAIT, PLC_BUSY));
		close(self->plc.fd);
		self->plc.fd = -1;
		ASSERT_TRUE(end_assay(self));
		if (i == 2)
			steps_forget(&self->s);
		ASSERT_TRUE(steps_finish(&self->s));
	}
	for (unsigned int i = 0; i < 3; i++)
		EXPECT_EQ(1, self->samples[i].n_ends);
	check(_metadata, self);
}

/* Killed in mid-assay, and before it has the acknowledgement of a bridge that
 * is killed as well: the same end is shown again. */
TEST_F_TIMEOUT(steps, outlive_a_daemon_that_was_gone, 120)
{
	add(self, GOOD, LONG_S);
	ASSERT_TRUE(steps_until(&self->s, STEPS_WAIT, PLC_BUSY));
	rig_kill(&self->r.daemon_pid, SIGKILL);
	ASSERT_TRUE(steps_until(&self->s, STEPS_WAIT, "6"));
	self->samples[0].preset_s = LIVE_S;
	rig_start_daemon(&self->r);
	ASSERT_TRUE(steps_finish(&self->s));
	EXPECT_EQ(2, self->samples[0].n_ends);
	EXPECT_EQ(12, self->samples[0].fault_code);

	add(self, GOOD, LIVE_S);
	add(self, GOOD, LIVE_S);
	ASSERT_TRUE(steps_until(&self->s, STEPS_ACKNOWLEDGE, PLC_DONE));
	kill(self->r.daemon_pid, SIGSTOP);
	while (self->s.step != STEPS_ORDER)
		steps_cycle(&self->s);
	rig_kill(&self->plc.pid, SIGKILL);
	restart_daemon(self);
	plc_restart(&self->plc);
	ASSERT_TRUE(steps_finish(&self->s));
	EXPECT_EQ(1, self->samples[1].n_ends);
	EXPECT_EQ(1, self->samples[2].n_ends);
	EXPECT_LE(1, self->s.n_again);
	check(_metadata, self);
}

TEST_HARNESS_MAIN
