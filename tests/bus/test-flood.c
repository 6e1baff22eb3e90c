// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What anybody may put into a stream, in the midst of a ledger: reespec-pgsink
 * takes the ledger, names the rest, stays within its memory and loses nothing
 * on a full disk. REESPEC_SEED draws other messages, FLOOD_MESSAGES says how
 * many.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/seed.h"
#include "bridges/stream.h"
#include "kselftest_harness.h"
#include "ledger/chain.h"

#include "far.h"
#include "writer.h"

#define SEED 20261140u
#define N_MESSAGES 1000
/* More than the sink may have in memory, in the largest messages there are. */
#define N_HUGE 192
#define HUGE_LEN 1000000
#define MEMORY_MAX_KIB (144 * 1024)
#define READING "reespec.mine.l1.reading"

FAR_PROGRAM

FIXTURE(flood)
{
	struct far f;
	struct stream *stream;
	struct writer w;
	struct buf lines[64]; /* of the ledger, the last ones */
	unsigned int n_lines;
	int dir;
	bool is_mounted;
};

/* A mount is the test's own, and ends with it. */
static bool may_mount(void)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

FIXTURE_SETUP(flood)
{
	memset(self, 0, sizeof(*self));
	self->is_mounted = may_mount();
	far_start(&self->f);
	self->dir = open(self->f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	self->stream = far_stream(&self->f);
	if (!self->stream)
		exit(1);
	writer_make(&self->w, self->dir, "one.key");
}

FIXTURE_TEARDOWN(flood)
{
	for (size_t i = 0; i < ARRAY_SIZE(self->lines); i++)
		buf_deinit(&self->lines[i]);
	chain_key_free(self->w.key);
	stream_close(self->stream);
	close(self->dir);
	far_stop(&self->f);
}

static const struct buf *any_line(FIXTURE_DATA(flood) * self)
{
	const unsigned int n = self->n_lines < ARRAY_SIZE(self->lines)
				       ? self->n_lines
				       : ARRAY_SIZE(self->lines);

	return &self->lines[seed_drawn(n)];
}

/* ---- the ledger ------------------------------------------------------------ */

static bool publish_true(FIXTURE_DATA(flood) * self)
{
	const unsigned int i = self->n_lines++ % ARRAY_SIZE(self->lines);
	const char *kind = seed_drawn(8) ? "reading" : "result";
	struct buf *line = &self->lines[i];
	char subject[64];

	if (self->n_lines == 1) {
		kind = "genesis";
		writer_genesis(&self->w, line);
	} else {
		writer_record(&self->w, kind, "\"sample\":\"B\"", line);
	}
	snprintf(subject, sizeof(subject), "reespec.mine.l1.%s", kind);
	return far_publish(self->stream, subject, line->data, line->len);
}

/* ---- what is none of it ---------------------------------------------------- */

static void draw_bytes(FIXTURE_DATA(flood) * self, struct buf *b)
{
	(void)self;
	for (unsigned int n = seed_drawn(2000); n; n--) {
		const char byte = (char)seed_drawn(256);

		buf_append(b, &byte, 1);
	}
}

static void cut_line(FIXTURE_DATA(flood) * self, struct buf *b)
{
	const struct buf *line = any_line(self);

	buf_append(b, line->data, seed_drawn((unsigned int)line->len));
}

static void spoil_line(FIXTURE_DATA(flood) * self, struct buf *b)
{
	const struct buf *line = any_line(self);

	buf_append(b, line->data, line->len);
	for (unsigned int n = 1 + seed_drawn(4); n; n--)
		b->data[seed_drawn((unsigned int)b->len)] ^=
			(char)(1 << seed_drawn(8));
}

static const char *draw_value(void)
{
	static const char *const values[] = {
		"null",
		"true",
		"-1",
		"1e999",
		"\"\"",
		"{}",
		"[[[[[[]]]]]]",
		"\"\\u0000\"",
		"18446744073709551616",
		"\"\\ud800\"",
		"\"0123\"",
		"1.5",
		"\"\\\\\\\"\\n\"",
		"[{}]",
	};

	return values[seed_drawn(ARRAY_SIZE(values))];
}

/* The members of an export line, of any type. */
static void mistype_line(FIXTURE_DATA(flood) * self, struct buf *b)
{
	(void)self;
	buf_printf(b, "{\"prev\":%s,\"hash\":%s,\"sig\":%s,\"body\":%s}",
		   draw_value(), draw_value(), draw_value(), draw_value());
}

/* A line that is whole, and whose hash is right: anybody can make one. */
static void wrap_body(const char *prev, const struct buf *body, struct buf *b)
{
	struct chain_record r = { .body = body->data, .body_len = body->len };

	snprintf(r.prev, sizeof(r.prev), "%s", prev);
	chain_hash(r.prev, body->data, body->len, r.hash);
	chain_write_line(&r, NULL, b);
	b->len--;
}

static void mistype_body(FIXTURE_DATA(flood) * self, struct buf *b)
{
	CLEANUP(buf_deinit) struct buf body = { 0 };

	(void)self;
	buf_printf(&body,
		   "{\"ledger\":%s,\"seq\":%s,\"time\":%s,\"boot\":%s,"
		   "\"mono_ns\":%s,\"kind\":%s,\"uid\":%s}",
		   draw_value(), draw_value(), draw_value(), draw_value(),
		   draw_value(), draw_value(), draw_value());
	wrap_body(CHAIN_GENESIS_PREV, &body, b);
}

/* A number that is to come, behind nothing that is there. */
static void forge_early(FIXTURE_DATA(flood) * self, struct buf *b)
{
	struct writer forger = self->w;

	strcpy(forger.head, CHAIN_GENESIS_PREV);
	forger.seq += 1 + seed_drawn(50);
	writer_record(&forger, "reading", "\"x\":1", b);
}

/* Long in one member. */
static void swell_body(FIXTURE_DATA(flood) * self, struct buf *b)
{
	struct writer forger = self->w;
	struct buf more = { 0 };

	strcpy(forger.head, CHAIN_GENESIS_PREV);
	buf_append_str(&more, "\"x\":\"");
	for (unsigned int n = seed_drawn(3000); n; n--)
		buf_append_str(&more, "012345678901234567890123456789");
	buf_append_str(&more, "\"");
	writer_record(&forger, "reading", more.data, b);
	buf_deinit(&more);
}

static void copy_line(FIXTURE_DATA(flood) * self, struct buf *b)
{
	const struct buf *line = any_line(self);

	buf_append(b, line->data, line->len);
}

static bool publish_hostile(FIXTURE_DATA(flood) * self)
{
	static void (*const make[])(FIXTURE_DATA(flood) *, struct buf *) = {
		draw_bytes,   cut_line,	   spoil_line, mistype_line,
		mistype_body, forge_early, swell_body, copy_line,
	};
	static const char *const subjects[] = {
		READING,
		READING,
		"reespec.mine.l1",
		"reespec.mine.l1.result",
		"reespec.other.l1.reading",
		"reespec.mine.l1.reading.more",
		"reespec.\x1b[31m.\xff\xfe.reading",
	};
	CLEANUP(buf_deinit) struct buf b = { 0 };

	make[seed_drawn(ARRAY_SIZE(make))](self, &b);
	return far_publish(self->stream,
			   subjects[seed_drawn(ARRAY_SIZE(subjects))],
			   b.data ? b.data : "", b.len);
}

static bool publish_huge(FIXTURE_DATA(flood) * self)
{
	char *big = malloc(HUGE_LEN);
	bool is_ok = true;

	for (int i = 0; i < N_HUGE && is_ok; i++) {
		memset(big, "[x{\""[i % 4], HUGE_LEN);
		big[0] = (char)i;
		is_ok = far_publish(self->stream, READING, big, HUGE_LEN);
	}
	free(big);
	return is_ok;
}

/* ---- the sink -------------------------------------------------------------- */

/* The most memory a program that runs has had, in KiB. */
static unsigned long peak_kib(pid_t pid)
{
	unsigned long kib = 0;
	char path[64];
	char line[200];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

static void trust_one_key(FIXTURE_DATA(flood) * self)
{
	struct far *f = &self->f;
	char path[300];
	FILE *file;

	snprintf(f->sink_keys, sizeof(f->sink_keys), "%s/keys", f->dir);
	mkdir(f->sink_keys, 0755);
	snprintf(path, sizeof(path), "%s/mine", f->sink_keys);
	file = fopen(path, "w");
	fprintf(file, "%s\n", self->w.public);
	fclose(file);
}

TEST_F_TIMEOUT(flood, a_ledger_comes_through_what_anybody_sends, 1800)
{
	const char *number = getenv("FLOOD_MESSAGES");
	const int n = number ? atoi(number) : N_MESSAGES;
	const unsigned int seed = seed_of(SEED);
	struct far *f = &self->f;
	char last[24];
	int n_true;

	srandom(seed);
	rig_kill(&f->sink_pid, SIGKILL);
	trust_one_key(self);
	ASSERT_TRUE(publish_true(self));
	for (int i = 0; i < n; i++)
		ASSERT_TRUE(seed_drawn(4) ? publish_hostile(self)
					  : publish_true(self));
	ASSERT_TRUE(publish_huge(self));
	n_true = (int)self->w.seq;
	snprintf(last, sizeof(last), "%d", 1 + N_HUGE + n);

	far_start_sink(f, "");
	while (!far_wait(f, last, "SELECT seq FROM reespec.position"))
		ASSERT_EQ(0, waitpid(f->sink_pid, NULL, WNOHANG));
	EXPECT_TRUE(far_has_ledger(f, self->w.id, self->w.seq));
	EXPECT_STREQ(self->w.head,
		     far_ask(f, "SELECT head FROM reespec.ledger"));
	EXPECT_STREQ("1", far_ask(f, "SELECT count(*) FROM reespec.ledger"));
	EXPECT_STREQ("t", far_ask(f, "SELECT sum(octet_length(message))"
				     " <= 64 * 1048576 FROM reespec.refused"));
	/* It is the one that was started: nothing killed it. */
	EXPECT_EQ(0, waitpid(f->sink_pid, NULL, WNOHANG));
	EXPECT_GT(peak_kib(f->sink_pid), 0);
	EXPECT_LT(peak_kib(f->sink_pid), MEMORY_MAX_KIB);
	TH_LOG("seed %u: %d messages, %d of the ledger, %d of %d bytes; the sink had %lu KiB at most",
	       seed, 1 + N_HUGE + n, n_true, N_HUGE, HUGE_LEN,
	       peak_kib(f->sink_pid));
	TH_LOG("refused: %s",
	       far_ask(f, "SELECT string_agg(verdict || ' ' || n, ', ')"
			  " FROM (SELECT verdict, count(*) AS n FROM"
			  " reespec.refused GROUP BY verdict ORDER BY 1) v"));
}

/* Records have a file system of their own, of two megabytes. */
TEST_F_TIMEOUT(flood, waits_for_a_disk_with_room, 180)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	CLEANUP(buf_deinit) struct buf more = { 0 };
	struct far *f = &self->f;
	char path[100];

	if (!self->is_mounted)
		SKIP(return, "may not mount a small file system");
	snprintf(path, sizeof(path), "%s/small", f->dir);
	ASSERT_EQ(0, mkdir(path, 0755));
	ASSERT_EQ(0, mount("none", path, "tmpfs", 0,
			   "size=2m,mode=0700,uid=65534,gid=65534"));
	ASSERT_TRUE(
		far_wait(f, FAR_VERSION, "SELECT number FROM reespec.version"));
	far_ask(f, "CREATE TABLESPACE small LOCATION '%s'", path);
	far_ask(f, "ALTER TABLE reespec.record SET TABLESPACE small");
	ASSERT_STREQ("small", far_ask(f, "SELECT tablespace FROM pg_tables"
					 " WHERE tablename = 'record'"));
	buf_append_str(&more, "\"x\":\"");
	for (int i = 0; i < 4000; i++)
		buf_printf(&more, "%x", seed_drawn(1 << 30));
	buf_append_str(&more, "\"");
	writer_genesis(&self->w, &line);
	ASSERT_TRUE(far_publish(self->stream, "reespec.mine.l1.genesis",
				line.data, line.len));
	for (int i = 0; i < 100; i++) {
		writer_record(&self->w, "reading", more.data, &line);
		ASSERT_TRUE(far_publish(self->stream, READING, line.data,
					line.len));
	}
	EXPECT_TRUE(far_sink_says(f, "No space left on device; trying again"));
	ASSERT_EQ(0, mount("none", path, "tmpfs", MS_REMOUNT,
			   "size=64m,mode=0700,uid=65534,gid=65534"));
	EXPECT_TRUE(far_has_ledger(f, self->w.id, self->w.seq));
	EXPECT_TRUE(far_sink_says(f, "both sides are there again"));
	EXPECT_STREQ("0", far_ask(f, "SELECT count(*) FROM reespec.refused"));
	umount2(path, MNT_DETACH);
}

TEST_HARNESS_MAIN
