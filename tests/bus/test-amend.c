// SPDX-License-Identifier: GPL-2.0-or-later
/* Records about records: amended, signed, computed again; the old ones stay. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "base/cleanup.h"
#include "ledger/ledger.h"
#include "rig.h"

#define LEDGER "org.reespec1.Ledger"
#define ERROR "org.reespec1.Error."
#define QC_POLICY                                           \
	"[policy]\ngate = none\n"                           \
	"[check Nd]\nkind = drift\nsample = BST-ORE\n"      \
	"method = ore-l\nelement = Nd\nmean_mg_kg = 9000\n" \
	"s_mg_kg = 3000\nevery_samples = 2\n"

/* Results of another time, from no assay of this ledger: without spectrum,
 * without axis, without counting time, with half of an axis. */
enum { BARE = 2, NO_AXIS, NO_TIME, NO_ZERO, NO_GAIN, N_OLD = NO_GAIN };

FIXTURE(amend)
{
	struct rig r;
};

static void add_old(struct ledger *l, bool has_counts, bool has_zero,
		    bool has_gain)
{
	static const uint32_t counts[2048] = { [1000] = 5 };
	const struct ledger_spectrum spectrum = { "spectrum", counts, 2048 };
	CLEANUP(js_freep) json_t *part = js_object();
	const struct ledger_entry e = {
		.kind = CHAIN_RESULT,
		.part = part,
		.spectra = &spectrum,
		.n_spectra = has_counts ? 1 : 0,
	};

	js_set_str(part, "sample", "old");
	js_set_real(part, "live_s", 0);
	js_set_real(part, "real_s", 0);
	if (has_zero)
		js_set_real(part, "zero_kev", 0);
	if (has_gain)
		js_set_real(part, "kev_per_chan", 0.025);
	if (ledger_append(l, &e, NULL, NULL) < 0)
		abort();
}

FIXTURE_SETUP(amend)
{
	struct rig *r = &self->r;
	char path[128];
	struct ledger *l;
	FILE *f;

	rig_start(r, NULL, NULL);
	ASSERT_EQ(0, ledger_open(r->state, NULL, &l, NULL, 0));
	add_old(l, false, true, true);
	add_old(l, true, false, false);
	add_old(l, true, true, true);
	add_old(l, true, false, true);
	add_old(l, true, true, false);
	ASSERT_EQ(0, ledger_commit(l, NULL));
	ASSERT_EQ(N_OLD, ledger_last(l));
	ledger_close(l);

	snprintf(path, sizeof(path), "%s/qc.conf", r->dir);
	f = fopen(path, "we");
	ASSERT_NE(NULL, f);
	fputs(QC_POLICY, f);
	ASSERT_EQ(0, fclose(f));
	rig_start_bus(r, true);
	rig_start_emu(r, "--settle 0");
	rig_start_daemon(r);
	rig_connect(r);
	ASSERT_TRUE(rig_wait_state(r, "idle"));
}

FIXTURE_TEARDOWN(amend)
{
	rig_stop(&self->r);
}

static bool assay(struct rig *r, const char *sample, const char *kind)
{
	const unsigned int n = r->n_finished;

	return !rig_measure(r, sample, "ore-l", 20, "key@lot=6",
			    "key@moisture=8.5", "key@loi=11 %", kind,
			    NULL)[0] &&
	       rig_wait_finished(r, n + 1) && rig_wait_state(r, "idle");
}

/* A call of the ledger that answers with a number; 0 and the error's name in
 * @ret_error. */
static uint64_t number_of(struct rig *r, const char *member, char *ret_error,
			  const char *types, ...)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	uint64_t seq = 0;
	va_list args;

	sd_bus_message_new_method_call(r->bus, &m, "org.reespec1", RIG_ROOT,
				       LEDGER, member);
	va_start(args, types);
	sd_bus_message_appendv(m, types, args);
	va_end(args);
	ret_error[0] = '\0';
	if (sd_bus_call(r->bus, m, 20000000, &error, &reply) < 0)
		snprintf(ret_error, 128, "%s", error.name);
	else
		sd_bus_message_read(reply, "t", &seq);
	snprintf(rig_message, sizeof(rig_message), "%s",
		 error.message ? error.message : "");
	sd_bus_error_free(&error);
	return seq;
}

/* How an amendment ends: "" or the error's name. */
static const char *amended(struct rig *r, uint64_t seq, const char *field,
			   const char *value, const char *reason)
{
	static char error[128];

	number_of(r, "Amend", error, "ta{sv}s", seq, field ? 1 : 0, field, "s",
		  value, reason);
	return error;
}

