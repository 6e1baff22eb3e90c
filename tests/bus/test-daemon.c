// SPDX-License-Identifier: GPL-2.0-or-later
/* The daemon's ends and beginnings: killed, stopped, refused, disk full. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "bus/messages.h"
#include "rig.h"

#define ASSAY "org.reespec1.Assay"
#define LEDGER "org.reespec1.Ledger"
#define MANAGER "org.reespec1.Manager"

FIXTURE(daemon)
{
	struct rig r;
};

FIXTURE_SETUP(daemon)
{
	rig_start(&self->r, "--settle 0", "idle");
}

FIXTURE_TEARDOWN(daemon)
{
	rig_stop(&self->r);
}

static bool restart(struct rig *r)
{
	rig_start_daemon(r);
	return rig_wait_state(r, "idle");
}

TEST_F(daemon, killed_in_mid_assay_lost_nothing_it_announced)
{
	struct rig *r = &self->r;
	struct rig_batch told;
	char hash[65] = "";

	ASSERT_STREQ("", rig_call(r, RIG_ROOT, LEDGER, "Follow", "st", "",
				  (uint64_t)0));
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 4000, "detach", NULL));
	ASSERT_TRUE(rig_wait_batches(r, 5));
	rig_kill(&r->daemon_pid, SIGKILL);
	/* What was sent before it died is announced too. */
	while (sd_bus_process(r->bus, NULL) > 0)
		;
	told = r->batches[r->n_batches - 1];

	ASSERT_TRUE(restart(r));
	EXPECT_TRUE(rig_verifies(r));
	EXPECT_GE(rig_last(r), told.last);
	for (unsigned int i = 0; i < r->n_batches; i++) {
		js_free(rig_record(r, r->batches[i].last, hash, NULL, NULL));
		EXPECT_STREQ(r->batches[i].head, hash);
	}
	ASSERT_STREQ("", rig_measure(r, "Y", "ore-l", 5, NULL));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("done", r->verdict);
}

TEST_F(daemon, stopped_in_mid_assay_records_its_end)
{
	struct rig *r = &self->r;
	CLEANUP(js_freep) json_t *body = NULL;
	const char *text = "";
	size_t n_counts = 0;
	int status;

	ASSERT_STREQ("", rig_call(r, RIG_ROOT, LEDGER, "Follow", "st", "",
				  (uint64_t)0));
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 4000, "detach", NULL));
	ASSERT_TRUE(rig_wait_batches(r, 4));
	status = rig_kill(&r->daemon_pid, SIGTERM);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("interrupted", r->verdict);

	ASSERT_TRUE(restart(r));
	body = rig_record(r, r->result, NULL, NULL, &n_counts);
	js_get_str(body, "why", &text);
	EXPECT_STREQ("the daemon was stopped", text);
	EXPECT_EQ(2048, n_counts);
	EXPECT_TRUE(rig_verifies(r));
}

TEST_F(daemon, strangers_may_look_and_not_measure)
{
	struct rig *r = &self->r;
	const uint64_t last = rig_last(r);
	char call[512];

	if (getuid() != 0)
		SKIP(return, "only root can be somebody else");
	EXPECT_NE(NULL,
		  strstr(rig_as_nobody(r, RIG_SPECTROMETER
				       " org.reespec1.Spectrometer Measure"
				       " 'sa{sv}' X 1 method s ore-l"),
			 "Access denied"));
	EXPECT_EQ(last, rig_last(r));
	EXPECT_NE(NULL,
		  strstr(rig_as_nobody(r, RIG_ROOT " " LEDGER " Flush"), "t "));

	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 4000, NULL));
	snprintf(call, sizeof(call), "%s " ASSAY " Cancel s spite", rig_path);
	EXPECT_NE(NULL, strstr(rig_as_nobody(r, call), "Access denied"));
	ASSERT_STREQ("", rig_call(r, RIG_ROOT, LEDGER, "Follow", "st", "lims",
				  (uint64_t)0));
	EXPECT_NE(NULL, strstr(rig_as_nobody(r, RIG_ROOT " " LEDGER
							 " Follow st lims 0"),
			       "another user"));
	EXPECT_NE(NULL,
		  strstr(rig_as_nobody(r, RIG_ROOT " " LEDGER
						   " Forget ss lims spite"),
			 "Access denied"));
	EXPECT_STREQ("measuring", rig_text(r, rig_path, ASSAY, "State"));
}

