// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the daemon asks polkit and does with its answer. The authority is ours:
 * it says what it is told to and notes what it was asked.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "rig.h"

#define AUTHORITY "org.freedesktop.PolicyKit1"
#define MEASURE                                               \
	RIG_SPECTROMETER " org.reespec1.Spectrometer Measure" \
			 " 'sa{sv}' X 2 method s ore-l detach b true"
#define LEDGER RIG_ROOT " org.reespec1.Ledger "
#define SPECTROMETER RIG_SPECTROMETER " org.reespec1.Spectrometer "
#define SIGN LEDGER "Sign tts 1 1 seen"
#define CONFIGURE SPECTROMETER "Configure a{sv}s 1 HVSE s OFF x"
#define SILENTLY " --allow-interactive-authorization=no"
#define NOBODY 65534

/* Shared with the authority's process. */
struct talk {
	bool is_allowed, is_challenge; /* what it says */
	bool is_odd; /* it says yes, in words of its own */
	volatile unsigned int n_asked;
	char subject[32], name[64], action[64];
	uint32_t flags;
};

FIXTURE(polkit)
{
	struct rig r;
	struct talk *talk;
	pid_t pid;
};

/* Without a vtable, whose types sd-bus would hold the answer to. */
static int check(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct talk *t = arg;
	const char *kind, *key, *name, *action;

	(void)error;
	if (!sd_bus_message_is_method_call(m, AUTHORITY ".Authority",
					   "CheckAuthorization"))
		return 0;
	if (sd_bus_message_enter_container(m, 'r', "sa{sv}") < 0 ||
	    sd_bus_message_read(m, "sa{sv}", &kind, 1, &key, "s", &name) < 0 ||
	    sd_bus_message_exit_container(m) < 0 ||
	    sd_bus_message_read(m, "s", &action) < 0 ||
	    sd_bus_message_skip(m, "a{ss}") < 0 ||
	    sd_bus_message_read(m, "u", &t->flags) < 0)
		return -EINVAL;
	snprintf(t->subject, sizeof(t->subject), "%s", kind);
	snprintf(t->name, sizeof(t->name), "%s", name);
	snprintf(t->action, sizeof(t->action), "%s", action);
	t->n_asked++;
	if (t->is_odd)
		return sd_bus_reply_method_return(m, "b", 1);
	return sd_bus_reply_method_return(m, "(bba{ss})", t->is_allowed,
					  t->is_challenge, 0);
}

static void decide_for_ever(struct rig *r, struct talk *t, int ready)
{
	sd_bus *bus;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bus = rig_open(r);
	if (sd_bus_add_object(bus, NULL,
			      "/org/freedesktop/PolicyKit1/Authority", check,
			      t) < 0 ||
	    sd_bus_request_name(bus, AUTHORITY, 0) < 0 ||
	    write(ready, "", 1) < 0)
		_exit(1);
	for (;;) {
		while (sd_bus_process(bus, NULL) > 0)
			;
		if (sd_bus_wait(bus, UINT64_MAX) < 0)
			_exit(2);
	}
}

FIXTURE_SETUP(polkit)
{
	int fds[2];
	char byte;

	if (getuid() != 0)
		SKIP(return, "only root can be somebody else");
	rig_start(&self->r, "--settle 0", "idle");
	self->talk = mmap(NULL, sizeof(*self->talk), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->talk);
	ASSERT_EQ(0, pipe(fds));
	self->pid = fork();
	if (!self->pid)
		decide_for_ever(&self->r, self->talk, fds[1]);
	close(fds[1]);
	ASSERT_EQ(1, read(fds[0], &byte, 1));
	close(fds[0]);
}

FIXTURE_TEARDOWN(polkit)
{
	if (getuid() != 0)
		return;
	rig_kill(&self->pid, SIGKILL);
	munmap(self->talk, sizeof(*self->talk));
	rig_stop(&self->r);
}

TEST_F(polkit, who_is_allowed_measures)
{
	struct talk *t = self->talk;
	struct rig *r = &self->r;

	t->is_allowed = true;
	EXPECT_NE(NULL, strstr(rig_as_nobody(r, MEASURE), "/assay/"));
	EXPECT_EQ(1, t->n_asked);
	/* Of the caller, by a name that nobody else can have. */
	EXPECT_STREQ("system-bus-name", t->subject);
	EXPECT_EQ(':', t->name[0]);
	EXPECT_STREQ("org.reespec1.measure", t->action);
	EXPECT_TRUE(rig_wait_state(r, "measuring"));
}

