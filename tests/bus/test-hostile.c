// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clients that want to hurt: who hoard, who flood, who send nonsense. The
 * daemon answers with errors that have names, and stays as small as it was.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "../unit/seed.h"
#include "proc.h"
#include "reader.h"
#include "rig.h"

#define ASSAY "org.reespec1.Assay"
#define LEDGER "org.reespec1.Ledger"
#define ERROR "org.reespec1.Error."
#define NOBODY 65534
#define SEED 20261126
/* HOSTILE_CALLS asks for another number of random calls. */
#define N_CALLS 3000
#define MAX_FDS 128

FIXTURE(hostile)
{
	struct rig r;
	int fds[MAX_FDS];
	unsigned int n_fds;
};

FIXTURE_SETUP(hostile)
{
	rig_start(&self->r, "--settle 0", "idle");
}

FIXTURE_TEARDOWN(hostile)
{
	rig_stop(&self->r);
}

/* Fetch without closing what comes: the descriptor, or -1 with the error's
 * name in @ret_error. */
static int fetch(struct rig *r, char ret_error[128])
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int fd = -1;

	ret_error[0] = '\0';
	if (sd_bus_call_method(r->bus, "org.reespec1", RIG_ROOT, LEDGER,
			       "Fetch", &error, &m, "tua{sv}", (uint64_t)0, 100,
			       0) >= 0 &&
	    sd_bus_message_read(m, "h", &fd) >= 0)
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	snprintf(ret_error, 128, "%s", error.name ? error.name : "");
	snprintf(rig_message, sizeof(rig_message), "%s",
		 error.message ? error.message : "");
	sd_bus_error_free(&error);
	return fd;
}

static unsigned int n_open_max;

static bool has_closed(struct rig *r)
{
	return proc_n_fds(r->daemon_pid) <= n_open_max;
}

TEST_F(hostile, answers_that_are_not_closed_are_bounded)
{
	struct rig *r = &self->r;
	char error[128];
	int fd;

	n_open_max = proc_n_fds(r->daemon_pid);
	while (self->n_fds < MAX_FDS && (fd = fetch(r, error)) >= 0)
		self->fds[self->n_fds++] = fd;
	EXPECT_STREQ(ERROR "Limit", error);
	EXPECT_NE(NULL, strstr(rig_message, "holds 16384 KiB"));
	/* Each counts as 256 KiB of the 16 MiB. */
	EXPECT_EQ(64, self->n_fds);
	if (getuid() == 0)
		EXPECT_NE(NULL, strstr(rig_as_nobody(r, RIG_ROOT
						     " " LEDGER
						     " Fetch 'tua{sv}' 0 9 0"),
				       "htu"));
	/* One closed is one more, and it need not be the oldest. */
	close(self->fds[40]);
	self->fds[40] = fetch(r, error);
	EXPECT_GE(self->fds[40], 0);
	EXPECT_EQ(-1, fetch(r, error));

	for (unsigned int i = 0; i < self->n_fds; i++)
		close(self->fds[i]);
	fd = fetch(r, error);
	EXPECT_GE(fd, 0);
	close(fd);
	/* Nobody calls again: the daemon finds out by itself. */
	EXPECT_TRUE(rig_wait(r, 20, has_closed));
}

TEST_F(hostile, nobody_writes_into_an_answer)
{
	char error[128];
	int fd = fetch(&self->r, error);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(O_RDONLY, fcntl(fd, F_GETFL) & O_ACCMODE);
	close(fd);
}

static const char *follow(sd_bus *bus, const char *name)
{
	static char text[128];
	sd_bus_error error = SD_BUS_ERROR_NULL;

	text[0] = '\0';
	if (sd_bus_call_method(bus, "org.reespec1", RIG_ROOT, LEDGER, "Follow",
			       &error, NULL, "st", name, (uint64_t)0) < 0)
		snprintf(text, sizeof(text), "%s", error.name);
	sd_bus_error_free(&error);
	return text;
}

static sd_bus *late;

static bool late_one_follows(struct rig *r)
{
	(void)r;
	return !follow(late, "")[0];
}

TEST_F(hostile, followers_are_bounded)
{
	struct rig *r = &self->r;
	sd_bus *clients[17];

	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		clients[i] = rig_open(r);
	for (size_t i = 0; i < 16; i++)
		EXPECT_STREQ("", follow(clients[i], ""));
	EXPECT_STREQ(ERROR "Limit", follow(clients[16], ""));
	/* With a name they are no fewer, and who follows may begin anew. */
	EXPECT_STREQ(ERROR "Limit", follow(clients[16], "lims"));
	EXPECT_STREQ("", follow(clients[3], ""));

	/* Whoever leaves the bus makes room. */
	clients[3] = sd_bus_flush_close_unref(clients[3]);
	late = clients[16];
	EXPECT_TRUE(rig_wait(r, 20, late_one_follows));
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		sd_bus_flush_close_unref(clients[i]);
}

/* ---- nonsense ------------------------------------------------------------- */