static bool is_on_bus(struct rig *r, const char *name)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int is = 0;

	if (sd_bus_call_method(r->bus, "org.freedesktop.DBus",
			       "/org/freedesktop/DBus", "org.freedesktop.DBus",
			       "NameHasOwner", NULL, &m, "s", name) >= 0)
		sd_bus_message_read(m, "b", &is);
	return is;
}

/* By the time the daemon asks who has called, nobody is there: it is not for
 * that taken for somebody who may. */
TEST_F(daemon, who_has_left_has_said_nothing)
{
	struct rig *r = &self->r;
	const uint64_t last = rig_last(r);
	sd_bus *other = rig_open(r);
	const char *unique = "";
	char name[32];

	ASSERT_LE(0, sd_bus_get_unique_name(other, &unique));
	snprintf(name, sizeof(name), "%s", unique);
	kill(r->daemon_pid, SIGSTOP);
	ASSERT_LE(0, sd_bus_call_method_async(other, NULL, "org.reespec1",
					      RIG_ROOT, LEDGER, "Sign", NULL,
					      NULL, "tts", (uint64_t)1,
					      (uint64_t)1, "seen"));
	sd_bus_flush_close_unref(other);
	while (is_on_bus(r, name))
		;
	kill(r->daemon_pid, SIGCONT);
	/* Behind the call, and then behind the answer of the bus. */
	rig_settle(r);
	rig_settle(r);
	EXPECT_EQ(last, rig_last(r));
}

TEST_F(daemon, survives_its_bus)
{
	struct rig *r = &self->r;
	char path[128];

	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 100, "detach", NULL));
	snprintf(path, sizeof(path), "%s/bus", r->dir);
	rig_kill(&r->bus_pid, SIGKILL);
	unlink(path);
	rig_start_bus(r, true);
	rig_connect(r);
	/* The same assay, counted on without a bus. */
	ASSERT_TRUE(rig_wait_text(r, 20, rig_path, ASSAY, "State", "done"));
	EXPECT_TRUE(rig_verifies(r));
}

/* How often it has gone to sleep by itself. */
static unsigned long n_sleeps(pid_t pid)
{
	char path[64];
	char line[128];
	unsigned long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

/* Nothing is asked of it but what it asks itself and its instrument, a few
 * times a second. What that takes of a processor no clock of ticks tells: who
 * wakes with a tick is charged for all of it. */
TEST_F(daemon, rests_when_it_is_idle)
{
	const int idle_s = 5;
	struct rig *r = &self->r;
	unsigned long n;

	rig_settle(r);
	n = n_sleeps(r->daemon_pid);
	sleep(idle_s);
	n = n_sleeps(r->daemon_pid) - n;
	TH_LOG("%lu sleeps in %d s", n, idle_s);
	EXPECT_LT(0, n);
	EXPECT_GT(10 * idle_s, n);
}

/* A client that comes and goes, as busctl does. */
static bool visit(const struct rig *r)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "busctl --address=%s list >/dev/null 2>&1", r->address);
	return system(command) == 0;
}

/* Names begin anew on a new bus: others get that of the assay's caller. */
TEST_F(daemon, a_new_bus_knows_no_old_caller)
{
	struct rig *r = &self->r;
	char path[128];

	/* Names count up: ours is to come when the new bus is settled. */
	for (int i = 0; i < 6; i++)
		ASSERT_TRUE(visit(r));
	rig_connect(r);
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 200, NULL));
	snprintf(path, sizeof(path), "%s/bus", r->dir);
	rig_kill(&r->bus_pid, SIGKILL);
	unlink(path);
	rig_start_bus(r, true);
	rig_connect(r);
	ASSERT_TRUE(rig_wait_text(r, 20, RIG_ROOT, MANAGER, "Health", "ok"));
	for (int i = 0; i < 12; i++)
		ASSERT_TRUE(visit(r));
	ASSERT_TRUE(rig_wait_text(r, 20, rig_path, ASSAY, "State", "done"));
}