TEST_F(polkit, who_is_not_allowed_does_not)
{
	struct talk *t = self->talk;
	struct rig *r = &self->r;
	const uint64_t last = rig_last(r);
	const char *said;

	EXPECT_NE(NULL, strstr(rig_as_nobody(r, MEASURE), "Access denied"));
	EXPECT_EQ(1, t->n_asked);
	t->is_challenge = true;
	/* Another error, which busctl tells in the daemon's words: a password
	 * would do. */
	said = rig_as_nobody(r, MEASURE);
	EXPECT_EQ(NULL, strstr(said, "Access denied"));
	EXPECT_NE(NULL, strstr(said, "is not allowed org.reespec1.measure"));
	EXPECT_EQ(2, t->n_asked);
	t->is_odd = true;
	EXPECT_NE(NULL, strstr(rig_as_nobody(r, MEASURE), "Access denied"));
	EXPECT_EQ(3, t->n_asked);
	EXPECT_EQ(last, rig_last(r));
}

/* Who asks for a record to be made is told its number, and is named in it. */
static bool makes(struct rig *r, const char *kind, const char *call)
{
	CLEANUP(js_freep) json_t *body = NULL;
	const char *said = rig_as_nobody(r, call);
	char wanted[32];
	uint32_t uid = 0;

	snprintf(wanted, sizeof(wanted), "t %llu\n",
		 (unsigned long long)rig_last(r));
	body = rig_record(r, rig_last(r), NULL, NULL, NULL);
	js_get_uint(body, "uid", &uid);
	if (!strcmp(said, wanted) && !strcmp(js_text(body, "kind"), kind) &&
	    uid == NOBODY)
		return true;
	printf("# %s# a %s of uid %u\n", said, js_text(body, "kind"), uid);
	return false;
}

TEST_F(polkit, asks_for_the_action_of_each_member)
{
	static const struct {
		const char *kind, *action, *before, *after;
	} calls[] = {
		{ "signature", "org.reespec1.sign", LEDGER "Sign tts 1",
		  "seen" },
		{ "amend", "org.reespec1.amend", LEDGER "Amend 'ta{sv}s'",
		  "1 sample s Z x" },
		{ "result", "org.reespec1.measure", LEDGER "Reprocess tss",
		  "ore-l x" },
		{ "calibration", "org.reespec1.configure",
		  SPECTROMETER "Calibrate sats energy 1", "x" },
	};
	struct talk *t = self->talk;
	struct rig *r = &self->r;
	char call[200];

	/* Root needs nobody's leave. */
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 20, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	EXPECT_EQ(0, t->n_asked);
	t->is_allowed = true;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		snprintf(call, sizeof(call), "%s %llu %s", calls[i].before,
			 (unsigned long long)r->result, calls[i].after);
		t->action[0] = '\0';
		EXPECT_TRUE(makes(r, calls[i].kind, call));
		EXPECT_STREQ(calls[i].action, t->action);
		EXPECT_EQ(1, t->flags);
	}
	EXPECT_EQ(sizeof(calls) / sizeof(*calls), t->n_asked);
	t->action[0] = '\0';
	EXPECT_TRUE(makes(r, "config", CONFIGURE));
	EXPECT_STREQ("org.reespec1.configure", t->action);
}

/* Who has nobody at hand is not kept waiting for a password. */
TEST_F(polkit, asks_for_a_password_only_where_it_may)
{
	struct talk *t = self->talk;

	t->is_challenge = true;
	rig_as_nobody(&self->r, SIGN SILENTLY);
	EXPECT_EQ(1, t->n_asked);
	EXPECT_EQ(0, t->flags);
	rig_as_nobody(&self->r, SIGN);
	EXPECT_EQ(2, t->n_asked);
	EXPECT_EQ(1, t->flags);
}

TEST_F(polkit, is_not_asked_about_what_is_wrong)
{
	static const char *const calls[] = {
		SPECTROMETER "Measure 'sa{sv}' X 1 method s ''",
		SPECTROMETER "Configure a{sv}s 0 x",
		SPECTROMETER "Calibrate sats factors 1 1 x",
		LEDGER "Sign tts 1 1 ''",
		LEDGER "Amend 'ta{sv}s' 2 0 x",
		LEDGER "Reprocess tss 2 ore-l ''",
		LEDGER "Archive tss 1 0 ''",
		LEDGER "RotateKey s ''",
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		EXPECT_EQ(NULL, strstr(rig_as_nobody(&self->r, calls[i]),
				       "Access denied"))
		TH_LOG("%s", calls[i]);
	}
	EXPECT_EQ(0, self->talk->n_asked);
}

TEST_HARNESS_MAIN
