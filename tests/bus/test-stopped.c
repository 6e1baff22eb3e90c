// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What runs by itself on a bus that would start a daemon: one that somebody has
 * stopped stays stopped, whatever was about to be called. The daemon is made
 * here, so that it can go behind the answer to a call.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "base/buf.h"
#include "base/clock.h"
#include "far.h"
#include "plc.h"
#include "reader.h"
#include "writer.h"

#define NAME "org.reespec1"
#define SECONDS 30
#define NOBODY 65534

FIXTURE(stopped)
{
	struct rig r;
	struct plc plc;
	struct far far;
	pid_t pid;
	char mark[128]; /* left by whom the bus starts as reespecd */
	char log[128];
	sd_bus *bus;
	struct buf page; /* what the ledger holds */
	char ledger[CHAIN_ID_SIZE];
	const char *last; /* the call behind which the daemon goes; or NULL */
	unsigned int n_follows;
};

FIXTURE_VARIANT(stopped)
{
	void (*start)(FIXTURE_DATA(stopped) * self);
	const char *log;
	const char *last;
	const char *says;
};

static void start_lims(FIXTURE_DATA(stopped) * self)
{
	self->pid = reader_start(&self->r, "x", "store");
}

static void start_drop(FIXTURE_DATA(stopped) * self)
{
	self->pid = reader_start_drop(&self->r, self->r.dir, "");
}

/* Its server has a folder of its own there. */
static void start_nats(FIXTURE_DATA(stopped) * self)
{
	struct far *f = &self->far;
	char kept[128];

	snprintf(f->dir, sizeof(f->dir), "%.50s/far", self->r.dir);
	snprintf(kept, sizeof(kept), "%s/kept", f->dir);
	if (chmod(self->r.dir, 0755) < 0 || mkdir(f->dir, 0755) < 0 ||
	    mkdir(kept, 0700) < 0 ||
	    (!geteuid() && chown(kept, NOBODY, NOBODY) < 0))
		rig_die("%s", kept);
	strcpy(f->host, "127.0.0.1");
	f->port = far_free_port();
	far_start_nats(f);
	self->pid = far_start_bridge(f, &self->r, "s", "l", "");
}

static void start_modbus(FIXTURE_DATA(stopped) * self)
{
	plc_start(&self->plc, &self->r);
}

/* An Ack is next. */
FIXTURE_VARIANT_ADD(stopped, lims){
	.start = start_lims,
	.log = "lims",
	.last = "Fetch",
	.says = "reespecd is not there",
};

FIXTURE_VARIANT_ADD(stopped, nats){
	.start = start_nats,
	.log = "nats",
	.last = "Fetch",
	.says = "reespecd is not there",
};

/* What was amended is asked next, on another connection. */
FIXTURE_VARIANT_ADD(stopped, drop){
	.start = start_drop,
	.log = "drop",
	.last = "Fetch",
	.says = "reespecd is not there",
};

/* The ledger's properties are next. */
FIXTURE_VARIANT_ADD(stopped, modbus){
	.start = start_modbus,
	.log = "modbus",
	.last = "Follow",
	.says = "no daemon: ",
};

static void add_record(struct writer *w, struct buf *page, const char *kind,
		       const char *more)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };

	writer_record(w, kind, more, &line);
	buf_printf(page, "%s\n", line.data);
}