static bool is_simulated(const json_t *body)
{
	bool is = false;

	return js_get_bool(body, "simulated", &is) == 0 && is;
}

static uint64_t u64_of(const json_t *body, const char *key)
{
	uint64_t value = 0;

	js_get_u64(body, key, &value);
	return value;
}

TEST_F(amend, names_what_it_is_said_of_and_changes_nothing)
{
	struct rig *r = &self->r;
	CLEANUP(js_freep) json_t *old = NULL;
	CLEANUP(js_freep) json_t *body = NULL;
	char error[128], hash[65] = "", before[65] = "";
	uint32_t uid = 99;
	uint64_t seq;

	ASSERT_TRUE(assay(r, "X", NULL));
	js_free(rig_record(r, r->result, before, NULL, NULL));
	seq = number_of(r, "Amend", error, "ta{sv}s", r->result, 3, "sample",
			"s", "Y", "kind", "s", "crm", "keys", "a{ss}", 1, "lot",
			"7", "label read wrong");
	EXPECT_STREQ("", error) TH_LOG("%s", rig_message);
	ASSERT_EQ(rig_last(r), seq);
	body = rig_record(r, seq, NULL, NULL, NULL);
	EXPECT_STREQ("amend", js_text(body, "kind"));
	EXPECT_STREQ("amended", js_text(body, "what"));
	EXPECT_EQ(r->result, u64_of(body, "record"));
	EXPECT_STREQ(before, js_text(body, "hash"));
	EXPECT_STREQ("Y", js_text(body, "sample"));
	EXPECT_STREQ("crm", js_text(body, "sample_kind"));
	EXPECT_STREQ("7", js_text(js_get(body, "keys"), "lot"));
	EXPECT_STREQ("label read wrong", js_text(body, "reason"));
	EXPECT_STREQ(RIG_SERIAL, js_text(body, "serial"));
	EXPECT_TRUE(is_simulated(body));
	EXPECT_EQ(0, js_get_uint(body, "uid", &uid));
	EXPECT_EQ(getuid(), uid);
	old = rig_record(r, r->result, hash, NULL, NULL);
	EXPECT_STREQ("X", js_text(old, "sample"));
	EXPECT_STREQ(before, hash);
	EXPECT_TRUE(rig_verifies(r));

	EXPECT_STREQ("", amended(r, BARE, "sample", "Z", "r"));
	/* What was ordered may be named right as well. */
	EXPECT_STREQ("", amended(r, u64_of(old, "assay"), "sample", "Z", "r"));
	EXPECT_STREQ(ERROR "WrongKind", amended(r, 1, "sample", "Z", "r"));
	EXPECT_NE(NULL, strstr(rig_message, "genesis"));
}

TEST_F(amend, wants_an_assay_a_field_and_a_reason)
{
	struct rig *r = &self->r;
	const uint64_t last = rig_last(r);

	EXPECT_STREQ(ERROR "NoRecord", amended(r, 999, "sample", "Z", "r"));
	EXPECT_STREQ(ERROR "NoRecord", amended(r, 0, "sample", "Z", "r"));
	EXPECT_STREQ(ERROR "BadOption", amended(r, BARE, NULL, NULL, "r"));
	EXPECT_NE(NULL, strstr(rig_message, "nothing to amend"));
	EXPECT_STREQ(ERROR "BadOption", amended(r, BARE, "smple", "Z", "r"));
	EXPECT_NE(NULL, strstr(rig_message, "`smple`"));
	EXPECT_STREQ(ERROR "BadOption", amended(r, BARE, "kind", "gold", "r"));
	EXPECT_STREQ(ERROR "BadOption", amended(r, BARE, "sample", "", "r"));
	EXPECT_STREQ(ERROR "BadOption", amended(r, BARE, "sample", "Z", ""));
	EXPECT_STREQ(ERROR "BadOption", amended(r, BARE, "sample", "Z", "\n"));
	EXPECT_EQ(last, rig_last(r));
}

