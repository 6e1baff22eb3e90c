// SPDX-License-Identifier: GPL-2.0-or-later
/* Which results are values of a chart; the policy and the results are ours. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "bus/qc.h"
#include "kselftest_harness.h"
#include "state_dir.h"

#define SERIAL "38563"
#define CHECK                                              \
	"[check Nd]\nkind = crm\nsample = S\nmethod = m\n" \
	"element = Nd\nmean_mg_kg = 1000\ns_mg_kg = 10\n"

FIXTURE(qc)
{
	char dir[128];
	char first[160], second[160]; /* folders of methods */
	const char *dirs[3];
	struct ledger *l;
	struct qc *q;
	char why[400];
};

FIXTURE_SETUP(qc)
{
	memset(self, 0, sizeof(*self));
	state_dir_make(self->dir);
	snprintf(self->first, sizeof(self->first), "%s/a/methods", self->dir);
	snprintf(self->second, sizeof(self->second), "%s/b/methods", self->dir);
	self->dirs[0] = self->first;
	self->dirs[1] = self->second;
	for (int i = 0; i < 2; i++) {
		char parent[160];

		snprintf(parent, sizeof(parent), "%s/%c", self->dir, "ab"[i]);
		ASSERT_EQ(0, mkdir(parent, 0700));
		ASSERT_EQ(0, mkdir(self->dirs[i], 0700));
	}
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
}

FIXTURE_TEARDOWN(qc)
{
	qc_free(self->q);
	ledger_close(self->l);
	state_dir_remove(self->dir);
}

/* Beside a folder of methods. */
static void write_policy(const char *methods, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/../qc.conf", methods);
	f = fopen(path, "we");
	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

static int load(FIXTURE_DATA(qc) * self, const char *text)
{
	write_policy(self->first, text);
	return qc_new(self->dirs, self->l, SERIAL, &self->q);
}

/* The state now; what else it says is in why. */
static const char *state(FIXTURE_DATA(qc) * self)
{
	return qc_state_name(qc_state(self->q, clock_realtime_us(), self->why,
				      sizeof(self->why)));
}

/* A good control by the check above, with this content. */
static json_t *control(double content)
{
	char now[CLOCK_TEXT_SIZE];

	clock_format(clock_realtime_us(), now);
	return js_pack(
		"{s:s, s:s, s:s, s:{s:s}, s:s, s:s, s:[{s:s, s:f, s:f}]}",
		"time", now, "sample", "S", "sample_kind", "crm", "method",
		"name", "m", "state", "done", "verdict", "accepted", "elements",
		"symbol", "Nd", "content_mg_kg", content, "u_mg_kg", 1.0);
}

TEST_F(qc, a_control_is_done_and_fitted_by_the_method_and_of_the_material)
{
	const struct {
		const char *member;
		json_t *value;
	} others[] = {
		{ "state", js_str("cancelled") },
		{ "verdict", js_str("rejected") },
		{ "method", js_pack("{s:s}", "name", "n") },
		{ "reprocessed", js_object() },
		{ "sample", js_str("T") },
		{ "sample_kind", js_str("drift") },
		{ "elements", js_array() },
		/* Judged by a policy without this check. */
		{ "qc", js_pack("{s:[{s:s}]}", "checks", "check", "La") },
	};
	CLEANUP(js_freep) json_t *good = control(1000);

	ASSERT_EQ(0, load(self, CHECK));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		CLEANUP(js_freep) json_t *body = control(1000);
		CLEANUP(js_freep) json_t *found = js_array();

		ASSERT_EQ(0, js_set(body, others[i].member, others[i].value));
		qc_take(self->q, body, found);
		EXPECT_EQ(0, js_len(found)) TH_LOG("%s", others[i].member);
		EXPECT_STREQ("due", state(self))
		TH_LOG("%s", others[i].member);
	}
	qc_take(self->q, good, NULL);
	EXPECT_STREQ("ok", state(self));
}

/* What was broken is told, and what of it counts is the policy's. */
TEST_F(qc, fails_by_the_rules_of_the_policy_alone)
{
	CLEANUP(js_freep) json_t *found = js_array();

	ASSERT_EQ(0, load(self, "[policy]\nrules = 1_3s\n" CHECK));
	for (int i = 0; i < 2; i++) {
		CLEANUP(js_freep) json_t *body = control(1025);

		qc_take(self->q, body, found);
	}
	EXPECT_STREQ("ok", state(self));
	EXPECT_EQ(2, js_len(js_get(js_at(found, 1), "rules")));
	EXPECT_STREQ("ok", js_text(js_at(found, 1), "state"));
}