static const struct {
	const char *path, *interface, *member, *types;
} members[] = {
	{ RIG_ROOT, LEDGER, "Follow", "st" },
	{ RIG_ROOT, LEDGER, "Fetch", "tuv" },
	{ RIG_ROOT, LEDGER, "Get", "t" },
	{ RIG_ROOT, LEDGER, "Ack", "sts" },
	{ RIG_ROOT, LEDGER, "Flush", "" },
	{ RIG_ROOT, LEDGER, "Forget", "ss" },
	{ RIG_ROOT, LEDGER, "Amend", "tvs" },
	{ RIG_ROOT, LEDGER, "Reprocess", "tss" },
	{ RIG_ROOT, LEDGER, "Sign", "tts" },
	{ RIG_ROOT, LEDGER, "Archivable", "t" },
	{ RIG_ROOT, LEDGER, "Archive", "tss" },
	{ RIG_ROOT, LEDGER, "RotateKey", "s" },
	{ RIG_ROOT, LEDGER, "Verify", "" },
	{ RIG_SPECTROMETER, "org.reespec1.Spectrometer", "Measure", "sv" },
	{ RIG_SPECTROMETER, "org.reespec1.Spectrometer", "Configure", "vs" },
	{ RIG_SPECTROMETER, "org.reespec1.Spectrometer", "Calibrate", "sas" },
	/* NULL: the last assay that was begun. */
	{ NULL, ASSAY, "Spectrum", "" },
	{ NULL, ASSAY, "Finish", "" },
	{ NULL, ASSAY, "Cancel", "s" },
	{ RIG_ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
	  "" },
	{ RIG_ROOT, "org.freedesktop.DBus.Properties", "Get", "ss" },
	{ RIG_ROOT, "org.freedesktop.DBus.Properties", "GetAll", "s" },
	{ RIG_ROOT, "org.freedesktop.DBus.Properties", "Set", "ssv" },
};

static unsigned int drawn(unsigned int n)
{
	return (unsigned int)(random() % n);
}

static uint64_t draw_number(void)
{
	static const uint64_t odd[] = { 0, 1, 2, INT64_MAX, UINT64_MAX };

	return drawn(2) ? odd[drawn(ARRAY_SIZE(odd))]
			: (uint64_t)random() << drawn(33);
}

/* Words the daemon knows, in wrong places; and long ones. */
static const char *draw_text(void)
{
	static const char *const words[] = { "",     "lims",   LEDGER,
					     "Head", "result", "../../etc",
					     "a\nb", "%s%n",   "\xc3\xa4\x7f",
					     "kinds" };
	static char text[65537];
	unsigned int len;

	if (drawn(4))
		return words[drawn(ARRAY_SIZE(words))];
	len = drawn(drawn(8) ? 300 : sizeof(text));
	memset(text, 'a' + (int)drawn(26), len);
	text[len] = '\0';
	return text;
}

/* An a{sv} of options that may be known. */
static void append_options(sd_bus_message *m)
{
	static const char *const keys[] = { "kinds", "sample", "since",
					    "until", "counts", "method",
					    "live",  "wait" };
	unsigned int n = drawn(5);

	sd_bus_message_open_container(m, 'a', "{sv}");
	while (n--) {
		const char *key =
			drawn(4) ? keys[drawn(ARRAY_SIZE(keys))] : draw_text();

		if (drawn(2))
			sd_bus_message_append(m, "{sv}", key, "s", draw_text());
		else if (drawn(2))
			sd_bus_message_append(m, "{sv}", key, "t",
					      draw_number());
		else
			sd_bus_message_append(m, "{sv}", key, "as", 2,
					      draw_text(), "result");
	}
	sd_bus_message_close_container(m);
}

static void append(sd_bus_message *m, char type)
{
	switch (drawn(20) ? type : "stuv"[drawn(4)]) {
	case 's':
		sd_bus_message_append(m, "s", draw_text());
		break;
	case 't':
		sd_bus_message_append(m, "t", draw_number());
		break;
	case 'a':
		sd_bus_message_append(m, "at", 3, draw_number(), draw_number(),
				      (uint64_t)1);
		break;
	case 'u':
		sd_bus_message_append(m, "u", (uint32_t)draw_number());
		break;
	default:
		append_options(m);
	}
}

/* One call; false when the answer is no answer. */
static bool call_somehow(sd_bus *bus, unsigned int *n_refused)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const size_t i = drawn(ARRAY_SIZE(members));
	sd_bus_error error = SD_BUS_ERROR_NULL;
	bool is_good;
	int e;

	sd_bus_message_new_method_call(bus, &m, "org.reespec1",
				       members[i].path ? members[i].path
						       : rig_path,
				       members[i].interface, members[i].member);
	for (const char *type = members[i].types; *type; type++)
		append(m, *type);
	e = sd_bus_call(bus, m, 20000000, &error, &reply);
	*n_refused += e < 0;
	is_good = e >= 0 ||
		  sd_bus_error_has_names(&error, SD_BUS_ERROR_INVALID_ARGS,
					 SD_BUS_ERROR_UNKNOWN_METHOD,
					 SD_BUS_ERROR_UNKNOWN_OBJECT,
					 SD_BUS_ERROR_UNKNOWN_INTERFACE,
					 SD_BUS_ERROR_UNKNOWN_PROPERTY,
					 SD_BUS_ERROR_PROPERTY_READ_ONLY,
					 SD_BUS_ERROR_ACCESS_DENIED) ||
		  (error.name && !strncmp(error.name, ERROR, strlen(ERROR)));
	if (!is_good)
		printf("# %s: %s %s\n", members[i].member,
		       error.name ? error.name : strerror(-e),
		       error.message ? error.message : "");
	sd_bus_error_free(&error);
	return is_good;
}