/* Room on the disk comes back too late for what was refused. */
TEST_F(amend, one_that_could_not_be_written_does_not_come_later)
{
	struct rig *r = &self->r;
	const uint64_t last = rig_last(r);
	struct rlimit limit;

	ASSERT_EQ(0, prlimit(r->daemon_pid, RLIMIT_FSIZE, NULL, &limit));
	limit.rlim_cur = 1;
	ASSERT_EQ(0, prlimit(r->daemon_pid, RLIMIT_FSIZE, &limit, NULL));
	EXPECT_STREQ(ERROR "Ledger", amended(r, BARE, "sample", "Z", "r"));
	limit.rlim_cur = limit.rlim_max;
	ASSERT_EQ(0, prlimit(r->daemon_pid, RLIMIT_FSIZE, &limit, NULL));
	EXPECT_STREQ("", rig_call(r, RIG_ROOT, LEDGER, "Flush", ""));
	EXPECT_EQ(last, rig_last(r));
	EXPECT_STREQ("", amended(r, BARE, "sample", "Z", "r"));
	EXPECT_EQ(last + 1, rig_last(r));
	EXPECT_TRUE(rig_verifies(r));
}

TEST_F(amend, a_moisture_that_is_no_number_is_refused_by_name)
{
	struct rig *r = &self->r;
	const uint64_t last = rig_last(r);
	char error[128];

	number_of(r, "Amend", error, "ta{sv}s", (uint64_t)NO_AXIS, 1, "keys",
		  "a{ss}", 1, "moisture", "101", "dried");
	EXPECT_STREQ(ERROR "BadOption", error);
	EXPECT_NE(NULL, strstr(rig_message, "`moisture`"));
	EXPECT_NE(NULL, strstr(rig_message, "`101`"));
	EXPECT_EQ(last, rig_last(r));
}

TEST_F(amend, a_signature_stands_for_a_range)
{
	struct rig *r = &self->r;
	CLEANUP(js_freep) json_t *body = NULL;
	const uint64_t last = rig_last(r);
	char error[128], hash[65] = "";
	uint64_t seq;

	js_free(rig_record(r, NO_AXIS, hash, NULL, NULL));
	seq = number_of(r, "Sign", error, "tts", (uint64_t)BARE,
			(uint64_t)NO_AXIS, "reviewed");
	EXPECT_STREQ("", error) TH_LOG("%s", rig_message);
	ASSERT_EQ(last + 1, seq);
	body = rig_record(r, seq, NULL, NULL, NULL);
	EXPECT_STREQ("signature", js_text(body, "kind"));
	EXPECT_EQ(BARE, u64_of(body, "first"));
	EXPECT_EQ(NO_AXIS, u64_of(body, "last"));
	EXPECT_STREQ(hash, js_text(body, "hash"));
	EXPECT_STREQ("reviewed", js_text(body, "meaning"));

	number_of(r, "Sign", error, "tts", (uint64_t)3, (uint64_t)2, "x");
	EXPECT_STREQ(ERROR "NoRecord", error);
	number_of(r, "Sign", error, "tts", (uint64_t)0, (uint64_t)2, "x");
	EXPECT_STREQ(ERROR "NoRecord", error);
	number_of(r, "Sign", error, "tts", (uint64_t)2, (uint64_t)99, "x");
	EXPECT_STREQ(ERROR "NoRecord", error);
	number_of(r, "Sign", error, "tts", (uint64_t)2, (uint64_t)2, "");
	EXPECT_STREQ(ERROR "BadOption", error);
	EXPECT_EQ(last + 1, rig_last(r));
	EXPECT_TRUE(rig_verifies(r));
}

/* ---- computed again -------------------------------------------------------- */

static bool are_equal(const json_t *a, const json_t *b, const char *key)
{
	CLEANUP(freep) char *one = NULL;
	CLEANUP(freep) char *other = NULL;
	size_t len;

	return js_get(a, key) && js_get(b, key) &&
	       js_dump(js_get(a, key), 0, &one, &len) >= 0 &&
	       js_dump(js_get(b, key), 0, &other, &len) >= 0 &&
	       !strcmp(one, other);
}

