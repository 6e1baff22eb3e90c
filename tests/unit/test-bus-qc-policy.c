// SPDX-License-Identifier: GPL-2.0-or-later
/* Policies of quality control: what is read, and every refusal. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assay/control.h"
#include "bus/qc_policy.h"
#include "kselftest_harness.h"

static struct qc_policy policy;
static char why[400];

static int load(const char *text)
{
	char path[] = "/tmp/qc-XXXXXX";
	int fd = mkstemp(path);
	int r;

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -1;
	close(fd);
	why[0] = '\0';
	r = qc_policy_load(path, &policy, why, sizeof(why));
	unlink(path);
	return r;
}

#define CRM                                                  \
	"kind = crm\nsample = A\nmethod = m\nelement = Nd\n" \
	"mean_mg_kg = 9\ns_mg_kg = 0.5\n"

TEST(policy_has_checks_by_name)
{
	ASSERT_EQ(0, load("[policy]\ngate = due\nrules = 1_2s, 1_3s\n"
			  "[check a b]\n" CRM "every_samples = 20\n"
			  "[check c]\nkind = blank\nmethod = m\nelement = La\n"
			  "max_mg_kg = 50\nevery_hours = 24\n"));
	EXPECT_EQ(QC_GATE_DUE, policy.gate);
	EXPECT_EQ(1U << CONTROL_1_2S | 1U << CONTROL_1_3S, policy.rules);
	ASSERT_EQ(2, policy.n_checks);
	EXPECT_STREQ("a b", policy.checks[0].name);
	EXPECT_EQ(QC_CRM, policy.checks[0].kind);
	EXPECT_EQ(0.5, policy.checks[0].s);
	EXPECT_EQ(20, policy.checks[0].every);
	EXPECT_EQ(QC_BLANK, policy.checks[1].kind);
	EXPECT_EQ(24, policy.checks[1].hours);
}

TEST(policy_has_defaults)
{
	ASSERT_EQ(0, load("[check a]\n" CRM));
	EXPECT_EQ(QC_GATE_NONE, policy.gate);
	/* All but the warning. */
	EXPECT_EQ((1U << CONTROL_N_RULES) - 1 - (1U << CONTROL_1_2S),
		  policy.rules);
	EXPECT_EQ(0, policy.checks[0].every);
}

TEST(policy_that_is_not_there_is_none)
{
	EXPECT_EQ(-ENOENT,
		  qc_policy_load("/nonexistent", &policy, why, sizeof(why)));
}

TEST(policy_with_a_mistake_names_it)
{
	static const char *const wrong[][2] = {
		{ "[policy]\ngate = shut\n", "gate" },
		{ "[policy]\nrules = 9_x\n", "rules" },
		{ "[other]\na = 1\n", "other" },
		{ "[check a]\n" CRM "frob = 1\n", "frob" },
		{ "[check a]\nkind = frob\n", "kind" },
		{ "[check a]\n" CRM "every_hours = soon\n", "every_hours" },
		{ "[check a]\n" CRM "every_hours = -1\n", "every_hours" },
		{ "[check a]\nmethod = m\nelement = La\n", "kind" },
		{ "[check a]\nkind = crm\nelement = La\n", "method" },
		{ "[check a]\nkind = crm\nmethod = m\n", "element" },
		{ "[check a]\nkind = blank\nmethod = m\nelement = La\n",
		  "max_mg_kg" },
		{ "[check a]\nkind = duplicate\nmethod = m\nelement = La\n",
		  "max_percent" },
		{ "[check a]\nkind = crm\nmethod = m\nelement = La\n",
		  "sample" },
		{ "[check a]\nkind = crm\nmethod = m\nelement = La\n"
		  "sample = A\n",
		  "mean_mg_kg" },
		{ "[check a]\nkind = drift\nmethod = m\nelement = La\n"
		  "sample = A\nmean_mg_kg = 1\ns_mg_kg = 0\n",
		  "s_mg_kg" },
		{ "[check a]\nelement = Ndd\n", "element" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		EXPECT_GT(0, load(wrong[i][0])) TH_LOG("%zu", i);
		EXPECT_NE(NULL, strstr(why, wrong[i][1])) TH_LOG("%s", why);
	}
}

TEST_HARNESS_MAIN
