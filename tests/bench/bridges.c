// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bridges: what one record costs from the stream into the database, with 1, 10
 * and 40 ledgers of a record a second each, and how fast a backlog goes, beside
 * the same bytes by plain INSERTs in transactions of the same size.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "bus/far.h"
#include "bus/writer.h"

#define LEDGERS_MAX 40
#define SECONDS 10
#define BACKLOG 4000
#define PAGE 256
/* About what a reading has. */
#define READING                                                          \
	"\"assay\":\"2\",\"n\":1,\"live_s\":1.0,\"real_s\":1.02,\"fast_" \
	"count\":147238,\"slow_count\":74310,\"fast_cps\":147238.0,"     \
	"\"slow_cps\":74310.0,\"dead\":0.495,\"detector_k\":220.0,"      \
	"\"board_c\":31.0,\"hv_v\":-110.0,\"lost\":0,\"flags\":[],"      \
	"\"estimate\":{\"Ce\":[34500.0,1200.0],\"La\":[24540.0,790.0],"  \
	"\"Nd\":[8880.0,330.0],\"Pr\":[3020.0,200.0],\"Y\":[65.8,5.2]}"

FAR_PROGRAM

static struct far far;
static struct stream *stream;
static struct writer writers[LEDGERS_MAX];

static double now_s(void)
{
	return bench_clock_s(CLOCK_MONOTONIC);
}

/* Of a process that is running, user and system. */
static double cpu_s(pid_t pid)
{
	unsigned long user = 0, system = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (!f ||
	    fscanf(f,
		   "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		   &user, &system) != 2)
		bench_die(path);
	fclose(f);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void publish(struct writer *w, const char *kind, const struct buf *line)
{
	char subject[64];
	uint64_t seq;
	char id[64];

	snprintf(subject, sizeof(subject), "reespec.bench.l1.%s", kind);
	snprintf(id, sizeof(id), "%s:%" PRIu64, w->id, w->seq);
	if (stream_publish(stream, subject, id, line->data, line->len, &seq))
		bench_die(stream_why(stream));
}

static void publish_next(struct writer *w)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };

	writer_record(w, "reading", READING, &line);
	publish(w, "reading", &line);
}

static void wait_rows(uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	if (!far_wait(&far, text, "SELECT count(*) FROM reespec.record"))
		bench_die("the records do not arrive");
}

/* A record a second from each of @n ledgers, evenly. */
static void run_steady(int n, uint64_t *n_rows)
{
	const double start = now_s();
	double sink = cpu_s(far.sink_pid);
	double server = cpu_s(far.nats_pid);
	char who[24];
	double late;

	for (int i = 0; i < n * SECONDS; i++) {
		const double due = start + (double)i / n;
		const double wait = due - now_s();

		if (wait > 0)
			usleep((useconds_t)(wait * 1e6));
		publish_next(&writers[i % n]);
	}
	late = now_s();
	*n_rows += (uint64_t)(n * SECONDS);
	wait_rows(*n_rows);
	snprintf(who, sizeof(who), "%d ledgers", n);
	bench_tell("reespec-pgsink, % of a core", who,
		   (cpu_s(far.sink_pid) - sink) / SECONDS * 100);
	bench_tell("nats-server, % of a core", who,
		   (cpu_s(far.nats_pid) - server) / SECONDS * 100);
	bench_tell("last record in the database, ms", who,
		   (now_s() - late) * 1e3);
}

/* All of it is in the stream before the sink begins. */
static void run_backlog(uint64_t *n_rows)
{
	double start, cpu;

	rig_kill(&far.sink_pid, SIGKILL);
	start = now_s();
	cpu = bench_clock_s(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < BACKLOG; i++)
		publish_next(&writers[i % LEDGERS_MAX]);
	bench_tell("published one at a time, records/s", "reespec",
		   BACKLOG / (now_s() - start));
	bench_tell("publishing one, CPU us", "reespec",
		   (bench_clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu) / BACKLOG *
			   1e6);
	far_start_sink(&far, "");
	start = now_s();
	*n_rows += BACKLOG;
	wait_rows(*n_rows);
	bench_tell("a backlog into the database, records/s", "reespec",
		   BACKLOG / (now_s() - start));
}

/* The same rows, unchecked, by one who has them in hand. */
static void run_plain(void)
{
	double start;

	far_ask(&far, "CREATE TABLE plain (LIKE reespec.record"
		      " INCLUDING INDEXES)");
	start = now_s();
	for (int i = 0; i < BACKLOG; i++) {
		if (i % PAGE == 0)
			far_ask(&far, "BEGIN");
		far_ask(&far,
			"INSERT INTO plain SELECT '%d', seq, time, kind, serial,"
			" simulated, uid, prev, hash, sig, body, bytes"
			" FROM reespec.record WHERE ledger = '%s' AND seq = %d",
			i, writers[i % LEDGERS_MAX].id, 2);
		if (i % PAGE == PAGE - 1 || i == BACKLOG - 1)
			far_ask(&far, "COMMIT");
	}
	bench_tell("a backlog into the database, records/s", "plain INSERT",
		   BACKLOG / (now_s() - start));
}

int main(void)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	uint64_t n_rows = LEDGERS_MAX;
	int dir;

	far_start(&far);
	dir = open(far.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	stream = far_stream(&far);
	if (dir < 0 || !stream)
		return 1;
	for (int i = 0; i < LEDGERS_MAX; i++) {
		writer_make(&writers[i], dir, "bench.key");
		writer_genesis(&writers[i], &line);
		publish(&writers[i], "genesis", &line);
	}
	wait_rows(n_rows);
	run_steady(1, &n_rows);
	run_steady(10, &n_rows);
	run_steady(LEDGERS_MAX, &n_rows);
	run_backlog(&n_rows);
	run_plain();
	stream_close(stream);
	close(dir);
	far_stop(&far);
	return 0;
}