/* A bus of our own, up to the message @member, then its end. */
static bool end_bus_at(int fd, const char *member)
{
	const sd_id128_t id = SD_ID128_MAKE(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
					    11, 12, 13, 14, 15);
	sd_bus_message *m = NULL;
	sd_bus *bus = NULL;
	bool is_seen = false;
	int r;

	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_fd(bus, fd, fd);
	if (r >= 0)
		r = sd_bus_set_server(bus, true, id);
	if (r >= 0)
		r = sd_bus_negotiate_fds(bus, true);
	if (r >= 0)
		r = sd_bus_start(bus);
	while (r >= 0 && !is_seen) {
		r = sd_bus_process(bus, &m);
		if (r == 0)
			r = sd_bus_wait(bus, UINT64_MAX);
		if (!m)
			continue;
		is_seen = sd_bus_message_is_method_call(m, NULL, member);
		if (sd_bus_message_is_method_call(m, NULL, "Hello"))
			r = sd_bus_reply_method_return(m, "s", ":1.1");
		m = sd_bus_message_unref(m);
	}
	sd_bus_close_unref(bus);
	return is_seen;
}

/* A bus that ends before it gave the name has refused nothing. */
TEST_F(daemon, waits_for_a_bus_that_ends_in_between)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct rig *r = &self->r;
	int fd;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/bus", r->dir);
	rig_kill(&r->bus_pid, SIGKILL);
	unlink(addr.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	ASSERT_EQ(0, listen(fd, 1));
	EXPECT_TRUE(end_bus_at(accept(fd, NULL, NULL), "Hello"));
	EXPECT_TRUE(end_bus_at(accept(fd, NULL, NULL), "RequestName"));
	close(fd);
	unlink(addr.sun_path);
	rig_start_bus(r, true);
	rig_connect(r);
	EXPECT_TRUE(rig_wait_text(r, 20, RIG_ROOT, MANAGER, "Health", "ok"));
}

TEST_F(daemon, second_one_is_refused_the_ledger)
{
	struct rig *r = &self->r;
	char options[400];

	snprintf(options, sizeof(options), "--bus %s --instrument socket:/no",
		 r->address);
	EXPECT_EQ(1, rig_run_daemon(r, options));
	EXPECT_TRUE(rig_log_has(r, "another process"));
	EXPECT_TRUE(rig_verifies(r));
}

static bool is_healthy(struct rig *r)
{
	return !strcmp(rig_text(r, RIG_ROOT, MANAGER, "Health"), "ok");
}

static bool is_ill(struct rig *r)
{
	return !is_healthy(r);
}

static unsigned int wanted;

static bool is_finished_or_ill(struct rig *r)
{
	return r->n_finished >= wanted || is_ill(r);
}

/*
 * A limit on the size of files is a full disk that no reserve can help, so
 * besides a refused start the last assay may stay without its result: then it
 * is not announced. The reserve has its own test in unit/.
 */
TEST_F_TIMEOUT(daemon, full_disk_refuses_and_loses_nothing, 90)
{
	struct rig *r = &self->r;
	const char *error = "";
	uint64_t last = 0;
	char hash[65] = "";
	char after[65] = "";
	struct rlimit limit;
	unsigned int n;

	rig_kill(&r->daemon_pid, SIGTERM);
	r->fsize_limit = 1100 * 1024;
	ASSERT_TRUE(restart(r));
	for (n = 0; n < 300 && is_healthy(r); n++) {
		error = rig_measure(r, "X", "ore-l", 4000, NULL);
		if (error[0])
			break;
		rig_call(r, rig_path, ASSAY, "Cancel", "s", "fill the disk");
		wanted = n + 1;
		ASSERT_TRUE(rig_wait(r, 20, is_finished_or_ill));
		last = r->result;
		if (is_healthy(r))
			ASSERT_TRUE(rig_wait_state(r, "idle"));
	}
	TH_LOG("ill after %u assays: %s %s", n, error, rig_message);
	EXPECT_TRUE(rig_wait(r, 20, is_ill));
	EXPECT_NE('\0', rig_measure(r, "Y", "ore-l", 5, NULL)[0]);
	js_free(rig_record(r, last, hash, NULL, NULL));
	EXPECT_EQ(64, strlen(hash));
	EXPECT_TRUE(rig_verifies(r));

	/* Room again is noticed with nobody asking for anything. */
	prlimit(r->daemon_pid, RLIMIT_FSIZE, NULL, &limit);
	limit.rlim_cur = limit.rlim_max;
	prlimit(r->daemon_pid, RLIMIT_FSIZE, &limit, NULL);
	EXPECT_TRUE(rig_wait(r, 20, is_healthy));

	/* The next daemon finds all of it. */
	rig_kill(&r->daemon_pid, SIGTERM);
	r->fsize_limit = 0;
	ASSERT_TRUE(restart(r));
	js_free(rig_record(r, last, after, NULL, NULL));
	EXPECT_STREQ(hash, after);
	EXPECT_TRUE(rig_verifies(r));
	EXPECT_TRUE(is_healthy(r));
}

