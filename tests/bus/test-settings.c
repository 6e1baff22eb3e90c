// SPDX-License-Identifier: GPL-2.0-or-later
/* reespecd.conf: named when wrong, read again on SIGHUP, kept when bad. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "kselftest_harness.h"

#include "rig.h"

#define ERROR "org.reespec1.Error."

FIXTURE(settings)
{
	struct rig r;
	char path[128];
	int notify; /* where the service manager would listen */
};

static void write_settings(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

static int listen_at(const char *dir)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/notify", dir);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		abort();
	setenv("NOTIFY_SOCKET", addr.sun_path, 1);
	return fd;
}

FIXTURE_SETUP(settings)
{
	rig_start(&self->r, NULL, NULL);
	snprintf(self->path, sizeof(self->path), "%s/reespecd.conf",
		 self->r.dir);
	self->notify = listen_at(self->r.dir);
}

FIXTURE_TEARDOWN(settings)
{
	close(self->notify);
	unsetenv("NOTIFY_SOCKET");
	rig_stop(&self->r);
}

/* What the daemon says of @text; its exit status goes to @ret. */
static bool refuses(struct rig *r, const char *path, const char *text,
		    const char *what)
{
	char options[400];
	char line[400];

	write_settings(path, text);
	snprintf(options, sizeof(options),
		 "--bus unix:path=/nowhere --config %s", path);
	snprintf(line, sizeof(line), "%s%s", path, what);
	if (rig_run_daemon(r, options) == 1 && rig_log_has(r, line))
		return true;
	printf("# not said: %s\n", line);
	return false;
}

TEST_F(settings, what_is_wrong_is_named)
{
	struct rig *r = &self->r;

	EXPECT_TRUE(refuses(r, self->path, "[batch]\n[limit]\n",
			    ":2: [limit]: no such section"));
	EXPECT_TRUE(refuses(r, self->path, "[batch]\nrecords = 0\n",
			    ":2: [batch] records: "));
	EXPECT_TRUE(refuses(r, self->path, "\n[batch]\nage_ms = soon\n",
			    ":3: [batch] age_ms: "));
	EXPECT_TRUE(refuses(r, self->path, "[limits]\nfrobs = 1\n",
			    ":2: [limits] frobs: no such key"));
	EXPECT_TRUE(refuses(r, self->path, "[io]\ngate = open\n",
			    ":2: [io] gate: "));
	EXPECT_TRUE(
		refuses(r, self->path, "[io]\nio1 = busy\n", ":2: [io] io1: "));
	EXPECT_TRUE(
		refuses(r, self->path, "[io]\ninstrument = X-123\n",
			":2: [io] instrument: `X-123`: want a serial number"));
	EXPECT_TRUE(refuses(r, self->path, "[frob]\nrecords = 1\n",
			    ":2: [frob] records: no such section"));
	EXPECT_TRUE(refuses(r, self->path,
			    "[limits]\nreaders = 1\nreaders = 2\n", ":3: "));
	EXPECT_EQ(1, rig_run_daemon(r, "--config /nowhere/reespecd.conf"));
	EXPECT_TRUE(rig_log_has(r, "/nowhere/reespecd.conf: No such file"));
}

/* The messages to the service manager up to the next that holds @wanted. */
static bool notified(int fd, const char *wanted)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[1024];
	ssize_t n;

	while (poll(&p, 1, 20000) > 0) {
		n = recv(fd, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = '\0';
		if (strstr(text, wanted))
			return true;
	}
	printf("# not told: %s\n", wanted);
	return false;
}

static const char *follow(struct rig *r, const char *name)
{
	return rig_call(r, RIG_ROOT, "org.reespec1.Ledger", "Follow", "st",
			name, (uint64_t)0);
}

static void start(struct rig *r, const char *path)
{
	snprintf(r->options, sizeof(r->options), "--config %s", path);
	rig_start_bus(r, true);
	rig_start_emu(r, "--settle 0");
	rig_start_daemon(r);
	rig_connect(r);
}

TEST_F(settings, are_read_again_on_sighup)
{
	struct rig *r = &self->r;

	write_settings(self->path, "[limits]\nreaders = 1\n");
	start(r, self->path);
	ASSERT_TRUE(notified(self->notify, "READY=1"));
	EXPECT_STREQ("", follow(r, "a"));
	EXPECT_STREQ(ERROR "Limit", follow(r, "b"));

	write_settings(self->path, "[limits]\nreaders = 2\n");
	kill(r->daemon_pid, SIGHUP);
	ASSERT_TRUE(notified(self->notify, "RELOADING=1\nMONOTONIC_USEC="));
	ASSERT_TRUE(notified(self->notify, "READY=1"));
	EXPECT_TRUE(rig_log_has(r, "the settings were read again"));
	EXPECT_STREQ("", follow(r, "b"));
	EXPECT_STREQ(ERROR "Limit", follow(r, "c"));

	/* All or nothing: what is right in a bad file does not count. */
	write_settings(self->path, "[limits]\nreaders = 9\nfetch_kib = 1\n");
	kill(r->daemon_pid, SIGHUP);
	ASSERT_TRUE(notified(self->notify, "RELOADING=1"));
	ASSERT_TRUE(
		notified(self->notify, "READY=1\nSTATUS=settings not read: "));
	EXPECT_STREQ(ERROR "Limit", follow(r, "c"));
	EXPECT_TRUE(rig_log_has(r, ":3: [limits] fetch_kib: "));
	EXPECT_TRUE(rig_log_has(r, "the settings before stay"));

	/* What was wrong is taken back when it is mended. */
	write_settings(self->path, "[limits]\nreaders = 3\n");
	kill(r->daemon_pid, SIGHUP);
	ASSERT_TRUE(notified(self->notify, "READY=1\nSTATUS=serving"));
	EXPECT_STREQ("", follow(r, "c"));
}