TEST_F_TIMEOUT(amend, by_the_same_method_the_contents_are_the_same, 60)
{
	static const char *const same[] = {
		"elements", "fit",  "verdict", "live_s",   "blobs",
		"keys",	    "dead", "method",  "zero_kev", "input_rate_cps",
		"loss",	    "qc",
	};
	struct rig *r = &self->r;
	CLEANUP(js_freep) json_t *old = NULL;
	CLEANUP(js_freep) json_t *new = NULL;
	char error[128], hash[65] = "", sig[100] = "";
	const json_t *from;
	size_t n_counts = 0;
	uint64_t seq, again;

	ASSERT_TRUE(assay(r, "X", NULL));
	seq = number_of(r, "Reprocess", error, "tss", r->result, "ore-l",
			"to see");
	ASSERT_STREQ("", error) TH_LOG("%s", rig_message);
	ASSERT_EQ(rig_last(r), seq);
	old = rig_record(r, r->result, hash, NULL, NULL);
	new = rig_record(r, seq, NULL, sig, &n_counts);
	EXPECT_STREQ("result", js_text(new, "kind"));
	EXPECT_EQ(2048, n_counts);
	EXPECT_NE('\0', sig[0]);
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		EXPECT_TRUE(are_equal(old, new, same[i]))
		TH_LOG("%s", same[i]);
	}
	EXPECT_TRUE(is_simulated(new));
	EXPECT_STREQ("to see", js_text(new, "reason"));
	EXPECT_STREQ("done", js_text(new, "state"));
	EXPECT_EQ(NULL, js_get(new, "assay"));
	from = js_get(new, "reprocessed");
	EXPECT_EQ(r->result, u64_of(from, "result"));
	EXPECT_STREQ(hash, js_text(from, "hash"));
	EXPECT_EQ(u64_of(old, "assay"), u64_of(from, "assay"));

	/* Once more, from that: the assay is not forgotten. */
	again = number_of(r, "Reprocess", error, "tss", seq, "ore-l", "again");
	ASSERT_STREQ("", error) TH_LOG("%s", rig_message);
	js_free(new);
	new = rig_record(r, again, NULL, NULL, NULL);
	from = js_get(new, "reprocessed");
	EXPECT_EQ(seq, u64_of(from, "result"));
	EXPECT_EQ(u64_of(old, "assay"), u64_of(from, "assay"));
	EXPECT_TRUE(rig_verifies(r));
}

static const char *qc_reason(struct rig *r)
{
	return rig_text(r, RIG_SPECTROMETER, "org.reespec1.Spectrometer",
			"QcReason");
}

/* Another method tells other contents; the axis stays the spectrum's. */
TEST_F_TIMEOUT(amend, by_another_method_and_never_for_a_control, 60)
{
	struct rig *r = &self->r;
	CLEANUP(js_freep) json_t *old = NULL;
	CLEANUP(js_freep) json_t *new = NULL;
	char error[128];
	uint64_t seq;

	rig_method(r, "other", "zero_kev = 0.0125\nkev_per_chan = 0.025",
		   "zero_kev = 1\nkev_per_chan = 0.01");
	ASSERT_TRUE(assay(r, "BST-ORE", "kind=drift"));
	ASSERT_TRUE(assay(r, "X", NULL));
	EXPECT_STREQ("", qc_reason(r));
	seq = number_of(r, "Reprocess", error, "tss", r->result, "other", "x");
	ASSERT_STREQ("", error) TH_LOG("%s", rig_message);
	old = rig_record(r, r->result, NULL, NULL, NULL);
	new = rig_record(r, seq, NULL, NULL, NULL);
	EXPECT_STREQ("other", js_text(js_get(new, "method"), "name"));
	EXPECT_FALSE(are_equal(old, new, "method"));
	EXPECT_TRUE(are_equal(old, new, "zero_kev"));
	EXPECT_TRUE(are_equal(old, new, "elements"));

	/* Neither now nor by the look back is it one more sample. */
	number_of(r, "Reprocess", error, "tss", r->result, "ore-l", "x");
	EXPECT_STREQ("", error);
	rig_kill(&r->daemon_pid, SIGKILL);
	rig_start_daemon(r);
	rig_connect(r);
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	EXPECT_STREQ("", qc_reason(r));
	/* And the assay has its result: nothing was left open. */
	js_free(new);
	new = rig_record(r, rig_last(r), NULL, NULL, NULL);
	EXPECT_STREQ("start", js_text(new, "kind"));
}