/* As many as the result says that there were. */
static bool has_all_readings(struct rig *r)
{
	CLEANUP(js_freep)
	json_t *result = rig_record(r, r->result, NULL, NULL, NULL);
	uint64_t told = 0, n = 0;

	for (uint64_t seq = r->result; seq; seq--) {
		CLEANUP(js_freep)
		json_t *body = rig_record(r, seq, NULL, NULL, NULL);

		n += !strcmp(js_text(body, "kind"), "reading");
	}
	js_get_u64(result, "n_readings", &told);
	printf("# %llu readings of %llu\n", (unsigned long long)n,
	       (unsigned long long)told);
	return n && n == told;
}

/* An assay whose readings nobody can keep ends, as failed. */
TEST_F_TIMEOUT(daemon, an_assay_ends_when_the_disk_is_full, 120)
{
	struct rig *r = &self->r;
	struct rlimit limit;
	uint64_t id;

	rig_kill(&r->daemon_pid, SIGTERM);
	r->fsize_limit = 300 * 1024;
	ASSERT_TRUE(restart(r));
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 80000, "detach",
				     "interval:0.1", NULL));
	id = strtoull(strrchr(rig_path, '/') + 1, NULL, 10);
	ASSERT_TRUE(rig_wait(r, 60, is_ill));
	ASSERT_TRUE(rig_wait_text(r, 20, rig_path, ASSAY, "State", "draining"));
	/* They do not go with what cannot be recorded after them. */
	EXPECT_STREQ("org.reespec1.Error.Ledger",
		     rig_call(r, RIG_ROOT, LEDGER, "Amend", "ta{sv}s", id, 1,
			      "sample", "s", "Z", "x"));
	prlimit(r->daemon_pid, RLIMIT_FSIZE, NULL, &limit);
	limit.rlim_cur = limit.rlim_max;
	prlimit(r->daemon_pid, RLIMIT_FSIZE, &limit, NULL);
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("failed", r->verdict);
	EXPECT_TRUE(rig_result_says(r, "failed", "ledger: "));
	EXPECT_TRUE(has_all_readings(r));
	EXPECT_TRUE(rig_wait_state(r, "idle"));
	EXPECT_TRUE(rig_verifies(r));
}

/* Nor does one begin without room for the record of its end. */
TEST_F_TIMEOUT(daemon, begins_no_assay_without_its_reserve, 120)
{
	struct rig *r = &self->r;
	char path[256];

	rig_kill(&r->daemon_pid, SIGTERM);
	snprintf(path, sizeof(path), "%s/ledger.reserve", r->state);
	ASSERT_EQ(0, unlink(path));
	r->fsize_limit = 300 * 1024;
	ASSERT_TRUE(restart(r));
	EXPECT_STREQ("org.reespec1.Error.Full",
		     rig_measure(r, "X", "ore-l", 5, "detach", NULL));
	EXPECT_STREQ("the disk of the ledger is full", rig_message);
}

static bool has_spectrum(struct rig *r)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const void *counts;
	size_t len = 0;

	return sd_bus_call_method(r->bus, "org.reespec1", rig_path, ASSAY,
				  "Spectrum", NULL, &m, "") >= 0 &&
	       sd_bus_message_read_array(m, 'u', &counts, &len) >= 0 && len;
}