static bool is_told(struct rig *r)
{
	return strstr(rig_text(r, RIG_ROOT, "org.reespec1.Manager", "Health"),
		      "MiB no assay is started");
}

static bool is_untold(struct rig *r)
{
	return !is_told(r);
}

TEST_F(settings, the_operator_is_told_before_assays_are_refused)
{
	struct rig *r = &self->r;

	write_settings(self->path, "[ledger]\nwarn_mib = 16777216\n");
	start(r, self->path);
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	EXPECT_TRUE(rig_wait(r, 20, is_told));
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 5, NULL));

	/* The limit is passed while it runs: it goes on to its end. */
	write_settings(self->path, "[ledger]\nfree_mib = 16777216\n");
	kill(r->daemon_pid, SIGHUP);
	ASSERT_TRUE(notified(self->notify, "RELOADING=1"));
	ASSERT_TRUE(notified(self->notify, "READY=1"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("done", r->verdict);
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	EXPECT_TRUE(rig_wait(r, 20, is_untold));
	EXPECT_STREQ(ERROR "Full", rig_measure(r, "Y", "ore-l", 5, NULL));
	EXPECT_NE(NULL, strstr(rig_message, "16777216 MiB must be"));
	EXPECT_STREQ(ERROR "Full",
		     rig_call(r, RIG_ROOT, "org.reespec1.Ledger", "Reprocess",
			      "tss", r->result, "ore-l", "x"));
	EXPECT_STREQ(ERROR "Full",
		     rig_call(r, RIG_SPECTROMETER, "org.reespec1.Spectrometer",
			      "Calibrate", "sats", "energy", 1, r->result,
			      "x"));
}

/*
 * What a daemon before has left is given back if no instrument turns up for it.
 * That ends before the bus, which does not let this one in, is asked for a name.
 */
TEST_F(settings, what_was_left_with_the_manager_is_given_back)
{
	struct rig *r = &self->r;
	char options[400];

	rig_start_bus(r, false);
	r->before = "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=dp5-98:dp5-99 ";
	snprintf(options, sizeof(options), "--bus %s 3</dev/null 4</dev/null",
		 r->address);
	EXPECT_EQ(1, rig_run_daemon(r, options));
	EXPECT_TRUE(notified(self->notify, "FDSTOREREMOVE=1\nFDNAME=dp5-98"));
	EXPECT_TRUE(notified(self->notify, "FDSTOREREMOVE=1\nFDNAME=dp5-99"));
}

/* One that waits is not let in where a new one would be refused. */
TEST_F(settings, the_queue_waits_for_room_on_the_disk)
{
	struct rig *r = &self->r;
	char first[128];

	write_settings(self->path, "[ledger]\nwarn_mib = 2\nfree_mib = 2\n");
	start(r, self->path);
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	ASSERT_STREQ("", rig_measure(r, "A", "ore-l", 4000, NULL));
	strcpy(first, rig_path);
	ASSERT_STREQ("", rig_measure(r, "B", "ore-l", 5, "queue", NULL));
	write_settings(self->path, "[ledger]\nfree_mib = 16777216\n");
	kill(r->daemon_pid, SIGHUP);
	ASSERT_TRUE(notified(self->notify, "RELOADING=1"));
	ASSERT_TRUE(notified(self->notify, "READY=1"));
	ASSERT_STREQ("",
		     rig_call(r, first, "org.reespec1.Assay", "Finish", ""));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	/* The turn of B has come and gone with the end of A. */
	rig_settle(r);
	EXPECT_STREQ("queued",
		     rig_text(r, rig_path, "org.reespec1.Assay", "State"));
	EXPECT_TRUE(rig_wait_state(r, "idle"));

	write_settings(self->path, "[ledger]\nfree_mib = 2\n");
	kill(r->daemon_pid, SIGHUP);
	ASSERT_TRUE(rig_wait_finished(r, 2));
	EXPECT_STREQ("B", r->sample);
	EXPECT_STREQ("done", r->verdict);
}

TEST_HARNESS_MAIN
