// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calibrate: the axis that results found counts for later assays, as long as
 * the method says what it said then. The emulator's gain is a little off.
 */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "base/cleanup.h"
#include "bus/methods.h"
#include "ledger/ledger.h"
#include "rig.h"

#define SPECTROMETER "org.reespec1.Spectrometer"
#define OTHER "/org/reespec1/spectrometer/4711"
#define ERROR "org.reespec1.Error."

FIXTURE(calibrate)
{
	struct rig r;
};

FIXTURE_SETUP(calibrate)
{
	rig_start(&self->r, "--settle 0 --ref-gain 23.55", "idle");
	rig_method(&self->r, "mine", "keep = result", "keep = result");
}

FIXTURE_TEARDOWN(calibrate)
{
	rig_stop(&self->r);
}

/* The number of a result of @method, 0 when there is none. */
static uint64_t measure(struct rig *r, const char *method)
{
	const unsigned int n = r->n_finished;

	if (*rig_measure(r, "X", method, 20, NULL) ||
	    !rig_wait_finished(r, n + 1) || strcmp(r->verdict, "done"))
		return 0;
	return r->result;
}

/* The record's number, or 0 with the error's name in @ret_error. */
static uint64_t calibrate_by(struct rig *r, const char *kind,
			     const uint64_t *seqs, size_t n, const char *reason,
			     char ret_error[128])
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	uint64_t seq = 0;

	sd_bus_message_new_method_call(r->bus, &m, "org.reespec1",
				       RIG_SPECTROMETER, SPECTROMETER,
				       "Calibrate");
	sd_bus_message_append(m, "s", kind);
	sd_bus_message_append_array(m, 't', seqs, 8 * n);
	sd_bus_message_append(m, "s", reason);
	if (sd_bus_call(r->bus, m, 0, &error, &reply) >= 0)
		sd_bus_message_read(reply, "t", &seq);
	snprintf(ret_error, 128, "%s", error.name ? error.name : "");
	snprintf(rig_message, sizeof(rig_message), "%s",
		 error.message ? error.message : "");
	sd_bus_error_free(&error);
	return seq;
}

static uint64_t calibrate(struct rig *r, const char *kind, uint64_t a,
			  uint64_t b, const char *reason, char ret_error[128])
{
	const uint64_t seqs[] = { a, b };

	return calibrate_by(r, kind, seqs, (size_t)(a > 0) + (b > 0), reason,
			    ret_error);
}

static double number(const json_t *o, const char *key)
{
	double v = NAN;

	js_get_real(o, key, &v);
	return v;
}

/* Which record the axis of a result is by; 0: the method's own. */
static uint64_t axis_by(struct rig *r, uint64_t result)
{
	CLEANUP(js_freep)
	json_t *body = rig_record(r, result, NULL, NULL, NULL);
	uint64_t seq = 0;

	js_get_u64(body, "energy_calibration", &seq);
	return seq;
}