/* A genesis, and a result by which reespec-drop asks on. */
static void make_ledger(FIXTURE_DATA(stopped) * self)
{
	struct writer w;
	char more[100];
	int dir = open(self->r.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	writer_make(&w, dir, "key");
	close(dir);
	snprintf(more, sizeof(more), "\"key\":\"%s\"", w.public);
	add_record(&w, &self->page, "genesis", more);
	add_record(&w, &self->page, "result",
		   "\"sample\":\"A\",\"elements\":[]");
	buf_append_str(&self->page, "\n");
	strcpy(self->ledger, w.id);
	chain_key_free(w.key);
}

FIXTURE_SETUP(stopped)
{
	struct rig *r = &self->r;
	char path[160];
	FILE *f;

	memset(self, 0, sizeof(*self));
	self->plc.fd = -1;
	rig_start(r, NULL, NULL);
	snprintf(self->mark, sizeof(self->mark), "%s/mark", r->dir);
	snprintf(path, sizeof(path), "%s/services", r->dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/services/" NAME ".service", r->dir);
	f = fopen(path, "we");
	if (!f ||
	    fprintf(f,
		    "[D-BUS Service]\nName=" NAME "\nUser=root\n"
		    "Exec=/usr/bin/touch %s\n",
		    self->mark) < 0 ||
	    fclose(f))
		rig_die("%s", path);
	rig_start_bus(r, true);
	make_ledger(self);
	self->bus = rig_open(r);
}

FIXTURE_TEARDOWN(stopped)
{
	rig_kill(&self->pid, SIGKILL);
	rig_kill(&self->far.nats_pid, SIGTERM);
	{
		char c[300];
		snprintf(c, 300, "cat %s; ls %s", self->log, self->r.dir);
		system(c);
	}
	plc_stop(&self->plc);
	buf_deinit(&self->page);
	sd_bus_flush_close_unref(self->bus);
	rig_stop(&self->r);
}

/* ---- the daemon ------------------------------------------------------------ */

static int reply_property(FIXTURE_DATA(stopped) * self, sd_bus_message *m)
{
	const char *interface = "", *name = "";

	sd_bus_message_read(m, "ss", &interface, &name);
	if (strcmp(name, "LedgerId"))
		return 0;
	return sd_bus_reply_method_return(m, "v", "s", self->ledger);
}

static int reply_page(FIXTURE_DATA(stopped) * self, sd_bus_message *m)
{
	int fd = memfd_create("page", MFD_CLOEXEC);
	int r = -EIO;

	if (write(fd, self->page.data, self->page.len) ==
		    (ssize_t)self->page.len &&
	    lseek(fd, 0, SEEK_SET) == 0)
		r = sd_bus_reply_method_return(m, "htu", fd, (uint64_t)3, 2);
	close(fd);
	return r;
}

static int reply(FIXTURE_DATA(stopped) * self, sd_bus_message *m)
{
	if (sd_bus_message_is_method_call(m, NULL, "Get"))
		return reply_property(self, m);
	if (sd_bus_message_is_method_call(m, NULL, "Fetch"))
		return reply_page(self, m);
	if (!sd_bus_message_is_method_call(m, NULL, "Follow"))
		return 0;
	self->n_follows++;
	return sd_bus_reply_method_return(m, "t", (uint64_t)1);
}

static int on_call(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	FIXTURE_DATA(stopped) *self = arg;

	(void)error;
	/* The answer is to the caller, whatever is whose name meanwhile. */
	if (self->last && sd_bus_message_is_method_call(m, NULL, self->last)) {
		self->last = NULL;
		sd_bus_release_name(self->bus, NAME);
	}
	return reply(self, m);
}

static bool serve(FIXTURE_DATA(stopped) * self,
		  bool (*test)(FIXTURE_DATA(stopped) * self, const char *arg),
		  const char *arg)
{
	const uint64_t until = clock_monotonic_ns() + SECONDS * 1000000000ULL;

	while (!test(self, arg)) {
		if (clock_monotonic_ns() > until)
			return false;
		if (sd_bus_process(self->bus, NULL) == 0)
			sd_bus_wait(self->bus, 20000);
	}
	return true;
}

/* ---- the program ----------------------------------------------------------- */

static void start(FIXTURE_DATA(stopped) * self,
		  const FIXTURE_VARIANT(stopped) * variant)
{
	snprintf(self->log, sizeof(self->log), "%s/%s.log", self->r.dir,
		 variant->log);
	variant->start(self);
}

static bool says(FIXTURE_DATA(stopped) * self, const char *text)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };

	return buf_read_file(&b, self->log, 1 << 20) >= 0 && b.data &&
	       strstr(b.data, text);
}

static bool has_followed(FIXTURE_DATA(stopped) * self, const char *arg)
{
	(void)arg;
	return self->n_follows;
}

static bool is_marked(FIXTURE_DATA(stopped) * self, const char *arg)
{
	(void)arg;
	return access(self->mark, F_OK) == 0;
}

/* The bus would start one for whoever does not say otherwise. */
static bool would_start(FIXTURE_DATA(stopped) * self)
{
	sd_bus_call_method_async(self->bus, NULL, NAME, RIG_ROOT,
				 NAME ".Ledger", "Flush", NULL, NULL, "");
	return serve(self, is_marked, NULL);
}

TEST_F_TIMEOUT(stopped, a_daemon_that_is_not_there_is_not_started, 120)
{
	start(self, variant);
	EXPECT_TRUE(serve(self, says, variant->says));
	EXPECT_FALSE(is_marked(self, NULL));
	ASSERT_TRUE(would_start(self));
}

TEST_F_TIMEOUT(stopped, nor_one_that_goes_before_the_next_call, 120)
{
	ASSERT_LE(0, sd_bus_add_filter(self->bus, NULL, on_call, self));
	ASSERT_LE(0, sd_bus_request_name(self->bus, NAME, 0));
	self->last = variant->last;
	start(self, variant);
	EXPECT_TRUE(serve(self, says, variant->says));
	EXPECT_EQ(NULL, self->last);
	EXPECT_FALSE(is_marked(self, NULL));
	/* It goes on with the next one. */
	self->n_follows = 0;
	ASSERT_LE(0, sd_bus_request_name(self->bus, NAME, 0));
	EXPECT_TRUE(serve(self, has_followed, NULL));
	EXPECT_FALSE(is_marked(self, NULL));
}

TEST_HARNESS_MAIN
