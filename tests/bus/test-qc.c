// SPDX-License-Identifier: GPL-2.0-or-later
/* Quality control: what a policy asks for, finds and refuses. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "kselftest_harness.h"

#include "rig.h"

#define SPECTROMETER "org.reespec1.Spectrometer"
#define REFUSED "org.reespec1.Error.QualityControl"

FIXTURE(qc)
{
	struct rig r;
};

FIXTURE_SETUP(qc)
{
	rig_start(&self->r, NULL, NULL);
}

FIXTURE_TEARDOWN(qc)
{
	rig_stop(&self->r);
}

/* A daemon under this policy, with an idle instrument. */
static bool start(struct rig *r, const char *policy)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/qc.conf", r->dir);
	f = policy ? fopen(path, "w") : NULL;
	if (f) {
		fputs(policy, f);
		fclose(f);
	}
	rig_start_bus(r, true);
	rig_start_emu(r, "--settle 0");
	rig_start_daemon(r);
	rig_connect(r);
	return rig_wait_state(r, "idle");
}

static bool restart(struct rig *r)
{
	rig_kill(&r->daemon_pid, SIGKILL);
	rig_start_daemon(r);
	rig_connect(r);
	return rig_wait_state(r, "idle");
}

static const char *qc(struct rig *r)
{
	return rig_text(r, RIG_SPECTROMETER, SPECTROMETER, "Qc");
}

static bool reason_has(struct rig *r, const char *text)
{
	const char *reason =
		rig_text(r, RIG_SPECTROMETER, SPECTROMETER, "QcReason");

	if (!strstr(reason, text)) {
		printf("# the reason is: %.400s\n", reason);
		return false;
	}
	return true;
}

/* One assay of 20 s from order to idle; "" or the error. */
static const char *assay(struct rig *r, const char *sample, const char *kind)
{
	const unsigned int n = r->n_finished;
	const char *error = rig_measure(r, sample, "ore-l", 20, kind, NULL);

	if (error[0])
		return error;
	if (!rig_wait_finished(r, n + 1) || strcmp(r->verdict, "done"))
		return "not done";
	return rig_wait_state(r, "idle") ? "" : "not idle";
}

/* The newest record of a kind. */
static json_t *newest(struct rig *r, const char *kind)
{
	rig_call(r, RIG_ROOT, "org.reespec1.Ledger", "Flush", "");
	for (uint64_t seq = rig_last(r); seq; seq--) {
		json_t *body = rig_record(r, seq, NULL, NULL, NULL);
		const char *text = "";

		js_get_str(body, "kind", &text);
		if (!strcmp(text, kind))
			return body;
		js_free(body);
	}
	return NULL;
}

TEST_F_TIMEOUT(qc, without_a_policy_nothing_is_checked, 120)
{
	ASSERT_TRUE(start(&self->r, NULL));
	EXPECT_STREQ("none", qc(&self->r));
	EXPECT_STREQ("", rig_measure(&self->r, "X", "ore-l", 5, NULL));
}

TEST_F_TIMEOUT(qc, is_due_by_samples_and_over_a_restart, 120)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(start(r, "[policy]\ngate = due\n"
			     "[check Nd]\nkind = crm\nsample = BST-ORE\n"
			     "method = ore-l\nelement = Nd\n"
			     "mean_mg_kg = 9000\ns_mg_kg = 3000\n"
			     "every_samples = 1\n"));
	EXPECT_STREQ("due", qc(r));
	EXPECT_TRUE(reason_has(r, "Nd: never done"));
	EXPECT_STREQ(REFUSED, rig_measure(r, "X", "ore-l", 5, NULL));
	EXPECT_NE(NULL, strstr(rig_message, "never done"));
	/* A material of another name is no control of this check. */
	ASSERT_STREQ("", assay(r, "OTHER", "kind=crm"));
	EXPECT_STREQ("due", qc(r));
	ASSERT_STREQ("", assay(r, "BST-ORE", "kind=crm"));
	EXPECT_STREQ("ok", qc(r));
	EXPECT_STREQ("",
		     rig_text(r, RIG_SPECTROMETER, SPECTROMETER, "QcReason"));
	ASSERT_TRUE(restart(r));
	EXPECT_STREQ("ok", qc(r));

	ASSERT_STREQ("", assay(r, "X", "kind=sample"));
	EXPECT_STREQ("due", qc(r));
	EXPECT_TRUE(reason_has(r, "Nd: 1 samples since"));
	ASSERT_TRUE(restart(r));
	EXPECT_STREQ("due", qc(r));
	EXPECT_TRUE(reason_has(r, "Nd: 1 samples since"));
	EXPECT_STREQ(REFUSED, rig_measure(r, "Y", "ore-l", 5, NULL));
	EXPECT_TRUE(rig_verifies(r));
}