TEST_F_TIMEOUT(calibrate, what_was_found_counts_for_later_assays, 120)
{
	CLEANUP(js_freep) json_t *old = NULL, *made = NULL, *later = NULL;
	struct rig *r = &self->r;
	char error[128], hash[65], sig[128];
	const char *text = "";
	uint64_t first, second, seq, newest, named = 0;
	bool is_simulated = false;
	double found;

	first = measure(r, "mine");
	ASSERT_NE(0, first);
	old = rig_record(r, first, hash, NULL, NULL);
	found = number(js_get(old, "fit"), "gain_ev") / 1e3;
	/* It is off, or nothing would be shown. */
	ASSERT_GT(fabs(found / number(old, "kev_per_chan") - 1), 1e-4);
	EXPECT_EQ(0, axis_by(r, first));

	seq = calibrate(r, "energy", first, 0, "gain after service", error);
	ASSERT_STREQ("", error);
	made = rig_record(r, seq, NULL, sig, NULL);
	js_get_str(made, "kind", &text);
	EXPECT_STREQ("calibration", text);
	EXPECT_NE('\0', sig[0]);
	js_get_str(made, "reason", &text);
	EXPECT_STREQ("gain after service", text);
	EXPECT_STREQ(RIG_SERIAL, js_text(made, "serial"));
	js_get_bool(made, "simulated", &is_simulated);
	EXPECT_TRUE(is_simulated);
	EXPECT_EQ(1, js_len(js_get(made, "results")));
	js_get_u64(js_at(js_get(made, "results"), 0), "result", &named);
	EXPECT_EQ(first, named);
	EXPECT_STREQ(hash, js_text(js_at(js_get(made, "results"), 0), "hash"));
	EXPECT_LT(fabs(number(made, "kev_per_chan") / found - 1), 1e-9);

	second = measure(r, "mine");
	ASSERT_NE(0, second);
	EXPECT_EQ(seq, axis_by(r, second));
	later = rig_record(r, second, NULL, NULL, NULL);
	EXPECT_EQ(number(made, "kev_per_chan"), number(later, "kev_per_chan"));
	EXPECT_EQ(number(made, "zero_kev"), number(later, "zero_kev"));
	EXPECT_LT(fabs(number(js_get(later, "fit"), "gain_stated_ev") / 1e3 /
			       found -
		       1),
		  1e-9);
	/* Another method has its own. */
	EXPECT_EQ(0, axis_by(r, measure(r, "ore-l")));

	/* The newest counts. */
	newest = calibrate(r, "energy", second, 0, "again", error);
	EXPECT_LT(seq, newest);
	/* A later daemon knows, until the method says something else. */
	rig_kill(&r->daemon_pid, SIGKILL);
	rig_start_daemon(r);
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	EXPECT_EQ(newest, axis_by(r, measure(r, "mine")));
	rig_method(r, "mine", "zero_kev = 0.0125", "zero_kev = 0.0126");
	EXPECT_EQ(0, axis_by(r, measure(r, "mine")));
	rig_method(r, "mine", "kev_per_chan = 0.025", "kev_per_chan = 0.02501");
	EXPECT_EQ(0, axis_by(r, measure(r, "mine")));
	EXPECT_TRUE(rig_verifies(r));
}

TEST_F_TIMEOUT(calibrate, what_is_no_calibration_is_named, 120)
{
	struct rig *r = &self->r;
	uint64_t a, b, last;
	char error[128];

	a = measure(r, "mine");
	b = measure(r, "ore-l");
	ASSERT_NE(0, a);
	ASSERT_NE(0, b);
	ASSERT_STREQ("", rig_measure(r, "X", "mine", 4000, NULL));
	ASSERT_TRUE(rig_wait_state(r, "measuring"));
	ASSERT_STREQ("", rig_call(r, rig_path, "org.reespec1.Assay", "Cancel",
				  "s", "enough"));
	ASSERT_TRUE(rig_wait_finished(r, 3));
	last = rig_last(r);
	calibrate(r, "energy", r->result, 0, "why", error);
	EXPECT_STREQ(ERROR "NotFitted", error);
	calibrate(r, "factors", a, 0, "why", error);
	EXPECT_STREQ(ERROR "BadOption", error);
	EXPECT_NE(NULL, strstr(rig_message, "there is: energy"));
	calibrate(r, "energy", 0, 0, "why", error);
	EXPECT_STREQ(ERROR "BadOption", error);
	EXPECT_NE(NULL, strstr(rig_message, "1 to 16 results"));
	calibrate(r, "energy", a, 0, "", error);
	EXPECT_STREQ(ERROR "BadOption", error);
	EXPECT_NE(NULL, strstr(rig_message, "reason"));
	calibrate(r, "energy", a, a, "why", error);
	EXPECT_STREQ(ERROR "BadOption", error);
	EXPECT_NE(NULL, strstr(rig_message, "named twice"));
	calibrate(r, "energy", a, b, "why", error);
	EXPECT_STREQ(ERROR "BadOption", error);
	EXPECT_NE(NULL, strstr(rig_message, "not by the same method"));
	calibrate(r, "energy", 1, 0, "why", error);
	EXPECT_STREQ(ERROR "WrongKind", error);
	calibrate(r, "energy", 999999, 0, "why", error);
	EXPECT_STREQ(ERROR "NoRecord", error);
	if (getuid() == 0)
		EXPECT_NE(NULL,
			  strstr(rig_as_nobody(r, RIG_SPECTROMETER
					       " " SPECTROMETER
					       " Calibrate sats energy 1 3 x"),
				 "Access denied"));
	rig_method(r, "mine", "keep = result", "keep = result\n# new");
	calibrate(r, "energy", a, 0, "why", error);
	EXPECT_STREQ(ERROR "BadMethod", error);
	EXPECT_NE(NULL, strstr(rig_message, "mine has changed"));
	EXPECT_NE(NULL, strstr(rig_message, ": Reprocess them by it"));
	EXPECT_EQ(last, rig_last(r));
}