static bool is_late(struct rig *r)
{
	return rig_log_has(r, "result not recorded yet: Cannot allocate");
}

TEST_F(daemon, a_result_that_could_not_be_made_is_made_later)
{
	struct rig *r = &self->r;
	size_t n_counts = 0;

	rig_kill(&r->daemon_pid, SIGTERM);
	r->preload = "fail";
	ASSERT_TRUE(restart(r));
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 5, NULL));
	rig_fail(r, true);
	ASSERT_TRUE(rig_wait(r, 20, is_late));
	EXPECT_STREQ("draining", rig_text(r, rig_path, ASSAY, "State"));
	EXPECT_EQ(0, r->n_finished);
	rig_fail(r, false);
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("done", r->verdict);
	js_free(rig_record(r, r->result, NULL, NULL, &n_counts));
	EXPECT_EQ(2048, n_counts);
	EXPECT_TRUE(rig_verifies(r));
}

/* What is to be the last result cannot be recorded: the daemon waits for it,
 * and lets nothing begin meanwhile. */
TEST_F(daemon, begins_nothing_while_it_ends)
{
	struct rig *r = &self->r;
	int status = 0;

	rig_kill(&r->daemon_pid, SIGTERM);
	r->preload = "fail";
	ASSERT_TRUE(restart(r));
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 4000, "detach", NULL));
	ASSERT_TRUE(rig_wait(r, 20, has_spectrum));
	rig_fail(r, true);
	ASSERT_EQ(0, kill(r->daemon_pid, SIGTERM));
	ASSERT_TRUE(rig_wait(r, 20, is_late));
	EXPECT_STREQ("org.reespec1.Error.Fault",
		     rig_measure(r, "Y", "ore-l", 5, "queue", NULL));
	EXPECT_NE(NULL, strstr(rig_message, "the daemon is stopping"));
	rig_fail(r, false);
	ASSERT_TRUE(rig_wait_finished(r, 1));
	EXPECT_STREQ("interrupted", r->verdict);
	ASSERT_EQ(r->daemon_pid, waitpid(r->daemon_pid, &status, 0));
	r->daemon_pid = 0;
	EXPECT_EQ(0, status);
}

/* The next message to the journal that is event @id. */
static bool journal_has(int fd, const char *id, char *text, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char line[80];
	ssize_t n;

	snprintf(line, sizeof(line), "\nMESSAGE_ID=%s\n", id);
	while (poll(&p, 1, (int)(rig_patience(20) * 1000)) > 0) {
		n = recv(fd, text, size - 1, 0);
		text[n > 0 ? n : 0] = '\0';
		if (strstr(text, line))
			return true;
	}
	return false;
}

/* What somebody looks for in the journal is in fields of its own. */
TEST_F(daemon, tells_the_journal_of_an_assay_by_fields)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct rig *r = &self->r;
	char field[64], text[4096];
	struct stat st;
	uint64_t id;
	int fd;

	rig_kill(&r->daemon_pid, SIGTERM);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/journal", r->dir);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	ASSERT_EQ(0, stat(r->log, &st));
	snprintf(field, sizeof(field), "%llu:%llu",
		 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", field, 1);
	setenv("REESPEC_JOURNAL", addr.sun_path, 1);
	r->preload = "journal";
	ASSERT_TRUE(restart(r));

	ASSERT_STREQ("", rig_measure(r, "BST-ORE", "ore-l", 5, NULL));
	id = strtoull(strrchr(rig_path, '/') + 1, NULL, 10);
	ASSERT_TRUE(journal_has(fd, MESSAGE_ASSAY_STARTED, text, sizeof(text)));
	snprintf(field, sizeof(field), "\nREESPEC_SEQ=%llu\n",
		 (unsigned long long)id);
	EXPECT_NE(NULL, strstr(text, field));
	EXPECT_NE(NULL, strstr(text, "\nREESPEC_SERIAL=" RIG_SERIAL "\n"));
	EXPECT_NE(NULL, strstr(text, "\nREESPEC_SAMPLE=BST-ORE\n"));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	ASSERT_TRUE(journal_has(fd, MESSAGE_ASSAY_ENDED, text, sizeof(text)));
	snprintf(field, sizeof(field), "\nREESPEC_SEQ=%llu\n",
		 (unsigned long long)r->result);
	EXPECT_NE(NULL, strstr(text, field));
	EXPECT_NE(NULL, strstr(text, "\nREESPEC_SAMPLE=BST-ORE\n"));
	EXPECT_NE(NULL, strstr(text, "\nREESPEC_VERDICT=done\n"));

	ASSERT_STREQ("",
		     rig_call(r, RIG_ROOT, LEDGER, "RotateKey", "s", "old"));
	ASSERT_TRUE(journal_has(fd, MESSAGE_KEY_CHANGED, text, sizeof(text)));
	snprintf(field, sizeof(field), "\nREESPEC_UID=%u\n", getuid());
	EXPECT_NE(NULL, strstr(text, field));
	unsetenv("JOURNAL_STREAM");
	unsetenv("REESPEC_JOURNAL");
	close(fd);
}