TEST_F_TIMEOUT(qc, a_failed_control_refuses_samples_and_is_recorded, 120)
{
	struct rig *r = &self->r;
	CLEANUP(js_freep) json_t *check = NULL;
	CLEANUP(js_freep) json_t *result = NULL;
	const char *text = "";
	double z = 0;

	ASSERT_TRUE(start(r, "[policy]\ngate = failed\n"
			     "[check Nd]\nkind = drift\nsample = D\n"
			     "method = ore-l\nelement = Nd\n"
			     "mean_mg_kg = 1000\ns_mg_kg = 10\n"));
	/* Due alone does not refuse here. */
	EXPECT_STREQ("due", qc(r));
	/* A warm detector holds the control until both are ordered. */
	ASSERT_TRUE(rig_emu(r, "temp 260"));
	ASSERT_TRUE(rig_wait_state(r, "settling"));
	ASSERT_STREQ("", rig_measure(r, "D", "ore-l", 20, "kind=drift", "wait",
				     NULL));
	/* Ordered before the control has failed, begun after. */
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 5, "queue", NULL));
	ASSERT_TRUE(rig_emu(r, "temp auto"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	ASSERT_TRUE(rig_wait_finished(r, 2));
	EXPECT_STREQ("X", r->sample);
	EXPECT_STREQ("failed", r->verdict);
	result = rig_record(r, r->result, NULL, NULL, NULL);
	js_get_str(result, "why", &text);
	EXPECT_NE(NULL,
		  strstr(text, "refused at its turn, not measured: Nd: Nd "));

	EXPECT_STREQ("failed", qc(r));
	EXPECT_TRUE(reason_has(r, "breaks 1_3s (beyond 3 standard "));
	EXPECT_TRUE(
		reason_has(r,
			   " standard deviations above the mean of 0.1 wt %,"));
	EXPECT_TRUE(reason_has(r, " wt %,"));
	EXPECT_STREQ(REFUSED, rig_measure(r, "Y", "ore-l", 5, NULL));
	check = newest(r, "check");
	ASSERT_NE(NULL, check);
	js_get_real(check, "z", &z);
	EXPECT_GT(z, 100);
	js_get_str(check, "state", &text);
	EXPECT_STREQ("failed", text);
	EXPECT_EQ(2, js_len(js_get(check, "rules")));
	EXPECT_GT(js_number(check, "u_mg_kg"), 0);
	EXPECT_GT(js_number(check, "ld_mg_kg"), js_number(check, "lc_mg_kg"));
	EXPECT_GT(js_number(check, "lc_mg_kg"), 0);
	ASSERT_TRUE(restart(r));
	EXPECT_STREQ("failed", qc(r));
	/* Controls are let through, or it could never pass again. */
	EXPECT_STREQ("", rig_measure(r, "D", "ore-l", 5, "kind=drift", NULL));
}

TEST_F_TIMEOUT(qc, blanks_and_duplicates_have_limits, 120)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(start(r, "[check blank]\nkind = blank\nmethod = ore-l\n"
			     "element = La\nmax_mg_kg = 100\n"
			     "[check twin]\nkind = duplicate\nmethod = ore-l\n"
			     "element = Ca\nmax_percent = 10\n"
			     "[check exact]\nkind = duplicate\n"
			     "method = ore-l\nelement = Ce\n"
			     "max_percent = 0\n"));
	/* A duplicate of nothing is no control. */
	ASSERT_STREQ("", assay(r, "X", "kind=duplicate"));
	EXPECT_STREQ("due", qc(r));
	ASSERT_STREQ("", assay(r, "X", "kind=sample"));
	ASSERT_STREQ("", assay(r, "X", "kind=duplicate"));
	EXPECT_STREQ("failed", qc(r));
	EXPECT_TRUE(reason_has(r, "exact: Ce differs by"));
	ASSERT_STREQ("", assay(r, "B", "kind=blank"));
	EXPECT_STREQ("failed", qc(r));
	EXPECT_TRUE(reason_has(r, "at most 0.01 allowed"));
	/* Failed, but this policy has no gate. */
	EXPECT_STREQ("", rig_measure(r, "Y", "ore-l", 5, NULL));
}

TEST_F_TIMEOUT(qc, a_policy_with_a_mistake_refuses, 120)
{
	struct rig *r = &self->r;

	ASSERT_TRUE(start(r, "[check Nd]\nkind = crm\nfrob = 1\n"));
	EXPECT_STREQ("failed", qc(r));
	EXPECT_TRUE(reason_has(r, "qc.conf:3"));
	EXPECT_TRUE(reason_has(r, "frob"));
	EXPECT_STREQ(REFUSED, rig_measure(r, "X", "ore-l", 5, NULL));
	EXPECT_NE(NULL, strstr(rig_message, "qc.conf:3"));
}

TEST_HARNESS_MAIN