/* The gain moved between them: neither is the instrument's. */
TEST_F_TIMEOUT(calibrate, gains_that_do_not_agree_are_none, 120)
{
	struct rig *r = &self->r;
	char error[128], path[128];
	uint64_t a, b;

	a = measure(r, "mine");
	ASSERT_NE(0, a);
	rig_kill(&r->emu_pid, SIGKILL);
	ASSERT_TRUE(rig_wait_state(r, "absent"));
	snprintf(path, sizeof(path), "%s/dp5", r->dir);
	unlink(path);
	rig_start_emu(r, "--settle 0 --ref-gain 23.45");
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	b = measure(r, "mine");
	ASSERT_NE(0, b);
	EXPECT_EQ(0, calibrate(r, "energy", a, b, "why", error));
	EXPECT_STREQ(ERROR "BadOption", error);
	EXPECT_NE(NULL, strstr(rig_message, "do not agree"));
	EXPECT_NE(0, calibrate(r, "energy", b, 0, "why", error));

	/* Nor is what another instrument has measured. */
	rig_kill(&r->emu_pid, SIGKILL);
	ASSERT_TRUE(rig_wait_state(r, "absent"));
	unlink(path);
	rig_start_emu(r, "--settle 0 --serial 4711");
	ASSERT_TRUE(rig_wait_text(r, 20, OTHER, SPECTROMETER, "State", "idle"));
	EXPECT_STREQ(ERROR "BadOption",
		     rig_call(r, OTHER, SPECTROMETER, "Calibrate", "sats",
			      "energy", 1, b, "why"));
	EXPECT_NE(NULL, strstr(rig_message, "is of instrument " RIG_SERIAL));
	/* And the axis of one is not that of another. */
	ASSERT_STREQ("",
		     rig_call(r, OTHER, SPECTROMETER, "Measure", "sa{sv}", "X",
			      2, "method", "s", "mine", "live", "d", 5.0));
	ASSERT_TRUE(rig_wait_finished(r, 3));
	EXPECT_EQ(0, axis_by(r, r->result));
}

/* ---- results as no instrument makes them ------------------------------------ */

struct made {
	double gain_ev, u_gain_ev, offset_ev, u_offset_ev;
	const char *method; /* "mine" where there is none */
	const char *sha256; /* of that file */
};

static uint64_t add_result(struct ledger *l, const struct made *m,
			   const char *sha256)
{
	CLEANUP(js_freep)
	json_t *part =
		js_pack("{s:{s:s, s:s}, s:{s:f, s:f, s:f, s:f}}", "method",
			"name", m->method ? m->method : "mine", "sha256",
			m->sha256 ? m->sha256 : sha256, "fit", "gain_ev",
			m->gain_ev, "u_gain_ev", m->u_gain_ev, "offset_ev",
			m->offset_ev, "u_offset_ev", m->u_offset_ev);
	const struct ledger_entry e = { .kind = CHAIN_RESULT,
					.serial = RIG_SERIAL,
					.part = part };
	uint64_t seq = 0;

	if (ledger_append(l, &e, &seq, NULL) < 0)
		abort();
	return seq;
}