TEST_F(amend, what_cannot_be_computed_is_named)
{
	static const uint64_t no_axis[] = { NO_AXIS, NO_ZERO, NO_GAIN };
	struct rig *r = &self->r;
	const uint64_t last = rig_last(r);
	char error[128];

	rig_method(r, "broken", "anode = Ag", "anode = Xx");
	number_of(r, "Reprocess", error, "tss", (uint64_t)999, "ore-l", "x");
	EXPECT_STREQ(ERROR "NoRecord", error);
	number_of(r, "Reprocess", error, "tss", (uint64_t)1, "ore-l", "x");
	EXPECT_STREQ(ERROR "WrongKind", error);
	number_of(r, "Reprocess", error, "tss", (uint64_t)BARE, "ore-l", "x");
	EXPECT_STREQ(ERROR "NoSpectrum", error);
	EXPECT_NE(NULL, strstr(rig_message, "is kept with record 2"));
	for (size_t i = 0; i < sizeof(no_axis) / sizeof(*no_axis); i++) {
		number_of(r, "Reprocess", error, "tss", no_axis[i], "ore-l",
			  "x");
		EXPECT_STREQ(ERROR "NoSpectrum", error);
		EXPECT_NE(NULL, strstr(rig_message, "energy axis"));
	}
	number_of(r, "Reprocess", error, "tss", (uint64_t)NO_TIME, "ore-l",
		  "x");
	EXPECT_STREQ(ERROR "NotFitted", error);
	EXPECT_NE(NULL, strstr(rig_message, "live time"));
	number_of(r, "Reprocess", error, "tss", (uint64_t)NO_TIME, "gold", "x");
	EXPECT_STREQ(ERROR "UnknownMethod", error);
	EXPECT_NE(NULL, strstr(rig_message, "ore-l"));
	number_of(r, "Reprocess", error, "tss", (uint64_t)NO_TIME, "broken",
		  "x");
	EXPECT_STREQ(ERROR "BadMethod", error);
	number_of(r, "Reprocess", error, "tss", (uint64_t)NO_TIME, "ore-l", "");
	EXPECT_STREQ(ERROR "BadOption", error);
	EXPECT_EQ(last, rig_last(r));
}

/* ---- one at a time --------------------------------------------------------- */

static unsigned int n_answers;
static unsigned int n_busy;
static unsigned int n_fitted; /* or tried */
static unsigned int n_stopping;

static int on_answer(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const sd_bus_error *e = sd_bus_message_get_error(m);

	(void)arg;
	(void)error;
	n_answers++;
	n_busy += e && !strcmp(e->name, ERROR "Busy");
	n_fitted += e && !strcmp(e->name, ERROR "NotFitted");
	n_stopping += e && !strcmp(e->name, ERROR "Fault") &&
		      strstr(e->message, "the daemon is stopping");
	return 0;
}

static bool are_answered(struct rig *r)
{
	(void)r;
	return n_answers == 3;
}

static bool is_busy(struct rig *r)
{
	(void)r;
	return n_busy;
}

/* The calls at once, of which the first is taken. */
static void call_three_times(struct rig *r)
{
	n_answers = n_fitted = n_stopping = n_busy = 0;
	for (int i = 0; i < 3; i++) {
		CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;

		sd_bus_message_new_method_call(r->bus, &m, "org.reespec1",
					       RIG_ROOT, LEDGER, "Reprocess");
		sd_bus_message_append(m, "tss", (uint64_t)NO_TIME, "ore-l",
				      "x");
		sd_bus_call_async(r->bus, NULL, m, on_answer, NULL, 0);
	}
}

/* The tables of the method alone take longer than three calls. */
TEST_F(amend, one_is_reprocessed_at_a_time)
{
	struct rig *r = &self->r;

	n_busy = 0;
	for (int round = 0; round < 20 && !n_busy; round++) {
		call_three_times(r);
		ASSERT_TRUE(rig_wait(r, 20, are_answered));
		EXPECT_GE(n_fitted, 1);
	}
	EXPECT_GE(n_busy, 1);
}

/* Who hears that another is busy knows that one is being reprocessed; on a busy
 * machine it may have ended before the daemon hears of its end. */
TEST_F(amend, what_is_reprocessed_when_the_daemon_stops_is_not_recorded)
{
	struct rig *r = &self->r;

	n_stopping = 0;
	for (int round = 0; round < 5 && !n_stopping; round++) {
		call_three_times(r);
		ASSERT_TRUE(rig_wait(r, 20, is_busy));
		EXPECT_EQ(0, rig_kill(&r->daemon_pid, SIGTERM));
		ASSERT_TRUE(rig_wait(r, 20, are_answered));
		rig_start_daemon(r);
		rig_connect(r);
	}
	EXPECT_EQ(1, n_stopping);
}

TEST_F(amend, strangers_say_nothing)
{
	static const char *const calls[] = {
		"Amend 'ta{sv}s' 2 1 sample s Z spite",
		"Sign tts 2 2 mine",
		"Reprocess tss 4 ore-l spite",
	};
	struct rig *r = &self->r;
	const uint64_t last = rig_last(r);
	char call[200];

	if (getuid())
		SKIP(return, "only root can be somebody else");
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		snprintf(call, sizeof(call), RIG_ROOT " " LEDGER " %s",
			 calls[i]);
		EXPECT_NE(NULL, strstr(rig_as_nobody(r, call), "Access denied"))
		TH_LOG("%s", calls[i]);
	}
	EXPECT_EQ(last, rig_last(r));
}

TEST_HARNESS_MAIN