static unsigned long n_calls(void)
{
	const char *env = getenv("HOSTILE_CALLS");

	return env ? strtoul(env, NULL, 10) : N_CALLS;
}

TEST_F_TIMEOUT(hostile, nonsense_is_refused_by_name, 3000)
{
	const unsigned long n = n_calls();
	const unsigned int seed = seed_of(SEED);
	unsigned int n_refused = 0, n_strange = 0;
	unsigned int fds;
	unsigned long kb;
	struct rig *r = &self->r;

	/* What an assay and the first calls make stays: measured after them. */
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 20, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 20000, "detach", NULL));
	srandom(seed);
	for (unsigned long i = 0; i < n / 10; i++)
		n_strange += !call_somehow(r->bus, &n_refused);
	fds = proc_n_fds(r->daemon_pid);
	kb = proc_kb(r->daemon_pid, "VmRSS:");
	for (unsigned long i = n / 10; i < n; i++)
		n_strange += !call_somehow(r->bus, &n_refused);
	TH_LOG("seed %u: %lu calls, %u refused; %lu kB, then %lu kB", seed, n,
	       n_refused, kb, proc_kb(r->daemon_pid, "VmRSS:"));
	EXPECT_EQ(0, n_strange);
	EXPECT_GT(n_refused, n / 2);
	/* Answers of Fetch may be waiting to be swept. */
	EXPECT_LE(proc_n_fds(r->daemon_pid), fds + 64);
	/* Fits take and give back some MB besides; and what watches a program
	 * takes memory for itself (tests/watched). */
	if (!getenv("PATIENCE"))
		EXPECT_LE(proc_kb(r->daemon_pid, "VmRSS:"), kb + 16384);
	EXPECT_STREQ("ok",
		     rig_text(r, RIG_ROOT, "org.reespec1.Manager", "Health"));
	EXPECT_TRUE(rig_verifies(r));
}

/* A client of user nobody: the bus asks the kernel who connects. */
static sd_bus *open_as_nobody(struct rig *r)
{
	sd_bus *bus;

	if (chmod(r->dir, 0711) < 0 || seteuid(NOBODY) < 0)
		rig_die("not to be nobody");
	bus = rig_open(r);
	if (seteuid(0) < 0)
		rig_die("not to be root again");
	return bus;
}

/* A reader and an assay of root's, and nonsense of another user's. */
TEST_F_TIMEOUT(hostile, what_belongs_to_others_stays_as_it_is, 3000)
{
	const unsigned long n = n_calls() / 3;
	const unsigned int seed = seed_of(SEED + 1);
	unsigned int n_refused = 0, n_strange = 0;
	struct rig *r = &self->r;
	uint64_t last, acked;
	sd_bus *nobody;

	if (getuid() != 0)
		SKIP(return, "only root can be somebody else");
	ASSERT_STREQ("", rig_call(r, RIG_ROOT, LEDGER, "Follow", "st", "lims",
				  (uint64_t)1));
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 20000, "detach", NULL));
	ASSERT_TRUE(rig_wait_state(r, "measuring"));
	last = rig_last(r);
	acked = reader_acked(r, "lims");
	nobody = open_as_nobody(r);
	srandom(seed);
	for (unsigned long i = 0; i < n; i++)
		n_strange += !call_somehow(nobody, &n_refused);
	sd_bus_flush_close_unref(nobody);
	TH_LOG("seed %u: %lu calls, %u refused", seed, n, n_refused);
	EXPECT_EQ(0, n_strange);
	EXPECT_GT(n_refused, n / 2);

	EXPECT_STREQ("measuring", rig_text(r, rig_path, ASSAY, "State"));
	EXPECT_EQ(acked, reader_acked(r, "lims"));
	/* What is recorded of nobody is at most that its own readers went. */
	for (uint64_t seq = last + 1; seq <= rig_last(r); seq++) {
		json_t *body = rig_record(r, seq, NULL, NULL, NULL);

		if (js_number(body, "uid") == NOBODY) {
			EXPECT_STREQ("reader forgotten", js_text(body, "what"));
			EXPECT_EQ(NOBODY, js_number(body, "owner"));
		}
		js_free(body);
	}
	EXPECT_STREQ("ok",
		     rig_text(r, RIG_ROOT, "org.reespec1.Manager", "Health"));
	EXPECT_TRUE(rig_verifies(r));
}

TEST_HARNESS_MAIN