/* A ledger with these before the daemon starts on it. */
static bool add_results(struct rig *r, const struct made *results, size_t n,
			uint64_t *ret_seqs)
{
	const char *const dirs[] = { r->methods, NULL };
	CLEANUP(methods_entry_deinit) struct methods_entry mine = { 0 };
	struct ledger *l;

	rig_kill(&r->daemon_pid, SIGTERM);
	if (methods_load(dirs, "mine", &mine, NULL) < 0 ||
	    ledger_open(r->state, NULL, &l, NULL, 0) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		ret_seqs[i] = add_result(l, &results[i], mine.sha256);
	if (ledger_commit(l, NULL) < 0)
		abort();
	ledger_close(l);
	rig_start_daemon(r);
	return rig_wait_state(r, "idle");
}

enum {
	ONE,
	NEAR,
	VAGUE,
	VAGUE_TOO,
	SURE,
	SURE_TOO,
	SURE_ZERO,
	BACKWARDS,
	OTHER_NAME,
	OTHER_FILE,
	N_MADE
};

TEST_F_TIMEOUT(calibrate, axes_are_weighed_and_held_against_each_other, 120)
{
	static const struct made results[N_MADE] = {
		[ONE] = { 25, 1e-4, 10, 1, NULL, NULL },
		/* 15 of its uncertainties from it, but that is no gain's. */
		[NEAR] = { 25.0015, 1e-4, 13, 2, NULL, NULL },
		/* More, of two that hardly know. */
		[VAGUE] = { 25, 0.01, 10, 1, NULL, NULL },
		[VAGUE_TOO] = { 25.02, 0.01, 10, 1, NULL, NULL },
		[SURE] = { 25.02, 1e-4, 10, 1, NULL, NULL },
		[SURE_TOO] = { 25, 0, 10, 1, NULL, NULL },
		[SURE_ZERO] = { 25, 1e-4, 10, 0, NULL, NULL },
		[BACKWARDS] = { -25, 1e-4, 10, 1, NULL, NULL },
		[OTHER_NAME] = { 25, 1e-4, 10, 1, "ore-l", NULL },
		[OTHER_FILE] = { 25, 1e-4, 10, 1, NULL, "0" },
	};
	static const int no_axis[] = { SURE_TOO, SURE_ZERO, BACKWARDS };
	static const int by_another[] = { OTHER_NAME, OTHER_FILE };
	CLEANUP(js_freep) json_t *made = NULL;
	uint64_t seqs[N_MADE], many[17], seq;
	struct rig *r = &self->r;
	char error[128];

	ASSERT_TRUE(add_results(r, results, N_MADE, seqs));
	seq = calibrate(r, "energy", seqs[ONE], seqs[NEAR], "why", error);
	ASSERT_STREQ("", error) TH_LOG("%s", rig_message);
	made = rig_record(r, seq, NULL, NULL, NULL);
	EXPECT_LT(fabs(number(made, "kev_per_chan") - 25.00075e-3), 1e-10);
	EXPECT_LT(fabs(number(made, "zero_kev") - 10.6e-3), 1e-10);
	EXPECT_LT(fabs(number(made, "u_zero_kev") - sqrt(0.8) * 1e-3), 1e-10);
	EXPECT_LT(fabs(number(made, "u_kev_per_chan") - sqrt(0.5) * 1e-7),
		  1e-12);
	calibrate(r, "energy", seqs[VAGUE], seqs[VAGUE_TOO], "why", error);
	EXPECT_STREQ("", error) TH_LOG("%s", rig_message);
	EXPECT_EQ(0,
		  calibrate(r, "energy", seqs[ONE], seqs[SURE], "why", error));
	EXPECT_NE(NULL, strstr(rig_message, "do not agree"));
	for (size_t i = 0; i < ARRAY_SIZE(no_axis); i++) {
		calibrate(r, "energy", seqs[no_axis[i]], 0, "why", error);
		EXPECT_STREQ(ERROR "NotFitted", error);
	}
	for (size_t i = 0; i < ARRAY_SIZE(by_another); i++) {
		calibrate(r, "energy", seqs[ONE], seqs[by_another[i]], "why",
			  error);
		EXPECT_STREQ(ERROR "BadOption", error);
		EXPECT_NE(NULL, strstr(rig_message, "not by the same method"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = seqs[ONE];
	calibrate_by(r, "energy", many, 17, "why", error);
	EXPECT_NE(NULL, strstr(rig_message, "results are wanted, not 17"));
	calibrate_by(r, "energy", many, 16, "why", error);
	EXPECT_NE(NULL, strstr(rig_message, "is named twice"));
}

TEST_HARNESS_MAIN