/* Without a running rig: the daemon must not start. */
FIXTURE(refusal)
{
	struct rig r;
};

FIXTURE_SETUP(refusal)
{
	rig_start(&self->r, NULL, NULL);
}

FIXTURE_TEARDOWN(refusal)
{
	rig_stop(&self->r);
}

TEST_F(refusal, socket_port_on_the_system_bus)
{
	struct rig *r = &self->r;

	unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
	EXPECT_EQ(1, rig_run_daemon(r, "--bus system --instrument socket:/x"));
	EXPECT_TRUE(rig_log_has(r, "refused on the system bus"));
	EXPECT_EQ(1, rig_run_daemon(r, "--bus "
				       "unix:path=/run/dbus/system_bus_socket"
				       " --instrument socket:/x"));
}

TEST_F(refusal, a_bus_without_our_policy)
{
	struct rig *r = &self->r;
	char options[400];

	rig_start_bus(r, false);
	snprintf(options, sizeof(options), "--bus %s --instrument socket:/x",
		 r->address);
	EXPECT_EQ(1, rig_run_daemon(r, options));
	EXPECT_TRUE(rig_log_has(r, "cannot own the bus name org.reespec1"));
	EXPECT_TRUE(rig_log_has(r, "org.reespec1.conf"));
}

TEST_F(refusal, a_name_that_another_has)
{
	struct rig *r = &self->r;
	char options[400];

	rig_start_bus(r, true);
	rig_connect(r);
	ASSERT_GE(sd_bus_request_name(r->bus, "org.reespec1", 0), 0);
	snprintf(options, sizeof(options), "--bus %s --instrument socket:/x",
		 r->address);
	EXPECT_EQ(1, rig_run_daemon(r, options));
	EXPECT_TRUE(rig_log_has(r, "another process has it"));
}

TEST_F(refusal, a_missing_state_folder)
{
	struct rig *r = &self->r;

	rig_start_bus(r, true);
	strcat(r->state, "/nowhere");
	EXPECT_EQ(1, rig_run_daemon(r, "--bus session"));
	EXPECT_TRUE(rig_log_has(r, "/nowhere"));
}

TEST_F(refusal, wrong_arguments)
{
	struct rig *r = &self->r;

	EXPECT_EQ(2, rig_run_daemon(r, "--frob"));
	EXPECT_EQ(2, rig_run_daemon(r, "--instrument /dev/dp5-0"));
	EXPECT_TRUE(rig_log_has(r, "socket:PATH wanted"));
	EXPECT_EQ(2, rig_run_daemon(r, "surplus"));
}

TEST_F(refusal, tells_of_a_missing_module)
{
	struct rig *r = &self->r;
	char options[400];

	if (access("/sys/class/dp5", F_OK) == 0)
		SKIP(return, "the module is loaded here");
	rig_start_bus(r, false);
	snprintf(options, sizeof(options), "--bus %s", r->address);
	EXPECT_EQ(1, rig_run_daemon(r, options));
	EXPECT_TRUE(rig_log_has(r, "kernel module dp5 is not loaded"));
}

TEST_HARNESS_MAIN