/* Of one content, as a sample or as a duplicate of it. */
static void measure(FIXTURE_DATA(qc) * self, const char *sample,
		    const char *kind, double content)
{
	CLEANUP(js_freep) json_t *body = control(content);

	if (js_set(body, "sample", js_str(sample)) < 0 ||
	    js_set(body, "sample_kind", js_str(kind)) < 0)
		abort();
	qc_take(self->q, body, NULL);
}

TEST_F(qc, a_duplicate_is_held_to_its_sample)
{
	ASSERT_EQ(0, load(self, "[check twin]\nkind = duplicate\n"
				"method = m\nelement = Nd\n"
				"max_percent = 5\n"));
	EXPECT_STREQ("due", state(self));
	EXPECT_STREQ("twin: never done", self->why);
	measure(self, "A", "sample", 1000);
	/* Of another sample it says nothing. */
	measure(self, "B", "duplicate", 1000);
	EXPECT_STREQ("due", state(self));
	measure(self, "A", "duplicate", 1051);
	EXPECT_STREQ("ok", state(self));
	measure(self, "A", "duplicate", 1053);
	EXPECT_STREQ("failed", state(self));
	EXPECT_NE(NULL, strstr(self->why, "differs by 5.16 %, at most 5"));
	measure(self, "A", "duplicate", 950);
	EXPECT_STREQ("failed", state(self));
	measure(self, "A", "duplicate", 952);
	EXPECT_STREQ("ok", state(self));
	/* What cancels out is far from equal. */
	measure(self, "A", "duplicate", -1000);
	EXPECT_STREQ("failed", state(self));
}

static void append(struct ledger *l, const char *serial, json_t *part)
{
	const struct ledger_entry e = { .kind = CHAIN_RESULT,
					.serial = serial,
					.part = part };

	js_remove(part, "time");
	if (ledger_append(l, &e, NULL, NULL) < 0 || ledger_commit(l, NULL) < 0)
		abort();
	js_free(part);
}

TEST_F(qc, looks_back_on_its_own_instrument)
{
	append(self->l, "4711", control(1000));
	ASSERT_EQ(0, load(self, CHECK));
	EXPECT_STREQ("due", state(self));
	self->q = qc_free(self->q);
	append(self->l, SERIAL, control(1000));
	ASSERT_EQ(0, load(self, CHECK));
	EXPECT_STREQ("ok", state(self));
}

/* Nobody knows then what was found: nothing may pass for checked. */
TEST_F(qc, refuses_while_the_ledger_cannot_be_read)
{
	append(self->l, SERIAL, control(1000));
	sqlite3_hard_heap_limit64(1);
	ASSERT_EQ(0, load(self, CHECK));
	sqlite3_hard_heap_limit64(0);
	EXPECT_STREQ("failed", state(self));
	EXPECT_NE(NULL, strstr(self->why, "the ledger cannot be read"));
	EXPECT_TRUE(qc_refuses(self->q, clock_realtime_us(), self->why,
			       sizeof(self->why)));
}

/* Of a policy with a mistake no check is shown as if it were in force. */
TEST_F(qc, of_a_policy_with_a_mistake_nothing_counts)
{
	enum qc_state one;
	const char *sample;

	ASSERT_EQ(0, load(self, CHECK "[check La]\nkind = frob\n"));
	EXPECT_STREQ("failed", state(self));
	EXPECT_EQ(NULL, qc_check_at(self->q, 0, 0, &one, &sample, self->why,
				    sizeof(self->why)));
}

TEST_F(qc, the_first_folder_that_has_a_policy_counts)
{
	write_policy(self->second, "[check La]\n");
	ASSERT_EQ(0, qc_new(self->dirs, self->l, SERIAL, &self->q));
	EXPECT_STREQ("failed", state(self));
	self->q = qc_free(self->q);
	ASSERT_EQ(0, load(self, CHECK));
	EXPECT_STREQ("due", state(self));
}

TEST_HARNESS_MAIN
